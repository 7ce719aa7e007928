"""One request of Slack, from its bytes to the answer: authenticated, its sender looked up, counted once, then `chatops`."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Protocol

import msgspec

from ringfence.chat import slack_blocks as blocks
from ringfence.chat.slack import Send, SlackChat, over_https, reply
from ringfence.chat.slack_request import OLDEST, Keys, Turned, read
from ringfence.domain.card import Card, Form, Press
from ringfence.domain.job import JobState
from ringfence.engine.chat import Threads
from ringfence.engine.chatops import SEEN, Answer, Asked, answer, refused
from ringfence.engine.commands import DeskPorts
from ringfence.errors import RefusedError, RingfenceError, UpstreamError
from ringfence.settings import Settings

REMEMBERED = timedelta(seconds=4 * OLDEST)  # longer than a request may be old
LOOKING = (Press.DETAILS, Press.SHOW, Press.STATUS, None)  # these change nothing


class Log(Protocol):
    """The part of a logger that is used here."""

    def warning(self, msg: object, **more: Any) -> None:
        """Log a refusal."""
        ...

    def info(self, msg: object, **more: Any) -> None:
        """Log what was done."""
        ...


class SlackDesk(msgspec.Struct, frozen=True):
    """Answers the requests of one workspace's app. `keys` and `chat` are loaded when they are needed, not before."""

    settings: Settings
    keys: Callable[[], Keys]
    chat: Callable[[], SlackChat]
    desk: Callable[[], DeskPorts]
    threads: Callable[[], Threads]
    log: Log
    send: Send = over_https

    def handle(self, event: Mapping[str, Any], now: Any) -> dict[str, Any]:
        """Answer one event of the function URL. What is not Slack's gets a status and no word."""
        if self.settings.slack is None:
            return _status(404)
        try:
            asked = read(event, self.keys, self.settings.slack, now)
        except Turned as turned:
            self.log.warning("turned away", status=turned.status, reason=str(turned))
            return _status(turned.status)
        except UpstreamError as error:
            self.log.warning("nobody can say whether it is Slack's", reason=str(error))
            return _status(503)
        try:
            self._check_sender(asked)
            if asked.press not in LOOKING and not self.threads().once(f"slack {asked.once}", now + REMEMBERED):
                raise RefusedError(SEEN)
            said = answer(asked, self.desk(), self.threads(), self.settings)
            self.log.info("asked", press=asked.press, by=asked.who.name, job=asked.job)
        except RingfenceError as error:
            self.log.warning("refused", press=asked.press, by=asked.who.name, job=asked.job, reason=str(error))
            said = refused(error)
        return self._answered(asked, said)

    def _check_sender(self, asked: Asked) -> None:
        """Whoever changes something has to be a full member still; Slack is asked each time, and no answer is a no."""
        if asked.press not in LOOKING and self.settings.slack is not None:
            self.chat().check_member(asked.who.name.rsplit("/", 1)[-1], self.settings.slack.team)

    def _answered(self, asked: Asked, said: Answer) -> dict[str, Any]:
        """Bring the answer to whoever asked, and to nobody else."""
        if isinstance(said, Form):
            try:
                self.chat().ask(asked.trigger, said)
            except RingfenceError as error:
                return self._answered(asked, refused(error))
            return _status(200)
        if asked.form:
            text = said if isinstance(said, str) else said.title
            return _json({"response_action": "update", "view": blocks.said("Ringfence", text)})
        if asked.typed:
            return _json({"response_type": "ephemeral", **blocks.message(said)})
        if (isinstance(said, Card) or not _shows_itself(asked, said)) and not reply(asked.reply_to, said, self.send):
            self.log.warning("the answer did not reach who asked", by=asked.who.name)
        return _status(200)


def _shows_itself(asked: Asked, said: str) -> bool:
    """Whether the message in the channel tells all of it: a vote that decided shows there. Who is the first of two is told that it takes another."""
    return asked.press is Press.APPROVE and said == f"job {asked.job} is {JobState.APPROVED}"


def _status(code: int) -> dict[str, Any]:
    return {"statusCode": code, "body": ""}


def _json(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": msgspec.json.encode(body).decode()}
