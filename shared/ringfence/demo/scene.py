"""A scene: what somebody does in a cloud, and the event that tells of it, as it is delivered."""

import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from ringfence.demo.clouds import Clouds
from ringfence.errors import UsageError

EVENTS = Path(__file__).parents[3] / "events"
ROLE_ID = "<the role's id>"  # in a change: the training role's unique id, which the embedded account gives


class Scene(Struct, frozen=True, kw_only=True):
    """One thing that happens."""

    says: str  # what a person sees
    event: str  # the sample event's file
    change: Mapping[str, Any] = {}  # dotted path -> value, below `detail` where there is one
    does: Callable[[Clouds], object] | None = None  # before the event arrives
    again: bool = False  # the same delivery as the scene before
    undone: str = ""  # why people take back what followed from it; empty: they do not


def raw(scene: Scene, event_id: str, time: str, role_id: str) -> dict[str, Any]:
    """Give the event of a scene as it is delivered: the sample with its changes, its own id, and the time of the demo."""
    file = EVENTS / scene.event
    if not file.exists():
        raise UsageError(f"{file} is not there", "The demo plays the sample events of a checkout: run it there, with `make demo`")
    event: dict[str, Any] = copy.deepcopy(json.loads(file.read_text(encoding="utf-8")))
    detail = event.get("detail", event)
    for path, value in scene.change.items():
        *parents, last = path.split(".")
        place = detail
        for key in parents:
            place = place[key]
        place[last] = f"{role_id}:i-0123456789abcdef0" if value == ROLE_ID else value
    if "finding" in event:
        event["finding"] |= {"eventTime": time, "name": f"{event['finding']['parent']}/findings/{event_id}"}
    elif "protoPayload" in event:
        event |= {"timestamp": time, "insertId": event_id}
    else:
        _stamp(detail, event_id, time)
    return event


def _stamp(detail: dict[str, Any], event_id: str, time: str) -> None:
    """Give one of AWS's its id and time."""
    detail |= {key: time for key in ("eventTime", "updatedAt", "createdAt") if key in detail}
    detail |= {key: event_id for key in ("eventID", "id") if key in detail}
    if "userIdentity" in detail:
        detail["userIdentity"].pop("principalId", None)  # the embedded account gives its own unique ids
