"""A deployment on Google Cloud at the command line: what is read, and what is refused with what to do instead."""

from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from ringfence.clouds.gcp.store import FirestoreStore
from ringfence.domain.job import JobState
from ringfence.domain.plan import Call
from ringfence.engine.records import decision
from tests.support.google.firestore import Firestore, serve_firestore
from tests.support.google.ports import Ports, ports
from tests.support.jobs import CONTAINMENT, NOW, REVERSAL, job
from tests.support.shell import Shell

pytestmark = pytest.mark.enable_socket  # loopback only
STACK, DATABASE = "gcp:fraud-ml-prod", "projects/fraud-ml-prod/databases/ringfence"
GIVE = Call(
    "cloudresourcemanager.googleapis.com",
    "SetIamPolicy",
    {"resource": "projects/fraud-ml-prod", "add": {"role": "roles/viewer", "member": "user:bo@example.com"}},
)


@pytest.fixture
def google() -> Iterator[Ports]:
    with ports() as made:
        made.google.handlers |= serve_firestore(Firestore(made.google, DATABASE))
        yield made


def test_jobs_are_read_with_ones_own_credentials(google: Ports, shell: Shell) -> None:
    made = job(REVERSAL)
    FirestoreStore(DATABASE).open(made, [decision(made, NOW, {})])
    assert [line["id"] for line in shell("jobs", "--stack", STACK, "--json")] == [made.id]
    shell("trail", "list", "--stack", STACK)
    assert made.id in shell.out


@pytest.mark.parametrize("command", [("approve", "j"), ("deny", "j"), ("stop",), ("resume",)])
def test_whoever_decides_does_so_in_slack(google: Ports, shell: Shell, command: tuple[str, ...]) -> None:
    shell(*command, "--stack", STACK, code=1)
    assert "in Slack" in shell.err


@pytest.mark.parametrize("name", ["gcp:", "gcp:X", "gcp:fraud-ml-prod/", "gcp:fraud-ml-prod/Other", "gcp:fraud-ml-prod/a/b"])
def test_a_name_that_is_none_is_refused(shell: Shell, name: str) -> None:
    shell("jobs", "--stack", name, code=2)
    assert "names no deployment" in shell.err


def test_an_undo_says_the_commands_that_give_it_back(google: Ports, shell: Shell) -> None:
    step = msgspec.structs.replace(REVERSAL, inverse=GIVE)
    done = msgspec.structs.replace(job(step), state=JobState.DONE, changed=((0, 0),), created=NOW + timedelta(minutes=1))
    FirestoreStore(DATABASE).open(done, [])
    shell("undo", done.id, "--stack", STACK, code=1)
    said = " ".join(shell.err.split())
    assert "gcloud projects add-iam-policy-binding fraud-ml-prod --member=user:bo@example.com --role=roles/viewer --condition=None" in said
    assert "exempt" in said


def test_an_undo_of_a_containment_is_done_in_slack(google: Ports, shell: Shell) -> None:
    done = msgspec.structs.replace(job(CONTAINMENT), state=JobState.DONE, changed=((0, 0),))
    FirestoreStore(DATABASE).open(done, [])
    shell("undo", done.id, "--stack", STACK, code=1)
    assert "in Slack" in shell.err


@pytest.mark.parametrize(("changed", "said"), [(False, "nothing to undo"), (None, "there is no job")])
def test_an_undo_of_nothing(google: Ports, shell: Shell, changed: bool | None, said: str) -> None:
    made = msgspec.structs.replace(job(REVERSAL), state=JobState.NOTHING_TO_DO)
    if changed is not None:
        FirestoreStore(DATABASE).open(made, [])
    shell("undo", made.id, "--stack", STACK, code=1)
    assert said in shell.err.lower()
