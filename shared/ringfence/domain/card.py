"""Card: what people are shown of a job, whatever the chat. Every text in it is inert already; a chat only lays it out."""

from enum import StrEnum

from msgspec import Struct


class Press(StrEnum):
    """What a button, or a form that was sent, asks for."""

    APPROVE = "approve"
    DENY = "deny"
    MINE = "mine"  # "was it you?"
    DETAILS = "details"
    SHOW = "show"
    UNDO = "undo"
    EXEMPT = "exempt"
    STOP = "stop"
    RESUME = "resume"
    STATUS = "status"


class Line(Struct, frozen=True):
    """One thing to know, with its name."""

    label: str
    text: str


class Button(Struct, frozen=True):
    """Something to press. `value` comes back with the press: a job's id and the beginning of its plan's digest, never more."""

    press: Press
    text: str
    value: str
    danger: bool = False
    confirm: str = ""  # what is asked once more before it counts


class Card(Struct, frozen=True, kw_only=True):
    """One message."""

    title: str
    lines: tuple[Line, ...] = ()
    warnings: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()  # ids in the chat of people to call: they may decide
    asks: tuple[str, ...] = ()  # the same of people who are asked whether it was them
    buttons: tuple[Button, ...] = ()
    footer: str = ""


class Row(Struct, frozen=True):
    """One of many, in a message about all of them."""

    text: str
    button: Button | None = None


class Digest(Struct, frozen=True, kw_only=True):
    """One message about many incidents."""

    title: str
    rows: tuple[Row, ...]
    calls: tuple[str, ...] = ()  # ids in the chat of people to call
    footer: str = ""


class Field(Struct, frozen=True):
    """One thing to fill in: a text, a day, or one of some choices."""

    id: str
    label: str
    hint: str = ""
    choices: tuple[tuple[str, str], ...] = ()  # value and words
    day: bool = False


class Form(Struct, frozen=True, kw_only=True):
    """What somebody is asked to fill in. `about` comes back with it."""

    press: Press
    title: str
    send: str
    about: str
    says: str
    fields: tuple[Field, ...]
