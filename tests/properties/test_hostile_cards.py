"""37, 38, 39 and 42: whatever is written by those who are watched, a message shows it as what it is, and shows no secret."""

import json
import random
import re
from typing import Any

import msgspec
import pytest
from botocore.loaders import Loader
from hypothesis import given, settings
from hypothesis import strategies as st

from ringfence.chat.slack import SlackChat
from ringfence.chat.slack_blocks import message, modal, said
from ringfence.clouds.memory import MemoryQueue, MemoryStore, MemoryThreads
from ringfence.domain.caller import Caller
from ringfence.domain.canonical import digest
from ringfence.domain.card import Form, Press
from ringfence.domain.finding import Severity
from ringfence.domain.glob import any_match
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.inert import odd
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Call, Plan, Step
from ringfence.domain.state import Fact, FactKind
from ringfence.engine import cards
from ringfence.engine.authority import known
from ringfence.engine.chatops import Asked, answer, refused
from ringfence.engine.commands import Desk
from ringfence.engine.ports import Notice
from ringfence.engine.protect import exempts, protected
from ringfence.engine.tell import Teller
from ringfence.errors import RefusedError, UpstreamError
from ringfence.settings import Exemption, Person, Settings
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, Clock, job, put
from tests.support.scale import cases
from tests.support.slack_limits import inert, problems
from tests.support.workspace import API, CHANNEL, OneToken, Workspace, slack_settings

SETTINGS = slack_settings()
NAMED = frozenset(user for person in SETTINGS.people for user in (name.rpartition("/")[2] for name in person.chat))
WHO = SETTINGS.people[-1].chat[0]  # the owner
PIECES = (
    *(
        "<!channel>",
        "<!here>",
        "<!everyone>",
        "<!subteam^S1>",
        "<@U0000EVE>",
        "@channel",
        "#general",
        "<#C0000OPS|ops>",
        "<!date^1^{date}^https://a.example|x>",
    ),
    *(
        "<https://evil.example|AdministratorAccess>",
        "https://evil.example",
        "mailto:a@b.example",
        "&lt;!channel&gt;",
        "&amp;",
        "<",
        ">",
        "&",
        "|",
    ),
    *(
        "`",
        "```",
        "*bold*",
        "_it_",
        "~no~",
        ":warning:",
        ":+1::skin-tone-2:",
        "\n",
        "\r\n",
        "\t",
        "\0",
        "\x1b[31m",
        "\x7f",
        "\x85",
        "\u2028",
        "\u2029",
    ),
    *(
        "\u202e",
        "\u202a",
        "\u2066",
        "\u200f",
        "\u061c",
        "\u200b",
        "\u200d",
        "\u2060",
        "\ufeff",
        "\u00ad",
        "\u3164",
        "\u115f",
        "\u2800",
        "\u034f",
    ),
    *(
        "\ud800",
        "\udfff",
        "\ud83d",
        "😀",
        "\U000e0041",
        "\u0430dmin",
        "\uff1cb\uff1e",
        "שלום",
        "مرحبا",
        "z\u0300\u0301\u0302",
        "İ",
        "ß",
        "'; rm -rf /",
        "${x}",
    ),
)
SHORT = st.lists(st.sampled_from(PIECES) | st.text(st.characters(), max_size=8), max_size=8).map("".join)
LONG = st.builds(
    lambda piece, length: piece * (length // len(piece) + 1), st.sampled_from(PIECES), st.sampled_from((200, 700, 700, 10_000))
)
TEXTS = st.builds(
    lambda turn, *texts: (*texts[turn:], *texts[:turn]), st.integers(0, 7), SHORT | LONG, *[SHORT] * 7
)  # one may be long, anywhere


def hostile(texts: tuple[str, ...], steps: int) -> Job:
    """A job in which everything that somebody else writes is hostile."""
    a, b, c, d, e, f, g, h = texts
    target = Identity(Kind.ROLE, f"arn:aws:iam::123456789012:role/{a}/{b}", b, "123456789012", unique_id=c)
    step = Step(
        action=CONTAINMENT.action,
        action_class=ActionClass.CONTAINMENT,
        fact=Fact(FactKind.INLINE, d),
        before=None,
        after=h,
        call=Call("iam", "PutRolePolicy", {"RoleName": b, "PolicyName": d, "PolicyDocument": e}),
        inverse=Call("iam", "DeleteRolePolicy", {"RoleName": b, "PolicyName": d}),
        otherwise=(msgspec.structs.replace(CONTAINMENT, call=Call("iam", "AttachRolePolicy", {"RoleName": b, "PolicyArn": f})),),
    )
    plan = Plan(target=target, affects=(c,), steps=(step,) * steps, config_hash="test")
    made = msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), plan=plan, reason=e, actor=f, guardrail=g, project=h)
    return msgspec.structs.replace(made, stakes=(h, a) * 4, no_say=("person olga",), approvals=(f"person {f}",))


