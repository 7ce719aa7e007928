"""What the product keeps state, trail, secrets and messages in, on the tests' Google; and the product pointed at it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from ringfence.clouds.gcp import session
from tests.support.google.firestore import DATABASE, Firestore, serve_firestore
from tests.support.google.issuer import Issuer, serve_issuer
from tests.support.google.kms import Kms, serve_kms
from tests.support.google.pubsub import PubSub, serve_pubsub
from tests.support.google.secrets import Secrets, serve_secrets
from tests.support.google.server import Google, served
from tests.support.google.storage_objects import Bucket, Objects, serve_objects
from tests.support.google.tasks import Tasks, serve_tasks

PROJECT = "projects/fraud-ml-prod"
JOBS, NOTICES = f"{PROJECT}/topics/jobs", f"{PROJECT}/topics/notices"
LATER = f"{PROJECT}/locations/europe-west4/queues/later"
BUCKET = "sealed"


class Ports:
    """Everything that a deployment makes, empty."""

    def __init__(self, google: Google) -> None:
        self.google = google
        self.firestore = Firestore(google, DATABASE)
        self.objects = Objects(google, **{BUCKET: Bucket()})
        self.kms, self.secrets, self.issuer = Kms(), Secrets(), Issuer()
        self.pubsub, self.tasks = PubSub(google, JOBS, NOTICES), Tasks(google, LATER)
        google.handlers |= serve_firestore(self.firestore) | serve_objects(self.objects) | serve_kms(self.kms) | serve_secrets(self.secrets)
        google.handlers |= serve_pubsub(self.pubsub) | serve_tasks(self.tasks) | serve_issuer(self.issuer)


@contextmanager
def pointed(google: Google) -> Iterator[str]:
    """Point the product at a Google, with a session of its own."""
    with served(google) as url:
        before = os.environ.get("GOOGLE_ENDPOINT")
        os.environ["GOOGLE_ENDPOINT"] = url
        session._session.cache_clear()
        try:
            yield url
        finally:
            session._session().close()
            session._session.cache_clear()
            os.environ.pop("GOOGLE_ENDPOINT")
            if before is not None:
                os.environ["GOOGLE_ENDPOINT"] = before


@contextmanager
def ports() -> Iterator[Ports]:
    """Give the ports of an empty Google, and point the product at it."""
    google = Google()
    with pointed(google):
        yield Ports(google)
