"""The tests' Google: one HTTP server on loopback whose first path segment is the host, driven by the discovery documents.

What a discovery document does not know is refused as Google refuses it; what it knows and no handler serves is 501. Replies are held against
the same documents: a double that answers what Google cannot, or that breaks, says 500 and fails the test at its end.
"""

import contextlib
import threading
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

from requests.structures import CaseInsensitiveDict

from tests.support.google import schema
from tests.support.google.accounts import Accounts, serve_accounts
from tests.support.google.acl import serve_acl
from tests.support.google.bucket import Buckets, serve_buckets
from tests.support.google.datasets import serve_datasets
from tests.support.google.deny import Denials, serve_deny
from tests.support.google.discovery import Document, Method, document
from tests.support.google.items import Items, begun
from tests.support.google.listener import Listener
from tests.support.google.logs import serve_logs
from tests.support.google.operations import Operations, serve_operations
from tests.support.google.people import serve_findings, serve_people
from tests.support.google.policies import BUCKET, Policies, serve_policies
from tests.support.google.recommender import Recommender, serve_recommender
from tests.support.google.replies import held, read_body, refusal_of
from tests.support.google.roles import Roles, serve_roles
from tests.support.google.tree import Tree, serve_tree
from tests.support.google.vertex import serve_vertex
from tests.support.google.wire import Asked, Dropped, Handler, Refused, Reply
from tests.support.google.world import JSON, Project, World

__all__ = ["Asked", "Dropped", "Google", "Handler", "Refused", "Reply", "served"]


