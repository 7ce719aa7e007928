"""A Slack of our own: it answers the Web API methods that we call as Slack's reference says, and refuses and fails as Slack does.

Errors and replies: `reference/methods/<method>`; a trigger_id works once, for 3 seconds (`interactivity/handling-user-interaction`); 429 with
`Retry-After` (`apis/web-api/rate-limits`); JSON or forms, `missing_charset` (`apis/web-api`); metadata without its payload unless
`include_all_metadata` is set (`reference/methods/conversations.history`). Stricter than Slack: 4,000 characters of text, and JSON where it writes.
"""

import contextlib
import copy
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.support.slack_limits import code_for, inert, problems
from tests.support.slack_requests import APP, BOT, BOT_USER, TEAM

TOKEN = "xoxb-synthetic"  # noqa: S105 - of no workspace
TRIGGER_LIVES = timedelta(seconds=3)
PAGE, PAGE_END = 100, 999  # conversations.history: how many unless asked, and at most
READS = {
    "users.info": ("user",),
    "conversations.info": ("channel",),
    "conversations.history": ("channel",),
    "conversations.replies": ("channel", "ts"),
}
KINDS = ("down", "500", "429", "lost", "timeout", "slow", "garbled")
Answer = tuple[int, dict[str, str], bytes]


@dataclass
class Channel:
    """A conversation; `members` None: every user of the double is one."""

    id: str
    name: str
    is_private: bool = False
    is_member: bool = True
    is_archived: bool = False
    members: set[str] | None = None


@dataclass
class User:
    """A person or a bot, as `reference/objects/user-object` tells of them."""

    id: str
    real_name: str = ""
    email: str = ""
    team_id: str = TEAM
    deleted: bool = False
    is_bot: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_stranger: bool = False


@dataclass
class Message:
    """A message of a channel, or one that only a `reader` sees."""

    channel: str
    ts: str
    text: str
    blocks: list[dict[str, Any]] = field(default_factory=list)
    thread_ts: str | None = None
    metadata: dict[str, Any] | None = None
    edited: dict[str, str] | None = None
    user: str = BOT_USER
    reader: str | None = None


class Call(NamedTuple):
    """What was asked, faults included."""

    method: str
    payload: dict[str, Any]


@dataclass
class Fault:
    """A failure of a method (`*`: of any), some times over.

    `lost` and `garbled` differ: a lost reply follows the effect, a garbled one comes from something before Slack, without effect. `timeout` and
    `slow` are one: time runs out before Slack does anything. `error:<code>` answers that code.
    """

    method: str
    kind: str
    times: int = 1
    retry_after: int = 30

    def __post_init__(self) -> None:
        if self.kind not in KINDS and not re.fullmatch(r"error:\w+", self.kind):
            raise ValueError(f"{self.kind!r} is no kind of fault: one of {', '.join(KINDS)} or error:<code>")


class _RefusedError(Exception):
    def __init__(self, code: str, *messages: str) -> None:
        super().__init__(code)
        self.code, self.messages = code, [f"[ERROR] {m}" for m in messages]


def _reply(status: int, body: Mapping[str, Any], **headers: str) -> Answer:
    return status, {"Content-Type": "application/json; charset=utf-8", **headers}, json.dumps(body).encode()


