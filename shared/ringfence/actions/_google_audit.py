"""Audit configuration put back: no kind of log that was written is left off, and nobody new is exempt. More than before may stay."""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.actions._google_settings import parts
from ringfence.domain.audit_config import entry
from ringfence.domain.finding import Case, Finding
from ringfence.domain.raw import text

AUDIT = "audit"


def wanted(case: Case, finding: Finding) -> dict[str, list[str]]:
    """Give what has to be logged: what was before, and what the event alone tells that it took off (`audit` in the evidence)."""
    now, found = parts(case.target_state).get(AUDIT, {}), dict(parts(case.before).get(AUDIT, {}))
    for delta in _deltas(finding):
        name, member = entry(text(delta, "service"), text(delta, "logType")), text(delta, "exemptedMember")
        if not member:
            found.setdefault(name, [])
        elif name in now:
            found.setdefault(name, [other for other in now[name] if other != member])
    return found


def _deltas(finding: Finding) -> Iterator[Mapping[str, Any]]:
    told = finding.evidence.get("audit")
    for delta in told if isinstance(told, (list, tuple)) else ():
        if text(delta, "service") and text(delta, "logType"):  # one that names no kind of log does not tell what was there
            yield delta


def lost(now: Mapping[str, list[str]], audit: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Give the entries that have to be put, as they have to be. Who is not exempt now is not exempted again."""
    missing = {name: exempted for name, exempted in audit.items() if name not in now}
    wider = {name: sorted({*now[name]} & {*audit[name]}) for name in audit.keys() & now.keys() if {*now[name]} - {*audit[name]}}
    return {**missing, **wider}
