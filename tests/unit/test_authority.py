"""Who may decide: every branch of it, with somebody who is let through and somebody who is not."""

import random
from typing import Any

import msgspec
import pytest

from ringfence.chat.slack_request import read
from ringfence.domain.caller import Caller
from ringfence.domain.card import Press
from ringfence.domain.event import Actor
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass
from ringfence.engine.authority import NAMED, authorise, check_approver, involved, known, may_approve, may_decide, reversible, who
from ringfence.errors import RefusedError
from ringfence.settings import Person, Settings
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, ROLE, job
from tests.support.scale import cases
from tests.support.slack_requests import APP, TEAM, Signed, command, function_url_event, interaction
from tests.support.workspace import CHANNEL, slack_settings

IAM, STS = "arn:aws:iam::123456789012:", "arn:aws:sts::123456789012:"
SSO = STS + "assumed-role/AWSReservedSSO_Security_0123/"
ANA = Person(
    name="Ana",
    chat=("slack:T1/UANA", "slack:T1/UANA2"),
    cloud=(IAM + "user/ana", IAM + "role/sec/on-call", "AIDAEXAMPLEANA"),
)
BO = Person(name="Bo", chat=("slack:T1/UBO",), cloud=(SSO + "bo@example.com",))
CY = Person(
    name="Cy",
    chat=("slack:T1/UCY",),
    cloud=("arn:aws:sts::*:assumed-role/ops/cy@*", "arn:aws:iam", STS + "assumed-role/ops/one"),
    projects=("fraud*",),
    classes=(ActionClass.REVERSAL,),
)
OLGA = Person(name="Olga", chat=("slack:T1/UOLGA",), owns=("arn:aws:iam::*:role/fraud-*",), owned_projects=("vision",))
SETTINGS = Settings(people=(ANA, BO, CY, OLGA), approvers=("Ana", "Bo", "Cy", "Olga", IAM + "user/sec", IAM + "role/approver"))
OPEN = msgspec.structs.replace(SETTINGS, approvers=())
EVE = IAM + "user/eve"
CONTAINS, REVERSES = job(CONTAINMENT, state=JobState.PENDING), job(REVERSAL, state=JobState.PENDING)


def changed(plan: dict[str, Any], **fields: Any) -> Job:
    """The question, with another plan or other fields."""
    return msgspec.structs.replace(CONTAINS, plan=msgspec.structs.replace(CONTAINS.plan, **plan), **fields)


# who is who ------------------------------------------------------------------------------------------------------------------------

WHO = {
    "a chat's id": ("slack:T1/UANA", "person Ana"),
    "another chat's id of theirs": ("slack:T1/UANA2", "person Ana"),
    "a chat's id in other letters": ("slack:T1/uana", "slack:T1/uana"),
    "the beginning of a chat's id": ("slack:T1/UAN", "slack:T1/UAN"),
    "the same id in another workspace": ("slack:T2/UANA", "slack:T2/UANA"),
    "a user": (IAM + "user/ana", "person Ana"),
    "a user with a path and in other letters": (IAM + "user/x/Ana", "person Ana"),
    "a user of that name in another account": ("arn:aws:iam::210987654321:user/ana", "user/ana/210987654321"),
    "a role of that name": (IAM + "role/ana", "role/ana/123456789012"),
    "a role": (IAM + "role/sec/on-call", "person Ana"),
    "a session of a role, whose ARN lacks the path": (STS + "assumed-role/on-call/whatever", "person Ana"),
    "a unique id": ("AIDAEXAMPLEANA", "person Ana"),
    "a unique id in other letters": ("aidaexampleana", "aidaexampleana"),
    "another unique id": ("AIDAEXAMPLEANA2", "AIDAEXAMPLEANA2"),
    "a user of Identity Center": (SSO + "bo@example.com", "person Bo"),
    "the same in other letters": (SSO + "Bo@Example.com", "person Bo"),
    "another user of Identity Center": (SSO + "zoe@example.com", (SSO + "zoe@example.com").casefold()),
    "a session by a glob": (STS + "assumed-role/ops/cy@laptop", "person Cy"),
    "another session beside the glob": (STS + "assumed-role/ops/dee@laptop", "role/ops/123456789012"),
    "one session by its ARN": (STS + "assumed-role/ops/one", "person Cy"),
    "nobody's role": (STS + "assumed-role/nightly/x", "role/nightly/123456789012"),
    "a person's name": ("Ana", "Ana"),
    "an address": ("ana@example.com", "ana@example.com"),
    "nothing": ("", ""),
}


