"""The actions. What is not in this tuple is never done to anybody."""

from ringfence.actions import (
    aws_bedrock_restore_invocation_logging,
    aws_cloudtrail_restore_logging,
    aws_iam_deactivate_access_key,
    aws_iam_deactivate_service_credential,
    aws_iam_delete_inline_policy,
    aws_iam_deny_bearer_tokens,
    aws_iam_detach_managed_policy,
    aws_iam_quarantine_role,
    aws_iam_quarantine_user,
    aws_iam_remove_from_group,
    aws_iam_require_mfa,
    aws_iam_restore_boundary,
    aws_iam_restore_trust_policy,
    aws_iam_revoke_sessions,
    aws_iam_rollback_policy_version,
)
from ringfence.actions._action import Action, Impossible, On, Permission
from ringfence.actions._own_policies import own_documents

ACTIONS = (
    aws_bedrock_restore_invocation_logging.ACTION,
    aws_cloudtrail_restore_logging.ACTION,
    aws_iam_deactivate_access_key.ACTION,
    aws_iam_deactivate_service_credential.ACTION,
    aws_iam_delete_inline_policy.ACTION,
    aws_iam_deny_bearer_tokens.ACTION,
    aws_iam_detach_managed_policy.ACTION,
    aws_iam_quarantine_role.ACTION,
    aws_iam_quarantine_user.ACTION,
    aws_iam_remove_from_group.ACTION,
    aws_iam_require_mfa.ACTION,
    aws_iam_restore_boundary.ACTION,
    aws_iam_restore_trust_policy.ACTION,
    aws_iam_revoke_sessions.ACTION,
    aws_iam_rollback_policy_version.ACTION,
)

__all__ = ["ACTIONS", "Action", "Impossible", "On", "Permission", "own_documents"]
