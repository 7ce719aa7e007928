"""Custom roles, predefined ones as far as a test makes them, and workload identity pools (IAM API reference, `projects.roles`, `…Pools`)."""

import re

from tests.support.google.operations import Operations
from tests.support.google.policies import CONFLICT
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Shelf, World, page, patched

ID = re.compile(r"[a-zA-Z0-9_.]{3,64}")
FIELDS = ("title", "description", "includedPermissions", "stage")
PROVIDER = "google.iam.admin.v1.OperationMetadata"


class Roles:
    """Roles and pools by name."""

    def __init__(self, world: World, operations: Operations) -> None:
        self.world, self.operations = world, operations
        self.roles: Shelf[JSON] = Shelf(world)
        self.pools: Shelf[JSON] = Shelf(world)

    def add(self, name: str, permissions: list[str]) -> JSON:
        """Make a role, or change it, as somebody else would."""
        role = {
            "name": name,
            "title": name.rpartition("/")[2],
            "includedPermissions": permissions,
            "stage": "GA",
            "etag": self.world.etag(),
        }
        self.roles.put(name, role)
        return role

    def found(self, shelf: Shelf[JSON], name: str, *, stale: bool) -> JSON:
        """Give a value, as a reader sees it (`stale`) or as it is. Raises Refused."""
        value = shelf.read(name) if stale else shelf.now(name)
        if value is None:
            raise Refused(404, "NOT_FOUND", f"The resource named {name} was not found.")
        return value


class _Api:
    """The handlers of roles."""

    def __init__(self, roles: Roles) -> None:
        self.all, self.roles, self.world = roles, roles.roles, roles.world

    def get(self, asked: Asked) -> object:
        return self.all.found(self.roles, asked.path["name"], stale=True)

    def list(self, asked: Asked) -> object:
        parent, deleted = asked.path.get("parent") or asked.one("parent"), asked.one("showDeleted") == "true"
        found = [one for one in self.roles.below(f"{parent}/roles/" if parent else "roles/") if deleted or not one.get("deleted")]
        brief = [{key: value for key, value in one.items() if key != "includedPermissions"} for one in found]
        return page(found if asked.one("view") == "FULL" else brief, "roles", asked.one("pageSize"), asked.one("pageToken"), 300)

    def create(self, asked: Asked) -> object:
        name = f"{asked.path['parent']}/roles/{asked.body.get('roleId', '')}"
        if not ID.fullmatch(asked.body.get("roleId", "")):
            raise invalid("The role id is invalid.")
        if name in self.roles.values:
            raise Refused(409, "ALREADY_EXISTS", f"A role named {name} already exists.")
        return self._keep({**{key: value for key, value in (asked.body.get("role") or {}).items() if key in FIELDS}, "name": name})

    def patch(self, asked: Asked) -> object:
        old = self._current(asked, asked.body.get("etag"))
        mask = set((asked.one("updateMask") or ",".join(key for key in FIELDS if key in asked.body)).split(","))
        if mask - {*FIELDS, "etag", ""}:
            raise invalid(f"Invalid update mask: {asked.one('updateMask')}")
        return self._keep(patched(old, asked.body, ",".join(sorted(mask - {"etag"}))))

    def delete(self, asked: Asked) -> object:
        return self._keep({**self._current(asked, asked.one("etag")), "deleted": True})

    def undelete(self, asked: Asked) -> object:
        return self._keep({key: value for key, value in self._current(asked, asked.body.get("etag")).items() if key != "deleted"})

    def _current(self, asked: Asked, etag: str | None) -> JSON:
        old = self.all.found(self.roles, asked.path["name"], stale=False)
        if etag and etag != old["etag"]:
            raise Refused(409, "ABORTED", CONFLICT)
        return old

    def _keep(self, role: JSON) -> JSON:
        made = {**role, "etag": self.world.etag()}
        self.roles.put(made["name"], made)
        return made


class _PoolsApi:
    """The handlers of pools and providers."""

    def __init__(self, roles: Roles) -> None:
        self.all, self.pools = roles, roles.pools

    def get(self, asked: Asked) -> object:
        return self.all.found(self.pools, asked.path["name"], stale=True)

    def patch(self, asked: Asked) -> object:
        name, mask = asked.path["name"], asked.one("updateMask")
        self.all.found(self.pools, name, stale=False)
        if not mask:
            raise invalid("The update mask is required.")

        def effect() -> JSON:
            made = patched(self.all.found(self.pools, name, stale=False), asked.body, mask)
            self.pools.put(name, made)
            return {"@type": "type.googleapis.com/google.iam.v1.WorkloadIdentityPoolProvider", **made}

        return self.all.operations.start(f"{name}/", PROVIDER, effect)

    def list_pools(self, asked: Asked) -> object:
        found = list(self.pools.below(f"{asked.path['parent']}/workloadIdentityPools/"))
        return page(found, "workloadIdentityPools", asked.one("pageSize"), asked.one("pageToken"), 50)

    def list_providers(self, asked: Asked) -> object:
        found = list(self.pools.below(f"{asked.path['parent']}/providers/"))
        return page(found, "workloadIdentityPoolProviders", asked.one("pageSize"), asked.one("pageToken"), 50)


def serve_roles(roles: Roles) -> dict[str, Handler]:
    """Serve roles of projects and organisations, predefined roles, pools and their providers, those of people too."""
    api, pools, name = _Api(roles), _PoolsApi(roles), "iam.projects.locations.workloadIdentityPools"
    served: dict[str, Handler] = {"iam.roles.get": api.get, "iam.roles.list": api.list}
    verbs = {"get": api.get, "list": api.list, "create": api.create, "patch": api.patch, "delete": api.delete, "undelete": api.undelete}
    for kind in ("projects", "organizations"):
        served |= {f"iam.{kind}.roles.{verb}": handler for verb, handler in verbs.items()}
    return {
        **served,
        f"{name}.get": pools.get,
        f"{name}.patch": pools.patch,
        f"{name}.list": pools.list_pools,
        f"{name}.providers.get": pools.get,
        f"{name}.providers.patch": pools.patch,
        f"{name}.providers.list": pools.list_providers,
        "iam.locations.workforcePools.providers.get": pools.get,
        "iam.locations.workforcePools.providers.patch": pools.patch,
    }