class SlackDouble:
    """A workspace with one app in it. Tests fill and read its state; every call goes through `handle`, one at a time."""

    def __init__(self, clock: Callable[[], datetime], *, token: str = TOKEN, named: frozenset[str] = frozenset()) -> None:
        self.clock, self.token, self.team, self.app = clock, token, TEAM, APP
        self.named = named  # users and channels that rich text may name
        self.channels: dict[str, Channel] = {}
        self.users: dict[str, User] = {}
        self.messages: dict[str, list[Message]] = {}
        self.ephemerals: list[Message] = []
        self.views: list[dict[str, Any]] = []
        self.calls: list[Call] = []
        self.unsafe: list[str] = []
        self.faults: list[Fault] = []
        self._triggers: dict[str, tuple[datetime, bool]] = {}
        self._numbers = count(1)
        self._last = 0
        self._lock = threading.Lock()
        self._methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "views.open": self._open,
            "users.info": self._user,
            "conversations.info": self._channel_info,
            "conversations.history": self._history,
            "conversations.replies": self._history,
        }

    def add_channel(self, channel: Channel) -> Channel:
        """Make a channel."""
        self.messages.setdefault(channel.id, [])
        return self.channels.setdefault(channel.id, channel)

    def add_user(self, user: User) -> User:
        """Make a user."""
        return self.users.setdefault(user.id, user)

    def say(self, channel: str, user: str, text: str, thread_ts: str | None = None) -> Message:
        """Have somebody write a message."""
        with self._lock:
            self.messages[channel].append(Message(channel, self._ts(), text, thread_ts=thread_ts, user=user))
            return self.messages[channel][-1]

    def trigger(self) -> str:
        """Issue a trigger_id, as a click or a command brings one."""
        with self._lock:
            trigger = f"1.{next(self._numbers)}.synthetic"
            self._triggers[trigger] = (self.clock(), False)
            return trigger

    def message(self, channel: str, ts: str) -> Message:
        """Find a message."""
        return next(m for m in self.messages[channel] if m.ts == ts)

    def handle(self, method: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a call; raises ConnectionError or TimeoutError where a fault leaves the caller without an answer."""
        with self._lock:
            sent = {name.lower(): value for name, value in headers.items()}
            payload, refusal = self._read(method, sent, body)
            self.calls.append(Call(method, copy.deepcopy(payload)))
            fault = self._fault(method)
            if fault and (answer := self._instead(fault)):
                return answer
            answer = self._answer(method, sent, payload, refusal)
            if fault:
                raise TimeoutError("the reply is lost")
            return answer

    def _fault(self, method: str) -> Fault | None:
        found = next((f for f in self.faults if f.method in (method, "*") and f.times > 0), None)
        if found:
            found.times -= 1
            self.faults = [f for f in self.faults if f.times > 0]
        return found

    @staticmethod
    def _instead(fault: Fault) -> Answer | None:
        if fault.kind == "down":
            raise ConnectionRefusedError("nobody listens")
        if fault.kind in ("timeout", "slow"):
            raise TimeoutError("no answer in time")
        if (code := fault.kind.removeprefix("error:")) != fault.kind:
            return _reply(200, {"ok": False, "error": code})
        return {
            "500": (500, {"Content-Type": "text/html"}, b"<html>Server Error</html>"),
            "429": _reply(429, {"ok": False, "error": "ratelimited"}, **{"Retry-After": str(fault.retry_after)}),
            "garbled": (200, {"Content-Type": "text/html"}, b"<html>Please sign in to the network</html>"),
        }.get(fault.kind)

    def _read(self, method: str, sent: Mapping[str, str], body: bytes) -> tuple[dict[str, Any], _RefusedError | None]:
        kind = sent.get("content-type", "").partition(";")[0].strip().lower()
        if method in READS:  # JSON is no form: Slack then finds no argument at all
            return (dict(parse_qsl(body.decode(errors="replace"))) if kind != "application/json" else {}), None
        if kind != "application/json":
            return {}, _RefusedError("invalid_post_type" if kind else "missing_post_type")
        try:
            payload = json.loads(body)
        except ValueError:
            return {}, _RefusedError("invalid_json")
        return (payload, None) if isinstance(payload, dict) else ({}, _RefusedError("json_not_object"))

    def _answer(self, method: str, sent: Mapping[str, str], payload: dict[str, Any], refusal: _RefusedError | None) -> Answer:
        extra: dict[str, Any] = {}
        if sent.get("content-type", "").strip().lower() == "application/json":
            extra = {"warning": "missing_charset", "response_metadata": {"warnings": ["missing_charset"]}}
        try:
            self._admit(method, sent, refusal)
            self._check(method, payload)
            return _reply(200, {"ok": True, **extra, **self._methods[method](payload)})
        except _RefusedError as refused:
            told = {"response_metadata": {"messages": refused.messages}} if refused.messages else {}
            return _reply(200, {"ok": False, "error": refused.code, **extra, **told})

    def _admit(self, method: str, sent: Mapping[str, str], refusal: _RefusedError | None) -> None:
        if "authorization" not in sent:
            raise _RefusedError("not_authed")
        if sent["authorization"] != f"Bearer {self.token}":
            raise _RefusedError("invalid_auth")
        if method not in self._methods:
            raise _RefusedError("unknown_method")
        if refusal:
            raise refusal

    def _check(self, method: str, payload: dict[str, Any]) -> None:
        """Refuse what Slack would, by the code it has for each; note what text could do."""
        if method in READS:
            missing = [f"missing required field: {name}" for name in READS[method] if not payload.get(name)]
            if missing:
                raise _RefusedError("invalid_arguments", *missing)
            return
        if isinstance(payload.get("channel"), str):
            self._channel(payload["channel"], frozen="is_inactive" if method == "chat.update" else "is_archived")
        if found := problems(method, payload):
            raise _RefusedError(code_for(method, payload, found), *found)
        self.unsafe += [f"{method}: {deed}" for deed in inert(payload, method=method, allowed=self.named)]

    def _visible(self, key: str) -> Channel:
        """Find a channel; a private one that the app is not in does not exist for it."""
        channel = self.channels.get(key)
        if channel is None or (channel.is_private and not channel.is_member):
            raise _RefusedError("channel_not_found")
        return channel

    def _channel(self, key: str, frozen: str = "") -> Channel:
        """Find a channel that the app is in."""
        channel = self._visible(key)
        if channel.is_archived and frozen:
            raise _RefusedError(frozen)
        if not channel.is_member:
            raise _RefusedError("not_in_channel")
        return channel

    def _ts(self) -> str:
        now = self.clock()
        self._last = max(int(now.timestamp()) * 1_000_000 + now.microsecond, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def _blocks(self, payload: Mapping[str, Any]) -> list[dict[str, Any]]:
        return [{"block_id": f"b{next(self._numbers)}", **block} for block in copy.deepcopy(payload.get("blocks") or [])]

    def _made(self, payload: Mapping[str, Any], reader: str | None = None) -> Message:
        thread = payload.get("thread_ts")
        if thread and reader is None and all(m.ts != thread for m in self.messages[payload["channel"]]):
            raise _RefusedError("thread_not_found")
        metadata = copy.deepcopy(payload.get("metadata"))
        return Message(payload["channel"], self._ts(), payload.get("text") or "", self._blocks(payload), thread, metadata, reader=reader)

    def _shown(self, message: Message, *, whole: bool = True) -> dict[str, Any]:
        ours = {"bot_id": BOT, "app_id": self.app} if message.user == BOT_USER else {}
        held = {name: value for name, value in asdict(message).items() if value is not None and name not in ("channel", "reader")}
        if not whole and message.metadata:
            held["metadata"] = {"event_type": message.metadata["event_type"]}
        return {"type": "message", "team": self.team, **ours, **held}

    def _post(self, payload: dict[str, Any]) -> dict[str, Any]:
        message = self._made(payload)
        self.messages[message.channel].append(message)
        return {"channel": message.channel, "ts": message.ts, "message": self._shown(message)}

    def _update(self, payload: dict[str, Any]) -> dict[str, Any]:
        message = next((m for m in self.messages[payload["channel"]] if m.ts == payload["ts"]), None)
        if message is None:
            raise _RefusedError("message_not_found")
        if message.user != BOT_USER:
            raise _RefusedError("cant_update_message")
        # Text without blocks takes the blocks away; metadata stays unless it is given, and an empty object takes it away.
        message.text = payload.get("text") or ""
        message.blocks = self._blocks(payload)
        if payload.get("metadata") is not None:
            message.metadata = copy.deepcopy(payload["metadata"]) or None
        message.edited = {"user": BOT_USER, "ts": self._ts()}
        return {"channel": message.channel, "ts": message.ts, "text": message.text, "message": self._shown(message)}

    def _whisper(self, payload: dict[str, Any]) -> dict[str, Any]:
        members = self.channels[payload["channel"]].members
        if payload["user"] not in (self.users if members is None else members):
            raise _RefusedError("user_not_in_channel")
        self.ephemerals.append(self._made(payload, reader=payload["user"]))
        return {"message_ts": self.ephemerals[-1].ts}

    def _open(self, payload: dict[str, Any]) -> dict[str, Any]:
        if payload["trigger_id"] not in self._triggers:
            raise _RefusedError("invalid_trigger_id")
        issued, used = self._triggers[payload["trigger_id"]]
        if used:
            raise _RefusedError("exchanged_trigger_id")
        if self.clock() - issued > TRIGGER_LIVES:
            raise _RefusedError("expired_trigger_id")
        self._triggers[payload["trigger_id"]] = (issued, True)
        key = f"V{next(self._numbers):04d}VIEW"
        empty = {"callback_id": "", "private_metadata": "", "external_id": "", "submit": None, "close": None, "previous_view_id": None}
        own = {"id": key, "root_view_id": key, "team_id": self.team, "app_id": self.app, "bot_id": BOT, "state": {"values": {}}}
        view = copy.deepcopy(payload["view"])
        self.views.append({**empty, **view, **own, "hash": f"{self._ts()}.synthetic", "blocks": self._blocks(view)})
        return {"view": self.views[-1]}

    def _user(self, payload: dict[str, Any]) -> dict[str, Any]:
        user = self.users.get(payload["user"])
        if user is None:
            raise _RefusedError("user_not_found")
        shown = asdict(user)
        email = shown.pop("email")
        if not user.is_stranger:  # Slack leaves it out unless it is so
            del shown["is_stranger"]
        profile = {"real_name": user.real_name, "display_name": user.real_name, **({"email": email} if email else {})}
        return {"user": {"name": user.id.lower(), **shown, "profile": profile}}

    def _channel_info(self, payload: dict[str, Any]) -> dict[str, Any]:
        shown = asdict(self._visible(payload["channel"]))
        del shown["members"]
        return {"channel": {**shown, "is_channel": True, "is_im": False, "is_mpim": False, "context_team_id": self.team}}

    def _history(self, payload: dict[str, Any]) -> dict[str, Any]:
        channel, found = self._channel(payload["channel"]), []
        for name, shape in (("cursor", r"at:\d+"), ("limit", r"\d+"), ("oldest", r"\d+(\.\d+)?"), ("latest", r"\d+(\.\d+)?")):
            if not re.fullmatch(shape, payload.get(name, "at:0" if name == "cursor" else "0")):
                raise _RefusedError({"oldest": "invalid_ts_oldest", "latest": "invalid_ts_latest"}.get(name, f"invalid_{name}"))
        oldest, latest = payload.get("oldest", ""), payload.get("latest", "")
        inclusive, whole = (payload.get(name) in ("1", "true") for name in ("inclusive", "include_all_metadata"))
        for message in reversed(self.messages[channel.id]):  # the newest first; replies are read with conversations.replies
            within = (not oldest or float(message.ts) >= float(oldest)) and (not latest or float(message.ts) <= float(latest))
            there = message.thread_ts in (None, message.ts) if "ts" not in payload else payload["ts"] in (message.ts, message.thread_ts)
            if within and there and (inclusive or message.ts not in (oldest, latest)):
                found.append(self._shown(message, whole=whole))
        start = int(payload.get("cursor", "at:0").removeprefix("at:"))
        end = start + min(int(payload.get("limit", PAGE)), PAGE_END)
        more = end < len(found)
        following = {"response_metadata": {"next_cursor": f"at:{end}"}} if more else {}
        return {"messages": found[start:end], "has_more": more, "pin_count": 0, **following}


@contextlib.contextmanager
def serving(double: SlackDouble) -> Iterator[str]:
    """Listen on loopback and yield the base URL; where the double gives no answer, the connection is closed without one."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            url = urlsplit(self.path)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                # slack_sdk sends the arguments of methods that read in the query.
                answer = double.handle(url.path.removeprefix("/api/"), dict(self.headers.items()), body or url.query.encode())
            except (ConnectionError, TimeoutError):
                self.close_connection = True
                return
            status, headers, content = answer
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Say nothing: the test tells."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/api/"
        finally:
            server.shutdown()
            thread.join()
