"""Which AI project a principal of Google Cloud belongs to: declared first, then discovered by what it is.

A declared address or pattern names a principal; a declared project covers what happens in it, and whatever is granted in it to anybody. Discovered are agents' own identities, Vertex AI's service
accounts by their names, and the default service account of Compute Engine, which Workbench runs as unless told otherwise (Vertex AI documentation,
"Custom service accounts" and "Agent identity"; read in 2026-11).
"""

from ringfence.domain.data import touches, written
from ringfence.domain.event import Event
from ringfence.domain.finding import Workload
from ringfence.domain.glob import any_match
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.member import Member, MemberKind, parse_member
from ringfence.settings import DISCOVERED, Project, Settings

PROJECTS, ANY_PROJECT = "projects/", "_"  # a bucket's name tells no project: projects/_/buckets/b
ABOVE = ("organizations/", "folders/")
VERTEX = ("*vertex*@*.iam.gserviceaccount.com", "*aiplatform*@*.iam.gserviceaccount.com", "*notebook*@*.iam.gserviceaccount.com")


def claimed(identity: Identity, settings: Settings) -> tuple[Project, Workload] | None:
    """Give the project of a principal, or of what happens in a declared project, and what the principal is for; None where it belongs to none."""
    member = parse_member(identity.arn)
    for project in settings.projects:
        if (named := _named(project, member)) is not None:
            return project, named
    for project in settings.projects:
        if project.gcp_whole and any_match(project.gcp_projects, identity.account, member.home):
            return project, workload(member)
    if identity.account.startswith(ABOVE) and (there := next((p for p in settings.projects if _on_google(p)), None)) is not None:
        return there, workload(member)  # what is granted above the projects is granted in each of them
    if member.agent or member.default_compute or any_match(VERTEX, member.id):
        return DISCOVERED, workload(member)
    return None


def of_the_place(event: Event, settings: Settings) -> tuple[Project, Workload] | None:
    """Give the project whose service account somebody may act as, or whose declared data an event touches: whoever it is, it concerns that project."""
    if event.partition != GOOGLE:
        return None
    target = event.target.arn if event.target is not None else ""
    account = (target.rpartition("/")[2],) if "/serviceAccounts/" in target else ()
    for address in (*account, *event.parameters.get("impersonates", ())):
        if (claim := claimed(Identity.member(f"serviceAccount:{address}", event.account), settings)) is not None:
            return claim
    places = (*event.parameters.get("writes", ()), *event.parameters.get("reads", ()), *filter(None, (written(target),)))
    found = next((p for place in places for p in settings.projects if any(touches(place, data.at) for data in p.data)), None)
    return None if found is None else (found, Workload.UNKNOWN)


def of_the_grant(event: Event, subject: Identity, settings: Settings) -> tuple[Project, Workload] | None:
    """Give the declared project in which somebody was granted something: whoever it is, and whomever the project names."""
    if event.partition != GOOGLE or not any(delta.get("member") == subject.arn for delta in event.parameters.get("deltas") or ()):
        return None
    scope = event.target.arn.removeprefix(PROJECTS) if event.target is not None and event.target.arn.startswith(PROJECTS) else ""
    places = [place for place in (event.account, scope.partition("/")[0]) if place not in ("", ANY_PROJECT)]
    found = next((p for p in settings.projects if any_match(p.gcp_projects, *places)), None)
    return None if found is None else (found, workload(parse_member(subject.arn)))


def workload(member: Member) -> Workload:
    """Say what a principal is for, as far as its form tells."""
    if member.agent:
        return Workload.AGENT
    if member.default_compute or any_match(("*notebook*",), member.id):
        return Workload.NOTEBOOK
    return Workload.HUMAN if member.kind in (MemberKind.USER, MemberKind.GROUP, MemberKind.DOMAIN) else Workload.UNKNOWN


def is_workload(identity: Identity) -> bool:
    """Whether a principal is a service account or an agent."""
    member = parse_member(identity.arn)
    return member.agent or member.kind is MemberKind.SERVICE_ACCOUNT


def _on_google(project: Project) -> bool:
    return bool(project.gcp_projects or project.gcp_service_accounts or project.gcp_agents or project.gcp_people)


def _named(project: Project, member: Member) -> Workload | None:
    if member.kind is MemberKind.SERVICE_ACCOUNT:
        return next((p.workload for p in project.gcp_service_accounts if any_match((p.glob,), member.id)), None)
    if any_match(project.gcp_agents, member.text):
        return Workload.AGENT
    return Workload.HUMAN if any_match(project.gcp_people, member.id) else None
