"""ringfence audit: a thorough audit of an account's IAM, out of a snapshot."""

import gc
import time
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from msgspec.structs import replace

from ringfence.cli.check import Time, snapshot_of
from ringfence.cli.main import Context
from ringfence.cli.policy import documents
from ringfence.cli.settings import loaded
from ringfence.clouds.authorization_details import Reader
from ringfence.config.schema import Config
from ringfence.domain.arn import parse_arn
from ringfence.domain.finding import Severity
from ringfence.errors import UsageError
from ringfence.iam import Account, Asset, Climbs, Graph, Policy, Problem, parse
from ringfence.iam.assets import Use, actions_on
from ringfence.report.audit import Finding, audit, chain, climb_finding, findings, line, short, summary
from ringfence.report.audit_page import page

SHOWN = 40  # rows for people
LARGE = 5000  # identities from which on it takes long enough to say what is going on


class PolicyFile(click.ParamType[tuple[str, str]]):
    """`IDENTITY=FILE`."""

    name = "IDENTITY=FILE"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split it at the last `=`, since a name may hold one."""
        identity, equals, file = value.rpartition("=")
        return (identity, file) if equals and identity and file else self.fail(f"{value!r} is not IDENTITY=FILE", param, ctx)


@click.command(name="audit")
@click.argument("snapshot", type=click.Path(path_type=Path), metavar="SNAPSHOT")
@click.option("--html", type=click.Path(path_type=Path), metavar="FILE", help="Write a page that stands alone.")
@click.option(
    "--asset",
    "named",
    multiple=True,
    metavar="ARN",
    help="Find who reaches this, too: a bucket's objects, a key, a model. May be repeated.",
)
@click.option(
    "--what-if",
    type=PolicyFile(),
    help="Say only what the policies of a file would add if the user or role (ARN or name) had them as well.",
)
@click.option("--now", type=Time(), metavar="ISO", help="Count unused days as of this time. Else as of now.")
@click.option("--fail-on", type=click.Choice([s.value for s in Severity]), help="Exit 1 when a finding is at least this severe.")
@click.pass_obj
def command(
    context: Context,
    snapshot: Path,
    html: Path | None,
    named: tuple[str, ...],
    what_if: tuple[str, str] | None,
    now: datetime | None,
    fail_on: str | None,
) -> int:
    """Audit an account's IAM: who is administrator, who reaches it by which steps, who may become somebody stronger. Nothing is called.

    SNAPSHOT is what `ringfence snapshot` or `aws iam get-account-authorization-details` wrote. Groups, boundaries, denials and trust
    policies count. A path through what a snapshot of IAM does not list - functions, instances, notebooks that exist - is in doubt.

    Who reaches the training data and model artefacts that the configuration declares, or an --asset, is found too: by its own policies
    or by becoming somebody else. Policies of buckets and keys are not in the snapshot. Administrators reach everything, and are not
    listed again.

    \b
    Severity for --fail-on: critical is a certain way to administrator for somebody who is none; high a way in doubt, an administrator,
    or a certain way to what is guarded through somebody else; medium a way to somebody stronger, such a way in doubt, a missing or
    unreadable policy, an unused role, a password without MFA; low an identity's own access to what is guarded.
    """  # noqa: D301 - \b is click's
    raw = snapshot_of(snapshot)
    gc.freeze()  # the file's many objects stay: going through them again and again would cost a third of the time
    started = time.perf_counter()
    account = Reader(raw).account()
    if what_if:
        return _show(context, list(_added(account, *what_if)), "adds no way up", fail_on)
    if len(account.holders) > LARGE:
        context.output.aside(f"judging {len(account.holders)} users and roles ...")
    found = audit(raw, account, tuple(_assets(account, loaded(context).config, named)), now or datetime.now(UTC))
    told = list(findings(found))
    seconds = round(time.perf_counter() - started, 3)
    if html:
        html.write_text(page(found), encoding="utf-8")
        context.output.aside(f"the page is {html}")
    code = _show(context, told, "nobody is administrator, and nobody climbs", fail_on)
    if context.output.as_json:
        context.output.line({"summary": summary(found, len(told), seconds)})
    else:
        counts = f"{len(account.holders)} users and roles, {len(found.admins)} administrators, {len(found.climbs)} ways up"
        context.output.text(f"\n{counts}, {seconds} s{_more(told)}")
    return code


def _show(context: Context, told: list[Finding], empty: str, fail_on: str | None) -> int:
    """Show findings and give the exit code."""
    if context.output.as_json:
        for finding in told:
            context.output.line(line(finding))
    else:
        context.output.table(("severity", "who", "what"), ((f.severity, short(f.identity), chain(f)) for f in told[:SHOWN]), empty)
    worst = max((f.severity.rank for f in told), default=-1)
    return 1 if fail_on and worst >= Severity(fail_on).rank else 0


def _more(told: list[Finding]) -> str:
    return f"; {len(told) - SHOWN} more findings: --json has them all" if len(told) > SHOWN else ""


def _added(account: Account, identity: str, file: str) -> Iterator[Finding]:
    """Give the ways up that a policy would add for a user or role."""
    holder = next((h for h in account.holders if identity in (h.arn, h.name)), None)
    if holder is None:
        raise UsageError(f"no user or role of this snapshot is {identity!r}", "Name it by its ARN or its name")
    found = [Policy((), (document,)) if isinstance(document, Problem) else parse(document) for _, document in documents(file)]
    if problem := next((problem for policy in found for problem in policy.problems), None):
        raise UsageError(f"{file} cannot be judged: {problem.where} {problem.what}", f"`ringfence policy {file}` says more")
    climbs = Climbs(Graph(account))
    yield from (climb_finding(c) for c in climbs.added(replace(holder, policies=(*holder.policies, *found))))


def _assets(account: Account, config: Config, named: Iterable[str]) -> Iterator[Asset]:
    """Give what is to be guarded: the data that the configuration declares, and what the command line names."""
    first = parse_arn(account.holders[0].arn) if account.holders else None
    partition = first.partition if first else "aws"
    for project in config.projects:
        for data in (*project.data.training, *project.data.artifacts):
            if data.at.startswith("s3://"):
                yield _objects(data.at, partition, data.at.removeprefix("s3://"))
    for arn in named:
        parsed = parse_arn(arn)
        if parsed is None:
            raise UsageError(
                f"--asset {arn!r} is no ARN", "Such as arn:aws:s3:::bucket/prefix/ or arn:aws:kms:eu-west-1:123456789012:key/*"
            )
        if not any(actions_on(arn, use) for use in Use):
            raise UsageError(
                f"--asset {arn}: no action is known that reads, uses or changes it", "Name a resource, as its service writes it"
            )
        yield _objects(arn, partition, parsed.resource) if parsed.service == "s3" else Asset(arn, (arn,))


def _objects(name: str, partition: str, place: str) -> Asset:
    """Give a bucket, or a part of it, with the objects that are in there."""
    bucket, _, prefix = place.partition("/")
    return Asset(name, (f"arn:{partition}:s3:::{bucket}/{prefix.rstrip('*')}*", f"arn:{partition}:s3:::{bucket}"))
