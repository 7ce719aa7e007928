"""Twenty campaigns of an attacker who wants us to do the harm: nobody protected is touched, limits hold, and each act is in the record."""

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from ringfence.domain.identity import Identity, Kind
from ringfence.domain.job import JobState
from ringfence.domain.state import State
from ringfence.engine.trail.agree import problems
from ringfence.settings import Settings
from tests.support.cases import DEPLOYMENT, EVENTS, settings_of
from tests.support.jobs import ADMIN, BY_SAGEMAKER, work
from tests.support.town import Town

ACCOUNT = "123456789012"
ATTACH = json.loads((EVENTS / "aws/cloudtrail/AttachRolePolicy.json").read_text())
FINDING = json.loads((EVENTS / "aws/guardduty/credential-exfiltration.json").read_text())


def identity(kind: Kind, name: str, path: str = "/") -> Identity:
    return Identity(kind, f"arn:aws:iam::{ACCOUNT}:{kind}{path}{name}", name, ACCOUNT, unique_id=f"AXXX{kind.value.upper()}{name.upper()}")


GLASS, SEC, ORG = identity(Kind.USER, "break-glass"), identity(Kind.USER, "sec"), identity(Kind.ROLE, "OrganizationAccountAccessRole")
LINKED = identity(Kind.ROLE, "AWSServiceRoleForX", "/aws-service-role/x/")
SSO = identity(Kind.ROLE, "AWSReservedSSO_X_1", "/aws-reserved/sso.amazonaws.com/")
OURS = Identity(Kind.ROLE, DEPLOYMENT.own_roles[0], "respond", ACCOUNT, unique_id="AXXXOWN")
OWNER = identity(Kind.USER, "owner")
PROTECTED = (GLASS, SEC, ORG, LINKED, SSO, OURS)
ROLES = tuple(identity(Kind.ROLE, f"train-{n}") for n in range(40))
STAFF = identity(Kind.GROUP, "staff")
SETTINGS = settings_of(
    {
        "defaults": {"mode": "strict", "approval": {"approvers": [SEC.arn]}},
        "deployers": [f"arn:aws:iam::{ACCOUNT}:role/deployer"],
        "projects": [{"name": "p", "aws": {"accounts": ["*"]}}],
    }
)


def town(settings: Settings = SETTINGS) -> Town:
    """An account in which everybody holds something, counted once."""
    plain: dict[str, Any] = {"attached": (), "inline": {}, "documents": {}, "credentials": ()}
    everybody = [State(identity=i, trust=BY_SAGEMAKER, login=i.kind is Kind.USER, **plain) for i in (*PROTECTED, OWNER, *ROLES)]
    made = Town([*everybody, State(identity=STAFF, members=(GLASS, SEC), **plain)], settings)
    made.count()
    return made


def grant(place: Town, who: Identity, number: int, **more: Any) -> str:
    """Somebody attaches AdministratorAccess to an identity; give the event."""
    key = next(k for k, s in place.iam.states.items() if s.identity == who)
    state = place.iam.states[key]
    place.iam.states[key] = msgspec.structs.replace(state, attached=tuple(dict.fromkeys((*(state.attached or ()), ADMIN))))
    raw = copy.deepcopy(ATTACH)
    verb = who.kind.value.title()
    raw["detail"] |= {"eventID": f"e{number}", "eventName": f"Attach{verb}Policy", "eventTime": place.clock.time.isoformat()}
    raw["detail"]["requestParameters"] = {f"{who.kind}Name": who.name, "policyArn": ADMIN}
    raw["detail"] |= more
    return json.dumps(raw)


def stolen(who: Identity, number: int, **more: Any) -> str:
    """GuardDuty says that somebody's credentials are stolen."""
    raw = copy.deepcopy(FINDING)
    raw["detail"] |= {"id": f"f{number}", "severity": 8, **more}
    kind = "AssumedRole" if who.kind is Kind.ROLE else "IAMUser"
    raw["detail"]["resource"]["accessKeyDetails"] |= {"userName": who.name, "principalId": f"{who.unique_id}:s", "userType": kind}
    return json.dumps(raw)


def as_session(role: str, session: str = "s", issuer: str = "") -> dict[str, Any]:
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{session}"
    return {"userIdentity": {"type": "AssumedRole", "arn": arn, "accountId": ACCOUNT, "sessionContext": {"sessionIssuer": {"arn": issuer or f"arn:aws:iam::{ACCOUNT}:role/{role}"}}}}  # fmt: skip


