"""Google's discovery documents, as google-api-python-client ships them: which method a request means."""

import json
import re
from collections.abc import Iterator
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from tests.support.google.handmade import DOCUMENTS
from tests.support.google.wire import Refused

JSON = dict[str, Any]
HERE = Path(find_spec("googleapiclient.discovery_cache").origin).parent / "documents"  # type: ignore[union-attr,arg-type]
VERSION = re.compile(r"v\d+(?:(?:alpha|beta)\d*)?")
PLACE = re.compile(r"\{(\+?)(\w+)\}")
VERB = re.compile(r":([a-zA-Z]+)$")
# The documents give one path for a method, where Firestore's API serves several (google/firestore/v1/firestore.proto, `additional_bindings`).
TREE = "^projects/[^/]+/databases/[^/]+/documents"
NAME, PARENT, BELOW = TREE + "(?:/[^/]+/[^/]+)+$", TREE + "(?:/[^/]+/[^/]+)*$", TREE + "(?:/[^/]+/[^/]+)+$"


class Method:
    """A method of a document under one of its paths; `upload`: the body is the content of an object, or comes with one."""

    def __init__(self, told: JSON, document: "Document", path: str, *, upload: bool = False) -> None:
        self.told, self.document, self.path, self.upload = told, document, path, upload
        self.id: str = told["id"]
        self.places: JSON = {k: v for k, v in told.get("parameters", {}).items() if v["location"] == "path"}
        self.query: JSON = {
            **document.told["parameters"],
            **{k: v for k, v in told.get("parameters", {}).items() if v["location"] == "query"},
        }
        shape = told.get("flatPath", "")
        self.literals = {part for part in f"{path}/{shape}".split("/") if part and "{" not in part and ":" not in part}

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """The path as a regular expression over what came, still encoded."""
        return re.compile("".join(self._part(index, part) for index, part in enumerate(PLACE.split(self.path))))

    def _part(self, index: int, part: str) -> str:
        if index % 3 == 0:
            return re.escape(part)
        return f"(?P<{part}>{self._pattern(part)})" if index % 3 == 2 else ""

    def _pattern(self, name: str) -> str:
        several = "{+" + name + "}" in self.path
        pattern = str(self.places.get(name, {}).get("pattern") or ("^.+$" if several else "^[^/]+$"))
        if pattern.startswith(TREE + "/"):
            pattern = NAME if name == "name" else BELOW if self.id.endswith(".list") else PARENT
        return pattern.removeprefix("^").removesuffix("$")

    def decoded(self, name: str, text: str) -> str:
        """Decode a part of the path: of several segments all but `%2F` (google/api/http.proto)."""
        if "{+" + name + "}" not in self.path:
            return unquote(text)
        return re.sub("(?:%(?!2[fF])[0-9a-fA-F]{2})+", lambda found: unquote(found[0]), text)


class Document:
    """One API in one version."""

    def __init__(self, told: JSON) -> None:
        self.told, self.schemas = told, told.get("schemas", {})
        self.classic = told["name"] in ("storage", "bigquery")  # their errors have a form of their own
        self.methods: dict[tuple[str, str], list[Method]] = {}
        for one in _methods(told):
            for path, upload in _paths(one, told["servicePath"]):
                verb = VERB.search(path)
                self.methods.setdefault((one["httpMethod"], verb[1] if verb else ""), []).append(Method(one, self, path, upload=upload))

    def match(self, http: str, path: str) -> tuple[Method, dict[str, str]]:
        """Give the method and the path's parameters. A known `:verb` goes before a name with a colon. Raises Refused."""
        verb, parts = VERB.search(path), set(path.split(":", maxsplit=1)[0].split("/")) | set(path.split("/"))
        keys = [(http, verb[1])] if verb and (http, verb[1]) in self.methods else []
        for key in [*keys, (http, "")]:
            likely = (method for method in self.methods.get(key, []) if method.literals <= parts)
            found = [(method, fits) for method in likely if (fits := method.regex.fullmatch(path))]
            if found:
                method, fits = max(found, key=lambda pair: len(pair[0].literals))
                return method, {name: method.decoded(name, text) for name, text in fits.groupdict().items()}
        raise Refused(404, "NOT_FOUND", "Method not found.")


def _methods(told: JSON) -> Iterator[JSON]:
    yield from told.get("methods", {}).values()
    for resource in told.get("resources", {}).values():
        yield from _methods(resource)


def _paths(one: JSON, service: str) -> Iterator[tuple[str, bool]]:
    yield f"/{service}{one['path']}", False
    for protocol in one.get("mediaUpload", {}).get("protocols", {}).values():
        yield protocol["path"], True
    if one.get("useMediaDownloadService"):
        yield f"/download/{service}{one['path']}", False


def document(host: str, path: str) -> Document:
    """Give the document for a host and the path below it. Raises Refused where there is none."""
    service = "aiplatform" if host.endswith("-aiplatform") else host
    parts = path.strip("/").split("/")[:5]
    at = next((index for index, part in enumerate(parts) if VERSION.fullmatch(part)), None)
    if at is None or not re.fullmatch("[a-z]+", service):
        raise Refused(404, "NOT_FOUND", "The requested URL was not found on this server.")
    told = _read(service, f"{parts[at - 1]}_{parts[at]}" if service == "admin" and at else parts[at])
    if told is None:
        raise Refused(404, "NOT_FOUND", "The requested URL was not found on this server.")
    return told


@cache
def _read(service: str, version: str) -> Document | None:
    name = f"{service}.{version}"
    if name in DOCUMENTS:
        return Document(DOCUMENTS[name])
    file = HERE / f"{name}.json"
    return Document(json.loads(file.read_bytes())) if file.is_file() else None
