"""The command line: one file per command, imported when it is used."""

from ringfence.cli.main import main

__all__ = ["main"]
