"""Security Command Center findings (SCC documentation, "Notifications" and "Finding"), v1 and v2, as they are sent and as they were logged once.

Shapes: a notification {finding, resource}, several {findings: ...}, and the older log entry with `jsonPayload`; fields in camel and snake case. Unknown
fields are passed over: real payloads hold some that the schema does not know.
"""

import re
from collections.abc import Mapping
from typing import Any

from ringfence.domain.data import written
from ringfence.domain.event import Event, Outcome, SetAside, Source
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.raw import flag, items, moment, table, text
from ringfence.sources._read import Envelope

FOREIGN_MARK = "sra-remediated-event-time"  # security-response-automation marks what it has handled
OWN_MARK = "ringfence-job"
WORDS = re.compile(r"[^a-z0-9]+", re.ASCII)
KEY = re.compile(r"serviceAccounts/([^/]+)/keys/([0-9a-f]{6,64})", re.ASCII)
ADDRESS = re.compile(
    r"[A-Za-z0-9][A-Za-z0-9._%+'-]{0,127}@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)+", re.ASCII
)
OF_ACCOUNTS = ".gserviceaccount.com"
PROJECT = re.compile(r"//cloudresourcemanager\.googleapis\.com/projects/([^/]+)", re.ASCII)


def recognises(envelope: Envelope) -> bool:
    """A finding with a category, a notification, or the threat-detection log."""
    detail = envelope.detail
    log = text(detail, "logName")
    return bool(
        text(detail, "finding", "category")
        or detail.keys() & {"notificationConfigName", "notification_config_name", "sourceProperties"}
        or ("findings" in detail and detail.keys() & {"resource", "sourceProperties"})
        or (text(detail, "category") and "/findings/" in text(detail, "name"))
        or ("jsonPayload" in detail and ("threatdetection" in log or "securitycenter" in log or "findings" in log))
    )


def heard_as(category: str) -> str:
    """Name a category as guardrails hear it: its words in lower case. Producers spell one category in several ways, and rename it."""
    return WORDS.sub(" ", category.lower()).strip()


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Make the one event of a finding."""
    detail = envelope.detail
    finding = table(detail, "finding") or table(detail, "findings") or table(detail, "jsonPayload") or detail
    found = _Reading(detail, finding)
    who = found.identity()
    category = found.first("category") or text(finding, "detectionCategory", "ruleName")
    return (
        Event(
            source=Source.GCP_SCC,
            name=category,
            heard_as=heard_as(category),
            id=found.first("name"),
            time=moment(finding.get("eventTime")) or moment(finding.get("event_time")),
            account=found.project(),
            partition=GOOGLE,
            subject=who,
            parameters={
                "severity": found.first("severity"),
                "class": found.first("findingClass", "finding_class"),
                "module": found.first("moduleName", "module_name"),
                "key": found.key(),
                "address": text(finding, "access", "callerIp") or text(finding, "access", "caller_ip"),
                "roles": [text(binding, "role") for binding in items(finding, "iamBindings") if text(binding, "role")],
                "reads": found.places("sources"),
                "writes": found.places("targets"),
            },
            set_aside=_aside(detail, finding) or (None if category else SetAside(Outcome.UNSUPPORTED, "the finding names no category")),
        ),
    )


def _aside(detail: Mapping[str, Any], finding: Mapping[str, Any]) -> SetAside | None:
    """Say why a finding is not judged: handled, gone, inactive or muted."""
    marks = {**table(finding, "securityMarks", "marks"), **table(finding, "security_marks", "marks")}
    mark = next((m for m in (OWN_MARK, FOREIGN_MARK) if m in marks), "")
    if mark:
        return SetAside(Outcome.IGNORED, f"already handled: it carries the mark {mark}")
    if flag(detail.get("deletedFinding")) or flag(detail.get("deleted_finding")):
        return SetAside(Outcome.IGNORED, "a deleted finding")
    if text(finding, "state") == "INACTIVE":
        return SetAside(Outcome.IGNORED, "an inactive finding")
    return SetAside(Outcome.IGNORED, "a muted finding") if text(finding, "mute") == "MUTED" else None


class _Reading:
    """Reads one finding, whatever its spelling."""

    def __init__(self, detail: Mapping[str, Any], finding: Mapping[str, Any]) -> None:
        self.detail, self.finding = detail, finding
        self.properties = {**table(finding, "sourceProperties"), **table(finding, "source_properties")}

    def first(self, *names: str) -> str:
        """Give the first of some fields that is there."""
        return next((value for name in names if (value := text(self.finding, name))), "")

    def project(self) -> str:
        """Name the project: its id where the payload has it, else its number; what is above projects by its own name."""
        resource = table(self.detail, "resource")
        named = (
            text(self.properties, "project_identifier") or text(resource, "projectDisplayName") or text(resource, "project_display_name")
        )
        named = named or text(resource, "gcpMetadata", "projectDisplayName") or text(resource, "gcp_metadata", "project_display_name")
        place = self.first("resourceName", "resource_name") or text(resource, "name")
        numbered = (
            PROJECT.search(place) or PROJECT.search(text(resource, "project")) or PROJECT.search(text(resource, "gcpMetadata", "project"))
        )
        return named or (numbered[1] if numbered else place.removeprefix("//cloudresourcemanager.googleapis.com/"))

    def identity(self) -> Identity | None:
        """Name whom it is about: the principal of the access, the compromised account, or whom a binding names.

        A group, a set, a domain or everybody is nobody who did something: then nobody is named, and a person has to look.
        """
        access = table(self.finding, "access")
        key = KEY.search(self._key_name())
        told = (
            text(access, "principalEmail"),
            text(access, "principal_email"),
            text(self.properties, "compromised_account"),
            key[1] if key else "",
        )
        email = next(filter(None, told), "")
        if email:
            return self._member(email)
        subject = text(access, "principalSubject") or text(access, "principal_subject")
        bound = next((text(binding, "member") for binding in items(self.finding, "iamBindings") if text(binding, "member")), "")
        member = parse_member(subject or bound)
        if member.kind in (MemberKind.USER, MemberKind.SERVICE_ACCOUNT) and not member.deleted:
            return self._member(member.id, member.kind)
        return Identity.member(member.text, self.project()) if member.kind is MemberKind.PRINCIPAL else None

    def _member(self, address: str, kind: MemberKind | None = None) -> Identity | None:
        """Name a user or a service account by its address; nobody where that is none: what follows would be done to whomever it can be read as."""
        if not ADDRESS.fullmatch(address):
            return None
        told = kind or (MemberKind.SERVICE_ACCOUNT if address.lower().endswith(OF_ACCOUNTS) else MemberKind.USER)
        return Identity.member(f"{told}:{address}", self.project())

    def places(self, which: str) -> tuple[str, ...]:
        """Name what data left, or where it went: as configuration writes it where that is possible."""
        names = (text(place, "name") for place in items(self.finding, "exfiltration", which))
        return tuple(dict.fromkeys(written(name) or name for name in names if name))

    def key(self) -> str:
        """Give the id of the service account's key that it is about; empty where it names none."""
        found = KEY.search(self._key_name())
        return found[2] if found else text(self.properties, "private_key_identifier")

    def _key_name(self) -> str:
        access = table(self.finding, "access")
        return text(access, "serviceAccountKeyName") or text(access, "service_account_key_name")
