"""aws-model-invocation-logging-off: Bedrock's logging of model invocations was removed, reduced or sent elsewhere."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Source
from ringfence.domain.finding import Case, Finding, Guardrail, Judged, Severity, Standards, Trigger, Unknown, Verdict
from ringfence.domain.state import Facet

DELETED, PUT = "DeleteModelInvocationLoggingConfiguration", "PutModelInvocationLoggingConfiguration"
FOUND = "DefenseEvasion:IAMUser/BedrockLoggingDisabled"
DELIVERED = (
    "textDataDeliveryEnabled",
    "imageDataDeliveryEnabled",
    "embeddingDataDeliveryEnabled",
    "videoDataDeliveryEnabled",
    "audioDataDeliveryEnabled",
)
PLACES = {"s3Config": "bucketName", "cloudWatchConfig": "logGroupName"}


def check(case: Case) -> Verdict:
    """Fire when it is deleted, delivers less than before, or delivers to another place; the first configuration is fine."""
    event = case.event
    if event is None:
        return None
    if event.name == FOUND:
        return _finding(case, event, "switched the logging of model invocations off")
    if event.name == DELETED:
        return _finding(case, event, "deleted the logging of model invocations")
    now = event.parameters.get("loggingConfig")
    if not isinstance(now, dict):
        return Unknown("the event does not tell the new configuration")
    if not any(place in now for place in PLACES):
        return _finding(case, event, "left the logging of model invocations no place to deliver to")
    if case.before is None or case.before.settings is None:
        return Unknown("how model invocations were logged before is not known: there is no snapshot of it")
    before = case.before.settings.get("configuration")
    what = _less(before, now) if before is not None else ""
    return _finding(case, event, what) if what else None


def _less(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if lost := [name for name in DELIVERED if before.get(name) and now.get(name) is False]:
        return f"took out of the logging of model invocations: {', '.join(lost)}"
    moved = [place for place in PLACES if _place(before, place) and _place(before, place) != _place(now, place)]
    return f"sends the logs of model invocations elsewhere ({', '.join(moved)})" if moved else ""


def _place(configuration: Mapping[str, Any], place: str) -> str:
    found = configuration.get(place)
    return str(found.get(PLACES[place], "")) if isinstance(found, dict) else ""


def _finding(case: Case, event: Event, what: str) -> Finding:
    return Finding(
        guardrail=GUARDRAIL.id,
        severity=GUARDRAIL.severity,
        identity=case.identity,
        reason=f"{case.identity.name} {what} in {event.region}",
        evidence={"region": event.region},
        actions=GUARDRAIL.actions if case.target else (),
    )


GUARDRAIL = Guardrail(
    id="aws-model-invocation-logging-off",
    title="Bedrock model-invocation logging removed or redirected",
    severity=Severity.HIGH,
    why="Without these logs nobody sees what a stolen key asks the models, nor what leaves in prompts.",
    triggers=(
        *(Trigger(Source.CLOUDTRAIL, name, Judged.ACTOR, "bedrock") for name in (DELETED, PUT)),
        Trigger(Source.GUARDDUTY, FOUND, Judged.ACTOR),
    ),
    reads_target=frozenset({Facet.SETTINGS}),
    compares=True,
    actions=("aws.bedrock.restore-invocation-logging",),
    standards=Standards(attack=("T1562.008",), atlas=("AML.T0040",), nist=("AU-12", "AU-9")),
    false_positives="The first set-up of a region.",
    check=check,
)
