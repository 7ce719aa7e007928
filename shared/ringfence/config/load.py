"""Reads the YAML file. Every error names line and field, and what was probably meant."""

import difflib
from collections.abc import Hashable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct
from pydantic import ValidationError

from ringfence.config import people
from ringfence.config.schema import Config, ProjectEntry
from ringfence.errors import ConfigError
from ringfence.guardrails import GUARDRAILS

PLANNED = ("aws-", "gcp-", "pb-", "remediator-")  # guardrails and playbooks of the catalogue that later versions bring
LONGEST_EXCEPTION = timedelta(days=180)
Path_ = tuple[str | int, ...]


class Loaded(Struct, frozen=True):
    """A configuration that is right, and what is worth saying about it."""

    config: Config
    warnings: tuple[str, ...] = ()


def load(path: Path, today: date) -> Loaded:
    """Read and check a file. Raises ConfigError with every problem in it."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: there is no such file", "Name another with --config, or leave it out for the built-in defaults"
        ) from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", "The configuration is one YAML file in UTF-8") from error
    return parse(text, str(path), today)


def parse(text: str, name: str, today: date) -> Loaded:
    """Check the text of a configuration; `today` decides which exceptions may still be written."""
    lines: dict[Path_, int] = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        data = _build(node, (), lines, name) if node is not None else {}
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}:{line}: not YAML: {error.problem}", "Check brackets, quotes and indentation there") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{name}: not YAML: {error}", "The configuration is one YAML file in UTF-8") from error
    if not isinstance(data, Mapping):
        raise ConfigError(
            f"{name}:1: is a {type(data).__name__}, expected keys such as `version` and `projects`", "See `ringfence config schema`"
        )
    try:
        config = Config.model_validate(data)
    except ValidationError as error:
        raise ConfigError("\n".join(_explain(e, lines, name) for e in error.errors()), "See `ringfence config schema`") from error
    problems = [*_exceptions(config, lines, name, today), *_guardrails(config, lines, name), *_claims(config, lines, name)]
    problems += [f"{name}:{_line(path, lines)}: {'.'.join(map(str, path))}: {said}" for path, said in people.problems(config)]
    if problems:
        raise ConfigError("\n".join(problems), "See `ringfence config schema`")
    return Loaded(config, tuple(_warnings(config)))


def _build(node: yaml.Node, path: Path_, lines: dict[Path_, int], name: str) -> Any:
    """Build plain data and keep the line of every key; a key given twice is an error, since one of them would be lost."""
    lines[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        built: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode):
                raise ConfigError(f"{name}:{key_node.start_mark.line + 1}: a key is a list or an object", "Keys are plain words")
            if key in built:
                raise ConfigError(f"{name}:{key_node.start_mark.line + 1}: `{key}` is given twice", "Keep one of them")
            built[key] = _build(value_node, (*path, key), lines, name)
            lines[(*path, key)] = key_node.start_mark.line + 1
        return built
    if isinstance(node, yaml.SequenceNode):
        return [_build(item, (*path, i), lines, name) for i, item in enumerate(node.value)]
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (ValueError, KeyError, yaml.YAMLError) as error:
        line = node.start_mark.line + 1
        field = ".".join(str(part) for part in path)
        raise ConfigError(f"{name}:{line}: {field}: {node.value!r:.40} cannot be read: {error}", "Quote it, or correct it") from error


def _explain(error: Any, lines: Mapping[Path_, int], name: str) -> str:
    path: Path_ = tuple(error["loc"])
    field = ".".join(str(part) for part in path) or "the file"
    line = _line(path, lines)
    if error["type"] == "extra_forbidden":
        known = _fields(path[:-1])
        close = difflib.get_close_matches(str(path[-1]), known, n=1, cutoff=0.6)
        meant = f" - did you mean `{close[0]}`?" if close else f" (known here: {', '.join(known)})" if known else ""
        return f"{name}:{line}: {field}: unknown key{meant}"
    if error["type"] == "missing":
        return f"{name}:{line}: {field}: is missing"
    got = error.get("input")
    shown = f" (got {got!r:.60})" if isinstance(got, (str, int, float, bool)) or got is None else ""
    return f"{name}:{line}: {field}: {error['msg'].removeprefix('Value error, ')}{shown}"


def _line(path: Path_, lines: Mapping[Path_, int]) -> int:
    """Give the line of a path, or of the nearest thing round it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path, 1)


