"""108: secrets come from Secrets Manager alone, no request is lost while one is rotated, and none is ever told."""

import ast
import json
import traceback
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import boto3
import msgspec
import pytest

from ringfence import wiring
from ringfence.chat.slack import SlackChat
from ringfence.chat.slack_request import read
from ringfence.clouds.aws import clients
from ringfence.clouds.aws.secrets import fetch
from ringfence.clouds.gcp import secrets as google_secrets
from ringfence.clouds.secret import Secret
from ringfence.domain.card import Press
from ringfence.errors import UpstreamError
from tests.properties.test_slack_requests import PINS, Edge
from tests.support.aws import aws
from tests.support.cases import PACKAGE
from tests.support.google.ports import PROJECT, Ports, ports
from tests.support.google.wire import Reply
from tests.support.jobs import Clock
from tests.support.slack_double import Fault
from tests.support.slack_requests import Signed, function_url_event, sign
from tests.support.template import template
from tests.support.workspace import API, CHANNEL, Workspace

OLD, NEW = "synthetic-old-5b1f", "synthetic-new-9c2e"
BODY = Edge().click("details").body


class Vault:
    """A secret in Secrets Manager, by moto; counts how often it is read."""

    def __init__(self) -> None:
        self.clock, self.reads = Clock(), 0
        self.arn: str = boto3.client("secretsmanager").create_secret(Name="slack", SecretString=OLD)["ARN"]
        clients.secretsmanager().meta.events.register("provide-client-params.secrets-manager.GetSecretValue", self._count)
        self.secret = Secret(self.arn, fetch, self.clock)

    def _count(self, **_: Any) -> None:
        self.reads += 1

    def put(self, text: str) -> None:
        boto3.client("secretsmanager").put_secret_value(SecretId=self.arn, SecretString=text)

    def wait(self, seconds: float) -> None:
        self.clock.time += timedelta(seconds=seconds)

    def edge(self) -> Edge:
        """The edge, signed for with this secret."""
        edge = Edge()
        edge.clock = self.clock
        edge.desk = msgspec.structs.replace(edge.desk, keys=lambda: self.secret)
        return edge

    def heard(self, secret: str) -> bool:
        """Whether a request that is signed with a secret is heard."""
        return bool(self.edge().handle(Signed(sign(secret, BODY, self.clock()), BODY))["statusCode"] == 200)


@pytest.fixture
def vault() -> Iterator[Vault]:
    clients.secretsmanager.cache_clear()
    with aws(managed=False):
        yield Vault()
    clients.secretsmanager.cache_clear()


STAGES = ((OLD, {OLD}), (f"{NEW}\n{OLD}\n", {OLD, NEW}), (f"\n {NEW} \r\n", {NEW}))  # what the secret holds, and who is heard then


@pytest.mark.parametrize("pause", [10, 300, 86400])
def test_108_while_a_secret_is_rotated_no_request_is_lost(vault: Vault, pause: float) -> None:
    lost = []
    for number, (text, signers) in enumerate(STAGES):
        vault.put(text)
        vault.wait(pause)
        for times in range(20):
            lost += [(number, times, signer) for signer in sorted(signers) if not vault.heard(signer)]
            vault.wait(0.5)
    assert lost == []
    assert not vault.heard("another")


def test_108_once_the_old_secret_is_gone_it_opens_nothing_more_after_five_minutes(vault: Vault) -> None:
    vault.put(f"{NEW}\n{OLD}")
    assert vault.heard(OLD)
    vault.put(NEW)
    vault.wait(300)
    assert (vault.heard(OLD), vault.heard(NEW)) == (False, True)


def test_108_a_signature_that_fits_none_has_it_read_again_at_most_every_ten_seconds(vault: Vault) -> None:
    assert vault.heard(OLD)
    assert vault.reads == 1
    vault.put(NEW)
    vault.wait(9.9)
    assert (vault.heard(NEW), vault.reads) == (False, 1)
    vault.wait(0.1)
    assert (vault.heard(NEW), vault.reads) == (True, 2)
    for _ in range(101):
        assert not vault.heard("rubbish")
        vault.wait(0.5)
    assert vault.reads == 2 + 5, "fifty seconds of rubbish are five reads"


