"""The audit configuration of a project, folder or organisation: which kinds of log a service writes, and of whose calls it does not.

Kept as a mapping of `SERVICE KIND` (such as `aiplatform.googleapis.com DATA_READ`; `allServices` is a service) to the sorted members whose calls are not
logged. In an allow policy it stands under `auditConfigs` (IAM documentation, "AuditConfig"; Cloud Audit Logs, "Enable Data Access audit logs").
"""

from collections.abc import Iterable, Mapping
from typing import Any

from ringfence.domain.raw import items, text

type Audited = Mapping[str, list[str]]


def entry(service: str, kind: str) -> str:
    """Name one kind of log of one service."""
    return f"{service} {kind}"


def audited(configs: Iterable[Any]) -> dict[str, list[str]]:
    """Read the audit configuration of an allow policy. What is of no form that is documented is passed over: nothing is logged by it."""
    found: dict[str, list[str]] = {}
    for config in configs:
        for log in items(config, "auditLogConfigs"):
            if (service := text(config, "service")) and (kind := text(log, "logType")):
                exempted = (member for member in items(log, "exemptedMembers") if isinstance(member, str))
                found[entry(service, kind)] = sorted({*found.get(entry(service, kind), ()), *exempted})
    return found


def configs(audited: Audited) -> list[dict[str, Any]]:
    """Write audit configuration as an allow policy has it."""
    made: dict[str, list[dict[str, Any]]] = {}
    for name, exempted in sorted(audited.items()):
        service, _, kind = name.partition(" ")
        made.setdefault(service, []).append({"logType": kind, **({"exemptedMembers": exempted} if exempted else {})})
    return [{"service": service, "auditLogConfigs": logs} for service, logs in made.items()]


def changed(audited: Audited, given: Mapping[str, Any]) -> dict[str, list[str]]:
    """Apply a change as a call tells it: `remove` names entries, `add` puts entries, in place of those of the same name. All others stay."""
    gone = given.get("remove", ())
    return {**{name: exempted for name, exempted in audited.items() if name not in gone}, **given.get("add", {})}


def applied(listed: Iterable[Any], given: Mapping[str, Any]) -> list[Any]:
    """Apply the same change to audit configuration as an allow policy has it. Whatever else stands there stays as it is, what is not understood included."""
    put: Audited = given.get("add", {})
    gone, made = {*given.get("remove", ()), *put}, list[Any]()
    for config in listed:
        logs = items(config, "auditLogConfigs")
        left = [log for log in logs if entry(text(config, "service"), text(log, "logType")) not in gone]
        made += [config] if len(left) == len(logs) else [{**config, "auditLogConfigs": left}] if left else []
    for config in configs(put):
        at = next((n for n, one in enumerate(made) if text(one, "service") == config["service"]), None)
        if at is None:
            made.append(config)
        else:
            made[at] = {**made[at], "auditLogConfigs": [*items(made[at], "auditLogConfigs"), *config["auditLogConfigs"]]}
    return made
