"""States out of a file: the output of `aws iam get-account-authorization-details`, or of `ringfence snapshot`, which adds what that lacks."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import Credential, Document, State
from ringfence.domain.written import decode
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import UsageError

LISTS = {Kind.ROLE: "RoleDetailList", Kind.USER: "UserDetailList", Kind.GROUP: "GroupDetailList"}
EXTRA = "Ringfence"  # what `ringfence snapshot` adds, per user name


class SnapshotReader:
    """The reader port over a snapshot. What a plain snapshot does not hold (MFA, passwords, credentials) stays unread."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        """Take the parsed file; raise UsageError where it is no snapshot."""
        if not isinstance(snapshot, Mapping) or not any(isinstance(snapshot.get(name), list) for name in LISTS.values()):
            raise UsageError(
                f"this file is no snapshot: none of {', '.join(LISTS.values())} is in it",
                "Make one with `ringfence snapshot` or `aws iam get-account-authorization-details`",
            )
        self.users = list(objects(snapshot, LISTS[Kind.USER]))
        extra = snapshot.get(EXTRA)
        self.extra: Mapping[str, Any] = extra if isinstance(extra, Mapping) else {}
        entries = [(kind, entry) for kind, name in LISTS.items() for entry in objects(snapshot, name)]
        self.entries = {(kind, str(entry.get(f"{kind.value.title()}Name", "")).casefold()): entry for kind, entry in entries}
        self.policies = {str(policy.get("Arn")): policy for policy in objects(snapshot, "Policies")}

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:  # noqa: ARG002 - everything is at hand
        """Give the state of an identity or policy of the snapshot."""
        if identity.kind is Kind.POLICY:
            return self._policy(identity)
        entry = self.entries.get((identity.kind, identity.name.casefold()))
        if entry is None or Identity.from_arn(entry.get("Arn")) is None:
            return Absence.NOT_KNOWN
        kind = identity.kind
        named = Identity.from_arn(entry["Arn"], entry.get(f"{kind.value.title()}Id"))
        if named is None or named.account != identity.account:
            return Absence.NOT_KNOWN
        attached = tuple(str(p.get("PolicyArn")) for p in objects(entry, "AttachedManagedPolicies"))
        inline = {str(p.get("PolicyName")): decode(p.get("PolicyDocument")) for p in objects(entry, f"{kind.value.title()}PolicyList")}
        extra = self.extra.get(identity.name, {}) if kind is Kind.USER else None
        boundary = entry.get("PermissionsBoundary")
        return State(
            identity=named,
            created=_time(entry.get("CreateDate")),
            trust=decode(entry.get("AssumeRolePolicyDocument")) if kind is Kind.ROLE else None,
            tags={str(tag.get("Key")): str(tag.get("Value")) for tag in objects(entry, "Tags")},
            boundary=boundary.get("PermissionsBoundaryArn") if isinstance(boundary, Mapping) else None,
            attached=attached,
            documents={arn: document for arn in attached if (document := self._document(arn)) is not None},
            inline=inline,
            groups=tuple(str(name) for name in entry.get("GroupList") or ()) if kind is Kind.USER else None,
            members=self._members(identity.name) if kind is Kind.GROUP else None,
            mfa=() if extra is None else tuple(extra["mfa"]) if "mfa" in extra else None,
            login=False if extra is None else extra.get("login"),
            credentials=() if extra is None else tuple(Credential(**c) for c in extra["credentials"]) if "credentials" in extra else None,
        )

    def states(self) -> Iterator[State]:
        """Give the state of everybody in the snapshot."""
        for (kind, _), entry in self.entries.items():
            identity = Identity.from_arn(entry.get("Arn"), entry.get(f"{kind.value.title()}Id"))
            state = self.read(identity, Wanted()) if identity is not None else None
            if isinstance(state, State):
                yield state

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is, where the snapshot holds keys."""
        for name, extra in self.extra.items():
            entry = self.entries.get((Kind.USER, name.casefold()))
            if entry is not None and any(c.get("id") == access_key_id for c in extra.get("credentials", ())):
                return Identity.from_arn(entry.get("Arn"), entry.get("UserId")) or Absence.NOT_KNOWN
        return Absence.NOT_KNOWN

    def _policy(self, policy: Identity) -> State | Absence:
        entry = self.policies.get(policy.arn)
        versions = {str(v.get("VersionId")): decode(v.get("Document")) for v in objects(entry or {}, "PolicyVersionList")}
        if entry is None or not versions:
            return Absence.NOT_KNOWN
        default = str(entry.get("DefaultVersionId"))
        live = Identity(Kind.POLICY, policy.arn, policy.name, policy.account, policy.partition, entry.get("PolicyId"))
        return State(identity=live, default_version=default, versions=versions, members=self._holders(policy.arn))

    def policies_held(self) -> Iterator[State]:
        """Give the state of every customer managed policy that somebody holds."""
        for arn in self.policies:
            policy = Identity.thing(Kind.POLICY, arn)
            state = self._policy(policy) if policy is not None and policy.account != "aws" else None
            if isinstance(state, State) and state.members:
                yield state

    def _holders(self, policy_arn: str) -> tuple[Identity, ...]:
        found: list[Identity] = []
        for (kind, _), entry in self.entries.items():
            held = {str(p.get("PolicyArn")) for p in objects(entry, "AttachedManagedPolicies")}
            identity = Identity.from_arn(entry.get("Arn"), entry.get(f"{kind.value.title()}Id"))
            if policy_arn in held and identity is not None:
                found.append(identity)
        return tuple(found)

    def _members(self, group: str) -> tuple[Identity, ...]:
        inside = (u for u in self.users if group in (u.get("GroupList") or ()))
        return tuple(found for u in inside if (found := Identity.from_arn(u.get("Arn"), u.get("UserId"))) is not None)

    def _document(self, arn: str) -> Document | None:
        versions = objects(self.policies.get(arn, {}), "PolicyVersionList")
        default = next((v for v in versions if v.get("IsDefaultVersion")), None)
        return None if default is None else decode(default.get("Document"))


def _time(value: object) -> datetime | None:
    """Give a time as boto3 gives it, or as the AWS CLI writes it; None for whatever is none."""
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime) and value.tzinfo else None


def objects(record: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Give the objects of a list; raise UsageError where something else stands in it, since half a snapshot would pass for a whole one."""
    found = record.get(name) or ()
    for item in found if isinstance(found, list) else [found] if found else ():
        if not isinstance(item, Mapping):
            raise UsageError(
                f"this snapshot is damaged: {name} holds {item!r:.40}, expected objects", "Make a new one with `ringfence snapshot`"
            )
        yield item
