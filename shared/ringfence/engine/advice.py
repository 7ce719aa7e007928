"""What a person can do where the product cannot: the exact command, or the right place."""

import json
import re
import shlex

from ringfence.domain.arn import Arn
from ringfence.domain.plan import Call
from ringfence.engine import advice_gcp

CLOSE_THE_WINDOW = (
    "Whoever reverts it can do so faster than IAM spreads a change: only a service control policy stops that, see samples/scp/ "
    "(it protects the quarantine policy); and find who does it in CloudTrail"
)

# Where somebody can act on what IAM cannot change here, by CloudTrail's `userIdentity.type` (CloudTrail User Guide, "userIdentity element").
ELSEWHERE = {
    "Root": "it is the root user: no IAM policy binds it. Secure it by hand, or by central root access and a service control policy",
    "FederatedUser": "it is a federated session: quarantine the user who issued it (sessionIssuer), which denies the session as well",
    "SAMLUser": "it comes from a SAML provider: disable the person there, and look at the trust policies that name the provider",
    "WebIdentityUser": "it comes from a web identity provider: disable it there, and look at the trust policies that name the provider",
    "IdentityCenterUser": "it is a person of Identity Center: disable them there, and end their sessions in the access portal",
    "AWSAccount": "it belongs to another account: only its owner can act there; here, look at what trusts it",
    "AWSService": "it is a service of AWS: look at the role that it uses, and at the service's own settings",
    "Directory": "it is a person of a directory: disable them there",
    "Unknown": "CloudTrail does not say what it is: look at the event",
}
SUPPORTED = frozenset({"IAMUser", "AssumedRole", "Role"})


def elsewhere(user_type: str) -> str:
    """Say where to act on an identity of a type; empty for one that IAM can change here."""
    return "" if user_type in SUPPORTED or not user_type else ELSEWHERE.get(user_type, ELSEWHERE["Unknown"])


def outside(arn: Arn) -> str:
    """Say where to act on a principal that is no user, role or group, by the form of its ARN."""
    if arn.service == "sts" and arn.type == "federated-user":
        return ELSEWHERE["FederatedUser"]
    if arn.service == "iam" and arn.type in ("saml-provider", "oidc-provider"):
        return ELSEWHERE["SAMLUser" if arn.type == "saml-provider" else "WebIdentityUser"]
    if arn.service == "identitystore":
        return ELSEWHERE["IdentityCenterUser"]
    return "it is not an IAM identity of this account: act at its own directory or account"


def by_hand(call: Call) -> str:
    """Write a call as the command of the AWS CLI that makes it (AWS CLI Command Reference: operations and parameters in kebab case), or of gcloud."""
    if call.service.endswith(".googleapis.com"):
        return advice_gcp.by_hand(call)
    region = ("--region", call.region) if call.region else ()
    return " ".join(
        ("aws", call.service, _kebab(call.operation), *(_given(name, value) for name, value in call.parameters.items()), *region)
    )


def _given(name: str, value: object) -> str:
    """Write a parameter: a switch where it is true or false, JSON where it has parts."""
    if isinstance(value, bool):
        return f"--{'' if value else 'no-'}{_kebab(name)}"
    return f"--{_kebab(name)} {shlex.quote(value if isinstance(value, str) else json.dumps(value))}"


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
