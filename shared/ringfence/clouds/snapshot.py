"""States out of a file: the output of `aws iam get-account-authorization-details`, or of `ringfence snapshot`, which adds what that lacks."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.identity import Identity, Kind
from ringfence.domain.state import Credential, Document, State
from ringfence.engine.ports import Absence, Wanted
from ringfence.errors import UsageError
from ringfence.iam.document import decode

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
        self.snapshot = snapshot
        self.entries = {
            (kind, str(entry.get(f"{kind.value.title()}Name", "")).casefold()): entry
            for kind, name in LISTS.items()
            for entry in snapshot.get(name) or ()
        }
        self.policies = {str(policy.get("Arn")): policy for policy in snapshot.get("Policies") or ()}

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:  # noqa: ARG002 - everything is at hand
        """Give the state of an identity of the snapshot."""
        entry = self.entries.get((identity.kind, identity.name.casefold()))
        if entry is None or Identity.from_arn(entry.get("Arn")) is None:
            return Absence.NOT_KNOWN
        kind = identity.kind
        named = Identity.from_arn(entry["Arn"], entry.get(f"{kind.value.title()}Id"))
        if named is None or named.account != identity.account:
            return Absence.NOT_KNOWN
        attached = tuple(str(p.get("PolicyArn")) for p in entry.get("AttachedManagedPolicies") or ())
        inline = {str(p.get("PolicyName")): decode(p.get("PolicyDocument")) for p in entry.get(f"{kind.value.title()}PolicyList") or ()}
        extra = (self.snapshot.get(EXTRA) or {}).get(identity.name, {}) if kind is Kind.USER else None
        return State(
            identity=named,
            trust=decode(entry.get("AssumeRolePolicyDocument")) if kind is Kind.ROLE else None,
            tags={str(tag.get("Key")): str(tag.get("Value")) for tag in entry.get("Tags") or ()},
            boundary=(entry.get("PermissionsBoundary") or {}).get("PermissionsBoundaryArn"),
            attached=attached,
            documents={arn: document for arn in attached if (document := self._document(arn)) is not None},
            inline=inline,
            members=self._members(identity.name) if kind is Kind.GROUP else None,
            mfa=() if extra is None else tuple(extra["mfa"]) if "mfa" in extra else None,
            login=False if extra is None else extra.get("login"),
            credentials=() if extra is None else tuple(Credential(**c) for c in extra["credentials"]) if "credentials" in extra else None,
        )

    def holders(self, policy_arn: str) -> tuple[Identity, ...] | Absence:
        """Give the identities of the snapshot to which a policy is attached."""
        found: list[Identity] = []
        for (kind, _), entry in self.entries.items():
            held = {str(p.get("PolicyArn")) for p in entry.get("AttachedManagedPolicies") or ()}
            identity = Identity.from_arn(entry.get("Arn"), entry.get(f"{kind.value.title()}Id"))
            if policy_arn in held and identity is not None:
                found.append(identity)
        return tuple(found)

    def _members(self, group: str) -> tuple[str, ...]:
        return tuple(str(u.get("Arn")) for u in self.snapshot.get("UserDetailList") or () if group in (u.get("GroupList") or ()))

    def _document(self, arn: str) -> Document | None:
        versions = (self.policies.get(arn) or {}).get("PolicyVersionList") or ()
        default = next((v for v in versions if v.get("IsDefaultVersion")), None)
        return None if default is None else decode(default.get("Document"))
