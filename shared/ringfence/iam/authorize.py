"""Would AWS allow this request? The documented evaluation logic, with the statements that decided as proof.

Order (IAM User Guide, "Policy evaluation logic" and its pages on one and several accounts, boundaries and session policies;
Organizations User Guide on SCPs and RCPs):
1. `sts:GetCallerIdentity` is always allowed; what a service protects itself (service-linked and reserved roles, AWS's policies) never.
2. An explicit denial anywhere wins.
3. RCPs, then SCPs: every level has to allow. SCPs bind the organisation's own users and roles, not services or strangers.
4. In one account the identity's or the resource's policy is enough. In two accounts both are needed. A key's policy and a role's trust
   are always needed, and enough where they name the principal itself.
5. A boundary and session policies limit what identity policies give. They limit what a resource policy gives a *role*, not what it
   gives a user or a session by name, nor what it gives everybody with a condition on `aws:PrincipalArn`. A user whom a role's trust
   names needs its boundary to allow it all the same ("Update a role trust policy").
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from ringfence.domain.arn import ACCOUNT, parse_arn
from ringfence.iam.conditions import judge_all
from ringfence.iam.document import Document, Policy, Statement, parse
from ringfence.iam.operators import holds
from ringfence.iam.patterns import Context, action_pattern, like
from ringfence.iam.principals import Named, Principal, named

TRUSTS = frozenset({"sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:tagsession", "sts:setsourceidentity"})
READS = re.compile(r"iam:(get|list|generate|simulate|passrole)", re.IGNORECASE | re.ASCII)
LINKED = re.compile(r"iam:(create|delete)servicelinkedrole$|iam:updateroledescription$", re.IGNORECASE | re.ASCII)
PROTECTED_ROLE = re.compile(r"role/(aws-service-role|aws-reserved)/", re.IGNORECASE | re.ASCII)


class Effect(StrEnum):
    """The three ends of an evaluation."""

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitly_denied"
    IMPLICITLY_DENIED = "implicitly_denied"


class Request(Struct, frozen=True, kw_only=True):
    """What is asked. `resource="*"` is literal: the action has no resource. Context keys know no case; values are text or lists of it."""

    action: str
    resource: str
    principal: Principal
    resource_account: str = ""
    context: Mapping[str, Any] = {}


class Policies(Struct, frozen=True, kw_only=True):
    """What counts for the request. `scps` and `rcps`: a list per level, root first; empty without an organisation."""

    identity: Sequence[Any] = ()
    boundary: Any = None
    session: Sequence[Any] | None = None
    resource: Any = None
    scps: Sequence[Sequence[Any]] = ()
    rcps: Sequence[Sequence[Any]] = ()


class Proof(Struct, frozen=True):
    """One statement that decided, and how its conditions were judged; statement -1 is a rule of the service, or a missing allow."""

    policy: str
    statement: int
    reason: str
    conditions: str = "none"


class Decision(Struct, frozen=True):
    """The effect and what proves it."""

    effect: Effect
    proof: tuple[Proof, ...]


class Grant(Struct, frozen=True):
    """What one policy says to a request: the strongest allow, and a denial."""

    name: str
    allow: Statement | None = None
    how: Named = Named.NOT
    deny: Statement | None = None
    broken: str = ""


def authorize(request: Request, policies: Policies) -> Decision:
    """Decide a request. A document that is no policy denies, and the proof says what is wrong with it."""
    if request.action.lower() == "sts:getcalleridentity":
        return _decide(Effect.ALLOWED, Proof("service", -1, "GetCallerIdentity needs no permission"))
    if why := _protected(request):
        return _decide(Effect.EXPLICITLY_DENIED, Proof("service", -1, why))
    case = _Case(request, policies)
    everything = case.all()
    for grant in everything:
        if grant.deny is not None:
            return _decide(Effect.EXPLICITLY_DENIED, _proof(grant.name, grant.deny))
    if broken := next((g for g in everything if g.broken), None):
        return _decide(Effect.IMPLICITLY_DENIED, Proof(broken.name, -1, broken.broken))
    above = [_level(level, f"{kind}[{n}]") for kind, levels in (("rcps", case.rcps), ("scps", case.scps)) for n, level in enumerate(levels)]
    if missing := next((p for p in above if p.statement < 0), None):
        return _decide(Effect.IMPLICITLY_DENIED, missing)
    decision = case.granted()
    return Decision(decision.effect, (*decision.proof, *above)) if decision.effect is Effect.ALLOWED else decision


class _Case:
    """One request with every policy's word on it."""

    def __init__(self, request: Request, policies: Policies) -> None:
        self.request = request
        self.principal = request.principal
        self.context = _context(request)
        bound = self.principal.kind == "AWS"
        linked = ":role/aws-service-role/" in self.principal.role  # SCPs and RCPs do not affect service-linked roles
        self.identity = [self._ask(f"identity[{n}]", d) for n, d in enumerate(policies.identity)] if bound else []
        self.boundary = self._ask("boundary", policies.boundary) if bound and policies.boundary is not None else None
        self.session = (
            [self._ask(f"session[{n}]", d) for n, d in enumerate(policies.session)] if policies.session is not None and bound else None
        )
        self.resource = self._ask("resource", policies.resource, principal=True) if policies.resource is not None else Grant("resource")
        self.scps = [[self._ask(f"scps[{n}]", d) for d in level] for n, level in enumerate(policies.scps)] if bound and not linked else []
        self.rcps = [
            [self._ask(f"rcps[{n}]", d, principal=True) for d in level] for n, level in enumerate(policies.rcps if not linked else ())
        ]

    def all(self) -> list[Grant]:
        """Give every policy's word."""
        limits = [self.boundary] if self.boundary else []
        levels = [grant for level in (*self.rcps, *self.scps) for grant in level]
        return [*levels, self.resource, *self.identity, *limits, *(self.session or ())]

    def _ask(self, name: str, document: Document | Any, *, principal: bool = False) -> Grant:
        policy = parse(document)
        if policy.problems:
            return Grant(name, broken=f"{policy.problems[0].where} {policy.problems[0].what}")
        allow, how, deny = None, Named.NOT, None
        for statement in policy.statements:
            by = self._named(statement) if principal else Named.ITSELF
            if by is Named.NOT or not self._matches(policy, statement):
                continue
            if not statement.allow:
                deny = deny or statement
            elif by > how:
                allow, how = statement, by
        return Grant(name, allow, how, deny)

    def _named(self, statement: Statement) -> Named:
        """Say how a statement names the principal. A Deny with NotPrincipal spares nobody who has a boundary, whomever it lists."""
        if statement.not_principal is not None and not statement.allow and self.boundary is not None:
            return Named.ITSELF
        return named(statement, self.principal)

    def _matches(self, policy: Policy, statement: Statement) -> bool:
        variables = policy.variables
        action = self.request.action
        if statement.actions is not None and not any(action_pattern(p).fullmatch(action) for p in statement.actions):
            return False
        if statement.not_actions is not None and any(action_pattern(p).fullmatch(action) for p in statement.not_actions):
            return False
        if statement.resources is not None and not self._on(statement.resources, variables=variables):
            return False
        if statement.not_resources is not None and self._on(statement.not_resources, variables=variables):
            return False
        for condition in statement.conditions:
            held = holds(condition, self.context, variables=variables)
            if held is False or (held is None and statement.allow):
                return False  # an operator that does not exist never allows, and never lifts a denial
        return True

    def _on(self, patterns: Iterable[str], *, variables: bool) -> bool:
        return any(like(p, self.request.resource, self.context, variables=variables) for p in patterns)

    def granted(self) -> Decision:
        """Decide by identity and resource policies, boundary and session policies; denials and the organisation are done with."""
        principal, resource = self.principal, self.resource
        if principal.kind != "AWS":
            return (
                self._by_resource(resource)
                if resource.allow and resource.how >= Named.ROLE
                else _none(f"no resource policy allows {principal.arn}")
            )
        mine, missing = self._by_identity()
        arn = parse_arn(self.request.resource)
        if principal.account != (
            self.request.resource_account or (arn.account if arn and ACCOUNT.fullmatch(arn.account) else principal.account)
        ):
            if resource.allow is None:
                return _none("the resource's account does not allow it: across accounts both sides have to")
            return _decide(Effect.ALLOWED, *mine, *_proofs(resource)) if mine else _none(missing)
        action = self.request.action.lower()
        needs_resource = (action.startswith("kms:") and ":key/" in self.request.resource) or action in TRUSTS
        if resource.allow is not None and resource.how >= Named.ROLE:
            by_trust = action in TRUSTS and principal.is_user
            limited = self._limits() if by_trust or resource.how is Named.ROLE else ""
            if not limited:
                return self._by_resource(resource)
            return _decide(Effect.ALLOWED, *mine, *_proofs(resource)) if mine else _none(limited)
        if needs_resource and resource.allow is None:
            return _none("the key's policy or the role's trust has to allow it, and does not")
        return _decide(Effect.ALLOWED, *mine, *_proofs(resource)) if mine else _none(missing)

    def _by_resource(self, grant: Grant) -> Decision:
        return _decide(Effect.ALLOWED, *_proofs(grant))

    def _by_identity(self) -> tuple[tuple[Proof, ...], str]:
        """Give the proof that the identity's own policies allow within their limits, or say what is missing."""
        if self.principal.is_root:
            return (Proof("service", -1, "the root user may do everything in its account"),), ""
        allow = next((grant for grant in self.identity if grant.allow is not None), None)
        if allow is None:
            return (), "no identity policy allows it"
        if limited := self._limits():
            return (), limited
        limits = [g for g in ([self.boundary] if self.boundary else []) + (self.session or []) if g.allow is not None]
        return (*_proofs(allow), *(p for g in limits for p in _proofs(g))), ""

    def _limits(self) -> str:
        """Say which limit leaves the request out; empty where none does."""
        if self.boundary is not None and self.boundary.allow is None:
            return "the boundary does not allow it"
        if self.session is None and self.principal.is_federated_user:
            return "a federated user may only what session policies allow"
        if self.session is not None and not any(g.allow is not None for g in self.session):
            return "no session policy allows it"
        return ""


