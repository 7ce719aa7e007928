"""The configuration that people write: one YAML file, checked with line and field, compiled into `Settings`."""

from ringfence.config.compile import compile_settings
from ringfence.config.load import Loaded, load, parse
from ringfence.config.schema import Config

__all__ = ["Config", "Loaded", "compile_settings", "load", "parse"]
