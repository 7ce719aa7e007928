"""Turning the kill switch. Who may is decided where the request comes in; who did stays on record."""

from datetime import datetime

from ringfence.domain.caller import Caller
from ringfence.domain.finding import Severity
from ringfence.domain.record import NO_JOB
from ringfence.domain.switch import Switch
from ringfence.engine.authority import check_approver, known
from ringfence.engine.ports import Notice, Store
from ringfence.engine.records import turned
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def turn(store: Store, by: Caller, settings: Settings, now: datetime, *, stopped: bool) -> Switch:
    """Set or lift the switch; turning it to where it is changes nothing. Raises ConflictError where somebody else turned it meanwhile.

    Whom IAM lets call may stop; in a chat, approvers and the people of the escalation. Where approvers are named, only they may let it go on.
    """
    if not by.name:
        raise RefusedError("the request carries no name", "Sign it with an identity of your own")
    if not stopped or (by.in_chat and not _in_the_chain(by, settings)):
        check_approver(by, settings)
    current = store.switch()
    if current is not None and current.stopped == stopped:
        return current
    if current is None and not stopped:
        raise RefusedError("it was never stopped", "Nothing to resume")
    made = Switch(0 if current is None else current.number + 1, stopped, by.name, now)
    store.turn(made, turned(made, settings.config_hash))
    return made


def news(switch: Switch) -> Notice:
    """Give what people are told of a turn: containment that does not happen is somebody's to look at."""
    said = "stopped everything: nothing is changed until `ringfence resume`" if switch.stopped else "let it go on"
    title = "Kill switch set" if switch.stopped else "Kill switch lifted"
    name, severity = f"killswitch.{switch.number}", Severity.CRITICAL if switch.stopped else Severity.LOW
    return Notice(name, NO_JOB, "stopped" if switch.stopped else "running", severity, title, f"{switch.by} {said}", switch.time, page=True)


def _in_the_chain(by: Caller, settings: Settings) -> bool:
    found = known(by.name, settings)
    return found is not None and found.name in settings.escalation
