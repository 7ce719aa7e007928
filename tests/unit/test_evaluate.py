"""What the evaluator does around the guardrails: subjects, membership, protection, freshness, deployers, exemptions."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.clouds.memory import MemoryIam
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.finding import Judged, Trigger, Unknown, Workload
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import When
from ringfence.domain.state import Facet, Fact, FactKind, State
from ringfence.engine.discovery import membership
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import NotReadError
from ringfence.guardrails import aws_admin_policy_on_ai_identity, remediator_tampered
from ringfence.settings import Deployment
from ringfence.sources import normalise
from tests.support.cases import DEPLOYMENT, counted, event_file, settings_of, state_of
from tests.support.jobs import ADMIN, NOW

NOTEBOOK = {"role": "AmazonSageMaker-ExecutionRole-20260101T120000", "attached": ["arn:aws:iam::aws:policy/AdministratorAccess"]}


def attach_event(**changes: Any) -> Event:
    (event,) = normalise(event_file("aws/cloudtrail/AttachRolePolicy.json"))
    return msgspec.structs.replace(event, **changes)


def whens(event: Event, settings: dict[str, Any] | None = None, later: timedelta = timedelta(minutes=1), **state: Any) -> list[When]:
    made = state_of({**NOTEBOOK, **state})
    assert made is not None
    judgement = Evaluator(settings_of(settings), MemoryIam(made), census=counted).judge(event, NOW + later)
    return [p.when for planned in judgement.planned for p in planned.steps]


@pytest.mark.parametrize(
    ("later", "when"),
    [
        (timedelta(0), When.ACT),
        (timedelta(minutes=14, seconds=59), When.ACT),
        (timedelta(minutes=15), When.ASK),
        (timedelta(minutes=-1), When.ACT),
        (timedelta(minutes=-1, seconds=-1), When.ASK),
    ],
)
def test_freshness_ends_at_the_window(later: timedelta, when: When) -> None:
    assert whens(attach_event(), later=later) == [when]


def test_an_event_without_a_time_is_never_fresh() -> None:
    assert whens(attach_event(time=None)) == [When.ASK]


def test_a_deployers_critical_change_is_reversed_all_the_same() -> None:
    assert whens(attach_event(), {"deployers": ["arn:aws:iam::*:user/ana"]}) == [When.ACT]


def test_observe_on_the_deployment_caps_every_override() -> None:
    event = attach_event()
    strict = {"defaults": {"mode": "observe"}, "guardrails": {"aws-admin-policy-on-ai-identity": {"mode": "strict"}}}
    assert whens(event, strict) == [When.NEVER]
    made = state_of(NOTEBOOK)
    assert made is not None
    offline = msgspec.structs.replace(settings_of(strict), deployment=msgspec.structs.replace(DEPLOYMENT, own_roles=()))
    judgement = Evaluator(offline, MemoryIam(made), census=counted).judge(event, NOW)
    assert [p.when for planned in judgement.planned for p in planned.steps] == [When.ACT], "offline it shows what the override would do"


def test_an_event_that_nobody_hears_is_quiet_and_says_so() -> None:
    judgement = Evaluator(settings_of(None), None, census=counted).judge(attach_event(name="CreateBucket"), NOW)
    assert judgement.outcome is Outcome.QUIET
    assert "no guardrail hears CreateBucket" in judgement.reason


def test_an_event_that_names_no_identity_needs_state() -> None:
    judgement = Evaluator(settings_of(None), None, census=counted).judge(attach_event(subject=None, parameters={}), NOW)
    assert judgement.outcome is Outcome.NEEDS_STATE


def test_holders_that_nobody_knows_need_state() -> None:
    class Nobody(MemoryIam):
        def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
            assert (identity.kind is Kind.POLICY) == (Facet.MEMBERS in wanted.facets), identity
            return Absence.GONE

    (event,) = normalise(event_file("aws/cloudtrail/CreatePolicyVersion.json"))
    assert Evaluator(settings_of(None), Nobody(), census=counted).judge(event, NOW).outcome is Outcome.NEEDS_STATE


def test_the_gravest_holder_speaks_for_the_event() -> None:
    arn = "arn:aws:iam::123456789012:policy/ml/feature-store"
    ai, web = state_of({"role": "AmazonBedrockAgentCore-x", "attached": [arn]}), state_of({"role": "web", "attached": [arn]})
    assert ai is not None
    assert web is not None
    (event,) = normalise(event_file("aws/cloudtrail/CreatePolicyVersion.json"))
    judgement = Evaluator(settings_of(None), MemoryIam(web, ai), census=counted).judge(event, NOW)
    assert judgement.outcome is Outcome.FINDING
    assert [i.name for i in judgement.identities] == ["web", "AmazonBedrockAgentCore-x"]
    assert [p.finding.identity.name for p in judgement.planned] == ["AmazonBedrockAgentCore-x"]


def role(name: str = "r", **more: Any) -> State:
    made = state_of({"role": name, **more})
    assert made is not None
    return made


@pytest.mark.parametrize(
    ("state", "workload"),
    [
        (role(trusted_by="sagemaker.amazonaws.com"), Workload.TRAINING),
        (role(trusted_by=["ec2.amazonaws.com", "job.sagemaker.amazonaws.com"]), Workload.TRAINING),
        (role(trusted_by="bedrock.amazonaws.com"), Workload.INFERENCE),
        (role(trusted_by="bedrock-agentcore.amazonaws.com"), Workload.AGENT),
        (role("datazone_usr_role_a_b"), Workload.NOTEBOOK),
        (role(tags={"ai-project": "x"}), Workload.UNKNOWN),
        (role(attached=["arn:aws:iam::aws:policy/AmazonBedrockReadOnly"]), Workload.UNKNOWN),
        (role(attached=["arn:aws:iam::123456789012:policy/AmazonBedrockReadOnly"]), None),
        (role(trusted_by="ec2.amazonaws.com"), None),
    ],
)
def test_discovery_without_a_configuration(state: State, workload: Workload | None) -> None:
    found = membership(state.identity, state, settings_of(None))
    assert not isinstance(found, Unknown)
    assert (found.workload if found else None) == workload


def test_without_a_state_membership_is_unknown_not_no() -> None:
    assert isinstance(membership(role("r").identity, None, settings_of(None)), Unknown)


def test_a_denied_or_odd_trust_discovers_nobody() -> None:
    trust = {
        "Statement": [
            {"Effect": "Deny", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"},
        ]
    }
    state = msgspec.structs.replace(role("r"), trust=trust)
    assert membership(state.identity, state, settings_of(None)) is None


def test_the_most_specific_claim_wins() -> None:
    projects = [
        {"name": "everywhere", "aws": {"accounts": ["*"]}},
        {"name": "tagged", "aws": {"tags": {"team": "ml"}}},
        {
            "name": "named",
            "aws": {
                "roles": {"training": ["arn:aws:iam::*:role/train-*"]},
                "humans": {"permission_sets": ["DataScientist"], "users": ["ana"]},
            },
        },
    ]
    settings = settings_of({"projects": projects})

    def project(state: State) -> str:
        found = membership(state.identity, state, settings)
        assert found is not None
        assert not isinstance(found, Unknown)
        return f"{found.project.name}/{found.workload}"

    assert project(role("train-1", tags={"team": "ml"})) == "named/training"
    assert project(role("train-1", path="/deep/")) == "named/training"
    assert project(role("other", tags={"team": "ml"})) == "tagged/unknown"
    assert project(role("other", tags={"team": "web"})) == "everywhere/unknown"
    assert project(role("AWSReservedSSO_DataScientist_0123")) == "named/human"
    ana, bo = state_of({"user": "ana"}), state_of({"user": "bo", "login": False})
    assert ana is not None
    assert bo is not None
    assert project(ana) == "named/human"
    assert project(bo) == "everywhere/unknown"


def test_what_was_not_read_is_never_taken_for_absent() -> None:
    state = State(identity=role().identity)
    for kind in (FactKind.ATTACHED, FactKind.INLINE, FactKind.ACCESS_KEY):
        with pytest.raises(NotReadError, match="not read"):
            state.value(Fact(kind, "x"))
    assert state.value(Fact(FactKind.BOUNDARY, "boundary")) is None


def test_only_what_is_needed_is_read() -> None:
    asked: dict[str, Wanted] = {}

    class Counting(MemoryIam):
        def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
            assert identity.name not in asked
            asked[identity.name] = wanted
            return super().read(identity, wanted)

    made = state_of(NOTEBOOK)
    assert made is not None
    of_who_did_it = msgspec.structs.replace(
        remediator_tampered.GUARDRAIL,
        triggers=(Trigger(Source.CLOUDTRAIL, "AttachRolePolicy", Judged.ACTOR),),
        reads=frozenset({Facet.ATTACHED}),
    )
    heard = (aws_admin_policy_on_ai_identity.GUARDRAIL, of_who_did_it)
    Evaluator(settings_of(None), Counting(made), heard, census=counted).judge(attach_event(), NOW)
    assert asked.keys() == {NOTEBOOK["role"], "ana"}
    assert asked["ana"] == Wanted(frozenset({Facet.ATTACHED, Facet.LOGIN})), "who did it is read to know what it is for, and no more"
    wanted = asked[str(NOTEBOOK["role"])]
    assert Facet.KEYS not in wanted.facets
    assert Facet.MFA not in wanted.facets
    assert wanted.documents == ("arn:aws:iam::aws:policy/AdministratorAccess",)


@pytest.mark.parametrize("tag", ["break-glass", "protected", "ringfence", "ringfence:protected", "never_touch", "exempt"])
def test_a_tag_of_its_own_protects_nobody(tag: str) -> None:
    state = role("fraud-train", attached=[ADMIN], tags={tag: "true"}, trusted_by="sagemaker.amazonaws.com")
    event = event_file("aws/cloudtrail/AttachRolePolicy.json")
    event["detail"]["requestParameters"] = {"roleName": "fraud-train", "policyArn": ADMIN}
    (parsed,) = normalise(event)
    (planned,) = Evaluator(settings_of(None), MemoryIam(state), census=counted).judge(parsed, parsed.time or NOW).planned
    assert planned.steps
    assert not planned.out_of_reach


def test_without_a_census_a_deployment_takes_nothing_for_fresh() -> None:
    """To give somebody again what they have had for long is a bait; without a census nobody knows what they had."""
    made = state_of(NOTEBOOK)
    assert made is not None
    for settings, wanted in (
        (settings_of(None), When.ASK),
        (msgspec.structs.replace(settings_of(None), deployment=Deployment()), When.ACT),
    ):
        (planned,) = Evaluator(settings, MemoryIam(made)).judge(attach_event(), NOW).planned
        assert [p.when for p in planned.steps] == [wanted]
