"""The judge for Google IAM: the facts about roles and the catalogue of paths that it stands on, and what is at risk."""

import pytest

from ringfence.iam import Verdict
from ringfence.iam.google import (
    Around,
    dangerous,
    facts,
    judge,
    paths,
    unknown_roles,
)
from ringfence.iam.google.allow import Level
from ringfence.iam.google.paths import MISUSES, opened
from ringfence.iam.google.roles import holds, names, permissions, sensitive
from tests.support.cases import ROOT
from tests.support.google_policies import (
    ACCOUNT,
    ADA,
    BUCKET,
    COMPUTE,
    CUSTOM,
    PROJECT,
    TRAINER,
    agent,
    deny,
    found,
    grant,
    policy,
)
from tools.write_google_roles import dangerous as chosen
from tools.write_google_roles import facts as sorted_out

NUMBERS = {
    "owner": 42,
    "editor": 33,
    "iam.dataScientist": 18,
    "iam.mlEngineer": 10,
    "aiplatform.user": 6,
    "aiplatform.admin": 7,
    "browser": 0,
}


@pytest.mark.parametrize("role", NUMBERS)
def test_a_role_alone_opens_as_many_of_the_known_paths_as_the_roles_data_say(role: str) -> None:
    ids = [need.path.id for need in opened(holds(f"roles/{role}", {}) or 0)]
    assert sum(i < "gcp-100" for i in ids) == NUMBERS[role]


def test_a_user_of_vertex_ai_acts_as_nobody_on_any_of_its_paths() -> None:
    known = [need.path for need in opened(holds("roles/aiplatform.user", {}) or 0) if need.path.id < "gcp-100"]
    assert [p.id for p in known if "iam.serviceAccounts.actAs" in p.all or not p.ai] == []
    assert [p.id for p in known] == ["gcp-034", "gcp-037", "gcp-039", "gcp-045", "gcp-046", "gcp-049"]


def test_the_agents_whose_roles_impersonate_are_known() -> None:
    impersonation = permissions(p for p in facts().permissions if p.startswith("iam.serviceAccounts.") and p.rpartition(".")[2] != "enable")
    agents = [role for role in facts().roles if role.lower().endswith("serviceagent")]
    assert sum(bool((holds(f"roles/{role}", {}) or 0) & impersonation) for role in agents) >= 54
    engine = names(holds("roles/aiplatform.reasoningEngineServiceAgent", {}) or 0)
    assert {"storage.objects.get", "storage.objects.list"} <= set(engine)


def test_the_catalogue_is_whole() -> None:
    known = [p for p in paths() if p.id < "gcp-100"]
    assert [p.id for p in known] == [f"gcp-{n:03d}" for n in range(1, 52)]
    assert (sum(p.ai for p in known), sum(p.inferred for p in known)) == (20, 18)
    assert len({p.id for p in paths()}) == len(paths()) == 66
    assert {p.category for p in paths() if p.misuse} == MISUSES
    for path in paths():
        assert path.all or path.any, path.id
        assert set(path.scope) <= {level.value for level in Level}, path.id
        assert path.description.endswith("."), path.id


def test_a_path_is_open_at_each_level_of_its_scope() -> None:
    resources = {"organization": "organizations/2", "folder": "folders/3", "project": PROJECT, "serviceAccount": ACCOUNT, "bucket": BUCKET}
    for path in paths():
        needed = [*path.all, *path.any[:1]]
        hosts = {**resources, "resource": f"//{needed[0].partition('.')[0]}.googleapis.com/projects/p/things/1"}
        for level in path.scope:
            judged = judge(policy(grant("projects/p/roles/it")), Around(custom={"projects/p/roles/it": needed}), resource=hosts[level])
            if path.misuse and level in ("bucket", "resource", "serviceAccount"):
                assert judged.verdict is Verdict.OK
                continue
            assert found(judged).get(path.id) is (path.certain and not path.inferred and level in ("organization", "folder", "project")), (
                path.id,
                level,
            )
            assert not path.any or {g.permission for e in judged.escalations if e.path is path for g in e.proof} <= set(needed)


def test_one_missing_permission_closes_a_path() -> None:
    for path in paths():
        for missing in path.all:
            rest = permissions([*(p for p in path.all if p != missing), *path.any])
            assert path.id not in {need.path.id for need in opened(rest)}, path.id
        if path.any:
            assert path.id not in {need.path.id for need in opened(permissions(path.all))}, path.id