@pytest.mark.parametrize("name", WHO)
def test_who_is_behind_a_name(name: str) -> None:
    given, expected = WHO[name]
    assert who(given, SETTINGS) == expected
    found = known(given, SETTINGS)
    assert (f"person {found.name}" if found else None) == (expected if expected.startswith("person ") else None)


def test_without_people_a_name_is_the_user_or_role() -> None:
    assert known(IAM + "user/ana", Settings()) is None
    assert who(IAM + "user/ana", Settings()) == "user/ana/123456789012"


TRAIN, OTHER = ROLE, Identity.of(Kind.ROLE, "other", "123456789012")
INVOLVED: dict[str, tuple[str | None, tuple[Identity, ...], str, tuple[str, ...]]] = {
    "nobody but the target": (None, (OTHER,), "p", ("role/other/123456789012",)),
    "who caused it, first": (EVE, (OTHER,), "p", ("user/eve/123456789012", "role/other/123456789012")),
    "who caused it, by the person": (STS + "assumed-role/on-call/x", (OTHER,), "p", ("person Ana", "role/other/123456789012")),
    "each once": (IAM + "role/other", (OTHER, OTHER), "p", ("role/other/123456789012",)),
    "whom it affects": (
        None,
        (OTHER, Identity.of(Kind.USER, "ana", "123456789012")),
        "p",
        ("role/other/123456789012", "person Ana"),
    ),
    "the owner of an identity": (None, (TRAIN,), "p", ("role/fraud-train/123456789012", "person Olga")),
    "the owner of one that is affected": (None, (OTHER, TRAIN), "p", ("role/other/123456789012", "role/fraud-train/123456789012", "person Olga")),
    "the owner of the project": (None, (OTHER,), "vision", ("role/other/123456789012", "person Olga")),
    "nobody at all": (None, (), "p", ()),
}  # fmt: skip


@pytest.mark.parametrize("name", INVOLVED)
def test_who_is_involved(name: str) -> None:
    actor, affected, project, expected = INVOLVED[name]
    did = None if actor is None else Actor(display=actor, type="IAMUser")
    assert involved(did, affected, project, SETTINGS) == expected


# who has a say ---------------------------------------------------------------------------------------------------------------------

replace = msgspec.structs.replace
BY_ANA = replace(CONTAINS, actor=STS + "assumed-role/on-call/x")
OF_ANA = changed({"target": Identity.of(Kind.USER, "ana", "123456789012", unique_id="AIDAEXAMPLEANA"), "affects": ("AIDAEXAMPLEANA",)})
GROUP = changed({"affects": ("AIDAEXAMPLEBO", IAM + "user/zoe", "AIDAEXAMPLEANA")})
OWNED = replace(CONTAINS, no_say=("person Olga",))
ALONE = replace(SETTINGS, command_line_for=(CONTAINMENT.action,))
OTHERWISE = replace(SETTINGS, command_line_for=(REVERSAL.action,))
FRAUD = replace(REVERSES, project="fraud-1")
UNNAMED = changed({"target": Identity.of(Kind.ROLE, "fraud-train", "123456789012")}, actor=None)

