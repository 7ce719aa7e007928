"""A second evaluator of IAM requests: slow and plain, written from AWS's documentation alone, sharing no code with the product.

Each rule quotes the sentence that it stands for. UG is the IAM User Guide, ORG the Organizations User Guide, KMS the KMS Developer Guide,
STS the STS API Reference. Where AWS says nothing, nothing is generated: the ends of `tests/unit/test_authorize_reference.py` say what.
"""

from typing import Any

from tests.support.reference_conditions import condition, fill, glob

ALLOWED, EXPLICIT, IMPLICIT = "allowed", "explicitly_denied", "implicitly_denied"
TRUST = ("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity")
Request = dict[str, Any]
Policy = dict[str, Any]


def decide(request: Request, policies: dict[str, Any]) -> str:
    """Decide a request, rule by rule."""
    # STS GetCallerIdentity: "No permissions are required to perform this operation. If an administrator attaches a policy to your
    # identity that explicitly denies access to the sts:GetCallerIdentity action, you can still perform this operation."
    if request["action"].lower() == "sts:getcalleridentity":
        return ALLOWED
    case = Case(request, policies)
    # UG "How AWS enforcement code logic evaluates requests": "If the enforcement code finds even one explicit deny that applies, the
    # enforcement code returns a final decision of Deny."
    if any(case.says(policy, "Deny") for policy in case.every()):
        return EXPLICIT
    # ORG "SCP evaluation": "For a permission to be allowed for a specific account, there must be an explicit Allow statement at every
    # level from the root through each OU in the direct path to the account (including the target account itself)."
    # ORG "Resource control policies": "Any resource in an account has only those permissions permitted by every parent above it."
    if not all(any(case.says(policy, "Allow") for policy in level) for level in (*case.scps, *case.rcps)):
        return IMPLICIT
    return ALLOWED if case.granted() else IMPLICIT


