"""What Slack sends, believed only in this order: size, headers and time - before any secret is loaded -, signature, form, workspace, app, channel.

Sources: Slack's documentation, "Verifying requests from Slack", "Interaction payloads", "Implementing slash commands". The signature is over the raw
bytes, and proves where a request comes from, not that it is new: `once` is what the caller takes to act on it a single time.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qsl

import msgspec

from ringfence.domain.caller import Caller
from ringfence.domain.card import Press
from ringfence.engine.chatops import Asked
from ringfence.settings import Slack

LARGEST = 64 * 1024  # bytes
DEEPEST = 50
OLDEST, NEWEST = 300, 60  # seconds: how old a request may be, and how far ahead of us Slack's clock
STAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
SIGNATURE = re.compile(r"v0=[0-9a-f]{64}", re.ASCII)
ID = re.compile(r"[A-Z][A-Z0-9]{2,40}", re.ASCII)
TRIGGER = re.compile(r"[0-9A-Za-z.]{1,200}", re.ASCII)
FORM = "application/x-www-form-urlencoded"
WORDS = {press.value: press for press in (Press.STATUS, Press.STOP, Press.RESUME, Press.UNDO, Press.EXEMPT)}


class Turned(Exception):  # noqa: N818 - it is turned away, which is no error of ours
    """A request that is turned away: with an HTTP status and, for our own log, the reason. Whoever sent it is told neither secret nor reason."""

    def __init__(self, status: int, reason: str) -> None:
        """Take the status and the reason."""
        super().__init__(reason)
        self.status = status


class Keys(Protocol):
    """The signing secrets."""

    def values(self) -> Iterable[str]:
        """Give the valid ones."""
        ...

    def again(self) -> Iterable[str]:
        """Give them as they are now: somebody may have rotated them."""
        ...


def read(event: Mapping[str, Any], keys: Callable[[], Keys], pins: Slack, now: datetime) -> Asked:
    """Read the event of a function URL; raise Turned for whatever is not a fresh, signed request of our app in our workspace and channel."""
    body, stamp, signature = _checked(event, now)
    _check_signature(body, stamp, signature, keys())
    fields = _fields(body)
    asked = _interaction(_payload(fields["payload"]), pins) if "payload" in fields else _command(fields, pins)
    if not TRIGGER.fullmatch(asked.once):
        raise Turned(400, "without a trigger id nobody knows whether it is new")
    return asked


def _checked(event: Mapping[str, Any], now: datetime) -> tuple[bytes, str, str]:
    """Check what costs nothing."""
    sent = event.get("headers")
    headers = {str(k).lower(): v for k, v in sent.items() if isinstance(v, str)} if isinstance(sent, Mapping) else {}
    raw = event.get("body")
    if not isinstance(raw, str) or len(raw) > 2 * LARGEST:
        raise Turned(413 if isinstance(raw, str) else 401, "no body, or far too large a one")
    context = event.get("requestContext")
    http = context.get("http") if isinstance(context, Mapping) else None
    if not isinstance(http, Mapping) or http.get("method") != "POST":
        raise Turned(401, "not a POST")
    stamp, signature = headers.get("x-slack-request-timestamp", ""), headers.get("x-slack-signature", "")
    if not STAMP.fullmatch(stamp) or not SIGNATURE.fullmatch(signature):
        raise Turned(401, "no signature, or none of the form that Slack makes")
    if not -NEWEST <= now.timestamp() - int(stamp) <= OLDEST:
        raise Turned(401, "too old, or from the future")
    if headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Turned(401, "not a form")
    try:
        body = base64.b64decode(raw, validate=True) if event.get("isBase64Encoded") is True else raw.encode()
    except (binascii.Error, ValueError) as error:
        raise Turned(401, "the body cannot be decoded") from error
    if len(body) > LARGEST:
        raise Turned(413, "the body is too large")
    return body, stamp, signature


def _check_signature(body: bytes, stamp: str, signature: str, keys: Keys) -> None:
    def fits(secrets: Iterable[str]) -> bool:
        base = b"v0:" + stamp.encode() + b":" + body
        made = [f"v0={hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()}" for secret in secrets if secret]
        return any([hmac.compare_digest(one, signature) for one in made])  # noqa: C419 - all of them are compared, whatever the first says

    if not fits(keys.values()) and not fits(keys.again()):
        raise Turned(401, "the signature is not Slack's")


def _fields(body: bytes) -> Mapping[str, str]:
    """Read the form; a field that is given twice is refused, since two readers may take different ones."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=64, errors="strict")
    except (UnicodeDecodeError, ValueError) as error:
        raise Turned(400, "the form cannot be read") from error
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise Turned(400, "a field is given twice")
    return fields


