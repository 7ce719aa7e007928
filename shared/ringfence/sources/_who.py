"""Who is behind a call: the person of a session, or the machine that it runs on, as far as CloudTrail's `userIdentity` tells.

Facts: CloudTrail User Guide, "userIdentity element" (sessionIssuer, sourceIdentity, webIdFederationData, ec2RoleDelivery, inScopeOf,
onBehalfOf); IAM Identity Center User Guide (a session of its roles is named by the person); Amazon EKS User Guide, "EKS Pod Identity" and
"IAM roles for service accounts"; Amazon EC2 User Guide (a session of an instance's role is named by the instance).
"""

import re
from collections.abc import Mapping
from typing import Any

from ringfence.domain.arn import parse_arn
from ringfence.domain.raw import table, text

IDENTITY_CENTER = "AWSReservedSSO_"
INSTANCE = re.compile(r"m?i-[0-9a-f]{8,17}", re.ASCII)
POD = re.compile(r"eks-(?P<cluster>.+)-(?P<pod>.+)-[0-9a-f-]{36}", re.ASCII)
LONGEST = 128  # characters of a name that somebody else chose


def session_of(who: Mapping[str, Any]) -> str:
    """Give the name of the session, empty where it is none."""
    arn = parse_arn(text(who, "arn"))
    if arn is not None and arn.type == "assumed-role":
        return arn.name[:LONGEST]
    return text(who, "principalId").partition(":")[2][:LONGEST]


def human(who: Mapping[str, Any]) -> str:
    """Name the person behind a session: who vouches for the name is said with it."""
    kind, context = text(who, "type"), table(who, "sessionContext")
    if "onBehalfOf" in who and (on_behalf := text(who, "onBehalfOf", "userId")):
        return f"user {on_behalf[:LONGEST]} of Identity Center"
    if source := text(context, "sourceIdentity"):
        return f"{source[:LONGEST]} (source identity)"
    issuer = text(context, "sessionIssuer", "userName") or text(who, "arn")
    if kind == "AssumedRole" and IDENTITY_CENTER in issuer:
        return f"{session_of(who)} (Identity Center)"
    if kind == "FederatedUser" and issuer:
        return f"the user {text(context, 'sessionIssuer', 'userName')[:LONGEST]} (issued the session)"
    if kind in ("SAMLUser", "WebIdentityUser") and text(who, "userName"):
        return f"{text(who, 'userName')[:LONGEST]} ({text(who, 'identityProvider')[:LONGEST] or 'its identity provider'})"
    return ""


def runs_on(who: Mapping[str, Any]) -> str:
    """Name what a session runs on: an instance, a pod, a function; empty where the log does not tell."""
    scope, context = table(who, "inScopeOf"), table(who, "sessionContext")
    if issued := text(scope, "credentialsIssuedTo") or text(scope, "sourceArn"):
        return issued[: 2 * LONGEST]
    name = session_of(who)
    if INSTANCE.fullmatch(name):
        return f"the instance {name}"
    if pod := POD.fullmatch(name):
        return f"the pod {pod['pod']} of the cluster {pod['cluster']}"
    if "oidc.eks." in text(context, "webIdFederationData", "federatedProvider"):
        return "a pod of EKS"
    return "an instance" if text(context, "ec2RoleDelivery") else ""
