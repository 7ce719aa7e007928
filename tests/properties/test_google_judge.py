"""The judge for Google IAM: more grants are never better, order means nothing, what is unknown is never ok, and no document breaks it."""

import json
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from ringfence.iam import Verdict
from ringfence.iam.google import Around, Judged, dangerous, deny_name, facts, judge
from ringfence.iam.google.verdict import RANK
from tests.support.scale import cases

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
MEMBERS = [
    "user:ada@example.com",
    "user:ADA@example.com",
    "user:someone@gmail.com",
    "group:all@example.com",
    "domain:example.com",
    "serviceAccount:trainer@fraud-ml-prod.iam.gserviceaccount.com",
    "serviceAccount:100000000001-compute@developer.gserviceaccount.com",
    "serviceAccount:100000000001@cloudservices.gserviceaccount.com",
    "serviceAccount:service-100000000001@gcp-sa-aiplatform.iam.gserviceaccount.com",
    "serviceAccount:service-9@gcp-sa-aiplatform-cc.iam.gserviceaccount.com",
    "serviceAccount:service-org-2@security-center-api.iam.gserviceaccount.com",
    "deleted:user:ada@example.com?uid=1",
    "principal://iam.googleapis.com/locations/global/workforcePools/p/subject/s",
    "principalSet://iam.googleapis.com/locations/global/workforcePools/p/*",
    "principal://agents.global.org-2.system.id.goog/resources/aiplatform/projects/1/locations/l/reasoningEngines/1",
    "allUsers",
    "allAuthenticatedUsers",
    "projectEditor:fraud-ml-prod",
    "somebody",
]
EXPRESSIONS = [
    "true",
    "false",
    "resource.matchTag('2/env', 'prod')",
    'request.time < timestamp("2026-03-02T08:00:00Z")',
    'request.time < timestamp("2026-03-02T10:00:00Z")',
    'request.time > timestamp("2026-03-02T08:00:00Z")',
]
KNOWN = [*(f"roles/{role}" for role in facts().roles), "roles/browser", "roles/logging.logWriter", "projects/p/roles/starter"]
COMMON = ["roles/owner", "roles/editor", "roles/viewer", "roles/browser", "roles/iam.serviceAccountUser", "roles/aiplatform.serviceAgent"]
UNKNOWN = ["roles/nobodys.role", "projects/p/roles/other", "owner", "roles/"]
CUSTOM = {"projects/p/roles/starter": ("run.services.create", "run.routes.invoke")}
PLACES = [
    "",
    "projects/p",
    "folders/3",
    "organizations/2",
    "projects/_/buckets/b",
    "projects/p/serviceAccounts/e",
    "//run.googleapis.com/x/y/z",
]
PRINCIPALS = ["principalSet://goog/public:all", "principal://goog/subject/ada@example.com", "principalSet://goog/group/all@example.com", ""]


def binding(rnd: random.Random, roles: list[str]) -> dict[str, Any]:
    made: dict[str, Any] = {"role": rnd.choice(rnd.choice([roles, COMMON])), "members": rnd.sample(MEMBERS, rnd.randint(1, 3))}
    if rnd.random() < 0.3:
        made["condition"] = {"expression": rnd.choice(EXPRESSIONS)}
    return made


def around(rnd: random.Random) -> Around:
    denials = []
    if rnd.random() < 0.4:
        denied = [*rnd.sample([deny_name(p) for p in facts().permissions], 40), "cloudresourcemanager.googleapis.com/*.*"]
        rule = {
            "deniedPrincipals": rnd.sample(PRINCIPALS, 1),
            "exceptionPrincipals": rnd.sample(PRINCIPALS, 1),
            "deniedPermissions": denied,
        }
        denials.append({"rules": [{"denyRule": rule}]})
    inherited = [{"bindings": [binding(rnd, KNOWN)]}] if rnd.random() < 0.3 else []
    return Around(custom=CUSTOM, at=NOW, denials=denials, inherited=inherited)


def essence(judged: Judged) -> object:
    """Give a judgement without the numbers of bindings."""
    told = json.loads(json.dumps([(e.path.id, e.member, e.certain, [(g.permission, g.role, g.conditions, g.certain) for g in e.proof])
                                  for e in (*judged.escalations, *judged.misuses)]))  # fmt: skip
    return judged.verdict, judged.standings, judged.risks, judged.unknown_roles, judged.unknown_members, told


def test_one_more_binding_never_makes_it_better() -> None:
    rnd = random.Random(1)  # noqa: S311 - repeatable on purpose
    for _ in range(cases(20_000)):
        known, place = around(rnd), rnd.choice(PLACES)
        bindings = [binding(rnd, KNOWN + UNKNOWN) for _ in range(rnd.randint(0, 5))]
        more = rnd.choice([binding(rnd, KNOWN + UNKNOWN), {"role": 7}, 7])
        before, after = judge({"bindings": bindings}, known, resource=place), judge({"bindings": [*bindings, more]}, known, resource=place)
        assert RANK[after.verdict] >= RANK[before.verdict], (bindings, more, place)
        surely = {(e.path.id, e.member.lower()) for e in after.escalations if e.certain}
        lost = {(e.path.id, e.member.lower()) for e in before.escalations if e.certain} - surely
        assert all("gserviceaccount" in member for _, member in lost), "only an agent of Google's may come into doubt"


