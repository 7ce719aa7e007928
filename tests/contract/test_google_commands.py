"""Local jobs about Google Cloud: approved and undone with the operator's own credentials, on the tests' Google."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from ringfence import wiring
from ringfence.actions._google import unbind
from ringfence.actions.gcp_iam_disable_service_account import off
from ringfence.cli import run as cli_run
from ringfence.cli.state import local_store
from ringfence.domain.binding import Binding
from ringfence.domain.identity import Identity
from ringfence.domain.job import Job, JobState
from ringfence.domain.plan import ActionClass, Plan, Step
from tests.support.google.ports import pointed
from tests.support.google.server import Google
from tests.support.jobs import NOW, job, put, put_done
from tests.support.shell import Shell

pytestmark = pytest.mark.enable_socket  # loopback only
PROJECT, P = "fraud-ml-prod", "projects/fraud-ml-prod"
EMAIL = "train@fraud-ml-prod.iam.gserviceaccount.com"
GRANT = Binding("roles/owner", f"serviceAccount:{EMAIL}")
NIGHT = {"title": "night", "expression": "request.time.getHours('Europe/Berlin') < 6"}


@pytest.fixture
def google(monkeypatch: pytest.MonkeyPatch) -> Iterator[Google]:
    times = [wiring.now()]
    monkeypatch.setattr(cli_run, "now", lambda: times[0])
    monkeypatch.setattr("time.sleep", lambda seconds: times.__setitem__(0, times[0] + timedelta(seconds=seconds)))
    made = Google()
    made.project(PROJECT)
    made.account(PROJECT, "train")
    made.grant(P, "roles/owner", "user:ana@example.com")
    made.grant(P, "roles/aiplatform.user", "user:bo@example.com", NIGHT)
    with pointed(made):
        yield made


def about(target: Identity, step: Step, state: JobState) -> Job:
    plan = Plan(target=target, affects=(target.key,), steps=(step,), config_hash="test")
    return msgspec.structs.replace(job(step, state=state), plan=plan, expires=NOW.replace(year=2100))


def test_a_vote_and_an_undo_go_through_to_the_project(google: Google, shell: Shell) -> None:
    unique = str(google.accounts.shelf.values[EMAIL]["uniqueId"])
    step = off("gcp.iam.disable-service-account", f"{P}/serviceAccounts/{EMAIL}")
    pending = about(Identity.member(f"serviceAccount:{EMAIL}", PROJECT, unique), step, JobState.PENDING)
    store = local_store()
    put(store, pending)
    store.close()
    assert shell("approve", pending.id, "--json") == [{"job": pending.id, "state": "done"}]
    assert google.accounts.shelf.values[EMAIL]["disabled"] is True
    shell("undo", pending.id, code=1)
    assert "would work again" in shell.err
    shell("undo", pending.id, "--override", "it was a drill")
    assert "is done" in shell.out
    assert "disabled" not in google.accounts.shelf.values[EMAIL]


def test_a_grant_is_put_back_by_the_operator_and_no_other_changes(google: Google, shell: Shell) -> None:
    before = google.policy(P)["bindings"]
    step = unbind("gcp.iam.remove-binding", ActionClass.REVERSAL, P, GRANT)
    done = about(Identity.resource(P, PROJECT), step, JobState.APPROVED)
    store = local_store()
    put_done(store, done, 0)
    store.close()
    (line,) = shell("undo", done.id, "--override", "Ana meant it", "--json")
    assert line["state"] == "done"
    owners, night = google.policy(P)["bindings"]
    assert owners == {"role": "roles/owner", "members": ["user:ana@example.com", GRANT.member]}
    assert night == before[1]
