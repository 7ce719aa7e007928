"""IAM's credential report -> one event for each user who can sign in or use keys (IAM User Guide, "Getting credential reports").

The report is CSV, at most four hours old: it is a reason to look, what counts is read afresh. It knows the users of IAM alone: whoever comes
through an identity provider is out of sight, and MFA has to be attested there.
"""

import csv
from collections.abc import Iterator
from datetime import datetime

from ringfence.domain.event import Event, Source
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.raw import moment

REPORT = "CredentialReport"
ROOT = "<root_account>"
KEYS = ("access_key_1", "access_key_2")


def events(report: str, now: datetime) -> Iterator[Event]:
    """Give the event of each line: of a person's password, of keys, and of the root user. A line that cannot be read is passed over by name."""
    for row in csv.DictReader(report.splitlines()):
        identity = Identity.from_arn(row.get("arn"))
        if identity is None or identity.kind not in (Kind.USER, Kind.ROOT):
            continue
        password = row.get("password_enabled") == "true"
        keys = [key for key in KEYS if row.get(f"{key}_active") == "true"]
        if identity.kind is Kind.ROOT or password or keys:
            yield Event(
                source=Source.OTHER,
                name=REPORT,
                id=f"report:{identity.arn}:{now:%G-W%V}",  # whoever decided about somebody is asked again next week at the earliest
                time=None,
                account=identity.account,
                partition=identity.partition,
                subject=identity,
                parameters={
                    "since": _since(row, password=password),
                    "mfa": row.get("mfa_active") == "true",
                    "password": password or row.get("user") == ROOT,
                    "keys": len(keys),
                },
            )


def _since(row: dict[str, str], *, password: bool) -> str:
    """Give since when there is something to sign in with, at the earliest: the user's age tells when the password's is not known."""
    named = ["password_last_changed"] if password else [f"{key}_last_rotated" for key in KEYS]
    times = [time for name in named if (time := moment(row.get(name))) is not None]
    made = moment(row.get("user_creation_time"))
    found = min(times, default=made)
    return found.isoformat() if found else ""
