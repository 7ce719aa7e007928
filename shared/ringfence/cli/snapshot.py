"""ringfence snapshot: read the live account's identities into a file."""

from pathlib import Path

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.clouds.aws.snapshot import take


@click.command(name="snapshot")
@click.option(
    "--to", type=click.Path(path_type=Path), default=Path("snapshot.json"), show_default=True, metavar="FILE", help="Where to write."
)
@click.pass_obj
def command(context: Context, to: Path) -> None:
    """Read the account's identities into a file, with your own AWS credentials: the "before" of every judgement and undo.

    The form is that of `aws iam get-account-authorization-details`; under "Ringfence" it adds each user's MFA devices, whether there
    is a console password, and the status of every credential. Secrets are never read.
    """
    snapshot = take(lambda n, kind: context.output.aside(f"  {n} {kind}"))
    to.write_bytes(msgspec.json.encode(snapshot))
    counts = {name: len(snapshot[name]) for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")}
    if context.output.as_json:
        context.output.line({"file": str(to), **counts})
    else:
        context.output.text(f"{to}: " + ", ".join(f"{n} {name.removesuffix('DetailList').lower()}s" for name, n in counts.items()))
