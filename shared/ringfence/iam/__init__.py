"""The policy judge: what a policy document grants, and how surely. Pure: no cloud, no clock.

This is its first part: administrator-class and wildcard grants of one document. Escalation over several identities and the
full evaluation of a request come next; what cannot be judged here is said, never passed.
"""

from ringfence.iam.account import Account, Group, Holder
from ringfence.iam.authorize import Decision, Effect, Policies, Proof, Request, authorize
from ringfence.iam.climbs import climbs
from ringfence.iam.document import Policy, Problem, Statement, parse
from ringfence.iam.escalation import Escalation, Path, escalations, paths
from ringfence.iam.grants import Grant, admin_grants, wildcard_grants
from ringfence.iam.graph import Climb, Graph
from ringfence.iam.principals import Principal
from ringfence.iam.verdict import Judged, Verdict, judge_policies

__all__ = [
    "Account",
    "Climb",
    "Decision",
    "Effect",
    "Escalation",
    "Grant",
    "Graph",
    "Group",
    "Holder",
    "Judged",
    "Path",
    "Policies",
    "Policy",
    "Principal",
    "Problem",
    "Proof",
    "Request",
    "Statement",
    "Verdict",
    "admin_grants",
    "authorize",
    "climbs",
    "escalations",
    "judge_policies",
    "parse",
    "paths",
    "wildcard_grants",
]
