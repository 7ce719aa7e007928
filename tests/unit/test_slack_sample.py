"""The sample manifest is what the command prints."""

import json

from ringfence.chat.slack.manifest import SCOPES, manifest
from tests.support.cases import ROOT

URL = "https://synthetic.lambda-url.us-east-1.on.aws/"


def test_the_sample_is_what_is_made() -> None:
    sample = json.loads((ROOT / "samples/slack/manifest.json").read_text())
    assert sample == manifest(URL, "prod")
    assert sample["features"]["slash_commands"][0]["command"] == "/ringfence-prod"
    assert sample["settings"]["interactivity"]["request_url"] == URL


def test_a_command_without_a_suffix_and_no_more_scopes_than_are_used() -> None:
    assert manifest(URL, "")["features"]["slash_commands"][0]["command"] == "/ringfence"
    assert SCOPES == ("chat:write", "commands", "groups:history", "groups:read", "users:read")
