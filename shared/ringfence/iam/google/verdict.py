"""The verdict on a Google allow policy, and on each of its members: admin, escalation, broad, ok - or unknown, which is never ok.

- admin: surely writes the allow policy of the project, of a folder or of the organization above it: `roles/owner` does, and whoever can
  write the policy can make itself owner. An editor is none: it writes no policy, however many paths it has;
- escalation: at least one path is open, surely or not;
- unknown: the policy cannot be read, or grants a role or names a member that nobody knows;
- broad: data, credentials, AI or policies within reach of everything in the project, or something granted to outsiders;
- ok: none of these. An empty policy is ok.

What is malformed does not hide the rest: the worst that can be read counts, and what cannot be read is said.
"""

from collections.abc import Collection, Iterable
from functools import cache, reduce
from operator import or_

from msgspec import Struct

from ringfence.domain.member import MemberKind
from ringfence.iam.document import Problem
from ringfence.iam.google.allow import Allow, parse
from ringfence.iam.google.denial import Denial, denied, parse_denials
from ringfence.iam.google.gather import HIDDEN, Around, Gathered, gather, outside
from ringfence.iam.google.held import Granted, Holding, Powers, key_of, powers
from ringfence.iam.google.paths import Path
from ringfence.iam.google.roles import PermissionSet, names, permissions, sensitive
from ringfence.iam.verdict import Verdict

RANK = {Verdict.OK: 0, Verdict.BROAD: 1, Verdict.UNKNOWN: 2, Verdict.ESCALATION: 3, Verdict.ADMIN: 4}
ADMINISTERS = tuple(f"resourcemanager.{kind}.setIamPolicy" for kind in ("projects", "folders", "organizations"))
SETS = (MemberKind.GROUP, MemberKind.DOMAIN, MemberKind.PRINCIPAL_SET)
APP_ENGINE = "@appspot.gserviceaccount.com"


class Escalation(Struct, frozen=True, gc=False):
    """A path that is open to a member, with its proof: one grant for each permission it needs."""

    path: Path
    member: str
    certain: bool
    proof: tuple[Granted, ...]


class Standing(Struct, frozen=True, gc=False):
    """What one member amounts to, with the number of paths to more that are open to it."""

    member: str
    verdict: Verdict
    certain: int
    in_doubt: int


class Risks(Struct, frozen=True):
    """What is within reach of everything in the project, by permission; who from outside has which role; what Google granted itself."""

    data_access: tuple[str, ...] = ()
    credentials_exposure: tuple[str, ...] = ()
    resource_exposure: tuple[str, ...] = ()
    ai: tuple[str, ...] = ()
    set_by_google: tuple[str, ...] = ()


class Judged(Struct, frozen=True, kw_only=True):
    """The verdict with everything it stands on. `misuses`: paths that do harm, and lead to no more permissions."""

    verdict: Verdict
    escalations: tuple[Escalation, ...] = ()
    misuses: tuple[Escalation, ...] = ()
    standings: tuple[Standing, ...] = ()
    unknown_roles: tuple[str, ...] = ()
    unknown_members: tuple[str, ...] = ()
    risks: Risks = Risks()
    notes: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()


class _Weighed(Struct, frozen=True):
    holding: Holding
    powers: Powers
    verdict: Verdict
    exposed: bool


