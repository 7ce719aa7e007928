"""The persistence sweep: what a contained identity left behind is found in CloudTrail's records, followed, and asked about as one incident."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from ringfence.domain.census import Census
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.commands import ReadHistory, perform_at_desk, run_at_desk
from ringfence.engine.incident import LISTED
from ringfence.engine.moves import LOOKS, SEARCH_AGAIN, end
from ringfence.engine.search import BEFORE, LEASE, PATIENCE, REQUESTS, SESSION, search, searches, unsearched
from ringfence.errors import RefusedError
from ringfence.settings import Mode
from ringfence.sources.aws_persistence import left_by
from tests.support.jobs import NOW, REVERSAL
from tests.support.scene import ACCOUNT, EVE, SETTINGS, TRAIN, Scene, assume, by_key, call, made_key, made_user

S = JobState


def test_everything_that_lasts_is_found_listed_once_and_asked_about() -> None:
    scene = Scene(
        made_user("mallory"),
        made_key("bo", "AKIAEXAMPLEBO"),
        call("login", "iam", "CreateLoginProfile", {"userName": "zoe"}),
        call(
            "role",
            "iam",
            "CreateRole",
            {"roleName": "back"},
            {"role": {"roleId": "AROAEXAMPLEBACK", "arn": f"arn:aws:iam::{ACCOUNT}:role/back"}},
        ),
        call("trust", "iam", "UpdateAssumeRolePolicy", {"roleName": "open"}),
        assume(TRAIN, "ASIAEXAMPLETRAIN"),
        call("function", "lambda", "CreateFunction20150331", {"functionName": "beacon"}),
        call("notebook", "sagemaker", "CreateNotebookInstance", {"notebookInstanceName": "shell"}),
    )
    searched = scene.search()
    assert (searched.swept, searched.state) == (1, S.DONE)
    incident = scene.incident()
    assert (incident.state, len({j.event_key for j in scene.incidents()})) == (S.FOR_A_PERSON, 1)
    for word in (
        "user mallory",
        "access key of bo",
        "gave zoe a password",
        "role back",
        "assume the role open",
        "assumed the role fraud-train",
        "lambda:CreateFunction beacon",
        "sagemaker:CreateNotebookInstance shell",
    ):
        assert word in incident.reason
    assert scene.asked() == {
        "mallory": (S.PENDING, ["AttachUserPolicy", "UpdateAccessKey"]),
        "bo": (S.PENDING, ["UpdateAccessKey"]),
        "zoe": (S.PENDING, ["AttachUserPolicy"]),
        "back": (S.PENDING, ["AttachRolePolicy"]),
        "open": (S.PENDING, ["AttachRolePolicy"]),
        "fraud-train": (S.PENDING, ["AttachRolePolicy"]),
    }
    assert {q.plan.target.name: q.plan.target.unique_id for q in scene.incidents()}["mallory"] == "AIDAEXAMPLEMALLORY"
    (swept,) = (r for r in scene.store.records(scene.root.id) if r.kind is RecordKind.SWEEP)
    assert len(swept.data["found"]) == 8


def test_what_it_started_is_followed() -> None:
    scene = Scene(
        assume(TRAIN, "ASIAEXAMPLEONE"),
        made_user("mallory", **by_key("ASIAEXAMPLEONE")),
        made_key("mallory", "AKIAEXAMPLEMALLORY", **by_key("ASIAEXAMPLEONE")),
        call("deep", "lambda", "CreateFunction20150331", {"functionName": "deep"}, **by_key("AKIAEXAMPLEMALLORY")),
        call("token", "sts", "GetSessionToken", {}, {"credentials": {"accessKeyId": "ASIAEXAMPLETOKEN"}}),
        call("tokened", "lambda", "CreateFunction20150331", {"functionName": "tokened"}, **by_key("ASIAEXAMPLETOKEN")),
        call(
            "herself",
            "sagemaker",
            "CreateTrainingJob",
            {"trainingJobName": "by-mallory"},
            who={"userName": "mallory", "principalId": "AIDAEXAMPLEMALLORY"},
        ),
    )
    scene.search()
    for word in ("user mallory", "access key of mallory", "deep", "tokened", "by-mallory"):
        assert word in scene.incident().reason


def test_of_a_role_its_sessions_are_found_by_who_assumed_it_and_by_the_key_that_the_finding_named() -> None:
    others = msgspec.structs.replace(TRAIN, unique_id="AROAEXAMPLEBEFORE")
    scene = Scene(
        assume(TRAIN, "ASIAEXAMPLEONE", who={"userName": "somebody", "principalId": "AIDAEXAMPLEOTHER"}),
        made_user("by-session", **by_key("ASIAEXAMPLEONE")),
        assume(others, "ASIAEXAMPLEOLD", who={"userName": "somebody"}),
        made_user("by-namesake", **by_key("ASIAEXAMPLEOLD")),
        made_user("by-stolen", **by_key("ASIAEXAMPLESTOLEN")),
        call("about", "iam", "UpdateAssumeRolePolicy", {"roleName": TRAIN.name}, who={"userName": "admin"}),
        target=TRAIN,
    )
    records = scene.store._records
    decided = next(r for r in records.values() if r.kind is RecordKind.DECISION)
    records[decided.id] = msgspec.structs.replace(decided, data={**decided.data, "evidence": {"access_key_id": "ASIAEXAMPLESTOLEN"}})
    scene.search()
    reason = scene.incident().reason
    assert "by-session" in reason
    assert "by-stolen" in reason
    assert "by-namesake" not in reason, "a role of the same name that was deleted is another one"
    assert "assume the role" not in reason, "what others did to the role is not what it did"


@pytest.mark.parametrize(
    "record",
    [
        made_user("failed", errorCode="AccessDenied"),
        made_user("anothers", who={"principalId": "AIDAEXAMPLEOLDEVE"}),
        made_user("early", eventTime=(NOW - BEFORE - timedelta(seconds=1)).isoformat()),
        call("read", "iam", "GetUser", {"userName": "x"}),
        call("odd", "iam", "CreateUser", {"userName": 7}, {"user": []}),
        call("none", "sts", "AssumeRole", {"roleArn": "no arn"}, None),
    ],
)
def test_what_did_not_happen_or_was_not_its_or_cannot_be_read_is_passed_over(record: dict[str, Any]) -> None:
    scene = Scene(record)
    scene.search()
    assert scene.incidents() == []
    (swept,) = (r for r in scene.store.records(scene.root.id) if r.kind is RecordKind.SWEEP)
    assert swept.reason == "nothing more was left behind (looked in us-east-1)"


def test_a_role_of_another_account_is_told() -> None:
    scene = Scene(call("foreign", "sts", "AssumeRole", {"roleArn": "arn:aws:iam::210987654321:role/theirs"}, None))
    scene.search()
    assert "the role theirs of account 210987654321" in scene.incident().reason
    assert scene.asked() == {}


def test_a_key_of_which_nothing_can_be_read_is_told_all_the_same() -> None:
    scene = Scene(call("shape", "iam", "CreateAccessKey", None, {"accessKey": 7}))
    scene.search()
    assert "an access key of somebody" in scene.incident().reason
    assert scene.asked() == {}


def test_it_is_looked_for_twice_and_nobody_is_asked_twice() -> None:
    scene = Scene(made_user("mallory"))
    assert [found.id for found in run_at_desk(searches(), scene.desk)] == [scene.root.id]
    once = scene.search()
    assert (once.swept, once.due) == (1, scene.root.due), "the watch goes on"
    assert run_at_desk(searches(), scene.desk) == ()
    assert scene.search() == once, "it is not time"
    watched = once.moved(S.DONE, scene.clock.time + SEARCH_AGAIN, looks=len(LOOKS))
    scene.store.advance(watched, [])
    scene.history.records.append(made_user("trent"))
    scene.clock.time += SEARCH_AGAIN
    assert [found.id for found in run_at_desk(searches(), scene.desk)] == [scene.root.id]
    twice = scene.search()
    assert (twice.swept, twice.due) == (2, None)
    assert sorted(j.plan.target.name for j in scene.incidents() if j.plan.steps) == ["mallory", "trent"], "each once"
    assert sorted("trent" in found.reason for found in scene.incidents() if not found.plan.steps) == [False, True]
    assert run_at_desk(searches(), scene.desk) == ()


def test_its_own_new_key_is_switched_off_though_it_is_contained() -> None:
    scene = Scene(made_key("eve", "AKIAEXAMPLENEW"), call("login", "iam", "CreateLoginProfile", {"userName": "eve"}))
    scene.search()
    assert scene.asked() == {"eve": (S.PENDING, ["UpdateAccessKey"])}


def test_a_protected_identity_is_not_planned_for() -> None:
    scene = Scene(call("login", "iam", "UpdateLoginProfile", {"userName": "break-glass"}), made_user("mallory"))
    scene.store.keep(Census(taken=NOW, config_hash="h", identities=1, admins=(), protected={"AIDAEXAMPLEMALLORY": ("*break-glass*",)}))
    scene.search()
    assert scene.asked() == {}
    assert sorted(found.state for found in scene.incidents()) == [S.FOR_A_PERSON, S.UNSUPPORTED, S.UNSUPPORTED]


def test_where_only_observed_nothing_is_asked() -> None:
    observing = msgspec.structs.replace(SETTINGS, mode=Mode.OBSERVE)
    scene = Scene(made_user("mallory"), settings=observing)
    scene.search()
    assert [found.state for found in scene.incidents()] == [S.FOR_A_PERSON, S.FOR_A_PERSON]


def test_more_than_can_be_looked_at_is_said() -> None:
    chain = [made_user(f"u{n}", **by_key(f"ASIAEXAMPLE{n}")) for n in range(2 * REQUESTS)]
    scene = Scene(*(assume(msgspec.structs.replace(TRAIN, name=f"r{n}"), f"ASIAEXAMPLE{n}") for n in range(2 * REQUESTS)), *chain)
    scene.search()
    assert len(scene.history.asked) < REQUESTS
    assert "not everything could be looked at" in scene.incident().reason


def test_noise_does_not_hide_what_came_before_it() -> None:
    scene = Scene(made_user("mallory"), *(call(f"noise-{n}", "sts", "GetCallerIdentity") for n in range(1000)))
    scene.search()
    assert "not everything could be looked at" in scene.incident().reason
    (swept,) = (r for r in scene.store.records() if r.kind is RecordKind.SWEEP)
    assert "look on in CloudTrail" in swept.reason


def test_a_thousand_traces_fit_the_table_and_a_page() -> None:
    keys = [made_key("bo", f"AKIAEXAMPLE{n:09}") for n in range(400)]
    scene = Scene(*keys, *(call(f"f{n}", "lambda", "CreateFunction20150331", {"functionName": f"f{n}" * 30}) for n in range(90)))
    scene.iam.keys["bo"] = ("AKIAEXAMPLE000000398", "AKIAEXAMPLE000000399")  # IAM allows two
    scene.search()
    records = scene.store.records()
    assert max(len(msgspec.json.encode(r)) for r in records) < 100_000, "an item of DynamoDB holds 400 KB"
    assert "it made an access key of bo (400 times)" in scene.incident().reason
    assert f"and {91 - LISTED} more" in scene.incident().reason
    assert len(scene.incident().reason) < 5_000
    assert len(scene.asked()["bo"][1]) == 2


def test_keys_that_were_deleted_do_not_stand_before_the_one_that_works() -> None:
    scene = Scene(*(made_key("bo", f"AKIAEXAMPLE{n:09}") for n in range(21)))
    scene.iam.keys["bo"] = ("AKIAEXAMPLE000000020",)
    scene.search()
    (asked,) = [j for j in scene.incidents() if j.plan.target.name == "bo"]
    assert [s.fact.key for s in asked.plan.steps] == ["AKIAEXAMPLE000000020"]


def test_whose_new_keys_are_all_gone_is_asked_about_by_nobody() -> None:
    scene = Scene(made_key("bo", "AKIAEXAMPLEGONE"))
    scene.iam.keys["bo"] = ()
    scene.search()
    assert scene.asked() == {}


@pytest.mark.parametrize("name", ["GetSessionToken", "GetFederationToken"])
def test_a_session_that_a_new_key_started_outlives_the_key(name: str) -> None:
    bo = {"type": "IAMUser", "arn": "arn:aws:iam::123456789012:user/bo", "principalId": "AIDAEXAMPLEBO", "accessKeyId": "AKIAEXAMPLEBO"}
    scene = Scene(made_key("bo", "AKIAEXAMPLEBO"), call("token", "sts", name, who=bo))
    scene.search()
    assert scene.asked()["bo"] == (S.PENDING, ["AttachUserPolicy", "UpdateAccessKey"])


def test_a_search_that_never_comes_to_its_end_is_given_up_with_a_page() -> None:
    scene = Scene(made_user("mallory"))
    scene.clock.time = NOW + timedelta(hours=2)
    assert scene.search().searching is None
    assert scene.queue.notices[-1].page
    assert "could not be looked for" in scene.queue.notices[-1].text


@pytest.mark.parametrize(
    ("gone", "anew", "asked"), [({"x"}, {}, {}), (set(), {"x": "AIDAEXAMPLEOTHER"}, {}), (set(), {}, {"x": "AIDAEXAMPLEX"})]
)
def test_who_bears_the_name_now_is_asked_about(gone: set[str], anew: dict[str, str], asked: dict[str, str]) -> None:
    before = made_user("x")
    before["responseElements"]["user"]["userId"] = "AIDAEXAMPLEBEFORE"
    scene = Scene({**before, "eventID": "before"}, made_user("x"))
    scene.iam.gone, scene.iam.anew = gone, anew
    scene.search()
    assert {j.plan.target.name: j.plan.target.unique_id for j in scene.incidents() if j.plan.steps} == asked


def test_whose_quota_is_full_is_answered_by_the_next_rung() -> None:
    scene = Scene(made_user("trent"))
    scene.iam.held = tuple(f"p{n}" for n in range(10))
    scene.search()
    assert scene.asked() == {"trent": (S.PENDING, ["AttachUserPolicy"])}
    (asked,) = [j for j in scene.incidents() if j.plan.target.name == "trent"]
    assert [s.call.operation for s in asked.plan.steps[0].otherwise] == ["PutUserPermissionsBoundary"]


def test_an_answer_is_searched_too_and_asks_nobody_twice() -> None:
    scene = Scene(assume(TRAIN, "ASIAEXAMPLEONE"), made_user("mallory", **by_key("ASIAEXAMPLEONE")))
    scene.search()
    answer = next(j for j in scene.incidents() if j.plan.target.name == "fraud-train")
    assert answer.since == scene.root.since, "the first sign stays the first sign"
    done = msgspec.structs.replace(answer, state=S.DONE, version=9, looks=1, due=NOW + timedelta(seconds=30))
    scene.store._keep(done)
    before = len(scene.incidents())
    assert scene.search_of(done).swept == 1
    assert len(scene.incidents()) == before
    scene.history.records.append(made_user("trent", **by_key("ASIAEXAMPLEONE")))
    again = msgspec.structs.replace(done, swept=1, looks=len(LOOKS), due=NOW)
    scene.store._keep(again)
    scene.search_of(again)
    new = next(j for j in scene.incidents() if j.plan.target.name == "trent")
    assert new.event_key.startswith(f"other:persistence:{scene.root.id}:")
    assert new.actor == EVE.arn, "one incident, one actor, one budget"


def test_who_has_begun_is_left_to_it_for_a_while() -> None:
    scene = Scene(made_user("mallory"))
    process = search(scene.root.id, SETTINGS, ())
    command, answer = next(process), None
    while not isinstance(command, ReadHistory):
        answer = perform_at_desk(command, scene.desk)  # type: ignore[arg-type]  # nothing else comes before the history
        command = process.send(answer)
    process.close()  # it dies here
    assert run_at_desk(searches(), scene.desk) == ()
    assert scene.search().swept == 0
    scene.clock.time += LEASE
    assert scene.search().swept == 1


@pytest.mark.parametrize("state", [S.DONE, S.NOT_CONTAINED, S.NOTHING_TO_DO, S.STALE, S.FAILED, S.PARTIAL])
def test_what_could_not_be_contained_or_is_gone_is_searched_all_the_same(state: JobState) -> None:
    scene = Scene(made_user("mallory"))
    begun = msgspec.structs.replace(
        scene.root, id="e" * 16, state=S.VERIFYING if state is S.DONE else S.RUNNING, looks=0, due=NOW, version=1
    )
    scene.store._keep(begun)
    ended = run_at_desk(end(begun, state, "so it ended"), scene.desk)
    assert [found.id for found in run_at_desk(searches(), scene.desk) if found.id == ended.id] == [ended.id]
    assert scene.search_of(ended).swept == 1
    scene.clock.time += SEARCH_AGAIN
    assert scene.search_of(ended).due is None


def test_sessions_that_services_and_providers_started_and_that_began_long_before_count() -> None:
    by_service = assume(TRAIN, "ASIAEXAMPLESVC", who={"type": "AWSService", "userName": "", "principalId": ""})
    del by_service["responseElements"]["assumedRoleUser"]
    long_ago = {"eventTime": (NOW - BEFORE - SESSION).isoformat()}
    scene = Scene(
        by_service,
        assume(TRAIN, "ASIAEXAMPLEWEB", eventName="AssumeRoleWithWebIdentity", who={"userName": "", "principalId": ""}),
        assume(TRAIN, "ASIAEXAMPLEOLD", **long_ago),
        made_user("by-service", **by_key("ASIAEXAMPLESVC")),
        made_user("by-web", **by_key("ASIAEXAMPLEWEB")),
        made_user("by-old", **by_key("ASIAEXAMPLEOLD")),
        target=TRAIN,
    )
    scene.search()
    for name in ("by-service", "by-web", "by-old"):
        assert name in scene.incident().reason


@pytest.mark.parametrize(
    "fields",
    [
        {"due": None},
        {"undo_of": "f" * 16},
        {"looks": 0},
        {"swept": 1},
        {"looks": len(LOOKS), "swept": 1, "due": NOW + timedelta(seconds=1)},
    ],
)
def test_when_it_is_not_time(fields: dict[str, Any]) -> None:
    scene = Scene(made_user("mallory"), **fields)
    assert run_at_desk(searches(), scene.desk) == ()
    assert scene.search() == scene.root
    assert scene.history.asked == []


def test_a_reversal_is_no_reason_to_look() -> None:
    scene = Scene(action_class=REVERSAL.action_class)
    assert run_at_desk(searches(), scene.desk) == ()


def test_a_search_that_cannot_be_made_is_given_up_loudly_after_an_hour() -> None:
    scene = Scene(looks=len(LOOKS), swept=1, due=NOW)
    scene.clock.time += PATIENCE - timedelta(seconds=1)
    assert run_at_desk(unsearched(scene.root.id, "CloudTrail is down"), scene.desk) == scene.root
    scene.clock.time += timedelta(seconds=1)
    given_up = run_at_desk(unsearched(scene.root.id, "CloudTrail is down"), scene.desk)
    assert given_up.due is None
    assert scene.queue.notices[-1].page
    assert "CloudTrail is down" in scene.queue.notices[-1].text
    assert run_at_desk(unsearched(scene.root.id, "CloudTrail is down"), scene.desk) == given_up


def test_the_history_is_read_nowhere_else() -> None:
    scene = Scene()

    def reads() -> Any:
        yield ReadHistory("Username", "eve", NOW)

    with pytest.raises(RefusedError):
        run_at_desk(reads(), scene.desk)


@pytest.mark.parametrize(
    "record", [{}, {"eventName": "CreateUser", "eventSource": "iam.amazonaws.com"}, {"eventName": 7, "requestParameters": "x"}]
)
def test_a_record_of_any_shape_is_read(record: dict[str, Any]) -> None:
    assert left_by(record) is None
