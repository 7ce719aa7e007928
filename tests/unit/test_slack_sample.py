"""The sample manifest is what the command prints."""

import json

import pytest

from ringfence.chat.slack_manifest import SCOPES, manifest
from tests.support.cases import ROOT
from tests.support.shell import Shell

URL = "https://synthetic.lambda-url.us-east-1.on.aws/"


def test_the_sample_is_what_is_made() -> None:
    sample = json.loads((ROOT / "samples/slack/manifest.json").read_text())
    assert sample == manifest(URL, "prod")
    assert sample["features"]["slash_commands"][0]["command"] == "/ringfence-prod"
    assert sample["settings"]["interactivity"]["request_url"] == URL


def test_a_command_without_a_suffix_and_no_more_scopes_than_are_used() -> None:
    assert manifest(URL, "")["features"]["slash_commands"][0]["command"] == "/ringfence"
    assert SCOPES == ("chat:write", "commands", "groups:history", "groups:read", "users:read")


@pytest.mark.parametrize("suffix", ["Prod", "data science", "x" * 22, "prod!", "ünicode", "-x"])
def test_a_suffix_that_slack_refuses_is_refused(shell: Shell, suffix: str) -> None:
    shell("slack", "manifest", "--url", "https://x.example/", "--suffix", suffix, code=2)


def test_an_address_without_tls_is_refused(shell: Shell) -> None:
    shell("slack", "manifest", "--url", "http://x.example/", code=2)
