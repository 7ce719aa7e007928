"""The outermost edges: what is sent to the writer does nothing unless it names an approved job; a damaged configuration is never half believed."""

import json
import random
from typing import Any

import msgspec
import yaml

from ringfence import wiring
from ringfence.config import parse
from ringfence.config.schema import Config
from ringfence.domain.job import JobState
from ringfence.errors import ConfigError
from tests.support.cases import ROOT, TODAY
from tests.support.jobs import REVERSAL, job, put
from tests.support.scale import cases
from tests.support.stack import Stack
from tools.wrap_events import batch

VALUES: list[Any] = [None, 0, "", "0123456789abcdef", [], {}, {"job": {}}, "apply", True, "x" * 5000, "\ud800"]
KEYS = ["job", "do", "wish", "proof", "step", "reply", "override", "plan", "call", "Records", "state", "version"]


def payload(rnd: random.Random, real: str) -> dict[str, Any]:
    """Something that somebody may send to the writer: a direct call, or a message."""
    body = {rnd.choice(KEYS): rnd.choice([*VALUES, real]) for _ in range(rnd.randint(0, 5))}
    if rnd.random() < 0.5:
        body |= {"job": rnd.choice([real, "ffffffffffffffff"]), "wish": rnd.choice(["undo", "settle", "show", "apply", "approve"])}
        return body
    text = json.dumps(rnd.choice([body, {"job": real, "do": rnd.choice(["apply", "verify", "undo", ""])}, [body], "text"]))
    return msgspec.json.decode(msgspec.json.encode(batch(text, 1)), type=dict[str, Any])


def test_the_writer_does_nothing_without_an_approved_job(stack: Stack) -> None:
    rnd = random.Random(95)  # noqa: S311 - repeatable on purpose
    stack.iam.attach_role_policy(RoleName="fraud-train", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    pending = msgspec.structs.replace(job(REVERSAL, state=JobState.PENDING), due=None)
    put(wiring.store(), pending)
    for _ in range(cases(5000)):
        stack.call("respond", payload(rnd, pending.id))
    assert wiring.store().job(pending.id) == pending
    assert [found.id for found in wiring.store().jobs()] == [pending.id]
    attached = stack.iam.list_attached_role_policies(RoleName="fraud-train")["AttachedPolicies"]
    assert [p["PolicyName"] for p in attached] == ["AdministratorAccess"]


SAMPLES = [path.read_text() for path in sorted((ROOT / "samples/config").glob("*.yaml"))]


def damaged(rnd: random.Random) -> str:
    """A sample configuration with some of its values swapped, or its text cut."""
    text = rnd.choice(SAMPLES)
    if rnd.random() < 0.2:
        return text[: rnd.randrange(len(text))]
    config: Any = yaml.safe_load(text)
    for _ in range(rnd.randint(1, 3)):
        place = config
        while isinstance(place, (dict, list)) and place:
            key: Any = rnd.choice(list(place)) if isinstance(place, dict) else rnd.randrange(len(place))
            if rnd.random() < 0.4 or not isinstance(place[key], (dict, list)):
                place[key] = rnd.choice([None, 0, -1, "", "*", [], {}, "x", [""], {"unknown": 1}, 10**9])
                break
            place = place[key]
    return yaml.safe_dump(config)


def read(text: str) -> Config | str:
    """Read a configuration, or say why not."""
    try:
        return parse(text, "config.yaml", TODAY).config
    except ConfigError as error:
        return str(error)


def test_a_damaged_configuration_is_refused_in_words_or_means_what_it_says() -> None:
    rnd = random.Random(96)  # noqa: S311 - repeatable on purpose
    refused = 0
    for _ in range(cases(5000)):
        config = read(damaged(rnd))
        assert config, "a refusal says why"
        if isinstance(config, str):
            refused += 1
            continue
        assert all(p.name and (p.aws or p.gcp) for p in config.projects), "a project without a scope would be everything, or nothing"
        assert all(e.principal and e.reason for p in config.projects for e in p.exceptions)
    assert refused > cases(5000) // 4
