"""deploy/gcp as Terraform sees it: variables given, locals and conditions resolved, each resource with its instances. What only Google knows is `<...>`."""

import base64
import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import cache, cached_property, partial
from hashlib import md5
from pathlib import Path
from typing import Any

import hcl2

from tests.support.cases import ROOT
from tests.support.hcl_expressions import Names, Thunk, expression

FOLDER = ROOT / "deploy" / "gcp"
NOTES = {"__is_block__", "__comments__", "__inline_comments__"}
META = {"count", "for_each", "depends_on", "lifecycle"}
GIVEN = {"project": "ringfence-prod", "scope": "projects/fraud-ml-prod"}


def plain(value: Any) -> Any:
    """Take what the parser adds out of a value; expressions stay text."""
    if isinstance(value, dict):
        return {key.strip('"'): plain(inner) for key, inner in value.items() if key not in NOTES}
    return [plain(inner) for inner in value] if isinstance(value, list) else value


@cache
def parsed() -> dict[str, dict[str, Any]]:
    """Give every block of the module: variable, output, locals, `resource` and `data` by kind and name."""
    found: dict[str, dict[str, Any]] = {
        "variable": {},
        "output": {},
        "locals": {},
        "resource": {},
        "data": {},
        "terraform": {},
        "provider": {},
    }
    for path in sorted(FOLDER.glob("*.tf")):
        with path.open(encoding="utf-8") as file:
            blocks = hcl2.load(file)
        for sort, entries in blocks.items():
            for entry in plain(entries) if sort not in NOTES else ():
                for name, body in entry.items():
                    if sort in ("resource", "data"):
                        for own, inner in body.items():
                            assert own not in found[sort].setdefault(name, {}), f"{name}.{own} twice"
                            found[sort][name][own] = inner
                    else:
                        assert name not in found[sort], f"{sort} {name} twice"
                        found[sort][name] = body
    return found


def _can(ask: Callable[[], Any]) -> bool:
    try:
        ask()
    except (KeyError, IndexError, ValueError):
        return False
    return True