REFUSED: dict[str, tuple[Job, Caller, Settings, str]] = {
    "no name": (CONTAINS, Caller(""), OPEN, "carries no name"),
    "in a chat, and nobody": (CONTAINS, Caller("slack:T1/UZOE"), SETTINGS, "nobody under `people`"),
    "of another workspace with the same id": (CONTAINS, Caller("slack:T2/UANA"), SETTINGS, "nobody under `people`"),
    "in a chat, by a person's name": (CONTAINS, Caller("slack:T1/Ana"), SETTINGS, "nobody under `people`"),
    "in a chat, by an address": (CONTAINS, Caller("slack:T1/bo@example.com"), SETTINGS, "nobody under `people`"),
    "who caused it": (replace(CONTAINS, actor=IAM + "user/ana"), Caller(IAM + "user/ana"), SETTINGS, "caused the event"),
    "who caused it, in the chat": (BY_ANA, Caller("slack:T1/UANA"), SETTINGS, "caused the event"),
    "who caused it, by another id in the chat": (BY_ANA, Caller("slack:T1/UANA2"), SETTINGS, "caused the event"),
    "who caused it, by another ARN": (BY_ANA, Caller(IAM + "user/ana"), SETTINGS, "caused the event"),
    "who caused it, nobody we know": (CONTAINS, Caller(EVE), OPEN, "caused the event"),
    "the target": (CONTAINS, Caller(IAM + "role/fraud-train"), OPEN, "affected by the plan"),
    "a session of the target": (CONTAINS, Caller(STS + "assumed-role/Fraud-Train/x"), OPEN, "affected by the plan"),
    "the target, in the chat": (OF_ANA, Caller("slack:T1/UANA"), SETTINGS, "affected by the plan"),
    "the target by a unique id only": (CONTAINS, Caller(IAM + "user/new-name", "AROAEXAMPLE"), OPEN, "affected by the plan"),
    "the target without a unique id": (UNNAMED, Caller(IAM + "role/fraud-train"), OPEN, "affected by the plan"),
    "the target by an alias ARN": (
        changed({"target": Identity.of(Kind.ROLE, "on-call", "123456789012")}), Caller("slack:T1/UANA"), SETTINGS, "affected by the plan",
    ),
    "affected by a unique id": (GROUP, Caller(IAM + "user/bo", "AIDAEXAMPLEBO"), OPEN, "affected by the plan"),
    "affected by an ARN in other letters": (GROUP, Caller(IAM + "user/Zoe"), OPEN, "affected by the plan"),
    "affected by an alias": (GROUP, Caller("slack:T1/UANA"), SETTINGS, "affected by the plan"),
    "an owner": (OWNED, Caller("slack:T1/UOLGA"), SETTINGS, "caused, affected or owner"),
    "no approver, by an ARN": (CONTAINS, Caller(IAM + "user/zoe"), SETTINGS, "is no approver"),
    "no approver, in the chat": (CONTAINS, Caller("slack:T1/UANA"), replace(SETTINGS, approvers=("Bo",)), "is no approver"),
    "in a chat where nobody is named": (CONTAINS, Caller("slack:T1/UANA"), OPEN, "is no approver"),
    "of another project": (replace(REVERSES, project="vision"), Caller("slack:T1/UCY"), SETTINGS, "no approver of the project vision"),
    "of another class": (replace(FRAUD, action_class=ActionClass.CONTAINMENT), Caller("slack:T1/UCY"), SETTINGS, "no approver of containment"),
    "not in the chat": (CONTAINS, Caller("slack:T1/UANA"), ALONE, "aws.iam.quarantine-role is not decided in the chat"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_who_has_no_say(name: str) -> None:
    asked, voter, settings, word = REFUSED[name]
    with pytest.raises(RefusedError, match=word):
        authorise(asked, voter, settings)


HEARD: dict[str, tuple[Job, Caller, Settings]] = {
    "a person in the chat": (CONTAINS, Caller("slack:T1/UANA"), SETTINGS),
    "a person by an ARN": (CONTAINS, Caller(STS + "assumed-role/on-call/x"), SETTINGS),
    "a person of Identity Center": (CONTAINS, Caller(SSO + "bo@example.com"), SETTINGS),
    "an approver by an ARN": (CONTAINS, Caller(IAM + "user/sec"), SETTINGS),
    "a session of a role that is approver": (CONTAINS, Caller(STS + "assumed-role/approver/zoe", "AROAAPPROVER"), SETTINGS),
    "whom IAM lets call, where nobody is named": (CONTAINS, Caller(IAM + "user/zoe"), OPEN),
    "where nobody is known to have caused it": (replace(CONTAINS, actor=None), Caller(IAM + "user/zoe"), OPEN),
    "another role than the target's": (CONTAINS, Caller(IAM + "role/fraud-train-2"), OPEN),
    "a user of the target's name": (CONTAINS, Caller(IAM + "user/fraud-train"), OPEN),
    "another unique id than those affected": (GROUP, Caller(IAM + "user/new", "AIDAEXAMPLEOTHER"), OPEN),
    "who owns something else": (replace(CONTAINS, no_say=("person Bo",)), Caller("slack:T1/UOLGA"), SETTINGS),
    "of the project and class": (FRAUD, Caller("slack:T1/UCY"), SETTINGS),
    "over the command line what is not decided in the chat": (CONTAINS, Caller(IAM + "user/ana"), ALONE),
    "in the chat what is not kept from it": (CONTAINS, Caller("slack:T1/UANA"), OTHERWISE),
    "somebody of a local name": (CONTAINS, Caller("local:zoe"), OPEN),
}


@pytest.mark.parametrize("name", HEARD)
def test_who_has_a_say(name: str) -> None:
    asked, voter, settings = HEARD[name]
    authorise(asked, voter, settings)


def hint(voter: Caller, settings: Settings, asked: Job | None = None) -> str | None:
    """What somebody is told to do who is refused."""
    with pytest.raises(RefusedError) as refused:
        check_approver(voter, settings, asked)
    return refused.value.hint


def test_who_is_refused_is_told_what_to_do() -> None:
    assert hint(Caller(IAM + "user/zoe"), SETTINGS) == NAMED
    both = job(REVERSAL, CONTAINMENT)
    alone = replace(SETTINGS, command_line_for=(CONTAINMENT.action, REVERSAL.action))
    with pytest.raises(RefusedError, match=rf"^{REVERSAL.action} is not"):
        check_approver(Caller("slack:T1/UANA"), alone, both)
    assert hint(Caller("slack:T1/UANA"), alone, both) == f"Run `ringfence approve {both.id} --plan {both.plan.digest[:16]}`"


# who is an approver ----------------------------------------------------------------------------------------------------------------

APPROVERS: dict[str, tuple[str, tuple[str, ...], bool]] = {
    "by the person's name, in the chat": ("slack:T1/UANA", ("Ana",), True),
    "by the person's name, by an ARN": (IAM + "user/ana", ("Ana",), True),
    "by an ARN": (IAM + "user/sec", (IAM + "user/sec",), True),
    "by a glob over sessions": (STS + "assumed-role/ops/zoe", (STS + "assumed-role/ops/*",), True),
    "by the ARN of one session, another session": (STS + "assumed-role/ops/zoe", (STS + "assumed-role/ops/ana",), False),
    "by the ARN of one session": (STS + "assumed-role/ops/ana", (STS + "assumed-role/ops/ana",), True),
    "the second of two": (IAM + "user/ana", ("Bo", "Ana"), True),
    "by another's name": (IAM + "user/ana", ("Bo",), False),
    "nobody we know": (IAM + "user/zoe", ("Ana",), False),
    "nobody is named, in a chat": ("slack:T1/UANA", (), False),
    "nobody is named, by an ARN": (IAM + "user/zoe", (), True),
    "a name that only looks like an approver's": ("Ana", ("Ana",), False),
    "an address that only looks like an approver's": ("ana@example.com", ("ana@example.com",), False),
    "a person's name as a chat's id": ("slack:T1/Ana", ("Ana",), False),
    "an ARN with a person's name": (IAM + "user/Olga", ("Olga",), False),
    "nothing": ("", ("",), False),
}


@pytest.mark.parametrize("name", APPROVERS)
def test_who_is_an_approver(name: str) -> None:
    voter, approvers, expected = APPROVERS[name]
    assert may_approve(Caller(voter), replace(SETTINGS, approvers=approvers)) is expected


def test_of_the_product_as_a_whole_neither_project_nor_class_counts() -> None:
    check_approver(Caller("slack:T1/UCY"), SETTINGS)
    with pytest.raises(RefusedError, match="no approver of the project"):
        check_approver(Caller("slack:T1/UCY"), SETTINGS, CONTAINS)


DECIDES: dict[str, tuple[Person, Job, tuple[str, ...], bool]] = {
    "an approver": (ANA, CONTAINS, ("Ana",), True),
    "no approver": (ANA, CONTAINS, ("Bo",), False),
    "where nobody is named": (ANA, CONTAINS, (), False),
    "of the project": (CY, FRAUD, ("Cy",), True),
    "of another project": (CY, replace(FRAUD, project="vision"), ("Cy",), False),
    "of another class": (CY, replace(FRAUD, action_class=ActionClass.CONTAINMENT), ("Cy",), False),
    "of neither": (CY, replace(CONTAINS, project="vision"), ("Cy",), False),
    "who is involved": (ANA, replace(CONTAINS, no_say=("person Ana",)), ("Ana",), False),
    "beside who is involved": (ANA, replace(CONTAINS, no_say=("person Bo",)), ("Ana",), True),
}


@pytest.mark.parametrize("name", DECIDES)
def test_who_could_decide(name: str) -> None:
    person, asked, approvers, expected = DECIDES[name]
    assert may_decide(person, asked, replace(SETTINGS, approvers=approvers)) is expected


def test_a_loss_and_a_reversal_cannot_be_taken_off_again() -> None:
    loss = replace(CONTAINMENT, action_class=ActionClass.LOSS)
    assert reversible(job(CONTAINMENT))
    assert reversible(job(CONTAINMENT, REVERSAL))
    assert not reversible(job(REVERSAL))
    assert not reversible(job(CONTAINMENT, loss))
    assert not reversible(job(REVERSAL, loss))


# 29: whoever somebody calls themselves ------------------------------------------------------------------------------------------------

KEY = "synthetic-signing-key"


class OneKey:
    """The signing secret."""

    def values(self) -> tuple[str, ...]:
        return (KEY,)

    def again(self) -> tuple[str, ...]:
        return (KEY,)


CALLED = ["ana", "Ana", "ana@example.com", "U0000ANA", "slack:T0000TEAM/U0000ANA", IAM + "user/ana", "", "<@U0000ANA>"]


def spoken(rnd: random.Random, number: int, user: str, name: str, asked: Job) -> Signed:
    """Press a button or type a command, under any name."""
    once, profile = (
        f"{number}.1.x",
        {"id": user, **dict.fromkeys(("username", "name", "real_name", "email"), name), "profile": {"email": name}},
    )
    if rnd.random() < 0.5:
        return command(KEY, NOW, user=user, channel=CHANNEL, text=f"undo {asked.id}", trigger_id=once, user_name=name, channel_name=name)
    payload = {
        "type": "block_actions",
        "user": profile,
        "api_app_id": APP,
        "trigger_id": once,
        "team": {"id": TEAM, "domain": name},
        "channel": {"id": CHANNEL, "name": name},
        "actions": [{"action_id": Press.APPROVE, "value": f"{asked.id} {asked.plan.digest[:16]}", "text": name}],
    }
    return interaction(KEY, NOW, payload)


def test_29_what_somebody_calls_themselves_changes_nothing() -> None:
    rnd, settings = random.Random(29), slack_settings()  # noqa: S311 - repeatable on purpose
    assert settings.slack is not None
    asked = job(CONTAINMENT, state=JobState.PENDING)
    for number in range(cases(1000)):
        user, name = rnd.choice(["U0000ANA", "U0000EVE", "U0000ZOE", "U0000MALLORY"]), rnd.choice([*CALLED, str(rnd.random())])
        pressed = spoken(rnd, number, user, name, asked)
        request = read(function_url_event(pressed), OneKey, settings.slack, NOW)
        assert request.who == Caller(f"slack:T0000TEAM/{user}")
        if user == "U0000ANA":
            authorise(asked, request.who, settings)
            continue
        with pytest.raises(RefusedError, match=r"nobody under|caused the event|no approver"):
            authorise(asked, request.who, settings)
