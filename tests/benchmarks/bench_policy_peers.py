"""All AWS managed policies through the open judges of policies, each in an interpreter of its own, in turns with ours.

Not the same work: cloudsplaining skips statements with conditions and knows no certainty, parliament lints, policy-sentry only expands
actions. Peers live in `.tools/peers` (`make bench` installs them from a hash-pinned lock); one that is absent is said to be.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]
from tests.benchmarks._measure import report

PEERS = ROOT / ".tools/peers/bin/python"
LOOP = """
import gc, json, logging, sys, time
logging.disable(logging.CRITICAL)
{setup}
documents = json.load(open(sys.argv[1]))
gc.freeze()
started, failed = time.process_time(), 0
for document in documents:
    try:
        judge(document)
    except Exception:
        failed += 1
print(json.dumps([time.process_time() - started, failed]))
"""
OURS = "from ringfence.iam import judge_policies, parse\njudge = lambda document: judge_policies([parse(document)])"
SETUPS = {
    "cloudsplaining": """from cloudsplaining.scan.policy_document import PolicyDocument
def judge(document):
    policy = PolicyDocument(document)
    for name in ("allows_privilege_escalation", "permissions_management_without_constraints", "allows_data_exfiltration_actions",
                 "credentials_exposure", "infrastructure_modification", "service_wildcard"):
        found = getattr(policy, name)
        found() if callable(found) else found""",
    "parliament": "import parliament\njudge = lambda document: parliament.analyze_policy_string(json.dumps(document))",
    "policy-sentry (expansion only)": "from policy_sentry.analysis.expand import get_expanded_policy as judge",
}


def seconds(python: str, setup: str, documents: Path) -> tuple[float, int]:
    """Give the CPU seconds, without imports, and how many documents a judge raised on."""
    env = os.environ | {"PYTHONPATH": str(ROOT / "shared"), "PYTHONWARNINGS": "ignore"}
    done = subprocess.check_output([python, "-c", LOOP.format(setup=setup), str(documents)], env=env)
    cpu, failed = json.loads(done.splitlines()[-1])
    return cpu, failed


def main(limit: int | None) -> None:
    """Measure each peer that is there, between two runs of ours."""
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    found = [policy["Document"] for policy in json.loads(aws_managed_policies_data).values()][:limit]
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder) / "documents.json"
        documents.write_text(json.dumps(found), encoding="utf-8")
        for peer, setup in SETUPS.items() if PEERS.exists() else ():
            before, _ = seconds(sys.executable, OURS, documents)
            theirs, failed = seconds(str(PEERS), setup, documents)
            after, _ = seconds(sys.executable, OURS, documents)
            mine = (before + after) / 2
            figures = {"cpu_seconds": round(theirs, 2), "ours_cpu_seconds": round(mine, 2), "times_ours": round(theirs / mine, 1)}
            report(f"managed policies through {peer}", documents=len(found), raised=failed, **figures)
        if not PEERS.exists():
            ours, _ = seconds(sys.executable, OURS, documents)
            report("managed policies through peers", cpu_seconds=round(ours, 2), peers="not installed: `make bench` does it")


if __name__ == "__main__":
    main(20 if sys.argv[1:] else None)
