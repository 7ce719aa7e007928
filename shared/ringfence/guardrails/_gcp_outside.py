"""Who is outside, among the members of Google's allow policies: by domain, by the project of a service account, by the number in a pool's name.

Ours are the trusted domains, the declared projects, whoever the configuration names, and the project in which it happened. An id and a number of one
project cannot be told to be the same by a log: what has only the other one is in doubt, and so is what is of no form that is known here.
Forms: IAM documentation, "Principal identifiers" and "Service accounts overview", read in 2026-11.
"""

import re
from collections.abc import Iterator

from ringfence.domain.finding import Case, Unknown
from ringfence.domain.glob import any_match
from ringfence.domain.member import CONSUMER, Member, MemberKind
from ringfence.guardrails._gcp_data import named

ADDRESSES = (MemberKind.USER, MemberKind.GROUP, MemberKind.DOMAIN)
FEDERATED = (MemberKind.PRINCIPAL, MemberKind.PRINCIPAL_SET)
# Accounts whose address tells their project in another way than by `iam.gserviceaccount.com`: of Compute Engine (a number), App Engine and GKE (an id).
DEFAULT = re.compile(r"([0-9]+)-compute@developer\.gserviceaccount\.com|([^@]+)@appspot\.gserviceaccount\.com", re.ASCII | re.IGNORECASE)
KUBERNETES = re.compile(r"([a-z][a-z0-9:.-]*)\.svc\.id\.goog\[[^\[\]]+\]", re.ASCII)
AGENT = re.compile(r"(?:service-|bq-)?(?:org-|folder-)?([0-9]+)@.*", re.ASCII)
NUMBERED = re.compile(r"(?:^|/)projects/([0-9]+)(?:/|$)", re.ASCII)


def outside(case: Case, member: Member) -> str | Unknown:
    """Say who somebody outside is; empty where they are not. Unknown where the configuration says who is ours, and nobody can tell."""
    if member.kind is MemberKind.EVERYBODY:
        return "everybody" if member.id == "allUsers" else "everybody with a Google account"
    if member.kind in ADDRESSES and member.domain:
        trusted = case.settings.trusted_domains
        away = member.domain in CONSUMER or (bool(trusted) and member.domain not in trusted)
        return f"{member.id}, outside the organisation," if away else ""
    declared = named(case)
    if not (declared or case.settings.trusted_domains) or _named(case, member):
        return ""
    home, doubt = (
        _home(member),
        Unknown(f"whether {member.text} is outside is not known: declare its project, or name it in the configuration"),
    )
    if not home or (
        member.kind is MemberKind.SERVICE_ACCOUNT and case.state is not None and case.state.enabled is not None and not member.home
    ):
        return doubt if not home else ""
    ours = (*declared, *_numbers(case), case.event.account if case.event else "")
    if any_match(ours, home):
        return ""
    comparable = [place for place in ours if place and place.isdigit() == home.isdigit()]
    return f"{member.id}, of another project," if declared and comparable else doubt


def _named(case: Case, member: Member) -> bool:
    """Whether the configuration names somebody: as a service account or an agent of a project, or as one who deploys or looks after security."""
    accounts = (pattern.glob for project in case.settings.projects for pattern in project.gcp_service_accounts)
    others = (*case.settings.deployers, *case.settings.security_admins, *(glob for p in case.settings.projects for glob in p.gcp_agents))
    return any_match((*accounts, *others), member.id, member.text) is not None


def _home(member: Member) -> str:
    """Give the id or number of the project that somebody belongs to, as the text tells; empty where it does not."""
    if member.kind is MemberKind.SERVICE_ACCOUNT:
        default, pod = DEFAULT.fullmatch(member.id), KUBERNETES.fullmatch(member.id)
        agent = AGENT.fullmatch(member.id) if member.service_agent else None
        found = default or pod or agent
        return next(filter(None, found.groups()), "") if found else member.home
    if member.kind in FEDERATED:
        numbered = NUMBERED.search(member.id)
        return numbered[1] if numbered else ""
    return member.id.partition(":")[2] if member.kind is MemberKind.CONVENIENCE else ""


def _numbers(case: Case) -> Iterator[str]:
    """Give the numbers of the project as its own agents tell them: those that hold the very role that Google gives them."""
    from ringfence.domain.member import parse_member
    from ringfence.guardrails._google import added
    from ringfence.iam.google.agents import numbers_of

    stands = case.target_state.bindings if case.target_state is not None else None
    told = [(b.member, b.role) for b in stands] if stands is not None else [(d["member"], d["role"]) for d in added(case.event)]
    numbers = numbers_of((parse_member(name), role) for name, role in told)
    yield from numbers if len(numbers) == 1 else ()
