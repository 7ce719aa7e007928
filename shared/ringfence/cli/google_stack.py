"""A deployment on Google Cloud, as commands name it: `gcp:PROJECT`, or `gcp:PROJECT/NAME` where its module's `name` is another than `ringfence`.

Its jobs and its trail are read with the operator's own credentials. Whoever decides there does so in Slack, where who somebody is is proven; and what was
taken back by itself is given back by hand, since Google Cloud does not tell the right to grant from the right to take away.
"""

import re
from typing import TYPE_CHECKING

from ringfence.engine.advice import by_hand
from ringfence.engine.moves import contains
from ringfence.errors import RefusedError, UsageError

if TYPE_CHECKING:
    from ringfence.clouds.gcp.archive import GcsArchive
    from ringfence.clouds.gcp.store import FirestoreStore
    from ringfence.domain.job import Job

PREFIX = "gcp:"
FORM = re.compile(r"gcp:([a-z][a-z0-9-]{4,28}[a-z0-9])(?:/([a-z][a-z0-9-]{0,24}))?", re.ASCII)


class GoogleStack:
    """One deployment, by its project and its name."""

    def __init__(self, text: str) -> None:
        """Take what the command line says; raise UsageError where it is no such name."""
        found = FORM.fullmatch(text)
        if found is None:
            raise UsageError(f"{text} names no deployment on Google Cloud", "Write gcp:PROJECT, or gcp:PROJECT/NAME")
        self.project, self.name = found[1], found[2] or "ringfence"

    def store(self) -> "FirestoreStore":
        """Give its jobs and records."""
        from ringfence.clouds.gcp.store import FirestoreStore

        return FirestoreStore(f"projects/{self.project}/databases/{self.name}")

    def archive(self) -> "GcsArchive":
        """Give its sealed trail."""
        from ringfence.clouds.gcp.archive import GcsArchive

        return GcsArchive(f"{self.project}-{self.name}-archive")


def in_slack(what: str) -> RefusedError:
    """Say that something is done in Slack on Google Cloud."""
    return RefusedError(f"{what} is done in Slack on Google Cloud: there it is proven who you are", "See docs/google-cloud.md")


def given_back_by_hand(job: "Job | None", job_id: str) -> RefusedError:
    """Say what a person does to undo a job: the commands that put back what it changed, the last first."""
    if job is None:
        return RefusedError(f"there is no job {job_id}", "See `ringfence jobs`")
    if contains(job):
        return in_slack(f"taking the containment {job.id} off")
    commands = [by_hand(job.plan.rung(*place).inverse) for place in reversed(job.changed)]
    if not commands:
        return RefusedError(f"job {job.id} changed nothing", "There is nothing to undo")
    hint = f"First exempt it in Slack, or it is taken back again; then, with your own credentials: {'; '.join(commands)}"
    return RefusedError(f"what job {job.id} took is given back by hand on Google Cloud", hint)