def test_the_table_of_roles_is_dated_and_holds_what_the_catalogue_needs() -> None:
    table = facts()
    assert table.date == "2026-08-22"
    assert len(table.roles) + sum(len(found.split()) for found in table.others.values()) == table.count == 2461
    assert chosen(list(table.permissions)) == list(table.permissions)
    assert sensitive().resource_exposure == permissions(p for p in table.permissions if p.endswith(".setIamPolicy"))
    assert (ROOT / "shared/ringfence/iam/google/roles.json").stat().st_size < 150_000


def test_the_tool_sorts_roles_by_what_they_hold() -> None:
    every = [*facts().permissions, "run.services.get"]
    dataset = {
        "permissions": every,
        "roles": {
            "roles/owner": {"p": list(range(len(every)))},
            "roles/browser": {"p": []},
            "roles/run.viewer": {"p": [len(every) - 1]},
            "roles/a.b": {"p": [1, 0]},
        },
    }
    listed, roles, others = sorted_out(dataset)
    assert listed == list(facts().permissions)
    assert roles == {"a.b": [0, 1], "owner": list(range(len(listed)))}
    assert others == {"": ["browser"], "run": ["viewer"]}
    with pytest.raises(AssertionError, match="lacks"):
        chosen([name for name in every if name != "iam.roles.update"])


def test_roles_give_their_dangerous_permissions_and_unknown_ones_are_named() -> None:
    assert dangerous(["roles/iam.serviceAccountUser", "roles/browser", "roles/nobodys"]) == {"iam.serviceAccounts.actAs"}
    assert dangerous(["projects/p/roles/starter"], CUSTOM) == {"run.routes.invoke", "run.services.create"}
    roles = ["roles/nobodys", "roles/browser", "projects/p/roles/starter", "owner", "roles/nobodys"]
    assert unknown_roles(roles) == ("roles/nobodys", "projects/p/roles/starter", "owner")
    assert unknown_roles(roles, CUSTOM) == ("roles/nobodys", "owner")


def test_risks_name_permissions_and_outsiders() -> None:
    judged = judge(policy(grant("storage.objectViewer"), grant("run.invoker", "allUsers"), grant("browser", TRAINER)), resource=PROJECT)
    assert judged.risks.data_access == ("storage.objects.get", "storage.objects.list")
    assert judged.risks.resource_exposure == ("allUsers: roles/run.invoker",)
    assert judged.risks.ai == judged.risks.credentials_exposure == ()
    denied_reading = judge(
        policy(grant("storage.objectViewer")), Around(denials=[deny("storage.googleapis.com/objects.*")]), resource=PROJECT
    )
    assert denied_reading.verdict is Verdict.OK
    assert denied_reading.risks.data_access == ()


OUTSIDERS: list[tuple[str, bool]] = [
    ("user:eve@example.org", True),
    ("group:all@example.org", True),
    ("domain:example.org", True),
    ("user:someone@googlemail.com", True),
    ("group:all@googlegroups.com", True),
    ("serviceAccount:x@elsewhere.iam.gserviceaccount.com", True),
    (ADA, False),
    (TRAINER, False),
    (COMPUTE, False),
    (agent("gcp-sa-notebooks"), False),
    (agent("elsewhere"), True),
    ("projectViewer:p", False),
]


@pytest.mark.parametrize(("member", "outside"), OUTSIDERS)
def test_outsiders_are_those_of_no_domain_and_no_project_of_ours(member: str, outside: bool) -> None:
    around = Around(domains={"example.com"}, projects={"fraud-ml-prod"})
    judged = judge(policy(grant("browser", member)), around, resource=PROJECT)
    assert judged.risks.resource_exposure == ((f"{member}: roles/browser",) if outside else ())
    assert judged.verdict == ("broad" if outside else "ok")


def test_notes_say_what_cannot_be_known() -> None:
    judged = judge(
        policy(grant("viewer", "group:all@example.com"), grant("editor", COMPUTE), grant("browser_withcond_0a")), resource=PROJECT
    )
    assert [note.partition(": ")[0] for note in judged.notes] == ["group:all@example.com", COMPUTE, f"{PROJECT} bindings[2]"]
    assert "not known" in judged.notes[0]
    assert "default service account" in judged.notes[1]
    assert "requestedPolicyVersion 3" in judged.notes[2]
    assert judge(policy(grant("browser", "group:all@example.com", COMPUTE))).notes == ()
