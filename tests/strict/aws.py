"""The strict layer: every request to moto passes here, under one lock, and is refused where AWS would refuse it.

Sources of codes and texts: IAM's service model (botocore), "IAM and AWS STS quotas", "CloudTrail userIdentity element", EventBridge API Reference.
"""

import copy
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl

from moto.core.botocore_stubber import BotocoreStubber
from moto.iam.models import iam_backends

from tests.support.aws import aws
from tests.support.jobs import NOW

ACCOUNT = "123456789012"
ATTACHED = 10
INLINE = {"Role": 10_240, "User": 2_048, "Group": 5_120}  # characters, white space not counted
NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
LONGEST = {"Role": 64, "User": 64, "Group": 128}
DOCUMENT = re.compile(r"[\t\n\r\x20-\xff]+")
# IAM's service model: the operations that answer UnmodifiableEntity for a role that only AWS changes.
ON_ROLES = frozenset(
    {
        "AttachRolePolicy", "DetachRolePolicy", "PutRolePolicy", "DeleteRolePolicy", "PutRolePermissionsBoundary", "DeleteRole",
        "DeleteRolePermissionsBoundary", "UpdateAssumeRolePolicy", "UpdateRole", "UpdateRoleDescription",
    }
)  # fmt: skip

type Answer = tuple[int, dict[str, str], str]


class Strict:
    """What stands between the client and moto."""

    def __init__(self, clock: Callable[[], datetime], lag: int) -> None:
        self.clock, self.lag = clock, timedelta(seconds=lag)
        self.lock = threading.RLock()
        self.tokens: dict[str, Any] = {}
        self.past: list[tuple[datetime, Any]] = []  # what IAM was until a change, as long as the change may not be seen yet
        self.calls: list[str] = []

    def __call__(self, plain: Callable[[Any], Any], request: Any) -> Any:
        with self.lock:
            host, body = request.url.split("/")[2], request.body or b""
            text = body.decode() if isinstance(body, bytes) else str(body)
            if host.startswith("iam."):
                return self._iam(plain, request, dict(parse_qsl(text, keep_blank_values=True)))
            target = str(request.headers.get("X-Amz-Target", b""))
            if "TransactWriteItems" in target:
                token = json.loads(text).get("ClientRequestToken", "")
                if token not in self.tokens:
                    self.tokens[token] = plain(request)
                return self.tokens[token]
            if "PutEvents" in target and any(e.get("Source", "").startswith("aws.") for e in json.loads(text)["Entries"]):
                refused = [{"ErrorCode": "NotAuthorizedForSourceException", "ErrorMessage": "Not authorized for the source."}]
                return 200, {}, json.dumps({"FailedEntryCount": 1, "Entries": refused})
            return plain(request)

    def _iam(self, plain: Callable[[Any], Any], request: Any, form: dict[str, str]) -> Any:
        operation = form["Action"]
        self.past = [(time, before) for time, before in self.past if self.clock() < time + self.lag]
        if operation.startswith(("Get", "List")):
            return self._as_it_was(plain, request) if self.past else plain(request)
        self.calls.append(operation)
        if refusal := refused(operation, form):
            return refusal
        if self.lag:
            self.past.append((self.clock(), copy.deepcopy(iam_backends[ACCOUNT]["aws"])))
        return plain(request)

    def _as_it_was(self, plain: Callable[[Any], Any], request: Any) -> Any:
        now = iam_backends[ACCOUNT]["aws"]
        iam_backends[ACCOUNT]["aws"] = self.past[0][1]
        try:
            return plain(request)
        finally:
            iam_backends[ACCOUNT]["aws"] = now


def refused(operation: str, form: dict[str, str]) -> Answer | None:
    """Give AWS's refusal of a mutating call on IAM, None where it lets it pass."""
    kind = next((k for k in ("Role", "User", "Group") if f"{k}Name" in form), "")
    name = form.get(f"{kind}Name", "")
    backend: Any = iam_backends[ACCOUNT]["aws"]
    if kind and not (NAME.fullmatch(name) and len(name) <= LONGEST[kind]):
        return error(400, "ValidationError", f"The specified value for {kind.lower()}Name is invalid.")
    if any(not DOCUMENT.fullmatch(v) for k, v in form.items() if k.endswith("Document")):
        return error(400, "MalformedPolicyDocument", "The policy failed legacy parsing")
    held: dict[str, Any] = {"Role": {r.name: r for r in backend.roles.values()}, "User": backend.users, "Group": backend.groups}.get(
        kind, {}
    )
    if operation == f"Create{kind}":
        twin = next((other for other in held if other.casefold() == name.casefold()), None)
        return error(409, "EntityAlreadyExists", f"{kind} with name {name} already exists.") if twin else None
    entity: Any = held.get(name)
    if entity is None:
        return None
    if operation in ON_ROLES and str(entity.path).startswith(("/aws-service-role/", "/aws-reserved/")):
        said = f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        return error(400, "UnmodifiableEntity", said)
    return _quota(operation, kind, entity, form)


def _quota(operation: str, kind: str, entity: Any, form: dict[str, str]) -> Answer | None:
    if operation == f"Attach{kind}Policy" and form["PolicyArn"] not in entity.managed_policies and len(entity.managed_policies) >= ATTACHED:
        return error(409, "LimitExceeded", f"Cannot exceed quota for PoliciesPer{kind}: {ATTACHED}")
    if operation == f"Put{kind}Policy":
        others = {k: v for k, v in dict(entity.policies).items() if k != form["PolicyName"]}
        used = sum(len(re.sub(r"\s", "", v if isinstance(v, str) else json.dumps(v))) for v in (*others.values(), form["PolicyDocument"]))
        if used > INLINE[kind]:
            return error(
                409, "LimitExceeded", f"Maximum policy size of {INLINE[kind]} bytes exceeded for {kind.lower()} {form[f'{kind}Name']}"
            )
    return None


def error(status: int, code: str, message: str) -> Answer:
    """Write an error as IAM's query protocol does."""
    body = f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error><RequestId>r</RequestId></ErrorResponse>"
    return status, {}, body


@contextmanager
def strict_aws(clock: Callable[[], datetime] = lambda: NOW, lag: int = 0) -> Iterator[tuple[Any, Strict]]:
    """Give an IAM client of an empty account behind the strict layer; readings lag by so many seconds of the clock."""
    layer = Strict(clock, lag)
    plain = BotocoreStubber.process_request

    def process(stubber: BotocoreStubber, request: Any) -> Any:
        return layer(lambda passed: plain(stubber, passed), request)

    with aws(managed=False) as iam, patch.object(BotocoreStubber, "process_request", process):
        yield iam, layer
