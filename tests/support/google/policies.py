"""Allow policies: read, write, conflict (IAM documentation, "Policies"; Resource Manager reference, `projects.setIamPolicy`)."""

from collections.abc import Callable
from functools import partial

from tests.support.google import bindings
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Shelf, World

UNSET = "ACAB"  # the etag of a policy that nobody ever set
CONFLICT = "There were concurrent policy changes. Please retry the whole read-modify-write with exponential backoff."
MASK = {"bindings", "etag", "auditConfigs", "version"}
BUCKET = "projects/_/buckets/"
VERTEX = (
    "agents",
    "datasets",
    "endpoints",
    "featureGroups",
    "featureOnlineStores",
    "featurestores",
    "models",
    "notebookRuntimeTemplates",
    "reasoningEngines",
)
SERVED = (
    *(f"cloudresourcemanager.{kind}" for kind in ("projects", "folders", "organizations")),
    "iam.projects.serviceAccounts",
    "iam.projects.locations.workloadIdentityPools",
    *(f"aiplatform.projects.locations.{kind}" for kind in VERTEX),
    "cloudkms.projects.locations.keyRings",
    "cloudkms.projects.locations.keyRings.cryptoKeys",
    "secretmanager.projects.secrets",
    "notebooks.projects.locations.instances",
    "run.projects.locations.services",
    "pubsub.projects.topics",
    "pubsub.projects.subscriptions",
    "artifactregistry.projects.locations.repositories",
    "bigquery.tables",
)


