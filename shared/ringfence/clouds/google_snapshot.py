"""States out of a snapshot of Google Cloud projects. Whoever asks for a part that could not be read learns that it is not known."""

from collections.abc import Mapping

from ringfence.actions.gcp_iam_deny_principal import PART, deny_id
from ringfence.clouds.google_snapshot_form import AGAIN, Key, Project, Snapshot
from ringfence.domain.audit_config import audited
from ringfence.domain.binding import address_of, bindings_of, held_by
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.member import parse_member
from ringfence.domain.state import Credential, Document, Facet, FactKind, State
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import UsageError
from ringfence.iam.google.allow import parse


class GoogleSnapshotReader:
    """The reader port over a snapshot. What is not in it, or not all that somebody asks for, is not known."""

    def __init__(self, snapshot: Snapshot) -> None:
        """Take the snapshot; raise UsageError where an allow policy in it is damaged: what cannot be read of one would seem to grant nothing."""
        self.snapshot = snapshot
        self.projects = {name: project for project in snapshot.projects for name in (project.id, project.number) if name}
        self.places = {place.name: place for place in snapshot.places()} | {
            f"projects/{name}": p.place for name, p in self.projects.items()
        }
        self.roles = {role.name: role for place in snapshot.places() for role in place.roles or ()}
        self.accounts = {account.email.casefold(): account for project in snapshot.projects for account in project.accounts or ()}
        for place in snapshot.places():
            if place.policy is not None and (problems := parse(place.policy).problems):
                said = f"{place.name}: {problems[0].where} {problems[0].what}"
                raise UsageError(f"this snapshot of Google Cloud is damaged: {said}", AGAIN)

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of a principal or resource of the snapshot, where all that is wanted of it is known."""
        if identity.partition != GOOGLE:
            return Absence.NOT_KNOWN
        state = self._member(identity) if identity.kind is Kind.MEMBER else self._resource(identity)
        return Absence.NOT_KNOWN if state is None or self._lacks(state, wanted) else state

    def owner(self, access_key_id: str) -> Identity | Absence:  # noqa: ARG002 - the port's question about access keys of AWS
        """Nobody here has an access key of AWS."""
        return Absence.NOT_KNOWN

    def _lacks(self, state: State, wanted: Wanted) -> bool:
        """Whether a part of a principal is wanted and was not read. Where it was seen above all projects, it holds nothing on one."""
        if state.identity.kind is not Kind.MEMBER:
            return False
        keys, above = state.enabled is not None and state.credentials is None, "/" in state.identity.account
        return (
            (Facet.KEYS in wanted.facets and keys)
            or (Facet.SETTINGS in wanted.facets and state.settings is None)
            or (Facet.BINDINGS in wanted.facets and state.bindings is None and not above)
        )

    def _member(self, identity: Identity) -> State | None:
        project, member, address = self.projects.get(identity.account), parse_member(identity.arn), address_of(identity.arn)
        if project is None and identity.account not in self.places:
            return None
        policy = None if project is None else project.place.policy
        bindings = None if policy is None else held_by(bindings_of(policy), identity.arn)
        settings = self._denied(identity, project)
        if not address or member.service_agent:
            return State(identity=identity, bindings=bindings, settings=settings)
        account = self.accounts.get(address.casefold())
        if account is None:
            return None
        live = Identity.member(identity.arn, identity.account, account.unique_id)
        keys = None if account.keys is None else tuple(map(_credential, account.keys))
        return State(identity=live, enabled=not account.disabled, credentials=keys, bindings=bindings, settings=settings)

    def _denied(self, identity: Identity, project: Project | None) -> Mapping[str, Document] | None:
        """Give our own deny policy of a principal; none only where every place was read at which there may be one."""
        levels = self.snapshot.above if project is None else (project.place, *self.snapshot.levels(project))
        for place in levels:
            for policy in place.denials or ():
                if str(policy.get("name", "")).rpartition("/")[2] == deny_id(identity):
                    return {PART: _denial(policy.get("rules"))}
        known = (project is None or project.above is not None) and all(place.denials is not None for place in levels)
        return {} if known else None

    def _resource(self, identity: Identity) -> State | None:
        role, place = self.roles.get(identity.arn), self.places.get(identity.arn)
        if role is not None:
            held = {"includedPermissions": sorted(role.included_permissions), "stage": role.stage}
            return State(identity=identity, settings={"permissions": held})
        if place is None or place.policy is None:
            return None
        audit = audited(place.policy.get("auditConfigs") or ())
        return State(identity=identity, bindings=tuple(bindings_of(place.policy)), settings={"audit": audit} if audit else {})


def _credential(key: Key) -> Credential:
    return Credential(FactKind.SERVICE_ACCOUNT_KEY, key.name.rpartition("/")[2], "Inactive" if key.disabled else "Active")


def _denial(rules: object) -> Document:
    """Write what a deny policy says as a state keeps it; one that says anything else than ours does is given whole, and so is another."""
    match rules:
        case [{"denyRule": {"deniedPrincipals": [*who], "deniedPermissions": [*what], **more}}] if not more:
            return {"principals": sorted(map(str, who)), "permissions": sorted(map(str, what))}
        case _:
            return {"rules": rules}
