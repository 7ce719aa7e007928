"""The credential report: who can sign in or use keys, since when; a reason to look, asked about once a week at the most."""

from datetime import timedelta
from typing import Any

import pytest

from ringfence.clouds.aws import credential_report
from ringfence.errors import UpstreamError
from ringfence.sources.aws_credential_report import events
from tests.support.aws import aws
from tests.support.cases import report_of
from tests.support.jobs import NOW


def told(**row: Any) -> list[dict[str, Any]]:
    return [dict(event.parameters) for event in events(report_of(row), NOW)]


CHANGED = "password_last_changed"


def test_a_line_tells_since_when_somebody_can_sign_in() -> None:
    (line,) = told(**{CHANGED: "2026-02-27T09:00:00+00:00"}, user_creation_time="2025-01-01T00:00:00+00:00")
    assert line == {"since": "2026-02-27T09:00:00+00:00", "mfa": False, "password": True, "keys": 0}
    (line,) = told(**{CHANGED: "not_supported"}, user_creation_time="2025-01-01T00:00:00+00:00")
    assert line["since"] == "2025-01-01T00:00:00+00:00"
    keys = {"access_key_1_active": "true", "access_key_1_last_rotated": "2026-01-01T00:00:00+00:00", "mfa_active": "true"}
    (line,) = told(password_enabled="false", **keys)  # noqa: S106 - no password
    assert line == {"since": "2026-01-01T00:00:00+00:00", "mfa": True, "password": False, "keys": 1}


@pytest.mark.parametrize(
    "row", [{"password_enabled": "false"}, {"arn": "nonsense"}, {"arn": "arn:aws:iam::123456789012:role/r"}, {"arn": ""}]
)
def test_who_can_do_neither_and_lines_that_are_none_are_passed_over(row: dict[str, str]) -> None:
    assert told(**row) == []


@pytest.mark.parametrize("report", ["", "nonsense", "user,arn\n", "user,arn\nx"])
def test_a_damaged_report_breaks_nothing(report: str) -> None:
    assert list(events(report, NOW)) == []


def test_the_same_line_is_the_same_event_for_a_week() -> None:
    first, later, next_week = (next(iter(events(report_of({}), NOW + timedelta(days=days)))).id for days in (0, 6, 7))
    assert first == later != next_week


def test_iam_makes_the_report() -> None:
    with aws(managed=False) as iam:
        iam.create_user(UserName="bo")
        iam.create_login_profile(UserName="bo", Password="a-Long-enough-1")  # noqa: S106 - of nobody
        report = credential_report.fetch(lambda _: None)
    assert [event.subject.name for event in events(report, NOW) if event.subject and event.parameters["password"]][-1] == "bo"


def test_where_iam_does_not_make_it_in_time_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []
    with aws(managed=False) as iam:
        monkeypatch.setattr(iam, "generate_credential_report", lambda: {"State": "STARTED"})
        with pytest.raises(UpstreamError, match="in time"):
            credential_report.fetch(waited.append)
    assert waited == list(credential_report.PAUSES)
