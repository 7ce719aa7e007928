"""ringfence policy: judge IAM policy documents."""

import gc
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ringfence.cli import policy_google as google
from ringfence.cli import policy_snapshot
from ringfence.cli.main import Context
from ringfence.cli.policy_answer import Answer, counted, said, severity
from ringfence.cli.policy_placed import Placed
from ringfence.clouds.google_snapshot_form import is_google_snapshot
from ringfence.domain.finding import Severity
from ringfence.domain.raw import moment
from ringfence.errors import UsageError
from ringfence.iam import Escalation, Judged, Policy, Problem, Verdict, difference, judge_policies, parse
from ringfence.iam.catalogue import names
from ringfence.iam.google import Around, is_google

LARGEST = 32_768  # bytes; a KMS key's policy is the largest that AWS takes (KMS Developer Guide, "Resource quotas")
SHOWN = 8  # paths of one document for people
WRAPPED = (("PolicyVersion", "Document"), ("PolicyDocument",), ("Document",))  # how the AWS CLI prints a policy


@click.command(name="policy")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--before", metavar="FILE", help="The document as it was: say what each one allows beyond it. AWS only.")
@click.option("--roles", metavar="FILE", help="Custom roles of Google with their permissions, as gcloud describes them.")
@click.option("--denials", metavar="FILE", help="Deny policies of Google that hold where the policies hang.")
@click.option("--now", metavar="ISO", help="Judge Google's conditions as of this time. Else as of now.")
@click.option("--fail-on", type=click.Choice([s.value for s in Severity]), help="Exit 1 when a document is at least this severe.")
@click.pass_obj
def command(
    context: Context,
    files: tuple[str, ...],
    before: str | None,
    roles: str | None,
    denials: str | None,
    now: str | None,
    fail_on: str | None,
) -> int:
    """Judge IAM policy documents: what a holder of each could become. Nothing is called.

    FILE holds one document, a list of {"name", "document"}, or what the AWS CLI or gcloud prints for a policy; - is standard input.
    Of Google: an allow policy, what Cloud Asset's search gives, each with those above it that are in the list, or what
    `ringfence snapshot --gcp` wrote, each with its custom roles and deny policies too.

    \b
    admin       all of IAM's levers on everything; of Google, whoever surely writes the policy of the project or above
    escalation  a path to more permissions is open; "certain" when every grant is on everything and no condition is in doubt
    broad       sensitive actions, or a whole service, on everything; of Google, grants to outsiders too
    ok          none of these
    unknown     cannot be read, or names actions, roles or members that nobody knows: never ok

    \b
    Severity for --fail-on: critical is admin or a certain escalation, high an escalation in doubt, medium broad or unknown.
    """  # noqa: D301 - \b is click's
    worst, rows, chains = -1, [], list[str]()
    old = before_of(before) if before else None
    around = around_of(roles, denials, now)
    for file in files:
        for name, document in documents(file):
            answer = answer_of(file, name, document, old, around)
            worst = max(worst, answer.rank)
            if context.output.as_json:
                context.output.line(answer.line())
            else:
                rows.append((answer.verdict, name or file, counted(answer.certain), answer.what()))
                chains += answer.chains()
    if not context.output.as_json:
        context.output.table(("verdict", "document", "paths", "what"), rows, "nothing to judge")
        context.output.text("\n".join(["", *chains]) if chains else "")
    return 1 if fail_on and worst >= Severity(fail_on).rank else 0


def around_of(roles: str | None, denials: str | None, now: str | None) -> Around:
    """Read what is known beside Google's policies; raise UsageError where it cannot be read."""
    at = moment(now) if now else datetime.now(UTC)
    if at is None:
        raise UsageError(f"{now!r} is no ISO 8601 time", "Such as 2026-03-02T09:00:00Z")
    return Around(
        custom=google.custom_roles(roles, readable(roles)) if roles else {},
        denials=google.denials(readable(denials)) if denials else (),
        at=at,
    )


def readable(file: str) -> object:
    """Read a file that has to be JSON; raise UsageError where it is none."""
    content = content_of(file)
    if isinstance(content, Problem):
        raise UsageError(f"{file}: {content.where} {content.what}", "Name a file of JSON")
    return content


def answer_of(file: str, name: str, document: object, old: Policy | None, around: Around) -> Answer:
    """Judge one document of either cloud. Raises UsageError where one of Google's was to be compared."""
    if isinstance(document, Placed) or is_google(document):
        if old is not None:
            raise UsageError(f"{file}: is Google's, and --before compares AWS's only", "Leave --before out")
        return google.answer(file, name, document, around)
    judged = Judged(verdict=Verdict.UNKNOWN, problems=(document,)) if isinstance(document, Problem) else judge_policies([parse(document)])
    against = None if judged.problems else old
    certain = [e.certain for e in judged.escalations]
    return Answer(
        verdict=judged.verdict,
        severity=severity(judged.verdict, certain=any(certain)),
        certain=certain,
        line=lambda: {**line(file, name, judged), **(beyond(against, document) if against else {})},
        what=lambda: what(judged),
        chains=lambda: (*chains_of(name or file, judged), *(compared(name or file, against, document) if against else ())),
    )


def before_of(file: str) -> Policy:
    """Read the document as it was; raise UsageError where it is not one that can be judged."""
    found = [document for _, document in documents(file)]
    policy = parse(found[0]) if len(found) == 1 and not isinstance(found[0], Problem) else None
    if policy is None or policy.problems:
        raise UsageError(f"{file}: is not one policy document that can be judged", f"`ringfence policy {file}` says what is wrong with it")
    return policy


