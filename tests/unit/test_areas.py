"""Areas, places and assets against what they stand for: `authorize` for each member, one by one."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ringfence.clouds.authorization_details import Reader
from ringfence.iam import Access, Asset, Climbs, Effect, Graph, Policies, Principal, Request, accesses, authorize, parse
from ringfence.iam.areas import areas
from ringfence.iam.assets import Use, actions_on
from ringfence.iam.catalogue import names
from ringfence.iam.granted import Rules
from ringfence.iam.places import FEW, Places
from tests.support.accounts import ACCOUNT, BOSS, MINE, POLICIES, TAG, arn, doc, holder, role, snapshot, user

ACTION = "iam:CreateAccessKey"
EVERYONE = [arn("user", name) for name in ("ana", "ann", "bob", "team/bob", "zoe")]
RESOURCES = ["*", "ana", "an?", "b*", "*b", "team/*", "${aws:username}", "nobody", "z??"]
OWNER = "ana"
EVERY = ("everyone",)


@st.composite
def statements(draw: st.DrawFn) -> dict[str, Any]:
    """A statement about keys, without conditions."""
    named = draw(st.lists(st.sampled_from(RESOURCES), min_size=1, max_size=2))
    key = draw(st.sampled_from(["Resource", "Resource", "NotResource"]))
    return {
        "Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"])),
        "Action": draw(st.sampled_from(["iam:*", "iam:Create*", ACTION, "s3:*"])),
        key: [n if n == "*" else arn("user", n) for n in named],
    }


documents = st.lists(statements(), min_size=1, max_size=4).map(lambda s: {"Version": "2012-10-17", "Statement": s})


@settings(max_examples=400, deadline=None)
@given(documents, st.none() | documents)
def test_areas_are_what_authorize_allows(document: dict[str, Any], boundary: dict[str, Any] | None) -> None:
    rules = Rules([parse(document)], Rules([parse(boundary)]) if boundary else None)
    found = areas(rules, ACTION, username=OWNER)
    places = Places()
    for member in EVERYONE:
        places.add(EVERY, member)
    places.seal()
    held = [place for area in found if (place := places.find(EVERY, area, "nobody")) is not None]
    inside = {m for place in held for m in places.members(place.name) if m not in place.without}
    for member in EVERYONE:
        asked = Request(action=ACTION, resource=member, principal=Principal("AWS", MINE), context={"aws:username": OWNER})
        allowed = authorize(asked, Policies(identity=[document], boundary=boundary)).effect is Effect.ALLOWED
        assert any(area.holds(member) for area in found) == allowed
        assert (member in inside) == allowed


@pytest.mark.parametrize("more", [{"Condition": TAG}, {"NotResource": arn("user", "${aws:PrincipalTag/x}")}])
def test_a_denial_in_doubt_splits_an_area(more: dict[str, Any]) -> None:
    denial = {"Effect": "Deny", "Action": "iam:*", **({"Resource": arn("user", "b*")} if "NotResource" not in more else {}), **more}
    rules = Rules([parse(doc(ACTION)), parse({"Version": "2012-10-17", "Statement": [denial]})])
    sure, maybe = areas(rules, ACTION)
    assert (sure.granted.certain, maybe.granted.certain) == (True, False)
    bob = arn("user", "bob")
    assert (sure.holds(bob), maybe.holds(bob)) == (False, True)


def test_a_place_leaves_few_out_by_name_and_many_as_a_class() -> None:
    everyone = [arn("user", f"u{n}") for n in range(3 * FEW)]
    for out, alone in ((["u1", "u2"], False), ([f"u{n}" for n in range(2 * FEW)], True)):
        places = Places()
        for member in everyone:
            places.add(EVERY, member)
        places.seal()
        denial = {"Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": [arn("user", n) for n in out]}]}
        (area,) = areas(Rules([parse(doc(ACTION)), parse(denial)]), ACTION)
        place = places.find(EVERY, area, "nobody")
        assert place is not None
        assert (place.name != EVERY) == alone
        assert len(place.without) == (0 if alone else len(out))
        assert places.find(EVERY, area, "nobody") == place
        assert len(places.members(place.name)) - len(place.without) == len(everyone) - len(out)


# what ana holds, with what else -> her access to the bucket: (use, certain, by whom)
DATA_SET = Asset("data", ("arn:aws:s3:::data/train/*", "arn:aws:s3:::data"))
READ, CHANGE = Use.READ, Use.CHANGE
READER = user("rea", doc("s3:GetObject", "arn:aws:s3:::data/*"))
ASSETS: dict[str, tuple[list[Any], set[tuple[Use, bool, tuple[str, ...]]]]] = {
    "nothing": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::other/*"))], set()),
    "reads": ([user("ana", doc("s3:Get*", "arn:aws:s3:::data/*"))], {(READ, True, ())}),
    "reads a part": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/train/x*"))], {(READ, True, ())}),
    "another part of the bucket": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/test/*"))], set()),
    "writes": ([user("ana", doc("s3:PutObject", "arn:aws:s3:::data/*"))], {(CHANGE, True, ())}),
    "opens the bucket": ([user("ana", doc("s3:PutBucketPolicy", "arn:aws:s3:::data"))], {(CHANGE, True, ())}),
    "lists the bucket": ([user("ana", doc("s3:ListBucket", "arn:aws:s3:::data"))], set()),
    "by its own name": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/${aws:username}/*"))], set()),
    "by a tag": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/${aws:PrincipalTag/t}/*"))], {(READ, False, ())}),
    "under a condition": ([user("ana", doc("s3:GetObject", Condition=TAG))], {(READ, False, ())}),
    "all but the data": (
        [user("ana", {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::data/*"}})],
        set(),
    ),
    "all but other data": (
        [user("ana", {"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "NotResource": "arn:aws:s3:::other/*"}})],
        {(READ, True, ())},
    ),
    "denied": ([user("ana", doc("s3:GetObject"), doc("s3:*", "arn:aws:s3:::data/*", "Deny"))], set()),
    "denied in doubt": ([user("ana", doc("s3:GetObject"), doc("s3:*", "arn:aws:s3:::data/*", "Deny", Condition=TAG))], {(READ, False, ())}),
    "denied in part": ([user("ana", doc("s3:GetObject"), doc("s3:*", "arn:aws:s3:::data/train/x*", "Deny"))], {(READ, False, ())}),
    "denied but for the data": (
        [user("ana", doc("s3:GetObject"), {"Statement": {"Effect": "Deny", "Action": "s3:*", "NotResource": "arn:aws:s3:::data/*"}})],
        {(READ, True, ())},
    ),
    "denied elsewhere": ([user("ana", doc("s3:GetObject"), doc("s3:*", "arn:aws:s3:::other/*", "Deny"))], {(READ, True, ())}),
    "within the boundary": ([user("ana", doc("s3:GetObject"), boundary="ceiling")], {(READ, True, ())}),
    "outside of the boundary": ([user("ana", doc("s3:PutObject"), boundary="ceiling")], set()),
    "apart from the boundary": (
        [user("ana", doc("s3:GetObject", "arn:aws:s3:::data/train/x/*"), boundary="other-part")],
        {(READ, False, ())},
    ),
    "a part within the boundary": (
        [user("ana", doc("s3:GetObject", "arn:aws:s3:::data/train/x/*"), boundary="ceiling")],
        {(READ, True, ())},
    ),
    "through one who gets rid of its boundary": (
        [
            user("ana", doc(ACTION, arn("user", "bob"))),
            user("bob", doc("iam:DeleteUserPermissionsBoundary"), doc("s3:PutObject"), boundary="deletes"),
        ],
        {(CHANGE, True, (arn("user", "bob"), arn("user", "bob")))},
    ),
    "nothing that the boundary has, too": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/train/x"), boundary="one-part")], set()),
    "a longer name": ([user("ana", doc("s3:GetObject", "arn:aws:s3:::data/train/?*"))], {(READ, True, ())}),
    "by joining a group, surer than by itself": (
        [user("ana", doc("iam:AddUserToGroup"), doc("s3:GetObject", Condition=TAG)), holder("Group", "team", doc("s3:Get*"))],
        {(READ, True, (arn("group", "team"),))},
    ),
    "by getting rid of its boundary and joining a group": (
        [
            user("ana", doc(["iam:DeleteUserPermissionsBoundary", "iam:AddUserToGroup"]), boundary="frees-and-joins"),
            holder("Group", "team", doc("s3:Get*")),
        ],
        {(READ, True, (arn("group", "team"),))},
    ),
    "an administrator is not listed": ([user("ana", doc("*"))], set()),
    "through another": ([user("ana", doc(ACTION, arn("user", "rea"))), READER], {(READ, True, (arn("user", "rea"),))}),
    "through another, in doubt": (
        [user("ana", doc(ACTION, arn("user", "rea"), Condition=TAG)), READER],
        {(READ, False, (arn("user", "rea"),))},
    ),
    "itself in doubt, through another surely": (
        [user("ana", doc("s3:GetObject", Condition=TAG), doc(ACTION, arn("user", "rea"))), READER],
        {(READ, True, (arn("user", "rea"),))},
    ),
    "itself in doubt, through another in doubt": (
        [user("ana", doc("s3:GetObject", Condition=TAG), doc(ACTION, arn("user", "rea"), Condition=TAG)), READER],
        {(READ, False, ())},
    ),
    "through a class of roles": (
        [
            user("ana", doc("sts:AssumeRole")),
            role(
                "r", doc("s3:GetObject"), by={"Statement": {"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}}
            ),
        ],
        {(READ, True, (arn("role", "r"),))},
    ),
    "through nobody but itself": ([user("ana", doc(ACTION, arn("user", "bob"))), user("bob", doc(ACTION, MINE))], set()),
    "by getting rid of its boundary": (
        [user("ana", doc("iam:DeleteUserPermissionsBoundary", MINE), doc("s3:PutObject"), boundary="deletes")],
        {(CHANGE, True, (MINE,))},
    ),
    "somebody who becomes administrator is not listed for it": ([user("ana", doc(ACTION, arn("user", "boss"))), BOSS], set()),
}


def found_by(entries: list[Any], asset: Asset) -> list[Access]:
    """What an account's identities reach."""
    policies = {
        **POLICIES,
        "deletes": doc("iam:Delete*"),
        "one-part": doc("s3:GetObject", "arn:aws:s3:::data/train/y"),
        "frees-and-joins": doc(["iam:DeleteUserPermissionsBoundary", "iam:AddUserToGroup"]),
        "other-part": doc("s3:GetObject", "arn:aws:s3:::data/train/y/*"),
    }
    return list(accesses(Climbs(Graph(Reader(snapshot(*entries, policies=policies)).account())), [asset]))


