"""ringfence demo: the main job, end to end, on two embedded clouds."""

import sys
import time
from collections.abc import Callable
from datetime import datetime

import click

from ringfence.chat import console
from ringfence.cli.check import line
from ringfence.cli.main import Context
from ringfence.cli.state import home, local_archive, local_store
from ringfence.cli.trail.page import write_page
from ringfence.cli.trail.verify import checked
from ringfence.config.compile import code_hash
from ringfence.demo.account import embedded_aws
from ringfence.demo.run import SETTINGS, Demo, Shown, acted, asked
from ringfence.demo.scene import Scene
from ringfence.demo.story import ACTS
from ringfence.domain.binding import Binding
from ringfence.domain.identity import GOOGLE
from ringfence.domain.inert import visible
from ringfence.domain.job import Job, JobState
from ringfence.engine.cards import card
from ringfence.engine.trail.export import archived
from ringfence.wiring import now

PACE = 0.35  # seconds between scenes, for somebody who watches
COLOURS = {
    "acted": "green",
    "asked": "yellow",
    "finding": "red",
    "ignored": "bright_black",
    "quiet": "bright_black",
    "again": "bright_black",
}


@click.command(name="demo")
@click.option("--yes", is_flag=True, help="Approve what is asked, without asking.")
@click.pass_obj
def command(context: Context, *, yes: bool) -> None:
    """Play an attack on an AI project in AWS and Google Cloud, and watch what Ringfence does about it. No cloud, no network, about 15 seconds.

    An account of an AI project is made in an embedded AWS, and a project beside it in a Google Cloud in memory; everyday traffic and an
    attack from `events/` run through one real engine, on AWS over the real IAM adapters. Containment asks you here. One act on each
    cloud is taken back at the end, exactly. Jobs, trail and a page to open stay in ./.ringfence (RINGFENCE_HOME).
    """
    stage = Stage(context, yes=yes)
    store = local_store(code_hash())
    with embedded_aws() as iam:
        demo = Demo(iam, store, stage.ask)
        stage.now = demo.clock
        shown: list[Shown] = []
        for act in ACTS:
            stage.heading(act.where)
            shown += [stage.scene(demo, scene) for scene in act.scenes]
        stage.heading("A person decides")
        decided = [stage.decided(demo.decide(job)) for job in asked(shown)]
        undone = [undo for one in shown for undo in stage.undo(demo, one)]
        stage.closing(demo, shown, decided, undone)
    store.close()


