"""The judge for Google IAM: what a policy makes of its members, by tables."""

import json
from typing import Any

import pytest

from ringfence.iam import Verdict
from ringfence.iam.google import (
    Around,
    is_google,
    judge,
)
from ringfence.iam.google.agents import AGENT, BUILT_IN_ROLES, HOMES
from ringfence.iam.google.allow import Level, parse
from ringfence.iam.google.roles import holds
from tests.support.google_policies import (
    ACCOUNT,
    ADA,
    BUCKET,
    COMPUTE,
    CUSTOM,
    ENDPOINT,
    GRACE,
    NOW,
    PROJECT,
    SAMPLES,
    TRAINER,
    agent,
    found,
    grant,
    policy,
)

VERDICTS: list[tuple[str, dict[str, Any], str, str]] = [
    # what, the policy, where it hangs, the verdict
    ("nothing", policy(), PROJECT, "ok"),
    ("what gcloud prints of nothing", {"etag": "ACAB"}, PROJECT, "ok"),
    ("a role without a member", policy({"role": "roles/owner"}), PROJECT, "ok"),
    ("an owner", policy(grant("owner")), PROJECT, "admin"),
    ("an owner, nobody says of what", policy(grant("owner")), "", "admin"),
    ("who writes the project's policy", policy(grant("resourcemanager.projectIamAdmin")), PROJECT, "admin"),
    ("who writes all policies", policy(grant("iam.securityAdmin")), "folders/3", "admin"),
    ("who writes folders' policies, at a folder", policy(grant("resourcemanager.folderIamAdmin")), "folders/3", "admin"),
    ("an owner under a condition", policy(grant("owner", on="resource.matchTag('2/env', 'dev')")), PROJECT, "escalation"),
    ("an owner who was deleted", policy(grant("owner", "deleted:user:ada@example.com?uid=1")), PROJECT, "escalation"),
    ("an owner, read below version 3", policy(grant("owner_withcond_0a1b2c3d4e5f")), PROJECT, "escalation"),
    ("an editor", policy(grant("editor")), PROJECT, "escalation"),
    ("the default account of Compute Engine as editor", policy(grant("editor", COMPUTE)), PROJECT, "escalation"),
    ("who makes tokens of every account", policy(grant("iam.serviceAccountTokenCreator")), PROJECT, "escalation"),
    ("who makes tokens of one account", policy(grant("iam.serviceAccountTokenCreator")), ACCOUNT, "escalation"),
    ("who may act as every account and start nothing", policy(grant("iam.serviceAccountUser")), PROJECT, "ok"),
    ("who starts services and acts as nobody", policy(grant("run.developer")), PROJECT, "escalation"),
    ("a data scientist", policy(grant("iam.dataScientist")), PROJECT, "escalation"),
    ("a user of Vertex AI", policy(grant("aiplatform.user")), PROJECT, "escalation"),
    ("who writes the policy of one endpoint", policy(grant("projects/p/roles/sharer")), ENDPOINT, "escalation"),
    ("a viewer", policy(grant("viewer")), PROJECT, "broad"),
    ("who reads every bucket", policy(grant("storage.objectViewer")), PROJECT, "broad"),
    ("who reads one bucket", policy(grant("storage.objectViewer")), BUCKET, "ok"),
    ("who writes one bucket", policy(grant("storage.objectCreator")), BUCKET, "ok"),
    ("who writes every bucket", policy(grant("storage.objectCreator")), PROJECT, "broad"),
    ("who writes one bucket's policy", policy(grant("storage.legacyBucketOwner")), BUCKET, "escalation"),
    ("who uses one model", policy(grant("projects/p/roles/caller")), ENDPOINT, "ok"),
    ("who uses every model", policy(grant("projects/p/roles/caller")), PROJECT, "broad"),
    ("who reads every secret", policy(grant("secretmanager.secretAccessor")), PROJECT, "broad"),
    ("who writes logs", policy(grant("logging.logWriter")), PROJECT, "ok"),
    ("who sees names", policy(grant("browser", "domain:example.com")), PROJECT, "ok"),
    ("one bucket for everybody", policy(grant("storage.objectViewer", "allUsers")), BUCKET, "broad"),
    ("one bucket for whoever signs in", policy(grant("storage.objectViewer", "allAuthenticatedUsers")), BUCKET, "broad"),
    ("a consumer's address", policy(grant("browser", "user:someone@gmail.com")), PROJECT, "broad"),
    ("a role that nobody knows", policy(grant("aiplatform.overlord")), PROJECT, "unknown"),
    ("a custom role that was not given", policy(grant("projects/p/roles/other")), PROJECT, "unknown"),
    ("a custom role of nothing dangerous", policy(grant("projects/p/roles/reviewer")), PROJECT, "ok"),
    ("a member that nobody knows", policy(grant("browser", "ada@example.com")), PROJECT, "unknown"),
    ("an unknown role beside an open path", policy(grant("aiplatform.overlord"), grant("editor")), PROJECT, "escalation"),
    ("an unknown role beside a broad one", policy(grant("aiplatform.overlord"), grant("viewer")), PROJECT, "unknown"),
    ("a workforce", policy(grant("editor", "principalSet://iam.googleapis.com/locations/global/workforcePools/p/*")), PROJECT, "escalation"),
    ("an agent's own identity", policy(grant("owner", "principal://agents.global.org-2.system.id.goog/resources/aiplatform/projects/1")), PROJECT, "admin"),
]  # fmt: skip