def settings_with(texts: tuple[str, ...]) -> Settings:
    return msgspec.structs.replace(SETTINGS, account_names={"123456789012": texts[0]})


def messages(made: Job, known: Settings) -> list[dict[str, Any]]:
    """Every message that is made of a job, and of notices about it."""
    ended = msgspec.structs.replace(made, state=JobState.NOT_CONTAINED)
    few = tuple(msgspec.structs.replace(made, severity=severity) for severity in Severity)
    return [
        *(message(cards.card(one, known, NOW, joined=3)) for one in (made, ended)),
        message(cards.details(made, known)),
        message(cards.gathered(few, 7, known, NOW)),
        message(cards.step_words(made, "failed", made.reason, NOW)),
        message(refused(RefusedError(made.reason, made.actor or ""))),
    ]


def views(made: Job, known: Settings) -> list[dict[str, Any]]:
    """Every form about a job, and what becomes of one."""
    store = MemoryStore()
    put(store, made)
    desk, threads = Desk(store, MemoryQueue(), lambda: NOW), MemoryThreads()
    asked = [Asked(press=press, who=Caller(WHO), job=made.id, shown="s", once="1") for press in (Press.DENY, Press.MINE, Press.EXEMPT)]
    forms = [form for one in asked if isinstance(form := answer(one, desk, threads, known), Form)]
    assert len(forms) == len(asked)
    return [*map(modal, forms), said("Ringfence", refused(RefusedError(made.reason)))]


def check(made: Job, known: Settings) -> str:
    """Every message and form about a job is one that Slack takes, and does nothing; give all that they say."""
    posted = messages(made, known)
    for one in posted:
        assert problems("chat.postMessage", {**one, "channel": CHANNEL}) == []
        assert inert(one, allowed=NAMED) == []
    opened = views(made, known)
    for one in opened:
        assert problems("views.open", {"trigger_id": "1.1", "view": one}) == []
        assert inert(one, method="views.open", allowed=NAMED) == []
    said_all = json.dumps([posted, opened], ensure_ascii=False)
    assert said_all.isascii()
    return said_all


