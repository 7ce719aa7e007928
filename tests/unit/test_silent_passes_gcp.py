"""What once ended as quiet on Google Cloud although something stood: each way was found by somebody who looked for it."""

import copy
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ringfence import wiring_gcp as wiring
from ringfence.clouds.memory import MemoryIam
from ringfence.domain.binding import Binding, bindings_of
from ringfence.domain.event import Event, Outcome
from ringfence.domain.finding import Case, Unknown, Workload
from ringfence.domain.identity import Identity
from ringfence.domain.member import parse_member
from ringfence.domain.state import State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.engine.ports import Absence, Wanted
from ringfence.guardrails._gcp_outside import outside
from ringfence.settings import Settings
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, settings_of
from tests.support.google.deployed import Deployed, deployed
from tests.support.workspace import slack_settings

P = "projects/fraud-ml-prod"
TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
WHOLE = {"projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"]}}]}
NAMED = {"projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod"], "service_accounts": {"training": ["train@*"]}}}]}
AT = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)


def entry(*deltas: dict[str, Any], base: str = "SetIamPolicy") -> dict[str, Any]:
    raw: dict[str, Any] = copy.deepcopy(event_file(f"gcp/audit_log/{base}.json"))
    raw["protoPayload"]["serviceData"] = {"policyDelta": {"bindingDeltas": list(deltas)}}
    return raw


def add(member: str, role: str = "roles/owner") -> dict[str, str]:
    return {"action": "ADD", "role": role, "member": member}


class Gone(MemoryIam):
    """Knows the policy, and says of every principal that there is none."""

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        return super().read(identity, wanted) if identity.arn == P else Absence.GONE


def judge(raw: dict[str, Any], given: dict[str, Any], reader: MemoryIam | None = None) -> Judgement:
    (event,) = normalise(raw)
    return Evaluator(settings_of(given), reader, census=counted).judge(event, AT)


def project(*bindings: Binding) -> State:
    return State(identity=Identity.resource(P, "fraud-ml-prod"), bindings=bindings)


ANA = Binding("roles/owner", "user:ana@example.com")


@pytest.mark.parametrize("stands", [TRAIN, TRAIN.replace("train", "Train"), f"deleted:{TRAIN}?uid=1"])
def test_a_grant_that_stands_is_judged_though_nobody_of_that_name_is_there(stands: str) -> None:
    judged = judge(entry(add(TRAIN)), WHOLE, Gone(project(ANA, Binding("roles/owner", stands))))
    assert judged.outcome is Outcome.FINDING
    assert {s.step.call.parameters["remove"]["member"] for p in judged.planned for s in p.steps} == {stands}


def test_nobody_is_judged_who_is_gone_and_whose_grant_is_gone() -> None:
    for policy in (project(ANA), project(ANA, Binding("roles/viewer", TRAIN))):
        judged = judge(entry(add(TRAIN)), WHOLE, Gone(policy))
        assert (judged.outcome, "does not exist any more" in judged.reason) == (Outcome.QUIET, True)


def test_where_the_policy_was_not_read_a_missing_account_is_no_all_clear() -> None:
    assert judge(entry(add(TRAIN)), WHOLE, Gone()).outcome is Outcome.FINDING


@pytest.fixture
def cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    import msgspec

    settings = msgspec.structs.replace(
        slack_settings(), slack=None, projects=settings_of(WHOLE).projects, config_hash="t", deployment=Settings().deployment
    )
    with deployed(monkeypatch, tmp_path, settings) as found:
        found.google.grant(P, "roles/owner", "user:ana@example.com")
        yield found


@pytest.mark.enable_socket
@pytest.mark.parametrize("address", ["999-compute@developer.gserviceaccount.com", "evil-proj-1@appspot.gserviceaccount.com"])
def test_a_default_account_of_another_project_loses_what_it_was_granted(cloud: Deployed, address: str) -> None:
    cloud.google.project("evil-proj-1", number="999")
    cloud.google.account("evil-proj-1", address)
    cloud.google.grant(P, "roles/owner", f"serviceAccount:{address}")
    assert cloud.push("evaluate", entry(add(f"serviceAccount:{address}"))) == 204
    cloud.carry()
    assert [b.member for b in bindings_of(cloud.google.policy(P))] == ["user:ana@example.com"]


