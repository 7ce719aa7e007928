"""The two ends of a request: what a body says, held against the method's schema, and what an answer may say, held against it too."""

import json

from tests.support.google import schema
from tests.support.google.discovery import Document, Method
from tests.support.google.wire import Asked, Refused, Reply


def read_body(method: Method, asked: Asked) -> object:
    """Read a body and hold it against the request's schema; content that goes up is left to the handler."""
    if method.upload:
        return None
    if "request" not in method.told:
        if asked.raw:
            raise schema.invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
        return None
    if not asked.raw:
        return {}
    if not asked.headers.get("Content-Type", "").startswith("application/json"):
        raise schema.invalid(f"Request content type {asked.headers.get('Content-Type', '')!r} is not application/json.")
    try:
        body = json.loads(asked.raw)
    except ValueError as error:
        raise schema.invalid(f"Invalid JSON payload received. {error}") from error
    if not isinstance(body, dict):
        raise schema.invalid('Invalid JSON payload received. Unknown name "": Root element must be a message.')
    schema.check(method.document, method.told["request"], body)
    return body


def held(method: Method, reply: Reply) -> Reply:
    """Hold a reply against the response's schema; a stream's reply is a list of them."""
    if isinstance(reply.body, bytes) or reply.code >= 300 or "response" not in method.told:
        return reply
    for one in reply.body if isinstance(reply.body, list) else [reply.body]:
        try:
            schema.check(method.document, method.told["response"], one)
        except Refused as refusal:
            raise TypeError(f"{method.id} answers what Google cannot: {refusal.message}") from refusal
    return reply


def refusal_of(refusal: Refused, known: Document | None) -> Reply:
    """Write a refusal in the API's form."""
    error: dict[str, object] = {"code": refusal.code, "message": refusal.message}
    if known is not None and known.classic:
        error["errors"] = [{"domain": "global", "reason": refusal.reason, "message": refusal.message}]
        if known.told["name"] == "bigquery":
            error["status"] = refusal.status
    else:
        error["status"] = refusal.status
    return Reply({"error": error}, refusal.code, refusal.headers)
