"""ringfence audit: a thorough audit of an account's IAM, out of a snapshot."""

import gc
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from msgspec import Struct

from ringfence.cli.check import Time, snapshot_of
from ringfence.cli.main import Context
from ringfence.clouds.authorization_details import Reader
from ringfence.clouds.snapshot import EXTRA, objects
from ringfence.domain.finding import Severity
from ringfence.iam import Account, Climb, Climbs, Graph
from ringfence.report.audit_page import page
from ringfence.sources._read import moment

UNUSED = timedelta(days=90)  # as Access Analyzer and the defaults of the configuration count it
SHOWN = 40  # rows for people


class Finding(Struct, frozen=True):
    """One line of the audit."""

    severity: Severity
    identity: str
    what: str
    climb: Climb | None = None


@click.command(name="audit")
@click.argument("snapshot", type=click.Path(path_type=Path), metavar="SNAPSHOT")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that stands alone.")
@click.option("--now", type=Time(), metavar="ISO", help="Count unused days as of this time. Else as of now.")
@click.option("--fail-on", type=click.Choice([s.value for s in Severity]), help="Exit 1 when a finding is at least this severe.")
@click.pass_obj
def command(context: Context, snapshot: Path, html: Path | None, now: datetime | None, fail_on: str | None) -> int:
    """Audit an account's IAM: who is administrator, who reaches it by which steps, who may become somebody stronger. Nothing is called.

    SNAPSHOT is what `ringfence snapshot` or `aws iam get-account-authorization-details` wrote. Groups, boundaries, denials and trust
    policies count. A path through what a snapshot of IAM does not list - functions, instances, notebooks that exist - is in doubt.

    \b
    Severity for --fail-on: critical is a certain way to administrator for somebody who is none, high a way in doubt or an
    administrator, medium a way to somebody stronger, a missing or unreadable policy, an unused role, a password without MFA.
    """  # noqa: D301 - \b is click's
    raw = snapshot_of(snapshot)
    gc.freeze()  # the file's many objects stay: going through them again and again would cost a third of the time
    started = time.perf_counter()
    account = Reader(raw).account()
    graph = Graph(account)
    found = Climbs(graph).all()
    unused, without_mfa = tuple(unused_roles(raw, now or datetime.now(UTC))), tuple(passwords_without_mfa(raw))
    findings = list(findings_of(account, graph, found, unused, without_mfa))
    seconds = round(time.perf_counter() - started, 3)
    if html:
        html.write_text(page(account, graph.admins, found, unused, without_mfa), encoding="utf-8")
        context.output.aside(f"the page is {html}")
    if context.output.as_json:
        for finding in findings:
            context.output.line(line(finding))
        context.output.line({"summary": summary(account, graph, found, findings, seconds, unused, without_mfa)})
    else:
        rows = [(f.severity, f.identity.split(":", 5)[-1], chain(f)) for f in findings[:SHOWN]]
        context.output.table(("severity", "who", "what"), rows, "nobody is administrator, and nobody climbs")
        more = f"; {len(findings) - SHOWN} more findings: --json has them all" if len(findings) > SHOWN else ""
        context.output.text(
            f"\n{len(account.holders)} users and roles, {len(graph.admins)} administrators, {len(found)} ways up, {seconds} s{more}"
        )
    worst = max((f.severity.rank for f in findings), default=-1)
    return 1 if fail_on and worst >= Severity(fail_on).rank else 0


def findings_of(
    account: Account, graph: Graph, found: tuple[Climb, ...], unused: tuple[str, ...], without_mfa: tuple[str, ...]
) -> Iterator[Finding]:
    """Give the findings, the worst first."""
    ways = [Finding(severity(c), c.identity, c.path.description, c) for c in found]
    yield from (f for f in ways if f.severity is Severity.CRITICAL)
    yield from (Finding(Severity.HIGH, arn, "is administrator") for arn in graph.admins)
    yield from (f for f in ways if f.severity is not Severity.CRITICAL)
    yield from (Finding(Severity.MEDIUM, arn, "this is held, and not in the snapshot: it was not judged") for arn in account.missing)
    for holder in account.holders:
        named = (("holds a policy", holder.policies), ("has a boundary", (holder.boundary,)), ("has a trust policy", (holder.trust,)))
        for what, policies in named:
            for problem in (p for policy in policies if policy is not None for p in policy.problems):
                yield Finding(Severity.MEDIUM, holder.arn, f"{what} that cannot be judged: {problem.where} {problem.what}")
    yield from (Finding(Severity.MEDIUM, arn, f"was not used for {UNUSED.days} days") for arn in unused)
    yield from (Finding(Severity.MEDIUM, arn, "has a password and no MFA device") for arn in without_mfa)


def severity(climb: Climb) -> Severity:
    """Give how bad a way up is."""
    if climb.reaches != "admin":
        return Severity.MEDIUM
    return Severity.CRITICAL if climb.certain else Severity.HIGH


def unused_roles(raw: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Give the roles that nobody used for long; a snapshot without the last use says nothing about it."""
    for role in objects(raw, "RoleDetailList"):
        last = role.get("RoleLastUsed")
        if isinstance(last, Mapping):
            used = moment(last.get("LastUsedDate")) or moment(role.get("CreateDate"))
            if used is not None and now - used > UNUSED:
                yield str(role.get("Arn"))


def passwords_without_mfa(raw: Mapping[str, Any]) -> Iterator[str]:
    """Give the users with a password and no MFA device; only `ringfence snapshot` reads both."""
    extra = raw.get(EXTRA)
    for user in objects(raw, "UserDetailList"):
        more = extra.get(str(user.get("UserName"))) if isinstance(extra, Mapping) else None
        if isinstance(more, Mapping) and more.get("login") and "mfa" in more and not more["mfa"]:
            yield str(user.get("Arn"))


def line(finding: Finding) -> dict[str, object]:
    """Give the JSON line of a finding."""
    found: dict[str, object] = {"severity": finding.severity, "identity": finding.identity, "what": finding.what}
    return {**found, **climb(finding.climb)} if finding.climb else found


def climb(found: Climb) -> dict[str, object]:
    """Give a way up with its proof."""
    proof = [{"action": g.action, "statement": g.statement, "resource": g.resource, "conditions": g.conditions} for g in found.proof]
    return {
        "identity": found.identity,
        "path": found.path.id,
        "reaches": found.reaches,
        "via": found.via,
        "certain": found.certain,
        "proof": proof,
    }


def summary(
    account: Account,
    graph: Graph,
    found: tuple[Climb, ...],
    findings: list[Finding],
    seconds: float,
    unused: tuple[str, ...],
    without_mfa: tuple[str, ...],
) -> dict[str, object]:
    """Give the summary in the fields of the contract."""
    return {
        "identities": len(account.holders),
        "seconds": seconds,
        "findings": len(findings),
        "admins": graph.admins,
        "escalations": [climb(c) for c in found],
        "unused": unused,
        "without_mfa": without_mfa,
        "missing_policies": account.missing,
    }


def chain(finding: Finding) -> str:
    """Say a finding; a way up as who -> how -> whom."""
    if finding.climb is None:
        return finding.what
    how = " + ".join(dict.fromkeys(g.action for g in finding.climb.proof))
    via = "".join(f" -> {arn.split(':', 5)[-1]}" for arn in finding.climb.via)
    to = "" if finding.climb.reaches == "admin" and finding.climb.via else f" -> {finding.climb.reaches.split(':', 5)[-1]}"
    doubt = "" if finding.climb.certain else ", in doubt"
    return f"{how}{via}{to} [{finding.climb.path.id}{doubt}]"
