"""Names: whatever IAM allows in them, in any partition, nobody is taken for somebody else."""

import ast
import random
import string

import pytest

from ringfence.clouds.memory import MemoryIam
from ringfence.domain.arn import parse_arn
from ringfence.domain.event import Event, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.protect import built_in
from tests.support.cases import DEPLOYMENT, OWN_POLICIES, PACKAGE, settings_of
from tests.support.jobs import ADMIN, BY_SAGEMAKER, CONTAINMENT, NOW, World, job, put
from tests.support.scale import cases
from tests.support.town import Town

LEGAL = string.ascii_letters + string.digits + "+=,.@_-"
PARTITIONS = ["aws", "aws-cn", "aws-us-gov", "aws-iso", "aws-iso-b", "aws-iso-e", "aws-iso-f", "aws-eusc"]
SETTINGS = settings_of({"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]})


def name(rnd: random.Random, longest: int = 64) -> str:
    return "".join(rnd.choice(LEGAL) for _ in range(rnd.choice([1, 2, rnd.randint(1, longest), longest])))


def path(rnd: random.Random) -> str:
    """A path of up to 512 characters, slashes at both ends."""
    parts = [name(rnd, 100) for _ in range(rnd.randint(0, 5))]
    made = "/".join(["", *parts, ""])
    return made if len(made) <= 512 else "/"


def test_every_legal_name_goes_through_its_arn_and_back() -> None:
    rnd = random.Random(77)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(20_000)):
        called, where, partition, kind = name(rnd), path(rnd), rnd.choice(PARTITIONS), rnd.choice([Kind.USER, Kind.ROLE, Kind.GROUP])
        text = f"arn:{partition}:iam::123456789012:{kind}{where}{called}"
        parsed = parse_arn(text)
        assert parsed is not None
        assert (str(parsed), parsed.name, parsed.partition) == (text, called, partition)
        identity = Identity.from_arn(text, "AXXX")
        assert identity is not None
        assert (identity.kind, identity.name, identity.arn, identity.partition) == (kind, called, text, partition)


def test_a_session_is_its_role_whatever_both_are_called() -> None:
    rnd = random.Random(78)  # noqa: S311 - as above
    for _ in range(cases(2000)):
        called, session, partition = name(rnd), name(rnd), rnd.choice(PARTITIONS)
        identity = Identity.from_arn(f"arn:{partition}:sts::123456789012:assumed-role/{called}/{session}")
        assert identity is not None
        assert (identity.kind, identity.name, identity.partition) == (Kind.ROLE, called, partition)
        with_path = Identity.from_arn(f"arn:{partition}:iam::123456789012:role{path(rnd)}{called}")
        assert with_path is not None
        assert identity.same_as(with_path)


def test_a_role_that_was_deleted_and_made_anew_is_not_touched() -> None:
    rnd = random.Random(79)  # noqa: S311 - as above
    for _ in range(cases(2000)):
        world = World()
        put(world.store, job(CONTAINMENT))
        ((place, state),) = world.iam.states.items()
        anew = Identity(Kind.ROLE, state.identity.arn, state.identity.name, state.identity.account, unique_id=f"AROA{name(rnd, 16)}")
        world.iam.states[place] = State(identity=anew, trust=BY_SAGEMAKER, attached=(), inline={}, credentials=())
        assert world.responder.apply(job(CONTAINMENT).id).state is JobState.STALE
        assert world.iam.calls == []


def test_names_that_differ_by_case_alone_are_one_and_by_anything_else_are_two() -> None:
    """IAM's names are unique without regard to case; by a look-alike letter or another kind they are somebody else."""
    rnd = random.Random(76)  # noqa: S311 - as above
    for number in range(cases(5000)):
        called = name(rnd, 30)
        role = Identity.of(Kind.ROLE, called, "123456789012", unique_id="AROAEXAMPLE")
        other = rnd.choice([f"{called}x", f"x{called}"[:64], called[:-1] + ("-" if called[-1] != "-" else "_")])
        states = [
            State(identity=i, trust=BY_SAGEMAKER, attached=(ADMIN,), inline={}, documents={}, credentials=())
            for i in (
                role,
                Identity.of(Kind.ROLE, other, "123456789012", unique_id="AROAEXAMPLEOTHER"),
                Identity.of(Kind.USER, called, "123456789012", unique_id="AIDAEXAMPLE"),
            )
        ]
        town = Town(states)
        told = "".join(rnd.choice([c.lower(), c.upper()]) for c in called)
        event = Event(
            source=Source.CLOUDTRAIL,
            name="AttachRolePolicy",
            id=f"e{number}",
            time=NOW,
            account="123456789012",
            subject=Identity.of(Kind.ROLE, told, "123456789012"),
            parameters={"policyArn": ADMIN},
        )
        town.hear(event)
        assert {made.plan.target.unique_id for made in town.store.jobs()} == {"AROAEXAMPLE"}
        untouched = [s for s in town.iam.states.values() if s.identity.unique_id != "AROAEXAMPLE"]
        assert all(s.attached == (ADMIN,) for s in untouched)  # fmt: skip


def test_what_only_aws_can_change_is_never_called_about_and_the_advice_names_the_place() -> None:
    rnd = random.Random(82)  # noqa: S311 - as above
    for number in range(200):
        mine = rnd.choice(
            ["aws-service-role/x.amazonaws.com", "aws-reserved/sso.amazonaws.com", "aws-reserved/sso.amazonaws.com/eu-west-1"]
        )
        called = f"AWSReservedSSO_Set{number}_0123" if "sso" in mine else f"AWSServiceRoleFor{name(rnd, 30)}"
        role = Identity(Kind.ROLE, f"arn:aws:iam::123456789012:role/{mine}/{called}", called, "123456789012", unique_id="AROAEXAMPLE")
        town = Town([State(identity=role, trust=BY_SAGEMAKER, attached=(ADMIN,), inline={}, documents={}, credentials=())])
        event = Event(
            source=Source.CLOUDTRAIL,
            name="AttachRolePolicy",
            id=f"e{number}",
            time=NOW,
            account="123456789012",
            subject=role,
            parameters={"policyArn": ADMIN},
        )
        town.hear(event)
        assert town.iam.calls == []
        (made,) = town.store.jobs()
        assert made.state is JobState.UNSUPPORTED
        said = town.queue.notices[-1]
        assert said.page
        assert (f"Set{number}" if "sso" in mine else "only its service can change it") in said.text  # fmt: skip


def test_who_belongs_to_another_account_is_never_called_about() -> None:
    rnd = random.Random(80)  # noqa: S311 - as above
    for number in range(cases(2000)):
        called, account = name(rnd), "".join(rnd.choice(string.digits) for _ in range(12))
        foreign = Identity.of(rnd.choice([Kind.ROLE, Kind.USER]), called, account, unique_id="AXXXFOREIGN")
        here = State(
            identity=Identity.of(foreign.kind, called, "123456789012", unique_id="AXXXHERE"),
            trust=BY_SAGEMAKER,
            attached=(ADMIN,),
            inline={},
            documents={},
            credentials=(),
        )
        town = Town([here, State(identity=foreign, attached=(ADMIN,), inline={}, documents={}, credentials=())], SETTINGS)
        event = Event(
            source=Source.CLOUDTRAIL,
            name=f"Attach{foreign.kind.value.title()}Policy",
            id=f"e{number}",
            time=NOW,
            account=account,
            subject=foreign,
            parameters={"policyArn": ADMIN},
        )
        town.hear(event)
        assert town.iam.calls == []
        assert "another account" in (built_in(foreign, SETTINGS) or "")  # fmt: skip


@pytest.mark.parametrize("partition", PARTITIONS)
def test_in_every_partition_the_calls_carry_its_arns(partition: str) -> None:
    def here(arn: str) -> str:
        return arn.replace("arn:aws:", f"arn:{partition}:")

    own = {
        key: here(value)
        for key, value in (("quarantine_policy", DEPLOYMENT.quarantine_policy), ("quarantine_boundary", DEPLOYMENT.quarantine_boundary))
    }
    settings = settings_of(
        {"projects": [{"name": "p", "aws": {"accounts": ["*"]}}]}, {**own, "own_roles": (here(DEPLOYMENT.own_roles[0]),)}
    )
    role = Identity.of(Kind.ROLE, "train", "123456789012", partition, "AROAEXAMPLE")
    state = State(identity=role, trust=BY_SAGEMAKER, attached=(here(ADMIN),), inline={}, documents={}, credentials=())
    event = Event(
        source=Source.CLOUDTRAIL,
        name="AttachRolePolicy",
        id="e",
        time=NOW,
        account="123456789012",
        partition=partition,
        subject=role,
        parameters={"policyArn": here(ADMIN)},
    )
    judgement = Evaluator(settings, MemoryIam(state, policies={here(arn): d for arn, d in OWN_POLICIES.items()})).judge(event, NOW)
    (planned,) = judgement.planned
    assert [p.step.call.parameters["PolicyArn"] for p in planned.steps] == [f"arn:{partition}:iam::aws:policy/AdministratorAccess"]


def test_no_partition_is_written_into_the_code() -> None:
    """`arn:aws:` may stand in help, in documentation, in the demo's account and in what describes AWS's own samples; never where ARNs are made."""
    allowed = {"demo", "cli", "report"}
    made: list[str] = []
    for file in sorted(PACKAGE.rglob("*.py")):
        if file.relative_to(PACKAGE).parts[0] in allowed:
            continue
        tree = ast.parse(file.read_text())
        texts = {id(n.value) for n in ast.walk(tree) if isinstance(n, ast.Expr) and isinstance(n.value, ast.Constant)}  # docstrings
        found = (n for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str) and id(n) not in texts)
        made += [f"{file.relative_to(PACKAGE)}:{n.lineno}: {n.value!s:.60}" for n in found if "arn:aws:" in str(n.value)]
    assert made == []
