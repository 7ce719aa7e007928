"""ringfence trail verify."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import click

from ringfence.cli.check import Time
from ringfence.cli.main import Context
from ringfence.cli.state import archive_of, home, store_of, trail_options
from ringfence.clouds.local_key import signed
from ringfence.clouds.trail_folder import TrailFolder
from ringfence.domain.canonical import digest
from ringfence.domain.checkpoint import Note
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.verify import Exported, Verdict, beside
from ringfence.engine.trail.verify import verify as verified
from ringfence.errors import ForgedError, UsageError


@click.command()
@trail_options
@click.option(
    "--key", type=click.Path(path_type=Path), metavar="FILE", help="The verifier key as you know it, instead of believing the one in DIR."
)
@click.option("--require-anchor", is_flag=True, help="Fail where no fresh checkpoint from outside anchors the trail.")
@click.option("--now", type=Time(), metavar="ISO", help="Judge freshness as of then (UTC): for the export of a period that is over.")
@click.pass_obj
def verify(
    context: Context,
    folder: Path | None,
    held: tuple[Path, ...],
    key: Path | None,
    now: datetime | None,
    stack: str | None,
    *,
    require_anchor: bool,
) -> int:
    """Verify an exported trail offline; without DIR, the sealed trail of --stack or of this machine.

    Of a living trail the versions of its objects and the table are compared, too.

    What this machine saw of a trail is kept in ./.ringfence/checkpoints (RINGFENCE_HOME); remove it where a deployment was made anew.

    Exit 0: every record is what was sealed, in its place, and the checkpoint is signed by the key. Exit 1: it is not; the class of tampering
    and the first bad record are named. A trail is anchored by a checkpoint from outside that is not older than two hours: without one an
    older trail, or another by the same key, would verify as well. This machine remembers what it saw, and notices a trail that went back.
    """
    at = now or datetime.now(UTC)
    try:
        verdict = _of_folder(folder, at, held, key, old=now is not None) if folder else _of_living(stack, at, held, key)
    except ForgedError as error:  # the living archive cannot even be listed, or continued
        verdict = Verdict(verified=False, kind=error.kind, why=str(error))
    _tell(context, verdict)
    return 0 if verdict.verified and (verdict.anchored or not require_anchor) else 1


def _of_folder(folder: Path, at: datetime, held: tuple[Path, ...], key: Path | None, *, old: bool) -> Verdict:
    """Verify an export; what was exported long ago is shorter than what this machine saw since, and no replay."""
    trail = TrailFolder(folder)
    verdict = checked(trail, held=held, key=key, at=at, remembers=not old)
    if verdict.verified and not old:
        _remember(trail)
    return verdict


def _of_living(stack: str | None, at: datetime, held: tuple[Path, ...], key: Path | None) -> Verdict:
    archive = archive_of(stack)
    trail = archived(archive)
    verdict = checked(trail, held=held, key=key, at=at)
    verdict = beside(verdict, trail, archive.touched(), store_of(stack).entries(), at)
    if verdict.verified:
        _remember(trail)
    return verdict


def checked(
    trail: Exported, *, held: Iterable[Path] = (), key: Path | None = None, at: datetime | None = None, remembers: bool = True
) -> Verdict:
    """Verify a trail with the library and the memory of this machine."""
    return verified(
        trail,
        signed,
        at or datetime.now(UTC),
        held=[_note(path) for path in held],
        remembered=_remembered(trail) if remembers else (),
        key=_text(key) if key else "",
    )


def _tell(context: Context, verdict: Verdict) -> None:
    for warning in verdict.warnings:
        context.output.aside(f"warning: {warning}")
    if context.output.as_json:
        names = {"verified": verdict.verified, "records": verdict.records, "anchored": verdict.anchored, "first_bad": verdict.first_bad}
        context.output.line({**names, "class": verdict.kind, "reason": verdict.why})
        return
    if not verdict.verified:
        where = "" if verdict.first_bad is None else f" (record {verdict.first_bad})"
        context.output.text(f"NOT VERIFIED: {verdict.kind}{where}\n{verdict.why}")
        return
    context.output.text(f"verified: {verdict.records} records, {'anchored' if verdict.anchored else 'NOT ANCHORED'}")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error}", "Name a file") from error


def _note(path: Path) -> str:
    """Read a checkpoint that somebody kept: the file alone, or the message that it came in."""
    text = Note.within(_text(path))
    try:
        Note.of(text)
    except ForgedError as error:
        raise UsageError(
            f"{path} holds no checkpoint", "Give the file `checkpoint` of an export, or the daily message as it came"
        ) from error
    return text


def _place(trail: Exported) -> Path | None:
    """Where the newest checkpoint of a trail is kept, by its origin."""
    try:
        return home() / "checkpoints" / digest(Note.of(trail.checkpoint).checkpoint.origin)[:16]
    except ForgedError:
        return None


def _remembered(trail: Exported) -> tuple[str, ...]:
    place = _place(trail)
    if place is None or not place.exists():
        return ()
    try:
        Note.of(text := _text(place))
    except ForgedError:
        return ()  # half a file, after a crash: it is written anew
    return (text,)


def _remember(trail: Exported) -> None:
    """Keep the newest checkpoint of a trail that verified: trust on first use, and consistency ever after."""
    place = _place(trail)
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        new = place.with_suffix(".new")
        new.write_bytes(trail.checkpoint.encode())
        new.replace(place)
