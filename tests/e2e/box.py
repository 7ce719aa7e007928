"""A local AWS with CloudTrail's loop closed. Runs in an environment of its own (requirements/e2e-box.txt), on 127.0.0.1 only.

ministack serves the services; this adds what it lacks: every mutating IAM call becomes the event that CloudTrail would hand to
EventBridge; POST /_box/events injects events of aws.* sources, which PutEvents refuses here as on AWS; and the condition keys
iam:PolicyARN and iam:PermissionsBoundary are in the request's context, without which our conditioned grants could not be tried;
a user's service-specific credentials; buses of other regions as targets of a rule; and the condition keys of conditional writes to S3.

Synthetic in them: the source address, the event version. IAM calls that IAM itself denies are not echoed.

usage: python tests/e2e/box.py PORT     environment: AUTH=true enforces IAM on the functions' own roles
"""

import json
import os
import re
import sys
import uuid
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

ACCOUNT, REGION = "123456789012", "us-east-1"
PORT = sys.argv[1]
os.environ |= {
    "BIND_HOST": "127.0.0.1",
    "GATEWAY_PORT": PORT,
    "LAMBDA_EXECUTOR": "local",
    "IOT_MTLS_ENABLED": "0",  # would listen on every address
    "SFTP_ENABLED": "0",
    "MINISTACK_ACCOUNT_ID": ACCOUNT,
}
os.environ.setdefault("AWS_ACCESS_KEY_ID", "test")
os.environ.setdefault("AWS_SECRET_ACCESS_KEY", "test")

from botocore.loaders import Loader  # noqa: E402 - ministack reads its environment when it is imported
from botocore.model import ServiceModel  # noqa: E402
from ministack import app as gateway  # noqa: E402
from ministack.core import iam_actions, iam_evaluator, responses  # noqa: E402
from ministack.services import cloudtrail, eventbridge, iam, sts  # noqa: E402

MODEL = ServiceModel(Loader().load_service_model("iam", "service-2"))
CHANGES = re.compile("(?!Get|List|Generate|Simulate)")


def structured(shape: Any, form: dict[str, str], at: str) -> Any:
    """Read the flat form of AWS's query protocol back into parameters, with the first letters that CloudTrail writes."""
    if shape.type_name == "structure":
        members = {n: structured(m, form, f"{at}.{m.serialization.get('name', n)}".lstrip(".")) for n, m in shape.members.items()}
        return {n[:1].lower() + n[1:]: v for n, v in members.items() if v is not None} or (None if at else {})
    if shape.type_name == "list":
        found = []
        while (value := structured(shape.member, form, f"{at}.member.{len(found) + 1}")) is not None:
            found.append(value)
        return found or None
    text = form.get(at)
    if text is not None and shape.type_name == "boolean":
        return text.lower() == "true"
    return int(text) if text is not None and shape.type_name == "integer" else text


def identity(key: str) -> dict[str, Any]:
    """Name the caller: a session of a function's role by its role, any other key by a user of the key's name."""
    session = sts._sessions.get(key, {})
    arn = str(session.get("Arn") or session.get("arn") or session.get("RoleArn") or "")
    if ":assumed-role/" in arn:
        name, session_name = arn.rsplit("/", 2)[-2:]
        role = iam._roles.get(name) or {}
        issuer = {"type": "Role", "arn": role.get("Arn", ""), "accountId": ACCOUNT, "userName": name, "principalId": role.get("RoleId", "")}
        return {
            "type": "AssumedRole",
            "arn": arn,
            "accountId": ACCOUNT,
            "accessKeyId": key,
            "principalId": f"{role.get('RoleId', '')}:{session_name}",
            "sessionContext": {"sessionIssuer": issuer},
        }
    key = (iam._access_keys.get(key) or {}).get("UserName", key)
    return {
        "type": "IAMUser",
        "arn": f"arn:aws:iam::{ACCOUNT}:user/{key}",
        "accountId": ACCOUNT,
        "accessKeyId": key,
        "principalId": "AIDAEXAMPLEBOX",
        "userName": key,
    }


