"""The policy judge: what a policy document grants, and how surely. Pure: no cloud, no clock.

This is its first part: administrator-class and wildcard grants of one document. Escalation over several identities and the
full evaluation of a request come next; what cannot be judged here is said, never passed.
"""

from ringfence.iam.document import Policy, Problem, Statement, parse
from ringfence.iam.grants import Grant, admin_grants, wildcard_grants

__all__ = ["Grant", "Policy", "Problem", "Statement", "admin_grants", "parse", "wildcard_grants"]
