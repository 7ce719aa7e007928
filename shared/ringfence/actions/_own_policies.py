"""What the product's own policies say. The template makes them (a test compares), and verification reads whether they still say it."""

from collections.abc import Mapping

from ringfence.domain.state import Document
from ringfence.settings import Deployment

DENY_ALL: Document = {
    "Version": "2012-10-17",
    "Statement": [{"Sid": "RingfenceQuarantine", "Effect": "Deny", "Action": "*", "Resource": "*"}],
}
DENY_UNTIL_MFA: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyUntilMfa",
            "Effect": "Deny",
            "NotAction": [
                "iam:ChangePassword",
                "iam:CreateVirtualMFADevice",
                "iam:EnableMFADevice",
                "iam:GetAccountPasswordPolicy",
                "iam:GetMFADevice",
                "iam:GetUser",
                "iam:ListMFADevices",
                "iam:ListVirtualMFADevices",
                "iam:ResyncMFADevice",
                "sts:GetSessionToken",
            ],
            "Resource": "*",
            "Condition": {"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}},
        }
    ],
}


DENY_BEARER_TOKENS: Document = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "DenyBearerTokens",
            "Effect": "Deny",
            "Action": ["bedrock-mantle:CallWithBearerToken", "bedrock:CallWithBearerToken", "sagemaker:CallWithBearerToken"],
            "Resource": "*",
        }
    ],
}


def own_documents(deployment: Deployment) -> Mapping[str, Document]:
    """Give what each policy of a deployment has to say, by ARN."""
    all_of_them = {
        deployment.quarantine_policy: DENY_ALL,
        deployment.quarantine_boundary: DENY_ALL,
        deployment.require_mfa_policy: DENY_UNTIL_MFA,
        deployment.no_bearer_policy: DENY_BEARER_TOKENS,
    }
    return {arn: document for arn, document in all_of_them.items() if arn}
