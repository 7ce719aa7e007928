"""Vertex AI endpoints and API keys: what is patched at once, and what takes an operation (Vertex AI API v1, API Keys API v2, references)."""

from collections.abc import Callable

from tests.support.google.items import Items
from tests.support.google.operations import Operations
from tests.support.google.policies import check_region
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, page, patched

WHOLE = 100  # per cent of an endpoint's traffic
V1 = "type.googleapis.com/google.cloud.aiplatform.v1"
ENDPOINTS, ENGINES, KEYS = (
    "aiplatform.projects.locations.endpoints",
    "aiplatform.projects.locations.reasoningEngines",
    "apikeys.projects.locations.keys",
)


class _VertexApi:
    """The handlers; each region has a host of its own."""

    def __init__(self, items: Items, operations: Operations) -> None:
        self.items, self.operations = items, operations

    def _name(self, asked: Asked) -> str:
        name = asked.path.get("name") or asked.path.get("endpoint") or asked.path["parent"]
        check_region(asked, name)
        return name

    def get(self, asked: Asked) -> object:
        return self.items.read(self._name(asked))

    def list(self, asked: Asked) -> object:
        found = list(self.items.shelf.below(f"{self._name(asked)}/endpoints/"))
        return page(found, "endpoints", asked.one("pageSize"), asked.one("pageToken"))

    def patch(self, asked: Asked) -> object:
        made = self.items.patched(self._name(asked), asked.body, asked.one("updateMask"))
        _check_traffic(made)
        return self.items.put(made["name"], made)

    def undeploy(self, asked: Asked) -> object:
        name, model = self._name(asked), asked.body.get("deployedModelId")
        old = self.items.now(name)
        if all(one["id"] != model for one in old.get("deployedModels", [])):
            raise Refused(404, "NOT_FOUND", f"DeployedModel {model} was not found.")
        split = asked.body.get("trafficSplit") or {}
        if old.get("trafficSplit", {}).get(model) and not split and len(old["deployedModels"]) > 1:
            raise invalid("The model still gets traffic: give the traffic split that is to be.")

        def effect() -> JSON:
            now = self.items.now(name)
            left = [one for one in now["deployedModels"] if one["id"] != model]
            rest = split or {key: value for key, value in now.get("trafficSplit", {}).items() if key != model}
            self.items.put(name, {**now, "deployedModels": left, "trafficSplit": rest})
            return {"@type": f"{V1}.UndeployModelResponse"}

        return self.operations.start(f"{name}/", "google.cloud.aiplatform.v1.UndeployModelOperationMetadata", effect)


def _check_traffic(endpoint: JSON) -> None:
    split = endpoint.get("trafficSplit") or {}
    if set(split) - {one["id"] for one in endpoint.get("deployedModels", [])}:
        raise invalid("The traffic split names a model that is not deployed.")
    if split and sum(split.values()) != WHOLE:
        raise invalid("The traffic split must add up to 100.")


class _KeysApi:
    """The handlers of API keys; a deleted one stays for 30 days."""

    def __init__(self, items: Items, operations: Operations) -> None:
        self.items, self.operations = items, operations

    def get(self, asked: Asked) -> object:
        return self.items.read(asked.path["name"])

    def list(self, asked: Asked) -> object:
        found = [
            one
            for one in self.items.shelf.below(f"{asked.path['parent']}/keys/")
            if asked.one("showDeleted") == "true" or "deleteTime" not in one
        ]
        return page(found, "keys", asked.one("pageSize"), asked.one("pageToken"), 50)

    def patch(self, asked: Asked) -> object:
        name, mask = asked.path["name"], asked.one("updateMask") or "displayName,restrictions,annotations"
        self.items.patched(name, asked.body, mask)
        return self._run(name, lambda: patched(self.items.now(name), asked.body, mask))

    def delete(self, asked: Asked) -> object:
        name = asked.path["name"]
        self.items.patched(name, {"etag": asked.one("etag")}, "etag")
        return self._run(name, lambda: {**self.items.now(name), "deleteTime": self.items.world.now()})

    def undelete(self, asked: Asked) -> object:
        name = asked.path["name"]
        self.items.now(name)
        return self._run(name, lambda: {key: value for key, value in self.items.now(name).items() if key != "deleteTime"})

    def _run(self, name: str, change: Callable[[], JSON]) -> JSON:
        def effect() -> JSON:
            return {"@type": "type.googleapis.com/google.api.apikeys.v2.Key", **self.items.put(name, change())}

        return self.operations.start("", "google.protobuf.Empty", effect)


def serve_vertex(items: Items, operations: Operations) -> dict[str, Handler]:
    """Serve endpoints, agents and API keys."""
    vertex, keys = _VertexApi(items, operations), _KeysApi(items, operations)
    return {
        f"{ENDPOINTS}.get": vertex.get,
        f"{ENDPOINTS}.list": vertex.list,
        f"{ENDPOINTS}.patch": vertex.patch,
        f"{ENDPOINTS}.undeployModel": vertex.undeploy,
        f"{ENGINES}.get": vertex.get,
        f"{KEYS}.get": keys.get,
        f"{KEYS}.list": keys.list,
        f"{KEYS}.patch": keys.patch,
        f"{KEYS}.delete": keys.delete,
        f"{KEYS}.undelete": keys.undelete,
    }
