"""Buckets: metadata, public access prevention, allow policy and ACL (Cloud Storage JSON API reference, `buckets`, `bucketAccessControls`).

The policy's etag is the bucket's: every change of either counts the metageneration up, and what was read before it is then stale. A bucket's
ACL is what its policy grants of the three legacy roles (Cloud Storage documentation, "IAM permissions and ACLs").
"""

import base64
import copy
from collections.abc import Sequence

from tests.support.google import bindings
from tests.support.google.policies import BUCKET, Policies
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Shelf, World, page

ROLES = {
    "OWNER": "roles/storage.legacyBucketOwner",
    "WRITER": "roles/storage.legacyBucketWriter",
    "READER": "roles/storage.legacyBucketReader",
}
TEAMS = {"owners": "projectOwner", "editors": "projectEditor", "viewers": "projectViewer"}
PREVENTED = "The member bindings allUsers and allAuthenticatedUsers are not allowed since public access prevention is enforced."
UNIFORM = (
    "Cannot use ACL API to update bucket policy when uniform bucket-level access is enabled. "
    "Read more at https://cloud.google.com/storage/docs/uniform-bucket-level-access"
)


class Buckets:
    """Buckets by name."""

    def __init__(self, world: World, policies: Policies) -> None:
        self.world, self.policies = world, policies
        self.shelf: Shelf[JSON] = Shelf(world)

    def add(self, name: str, project: str, fields: JSON) -> JSON:
        """Make a bucket with the members that every new bucket has."""
        base = {
            "kind": "storage#bucket",
            "id": name,
            "name": name,
            "projectNumber": self.world.projects[project].number,
            "metageneration": "0",
            "location": "EU",
            "storageClass": "STANDARD",
            "timeCreated": self.world.now(),
            "defaultObjectAcl": [],
            "iamConfiguration": {"publicAccessPrevention": "inherited", "uniformBucketLevelAccess": {"enabled": True}},
        }
        self.shelf.values[name] = merge_patched(base, fields)
        self.world.homes[f"{BUCKET}{name}"] = f"projects/{project}"
        grants = ((ROLES["OWNER"], "projectEditor"), (ROLES["OWNER"], "projectOwner"), (ROLES["READER"], "projectViewer"))
        bound = [{"role": role, "members": [f"{member}:{project}"]} for role, member in grants]
        self.policies.keep(f"{BUCKET}{name}", {"bindings": bindings.merged(bound)})
        return self.found(name)

    def found(self, name: str) -> JSON:
        """Give a bucket as it is. Raises Refused."""
        bucket = self.shelf.now(name)
        if bucket is None:
            raise Refused(404, "NOT_FOUND", "The specified bucket does not exist.")
        return bucket

    def keep(self, bucket: JSON) -> JSON:
        """Store a bucket as a new metageneration, whose etag its policy has too."""
        made = self._counted(bucket)
        self.policies.shelf.values[f"{BUCKET}{bucket['name']}"]["etag"] = made["etag"]
        return made

    def stamp(self, resource: str) -> str:
        """Give the etag of a policy that is being written."""
        return str(self._counted(self.found(resource.removeprefix(BUCKET)))["etag"])

    def _counted(self, bucket: JSON) -> JSON:
        number = int(bucket["metageneration"]) + 1
        made = {**bucket, "metageneration": str(number), "etag": etag(number), "updated": self.world.now()}
        self.shelf.put(bucket["name"], made)
        return made

    def uniform(self, name: str) -> bool:
        """Whether ACLs count for nothing."""
        return bool(self.found(name)["iamConfiguration"]["uniformBucketLevelAccess"].get("enabled"))

    def prevented(self, name: str) -> bool:
        """Whether nothing new may be public."""
        return bool(self.found(name)["iamConfiguration"]["publicAccessPrevention"] == "enforced")

    def acl(self, name: str) -> list[JSON]:
        """Give the ACL."""
        made = []
        for binding in self.policies.now(f"{BUCKET}{name}").get("bindings", []):
            role = next((key for key, value in ROLES.items() if value == binding["role"]), "")
            if role and not binding.get("condition"):
                made += [self.entry(name, self.entity(member), role) for member in binding["members"]]
        return made

    def entry(self, name: str, entity: str, role: str) -> JSON:
        """Give one entry of an ACL."""
        return {"kind": "storage#bucketAccessControl", "bucket": name, "id": f"{name}/{entity}", "entity": entity, "role": role}

    def entity(self, member: str) -> str:
        """Give a member as an ACL writes it."""
        kind, _, who = member.partition(":")
        team = next((team for team, word in TEAMS.items() if word == kind), "")
        if team:
            return f"project-{team}-{self.world.find_project(who).number}"
        return member if not who else f"{'user' if kind == 'serviceAccount' else kind}-{who}"

    def member(self, entity: str) -> str:
        """Give an ACL's entity as a policy writes it. Raises Refused."""
        kind, _, who = entity.partition("-")
        if kind == "project":
            team, _, project = who.partition("-")
            return f"{TEAMS[team]}:{self.world.find_project(project).id}"
        if entity in bindings.PUBLIC:
            return entity
        if kind not in ("user", "group", "domain") or not who:
            raise invalid(f"Invalid entity {entity!r}.")
        return f"{'serviceAccount' if who.endswith('.gserviceaccount.com') else kind}:{who}"


