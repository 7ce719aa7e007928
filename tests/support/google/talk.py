"""A plain HTTP client for tests of the tests' Google: one connection, JSON in and out."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

type Told = tuple[int, Any]
type Ask = Callable[..., Told]


@contextmanager
def talking(base: str) -> Iterator[Ask]:
    """Give `ask(verb, path, body, Header_Name=value)`: the path begins with the host, the answer is HTTP's number and the JSON."""
    with closing(HTTPConnection(urlsplit(base).netloc, timeout=5)) as connection:

        def ask(verb: str, path: str, body: object = None, **headers: str) -> Told:
            raw = None if body is None else json.dumps(body).encode()
            kind = {"Content-Type": "application/json"} if raw else {}
            connection.request(verb, f"/{path}", raw, {**kind, **{name.replace("_", "-"): value for name, value in headers.items()}})
            reply = connection.getresponse()
            content = reply.read()
            return reply.status, json.loads(content) if content else None

        yield ask
