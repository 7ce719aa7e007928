"""Who may do what on Google Cloud: three roles that are what permissions.json says, one writer, nobody public but for Slack, nothing handed out by the dozen."""

import json
import re
from collections import defaultdict
from typing import Any

import pytest

from ringfence.actions import ACTIONS
from ringfence.clouds.gcp import recommender
from ringfence.clouds.gcp.reader import READS
from ringfence.sources.gcp_recommender import KEY_USE, MOVEMENT, ROLES, USE
from tests.support.cases import ROOT
from tests.support.terraform import FOLDER, Plan, parsed

PERMISSIONS: dict[str, list[str]] = json.loads((FOLDER / "permissions.json").read_text())
SCOPES = {"organizations": "organizations/1", "folders": "folders/2", "projects": "projects/fraud-ml-prod"}
EVERYTHING: dict[str, Any] = {
    "slack": True,
    "scc": "organization",
    "organization": "1",
    "scope": "organizations/1",
    "deny_at": "organizations/1",
}
PREDEFINED = {
    "roles/artifactregistry.writer", "roles/cloudkms.signerVerifier", "roles/cloudtasks.enqueuer", "roles/iam.denyAdmin", "roles/iam.denyReviewer",
    "roles/iam.serviceAccountOpenIdTokenCreator", "roles/iam.serviceAccountUser", "roles/logging.logWriter", "roles/pubsub.publisher",
    "roles/pubsub.subscriber", "roles/run.invoker", "roles/secretmanager.secretAccessor", "roles/storage.objectCreator", "roles/storage.objectViewer",
}  # fmt: skip
# What `review` asks about access that nobody uses, list by list (Recommender and Policy Analyzer, "Access control").
EXCESS = {
    ROLES: "recommender.iamPolicyRecommendations.list",
    MOVEMENT: "recommender.iamPolicyLateralMovementInsights.list",
    USE: "policyanalyzer.serviceAccountLastAuthenticationActivities.query",
    KEY_USE: "policyanalyzer.serviceAccountKeyLastAuthenticationActivities.query",
}
DECLARED = {p for action in ACTIONS if action.cloud == "gcp" for permission in action.writes for p in permission.grants}
READ = {permission for some in READS.values() for permission in some}
READING = re.compile(r".*\.(get|list|getIamPolicy|query|searchAll\w+)$")


def account(name: str) -> str:
    return f"<google_service_account.function[{name}].member>"


def made(plan: Plan) -> dict[str, list[str]]:
    roles = plan.all("google_organization_iam_custom_role", "google_project_iam_custom_role")
    return {address: role.arguments["permissions"] for address, role in roles.items() if ".scope[" in address}


