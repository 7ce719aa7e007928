"""What the recommender and Policy Analyzer tell (Recommender API v1, `recommendations`, `insights`; Policy Analyzer API v1, `activities`).

Every record is kept as it is told, by project and by its kind; `filter` is understood as far as the product writes it.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler
from tests.support.google.world import JSON, World, copied, page

KIND = re.compile(r"(?:recommenders|insightTypes|activityTypes)/([^/]+)")
FILTER = re.compile(r"stateInfo\.state\s*=\s*([A-Z]+)")
MOST = 1000  # records of one page (Policy Analyzer API reference, `pageSize`)


class Recommender:
    """All records, by project and kind."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.told: dict[tuple[str, str], list[JSON]] = {}

    def tell(self, project: str, record: Mapping[str, Any]) -> None:
        """Add what Google says about a project (its id)."""
        named = KIND.search(str(record.get("name", "")))
        kind = named[1] if named else str(record["activityType"])
        self.told.setdefault((project, kind), []).append(copied(dict(record)))


def _list(recommender: Recommender, key: str, asked: Asked) -> object:
    parent = asked.path["parent"]
    kind = KIND.search(parent)
    if kind is None or "/locations/global/" not in parent:
        raise invalid(f"Location is not supported: {parent}")
    project = recommender.world.find_project(parent.split("/")[1])
    found = recommender.told.get((project.id, kind[1]), [])
    if asked.one("filter"):
        wanted = FILTER.fullmatch(asked.one("filter"))
        if wanted is None:
            raise invalid(f"Invalid filter: {asked.one('filter')}")
        found = [one for one in found if one.get("stateInfo", {}).get("state") == wanted[1]]
    return page(found, key, str(min(int(asked.one("pageSize", "100")), MOST)), asked.one("pageToken"))


def serve_recommender(recommender: Recommender) -> dict[str, Handler]:
    """Serve both APIs for projects."""
    served = {
        "recommender.projects.locations.recommenders.recommendations.list": "recommendations",
        "recommender.projects.locations.insightTypes.insights.list": "insights",
        "policyanalyzer.projects.locations.activityTypes.activities.query": "activities",
    }
    return {method: partial(_list, recommender, key) for method, key in served.items()}
