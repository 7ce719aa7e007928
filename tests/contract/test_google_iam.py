"""The writer of Google Cloud, on the wire of the tests' Google: what is written, and what it leaves."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ringfence.clouds.gcp.writer import GoogleWriter
from ringfence.domain.binding import Binding, bindings_of
from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet
from ringfence.engine.ports import Done, Failed, Wanted
from ringfence.errors import RefusedError, UpstreamError
from tests.support.google.grants import (
    ANA,
    BO,
    EVE,
    IAM,
    NIGHT,
    RM,
    TRAIN,
    P,
    Played,
    change,
    fraud,
    member,
    plain,
    project,
    read,
    writer,
    writes,
)
from tests.support.google.server import Asked, Google
from tests.support.scale import cases

pytestmark = pytest.mark.enable_socket  # loopback only
PLANS: list[tuple[str, Callable[[], Identity], dict[str, Any], dict[str, Any]]] = [
    ("gcp.iam.remove-binding", project, {"deltas": [{"role": "roles/editor", "member": TRAIN}]}, {}),
    ("gcp.iam.disable-sa-key", lambda: member(TRAIN), {"key": "0123456789abcdef0123456789abcdef01234567"}, {}),
    ("gcp.iam.disable-service-account", lambda: member(TRAIN), {}, {}),
    ("gcp.iam.deny-principal", lambda: member(TRAIN), {}, {}),
    ("gcp.iam.deny-principal", lambda: member(TRAIN), {}, {"deny_at": "organizations/1"}),
    ("gcp.iam.deny-principal", lambda: member(BO), {}, {"deny_at": P}),
]


@pytest.fixture
def google() -> Iterator[Google]:
    with fraud() as made:
        yield made


def test_a_grant_is_removed_and_every_other_byte_stays(google: Google) -> None:
    google.grant(P, "roles/aiplatform.user", BO, NIGHT)
    google.grant(P, "roles/aiplatform.user", BO)
    google.grant(P, "roles/owner", EVE)
    before = google.policies.now(P)
    assert change("remove", "roles/owner", EVE) == Done("")
    (written,) = writes(google)
    expected = json.loads(json.dumps(before))
    next(b for b in expected["bindings"] if b["role"] == "roles/owner")["members"].remove(EVE)
    sent = json.loads(written.raw)
    assert sent["updateMask"] == "bindings,etag"
    assert json.dumps(sent["policy"]["bindings"]) == json.dumps(expected["bindings"]), "in the same order, byte for byte"
    assert (sent["policy"]["etag"], sent["policy"]["version"]) == (before["etag"], 3)
    assert written.headers["User-Agent"] == "ringfence ringfence-job/j"


@pytest.mark.parametrize("condition", [None, NIGHT])
def test_of_two_bindings_of_a_role_the_one_that_is_meant_goes(google: Google, condition: dict[str, str] | None) -> None:
    google.grant(P, "roles/aiplatform.user", BO, NIGHT)
    google.grant(P, "roles/aiplatform.user", BO)
    assert change("remove", "roles/aiplatform.user", BO, condition) == Done("")
    left = [b for b in read(project()).bindings or () if b.member == BO]
    assert left == [Binding("roles/aiplatform.user", BO, None if condition else NIGHT)]


def test_what_is_so_already_is_not_written_and_is_nobodys_act(google: Google) -> None:
    assert change("remove", "roles/editor", EVE) == Failed("NOT_FOUND", "it was so already: somebody else was faster")
    assert change("add", "roles/owner", "user:ANA@example.com") == Failed("ALREADY_EXISTS", "it was so already: somebody else was faster")
    assert writes(google) == []


def test_the_writer_of_a_deployment_gives_nobody_a_grant(google: Google) -> None:
    call = Call(RM, "SetIamPolicy", {"resource": P, "add": {"role": "roles/owner", "member": EVE}})
    assert GoogleWriter().call(call, "j") == Failed("PERMISSION_DENIED", "Ringfence gives nobody a grant")
    assert google.log == []


def test_what_somebody_else_took_first_is_not_given_back_by_an_undo(google: Google) -> None:
    google.grant(P, "roles/editor", TRAIN)
    played = Played("gcp.iam.remove-binding", read(project()), {"deltas": [{"role": "roles/editor", "member": TRAIN}]})

    def faster(asked: Asked) -> None:
        if asked.method.endswith("setIamPolicy"):
            google.before = lambda _: None
            google.revoke(P, "roles/editor", TRAIN)

    google.before = faster
    done = played.run()
    assert (done.state, done.changed) == (JobState.NOTHING_TO_DO, ())


@pytest.mark.parametrize("others", [True, False])
def test_whoever_is_the_last_owner_when_the_call_is_made_stays(google: Google, others: bool) -> None:
    delta = {"role": "roles/owner", "member": ANA}
    if others:
        google.grant(P, "roles/owner", BO)
    reply = writer().call(Call(RM, "SetIamPolicy", {"resource": P, "remove": delta, "unless_last": True}), "j")
    assert reply == (Done("") if others else Failed("FAILED_PRECONDITION", f"{ANA} is the last one with roles/owner on {P}: it stays"))


@pytest.mark.parametrize(
    "name", ["a/../b@p.iam.gserviceaccount.com", "x@p.iam.gserviceaccount.com?alt=media", "x@p.iam.gserviceaccount.com#x"]
)
def test_a_name_that_says_more_than_a_name_reaches_nobody(google: Google, name: str) -> None:
    with pytest.raises(RefusedError, match="no path"):
        writer().call(Call(IAM, "DisableServiceAccount", {"name": f"{P}/serviceAccounts/{name}"}), "j")
    assert google.log == []


@pytest.mark.parametrize(
    ("resource", "host"),
    [
        (f"{P}/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com", IAM),
        ("projects/_/buckets/fraud-train", "storage.googleapis.com"),
        (f"{P}/datasets/claims", "bigquery.googleapis.com"),
        (f"{P}/secrets/registry", "secretmanager.googleapis.com"),
        (f"{P}/locations/europe-west1/endpoints/42", "aiplatform.googleapis.com"),
        (f"{P}/locations/europe-west1/keyRings/ml/cryptoKeys/models", "cloudkms.googleapis.com"),
        ("folders/7", RM),
        ("organizations/1", RM),
    ],
)
def test_on_every_level_a_grant_goes_and_comes_back(google: Google, resource: str, host: str) -> None:
    role = "roles/bigquery.dataViewer" if "datasets" in resource else "roles/viewer"
    google.node("folders/7", "organizations/1")
    if "buckets" in resource:
        google.bucket("fraud-train", project="fraud-ml-prod")
    elif "datasets" in resource:
        google.put(resource, access=[{"role": "OWNER", "userByEmail": "ana@example.com"}, {"view": {"tableId": "v"}}])
    elif "/locations/" in resource or "/secrets/" in resource:
        google.grant(resource, "roles/browser", ANA)
    place = Identity.resource(resource, "fraud-ml-prod")
    before = read(place, Wanted(frozenset({Facet.BINDINGS})))
    assert change("add", role, EVE, resource=resource, host=host) == Done("")
    assert Binding(role, EVE) in (read(place, Wanted(frozenset({Facet.BINDINGS}))).bindings or ())
    assert change("remove", role, EVE, resource=resource, host=host) == Done("")
    assert read(place, Wanted(frozenset({Facet.BINDINGS}))) == before


def test_84_nothing_is_lost_between_eight_writers(google: Google) -> None:
    each = max(10, cases(100))

    def one(number: int) -> None:
        for n in range(each):
            while True:
                try:
                    assert change("add", f"roles/r{number}", f"user:u{n}@example.com", NIGHT if n % 2 else None) == Done("")
                    break
                except UpstreamError:  # five times somebody was faster: the job is tried again
                    continue
            if n % 5 == 0:
                google.grant(P, f"roles/foreign{number}", f"user:f{n}@example.com", NIGHT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))
    held = {b.key for b in bindings_of(google.policies.now(P))}
    ours = {Binding(f"roles/r{w}", f"user:u{n}@example.com", NIGHT if n % 2 else None).key for w in range(8) for n in range(each)}
    theirs = {Binding(f"roles/foreign{w}", f"user:f{n}@example.com", NIGHT).key for w in range(8) for n in range(0, each, 5)}
    assert held == {Binding("roles/owner", ANA).key} | ours | theirs
    assert len(writes(google)) >= 8 * each


def test_86_every_write_carries_the_etag_and_at_least_the_version_that_was_read(google: Google) -> None:
    google.bucket("fraud-train", project="fraud-ml-prod")
    for resource, host in ((P, RM), (f"{P}/serviceAccounts/train@fraud-ml-prod.iam.gserviceaccount.com", IAM)):
        for condition in (None, NIGHT):
            etag = google.policies.now(resource)["etag"]
            version = google.policies.now(resource).get("version", 1)
            assert change("add", "roles/aiplatform.user", EVE, condition, resource=resource, host=host) == Done("")
            policy = json.loads(writes(google)[-1].raw)["policy"]
            assert policy["etag"] == etag
            assert policy["version"] == 3 >= version
    reads = [asked for asked in google.log if asked.method.endswith("getIamPolicy")]
    assert all(
        asked.query.get("options.requestedPolicyVersion") == ["3"] or asked.body["options"]["requestedPolicyVersion"] == 3
        for asked in reads
    )


@pytest.mark.parametrize(("resource", "host", "number"), [(P, RM, 409), ("projects/_/buckets/fraud-train", "storage.googleapis.com", 412)])
def test_who_was_slower_reads_again_five_times_at_most(google: Google, resource: str, host: str, number: int) -> None:
    google.bucket("fraud-train", project="fraud-ml-prod")
    raced: list[int] = []

    def race(asked: Asked) -> None:
        if asked.method.endswith("setIamPolicy") and len(raced) < times:
            raced.append(len(raced))
            google.grant(resource, "roles/viewer", f"user:r{len(raced)}@example.com")

    google.before = race
    times = 4
    assert change("add", "roles/viewer", EVE, resource=resource, host=host) == Done("")
    assert len([b for b in bindings_of(google.policies.now(resource)) if b.member.startswith("user:r")]) == 4
    raced.clear()
    times = 5
    with pytest.raises(UpstreamError, match="all the time"):
        change("add", "roles/viewer", BO, resource=resource, host=host)
    assert number in (409, 412)


@pytest.mark.parametrize("lag", [0, 2])
@pytest.mark.parametrize(("action", "who", "evidence", "deployment"), PLANS, ids=lambda p: p if isinstance(p, str) else "")
def test_it_is_done_verified_and_undone(
    google: Google, action: str, who: Callable[[], Identity], evidence: dict[str, Any], deployment: dict[str, Any], lag: int
) -> None:
    google.grant(P, "roles/editor", TRAIN)
    google.grant(P, "roles/aiplatform.user", TRAIN, NIGHT)
    identity, deny_at = who(), deployment.get("deny_at", "")
    before = read(identity, deny_at=deny_at)
    played = Played(action, before, evidence, **deployment)
    google.lag = lag
    done = played.run()
    google.lag = 0
    assert done.state in (JobState.DONE, JobState.PARTIAL), done
    assert (done.state is JobState.PARTIAL) == bool([s for s in done.steps if s.leaves])
    assert all(step.holds(read(identity, deny_at=deny_at)) for step in done.steps)
    assert played.undo().state is JobState.DONE
    after = read(identity, deny_at=deny_at)
    assert plain(after) == plain(before)


def test_what_a_deny_policy_cannot_deny_is_named_and_the_outcome_is_partial(google: Google) -> None:
    google.grant(P, "roles/editor", TRAIN)
    played = Played("gcp.iam.deny-principal", read(member(TRAIN)), {}, deny_at="organizations/1")
    done = played.run()
    (step,) = done.plan.steps
    assert done.state is JobState.PARTIAL
    assert step.leaves
    assert any(step.leaves[0] in record.reason for record in played.store.records("j"))


def test_where_deny_policies_may_not_be_made_after_all_the_account_is_disabled(google: Google) -> None:
    google.forbidden.add("iam.policies.createPolicy")
    played = Played("gcp.iam.deny-principal", read(member(TRAIN)), {}, deny_at="organizations/1")
    assert played.run().state is JobState.DONE
    assert read(member(TRAIN)).enabled is False


def test_89_an_account_made_anew_under_the_same_address_is_another_one(google: Google) -> None:
    for n in range(cases(200)):
        email = f"again{n}@fraud-ml-prod.iam.gserviceaccount.com"
        google.account("fraud-ml-prod", f"again{n}")
        if n % 2:
            assert writer().call(Call(IAM, "DisableServiceAccount", {"name": f"{P}/serviceAccounts/{email}"}), "j") == Done("")
        old = read(member(f"serviceAccount:{email}"))
        played = Played("gcp.iam.disable-service-account", old, {})
        google.accounts.remove(email)
        google.account("fraud-ml-prod", f"again{n}")
        done = played.run()
        assert done.state is JobState.STALE
        assert read(member(f"serviceAccount:{email}")).enabled is True
        assert done.changed == ()