def _context(request: Request) -> Context:
    """Give the context with keys in lower case, and the keys that follow from who asks and of whose resource."""
    found: dict[str, tuple[str, ...]] = {}
    for key, value in request.context.items():
        items = value if isinstance(value, (list, tuple)) else [value]
        found[key.lower()] = tuple(str(item).lower() if isinstance(item, bool) else str(item) for item in items)
    principal = request.principal
    if principal.kind == "AWS":
        found.setdefault("aws:principalarn", (principal.role or principal.arn,))
        found.setdefault("aws:principalaccount", (principal.account,))
        found.setdefault("aws:principaltype", (_type(principal),))
        if principal.is_user:
            found.setdefault("aws:username", (principal.arn.rsplit("/", 1)[-1],))
    if principal.kind == "Anonymous":
        found.setdefault("aws:principalaccount", ("anonymous",))
    if request.resource_account:
        found.setdefault("aws:resourceaccount", (request.resource_account,))
    return found


def _type(principal: Principal) -> str:
    """Give `aws:PrincipalType` (IAM User Guide, "Principal key values")."""
    if principal.is_root:
        return "Account"
    return "User" if principal.is_user else "FederatedUser" if principal.is_federated_user else "AssumedRole"


def _protected(request: Request) -> str:
    arn = parse_arn(request.resource)
    if arn is None or arn.service != "iam" or not request.action.lower().startswith("iam:") or READS.match(request.action):
        return ""
    if arn.account == "aws" and arn.type == "policy":
        return "AWS's own policies can only be changed by AWS" if "policy" in request.action.lower() else ""
    if PROTECTED_ROLE.match(arn.resource) and not (LINKED.match(request.action) and "/aws-service-role/" in arn.resource):
        return "the role belongs to a service or to Identity Center: IAM lets nobody change it"
    return ""


def _level(level: Sequence[Grant], name: str) -> Proof:
    allow = next((grant for grant in level if grant.allow is not None), None)
    return _proof(name, allow.allow) if allow and allow.allow else Proof(name, -1, "no policy of this level allows it")


def _proof(name: str, statement: Statement) -> Proof:
    judged = judge_all(statement.conditions)
    words = f"held for this request ({judged.truth} in general)" if statement.conditions else "none"
    return Proof(name, statement.index, f"{'Allow' if statement.allow else 'Deny'} {statement.sid}".strip(), words)


def _proofs(grant: Grant) -> tuple[Proof, ...]:
    return () if grant.allow is None else (_proof(grant.name, grant.allow),)


def _decide(effect: Effect, *proof: Proof) -> Decision:
    return Decision(effect, proof)


def _none(why: str) -> Decision:
    return Decision(Effect.IMPLICITLY_DENIED, (Proof("none", -1, why),))