class Policies:
    """Every allow policy, by the resource's canonical name. `resolve` gives that name or refuses; `missing` finds accounts that are not there."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.shelf: Shelf[JSON] = Shelf(world)
        self.resolve: Callable[[str], str] = lambda name: name
        self.missing: Callable[[str], bool] = lambda _: False
        self.stamp: Callable[[str], str] = lambda _: world.etag()

    def get(self, resource: str, version: int) -> JSON:
        """Give a policy as a reader sees it."""
        if version not in bindings.VERSIONS:
            raise invalid(f"Invalid policy version ({version}).")
        return bindings.shown(self.shelf.read(self.resolve(resource)) or {"etag": UNSET}, version)

    def now(self, resource: str) -> JSON:
        """Give the true policy, in version 3."""
        return bindings.shown(self.shelf.now(resource) or {"etag": UNSET}, bindings.CONDITIONS)

    def set(self, resource: str, given: JSON, mask: str) -> JSON:
        """Write a policy. Raises Refused."""
        name, wanted = self.resolve(resource), set(filter(None, mask.split(","))) or {"bindings", "etag"}
        if wanted - MASK:
            raise invalid(f"Invalid update mask: {mask}")
        stored = self.now(name)
        if given.get("etag") and given["etag"] != stored["etag"]:
            raise self._conflict(name)
        made = {**stored, "etag": ""}
        if "bindings" in wanted:
            made["bindings"] = self._bindings(name, stored, given)
        if "auditConfigs" in wanted:
            made["auditConfigs"] = given.get("auditConfigs") or []
        self.keep(name, made)
        return self.now(name)

    def _bindings(self, name: str, stored: JSON, given: JSON) -> list[JSON]:
        version, told = given.get("version") or 0, given.get("bindings") or []
        if version not in bindings.VERSIONS:
            raise invalid(f"Invalid policy version ({version}).")
        if given.get("etag"):
            if version < bindings.CONDITIONS and (bindings.conditional(stored) or bindings.conditional(given)):
                existing = bindings.CONDITIONS if bindings.conditional(stored) else 1
                raise invalid(
                    f"Specified policy version ({version or 1}) cannot be less than the existing policy version ({existing}). "
                    "For more information, please refer to https://cloud.google.com/iam/docs/policies#versions."
                )
        elif version < bindings.CONDITIONS:  # whoever gives no etag is checked for nothing
            told = bindings.blind(told)
        bindings.check(told, convenience=name.startswith(BUCKET))
        made = bindings.merged(told)
        for member in set(bindings.members({"bindings": made})) - set(bindings.members(stored)):
            if self.missing(member):
                raise invalid(f"Service account {member.removeprefix('serviceAccount:')} does not exist.")
        if name in {f"projects/{project}" for project in self.world.projects}:
            self._check_project(name, stored, made)
        return made

    def _conflict(self, name: str) -> Refused:
        if name.startswith(BUCKET):
            return Refused(412, "FAILED_PRECONDITION", "At least one of the pre-conditions you specified did not hold.")
        return Refused(409, "ABORTED", CONFLICT)

    def _check_project(self, name: str, stored: JSON, made: list[JSON]) -> None:
        if any(member in bindings.PUBLIC for member in bindings.members({"bindings": made})):
            raise invalid("Projects do not support allUsers and allAuthenticatedUsers.")
        if self.world.projects[name.removeprefix("projects/")].parent:
            return
        before, after = _owners(stored.get("bindings", [])), _owners(made)
        if after - before:
            raise invalid("Request contains an invalid argument.")  # SOLO_MUST_INVITE_OWNERS: by invitation only
        if before and not after:
            raise Refused(400, "FAILED_PRECONDITION", "The project must have at least one owner who has accepted the Terms of Service.")

    def keep(self, name: str, policy: JSON) -> None:
        """Store a policy under a new etag."""
        stored = {key: value for key, value in policy.items() if key in ("bindings", "auditConfigs") and value}
        self.shelf.put(name, {**stored, "etag": self.stamp(name)})

    def grant(self, name: str, role: str, member: str, condition: JSON | None = None) -> None:
        """Add a member, as somebody else would; nothing is checked."""
        policy = self.now(name)
        more = {"role": role, "members": [member], **({"condition": condition} if condition else {})}
        self.keep(name, {**policy, "bindings": bindings.merged([*policy.get("bindings", []), more])})

    def revoke(self, name: str, role: str, member: str, condition: JSON | None = None) -> None:
        """Take a member out of one binding, as somebody else would."""
        policy = self.now(name)
        for one in policy.get("bindings", []):
            if one["role"] == role and one.get("condition") == condition:
                one["members"] = [other for other in one["members"] if other != member]
        self.keep(name, {**policy, "bindings": bindings.merged(policy.get("bindings", []))})

    def rename(self, old: str, new: str) -> None:
        """Show a member under another name, everywhere, under the same etags: its account was deleted, or came back."""
        for policy in self.shelf.values.values():
            for one in policy.get("bindings", []):
                one["members"] = [new if member == old else member for member in one["members"]]


def _owners(told: list[JSON]) -> set[str]:
    return {member for one in told if one["role"] == "roles/owner" for member in one["members"] if member.startswith("user:")}


def serve_policies(policies: Policies) -> dict[str, Handler]:
    """Serve getIamPolicy and setIamPolicy of everything that has them; buckets have a form of their own."""
    served: dict[str, Handler] = {}
    for kind in SERVED:
        served |= {f"{kind}.getIamPolicy": partial(_get, policies), f"{kind}.setIamPolicy": partial(_set, policies)}
    return served


def check_region(asked: Asked, name: str) -> None:
    """Refuse what is asked of another region's host: each has its own (Vertex AI documentation, "Locations"). Raises Refused."""
    region = name.split("/")[3]
    if asked.host != ("aiplatform" if region == "global" else f"{region}-aiplatform"):
        raise Refused(404, "NOT_FOUND", f"{asked.host} does not serve {name}.")


def _get(policies: Policies, asked: Asked) -> JSON:
    if asked.host.endswith("aiplatform"):
        check_region(asked, asked.path["resource"])
    told = ((asked.body or {}).get("options") or {}).get("requestedPolicyVersion") or asked.one("options.requestedPolicyVersion", "0")
    return policies.get(asked.path["resource"], int(told))


def _set(policies: Policies, asked: Asked) -> JSON:
    if asked.host.endswith("aiplatform"):
        check_region(asked, asked.path["resource"])
    if asked.body.get("policy") is None:
        raise invalid("The policy is required.")
    return policies.set(asked.path["resource"], asked.body["policy"], asked.body.get("updateMask") or "")
