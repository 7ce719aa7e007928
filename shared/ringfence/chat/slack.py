"""Slack's Web API, as far as we call it, over the standard library: slack-sdk costs as much at a cold start as boto3 (docs/adr/0013).

Sources: Slack's documentation of each method. `groups:history` is needed to look for a message whose reply was lost.
"""

import http.client
import json
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from ringfence.chat.slack_blocks import message, modal
from ringfence.domain.card import Card, Digest, Form
from ringfence.errors import GoneError, RefusedError, UpstreamError

API = "https://slack.com/api/"
TIMEOUT = 4  # seconds
PAGES = 5
EVENT = "ringfence"
GONE = ("message_not_found", "cant_update_message", "thread_not_found")
UNREADABLE = (OSError, ValueError, http.client.HTTPException)  # nobody answers, or not in HTTP or JSON
HOOKS = re.compile(r"https://hooks\.slack(?:-gov)?\.com/[A-Za-z0-9/_.-]{1,300}", re.ASCII)

type Send = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]


class Tokens(Protocol):
    """The bot token."""

    def values(self) -> Iterable[str]:
        """Give the valid ones, the newest first."""
        ...


class SlackChat:
    """The chat port over Slack, and what a click needs besides: forms, and who somebody is."""

    def __init__(self, channel: str, tokens: Tokens, api: str = API, send: "Send | None" = None, app: str = "") -> None:
        """Take the channel's id, the token, where the API is - anything but https on this machine only -, and the app's id."""
        where = urlsplit(api)
        if where.scheme != "https" and where.hostname != "127.0.0.1":
            raise RefusedError(f"{api} is no https address", "Slack's API is at https://slack.com/api/")
        self._channel, self._tokens, self._api = channel, tokens, api
        self._send = send or over_https
        self._private, self._app = False, app

    def post(self, shown: Card | Digest | str, mark: str, thread: str = "") -> str:
        """Post a message in the channel, which has to be a private one; its metadata carry the mark."""
        self.check_channel()
        metadata = {"event_type": EVENT, "event_payload": {"mark": mark}}
        there = {"thread_ts": thread} if thread else {}
        return str(self._call("chat.postMessage", {**message(shown), "channel": self._channel, "metadata": metadata, **there})["ts"])

    def find(self, mark: str, since: datetime, thread: str = "") -> str | None:
        """Look for the message that carries a mark."""
        method, where = ("conversations.replies", {"ts": thread}) if thread else ("conversations.history", {})
        asked = {
            "channel": self._channel,
            "oldest": f"{since.timestamp() - 120:.6f}",
            "include_all_metadata": "true",
            "limit": "200",
            **where,
        }
        cursor = ""
        for _ in range(PAGES):
            found = self._call(method, asked | ({"cursor": cursor} if cursor else {}), form=True)
            for one in found.get("messages", ()):
                if self._is_ours(one, mark):
                    return str(one["ts"])
            cursor = str(found.get("response_metadata", {}).get("next_cursor") or "")
            if not cursor:
                return None
        return None

    def _is_ours(self, found: Mapping[str, Any], mark: str) -> bool:
        """Whether a message carries the mark, and is our app's: another app could write the same."""
        metadata = found.get("metadata") or {}
        ours = not self._app or found.get("app_id") in (None, self._app)
        return ours and metadata.get("event_type") == EVENT and metadata.get("event_payload", {}).get("mark") == mark

    def update(self, ref: str, shown: Card | Digest) -> None:
        """Replace a message."""
        self._call("chat.update", {**message(shown), "channel": self._channel, "ts": ref})

    def ask(self, trigger: str, form: Form) -> None:
        """Open a form for whoever has just clicked."""
        self._call("views.open", {"trigger_id": trigger, "view": modal(form)})

    def check_channel(self) -> None:
        """Refuse a channel that everybody in the workspace can read; a message names identities and what they may do."""
        if self._private:
            return
        found = self._call("conversations.info", {"channel": self._channel}, form=True).get("channel") or {}
        if found.get("is_private") is not True or found.get("is_ext_shared") is True:
            raise UpstreamError(
                f"the channel {self._channel} is not a private channel of this workspace alone",
                "Make a private channel, invite the app, and put its id into the configuration",
            )
        self._private = True

    def check_member(self, user: str, team: str) -> None:
        """Refuse whoever is no full member of the workspace any more: deactivated, a guest, a bot, or of another workspace."""
        found = self._call("users.info", {"user": user}, form=True).get("user") or {}
        wrong = [
            flag
            for flag in (
                "deleted",
                "is_bot",
                "is_app_user",
                "is_workflow_bot",
                "is_restricted",
                "is_ultra_restricted",
                "is_stranger",
                "is_invited_user",
            )
            if found.get(flag)
        ]
        teams = {
            found.get("team_id"),
            *found.get("teams", ()),
            *(found.get("enterprise_user") or {}).get("teams", ()),
        }  # of a Grid: several
        if found.get("id") != user or team not in teams or wrong:
            why = ", ".join(wrong) or "of another workspace"
            raise RefusedError(f"{user} is no full member of the workspace ({why})", "Only full members of the workspace are heard")

    def _call(self, method: str, payload: Mapping[str, Any], *, form: bool = False) -> Mapping[str, Any]:
        """Call a method; raise UpstreamError where Slack does not answer, or says no."""
        token = next(iter(self._tokens.values()))
        kind = "application/x-www-form-urlencoded" if form else "application/json; charset=utf-8"
        body = urlencode(payload).encode() if form else json.dumps(payload, separators=(",", ":")).encode()
        try:
            status, reply = self._send(self._api + method, {"Authorization": f"Bearer {token}", "Content-Type": kind}, body)
            found: object = json.loads(reply) if status == 200 else None  # noqa: PLR2004 - HTTP's OK
        except UNREADABLE as error:
            raise UpstreamError(f"Slack does not answer {method}: {type(error).__name__}", "It is tried again") from error
        if not isinstance(found, Mapping):
            raise UpstreamError(f"Slack answers {method} with status {status}", "It is tried again")
        if found.get("ok") is not True:
            kind_of = GoneError if found.get("error") in GONE else UpstreamError
            raise kind_of(f"Slack refuses {method}: {found.get('error')}", "See Slack's documentation of the method")
        return found


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        """Follow nothing: a token goes nowhere else."""


def over_https(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
    """Send a request; raise OSError where nobody answers."""
    request = urllib.request.Request(url, data=body, headers=dict(headers), method="POST")  # noqa: S310 - the caller checked where it goes
    try:
        with urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({})).open(request, timeout=TIMEOUT) as reply:
            return reply.status, reply.read(1 << 20)
    except urllib.error.HTTPError as error:
        return error.code, b""


def reply(url: str, shown: Card | str, send: Send = over_https) -> bool:
    """Answer a click to the person alone, where Slack said; give whether that was possible. Only Slack's own host is ever asked."""
    if not HOOKS.fullmatch(url):
        return False
    body = {"response_type": "ephemeral", "replace_original": False, **message(shown)}
    try:
        status, _ = send(url, {"Content-Type": "application/json; charset=utf-8"}, json.dumps(body).encode())
    except UNREADABLE:
        return False
    return status == 200  # noqa: PLR2004 - HTTP's OK