@pytest.mark.parametrize(("document", "where", "verdict"), [row[1:] for row in VERDICTS], ids=[row[0] for row in VERDICTS])
def test_verdict(document: dict[str, Any], where: str, verdict: str) -> None:
    judged = judge(document, Around(custom=CUSTOM), resource=where)
    assert judged.verdict == verdict
    assert judged.problems == ()
    assert [s.verdict for s in judged.standings][:1] == ([verdict] if judged.standings else [])


MALFORMED: list[tuple[Any, str]] = [
    (None, "nothing"),
    ([], "list"),
    ("{}", "str"),
    ({}, "expected a list"),
    ({"Statement": []}, "expected a list"),
    ({"bindings": None}, "nothing"),
    ({"bindings": {}}, "dict"),
    ({"bindings": [7]}, "int"),
    ({"bindings": [{"members": [ADA]}]}, "role"),
    ({"bindings": [{"role": "", "members": [ADA]}]}, "role"),
    ({"bindings": [{"role": "roles/browser", "members": ADA}]}, "members"),
    ({"bindings": [{"role": "roles/browser", "members": [ADA, 7]}]}, "members"),
    ({"bindings": [{"role": "roles/browser", "members": [""]}]}, "members"),
    ({"bindings": [{"role": "roles/browser", "members": [ADA], "condition": "true"}]}, "condition"),
]


@pytest.mark.parametrize(("document", "said"), MALFORMED)
def test_malformed_is_unknown_and_says_where(document: Any, said: str) -> None:
    judged = judge(document)
    assert judged.verdict is Verdict.UNKNOWN
    assert said in " ".join(f"{p.where} {p.what}" for p in judged.problems)


def test_what_is_malformed_hides_nothing_of_the_rest() -> None:
    judged = judge(policy(grant("owner"), {"role": 7}))
    assert judged.verdict is Verdict.ADMIN
    assert [p.where for p in judged.problems] == ["bindings[1].role"]


WHERES: list[tuple[str, Level, str]] = [
    ("", Level.UNNAMED, "(not named)"),
    ("organizations/2", Level.ORGANIZATION, "organizations/2"),
    ("//cloudresourcemanager.googleapis.com/folders/3", Level.FOLDER, "folders/3"),
    ("//cloudresourcemanager.googleapis.com/projects/p", Level.PROJECT, "projects/p"),
    ("//cloudresourcemanager.googleapis.com/tagKeys/1", Level.RESOURCE, "tagKeys/1"),
    ("//iam.googleapis.com/projects/p/serviceAccounts/1", Level.SERVICE_ACCOUNT, "projects/p/serviceAccounts/1"),
    ("//storage.googleapis.com/b", Level.BUCKET, "b"),
    (BUCKET, Level.BUCKET, BUCKET),
    (f"{BUCKET}/managedFolders/f", Level.RESOURCE, f"{BUCKET}/managedFolders/f"),
    (ENDPOINT, Level.RESOURCE, ENDPOINT.removeprefix("//aiplatform.googleapis.com/")),
    ("projects/p/locations/l/endpoints/1", Level.RESOURCE, "projects/p/locations/l/endpoints/1"),
]


