"""The audit of an account: who is administrator, who reaches it and what is guarded, and what is left lying about; as findings and as JSON."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct

from ringfence.clouds.snapshot import EXTRA, objects
from ringfence.domain.arn import parse_arn
from ringfence.domain.finding import Severity
from ringfence.domain.raw import moment
from ringfence.iam import Access, Account, Asset, Climb, Climbs, Granted, Graph, Step, accesses

UNUSED = timedelta(days=90)  # as Access Analyzer and the defaults of the configuration count it
ADMIN = "admin"


class Finding(Struct, frozen=True):
    """One line of the audit."""

    severity: Severity
    identity: str
    what: str
    way: Climb | Access | None = None


class Audit(Struct, frozen=True, kw_only=True):
    """What an account's snapshot tells."""

    account: Account
    admins: tuple[str, ...]
    climbs: tuple[Climb, ...]
    assets: tuple[Asset, ...]
    accesses: tuple[Access, ...]
    unused: tuple[str, ...]
    without_mfa: tuple[str, ...]


def audit(raw: Mapping[str, Any], account: Account, assets: Sequence[Asset], now: datetime) -> Audit:
    """Audit an account; `raw` is the snapshot it was read from."""
    climbs = Climbs(Graph(account))
    return Audit(
        account=account,
        admins=climbs.graph.admins,
        climbs=climbs.all(),
        assets=tuple(assets),
        accesses=accesses(climbs, assets),
        unused=tuple(_unused_roles(raw, now)),
        without_mfa=tuple(_passwords_without_mfa(raw)),
    )


def findings(found: Audit) -> Iterator[Finding]:
    """Give the findings, the worst first."""
    ways = [climb_finding(c) for c in found.climbs]
    yield from (f for f in ways if f.severity is Severity.CRITICAL)
    yield from (Finding(Severity.HIGH, arn, "is administrator") for arn in found.admins)
    yield from (f for f in ways if f.severity is Severity.HIGH)
    yield from (f for access in found.accesses if (f := _access_finding(access)).severity is Severity.HIGH)
    yield from (f for f in ways if f.severity is Severity.MEDIUM)
    yield from (f for access in found.accesses if (f := _access_finding(access)).severity is Severity.MEDIUM)
    yield from (Finding(Severity.MEDIUM, arn, "this is held, and not in the snapshot: it was not judged") for arn in found.account.missing)
    for holder in found.account.holders:
        named = (("holds a policy", holder.policies), ("has a boundary", (holder.boundary,)), ("has a trust policy", (holder.trust,)))
        for what, policies in named:
            for problem in (p for policy in policies if policy is not None for p in policy.problems):
                yield Finding(Severity.MEDIUM, holder.arn, f"{what} that cannot be judged: {problem.where} {problem.what}")
    yield from (Finding(Severity.MEDIUM, arn, f"was not used for {UNUSED.days} days") for arn in found.unused)
    yield from (Finding(Severity.MEDIUM, arn, "has a password and no MFA device") for arn in found.without_mfa)
    yield from (f for access in found.accesses if (f := _access_finding(access)).severity is Severity.LOW)


def climb_finding(climb: Climb) -> Finding:
    """Give the finding of a way up."""
    to_admin = Severity.CRITICAL if climb.certain else Severity.HIGH
    severity = to_admin if climb.reaches == ADMIN else Severity.MEDIUM
    return Finding(severity, climb.identity, climb.path.description, climb)


def _access_finding(access: Access) -> Finding:
    """An identity's own access is told, not blamed: who should have it is said in the configuration. Through others it is a way round that."""
    severity = Severity.LOW if not access.steps else Severity.HIGH if access.certain else Severity.MEDIUM
    return Finding(severity, access.identity, f"may {access.use} {access.asset.name}", access)


def _unused_roles(raw: Mapping[str, Any], now: datetime) -> Iterator[str]:
    """Give the roles that nobody used for long; a snapshot without the last use says nothing about it."""
    for role in objects(raw, "RoleDetailList"):
        last = role.get("RoleLastUsed")
        if isinstance(last, Mapping):
            used = moment(last.get("LastUsedDate")) or moment(role.get("CreateDate"))
            if used is not None and now - used > UNUSED:
                yield str(role.get("Arn"))


def _passwords_without_mfa(raw: Mapping[str, Any]) -> Iterator[str]:
    """Give the users with a password and no MFA device; only `ringfence snapshot` reads both."""
    extra = raw.get(EXTRA)
    for user in objects(raw, "UserDetailList"):
        more = extra.get(str(user.get("UserName"))) if isinstance(extra, Mapping) else None
        if isinstance(more, Mapping) and more.get("login") and "mfa" in more and not more["mfa"]:
            yield str(user.get("Arn"))


def short(arn: str) -> str:
    """Give an ARN without what is the same for all of an account."""
    parsed = parse_arn(arn)
    return parsed.resource if parsed else arn


def how(proof: tuple[Granted, ...]) -> str:
    """Name the actions of a proof."""
    return " + ".join(dict.fromkeys(g.action for g in proof))


def chain(finding: Finding) -> str:
    """Say a finding; a way as how -> whom -> how -> whom."""
    way = finding.way
    if way is None or not way.steps:
        return finding.what
    said = "".join(f"{how(step.proof)} -> {'administrator' if step.to == ADMIN else short(step.to)} -> " for step in way.steps)
    doubt = "" if way.certain else ", in doubt"
    if isinstance(way, Access):
        return f"{said}{way.granted.action} -> {way.asset.name} [{way.steps[0].path.id}{doubt}]"
    end = ", an administrator" if way.reaches == ADMIN and way.steps[-1].to != ADMIN else ""
    return f"{said.removesuffix(' -> ')}{end} [{way.path.id}{doubt}]"


def line(finding: Finding) -> dict[str, object]:
    """Give the JSON line of a finding."""
    found: dict[str, object] = {"severity": finding.severity, "identity": finding.identity, "what": finding.what}
    if isinstance(finding.way, Climb):
        return {**found, **climb_line(finding.way)}
    return {**found, **_access_line(finding.way)} if finding.way else found


def climb_line(climb: Climb) -> dict[str, object]:
    """Give a way up with its proof."""
    return {
        "identity": climb.identity,
        "path": climb.path.id,
        "reaches": climb.reaches,
        "via": climb.via,
        "certain": climb.certain,
        "proof": _proof(climb.proof),
        "steps": _steps(climb.steps),
    }


def _access_line(access: Access) -> dict[str, object]:
    return {
        "identity": access.identity,
        "asset": access.asset.name,
        "use": access.use,
        "certain": access.certain,
        "proof": _proof((access.granted,)),
        "steps": _steps(access.steps),
    }


def _proof(proof: tuple[Granted, ...]) -> list[dict[str, object]]:
    return [{"action": g.action, "statement": g.statement, "resource": g.resource, "conditions": g.conditions} for g in proof]


def _steps(steps: tuple[Step, ...]) -> list[dict[str, object]]:
    return [{"path": step.path.id, "to": step.to, "actions": tuple(dict.fromkeys(g.action for g in step.proof))} for step in steps]


def summary(found: Audit, count: int, seconds: float) -> dict[str, object]:
    """Give the summary in the fields of the contract."""
    return {
        "identities": len(found.account.holders),
        "seconds": seconds,
        "findings": count,
        "admins": found.admins,
        "escalations": [climb_line(c) for c in found.climbs],
        "accesses": [_access_line(a) for a in found.accesses],
        "unused": found.unused,
        "without_mfa": found.without_mfa,
        "missing_policies": found.account.missing,
    }
