"""The double of Slack answers, refuses and fails as Slack and networks do."""

import copy
import http.client
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from urllib.parse import urlencode, urlsplit

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError

from tests.support.slack_double import TOKEN, Channel, Fault, SlackDouble, User, serving
from tests.support.slack_payloads import METADATA, NOW, Json, actions, button, modal, mrkdwn, plain, post, section


class Time:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def double(time: Time) -> SlackDouble:
    made = SlackDouble(time)
    made.add_channel(Channel("C0000OPS", "ops", members={"U0000ANA"}))
    made.add_channel(Channel("C000OPEN", "open", is_member=False))
    made.add_channel(Channel("C0HIDDEN", "hidden", is_private=True, is_member=False))
    made.add_channel(Channel("C0000OLD", "old", is_archived=True))
    made.add_user(User("U0000ANA", "Ana", "ana@example.com"))
    made.add_user(User("U0000EVE", "Eve", team_id="T000OTHER", is_stranger=True, is_restricted=True))
    return made


def ask(double: SlackDouble, method: str, payload: Json, **headers: str) -> Json:
    writes = method.startswith(("chat", "views"))
    kind = "application/json; charset=utf-8" if writes else "application/x-www-form-urlencoded"
    body = json.dumps(payload) if writes else urlencode(payload)
    sent = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind, **{name.replace("_", "-"): value for name, value in headers.items()}}
    status, _, answer = double.handle(method, {name: value for name, value in sent.items() if value}, body.encode())
    assert status == 200
    told: Json = json.loads(answer)
    assert told["ok"] is ("error" not in told)
    return told


def test_a_message_is_posted_updated_and_read(double: SlackDouble) -> None:
    posted = ask(double, *post(actions(button()), metadata=METADATA))
    assert posted["ts"] == "1772442000.250000"
    assert posted["message"]["blocks"][0]["block_id"]
    reply = ask(double, *post(thread_ts=posted["ts"]))
    assert reply["ts"] == "1772442000.250001"  # the clock stands still
    history = ask(double, "conversations.history", {"channel": "C0000OPS", "include_all_metadata": "true"})
    assert [(m["ts"], m["metadata"]) for m in history["messages"]] == [(posted["ts"], METADATA)]
    assert ask(double, "conversations.history", {"channel": "C0000OPS"})["messages"][0]["metadata"] == {"event_type": "job"}

    ask(double, "chat.update", {"channel": "C0000OPS", "ts": posted["ts"], "text": "done"})
    message = double.message("C0000OPS", posted["ts"])
    assert (message.text, message.blocks, message.metadata) == ("done", [], METADATA)
    assert message.edited
    ask(double, "chat.update", {"channel": "C0000OPS", "ts": posted["ts"], "text": "done", "metadata": {}})
    assert message.metadata is None
    assert double.unsafe == []
    assert [c.method for c in double.calls][-1] == "chat.update"
    assert double.calls[0].payload["metadata"] == METADATA


def test_history_is_paged_and_bounded(double: SlackDouble) -> None:
    made = [ask(double, *post(text=str(n)))["ts"] for n in range(5)]
    first = ask(double, "conversations.history", {"channel": "C0000OPS", "limit": 2})
    assert ([m["text"] for m in first["messages"]], first["has_more"]) == (["4", "3"], True)
    rest = ask(double, "conversations.history", {"channel": "C0000OPS", "cursor": first["response_metadata"]["next_cursor"]})
    assert ([m["text"] for m in rest["messages"]], rest["has_more"]) == (["2", "1", "0"], False)
    bounds = {"channel": "C0000OPS", "oldest": made[1], "latest": made[3]}
    assert [m["text"] for m in ask(double, "conversations.history", bounds)["messages"]] == ["2"]
    assert [m["text"] for m in ask(double, "conversations.history", {**bounds, "inclusive": "1"})["messages"]] == ["3", "2", "1"]


def test_people_and_channels_are_told(double: SlackDouble) -> None:
    ana, eve = (ask(double, "users.info", {"user": key})["user"] for key in ("U0000ANA", "U0000EVE"))
    assert (ana["profile"]["email"], ana["team_id"], ana.get("is_stranger")) == ("ana@example.com", "T0000TEAM", None)
    assert (eve["team_id"], eve["is_restricted"], eve["is_stranger"], eve["profile"].get("email")) == ("T000OTHER", True, True, None)
    channel = ask(double, "conversations.info", {"channel": "C000OPEN"})["channel"]
    assert (channel["name"], channel["is_private"], channel["is_member"], channel["is_archived"]) == ("open", False, False, False)


def test_only_one_reads_an_ephemeral_and_nobody_updates_it(double: SlackDouble) -> None:
    told = ask(double, "chat.postEphemeral", {"channel": "C0000OPS", "user": "U0000ANA", "text": "x"})
    assert [(m.reader, m.ts) for m in double.ephemerals] == [("U0000ANA", told["message_ts"])]
    assert ask(double, "conversations.history", {"channel": "C0000OPS"})["messages"] == []
    assert ask(double, "chat.update", {"channel": "C0000OPS", "ts": told["message_ts"], "text": "y"})["error"] == "message_not_found"


