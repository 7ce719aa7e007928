"""ringfence jobs: what was done, and what waits for a decision."""

import click

from ringfence.cli.main import Context
from ringfence.cli.state import stack_option, store_of
from ringfence.domain.job import Job, JobState
from ringfence.engine.canary import CANARY


@click.command(name="jobs")
@click.option("--state", type=click.Choice([s.value for s in JobState]), help="Only jobs in this state.")
@click.option("--canaries", is_flag=True, help="The canaries too: a job every quarter of an hour that does nothing but come through.")
@stack_option
@click.pass_obj
def command(context: Context, state: str | None, stack: str | None, *, canaries: bool) -> None:
    """List the jobs, oldest first. A job is one plan for one identity on its way; `trail show ID` tells its story."""
    jobs = [job for job in store_of(stack).jobs() if canaries or job.guardrail != CANARY]
    found = [job for job in jobs if state is None or job.state == state]
    if context.output.as_json:
        for job in found:
            context.output.line(line(job))
        return
    rows = (
        (job.id, job.state, job.severity, job.plan.target.name, job.guardrail, f"{job.created:%Y-%m-%d %H:%M}", _deadline(job))
        for job in found
    )
    context.output.table(("job", "state", "severity", "identity", "guardrail", "created", "decide by"), rows, "no jobs")


def line(job: Job) -> dict[str, object]:
    """Write a job in the fields of the contract."""
    return {
        "id": job.id,
        "identity": job.plan.target.arn,
        "guardrail": job.guardrail,
        "state": job.state,
        "class": job.action_class,
        "plan_digest": job.plan.digest,
        "created": job.created,
        "expires": job.expires,
        "severity": job.severity,
        "reason": job.reason,
        "undo_of": job.undo_of,
        "again_of": job.again_of,
    }


def _deadline(job: Job) -> str:
    return f"{job.expires:%H:%M} UTC" if job.state is JobState.PENDING else ""
