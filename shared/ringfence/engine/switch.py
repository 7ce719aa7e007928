"""Turning the kill switch. Who may is decided where the request comes in; who did stays on record."""

from datetime import datetime

from ringfence.domain.caller import Caller
from ringfence.domain.switch import Switch
from ringfence.engine.authority import check_approver, known
from ringfence.engine.ports import Store
from ringfence.engine.records import turned
from ringfence.errors import RefusedError
from ringfence.settings import Settings


def turn(store: Store, by: Caller, settings: Settings, now: datetime, *, stopped: bool) -> Switch:
    """Set or lift the switch; turning it to where it is changes nothing. Raises ConflictError where somebody else turned it meanwhile.

    Anybody who is heard may stop: whom IAM lets call, and in a chat whom the configuration names. Where approvers are named, only they may
    let it go on.
    """
    if not by.name:
        raise RefusedError("the request carries no name", "Sign it with an identity of your own")
    if by.in_chat and known(by.name, settings) is None:
        raise RefusedError(f"{by.name} is nobody under `people`", "Only people whom the configuration names are heard in a chat")
    if not stopped:
        check_approver(by, settings)
    current = store.switch()
    if current is not None and current.stopped == stopped:
        return current
    if current is None and not stopped:
        raise RefusedError("it was never stopped", "Nothing to resume")
    made = Switch(0 if current is None else current.number + 1, stopped, by.name, now)
    store.turn(made, turned(made, settings.config_hash))
    return made