@pytest.mark.parametrize(("resource", "level", "name"), WHERES)
def test_where_a_policy_hangs(resource: str, level: Level, name: str) -> None:
    hung = parse(policy(), resource)
    assert (hung.level, hung.resource) == (level, name)
    for wrapped in ({"policy": policy(), "resource": resource}, {"iamPolicy": policy(), "name": resource}):
        assert parse(wrapped) == hung
    assert parse({"policy": policy()}, resource) == hung


def test_a_bucket_says_itself_where_its_policy_hangs() -> None:
    assert parse({"kind": "storage#policy", "resourceId": BUCKET, "etag": "CAE="}).level is Level.BUCKET


def test_what_a_grant_can_make_use_of_depends_on_where_it_is() -> None:
    folders = policy(grant("projects/p/roles/folders"))
    assert judge(folders, Around(custom=CUSTOM), resource="folders/3").verdict is Verdict.ADMIN
    assert judge(folders, Around(custom=CUSTOM), resource=PROJECT).verdict is Verdict.OK
    tags = policy(grant("projects/p/roles/tags"))
    assert judge(tags, Around(custom=CUSTOM), resource="//cloudresourcemanager.googleapis.com/tagKeys/1").verdict is Verdict.ESCALATION
    assert judge(tags, Around(custom=CUSTOM), resource=ENDPOINT).verdict is Verdict.OK
    assert judge(tags, Around(custom=CUSTOM), resource="//unheard.googleapis.com/projects/p/things/1").verdict is Verdict.ESCALATION


RECOGNISED: list[tuple[Any, bool]] = [
    ({"bindings": []}, True),
    ({"etag": "ACAB"}, True),
    ({"policy": {"bindings": []}}, True),
    ({"resource": PROJECT, "policy": {"etag": "ACAB"}}, True),
    ({"name": PROJECT, "iamPolicy": {"bindings": []}}, True),
    ({"policy": {}}, False),
    ({"Statement": [], "bindings": []}, False),
    ({"etag": "x", "Version": "2012-10-17"}, False),
    ([], False),
]


@pytest.mark.parametrize(("document", "google"), RECOGNISED)
def test_a_policy_of_google_is_recognised(document: Any, google: bool) -> None:
    assert is_google(document) is google


def test_a_path_may_need_two_bindings_of_one_member() -> None:
    split = policy(grant("projects/p/roles/starter"), grant("iam.serviceAccountUser", "user:Ada@Example.com"))
    judged = judge(split, Around(custom=CUSTOM), resource=PROJECT)
    (escalation,) = judged.escalations
    assert (escalation.path.id, escalation.member, escalation.certain) == ("gcp-022", "user:Ada@Example.com", True)
    assert [(g.permission, g.binding, g.role, g.resource, g.conditions) for g in escalation.proof] == [
        ("run.services.create", 0, "projects/p/roles/starter", PROJECT, "none"),
        ("iam.serviceAccounts.actAs", 1, "roles/iam.serviceAccountUser", PROJECT, "none"),
        ("run.routes.invoke", 0, "projects/p/roles/starter", PROJECT, "none"),
    ]
    other = policy(grant("projects/p/roles/starter"), grant("iam.serviceAccountUser", GRACE))
    assert judge(other, Around(custom=CUSTOM), resource=PROJECT).verdict is Verdict.OK


def test_what_everybody_and_the_domain_have_counts_for_each_member() -> None:
    for shared in ("allUsers", "allAuthenticatedUsers", "domain:example.com"):
        both = policy(grant("projects/p/roles/starter"), grant("iam.serviceAccountUser", shared))
        judged = judge(both, Around(custom=CUSTOM), resource=PROJECT)
        assert [(e.path.id, e.member) for e in judged.escalations] == [("gcp-022", ADA)]
    deleted = policy(
        grant("projects/p/roles/starter", "deleted:user:ada@example.com?uid=1"), grant("iam.serviceAccountUser", "domain:example.com")
    )
    assert judge(deleted, Around(custom=CUSTOM), resource=PROJECT).escalations == ()
    public = judge(policy(grant("editor", "allUsers"), grant("browser")), resource=PROJECT)
    assert {e.member for e in public.escalations} == {"allUsers"}