class Google(World):
    """All of it. Handlers run one at a time; `before` and `after` run outside that, so that a hook may wait or ask something itself.

    `before` may refuse, drop or change things first; `after` runs when the effect has happened: Dropped there is a lost reply.
    """

    def __init__(self) -> None:
        super().__init__()
        self.log: list[Asked] = []
        self.forbidden: set[str] = set()
        self.broken: list[str] = []
        self.before: Callable[[Asked], None] = lambda _: None
        self.after: Callable[[Asked], None] = lambda _: None
        self.operations, self.policies, self.items = Operations(self), Policies(self), Items(self)
        self.accounts, self.roles = Accounts(self, self.policies), Roles(self, self.operations)
        self.denials, self.buckets = Denials(self, self.operations), Buckets(self, self.policies)
        self.tree, self.recommender = Tree(self, self.policies, self.accounts), Recommender(self)
        self.policies.resolve, self.policies.missing, self.policies.stamp = self.resolve, self.accounts.missing, self._stamp
        self.handlers: dict[str, Handler] = {
            **serve_operations(self.operations),
            **serve_policies(self.policies),
            **serve_accounts(self.accounts),
            **serve_roles(self.roles),
            **serve_deny(self.denials),
            **serve_buckets(self.buckets),
            **serve_acl(self.buckets),
            **serve_logs(self.items),
            **serve_vertex(self.items, self.operations),
            **serve_datasets(self.items),
            **serve_people(self.items),
            **serve_findings(self.items),
            **serve_tree(self.tree),
            **serve_recommender(self.recommender),
        }

    def answer(self, verb: str, url: str, headers: dict[str, str], raw: bytes) -> Reply:
        """Answer a request as it came. Raises Dropped."""
        parts = urlsplit(url)
        host, _, path = parts.path.removeprefix("/").partition("/")
        host = host.removesuffix(".googleapis.com")
        query = parse_qs(parts.query, keep_blank_values=True)
        asked = Asked("", {}, query, None, raw, CaseInsensitiveDict(headers), host, verb, url)
        known: Document | None = None
        try:
            known = document(host, path)
            method, places = known.match(verb, f"/{path}")
            asked = Asked(method.id, places, query, None, raw, asked.headers, host, verb, url)
            schema.check_query(method, query)
            asked = Asked(method.id, places, query, read_body(method, asked), raw, asked.headers, host, verb, url)
        except Refused as refusal:
            with self.lock:
                self.log.append(asked)
            return refusal_of(refusal, known)
        with self.lock:
            self.log.append(asked)
        return self._serve(method, asked)

    def _serve(self, method: Method, asked: Asked) -> Reply:
        try:
            self.before(asked)
            with self.lock:
                reply = self._handled(method, asked)
            self.after(asked)
        except Refused as refusal:
            return refusal_of(refusal, method.document)
        except Dropped:
            raise
        except Exception as error:  # noqa: BLE001 - a defect of the double or of a hook: the client gets 500, and `served` tells the test
            self.broken.append(f"{asked.verb} {asked.url}: {error!r}")
            return refusal_of(Refused(500, "INTERNAL", f"The tests' Google broke: {error!r}"), method.document)
        return reply

    def _handled(self, method: Method, asked: Asked) -> Reply:
        if asked.method in self.forbidden:
            raise Refused(403, "PERMISSION_DENIED", f"Permission for {asked.method} denied on resource (or it may not exist).")
        if asked.method not in self.handlers:
            raise Refused(501, "UNIMPLEMENTED", f"The tests' Google does not serve {asked.method}.")
        said = self.handlers[asked.method](asked)
        return held(method, said if isinstance(said, Reply) else Reply(said))

    def resolve(self, name: str) -> str:
        """Give the canonical name of a resource that has an allow policy. Raises Refused where it is not there."""
        kind, _, rest = name.partition("/")
        if kind == "projects" and "/" not in rest:
            return f"projects/{self.find_project(rest).id}"
        if "/serviceAccounts/" in name:
            return str(self.accounts.shelf.values[self.accounts.email(name)]["name"])
        if name.startswith(BUCKET):
            self.buckets.found(name.removeprefix(BUCKET))
            return name
        if kind in ("folders", "organizations") and "/" not in rest and name not in self.tree.nodes:
            raise Refused(403, "PERMISSION_DENIED", "The caller does not have permission")
        if name not in self.tree.nodes and name not in self.policies.shelf.values and name not in self.items.shelf.values:
            raise Refused(404, "NOT_FOUND", f"Resource {name} was not found.")
        return name

    def _stamp(self, name: str) -> str:
        return self.buckets.stamp(name) if name.startswith(BUCKET) else self.etag()

    def project(self, name: str, *, number: str = "", parent: str = "organizations/1") -> Project:
        """Make a project; `parent` is made too where it is not there, and an empty one is none: then the last owner may not go."""
        with self.lock:
            if parent:
                self.tree.nodes.setdefault(parent, "")
            made = Project(name, number or f"9{next(self.numbers):011d}", parent)
            self.projects[name] = made
            return made

    def node(self, name: str, parent: str = "") -> str:
        """Make a folder or an organisation."""
        with self.lock:
            self.tree.nodes[name] = parent
            return name

    def account(self, project: str, name: str) -> JSON:
        """Make a service account and give it: `email`, `uniqueId` (21 digits), `name`. `name` is its first part, or a whole address."""
        with self.lock:
            return self.accounts.add(project, name)

    def key(self, email: str, key: str) -> JSON:
        """Make a key of an account."""
        with self.lock:
            return self.accounts.add_key(email, key)

    def bucket(self, name: str, project: str, **fields: object) -> JSON:
        """Make a bucket with a new bucket's members; `fields` are its own, `iamConfiguration` among them."""
        with self.lock:
            return self.buckets.add(name, project, fields)

    def role(self, name: str, permissions: list[str]) -> JSON:
        """Make a custom role (`projects/p/roles/r`), or a predefined one (`roles/r`)."""
        with self.lock:
            return self.roles.add(name, permissions)

    def put(self, name: str, **fields: object) -> JSON:
        """Make a resource of a smaller API by its name, or replace it, as somebody else would.

        `projects/p/sinks/s`, `…/exclusions/e`, `…/locations/l/buckets/b`, `…/locations/global/keys/k`, `projects/p/datasets/d`,
        `…/endpoints/1`, `organizations/1/sources/2/findings/3`, `users/alice@example.com`.
        """
        with self.lock:
            return self.items.put(name, {**begun(name, next(self.numbers)), **fields})

    def pool(self, name: str, **fields: object) -> JSON:
        """Make a workload identity pool or a provider in one."""
        with self.lock:
            made = {"name": name, "state": "ACTIVE", **fields}
            self.roles.pools.put(name, made)
            return made

    def grant(self, resource: str, role: str, member: str, condition: JSON | None = None) -> None:
        """Add a member to a policy, as somebody else would. Nothing is checked, and a resource that only has a policy is made."""
        with self.lock:
            self.policies.grant(resource, role, member, condition)

    def revoke(self, resource: str, role: str, member: str, condition: JSON | None = None) -> None:
        """Take a member out of a binding, as somebody else would."""
        with self.lock:
            self.policies.revoke(resource, role, member, condition)

    def policy(self, resource: str) -> JSON:
        """Give a policy as it is, in version 3."""
        with self.lock:
            return self.policies.now(resource)

    def item(self, name: str) -> JSON:
        """Give a resource of a smaller API as it is."""
        with self.lock:
            return self.items.now(name)


@contextlib.contextmanager
def served(google: Google) -> Iterator[str]:
    """Listen on loopback and give the base URL, for `GOOGLE_ENDPOINT`. Every connection is closed at the end.

    Raises AssertionError at the end where the double itself broke: no test passes on its defects.
    """
    with Listener(google.answer) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.server_address[1]}"
        finally:
            listener.shutdown()
            thread.join()
            listener.hang_up()
    if google.broken:
        raise AssertionError("; ".join(google.broken))