@pytest.mark.enable_socket
def test_an_account_that_is_deleted_after_its_grant_is_somebodys_to_look_at(cloud: Deployed) -> None:
    member = "serviceAccount:sleeper@fraud-ml-prod.iam.gserviceaccount.com"
    cloud.google.account("fraud-ml-prod", "sleeper")
    cloud.google.grant(P, "roles/owner", member)
    cloud.google.accounts.remove("sleeper@fraud-ml-prod.iam.gserviceaccount.com")
    assert cloud.push("evaluate", entry(add(member))) == 204
    cloud.carry()
    assert [j.guardrail for j in wiring.store().jobs() if j.guardrail != "canary"] == ["gcp-admin-role-on-ai-principal"]


@pytest.mark.enable_socket
def test_a_default_account_that_is_not_found_is_not_known_but_that_of_the_project_at_hand_is_gone(cloud: Deployed) -> None:
    reader, wanted = wiring.reader(), Wanted(frozenset())
    for account, address, said in (
        ("fraud-ml-prod", "7-compute@developer.gserviceaccount.com", Absence.NOT_KNOWN),
        ("fraud-ml-prod", "shop@appspot.gserviceaccount.com", Absence.NOT_KNOWN),
        ("fraud-ml-prod", "fraud-ml-prod@appspot.gserviceaccount.com", Absence.GONE),
        ("fraud-ml-prod", "nobody@fraud-ml-prod.iam.gserviceaccount.com", Absence.GONE),
    ):
        assert reader.read(Identity.member(f"serviceAccount:{address}", account), wanted) is said, address


@pytest.mark.parametrize(
    ("delta", "base"),
    [
        (add("user:eve@gmail.com"), "SetIamPolicy"),
        (add("allUsers", "roles/aiplatform.admin"), "SetIamPolicy"),
        (add("user:eve@example.net", "roles/iam.serviceAccountTokenCreator"), "SetIamPolicy"),
        (add("allUsers", "roles/storage.objectViewer"), "setIamPermissions"),
    ],
)
def test_what_is_granted_in_a_declared_project_is_judged_whoever_it_names(delta: dict[str, str], base: str) -> None:
    assert judge(entry(delta, base=base), NAMED).outcome is Outcome.FINDING
    elsewhere = entry(delta, base=base)
    elsewhere["resource"]["labels"]["project_id"] = "shop"
    elsewhere["protoPayload"]["resourceName"] = elsewhere["protoPayload"]["resourceName"].replace("fraud-ml-prod", "shop")
    assert judge(elsewhere, NAMED).outcome is Outcome.QUIET


def test_the_grant_counts_by_the_project_in_which_it_is_made() -> None:
    vertex = add("serviceAccount:vertex-x@lab.iam.gserviceaccount.com")
    (planned,) = [p for p in judge(entry(vertex), NAMED).planned if p.finding.guardrail == "gcp-admin-role-on-ai-principal"]
    assert planned.finding.project == "fraud"


def test_without_a_grant_nobody_is_of_a_project_that_names_others() -> None:
    key = copy.deepcopy(event_file("gcp/audit_log/CreateServiceAccountKey.json"))
    assert judge(key, NAMED).outcome is Outcome.FINDING
    key["resource"]["labels"]["email_id"] = "web@fraud-ml-prod.iam.gserviceaccount.com"
    key["protoPayload"]["response"]["name"] = "projects/fraud-ml-prod/serviceAccounts/web@fraud-ml-prod.iam.gserviceaccount.com/keys/ab"
    assert judge(key, NAMED).outcome is Outcome.QUIET


@pytest.mark.parametrize(
    ("action", "heard"), [("ADD", True), ("", True), ("ACTION_UNSPECIFIED", True), (1, True), ("REMOVE", False), (2, False)]
)
def test_what_does_not_say_that_it_takes_away_gives(action: object, heard: bool) -> None:
    raw = entry({**add(TRAIN), "action": action})
    assert (judge(raw, WHOLE).outcome is Outcome.FINDING) is heard


