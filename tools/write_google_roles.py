"""Write the facts about Google's predefined roles: which of the dangerous permissions each holds, and the names of all the others.

Dangerous is what a path of ours needs, what puts data, credentials or AI at risk, and whatever writes an allow policy. The dataset is a
JSON object with `source`, `permissions` (names) and `roles` (name -> {"p": numbers of permissions}), such as iam-dataset's roles make.
Usage: `python tools/write_google_roles.py roles.json DATE`, the date being the dataset's.
"""

import argparse
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[1] / "shared/ringfence/iam/google"
TARGET = DATA / "roles.json"
PREFIX = "roles/"
WRITES_POLICY = ".setIamPolicy"


def read(name: str) -> Any:
    """Read a data file of the judge."""
    return json.loads((DATA / name).read_text(encoding="utf-8"))


def dangerous(known: list[str]) -> list[str]:
    """Give the dangerous permissions, sorted; complain of one that the dataset lacks, since a wrong name would never be found."""
    named = {p for path in read("paths.json") for p in (*path["all"], *path.get("any", ()))}
    named |= {p for risk in read("risks.json").values() for p in risk}
    missing = named - set(known)
    assert not missing, f"the dataset lacks {sorted(missing)}"
    return sorted(named | {p for p in known if p.endswith(WRITES_POLICY)})


def facts(dataset: dict[str, Any]) -> tuple[list[str], dict[str, list[int]], dict[str, list[str]]]:
    """Give the dangerous permissions, the roles that hold any of them with their numbers, and the names of the others by service."""
    permissions = dangerous(dataset["permissions"])
    place = {dataset["permissions"].index(name): n for n, name in enumerate(permissions)}
    roles: dict[str, list[int]] = {}
    others: dict[str, list[str]] = {}
    for role, entry in sorted(dataset["roles"].items()):
        name = role.removeprefix(PREFIX)
        held = sorted(place[number] for number in entry["p"] if number in place)
        if held:
            roles[name] = held
        else:
            service, dot, rest = name.partition(".")
            others.setdefault(service if dot else "", []).append(rest if dot else name)
    return permissions, roles, others


def main() -> None:
    """Write the file and say what is in it."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("dataset", type=Path)
    arguments.add_argument("date")
    given = arguments.parse_args()
    dataset = json.loads(given.dataset.read_text(encoding="utf-8"))
    permissions, roles, others = facts(dataset)
    lines = [f"{json.dumps(name)}:{json.dumps(held, separators=(',', ':'))}" for name, held in roles.items()]
    rest = [f"{json.dumps(service)}:{json.dumps(' '.join(names))}" for service, names in others.items()]
    head = {"date": given.date, "source": dataset["source"], "count": len(dataset["roles"]), "permissions": permissions}
    text = (
        json.dumps(head, separators=(",", ":"))[:-1] + ',"roles":{\n' + ",\n".join(lines) + '\n},"others":{\n' + ",\n".join(rest) + "\n}}\n"
    )
    TARGET.write_text(text, encoding="utf-8")
    print(f"{len(permissions)} dangerous permissions in {len(roles)} of {len(dataset['roles'])} roles, {TARGET.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
