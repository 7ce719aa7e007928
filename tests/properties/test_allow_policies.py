"""Allow policies of Google Cloud: TRUST 85, 87 and 91 over random ones."""

import json
import random
from typing import Any

import pytest

from ringfence.clouds.gcp import datasets
from ringfence.clouds.memory.google import policy_of
from ringfence.domain.binding import Binding, applied, bindings_of, comparable
from ringfence.domain.identity import Identity
from ringfence.domain.member import MemberKind, parse_member
from ringfence.engine.protect import protected
from tests.support.cases import settings_of
from tests.support.google_states import CONDITIONS, MEMBERS, ROLES, random_binding, random_bindings
from tests.support.scale import cases


def random_policy(rnd: random.Random) -> dict[str, Any]:
    """A policy as Google gives it: entries in any order, some of them of tomorrow."""
    entries: list[Any] = list(policy_of(random_bindings(rnd, 16))["bindings"])  # type: ignore[call-overload]  # a list, by its making
    if rnd.random() < 0.3:
        entries.append({"role": "roles/new", "members": ["somethingNew:x"], "ofTomorrow": {"kept": True}})
    rnd.shuffle(entries)
    conditional = any("condition" in entry for entry in entries)
    audit = [{"service": "allServices", "auditLogConfigs": [{"logType": "DATA_READ"}]}]
    return {"version": 3 if conditional else 1, "etag": "BwX", "bindings": entries, "auditConfigs": audit}


def keys(policy: dict[str, Any]) -> set[str]:
    return {b.key for b in bindings_of(policy)}


def test_85_no_change_drops_a_condition_or_anything_else() -> None:
    rnd = random.Random(85)  # noqa: S311 - repeatable on purpose
    changed = 0
    for _ in range(cases(10_000)):
        policy = random_policy(rnd)
        binding, add = random_binding(rnd), rnd.random() < 0.5
        if rnd.random() < 0.6 and policy["bindings"]:
            binding = rnd.choice(list(bindings_of(policy)))
        whole = json.dumps(policy)
        made = applied(policy, binding, add=add)
        assert json.dumps(policy) == whole, "what was read is not touched"
        if made is None:
            assert (binding.key in keys(policy)) is add
            continue
        changed += 1
        assert keys(made) == (keys(policy) | {binding.key} if add else keys(policy) - {binding.key})
        assert {k: v for k, v in made.items() if k != "bindings"} == {k: v for k, v in policy.items() if k != "bindings"}
        untouched = [e for e in policy["bindings"] if e["role"] != binding.role or e.get("condition") != binding.condition]
        assert [e for e in made["bindings"] if e in untouched] == untouched, "every other entry as it was, in its order"
        assert all(entry["members"] for entry in made["bindings"])
    assert changed > cases(10_000) // 4


def test_91_removing_and_undoing_is_exact_in_any_order() -> None:
    rnd = random.Random(91)  # noqa: S311 - repeatable on purpose
    removed = 0
    for _ in range(cases(2000)):
        policy = random_policy(rnd)
        taken = rnd.sample(list(bindings_of(policy)), min(3, len(list(bindings_of(policy)))))
        now = policy
        for binding in taken:
            now = applied(now, binding, add=False) or now
        assert keys(now) == keys(policy) - {b.key for b in taken}
        foreign = random_binding(rnd)
        between = applied(now, foreign, add=True) or now
        rnd.shuffle(taken)
        for binding in taken:
            between = applied(between, binding, add=True) or between
        assert keys(between) == keys(policy) | {foreign.key}
        removed += len(taken)
    assert removed > cases(2000)


def test_91_in_a_data_set_too() -> None:
    rnd = random.Random(92)  # noqa: S311 - repeatable on purpose
    entries: list[dict[str, Any]] = [
        {"role": "OWNER", "userByEmail": "ana@example.com"},
        {"role": "READER", "specialGroup": "projectReaders"},
        {"role": "READER", "iamMember": "user:bo@example.com"},
        {"role": "roles/bigquery.filteredDataViewer", "groupByEmail": "ml@example.com", "condition": dict(CONDITIONS[2] or {})},
        {"view": {"projectId": "p", "datasetId": "d", "tableId": "v"}},
        {"dataset": {"dataset": {"projectId": "p", "datasetId": "e"}, "targetTypes": ["VIEWS"]}},
    ]
    for _ in range(cases(500)):
        dataset = {"datasetReference": {"projectId": "fraud-ml-prod"}, "etag": "e", "access": rnd.sample(entries, rnd.randint(0, 6))}
        held = list(bindings_of(datasets.policy_of(dataset)))
        if not held:
            continue
        binding = rnd.choice(held)
        less = datasets.applied(dataset, binding, add=False)
        assert less is not None
        assert [e for e in dataset["access"] if e in less["access"]] == less["access"]
        assert len(less["access"]) == len(dataset["access"]) - 1
        back = datasets.applied(less, binding, add=True)
        assert back is not None
        assert keys(datasets.policy_of(back)) == keys(datasets.policy_of(dataset))
        assert datasets.applied(back, binding, add=True) is None


