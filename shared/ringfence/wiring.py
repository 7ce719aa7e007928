"""The only place that names concrete adapters: for the functions from their environment, for the command line from its own."""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec

from ringfence.chat.slack import API, SlackChat
from ringfence.clouds.aws.archive import S3Archive
from ringfence.clouds.aws.history import CloudTrailHistory
from ringfence.clouds.aws.kms_signer import KmsSigner
from ringfence.clouds.aws.queue import SqsQueue
from ringfence.clouds.aws.reader import AwsReader
from ringfence.clouds.aws.secrets import fetch
from ringfence.clouds.aws.store import DynamoStore
from ringfence.clouds.aws.threads import DynamoThreads
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.secret import Secret
from ringfence.engine.commands import Desk
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.respond import Responder
from ringfence.engine.waive import waived
from ringfence.errors import RefusedError
from ringfence.settings import Deployment, Mode, Settings

COMPILED = Path(__file__).parent / "compiled.json"


def now() -> datetime:
    """Give the time, in UTC: the one clock that is handed to the engine."""
    return datetime.now(UTC)


@cache
def settings() -> Settings:
    """Give what was compiled into the layer (else the built-in defaults), with what the stack's environment adds."""
    compiled = msgspec.json.decode(COMPILED.read_bytes(), type=Settings) if COMPILED.exists() else Settings()
    given = os.environ
    deployment = Deployment(
        quarantine_policy=given.get("QUARANTINE_POLICY", ""),
        require_mfa_policy=given.get("REQUIRE_MFA_POLICY", ""),
        quarantine_boundary=given.get("QUARANTINE_BOUNDARY", ""),
        own_roles=_list(given.get("OWN_ROLES", "")),
        boundaries=_list(given.get("BOUNDARIES", "")),
        full_powers=given.get("POWERS") == "full",
        no_bearer_policy=given.get("NO_BEARER_POLICY", ""),
        stack=given.get("STACK", ""),
        seal_key=given.get("SEAL_KEY", ""),
    )
    return msgspec.structs.replace(compiled, mode=Mode(given.get("MODE", compiled.mode)), deployment=deployment)


@cache
def store() -> DynamoStore:
    """Give the stack's table."""
    return DynamoStore(os.environ["TABLE"], code_hash=settings().code_hash)


@cache
def archive() -> S3Archive:
    """Give the bucket of the sealed trail."""
    return S3Archive(os.environ["ARCHIVE"])


@cache
def signer() -> KmsSigner:
    """Give the key of the trail."""
    return KmsSigner(os.environ["SEAL_KEY"], os.environ["ORIGIN"])


@cache
def queue() -> SqsQueue:
    """Give the stack's queues, as far as this function may send to them."""
    return SqsQueue(os.environ.get("JOBS_QUEUE", ""), os.environ.get("LATER_QUEUE", ""), os.environ.get("NOTICES_QUEUE", ""))


@cache
def threads() -> DynamoThreads:
    """Give what is remembered of messages in the chat."""
    return DynamoThreads(os.environ["THREADS"])


@cache
def signing() -> Secret:
    """Give the secret with which Slack signs."""
    return Secret(os.environ["SLACK_SIGNING_SECRET"], fetch, now)


@cache
def chat() -> SlackChat:
    """Give the channel; raises RefusedError where the configuration names none."""
    slack = settings().slack
    if slack is None:
        raise RefusedError("no Slack is configured", "See `chat.slack` in the configuration")
    return SlackChat(slack.channel, Secret(os.environ["SLACK_TOKEN"], fetch, now), os.environ.get("SLACK_API") or API, app=slack.app)


@cache
def history() -> CloudTrailHistory:
    """Give what CloudTrail remembers."""
    return CloudTrailHistory()


@cache
def desk() -> Desk:
    """Give what it takes to open, decide and send on jobs."""
    return Desk(store(), queue(), now)


@cache
def evaluator() -> Evaluator:
    """Give the judge of events, over the live account."""
    return Evaluator(settings(), AwsReader(), census=store().census, before=store().before, waived=lambda: waived(store()))


@cache
def responder() -> Responder:
    """Give the only writer."""
    return Responder(settings(), store(), queue(), AwsReader(), AwsWriter(), now)


def _list(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())