def granted(plan: Plan) -> dict[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for address, grant in plan.all().items():
        if "_iam_member." in address:
            found[grant.arguments["member"]].add(grant.arguments["role"])
    return found


def on_scope(plan: Plan, name: str) -> set[str]:
    return {match[1] for role in granted(plan)[account(name)] if (match := re.search(r"custom_role\.scope\[(\w+)\]", role))}


def test_the_lists_are_sorted_and_apart() -> None:
    assert PERMISSIONS.keys() == {"read", "contain", "restore", "deny"}
    assert all(found == sorted(set(found)) and found for found in PERMISSIONS.values())
    everything = [permission for found in PERMISSIONS.values() for permission in found]
    assert len(everything) == len(set(everything))
    assert not [permission for permission in everything if "*" in permission]
    lines = (FOLDER / "permissions.json").read_text().splitlines()
    assert sum(line.strip().strip('",') in everything for line in lines) == len(everything), "one a line"


def test_reading_changes_nothing_and_giving_back_is_apart() -> None:
    assert [permission for permission in PERMISSIONS["read"] if not READING.match(permission)] == []
    assert [permission for permission in PERMISSIONS["contain"] if READING.match(permission)] == []
    gives = re.compile(r"\.(enable|undelete)$")
    assert [p for p in PERMISSIONS["contain"] if gives.search(p)] == ["logging.buckets.undelete"], (
        "a log bucket brought back gives nobody anything"
    )
    assert {"iam.serviceAccounts.enable", "iam.serviceAccountKeys.enable"} <= set(PERMISSIONS["restore"])
    assert all(gives.search(permission) for permission in PERMISSIONS["restore"])
    forbidden = re.compile(
        r"serviceAccount(s|Keys)\.(create|delete|actAs|getAccessToken|implicitDelegation|signBlob|signJwt)|roles\.create|projects\.delete"
    )
    assert not [p for found in PERMISSIONS.values() for p in found if forbidden.search(p)], "it makes no identity and becomes none"


def test_deny_policies_are_in_no_custom_role() -> None:
    assert all(permission.startswith("iam.denypolicies.") for permission in PERMISSIONS["deny"])
    assert not [p for name in ("read", "contain", "restore") for p in PERMISSIONS[name] if "denypolicies" in p], (
        "Google refuses the whole role"
    )


@pytest.mark.parametrize("kind", SCOPES)
def test_the_roles_are_what_the_lists_say(kind: str) -> None:
    plan = Plan(scope=SCOPES[kind], organization="1")
    at = "project" if kind == "projects" else "organization"
    assert plan.refused == []
    for name in ("read", "contain", "restore"):
        above = re.compile(r"resourcemanager\.(folders|organizations)\.|iam\.googleapis\.com/workforce")
        wanted = [p for p in PERMISSIONS[name] if kind != "projects" or not above.match(p)]
        assert made(plan)[f"google_{at}_iam_custom_role.scope[{name}]"] == wanted
    assert len(made(plan)) == 3
    members = {address.split(".")[0] for address in plan.all() if address.startswith("google_") and "_iam_member.scope[" in address}
    assert members == {f"google_{kind.removesuffix('s')}_iam_member"}, "where it is watched, and nowhere else"


@pytest.mark.parametrize("kind", SCOPES)
def test_only_respond_contains(kind: str) -> None:
    plan = Plan(scope=SCOPES[kind], organization="1")
    held = {name: on_scope(plan, name) for name in ("approve", "evaluate", "notify", "respond", "review", "seal")}
    assert held == {
        "approve": set(),
        "evaluate": {"read"},
        "notify": set(),
        "respond": {"read", "contain", "restore"},
        "review": {"read"},
        "seal": set(),
    }
    assert on_scope(Plan(scope=SCOPES[kind], organization="1", restore=False), "respond") == {"read", "contain"}
    assert not [address for address in made(Plan(restore=False)) if "restore" in address]


def test_what_changes_something_is_what_the_actions_declare_and_nothing_more() -> None:
    changing = {*PERMISSIONS["contain"], *PERMISSIONS["restore"], *PERMISSIONS["deny"]} - READ
    assert changing == {permission for permission in DECLARED if not READING.match(permission)}


def test_what_reads_is_what_the_reader_and_the_review_ask_and_nothing_more() -> None:
    denials = {permission for permission in READ if permission.startswith("iam.denypolicies.")}
    assert EXCESS.keys() == recommender.LISTS.keys()
    assert {*PERMISSIONS["read"]} == READ - denials | {*EXCESS.values()}
    assert denials == {permission for permission in PERMISSIONS["deny"] if READING.match(permission)}
    assert {permission for permission in DECLARED if READING.match(permission)} <= READ, "what a write reads first is what is read anyway"


@pytest.mark.parametrize(
    ("at", "organization", "resource", "kind"),
    [
        ("", "1", "", ""),
        ("organizations/1", "", "1", "organization"),
        ("folders/2", "1", "folders/2", "folder"),
        ("projects/fraud-ml-prod", "1", "1", "organization"),
    ],
)
def test_deny_policies_are_made_only_where_somebody_says(at: str, organization: str, resource: str, kind: str) -> None:
    plan = Plan(deny_at=at, organization=organization)
    assert plan.refused == []
    found = {address: grant for address, grant in plan.all().items() if grant.arguments.get("role") == "roles/iam.denyAdmin"}
    assert len(found) == bool(at)
    looks = {address: grant for address, grant in plan.all().items() if grant.arguments.get("role") == "roles/iam.denyReviewer"}
    assert sorted(grant.arguments["member"] for grant in looks.values()) == ([account("evaluate"), account("review")] if at else [])
    for address, grant in {**found, **looks}.items():
        assert address.startswith(f"google_{kind}_iam_member")
        assert address in looks or grant.arguments["member"] == account("respond")
        assert resource in (grant.arguments.get("org_id"), grant.arguments.get("folder"))


def test_grants_are_single_and_of_few_roles() -> None:
    plan = Plan(**EVERYTHING)
    assert [kind for kind in parsed()["resource"] if kind.endswith(("_iam_binding", "_iam_policy"))] == [], (
        "those take other people's grants away"
    )
    roles = {role for held in granted(plan).values() for role in held if not role.startswith("<")}
    assert roles == PREDEFINED
    for member, held in granted(plan).items():
        if member in ("allUsers", "allAuthenticatedUsers") or "*" in member:
            assert (member, held) == ("allUsers", {"roles/run.invoker"})


@pytest.mark.parametrize("slack", [True, False])
def test_anybody_may_call_what_slack_calls_and_nothing_else(*, slack: bool) -> None:
    plan = Plan(slack=slack)
    public = [grant.arguments for grant in plan.all().values() if "all" in str(grant.arguments.get("member", ""))[:3]]
    assert [(one["name"], one["role"]) for one in public] == ([("ringfence-approve", "roles/run.invoker")] if slack else [])
    pushed = plan.instances("google_cloud_run_v2_service_iam_member", "pushed")
    assert {one.arguments["member"] for one in pushed.values()} == {"<google_service_account.push.member>"}
    assert "approve" not in pushed


def test_who_sends_what() -> None:
    sends = defaultdict(set)
    for grant in Plan().instances("google_pubsub_topic_iam_member", "sends").values():
        sends[grant.arguments["topic"]].add(grant.arguments["member"])
    assert sends == {
        "<google_pubsub_topic.queue[jobs].id>": {account(name) for name in ("approve", "evaluate", "respond", "review")},
        "<google_pubsub_topic.queue[notices].id>": {account(name) for name in ("approve", "evaluate", "respond", "review", "seal")},
    }
    events = [
        a
        for a, g in Plan().all("google_pubsub_topic_iam_member").items()
        if g.arguments["topic"] == "<google_pubsub_topic.queue[events].id>"
    ]
    assert events == ["google_pubsub_topic_iam_member.sink"], "nobody but the log sink is the source of events"


def test_jobs_and_records_are_never_deleted() -> None:
    (state,) = Plan().instances("google_project_iam_custom_role", "state").values()
    assert not [permission for permission in state.arguments["permissions"] if permission.endswith((".delete", ".import"))]
    grants = [g.arguments for g in Plan().all("google_storage_bucket_iam_member").values()]
    archive = {grant["role"] for grant in grants if grant["member"] == account("seal")}
    assert archive == {"roles/storage.objectCreator", "roles/storage.objectViewer"}, "neither may replace or delete"
    (signs,) = Plan().all("google_kms_crypto_key_iam_member").values()
    assert (signs.arguments["member"], signs.arguments["role"]) == (account("seal"), "roles/cloudkms.signerVerifier")


def test_who_builds_reads_the_sources_and_nothing_else() -> None:
    plan, build = Plan(), "<google_service_account.build.member>"
    held = [(a.split(".")[0], g.arguments) for a, g in plan.all().items() if g.arguments.get("member") == build]
    reads = [(kind, arguments) for kind, arguments in held if "storage" in arguments["role"]]
    assert [kind for kind, _ in reads].count("google_storage_bucket_iam_member") == 1
    for kind, arguments in reads:
        if kind == "google_storage_bucket_iam_member":
            assert arguments["bucket"] == plan.instances("google_storage_bucket", "source")[None].arguments["name"]
        else:
            (condition,) = arguments["condition"]
            assert "projects/_/buckets/gcf-v2-sources-" in condition["expression"]


def test_who_knows_slacks_secrets() -> None:
    knows = {
        (g.arguments["secret_id"], g.arguments["member"]) for g in Plan(slack=True).all("google_secret_manager_secret_iam_member").values()
    }
    signing, token = (f"<google_secret_manager_secret.slack[{name}].id>" for name in ("signing-secret", "token"))
    assert knows == {(signing, account("approve")), (token, account("approve")), (token, account("notify"))}


def test_dead_letters_get_there() -> None:
    plan = Plan()
    agent = "serviceAccount:service-<data.google_project.this.number>@gcp-sa-pubsub.iam.gserviceaccount.com"
    for topic in ("events", "jobs", "notices"):
        sends = plan.instances("google_pubsub_topic_iam_member", "dead")[topic].arguments
        takes = plan.instances("google_pubsub_subscription_iam_member", "dead")[topic].arguments
        assert (sends["topic"], sends["member"]) == (f"<google_pubsub_topic.dead[{topic}].id>", agent)
        assert (takes["subscription"], takes["member"]) == (f"<google_pubsub_subscription.push[{topic}].id>", agent)


def test_it_is_said_plainly_that_taking_and_giving_are_one_permission() -> None:
    for place in (FOLDER / "roles.tf", ROOT / "docs" / "google-cloud.md"):
        text = " ".join(place.read_text().replace("#", " ").split())
        assert "setIamPolicy" in text
        assert "as good as owner" in text
