"""The policy judge: what policies grant, and how surely; who may become whom. Pure: no cloud, no clock.

`authorize` decides one request; `judge_policies` weighs documents; `Graph` and `Climbs` an account, `accesses` what is to be guarded in it; `admin_grants` and
`wildcard_grants` are what the guardrails ask. What cannot be judged is said, never passed.
"""

from ringfence.iam.account import Account, Group, Holder
from ringfence.iam.assets import Access, Asset, accesses
from ringfence.iam.authorize import Decision, Effect, Policies, Proof, Request, authorize
from ringfence.iam.climbs import Climb, Climbs
from ringfence.iam.difference import Difference, difference
from ringfence.iam.document import Policy, Problem, Statement, parse
from ringfence.iam.escalation import Escalation, Path, escalations, paths
from ringfence.iam.granted import Granted
from ringfence.iam.grants import Grant, admin_grants, wildcard_grants
from ringfence.iam.graph import Graph
from ringfence.iam.principals import Principal
from ringfence.iam.verdict import Judged, Verdict, judge_policies
from ringfence.iam.ways import Step

__all__ = [
    "Access",
    "Account",
    "Asset",
    "Climb",
    "Climbs",
    "Decision",
    "Difference",
    "Effect",
    "Escalation",
    "Grant",
    "Granted",
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
    "Step",
    "Verdict",
    "accesses",
    "admin_grants",
    "authorize",
    "difference",
    "escalations",
    "judge_policies",
    "parse",
    "paths",
    "wildcard_grants",
]
