"""Turning the kill switch. Who may is decided where the request comes in; who did stays on record."""

from datetime import datetime

from ringfence.domain.switch import Switch
from ringfence.engine.approve import may_approve
from ringfence.engine.ports import Store
from ringfence.engine.records import turned
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def turn(store: Store, by: str, settings: Settings, now: datetime, *, stopped: bool) -> Switch:
    """Set or lift the switch; turning it to where it is changes nothing. Raises ConflictError where somebody else turned it meanwhile.

    Anybody who is heard may stop. Where approvers are named, only they may let it go on.
    """
    if not by:
        raise RefusedError("the request carries no name", "Sign it with an identity of your own")
    if not stopped and not may_approve(by, settings):
        raise RefusedError(f"{by} is no approver", "Approvers are named under `defaults.approval.approvers`")
    current = store.switch()
    if current is not None and current.stopped == stopped:
        return current
    if current is None and not stopped:
        raise RefusedError("it was never stopped", "Nothing to resume")
    made = Switch(0 if current is None else current.number + 1, stopped, by, now)
    store.turn(made, turned(made, settings.config_hash))
    return made
