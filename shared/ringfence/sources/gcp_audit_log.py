"""Google Cloud audit logs: LogEntry with protoPayload AuditLog (Cloud Logging, "Understanding audit logs").

Several spellings occur of one method (`SetIamPolicy`, `google.iam.admin.v1.SetIAMPolicy`, `storage.setIamPermissions`): guardrails hear its last
part, with the service beside it (of Cloud Storage, whose last parts are verbs, the last two). What changed in a policy stands in `serviceData` or `metadata`,
or nowhere: then it is not known. A call that failed, or whose every permission was refused, changed nothing. A long-running operation is told twice, and
judged when it has ended. Google Workspace's sign-ins and settings are told at the organisation, and name the user in their parameters.
"""

import re
from collections.abc import Mapping
from typing import Any

from ringfence.domain.event import Actor, Event, Outcome, SetAside, Source
from ringfence.domain.google import IAM
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.member import parse_member
from ringfence.domain.raw import dig, flag, items, moment, table, text
from ringfence.sources._gcp_made import added, made
from ringfence.sources._gcp_moves import moved, said
from ringfence.sources._read import Envelope

SET_POLICY = re.compile(r"set_?iam_?(policy|permissions)", re.IGNORECASE | re.ASCII)
DELTAS = (("serviceData", "policyDelta"), ("service_data", "policyDelta"), ("metadata", "policyDelta"), ("metadata", "datasetChange"))
SCOPES = re.compile(r"(projects|folders|organizations)/([^/]+)", re.ASCII)
STORAGE = re.compile(r"(?:google\.)?storage\.((?:objects|buckets)\.[A-Za-z]+)", re.ASCII)
WORKSPACE = ("login.googleapis.com", "admin.googleapis.com")
MARK = re.compile(r"ringfence-job/([0-9a-f]{1,64})", re.ASCII)  # anybody can write one
LONGEST = 1000  # characters of a user agent that are read
TAKEN = ("REMOVE", "remove", 2)  # google.iam.v1.BindingDelta.Action, by name or by number
AUDIT = "cloudaudit.googleapis.com"
MOST = 50  # members of one change that are judged: a minute is enough for them


def recognises(envelope: Envelope) -> bool:
    """A LogEntry of an audit log: by its payload, or by the log's name."""
    payload, log = _payload(envelope.detail), text(envelope.detail, "logName") or text(envelope.detail, "logname")
    return bool(text(payload, "serviceName") or text(payload, "methodName") or (payload and AUDIT in log))


def heard_as(method: str) -> str:
    """Name a method as guardrails hear it: its last part; each spelling of a policy's change as SetIamPolicy; of objects and buckets with what it is about."""
    if (stored := STORAGE.fullmatch(method)) is not None:
        return stored[1]
    last = method.rpartition(".")[2]
    return "SetIamPolicy" if SET_POLICY.fullmatch(last) else last


def events(envelope: Envelope) -> tuple[Event, ...]:
    """Make the one event of an entry."""
    entry = envelope.detail
    payload = _payload(entry)
    method, service = text(payload, "methodName"), text(payload, "serviceName") or text(entry, "serviceName")
    place = text(payload, "resourceName")
    project = _project(entry, place)
    given = tuple(delta for delta in _deltas(payload) if delta["action"] == "ADD")[: MOST + 1]
    actor, heard, user = _actor(payload, project), heard_as(method), said(payload) if service in WORKSPACE else {}
    members = (
        tuple(dict.fromkeys(Identity.member(delta["member"], project) for delta in given))
        or _account(entry, service, project)
        or _user(user, actor, service, project)
    )
    if not members and heard == "InsertJob" and actor is not None and actor.identity is not None:
        members = (actor.identity,)  # a job is about whoever moves data by it
    data = moved(payload, service, heard)
    return (
        Event(
            source=Source.GCP_AUDIT,
            name=method,
            heard_as=heard,
            id=text(entry, "insertId") or text(entry, "insertid"),
            time=moment(entry.get("timestamp")),
            account=project,
            partition=GOOGLE,
            actor=actor,
            subject=members[0] if members else None,
            also=members[1:],
            target=Identity.resource(made(payload, _resource(entry, place)), project) if place else None,
            parameters={
                "service": service,
                "resource": place,
                "deltas": _deltas(payload),
                "request": table(payload, "request"),
                "response": table(payload, "response"),
                "audit": tuple(d for path in DELTAS for d in items(payload, *path, "auditConfigDeltas") if isinstance(d, dict)),
                "many": len(given) > MOST,
                "added": added(payload),
                "user": user,
                "reads": data.reads,
                "writes": data.writes,
            },
            set_aside=_aside(entry, payload),
            mark=found[1] if (found := MARK.search(text(payload, "requestMetadata", "callerSuppliedUserAgent")[:LONGEST])) else "",
        ),
    )


