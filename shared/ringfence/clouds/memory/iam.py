"""An IAM in memory: reads states, and carries out the calls that actions make, with IAM's own refusals.

`script` lets a test put a reply or an error in the way of a call: what the emulators cannot do (a lost reply, throttling).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ringfence.domain.identity import Identity, Kind
from ringfence.domain.plan import Call
from ringfence.domain.state import Credential, Document, FactKind, State
from ringfence.engine.ports import Absence, Done, Failed, Reply, Wanted

CREDENTIAL_CALLS = {
    "UpdateAccessKey": (FactKind.ACCESS_KEY, "AccessKeyId"),
    "UpdateServiceSpecificCredential": (FactKind.SERVICE_CREDENTIAL, "ServiceSpecificCredentialId"),
    "UpdateSSHPublicKey": (FactKind.SSH_KEY, "SSHPublicKeyId"),
    "UpdateSigningCertificate": (FactKind.CERTIFICATE, "CertificateId"),
}
KINDS = {"Role": Kind.ROLE, "User": Kind.USER, "Group": Kind.GROUP}


class MemoryIam:
    """The reader and writer ports over a dictionary of states."""

    def __init__(self, *states: State, policies: Mapping[str, Document] | None = None) -> None:
        """Take the identities that there are, and managed policies by ARN."""
        self.policies = dict(policies or {})
        self.states = {(s.identity.kind, s.identity.name.casefold()): s for s in states}
        self.calls: list[Call] = []
        self.script: Callable[[Call], Reply | None] = lambda _: None

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity, with the documents that are wanted."""
        state = self.states.get((identity.kind, identity.name.casefold()))
        if state is None:
            return Absence.GONE
        documents = {arn: self.policies[arn] for arn in wanted.documents if arn in self.policies}
        return msgspec.structs.replace(state, documents={**(state.documents or {}), **documents}) if wanted.documents else state

    def holders(self, policy_arn: str) -> tuple[Identity, ...] | Absence:
        """Give the identities that hold a policy."""
        return tuple(s.identity for s in self.states.values() if policy_arn in (s.attached or ()))

    def call(self, call: Call, job: str) -> Reply:  # noqa: ARG002 - nobody reads the user agent here
        """Carry out one call."""
        if (scripted := self.script(call)) is not None:
            return scripted
        self.calls.append(call)
        parameter = next(key for key in call.parameters if key in ("RoleName", "UserName", "GroupName"))
        place = (KINDS[parameter.removesuffix("Name")], call.parameters[parameter].casefold())
        state = self.states.get(place)
        if state is None:
            return Failed("NoSuchEntity", f"{call.parameters[parameter]} cannot be found")
        changed = _change(state, call)
        if isinstance(changed, Failed):
            return changed
        self.states[place] = changed
        return Done(f"request-{len(self.calls)}")


def _change(state: State, call: Call) -> State | Failed:
    operation, given = call.operation, call.parameters
    attached, inline = state.attached or (), dict(state.inline or {})
    changes: dict[str, Any] = {}
    if operation.startswith("Attach"):
        changes["attached"] = attached if given["PolicyArn"] in attached else (*attached, given["PolicyArn"])
    elif operation.startswith("Detach"):
        if given["PolicyArn"] not in attached:
            return Failed("NoSuchEntity", f"{given['PolicyArn']} is not attached")
        changes["attached"] = tuple(arn for arn in attached if arn != given["PolicyArn"])
    elif operation.endswith("PermissionsBoundary"):
        changes["boundary"] = given.get("PermissionsBoundary")
    elif operation.startswith("Put"):
        changes["inline"] = {**inline, given["PolicyName"]: json.loads(given["PolicyDocument"])}
    elif operation in CREDENTIAL_CALLS:
        kind, key = CREDENTIAL_CALLS[operation]
        changes["credentials"] = tuple(
            Credential(kind, c.id, given["Status"]) if (c.kind, c.id) == (kind, given[key]) else c for c in state.credentials or ()
        )
    elif inline.pop(given["PolicyName"], None) is None:
        return Failed("NoSuchEntity", f"there is no inline policy {given['PolicyName']}")
    else:
        changes["inline"] = inline
    return msgspec.structs.replace(state, **changes)