@pytest.mark.parametrize(
    ("method", "payload", "code"),
    [
        (*post(channel="C0000NOT"), "channel_not_found"),
        (*post(channel="C0HIDDEN"), "channel_not_found"),
        (*post(channel="C000OPEN"), "not_in_channel"),
        (*post(channel="C0000OLD"), "is_archived"),
        (*post(text=""), "no_text"),
        (*post(text="x" * 40_001), "msg_too_long"),
        (*post(section(plain("x" * 3_001))), "invalid_blocks"),
        (*post(*[section(plain("x" * 3_000))] * 5), "msg_blocks_too_long"),
        (*post(metadata={"event_type": "job"}), "invalid_metadata_format"),
        (*post(thread_ts="1.1"), "thread_not_found"),
        ("chat.postMessage", {"text": "x"}, "invalid_arguments"),
        ("chat.update", {"channel": "C0000OPS", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("chat.update", {"channel": "C0000OLD", "ts": "1.1", "text": "x"}, "is_inactive"),
        ("chat.postEphemeral", {"channel": "C0000OPS", "user": "U0000EVE", "text": "x"}, "user_not_in_channel"),
        ("users.info", {"user": "U0000NOT"}, "user_not_found"),
        ("users.info", {}, "invalid_arguments"),
        ("conversations.info", {"channel": "C0HIDDEN"}, "channel_not_found"),
        ("conversations.history", {"channel": "C000OPEN"}, "not_in_channel"),
        ("conversations.history", {"channel": "C0000OPS", "oldest": "x"}, "invalid_ts_oldest"),
        ("conversations.history", {"channel": "C0000OPS", "cursor": "x"}, "invalid_cursor"),
        ("conversations.history", {"channel": "C0000OPS", "limit": "x"}, "invalid_limit"),
        (*modal(), "invalid_trigger_id"),
        (*modal(title=plain("x" * 25)), "invalid_arguments"),
        ("chat.shout", {}, "unknown_method"),
    ],
)
def test_refusals_have_their_codes(double: SlackDouble, method: str, payload: Json, code: str) -> None:
    before = copy.deepcopy(double.messages)
    assert ask(double, method, payload)["error"] == code
    assert (double.messages, double.ephemerals, double.views) == (before, [], [])


def test_a_refusal_points_at_the_place(double: SlackDouble) -> None:
    (message,) = ask(double, *post(section(fields=[plain("x" * 2_001)])))["response_metadata"]["messages"]
    assert message == "[ERROR] must be less than 2001 characters [json-pointer:/blocks/0/fields/0/text]"


def test_another_s_message_is_not_ours_to_update(double: SlackDouble) -> None:
    said = double.say("C0000OPS", "U0000ANA", "hello")
    assert ask(double, "chat.update", {"channel": "C0000OPS", "ts": said.ts, "text": "y"})["error"] == "cant_update_message"
    assert said.text == "hello"


@pytest.mark.parametrize(
    ("method", "headers", "answer"),
    [
        ("chat.postMessage", {"Authorization": ""}, "not_authed"),
        ("chat.postMessage", {"Authorization": "Bearer xoxb-other"}, "invalid_auth"),
        ("chat.postMessage", {"Authorization": TOKEN}, "invalid_auth"),
        ("chat.postMessage", {"Content_Type": "application/x-www-form-urlencoded"}, "invalid_post_type"),
        ("chat.postMessage", {"Content_Type": ""}, "missing_post_type"),
        ("conversations.info", {"Content_Type": "application/json"}, "invalid_arguments"),
    ],
)
def test_headers_are_checked(double: SlackDouble, method: str, headers: dict[str, str], answer: str) -> None:
    assert ask(double, method, post()[1], **headers)["error"] == answer
    assert double.messages["C0000OPS"] == []


def test_json_without_a_charset_is_warned_of(double: SlackDouble) -> None:
    assert ask(double, *post(), Content_Type="application/json")["warning"] == "missing_charset"
    assert "warning" not in ask(double, *post())


@pytest.mark.parametrize(("body", "code"), [(b"{", "invalid_json"), (b"[]", "json_not_object"), (b"\xff", "invalid_json")])
def test_a_body_that_is_no_object_is_refused(double: SlackDouble, body: bytes, code: str) -> None:
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json; charset=utf-8"}
    assert json.loads(double.handle("chat.postMessage", headers, body)[2])["error"] == code


def test_what_is_unsafe_is_kept(double: SlackDouble) -> None:
    assert ask(double, *post(section(mrkdwn("<!here>"))))["ok"]
    assert double.unsafe == ["chat.postMessage: holds a raw <, > or & [json-pointer:/blocks/0/text]"]


@pytest.mark.parametrize(("seconds", "error"), [(3, None), (3.001, "expired_trigger_id")])
def test_a_trigger_works_once_and_not_for_long(double: SlackDouble, time: Time, seconds: float, error: str | None) -> None:
    method, payload = modal(callback_id="deny")
    payload["trigger_id"] = double.trigger()
    time.now += timedelta(seconds=seconds)
    assert ask(double, method, payload).get("error") == error
    assert [v["callback_id"] for v in double.views] == ([] if error else ["deny"])
    if error is None:
        assert ask(double, method, payload)["error"] == "exchanged_trigger_id"


@pytest.mark.parametrize(
    ("kind", "raises", "effect"),
    [("down", ConnectionError, 0), ("timeout", TimeoutError, 0), ("slow", TimeoutError, 0), ("lost", TimeoutError, 1)],
)
def test_a_fault_without_answer(double: SlackDouble, kind: str, raises: type[OSError], effect: int) -> None:
    double.faults = [Fault("chat.postMessage", kind)]
    with pytest.raises(raises):
        ask(double, *post())
    assert len(double.messages["C0000OPS"]) == effect
    assert ask(double, *post())["ok"]
    assert len(double.calls) == 2


@pytest.mark.parametrize(("kind", "status"), [("500", 500), ("429", 429), ("garbled", 200), ("error:fatal_error", 200)])
def test_a_fault_with_an_answer(double: SlackDouble, kind: str, status: int) -> None:
    double.faults = [Fault("users.info", "down"), Fault("*", kind, times=2, retry_after=7)]
    for _ in range(2):
        got, headers, body = double.handle("chat.postMessage", {"Authorization": f"Bearer {TOKEN}"}, b"{}")
        assert got == status
        assert headers.get("Retry-After") == ("7" if kind == "429" else None)
        if kind in ("500", "garbled"):
            with pytest.raises(ValueError, match="Expecting value"):
                json.loads(body)
        else:
            assert json.loads(body) == {"ok": False, "error": {"429": "ratelimited"}.get(kind, "fatal_error")}
    assert ask(double, *post())["ok"]
    assert double.faults == [Fault("users.info", "down")]


def test_there_is_no_other_fault() -> None:
    with pytest.raises(ValueError, match="no kind of fault"):
        Fault("*", "sulks")


def test_many_callers_get_times_of_their_own(double: SlackDouble) -> None:
    with ThreadPoolExecutor(8) as pool:
        times = list(pool.map(lambda n: ask(double, *post(text=f"{n}"))["ts"], range(64)))
    assert len(set(times)) == 64
    assert [m.ts for m in double.messages["C0000OPS"]] == sorted(times)


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], WebClient]:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.delenv(name, raising=False)
    return lambda url: WebClient(TOKEN, base_url=url, retry_handlers=[])