def _payload(entry: Mapping[str, Any]) -> Mapping[str, Any]:
    """Give the audit log in an entry: as it is delivered, with its keys in lower case, or as a row of a log that is kept in BigQuery."""
    return table(entry, "protoPayload") or table(entry, "protopayload") or table(entry, "protopayload_auditlog")


def _aside(entry: Mapping[str, Any], payload: Mapping[str, Any]) -> SetAside | None:
    """Say why an entry tells of no change: refused, failed, or not over yet."""
    code = dig(payload, "status", "code")
    if isinstance(code, int) and code != 0:
        return SetAside(Outcome.IGNORED, f"the call failed (status {code}): nothing changed, it counts as a denied attempt")
    asked = [info for info in items(payload, "authorizationInfo") if isinstance(info, dict) and "granted" in info]
    if asked and not any(flag(info["granted"]) for info in asked):
        return SetAside(Outcome.IGNORED, "every permission was refused: nothing changed, it counts as a denied attempt")
    if not text(payload, "methodName"):
        return SetAside(Outcome.UNSUPPORTED, "the entry names no method")
    operation = table(entry, "operation")
    if flag(operation.get("first")) and not flag(operation.get("last")):
        return SetAside(Outcome.IGNORED, "the operation has only begun: its last entry is judged")
    return None


def _deltas(payload: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    """Give what changed in a policy, as the log tells it: action, role, member, and the condition where there is one."""
    found: list[dict[str, Any]] = []
    for path in DELTAS:
        for delta in items(payload, *path, "bindingDeltas"):
            if isinstance(delta, dict) and text(delta, "member") and text(delta, "role"):
                condition = {"condition": delta["condition"]} if isinstance(delta.get("condition"), dict) else {}
                action = "REMOVE" if delta.get("action") in TAKEN else "ADD"  # what does not say that it takes away may have given
                found.append({"action": action, "role": text(delta, "role"), "member": text(delta, "member"), **condition})
    return tuple(found)


def _project(entry: Mapping[str, Any], place: str) -> str:
    """Name the project in which it happened, or the folder or organisation above projects; a number where that is all that is told."""
    named = text(entry, "resource", "labels", "project_id")
    if named:
        return named
    scope = SCOPES.match(place) or SCOPES.match(text(entry, "logName") or text(entry, "logname"))
    return "" if scope is None else scope[2] if scope[1] == "projects" else scope[0]


def _account(entry: Mapping[str, Any], service: str, project: str) -> tuple[Identity, ...]:
    """Give the service account that a call of IAM is about, by the address that the log tells."""
    back = _payload(entry).get("response")  # of an account that was deleted and is brought back, which labels may not name any more
    told = (
        text(entry, "resource", "labels", "email_id") or text(back, "restoredAccount", "email") or text(back, "restored_account", "email")
    )
    email = told if service == IAM else ""
    return (Identity.member(f"serviceAccount:{email}", project, text(entry, "resource", "labels", "unique_id") or None),) if email else ()


def _user(parameters: Mapping[str, str], actor: Actor | None, service: str, project: str) -> tuple[Identity, ...]:
    """Give the user that an entry of Google Workspace is about: whom it names, else of a sign-in who made it."""
    named = parameters.get("user_email") or parameters.get("affected_email_address")
    if named:
        return (Identity.member(f"user:{named}", project),)
    return (actor.identity,) if service == WORKSPACE[0] and actor is not None and actor.identity is not None else ()


def _resource(entry: Mapping[str, Any], place: str) -> str:
    """Give the full name of what was changed; of a service account, which the log names by a number, its address where it is told."""
    email = text(entry, "resource", "labels", "email_id")
    return f"{place.rpartition('/')[0]}/{email}" if email and "/serviceAccounts/" in place else place


def _actor(payload: Mapping[str, Any], project: str) -> Actor | None:
    """Name who did it: an address, or of federated identities the subject."""
    who = table(payload, "authenticationInfo")
    email, subject = text(who, "principalEmail"), text(who, "principalSubject")
    if not email and not subject:
        return None
    kind = "serviceAccount" if email.endswith("gserviceaccount.com") else "user"
    member = subject if subject and parse_member(subject).id else f"{kind}:{email}"
    chain = [
        text(one, "firstPartyPrincipal", "principalEmail") or text(one, "principalSubject")
        for one in items(who, "serviceAccountDelegationInfo")
    ]
    return Actor(
        display=email or subject, type="principal", identity=Identity.member(member, project), human=", ".join(filter(None, chain))
    )
