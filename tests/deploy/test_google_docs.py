"""docs/google-cloud.md says what is there: every variable, every API, six commands that name nothing that does not exist, and what was never run."""

import re

import pytest

from ringfence.clouds import gcp
from tests.deploy.test_google_module import EVERYWHERE
from tests.support.cases import ROOT
from tests.support.terraform import Plan, parsed

PAGE = ROOT / "docs" / "google-cloud.md"
TEXT = PAGE.read_text()
READS = {"browser", "cloudasset.viewer", "iam.securityReviewer", "iam.serviceAccountViewer"}
OWN = {"datastore.user", "pubsub.publisher", "run.invoker"}  # on what the quick start itself makes


def code(begins: str) -> str:
    return TEXT.partition(begins)[2].partition("```")[0]


def test_every_variable_stands_in_the_table_with_its_default() -> None:
    table = {
        name.strip("` "): default
        for names, default in re.findall(r"^\| (`[^|]+`) \| ([^|]*)\|", TEXT, re.MULTILINE)
        for name in names.split(",")
    }
    assert parsed()["variable"].keys() <= table.keys()
    for name, body in parsed()["variable"].items():
        default = str(body.get("default", "")).strip('"').lower()
        if default and default != "[]" and name not in ("retention_days", "lock_retention"):
            assert default == table[name].strip("` ").lower(), name


def test_every_api_is_switched_on() -> None:
    enabled = set(re.findall(r"\b([a-z]+)\.googleapis\.com", code("gcloud services enable")))
    sources = [path.read_text() for path in (ROOT / "shared" / "ringfence" / "clouds" / "gcp").glob("*.py")]
    asked = {host for text in sources for host in re.findall(r'(?:ask|download)\(\s*(?:"[A-Z]+", )?"([a-z]+)"', text)}
    assert gcp.__name__ == "ringfence.clouds.gcp"
    assert {"iam", "firestore", "pubsub", "storage", "cloudkms", "secretmanager"} <= asked
    assert asked <= enabled
    assert {"cloudbuild", "run", "cloudfunctions", "artifactregistry", "cloudscheduler", "monitoring", "securitycenter"} <= enabled


def test_the_quick_start_is_six_commands_that_only_observe() -> None:
    start = code("python3 -m zipfile")
    assert re.findall(r"^# (\d)\.", start, re.MULTILINE) == list("123456")
    (roles,) = re.findall(r"for ROLE in ([^;]+);", start)
    assert set(roles.replace("\\\n", " ").split()) == READS | OWN
    (given,) = re.findall(r'--set-env-vars="([^"]+)"', start)
    names = [entry.partition("=")[0] for entry in given.split(",")]
    assert set(names) <= EVERYWHERE
    assert "MODE=observe" in given
    assert {"PUSH_ACCOUNT", "AUDIENCE"} <= set(names), "without them nobody may send there"
    assert "--entry-point=main" in start
    assert "--no-allow-unauthenticated" in start
    assert "deploy/gcp/filter.txt" in start
    assert "organizations" not in start


def test_every_link_leads_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", line.lstrip("# ").lower()).replace(" ", "-") for line in TEXT.splitlines() if line.startswith("#")}
    for link in re.findall(r"\]\(([^)]+)\)", TEXT):
        assert link.removeprefix("#") in anchors if link.startswith("#") else (PAGE.parent / link).exists(), link
    for place in re.findall(r"`((?:tests|tools|deploy)/[\w/.]+)`", TEXT):
        assert (ROOT / place).exists(), place


@pytest.mark.parametrize("name", sorted(Plan().instances("google_service_account", "function")))
def test_every_account_is_explained(name: str) -> None:
    assert f"| `ringfence-{name}` |" in TEXT


def test_what_was_never_run_is_said() -> None:
    assert "Nothing of this was ever run against a real Google Cloud project" in TEXT
    assert "No API switches 2-step verification on for a person" in TEXT
    for words in (
        "SIGNATURE_REMOVED_BY_GOOGLE",
        "terraform validate",
        "Tokens outlive a key",
        "Enabling an account wakes its tokens",
        "organisations and folders only",
    ):
        assert words in TEXT