def record(operation: str, form: dict[str, str], key: str, agent: str, error: str) -> dict[str, Any]:
    """Write the CloudTrail record of one IAM call."""
    return {
        "eventVersion": "1.11",
        "userIdentity": identity(key),
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "iam.amazonaws.com",
        "eventName": operation,
        "awsRegion": REGION,
        "sourceIPAddress": "203.0.113.10",
        "userAgent": agent,
        "requestParameters": structured(MODEL.operation_model(operation).input_shape, form, ""),
        "responseElements": None,
        "requestID": str(uuid.uuid4()),
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": ACCOUNT,
        "eventCategory": "Management",
        **({"errorCode": error, "errorMessage": "see IAM"} if error else {}),
    }


def publish(source: str, detail_type: str, detail: dict[str, Any], region: str = REGION) -> None:
    """Put an event on the default bus of a region as AWS's own services do."""
    responses.set_request_account_id(ACCOUNT)
    responses.set_request_region(region)
    entry = {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "Resources": []}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def remember(record: dict[str, Any]) -> None:
    """Have CloudTrail's LookupEvents find a record."""
    responses.set_request_account_id(ACCOUNT)
    responses.set_request_region(REGION)
    caller = record["userIdentity"]
    event = {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "EventSource": record["eventSource"],
        "EventTime": datetime.fromisoformat(record["eventTime"]).timestamp(),
        "Username": caller.get("userName", ""),
        "AccessKeyId": caller.get("accessKeyId", ""),
        "Resources": [],
        "CloudTrailEvent": json.dumps(record),
    }
    cloudtrail._get_event_queue().append(event)


plain_bus = eventbridge._dispatch_to_event_bus


def to_bus(spec: Any, event: dict[str, Any], rule: dict[str, Any], path: list[Any], payload: Any = None) -> None:
    """Deliver to a bus of another region, too; the event goes on saying where it happened (Amazon EventBridge User Guide, cross-Region)."""
    here = responses.get_region()
    if spec.region == here:
        plain_bus(spec, event, rule, path, payload)
        return
    responses.set_request_region(spec.region)
    try:
        bus = spec.resource.split("/", 1)[1]
        eventbridge._dispatch_event({**event, "Region": here, "EventBusName": bus, "_DispatchPath": [*path, rule["Name"]]})
    finally:
        responses.set_request_region(here)


plain_iam = iam.handle_request


held: dict[tuple[str, str], dict[str, dict[str, str]]] = {}  # credentials by user and kind, then by id, which ministack lacks
# Of each kind: the parameter that names its id, what a list calls them, and what IAM gives each beside id, user and status (botocore's model).
LACKING: dict[str, tuple[str, str, dict[str, str]]] = {
    "ServiceSpecificCredential": ("ServiceSpecificCredentialId", "ServiceSpecificCredentials", {"ServiceName": "bedrock.amazonaws.com"}),
    "SSHPublicKey": ("SSHPublicKeyId", "SSHPublicKeys", {"Fingerprint": "00", "SSHPublicKeyBody": "synthetic"}),
    "SigningCertificate": ("CertificateId", "Certificates", {"CertificateBody": "synthetic"}),
}
MADE = {"SigningCertificate": "Certificate"}  # where the reply calls it otherwise


def credentials(form: dict[str, str]) -> bytes | None:
    """Answer the calls on a user's service-specific credentials, SSH keys and certificates; None for every other call."""
    operation = form.get("Action", "")
    verb = next((v for v in ("Create", "Upload", "Update", "List") if operation.startswith(v)), "")
    kind = next((k for k in LACKING if verb and operation.removeprefix(verb).removesuffix("s") == k), "")
    if not kind:
        return None
    named, plural, more = LACKING[kind]
    mine = held.setdefault((form.get("UserName", ""), kind), {})
    body = ""
    if verb in ("Create", "Upload"):
        number = f"AXXAEXAMPLE{sum(map(len, held.values())):09d}"
        mine[number] = {named: number, "UserName": form["UserName"], "Status": "Active", **more}
        body = f"<{MADE.get(kind, kind)}>{members(mine[number])}</{MADE.get(kind, kind)}>"
    elif verb == "Update":
        mine[form[named]]["Status"] = form["Status"]
    else:
        listed = "".join(f"<member>{members(one)}</member>" for one in mine.values())
        body = f"<{plural}>{listed}</{plural}><IsTruncated>false</IsTruncated>"
    metadata = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    return f"<{operation}Response><{operation}Result>{body}</{operation}Result>{metadata}</{operation}Response>".encode()


