"""What a person can do where the product cannot: the exact command, or the right place."""

import re
import shlex

from ringfence.domain.plan import Call

CLOSE_THE_WINDOW = (
    "Whoever reverts it can do so faster than IAM spreads a change: only a service control policy stops that, see samples/scp/ "
    "(it protects the quarantine policy); and find who does it in CloudTrail"
)


def by_hand(call: Call) -> str:
    """Write a call as the command of the AWS CLI that makes it (AWS CLI Command Reference: operations and parameters in kebab case)."""
    given = (f"--{_kebab(name)} {shlex.quote(value)}" for name, value in call.parameters.items())
    return " ".join(("aws", call.service, _kebab(call.operation), *given))


def _kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()