def _fields(path: Path_) -> list[str]:
    """Give the known keys at a path of the schema."""
    schema = Config.model_json_schema()
    here: Any = schema
    for part in path:
        here = _resolve(here, schema)
        if isinstance(part, int):
            here = here.get("items", {})
        else:
            here = here.get("properties", {}).get(part) or here.get("additionalProperties") or {}
    here = _resolve(here, schema)
    return list(here.get("properties", {}))


def _resolve(here: Any, schema: Any) -> Any:
    for option in here.get("anyOf", ()):
        if "$ref" in option:
            here = option
    return schema["$defs"][here["$ref"].rsplit("/", 1)[-1]] if "$ref" in here else here


def _exceptions(config: Config, lines: Mapping[Path_, int], name: str, today: date) -> list[str]:
    found: list[str] = []
    for i, project in enumerate(config.projects):
        for j, entry in enumerate(project.exceptions):
            if entry.until > today + LONGEST_EXCEPTION:
                path: Path_ = ("projects", i, "exceptions", j, "until")
                found.append(
                    f"{name}:{_line(path, lines)}: {'.'.join(map(str, path))}: {entry.until} is more than 180 days ahead (latest {today + LONGEST_EXCEPTION})"
                )
    return found


def _guardrails(config: Config, lines: Mapping[Path_, int], name: str) -> list[str]:
    """Guardrail ids that do not exist: what is set for them would silently never count."""
    named: list[tuple[Path_, str]] = [(("guardrails", key), key) for key in config.guardrails]
    for i, project in enumerate(config.projects):
        named += [(("projects", i, "exceptions", j, "guardrail"), e.guardrail) for j, e in enumerate(project.exceptions)]
    known = [guardrail.id for guardrail in GUARDRAILS]
    found: list[str] = []
    for path, key in named:
        close = difflib.get_close_matches(key, known, n=1, cutoff=0.9)
        if key not in known and (close or (path[0] == "guardrails" and not key.startswith(PLANNED))):
            near = close or difflib.get_close_matches(key, known, n=1, cutoff=0.6)
            meant = f" - did you mean `{near[0]}`?" if near else " - see `ringfence explain`"
            found.append(f"{name}:{_line(path, lines)}: {'.'.join(map(str, path))}: no such guardrail {key}{meant}")
    return found


def _claims(config: Config, lines: Mapping[Path_, int], name: str) -> list[str]:
    """Two projects that claim the same at the same level: nobody could say whose settings count."""
    seen: dict[tuple[str, str, str], int] = {}
    found: list[str] = []
    for i, project in enumerate(config.projects):
        for claim in _claimed(project):
            other = seen.setdefault(claim, i)
            if other != i:
                what, which, where = claim
                place = f" in {where}" if where else ""
                said = f"{what} {which}{place} is claimed by {config.projects[other].name} already"
                found.append(f"{name}:{_line(('projects', i), lines)}: projects.{i}: {said}")
    return found


def _claimed(project: ProjectEntry) -> list[tuple[str, str, str]]:
    """Give what a project claims, per account it looks in: kind, what, account."""
    gcp = [("Google Cloud project", p, "") for p in (project.gcp.projects if project.gcp and not project.gcp.service_accounts else ())]
    aws = project.aws
    if aws is None:
        return gcp
    humans = aws.humans
    named = [("role pattern", glob) for globs in aws.roles.values() for glob in globs]
    named += (
        [("user", u) for u in humans.users]
        + [("group", g) for g in humans.groups]
        + [("permission set", p) for p in humans.permission_sets]
    )
    named += [("tags", ", ".join(f"{k}={v}" for k, v in sorted(aws.tags.items())))] if aws.tags else []
    places = aws.accounts or ("",)
    return gcp + ([(what, which, place) for what, which in named for place in places] or [("account", place, "") for place in aws.accounts])


def _warnings(config: Config) -> list[str]:
    asks = config.defaults.mode != "observe" or any(g.mode != "observe" for g in config.guardrails.values())
    if asks and not config.defaults.approval.approvers:
        return ["defaults.approval.approvers is empty: whoever IAM lets call the approve function may approve"]
    return []
