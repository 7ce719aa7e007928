"""The state of one identity or other target, in parts (facets) that are read only when somebody needs them.

A facet that was not read is None and is never taken for empty: `NotReadError`. A **fact** is one changeable property of an
identity with one value (a policy is attached, a key is Active); steps change one fact each, and preconditions, postconditions,
verification and undo all compare facts.
"""

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

import rfc8785
from msgspec import Struct

from ringfence.domain.identity import Identity
from ringfence.errors import NotReadError

Document = Mapping[str, Any]
BEYOND = 2**53  # from here on not every integer is a double


class Facet(StrEnum):
    """A part of the state that costs calls of its own."""

    ATTACHED = "attached"
    INLINE = "inline"
    DOCUMENTS = "documents"  # of the attached policies that are named, default version
    EVERY_DOCUMENT = "every document"  # of all attached policies
    GROUPS = "groups"  # that a user is in
    MEMBERS = "members"  # of a group; of a policy, who holds it
    VERSIONS = "versions"  # of a policy
    SETTINGS = "settings"  # of a trail, or of the logging of model invocations
    MFA = "mfa"
    LOGIN = "login"
    KEYS = "keys"  # access keys, service-specific credentials, SSH keys and signing certificates
    KEY_USE = "key use"  # when an access key was used last


class FactKind(StrEnum):
    """The properties that a step may change."""

    ATTACHED = "attached-policy"  # key: policy ARN; value: "attached" or None
    INLINE = "inline-policy"  # key: policy name; value: SHA-256 of the document or None
    BOUNDARY = "permissions-boundary"  # key: "boundary"; value: policy ARN or None
    ACCESS_KEY = "access-key"  # key: access key id; value: Active, Inactive or None
    SERVICE_CREDENTIAL = "service-credential"
    SSH_KEY = "ssh-public-key"
    CERTIFICATE = "signing-certificate"
    TRUST = "trust-policy"  # key: "trust"; value: SHA-256 of the document
    GROUP = "group-membership"  # key: group name; value: "member" or None
    DEFAULT_VERSION = "default-version"  # of a policy; key: "default"; value: version id
    SETTINGS = "settings"  # key: which part of the settings; value: SHA-256 of that part, None where there is none


CREDENTIALS = (FactKind.ACCESS_KEY, FactKind.SERVICE_CREDENTIAL, FactKind.SSH_KEY, FactKind.CERTIFICATE)


class Fact(Struct, frozen=True):
    """The name of one changeable property."""

    kind: FactKind
    key: str


class Credential(Struct, frozen=True):
    """A credential of a user and its status, `Active` or `Inactive`. `used` is known only where facet KEY_USE was read."""

    kind: FactKind
    id: str
    status: str
    service: str = ""  # of a service-specific credential
    used: bool | None = None  # ever; None: not known


class State(Struct, frozen=True, kw_only=True):
    """What an identity is now. Facets are None until they are read."""

    identity: Identity
    created: datetime | None = None  # None: not known
    last_used: datetime | None = None  # of a role or a password; None: not known, or never
    trust: Document | None = None  # roles
    tags: Mapping[str, str] = {}
    boundary: str | None = None
    attached: tuple[str, ...] | None = None  # policy ARNs
    documents: Mapping[str, Document] | None = None  # policy ARN -> default version
    inline: Mapping[str, Document] | None = None  # policy name -> document
    groups: tuple[str, ...] | None = None  # names of the groups that a user is in
    members: tuple[Identity, ...] | None = None  # of a group; of a policy, who holds it
    default_version: str | None = None  # of a policy
    versions: Mapping[str, Document] | None = None  # of a policy: version id -> document
    settings: Mapping[str, Document] | None = None  # of a trail or of model logging, by part; what is off or gone has no part
    mfa: tuple[str, ...] | None = None  # serial numbers
    login: bool | None = None  # has a console password
    credentials: tuple[Credential, ...] | None = None

    def value(self, fact: Fact) -> str | None:
        """Give the value of a fact, None where it does not hold; raise NotReadError where its facet was not read."""
        match fact.kind:
            case FactKind.ATTACHED:
                return "attached" if fact.key in read(self.attached, "attached policies") else None
            case FactKind.INLINE:
                document = read(self.inline, "inline policies").get(fact.key)
                return None if document is None else digest(document)
            case FactKind.BOUNDARY:
                return self.boundary
            case FactKind.TRUST:
                return None if self.trust is None else digest(self.trust)
            case FactKind.GROUP:
                return "member" if fact.key in read(self.groups, "groups") else None
            case FactKind.DEFAULT_VERSION:
                read(self.versions, "versions")
                return self.default_version
            case FactKind.SETTINGS:
                part = read(self.settings, "settings").get(fact.key)
                return None if part is None else digest(part)
            case _:
                held = read(self.credentials, "credentials")
                return next((c.status for c in held if c.kind is fact.kind and c.id == fact.key), None)


FACETS = {
    FactKind.ATTACHED: (Facet.ATTACHED,),
    FactKind.INLINE: (Facet.INLINE,),
    FactKind.BOUNDARY: (),
    FactKind.ACCESS_KEY: (Facet.KEYS,),
    FactKind.SERVICE_CREDENTIAL: (Facet.KEYS,),
    FactKind.SSH_KEY: (Facet.KEYS,),
    FactKind.CERTIFICATE: (Facet.KEYS,),
    FactKind.TRUST: (),
    FactKind.GROUP: (Facet.GROUPS,),
    FactKind.DEFAULT_VERSION: (Facet.VERSIONS,),
    FactKind.SETTINGS: (Facet.SETTINGS,),
}


def read[T](facet: T | None, name: str) -> T:
    """Give a facet that must have been read."""
    if facet is None:
        raise NotReadError(f"the {name} of this identity were not read", "Name the facet in `reads` of the guardrail or action")
    return facet


def canonical(value: object) -> bytes:
    """Give the RFC 8785 bytes of a JSON value.

    RFC 8785 knows no integers from 2^53 on, no infinities and no half characters; policy documents may hold them, so those are written
    as text.
    """
    return rfc8785.dumps(_plain(value))


def digest(value: object) -> str:
    """SHA-256 over the RFC 8785 bytes of a JSON value, as lower-case hex."""
    return hashlib.sha256(canonical(value)).hexdigest()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, str) and not value.isprintable() and any("\ud800" <= char <= "\udfff" for char in value):
        return f"text {value!a}"  # half a character: JSON can write it, UTF-8 cannot
    odd = (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and abs(value) >= BEYOND)
    return f"number {value}" if odd else value
