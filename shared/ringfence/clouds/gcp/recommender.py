"""What Google says of access that nobody uses: a declared project's recommendations about roles, insights and last uses, page by page.

Recommender API v1 (`recommendations.list`, `insights.list`, with the filter that its reference shows) and Policy Analyzer API v1 (`activities.query`);
discovery documents of 2026-11. All of it is asked for at the location `global`, where Google keeps what is about IAM.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import quote

from ringfence.clouds.gcp.session import ask, upstream
from ringfence.errors import UpstreamError
from ringfence.sources.gcp_recommender import KEY_USE, MOVEMENT, ROLES, USE

ACTIVE = {"filter": "stateInfo.state = ACTIVE", "pageSize": "100"}
MANY = {"pageSize": "500"}
READS = (  # what asking takes (IAM documentation, "IAM permissions reference")
    "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
    "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
    "recommender.iamPolicyLateralMovementInsights.list",
    "recommender.iamPolicyRecommendations.list",
)
PAGES = 200  # of one list; a token that leads nowhere would never end

type Query = Mapping[str, str]


def _roles(project: str, query: Query) -> Any:
    return ask("GET", "recommender", f"/v1/{_at(project)}/recommenders/{ROLES}/recommendations", query={**ACTIVE, **query})


def _movement(project: str, query: Query) -> Any:
    return ask("GET", "recommender", f"/v1/{_at(project)}/insightTypes/{MOVEMENT}/insights", query={**ACTIVE, **query})


def _use(project: str, query: Query) -> Any:
    return ask("GET", "policyanalyzer", f"/v1/{_at(project)}/activityTypes/{USE}/activities:query", query={**MANY, **query})


def _key_use(project: str, query: Query) -> Any:
    return ask("GET", "policyanalyzer", f"/v1/{_at(project)}/activityTypes/{KEY_USE}/activities:query", query={**MANY, **query})


LISTS: Mapping[str, tuple[str, Callable[[str, Query], Any]]] = {
    ROLES: ("recommendations", _roles),
    MOVEMENT: ("insights", _movement),
    USE: ("activities", _use),
    KEY_USE: ("activities", _key_use),
}


def told(kind: str, project: str) -> Iterator[Mapping[str, Any]]:
    """Give each page of a list as Google answers it; one without any record is none. Raises UpstreamError, also where the list does not end."""
    name, page = LISTS[kind]
    query: Query = {}
    for _ in range(PAGES):
        with upstream(f"asking for {kind} of {project}"):
            reply: Mapping[str, Any] = page(project, query)
        if reply.get(name):
            yield reply
        if not reply.get("nextPageToken"):
            return
        query = {"pageToken": str(reply["nextPageToken"])}
    raise UpstreamError(f"{kind} of {project} does not end after {PAGES} pages", "What came until then was judged")


def _at(project: str) -> str:
    return f"projects/{quote(project, safe='')}/locations/global"
