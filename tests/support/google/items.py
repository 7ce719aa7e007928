"""Resources of the smaller APIs, by their names: sinks, API keys, datasets, endpoints, findings, people."""

from tests.support.google.policies import CONFLICT
from tests.support.google.schema import invalid
from tests.support.google.wire import Refused
from tests.support.google.world import JSON, Shelf, World, patched


class Items:
    """All of them; who writes with an etag that is not the current one is refused."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shelf: Shelf[JSON] = Shelf(world)

    def read(self, name: str) -> JSON:
        """Give what a reader sees. Raises Refused."""
        return self._there(name, self.shelf.read(name))

    def now(self, name: str) -> JSON:
        """Give what is there. Raises Refused."""
        return self._there(name, self.shelf.now(name))

    def _there(self, name: str, value: JSON | None) -> JSON:
        if value is None:
            raise Refused(404, "NOT_FOUND", f"Requested entity was not found: {name}")
        return value

    def put(self, name: str, value: JSON) -> JSON:
        """Store a value; where it has an etag, it gets a new one."""
        made = {**value, **({"etag": self.world.etag()} if "etag" in value else {})}
        self.shelf.put(name, made)
        return made

    def patch(self, name: str, change: JSON, mask: str) -> JSON:
        """Change the fields that the mask names. Raises Refused."""
        return self.put(name, self.patched(name, change, mask))

    def patched(self, name: str, change: JSON, mask: str) -> JSON:
        """Give what a change makes of a value, without storing it. Raises Refused."""
        old = self.now(name)
        if not mask:
            raise invalid("The update mask is required.")
        if change.get("etag") and change["etag"] != old.get("etag"):
            raise Refused(409, "ABORTED", CONFLICT)
        return patched(old, change, ",".join(one for one in mask.split(",") if one != "etag"))


def begun(name: str, number: int) -> JSON:
    """Give what a new resource has of its own accord, by the kind that its name says."""
    *_, kind, last = name.split("/")
    if kind == "users":
        who = {"kind": "admin#directory#user", "id": f"{number:021d}", "primaryEmail": last, "etag": ""}
        return {**who, "suspended": False, "isEnrolledIn2Sv": False, "isEnforcedIn2Sv": False, "orgUnitPath": "/"}
    if kind == "datasets":
        project = name.split("/")[1]
        reference = {"projectId": project, "datasetId": last}
        return {"kind": "bigquery#dataset", "id": f"{project}:{last}", "datasetReference": reference, "etag": "", "access": []}
    if kind == "sinks":
        writer = f"serviceAccount:service-{number}@gcp-sa-logging.iam.gserviceaccount.com"
        return {"name": last, "resourceName": name, "writerIdentity": writer}
    if kind == "exclusions":
        return {"name": last}
    return {"name": name, **({"etag": ""} if kind in ("keys", "endpoints", "reasoningEngines", "models") else {})}
