"""GuardDuty findings in the shapes in which they arrive.

EventBridge's camelCase detail, bare or enveloped; the PascalCase of `GetFindings`, bare or enveloped. The fourth shape, ASFF inside
Security Hub, is opened by `aws_security_hub`.

Fields: GuardDuty API Reference, "Finding"; User Guide, "Processing findings with EventBridge". `service.count` and `updatedAt`
grow with each repetition; the id stays, and deduplication goes by it.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.domain.event import Event, Outcome, SetAside, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import dig, flag, items, moment, number, table, text
from ringfence.sources._read import Envelope


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
    actors = subjects(finding, account, partition)
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
        subject=actors[0] if actors else None,
        also=actors[1:],
        session=text(finding, "resource", "accessKeyDetails", "principalId").partition(":")[2],
        parameters={
            "severity": number(finding.get("severity")),
            "user_type": text(finding, "resource", "accessKeyDetails", "userType"),
            "access_key_id": text(finding, "resource", "accessKeyDetails", "accessKeyId"),
            "title": text(finding, "title"),
            "address": _address(finding),
            "buckets": _buckets(finding),
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
    return None


def _sample(finding: Mapping[str, Any]) -> bool:
    """Whether `service.additionalInfo` marks a sample: as EventBridge writes it, or as the API does, as JSON text under `value`."""
    extra = table(finding, "service", "additionalInfo")
    return flag(extra.get("sample")) or '"sample":true' in text(extra, "value").replace(" ", "").lower()


def subjects(finding: Mapping[str, Any], account: str, partition: str) -> tuple[Identity, ...]:
    """Name the identities whose credentials the finding is about: one, or of an attack sequence all of its actors."""
    one = _subject(finding, account, partition)
    return (one,) if one is not None else tuple(dict.fromkeys(_sequence_actors(finding, account, partition)))


def _subject(finding: Mapping[str, Any], account: str, partition: str) -> Identity | None:
    """Name the identity of `accessKeyDetails`; `userType` decides what its name means."""
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
            return None


def _sequence_actors(finding: Mapping[str, Any], account: str, partition: str) -> Iterator[Identity]:
    for entry in items(finding, "service", "detection", "sequence", "actors"):
        name, uid = text(entry, "user", "name"), text(entry, "user", "uid").split(":")[0] or None
        home = text(entry, "user", "account", "uid") or account
        match text(entry, "user", "type"):
            case "IAMUser" if name:
                yield Identity.of(Kind.USER, name, home, partition, uid)
            case "AssumedRole" if name:
                yield Identity.of(Kind.ROLE, name.split("/")[0], home, partition, uid)
            case "Root":
                yield Identity.of(Kind.ROOT, "root", home, partition)


def _address(finding: Mapping[str, Any]) -> str:
    action = table(finding, "service", "action")
    found = (text(value, "remoteIpDetails", "ipAddressV4") for value in action.values() if isinstance(value, Mapping))
    return next((address for address in found if address), "")


def _buckets(finding: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the buckets that a finding of S3 or an attack sequence is about."""
    plain = [text(bucket, "name") for bucket in items(finding, "resource", "s3BucketDetails")]
    of_sequence = [
        text(entry, "uid").rpartition(":")[2]
        for entry in items(finding, "service", "detection", "sequence", "resources")
        if text(entry, "resourceType") == "S3_BUCKET"
    ]
    return tuple(dict.fromkeys(name for name in (*plain, *of_sequence) if name))


def lower_camel(value: Any) -> Any:
    """Read PascalCase keys as the camelCase that EventBridge delivers."""
    if isinstance(value, Mapping):
        return {key[:1].lower() + key[1:]: lower_camel(item) for key, item in value.items()}
    if isinstance(value, list):
        return [lower_camel(item) for item in value]
    return value
