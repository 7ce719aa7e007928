"""The reader port over Google Cloud: service accounts and their keys, allow policies, settings, and what is denied to a principal."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.actions.gcp_iam_deny_principal import PART, deny_id
from ringfence.clouds.gcp import policies, settings_reader
from ringfence.clouds.gcp.session import FORBIDDEN, NOT_FOUND, ApiError, ask, upstream
from ringfence.domain.binding import Binding, address_of, bindings_of, held_by
from ringfence.domain.google import account_name, keeper
from ringfence.domain.google_settings import Thing, thing_of
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.member import Member, MemberKind, parse_member
from ringfence.domain.state import Credential, Document, Facet, FactKind, State
from ringfence.engine.ports import Absence, Wanted

# What reading each part takes (IAM documentation, "IAM permissions reference"); None: whatever is asked for.
READS: Mapping[Facet | None, tuple[str, ...]] = {
    None: ("iam.serviceAccounts.get", "iam.serviceAccounts.list", "resourcemanager.projects.get"),
    Facet.KEYS: ("iam.serviceAccountKeys.list",),
    Facet.BINDINGS: (
        "aiplatform.endpoints.getIamPolicy",
        "aiplatform.reasoningEngines.getIamPolicy",
        "bigquery.datasets.get",
        "cloudkms.cryptoKeys.getIamPolicy",
        "cloudkms.keyRings.getIamPolicy",
        "iam.serviceAccounts.getIamPolicy",
        "resourcemanager.folders.getIamPolicy",
        "resourcemanager.organizations.getIamPolicy",
        "resourcemanager.projects.getIamPolicy",
        "secretmanager.secrets.getIamPolicy",
        "storage.buckets.getIamPolicy",
    ),
    Facet.SETTINGS: ("iam.denypolicies.get", *(permission for some in settings_reader.READS.values() for permission in some)),
}
# Default accounts of Compute Engine and App Engine: the address has the number or the id of their project (IAM documentation, "Service accounts").
OF_A_PROJECT = re.compile(r"([^@]+?)(-compute@developer|@appspot)\.gserviceaccount\.com", re.ASCII | re.IGNORECASE)
MANAGED_BY_PEOPLE = {"keyTypes": "USER_MANAGED"}


class GoogleReader:
    """Reads whatever a step can change. Raises UpstreamError where Google does not answer or does not allow."""

    def __init__(self, deny_at: str = "", *, workspace: bool = False) -> None:
        """Take the resource at which deny policies are made, empty where none are, and whether it may ask the directory about users."""
        self._deny_at = deny_at
        self._workspace = workspace

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of a principal or resource. A service account of somebody else's project, which may not be read, is not known."""
        if identity.partition != GOOGLE:
            return Absence.NOT_KNOWN
        with upstream(f"reading {identity.name}"):
            try:
                return self._member(identity, wanted) if identity.kind is Kind.MEMBER else self._resource(identity, wanted)
            except ApiError as error:
                elsewhere = _elsewhere(identity)
                if error.number == NOT_FOUND:
                    return Absence.NOT_KNOWN if elsewhere else Absence.GONE
                if error.number == FORBIDDEN and elsewhere:
                    return Absence.NOT_KNOWN
                raise

    def accounts(self, project: str) -> Iterator[State]:
        """Give the service accounts of a project."""
        token = ""
        while True:
            with upstream(f"listing the service accounts of {project}"):
                page = {"pageSize": "100", **({"pageToken": token} if token else {})}
                listed: Mapping[str, Any] = ask("GET", "iam", f"/v1/projects/{project}/serviceAccounts", query=page)
            for found in listed.get("accounts", ()):
                identity = Identity.member(f"serviceAccount:{found['email']}", project, str(found["uniqueId"]))
                yield State(identity=identity, enabled=not found.get("disabled", False))
            token = str(listed.get("nextPageToken", ""))
            if not token:
                return

    def owner(self, access_key_id: str) -> Identity | Absence:  # noqa: ARG002 - the port's question about access keys of AWS
        """Nobody here has an access key of AWS."""
        return Absence.NOT_KNOWN

    def _member(self, identity: Identity, wanted: Wanted) -> State:
        address, account = address_of(identity.arn), parse_member(identity.arn)
        bindings = self._held(identity) if Facet.BINDINGS in wanted.facets else None
        settings = {**dict(self._denied(identity)), **self._in_the_directory(account)} if Facet.SETTINGS in wanted.facets else None
        if not address or account.service_agent:
            return State(identity=identity, bindings=bindings, settings=settings)
        name = account_name(account.home or identity.account, address)
        found: Mapping[str, Any] = ask("GET", "iam", f"/v1/{name}")
        live = Identity.member(identity.arn, identity.account, str(found["uniqueId"]))
        keys = self._keys(name) if Facet.KEYS in wanted.facets else None
        return State(identity=live, enabled=not found.get("disabled", False), credentials=keys, bindings=bindings, settings=settings)

    def _keys(self, name: str) -> tuple[Credential, ...]:
        """Give the keys that people made. When one was used, Google tells a day late: it counts as not known."""
        listed: Mapping[str, Any] = ask("GET", "iam", f"/v1/{name}/keys", query=MANAGED_BY_PEOPLE)
        return tuple(
            Credential(
                FactKind.SERVICE_ACCOUNT_KEY,
                str(key["name"]).rpartition("/")[2],
                "Inactive" if key.get("disabled") else "Active",
                used=None,
            )
            for key in listed.get("keys", ())
        )

    def _held(self, identity: Identity) -> tuple[Binding, ...] | None:
        """Give what a principal holds on the project in which it was seen; None where that is no project."""
        project = identity.account
        if not project or "/" in project:
            return None
        return held_by(bindings_of(policies.read(f"projects/{project}")), identity.arn)

    def _denied(self, identity: Identity) -> Iterator[tuple[str, Document]]:
        """Give our own deny policy of a principal. One that says anything else than we do is given whole, and so is seen to be another."""
        if not self._deny_at:
            return
        place = f"policies/cloudresourcemanager.googleapis.com%2F{self._deny_at.replace('/', '%2F')}/denypolicies"
        try:
            rules = ask("GET", "iam", f"/v2/{place}/{deny_id(identity)}").get("rules", ())
        except ApiError as error:
            if error.number == NOT_FOUND:
                return
            raise
        rule = rules[0].get("denyRule", {}) if len(rules) == 1 else {}
        plain = rule.keys() == {"deniedPrincipals", "deniedPermissions"}
        yield (
            PART,
            {"principals": sorted(rule["deniedPrincipals"]), "permissions": sorted(rule["deniedPermissions"])}
            if plain
            else {"rules": rules},
        )

    def _in_the_directory(self, member: Member) -> Mapping[str, Document]:
        asks = self._workspace and member.kind is MemberKind.USER and not member.deleted and bool(member.domain)
        return settings_reader.suspended(member.id) if asks else {}

    def _resource(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give what is asked for, as far as it is there: a log sink has no allow policy, a data set no settings that a step changes."""
        name, thing = identity.arn, thing_of(identity.arn) if Facet.SETTINGS in wanted.facets else None
        binds = Facet.BINDINGS in wanted.facets and bool(keeper(name))
        policy = policies.read(name) if binds or thing is Thing.SCOPE else {}
        settings: Mapping[str, Document] | None = None
        if thing is not None:
            settings = settings_reader.audit_of(policy) if thing is Thing.SCOPE else settings_reader.settings_of(thing, name)
            if settings is None:
                return Absence.GONE
        return State(identity=identity, bindings=tuple(bindings_of(policy)) if binds else None, settings=settings)

    def projects(self) -> Iterator[str]:
        """Give the ids of all projects that may be seen, and are not being deleted (Resource Manager v3 reference, `projects.search`)."""
        token = ""
        while True:
            with upstream("searching for projects"):
                page = {"pageSize": "500", **({"pageToken": token} if token else {})}
                listed: Mapping[str, Any] = ask("GET", "cloudresourcemanager", "/v3/projects:search", query=page)
            for found in listed.get("projects", ()):
                if found.get("state") != "DELETE_REQUESTED":
                    yield str(found["projectId"])
            token = str(listed.get("nextPageToken", ""))
            if not token:
                return


def _elsewhere(identity: Identity) -> bool:
    """Whether a service account is, or may be, of another project than the one in which it was seen: what is not found there may exist."""
    member = parse_member(identity.arn)
    default = OF_A_PROJECT.fullmatch(member.id) if member.kind is MemberKind.SERVICE_ACCOUNT else None
    return (default[1] if default else member.home) not in ("", identity.account)
