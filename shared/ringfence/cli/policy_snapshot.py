"""ringfence policy for a snapshot of Google Cloud: every allow policy in it, with what the snapshot knows of what lies round it."""

from collections.abc import Iterator

from msgspec import Struct

from ringfence.cli.policy_placed import Placed
from ringfence.clouds.google_snapshot_form import Place, Snapshot, google_snapshot
from ringfence.errors import UsageError
from ringfence.iam import Problem

NOT_READ = "was not read when the snapshot was taken"


class _Hung(Struct, frozen=True):
    """A place with what is above it, the nearest first; `whole`: all of that is known."""

    place: Place
    above: tuple[Place, ...]
    whole: bool = True
    number: str = ""


def placed(content: object) -> Iterator[tuple[str, Placed | Problem]]:
    """Give the policies of a snapshot with the names of what they hang at; a problem in the place of one that was not read, or of all that is damaged."""
    try:
        snapshot = google_snapshot(content)
    except UsageError as error:
        yield "", Problem("snapshot", error.problem)
        return
    custom = {role.name: role.included_permissions for place in snapshot.places() for role in place.roles or ()}
    for hung in _hung(snapshot):
        if hung.place.policy is None:
            yield hung.place.name, Problem("policy", NOT_READ)
            continue
        levels = (hung.place, *hung.above)
        missing = [p.name for p in hung.above if p.policy is None] if hung.whole else ["what lies above"]
        yield (
            hung.place.name,
            Placed(
                document={"resource": hung.place.name, "policy": hung.place.policy},
                above=tuple({"resource": p.name, "policy": p.policy} for p in hung.above if p.policy is not None),
                custom=custom,
                denials=tuple(policy for p in levels for policy in p.denials or ()),
                number=hung.number,
                unread=tuple(Problem(f"the policy of {name}", NOT_READ) for name in missing),
                notes=tuple(f"{p.name}: its deny policies were not read; they could only take away" for p in levels if p.denials is None),
            ),
        )


def _hung(snapshot: Snapshot) -> Iterator[_Hung]:
    """Give the projects, then what is above them once."""
    seen: set[str] = set()
    for project in snapshot.projects:
        yield _Hung(project.place, snapshot.levels(project), project.above is not None, project.number)
    for project in snapshot.projects:
        levels = snapshot.levels(project)
        for n, place in enumerate(levels):
            if place.name not in seen:
                seen.add(place.name)
                yield _Hung(place, levels[n + 1 :])
