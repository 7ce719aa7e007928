"""42: what opens a door is hidden whole, and what opens nothing is shown."""

import pytest

from ringfence.domain.inert import inert


@pytest.mark.parametrize(
    "text",
    [
        "found -----BEGIN RSA PRIVATE KEY-----\nMIIEowsynthetic\n-----END RSA PRIVATE KEY----- here",
        "found -----BEGIN PRIVATE KEY-----\nMIIEowsynthetic",
        "Authorization: Bearer MIIEowsynthetic0123",
        "sk-ant-MIIEowsynthetic0123",
        "api_key=MIIEowsynthetic",
        "https://x.example/?X-Amz-Signature=MIIEowsynthetic",
        "https://hooks.slack.com/services/MIIEowsynthetic",
    ],
)
def test_42_what_opens_a_door_is_hidden_whole(text: str) -> None:
    assert "MIIE" not in inert(text)


@pytest.mark.parametrize("text", ["a password alone", "sketch_recommendation_train", "arn:aws:iam::123456789012:role/secret-reader"])
def test_42_what_opens_nothing_is_shown(text: str) -> None:
    assert inert(text) == text