@settings(max_examples=cases(20_000) // 4)  # of eight texts each
@given(TEXTS, st.sampled_from((1, 1, 3, 9)))
def test_37_hostile_texts_do_nothing_in_a_message_or_a_form(texts: tuple[str, ...], steps: int) -> None:
    check(hostile(texts, steps), settings_with(texts))


@settings(max_examples=cases(5000))
@given(SHORT, SHORT | LONG, SHORT)
def test_37_hostile_notices_do_nothing_in_the_channel(title: str, text: str, later: str) -> None:
    space, store = Workspace(Clock()), MemoryStore()
    put(store, hostile((title, text, later, "x") * 2, 1))
    fallen: list[str] = []
    teller = Teller(SETTINGS, store, MemoryThreads(), space.chat, space.double.clock, lambda _, why: fallen.append(why))
    for number, (about, told) in enumerate((("-", text), (job(CONTAINMENT).id, text), (job(CONTAINMENT).id, later))):
        teller.tell(Notice(f"n{number}", about, "failed", Severity.HIGH, title, told, NOW))
    assert (fallen, space.double.unsafe) == ([], [])
    assert len(space.double.messages[CHANNEL]) == 3, "one for what is no job, one for the job, and its later step in its thread"


PATTERN = Loader().load_service_model("iam", "service-2")["shapes"]["pathType"]["pattern"]
LEGAL = [chr(number) for number in range(0x21, 0x7F)]
MENTIONS = [piece for piece in PIECES if piece and all(c in LEGAL for c in piece)]


def legal_path(rnd: random.Random) -> str:
    """A path that IAM takes, of up to 512 characters."""
    parts = (
        rnd.choice(MENTIONS) if rnd.random() < 0.3 else rnd.choice(LEGAL) * rnd.choice((1, 1, 1, 9)) for _ in range(rnd.randint(1, 60))
    )
    made = f"/{''.join(parts)[:510]}/"
    assert re.fullmatch(PATTERN, made)
    return made


def test_38_every_path_that_iam_takes_is_shown_as_it_is_and_does_nothing() -> None:
    rnd = random.Random(38)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(2000)):
        arn = f"arn:aws:iam::123456789012:role{legal_path(rnd)}fraud-train"
        target = Identity.from_arn(arn, "AROAEXAMPLE")
        assert target is not None
        made = msgspec.structs.replace(
            job(CONTAINMENT, state=JobState.PENDING), no_say=("person olga",), actor=arn, reason=f"{arn} was changed"
        )
        made = msgspec.structs.replace(made, plan=msgspec.structs.replace(made.plan, target=target))
        check(made, SETTINGS)
        card = cards.card(made, SETTINGS, NOW)
        (shown,) = [line.text for line in card.lines if line.label == "Identity"]
        assert shown.startswith(target.arn if len(target.arn) <= 200 else f"{target.arn[:200]}...(+{len(target.arn) - 200})")
        assert card.warnings == ()


LOOKS_LIKE = {
    "a": "\u0430\u03b1\u1d00",
    "b": "\u0184",
    "c": "\u0441\u03f2",
    "d": "\u0501",
    "e": "\u0435\u212e",
    "f": "\u017f",
    "g": "\u0261",
    "i": "\u0456\u03b9\u0131",
    "k": "\u043a\u212a",
    "l": "\u04cf\u01c0",
    "m": "\u043c",
    "n": "\u0578",
    "o": "\u043e\u03bf",
    "p": "\u0440\u03c1",
    "r": "\u0433",
    "s": "\u0455\u017f",
    "t": "\u0442",
    "u": "\u057d",
    "v": "\u03bd",
    "x": "\u0445",
    "-": "\u2010\u2011\u2212",
}
ENTRIES = ("security-admin", "task-runner", "key-master", "ana")  # the last is an approver
ARNS = tuple(f"arn:aws:iam::123456789012:{'user' if name == 'ana' else 'role'}/{name}" for name in ENTRIES)
GUARDED = msgspec.structs.replace(SETTINGS, never_touch=ARNS[:3])
EXEMPT = tuple(Exemption("g", "p", principal, "r", NOW) for principal in (*ARNS, *ENTRIES, *(f"role/{name}" for name in ENTRIES)))


def look_alike(rnd: random.Random, name: str) -> str:
    """A name that looks like another and is not: one letter of another script, of another width, or one that nobody sees."""
    at = rnd.randrange(len(name))
    letter, unseen = name[at], rnd.choice("\u200b\u200d\u2060\u00ad\ufeff\u202e\u034f\U000e0061")
    instead = (*LOOKS_LIKE.get(letter, ""), chr(ord(letter) + 0xFEE0), letter + unseen, letter + "\u0307", unseen + letter)
    return f"{name[:at]}{rnd.choice(instead)}{name[at + 1 :]}"


