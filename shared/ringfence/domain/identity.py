"""Identity: a human or machine principal, or what else a step can change, with its immutable unique id where it is known."""

from enum import StrEnum
from typing import Self

from msgspec import Struct

from ringfence.domain.arn import parse_arn

GOOGLE = "gcp"  # the partition of whatever is Google's


class Kind(StrEnum):
    """What can be changed here, and what cannot. The last three are no principals: they are the targets of steps."""

    USER = "user"
    ROLE = "role"
    GROUP = "group"
    ROOT = "root"
    OUTSIDE = "outside"  # federated, Identity Center, a service, another account: not changeable by IAM here
    POLICY = "policy"  # customer managed: its holders gain or lose
    TRAIL = "trail"  # of CloudTrail
    MODEL_LOGGING = "model-invocation-logging"  # Bedrock's, one for each account and region
    MEMBER = "member"  # of Google's allow policies; its name tells which kind
    RESOURCE = "resource"  # of Google Cloud: what has an allow policy, or settings


class Identity(Struct, frozen=True):
    """A principal of one account. The ARN lacks its path until the live identity was read; the unique id never changes."""

    kind: Kind
    arn: str
    name: str
    account: str
    partition: str = "aws"
    unique_id: str | None = None  # AROA..., AIDA..., AGPA...

    @classmethod
    def of(cls, kind: Kind, name: str, account: str, partition: str = "aws", unique_id: str | None = None) -> Self:
        """Name an identity by what an event tells: kind, name and account."""
        arn = f"arn:{partition}:iam::{account}:root" if kind is Kind.ROOT else f"arn:{partition}:iam::{account}:{kind}/{name}"
        return cls(kind=kind, arn=arn, name=name, account=account, partition=partition, unique_id=unique_id)

    @classmethod
    def from_arn(cls, text: object, unique_id: str | None = None) -> Self | None:
        """Name an identity by its ARN; a session of a role is the role (its ARN lacks the role's path). None for no principal."""
        arn = parse_arn(text)
        if arn is None or arn.service not in ("iam", "sts"):
            return None
        if arn.resource == "root":
            return cls.of(Kind.ROOT, "root", arn.account, arn.partition)
        if arn.type == "assumed-role" and arn.resource.count("/") >= 1 and arn.resource.split("/")[1]:
            return cls.of(Kind.ROLE, arn.resource.split("/")[1], arn.account, arn.partition, unique_id)
        if arn.type in ("user", "role", "group") and arn.service == "iam":
            return cls(Kind(arn.type), str(arn), arn.name, arn.account, arn.partition, unique_id)
        return cls(Kind.OUTSIDE, str(arn), arn.name, arn.account, arn.partition, unique_id)

    @classmethod
    def thing(cls, kind: Kind, arn: str) -> Self | None:
        """Name a target that is no principal, by its ARN; None for no ARN."""
        parsed = parse_arn(arn)
        return None if parsed is None else cls(kind, str(parsed), parsed.name, parsed.account, parsed.partition)

    @classmethod
    def member(cls, text: str, project: str, unique_id: str | None = None) -> Self:
        """Name a member of an allow policy, verbatim, in the project where it was seen."""
        return cls(Kind.MEMBER, text, text.partition(":")[2] or text, project, GOOGLE, unique_id)

    @classmethod
    def resource(cls, name: str, project: str) -> Self:
        """Name a resource of Google Cloud by its full name, such as `projects/p`."""
        return cls(Kind.RESOURCE, name, name.rpartition("/")[2], project, GOOGLE)

    @property
    def region(self) -> str:
        """The region of a target that has one; IAM's have none."""
        parsed = parse_arn(self.arn)
        return parsed.region if parsed else ""

    def same_as(self, other: "Identity") -> bool:
        """Whether both name the same principal: an STS session's ARN lacks the role's path, and IAM's names know no case."""
        return (self.kind, folded(self.name), self.account) == (other.kind, folded(other.name), other.account)

    @property
    def key(self) -> str:
        """What queue group, fence and precondition go by: the unique id, else the ARN without regard to case."""
        return self.unique_id or folded(self.arn)


def folded(name: str) -> str:
    """Write a name without regard to case, as IAM compares it: ASCII letters only, so that a look-alike (the sign for kelvin) stays one."""
    return name.lower() if name.isascii() else "".join(c.lower() if c.isascii() else c for c in name)
