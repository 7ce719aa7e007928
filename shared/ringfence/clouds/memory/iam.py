"""An IAM in memory: reads states, and carries out the calls that actions make, with IAM's own refusals.

`script` lets a test put a reply or an error in the way of a call: what the emulators cannot do (a lost reply, throttling).
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from ringfence.clouds.memory import google
from ringfence.domain.identity import GOOGLE, Identity, Kind
from ringfence.domain.plan import Call
from ringfence.domain.state import Document, Facet, FactKind, State
from ringfence.engine.ports import Absence, Done, Failed, Reply, Wanted

CREDENTIAL_CALLS = {
    "UpdateAccessKey": (FactKind.ACCESS_KEY, "AccessKeyId"),
    "UpdateServiceSpecificCredential": (FactKind.SERVICE_CREDENTIAL, "ServiceSpecificCredentialId"),
    "UpdateSSHPublicKey": (FactKind.SSH_KEY, "SSHPublicKeyId"),
    "UpdateSigningCertificate": (FactKind.CERTIFICATE, "CertificateId"),
}
NAMED = {"UserName": Kind.USER, "RoleName": Kind.ROLE, "GroupName": Kind.GROUP}  # who is changed: of a membership the user
SETTINGS = (Kind.TRAIL, Kind.MODEL_LOGGING)


class MemoryIam:
    """The reader and writer ports over a dictionary of states."""

    def __init__(self, *states: State, policies: Mapping[str, Document] | None = None) -> None:
        """Take the identities that there are, and managed policies by ARN."""
        self.policies = dict(policies or {})
        self.states = {_key(s.identity): s for s in states}
        self.calls: list[Call] = []
        self.script: Callable[[Call], Reply | None] = lambda _: None

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give the state of an identity, with the documents that are wanted."""
        state = self.states.get(_key(identity))
        if identity.partition == GOOGLE:
            return google.seen(self.states, state) if state is not None else Absence.NOT_KNOWN
        if identity.kind is Kind.POLICY:
            return self._policy(identity, state)
        if state is None:
            # a trail or logging that is not there has settings without any part
            return State(identity=identity, settings={}) if identity.kind in SETTINGS else Absence.GONE
        if Facet.EVERY_DOCUMENT in wanted.facets:
            wanted = Wanted(wanted.facets, (*wanted.documents, *(state.attached or ())))
        documents = {arn: self.policies[arn] for arn in wanted.documents if arn in self.policies}
        return msgspec.structs.replace(state, documents={**(state.documents or {}), **documents}) if wanted.documents else state

    def _policy(self, policy: Identity, state: State | None) -> State:
        """Give a policy with who holds it; of one that is only known as a document, that is its only version."""
        holders = tuple(s.identity for s in self.states.values() if policy.arn in (s.attached or ()))
        if state is not None:
            return msgspec.structs.replace(state, members=holders)
        document = self.policies.get(policy.arn)
        if document is None:
            return State(identity=policy, members=holders)  # what else there is of it, nobody told
        return State(identity=policy, default_version="v1", versions={"v1": document}, members=holders)

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is."""
        found = (s.identity for s in self.states.values() if any(c.id == access_key_id for c in s.credentials or ()))
        return next(found, Absence.GONE)

    def call(self, call: Call, job: str) -> Reply:  # noqa: ARG002 - nobody reads the user agent here
        """Carry out one call."""
        if (scripted := self.script(call)) is not None:
            return scripted
        self.calls.append(call)
        place = google.place(self.states, call) if google.is_googles(call) else _place(call)
        state = self.states.get(place)
        if state is None and place[0] in SETTINGS:
            arn = call.parameters.get("TrailName") or call.parameters["Name"] if place[0] is Kind.TRAIL else ""
            state = State(identity=Identity(place[0], arn, place[1], ""), settings={})
        if state is None:
            return Failed("NoSuchEntity", f"{place[1]} cannot be found")
        changed = google.change(state, call) if google.is_googles(call) else _change(state, call)
        if isinstance(changed, Failed):
            return changed
        self.states[place] = changed
        return Done(f"request-{len(self.calls)}")


def _key(identity: Identity) -> tuple[Kind, str]:
    """Name what a state is kept under: on Google Cloud the whole name, since the last part of one says little."""
    return identity.kind, (identity.arn if identity.partition == GOOGLE else identity.name).casefold()


def _place(call: Call) -> tuple[Kind, str]:
    """Say whom a call is about."""
    given = call.parameters
    if call.service == "bedrock":
        return Kind.MODEL_LOGGING, "model-invocation-logging"
    if call.service == "cloudtrail":
        return Kind.TRAIL, str(given.get("TrailName") or given["Name"]).rpartition("/")[2].casefold()
    if call.operation == "SetDefaultPolicyVersion":
        return Kind.POLICY, given["PolicyArn"].rpartition("/")[2].casefold()
    parameter = next(name for name in NAMED if name in given)
    return NAMED[parameter], given[parameter].casefold()


def _set(state: State, call: Call) -> State:
    """Change the settings of a trail or of the logging of model invocations."""
    given, held = dict(call.parameters), dict(state.settings or {})
    match call.operation:
        case "StartLogging":
            held["logging"] = {"IsLogging": True}
        case "StopLogging":
            held.pop("logging", None)
        case "CreateTrail" | "UpdateTrail":
            held["trail"] = given
        case "DeleteTrail":
            held.clear()
        case "PutEventSelectors":
            chosen = {key: value for key, value in given.items() if key != "TrailName"}
            held.pop("selectors", None)
            if chosen.get("EventSelectors") != [{"ReadWriteType": "All", "IncludeManagementEvents": True, "DataResources": []}]:
                held["selectors"] = chosen
        case "PutModelInvocationLoggingConfiguration":
            held["configuration"] = given["loggingConfig"]
        case _:
            held.pop("configuration", None)
    return msgspec.structs.replace(state, settings=held)


def _change(state: State, call: Call) -> State | Failed:
    operation, given = call.operation, call.parameters
    if call.service != "iam":
        return _set(state, call)
    if operation.startswith(("Attach", "Detach")):
        return _attachment(state, operation, given["PolicyArn"])
    if operation.endswith("PermissionsBoundary"):
        return msgspec.structs.replace(state, boundary=given.get("PermissionsBoundary"))
    if operation in CREDENTIAL_CALLS:
        return _credential(state, operation, given)
    if operation == "UpdateAssumeRolePolicy":
        return msgspec.structs.replace(state, trust=json.loads(given["PolicyDocument"]))
    if operation == "SetDefaultPolicyVersion":
        if given["VersionId"] not in (state.versions or {}):
            return Failed("NoSuchEntity", f"there is no version {given['VersionId']}")
        return msgspec.structs.replace(state, default_version=given["VersionId"])
    if operation in ("AddUserToGroup", "RemoveUserFromGroup"):
        others = tuple(group for group in state.groups or () if group != given["GroupName"])
        return msgspec.structs.replace(state, groups=(*others, given["GroupName"]) if operation.startswith("Add") else others)
    return _inline(state, operation, given)


def _attachment(state: State, operation: str, arn: str) -> State | Failed:
    attached = state.attached or ()
    if operation.startswith("Attach"):
        return msgspec.structs.replace(state, attached=attached if arn in attached else (*attached, arn))
    if arn not in attached:
        return Failed("NoSuchEntity", f"{arn} is not attached")
    return msgspec.structs.replace(state, attached=tuple(other for other in attached if other != arn))


def _credential(state: State, operation: str, given: Mapping[str, Any]) -> State:
    kind, key = CREDENTIAL_CALLS[operation]
    changed = tuple(
        msgspec.structs.replace(c, status=given["Status"]) if (c.kind, c.id) == (kind, given[key]) else c for c in state.credentials or ()
    )
    return msgspec.structs.replace(state, credentials=changed)


def _inline(state: State, operation: str, given: Mapping[str, Any]) -> State | Failed:
    inline = dict(state.inline or {})
    if operation.startswith("Put"):
        inline[given["PolicyName"]] = json.loads(given["PolicyDocument"])
    elif inline.pop(given["PolicyName"], None) is None:
        return Failed("NoSuchEntity", f"there is no inline policy {given['PolicyName']}")
    return msgspec.structs.replace(state, inline=inline)
