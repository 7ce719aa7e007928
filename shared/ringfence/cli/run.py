"""Carrying a local job out with the operator's own credentials of the cloud that it is about."""

import time

from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryQueue
from ringfence.domain.identity import GOOGLE
from ringfence.domain.job import Job, JobState
from ringfence.engine.moves import is_operators
from ringfence.engine.ports import Reader, Store, Writer
from ringfence.engine.respond import Responder
from ringfence.settings import Settings
from ringfence.wiring import now


def finish(job: Job, settings: Settings, store: Store, queue: MemoryQueue) -> Job:
    """Carry a job to its end: apply (an operator's undo included), wait, verify."""
    responder = Responder(settings, store, queue, *_cloud(job, settings), now)
    if is_operators(job):
        while call := responder.prepare(job.id):
            responder.settle(job.id, responder.writer.call(call, job.id))
        done = store.job(job.id) or job
    else:
        done = responder.apply(job.id)
    while done.state is JobState.VERIFYING and done.due is not None:
        time.sleep(max(0.0, (done.due - now()).total_seconds()))
        done = responder.verify(job.id)
    return done


def _cloud(job: Job, settings: Settings) -> tuple[Reader, Writer]:
    """Give what reads and writes the cloud of a job's target."""
    if job.plan.target.partition != GOOGLE:
        return IamReader(), AwsWriter()
    from ringfence.clouds.gcp.reader import GoogleReader
    from ringfence.clouds.gcp.writer import GoogleWriter

    return GoogleReader(settings.deployment.deny_at), GoogleWriter(gives=True)