def test_39_a_look_alike_is_nobody_that_is_protected_or_exempt_and_its_letters_are_shown() -> None:
    rnd = random.Random(39)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(5000)):
        name = look_alike(rnd, rnd.choice(ENTRIES))
        for kind in (Kind.ROLE, Kind.USER):
            false = Identity.of(kind, name, "123456789012", unique_id="AROAFALSE")
            assert any_match((*ARNS, *ENTRIES), false.arn, name) is None
            assert protected(false, GUARDED, None) is None
            assert not [entry for entry in EXEMPT if exempts(entry, false, None)]
        made = msgspec.structs.replace(job(CONTAINMENT, state=JobState.PENDING), actor=false.arn)
        made = msgspec.structs.replace(made, plan=msgspec.structs.replace(made.plan, target=false))
        warned = cards.card(made, SETTINGS, NOW).warnings
        assert len(warned) == 2
        assert all(ascii(name)[1:-1] in one and one.isascii() for one in warned)


def test_39_who_is_meant_is_protected_and_exempt_and_nobody_is_warned() -> None:
    for name, arn in zip(ENTRIES, ARNS, strict=True):
        real = Identity.from_arn(arn, "AROAREAL")
        assert real is not None
        assert protected(real, GUARDED, None)
        assert any(exempts(entry, real, None) for entry in EXEMPT)
        assert not odd(name)
    assert cards.card(job(CONTAINMENT), SETTINGS, NOW).warnings == ()


MARK = "OnlyInTheDocument"
DOCUMENT = json.dumps({"Statement": [{"Sid": MARK, "Effect": "Allow", "Action": f"s3:{MARK}", "Resource": f"arn:aws:s3:::{MARK}"}]})
WITH_DOCUMENTS = {
    "an inline policy": ("PutRolePolicy", {"RoleName": "fraud-train", "PolicyName": "p", "PolicyDocument": DOCUMENT}),
    "an inline policy of a user": ("PutUserPolicy", {"UserName": "ana", "PolicyName": "p", "PolicyDocument": DOCUMENT}),
    "a trust policy": ("UpdateAssumeRolePolicy", {"RoleName": "fraud-train", "PolicyDocument": DOCUMENT}),
    "a new role": ("CreateRole", {"RoleName": "fraud-train", "AssumeRolePolicyDocument": DOCUMENT}),
    "a version": ("CreatePolicyVersion", {"PolicyArn": "arn:aws:iam::123456789012:policy/p", "PolicyDocument": DOCUMENT}),
    "a document as an object": ("PutModelInvocationLoggingConfiguration", {"loggingConfig": json.loads(DOCUMENT)}),
    "documents in a list": ("PutEventSelectors", {"TrailName": "main", "EventSelectors": [json.loads(DOCUMENT)]}),
}


@pytest.mark.parametrize(("operation", "parameters"), WITH_DOCUMENTS.values(), ids=WITH_DOCUMENTS)
@pytest.mark.parametrize("place", ["call", "inverse", "otherwise"])
def test_42_no_message_holds_a_document_and_its_digest_is_there(operation: str, parameters: dict[str, Any], place: str) -> None:
    call = Call("iam", operation, parameters)
    changed: dict[str, Any] = {place: (msgspec.structs.replace(REVERSAL, call=call),) if place == "otherwise" else call}
    made = job(msgspec.structs.replace(REVERSAL, fact=Fact(FactKind.INLINE, "p"), **changed), state=JobState.PENDING)
    told = check(msgspec.structs.replace(made, no_say=("person olga",)), SETTINGS)
    assert MARK not in told
    document = next(v for v in parameters.values() if MARK in str(v))
    assert f"(sha256 {digest(document)[:16]})" in told


KEYS = ("AKIAIOSFODNN7EXAMPLE", "ASIAIOSFODNN7EXAMPLE", "ABIAIOSFODNN7EXAMPLE", "ACCAIOSFODNN7EXAMPLE", f"AKIA{'Q' * 120}MPLE")


