"""Service accounts and their keys (IAM API reference, `projects.serviceAccounts`; IAM documentation, "Delete and undelete service accounts")."""

import base64
import json
import re

from tests.support.google.policies import Policies
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Shelf, World, page

NAME = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)(?:/keys/([^/]+))?")
ID = re.compile(r"[a-z][-a-z0-9]{4,28}[a-z0-9]")
OWN = re.compile(r"[^@]+@([^.@]+)\.iam\.gserviceaccount\.com")
ALIVE = {"validAfterTime": "2026-11-01T00:00:00Z", "validBeforeTime": "9999-12-31T23:59:59Z"}


class Accounts:
    """Accounts by address, deleted ones by unique id, keys by name."""

    def __init__(self, world: World, policies: Policies) -> None:
        self.world, self.policies = world, policies
        self.shelf: Shelf[JSON] = Shelf(world)
        self.keys: Shelf[JSON] = Shelf(world)
        self.deleted: dict[str, JSON] = {}

    def add(self, project: str, name: str) -> JSON:
        """Make an account with one key that Google manages; `name` is its first part, or a whole address."""
        email = name if "@" in name else f"{name}@{project}.iam.gserviceaccount.com"
        unique = f"1{next(self.world.numbers):020d}"
        account = {
            "name": f"projects/{project}/serviceAccounts/{email}",
            "projectId": project,
            "uniqueId": unique,
            "email": email,
            "etag": "MDEwMjE5MjA=",
            "oauth2ClientId": unique,
        }
        self.shelf.put(email, account)
        self.add_key(email, f"{next(self.world.numbers):040x}", "SYSTEM_MANAGED")
        return account

    def add_key(self, email: str, key: str, kind: str = "USER_MANAGED") -> JSON:
        """Make a key of an account."""
        account = self.shelf.values[email]
        made = {
            "name": f"{account['name']}/keys/{key}",
            "keyType": kind,
            "keyOrigin": "GOOGLE_PROVIDED",
            "keyAlgorithm": "KEY_ALG_RSA_2048",
            **ALIVE,
        }
        self.keys.put(made["name"], made)
        return made

    def missing(self, member: str) -> bool:
        """Whether a member is an account of a project that is here, and is not there."""
        email = member.removeprefix("serviceAccount:")
        own = OWN.fullmatch(email)
        return member.startswith("serviceAccount:") and own is not None and own[1] in self.world.projects and email not in self.shelf.values

    def email(self, name: str) -> str:
        """Give the address that a resource name means. Raises Refused: behind the wildcard, what is not there is forbidden."""
        parts = NAME.fullmatch(name)
        if parts is None:
            raise invalid(f"Invalid service account name: {name}")
        project, account = parts[1], parts[2]
        for email, one in self.shelf.values.items():
            if account not in (email, one["uniqueId"]):
                continue
            owner = self.world.projects.get(one["projectId"])
            if project == "-" or project == one["projectId"] or (owner is not None and project == owner.number):
                return email
        if project == "-":
            raise Refused(403, "PERMISSION_DENIED", "Permission 'iam.serviceAccounts.get' denied on resource (or it may not exist).")
        raise Refused(404, "NOT_FOUND", f"Unknown service account: {account}")

    def key(self, name: str) -> str:
        """Give the canonical name of a key. Raises Refused."""
        parts = NAME.fullmatch(name)
        found = f"{self.shelf.values[self.email(name)]['name']}/keys/{parts[3] if parts else ''}"
        if found not in self.keys.values:
            raise Refused(404, "NOT_FOUND", f"Service account key {parts[3] if parts else ''} does not exist.")
        return found

    def remove(self, email: str) -> None:
        """Delete an account: policies that name it show it as deleted, and never mean one that is made anew."""
        account = self.shelf.values[email]
        self.shelf.put(email, None)
        self.deleted[account["uniqueId"]] = account
        self.policies.rename(f"serviceAccount:{email}", f"deleted:serviceAccount:{email}?uid={account['uniqueId']}")

    def restore(self, name: str) -> JSON:
        """Undelete an account, by its unique id. Raises Refused."""
        unique = name.rpartition("/")[2]
        account = self.deleted.get(unique)
        if account is None:
            raise Refused(404, "NOT_FOUND", f"Unknown deleted service account: {unique}")
        if account["email"] in self.shelf.values:
            raise Refused(400, "FAILED_PRECONDITION", f"Service account {account['email']} was made anew.")
        del self.deleted[unique]
        self.shelf.put(account["email"], account)
        self.policies.rename(f"deleted:serviceAccount:{account['email']}?uid={unique}", f"serviceAccount:{account['email']}")
        return account


