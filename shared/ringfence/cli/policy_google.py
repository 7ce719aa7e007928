"""ringfence policy for Google: allow policies, and what lies round them - custom roles, deny policies, the levels above."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from ringfence.cli.policy_answer import Answer, said, severity
from ringfence.cli.policy_placed import Placed, judge_placed
from ringfence.errors import UsageError
from ringfence.iam import Verdict
from ringfence.iam.google import Around, Escalation, Granted, Judged, Standing, judge
from ringfence.iam.google.allow import ANY, Level, parse

SHOWN = 8  # members of one policy for people
WHOM = {
    "policy": "itself, with whatever it likes",
    "ai-policy": "itself, with what the resource holds",
    "credentials": "a service account",
    "run-as": "the account that its code runs as",
    "ai-run-as": "the account that its model, job or agent runs as",
    "guardrail": "itself, without what held it back",
}


def are_placed(content: object) -> bool:
    """Whether a list holds what Cloud Asset's search gives: policies with their resources."""
    return isinstance(content, list) and bool(content) and all(_is_result(item) for item in content)


def _is_result(item: object) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("resource"), str) and isinstance(item.get("policy"), Mapping)


def placed(results: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Placed]]:
    """Give each policy under the name of its resource, with those of its project, folders and organization that are in the list."""
    hung = [parse(item) for item in results]
    wide = [n for n, policy in enumerate(hung) if policy.level.wide]
    for n, item in enumerate(results):
        names = {str(item.get("project", "")), str(item.get("organization", "")), "/".join(hung[n].resource.split("/")[:2])}
        names |= {str(folder) for folder in item.get("folders") or ()}
        above = [results[m] for m in wide if m != n and (hung[m].resource in names or _number(results[m], hung[m].level) in names)]
        yield item["resource"], Placed(item, tuple(above))


def _number(item: Mapping[str, Any], level: Level) -> str:
    """Give the number by which others name a project, where a result tells."""
    return str(item.get("project") or "none") if level is Level.PROJECT else "none"


def custom_roles(file: str, content: object) -> dict[str, tuple[str, ...]]:
    """Read custom roles: what gcloud describes, a list of it, or an object of names and permissions. Raises UsageError for anything else."""
    entries = content.get("roles", [content]) if isinstance(content, Mapping) and ("name" in content or "roles" in content) else content
    found: dict[str, tuple[str, ...]] = {}
    pairs = entries.items() if isinstance(entries, Mapping) else ((_of(e, "name"), _of(e, "includedPermissions")) for e in _list(entries))
    for name, permissions in pairs:
        if not isinstance(name, str) or not isinstance(permissions, list) or not all(isinstance(p, str) for p in permissions):
            raise UsageError(
                f"{file}: holds no custom roles with their permissions", "gcloud iam roles describe ROLE --project PROJECT --format json"
            )
        found[name] = tuple(permissions)
    return found


def _of(entry: object, key: str) -> object:
    return entry.get(key) if isinstance(entry, Mapping) else None


def _list(entries: object) -> list[object]:
    return entries if isinstance(entries, list) else [None]


def denials(content: object) -> tuple[object, ...]:
    """Give deny policies: one, a list, or what IAM's list gives. What is none is said when it is judged."""
    found = content.get("policies", content) if isinstance(content, Mapping) else content
    return tuple(found) if isinstance(found, list) else (found,)


def answer(file: str, name: str, document: object, around: Around) -> Answer:
    """Judge one policy."""
    judged = judge_placed(document, around) if isinstance(document, Placed) else judge(document, around)
    certain = [e.certain for e in judged.escalations]
    return Answer(
        verdict=judged.verdict,
        severity=severity(judged.verdict, certain=any(certain)),
        certain=certain,
        line=lambda: line(file, name, judged),
        what=lambda: what(judged),
        chains=lambda: tuple(chains(name or file, judged)),
    )


def line(file: str, name: str, judged: Judged) -> dict[str, object]:
    """Give the JSON line of a policy; an action is a permission, a statement a binding."""
    found: dict[str, object] = {
        "file": file,
        "name": name,
        "verdict": judged.verdict,
        "escalations": [escalation(e) for e in judged.escalations],
        "misuses": [escalation(e) for e in judged.misuses],
        "unknown_actions": judged.unknown_roles,
        "unknown_members": judged.unknown_members,
        "risks": msgspec.to_builtins(judged.risks),
        "members": {s.member: s.verdict for s in judged.standings},
        "notes": judged.notes,
    }
    return {**found, "error": said(judged.problems)} if judged.problems else found


def escalation(found: Escalation) -> dict[str, object]:
    """Give a path with its proof."""
    proof = [
        {
            "action": g.permission,
            "statement": g.binding,
            "resource": g.resource,
            "conditions": g.conditions,
            "role": g.role,
            "inherited": g.inherited,
        }
        for g in found.proof
    ]
    return {
        "path": found.path.id,
        "name": found.path.name,
        "certain": found.certain,
        "description": found.path.description,
        "member": found.member,
        "proof": proof,
    }


def what(judged: Judged) -> str:
    """Say what else a reader has to know."""
    risks = msgspec.to_builtins(judged.risks)
    words = [said(judged.problems)] if judged.problems else []
    words += (
        [f"unknown: {', '.join(judged.unknown_roles + judged.unknown_members)}"] if judged.unknown_roles + judged.unknown_members else []
    )
    return "; ".join([*words, *(f"{len(found)} {risk.replace('_', ' ')}" for risk, found in risks.items() if found)])


def chains(name: str, judged: Judged) -> Iterator[str]:
    """Say of each member that climbs the surest way, the worst members first; then the notes."""
    climbing = [s for s in judged.standings if s.verdict in (Verdict.ADMIN, Verdict.ESCALATION)]
    for standing in climbing[:SHOWN]:
        yield f"{name} {chain(standing, judged)}"
    if len(climbing) > SHOWN:
        yield f"{name} {len(climbing) - SHOWN} more members: --json has them all"
    yield from (f"{name} note: {note}" for note in judged.notes)


def chain(standing: Standing, judged: Judged) -> str:
    """Say how one member climbs: who -> how -> whom."""
    found = next(e for e in judged.escalations if e.member == standing.member)
    how = ", ".join(f"{g.permission} by {g.role}{_where(g)}" for g in found.proof)
    whom = "administrator" if standing.verdict is Verdict.ADMIN else WHOM[found.path.category]
    more = standing.certain + standing.in_doubt - 1
    rest = f" and {more} more paths" if more else ""
    return f"{standing.member} -> {how} -> {whom} [{found.path.id}, {'certain' if found.certain else 'in doubt'}]{rest}"


def _where(granted: Granted) -> str:
    """Say where a permission is granted, and under which condition, as far as there is anything to say."""
    place = f" on {granted.resource}" if granted.resource != ANY else ""
    return place + (f" ({granted.conditions})" if granted.conditions != "none" else "")