def judge(document: object, around: Around | None = None, *, resource: str = "", members: Collection[str] | None = None) -> Judged:
    """Judge an allow policy: what its members, and those of the policies above it, could become on what it hangs at.

    `document`: as `getIamPolicy` returns it, or wrapped (see `ringfence.iam.google.allow`). `resource`: where it hangs, if it does not
    say; not said at all, that is taken for the widest. `members`: judge only these.
    """
    around = around or Around()
    own = parse(document, resource)
    policies = [(own, False), *((parse(above), True) for above in around.inherited)]
    gathered = gather(policies, around)
    denials, unread = parse_denials(around.denials)
    weighed = _weigh(gathered, denials, around, None if members is None else {key_of(text) for text in members})
    problems = (*(p for policy, _ in policies for p in policy.problems), *unread)
    verdicts = [w.verdict for w in weighed] + ([Verdict.UNKNOWN] if problems else [])
    found = [Escalation(o.path, w.holding.text, o.certain, o.proof) for w in weighed for o in w.powers.opened]
    found.sort(key=lambda e: (not e.certain, e.path.id, e.member))
    return Judged(
        verdict=max(verdicts, key=RANK.__getitem__, default=Verdict.OK),
        escalations=tuple(e for e in found if not e.path.misuse),
        misuses=tuple(e for e in found if e.path.misuse),
        standings=tuple(sorted((_standing(w) for w in weighed), key=lambda s: (-RANK[s.verdict], s.member))),
        unknown_roles=tuple(sorted({role for w in weighed for role in w.holding.unknown})),
        unknown_members=tuple(sorted(w.holding.text for w in weighed if w.holding.member.kind is MemberKind.UNKNOWN)),
        risks=_risks(weighed, gathered.by_google),
        notes=tuple(_notes(weighed, [policy for policy, _ in policies])),
        problems=problems,
    )


def _weigh(gathered: Gathered, denials: tuple[Denial, ...], around: Around, wanted: set[str] | None) -> list[_Weighed]:
    """Weigh each member that is wanted; members with the same grants are weighed once."""
    known: dict[object, Powers] = {}
    found = []
    for key, holding in gathered.holdings.items():
        if wanted is not None and key not in wanted:
            continue
        surely, perhaps = denied(holding.member, denials)
        alike = (tuple(map(id, holding.own)), tuple(map(id, holding.shared)), surely, perhaps)
        if alike not in known:
            known[alike] = powers(holding.own, holding.shared, surely, perhaps)
        exposed = outside(holding.member, around)
        found.append(_Weighed(holding, known[alike], _verdict(holding, known[alike], exposed=exposed), exposed))
    return found


@cache
def _administers() -> PermissionSet:
    return permissions(ADMINISTERS)


@cache
def _risky() -> PermissionSet:
    risks = sensitive()
    return risks.data_access | risks.credentials_exposure | risks.resource_exposure | risks.ai


def _verdict(holding: Holding, found: Powers, *, exposed: bool) -> Verdict:
    if found.sure & _administers():
        return Verdict.ADMIN
    if any(not o.path.misuse for o in found.opened):
        return Verdict.ESCALATION
    if holding.unknown or holding.member.kind is MemberKind.UNKNOWN:
        return Verdict.UNKNOWN
    return Verdict.BROAD if found.wide & _risky() or found.opened or exposed else Verdict.OK


def _standing(weighed: _Weighed) -> Standing:
    more = [o.certain for o in weighed.powers.opened if not o.path.misuse]
    return Standing(weighed.holding.text, weighed.verdict, sum(more), len(more) - sum(more))


def _risks(weighed: list[_Weighed], by_google: tuple[str, ...]) -> Risks:
    """Give what is at risk; of policies, who is from outside first, then which can be written."""
    wide: PermissionSet = reduce(or_, (w.powers.wide for w in weighed), 0)
    risky = sensitive()
    outsiders = sorted(f"{w.holding.text}: {role}" for w in weighed if w.exposed for role in w.holding.roles)
    return Risks(
        names(wide & risky.data_access),
        names(wide & risky.credentials_exposure),
        (*outsiders, *names(wide & risky.resource_exposure)),
        names(wide & risky.ai),
        by_google,
    )


def _notes(weighed: list[_Weighed], policies: list[Allow]) -> Iterable[str]:
    """Say what this judgement cannot know, and what a reader should."""
    for one in sorted(weighed, key=lambda w: w.holding.text):
        text, member = one.holding.text, one.holding.member
        if member.kind in SETS and one.verdict is not Verdict.OK:
            yield f"{text}: who is in it is not known; it is judged as one member"
        if (member.default_compute or text.endswith(APP_ENGINE)) and one.powers.opened:
            yield f"{text}: a default service account; what names no account runs as it"
    for policy in policies:
        for binding in policy.bindings:
            if binding.hidden:
                yield f"{policy.resource} bindings[{binding.index}]: {HIDDEN}; read the policy with requestedPolicyVersion 3"