def whom(
    member: str, given: dict[str, Any], *, account: str = "fraud-ml-prod", state: bool = False, policy: tuple[Binding, ...] = ()
) -> Any:
    settings, identity = settings_of(given), Identity.member(member, account)
    (event,) = normalise(entry(add(member, "roles/viewer")))
    case = Case(
        identity=identity,
        event=Event(source=event.source, name="x", id="", time=None, account=account, parameters=event.parameters),
        state=State(identity=identity, enabled=True) if state else None,
        target_state=project(*policy) if policy else None,
        project=settings.projects[0],
        workload=Workload.UNKNOWN,
        settings=settings,
        now=AT,
    )
    found = outside(case, parse_member(member))
    return None if isinstance(found, Unknown) else bool(found)


SAYS = {**NAMED, "deployers": ["serviceAccount:terraform@infra.iam.gserviceaccount.com"]}
NUMBERED: dict[str, Any] = {"projects": [{"name": "fraud", "gcp": {"projects": ["fraud-ml-prod", "123"]}}]}
DOMAINS: dict[str, Any] = {
    "trusted": {"gcp_domains": ["example.com"]},
    "projects": [{"name": "fraud", "aws": {"accounts": ["123456789012"]}}],
}
POOL = "principalSet://iam.googleapis.com/projects/{}/locations/global/workloadIdentityPools/p/*"
AGENT = "serviceAccount:service-{}@gcp-sa-aiplatform.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("member", "given", "more", "says"),
    [
        ("serviceAccount:x@evil-proj-1.iam.gserviceaccount.com", WHOLE, {}, True),
        ("serviceAccount:x@evil-proj-1.iam.gserviceaccount.com", DOMAINS, {}, None),
        (TRAIN, WHOLE, {}, False),
        ("serviceAccount:terraform@infra.iam.gserviceaccount.com", SAYS, {}, False),
        ("serviceAccount:train@other.iam.gserviceaccount.com", SAYS, {}, False),
        ("serviceAccount:x@shop.iam.gserviceaccount.com", WHOLE, {"account": "shop"}, False),
        ("serviceAccount:999-compute@developer.gserviceaccount.com", WHOLE, {}, None),
        ("serviceAccount:999-compute@developer.gserviceaccount.com", WHOLE, {"state": True}, False),
        ("serviceAccount:999-compute@developer.gserviceaccount.com", NUMBERED, {}, True),
        ("serviceAccount:123-compute@developer.gserviceaccount.com", NUMBERED, {}, False),
        ("serviceAccount:evil-proj-1@appspot.gserviceaccount.com", WHOLE, {}, True),
        ("serviceAccount:fraud-ml-prod@appspot.gserviceaccount.com", WHOLE, {}, False),
        ("serviceAccount:fraud-ml-prod.svc.id.goog[ns/ksa]", WHOLE, {}, False),
        ("serviceAccount:evil-proj-1.svc.id.goog[ns/ksa]", WHOLE, {}, True),
        ("serviceAccount:service-1@evil-proj-1.iam.gserviceaccount.com", WHOLE, {}, True),
        (AGENT.format("123"), NUMBERED, {}, False),
        (AGENT.format("999"), NUMBERED, {}, True),
        (AGENT.format("999"), WHOLE, {}, None),
        (AGENT.format("123"), WHOLE, {"policy": (Binding("roles/aiplatform.serviceAgent", AGENT.format("123")),)}, False),
        (AGENT.format("999"), WHOLE, {"policy": (Binding("roles/aiplatform.serviceAgent", AGENT.format("123")),)}, True),
        (POOL.format("123"), NUMBERED, {}, False),
        (POOL.format("999"), NUMBERED, {}, True),
        (POOL.format("999"), WHOLE, {}, None),
        (POOL.format("999"), WHOLE, {"account": "123"}, True),
        ("principalSet://cloudresourcemanager.googleapis.com/organizations/666", WHOLE, {}, None),
        ("somethingNew:x", WHOLE, {}, None),
        ("user:nobody", WHOLE, {}, None),
        ("projectOwner:fraud-ml-prod", WHOLE, {}, False),
        ("projectOwner:evil-proj-1", WHOLE, {}, True),
        ("allUsers", WHOLE, {}, True),
        ("user:eve@gmail.com", WHOLE, {}, True),
        ("group:all@googlegroups.com", WHOLE, {}, True),
        ("user:bo@example.net", WHOLE, {}, False),
        ("user:bo@example.net", DOMAINS, {}, True),
        (
            "serviceAccount:x@evil-proj-1.iam.gserviceaccount.com",
            {"projects": [{"name": "a", "aws": {"accounts": ["123456789012"]}}]},
            {},
            False,
        ),
        ("serviceAccount:x@evil-proj-1.iam.gserviceaccount.com", {"projects": [{"name": "a", "gcp": {"projects": ["*"]}}]}, {}, False),
    ],
)
def test_who_is_outside(member: str, given: dict[str, Any], more: dict[str, Any], says: bool | None) -> None:
    assert whom(member, given, **more) is says