@pytest.mark.parametrize("name", ASSETS)
def test_who_reaches_an_asset(name: str) -> None:
    entries, wanted = ASSETS[name]
    mine = [a for a in found_by(entries, DATA_SET) if a.identity == MINE]
    assert {(a.use, a.certain, tuple(s.to for s in a.steps)) for a in mine} == wanted
    assert all(a.granted.action.startswith("s3:") for a in mine)


def test_what_may_be_done_to_a_key_and_to_a_model() -> None:
    key, endpoint = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/one", f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:endpoint/one"
    assert "kms:Decrypt" in names(actions_on(key, READ))
    assert "kms:PutKeyPolicy" in names(actions_on(key, CHANGE))
    assert "sagemaker:InvokeEndpoint" in names(actions_on(endpoint, READ))
    assert "sagemaker:UpdateEndpoint" in names(actions_on(endpoint, CHANGE))
    assert "secretsmanager:GetSecretValue" in names(actions_on(f"arn:aws:secretsmanager:eu-west-1:{ACCOUNT}:secret:prod/db-abc", READ))
    assert "ebs:GetSnapshotBlock" in names(actions_on("arn:aws:ec2:eu-west-1::snapshot/*", READ))
    assert "kms:Decrypt" in names(actions_on(f"arn:aws:kms:eu-west-1:{ACCOUNT}:*", READ))
    assert actions_on("arn:aws:no-such-service:::x", READ) == actions_on("x", READ) == 0


def test_what_a_change_adds_is_what_a_new_graph_finds_more() -> None:
    entries = [user("ana", doc(ACTION, arn("user", "bob"))), user("bob", doc("s3:*")), BOSS]
    account = Reader(snapshot(*entries)).account()
    ana = account.holders[0]
    changed = replace(ana, policies=(*ana.policies, parse(doc(ACTION, arn("user", "boss")))))
    before = Climbs(Graph(account))
    after = Climbs(Graph(replace(account, holders=(changed, *account.holders[1:]))))
    added = before.added(changed)
    assert [(c.identity, c.reaches) for c in added] == [(MINE, "admin")]
    assert list(added) == [c for c in after.all() if c not in before.all()]
    assert before.added(ana) == ()
    everybody = replace(ana, policies=(parse(doc(ACTION)),))
    assert [(c.reaches, c.certain) for c in before.added(everybody)] == [("admin", True)]
    stranger = replace(changed, arn=arn("user", "new"), name="new")
    assert [(c.identity, c.reaches) for c in before.added(stranger)] == [(arn("user", "new"), "admin")]
