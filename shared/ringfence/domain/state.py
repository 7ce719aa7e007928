"""The state of one identity or other target, in parts (facets) that are read only when somebody needs them.

A facet that was not read is None and is never taken for empty: `NotReadError`. A **fact** is one changeable property of an
identity with one value (a policy is attached, a key is Active); steps change one fact each, and preconditions, postconditions,
verification and undo all compare facts.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ringfence.domain.binding import Binding
from ringfence.domain.canonical import digest
from ringfence.domain.identity import Identity
from ringfence.errors import NotReadError

Document = Mapping[str, Any]


class Facet(StrEnum):
    """A part of the state that costs calls of its own."""

    ATTACHED = "attached"
    INLINE = "inline"
    DOCUMENTS = "documents"  # of the attached policies that are named, default version
    EVERY_DOCUMENT = "every document"  # of all attached policies
    GROUPS = "groups"  # that a user is in
    MEMBERS = "members"  # of a group; of a policy, who holds it
    VERSIONS = "versions"  # of a policy
    SETTINGS = (
        "settings"  # of a trail, of the logging of model invocations, of a resource of Google Cloud; what is denied to a principal there
    )
    BINDINGS = "bindings"  # of a resource of Google Cloud: its allow policy; of a principal there, what it holds on its own project
    MFA = "mfa"
    LOGIN = "login"
    KEYS = "keys"  # access keys, service-specific credentials, SSH keys and signing certificates; the keys of a service account
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
    BINDING = "binding"  # of an allow policy of Google Cloud; key: `Binding.key`; value: "bound" or None
    SERVICE_ACCOUNT_KEY = "service-account-key"  # key: its id; value: Active, Inactive or None
    SERVICE_ACCOUNT = "service-account"  # key: its address; value: Active or Inactive


CREDENTIALS = (
    FactKind.ACCESS_KEY,
    FactKind.SERVICE_CREDENTIAL,
    FactKind.SSH_KEY,
    FactKind.CERTIFICATE,
    FactKind.SERVICE_ACCOUNT_KEY,
)


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
    settings: Mapping[str, Document] | None = None  # by part; what is off or gone has no part
    bindings: tuple[Binding, ...] | None = None
    enabled: bool | None = None  # a service account of Google Cloud
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
            case FactKind.BINDING | FactKind.SERVICE_ACCOUNT:
                return self._value_on_google(fact)
            case _:
                held = read(self.credentials, "credentials")
                return next((c.status for c in held if c.kind is fact.kind and c.id == fact.key), None)

    def _value_on_google(self, fact: Fact) -> str | None:
        if fact.kind is FactKind.SERVICE_ACCOUNT:
            return "Active" if read(self.enabled, "status of the service account") else "Inactive"
        return "bound" if any(b.key == fact.key for b in read(self.bindings, "bindings")) else None


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
    FactKind.BINDING: (Facet.BINDINGS,),
    FactKind.SERVICE_ACCOUNT_KEY: (Facet.KEYS,),
    FactKind.SERVICE_ACCOUNT: (),
}


def read[T](facet: T | None, name: str) -> T:
    """Give a facet that must have been read."""
    if facet is None:
        raise NotReadError(f"the {name} of this identity were not read", "Name the facet in `reads` of the guardrail or action")
    return facet