def test_108_what_was_read_counts_for_five_minutes_whoever_asks(vault: Vault) -> None:
    for _ in range(60):
        assert vault.heard(OLD)
        vault.wait(15)
    assert vault.reads == 3


@pytest.mark.parametrize("text", [" ", "\n", " \n\t\r\n "])
def test_108_an_empty_secret_signs_for_nobody(vault: Vault, text: str) -> None:
    vault.put(text)
    with pytest.raises(UpstreamError, match="is empty"):
        vault.secret.values()
    for signer in ("", " ", "\n"):
        with pytest.raises(UpstreamError, match="is empty"):
            read(function_url_event(Signed(sign(signer, BODY, vault.clock()), BODY)), lambda: vault.secret, PINS, vault.clock())


def test_108_a_secret_of_bytes_is_none(vault: Vault) -> None:
    made = boto3.client("secretsmanager").create_secret(Name="bytes", SecretBinary=OLD.encode())["ARN"]
    with pytest.raises(UpstreamError, match="is empty"):
        Secret(made, fetch, vault.clock).values()


def test_108_what_cannot_be_read_is_an_outage_that_names_no_secret(vault: Vault) -> None:
    with pytest.raises(UpstreamError, match="reading a secret failed"):
        Secret(f"{vault.arn}x", fetch, vault.clock).values()


def told(error: BaseException) -> str:
    """An exception as a log would write it, causes and all."""
    return "".join(traceback.format_exception(error))


def test_108_the_signing_secret_is_in_no_answer_log_or_exception(vault: Vault, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "ringfence")
    edge = vault.edge()
    vault.put(f"{NEW}\n{OLD}")
    answers = [
        edge.handle(Signed(sign(signer, body, vault.clock()), body))
        for signer in (OLD, NEW, "rubbish")
        for body in (BODY, b"x", b"payload={")
    ]
    assert [answer["statusCode"] for answer in answers] == [200, 400, 400, 200, 400, 400, 401, 401, 401]
    kept = [json.dumps(answers), *edge.log.lines, *(json.dumps(body) for _, body in edge.replies), caplog.text, repr(vault.secret)]
    for secret in (OLD, NEW):
        assert not [text for text in kept if secret in text]


@pytest.mark.parametrize("kind", ["down", "500", "429", "timeout", "garbled", "error:invalid_auth"])
def test_108_the_token_goes_to_slack_alone_and_is_in_no_exception(vault: Vault, kind: str) -> None:
    vault.put(NEW)
    space = Workspace(vault.clock)
    space.double.faults.append(Fault("*", kind, times=9))
    chat = SlackChat(CHANNEL, vault.secret, API, space.send)
    with pytest.raises(UpstreamError) as refused:
        chat.post("a text", "mark")
    assert NEW not in told(refused.value)
    assert NEW not in json.dumps([call.payload for call in space.double.calls])


def test_108_the_newest_token_is_the_one_that_is_sent(vault: Vault) -> None:
    vault.put(f"{NEW}\n{OLD}")
    sent: list[str] = []
    chat = SlackChat(CHANNEL, vault.secret, API, lambda _, headers, __: sent.append(headers["Authorization"]) or (500, b""))  # type: ignore[func-returns-value]
    with pytest.raises(UpstreamError):
        chat.check_channel()
    assert sent == [f"Bearer {NEW}"]


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        yield made


