"""Writes the filters of deploy/gcp from what the guardrails hear on Google Cloud, so that none is deaf. Usage: python tools/write_google_filter.py.

A test compares what is committed with what this writes. filter.txt is for the log sink: a method is matched by its last part, in any case, so that
every version of an API is heard (Cloud Logging documentation, "Logging query language"). scc_filter.txt is for Security Command Center.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "shared"))

from ringfence.domain.event import Source  # noqa: E402 - the package lies in shared/
from ringfence.domain.finding import Trigger  # noqa: E402
from ringfence.guardrails import GUARDRAILS  # noqa: E402
from ringfence.sources.gcp_audit_log import SET_POLICY  # noqa: E402

FOLDER = ROOT / "deploy" / "gcp"
LOGS = ("activity", "data_access")
NAME = re.compile(r"\w+([.]\w+)*", re.ASCII)
POLICY = "SetIamPolicy"  # as guardrails hear every spelling of it
ANY = "*"  # a trigger's service: the method is heard of every one
LONGEST = 20_000  # characters of a sink's filter (Cloud Logging documentation, "Quotas and limits", read in 2026-11)
# Nothing is left out by category: producers spell one category in several ways and rename it, and what no guardrail hears costs nothing.
FINDINGS = 'state="ACTIVE" AND NOT mute="MUTED"'


def triggers(source: Source) -> Iterator[Trigger]:
    """Give what the guardrails hear of a source."""
    return (trigger for guardrail in GUARDRAILS for trigger in guardrail.triggers if trigger.source is source)


def heard() -> dict[str, set[str]]:
    """Give the names that are heard of each service; what is heard of any service stands under `*` alone."""
    found: dict[str, set[str]] = {}
    for trigger in triggers(Source.GCP_AUDIT):
        found.setdefault(trigger.service, set()).add(trigger.name)
    everywhere = found.get(ANY, set())
    left = {service: names if service == ANY else names - everywhere for service, names in found.items()}
    return {service: names for service, names in left.items() if names}


def pattern(names: set[str]) -> str:
    """Write the pattern of some methods; changing an allow policy is spelled in many ways."""
    if odd := [name for name in sorted(names) if not NAME.fullmatch(name)]:
        raise SystemExit(f"{odd[0]} is no name of a method: it would not stand for itself in a pattern")
    spelled = (SET_POLICY.pattern if name == POLICY else name.replace(".", "[.]") for name in sorted(names))
    return f"(?i)(^|[.])({'|'.join(spelled)})$"


def log_filter() -> str:
    """Write the filter of the log sink."""
    clauses = []
    for service, names in sorted(heard().items()):
        method = f'protoPayload.methodName=~"{pattern(names)}"'
        clauses.append(method if service == ANY else f'(protoPayload.serviceName="{service}.googleapis.com" AND {method})')
    if not clauses:
        raise SystemExit("no guardrail hears an audit log of Google Cloud: a filter that lets nothing through would be written")
    logs = " OR ".join(f'log_id("cloudaudit.googleapis.com/{log}")' for log in LOGS)
    text = f"({logs})\nAND (\n  " + "\n  OR ".join(clauses) + "\n)\n"
    if len(text) > LONGEST:
        raise SystemExit(f"the filter has {len(text)} characters, a sink takes {LONGEST}: split it")
    return text


def finding_filter() -> str:
    """Write the filter of the notifications of Security Command Center."""
    if not any(triggers(Source.GCP_SCC)):
        raise SystemExit("no guardrail hears Security Command Center: leave its notifications out")
    return f"{FINDINGS}\n"


def files() -> dict[str, str]:
    """Give both files by their names in deploy/gcp."""
    return {"filter.txt": log_filter(), "scc_filter.txt": finding_filter()}


def main() -> None:
    """Write them."""
    for name, text in files().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
