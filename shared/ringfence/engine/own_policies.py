"""Whether our own deny policies still deny: who may change their default version makes every quarantine void without touching it."""

from collections.abc import Iterable

from ringfence.domain.canonical import digest
from ringfence.domain.plan import Step
from ringfence.domain.state import FactKind, State, read
from ringfence.settings import Deployment


def resting_on(steps: Iterable[Step], deployment: Deployment) -> tuple[str, ...]:
    """Give the ARNs of our policies by which some steps deny, every rung included."""
    from ringfence.actions import own_documents  # where it is asked: most functions never do

    own = own_documents(deployment)
    rungs = (rung for step in steps for rung in (step, *step.otherwise))
    return tuple(dict.fromkeys(arn for rung in rungs if (arn := _policy(rung)) in own))


def void(step: Step, state: State, deployment: Deployment) -> str:
    """Say that the policy by which a step denies does not say any more what it should; empty where it does, or where it is none of ours."""
    from ringfence.actions import own_documents

    arn = _policy(step)
    meant = own_documents(deployment).get(arn)
    if meant is None:
        return ""
    found = read(state.documents, "documents of our own policies").get(arn)
    if found is None:
        return f"our own policy {arn} is gone"
    return (
        "" if digest(found) == digest(meant) else f"our own policy {arn} was changed: it does not say what this version of Ringfence made"
    )


def _policy(step: Step) -> str:
    match step.fact.kind:
        case FactKind.ATTACHED:
            return step.fact.key
        case FactKind.BOUNDARY:
            return step.after or ""
        case _:
            return ""
