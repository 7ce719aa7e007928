"""Deny policies, as long-running operations (IAM API v2 reference, `policies`; IAM documentation, "Deny policies").

Which permissions Google can deny is a list of its own that changes; it is not known here. `unsupported` holds stand-ins: a test sets its own.
"""

import re
from collections.abc import Callable

from tests.support.google.discovery import HERE
from tests.support.google.operations import Operations
from tests.support.google.policies import CONFLICT
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Shelf, World, page

POINT = re.compile(r"cloudresourcemanager\.googleapis\.com%2[fF](projects|folders|organizations)%2[fF]([^/%]+)")
ID = re.compile(r"[a-z][a-z0-9.-]{2,62}")
PERMISSION = re.compile(r"([a-z]+)\.googleapis\.com/(?:[a-zA-Z0-9]+|\*)\.(?:[a-zA-Z0-9]+|\*)")
POOLS = r"iam\.googleapis\.com/(?:locations/global/workforcePools|projects/\d+/locations/global/workloadIdentityPools)/[^/]+"
PRINCIPAL = re.compile(
    r"(?:deleted:)?(?:"
    r"principal://goog/subject/[^@\s/]+@[^@\s/?]+|principalSet://goog/group/[^@\s/]+@[^@\s/?]+|principalSet://goog/cloudIdentityCustomerId/\w+"
    r"|principal://iam\.googleapis\.com/projects/-/serviceAccounts/[^@\s/]+@[^@\s/?]+"
    rf"|principal://{POOLS}/subject/\S+|principalSet://{POOLS}/(?:group/\S+|attribute\.\w+/\S+|\*)"
    r"|principalSet://cloudresourcemanager\.googleapis\.com/(?:projects|folders|organizations)/\d+/type/Service(?:Account|Agent)"
    r"|principal(?:Set)?://agents\.global\.\S+"
    r")(?:\?uid=\d+)?"
)
EVERYBODY = "principalSet://goog/public:all"
UNSUPPORTED = frozenset({"storage.googleapis.com/hmacKeys.create", "iam.googleapis.com/serviceAccounts.implicitDelegation"})
# The client library ships no document of Privileged Access Manager.
SERVICES = frozenset(file.name.split(".")[0] for file in HERE.glob("*.v*.json")) | {"privilegedaccessmanager"}
METADATA, POLICY = "google.iam.v2.PolicyOperationMetadata", "type.googleapis.com/google.iam.v2.Policy"


class Denials:
    """Deny policies by name, with the project's number in it, as answers have it."""

    def __init__(self, world: World, operations: Operations) -> None:
        self.world, self.operations = world, operations
        self.shelf: Shelf[JSON] = Shelf(world)
        self.pending: set[str] = set()
        self.unsupported = set(UNSUPPORTED)

    def name(self, text: str) -> str:
        """Give the canonical form of `policies/{point}/denypolicies[/{id}]`. Raises Refused."""
        _, point, kind, *rest = text.split("/")
        parts = POINT.fullmatch(point)
        if parts is None or kind != "denypolicies":
            raise invalid(f"The resource name {text} is invalid.")
        number = self.world.find_project(parts[2]).number if parts[1] == "projects" else parts[2]
        if not number.isdigit():
            raise invalid(f"{parts[1]} are identified by number.")
        return "/".join(["policies", f"cloudresourcemanager.googleapis.com%2F{parts[1]}%2F{number}", kind, *rest])

    def found(self, text: str, *, stale: bool) -> JSON:
        """Give a policy. Raises Refused."""
        name = self.name(text)
        value = self.shelf.read(name) if stale else self.shelf.now(name)
        if value is None:
            raise Refused(404, "NOT_FOUND", f"Requested entity was not found: {name}")
        return value

    def check(self, policy: JSON) -> None:
        """Refuse rules that Google refuses."""
        rules = policy.get("rules") or []
        if not rules:
            raise invalid("A deny policy has at least one rule.")
        for rule in (one.get("denyRule") or {} for one in rules):
            if not rule.get("deniedPrincipals") or not rule.get("deniedPermissions"):
                raise invalid("A deny rule has denied principals and denied permissions.")
            for principal in (*rule["deniedPrincipals"], *(rule.get("exceptionPrincipals") or [])):
                if not PRINCIPAL.fullmatch(principal) and (principal != EVERYBODY or principal in (rule.get("exceptionPrincipals") or [])):
                    raise invalid(f"The principal specified by ({principal}) is in an incorrect format.")
            for permission in (*rule["deniedPermissions"], *(rule.get("exceptionPermissions") or [])):
                self._check_permission(permission)
            self._check_condition((rule.get("denialCondition") or {}).get("expression", ""))

    def _check_permission(self, permission: str) -> None:
        parts = PERMISSION.fullmatch(permission)
        if parts is None or parts[1] not in SERVICES:
            raise invalid(f"The permission specified by ({permission}) is in an incorrect format.")
        if permission in self.unsupported:
            raise invalid(f"The permission specified by ({permission}) is not supported in deny policies.")

    def _check_condition(self, expression: str) -> None:
        if expression and set(re.findall(r"resource\.(\w+)", expression)) - {"matchTag", "matchTagId", "hasTagKey", "hasTagKeyId"}:
            raise invalid("Deny conditions know resource tags only.")


