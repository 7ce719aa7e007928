"""Taking a census: who is administrator, who is protected, and what each guardrail would find about what stands."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from ringfence.domain.census import Census
from ringfence.domain.event import Event, Outcome, Source
from ringfence.domain.finding import Finding, Severity
from ringfence.domain.identity import Identity
from ringfence.domain.state import State
from ringfence.engine.discovery import Membership, membership, used_by_people
from ringfence.engine.evaluate import Judgement, Planned
from ringfence.engine.protect import nominated
from ringfence.iam import Account, Graph
from ringfence.settings import Settings

BADGE = "protected-pattern"


def take(
    account: Account,
    states: Iterable[State],
    settings: Settings,
    previous: Census | None,
    judge: Callable[[Event], Judgement],
    now: datetime,
) -> Census:
    """Count an account. `judge` tells what would be found about an event; `previous` carries the register of the protected on."""
    known = [state for state in states if state.identity.unique_id]
    people = {s.identity.arn: s.identity.unique_id or "" for s in known if used_by_people(s)}
    projects = [s for s in known if isinstance(membership(s.identity, s, settings), Membership)]
    protected, newly = _register(known, settings, previous)
    return Census(
        taken=now,
        config_hash=settings.config_hash,
        identities=len(projects),
        admins=tuple(sorted(people[arn] for arn in Graph(account).admins if arn in people)),
        protected=protected,
        newly=newly,
        matching=_matching(projects, judge),
    )


def due(previous: Census | None, settings: Settings, now: datetime, age: timedelta) -> bool:
    """Whether it is time for a census: none was taken, of another configuration, or too long ago."""
    return previous is None or previous.config_hash != settings.config_hash or now - previous.taken >= age


def badges(census: Census) -> Iterator[Judgement]:
    """Give a finding for everybody who matches a protecting pattern only since: somebody may be printing himself a badge."""
    for unique_id, arn in census.newly.items():
        identity = Identity.from_arn(arn, unique_id)
        if identity is None:
            continue
        reason = f"{arn} matches a pattern of the protected set, and did not when the configuration was recorded: it is not protected by it"
        finding = Finding(guardrail=BADGE, severity=Severity.CRITICAL, identity=identity, reason=reason, evidence={"unique_id": unique_id})
        hint = "If it is yours, name its exact ARN under `never_touch` and deploy; else find out who made it"
        event = Event(source=Source.OTHER, name=BADGE, id=f"badge:{unique_id}", time=None, account=identity.account)
        yield Judgement(
            event=event,
            outcome=Outcome.FINDING,
            reason=reason,
            identities=(identity,),
            planned=(Planned(finding=finding, steps=(), remark=hint),),
        )


def _register(states: Iterable[State], settings: Settings, previous: Census | None) -> tuple[Mapping[str, str], Mapping[str, str]]:
    """Give who is protected, and who only came to match since; whom the configuration names exactly is protected all the same."""
    matching = {s.identity.unique_id or "": (s.identity, why) for s in states if (why := nominated(s.identity, settings))}
    same = previous is not None and previous.config_hash == settings.config_hash
    suspect = set(previous.newly) if previous else set()
    protected: dict[str, str] = dict(previous.protected) if previous and same else {}
    newly: dict[str, str] = {}
    for unique_id, (identity, why) in matching.items():
        if unique_id in protected:
            continue
        if identity.arn in (*settings.never_touch, *settings.approvers) or not (same or unique_id in suspect):
            protected[unique_id] = why
        else:
            newly[unique_id] = identity.arn
    return protected, newly


def _matching(states: Iterable[State], judge: Callable[[Event], Judgement]) -> Mapping[str, int]:
    """Count, by guardrail, about how many identities it would find something if what stands had come about just now."""
    found = Counter[str]()
    for state in states:
        judgements = [judge(event) for event in _as_if_new(state)]
        found.update({planned.finding.guardrail for judgement in judgements for planned in judgement.planned})
    return found


def _as_if_new(state: State) -> Iterator[Event]:
    verb = state.identity.kind.value.title()
    given: list[tuple[str, dict[str, Any]]] = [(f"Attach{verb}Policy", {"policyArn": arn}) for arn in state.attached or ()]
    given += [(f"Put{verb}Policy", {"policyName": name, "policyDocument": document}) for name, document in (state.inline or {}).items()]
    for name, parameters in given:
        yield Event(
            source=Source.CLOUDTRAIL,
            name=name,
            id="census",
            time=None,
            account=state.identity.account,
            partition=state.identity.partition,
            subject=state.identity,
            parameters=parameters,
        )