def members(fields: dict[str, str]) -> str:
    """Write fields as XML."""
    return "".join(f"<{key}>{value}</{key}>" for key, value in fields.items())


async def answered_iam(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    """Answer what ministack lacks, and let it answer the rest."""
    answer = credentials(dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)))
    return await plain_iam(method, path, headers, body, query) if answer is None else (200, {"Content-Type": "text/xml"}, answer)


async def echoing_iam(method: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, Any]) -> Any:
    """Serve an IAM call, then write its CloudTrail event."""
    reply = await answered_iam(method, path, headers, body, query)
    form = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
    operation = form.get("Action", "")
    if operation in MODEL.operation_names and CHANGES.match(operation):
        text = reply[2].decode("utf-8", "replace") if isinstance(reply[2], bytes) else str(reply[2])
        code = re.search(r"<Code>(\w+)</Code>", text) if reply[0] >= 400 else None
        signed = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
        key = signed.group(1) if signed else "test"
        publish(
            "aws.iam",
            "AWS API Call via CloudTrail",
            record(operation, form, key, headers.get("user-agent", ""), code.group(1) if code else ""),
        )
    return reply


plain_context = iam_actions.request_tag_context
CONTEXT = {"PolicyArn": "iam:policyarn", "PermissionsBoundary": "iam:permissionsboundary"}


def context_of(service: str, action: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
    """Add IAM's own condition keys (Service Authorization Reference) to a request's context."""
    found = dict(plain_context(service, action, body, params))
    if service == "iam":
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        found |= {key: form[name] for name, key in CONTEXT.items() if name in form}
        if action.endswith("PermissionsBoundary") and "PermissionsBoundary" not in form:
            found |= current_boundary(form)
    return found


plain_s3_context = iam_actions.s3_service_context
plain_key = iam_evaluator._resolve_condition_key


def s3_context_of(action: str, query: dict[str, Any] | None, path: str = "", headers: dict[str, str] | None = None) -> dict[str, Any]:
    """Add what a conditional write says (Amazon S3 User Guide, "Enforce conditional writes on Amazon S3 buckets")."""
    said = {name: value for name in ("if-match", "if-none-match") if (value := (headers or {}).get(name))}
    return dict(plain_s3_context(action, query, path, headers)) | {f"s3:{name}": value for name, value in said.items()}


def condition_key(key: str, context: Any) -> Any:
    """Answer as AWS does: whoever comes over loopback came over TLS, and a session is asked about by the ARN of its role."""
    found = plain_key(key, context)
    if key.lower() == "aws:securetransport":
        return "true"
    if key.lower() == "aws:principalarn" and ":assumed-role/" in str(found):
        return (iam._roles.get(found.split("/")[1]) or {}).get("Arn", found)
    return found


def current_boundary(form: dict[str, str]) -> dict[str, str]:
    """Give the boundary that is taken off: for a deletion the key holds what is there now."""
    kind, name = ("_roles", form["RoleName"]) if "RoleName" in form else ("_users", form.get("UserName", ""))
    held = getattr(iam, kind, {}).get(name) or {}
    boundary = held.get("PermissionsBoundary")
    arn = boundary.get("PermissionsBoundaryArn") if isinstance(boundary, dict) else boundary
    return {"iam:permissionsboundary": arn} if arn else {}


plain_gateway = gateway.app


async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Serve the box's own path, and leave everything else to ministack."""
    if scope.get("path") not in ("/_box/events", "/_box/history"):
        await plain_gateway(scope, receive, send)
        return
    message = await receive()
    body = message.get("body", b"")
    while message.get("more_body"):
        message = await receive()
        body += message.get("body", b"")
    event = json.loads(body)
    if scope["path"] == "/_box/history":
        remember(event)
    else:
        publish(event["source"], event["detail-type"], event["detail"], event["region"])
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": b"ok"})


if __name__ == "__main__":
    iam.handle_request = echoing_iam
    eventbridge._dispatch_to_event_bus = to_bus
    iam_actions.request_tag_context = context_of
    iam_actions.s3_service_context = s3_context_of
    iam_evaluator._resolve_condition_key = condition_key
    gateway.app = app
    sys.argv = sys.argv[:1]
    gateway.main()
