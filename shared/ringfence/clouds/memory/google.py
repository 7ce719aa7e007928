"""What calls on Google Cloud do to a state in memory."""

from collections.abc import Mapping
from typing import Any

import msgspec

from ringfence.actions.gcp_iam_deny_principal import PART, deny_id
from ringfence.clouds.memory import google_settings
from ringfence.domain.binding import Binding, applied, binding_of, bindings_of, held_by
from ringfence.domain.google_settings import DIRECTORY
from ringfence.domain.identity import Kind
from ringfence.domain.plan import Call
from ringfence.domain.state import FactKind, State
from ringfence.engine.ports import Failed

type States = Mapping[tuple[Kind, str], State]


def is_googles(call: Call) -> bool:
    """Whether it is one of Google's APIs."""
    return call.service.endswith(".googleapis.com")


def place(states: States, call: Call) -> tuple[Kind, str]:
    """Say what a call changes."""
    if call.operation == "SetIamPolicy":
        resource = (Kind.RESOURCE, str(call.parameters["resource"]).casefold())
        delta = call.parameters["add" if "add" in call.parameters else "remove"]
        return resource if resource in states else (Kind.MEMBER, str(delta["member"]).casefold())
    if call.operation in ("CreatePolicy", "DeletePolicy"):
        policy = str(call.parameters.get("policyId") or call.parameters["name"]).rpartition("/")[2]
        return next(
            (where for where, s in states.items() if s.identity.kind is Kind.MEMBER and deny_id(s.identity) == policy), (Kind.MEMBER, "")
        )
    name = str(call.parameters["name"])
    if call.service == DIRECTORY:
        return Kind.MEMBER, f"user:{name.removeprefix('users/')}".casefold()
    if "ServiceAccount" in call.operation:
        address = name.partition("/serviceAccounts/")[2].partition("/keys/")[0]
        return Kind.MEMBER, f"serviceAccount:{address}".casefold()
    return Kind.RESOURCE, name.casefold()


def seen(states: States, state: State) -> State:
    """Give a state as it is read: of a principal, with what it holds on its own project."""
    identity = state.identity
    project = states.get((Kind.RESOURCE, f"projects/{identity.account}".casefold()))
    if identity.kind is not Kind.MEMBER or project is None or project.bindings is None:
        return state
    return msgspec.structs.replace(state, bindings=held_by(project.bindings, identity.arn))


def change(state: State, call: Call) -> State | Failed:
    """Carry out one call."""
    given = call.parameters
    match call.operation:
        case "SetIamPolicy" if google_settings.prevents(state, given):
            return Failed("FAILED_PRECONDITION", "public access prevention is enforced")
        case "SetIamPolicy":
            return _policy(state, given)
        case "DisableServiceAccount" | "EnableServiceAccount":
            return msgspec.structs.replace(state, enabled=call.operation.startswith("Enable"))
        case "DisableServiceAccountKey" | "EnableServiceAccountKey":
            return _key(state, str(given["name"]).rpartition("/")[2], "Active" if call.operation.startswith("Enable") else "Inactive")
        case "CreatePolicy" | "DeletePolicy":
            return _denied(state, given)
        case _:
            return google_settings.change(state, call)


def policy_of(bindings: tuple[Binding, ...]) -> dict[str, object]:
    """Write bindings as an allow policy has them."""
    made: dict[str, dict[str, object]] = {}
    for binding in bindings:
        entry = made.setdefault(
            Binding(binding.role, "", binding.condition).key,
            {"role": binding.role, "members": [], **({} if binding.condition is None else {"condition": dict(binding.condition)})},
        )
        entry["members"] = [*_members(entry), binding.member]
    return {"bindings": list(made.values())}


def _members(entry: Mapping[str, object]) -> list[object]:
    held = entry["members"]
    return held if isinstance(held, list) else []


def _policy(state: State, given: Mapping[str, Any]) -> State | Failed:
    add = "add" in given
    binding = binding_of(given["add" if add else "remove"])
    changed = applied(policy_of(state.bindings or ()), binding, add=add)
    if changed is None:
        return Failed("ALREADY_EXISTS" if add else "NOT_FOUND", "it was so already: somebody else was faster")
    left = tuple(bindings_of(changed))
    if given.get("unless_last") is True and not any(b.role == binding.role and b.condition is None for b in left):
        return Failed("FAILED_PRECONDITION", f"{binding.member} is the last one with {binding.role}: it stays")
    return msgspec.structs.replace(state, bindings=left)


def _key(state: State, key: str, status: str) -> State | Failed:
    held = state.credentials or ()
    if not any(c.id == key for c in held):
        return Failed("NOT_FOUND", f"there is no key {key}")
    return msgspec.structs.replace(
        state,
        credentials=tuple(
            msgspec.structs.replace(c, status=status) if (c.kind, c.id) == (FactKind.SERVICE_ACCOUNT_KEY, key) else c for c in held
        ),
    )


def _denied(state: State, given: Mapping[str, Any]) -> State | Failed:
    held = dict(state.settings or {})
    if "policy" not in given:
        held.pop(PART, None)
        return msgspec.structs.replace(state, settings=held)
    if PART in held:
        return Failed("ALREADY_EXISTS", f"{given['policyId']} is there")
    rule = given["policy"]["rules"][0]["denyRule"]
    held[PART] = {"principals": sorted(rule["deniedPrincipals"]), "permissions": sorted(rule["deniedPermissions"])}
    return msgspec.structs.replace(state, settings=held)
