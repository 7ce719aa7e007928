"""Cases as data: the base event lies in events/, the case holds only the difference."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import yaml

from ringfence.actions import own_documents
from ringfence.clouds.memory import MemoryIam
from ringfence.config import compile_settings, parse
from ringfence.domain.binding import binding_of
from ringfence.domain.census import Census
from ringfence.domain.event import Event
from ringfence.domain.finding import Guardrail
from ringfence.domain.identity import Identity, Kind
from ringfence.domain.signal import Signal
from ringfence.domain.state import Credential, FactKind, State
from ringfence.engine.evaluate import Evaluator
from ringfence.engine.judgement import Judgement
from ringfence.settings import Deployment, Settings
from ringfence.sources import aws_credential_report, normalise

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "shared" / "ringfence"
EVENTS = ROOT / "events"
ACCOUNT = "123456789012"
GOOGLE_PROJECT = "fraud-ml-prod"
TODAY = date(2026, 3, 2)
OWN = "arn:aws:iam::123456789012:policy/ringfence/"
DEPLOYMENT = Deployment(
    quarantine_policy=OWN + "quarantine",
    require_mfa_policy=OWN + "require-mfa",
    quarantine_boundary=OWN + "boundary",
    own_roles=("arn:aws:iam::123456789012:role/ringfence/respond",),
    boundaries=("arn:aws:iam::123456789012:policy/ml-boundary",),
    no_bearer_policy=OWN + "no-bearer",
)
OWN_POLICIES = own_documents(DEPLOYMENT)
COUNTED = Census(taken=datetime(2026, 3, 2, 6, tzinfo=UTC), config_hash="", identities=0, admins=(), protected={})


def counted() -> Census:
    """Give a census that found nothing: without one a deployment takes nothing for fresh."""
    return COUNTED


def load_cases(path: Path) -> list[dict[str, Any]]:
    """Read a cases file."""
    found: list[dict[str, Any]] = yaml.safe_load(path.read_text())
    return found


@cache
def _text(name: str) -> str:
    return (EVENTS / name).read_text()


def event_file(name: str) -> Any:
    """Read a sample event."""
    return json.loads(_text(name))


def set_at(value: Any, path: str, new: Any) -> None:
    """Set what is at a dotted path; `<absent>` takes the key away."""
    *parents, last = path.split(".")
    for key in parents:
        value = value[key]
    if new == "<absent>":
        value.pop(last, None)
    else:
        value[last] = new


def raw_event(case: Mapping[str, Any]) -> Any:
    """Give the raw event of a case: the base with its changes, or what the case holds instead of an event."""
    if "raw" in case:
        return case["raw"]
    if "report" in case:
        return case["report"]
    event = event_file(case["event"])
    for path, new in (case.get("change") or {}).items():
        set_at(event, path, new)
    return event


REPORTED = datetime(2026, 3, 2, 9, tzinfo=UTC)


def report_of(row: Mapping[str, Any]) -> str:
    """Write the one line of a credential report, with the columns that are read."""
    names = (
        "user",
        "arn",
        "user_creation_time",
        "password_enabled",
        "password_last_changed",
        "mfa_active",
        "access_key_1_active",
        "access_key_1_last_rotated",
    )
    given = {"user": "bo", "arn": f"arn:aws:iam::{ACCOUNT}:user/bo", "password_enabled": "true", "mfa_active": "false", **row}
    return ",".join(names) + "\n" + ",".join(str(given.get(name, "N/A")) for name in names) + "\n"


def thing_of(given: Mapping[str, Any]) -> State | None:
    """Build the state of a target that is no principal: `policy`, `trail` or `model_logging` (a region) names it."""
    if "policy" in given:
        name = given["policy"].rpartition("/")[2]
        policy = Identity(Kind.POLICY, f"arn:aws:iam::{ACCOUNT}:policy/{given['policy']}", name, ACCOUNT, unique_id="ANPAEXAMPLE")
        members = tuple(i for arn in given["members"] if (i := Identity.from_arn(arn))) if "members" in given else None
        return State(identity=policy, default_version=given["default"], versions=given["versions"], members=members)
    for key, kind, arn in (
        ("trail", Kind.TRAIL, "arn:aws:cloudtrail:us-east-1:{account}:trail/{name}"),
        ("model_logging", Kind.MODEL_LOGGING, "arn:aws:bedrock:{name}:{account}:model-invocation-logging"),
    ):
        if key in given and (named := Identity.thing(kind, arn.format(account=ACCOUNT, name=given[key]))):
            return State(identity=named, settings=given.get("settings", {}))
    return None


def google_of(given: Mapping[str, Any]) -> State | None:
    """Build the state of what is Google's: `member` or `resource` names it, in project fraud-ml-prod."""
    if "member" not in given and "resource" not in given:
        return None
    whom = Identity.member(given["member"], GOOGLE_PROJECT, given.get("unique_id")) if "member" in given else None
    return State(
        identity=whom or Identity.resource(given["resource"], GOOGLE_PROJECT),
        enabled=given.get("enabled", True) if whom else None,
        settings=given.get("settings", {}),
        bindings=tuple(binding_of({"member": given.get("member"), **b}) for b in given["bindings"]) if "bindings" in given else None,
        credentials=tuple(
            Credential(FactKind.SERVICE_ACCOUNT_KEY, key, status, used=given.get("used")) for key, status in given.get("keys", {}).items()
        ),
    )


