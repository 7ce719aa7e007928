"""Who may decide. Pure: a job, a caller, the configuration; no decision of another place counts.

A person is one, under however many names: ARNs, sessions and chat ids that the configuration gives one person are that person's, and so is
every session of an Identity Center user. Whoever caused the event, is affected by the plan or owns what it is about has no say. In a chat only people count whom
the configuration names; over the signed command line IAM alone decides, where it names no approvers.
"""

from collections.abc import Iterable

from ringfence.domain.binding import same_member
from ringfence.domain.caller import Caller
from ringfence.domain.event import Actor
from ringfence.domain.glob import any_match, matches
from ringfence.domain.identity import GOOGLE, Identity, folded
from ringfence.domain.job import Job
from ringfence.domain.plan import ActionClass
from ringfence.engine.ids import person
from ringfence.errors import RefusedError
from ringfence.settings import Person, Settings

NAMED = "Approvers are named under `defaults.approval.approvers`"


def who(name: str, settings: Settings, unique_id: str = "") -> str:
    """Name the human being behind a name; without one in the configuration, the user or role whatever its session."""
    found = known(name, settings, unique_id)
    return f"person {found.name}" if found else person(name)


def known(name: str, settings: Settings, unique_id: str = "") -> Person | None:
    """Give the person whose name, or unique id, it is. A chat's ids are compared as they are, letter by letter."""
    return next(
        (
            p
            for p in settings.people
            if name in p.chat or any((unique_id != "" and alias == unique_id) or _names(alias, name) for alias in p.cloud)
        ),
        None,
    )


def involved(actor: Actor | None, affected: Iterable[Identity], project: str, settings: Settings) -> tuple[str, ...]:
    """Name everybody who has no say in a job: who caused it, whom it affects, and who owns one of those or the project.

    Who caused it goes by every name that the log has: the caller, its unique id, and the person behind a session.
    """
    affected = tuple(affected)
    arns = [identity.arn for identity in affected]
    parties = [who(identity.arn, settings, identity.unique_id or "") for identity in affected]
    if actor is not None:
        identity = actor.identity
        chain = actor.human.split(", ") if identity and identity.partition == GOOGLE else [actor.human.partition(" (")[0]]
        names = (actor.display or "", identity.arn if identity else "", *chain)
        parties = [*(who(name, settings, (identity and identity.unique_id) or "") for name in names if name), *parties]
    owners = [f"person {p.name}" for p in settings.people if project in p.owned_projects or any_match(p.owns, *arns)]
    return tuple(dict.fromkeys((*parties, *owners)))


def authorise(job: Job, voter: Caller, settings: Settings) -> None:
    """Refuse whoever has no say in a job, in the order in which it is easiest to understand."""
    if not voter.name:
        raise RefusedError("the request carries no name", "Sign it with an identity of your own")
    if voter.in_chat and known(voter.name, settings, voter.unique_id) is None:
        raise RefusedError(f"{voter.name} is nobody under `people`", "Only people whom the configuration names decide in a chat")
    me = who(voter.name, settings, voter.unique_id)
    if job.actor and who(job.actor, settings) == me:
        raise RefusedError(f"{voter.name} caused the event and has no say in it", "Ask somebody else")
    if {voter.unique_id, folded(voter.name)} & {job.plan.target.key, *job.plan.affects} or _is_target(job, voter, settings):
        raise RefusedError(f"{voter.name} is affected by the plan and has no say in it", "Ask somebody else")
    if me in job.no_say:
        raise RefusedError(f"{voter.name} is involved - caused, affected or owner - and has no say in it", "Ask somebody else")
    check_approver(voter, settings, job)


def check_approver(voter: Caller, settings: Settings, job: Job | None = None) -> None:
    """Refuse who is no approver, or not of this project or class of action; `None`: of the product as a whole."""
    if not may_approve(voter, settings):
        raise RefusedError(f"{voter.name} is no approver", NAMED)
    found = known(voter.name, settings, voter.unique_id)
    if job is None:
        return
    if found is not None and not any_match(found.projects, job.project):
        raise RefusedError(f"{voter.name} is no approver of the project {job.project}", "See `people` in the configuration")
    if found is not None and job.action_class not in found.classes:
        raise RefusedError(f"{voter.name} is no approver of {job.action_class}", "See `people` in the configuration")
    alone = [step.action for step in job.plan.steps if step.action in settings.command_line_for]
    if voter.in_chat and alone:
        raise RefusedError(f"{alone[0]} is not decided in the chat", f"Run `ringfence approve {job.id} --plan {job.plan.digest[:16]}`")


def may_approve(voter: Caller, settings: Settings) -> bool:
    """Whether somebody is an approver. Where none are named, IAM alone decides who is heard - and nobody in a chat."""
    if not settings.approvers:
        return not voter.in_chat
    found = known(voter.name, settings, voter.unique_id)
    arns = (approver for approver in settings.approvers if ":" in approver)  # the rest are names of people, and nobody's way to sign
    return (found is not None and found.name in settings.approvers) or any(_names(arn, voter.name) for arn in arns)


def may_decide(person_: Person, job: Job, settings: Settings) -> bool:
    """Whether a person of the configuration could decide a job: whom to call."""
    fits = any_match(person_.projects, job.project) is not None and job.action_class in person_.classes
    return person_.name in settings.approvers and fits and f"person {person_.name}" not in job.no_say


def reversible(job: Job) -> bool:
    """Whether what a job does can be taken off again: containment, and nothing that is lost."""
    return job.action_class is ActionClass.CONTAINMENT and all(s.action_class is not ActionClass.LOSS for s in job.plan.steps)


def _is_target(job: Job, voter: Caller, settings: Settings) -> bool:
    identity = Identity.from_arn(voter.name)
    found = known(voter.name, settings, voter.unique_id)
    aliases = found.cloud if found else ()
    target = job.plan.target
    direct = identity is not None and identity.same_as(target)
    sessions = (Identity.from_arn(alias) for alias in aliases)  # of a role: whoever is known by one is the role
    return (
        direct
        or any(session is not None and session.same_as(target) for session in sessions)
        or any(_names(alias, target.arn) or alias in (target.key, *job.plan.affects) for alias in aliases)
    )


def _names(alias: str, name: str) -> bool:
    """Whether an ARN, or a glob over ARNs, names somebody. The ARN of a role stands for its sessions, that of a session for itself."""
    if not alias.startswith("arn:"):
        return alias == name or same_member(name, alias)
    mine, theirs = Identity.from_arn(alias), Identity.from_arn(name)
    same = mine is not None and theirs is not None and ":assumed-role/" not in alias and mine.same_as(theirs)
    return same or matches(alias, name)
