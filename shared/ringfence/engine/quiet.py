"""Quiet hours: whom to call when, and from when on a question's time counts."""

from datetime import datetime, timedelta

from ringfence.domain.finding import Severity
from ringfence.settings import Hours

DAY = timedelta(days=1)


def quiet_until(now: datetime, hours: Hours | None) -> datetime | None:
    """Give when the quiet hours end in which a time lies; None where it lies in none. Hours may go over midnight; equal ends are no hours."""
    if hours is None:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    for day in (midnight - DAY, midnight):
        begin, end = day + timedelta(minutes=hours.begin), day + timedelta(minutes=hours.end)
        end += DAY if hours.end < hours.begin else timedelta()
        if begin <= now < end:
            return end
    return None


def waits(severity: Severity) -> bool:
    """Whether a question of a severity waits for the end of the quiet hours."""
    return severity in (Severity.LOW, Severity.MEDIUM)


def asked_from(now: datetime, severity: Severity, hours: Hours | None) -> datetime:
    """Give the time from which on a question's time counts."""
    until = quiet_until(now, hours)
    return until if until is not None and waits(severity) else now
