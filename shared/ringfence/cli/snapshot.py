"""ringfence snapshot: read the live identities of an account, or of Google Cloud projects, into a file."""

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.domain.inert import visible
from ringfence.errors import UsageError

PROJECT = re.compile(r"[a-z0-9][a-z0-9.:-]{2,62}", re.ASCII)


class ProjectId(click.ParamType[str]):
    """The id or number of a project of Google Cloud."""

    name = "PROJECT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Take what can be one."""
        text = str(value)
        if not PROJECT.fullmatch(text):
            self.fail(f"{text!r} is no id or number of a project, such as fraud-ml-prod", param, ctx)
        return text


@click.command(name="snapshot")
@click.option(
    "--to", type=click.Path(path_type=Path), default=Path("snapshot.json"), show_default=True, metavar="FILE", help="Where to write."
)
@click.option(
    "--gcp", "projects", type=ProjectId(), multiple=True, help="A project of Google Cloud, instead of the AWS account. May be repeated."
)
@click.pass_obj
def command(context: Context, to: Path, projects: tuple[str, ...]) -> None:
    """Read identities into a file, with your own credentials: the "before" of every judgement and undo.

    Of AWS the whole account, in the form of `aws iam get-account-authorization-details`; under "Ringfence" it adds each user's MFA
    devices, whether there is a console password, and the status of every credential.

    Of Google Cloud, with --gcp, each project's allow policy, deny policies, custom roles, service accounts and the keys that people
    made, and the policies of the folders and the organisation above it. What you may not read is named in the file and on stderr:
    nobody takes it for empty. Secrets are never read.
    """
    if projects:
        _google(context, to, projects)
    else:
        _aws(context, to)


def _aws(context: Context, to: Path) -> None:
    from ringfence.clouds.aws.snapshot import take

    snapshot = take(lambda n, kind: context.output.aside(f"  {n} {kind}"))
    to.write_bytes(msgspec.json.encode(snapshot))
    counts = {name: len(snapshot[name]) for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")}
    if context.output.as_json:
        context.output.line({"file": str(to), **counts})
    else:
        context.output.text(f"{to}: " + ", ".join(f"{n} {name.removesuffix('DetailList').lower()}s" for name, n in counts.items()))


def _google(context: Context, to: Path, projects: tuple[str, ...]) -> None:
    try:
        from ringfence.clouds.gcp.snapshot import take

        snapshot = take(projects, datetime.now(UTC), lambda n, kind: context.output.aside(f"  {n} {kind}"))
    except ModuleNotFoundError as error:
        raise UsageError(f"{error.name} is not installed", "Install what Google Cloud takes: pip install 'ringfence[gcp]'") from error
    to.write_bytes(msgspec.json.encode(snapshot))
    places, accounts = tuple(snapshot.places()), [account for project in snapshot.projects for account in project.accounts or ()]
    counts = {
        "projects": len(snapshot.projects),
        "above": len(snapshot.above),
        "accounts": len(accounts),
        "keys": sum(len(account.keys or ()) for account in accounts),
        "roles": sum(len(place.roles or ()) for place in places),
        "denials": sum(len(place.denials or ()) for place in places),
        "unread": len(snapshot.unread),
    }
    for part in snapshot.unread:
        context.output.aside(visible(f"  not read: {part.what} of {part.where}: {part.why}"))
    if context.output.as_json:
        context.output.line({"file": str(to), **counts})
        return
    words = {
        "above": "folders and organisations",
        "accounts": "service accounts",
        "roles": "custom roles",
        "denials": "deny policies",
        "unread": "parts not read",
    }
    context.output.text(f"{to}: " + ", ".join(f"{n} {words.get(name, name)}" for name, n in counts.items()))
