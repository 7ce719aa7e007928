"""Cloud Tasks, as far as HTTP tasks are made (Cloud Tasks reference, `tasks.create`). A name stays taken after its task is done."""

import re
from datetime import datetime, timedelta
from functools import partial

from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON, World

ID = re.compile(r"[A-Za-z0-9_-]{1,500}")
FURTHEST = timedelta(days=30)


class Tasks:
    """Queues by their full name, each with the tasks that wait."""

    def __init__(self, world: World, *queues: str) -> None:
        self.world = world
        self.queues: dict[str, dict[str, JSON]] = {queue: {} for queue in queues}
        self.names: set[str] = set()

    def due(self, queue: str) -> list[JSON]:
        """Take the tasks whose time has come, the earliest first: they are done then."""
        waiting = self.queues[queue]
        ready = [task for task in waiting.values() if datetime.fromisoformat(task["scheduleTime"]) <= self.world.clock()]
        for task in ready:
            del waiting[task["name"]]
        return sorted(ready, key=lambda task: datetime.fromisoformat(task["scheduleTime"]))


def serve_tasks(tasks: Tasks) -> dict[str, Handler]:
    """Serve making."""
    return {"cloudtasks.projects.locations.queues.tasks.create": partial(_create, tasks)}


def _create(tasks: Tasks, asked: Asked) -> JSON:
    queue, task = asked.path["parent"], dict(asked.body.get("task") or {})
    if queue not in tasks.queues:
        raise Refused(404, "NOT_FOUND", "Requested entity was not found.")
    request = task.get("httpRequest") or {}
    if not re.match("https?://", request.get("url", "")):
        raise invalid("HttpRequest.url is required.")
    name = task.setdefault("name", f"{queue}/tasks/{next(tasks.world.numbers)}")
    if not name.startswith(f"{queue}/tasks/") or not ID.fullmatch(name.removeprefix(f"{queue}/tasks/")):
        raise invalid("The task name must be formatted: projects/P/locations/L/queues/Q/tasks/T")
    when = max(datetime.fromisoformat(task.get("scheduleTime") or tasks.world.now()), tasks.world.clock())
    if when - tasks.world.clock() > FURTHEST:
        raise invalid("The Task.scheduleTime is too far in the future.")
    if name in tasks.names:
        raise Refused(409, "ALREADY_EXISTS", "The task cannot be created because a task with this name existed too recently.")
    tasks.names.add(name)
    tasks.queues[queue][name] = {**task, "scheduleTime": when.isoformat(), "createTime": tasks.world.now(), "view": "FULL"}
    shown = {key: value for key, value in request.items() if key not in ("body", "headers")}
    return {"name": name, "scheduleTime": when.isoformat(), "createTime": tasks.world.now(), "view": "BASIC", "httpRequest": shown}