def state_of(given: Mapping[str, Any] | None) -> State | None:
    """Build a state from a case: `role`, `user` or `group` names it, and everything not given was read and is empty."""
    if given is None:
        return None
    if (thing := google_of(given) or thing_of(given)) is not None:
        return thing
    kind = next(k for k in (Kind.ROLE, Kind.USER, Kind.GROUP) if k.value in given)
    service = given.get("trusted_by")
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    path = given.get("path", "/")
    identity = Identity(
        kind=kind,
        arn=given.get("arn", f"arn:aws:iam::{ACCOUNT}:{kind}{path}{given[kind.value]}"),
        name=given[kind.value],
        account=ACCOUNT,
        unique_id=given.get(
            "unique_id", f"AIDAEXAMPLE{given[kind.value].upper()}" if kind is Kind.USER else f"{kind.value[:2].upper()}EXAMPLE"
        ),
    )
    return State(
        identity=identity,
        created=given.get("created"),
        trust=given.get("trust") or ({"Version": "2012-10-17", "Statement": [statement]} if service else None),
        tags=given.get("tags", {}),
        boundary=given.get("boundary"),
        attached=tuple(given.get("attached", ())),
        documents=given.get("documents", {}),
        inline=given.get("inline", {}),
        groups=tuple(given.get("groups", ())) if kind is Kind.USER else None,
        members=tuple(i for arn in given.get("members", ()) if (i := Identity.from_arn(arn))) if kind is Kind.GROUP else None,
        mfa=tuple(given.get("mfa", ())),
        login=given.get("login", kind is Kind.USER),
        credentials=tuple(
            Credential(FactKind(c["kind"]), c["id"], c["status"], c.get("service", ""), c.get("used")) for c in given.get("credentials", ())
        ),
    )


@cache
def _compiled(config: str) -> Settings:
    return compile_settings(parse(config, "case", TODAY).config)


def settings_of(given: Mapping[str, Any] | None, deployment: Mapping[str, Any] | None = None) -> Settings:
    """Build settings from the YAML of a configuration, in graduated mode unless it says otherwise."""
    config = {"version": 1, "defaults": {"mode": "graduated"}, **(given or {})}
    settings = _compiled(json.dumps(config, default=str))  # JSON is YAML
    return msgspec.structs.replace(settings, deployment=msgspec.structs.replace(DEPLOYMENT, **(deployment or {})))


def evaluator(case: Mapping[str, Any], guardrail: Guardrail) -> Evaluator:
    """Give the evaluator of a case, with one guardrail."""
    states = [state for name in ("state", "target", "other") if (state := state_of(case.get(name)))]
    documents = {arn: document for state in states for arn, document in (state.documents or {}).items()}
    reader = None if case.get("offline") else MemoryIam(*states, policies={**OWN_POLICIES, **documents})
    settings, before = settings_of(case.get("settings"), case.get("deployment")), state_of(case.get("before"))
    return Evaluator(settings, reader, (guardrail,), census=counted, before=lambda _: before)


def judge(case: Mapping[str, Any], guardrail: Guardrail) -> Judgement:
    """Judge the event of a case as its own minute."""
    (event,) = aws_credential_report.events(report_of(case["report"]), REPORTED) if "report" in case else normalise(raw_event(case))
    time = event.time or datetime(2026, 3, 2, 9, tzinfo=UTC)
    judge, now = evaluator(case, guardrail), time + timedelta(minutes=case.get("minutes_later", 1))
    if guardrail.window is None:
        return judge.judge(event, now)
    mine = _signal(event, time, {"name": event.name, "guardrails": case.get("found", []), "severity": case.get("severity_heard", 5)}, "")
    others = [_signal(event, time, given, f"-{n}") for n, given in enumerate(case.get("timeline", ()))]
    return judge.correlate(event, mine, (mine, *others), now)


def _signal(event: Event, time: datetime, given: Mapping[str, Any], more: str) -> Signal:
    """A signal of the identity of a case: so many minutes after its event, with what guardrails found."""
    who = event.subject or Identity.of(Kind.USER, "nobody", ACCOUNT)
    return Signal(
        whom=given.get("whom", "mine"),
        identity=msgspec.structs.replace(who, unique_id=given.get("unique_id", who.unique_id)),
        event=given.get("event", f"{event.source}:{event.id}{more}"),
        name=given["name"],
        time=time + timedelta(minutes=given.get("minutes", 0)),
        guardrails=tuple(given.get("guardrails", ())),
        severity=given.get("severity", 5.0),
        where=given.get("where", ""),
    )


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Flatten JSON into its leaves, to count in how many two cases differ."""
    if isinstance(value, Mapping):
        return {k: v for key, item in value.items() for k, v in leaves(item, f"{path}.{key}").items()} or {path: {}}
    if isinstance(value, list):
        return {k: v for i, item in enumerate(value) for k, v in leaves(item, f"{path}[{i}]").items()} or {path: []}
    return {path: value}


def inputs(case: Mapping[str, Any]) -> dict[str, Any]:
    """Give everything that a case feeds in, flattened."""
    given = {
        key: case.get(key)
        for key in (
            "state",
            "target",
            "other",
            "before",
            "settings",
            "found",
            "severity_heard",
            "timeline",
            "minutes_later",
            "deployment",
            "offline",
        )
        if case.get(key) is not None
    }
    return leaves({"event": raw_event(case), **given})