def _payload(text: str) -> Mapping[str, Any]:
    if _depth(text) > DEEPEST:
        raise Turned(400, "nested too deep")
    try:
        found: object = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Turned(400, "the payload is no JSON") from error
    if not isinstance(found, Mapping):
        raise Turned(400, "the payload is no object")
    return found


def _depth(text: str) -> int:
    """Count how deep brackets are nested at most, without reading what they hold; in time linear in the text."""
    deepest = depth = 0
    quoted = escaped = False
    for char in text:
        if quoted:
            quoted, escaped = escaped or char != '"', char == "\\" and not escaped
        elif char == '"':
            quoted = True
        elif char in "[{":
            depth += 1
            deepest = max(deepest, depth)
        elif char in "]}":
            depth -= 1
    return deepest


def _at(found: object, *path: str) -> str:
    """Give a text in nested objects, empty where there is none."""
    for key in path:
        found = found.get(key) if isinstance(found, Mapping) else None
    return found if isinstance(found, str) else ""


def _pin(pins: Slack, *, team: str, app: str, enterprise: str) -> None:
    if (team, app) != (pins.team, pins.app) or enterprise != pins.enterprise:
        raise Turned(403, "another workspace, organisation or app")


def _who(team: str, user: str) -> Caller:
    if not ID.fullmatch(user):
        raise Turned(400, "nobody is named")
    return Caller(f"slack:{team}/{user}")


def _interaction(payload: Mapping[str, Any], pins: Slack) -> Asked:
    _pin(pins, team=_at(payload, "team", "id"), app=_at(payload, "api_app_id"), enterprise=_at(payload, "enterprise", "id"))
    # In an Enterprise Grid a member's own team may be another one (bolt-js issue 1875): there the look-up of the member decides.
    if not pins.enterprise and (theirs := _at(payload, "user", "team_id")) and theirs != pins.team:
        raise Turned(403, "somebody of another workspace")
    who = _who(pins.team, _at(payload, "user", "id"))
    match payload.get("type"):
        case "block_actions":
            return _click(payload, who, pins)
        case "view_submission":
            return _sent(payload, who)
    raise Turned(400, "not a kind of request that is known")


def _click(payload: Mapping[str, Any], who: Caller, pins: Slack) -> Asked:
    if _at(payload, "channel", "id") != pins.channel or _at(payload, "container", "channel_id") not in ("", pins.channel):
        raise Turned(403, "another channel")
    match payload.get("actions"):
        case [{"action_id": str(action), "value": str(value)}] if action in Press._value2member_map_:
            job, _, shown = value.partition(" ")
            return Asked(
                press=Press(action),
                who=who,
                job=job,
                shown=shown,
                once=_at(payload, "trigger_id"),
                trigger=_at(payload, "trigger_id"),
                reply_to=_at(payload, "response_url"),
            )
    raise Turned(400, "not one of our buttons")


def _sent(payload: Mapping[str, Any], who: Caller) -> Asked:
    view = payload.get("view")
    press, about = _at(view, "callback_id"), _at(view, "private_metadata")
    if press not in Press._value2member_map_ or _at(view, "app_id") not in ("", _at(payload, "api_app_id")):
        raise Turned(400, "not one of our forms")
    job, _, shown = about.partition(" ")
    state = view.get("state") if isinstance(view, Mapping) else None
    values = state.get("values") if isinstance(state, Mapping) else None
    fields: dict[str, str] = {}
    for name, held in values.items() if isinstance(values, Mapping) else ():
        for element in held.values() if isinstance(held, Mapping) else ():
            chosen = _at(element, "value") or _at(element, "selected_date") or _at(element, "selected_option", "value")
            fields[str(name)] = chosen[:3000]
    view_id, version = _at(view, "id"), _at(view, "hash")
    once = _at(payload, "trigger_id") or (f"{view_id}.{version}" if view_id and version else "")
    return Asked(press=Press(press), who=who, job=job, shown=shown, once=once, fields=fields, form=True)


def _command(fields: Mapping[str, str], pins: Slack) -> Asked:
    _pin(pins, team=fields.get("team_id", ""), app=fields.get("api_app_id", ""), enterprise=fields.get("enterprise_id", ""))
    if fields.get("channel_id") != pins.channel:
        raise Turned(403, "another channel")
    word, *rest = fields.get("text", "").split()[:2] or [""]
    return Asked(
        press=WORDS.get(word.lower()),
        who=_who(pins.team, fields.get("user_id", "")),
        job=rest[0] if rest else "",
        once=fields.get("trigger_id", ""),
        trigger=fields.get("trigger_id", ""),
        typed=True,
    )
