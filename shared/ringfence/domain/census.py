"""Census: what the newest snapshot of the account told, as far as decisions need it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Census(Struct, frozen=True, kw_only=True):
    """Who counts as what, by unique id.

    `protected` is the register: what a pattern of the protected set protects is who matched it when the pattern was recorded. `newly` are
    those who match one only since: no name protects them.
    """

    taken: datetime
    looked: datetime | None = None  # when access that nobody uses was looked for last, where that is not part of a census
    config_hash: str
    identities: int  # of AI projects, a day old at least
    admins: tuple[str, ...]  # administrators that people can use: users with a password or key, and roles that people may assume
    admins_of: Mapping[str, tuple[str, ...]] = {}  # of Google Cloud: by project; one that is not in it was not counted
    protected: Mapping[str, tuple[str, ...]]  # unique id -> the patterns that it matched
    newly: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()  # that were recorded, those of exceptions too
    exempt: Mapping[str, tuple[str, ...]] = {}  # unique id -> the exceptions whose principal it was when they were recorded
    standing: tuple[str, ...] = ()  # what was found about what stands: a name for each grant
    matching: Mapping[str, int] = {}  # guardrail -> about how many of these identities it would find something