def etag(number: int) -> str:
    """Give the etag of a metageneration."""
    return base64.b64encode(b"\x08" + number.to_bytes((number.bit_length() + 7) // 8, "big")).decode()


def merge_patched(old: JSON, change: JSON) -> JSON:
    """Patch as Cloud Storage does: objects field by field, null takes a field away."""
    made = copy.deepcopy(old)
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        else:
            made[key] = merge_patched(made.get(key) or {}, value) if isinstance(value, dict) else copy.deepcopy(value)
    return made


def preconditions(asked: Asked, bucket: JSON) -> None:
    """Refuse where the bucket is not at the metageneration that was named. Raises Refused."""
    if asked.one("ifMetagenerationMatch", bucket["metageneration"]) != bucket["metageneration"]:
        raise Refused(412, "FAILED_PRECONDITION", "At least one of the pre-conditions you specified did not hold.")
    if asked.one("ifMetagenerationNotMatch") == bucket["metageneration"]:
        raise Refused(304, "FAILED_PRECONDITION", "Not modified.")


class _Api:
    """The handlers of buckets and their policies."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def get(self, asked: Asked) -> object:
        real = self.buckets.found(asked.path["bucket"])
        seen = self.buckets.shelf.read(real["name"]) or real
        preconditions(asked, seen)
        return self._shown(asked, seen)

    def list(self, asked: Asked) -> object:
        number = self.buckets.world.find_project(asked.one("project")).number
        found = [one for one in self.buckets.shelf.below(asked.one("prefix")) if one["projectNumber"] == number]
        return page([self._shown(asked, one) for one in found], "items", asked.one("maxResults"), asked.one("pageToken"))

    def patch(self, asked: Asked) -> object:
        old = self.buckets.found(asked.path["bucket"])
        preconditions(asked, old)
        made = merge_patched(old, asked.body)
        if made["iamConfiguration"]["publicAccessPrevention"] not in ("inherited", "enforced"):
            raise invalid("Invalid argument: publicAccessPrevention.")
        if made["iamConfiguration"]["uniformBucketLevelAccess"].get("enabled") and ({"acl", "defaultObjectAcl"} & set(asked.body)):
            raise invalid(UNIFORM)
        wanted = made.pop("acl", None)
        made = self.buckets.keep(made)
        if wanted is not None:
            self._replace(made["name"], wanted)
        return self._shown(asked, self.buckets.found(made["name"]))

    def _shown(self, asked: Asked, bucket: JSON) -> JSON:
        full = asked.one("projection") == "full" and not self.buckets.uniform(bucket["name"])
        told = {key: value for key, value in bucket.items() if key != "defaultObjectAcl"}
        return {**told, "acl": self.buckets.acl(bucket["name"]), "defaultObjectAcl": bucket["defaultObjectAcl"]} if full else told

    def _replace(self, name: str, wanted: Sequence[JSON]) -> None:
        policy = self.buckets.policies.now(f"{BUCKET}{name}")
        kept = [one for one in policy.get("bindings", []) if one["role"] not in ROLES.values() or one.get("condition")]
        added = [{"role": ROLES[one.get("role", "")], "members": [self.buckets.member(one.get("entity", ""))]} for one in wanted]
        self.buckets.policies.keep(f"{BUCKET}{name}", {**policy, "bindings": bindings.merged([*kept, *added])})

    def get_policy(self, asked: Asked) -> object:
        version = int(asked.one("optionsRequestedPolicyVersion", "1"))
        name = asked.path["bucket"]
        return _policy(name, self.buckets.policies.get(f"{BUCKET}{name}", version))

    def set_policy(self, asked: Asked) -> object:
        name, told = asked.path["bucket"], asked.body.get("bindings") or []
        if self.buckets.prevented(name):
            before = set(bindings.members(self.buckets.policies.now(f"{BUCKET}{name}")))
            if any(member in bindings.PUBLIC and member not in before for member in bindings.members({"bindings": told})):
                raise Refused(412, "FAILED_PRECONDITION", PREVENTED)
        if any(one.get("condition") for one in told) and not self.buckets.uniform(name):
            raise Refused(412, "FAILED_PRECONDITION", "To use IAM Conditions, the bucket must have uniform bucket-level access enabled.")
        given = {key: asked.body[key] for key in ("version", "etag", "bindings") if key in asked.body}
        return _policy(name, self.buckets.policies.set(f"{BUCKET}{name}", given, ""))


def _policy(name: str, policy: JSON) -> JSON:
    return {"kind": "storage#policy", "resourceId": f"{BUCKET}{name}", "version": 1, **policy}


def serve_buckets(buckets: Buckets) -> dict[str, Handler]:
    """Serve buckets and their policies."""
    api = _Api(buckets)
    return {
        "storage.buckets.get": api.get,
        "storage.buckets.list": api.list,
        "storage.buckets.patch": api.patch,
        "storage.buckets.getIamPolicy": api.get_policy,
        "storage.buckets.setIamPolicy": api.set_policy,
    }
