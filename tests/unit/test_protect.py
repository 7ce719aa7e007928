"""The protected set: out of reach by who somebody is, not by what they call themselves; configuration can only add."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domain.census import Census
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.engine.protect import any_protected, built_in, nominations, patterns, protected
from ringfence.settings import Settings
from tests.support.cases import settings_of
from tests.support.jobs import ADMIN, CONTAINMENT, NOW, REVERSAL, ROLE, World, job, put

ACCOUNT = "arn:aws:iam::123456789012:"
SETTINGS = settings_of(
    {"never_touch": ["arn:aws:iam::*:role/break-glass-*"], "defaults": {"approval": {"approvers": ["arn:aws:iam::123456789012:user/sec"]}}}
)


def identity(arn: str, kind: Kind = Kind.ROLE, unique_id: str | None = None) -> Identity:
    return Identity(kind=kind, arn=arn, name=arn.rsplit("/", 1)[-1], account="123456789012", unique_id=unique_id)


def census(*protects: str, settings: Settings = SETTINGS) -> Census:
    """A census that has recorded these unique ids as break-glass identities, and every pattern."""
    recorded = dict.fromkeys(protects, ("*break-glass*",))
    return Census(taken=NOW, config_hash=settings.config_hash, identities=10, admins=(), protected=recorded, patterns=patterns(settings))


BY_NAME = [
    (ACCOUNT + "role/AWSReservedSSO_Data_Team_0123", Kind.ROLE, "permission set Data_Team"),
    (ACCOUNT + "role/AWSServiceRoleForX", Kind.ROLE, "service-linked"),
    (ACCOUNT + "role/organizationaccountaccessrole", Kind.ROLE, "organisation reaches"),
    (ACCOUNT + "role/AWSControlTowerExecution", Kind.ROLE, "organisation reaches"),
    (ACCOUNT + "role/stacksets-exec-1", Kind.ROLE, "organisation reaches"),
    (ACCOUNT + "role/deep/path/BREAK-GLASS-1", Kind.ROLE, "configuration protects"),
    (ACCOUNT + "user/my-breakglass", Kind.USER, "break-glass"),
    (ACCOUNT + "user/sec", Kind.USER, "approver"),
]
ALWAYS = [
    (ACCOUNT + "root", Kind.ROOT, "root user"),
    ("arn:aws:sts::123456789012:federated-user/x", Kind.OUTSIDE, "federated session"),
    (ACCOUNT + "role/aws-service-role/sagemaker.amazonaws.com/AWSServiceRoleForX", Kind.ROLE, "service-linked"),
    (ACCOUNT + "role/AWS-service-role/sagemaker.amazonaws.com/AWSServiceRoleForX", Kind.ROLE, "service-linked"),
    (ACCOUNT + "role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_ML_0123", Kind.ROLE, "permission set ML"),
    (ACCOUNT + "role/aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_ML_0123", Kind.ROLE, "permission set ML"),
    (ACCOUNT + "role/ringfence/respond", Kind.ROLE, "own roles"),
    ("no arn", Kind.ROLE, "cannot be read"),
]


@pytest.mark.parametrize(("arn", "kind", "word"), [*BY_NAME, *ALWAYS])
def test_before_a_census_names_protect(arn: str, kind: Kind, word: str) -> None:
    assert word in (protected(identity(arn, kind), SETTINGS, None) or "")
    assert word in (protected(identity(arn, kind, "AROAEXAMPLE9"), SETTINGS, None) or "")


def test_our_own_policies_are_out_of_reach_and_others_are_not() -> None:
    own = SETTINGS.deployment.quarantine_policy
    assert protected(identity(own, Kind.POLICY), SETTINGS, census()) == "it is one of Ringfence's own policies"
    assert protected(identity(ACCOUNT + "policy/other", Kind.POLICY), SETTINGS, census()) is None
    assert protected(identity(own.replace("policy/", "role/"), Kind.ROLE), SETTINGS, census()) is None


@pytest.mark.parametrize(("arn", "kind", "word"), ALWAYS)
def test_what_only_aws_can_make_is_always_out_of_reach(arn: str, kind: Kind, word: str) -> None:
    for undo in (False, True):
        found = built_in(identity(arn, kind, "AROAEXAMPLE9"), SETTINGS) if undo else protected(identity(arn, kind, "X"), SETTINGS, census())
        assert word in (found or "")


@pytest.mark.parametrize(("arn", "kind", "word"), BY_NAME)
def test_after_a_census_only_who_was_recorded_is_protected(arn: str, kind: Kind, word: str) -> None:
    assert word
    assert protected(identity(arn, kind, "AROAEXAMPLENEW"), SETTINGS, census("AROAEXAMPLE")) is None, "a badge printed since"
    assert "break-glass" in (protected(identity(arn, kind, "AROAEXAMPLE"), SETTINGS, census("AROAEXAMPLE")) or "")
    assert protected(identity(arn, kind), SETTINGS, census()), "whose unique id is not known is protected by name"
    named = msgspec.structs.replace(SETTINGS, never_touch=("AROAEXAMPLENEW",))
    assert protected(identity(arn, kind, "AROAEXAMPLENEW"), named, census()), "the owner named it by its unique id"


def test_a_recorded_identity_stays_protected_under_any_name() -> None:
    renamed = identity(ACCOUNT + "user/anything", Kind.USER, "AIDAEXAMPLE")
    assert protected(renamed, settings_of(None), census("AIDAEXAMPLE"))
    assert protected(renamed, settings_of(None), None) is None


@pytest.mark.parametrize("name", ["ringfence-lookalike", "ringfence/mine", "\u0432reak-glass-1", "break_glass"])
def test_a_look_alike_is_not_protected(name: str) -> None:
    assert protected(identity(f"{ACCOUNT}role/{name}"), SETTINGS, None) is None


def test_a_name_on_another_path_is_not_the_one_that_is_protected() -> None:
    settings = msgspec.structs.replace(SETTINGS, never_touch=(ACCOUNT + "role/team/x",))
    assert protected(identity(ACCOUNT + "role/team/x"), settings, None)
    assert protected(identity(ACCOUNT + "role/other/x"), settings, None) is None


def test_everybody_whom_a_step_affects_counts() -> None:
    people = [identity(f"{ACCOUNT}user/{n}", Kind.USER, f"AIDAEXAMPLE{n}") for n in ("a", "b")]
    assert any_protected(people, SETTINGS, census()) is None
    assert "b: it is a break-glass identity" in (any_protected(people, SETTINGS, census("AIDAEXAMPLEb")) or "")


names = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
globs = st.lists(names, max_size=4).map(tuple)


@given(name=names, never_touch=globs, approvers=globs, unique_id=st.sampled_from([None, "AROAEXAMPLE", "AROAEXAMPLE2"]))
def test_configuration_can_only_add(name: str, never_touch: tuple[str, ...], approvers: tuple[str, ...], unique_id: str | None) -> None:
    configured = msgspec.structs.replace(Settings(), never_touch=never_touch, approvers=approvers)
    for arn, kind, _ in ALWAYS[:6]:
        assert protected(identity(arn, kind, unique_id), configured, None)
        assert built_in(identity(arn, kind, unique_id), configured)
    for arn, kind, _ in BY_NAME[:5]:
        assert list(nominations(identity(arn, kind), configured)) or protected(identity(arn, kind), configured, None)
    someone = identity(f"{ACCOUNT}role/{name}", unique_id=unique_id)
    if protected(someone, Settings(), None):
        assert protected(someone, configured, None)


def run(world: World, **fields: Any) -> JobState:
    put(world.store, job(CONTAINMENT, REVERSAL))
    world.change(**fields)
    return world.responder.apply(job(CONTAINMENT).id).state


def test_the_writer_goes_by_the_census_too() -> None:
    for protects, state, calls in (([ROLE.unique_id or ""], JobState.UNSUPPORTED, 0), ([], JobState.VERIFYING, 2)):
        world = World(ADMIN)
        world.store.keep(census(*protects, settings=world.responder.settings))
        assert run(world) is state
        assert len(world.iam.calls) == calls


def test_who_becomes_protected_between_two_steps_is_not_touched_any_further() -> None:
    world = World(ADMIN)

    def recorded(_: object) -> None:
        world.store.keep(msgspec.structs.replace(census(ROLE.unique_id or ""), taken=NOW + timedelta(seconds=1)))

    world.iam.script = recorded
    assert run(world) is JobState.PARTIAL
    assert "out of reach" in world.queue.notices[-1].text
    assert len(world.iam.calls) == 1


def test_a_group_with_a_protected_member_is_out_of_reach() -> None:
    world = World(ADMIN)
    member = identity(ACCOUNT + "user/boss", Kind.USER, "AIDAEXAMPLEBOSS")
    world.store.keep(census("AIDAEXAMPLEBOSS", settings=world.responder.settings))
    assert run(world, members=(member,)) is JobState.UNSUPPORTED
    assert world.iam.calls == []


@pytest.mark.parametrize("name", ["AWSServiceRoleForX", "AWSReservedSSO_Data_0123", "OrganizationAccountAccessRole"])
def test_a_user_with_the_name_of_such_a_role_is_not_protected(name: str) -> None:
    assert protected(identity(f"{ACCOUNT}user/{name}", Kind.USER), SETTINGS, None) is None
