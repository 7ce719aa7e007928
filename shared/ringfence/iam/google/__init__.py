"""The judge for Google IAM: what an allow policy lets its members become, with proof. Pure: no cloud, no clock.

`judge` weighs a policy with what lies above it, custom roles and deny policies; `dangerous`, `undeniable` and `deny_name` serve whoever
writes a deny policy. What cannot be judged is said, never passed. Nothing here was run against a real Google Cloud project.
"""

from ringfence.iam.google.allow import is_google
from ringfence.iam.google.denial import deniable, deny_name, deny_principal, undeniable
from ringfence.iam.google.gather import Around
from ringfence.iam.google.held import Granted
from ringfence.iam.google.paths import Path, paths
from ringfence.iam.google.roles import dangerous, facts, unknown_roles
from ringfence.iam.google.verdict import Escalation, Judged, Risks, Standing, judge

__all__ = [
    "Around",
    "Escalation",
    "Granted",
    "Judged",
    "Path",
    "Risks",
    "Standing",
    "dangerous",
    "deniable",
    "deny_name",
    "deny_principal",
    "facts",
    "is_google",
    "judge",
    "paths",
    "undeniable",
    "unknown_roles",
]
