"""The functions of Google Cloud under functions-framework, end to end over the tests' Google: from a push to what is done, told and sealed."""

import base64
import copy
import io
import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from ringfence import wiring_gcp as wiring
from ringfence.clouds.local_key import signed
from ringfence.domain.binding import bindings_of
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import RecordKind
from ringfence.engine.canary import SOURCE
from ringfence.engine.trail.export import archived
from ringfence.engine.trail.verify import verify
from ringfence.settings import Project, Settings
from tests.support.cases import event_file
from tests.support.google.deployed import ACCOUNT, AUDIENCE, NAMES, OWN, Deployed, deployed
from tests.support.google.issuer import part
from tests.support.google.server import Asked, Refused
from tests.support.slack_requests import click
from tests.support.workspace import API, CHANNEL, Workspace, slack_settings

pytestmark = pytest.mark.enable_socket  # loopback only
P, TRAIN = "projects/fraud-ml-prod", "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
KEY = "0123456789abcdef0123456789abcdef01234567"
SECRET, TOKEN = "synthetic-signing-secret", "xoxb-synthetic"
FRAUD = Project(name="fraud", gcp_projects=("fraud-ml-prod",), gcp_whole=True)


def settings() -> Settings:
    return msgspec.structs.replace(slack_settings(), projects=(FRAUD,), config_hash="test", deployment=Settings().deployment)


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Deployed]:
    plain = msgspec.structs.replace(settings(), slack=None)
    with deployed(monkeypatch, tmp_path, plain) as made:
        made.google.grant(P, "roles/owner", "user:ana@example.com")
        yield made


def event(name: str) -> dict[str, Any]:
    return copy.deepcopy(event_file(f"gcp/{name}.json"))


def granted(cloud: Deployed) -> dict[str, Any]:
    """An owner grant to the training account, as it happens and as the log tells it."""
    cloud.google.grant(P, "roles/owner", TRAIN)
    return event("audit_log/SetIamPolicy")


def members(cloud: Deployed, role: str = "roles/owner") -> list[str]:
    return [b.member for b in bindings_of(cloud.google.policy(P)) if b.role == role]


def only(cloud: Deployed) -> Job:
    (found,) = [job for job in wiring.store().jobs() if job.guardrail != "canary"]
    return found


@pytest.mark.parametrize("form", ["push", "binary", "structured"])
def test_an_owner_grant_to_a_training_account_disappears(cloud: Deployed, form: str) -> None:
    assert cloud.push("evaluate", granted(cloud), form) == 204
    cloud.carry()
    assert members(cloud) == ["user:ana@example.com"]
    assert only(cloud).state is JobState.DONE
    assert cloud.push("evaluate", event("audit_log/SetIamPolicy"), form) == 204, "delivered again"
    cloud.carry()
    assert len([a for a in cloud.google.log if a.method.endswith("setIamPolicy")]) == 1
    (written,) = [a for a in cloud.google.log if a.method.endswith("setIamPolicy")]
    assert written.headers["User-Agent"] == f"ringfence ringfence-job/{only(cloud).id}"


def test_everything_is_sealed_and_an_outsider_can_check_it(cloud: Deployed) -> None:
    cloud.push("evaluate", granted(cloud))
    cloud.carry()
    assert cloud.post("seal", {}) == 204
    said = verify(archived(wiring.archive()), signed, wiring.now())
    assert (said.verified, said.records) == (True, len(wiring.store().records()))
    assert {r.kind for r in wiring.store().records()} >= {RecordKind.DECISION, RecordKind.INTENT, RecordKind.OUTCOME, RecordKind.CLOSED}


def test_our_own_call_is_no_event(cloud: Deployed) -> None:
    ours = granted(cloud)
    ours["protoPayload"]["authenticationInfo"]["principalEmail"] = OWN
    assert cloud.push("evaluate", ours) == 204
    cloud.carry()
    assert TRAIN in members(cloud)


def test_observed_nothing_is_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with deployed(monkeypatch, tmp_path, msgspec.structs.replace(settings(), slack=None), MODE="observe") as cloud:
        cloud.push("evaluate", granted(cloud))
        cloud.carry()
        assert TRAIN in members(cloud)
        assert only(cloud).state is JobState.FOR_A_PERSON
        assert "gcloud" not in "".join(r.reason for r in wiring.store().records())


