"""The command line's frame: the list of commands, the options that every command has, and the one place that exits."""

import importlib
import sys
from pathlib import Path
from typing import Any

import click

from ringfence import __version__
from ringfence.cli.output import Output
from ringfence.errors import RingfenceError, UsageError

# name, module below ringfence.cli, and the line that `--help` shows.
COMMANDS = (
    ("demo", "demo", "An attack on an AI project in both clouds, and what Ringfence does about it: no network."),
    ("check", "check", "Judge events offline: files, folders, or - for standard input."),
    ("policy", "policy", "Judge IAM policy documents: verdict, and escalation paths with their proof."),
    ("audit", "audit", "Audit a snapshot of an account's IAM: who is administrator, who climbs, and how."),
    ("snapshot", "snapshot", "Read the live identities of an account, or of Google Cloud projects, into a file."),
    ("jobs", "jobs", "List the jobs: what was done, and what waits for a decision."),
    ("approve", "approve", "Approve a pending job with your own AWS identity."),
    ("deny", "deny", "Deny a pending job with your own AWS identity."),
    ("undo", "undo", "Take back what a job did, exactly."),
    ("trail", "trail", "Review the trail: every decision, intent, call and outcome."),
    ("stop", "stop", "Set the kill switch: from now on nothing is changed."),
    ("resume", "resume", "Lift the kill switch."),
    ("slack", "slack", "The manifest of the Slack app, and a check of its channel and people."),
    ("config", "config", "Check the configuration, print its schema, compile it into the layer."),
    ("explain", "explain", "What a guardrail, an action or an escalation path is, and why."),
)


class Commands(click.Group):
    """Commands that are imported on use, so that the command line starts fast."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Give the names in the order of the list."""
        return [name for name, _, _ in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import the module of a command."""
        module = next((module for name, module, _ in COMMANDS if name == cmd_name), None)
        if module is None:
            return None
        command: click.Command = importlib.import_module(f"ringfence.cli.{module}").command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, _, line in COMMANDS])


class Context:
    """What every command gets: the configuration file that was named, and where to write."""

    def __init__(self, config: Path | None, output: Output) -> None:
        """Take what the frame read."""
        self.config = config
        self.output = output


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="The configuration. Else ./ringfence.yaml, else built-in defaults."
)
@click.option("--json", "as_json", is_flag=True, help="JSON Lines on stdout and nothing else there. Before or after the command.")
@click.version_option(__version__, prog_name="ringfence")
@click.pass_context
def root(ctx: click.Context, config: Path | None, *, as_json: bool) -> None:
    """Put a fence round the identities of AI projects.

    Ringfence hears identity changes, sign-ins and threat findings, judges them against guardrails for AI projects, and undoes,
    contains or asks - reversibly, with a record of every step. It observes until you say otherwise.

    Exit codes: 0 done; 1 findings at or above --fail-on, a refusal, or a failed verification; 2 wrong usage or configuration;
    3 a cloud, a queue or a file did not answer.
    """
    ctx.obj = Context(config, Output(as_json=as_json))


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and exit. `--json` counts wherever it stands."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    if as_json:
        given = ["--json", *(a for a in given if a != "--json")]
    sys.exit(_run(given))


def _run(arguments: list[str]) -> int:
    try:
        code: Any = root.main(args=arguments, prog_name="ringfence", standalone_mode=False)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        return 130
    except click.ClickException as error:
        error.show()
        return UsageError.exit_code
    except RingfenceError as error:
        click.echo(f"ringfence: {error.problem}", err=True)
        if error.hint:
            click.echo(f"  {error.hint}", err=True)
        return error.exit_code
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0
