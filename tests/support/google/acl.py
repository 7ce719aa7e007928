"""The ACL of a bucket, and the one that its new objects get (Cloud Storage JSON API reference, `bucketAccessControls`)."""

from tests.support.google import bindings
from tests.support.google.bucket import PREVENTED, ROLES, UNIFORM, Buckets
from tests.support.google.policies import BUCKET
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused, Reply
from tests.support.google.world import JSON


class _Api:
    """The handlers; with uniform access each of them refuses."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def _name(self, asked: Asked) -> str:
        if self.buckets.uniform(asked.path["bucket"]):
            raise invalid(UNIFORM)
        return asked.path["bucket"]

    def list(self, asked: Asked) -> object:
        return {"kind": "storage#bucketAccessControls", "items": self.buckets.acl(self._name(asked))}

    def get(self, asked: Asked) -> JSON:
        for entry in self.buckets.acl(self._name(asked)):
            if entry["entity"] == asked.path["entity"]:
                return entry
        raise _missing(asked)

    def delete(self, asked: Asked) -> object:
        entry = self.get(asked)
        self.buckets.policies.revoke(f"{BUCKET}{entry['bucket']}", ROLES[entry["role"]], self.buckets.member(entry["entity"]))
        return Reply(code=204)

    def insert(self, asked: Asked) -> object:
        name, role, member = self._name(asked), str(asked.body.get("role", "")), self.buckets.member(str(asked.body.get("entity", "")))
        if role not in ROLES:
            raise invalid(f"Invalid role {role!r}.")
        if member in bindings.PUBLIC and self.buckets.prevented(name):
            raise Refused(412, "FAILED_PRECONDITION", PREVENTED)
        for entry in self.buckets.acl(name):
            if entry["entity"] == asked.body["entity"]:
                self.buckets.policies.revoke(f"{BUCKET}{name}", ROLES[entry["role"]], member)
        self.buckets.policies.grant(f"{BUCKET}{name}", ROLES[role], member)
        return self.buckets.entry(name, asked.body["entity"], role)


class _DefaultApi:
    """The handlers of the ACL that new objects get."""

    def __init__(self, buckets: Buckets) -> None:
        self.buckets = buckets

    def _bucket(self, asked: Asked) -> JSON:
        if self.buckets.uniform(asked.path["bucket"]):
            raise invalid(UNIFORM)
        return self.buckets.found(asked.path["bucket"])

    def list(self, asked: Asked) -> object:
        return {"kind": "storage#objectAccessControls", "items": self._bucket(asked)["defaultObjectAcl"]}

    def delete(self, asked: Asked) -> object:
        bucket = self._bucket(asked)
        kept = [entry for entry in bucket["defaultObjectAcl"] if entry["entity"] != asked.path["entity"]]
        if kept == bucket["defaultObjectAcl"]:
            raise _missing(asked)
        self.buckets.keep({**bucket, "defaultObjectAcl": kept})
        return Reply(code=204)

    def insert(self, asked: Asked) -> object:
        bucket = self._bucket(asked)
        if asked.body.get("entity") in bindings.PUBLIC and self.buckets.prevented(bucket["name"]):
            raise Refused(412, "FAILED_PRECONDITION", PREVENTED)
        entry = {"kind": "storage#objectAccessControl", "entity": asked.body.get("entity"), "role": asked.body.get("role")}
        kept = [other for other in bucket["defaultObjectAcl"] if other["entity"] != entry["entity"]]
        self.buckets.keep({**bucket, "defaultObjectAcl": [*kept, entry]})
        return entry


def _missing(asked: Asked) -> Refused:
    return Refused(404, "NOT_FOUND", f"ACL entity {asked.path['entity']} was not found.")


def serve_acl(buckets: Buckets) -> dict[str, Handler]:
    """Serve both ACLs."""
    api, default = _Api(buckets), _DefaultApi(buckets)
    return {
        "storage.bucketAccessControls.list": api.list,
        "storage.bucketAccessControls.get": api.get,
        "storage.bucketAccessControls.delete": api.delete,
        "storage.bucketAccessControls.insert": api.insert,
        "storage.defaultObjectAccessControls.list": default.list,
        "storage.defaultObjectAccessControls.delete": default.delete,
        "storage.defaultObjectAccessControls.insert": default.insert,
    }
