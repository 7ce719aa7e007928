"""Names that follow from what they name: the same cause gives the same job, however often it is delivered."""

from collections.abc import Mapping
from typing import Any

from ringfence.domain.canonical import digest
from ringfence.domain.glob import matches
from ringfence.domain.identity import Identity, Kind, folded
from ringfence.domain.state import Fact
from ringfence.domain.written import decode

ID_LENGTH = 16
IDENTITY_CENTER = "AWSReservedSSO_*"


def job_id(*parts: str) -> str:
    """Derive a job's id from its cause."""
    return digest(list(parts))[:ID_LENGTH]


def undo_id(of: str, number: int) -> str:
    """Name the n-th attempt to undo a job."""
    return job_id("undo", of, str(number))


def again_id(root: str, number: int) -> str:
    """Name the job that asserts a containment for the n-th time again."""
    return job_id("again", root, str(number))


def grant_name(unique_id: str | None, call: str, parameters: Mapping[str, Any]) -> str:
    """Name a grant by who holds it and what it is, however it is told: an event writes a document as text, a snapshot as an object."""
    what = [parameters.get("policyArn"), parameters.get("policyName"), decode(parameters.get("policyDocument"))]
    return job_id(unique_id or "", call, digest(what))


def exemption_key(target: Identity, fact: Fact) -> str:
    """Name a property of a target in the table of run-time exemptions."""
    return digest([target.key, fact.kind, fact.key])[:ID_LENGTH]


def pathless(identity: Identity) -> str:
    """Give an identity's ARN without its path, as an event that lacks it tells it."""
    return Identity.of(identity.kind, identity.name, identity.account, identity.partition).arn


def person(name: str) -> str:
    """Name the person or role behind a caller, whatever session it uses.

    Sessions of one role count as one, since whoever may take a role names the session freely - except those of Identity Center, whose
    session is the person's own user name (IAM Identity Center User Guide, "Referencing permission sets").
    """
    identity = Identity.from_arn(name)
    if identity is None:
        return name
    if identity.kind is Kind.ROLE and matches(IDENTITY_CENTER, identity.name) and ":assumed-role/" in name:
        return folded(name)
    return f"{identity.kind}/{folded(identity.name)}/{identity.account}"
