"""Wraps each sample event of AWS into the SQS batch that `evaluate` really gets. Usage: python tools/wrap_events.py [FOLDER]."""

import hashlib
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVENTS = ROOT / "events" / "aws"
QUEUE = "arn:aws:sqs:us-east-1:123456789012:ringfence-EventsQueue"


def batch(body: str, number: int) -> dict[str, object]:
    """Give an SQS batch of one message (Lambda Developer Guide, "Using Lambda with Amazon SQS")."""
    record = {
        "messageId": f"00000000-0000-4000-9000-{number:012d}",
        "receiptHandle": "synthetic",
        "body": body,
        "attributes": {
            "ApproximateReceiveCount": "1",
            "SentTimestamp": "1772442000000",
            "SenderId": "synthetic",
            "ApproximateFirstReceiveTimestamp": "1772442000001",
        },
        "messageAttributes": {},
        "md5OfBody": hashlib.md5(body.encode(), usedforsecurity=False).hexdigest(),
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }
    return {"Records": [record]}


def main(folder: Path) -> None:
    """Write every batch into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = sorted(EVENTS.rglob("*.json"))
    for number, path in enumerate(paths, 1):
        name = "-".join(path.relative_to(EVENTS).parts)
        body = json.dumps(json.loads(path.read_text(encoding="utf-8")))
        (folder / name).write_text(json.dumps(batch(body, number), indent=2) + "\n", encoding="utf-8")
    print(f"{len(paths)} batches in {folder}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "events")
