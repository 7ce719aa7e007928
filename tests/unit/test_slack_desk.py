"""The whole way of a request of Slack: what is done, what stays on record, and who is told what, where. Each with its refusal."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import jsonschema
import msgspec
import pytest

from ringfence.chat.slack_manifest import SCOPES, manifest
from ringfence.domain.finding import Severity
from ringfence.domain.job import Job, JobState
from ringfence.domain.record import Record, RecordKind
from ringfence.engine import cards
from ringfence.engine.chatops import HELP
from ringfence.engine.waive import waived
from tests.properties.test_slack_requests import HOOK, PENDING, SECRET, Edge
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, job, put_done
from tests.support.shell import Shell
from tests.support.slack_double import Fault, serving
from tests.support.slack_limits import inert, problems
from tests.support.slack_requests import submission
from tests.support.workspace import CHANNEL, PEOPLE
from tests.unit.test_undo import key_off

Json = dict[str, Any]
OWNED = msgspec.structs.replace(PENDING, no_say=("person olga", "person eve"))


def safe(method: str, payload: Json, edge: Edge) -> Json:
    """Give a payload back, once Slack would take it and no text in it can do anything."""
    assert (problems(method, payload), inert(payload, method=method, allowed=edge.space.double.named)) == ([], [])
    return payload


class Slack(Edge):
    """Presses, types and fills in, as people do; everything that is answered is checked as Slack would."""

    def press(self, press: str, about: Job = PENDING, user: str = "U0000ANA", **more: Any) -> str:
        """Press a button; give what the person alone is told."""
        before = len(self.replies)
        assert self.handle(self.click(press, about, user, **more)) == {"statusCode": 200, "body": ""}
        told = [body for _, body in self.replies[before:]]
        for body in told:
            assert (body.pop("response_type"), body.pop("replace_original")) == ("ephemeral", False)
            safe("chat.postMessage", {**body, "channel": CHANNEL}, self)
        return words([body["blocks"] for body in told])

    def send(self, press: str, about: str, user: str = "U0000ANA", **fields: Any) -> str:
        """Send a form; give what the view is replaced by."""
        values = {
            name: {name: held if isinstance(held, dict) else {"type": "plain_text_input", "value": held}} for name, held in fields.items()
        }
        trigger = self.space.double.trigger()
        made = submission(SECRET, self.clock(), user=user, callback_id=press, private_metadata=about, values=values, trigger_id=trigger)
        answer = json.loads(self.handle(made)["body"])
        assert answer == {"response_action": "update", "view": answer["view"]}
        return words(safe("views.open", {"trigger_id": "1.1", "view": answer["view"]}, self)["view"]["blocks"])

    def type(self, text: str, user: str = "U0000ANA") -> str:
        """Type a command; give what the person alone is told."""
        answer = self.handle(self.command(text, user))
        if not answer["body"]:
            return ""
        body = json.loads(answer["body"])
        assert (answer["headers"], body.pop("response_type")) == ({"content-type": "application/json"}, "ephemeral")
        return words(safe("chat.postMessage", {**body, "channel": CHANNEL}, self)["blocks"])

    @property
    def view(self) -> Json:
        """The form that was opened last."""
        return self.space.double.views[-1]

    def state(self, about: Job = PENDING) -> tuple[JobState, int]:
        """The state and version of a job as it is stored."""
        stored = self.store.job(about.id)
        assert stored is not None
        return stored.state, stored.version

    def noted(self, kind: RecordKind) -> list[Record]:
        """The records of a kind."""
        return [r for r in self.store.records() if r.kind is kind]


def words(shown: Any) -> str:
    """Every text in some blocks."""
    if isinstance(shown, dict) and isinstance(shown.get("text"), str):
        return str(shown["text"])
    parts = shown.values() if isinstance(shown, dict) else shown if isinstance(shown, list) else ()
    return " ".join(filter(None, map(words, parts)))


@pytest.fixture
def slack() -> Iterator[Slack]:
    made = Slack(OWNED)
    yield made
    assert made.space.double.unsafe == []
    assert {url for url, _ in made.replies} <= {HOOK}


def day(days: int) -> Json:
    return {"type": "datepicker", "selected_date": str(NOW.date() + timedelta(days=days))}


def option(value: str) -> Json:
    return {"type": "radio_buttons", "selected_option": {"text": {}, "value": value}}


def test_an_approval_is_counted_and_sent_on_and_shows_in_the_channel_alone(slack: Slack) -> None:
    assert slack.press("approve", OWNED) == "", "the message in the channel tells it"
    assert slack.state() == (JobState.APPROVED, 1)
    assert slack.queue.to_apply == [PENDING.id]
    (said,) = slack.noted(RecordKind.APPROVAL_DECIDED)
    assert (said.data["voter"], said.data["approve"]) == ("slack:T0000TEAM/U0000ANA", True)
    assert [n.text for n in slack.queue.notices] == ["approved by slack:T0000TEAM/U0000ANA"]


@pytest.mark.parametrize(
    ("user", "says"),
    [("U0000ZOE", "no approver"), ("U0000EVE", "caused the event"), ("U0000OLGA", "is involved")],
)
def test_whoever_has_no_say_is_told_so_alone(slack: Slack, user: str, says: str) -> None:
    for press in ("approve", "exempt"):
        told = slack.press(press, OWNED, user) or slack.send(press, f"{OWNED.id} ", user, reason="x", until=day(1))
        assert says in told
    assert says in slack.send("deny", cards.value(OWNED), user, reason="x")
    assert slack.state() == (JobState.PENDING, 0)
    assert (slack.queue.notices, slack.queue.to_apply, slack.noted(RecordKind.APPROVAL_DECIDED)) == ([], [], [])


STALE_BUTTONS = {
    "no plan": (OWNED.id, "does not say which plan"),
    "another plan": (f"{OWNED.id} 0123456789abcdef", "another plan than the one that was shown"),
    "no such job": ("ffff 0123456789abcdef", "there is no job ffff"),
    "nothing": ("", "there is no job (none named)"),
    "a path": ("../../x y", "there is no job ../../x"),
}


@pytest.mark.parametrize(("value", "says"), STALE_BUTTONS.values(), ids=STALE_BUTTONS)
def test_a_vote_is_about_the_plan_that_was_shown(slack: Slack, value: str, says: str) -> None:
    assert says in slack.press("approve", OWNED, value=value)
    assert says in slack.send("deny", value, reason="x")
    assert slack.state() == (JobState.PENDING, 0)


def test_a_denial_asks_why_and_ends_the_question(slack: Slack) -> None:
    assert slack.press("deny", OWNED) == ""
    assert (slack.state(), slack.view["private_metadata"]) == ((JobState.PENDING, 0), cards.value(OWNED))
    assert [block["type"] for block in slack.view["blocks"]] == ["section", "input"]
    told = slack.send(slack.view["callback_id"], slack.view["private_metadata"], reason="a false <!channel> alarm\u202e")
    assert told == f"job {OWNED.id} is denied"
    assert slack.state() == (JobState.DENIED, 1)
    (said,) = slack.noted(RecordKind.APPROVAL_DECIDED)
    assert said.data["reason"] == r"a false <!channel> alarm\u202e"
    assert "is denied, not pending" in slack.press("approve", OWNED)


@pytest.mark.parametrize("kind", ["down", "500", "429", "timeout", "garbled", "error:expired_trigger_id"])
def test_where_the_form_cannot_be_opened_they_are_told_and_nothing_is_decided(slack: Slack, kind: str) -> None:
    slack.space.double.faults.append(Fault("views.open", kind))
    assert "views.open" in slack.press("deny", OWNED)
    assert slack.state() == (JobState.PENDING, 0)
    assert slack.press("deny", OWNED) == "", "and they may press again"


def test_a_trigger_opens_one_form_and_only_for_three_seconds(slack: Slack) -> None:
    made = slack.click("deny", OWNED)
    slack.clock.time += timedelta(seconds=4)
    slack.handle(made)
    assert "expired_trigger_id" in slack.said
    assert slack.space.double.views == []


def test_details_and_the_card_are_shown_to_who_asks_alone(slack: Slack) -> None:
    assert "aws iam attach-role-policy --role-name fraud-train" in slack.press("details", OWNED, "U0000ZOE")
    assert OWNED.plan.digest in slack.press("details", OWNED)
    assert "waits for a decision: 0 of 1 approvals, 60 minutes left" in slack.press("show", OWNED)
    assert "there is no job ffff" in slack.press("details", value="ffff x")
    assert slack.space.double.messages[CHANNEL] == []
    assert slack.state() == (JobState.PENDING, 0)


def test_the_owner_says_whether_it_was_them_and_decides_nothing(slack: Slack) -> None:
    assert slack.press("mine", OWNED, "U0000OLGA") == ""
    assert [block.get("block_id") for block in slack.view["blocks"]][1:] == ["mine", "reason"]
    told = slack.send("mine", slack.view["private_metadata"], "U0000OLGA", mine=option("no"), reason="I was asleep")
    assert told == "thank you, those who decide see it: it was NOT me"
    (said,) = slack.noted(RecordKind.OWNER_ANSWERED)
    assert said.data == {"by": "slack:T0000TEAM/U0000OLGA", "mine": False}
    assert said.reason == "slack:T0000TEAM/U0000OLGA says: it was NOT me - I was asleep"
    assert [(n.text, n.page) for n in slack.queue.notices] == [(said.reason, True)]
    slack.clock.time += timedelta(minutes=1)
    slack.send("mine", cards.value(OWNED), "U0000EVE", mine=option("yes"))
    assert [n.page for n in slack.queue.notices] == [True, False]
    assert len({n.id for n in slack.queue.notices}) == len(slack.noted(RecordKind.OWNER_ANSWERED)) == 2
    assert slack.state() == (JobState.PENDING, 0)


def test_nobody_but_the_owner_is_asked_whether_it_was_them(slack: Slack) -> None:
    assert "asks the owner of the identity" in slack.press("mine", OWNED)
    assert "asks the owner of the identity" in slack.send("mine", cards.value(OWNED), mine=option("yes"))
    assert (slack.noted(RecordKind.OWNER_ANSWERED), slack.queue.notices, slack.space.double.views) == ([], [], [])


def done(slack: Slack, made: Job, *changed: int) -> Job:
    named = msgspec.structs.replace(made, id="fedcba9876543210", actor=None)
    return put_done(slack.store, named, *changed)


def test_our_own_containment_is_undone_by_a_word(slack: Slack) -> None:
    made = done(slack, job(CONTAINMENT), 0)
    told = slack.type(f"undo {made.id}")
    (undo,) = (one for one in slack.store.jobs() if one.undo_of == made.id)
    assert told == f"undo {undo.id} of job {made.id} is approved"
    assert slack.queue.to_apply == [undo.id]
    assert undo.actor == "slack:T0000TEAM/U0000ANA"
    (asked,) = slack.noted(RecordKind.UNDO_REQUESTED)
    assert asked.data["override"] == ""


def test_an_undo_that_wakes_sessions_asks_for_a_reason(slack: Slack) -> None:
    made = done(slack, job(CONTAINMENT, key_off()), 0, 1)
    assert slack.type(f"undo {made.id}") == ""
    assert "may be alive until 2026-03-03 21:00 UTC" in words(slack.view["blocks"])
    assert "may be alive" in slack.send("undo", slack.view["private_metadata"], reason="  ")
    assert slack.queue.to_apply == []
    assert "is approved" in slack.send("undo", slack.view["private_metadata"], reason="nobody ever used it")
    (asked,) = slack.noted(RecordKind.UNDO_REQUESTED)
    assert asked.data["override"] == "nobody ever used it"


@pytest.mark.parametrize("severity", [Severity.LOW, Severity.CRITICAL])
def test_from_the_chat_nothing_is_given_back(slack: Slack, severity: Severity) -> None:
    made = done(slack, msgspec.structs.replace(job(REVERSAL), severity=severity), 0)
    before = (slack.store.jobs(), slack.store.records())
    for told in (slack.type(f"undo {made.id}"), slack.send("undo", f"{made.id} ", reason="please")):
        assert f"Run `ringfence undo {made.id}`" in told
    assert (slack.store.jobs(), slack.store.records()) == before
    assert (slack.queue.to_apply, slack.queue.notices) == ([], [])


@pytest.mark.parametrize(("user", "says"), [("U0000ZOE", "no approver"), ("U0000EVE", "caused the event")])
def test_an_undo_has_the_say_of_a_vote(slack: Slack, user: str, says: str) -> None:
    made = put_done(slack.store, msgspec.structs.replace(job(CONTAINMENT), id="fedcba9876543210"), 0)
    assert says in slack.type(f"undo {made.id}", user)
    assert "still pending" in slack.type(f"undo {OWNED.id}")
    assert "there is no job ffff" in slack.type("undo ffff")
    assert "there is no job (none named)" in slack.type("undo")
    assert slack.queue.to_apply == []


def test_an_exemption_has_a_reason_and_an_end_and_stays_on_record(slack: Slack) -> None:
    assert slack.type(f"exempt {OWNED.id}") == ""
    assert [block.get("block_id") for block in slack.view["blocks"]][1:] == ["reason", "until"]
    told = slack.send("exempt", slack.view["private_metadata"], reason="a migration", until=day(30))
    assert "until 2026-04-01: a migration" in told
    (made,) = waived(slack.store)
    assert (made.principal, made.guardrail, made.reason) == ("AROAEXAMPLE", "test", "a migration")
    (said,) = slack.noted(RecordKind.EXEMPTION_GRANTED)
    assert [(n.id, n.text) for n in slack.queue.notices] == [(said.id, said.reason)]
    assert slack.state() == (JobState.PENDING, 0)


REFUSED_EXEMPTIONS = {
    "too long": ({"reason": "x", "until": day(31)}, "ends within 30 days"),
    "over already": ({"reason": "x", "until": day(-1)}, "ends within 30 days"),
    "no reason": ({"until": day(1)}, "needs a reason"),
    "a blank reason": ({"reason": " \t ", "until": day(1)}, "needs a reason"),
    "no end": ({"reason": "x"}, "has no last day"),
    "an end that is none": ({"reason": "x", "until": {"type": "datepicker", "selected_date": "soon"}}, "has no last day"),
    "the last day there is": ({"reason": "x", "until": {"type": "datepicker", "selected_date": str(date.max)}}, "ends within 30 days"),
}


@pytest.mark.parametrize(("fields", "says"), REFUSED_EXEMPTIONS.values(), ids=REFUSED_EXEMPTIONS)
def test_an_exemption_without_reason_or_end_is_none(slack: Slack, fields: Json, says: str) -> None:
    assert says in slack.send("exempt", f"{OWNED.id} ", **fields)
    assert (waived(slack.store), slack.queue.notices) == ((), [])


def test_the_switch_is_turned_by_whom_the_configuration_names_and_turned_back_by_approvers(slack: Slack) -> None:
    assert slack.type("stop", "U0000ZOE") == "stopped, by slack:T0000TEAM/U0000ZOE"
    assert "stopped by slack:T0000TEAM/U0000ZOE at 2026-03-02 09:00 UTC" in slack.type("status")
    assert "is no approver" in slack.type("resume", "U0000ZOE")
    assert slack.type("RESUME now please") == "running, by slack:T0000TEAM/U0000ANA"
    assert [r.kind for r in slack.store.records() if r.job != OWNED.id] == [RecordKind.KILLSWITCH] * 2
    slack.space.double.users["U0000BO"].deleted = True
    assert "no full member" in slack.type("stop", "U0000BO")
    assert slack.type("status").startswith("running, mode graduated; ")


@pytest.mark.parametrize("text", ["", " ", "help", "approve", "details", "\u202estop", "st\u043ep", "stop;resume", "<!here>", "x" * 3000])
def test_words_that_are_none_are_answered_with_those_that_are(slack: Slack, text: str) -> None:
    assert slack.type(text) == HELP
    assert (slack.store.switch(), slack.fetched["chat"]) == (None, 0)


def test_an_unknown_button_is_nothing(slack: Slack) -> None:
    for press in ("run", "", "APPROVE", "approve ", "apply"):
        assert slack.handle(slack.click(press, OWNED)) == {"statusCode": 400, "body": ""}
    assert slack.fetched == {"keys": 5}


# What the app manifest reference tells of the fields that we use (docs.slack.dev/reference/app-manifest, and SchemaStore's schema of it).
FLAG = {"type": "boolean"}


def only(required: str, **fields: Json) -> Json:
    """An object with these fields and no others."""
    return {"type": "object", "required": required.split(), "properties": fields, "additionalProperties": False}


def text(longest: int, pattern: str = ".") -> Json:
    return {"type": "string", "maxLength": longest, "pattern": pattern}


HTTPS = text(255, "^https://")
COMMAND = only("command description url", command=text(32, "^/[a-z0-9_-]+$"), description=text(2000), usage_hint=text(1000), url=HTTPS)
COMMAND["properties"]["should_escape"] = FLAG
DISPLAY = only("name", name=text(35), description=text(140), background_color=text(7, "^#[0-9a-fA-F]{6}$"))
BOT = only("display_name", display_name=text(80, "^[a-z0-9._-]+$"), always_online=FLAG)
SETTINGS = only(
    "interactivity",
    interactivity=only("is_enabled request_url", is_enabled={"const": True}, request_url=HTTPS),
    **{name: {"const": False} for name in ("org_deploy_enabled", "socket_mode_enabled", "token_rotation_enabled")},
)
MANIFEST = only(
    "_metadata display_information features oauth_config settings",
    _metadata=only("major_version", major_version={"enum": [1, 2]}, minor_version={"type": "integer"}),
    display_information=DISPLAY,
    features=only(
        "bot_user slash_commands", bot_user=BOT, slash_commands={"type": "array", "minItems": 1, "maxItems": 50, "items": COMMAND}
    ),
    oauth_config=only("scopes", scopes=only("bot", bot={"type": "array", "uniqueItems": True, "items": {"pattern": "^[a-z:.]+$"}})),
    settings=SETTINGS,
)
URL = "https://synthetic.lambda-url.eu-west-1.on.aws/"


@pytest.mark.parametrize("suffix", ["", "prod", "data-science_2", "x" * 21])
def test_the_manifest_is_one_that_slack_takes_and_asks_for_no_more_than_is_used(suffix: str) -> None:
    made = manifest(URL, suffix)
    jsonschema.validate(made, MANIFEST)
    assert made["features"]["slash_commands"][0]["usage_hint"] == HELP
    assert set(SCOPES) == {"chat:write", "commands", "groups:history", "groups:read", "users:read"}


def test_the_command_line_prints_the_manifest_of_a_deployment(shell: Shell) -> None:
    (made,) = shell("slack", "manifest", "--url", URL, "--suffix", "prod", "--json")
    assert made == manifest(URL, "prod")
    assert made["features"]["slash_commands"][0]["command"] == "/ringfence-prod"
    shell("slack", "manifest", "--url", URL)
    assert json.loads(shell.out) == manifest(URL, "")
    shell("slack", "manifest", code=2)
    assert "where Slack should send clicks is not known" in shell.err


def configured(shell: Shell) -> None:
    asked, slack = {"channel": CHANNEL, "approvers": ["ana", "bo"]}, {"team": "T0000TEAM", "app": "A00000APP"}
    config = {"version": 1, "defaults": {"approval": asked}, "people": [dict(p) for p in PEOPLE], "chat": {"slack": slack}}
    shell.write("ringfence.yaml", json.dumps(config))


@pytest.mark.enable_socket  # loopback only
def test_the_command_line_checks_channel_and_people_before_anything_is_deployed(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    double = Edge().space.double
    configured(shell)
    monkeypatch.setenv("SLACK_BOT_TOKEN", double.token)
    with serving(double) as url:
        monkeypatch.setenv("SLACK_API", url)
        assert all(line["ok"] for line in shell("slack", "check", "--json"))
        assert shell.out.count("U0000") == 6, "every account of every person"
        double.channels[CHANNEL].is_private = False
        double.users["U0000BO2"].is_restricted = True
        wrong = {line["what"]: line["reason"] for line in shell("slack", "check", "--json", code=1) if not line["ok"]}
        assert "is not a private channel" in wrong.pop(f"channel {CHANNEL}")
        assert "is_restricted" in wrong.pop("bo (U0000BO2)")
        assert wrong == {}
        monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-another")
        shell("slack", "check", code=1)
    assert "invalid_auth" in shell.out
    assert "xoxb" not in shell.out + shell.err
    assert {call.method for call in double.calls} == {"conversations.info", "users.info"}


def test_the_command_line_needs_a_token_a_workspace_and_an_address_that_is_safe(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLACK_BOT_TOKEN", raising=False)
    shell("slack", "check", code=2)
    assert "no Slack is configured" in shell.err
    configured(shell)
    shell("slack", "check", code=2)
    assert "SLACK_BOT_TOKEN is not set" in shell.err
    for api in ("http://slack.com/api/", "http://127.0.0.1.evil.example/api/", "file:///api/", "http://127.0.0.1@evil.example/"):
        monkeypatch.setenv("SLACK_API", api)
        shell("slack", "check", code=1)
        assert "is no https address" in shell.err