def leaked(cloud: Deployed) -> dict[str, Any]:
    cloud.google.key("train@fraud-ml-prod.iam.gserviceaccount.com", KEY)
    return event("scc/leaked-key")


def disabled(cloud: Deployed) -> tuple[bool, bool]:
    """Whether the key is, and whether the account is."""
    email = "train@fraud-ml-prod.iam.gserviceaccount.com"
    account = cloud.google.accounts.shelf.values[email]
    (key,) = [k for k in cloud.google.accounts.keys.values.values() if str(k["name"]).endswith(KEY)]
    return bool(key.get("disabled")), bool(account.get("disabled"))


@pytest.mark.parametrize("form", ["push", "binary", "structured"])
def test_a_leaked_key_is_asked_about_in_slack_and_then_disabled(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, form: str) -> None:
    names = {
        "SLACK_SIGNING_SECRET": f"{P}/secrets/signing/versions/latest",
        "SLACK_TOKEN": f"{P}/secrets/token/versions/latest",
        "SLACK_API": API,
    }
    with deployed(monkeypatch, tmp_path, settings(), **names) as cloud:
        cloud.ports.secrets.add(f"{P}/secrets/signing", SECRET.encode())
        cloud.ports.secrets.add(f"{P}/secrets/token", TOKEN.encode())
        space = Workspace(cloud.clock)
        wiring.chat()._send = space.send
        assert cloud.push("evaluate", leaked(cloud), form) == 204
        cloud.carry(1)
        assert (only(cloud).state, disabled(cloud)) == (JobState.PENDING, (False, False))
        (message,) = space.top
        (button,) = [e for b in message.blocks if b["type"] == "actions" for e in b["elements"] if e["action_id"] == "approve"]

        def press(secret: str) -> int:
            given = {"trigger_id": space.double.trigger(), "value": button["value"], "action_id": "approve", "block_id": "decide"}
            signed = click(secret, cloud.clock.time, user="U0000ANA", channel=CHANNEL, message_ts=message.ts, **given)
            return cloud.post("approve", signed.body, signed.headers, token=None)

        assert press("somebody else's") == 401
        assert only(cloud).state is JobState.PENDING
        assert press(SECRET) == 200
        cloud.carry()
        assert (only(cloud).state, disabled(cloud)) == (JobState.DONE, (True, True))


BAD: list[tuple[str, dict[str, Any]]] = [
    ("another audience", {"aud": "https://elsewhere.example.com"}),
    ("another account", {"email": "eve@example.net"}),
    ("not verified", {"email_verified": False}),
    ("expired", {"exp": 1}),
    ("another issuer", {"iss": "https://issuer.example.net"}),
]


@pytest.mark.parametrize("name", [name for name in NAMES if name != "approve"])
@pytest.mark.parametrize(("what", "changes"), BAD)
def test_88_who_is_not_ours_gets_401_and_nothing_happens(cloud: Deployed, name: str, what: str, changes: dict[str, Any]) -> None:
    asked = granted(cloud)
    before = len(cloud.google.log)
    assert cloud.push(name, asked, token=cloud.token(**changes)) == 401
    assert {a.method for a in cloud.google.log[before:]} <= {"www.certs"}, "nothing was read but Google's certificates"


@pytest.mark.parametrize("name", [name for name in NAMES if name != "approve"])
def test_88_without_a_token_or_with_one_that_is_none(cloud: Deployed, name: str) -> None:
    none = f"{part({'alg': 'none', 'kid': 'kid-1'})}.{part(cloud.ports.issuer.claims(AUDIENCE, ACCOUNT, cloud.clock.time))}."
    for token in (None, "x", none):
        assert cloud.push(name, {}, token=token) == 401
    assert cloud.google.log == []


