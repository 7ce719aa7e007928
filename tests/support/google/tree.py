"""Where resources hang, and the search over their policies (Resource Manager v3 and Cloud Asset v1 references)."""

import re
from functools import partial

from tests.support.google.accounts import Accounts
from tests.support.google.policies import BUCKET, Policies
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, Project, World, page

TYPES = {
    r"projects/[^/]+": ("cloudresourcemanager", "Project"),
    r"folders/[^/]+": ("cloudresourcemanager", "Folder"),
    r"organizations/[^/]+": ("cloudresourcemanager", "Organization"),
    r"projects/[^/]+/serviceAccounts/[^/]+": ("iam", "ServiceAccount"),
    r"projects/_/buckets/[^/]+": ("storage", "Bucket"),
    r"projects/[^/]+/secrets/[^/]+": ("secretmanager", "Secret"),
    r"projects/[^/]+/topics/[^/]+": ("pubsub", "Topic"),
    r".+/keyRings/[^/]+": ("cloudkms", "KeyRing"),
    r".+/cryptoKeys/[^/]+": ("cloudkms", "CryptoKey"),
    r".+/models/[^/]+": ("aiplatform", "Model"),
    r".+/endpoints/[^/]+": ("aiplatform", "Endpoint"),
    r".+/reasoningEngines/[^/]+": ("aiplatform", "ReasoningEngine"),
}
QUERY = re.compile(r'policy\s*:\s*(?:"([^"]*)"|([^\s"()]+))')


class Tree:
    """Folders and organisations by name, each with its parent; projects are the world's."""

    def __init__(self, world: World, policies: Policies, accounts: Accounts) -> None:
        self.world, self.policies, self.accounts = world, policies, accounts
        self.nodes: dict[str, str] = {}

    def parents(self, name: str) -> list[str]:
        """Give what a project, folder or organisation hangs below, the nearest first."""
        above = self.world.projects[name.removeprefix("projects/")].parent if name.startswith("projects/") else self.nodes.get(name, "")
        return [above, *self.parents(above)] if above else []

    def search(self, asked: Asked) -> object:
        """Search policies by a member or a role."""
        query = QUERY.fullmatch(asked.one("query").strip())
        if asked.one("query") and query is None:
            raise invalid("The tests' Google searches for `policy:word` only.")
        word, found = (query[1] or query[2] or "") if query else "", []
        scope = asked.path["scope"]
        scope = f"projects/{self.world.find_project(scope.removeprefix('projects/')).id}" if scope.startswith("projects/") else scope
        for name in sorted(self.policies.shelf.values):
            policy, home = self.policies.now(name), self.home(name)
            bound = [
                one
                for one in policy.get("bindings", [])
                if not word or word in one["role"] or any(word in member for member in one["members"])
            ]
            if bound and scope in (name, home, *self.parents(home)):
                found.append(self._result(name, home, {**policy, "bindings": bound}))
        if asked.query.get("assetTypes"):
            found = [one for one in found if one["assetType"] in asked.query["assetTypes"]]
        return page(found, "results", asked.one("pageSize"), asked.one("pageToken"))

    def home(self, name: str) -> str:
        """Give the project, folder or organisation that a resource belongs to."""
        return self.world.homes.get(name) or "/".join(name.split("/")[:2])

    def _result(self, name: str, home: str, policy: JSON) -> JSON:
        service, kind = next((told for shape, told in TYPES.items() if re.fullmatch(shape, name)), ("cloudresourcemanager", "Resource"))
        told = {
            "resource": f"//{service}.googleapis.com/{name.removeprefix(BUCKET)}",
            "assetType": f"{service}.googleapis.com/{kind}",
            "policy": policy,
        }
        if kind == "ServiceAccount":
            project, email = name.split("/")[1], name.rpartition("/")[2]
            unique = self.accounts.shelf.values[email]["uniqueId"] if email in self.accounts.shelf.values else email
            told["resource"] = f"//iam.googleapis.com/projects/{project}/serviceAccounts/{unique}"
        if home.startswith("projects/"):
            told["project"] = f"projects/{self.world.find_project(home.removeprefix('projects/')).number}"
        above = [home, *self.parents(home)]
        folders = [one for one in above if one.startswith("folders/")]
        organization = next((one for one in above if one.startswith("organizations/")), "")
        return {**told, **({"folders": folders} if folders else {}), **({"organization": organization} if organization else {})}


def _project(tree: Tree, asked: Asked) -> object:
    return _told(tree.world.find_project(asked.path["name"].removeprefix("projects/")))


def _projects(tree: Tree, asked: Asked) -> object:
    """Give all projects: nobody's rights are looked at here."""
    if asked.one("query"):
        raise invalid("The tests' Google searches for all projects only.")
    found = [_told(tree.world.projects[name]) for name in sorted(tree.world.projects)]
    return page(found, "projects", asked.one("pageSize"), asked.one("pageToken"))


def _told(one: Project) -> JSON:
    return {
        "name": f"projects/{one.number}",
        "projectId": one.id,
        "displayName": one.id,
        "state": one.state,
        **({"parent": one.parent} if one.parent else {}),
    }


def _ancestry(tree: Tree, asked: Asked) -> object:
    one = tree.world.find_project(asked.path["projectId"])
    above = [name.split("/") for name in tree.parents(f"projects/{one.id}")]
    ids = [{"type": "project", "id": one.id}, *({"type": kind.removesuffix("s"), "id": number} for kind, number in above)]
    return {"ancestor": [{"resourceId": told} for told in ids]}


def _node(tree: Tree, asked: Asked) -> object:
    name = asked.path["name"]
    if name not in tree.nodes:
        raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
    return {
        "name": name,
        "displayName": name.replace("/", "-"),
        "state": "ACTIVE",
        **({"parent": tree.nodes[name]} if tree.nodes[name] else {}),
    }


def serve_tree(tree: Tree) -> dict[str, Handler]:
    """Serve the tree and the search."""
    return {
        "cloudresourcemanager.projects.get": partial(_project, tree),
        "cloudresourcemanager.projects.search": partial(_projects, tree),
        "cloudresourcemanager.projects.getAncestry": partial(_ancestry, tree),
        "cloudresourcemanager.folders.get": partial(_node, tree),
        "cloudresourcemanager.organizations.get": partial(_node, tree),
        "cloudasset.searchAllIamPolicies": tree.search,
    }
