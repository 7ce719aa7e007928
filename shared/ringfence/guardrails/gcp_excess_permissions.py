"""gcp-excess-permissions: a principal of an AI project holds what nobody uses, or reaches into another project."""

from collections.abc import Callable, Mapping
from datetime import timedelta

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Severity, Standards, Trigger, Unknown, Verdict, some_of
from ringfence.domain.raw import moment
from ringfence.domain.state import Facet
from ringfence.guardrails._google import short

# What `review` tells of the IAM recommender's recommendations and insights, and of Policy Analyzer's activities.
ROLES, MOVEMENT = "google.iam.policy.Recommender", "google.iam.policy.LateralMovementInsight"
USE, KEY_USE = "serviceAccountLastAuthentication", "serviceAccountKeyLastAuthentication"
LESS = ("REMOVE_ROLE", "REPLACE_ROLE")  # what subtypes begin with that say a role is too much


def check(case: Case) -> Verdict:
    """Fire on each such recommendation and insight, and on an account or a key without use for as many days as the configuration says."""
    event = case.event
    return None if event is None else JUDGES[event.name](case, event)


def _role(case: Case, event: Event) -> Verdict:
    if not event.parameters["subtype"].startswith(LESS):
        return None
    instead = ", ".join(map(short, event.parameters["instead"]))
    what = f"does not need {_grant(event)}" + (f": {instead} would do" if instead else "")
    deltas = () if event.parameters["condition"] else ({"role": event.parameters["role"], "member": case.identity.arn},)
    return _finding(case, event, what, deltas)


def _movement(case: Case, event: Event) -> Verdict:
    if event.parameters["google"]:
        return None
    accounts = event.parameters["impersonates"]
    whom = some_of(accounts, 3)
    return _finding(case, event, f"may become {whom or 'service accounts'} of another project, by {_grant(event)}")


def _use(case: Case, event: Event) -> Verdict:
    return _unused(case, event, "was not used", case.settings.unused_role_days)


def _key_use(case: Case, event: Event) -> Verdict:
    return _unused(case, event, f"has a key that was not used (key {event.parameters['key']})", case.settings.unused_key_days)


def _unused(case: Case, event: Event, what: str, days: int) -> Verdict:
    """Say since when there was no use: since the last one, or since it was watched first."""
    since = moment(event.parameters["used"]) or moment(event.parameters["since"])
    if since is None:
        return Unknown(f"when {case.identity.name} was used last is not told")
    return _finding(case, event, f"{what} since {since:%Y-%m-%d}") if case.now - since >= timedelta(days=days) else None


def _grant(event: Event) -> str:
    return f"{short(event.parameters['role'])} on {event.parameters['resource'].removeprefix('//').partition('/')[2]}"


def _finding(case: Case, event: Event, what: str, deltas: tuple[Mapping[str, str], ...] = ()) -> Finding:
    known = {key: event.parameters.get(key) for key in ("resource", "role", "condition", "instead", "impersonates", "key")}
    told = {key: list(value) if isinstance(value, tuple) else value for key, value in known.items() if value}
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what}",
        evidence={"kind": event.name, **told, **({"deltas": deltas} if deltas else {})},
        actions=GUARDRAIL.actions if deltas else (),
        standing=True,
    )


JUDGES: Mapping[str, Callable[[Case, Event], Verdict]] = {ROLES: _role, MOVEMENT: _movement, USE: _use, KEY_USE: _key_use}
GUARDRAIL = Guardrail(
    id="gcp-excess-permissions",
    title="Excess or unused permissions on AI principals of Google Cloud",
    severity=Severity.LOW,
    why="What nobody uses is missed by nobody but the thief who finds it.",
    triggers=tuple(Trigger(Source.OTHER, name) for name in JUDGES),
    reads_target=frozenset({Facet.BINDINGS}),
    actions=("gcp.iam.remove-binding",),
    standards=Standards(attack=("T1078.004",), cis=("gcp-v5:1.6",), nist=("AC-2(3)", "AC-6(7)")),
    false_positives="Jobs that run once a quarter: an exception with its end, or dismiss the recommendation in Google Cloud.",
    check=check,
)