KINDS = {
    "user": MemberKind.USER,
    "serviceAccount": MemberKind.SERVICE_ACCOUNT,
    "group": MemberKind.GROUP,
    "domain": MemberKind.DOMAIN,
}


def random_member(rnd: random.Random) -> tuple[str, MemberKind]:
    name = "".join(rnd.choice("abcXYZ019.-_+") for _ in range(rnd.randint(1, 20)))
    made = rnd.randrange(8)
    if made == 0:
        return rnd.choice(("allUsers", "allAuthenticatedUsers")), MemberKind.EVERYBODY
    if made == 1:
        return f"principal://iam.googleapis.com/{name}", MemberKind.PRINCIPAL
    if made == 2:
        return f"principalSet://goog/{name}", MemberKind.PRINCIPAL_SET
    if made == 3:
        return f"projectEditor:{name}", MemberKind.CONVENIENCE
    if made == 4:
        return f"new{name}:{name}", MemberKind.UNKNOWN
    kind = rnd.choice(sorted(KINDS))
    deleted = rnd.random() < 0.3
    return (f"deleted:{kind}:{name}@example.com?uid=1{name}" if deleted else f"{kind}:{name}@example.com"), KINDS[kind]


def test_87_every_kind_of_member_is_parsed_and_comes_back_as_it_was() -> None:
    rnd = random.Random(87)  # noqa: S311 - repeatable on purpose
    settings = settings_of(None)
    seen: set[MemberKind] = set()
    for _ in range(cases(10_000)):
        text, kind = random_member(rnd)
        member = parse_member(text)
        seen.add(member.kind)
        assert (member.text, member.kind) == (text, kind)
        assert member.deleted == text.startswith("deleted:")
        policy = {"bindings": [{"role": "roles/viewer", "members": [text, "user:other@example.com"]}]}
        without = applied(policy, Binding("roles/viewer", "user:other@example.com"), add=False)
        assert without == {"bindings": [{"role": "roles/viewer", "members": [text]}]}, "byte for byte"
        assert Binding("roles/viewer", text).delta["member"] == text
        assert protected(Identity.member(text, "p"), settings, None) is None, "what is deleted may be undeleted: its grants can be taken"
    assert seen == set(MemberKind)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("user:Ana@Example.com", "user:ana@example.com", True),
        ("serviceAccount:A@p.iam.gserviceaccount.com", "serviceAccount:a@p.iam.gserviceaccount.com", True),
        ("group:ML@example.com", "group:ml@example.com", True),
        ("deleted:user:Ana@example.com?uid=1", "deleted:user:ana@example.com?uid=1", True),
        ("user:ana@example.com", "deleted:user:ana@example.com?uid=1", False),
        ("user:ana@example.com", "serviceAccount:ana@example.com", False),
        ("principal://goog/subject/Ana", "principal://goog/subject/ana", False),
        ("somethingNew:A", "somethingNew:a", False),
        ("allUsers", "allusers", False),
    ],
)
def test_87_addresses_know_no_case_and_nothing_else_does(one: str, other: str, same: bool) -> None:
    assert (comparable(one) == comparable(other)) is same
    assert (Binding(ROLES[0], one).key == Binding(ROLES[0], other).key) is same


def test_the_samples_hold_every_kind() -> None:
    assert {parse_member(text).kind for text in MEMBERS} == set(MemberKind)


@pytest.mark.parametrize("broken", [None, 7, "x", [7], [{"role": 7, "members": ["user:a@b"]}], [{"role": "r"}], [{"role": "r", "members": "x"}], [{"role": "r", "members": [7]}]])  # fmt: skip
def test_what_is_no_binding_grants_nothing_and_stays(broken: object) -> None:
    assert list(bindings_of({"bindings": broken})) == []
