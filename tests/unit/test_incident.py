"""What a sweep found is one incident: told before anything is asked, and asked about within the budget of questions."""

import pytest

from ringfence.domain.identity import Identity
from ringfence.domain.job import JobState
from ringfence.domain.record import RecordKind
from ringfence.domain.state import State
from ringfence.engine.ports import Absence, Wanted
from tests.support.scene import SETTINGS, TRAIN, Scene, assume, made_key, made_user

S = JobState


def test_the_incident_is_there_before_anything_is_asked() -> None:
    scene = Scene(made_user("mallory"))

    def dies(identity: Identity, wanted: Wanted) -> State | Absence:
        raise TimeoutError(f"cut off while reading {identity.name}, {wanted}")

    scene.iam.read = dies  # type: ignore[method-assign]  # the worker dies here
    with pytest.raises(TimeoutError):
        scene.search()
    assert scene.incident().state is S.FOR_A_PERSON


def test_decoys_do_not_take_the_question_about_the_backdoor() -> None:
    scene = Scene(
        made_user("backdoor"),
        *(made_user(f"decoy-{n}") for n in range(30)),
        assume(TRAIN, "ASIAEXAMPLEONE"),
        made_key("bo", "AKIAEXAMPLEBO"),
    )
    scene.search()
    asked = {name for name, (state, _) in scene.asked().items() if state is S.PENDING}
    assert len(asked) == SETTINGS.max_open_questions_per_actor
    assert {"backdoor", "bo"} <= asked
    (swept,) = (r for r in scene.store.records() if r.kind is RecordKind.SWEEP)
    assert len(swept.data["found"]) == 33, "all of it was told, and is told once"
    assert "nobody is asked about 23 more identities, decoy-8, " in scene.incident().reason
