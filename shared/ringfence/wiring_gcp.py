"""The only place that names Google Cloud's adapters: for the functions there, from their environment.

Each getter imports what it gives: no function loads what another one needs.
"""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ringfence.engine.commands import Desk
from ringfence.errors import RefusedError
from ringfence.settings import Deployment, Mode, Settings

if TYPE_CHECKING:
    from ringfence.chat.slack import SlackChat
    from ringfence.clouds.gcp.archive import GcsArchive
    from ringfence.clouds.gcp.kms_signer import KmsSigner
    from ringfence.clouds.gcp.push import Gate
    from ringfence.clouds.gcp.queue import PubSubQueue
    from ringfence.clouds.gcp.reader import GoogleReader
    from ringfence.clouds.gcp.store import FirestoreStore
    from ringfence.clouds.gcp.threads import FirestoreThreads
    from ringfence.clouds.secret import Secret
    from ringfence.engine.evaluate import Evaluator
    from ringfence.engine.respond import Responder

COMPILED = Path(__file__).parent / "compiled.json"


def now() -> datetime:
    """Give the time, in UTC: the one clock that is handed to the engine."""
    return datetime.now(UTC)


@cache
def settings() -> Settings:
    """Give what was compiled into the bundle (else the built-in defaults), with what the deployment's environment adds."""
    compiled = msgspec.json.decode(COMPILED.read_bytes(), type=Settings) if COMPILED.exists() else Settings()
    given = os.environ
    deployment = Deployment(
        own_roles=tuple(f"serviceAccount:{address.strip()}" for address in given.get("OWN_ACCOUNTS", "").split(",") if address.strip()),
        full_powers=given.get("POWERS") == "full",
        stack=given.get("STACK", ""),
        seal_key=given.get("SEAL_KEY", ""),
        deny_at=given.get("DENY_AT", ""),
        workspace=given.get("WORKSPACE") == "yes",
    )
    return msgspec.structs.replace(compiled, mode=Mode(given.get("MODE", compiled.mode)), deployment=deployment)


@cache
def gate() -> "Gate":
    """Give what lets our own pushes and tasks in."""
    from ringfence.clouds.gcp.push import Gate

    return Gate(
        os.environ.get("AUDIENCE", ""), os.environ.get("PUSH_ACCOUNT", ""), now, stripped=os.environ.get("CLOUD_RUN_AUTHENTICATES") == "yes"
    )


@cache
def store() -> "FirestoreStore":
    """Give the deployment's database."""
    from ringfence.clouds.gcp.store import FirestoreStore

    return FirestoreStore(database(), code_hash=settings().code_hash)


@cache
def threads() -> "FirestoreThreads":
    """Give what is remembered of messages in the chat."""
    from ringfence.clouds.gcp.threads import FirestoreThreads

    return FirestoreThreads(database())


def database() -> str:
    """Name the database in full."""
    return f"projects/{os.environ['GOOGLE_CLOUD_PROJECT']}/databases/{os.environ.get('FIRESTORE_DATABASE', '(default)')}"


@cache
def archive() -> "GcsArchive":
    """Give the bucket of the sealed trail."""
    from ringfence.clouds.gcp.archive import GcsArchive

    return GcsArchive(os.environ["ARCHIVE"])


@cache
def signer() -> "KmsSigner":
    """Give the key of the trail."""
    from ringfence.clouds.gcp.kms_signer import KmsSigner

    return KmsSigner(os.environ["SEAL_KEY"], os.environ["ORIGIN"])


@cache
def queue() -> "PubSubQueue":
    """Give the topics and the queue, as far as this function may send there."""
    from ringfence.clouds.gcp.queue import PubSubQueue

    given = os.environ.get
    return PubSubQueue(
        given("JOBS_TOPIC", ""),
        given("NOTICES_TOPIC", ""),
        given("LATER_QUEUE", ""),
        given("RESPOND_URL", ""),
        given("PUSH_ACCOUNT", ""),
        given("RESPOND_URL", ""),  # what respond takes its tokens to be for
        now,
    )


@cache
def signing() -> "Secret":
    """Give the secret with which Slack signs."""
    from ringfence.clouds.gcp.secrets import fetch
    from ringfence.clouds.secret import Secret

    return Secret(os.environ["SLACK_SIGNING_SECRET"], fetch, now)


@cache
def chat() -> "SlackChat":
    """Give the channel; raises RefusedError where the configuration names none."""
    from ringfence.chat.slack import API, SlackChat
    from ringfence.clouds.gcp.secrets import fetch
    from ringfence.clouds.secret import Secret

    slack = settings().slack
    if slack is None:
        raise RefusedError("no Slack is configured", "See `chat.slack` in the configuration")
    return SlackChat(slack.channel, Secret(os.environ["SLACK_TOKEN"], fetch, now), os.environ.get("SLACK_API") or API, app=slack.app)


@cache
def desk() -> Desk:
    """Give what it takes to open, decide and send on jobs."""
    return Desk(store(), queue(), now)


@cache
def reader() -> "GoogleReader":
    """Give the reader of Google Cloud as it is."""
    from ringfence.clouds.gcp.reader import GoogleReader

    return GoogleReader(settings().deployment.deny_at, workspace=settings().deployment.workspace)


@cache
def evaluator() -> "Evaluator":
    """Give the judge of events, over the live projects."""
    from ringfence.engine.evaluate import Evaluator
    from ringfence.engine.waive import waived

    return Evaluator(settings(), reader(), census=store().census, before=store().before, waived=lambda: waived(store()))


@cache
def responder() -> "Responder":
    """Give the only writer."""
    from ringfence.clouds.gcp.writer import GoogleWriter
    from ringfence.engine.respond import Responder

    return Responder(settings(), store(), queue(), reader(), GoogleWriter(), now)
