"""Google's own client, pointed at the tests' Google: what judges the double."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

from google.auth.credentials import AnonymousCredentials
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]


@contextmanager
def official(base: str, api: str, version: str, *, host: str = "", path: str = "") -> Iterator[Any]:
    """Give a client of one API. `host` where it is not `api`, as a region's; `path` is what the API puts before its methods' paths."""
    endpoint = {"api_endpoint": f"{base}/{host or api}.googleapis.com/{path}"}
    anonymous = AnonymousCredentials()  # type: ignore[no-untyped-call]  # google-auth types only a part of itself
    made = build(api, version, static_discovery=True, client_options=endpoint, credentials=anonymous, cache_discovery=False)
    with closing(made) as client:
        yield client


def refusal(request: Any) -> tuple[int, str]:
    """Send a request that is to be refused: give HTTP's number, and the canonical name or the reason with the words."""
    try:
        request.execute()
    except HttpError as error:
        return int(error.resp.status), f"{error.error_details or ''} {error.content.decode()}"
    raise AssertionError("it was not refused")
