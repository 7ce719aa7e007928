"""What a change allows that was not allowed before: cases as data, and what holds of every pair."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.iam import Effect, Policies, Principal, Request, authorize, difference, parse
from ringfence.iam.catalogue import expand, names
from tests.support.shell import Shell

TAG = {"StringEquals": {"aws:PrincipalTag/team": "ml"}}
ALWAYS = {"StringLike": {"aws:PrincipalArn": "*"}}
DATA = "arn:aws:s3:::data/*"


def allow(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any, resource: Any = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


GET, PUT = allow("s3:GetObject", DATA), allow("s3:PutObject", DATA)
# what -> the old statements, the new ones, what is added
CASES: dict[str, tuple[list[dict[str, Any]], list[dict[str, Any]], set[tuple[str, str]]]] = {
    "nothing": ([GET], [GET], set()),
    "an action": ([GET], [GET, PUT], {("s3:PutObject", DATA)}),
    "less": ([GET, PUT], [GET], set()),
    "more resources": ([GET], [allow("s3:GetObject")], {("s3:GetObject", "*")}),
    "fewer resources": ([allow("s3:GetObject")], [GET], set()),
    "within a pattern": ([GET], [allow("s3:GetObject", "arn:aws:s3:::data/set-1/*")], set()),
    "a condition is taken away": ([allow("s3:GetObject", DATA, Condition=TAG)], [GET], {("s3:GetObject", DATA)}),
    "a condition is put on": ([GET], [allow("s3:GetObject", DATA, Condition=TAG)], set()),
    "the same condition": ([allow("s3:GetObject", DATA, Condition=TAG)], [allow("s3:GetObject", DATA, Condition=TAG)], set()),
    "a condition that always held": ([allow("s3:GetObject", DATA, Condition=ALWAYS)], [GET], set()),
    "a condition that never holds": ([], [allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "false"}})], set()),
    "a denial is taken away": ([GET, deny("s3:*")], [GET], {("s3:GetObject", DATA)}),
    "a denial elsewhere is taken away": ([GET, deny("s3:*", "arn:aws:s3:::logs/*")], [GET], set()),
    "a denial of a part is taken away": ([GET, deny("s3:*", "arn:aws:s3:::data/x")], [GET], {("s3:GetObject", DATA)}),
    "a denial of a part stays": ([GET, deny("s3:*", "arn:aws:s3:::data/x")], [GET, deny("s3:*", "arn:aws:s3:::data/x")], set()),
    "a denial of a part becomes narrower": (
        [GET, deny("s3:*", "arn:aws:s3:::data/x")],
        [GET, deny("s3:Put*", "arn:aws:s3:::data/x")],
        {("s3:GetObject", DATA)},
    ),
    "a denial that never held is taken away": ([GET, deny("s3:*", Condition={"Bool": {"aws:SecureTransport": "false"}})], [GET], set()),
    "what is denied at once": ([GET], [GET, PUT, deny("s3:PutObject")], set()),
    "a denial of all but the holder's own": (
        [],
        [
            allow("s3:GetObject", "arn:aws:s3:::x/ana/*"),
            {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::x/${aws:username}/*"},
        ],
        {("s3:GetObject", "arn:aws:s3:::x/ana/*")},
    ),
    "all but the holder's own was allowed": (
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::x/${aws:username}/*"}],
        [allow("s3:GetObject", "arn:aws:s3:::x/ana/*")],
        {("s3:GetObject", "arn:aws:s3:::x/ana/*")},
    ),
    "a denial of the holder's own is taken away": (
        [allow("s3:GetObject"), deny("s3:*", "arn:aws:s3:::x/${aws:username}/*")],
        [allow("s3:GetObject", "arn:aws:s3:::x/ana/*")],
        {("s3:GetObject", "arn:aws:s3:::x/ana/*")},
    ),
    "all but some, as before": (
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": DATA}],
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": DATA}],
        set(),
    ),
    "all but some": (
        [GET],
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": DATA}],
        {("s3:GetObject", f"NotResource {DATA}")},
    ),
    "one of all but some": (
        [{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": DATA}],
        [allow("s3:GetObject", "arn:aws:s3:::logs/x")],
        set(),
    ),
    "one of those some": ([{"Effect": "Allow", "Action": "s3:GetObject", "NotResource": DATA}], [GET], {("s3:GetObject", DATA)}),
    "a denial of all but some is taken away": (
        [GET, {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::logs/*"}],
        [GET],
        {("s3:GetObject", DATA)},
    ),
}


def policy(statements: list[dict[str, Any]]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": statements}


@pytest.mark.parametrize("name", CASES)
def test_added(name: str) -> None:
    old, new, wanted = CASES[name]
    found = difference([parse(policy(old))] if old else [], [parse(policy(new))])
    assert {(action, one.resource) for one in found.added for action in names(one.actions)} == wanted
    assert ("nothing" in found.sentence) == (not wanted)


def test_the_sentence() -> None:
    notebook = [GET, allow(["sagemaker:CreateNotebookInstance", "iam:PassRole"])]
    assert difference([parse(policy([GET]))], [parse(policy(notebook))]).sentence == (
        "adds 2 actions: iam:PassRole on everything, sagemaker:CreateNotebookInstance on everything; "
        "opens a certain path to more permissions: sagemaker-001"
    )
    found = difference([parse(policy([GET]))], [parse(policy([allow("iam:*", "arn:aws:iam::123456789012:role/x")]))])
    assert found.sentence.startswith(
        f"adds {expand('iam:*').bit_count()} actions, among them iam:PassRole on arn:aws:iam::123456789012:role/x, "
    )
    assert "opens a possible path to more permissions: " in found.sentence
    one = difference([parse(policy([GET]))], [parse(policy([GET, PUT]))])
    assert one.sentence == f"adds 1 action: s3:PutObject on {DATA}"
    surer = difference(
        [parse(policy([allow("iam:CreatePolicyVersion", Condition=TAG)]))], [parse(policy([allow("iam:CreatePolicyVersion")]))]
    )
    assert [e.path.id for e in surer.opened] == ["iam-001"]


STATEMENTS = st.builds(
    lambda effect, action, resource: {"Effect": effect, "Action": action, "Resource": resource},
    st.sampled_from(["Allow", "Allow", "Deny"]),
    st.sampled_from(["s3:GetObject", "s3:Get*", "s3:*", "*"]),
    st.sampled_from(["*", DATA, "arn:aws:s3:::data/set-1", "arn:aws:s3:::d*"]),
)


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.lists(STATEMENTS, min_size=1, max_size=4))
def test_what_becomes_allowed_is_said(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> None:
    role = "arn:aws:iam::123456789012:role/r"
    found = difference([parse(policy(old))], [parse(policy(new))])
    for resource in ("arn:aws:s3:::data/set-1", "arn:aws:s3:::data/set-2", "arn:aws:s3:::logs/x"):
        asked = Request(action="s3:GetObject", resource=resource, principal=Principal("AWS", role), resource_account="123456789012")
        was, now = (authorize(asked, Policies(identity=[policy(s)])).effect is Effect.ALLOWED for s in (old, new))
        if now and not was:
            assert found.actions & expand("s3:GetObject")
    assert not difference([parse(policy(new))], [parse(policy(new))]).added


def test_command(shell: Shell) -> None:
    old, new = shell.write("old.json", json.dumps(policy([GET]))), shell.write("new.json", json.dumps(policy([GET, PUT])))
    line = shell("policy", "--json", "--before", old, new)[0]
    assert line["difference"]["added"] == [{"actions": ["s3:PutObject"], "resource": DATA, "conditions": "none"}]
    shell("policy", "--before", old, new, shell.write("bad.json", "{}"))
    assert "adds 1 action: s3:PutObject" in shell.out
    shell("policy", "--before", shell.write("two.json", json.dumps([{"document": {}}, {"document": {}}])), new, code=2)
    shell("policy", "--before", shell.write("bad.json", "{}"), new, code=2)
