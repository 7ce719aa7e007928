"""What Google says of access that nobody uses: one event for each recommendation, insight or activity, as `review` fetches it.

Shapes: Recommender API v1, Recommendation of google.iam.policy.Recommender and Insight of google.iam.policy.LateralMovementInsight; Policy Analyzer API v1,
Activity of serviceAccountLastAuthentication and serviceAccountKeyLastAuthentication (discovery documents of 2026-11; contents by Google's documentation,
"Role recommendations", "Lateral movement insights" and "Recent usage for service accounts"). One record, or a reply with its list of them.

They are days old: a reason to look, never more. What is about the same in one week is one event.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from ringfence.domain.event import Event, Outcome, SetAside, Source, unjudged
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.member import parse_member
from ringfence.domain.raw import flag, items, moment, table, text
from ringfence.sources._read import Envelope

ROLES = "google.iam.policy.Recommender"
MOVEMENT = "google.iam.policy.LateralMovementInsight"
USE, KEY_USE = "serviceAccountLastAuthentication", "serviceAccountKeyLastAuthentication"
GRANTS = (ROLES, MOVEMENT)  # kinds that are about a grant on something: the others are about the account alone
OF_PROJECTS = "//cloudresourcemanager.googleapis.com/"  # what is named without it everywhere else
STANDS = ("", "STATE_UNSPECIFIED", "ACTIVE")
LISTS = ("recommendations", "insights", "activities")
NAME = re.compile(
    r"(projects|folders|organizations)/([^/]+)/locations/[^/]+/(?:recommenders|insightTypes)/([A-Za-z.]+)/(?:recommendations|insights)/.+"
)
ACCOUNT = re.compile(r"//iam\.googleapis\.com/projects/([^/]+)/serviceAccounts/([^/]+)(?:/keys/([^/]+))?")
PROJECT = re.compile(r"//cloudresourcemanager\.googleapis\.com/(projects|folders|organizations)/([^/]+)")


def recognises(envelope: Envelope) -> bool:
    """A record of one of the four kinds, or a reply that holds some."""
    return any(kind_of(record) for record in _records(envelope))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Make the event of each record."""
    return tuple(_event(record) for record in _records(envelope))


def kind_of(record: object) -> str:
    """Say of which kind a record is; empty for any other."""
    named = NAME.fullmatch(text(record, "name"))
    kind = named[3] if named else text(record, "activityType")
    return kind if kind in KINDS else ""


class _Told(Struct, frozen=True):
    """Whom a record is about, on what, and what else it says."""

    whom: str
    place: str
    more: Mapping[str, Any]


def _records(envelope: Envelope) -> tuple[object, ...]:
    listed = (items(envelope.detail, name) for name in LISTS)
    return next(filter(None, listed), (envelope.detail,))


def _event(record: object) -> Event:
    kind = kind_of(record)
    if not kind:
        return unjudged(Source.OTHER, Outcome.UNSUPPORTED, "no recommendation about roles, and no insight or activity of service accounts")
    told = KINDS[kind](record)
    project = _project(record, told)
    period = table(record, "observationPeriod")
    seen = moment(text(record, "lastRefreshTime") or text(period, "endTime"))
    name = text(record, "name") or f"{kind} {told.place}"
    return Event(
        source=Source.OTHER,
        name=kind,
        id=f"{name}:{seen:%G-W%V}" if seen else name,  # whoever decided about somebody is asked again next week at the earliest
        time=None,
        account=project,
        partition=GOOGLE,
        subject=Identity.member(told.whom, project) if told.whom else None,
        target=Identity.resource(told.place.removeprefix(OF_PROJECTS), project) if told.place and kind in GRANTS else None,
        parameters={"resource": told.place, "since": text(period, "startTime"), **told.more},
        set_aside=_aside(record, told),
    )


def _aside(record: object, told: _Told) -> SetAside | None:
    state = text(record, "stateInfo", "state")
    if state not in STANDS:
        return SetAside(Outcome.IGNORED, f"somebody has dealt with it: {state.lower()}")
    return None if told.whom else SetAside(Outcome.UNSUPPORTED, "the record names nobody")


def _role(record: object) -> _Told:
    """Say what a recommendation is about: by its overview, else by what it would take away."""
    overview = table(record, "content", "overview")
    steps = (step for group in items(record, "content", "operationGroups") for step in items(group, "operations"))
    removed: Mapping[str, Any] = next((step for step in steps if text(step, "action").lower() == "remove"), {})
    filters = table(removed, "pathFilters")
    more = {
        "subtype": text(record, "recommenderSubtype"),
        "role": text(overview, "removedRole") or text(filters, "/iamPolicy/bindings/*/role"),
        "instead": tuple(role for role in items(overview, "addedRoles") if isinstance(role, str)),
        "condition": text(filters, "/iamPolicy/bindings/*/condition/expression"),
    }
    whom = text(overview, "member") or text(filters, "/iamPolicy/bindings/*/members/*")
    return _Told(whom, text(overview, "resource") or text(removed, "resource"), more)


def _movement(record: object) -> _Told:
    policy = table(record, "content", "impersonationPolicy")
    more = {
        "role": text(policy, "role"),
        "condition": text(policy, "condition", "expression"),
        "impersonates": tuple(one for one in items(record, "content", "targetServiceAccounts") if isinstance(one, str)),
        "google": flag(table(record, "content", "impersonator").get("isGoogleManaged")),
    }
    return _Told(text(policy, "member"), text(policy, "resource"), more)


def _use(record: object) -> _Told:
    place = text(record, "fullResourceName")
    found = ACCOUNT.fullmatch(place)
    more = {"key": (found[3] or "") if found else "", "used": text(record, "activity", "lastAuthenticatedTime")}
    return _Told(f"serviceAccount:{found[2]}" if found else "", place, more)


KINDS: Mapping[str, Callable[[object], _Told]] = {ROLES: _role, MOVEMENT: _movement, USE: _use, KEY_USE: _use}


def _project(record: object, told: _Told) -> str:
    """Name the project: its id where a resource or an account's address has it, else its number; what is above projects by its own name."""
    if (account := ACCOUNT.fullmatch(told.place)) is not None:
        return account[1]
    found = PROJECT.fullmatch(told.place) or NAME.fullmatch(text(record, "name"))
    if found is None or found[1] != "projects":
        return f"{found[1]}/{found[2]}" if found else ""
    homes = (parse_member(f"serviceAccount:{address}").home for address in told.more.get("impersonates", ()))
    return next(filter(None, homes), found[2]) if found[2].isdigit() else found[2]
