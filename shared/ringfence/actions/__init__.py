"""The actions. What is not in this tuple is never done to anybody."""

from ringfence.actions import (
    aws_iam_deactivate_access_key,
    aws_iam_delete_inline_policy,
    aws_iam_detach_managed_policy,
    aws_iam_quarantine_role,
    aws_iam_quarantine_user,
    aws_iam_require_mfa,
)
from ringfence.actions._action import Action, Impossible, Permission
from ringfence.actions._own_policies import own_documents

ACTIONS = (
    aws_iam_deactivate_access_key.ACTION,
    aws_iam_delete_inline_policy.ACTION,
    aws_iam_detach_managed_policy.ACTION,
    aws_iam_quarantine_role.ACTION,
    aws_iam_quarantine_user.ACTION,
    aws_iam_require_mfa.ACTION,
)

__all__ = ["ACTIONS", "Action", "Impossible", "Permission", "own_documents"]
