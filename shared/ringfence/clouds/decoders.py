"""How what the stores keep is read back: one decoder for each kind, made when this module is imported.

msgspec makes up its mind about a type when it first meets it, and two threads that do so at once crash the interpreter; made here,
nothing is met for the first time while others run.
"""

from collections.abc import Iterable

import msgspec

from ringfence.domain.census import Census
from ringfence.domain.job import Job
from ringfence.domain.record import Record
from ringfence.domain.signal import Signal
from ringfence.domain.state import State
from ringfence.domain.switch import Switch
from ringfence.engine.ports import Entry, Exemption, Notice, Slot

CENSUS = msgspec.json.Decoder(Census)
ENTRY = msgspec.json.Decoder(Entry)
EXEMPTION = msgspec.json.Decoder(Exemption)
JOB = msgspec.json.Decoder(Job)
NOTICE = msgspec.json.Decoder(Notice)
RECORD = msgspec.json.Decoder(Record)
SIGNAL = msgspec.json.Decoder(Signal)
SLOT = msgspec.json.Decoder(Slot)
STATE = msgspec.json.Decoder(State)
SWITCH = msgspec.json.Decoder(Switch)


def entry(body: bytes) -> Entry:
    """Read as much of a record as sealing looks at, and keep its bytes. Raises msgspec's errors, UnicodeDecodeError or RecursionError."""
    return msgspec.structs.replace(ENTRY.decode(body), body=body)


def records(bodies: Iterable[bytes]) -> tuple[Record, ...]:
    """Read records, and put them in order of time. Raises msgspec's errors."""
    return tuple(sorted((RECORD.decode(body) for body in bodies), key=lambda record: record.time))
