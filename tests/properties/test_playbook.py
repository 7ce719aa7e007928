"""The playbook gives the same incidents whatever the order, the duplicates and the delays; and two identities never mix."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.clouds.memory import MemoryIam, MemoryQueue, MemoryStore
from ringfence.domain.event import Event
from ringfence.domain.job import JobState
from ringfence.engine.commands import Desk, run_at_desk
from ringfence.engine.correlate import correlate, signals, whom
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.hear import hear
from ringfence.guardrails import pb_odd_login_then_egress
from ringfence.sources import normalise
from tests.support.cases import counted, event_file, settings_of, state_of
from tests.support.jobs import NOW
from tests.support.scale import cases

GOOGLE = ("fraud-ml-prod", "research")
SETTINGS = settings_of(
    {"projects": [{"name": "fraud", "aws": {"accounts": ["123456789012"]}, "gcp": {"projects": [*GOOGLE]}}]}, {"deny_at": "organizations/1"}
)
PLAYBOOK = pb_odd_login_then_egress.GUARDRAIL.id
USERS = ("ana", "bo", "eve")
ODD, EGRESS, NOISE = (
    "UnauthorizedAccess:IAMUser/ConsoleLoginSuccess.B",
    "Exfiltration:S3/AnomalousBehavior",
    "Discovery:S3/AnomalousBehavior",
)


class Heard:
    """The judge, over an account with three users and two projects of Google Cloud, and what it keeps."""

    def __init__(self) -> None:
        users = [state for name in USERS if (state := state_of({"user": name}))]
        self.store, self.queue = MemoryStore(), MemoryQueue()
        self.desk = Desk(self.store, self.queue, lambda: NOW)
        self.evaluator = Evaluator(SETTINGS, MemoryIam(*users), census=counted)
        self.steps: set[tuple[str, str]] = set()  # of incidents: the cloud of whom they are about, and of what would be done

    def incidents(self, events: list[Event]) -> set[tuple[str, str, str]]:
        """Give every pair that some event completed: whose it is, and the two events."""
        found: set[tuple[str, str, str]] = set()
        for event in events:
            for judgement in run_at_desk(correlate(self.evaluator.judge(event, NOW), self.evaluator), self.desk):
                for planned in (p for p in judgement.planned if p.finding.guardrail == PLAYBOOK):
                    identity = planned.finding.identity
                    found |= {(identity.name.lower(), first, then) for first, then in planned.finding.evidence["pairs"]}
                    self.steps |= {(identity.partition, p.step.action.partition(".")[0]) for p in planned.steps}
        return found


def finding(kind: str, user: str, number: int, time: datetime, severity: float = 5) -> Event:
    """A finding of GuardDuty about a user."""
    raw: Any = event_file("aws/guardduty/s3-exfiltration.json")
    raw["detail"] |= {"type": kind, "id": f"{number:032d}", "severity": severity, "updatedAt": time.isoformat()}
    raw["detail"]["resource"]["accessKeyDetails"] |= {"userName": user, "principalId": f"AIDAEXAMPLE{user.upper()}"}
    (event,) = normalise(raw)
    return event


histories = st.lists(
    st.tuples(st.sampled_from([ODD, EGRESS, NOISE]), st.sampled_from(USERS), st.integers(0, 180), st.sampled_from([2.0, 7.0, 8.0])),
    min_size=1,
    max_size=12,
)


def expected(history: list[tuple[str, str, int, float]]) -> set[tuple[str, str, str]]:
    """The rule, written down once more: the sign-in within the hour before the data, or after it where both are high."""
    found = set()
    for a, (kind, user, at, high) in enumerate(history):
        for b, (other, whose, then, too) in enumerate(history):
            apart = then - at
            near = 0 <= apart <= 60 or (-60 <= apart < 0 and min(high, too) >= 7)
            odd = kind == ODD or (kind == NOISE and high >= 4)  # what is only low is no signal
            if odd and (other, user) == (EGRESS, whose) and near:
                found.add((user, f"aws.guardduty:{a:032d}", f"aws.guardduty:{b:032d}"))
    return found


@settings(max_examples=cases(2000), deadline=None)
@given(history=histories, seed=st.integers(0, 2**32))
def test_shuffled_duplicated_and_late_the_incidents_are_the_same(history: list[tuple[str, str, int, float]], seed: int) -> None:
    events = [finding(kind, user, n, NOW + timedelta(minutes=at), high) for n, (kind, user, at, high) in enumerate(history)]
    told = [*events, *random.Random(seed).choices(events, k=3)]  # noqa: S311 - repeatable on purpose
    random.Random(seed).shuffle(told)  # noqa: S311 - as above
    heard = Heard()
    mixed, sorted_ = heard.incidents(told), Heard().incidents(sorted(events, key=lambda e: e.time or NOW))
    assert mixed == sorted_ == expected(history)
    assert heard.steps <= {("aws", "aws")}


# What Google finds: the category, what it is to the playbook, and how grave our guardrail takes it to be.
FOUND = (
    ("Persistence: New Geography", "odd", 5.0),
    ("Privilege Escalation: AI Agent Suspicious Token Generation Using signJwt", "odd", 9.0),
    ("Exfiltration: AI Agent Initiated BigQuery Data Extraction", "egress", 9.0),
    ("Exfiltration: AI Agent Initiated BigQuery VPC Perimeter Violation", "", 5.0),
    ("PUBLIC_BUCKET_ACL", "", 0.0),
)
PEOPLE = ("train@fraud-ml-prod.iam.gserviceaccount.com", "ana@example.com", "bo@example.com")


def google_finding(category: str, who: str, number: int, time: datetime, project: str) -> Event:
    """A finding of Security Command Center about somebody, in a project."""
    raw: Any = event_file("gcp/scc/agent-extraction.json")
    raw["finding"] |= {"category": category, "name": f"organizations/1/sources/2/findings/{number:032d}", "eventTime": time.isoformat()}
    raw["finding"]["access"]["principalEmail"] = who
    raw["resource"]["gcpMetadata"]["projectDisplayName"] = project
    (event,) = normalise(raw)
    return event


told_by_google = st.tuples(st.sampled_from(FOUND), st.sampled_from(PEOPLE), st.booleans(), st.sampled_from(GOOGLE), st.integers(0, 180))


@settings(max_examples=cases(2000), deadline=None)
@given(history=st.lists(told_by_google, min_size=1, max_size=8), seed=st.integers(0, 2**32))
def test_on_google_cloud_too_in_whatever_project_and_spelling_and_never_of_two(
    history: list[tuple[tuple[str, str, float], str, bool, str, int]], seed: int
) -> None:
    events = [
        google_finding(category, who.title() if titled and "gservice" not in who else who, n, NOW + timedelta(minutes=at), project)
        for n, ((category, *_), who, titled, project, at) in enumerate(history)
    ]
    wanted = set()
    for a, ((_, first, high), who, _, _, at) in enumerate(history):
        for b, ((_, then, too), whose, _, _, later) in enumerate(history):
            near = 0 <= later - at <= 60 or (-60 <= later - at < 0 and min(high, too) >= 7)
            if (first, then, who) == ("odd", "egress", whose) and near:
                wanted.add((who, *(f"gcp.scc:organizations/1/sources/2/findings/{n:032d}" for n in (a, b))))
    told = [*events, *random.Random(seed).choices(events, k=2)]  # noqa: S311 - repeatable on purpose
    random.Random(seed).shuffle(told)  # noqa: S311 - as above
    heard = Heard()
    assert heard.incidents(told) == wanted
    assert heard.steps == ({("gcp", "gcp")} if wanted else set())


@settings(max_examples=cases(500), deadline=None)
@given(history=histories, seed=st.integers(0, 2**32))
def test_who_has_an_incident_is_asked_about_and_nobody_else(history: list[tuple[str, str, int, float]], seed: int) -> None:
    events = [finding(kind, user, n, NOW + timedelta(minutes=at), high) for n, (kind, user, at, high) in enumerate(history)]
    random.Random(seed).shuffle(events)  # noqa: S311 - repeatable on purpose
    heard = Heard()
    for event in events:
        run_at_desk(hear(heard.evaluator.judge(event, NOW), heard.evaluator, SETTINGS), heard.desk)
    jobs = heard.store.jobs()
    asked = [j.plan.target.name for j in jobs if j.state is JobState.PENDING]
    assert len(asked) == len(set(asked)), "there is one question about each"
    assert {j.plan.target.name for j in jobs if j.guardrail == PLAYBOOK} & set(asked) == {user for user, _, _ in expected(history)}


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_it_is_found_within_the_processing_of_the_second_event_and_asked_once(order: tuple[int, int]) -> None:
    events = (finding(ODD, "bo", 1, NOW), finding(EGRESS, "bo", 2, NOW + timedelta(minutes=30)))
    heard = Heard()
    for number, place in enumerate(order):
        for _ in range(2):
            run_at_desk(hear(heard.evaluator.judge(events[place], NOW), heard.evaluator, SETTINGS), heard.desk)
        assert len([j for j in heard.store.jobs() if j.guardrail == PLAYBOOK]) == number


def test_people_of_one_permission_set_have_timelines_of_their_own() -> None:
    """A role of Identity Center is many people; its sessions are named by them. Of any other role the caller names the session."""
    role = "AWSReservedSSO_DataScientist_0123456789abcdef"
    raw: Any = event_file("aws/guardduty/s3-exfiltration.json")
    timelines = []
    for name, session in ((role, "ana"), (role, "bo"), ("fraud-train", "i-1"), ("fraud-train", "i-2")):
        who = {"userType": "AssumedRole", "userName": name, "principalId": f"AROAEXAMPLE:{session}"}
        raw["detail"]["resource"]["accessKeyDetails"] |= who
        (event,) = normalise(raw)
        assert event.subject is not None
        timelines.append(whom(event.subject, event))
    assert timelines[0] != timelines[1]
    assert timelines[2] == timelines[3]


def test_an_exempted_finding_signals_nothing() -> None:
    exception = {"guardrail": "aws-signin-anomaly", "principal": "user/bo", "reason": "travels", "until": "2026-03-20"}
    config = {"projects": [{"name": "fraud", "aws": {"accounts": ["123456789012"]}, "exceptions": [exception]}]}
    heard = Heard()
    judge = Evaluator(settings_of(config), heard.evaluator.reader, census=counted)
    (signal,) = signals(judge.judge(finding(ODD, "bo", 1, NOW), NOW), NOW)
    assert signal.guardrails == ()