def test_inherited_grants_complete_a_path_and_are_preferred_in_its_proof() -> None:
    above = {
        "resource": "//cloudresourcemanager.googleapis.com/projects/fraud-ml-prod",
        "policy": policy(grant("projects/p/roles/starter")),
    }
    judged = judge(policy(grant("iam.serviceAccountUser")), Around(custom=CUSTOM, inherited=[above]), resource=ACCOUNT)
    (escalation,) = judged.escalations
    assert not escalation.certain
    assert [(g.resource, g.inherited) for g in escalation.proof] == [(PROJECT, True), (ACCOUNT, False), (PROJECT, True)]
    owners = judge(policy(grant("owner")), Around(inherited=[policy(grant("owner"))]), resource=PROJECT)
    assert all(g.inherited for e in owners.escalations for g in e.proof)
    assert judge(policy(), Around(inherited=[policy(grant("owner"))]), resource=PROJECT).verdict is Verdict.ADMIN
    assert judge(policy(), Around(inherited=[7]), resource=PROJECT).verdict is Verdict.UNKNOWN


def test_only_some_members_can_be_judged() -> None:
    document = policy(grant("owner"), grant("browser", GRACE), grant("nobodys.role", TRAINER))
    assert judge(document, members=["user:GRACE@example.com"]).verdict is Verdict.OK
    assert judge(document, members=[ADA]).unknown_roles == ()
    assert judge(document, members=["user:nobody@example.com"]).standings == ()


def test_members_stand_worst_first_with_their_numbers_of_paths() -> None:
    judged = judge(policy(grant("browser", TRAINER), grant("iam.serviceAccountTokenCreator", GRACE), grant("owner")), resource=PROJECT)
    assert [(s.member, str(s.verdict)) for s in judged.standings] == [(ADA, "admin"), (GRACE, "escalation"), (TRAINER, "ok")]
    assert [(s.certain, s.in_doubt) for s in judged.standings][1:] == [(5, 0), (0, 0)]
    assert [e.certain for e in judged.escalations] == sorted([e.certain for e in judged.escalations], reverse=True)


OWN_ROLE = grant("aiplatform.customCodeServiceAgent", agent("gcp-sa-aiplatform-cc"))
BY_GOOGLE: list[tuple[str, list[dict[str, Any]], str, str]] = [
    ("the agent has its own role", [OWN_ROLE], PROJECT, "ok"),
    ("another service's agent has its own", [grant("run.serviceAgent", agent("serverless-robot-prod"))], PROJECT, "ok"),
    ("the account of Google's APIs is editor", [grant("editor", "serviceAccount:100000000001@cloudservices.gserviceaccount.com")], PROJECT, "ok"),
    ("the account of Cloud Build builds", [grant("cloudbuild.builds.builder", "serviceAccount:100000000001@cloudbuild.gserviceaccount.com")], PROJECT, "ok"),
    ("an organization's agent has its own", [grant("securitycenter.serviceAgent", "serviceAccount:service-org-2@security-center-api.iam.gserviceaccount.com")], "organizations/2", "ok"),
    ("the legacy roles of a bucket", [grant("storage.legacyBucketOwner", "projectEditor:p", "projectOwner:p")], BUCKET, "ok"),
    ("an agent's role for an account of the project", [grant("aiplatform.customCodeServiceAgent", TRAINER)], PROJECT, "escalation"),
    ("an agent's role for a person", [grant("aiplatform.serviceAgent")], PROJECT, "escalation"),
    ("an agent's role for an account that only looks like one", [grant("aiplatform.serviceAgent", agent("gcp-evil"))], PROJECT, "escalation"),
    ("an agent's role for the account of Google's APIs", [grant("aiplatform.serviceAgent", "serviceAccount:1@cloudservices.gserviceaccount.com")], PROJECT, "escalation"),
    ("an agent that was deleted", [grant("aiplatform.serviceAgent", f"deleted:{agent('gcp-sa-aiplatform')}?uid=1")], PROJECT, "escalation"),
    ("an agent has more than its own role", [OWN_ROLE, grant("editor", agent("gcp-sa-aiplatform-cc"))], PROJECT, "escalation"),
    ("an agent has another agent's role", [grant("dataflow.serviceAgent", agent("gcp-sa-aiplatform-cc"))], PROJECT, "escalation"),
    ("a project's agent at a folder", [OWN_ROLE], "folders/3", "escalation"),
    ("the editors of a project, on it", [grant("editor", "projectEditor:p")], PROJECT, "escalation"),
    ("agents of two projects", [OWN_ROLE, grant("notebooks.serviceAgent", agent("gcp-sa-notebooks", "9"))], PROJECT, "escalation"),
]  # fmt: skip


