"""Long-running operations: what they do happens when they are done, at once or after some polls (google.longrunning.Operation)."""

from collections.abc import Callable

from msgspec import Struct

from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, World

SERVED = (
    "iam.policies.operations.get",
    "iam.projects.locations.workloadIdentityPools.operations.get",
    "iam.projects.locations.workloadIdentityPools.providers.operations.get",
    "apikeys.operations.get",
    "aiplatform.projects.locations.operations.get",
    "aiplatform.projects.locations.endpoints.operations.get",
)


class Running(Struct):
    """An operation; `left` is how many polls still find it running."""

    name: str
    left: int
    effect: Callable[[], JSON]
    error: JSON | None
    kind: str
    begun: str
    response: JSON | None = None

    def shown(self) -> JSON:
        """Give what a client sees; `done` false is no field, as protobuf's JSON has it."""
        told: JSON = {"name": self.name, "metadata": {"@type": f"type.googleapis.com/{self.kind}", "createTime": self.begun}}
        if self.left:
            return told
        return {**told, "done": True, **({"error": self.error} if self.error else {"response": self.response})}


class Operations:
    """All of them, by name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.running: dict[str, Running] = {}

    def start(self, prefix: str, kind: str, effect: Callable[[], JSON]) -> JSON:
        """Begin one: `kind` is its metadata's type; `effect` does it and gives the response."""
        name = f"{prefix}operations/{next(self.world.numbers):020d}"
        one = Running(name, self.world.slow_operations, effect, self.world.operation_error, kind, self.world.now())
        self.running[name] = one
        self._finish(one)
        return one.shown()

    def get(self, asked: Asked) -> JSON:
        """Answer a poll."""
        one = self.running.get(asked.path["name"])
        if one is None:
            raise Refused(404, "NOT_FOUND", f"Operation not found: {asked.path['name']}")
        if one.left:
            one.left -= 1
            self._finish(one)
        return one.shown()

    def _finish(self, one: Running) -> None:
        if not one.left and not one.error and one.response is None:
            one.response = one.effect()


def serve_operations(operations: Operations) -> dict[str, Handler]:
    """Serve the polls of every API that is here."""
    return dict.fromkeys(SERVED, operations.get)
