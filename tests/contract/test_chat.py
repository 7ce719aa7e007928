"""One contract for every chat: memory, Slack (its double)."""

import pytest

from ringfence.clouds.memory import MemoryChat
from ringfence.domain.card import Card, Line
from ringfence.engine.chat import Chat
from ringfence.errors import UpstreamError
from tests.support.jobs import NOW
from tests.support.slack_double import Channel, Fault
from tests.support.workspace import CHANNEL, Workspace, text_of

CARD = Card(title="HIGH: a title", lines=(Line("State", "waits"),), footer="job x")


@pytest.fixture(params=["memory", "slack"])
def chat(request: pytest.FixtureRequest) -> Chat:
    return MemoryChat() if request.param == "memory" else Workspace(lambda: NOW).chat


def test_what_was_posted_is_found_by_its_mark_and_nothing_else_is(chat: Chat) -> None:
    assert chat.find("a", NOW) is None
    first, second = chat.post(CARD, "a"), chat.post("a text", "b")
    assert (chat.find("a", NOW), chat.find("b", NOW), chat.find("c", NOW)) == (first, second, None)
    under = chat.post("a later step", "a", first)
    assert (chat.find("a", NOW, first), chat.find("a", NOW, second), chat.find("a", NOW)) == (under, None, first)


def test_a_message_is_replaced_in_place(chat: Chat) -> None:
    ref = chat.post(CARD, "a")
    chat.update(ref, Card(title="HIGH: another"))
    assert chat.find("a", NOW) == ref


@pytest.mark.parametrize("kind", ["down", "500", "429", "lost", "timeout", "garbled", "error:fatal_error"])
@pytest.mark.parametrize("method", ["chat.postMessage", "conversations.info"])
def test_whatever_slack_does_instead_of_answering_is_an_outage(kind: str, method: str) -> None:
    space = Workspace(lambda: NOW)
    space.double.faults.append(Fault(method, kind))
    with pytest.raises(UpstreamError, match="Slack"):
        space.chat.post(CARD, "a")
    posted = method == "chat.postMessage" and kind == "lost"
    assert (space.chat.find("a", NOW) is not None) is posted, "it is looked for before it is posted again"


@pytest.mark.parametrize(
    "channel",
    [Channel(CHANNEL, "general"), Channel(CHANNEL, "sec", is_private=True, is_member=False), Channel("C0000OTHER", "x", is_private=True)],
)
def test_nothing_is_posted_where_everybody_can_read(channel: Channel) -> None:
    space = Workspace(lambda: NOW)
    del space.double.channels[CHANNEL]
    space.double.add_channel(channel)
    with pytest.raises(UpstreamError):
        space.chat.post(CARD, "a")
    assert not [call for call in space.double.calls if call.method == "chat.postMessage"]


def test_a_message_in_a_long_channel_is_found_page_by_page() -> None:
    space = Workspace(lambda: NOW)
    ref = space.chat.post(CARD, "first")
    for number in range(450):
        space.double.say(CHANNEL, "U0000ANA", f"talk {number}")
    assert space.chat.find("first", NOW) == ref
    assert "waits" in text_of(space.top[0])