@pytest.mark.parametrize(("bindings", "where", "verdict"), [row[1:] for row in BY_GOOGLE], ids=[row[0] for row in BY_GOOGLE])
def test_what_google_sets_is_listed_and_the_same_for_anybody_else_is_found(
    bindings: list[dict[str, Any]], where: str, verdict: str
) -> None:
    judged = judge(policy(*bindings), resource=where)
    assert judged.verdict == verdict
    if verdict == "ok":
        assert judged.risks.set_by_google == tuple(sorted(f"{m}: {b['role']}" for b in bindings for m in b["members"]))
        assert judged.risks.data_access == ()


def test_an_agents_role_is_certain_unless_the_agent_may_be_ours() -> None:
    assert any(found(judge(policy(grant("aiplatform.serviceAgent", TRAINER)), resource=PROJECT)).values())
    for doubtful in (
        [grant("dataflow.serviceAgent", agent("gcp-sa-aiplatform-cc"))],
        [OWN_ROLE, grant("notebooks.serviceAgent", agent("gcp-sa-notebooks", "9"))],
        [{**OWN_ROLE, "condition": {"expression": "x"}}, grant("notebooks.serviceAgent", agent("gcp-sa-notebooks", "9"))],
    ):
        assert not any(found(judge(policy(*doubtful), resource=PROJECT)).values())
    both = policy(OWN_ROLE, grant("notebooks.serviceAgent", agent("gcp-sa-notebooks", "9")))
    judged = judge(both, Around(number="100000000001"), resource=PROJECT)
    assert {e.member for e in judged.escalations if e.certain} == {agent("gcp-sa-notebooks", "9")}
    assert judged.risks.set_by_google == (f"{agent('gcp-sa-aiplatform-cc')}: roles/aiplatform.customCodeServiceAgent",)


def test_what_google_set_completes_a_path_of_what_somebody_added() -> None:
    extra = grant("projects/p/roles/starter", agent("gcp-sa-aiplatform"))
    judged = judge(policy(grant("aiplatform.serviceAgent", agent("gcp-sa-aiplatform")), extra), Around(custom=CUSTOM), resource=PROJECT)
    assert found(judged) == {"gcp-022": True}


def test_the_homes_of_agents_read_as_addresses() -> None:
    for home in (home for homes in HOMES.values() for home in homes):
        assert AGENT.fullmatch(f"service-1@{home}.iam.gserviceaccount.com"), home
    assert all(holds(role, {}) for role in BUILT_IN_ROLES.values())


def test_the_samples_are_judged() -> None:
    project = json.loads((SAMPLES / "policies/fraud-ml-prod.json").read_text())
    judged = judge(project, Around(at=NOW), resource=PROJECT)
    standings = {s.member.partition(":")[2].partition("@")[0]: str(s.verdict) for s in judged.standings}
    assert standings == {
        "platform": "admin",
        "100000000001-compute": "escalation",
        "100000000001": "ok",
        "service-100000000001": "ok",
        "trainer": "escalation",
        "scoring": "escalation",
        "ada": "escalation",
        "grace": "escalation",
        "someone": "broad",
        "linus": "unknown",
    }
    later = judge(project, Around(at=NOW.replace(month=4)), resource=PROJECT, members=[GRACE])
    assert later.verdict is Verdict.OK
    roles = {r["name"]: r["includedPermissions"] for r in json.loads((SAMPLES / "roles.json").read_text())}
    assert judge(project, Around(custom=roles), members=["user:linus@example.com"]).verdict is Verdict.OK
    denials = [json.loads((SAMPLES / "denials.json").read_text())]
    assert not any(e.certain for e in judge(project, Around(denials=denials), members=[ADA]).escalations)
    assert [p.name for p in sorted((SAMPLES / "policies").glob("*.json"))] == ["fraud-ml-prod.json", "research.json"]
    assert all(parse(item).problems == () for item in json.loads((SAMPLES / "policies/research.json").read_text()))
