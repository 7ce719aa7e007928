"""What the guardrails for models, jobs and data on Google Cloud share: where something happened, whose a place is, and who may touch it."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from ringfence.domain.data import in_projects, touches, whole, within
from ringfence.domain.finding import Case, Workload
from ringfence.domain.glob import any_match
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.raw import dig, items
from ringfence.settings import DISCOVERED, DataPlace, Project

BUCKET = "gs://"
EVERY = "*"


def project_at(case: Case) -> Project:
    """Give the project in which it happened, as it is declared. Where none is, that of the case may be, if it does not say where it is or the place is a number."""
    place = case.event.account if case.event else ""
    named = next((p for p in case.settings.projects if any_match(p.gcp_projects, place)), None)
    return named or (DISCOVERED if case.project.gcp_projects and not place.isdigit() else case.project)


def asked(request: Mapping[str, Any], path: str) -> Any:
    """Give what a request holds at a path, in the spelling of JSON or of the client library (`custom_job` for `customJob`)."""
    found: Any = request
    for key in path.split("."):
        snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in key)
        found = dig(found, key) if isinstance(found, dict) and key in found else dig(found, snake)
    return found


def masked(request: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the fields that an update names, in the spelling of JSON: the mask is one text, or as the client library writes it."""
    mask = asked(request, "updateMask")
    paths = mask.split(",") if isinstance(mask, str) else items(mask, "paths")
    words = (path.split("_") for path in paths if isinstance(path, str) and path)
    return tuple(first + "".join(word.capitalize() for word in rest) for first, *rest in words)


def declared(project: Project, places: Iterable[str]) -> tuple[DataPlace, str] | None:
    """Give the first of some places that is declared data of a project, and as what."""
    return next(((data, place) for place in places for data in project.data if touches(place, data.at)), None)


def outside(case: Case, places: Iterable[str]) -> list[str]:
    """Give those of some places that are not known to be ours: neither declared, nor a table or an image in a project that is named or where it happened."""
    projects = (*named(case), case.event.account if case.event else "")
    data = [whole(place.at) for p in case.settings.projects for place in p.data]
    return [place for place in places if not in_projects(place, projects) and not any(within(place, at) for at in data)]


def named(case: Case) -> list[str]:
    """Give the projects that are named in the configuration. One that covers every project names none: nobody can tell whose another is."""
    return [glob for project in case.settings.projects for glob in project.gcp_projects if glob != EVERY]


def telling(case: Case, away: Iterable[str]) -> list[str]:
    """Give those of some places away of which the configuration says enough: buckets where some are declared, others where not every project is covered."""
    buckets = any(place.at.startswith(BUCKET) for project in case.settings.projects for place in project.data)
    covered = any(EVERY in project.gcp_projects for project in case.settings.projects)
    return [place for place in away if (buckets if place.startswith(BUCKET) else not (covered and in_projects(place, (EVERY,))))]


def may(case: Case, project: Project, kinds: Collection[Workload]) -> bool:
    """Whether who is judged is a workload of one of some kinds. Where a project declares no service accounts, its own may do whatever one of them may."""
    member = parse_member(case.identity.arn)
    if member.kind is not MemberKind.SERVICE_ACCOUNT:
        return Workload.AGENT in kinds and any_match(project.gcp_agents, member.text) is not None
    if project.gcp_service_accounts:
        return any_match((p.glob for p in project.gcp_service_accounts if p.workload in kinds), member.id) is not None
    own = [glob for glob in project.gcp_projects if glob != EVERY] or [case.event.account if case.event else ""]
    return bool(kinds) and any_match(own, member.home) is not None