@pytest.mark.enable_socket  # loopback only
def test_slack_s_own_client_works_with_it(double: SlackDouble, client: Callable[[str], WebClient]) -> None:
    with serving(double) as url:
        slack = client(url)
        posted = slack.chat_postMessage(channel="C0000OPS", text="x", blocks=[section()], metadata=METADATA, unfurl_links=False)
        slack.chat_update(channel="C0000OPS", ts=posted["ts"], text="y")
        slack.chat_postEphemeral(channel="C0000OPS", user="U0000ANA", text="x")
        slack.views_open(trigger_id=double.trigger(), view=modal()[1]["view"])
        assert slack.users_info(user="U0000ANA")["user"]["real_name"] == "Ana"
        assert slack.conversations_info(channel="C0000OPS")["channel"]["name"] == "ops"
        history = slack.conversations_history(channel="C0000OPS", include_all_metadata=True)
        assert [(m["text"], m["metadata"]) for m in history["messages"]] == [("y", METADATA)]
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        connection.request("GET", "/api/users.info?user=U0000ANA", headers={"Authorization": f"Bearer {TOKEN}"})
        assert json.loads(connection.getresponse().read())["user"]["id"] == "U0000ANA"
        connection.close()
        with pytest.raises(SlackApiError, match="user_not_found"):
            slack.users_info(user="U0000NOT")
        double.faults = [Fault("*", "429")]
        with pytest.raises(SlackApiError) as limited:
            slack.users_info(user="U0000ANA")
        assert (limited.value.response.status_code, limited.value.response.headers["Retry-After"]) == (429, "30")


@pytest.mark.enable_socket  # loopback only
@pytest.mark.parametrize(("kind", "effect"), [("down", 0), ("timeout", 0), ("lost", 1)])
def test_a_fault_closes_the_connection(double: SlackDouble, kind: str, effect: int) -> None:
    double.faults = [Fault("chat.postMessage", kind)]
    with serving(double) as url:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=5)
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json; charset=utf-8"}
        connection.request("POST", "/api/chat.postMessage", json.dumps(post()[1]), headers)
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
    assert len(double.messages["C0000OPS"]) == effect