@pytest.mark.parametrize("key", KEYS)
def test_42_of_an_access_key_the_last_four_characters_are_shown(key: str) -> None:
    call = Call("iam", "UpdateAccessKey", {"UserName": "ana", "AccessKeyId": key, "Status": "Inactive"})
    step = msgspec.structs.replace(CONTAINMENT, fact=Fact(FactKind.ACCESS_KEY, key), call=call, inverse=call)
    made = msgspec.structs.replace(job(step, state=JobState.PENDING), reason=f"the key {key} of ana", actor=key, stakes=(f"uses {key}",))
    told = check(msgspec.structs.replace(made, no_say=("person olga",)), SETTINGS)
    assert f"{key[:4]}...MPLE" in told
    assert key[4:-4] not in told


HIDDEN = "bPxRfiCYEXAMPLE0123456789abcdefghij"
SECRETS = {
    **{f"a token of Slack, {kind}": f"{kind}-{HIDDEN}" for kind in ("xoxb", "xoxp", "xoxa", "xapp")},
    **{f"a token of GitHub, {kind}": f"{kind}_{HIDDEN}" for kind in ("ghp", "gho", "ghs", "ghr")},
    "a signed session": f"eyJhbGciOiJub25lIn0.{HIDDEN}.{HIDDEN}",
    "a Bedrock key": f"ABSK{HIDDEN}",
    "a secret access key": f"aws_secret_access_key = {HIDDEN}",
    "a secret access key in JSON": json.dumps({"SecretAccessKey": HIDDEN}),
    "a session token": f"AWS_SESSION_TOKEN={HIDDEN}",
    "a session token in JSON": json.dumps({"sessionToken": HIDDEN}),
    "a signed address": f"https://s3.example/x?X-Amz-Security-Token={HIDDEN}&x=1",
    "a password": f"password: {HIDDEN}",
    "a client secret": f"client_secret={HIDDEN}",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_42_no_message_holds_what_opens_something(secret: str) -> None:
    made = msgspec.structs.replace(hostile((f"x {secret} y",) * 8, 2), guardrail="test")
    assert HIDDEN not in check(made, settings_with((secret,)))


WRONG: dict[str, dict[str, Any]] = {
    "public": {"ok": True, "channel": {"id": CHANNEL, "is_private": False}},
    "shared with another workspace": {"ok": True, "channel": {"id": CHANNEL, "is_private": True, "is_ext_shared": True}},
    "of a kind that is not told": {"ok": True, "channel": {"id": CHANNEL}},
    "private in another word": {"ok": True, "channel": {"id": CHANNEL, "is_private": "true"}},
    "not there": {"ok": True},
    "unknown": {"ok": False, "error": "channel_not_found"},
}


@pytest.mark.parametrize("info", WRONG.values(), ids=WRONG)
def test_42_nothing_is_posted_where_others_read(info: dict[str, Any]) -> None:
    asked: list[str] = []

    def send(url: str, *_: object) -> tuple[int, bytes]:
        asked.append(url.rpartition("/")[2])
        return 200, json.dumps(info).encode()

    chat = SlackChat(CHANNEL, OneToken(), API, send)
    for tries in range(3):
        with pytest.raises(UpstreamError, match=r"private channel|channel_not_found"):
            chat.check_channel() if tries % 2 else chat.post("a text", "mark")
    assert asked == ["conversations.info"] * 3


def test_37_quotes_fit_too() -> None:
    call = Call("iam", "X", {"P": '"' * 400})
    made = job(*[msgspec.structs.replace(CONTAINMENT, call=call, inverse=call)] * 8, state=JobState.PENDING)
    assert problems("chat.postMessage", {**message(cards.details(made, slack_settings())), "channel": CHANNEL}) == []


def test_39_the_sign_for_kelvin_is_no_k() -> None:
    kim = Person(name="kim", cloud=("arn:aws:iam::123456789012:user/kim",))
    settings = msgspec.structs.replace(slack_settings(), people=(kim,), approvers=("kim",))
    assert protected(Identity.of(Kind.USER, "\u212aim", "123456789012", unique_id="AIDAFALSE"), settings, None) is None
    assert known("arn:aws:iam::123456789012:user/\u212aim", settings) is None
