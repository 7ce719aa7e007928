"""The reader of Google Cloud, and what the writer makes of replies, on the wire of the tests' Google."""

from collections.abc import Iterator
from typing import Any

import pytest

from ringfence.clouds.gcp.reader import GoogleReader
from ringfence.domain.binding import Binding, bindings_of
from ringfence.domain.identity import Identity
from ringfence.domain.plan import Call
from ringfence.domain.state import FactKind
from ringfence.engine.ports import Absence, Failed, Lost, Reply, Wanted
from ringfence.errors import UndeclaredCallError, UpstreamError
from tests.support.google.grants import ANA, BO, EVE, IAM, TRAIN, P, change, fraud, member, project, read, writer, writes
from tests.support.google.server import Asked, Dropped, Google, Refused

pytestmark = pytest.mark.enable_socket  # loopback only


@pytest.fixture
def google() -> Iterator[Google]:
    with fraud() as made:
        yield made


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
