"""Judging one event, warm, with all guardrails: the goals of DESIGN section 9 are 10 microseconds, and 20 for the judgement of an IAM event.

Beside each figure stands its ratio to one `json.loads` of the same event in the same run, which does not depend on the machine.
"""

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "shared")]
import msgspec
from tests.benchmarks._measure import per_call, report
from tests.support.cases import state_of

from ringfence.domain.identity import Identity
from ringfence.domain.state import State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.ports import Absence, Wanted
from ringfence.settings import Settings
from ringfence.sources import normalise

NOW = datetime(2026, 3, 2, 9, 1, tzinfo=UTC)
READ_ONLY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::example/*"}]}
ARN = "arn:aws:iam::123456789012:policy/read"


class AtHand:
    """A reader whose answer is at hand: it is not what is measured."""

    def __init__(self, state: State) -> None:
        self.state = state

    def read(self, identity: Identity, wanted: Wanted) -> State:
        return self.state

    def owner(self, access_key_id: str) -> Absence:
        return Absence.NOT_KNOWN


def attached(service: str) -> tuple[bytes, Evaluator]:
    """Give an IAM event that is fine: a role of a service gets a harmless policy, whose document and the role's state are at hand."""
    state = state_of({"role": "train", "trusted_by": service, "attached": [ARN], "documents": {ARN: READ_ONLY}})
    assert state is not None
    raw = json.loads((ROOT / "events/aws/cloudtrail/AttachRolePolicy.json").read_bytes())
    raw["detail"]["requestParameters"] = {"roleName": "train", "policyArn": ARN}
    return json.dumps(raw).encode(), Evaluator(Settings(), AtHand(state))


def measure(name: str, raw: bytes, evaluator: Evaluator, calls: int) -> None:
    """Measure the parts of judging one event, and the whole."""
    plain = per_call(lambda: json.loads(raw), calls=calls)
    decoded = msgspec.json.decode(raw)
    (event,) = normalise(decoded)

    def whole() -> None:
        for one in normalise(msgspec.json.decode(raw)):
            evaluator.judge(one, NOW)

    parts: dict[str, Callable[[], object]] = {
        "decode": lambda: msgspec.json.decode(raw),
        "normalise": lambda: normalise(decoded),
        "judge": lambda: evaluator.judge(event, NOW),
        "whole": whole,
    }
    taken = {part: per_call(work, calls=calls) for part, work in parts.items()}
    outcome = evaluator.judge(event, NOW).outcome
    ratios = {f"{part}_ratio": round(us / plain, 2) for part, us in taken.items()}
    report(
        f"judge one event, warm: {name}", outcome=outcome, cpu_us=taken.pop("judge"), **{f"{p}_us": us for p, us in taken.items()}, **ratios
    )


def main(calls: int) -> None:
    """Measure an event that nobody hears, IAM events that are fine - the second one's policy is judged -, and two with findings."""
    offline = Evaluator(Settings(), None)
    measure("AttachRolePolicy, no AI identity", *attached("lambda.amazonaws.com"), calls)
    measure("AttachRolePolicy, fine", *attached("sagemaker.amazonaws.com"), calls)
    for name in ("InvokeModel", "AttachRolePolicy", "PutRolePolicy"):
        measure(name, (ROOT / f"events/aws/cloudtrail/{name}.json").read_bytes(), offline, calls)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