@pytest.mark.enable_socket  # loopback only
def test_108_on_google_cloud_a_secret_is_rotated_the_same_way(google: Ports) -> None:
    name, clock = google.secrets.add(f"{PROJECT}/secrets/slack", OLD.encode()), Clock()
    secret = Secret(name, google_secrets.fetch, clock)
    assert secret.values() == (OLD,)
    google.secrets.add(f"{PROJECT}/secrets/slack", f"{NEW}\n{OLD}\n".encode())
    assert secret.values() == (OLD,)
    assert len(google.google.log) == 1, "kept for some minutes"
    clock.time += timedelta(minutes=5)
    assert secret.values() == (NEW, OLD)


@pytest.mark.enable_socket  # loopback only
def test_108_on_google_cloud_what_is_no_text_or_is_damaged_or_cannot_be_read_is_no_secret(google: Ports) -> None:
    secret = f"{PROJECT}/secrets/slack"
    for data, said in ((b" \n", "is empty"), (b"\xff\xfe", "is empty")):
        with pytest.raises(UpstreamError, match=said):
            Secret(google.secrets.add(secret, data), google_secrets.fetch, Clock()).values()
    google.secrets.versions[secret].append(None)
    for name in (f"{secret}/versions/latest", f"{secret}/versions/9", f"{PROJECT}/secrets/none/versions/latest"):
        with pytest.raises(UpstreamError, match="reading a secret failed"):
            google_secrets.fetch(name)
    payload = {"data": "eA==", "dataCrc32c": "1"}
    for wrong in (payload, {"data": "eA=="}, {}):
        google.google.handlers["secretmanager.projects.secrets.versions.access"] = lambda _, told=wrong: Reply({"payload": told})  # type: ignore[misc]
        with pytest.raises(UpstreamError, match="damaged on the way"):
            google_secrets.fetch(f"{secret}/versions/1")


def test_108_the_functions_know_where_a_secret_lies_and_not_what_it_is(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLACK_SIGNING_SECRET", vault.arn)
    wiring.signing.cache_clear()
    assert wiring.signing().values() == (OLD,)
    wiring.signing.cache_clear()
    environments = [r["Properties"]["Environment"]["Variables"] for r in template().values() if "Environment" in r.get("Properties", {})]
    given = {name: value for variables in environments for name, value in variables.items() if name.startswith("SLACK_")}
    assert given.keys() >= {"SLACK_SIGNING_SECRET", "SLACK_TOKEN"}


def test_108_no_function_reads_a_secret_from_its_environment() -> None:
    """The command line may: there a person sets it for one command, before anything is deployed."""
    found = []
    for file in sorted(PACKAGE.rglob("*.py")):
        names = {n.value for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
        found += [
            (file.relative_to(PACKAGE).as_posix(), name)
            for name in sorted(names)
            if name.isupper() and ("TOKEN" in name or "SECRET" in name)
        ]
    wired = [(file, name) for file in ("wiring.py", "wiring_gcp.py") for name in ("SLACK_SIGNING_SECRET", "SLACK_TOKEN")]
    assert found == [("cli/slack.py", "SLACK_BOT_TOKEN"), *wired]


def test_what_is_tested_here_is_really_signed(vault: Vault) -> None:
    signed = function_url_event(Signed(sign(OLD, BODY, vault.clock()), BODY))
    assert read(signed, lambda: vault.secret, PINS, vault.clock()).press is Press.DETAILS


def test_a_secret_that_is_not_there_is_asked_for_every_ten_seconds_and_not_with_every_request() -> None:
    clock, reads = Clock(), list[str]()

    def fetch_none(name: str) -> str:
        reads.append(name)
        if len(reads) > 2:
            return OLD
        raise UpstreamError(f"{name} cannot be read", "It is tried again")

    secret = Secret("s", fetch_none, clock)
    for seconds, asked in ((0, 1), (1, 1), (9.9, 1), (10, 2), (19, 2)):
        clock.time = Clock().time + timedelta(seconds=seconds)
        for _ in range(50):
            with pytest.raises(UpstreamError):
                secret.values()
            assert secret.again() == ()
        assert len(reads) == asked
    clock.time = Clock().time + timedelta(seconds=20)
    assert secret.values() == (OLD,)
