"""What the tests of Firestore keep in it, one of each, and the names of the requests."""

from datetime import timedelta

from ringfence.domain.census import Census
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.domain.signal import Signal
from ringfence.engine.chat import Thread
from ringfence.engine.ports import Notice
from ringfence.engine.records import record
from tests.support.jobs import NOW, ROLE

COMMIT, QUERY, GET = (f"firestore.projects.databases.documents.{name}" for name in ("commit", "runQuery", "batchGet"))


def note(made: Job, number: int) -> Record:
    """Give a record of that job."""
    return record(made, RecordKind.VERIFY, NOW + timedelta(minutes=number), "a note \u20ac\U0001f512", number=number, data={"n": number})


def running(made: Job) -> Job:
    """Give the job, begun."""
    return made.moved(JobState.RUNNING, NOW)


SIGNAL = Signal(whom="a", identity=ROLE, event="e", name="n", time=NOW)
CENSUS = Census(taken=NOW, config_hash="h", identities=1, admins=(), protected={})
THREAD = Thread(key="k", mark="m", begun=NOW, last=NOW)
NOTICE = Notice(id="n1", job="j", state="done", severity=Severity.HIGH, title="t", text="x", time=NOW)