class _Api:
    """The handlers."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts, self.world = accounts, accounts.world

    def get(self, asked: Asked) -> object:
        email = self.accounts.email(asked.path["name"])
        seen = self.accounts.shelf.read(email)
        if seen is None:  # it was made just now, and the reader does not see it yet
            raise Refused(404, "NOT_FOUND", f"Unknown service account: {email}")
        return seen

    def list(self, asked: Asked) -> object:
        project = self.world.find_project(asked.path["name"].removeprefix("projects/")).id
        found = [one for _, one in sorted(self.accounts.shelf.values.items()) if one["projectId"] == project]
        return page(found, "accounts", asked.one("pageSize"), asked.one("pageToken"))

    def create(self, asked: Asked) -> object:
        project, told = self.world.find_project(asked.path["name"].removeprefix("projects/")).id, asked.body.get("serviceAccount") or {}
        name = asked.body.get("accountId") or ""
        if not ID.fullmatch(name):
            raise invalid(f"Invalid account id {name!r}.")
        if f"{name}@{project}.iam.gserviceaccount.com" in self.accounts.shelf.values:
            raise Refused(409, "ALREADY_EXISTS", f"Service account {name} already exists within project projects/{project}.")
        made = {**self.accounts.add(project, name), **{key: told[key] for key in ("displayName", "description") if key in told}}
        self.accounts.shelf.put(made["email"], made)
        return made

    def delete(self, asked: Asked) -> object:
        self.accounts.remove(self.accounts.email(asked.path["name"]))
        return {}

    def undelete(self, asked: Asked) -> object:
        return {"restoredAccount": self.accounts.restore(asked.path["name"])}

    def switch(self, asked: Asked) -> object:
        email = self.accounts.email(asked.path["name"])
        one = {key: value for key, value in self.accounts.shelf.values[email].items() if key != "disabled"}
        self.accounts.shelf.put(email, {**one, "disabled": True} if asked.method.endswith(".disable") else one)
        return {}


class _KeysApi:
    """The handlers of keys."""

    def __init__(self, accounts: Accounts) -> None:
        self.accounts, self.keys = accounts, accounts.keys

    def list(self, asked: Asked) -> object:
        name, kinds = self.accounts.shelf.values[self.accounts.email(asked.path["name"])]["name"], asked.query.get("keyTypes", [])
        seen = (self.keys.read(key) for key in sorted(self.keys.values) if key.startswith(f"{name}/keys/"))
        found = [one for one in seen if one is not None and (not kinds or one["keyType"] in kinds)]
        return {"keys": found} if found else {}

    def get(self, asked: Asked) -> object:
        return self.keys.read(self.accounts.key(asked.path["name"]))

    def create(self, asked: Asked) -> object:
        made = self.accounts.add_key(self.accounts.email(asked.path["name"]), f"{next(self.accounts.world.numbers):040x}")
        secret = base64.b64encode(json.dumps({"type": "service_account", "private_key": "none"}).encode()).decode()
        return {**made, "privateKeyType": "TYPE_GOOGLE_CREDENTIALS_FILE", "privateKeyData": secret}

    def delete(self, asked: Asked) -> object:
        self.keys.put(self._own(asked), None)
        return {}

    def switch(self, asked: Asked) -> object:
        name = self._own(asked)
        one = {key: value for key, value in self.keys.values[name].items() if key not in ("disabled", "disableReason")}
        off = {"disabled": True, "disableReason": "SERVICE_ACCOUNT_KEY_DISABLE_REASON_USER_INITIATED"}
        self.keys.put(name, {**one, **off} if asked.method.endswith(".disable") else one)
        return {}

    def _own(self, asked: Asked) -> str:
        name = self.accounts.key(asked.path["name"])
        if self.keys.values[name]["keyType"] != "USER_MANAGED":
            raise Refused(400, "FAILED_PRECONDITION", "This operation is not allowed on keys that Google manages.")
        return name


def serve_accounts(accounts: Accounts) -> dict[str, Handler]:
    """Serve accounts and keys."""
    api, keys, name = _Api(accounts), _KeysApi(accounts), "iam.projects.serviceAccounts"
    return {
        f"{name}.get": api.get,
        f"{name}.list": api.list,
        f"{name}.create": api.create,
        f"{name}.delete": api.delete,
        f"{name}.undelete": api.undelete,
        f"{name}.disable": api.switch,
        f"{name}.enable": api.switch,
        f"{name}.keys.list": keys.list,
        f"{name}.keys.get": keys.get,
        f"{name}.keys.create": keys.create,
        f"{name}.keys.delete": keys.delete,
        f"{name}.keys.disable": keys.switch,
        f"{name}.keys.enable": keys.switch,
    }
