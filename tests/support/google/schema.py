"""Query parameters and bodies judged by a discovery document, in the words of Google's own refusals.

Stricter than Google in one thing: field names in snake_case, which its JSON parser takes too, are unknown here.
"""

import base64
import binascii
import re
from typing import Any

from tests.support.google.discovery import JSON, Document, Method
from tests.support.google.wire import Refused

PLAIN = {"type", "description"}
WHOLE = re.compile(r"-?\d+")
KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "array": (list,),
    "object": (dict,),
}
NAMES = {"string": "TYPE_STRING", "boolean": "TYPE_BOOL", "integer": "TYPE_INT32", "number": "TYPE_DOUBLE"}


def invalid(message: str) -> Refused:
    """Give Google's 400."""
    return Refused(400, "INVALID_ARGUMENT", message)


def check_query(method: Method, query: dict[str, list[str]]) -> None:
    """Refuse parameters that the method does not have, values that do not fit, and the lack of one that it needs."""
    for name, values in query.items():
        told = method.query.get(name) or ({"type": "string"} if method.upload and name == "upload_id" else None)
        if told is None:
            raise invalid(
                f"Invalid JSON payload received. Unknown name \"{name}\": Cannot bind query parameter. Field '{name}' could not be found in request message."
            )
        if len(values) > 1 and not told.get("repeated"):
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Proto field is not repeating, cannot start list.')
        for value in values:
            _check_parameter(name, value, told)
    for name, told in method.query.items():
        if told.get("required") and name not in query:
            raise Refused(400, "INVALID_ARGUMENT", f"Required parameter: {name}", reason="required")


def _check_parameter(name: str, value: str, told: JSON) -> None:
    kind = told.get("type")
    if kind == "integer" and not WHOLE.fullmatch(value):
        raise invalid(f"Invalid value at '{name}' (TYPE_INT32), \"{value}\"")
    if kind == "boolean" and value not in ("true", "false"):
        raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\"")
    if told.get("format") in ("int64", "uint64") and not WHOLE.fullmatch(value):
        raise invalid(f"Invalid value at '{name}' (TYPE_INT64), \"{value}\"")
    if "enum" in told and value not in told["enum"]:
        raise invalid(f"Invalid value at '{name}', \"{value}\"")


def check(document: Document, schema: JSON, value: Any, at: str = "") -> None:
    """Refuse a JSON value that a schema does not describe; null stands for nothing, everywhere (protobuf's JSON mapping)."""
    if "$ref" in schema:
        schema = document.schemas[schema["$ref"]]
    kind = schema.get("type", "any")
    if value is None or kind == "any":
        return
    fits = isinstance(value, KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
    if schema.get("format") in ("int64", "uint64"):
        fits = (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and bool(WHOLE.fullmatch(value)))
    if not fits:
        raise invalid(f"Invalid value at '{at}' ({NAMES.get(kind, kind)}), {value!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise invalid(f"Invalid value at '{at}' (TYPE_ENUM), \"{value}\"")
    if schema.get("format") == "byte":
        _check_bytes(value, at)
    if kind == "array":
        if schema["items"].keys() <= PLAIN and schema["items"].get("type") == "string" and all(type(item) is str for item in value):
            return  # the many members of a policy
        for index, item in enumerate(value):
            check(document, schema["items"], item, f"{at}[{index}]")
    elif kind == "object":
        _check_fields(document, schema, value, at)


def _check_fields(document: Document, schema: JSON, value: JSON, at: str) -> None:
    known, others = schema.get("properties", {}), schema.get("additionalProperties")
    for name, inner in value.items():
        told = known.get(name, others)
        if told is None:
            where = f" at '{at}'" if at else ""
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}"{where}: Cannot find field.')
        check(document, told, inner, f"{at}.{name}" if at else name)


def _check_bytes(value: str, at: str) -> None:
    text = value.replace("-", "+").replace("_", "/")
    try:
        base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid(f"Invalid value at '{at}' (TYPE_BYTES), Base64 decoding failed for \"{value}\"") from error