def renamed(place: Town, name: str) -> Identity:
    """Somebody makes a role of this name."""
    made = identity(Kind.ROLE, name)
    place.iam.states[(Kind.ROLE, name.casefold())] = State(
        identity=made, trust=BY_SAGEMAKER, attached=(), inline={}, documents={}, credentials=()
    )
    return made


def again(place: Town) -> Iterator[str]:
    """Gives the owner what the owner has had for long."""
    grant(place, OWNER, 0)
    place.count()
    yield grant(place, OWNER, 1)


CAMPAIGNS: dict[str, Callable[[Town], Iterator[str]]] = {
    "admin for the break-glass user": lambda p: (grant(p, GLASS, n) for n in range(5)),
    "admin for an approver": lambda p: (grant(p, SEC, n) for n in range(5)),
    "admin for how the organisation comes in": lambda p: (grant(p, ORG, n) for n in range(5)),
    "admin for a service-linked role": lambda p: (grant(p, LINKED, n) for n in range(5)),
    "admin for a permission set": lambda p: (grant(p, SSO, n) for n in range(5)),
    "admin for our own role": lambda p: (grant(p, OURS, n) for n in range(5)),
    "admin for a group with the break-glass user": lambda p: (grant(p, STAFF, n) for n in range(5)),
    "what the owner has had for long": again,
    "stolen credentials of everybody who is protected": lambda _: (stolen(who, n) for n, who in enumerate(PROTECTED)),
    "the root user": lambda _: iter([json.dumps({**FINDING, "detail": {**FINDING["detail"], "id": "root", "severity": 8, "resource": {"accessKeyDetails": {"userType": "Root", "userName": "root"}}}})]),
    "forty roles by one actor": lambda p: (grant(p, who, n, **as_session("ci")) for n, who in enumerate(ROLES)),
    "forty roles by forty sessions of one role": lambda p: (grant(p, who, n, **as_session("ci", f"s{n}")) for n, who in enumerate(ROLES)),
    "forty findings": lambda _: (stolen(who, n) for n, who in enumerate(ROLES)),
    "one event fifty times": lambda p: iter([grant(p, ROLES[0], 0)] * 50),
    "our mark in the user agent": lambda p: (grant(p, who, n, userAgent="x ringfence-job/0123456789abcdef") for n, who in enumerate(ROLES[:4])),
    "our role's name in another path": lambda p: (grant(p, who, n, **as_session("respond", issuer=f"arn:aws:iam::{ACCOUNT}:role/respond")) for n, who in enumerate(ROLES[:4])),
    "a badge printed by name": lambda p: iter([grant(p, renamed(p, "AWSReservedSSO_Mine_1"), 1), grant(p, renamed(p, "my-break-glass"), 2)]),
    "names that break lines and turn text round": lambda p: (grant(p, who, n, **as_session(f"ci\n\u202e{n}")) for n, who in enumerate(ROLES[:4])),
    "an identity of another account": lambda p: iter([grant(p, ROLES[0], 0, recipientAccountId="210987654321")]),
    "a deployer's changes": lambda p: (grant(p, who, n, **as_session("deployer")) for n, who in enumerate(ROLES[:4])),
}  # fmt: skip


@pytest.mark.parametrize("campaign", CAMPAIGNS)
def test_no_bait_makes_us_do_the_harm(campaign: str) -> None:
    place = town()
    sent = 0
    for body in CAMPAIGNS[campaign](place):
        sent += 1
        place.message(body)
        work(place.queue, place.responder, place.clock)
    assert sent
    names = {i.name.casefold() for i in (*PROTECTED, OWNER, STAFF)}
    called = [
        next(v for k, v in call.parameters.items() if k.endswith("Name") and k != "PolicyName").casefold() for call in place.iam.calls
    ]
    assert not names & set(called), "nobody who is protected, and not the owner"
    assert len(set(called)) <= SETTINGS.max_auto_actions_per_hour
    assert problems(place.store.jobs(), place.store.records) == ()
    for job in place.store.jobs():
        why = [r.reason for r in place.store.records(job.id)]
        assert all(why)
        assert job.ended or job.state is JobState.PENDING


def test_there_are_twenty_and_they_are_not_all_ignored() -> None:
    assert len(CAMPAIGNS) == 20
    place = town()
    place.message(grant(place, ROLES[0], 0))
    work(place.queue, place.responder, place.clock)
    assert [call.parameters["RoleName"] for call in place.iam.calls] == ["train-0"]
