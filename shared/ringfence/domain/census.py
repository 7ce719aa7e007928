"""Census: what the newest snapshot of the account told, as far as decisions need it."""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct


class Census(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who counts as what, by unique id. `protected` is the register: what a pattern protects is who matched it when it was recorded."""

    taken: datetime
    config_hash: str
    identities: int  # of AI projects
    admins: tuple[str, ...]  # administrators that people can use: users, and roles that people may assume
    protected: Mapping[str, str]  # unique id -> why
    newly: Mapping[str, str] = {}  # unique id -> ARN: matches a protecting pattern only since, and is not protected by it
    matching: Mapping[str, int] = {}  # guardrail -> how many of the identities it would find something about