def _regex(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise ValueError(f"{text} is not like {pattern}")
    return found[0]


def _one(items: list[Any]) -> Any:
    assert len(items) <= 1
    return items[0] if items else None


def _merge(*parts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "base64encode": lambda text: base64.b64encode(text.encode()).decode(),
    "can": _can,
    "concat": lambda *parts: [item for part in parts for item in part],
    "contains": lambda items, item: item in items,
    "file": lambda path: Path(path).read_text(encoding="utf-8"),
    "filemd5": lambda path: md5(Path(path).name.encode(), usedforsecurity=False).hexdigest(),  # by the name: nothing needs to be packed
    "join": lambda separator, items: separator.join(items),
    "jsondecode": json.loads,
    "jsonencode": lambda value: json.dumps(value, separators=(",", ":"), sort_keys=True),
    "length": len,
    "merge": _merge,
    "one": _one,
    "regex": _regex,
    "replace": lambda text, old, new: text.replace(old, new),
    "split": lambda separator, text: text.split(separator),
    "startswith": lambda text, start: text.startswith(start),
    "toset": set,
    "trimspace": str.strip,
}


@cache
def _parse(text: str) -> Thunk:
    return expression(text, FUNCTIONS)


def resolve(value: Any, names: Names) -> Any:
    """Resolve a value as the parser gives it: a quoted template, `${expression}`, or a plain one."""
    if isinstance(value, dict):
        return {key: resolve(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [resolve(inner, names) for inner in value]
    if not isinstance(value, str):
        return value
    return _parse(value if value.startswith('"') else value.removeprefix("${").removesuffix("}"))(names)


class Instance(Mapping[str, Any]):
    """One instance of a resource: an argument that stands in the module gives its value, any other attribute its own name."""

    def __init__(self, plan: "Plan", address: str, body: Mapping[str, Any], each: Mapping[str, Any]) -> None:
        self.plan, self.address, self.body, self.each = plan, address, body, each

    def __getitem__(self, key: str) -> Any:
        own = self.body.get(key)
        return f"<{self.address}.{key}>" if own is None or isinstance(own, (dict, list)) else resolve(own, self.names)

    def __iter__(self) -> Iterator[str]:
        return iter(self.body)

    def __len__(self) -> int:
        return len(self.body)

    @property
    def names(self) -> Names:
        """What its expressions may name."""
        return {**self.plan.names, "each": self.each}

    @cached_property
    def arguments(self) -> Any:
        """Its arguments and blocks, resolved."""
        return resolve({key: value for key, value in self.body.items() if key not in META}, self.names)

    @property
    def broken(self) -> list[str]:
        """What its preconditions have against it."""
        rules = [rule for block in self.body.get("lifecycle", ()) for rule in block.get("precondition", ())]
        return [resolve(rule["error_message"], self.names) for rule in rules if not resolve(rule["condition"], self.names)]


class Plan:
    """The module with some values of its variables."""

    def __init__(self, **given: Any) -> None:
        known = {name: resolve(body["default"], {}) for name, body in parsed()["variable"].items() if "default" in body}
        self.variables = {**known, **GIVEN, **given}
        assert self.variables.keys() == parsed()["variable"].keys()
        self._instances: dict[tuple[str, str], dict[Any, Instance]] = {}

    @cached_property
    def names(self) -> Names:
        """What every expression may name."""
        data = {kind: {own: _Symbol(f"data.{kind}.{own}") for own in found} for kind, found in parsed()["data"].items()}
        kinds = {kind: _Lazy(partial(self._reference, kind)) for kind in parsed()["resource"]}
        local = _Lazy(lambda name: resolve(parsed()["locals"][name], self.names))
        return {"var": self.variables, "local": local, "path": {"module": str(FOLDER)}, "data": data, **kinds}

    def local(self, name: str) -> Any:
        """Give one local value."""
        return self.names["local"][name]

    def instances(self, kind: str, name: str) -> dict[Any, Instance]:
        """Give the instances of a resource by their keys; of one without count and for_each the one, under None."""
        if (kind, name) not in self._instances:
            body = parsed()["resource"][kind][name]
            address = f"{kind}.{name}"
            if "for_each" in body:
                over = resolve(body["for_each"], self.names)
                pairs = over.items() if isinstance(over, Mapping) else ((key, key) for key in sorted(over))
                made = {key: Instance(self, f"{address}[{key}]", body, {"key": key, "value": value}) for key, value in pairs}
            elif "count" in body:
                made = {number: Instance(self, f"{address}[{number}]", body, {}) for number in range(resolve(body["count"], self.names))}
            else:
                made = {None: Instance(self, address, body, {})}
            self._instances[kind, name] = made
        return self._instances[kind, name]

    def _reference(self, kind: str, name: str) -> Any:
        found = self.instances(kind, name)
        return found.get(None, found)

    def all(self, *kinds: str) -> dict[str, Instance]:
        """Give every instance by its address, of some kinds or of all."""
        wanted = kinds or tuple(parsed()["resource"])
        return {one.address: one for kind in wanted for name in parsed()["resource"][kind] for one in self.instances(kind, name).values()}

    @property
    def refused(self) -> list[str]:
        """What the validations of variables and the preconditions have against the values."""
        rules = [rule for body in parsed()["variable"].values() for rule in body.get("validation", ())]
        said = [resolve(rule["error_message"], {}) for rule in rules if not resolve(rule["condition"], {"var": self.variables})]
        return said or [word for one in self.all().values() for word in one.broken]


class _Lazy(dict[str, Any]):
    """Names that are resolved when they are asked for."""

    def __init__(self, ask: Callable[[str], Any]) -> None:
        super().__init__()
        self.ask = ask

    def __missing__(self, key: str) -> Any:
        self[key] = self.ask(key)
        return self[key]


class _Symbol(dict[str, str]):
    """Attributes that only Google knows."""

    def __init__(self, address: str) -> None:
        super().__init__()
        self.address = address

    def __missing__(self, key: str) -> str:
        return f"<{self.address}.{key}>"
