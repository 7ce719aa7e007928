"""A census of Google Cloud projects: how many identities there are, who owns a project, and who is protected.

What stands is not judged there: logs tell each grant as a delta, so nothing that has stood for long can look like a fresh one.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ringfence.domain.binding import Binding, comparable
from ringfence.domain.census import Census
from ringfence.domain.identity import Identity
from ringfence.domain.member import MemberKind, parse_member
from ringfence.domain.state import State
from ringfence.engine.census import exempt_of, register
from ringfence.engine.discovery import Membership, membership
from ringfence.engine.protect import exemption_pattern, patterns
from ringfence.settings import Settings

# Who holds one of these can give every role of the project away (IAM documentation, "Roles that can manage access").
ADMINISTRATORS = ("roles/owner", "roles/resourcemanager.projectIamAdmin", "roles/iam.securityAdmin")
PEOPLE = (MemberKind.USER, MemberKind.GROUP)


def take(
    policies: Mapping[str, Iterable[Binding]], accounts: Iterable[State], settings: Settings, previous: Census | None, now: datetime
) -> Census:
    """Count projects by their allow policies (by project id) and their service accounts. Who owns one project is no administrator of another."""
    known = [state.identity for state in accounts]
    bound = {comparable(b.member): Identity.member(b.member, project) for project, held in policies.items() for b in held}
    everybody = {comparable(i.arn): i for i in (*bound.values(), *known)}
    ours = [i for i in everybody.values() if isinstance(membership(i, None, settings), Membership)]
    admins_of = {project: tuple(sorted(_admins(project, held))) for project, held in policies.items()}
    protected, newly = register(known, settings, previous)
    return Census(
        taken=now,
        looked=previous.looked if previous else None,
        config_hash=settings.config_hash,
        identities=len(ours),
        admins=tuple(sorted({one for admins in admins_of.values() for one in admins})),
        admins_of=admins_of,
        protected=protected,
        newly=newly,
        exempt=exempt_of(known, settings, previous),
        patterns=(*patterns(settings), *map(exemption_pattern, settings.exemptions)),
    )


def _admins(project: str, held: Iterable[Binding]) -> set[str]:
    administer = (b for b in held if b.role in ADMINISTRATORS and b.condition is None and parse_member(b.member).kind in PEOPLE)
    return {Identity.member(b.member, project).key for b in administer}
