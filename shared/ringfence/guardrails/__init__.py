"""The guardrails. This tuple is the product: what is not in it is not judged."""

from ringfence.guardrails import (
    aws_admin_policy_on_ai_identity,
    aws_console_login_without_mfa,
    aws_credential_exfiltration,
    aws_wildcard_grant_on_ai_identity,
)

GUARDRAILS = (
    aws_admin_policy_on_ai_identity.GUARDRAIL,
    aws_console_login_without_mfa.GUARDRAIL,
    aws_credential_exfiltration.GUARDRAIL,
    aws_wildcard_grant_on_ai_identity.GUARDRAIL,
)