def beyond(old: Policy, document: object) -> dict[str, object]:
    """Give what a document allows beyond the old one."""
    found = difference([old], [parse(document)])
    added = [{"actions": names(a.actions), "resource": a.resource, "conditions": a.conditions} for a in found.added]
    return {"difference": {"sentence": found.sentence, "added": added, "opened": [e.path.id for e in found.opened]}}


def compared(name: str, old: Policy, document: object) -> tuple[str, ...]:
    """Say what a document allows beyond the old one."""
    return (f"{name} {difference([old], [parse(document)]).sentence}",)


def documents(file: str) -> Iterator[tuple[str, object]]:
    """Give the documents of a file with their names; a problem in the place of one that cannot be read."""
    content = content_of(file)
    if isinstance(content, Problem):
        yield "", content
    elif is_google_snapshot(content):
        yield from policy_snapshot.placed(content)
    elif google.are_placed(content):
        yield from google.placed(content)
    else:
        yield from _listed(content)


def content_of(file: str) -> Any:
    """Read a file of JSON; a problem where it is none. Raises UsageError where there is no file."""
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as error:
        raise UsageError(f"{file}: cannot be read: {error}", "Name a file, or - for standard input") from error
    try:
        content = json.loads(data.decode("utf-8-sig"), object_pairs_hook=_unique)
    except UnicodeDecodeError as error:
        return Problem("file", f"is not UTF-8: {error.reason} at byte {error.start}")
    except RecursionError:
        return Problem("document", "is nested deeper than any policy")
    except ValueError as error:
        return Problem("file", f"is no JSON: {error}")
    gc.freeze()  # what was read stays: going through it again and again would cost a tenth of the time
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an element that is written twice: readers differ in which one they take."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(key for key, _ in pairs).most_common(1)[0][0]
        raise ValueError(f"{twice!r} is written twice in one object")
    return found


def _listed(content: object) -> Iterator[tuple[str, object]]:
    if not isinstance(content, list):
        yield "", _sized(content)
        return
    if not content:
        yield "", Problem("file", "is an empty list, expected documents")
    for n, item in enumerate(content):
        if isinstance(item, Mapping) and "document" in item:
            yield str(item.get("name", n)), _sized(item["document"])
        else:
            yield str(n), Problem(f"[{n}]", 'is no object with "name" and "document"')


def _sized(content: object) -> object:
    """Unwrap what the AWS CLI prints, and refuse what is larger than any policy. Google's are as large as their members need."""
    if is_google(content):
        return content
    for keys in WRAPPED if isinstance(content, Mapping) and "Statement" not in content else ():
        found: Any = content
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        if found is not None:
            content = found
            break
    try:
        size = len(msgspec.json.encode(content))
    except RecursionError:
        return Problem("document", "is nested deeper than any policy")
    except UnicodeEncodeError:
        return content  # a lone surrogate: it is judged as it is
    return Problem("document", f"has {size} bytes, more than any policy that AWS takes ({LARGEST})") if size > LARGEST else content


def line(file: str, name: str, judged: Judged) -> dict[str, object]:
    """Give the JSON line of a document."""
    found: dict[str, object] = {
        "file": file,
        "name": name,
        "verdict": judged.verdict,
        "escalations": [escalation(e) for e in judged.escalations],
        "unknown_actions": judged.unknown_actions,
        "risks": msgspec.to_builtins(judged.risks),
    }
    return {**found, "error": said(judged.problems)} if judged.problems else found


def escalation(found: Escalation) -> dict[str, object]:
    """Give an escalation with its proof."""
    proof = [{"action": g.action, "statement": g.statement, "resource": g.resource, "conditions": g.conditions} for g in found.proof]
    return {
        "path": found.path.id,
        "name": " + ".join(found.path.actions),
        "certain": found.certain,
        "description": found.path.description,
        "proof": proof,
    }


def what(judged: Judged) -> str:
    """Say what else a reader has to know."""
    if judged.problems:
        return said(judged.problems)
    risks = msgspec.to_builtins(judged.risks)
    words = [f"{len(actions)} {risk.replace('_', ' ')}" for risk, actions in risks.items() if actions]
    unknown = [f"unknown: {', '.join(judged.unknown_actions)}"] if judged.unknown_actions else []
    return "; ".join([*unknown, *words])


def chains_of(name: str, judged: Judged) -> list[str]:
    """Give the chains worth reading: the certain ones, else those in doubt, and how many more there are."""
    worth = [e for e in judged.escalations if e.certain] or list(judged.escalations)
    shown = [] if judged.verdict is Verdict.ADMIN else worth[:SHOWN]
    more = len(judged.escalations) - len(shown)
    return [*(chain(name, e) for e in shown), *([f"{name} -> {more} more paths: --json has them all"] if shown and more else [])]


def chain(name: str, found: Escalation) -> str:
    """Say an escalation as who -> how -> whom."""
    whom = f"a role that trusts {found.path.passes}" if found.path.passes else WHOM[found.path.kind]
    how = ", ".join(f"{g.action} on {g.resource}" + (f" ({g.conditions})" if g.conditions != "none" else "") for g in found.proof)
    return f"{name} -> {how} -> {whom} [{found.path.id}, {'certain' if found.certain else 'in doubt'}]"


WHOM = {
    "permissions": "itself, with whatever it likes",
    "credentials": "a stronger user",
    "assume": "a stronger role",
    "existing": "the role of what runs already",
}
