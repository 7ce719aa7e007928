"""From event to the first containing call, through the handlers and moto, one event after the other: what the product itself adds.

TRUST 63 asks for 5 seconds at the 95th percentile, deliveries included; DESIGN section 9 for ratios in one run: REF is one GetRole of the same
client.
"""

import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
os.environ |= {"POWERTOOLS_LOG_LEVEL": "CRITICAL", "POWERTOOLS_METRICS_DISABLED": "true"}
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]
import pytest
from tests.benchmarks._measure import report
from tests.support.stack import made
from tools.wrap_events import batch

EACH = 8  # events for one stack: the limits of an hour hold here too
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def main(events: int) -> None:
    """Attach, hear, carry out; take the time from hearing to the call."""
    taken: list[float] = []
    reference: list[float] = []
    raw: dict[str, Any] = json.loads((ROOT / "events/aws/cloudtrail/AttachRolePolicy.json").read_text())
    for number in range(events):
        if number % EACH == 0:
            patch = pytest.MonkeyPatch()
            stacks = made(patch)
            stack = next(stacks)
        role = f"train-{number}"
        stack.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
        stack.iam.attach_role_policy(RoleName=role, PolicyArn=ADMIN)
        raw["detail"] |= {"eventID": f"e{number}", "eventTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())}
        raw["detail"] |= {"requestParameters": {"roleName": role, "policyArn": ADMIN}}
        raw["detail"]["userIdentity"] = {"type": "IAMUser", "arn": f"arn:aws:iam::123456789012:user/u{number % 2}"}
        begun = time.perf_counter()
        stack.call("evaluate", batch(json.dumps(raw), 1))
        for message in stack.messages("JOBS_QUEUE"):
            stack.call("respond", batch(message, 1))
        taken.append(time.perf_counter() - begun)
        if stack.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            raise SystemExit("the policy was not taken off")
        begun = time.perf_counter()
        stack.iam.get_role(RoleName=role)
        reference.append(time.perf_counter() - begun)
        if number % EACH == EACH - 1:
            stacks.close()  # type: ignore[attr-defined]  # a generator
            patch.undo()
    median, p95 = statistics.median(taken), sorted(taken)[int(len(taken) * 0.95)]
    ref = statistics.median(reference)
    report(
        "event to first call, handlers over moto",
        events=events,
        p50_ms=round(median * 1000, 1),
        p95_ms=round(p95 * 1000, 1),
        ratio_to_ref=round(median / ref, 1),
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 16)