def test_88_a_forged_token_behind_somebody_elses_own_is_refused_where_cloud_run_authenticates(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    plain = msgspec.structs.replace(settings(), slack=None)
    with deployed(monkeypatch, tmp_path, plain, CLOUD_RUN_AUTHENTICATES="yes") as cloud:
        claims = cloud.ports.issuer.claims(AUDIENCE, ACCOUNT, cloud.clock.time)
        forged = f"{part({'alg': 'RS256', 'kid': 'any'})}.{part(claims)}.SIGNATURE_REMOVED_BY_GOOGLE"
        body = {"message": {"data": "e30=", "messageId": "1"}}
        for name in NAMES:
            if name != "approve":
                assert cloud.post(name, body, {"X-Serverless-Authorization": "Bearer a.valid.one"}, token=forged) == 401
        assert cloud.google.log == []
        assert cloud.post("evaluate", body, token=forged) == 204


@pytest.mark.parametrize(("size", "status"), [(100, 401), (2 * 64 * 1024 + 1, 413), (31_000_000, 413)])
def test_of_a_request_that_is_too_large_for_slack_nothing_is_read(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int, status: int
) -> None:
    with deployed(monkeypatch, tmp_path, settings()) as cloud, cloud.apps["approve"].test_client() as client:
        for told in (True, False):
            stream = io.BytesIO(bytes(size))
            length = {"content_length": size} if told else {"environ_overrides": {"CONTENT_LENGTH": "", "wsgi.input_terminated": True}}
            reply = client.post("/", input_stream=stream, content_type="application/x-www-form-urlencoded", **length)
            assert reply.status_code == status
            assert stream.tell() == (size if status == 401 else 0 if told else 2 * 64 * 1024 + 1)
        assert cloud.google.log == []


def test_quick_chores_come_before_those_that_may_take_long(cloud: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    assert cloud.post("review", {}) == 204
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    done = [line["metric"] for line in lines if line["message"] == "counted"]
    assert done[:2] == ["ToldAgain", "TakenUp"]
    assert done[-2:] == ["Censuses", "Excess"]
    assert {"Loaded", "Sealing", "Canaries", "Readable"} <= set(done[:-2])


def test_a_job_that_cannot_be_read_keeps_no_other_from_the_sweep_and_is_named(cloud: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.push("evaluate", granted(cloud))
    cloud.ports.pubsub.taken(f"{P}/topics/jobs")  # its message is lost
    later = {"bytesValue": base64.b64encode(b'{"state":"a state of a later version"}').decode()}
    for number in range(320):
        cloud.ports.firestore.put(f"jobs/x{number}", {"body": later, "due": {"timestampValue": "2000-01-01T00:00:00.000000Z"}})
    cloud.clock.time += timedelta(minutes=10)
    assert cloud.post("review", {}) == 500
    assert "jobs/x0" in "".join(line for line in capsys.readouterr().out.splitlines() if "chore failed" in line)
    cloud.carry()
    assert only(cloud).state is JobState.DONE


def test_where_googles_certificates_cannot_be_had_it_is_sent_again(cloud: Deployed) -> None:
    def down(asked: Asked) -> None:
        if asked.method == "www.certs":
            raise Refused(503, "UNAVAILABLE", "later")

    cloud.google.before = down
    assert cloud.push("evaluate", {}) == 503


def test_what_is_no_event_is_put_on_record_and_not_sent_again(cloud: Deployed) -> None:
    for number, data in enumerate((b"\xff\xfe", b"not json", b"[]", b"{}")):
        assert cloud.push("evaluate", data, message_id=str(number)) == 204
    assert all(job.state in (JobState.FOR_A_PERSON, JobState.UNSUPPORTED) for job in wiring.store().jobs())
    assert wiring.store().jobs()


def test_what_fails_is_sent_again_and_ends_as_a_dead_letter_on_record(cloud: Deployed) -> None:
    asked = granted(cloud)
    cloud.google.forbidden.add("cloudresourcemanager.projects.getIamPolicy")
    assert cloud.push("evaluate", asked) == 500
    assert cloud.push("review", asked) == 204, "dead letters go to review"
    assert only(cloud).state in (JobState.FOR_A_PERSON, JobState.UNSUPPORTED)
    assert "dead" in only(cloud).reason


@pytest.mark.parametrize("name", ["evaluate", "respond", "notify"])
def test_what_is_no_message_is_refused(cloud: Deployed, name: str) -> None:
    wanted = 204 if name == "notify" else 500  # notify is called by its schedule, too
    assert cloud.post(name, {"hello": "world"}) == wanted
    assert cloud.post(name, b"\xff") == wanted


def test_seal_takes_no_message(cloud: Deployed) -> None:
    assert cloud.push("seal", {}) == 500


def test_the_minutes_sweep_takes_a_census_and_takes_up_what_was_lost(cloud: Deployed) -> None:
    cloud.push("evaluate", granted(cloud))
    cloud.ports.pubsub.taken(f"{P}/topics/jobs")  # its message is lost
    cloud.clock.time = cloud.clock.time.replace(minute=10)
    assert cloud.post("review", {}) == 204
    census = wiring.store().census()
    assert census is not None
    assert census.admins == ("user:ana@example.com",)
    assert census.identities == 2
    cloud.carry()
    assert TRAIN not in members(cloud)


def test_a_project_that_cannot_be_read_makes_review_fail_and_the_rest_is_done(cloud: Deployed) -> None:
    cloud.google.forbidden.add("cloudresourcemanager.projects.getIamPolicy")
    assert cloud.post("review", {}) == 500
    assert [r.kind for r in wiring.store().records()] == [RecordKind.CONFIG_LOADED]


def test_the_canary_goes_the_whole_way(cloud: Deployed) -> None:
    assert cloud.push("evaluate", {"source": SOURCE}) == 204
    cloud.carry()
    (job,) = wiring.store().jobs()
    assert (job.guardrail, job.state) == ("canary", JobState.NOTHING_TO_DO)


def test_the_kill_switch_stops_google_too(cloud: Deployed) -> None:
    from ringfence.domain.caller import Caller
    from ringfence.engine.switch import turn

    turn(wiring.store(), Caller("user:ana@example.com"), wiring.settings(), cloud.clock.time, stopped=True)
    cloud.push("evaluate", granted(cloud))
    cloud.carry()
    assert TRAIN in members(cloud)
    assert only(cloud).state is JobState.STOPPED


def test_a_notice_without_a_chat_is_told_to_the_log(cloud: Deployed, capsys: pytest.CaptureFixture[str]) -> None:
    cloud.push("evaluate", leaked(cloud))
    cloud.carry(1)
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (told,) = [line for line in lines if line["message"] == "a notice for people"]
    assert (told["severity"], told["notice"]["state"], told["service"]) == ("WARNING", "pending", "notify")


def our_entry(cloud: Deployed, **changes: Any) -> dict[str, Any]:
    """The log's entry about the removal that our job made."""
    (written,) = [a for a in cloud.google.log if a.method.endswith("setIamPolicy")]
    entry = event("audit_log/SetIamPolicy")
    payload = entry["protoPayload"]
    payload["authenticationInfo"]["principalEmail"] = OWN
    payload["requestMetadata"]["callerSuppliedUserAgent"] = changes.get("agent", written.headers["User-Agent"])
    payload["serviceData"]["policyDelta"]["bindingDeltas"] = [
        {"action": "REMOVE", "role": "roles/owner", "member": TRAIN},
        *changes.get("more", []),
    ]
    entry |= {"insertId": "ours", "timestamp": cloud.clock.time.isoformat()}
    return entry


@pytest.mark.parametrize(
    ("changes", "explained"),
    [
        ({}, True),
        ({"agent": "ringfence ringfence-job/0000000000000000"}, False),
        ({"agent": "google-api-python-client"}, False),
        ({"more": [{"action": "ADD", "role": "roles/owner", "member": "user:eve@example.net"}]}, False),
    ],
)
def test_our_own_call_is_reconciled_with_its_job_and_one_that_none_explains_is_loud(
    cloud: Deployed, changes: dict[str, Any], explained: bool
) -> None:
    cloud.push("evaluate", granted(cloud))
    cloud.carry()
    assert cloud.push("evaluate", our_entry(cloud, **changes)) == 204
    found = [job.guardrail for job in wiring.store().jobs()]
    assert found.count("own-role-unexplained") == (0 if explained else 1)