class Stage:
    """Where the demo is shown: lines that a person enjoys watching, or JSON Lines."""

    def __init__(self, context: Context, *, yes: bool) -> None:
        """Take where to write, and whether everything is approved."""
        self.output, self.yes = context.output, yes
        self.human = not context.output.as_json
        self.now: Callable[[], datetime] = now
        self.pace = PACE if self.human and sys.stdout.isatty() else 0.0

    def heading(self, text: str) -> None:
        """Write a heading."""
        if self.human:
            click.secho(f"\n{text}", bold=True)

    def scene(self, demo: Demo, scene: Scene) -> Shown:
        """Play one scene and show what became of it."""
        shown = demo.play(scene)
        if self.output.as_json:
            self.output.line({**line(scene.event, 0, None, shown.judgement), "jobs": [{"id": j.id, "state": j.state} for j in shown.jobs]})
            return shown
        tag = tag_of(shown)
        click.echo(f"  {click.style(f'{tag:<8}', fg=COLOURS.get(tag), bold=tag in ('acted', 'asked'))} {scene.says}")
        for job in () if shown.repeated else shown.jobs:
            what = {JobState.DONE: "reversed and verified", JobState.PENDING: "waits for a person"}.get(job.state, job.state)
            click.echo(f"{'':11}-> {steps(job)} on {named(job)}: {what}")
            if others := demo.others(shown, job):
                click.echo(f"{'':14}{left_alone(others)}")
        time.sleep(self.pace)
        return shown

    def ask(self, job: Job) -> bool | None:
        """Show a plan and ask; None where nobody is there to answer."""
        if self.human:
            console.show(card(job, SETTINGS, self.now()))
        return True if self.yes else console.ask() if self.human else None

    def decided(self, job: Job) -> Job:
        """Show what a decision led to."""
        if self.human:
            state = "nobody answered: it stays pending, and expires" if job.state is JobState.PENDING else f"{job.state}"
            click.echo(f"    {click.style(state, fg='green' if job.state is JobState.DONE else 'yellow', bold=True)}")
        else:
            self.output.line({"job": job.id, "identity": job.plan.target.arn, "state": job.state})
        time.sleep(self.pace)
        return job

    def undo(self, demo: Demo, shown: Shown) -> list[Job]:
        """Take back what followed from a scene, where the story says why and it was carried out."""
        done = [job for one in shown.jobs if shown.scene.undone and (job := demo.now(one)).state is JobState.DONE]
        undone = []
        for job in done:
            undo = demo.undo(job)
            exact = demo.state(job.plan.target) == shown.before
            self.heading(shown.scene.undone)
            if self.human:
                how = "exactly" if exact else "NOT"
                click.echo(f"  {click.style('undone', fg='green', bold=True)}   {named(undo)} is {how} as it was before")
            else:
                self.output.line({"job": undo.id, "undo_of": undo.undo_of, "state": undo.state, "exact": exact})
            undone += [undo] if undo.state is JobState.DONE and exact else []
        return undone

    def closing(self, demo: Demo, shown: list[Shown], decided: list[Job], undone: list[Job]) -> None:
        """Seal the trail, and say what was acted on, asked, undone and verified."""
        trail = archived(local_archive())
        verdict, page = checked(trail, at=demo.clock.time), (home() / "trail.html").resolve()
        write_page(trail, verdict, page)
        wrong = (*demo.trail_problems(), *((verdict.why,) if not verdict.verified else ()))
        ran = acted(shown)
        if self.output.as_json:
            findings = sum(len(s.judgement.planned) for s in shown if not s.repeated)
            summary = {
                "events": len(shown),
                "findings": findings,
                "acted": len(ran),
                "asked": len(decided),
                "undone": len(undone),
                "trail_verified": not wrong,
            }
            self.output.line({"summary": {**summary, "page": str(page)}})
            return
        self.heading("In short")
        for word, jobs, how in (
            ("acted on", ran, "by itself, within seconds"),
            ("asked", decided, ""),
            ("undone", undone, "exactly as before"),
        ):
            for job in jobs:
                click.echo(f"  {word:<9} {cloud(job):<13} {named(job)}: {steps(job)}, {how or job.state}")
        said = f"{verdict.records} records, sealed and signed; every call has its intent, every job one end"
        click.echo(f"  verified  {said if not wrong else '; '.join(wrong)}")
        click.echo(f"\n  See for yourself:  ringfence jobs   |   ringfence trail verify   |   {page}")


def cloud(job: Job) -> str:
    """Name the cloud that a job changes."""
    return "Google Cloud" if job.plan.target.partition == GOOGLE else "AWS"


def named(job: Job) -> str:
    """Name what a job changes; of a service account without what all their addresses end with."""
    return visible(job.plan.target.name.removesuffix(".iam.gserviceaccount.com"))


def steps(job: Job) -> str:
    """Name what a job calls."""
    return " and ".join(step.call.operation for step in job.plan.steps) or "no step"


def left_alone(others: tuple[Binding, ...]) -> str:
    """Say what an act did to the other grants of a policy: nothing."""
    bound = sum(b.condition is not None for b in others)
    return f"the other {len(others)} grants{f', {bound} of them with a condition,' if bound else ''} stay as they were"


def tag_of(shown: Shown) -> str:
    """Say in one word what became of a scene."""
    if shown.repeated:
        return "again"
    states = {job.state for job in shown.jobs}
    return "acted" if JobState.DONE in states else "asked" if JobState.PENDING in states else str(shown.judgement.outcome)
