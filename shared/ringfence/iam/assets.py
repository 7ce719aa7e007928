"""Who reaches what has to be guarded - training data, models, keys -, by its own policies or by becoming somebody else.

What may be done to an asset is a question of sets: the actions that work on its shape, met with those that policies allow on it.
Administrators, and whoever becomes one, reach everything, and are not counted here. Policies of resources are not in a snapshot of IAM.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from functools import cache, lru_cache
from itertools import islice

from msgspec import Struct
from msgspec.structs import replace

from ringfence.iam.areas import areas, filled
from ringfence.iam.catalogue import ActionSet, catalogue, expand, names, of_level, shapes
from ringfence.iam.climbs import Climbs
from ringfence.iam.document import Statement
from ringfence.iam.granted import Granted, Rules, holding
from ringfence.iam.graph import Node
from ringfence.iam.resources import PARTS, Reach, covers, fenced, overlaps, service
from ringfence.iam.verdict import reading
from ringfence.iam.ways import Step, Ways


class Use(StrEnum):
    """What may be done to an asset."""

    READ = "read or use"
    CHANGE = "change"


class Asset(Struct, frozen=True):
    """Something to guard: its name, and the ARNs it stands for; `*` is a wildcard in them."""

    name: str
    arns: tuple[str, ...]


class Access(Struct, frozen=True, kw_only=True):
    """An identity that reaches an asset: by its own policies where there are no `steps`. `granted`: what the last in the row is allowed."""

    identity: str
    asset: Asset
    use: Use
    certain: bool
    granted: Granted
    steps: tuple[Step, ...] = ()


def accesses(climbs: Climbs, assets: Sequence[Asset]) -> tuple[Access, ...]:
    """Give who reaches each asset and for what, each identity once: the surest and shortest way."""
    return tuple(found for asset in assets for use in Use for found in _accesses(climbs, asset, use))


def _accesses(climbs: Climbs, asset: Asset, use: Use) -> Iterator[Access]:
    graph = climbs.graph
    nodes = {name: node for name, node in graph.nodes.items() if not graph.is_admin(node.rules)}
    own = {name: granted for name, node in nodes.items() if (granted := _granted(node, asset, use)) is not None}
    tops = {name: (granted, ()) for name, granted in own.items()} | {
        name: found for name in nodes if not (name in own and own[name].certain) and (found := _after(climbs, name, asset, use)) is not None
    }
    ways = [Ways(i, [n for n, (g, _) in tops.items() if g.certain or not i.certain]) for i in climbs.indexes]
    for holder in graph.account.holders:
        if holder.arn not in nodes:
            continue
        mine = own.get(holder.arn)
        if mine is None or not mine.certain:
            climbed = next((a for w in ways for a in _climbed(climbs, nodes[holder.arn], asset, use, w, tops)), None)
            if climbed is not None and (mine is None or climbed.certain):
                yield climbed
                continue
        if mine is not None:
            yield Access(identity=holder.arn, asset=asset, use=use, certain=mine.certain, granted=mine)


def _climbed(
    climbs: Climbs, node: Node, asset: Asset, use: Use, ways: Ways, tops: dict[str, tuple[Granted, tuple[Step, ...]]]
) -> Iterator[Access]:
    """Give the access by each of a holder's edges: through others, or by what it makes of itself."""
    for edge in climbs.edges[node.name]:
        steps = ways.by(node.name, edge)
        granted, last = tops[steps[-1].to] if steps else (None, ())
        steps = (*steps, *last) if steps else None
        if edge.becomes is not None and (edge.certain or not ways.certain):
            granted = _granted(edge.becomes, asset, use)
            steps = (Step(edge.path, str(edge.to), edge.proof),)
        if steps and granted is not None and (granted.certain or not ways.certain):
            yield Access(identity=node.name, asset=asset, use=use, certain=ways.certain, granted=granted, steps=steps)


def _after(climbs: Climbs, name: str, asset: Asset, use: Use) -> tuple[Granted, tuple[Step, ...]] | None:
    """Give what a holder may do with an asset once it has changed itself - its boundary, its groups, its policies -, and that step."""
    found = [
        (replace(granted, certain=granted.certain and edge.certain), (Step(edge.path, str(edge.to), edge.proof),))
        for edge in climbs.edges[name]
        if edge.becomes is not None and (granted := _granted(edge.becomes, asset, use)) is not None
    ]
    return max(found, key=lambda f: f[0].certain, default=None)