class Case:
    """One request with the policies that apply to it."""

    def __init__(self, request: Request, policies: dict[str, Any]) -> None:
        self.request = request
        self.kind: str = request["kind"]
        self.arn: str = request["principal"]
        is_aws = self.kind == "AWS"
        self.account = self.arn.split(":")[4] if is_aws else ""
        # ORG "SCPs": "SCPs affect only IAM users and roles that are managed by accounts that are part of the organization", "including
        # the root user"; "SCPs do not affect any service-linked role." ORG "RCPs": "RCPs do not apply to calls made by service-linked
        # roles."
        linked = ":role/aws-service-role/" in self.arn
        self.scps = policies["scps"] if is_aws and not linked else []
        self.rcps = policies["rcps"] if not linked else []
        self.identity = policies["identity"] if is_aws else []
        self.boundary = policies["boundary"] if is_aws else None
        self.session = policies["session"] if is_aws else None
        self.resource = policies["resource"]

    def every(self) -> list[Policy]:
        """UG as above: "These include AWS Organizations SCPs and RCPs, resource-based policies, identity-based policies, IAM
        permissions boundaries, and session policies."
        """
        levels = [policy for level in (*self.scps, *self.rcps) for policy in level]
        single = [p for p in (self.boundary, self.resource) if p is not None]
        return [*levels, *self.identity, *single, *(self.session or ())]

    def granted(self) -> bool:
        """Whether identity and resource policies allow it, within their limits."""
        by_resource = self.resource is not None and self.says(self.resource, "Allow")
        if self.kind != "AWS":
            # UG "Identity-based policies and resource-based policies": "Identity-based policies are attached to an IAM user, group, or
            # role." A service, a web identity and an anonymous caller are none of these.
            return by_resource
        by_identity = self.by_identity()
        # UG "Cross-account policy evaluation logic": "The request is allowed only if both evaluations return a decision of Allow."
        if self.account != self.request["resource_account"]:
            return by_identity and by_resource
        if self.directly():
            return True
        # UG "How AWS enforcement code logic": "IAM role trust policies and KMS key policies are exceptions to this logic, because they
        # must explicitly allow access for principals." KMS "Key policies": "Unless the key policy explicitly allows it, you cannot use
        # IAM policies to allow access to a KMS key."
        action = self.request["action"].lower()
        if action in TRUST or action.startswith("kms:"):
            return by_identity and by_resource
        # The same page: "you only need an explicit Allow for the principal in either an identity-based policy or a resource-based
        # policy"; UG "Principal": "The account ARN and the shortened account ID ... Both delegate permissions to the account."
        return by_identity

    def by_identity(self) -> bool:
        """Whether the principal's own policies allow it."""
        # The same page: "By default, all requests are implicitly denied with the exception of the AWS account root user, which has full
        # access."
        if self.arn.endswith(":root"):
            return True
        return any(self.says(p, "Allow") for p in self.identity) and self.within()

    def within(self) -> bool:
        """Whether boundary and session policies allow it."""
        # UG "Permissions boundaries": "The effective permissions are the intersection of both policy types."
        bounded = self.boundary is None or self.says(self.boundary, "Allow")
        # UG "Session policies": "The permissions for a session are the intersection of the identity-based policies for the IAM entity
        # ... used to create the session and the session policies." UG "Permissions for GetFederationToken": "if you do not pass a
        # policy with the GetFederationToken API call, the resulting temporary security credentials have no permissions."
        if self.session is None:
            return bounded and ":federated-user/" not in self.arn
        return bounded and any(self.says(p, "Allow") for p in self.session)

    def directly(self) -> bool:
        """Whether the resource's policy grants it to the principal itself, not by its account, and no limit stands above that."""
        found = (
            [s for s in self.resource["Statement"] if s["Effect"] == "Allow" and self.applies(s, self.resource)] if self.resource else []
        )
        return any(self.unlimited(s) or (self.by_role(s) and self.within()) for s in found)

    def unlimited(self, statement: dict[str, Any]) -> bool:
        """Whether a statement grants to the principal in a way that no boundary and no session policy limits."""
        entries, everybody = _entries(statement), statement["Principal"] in ("*", {"AWS": "*"})
        if ":user/" in self.arn:
            # UG "Update a role trust policy": "If a permissions boundary is set for the user, then it must allow the sts:AssumeRole
            # action."
            if self.request["action"].lower() in TRUST:
                return (self.arn in entries or everybody) and self.within()
            # UG "How AWS enforcement code logic": "Within the same account, resource-based policies that grant permissions to an IAM
            # user ARN (that is not a federated user session) are not limited by an implicit deny in an identity-based policy or
            # permissions boundary." UG "Principal", of "*": "For IAM users and role principals within your account, no other
            # permissions are required."
            return self.arn in entries or everybody
        # The same page: "Permissions granted directly to a session are not limited by an implicit deny in an identity-based policy, a
        # permissions boundary, or session policy."
        if self.arn in entries and ":sts:" in self.arn:
            return True
        # The same page: "Permissions boundaries and session policies do not limit permissions granted using the aws:PrincipalArn
        # condition key with a wildcard(*) in the Principal element, unless the identity-based policies contain an explicit deny."
        keys = {key.lower() for keys in statement.get("Condition", {}).values() for key in keys}
        return everybody and "aws:principalarn" in keys

    def by_role(self, statement: dict[str, Any]) -> bool:
        """The same page: "Resource-based policies that grant permissions to an IAM role ARN are limited by an implicit deny in a
        permissions boundary or session policy."
        """
        entries, everybody = _entries(statement), statement["Principal"] in ("*", {"AWS": "*"})
        return ":user/" not in self.arn and (everybody or self.role() in entries or self.arn in entries)

    def role(self) -> str:
        """The role of a session. UG "Global condition keys", aws:PrincipalArn: "For IAM roles, the request context returns the ARN of
        the role, not the ARN of the user that assumed the role."
        """
        if ":assumed-role/" not in self.arn:
            return self.arn
        return f"arn:aws:iam::{self.account}:role/{self.arn.split('/')[1]}"

    def says(self, policy: Policy, effect: str) -> bool:
        """Whether a policy has a statement with an effect that applies to the request."""
        return any(s["Effect"] == effect and self.applies(s, policy) for s in policy["Statement"])

    def applies(self, statement: dict[str, Any], policy: Policy) -> bool:
        """UG "Policy elements": a statement applies where principal, action, resource and every condition match."""
        if not self.concerns(statement):
            return False
        # UG "Action": "The prefix and the action name are case insensitive." UG "NotAction": "explicitly matches everything except the
        # specified list of actions."
        action = self.request["action"].lower()
        actions = _list(statement.get("Action", statement.get("NotAction")))
        if any(glob(p.lower(), action) for p in actions) != ("Action" in statement):
            return False
        # UG "NotResource": "explicitly matches every resource except those specified." UG "Variables": "If a variable that has no value
        # in the authorization context is used as part of the Resource or NotResource element of a policy, the resource that includes a
        # policy variable with no value will not match any resource."
        if "Resource" in statement or "NotResource" in statement:
            listed = _list(statement.get("Resource", statement.get("NotResource")))
            # UG "ARNs": "When you specify an incomplete ARN (one with fewer than the standard six fields) in an identity-based policy,
            # AWS automatically completes the ARN by adding wildcard characters (*) to all missing fields."
            if "Principal" not in statement and "NotPrincipal" not in statement:
                listed = [p + ":*" * (5 - p.count(":")) if p.startswith("arn:") and "*" not in p else p for p in listed]
            named = [fill(p, self.context(), policy) for p in listed]
            if any(p is not None and glob(p, self.request["resource"]) for p in named) != ("Resource" in statement):
                return False
        block = statement.get("Condition", {})
        return all(
            condition(operator, [fill(v, self.context(), policy) for v in _list(values)], self.context().get(key.lower(), []))
            for operator, keys in block.items()
            for key, values in keys.items()
        )

    def context(self) -> dict[str, list[str]]:
        """UG "Condition": "Context key names are not case-sensitive." UG "Global condition keys": aws:PrincipalArn and
        aws:PrincipalAccount are of the principal; "For anonymous requests, the request context returns anonymous."
        """
        found = {key.lower(): values for key, values in self.request["context"].items()}
        if self.kind == "AWS":
            return {"aws:principalarn": [self.role()], "aws:principalaccount": [self.account], **found}
        return {"aws:principalaccount": ["anonymous"], **found} if self.kind == "Anonymous" else found

    def concerns(self, statement: dict[str, Any]) -> bool:
        """Whether a statement is about the principal; one without Principal is about whoever has the policy."""
        if "NotPrincipal" in statement:
            return not self.left_out(_list(statement["NotPrincipal"].get(self.kind, [])))
        if "Principal" not in statement:
            return True
        entries = _entries(statement)
        # UG "Principal": "using a wildcard (*) with an Allow effect grants access to all users, including anonymous users".
        if statement["Principal"] == "*" or ("*" in entries and self.kind in ("AWS", "Anonymous")):
            return True
        if self.kind != "AWS":
            return self.arn in _list(statement["Principal"].get(self.kind, []))
        # UG "Principal": "The account ARN and the shortened account ID behave the same way."
        return any(e in entries for e in (self.arn, self.role(), self.account, f"arn:aws:iam::{self.account}:root"))

    def left_out(self, listed: list[str]) -> bool:
        """UG "NotPrincipal": "you must also specify the account ARN of the not-denied principal. Otherwise, the policy might deny access
        to the entire account"; "AWS might validate the account first, then the role, and then the assumed-role user"; and it "will
        always deny any IAM principal that has a permissions boundary policy attached, regardless of the values specified".
        """
        if self.kind != "AWS":
            return self.arn in listed
        account = f"arn:aws:iam::{self.account}:root" in listed or self.account in listed
        return self.boundary is None and account and self.role() in listed and self.arn in listed


def _entries(statement: dict[str, Any]) -> list[str]:
    principal = statement["Principal"]
    return ["*"] if principal == "*" else _list(principal.get("AWS", []))


def _list(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]
