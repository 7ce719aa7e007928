"""An account for the judge, out of a snapshot: what `aws iam get-account-authorization-details` or `ringfence snapshot` wrote."""

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from ringfence.clouds.snapshot import objects
from ringfence.errors import UsageError
from ringfence.iam import Account, Group, Holder, Policy, parse
from ringfence.iam.catalogue import package_data


@cache
def _managed() -> Mapping[str, Any]:
    """Give the AWS managed policies by which somebody climbs, by ARN without its partition."""
    return {_bare(arn): document for arn, document in json.loads(package_data("managed_policies.json")).items()}


def _bare(arn: str) -> str:
    return arn.split(":", 2)[-1]


class Reader:
    """Reads the account; each document is parsed once, however many hold it."""

    def __init__(self, snapshot: Mapping[str, Any]) -> None:
        """Take the parsed file."""
        self.snapshot = snapshot
        self.policies = {str(policy.get("Arn")): policy for policy in objects(snapshot, "Policies")}
        self.parsed: dict[str, Policy] = {}
        self.missing: dict[str, None] = {}

    def account(self) -> Account:
        """Give the account; raise UsageError where half of it is something else."""
        groups = {str(g.get("GroupName")): self._group(g) for g in objects(self.snapshot, "GroupDetailList")}
        holders = [self._holder(entry, "User", groups) for entry in objects(self.snapshot, "UserDetailList")]
        holders += [self._holder(entry, "Role", groups) for entry in objects(self.snapshot, "RoleDetailList")]
        return Account(holders=tuple(holders), groups={g.arn: g for g in groups.values()}, missing=tuple(self.missing))

    def _group(self, entry: Mapping[str, Any]) -> Group:
        policies, own = self._held(entry, "Group")
        return Group(arn=str(entry.get("Arn")), policies=policies, own=own)

    def _holder(self, entry: Mapping[str, Any], kind: str, groups: Mapping[str, Group]) -> Holder:
        policies, own = self._held(entry, kind)
        names = self._names(entry)
        self.missing.update({f"group {name} of {entry.get('Arn')}": None for name in names if name not in groups})
        mine = [groups[name] for name in names if name in groups]
        boundary = entry.get("PermissionsBoundary")
        arn = str(boundary.get("PermissionsBoundaryArn")) if isinstance(boundary, Mapping) else ""
        return Holder(
            arn=str(entry.get("Arn")),
            name=str(entry.get(f"{kind}Name", "")),
            is_user=kind == "User",
            policies=(*policies, *(p for g in mine for p in g.policies)),
            own=(*own, *(arn for g in mine for arn in g.own)),
            groups=tuple(g.arn for g in mine),
            boundary=self._managed(arn) if arn else None,
            boundary_arn=arn,
            trust=parse(entry.get("AssumeRolePolicyDocument")) if kind == "Role" else None,
        )

    def _names(self, entry: Mapping[str, Any]) -> list[str]:
        """Give the groups of a user; one that is not in the snapshot may hold anything: it is missing."""
        found = entry.get("GroupList") or []
        if not isinstance(found, list) or not all(isinstance(name, str) for name in found):
            raise UsageError(
                f"this snapshot is damaged: GroupList is {found!r:.40}, expected names", "Make a new one with `ringfence snapshot`"
            )
        return found

    def _held(self, entry: Mapping[str, Any], kind: str) -> tuple[tuple[Policy, ...], tuple[str, ...]]:
        """Give the policies that somebody holds, and the ARNs of those that the account manages."""
        inline = [parse(policy.get("PolicyDocument")) for policy in objects(entry, f"{kind}PolicyList")]
        arns = [str(p.get("PolicyArn")) for p in objects(entry, "AttachedManagedPolicies")]
        attached = [found for arn in arns if (found := self._managed(arn)) is not None]
        return (*inline, *attached), tuple(arn for arn in arns if ":iam::aws:" not in arn)

    def _managed(self, arn: str) -> Policy | None:
        """Give a managed policy's default version: of the snapshot, else of what is known of AWS's own; else it is missing."""
        if arn not in self.parsed:
            versions = objects(self.policies.get(arn, {}), "PolicyVersionList")
            document = next((v.get("Document") for v in versions if v.get("IsDefaultVersion")), None) or _managed().get(_bare(arn))
            if document is None:
                self.missing[arn] = None
                return None
            self.parsed[arn] = parse(document)
        return self.parsed[arn]