class _Api:
    """The handlers."""

    def __init__(self, denials: Denials) -> None:
        self.denials, self.world, self.shelf = denials, denials.world, denials.shelf

    def create(self, asked: Asked) -> object:
        name, pending = f"{self.denials.name(asked.path['parent'])}/{asked.one('policyId')}", self.denials.pending
        if not ID.fullmatch(asked.one("policyId")):
            raise invalid(f"The policy id {asked.one('policyId')!r} is invalid.")
        self.denials.check(asked.body)
        if name in self.shelf.values or name in pending:
            raise Refused(409, "ALREADY_EXISTS", f"Policy {name} already exists.")
        if not self.world.operation_error:
            pending.add(name)
        uid = f"{next(self.world.numbers):08x}-0000-4000-8000-000000000000"

        def effect() -> JSON:
            pending.discard(name)
            return self._keep({**asked.body, "name": name, "uid": uid, "kind": "DenyPolicy", "createTime": self.world.now()})

        return self._run(name, effect)

    def get(self, asked: Asked) -> object:
        return self.denials.found(asked.path["name"], stale=True)

    def update(self, asked: Asked) -> object:
        old = self.denials.found(asked.path["name"], stale=False)
        self.denials.check(asked.body)
        _check_etag(old, asked.body.get("etag"))
        changed = {key: asked.body[key] for key in ("rules", "displayName", "annotations") if key in asked.body}
        kept = {key: value for key, value in old.items() if key not in ("rules", "displayName", "annotations")}
        return self._run(old["name"], lambda: self._keep({**kept, **changed}))

    def delete(self, asked: Asked) -> object:
        old = self.denials.found(asked.path["name"], stale=False)
        _check_etag(old, asked.one("etag"))

        def effect() -> JSON:
            self.shelf.put(old["name"], None)
            return {"@type": POLICY, **old, "deleteTime": self.world.now()}

        return self._run(old["name"], effect)

    def list(self, asked: Asked) -> object:
        found = self.shelf.below(f"{self.denials.name(asked.path['parent'])}/")
        brief = [{key: value for key, value in one.items() if key != "rules"} for one in found]
        return page(brief, "policies", "1000", asked.one("pageToken"))

    def _run(self, name: str, effect: Callable[[], JSON]) -> JSON:
        return self.denials.operations.start(f"{name}/", METADATA, effect)

    def _keep(self, policy: JSON) -> JSON:
        made = {**policy, "etag": self.world.etag(), "updateTime": self.world.now()}
        self.shelf.put(made["name"], made)
        return {"@type": POLICY, **made}


def _check_etag(old: JSON, etag: str | None) -> None:
    if etag and etag != old["etag"]:
        raise Refused(409, "ABORTED", CONFLICT)


def serve_deny(denials: Denials) -> dict[str, Handler]:
    """Serve deny policies."""
    api = _Api(denials)
    return {
        "iam.policies.createPolicy": api.create,
        "iam.policies.get": api.get,
        "iam.policies.update": api.update,
        "iam.policies.delete": api.delete,
        "iam.policies.listPolicies": api.list,
    }
