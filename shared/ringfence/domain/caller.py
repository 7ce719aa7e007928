"""Caller: who asks, as STS knows them."""

from msgspec import Struct


class Caller(Struct, frozen=True):
    """The ARN, and the unique id of the user or role behind it (empty where the machine's own user is all that is known)."""

    arn: str
    unique_id: str = ""
