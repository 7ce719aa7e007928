"""GuardDuty findings in the shapes in which they arrive.

EventBridge's camelCase detail, bare or enveloped; the PascalCase of `GetFindings`, bare or enveloped. The fourth shape, ASFF inside
Security Hub, is opened by `aws_security_hub`.

Fields: GuardDuty API Reference, "Finding"; User Guide, "Processing findings with EventBridge". `service.count` and `updatedAt`
grow with each repetition; the id stays, and deduplication goes by it.
"""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Event, Outcome, SetAside, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.sources._read import Envelope, dig, flag, items, moment, number, table, text


def recognises(envelope: Envelope) -> bool:
    """A finding has a type and a resource or service; an envelope may say so too."""
    detail = envelope.detail
    if envelope.source == "aws.guardduty":
        return True
    kind = text(detail, "type") or text(detail, "Type")
    return ":" in kind and any(key in detail for key in ("service", "Service", "resource", "Resource", "schemaVersion", "SchemaVersion"))


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Give the one event of the finding."""
    detail = envelope.detail
    finding = lower_camel(detail) if "Type" in detail or "Service" in detail else detail
    return (event_of(finding, Source.GUARDDUTY, envelope),)


def event_of(finding: Mapping[str, Any], source: Source, envelope: Envelope) -> Event:
    """Make the event of a camelCase finding."""
    kind = text(finding, "type")
    account = text(finding, "accountId") or envelope.account
    partition = text(finding, "partition") or "aws"
    who = subject(finding, account, partition)
    return Event(
        source=source,
        name=kind,
        id=text(finding, "id") or envelope.id,
        time=moment(finding.get("updatedAt")) or moment(finding.get("createdAt")) or envelope.time,
        since=moment(dig(finding, "service", "eventFirstSeen")),
        account=account,
        region=text(finding, "region") or envelope.region,
        partition=partition,
        actor=None,
        subject=who,
        parameters={
            "severity": number(finding.get("severity")),
            "user_type": text(finding, "resource", "accessKeyDetails", "userType"),
            "access_key_id": text(finding, "resource", "accessKeyDetails", "accessKeyId"),
            "title": text(finding, "title"),
        },
        set_aside=set_aside(finding, kind),
    )


def set_aside(finding: Mapping[str, Any], kind: str) -> SetAside | None:
    """Samples and archived findings are understood and not acted on; one without a type cannot be judged."""
    if _sample(finding) or text(finding, "title").startswith("[SAMPLE]"):
        return SetAside(Outcome.IGNORED, "a sample finding")
    if flag(dig(finding, "service", "archived")):
        return SetAside(Outcome.IGNORED, "an archived finding")
    if not kind:
        return SetAside(Outcome.UNSUPPORTED, "a GuardDuty finding without a type")
    if kind.startswith("AttackSequence:") and not table(finding, "service", "detection"):
        return SetAside(Outcome.UNSUPPORTED, f"{kind} without service.detection names no principal: a person has to look")
    return None


def _sample(finding: Mapping[str, Any]) -> bool:
    """Whether `service.additionalInfo` marks a sample: as EventBridge writes it, or as the API does, as JSON text under `value`."""
    extra = table(finding, "service", "additionalInfo")
    return flag(extra.get("sample")) or '"sample":true' in text(extra, "value").replace(" ", "").lower()


def subject(finding: Mapping[str, Any], account: str, partition: str) -> Identity | None:
    """Name the identity whose credentials the finding is about; `userType` decides what its name means."""
    details = table(finding, "resource", "accessKeyDetails")
    principal = text(details, "principalId").split(":")[0] or None
    name = text(details, "userName").split("/")[0]
    match text(details, "userType"):
        case "AssumedRole" | "Role" if name:
            return Identity.of(Kind.ROLE, name, account, partition, principal)
        case "IAMUser" if name:
            return Identity.of(Kind.USER, name, account, partition, principal)
        case "Root":
            return Identity.of(Kind.ROOT, "root", account, partition)
        case _:
            return _sequence_actor(finding, account, partition)


def _sequence_actor(finding: Mapping[str, Any], account: str, partition: str) -> Identity | None:
    for entry in items(finding, "service", "detection", "sequence", "actors"):
        name, uid = text(entry, "user", "name"), text(entry, "user", "uid").split(":")[0] or None
        match text(entry, "user", "type"):
            case "IAMUser" if name:
                return Identity.of(Kind.USER, name, account, partition, uid)
            case "AssumedRole" if name:
                return Identity.of(Kind.ROLE, name, account, partition, uid)
    return None


def lower_camel(value: Any) -> Any:
    """Read PascalCase keys as the camelCase that EventBridge delivers."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower_camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lower_camel(item) for item in value]
    return value
