"""The settings of a command: the named file, else ./ringfence.yaml, else the built-in defaults."""

from datetime import UTC, datetime
from pathlib import Path

from ringfence.cli.main import Context
from ringfence.config import Loaded, compile_settings, load
from ringfence.config.schema import Config
from ringfence.settings import Settings

DEFAULT = Path("ringfence.yaml")


def loaded(context: Context) -> Loaded:
    """Read and check the configuration that counts."""
    path = context.config or (DEFAULT if DEFAULT.exists() else None)
    return Loaded(Config(version=1)) if path is None else load(path, datetime.now(UTC).date())


def settings(context: Context) -> Settings:
    """Give the settings that count."""
    return compile_settings(loaded(context).config)