def finding(**access: Any) -> dict[str, Any]:
    raw: dict[str, Any] = copy.deepcopy(event_file("gcp/scc/agent-signjwt.json"))
    raw["finding"]["access"] = access
    return raw


@pytest.mark.parametrize(
    "access",
    [
        {"principalEmail": "train@fraud-ml-prod.iam.gserviceaccount.com", "userAgent": "sra-remediated-event-time ringfence-job"},
        {"principalEmail": "sra-remediated-event-time@fraud-ml-prod.iam.gserviceaccount.com"},
    ],
)
def test_a_mark_counts_only_where_marks_are(access: dict[str, str]) -> None:
    raw = finding(**access)
    assert judge(raw, WHOLE).outcome is Outcome.FINDING
    raw["finding"]["securityMarks"] = {"name": "x", "marks": {"sra-remediated-event-time": "t"}}
    assert judge(raw, WHOLE).outcome is Outcome.IGNORED


@pytest.mark.parametrize(
    "address",
    [
        "z@a/../payments@fraud-ml-prod.iam.gserviceaccount.com",
        "z@x.iam.gserviceaccount.com/../payments@fraud-ml-prod.iam.gserviceaccount.com",
        "@/%2e%2e/payments@fraud-ml-prod.iam.gserviceaccount.com",
        "serviceAccount:payments@fraud-ml-prod.iam.gserviceaccount.com",
        "a@b",
        "a b@example.com",
        "a@example.com\n",
    ],
)
def test_what_is_no_address_names_nobody(address: str) -> None:
    subject = f"serviceAccount:{address}"
    for raw in (finding(principalEmail=address), finding(principalSubject=subject), {**finding()}):
        if not raw["finding"]["access"]:
            raw["finding"]["iamBindings"] = [{"action": "ADD", "role": "roles/owner", "member": subject}]
        (event,) = normalise(raw)
        assert event.subject is None
        assert judge(raw, WHOLE).outcome is Outcome.NEEDS_STATE


@pytest.mark.parametrize(
    ("member", "named"),
    [
        ("group:all-staff@example.com", False),
        ("domain:example.com", False),
        ("allUsers", False),
        ("principalSet://iam.googleapis.com/projects/9/locations/global/workloadIdentityPools/p/*", False),
        (f"deleted:{TRAIN}?uid=1", False),
        (TRAIN, True),
        ("user:bo@example.com", True),
        ("principal://agents.global.org-1.system.id.goog/resources/aiplatform/projects/4/locations/l/reasoningEngines/1", True),
    ],
)
def test_whom_a_binding_names_did_something_only_where_it_is_one(member: str, named: bool) -> None:
    raw = finding()
    raw["finding"]["iamBindings"] = [{"action": "ADD", "role": "roles/owner", "member": member}]
    (event,) = normalise(raw)
    assert (event.subject is not None and event.subject.arn == member) is named