def test_the_order_of_bindings_and_members_means_nothing() -> None:
    rnd = random.Random(2)  # noqa: S311 - as above
    for _ in range(cases(10_000)):
        known, place = around(rnd), rnd.choice(PLACES)
        bindings = [binding(rnd, KNOWN + UNKNOWN) for _ in range(rnd.randint(2, 6))]
        other = [{**b, "members": rnd.sample(b["members"], len(b["members"]))} for b in rnd.sample(bindings, len(bindings))]
        one, two = (judge({"bindings": found}, known, resource=place) for found in (bindings, other))
        assert essence(one) == essence(two)


def test_an_unknown_role_is_never_ok() -> None:
    rnd = random.Random(3)  # noqa: S311 - as above
    for _ in range(cases(10_000)):
        bindings = [binding(rnd, KNOWN) for _ in range(rnd.randint(0, 3))]
        unknown = {"role": rnd.choice(UNKNOWN), "members": [rnd.choice(MEMBERS)]}
        judged = judge({"bindings": [*bindings, unknown]}, around(rnd), resource=rnd.choice(PLACES))
        assert RANK[judged.verdict] >= RANK[Verdict.UNKNOWN]
        assert unknown["role"] in judged.unknown_roles


def test_every_proof_is_a_grant_that_the_policy_makes() -> None:
    rnd = random.Random(4)  # noqa: S311 - as above
    for _ in range(cases(5000)):
        bindings = [binding(rnd, KNOWN) for _ in range(rnd.randint(1, 5))]
        judged = judge({"bindings": bindings}, Around(custom=CUSTOM, at=NOW), resource=rnd.choice(PLACES))
        for escalation in (*judged.escalations, *judged.misuses):
            assert escalation.certain <= all(g.certain for g in escalation.proof)
            assert {g.permission for g in escalation.proof} >= set(escalation.path.all)
            for granted in escalation.proof:
                assert bindings[granted.binding]["role"] == granted.role
                assert granted.permission in dangerous([granted.role], CUSTOM)


def anything(rnd: random.Random, depth: int = 4) -> Any:
    """Any JSON, often with the words of a policy in it."""
    words = [
        "bindings",
        "role",
        "members",
        "condition",
        "expression",
        "policy",
        "resource",
        "etag",
        "rules",
        "denyRule",
        "iamPolicy",
        "name",
    ]
    kind = rnd.randint(0, 7 if depth else 4)
    if kind >= 5:
        return [anything(rnd, depth - 1) for _ in range(rnd.randint(0, 3))]
    if kind == 4 or kind > 5:
        return {rnd.choice(words): anything(rnd, depth - 1) if depth else None for _ in range(rnd.randint(0, 3))}
    return rnd.choice([None, True, 7, 0.5, "", "roles/owner", rnd.choice(MEMBERS), "\ud800", "a" * 5000, *EXPRESSIONS])


def documents(rnd: random.Random) -> Iterator[Any]:
    yield anything(rnd)
    yield {"bindings": anything(rnd)}
    yield {"bindings": [anything(rnd)]}
    yield {"bindings": [{"role": anything(rnd), "members": anything(rnd), "condition": anything(rnd)}]}
    yield {"bindings": [{"role": "roles/owner", "members": [rnd.choice(MEMBERS)], "condition": {"expression": anything(rnd)}}]}
    yield {"policy": anything(rnd), "resource": anything(rnd)}


def test_no_document_breaks_it_and_none_that_cannot_be_read_is_ok() -> None:
    rnd = random.Random(5)  # noqa: S311 - as above
    for _ in range(cases(20_000)):
        for document in documents(rnd):
            judged = judge(
                document,
                Around(
                    denials=[anything(rnd)] if rnd.random() < 0.2 else [], inherited=[anything(rnd)] if rnd.random() < 0.1 else [], at=NOW
                ),
            )
            assert not judged.problems or RANK[judged.verdict] >= RANK[Verdict.UNKNOWN]
            if not isinstance(document, dict):
                assert judged.verdict is Verdict.UNKNOWN


def test_a_policy_of_a_hundred_bindings_takes_a_few_milliseconds() -> None:
    roles = [role for role in facts().roles if role != "owner"]
    document = {"bindings": [{"role": f"roles/{roles[n * 5]}", "members": [f"user:u{n % 60}@example.com", MEMBERS[5]]} for n in range(100)]}
    judge(document)
    taken = []
    for _ in range(30):
        start = time.process_time()
        judge(document)
        taken.append(time.process_time() - start)
    print(f"100 bindings, 200 grants to 61 members: {min(taken) * 1000:.2f} ms")
    assert min(taken) < 0.010
