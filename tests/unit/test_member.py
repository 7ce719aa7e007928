"""Members of Google's allow policies: every documented form, what is unknown, and that nothing is ever rewritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringfence.domain.member import Member, MemberKind, parse_member

K = MemberKind
TRAIN = "train@fraud-ml-prod.iam.gserviceaccount.com"
AGENT = "principal://agents.global.org-123.system.id.goog/resources/aiplatform/projects/4/locations/l/reasoningEngines/5"
POOL = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/group/g"


@pytest.mark.parametrize(
    ("text", "kind", "id_", "deleted", "uid"),
    [
        ("user:Ana@example.com", K.USER, "Ana@example.com", False, ""),
        (f"serviceAccount:{TRAIN}", K.SERVICE_ACCOUNT, TRAIN, False, ""),
        (f"deleted:serviceAccount:{TRAIN}?uid=123", K.SERVICE_ACCOUNT, TRAIN, True, "123"),
        ("deleted:user:ana@example.com?uid=9", K.USER, "ana@example.com", True, "9"),
        ("group:ml@example.com", K.GROUP, "ml@example.com", False, ""),
        ("domain:example.com", K.DOMAIN, "example.com", False, ""),
        ("allUsers", K.EVERYBODY, "allUsers", False, ""),
        ("allAuthenticatedUsers", K.EVERYBODY, "allAuthenticatedUsers", False, ""),
        (AGENT, K.PRINCIPAL, AGENT.removeprefix("principal://"), False, ""),
        (POOL, K.PRINCIPAL_SET, POOL.removeprefix("principalSet://"), False, ""),
        ("projectOwner:fraud", K.CONVENIENCE, "projectOwner:fraud", False, ""),
        ("ana@example.com", K.UNKNOWN, "ana@example.com", False, ""),
        ("user:", K.UNKNOWN, "user:", False, ""),
        ("robot:x", K.UNKNOWN, "robot:x", False, ""),
        ("", K.UNKNOWN, "", False, ""),
    ],
)
def test_every_form(text: str, kind: MemberKind, id_: str, deleted: bool, uid: str) -> None:
    assert parse_member(text) == Member(text, kind, id_, deleted, uid)


@pytest.mark.parametrize(
    ("text", "managed"),
    [
        ("serviceAccount:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", True),
        ("serviceAccount:1@cloudservices.gserviceaccount.com", True),
        ("serviceAccount:service-1@compute-system.iam.gserviceaccount.com", True),
        ("serviceAccount:1-compute@developer.gserviceaccount.com", False),
        (f"serviceAccount:{TRAIN}", False),
        ("user:service-1@gcp-sa-aiplatform.iam.gserviceaccount.com", False),
    ],
)
def test_what_google_manages(text: str, managed: bool) -> None:
    assert parse_member(text).service_agent is managed


def test_what_else_a_form_tells() -> None:
    assert parse_member("serviceAccount:1-compute@developer.gserviceaccount.com").default_compute
    assert not parse_member("user:1-compute@developer.gserviceaccount.com").default_compute
    assert parse_member(AGENT).agent
    assert not parse_member(POOL).agent
    assert (parse_member(f"serviceAccount:{TRAIN}").home, parse_member(f"user:{TRAIN}").home) == ("fraud-ml-prod", "")
    assert parse_member("serviceAccount:1-compute@developer.gserviceaccount.com").home == ""
    assert [parse_member(t).domain for t in ("user:A@Example.COM", "domain:Example.com", "allUsers")] == ["example.com", "example.com", ""]


@given(st.text())
def test_whatever_is_written_stays_as_it_is(text: str) -> None:
    assert parse_member(text).text == text
