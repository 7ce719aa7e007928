"""Who is meant by Principal and NotPrincipal (IAM User Guide, "AWS JSON policy elements: Principal" and "NotPrincipal").

A role's ARN stands for its sessions; an account (root ARN or number) hands the decision to the account's own policies; no wildcard
counts inside an ARN. NotPrincipal leaves somebody out only where the principal, the role of a session, and the account are all named.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

from msgspec import Struct

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.iam.document import Statement

PRINCIPAL_ARN = "aws:principalarn"  # with "*" as Principal it names a session as if by itself (IAM User Guide, evaluation logic)


class Principal(Struct, frozen=True):
    """Who makes a request. `kind`: AWS, Service, Federated or Anonymous; `arn`: the ARN, the service's host name, or `*`."""

    kind: str
    arn: str

    @property
    def account(self) -> str:
        """The account of an AWS principal; empty for others."""
        arn = parse_arn(self.arn)
        return arn.account if arn and self.kind == "AWS" else ""

    @property
    def is_root(self) -> bool:
        """Whether it is an account's root user."""
        return self.kind == "AWS" and self.arn.endswith(":root")

    @property
    def is_user(self) -> bool:
        """Whether it is an IAM user."""
        arn = parse_arn(self.arn)
        return arn is not None and arn.service == "iam" and arn.type == "user"

    @property
    def is_federated_user(self) -> bool:
        """Whether it is the session of a user that GetFederationToken made."""
        arn = parse_arn(self.arn)
        return arn is not None and arn.service == "sts" and arn.type == "federated-user"

    @property
    def role(self) -> str:
        """The ARN of the role behind a session (which lacks the role's path), or the role's own; empty for others."""
        arn = parse_arn(self.arn)
        if arn is None:
            return ""
        if arn.service == "sts" and arn.resource.startswith("assumed-role/"):
            return f"arn:{arn.partition}:iam::{arn.account}:role/{arn.resource.split('/')[1]}"
        return self.arn if arn.service == "iam" and arn.type == "role" else ""


class Named(IntEnum):
    """How a statement names a principal, from not at all to by itself."""

    NOT = 0
    ACCOUNT = 1  # the account: its own policies decide
    ROLE = 2  # by its role, or by "*"
    ITSELF = 3  # a user, a session, a service, a provider


def named(statement: Statement, principal: Principal) -> Named:
    """Say how a statement of a resource policy names a principal."""
    if statement.not_principal is not None:
        return Named.NOT if _left_out(statement.not_principal, principal) else Named.ITSELF if principal.is_user else Named.ROLE
    found = max((_one(kind, entry, principal) for kind, entry in entries(statement.principal)), default=Named.NOT)
    everybody = any(entry == "*" for _, entry in entries(statement.principal))
    by_key = found is Named.ROLE and everybody and any(c.key == PRINCIPAL_ARN for c in statement.conditions)
    return Named.ITSELF if by_key else found


def entries(value: Any) -> list[tuple[str, str]]:
    """Give the principals that are written down, each with its kind; `*` is everybody."""
    if isinstance(value, str):
        return [("*", value)] if value == "*" else [("AWS", value)]
    if not isinstance(value, Mapping):
        return []
    return [
        (str(kind), item)
        for kind, items in value.items()
        for item in (items if isinstance(items, (list, tuple)) else [items])
        if isinstance(item, str)
    ]


def _one(kind: str, entry: str, principal: Principal) -> Named:
    everybody = entry == "*" and (kind == "*" or (kind == "AWS" and principal.kind in ("AWS", "Anonymous")) or kind == principal.kind)
    if everybody:
        return Named.ITSELF if principal.is_user or principal.kind != "AWS" else Named.ROLE
    if kind != principal.kind or principal.kind == "Anonymous":
        return Named.NOT
    if entry == principal.arn:
        return Named.ROLE if principal.arn == principal.role else Named.ITSELF
    if kind != "AWS":
        return Named.NOT
    if same_role(entry, principal.role):
        return Named.ROLE
    return Named.ACCOUNT if is_account(entry, principal) else Named.NOT


def same_role(entry: str, role: str) -> bool:
    """Whether two ARNs name the same role: a session's ARN lacks the path, so the last part and the account decide."""
    mine, other = parse_arn(role), parse_arn(entry)
    if mine is None or other is None or other.service != "iam" or other.type != "role":
        return False
    return (mine.partition, mine.account, mine.name) == (other.partition, other.account, other.name) and (mine.path in ("/", other.path))


def is_account(entry: str, principal: Principal) -> bool:
    """Whether an entry names the principal's account, by root ARN or number."""
    arn, mine = parse_arn(entry), parse_arn(principal.arn)
    by_root = (
        arn is not None and mine is not None and arn.resource == "root" and (arn.account, arn.partition) == (mine.account, mine.partition)
    )
    return by_root or (ACCOUNT.fullmatch(entry) is not None and entry == principal.account)


def _left_out(value: Any, principal: Principal) -> bool:
    listed = [entry for kind, entry in entries(value) if kind in (principal.kind, "*")]
    if principal.kind != "AWS":
        return principal.arn in listed
    itself = principal.arn in listed
    role = not principal.role or any(same_role(entry, principal.role) for entry in listed)
    return itself and role and any(is_account(entry, principal) for entry in listed)
