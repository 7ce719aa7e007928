"""The reader and the writer of Google Cloud, on the wire of the tests' Google."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import msgspec
import pytest

from ringfence.actions import ACTIONS, Impossible
from ringfence.clouds.gcp import session
from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.clouds.gcp.writer import GoogleWriter
from ringfence.clouds.memory import MemoryQueue, MemoryStore
from ringfence.domain.binding import Binding, bindings_of
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import Call
from ringfence.domain.state import Facet, FactKind, State
from ringfence.engine.ports import Absence, Done, Failed, Lost, Reply, Wanted
from ringfence.engine.respond import Responder
from ringfence.errors import RefusedError, UndeclaredCallError, UpstreamError
from tests.support.actions import case_of, job
from tests.support.cases import settings_of
from tests.support.desk import open_undo
from tests.support.google.server import Asked, Dropped, Google, Refused, served
from tests.support.jobs import NOW, Clock, put, work
from tests.support.scale import cases

pytestmark = pytest.mark.enable_socket  # loopback only
P, RM, IAM = "projects/fraud-ml-prod", "cloudresourcemanager.googleapis.com", "iam.googleapis.com"
TRAIN = "serviceAccount:train@fraud-ml-prod.iam.gserviceaccount.com"
ANA, BO, EVE = "user:ana@example.com", "user:bo@example.com", "user:eve@example.net"
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}
ALL = Wanted(frozenset({Facet.BINDINGS, Facet.SETTINGS, Facet.KEYS}))
BY_ID = {action.id: action for action in ACTIONS}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    made = Google()
    made.project("fraud-ml-prod", number="123456789012")
    made.account("fraud-ml-prod", "train")
    made.key("train@fraud-ml-prod.iam.gserviceaccount.com", "0123456789abcdef0123456789abcdef01234567")
    made.grant(P, "roles/owner", ANA)
    made.denials.unsupported = set()  # each test says what its Google cannot deny
    session._session.cache_clear()
    with served(made) as url:
        monkeypatch.setenv("GOOGLE_ENDPOINT", url)
        yield made
    session._session().close()
    session._session.cache_clear()


def writer() -> GoogleWriter:
    return GoogleWriter(pause=lambda _: None, gives=True)


def change(verb: str, role: str, member: str, condition: dict[str, str] | None = None, resource: str = P, host: str = RM) -> Reply:
    delta = {"role": role, "member": member, **({"condition": condition} if condition else {})}
    return writer().call(Call(host, "SetIamPolicy", {"resource": resource, verb: delta}), "j")


def member(text: str, unique_id: str | None = None) -> Identity:
    return Identity.member(text, "fraud-ml-prod", unique_id)


def project() -> Identity:
    return Identity.resource(P, "fraud-ml-prod")


def read(identity: Identity, wanted: Wanted = ALL, deny_at: str = "") -> State:
    state = GoogleReader(deny_at).read(identity, wanted)
    assert isinstance(state, State), state
    return state


def writes(google: Google) -> list[Asked]:
    return [asked for asked in google.log if asked.method.endswith("setIamPolicy")]


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


def test_the_last_owner_is_kept_by_google_too(google: Google) -> None:
    google.project("alone", parent="")
    google.grant("projects/alone", "roles/owner", ANA)
    reply = change("remove", "roles/owner", ANA, resource="projects/alone")
    assert isinstance(reply, Failed)


@pytest.mark.parametrize(
    ("refused", "want"),
    [
        (Refused(403, "PERMISSION_DENIED", "no"), Failed("PERMISSION_DENIED", "no")),
        (Refused(404, "NOT_FOUND", "gone"), Failed("NOT_FOUND", "gone")),
        (Refused(400, "INVALID_ARGUMENT", "what?"), Failed("INVALID_ARGUMENT", "what?")),
    ],
)
def test_a_no_is_a_no(google: Google, refused: Refused, want: Reply) -> None:
    def refuse(_: Asked) -> None:
        raise refused

    google.before = refuse
    assert change("remove", "roles/owner", ANA) == want


def test_outages_and_lost_replies_are_neither_yes_nor_no(google: Google) -> None:
    def break_down(_: Asked) -> None:
        raise Refused(503, "UNAVAILABLE", "later")

    google.before = break_down
    assert isinstance(change("remove", "roles/owner", ANA), Lost)

    def throttle(_: Asked) -> None:
        raise Refused(429, "RESOURCE_EXHAUSTED", "slowly")

    google.before = throttle
    with pytest.raises(UpstreamError, match="throttles"):
        change("remove", "roles/owner", ANA)
    google.before = lambda _: None
    google.grant(P, "roles/editor", EVE)

    def drop(asked: Asked) -> None:
        if asked.method.endswith("setIamPolicy"):
            raise Dropped

    google.after = drop
    assert isinstance(change("remove", "roles/editor", EVE), Lost)
    assert not [b for b in bindings_of(google.policies.now(P)) if b.member == EVE], "it happened all the same"


def test_what_no_action_does_is_never_called(google: Google) -> None:
    with pytest.raises(UndeclaredCallError):
        writer().call(Call(IAM, "DeleteServiceAccount", {"name": "x"}), "j")
    assert google.log == []


def test_a_policy_without_an_etag_is_not_written(google: Google) -> None:
    serve = google.handlers["cloudresourcemanager.projects.getIamPolicy"]

    def bare(asked: Asked) -> object:
        told: Any = serve(asked)
        return {key: value for key, value in told.items() if key != "etag"}

    google.handlers["cloudresourcemanager.projects.getIamPolicy"] = bare
    with pytest.raises(UpstreamError, match="without an etag"):
        change("remove", "roles/owner", ANA)
    assert writes(google) == []


def test_a_service_account_is_read_with_its_keys_and_what_it_holds(google: Google) -> None:
    google.grant(P, "roles/editor", TRAIN)
    google.grant(P, "roles/viewer", BO)
    state = read(member(TRAIN))
    assert state.identity.unique_id == google.accounts.shelf.values["train@fraud-ml-prod.iam.gserviceaccount.com"]["uniqueId"]
    assert (state.enabled, state.settings) == (True, {})
    assert [(c.kind, c.status, c.used) for c in state.credentials or ()] == [(FactKind.SERVICE_ACCOUNT_KEY, "Active", None)]
    assert state.bindings == (Binding("roles/editor", TRAIN),)


def test_who_is_not_there_is_gone_and_whom_nobody_may_see_is_not_known(google: Google) -> None:
    assert GoogleReader().read(member("serviceAccount:nobody@fraud-ml-prod.iam.gserviceaccount.com"), Wanted()) is Absence.GONE

    def elsewhere(asked: Asked) -> None:
        if "elsewhere" in asked.url:
            raise Refused(403, "PERMISSION_DENIED", "it may not exist")

    google.before = elsewhere
    assert GoogleReader().read(member("serviceAccount:x@elsewhere.iam.gserviceaccount.com"), Wanted()) is Absence.NOT_KNOWN
    assert GoogleReader().owner("AKIAIOSFODNN7EXAMPLE") is Absence.NOT_KNOWN
    assert GoogleReader().read(Identity.from_arn("arn:aws:iam::123456789012:role/r") or project(), Wanted()) is Absence.NOT_KNOWN
    google.forbidden.add("iam.projects.serviceAccounts.get")
    with pytest.raises(UpstreamError, match="permission"):
        GoogleReader().read(member(TRAIN), Wanted())


def test_all_accounts_of_a_project_are_listed_page_by_page(google: Google) -> None:
    for n in range(120):
        google.account("fraud-ml-prod", f"sa-{n:03}")
    assert len(list(GoogleReader().accounts("fraud-ml-prod"))) == 121


class Played:
    """One plan carried out against the tests' Google, and undone."""

    def __init__(self, action: str, state: State, evidence: dict[str, Any], before: State | None = None, **deployment: Any) -> None:
        made, finding = case_of({"evidence": evidence}, state, **deployment)
        steps = BY_ID[action].plan(msgspec.structs.replace(made, before=before), finding)
        assert not isinstance(steps, Impossible), steps.reason
        self.store, self.queue, self.clock = MemoryStore(), MemoryQueue(), Clock()
        self.reader = GoogleReader(deployment.get("deny_at", ""), workspace=deployment.get("workspace", False))
        self.settings = settings_of(None, deployment)
        self.responder = Responder(self.settings, self.store, self.queue, self.reader, writer(), self.clock)
        put(self.store, job(steps, state.identity, BY_ID[action]))

    def run(self) -> Job:
        self.responder.apply("j")
        work(self.queue, self.responder, self.clock)
        done = self.store.job("j")
        assert done is not None
        return done

    def undo(self) -> Job:
        undo = open_undo("j", "operator", self.settings, self.store, self.queue, NOW)
        while call := self.responder.prepare(undo.id):
            self.responder.settle(undo.id, writer().call(call, undo.id))
        work(self.queue, self.responder, self.clock)
        done = self.store.job(undo.id)
        assert done is not None
        return done


PLANS: list[tuple[str, Callable[[], Identity], dict[str, Any], dict[str, Any]]] = [
    ("gcp.iam.remove-binding", project, {"deltas": [{"role": "roles/editor", "member": TRAIN}]}, {}),
    ("gcp.iam.disable-sa-key", lambda: member(TRAIN), {"key": "0123456789abcdef0123456789abcdef01234567"}, {}),
    ("gcp.iam.disable-service-account", lambda: member(TRAIN), {}, {}),
    ("gcp.iam.deny-principal", lambda: member(TRAIN), {}, {}),
    ("gcp.iam.deny-principal", lambda: member(TRAIN), {}, {"deny_at": "organizations/1"}),
    ("gcp.iam.deny-principal", lambda: member(BO), {}, {"deny_at": P}),
]


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


def plain(state: State) -> State:
    return msgspec.structs.replace(state, bindings=None if state.bindings is None else tuple(sorted(state.bindings, key=lambda b: b.key)))


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
