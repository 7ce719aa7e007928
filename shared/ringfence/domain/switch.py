"""The kill switch: while it is set, no mutating call starts. Each turn of it is kept, with who turned it and when."""

from datetime import datetime

from msgspec import Struct


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """One turn of the switch; the one with the highest number counts."""

    number: int
    stopped: bool
    by: str
    time: datetime