def _granted(node: Node, asset: Asset, use: Use) -> Granted | None:
    """Give the surest grant of an action of this use on the asset, or None."""
    best: Granted | None = None
    for arn in asset.arns:
        wanted = actions_on(arn, use) & node.rules.allowed
        _, sure, maybe = allowed_on(node.rules, wanted, arn, node.username) if wanted else (0, 0, 0)
        for found in (sure, maybe):
            if found and (best is None or not best.certain):
                grants = ((n, a.granted) for n in names(found) for a in areas(node.rules, n, username=node.username) if a.touches(arn))
                for action, by in islice(grants, 1):  # none where an allow and the boundary above it name two parts of the asset
                    best = Granted(action, by.policy, by.statement, by.resource, by.conditions, certain=found is sure)
    return best


@lru_cache(maxsize=256)
def actions_on(arn: str, use: Use) -> ActionSet:
    """Give the actions of a use that work on what an ARN names: reading data and calling models, or writing and managing permissions."""
    found = 0
    for prefix in _prefixes().get(service(arn), ()):
        for name in catalogue().services[prefix].actions:
            if any(_fits(shape, arn) for shape in shapes(f"{prefix}:{name}").every):
                found |= expand(f"{prefix}:{name}")
    return found & reading() if use is Use.READ else found & of_level("WP") & ~reading()


@cache
def _prefixes() -> dict[str, tuple[str, ...]]:
    """Give the services whose actions work on the ARNs of a service: snapshots of ec2 are read by ebs."""
    found: dict[str, dict[str, None]] = {}
    for prefix, entry in catalogue().services.items():
        for shape in entry.resources:
            found.setdefault(service(shape), {})[prefix] = None
    return {of: tuple(prefixes) for of, prefixes in found.items()}


def _fits(shape: str, arn: str) -> bool:
    """Whether an ARN is of a shape; what is in a bucket is none of the bucket's own shape."""
    alike = ("/" in shape.split(":", PARTS - 1)[-1]) == ("/" in arn.split(":", PARTS - 1)[-1])
    return (alike or service(arn) != "s3") and overlaps(arn, fenced(shape))


def allowed_on(rules: Rules, wanted: ActionSet, arn: str, username: str) -> tuple[ActionSet, ActionSet, ActionSet]:
    """Give which of some actions are surely allowed on all that an ARN names, surely on some of it, and perhaps on some of it."""
    whole, sure, maybe, lost, doubtful = 0, 0, 0, 0, 0
    for rule in rules.denies:
        truth = holding(rule.statement, "") if rule.actions & wanted else Reach.NONE
        how_far = min(truth, _reaches(rule.statement, arn, username)) if truth is not Reach.NONE else Reach.NONE
        lost |= rule.actions if how_far is Reach.ALL else 0
        doubtful |= rule.actions if how_far is Reach.SOME else 0
    for rule in rules.allows:
        found = rule.actions & wanted & ~lost
        truth = holding(rule.statement, "") if found else Reach.NONE
        how_far = _reaches(rule.statement, arn, username) if truth is not Reach.NONE else Reach.NONE
        if how_far is not Reach.NONE:
            maybe |= found
            surely = found & ~doubtful if truth is Reach.ALL and _exact(rule.statement) else 0
            sure, whole = sure | surely, whole | (surely if how_far is Reach.ALL else 0)
    if rules.ceiling is not None and maybe:
        over, some, perhaps = allowed_on(rules.ceiling, wanted, arn, username)
        return whole & over, (whole & some) | (sure & over), maybe & perhaps
    return whole, sure, maybe


def _exact(statement: Statement) -> bool:
    return all(exact for _, exact in filled(statement.resources or statement.not_resources or (), "*"))


def _reaches(statement: Statement, arn: str, username: str) -> Reach:
    """Say how much of what an ARN names is named by a statement."""
    patterns = filled(statement.resources or statement.not_resources or (), username)
    whole = any(exact and covers(p, arn) for p, exact in patterns)
    part = any(overlaps(p, arn) for p, _ in patterns)
    if statement.not_resources is not None:
        return Reach.NONE if whole else Reach.SOME if part else Reach.ALL
    return Reach.ALL if whole else Reach.SOME if part else Reach.NONE
