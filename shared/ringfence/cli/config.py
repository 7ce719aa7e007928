"""ringfence config: check, print the schema, compile."""

import json
from pathlib import Path

import click
import msgspec

from ringfence.cli.main import Context
from ringfence.cli.settings import DEFAULT, loaded
from ringfence.config import Config, compile_settings
from ringfence.errors import UsageError
from ringfence.wiring import COMPILED


@click.group(name="config")
def command() -> None:
    """Check the configuration, print its schema, compile it into the layer.

    The configuration is one YAML file, right when it is absent: AI identities are discovered, and everything is only observed.
    """


@command.command()
@click.pass_obj
def check(context: Context) -> None:
    """Check the configuration: every problem with line and field, and what was probably meant."""
    found = loaded(context)
    name = str(context.config or (DEFAULT if DEFAULT.exists() else "built-in defaults"))
    settings = compile_settings(found.config)
    if context.output.as_json:
        context.output.line({"ok": True, "file": name, "config_hash": settings.config_hash, "warnings": list(found.warnings)})
        return
    for warning in found.warnings:
        context.output.aside(f"warning: {warning}")
    context.output.text(f"{name} is right: mode {settings.mode}, {len(settings.projects)} project(s), hash {settings.config_hash[:12]}")


@command.command()
@click.pass_obj
def schema(context: Context) -> None:
    """Print the JSON schema of the configuration, for editors and for reading."""
    text = Config.model_json_schema()
    context.output.text(json.dumps(text) if context.output.as_json else json.dumps(text, indent=2))


@command.command(name="compile")
@click.option(
    "--to", type=click.Path(path_type=Path), default=COMPILED, show_default="the layer's package", metavar="FILE", help="Where to write."
)
@click.pass_obj
def compile_(context: Context, to: Path) -> None:
    """Compile the configuration into the small JSON that the functions load. `make build` does this."""
    found = loaded(context)
    settings = compile_settings(found.config)
    try:
        to.write_bytes(msgspec.json.encode(settings))
    except OSError as error:
        raise UsageError(f"{to}: cannot be written: {error}", "Name another file with --to") from error
    for warning in found.warnings:
        context.output.aside(f"warning: {warning}")
    if context.output.as_json:
        context.output.line({"file": str(to), "config_hash": settings.config_hash})
        return
    context.output.text(f"compiled: mode {settings.mode}, {len(settings.projects)} project(s), hash {settings.config_hash[:12]}")
