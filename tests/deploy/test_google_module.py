"""deploy/gcp: known to the provider, complete, without a cycle; each function with its own account and surroundings; nothing public but what Slack calls."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from ringfence.clouds.gcp import store, threads
from tests.support.cases import ROOT
from tests.support.log_filter import passes
from tests.support.terraform import FOLDER, GIVEN, META, Plan, parsed
from tools.write_google_filter import finding_filter, log_filter

FACTS: dict[str, Any] = json.loads((ROOT / "tests" / "support" / "google_provider.json").read_text())
FUNCTIONS = ("approve", "evaluate", "notify", "respond", "review", "seal")
EVERYWHERE = {
    "GOOGLE_CLOUD_PROJECT", "FIRESTORE_DATABASE", "MODE", "POWERS", "DENY_AT", "WORKSPACE", "CLOUD_RUN_AUTHENTICATES", "STACK", "OWN_ACCOUNTS", "PUSH_ACCOUNT", "AUDIENCE",
    "JOBS_TOPIC", "NOTICES_TOPIC", "SEAL_KEY", "ORIGIN",
}  # fmt: skip
MORE = {
    "approve": {"SLACK_SIGNING_SECRET", "SLACK_TOKEN"},
    "evaluate": set[str](),
    "notify": {"SLACK_TOKEN"},
    "respond": {"LATER_QUEUE", "RESPOND_URL"},
    "review": {"LATER_QUEUE", "RESPOND_URL"},
    "seal": {"ARCHIVE"},
}
EVERYTHING: dict[str, Any] = {
    "slack": True,
    "scc": "organization",
    "organization": "1",
    "scope": "organizations/1",
    "deny_at": "organizations/1",
}
REFERENCE = re.compile(r"(?<![\w.$\"/@-])((?:data\.)?google_\w+)\.(\w+)((?:\[[^]]*\])?\.(\w+))?", re.ASCII)
NAMED = re.compile(r"\b(var|local)\.(\w+)", re.ASCII)


def blocks() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for sort in ("resource", "data"):
        for kind, named in parsed()[sort].items():
            for name, body in named.items():
                yield sort, f"{kind}.{name}", body


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from texts(inner)
    elif isinstance(value, str):
        yield value


def unknown(body: Mapping[str, Any], facts: Mapping[str, Any], where: str) -> Iterator[str]:
    for key, value in body.items():
        if key in facts["blocks"]:
            for block in value:
                yield from unknown(block, facts["blocks"][key], f"{where}.{key}")
        elif key not in facts["arguments"]:
            yield f"{where} has no {key}"
    yield from (f"{where} lacks {key}" for key in facts["required"] if key not in body)


def variables(name: str, **given: Any) -> dict[str, Any]:
    (service,) = Plan(**given).instances("google_cloudfunctions2_function", "function")[name].arguments["service_config"]
    return dict(service["environment_variables"])


def test_the_provider_knows_every_argument_and_misses_none() -> None:
    for sort, address, body in blocks():
        facts = FACTS[f"{sort} {address.partition('.')[0]}"]
        plain = {key: value for key, value in body.items() if key not in META}
        assert list(unknown(plain, facts, address)) == []
    assert {f"{sort} {address.partition('.')[0]}" for sort, address, _ in blocks()} == FACTS.keys(), "run tools/read_google_provider.py"


def test_the_check_against_the_provider_bites() -> None:
    facts = FACTS["resource google_pubsub_subscription"]
    wrong = {"name": "x", "topc": "y", "push_config": [{"push_endpoint": "z", "oidc_token": [{"audience": "z"}]}]}
    assert set(unknown(wrong, facts, "s")) == {"s has no topc", "s lacks topic", "s.push_config.oidc_token lacks service_account_email"}


def test_every_reference_leads_somewhere() -> None:
    known = {sort: parsed()[sort] for sort in ("resource", "data")}
    seen = set()
    for text in texts(parsed()):
        for kind, name, _, attribute in REFERENCE.findall(text):
            sort, bare = ("data", kind.removeprefix("data.")) if kind.startswith("data.") else ("resource", kind)
            assert name in known[sort][bare], f"{kind}.{name}"
            assert not attribute or attribute in FACTS[f"{sort} {bare}"]["attributes"], f"{kind}.{name} has no {attribute}"
            seen.add(f"{bare}.{name}")
        for space, name in NAMED.findall(text):
            assert name in parsed()["variable" if space == "var" else "locals"], f"{space}.{name}"
    assert len(seen) > 15


def test_nothing_waits_for_itself() -> None:
    bodies = {address: body for _, address, body in blocks()} | {f"local.{name}": value for name, value in parsed()["locals"].items()}
    needs = {
        place: {f"{k}.{n}" for text in texts(body) for k, n, *_ in REFERENCE.findall(text) if not k.startswith("data.")}
        | {f"local.{name}" for text in texts(body) for space, name in NAMED.findall(text) if space == "local"}
        for place, body in bodies.items()
    }
    while ready := [place for place, wanted in needs.items() if not wanted & needs.keys()]:
        for place in ready:
            del needs[place]
    assert not needs, f"a cycle: {sorted(needs)}"


def test_every_variable_and_local_is_described_and_used() -> None:
    used = {
        (space, name)
        for part in ("resource", "data", "locals", "output", "provider")
        for t in texts(parsed()[part])
        for space, name in NAMED.findall(t)
    }
    for name, body in parsed()["variable"].items():
        assert body.keys() >= {"type", "description"}
        assert len(body["description"]) > 30, name
        assert ("var", name) in used, f"nothing uses {name}"
    assert {name for space, name in used if space == "local"} == parsed()["locals"].keys()
    assert all(body.keys() == {"description", "value"} for body in parsed()["output"].values())


def test_the_module_is_small_and_old_enough() -> None:
    assert all(len(path.read_text().splitlines()) < 250 for path in FOLDER.glob("*.tf"))
    assert parsed()["terraform"]["required_version"] == '">= 1.5"'
    assert parsed()["terraform"]["required_providers"][0].keys() == {"google"}


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, ""),
        (EVERYTHING, ""),
        ({"scope": "folders/12", "organization": "1", "deny_at": "folders/12", "scc": "project"}, ""),
        ({"scope": "folders/12"}, "its roles are defined there"),
        ({"scope": "fraud-ml-prod"}, "Say organizations/NUMBER"),
        ({"scope": "organizations/example.com"}, "Say organizations/NUMBER"),
        ({"scc": "organization"}, "need `organization`"),
        ({"scc": "all"}, "One of none"),
        ({"deny_at": "projects/fraud-ml-prod"}, "the role is granted there"),
        ({"deny_at": "everywhere"}, "or leave it empty"),
        ({"mode": "act"}, "One of observe"),
        ({"name": "a-name-that-is-much-too-long"}, "4 to 20 small letters"),
        ({"respond_instances": 0}, "At least 1"),
        ({"mode": "graduated"}, "say `slack`, or `without_slack`"),
        ({"mode": "strict"}, "say `slack`, or `without_slack`"),
        ({"mode": "strict", "slack": True}, ""),
        ({"mode": "strict", "without_slack": True}, ""),
        ({"retention_days": 0}, "Between 1 and"),
        ({"seal_algorithm": "RSA_SIGN_PSS_2048_SHA256"}, "EC_SIGN_ED25519 or"),
        ({"organization": "example.com"}, "The number alone"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(given: dict[str, Any], says: str) -> None:
    refused = Plan(**given).refused
    assert bool(refused) is bool(says)
    assert says in " ".join(refused)


def test_nothing_acts_until_somebody_says_so() -> None:
    assert {variables(name)["MODE"] for name in FUNCTIONS} == {"observe"}
    assert variables("respond", mode="strict")["MODE"] == "strict"
    assert (variables("respond")["DENY_AT"], variables("respond")["POWERS"]) == ("", "full")
    assert variables("respond", restore=False)["POWERS"] == "contain"


def test_each_function_has_its_own_account_its_source_and_its_surroundings() -> None:
    plan = Plan(**EVERYTHING)
    functions = plan.instances("google_cloudfunctions2_function", "function")
    assert sorted(functions) == sorted(FUNCTIONS)
    assert {path.name for path in (ROOT / "functions").glob("gcp_*")} <= {f"gcp_{name}" for name in FUNCTIONS}
    for name, function in functions.items():
        (build,), (service,) = function.arguments["build_config"], function.arguments["service_config"]
        assert (build["runtime"], build["entry_point"]) == ("python312", "main")
        assert build["source"][0]["storage_source"][0]["object"].startswith(f"gcp_{name}-")
        assert service["service_account_email"] == f"<google_service_account.function[{name}].email>"
        assert service["max_instance_request_concurrency"] == 1
        assert service["ingress_settings"] == ("ALLOW_ALL" if name == "approve" else "ALLOW_INTERNAL_ONLY")
        assert service["environment_variables"].keys() == EVERYWHERE | MORE[name]
        assert all(isinstance(value, str) for value in service["environment_variables"].values())
        assert service["environment_variables"]["AUDIENCE"] == plan.local("urls")[name]
    assert plan.all("google_service_account").keys() >= {f"google_service_account.function[{name}]" for name in FUNCTIONS}


def test_whatever_the_functions_read_of_their_surroundings_is_there() -> None:
    wiring = (ROOT / "shared" / "ringfence" / "wiring_gcp.py").read_text()
    read = set(re.findall(r"(?:environ|given)(?:\.get)?[\[(].([A-Z_]+).", wiring))
    assert {"ARCHIVE", "SLACK_TOKEN", "DENY_AT", "GOOGLE_CLOUD_PROJECT"} <= read
    assert read - {"SLACK_API"} <= EVERYWHERE.union(*MORE.values()), "SLACK_API alone has a default"


def test_the_surroundings_name_what_is_made_here() -> None:
    here = variables("review", **EVERYTHING)
    assert here["FIRESTORE_DATABASE"] == "ringfence"
    assert here["ORIGIN"] == "ringfence.gcp/ringfence-prod/europe-west1/ringfence"
    assert here["SEAL_KEY"] == "<google_kms_crypto_key.seal.id>/cryptoKeyVersions/1"
    assert here["RESPOND_URL"] == "https://ringfence-respond-<data.google_project.this.number>.europe-west1.run.app"
    assert set(here["OWN_ACCOUNTS"].split(",")) == {f"<google_service_account.function[{name}].email>" for name in FUNCTIONS}
    assert variables("notify")["SLACK_TOKEN"] == "", "no Slack, no secret"
    named = variables("notify", slack=True)["SLACK_TOKEN"]
    assert named == "<google_secret_manager_secret.slack[token].id>/versions/latest"


def test_one_target_at_a_time() -> None:
    subscriptions = Plan(respond_instances=3).instances("google_pubsub_subscription", "push")
    assert {name: one.arguments["enable_message_ordering"] for name, one in subscriptions.items()} == {
        "events": False,
        "jobs": True,
        "notices": False,
    }
    functions = Plan(respond_instances=3).instances("google_cloudfunctions2_function", "function")
    instances = {name: function.arguments["service_config"][0]["max_instance_count"] for name, function in functions.items()}
    assert (instances["respond"], instances["seal"], instances["review"]) == (3, 1, 2)


@pytest.mark.parametrize(("topic", "function"), [("events", "evaluate"), ("jobs", "respond"), ("notices", "notify")])
def test_each_topic_is_pushed_with_a_token_and_has_its_dead_letters(topic: str, function: str) -> None:
    plan = Plan()
    push = plan.instances("google_pubsub_subscription", "push")[topic].arguments
    (config,), (dead,) = push["push_config"], push["dead_letter_policy"]
    url = plan.local("urls")[function]
    assert config == {
        "push_endpoint": url,
        "oidc_token": [{"service_account_email": "<google_service_account.push.email>", "audience": url}],
    }
    assert dead == {"dead_letter_topic": f"<google_pubsub_topic.dead[{topic}].id>", "max_delivery_attempts": 20}
    assert push["retry_policy"] == [{"minimum_backoff": "30s", "maximum_backoff": "600s"}], "two hours of trying, and not two minutes"
    assert sum(min(30 * 2**n, 600) for n in range(dead["max_delivery_attempts"] - 1)) > 2 * 3600
    kept = plan.instances("google_pubsub_subscription", "dead")[topic].arguments
    review = plan.local("urls")["review"]
    token = {"service_account_email": "<google_service_account.push.email>", "audience": review}
    assert kept["push_config"] == [{"push_endpoint": review, "oidc_token": [token]}]
    assert (kept["topic"], kept["expiration_policy"], push["expiration_policy"]) == (
        dead["dead_letter_topic"],
        [{"ttl": ""}],
        [{"ttl": ""}],
    )
    functions = plan.instances("google_cloudfunctions2_function", "function")
    assert functions[function].arguments["service_config"][0]["timeout_seconds"] < push["ack_deadline_seconds"], "else it is sent twice"


def test_each_schedule_comes_with_a_token_and_is_not_repeated() -> None:
    plan = Plan()
    jobs = plan.instances("google_cloud_scheduler_job", "minute")
    assert sorted(jobs) == ["notify", "review", "seal"]
    for name, job in jobs.items():
        (target,) = job.arguments["http_target"]
        url = plan.local("urls")[name]
        assert target["uri"] == url
        assert target["oidc_token"] == [{"service_account_email": "<google_service_account.push.email>", "audience": url}]
        assert (job.arguments["schedule"], job.arguments["retry_config"]) == ("* * * * *", [{"retry_count": 0}])
    (canary,) = plan.instances("google_cloud_scheduler_job", "canary").values()
    assert canary.arguments["pubsub_target"] == [
        {"topic_name": "<google_pubsub_topic.queue[events].id>", "data": "eyJzb3VyY2UiOiJyaW5nZmVuY2UuY2FuYXJ5In0="}
    ]


@pytest.mark.parametrize(
    ("scope", "kind", "at"),
    [
        ("organizations/1", "organization", {"org_id": "1", "include_children": True}),
        ("folders/2", "folder", {"folder": "folders/2", "include_children": True}),
        ("projects/fraud-ml-prod", "project", {"project": "fraud-ml-prod", "unique_writer_identity": True}),
    ],
)
def test_one_sink_hears_what_the_guardrails_hear_and_our_own_acts(scope: str, kind: str, at: dict[str, Any]) -> None:
    plan = Plan(scope=scope, organization="1")
    (sink,) = plan.all("google_logging_organization_sink", "google_logging_folder_sink", "google_logging_project_sink").values()
    assert sink.address == f"google_logging_{kind}_sink.audit[0]"
    assert sink.arguments.items() >= at.items()
    assert sink.arguments.keys() & {"exclusions", "disabled"} == set()
    assert sink.arguments["destination"] == "pubsub.googleapis.com/<google_pubsub_topic.queue[events].id>"
    assert log_filter().strip() in sink.arguments["filter"]
    for who, log, passed in (
        ("<google_service_account.function[respond].email>", "activity", True),
        ("<google_service_account.function[respond].email>", "data_access", False),
        ("ana@example.com", "activity", False),
    ):
        entry = {
            "logName": f"projects/p/logs/cloudaudit.googleapis.com%2F{log}",
            "protoPayload": {"methodName": "any.Method", "serviceName": "any", "authenticationInfo": {"principalEmail": who}},
        }
        assert passes(sink.arguments["filter"], entry) is passed
    (grant,) = plan.instances("google_pubsub_topic_iam_member", "sink").values()
    assert grant.arguments == {
        "topic": "<google_pubsub_topic.queue[events].id>",
        "role": "roles/pubsub.publisher",
        "member": f"<{sink.address}.writer_identity>",
    }


@pytest.mark.parametrize("scc", ["none", "project", "organization"])
def test_findings_are_heard_where_somebody_wants_it(scc: str) -> None:
    plan = Plan(scc=scc, organization="1")
    found = plan.all("google_scc_v2_organization_notification_config", "google_scc_v2_project_notification_config")
    grants = plan.instances("google_pubsub_topic_iam_member", "findings")
    assert len(found) == len(grants) == (scc != "none")
    for address, one in found.items():
        assert address.startswith(f"google_scc_v2_{scc}_")
        assert one.arguments["streaming_config"] == [{"filter": finding_filter().strip()}]
        assert one.arguments["pubsub_topic"] == "<google_pubsub_topic.queue[events].id>"
        assert grants[0].arguments["member"] == f"serviceAccount:<{address}.service_account>"


def test_buckets_are_closed_and_the_archive_is_kept() -> None:
    plan = Plan(retention_days=7)
    for bucket in plan.all("google_storage_bucket").values():
        assert bucket.arguments["uniform_bucket_level_access"] is True
        assert bucket.arguments["public_access_prevention"] == "enforced"
        assert not bucket.arguments.get("force_destroy", False)
    (archive,) = plan.instances("google_storage_bucket", "archive").values()
    assert archive.arguments["retention_policy"] == [{"retention_period": 7 * 86400, "is_locked": False}]
    assert "versioning" not in archive.arguments, "Cloud Storage refuses it beside a retention policy"
    assert Plan().instances("google_storage_bucket", "archive")[None].arguments["retention_policy"][0]["retention_period"] == 30 * 86400
    assert (
        Plan(lock_retention=True).instances("google_storage_bucket", "archive")[None].arguments["retention_policy"][0]["is_locked"] is True
    )


def test_what_outlives_the_product_is_not_taken_down_with_it() -> None:
    resources = parsed()["resource"]
    for kind, name in (("google_storage_bucket", "archive"), ("google_kms_crypto_key", "seal")):
        assert resources[kind][name]["lifecycle"] == [{"prevent_destroy": True}]
    (database,) = Plan().instances("google_firestore_database", "state").values()
    assert database.arguments["type"] == "FIRESTORE_NATIVE"
    assert (database.arguments["deletion_policy"], database.arguments["delete_protection_state"]) == (
        "ABANDON",
        "DELETE_PROTECTION_ENABLED",
    )


def test_firestore_forgets_what_the_store_says_and_indexes_no_bodies() -> None:
    fields = Plan().instances("google_firestore_field", "ttl")
    assert {(one.arguments["collection"], one.arguments["field"]) for one in fields.values()} == {*store.TTL.items(), *threads.TTL.items()}
    assert fields.keys() & {store.JOBS, store.RECORDS, store.NOTICES, store.TURNS} == set(), "the trail does not end by itself"
    bodies = Plan().instances("google_firestore_field", "body")
    assert {(one.arguments["collection"], one.arguments["field"]) for one in bodies.values()} == {
        *store.NOT_INDEXED.items(),
        ("threads", "body"),
    }
    assert store.INDEXES == (), "make google_firestore_index of them"


@pytest.mark.parametrize("algorithm", ["EC_SIGN_ED25519", "EC_SIGN_P256_SHA256"])
def test_the_trail_is_signed_by_one_key(algorithm: str) -> None:
    (key,) = Plan(seal_algorithm=algorithm).instances("google_kms_crypto_key", "seal").values()
    assert (key.arguments["purpose"], key.arguments["version_template"][0]["algorithm"]) == ("ASYMMETRIC_SIGN", algorithm)
    assert "rotation_period" not in key.arguments
    assert Plan().variables["seal_algorithm"] == "EC_SIGN_ED25519"


def test_no_secret_is_in_the_state() -> None:
    assert "google_secret_manager_secret_version" not in parsed()["resource"]
    assert not Plan().instances("google_secret_manager_secret", "slack")
    assert sorted(Plan(slack=True).instances("google_secret_manager_secret", "slack")) == ["signing-secret", "token"]


def test_somebody_is_told_of_dead_letters_failures_and_silence() -> None:
    plan = Plan(notification_channels=["projects/p/notificationChannels/1"])
    policies = plan.all("google_monitoring_alert_policy")
    assert len(policies) == 5
    assert all(policy.arguments["notification_channels"] == ["projects/p/notificationChannels/1"] for policy in policies.values())
    assert policies["google_monitoring_alert_policy.notice"].arguments["alert_strategy"], (
        "Cloud Monitoring wants a pause between two of them"
    )
    main = (ROOT / "functions" / "gcp_notify" / "main.py").read_text()
    assert 'log.warning("a notice for people"' in main, "the alert looks for these words"
    assert 'log.warning("a notice for people was lost"' in (ROOT / "shared" / "ringfence" / "chores.py").read_text()
    filters = json.dumps([policy.arguments["conditions"] for policy in policies.values()])
    (heard,) = policies["google_monitoring_alert_policy.notice"].arguments["conditions"]
    (matched,) = heard["condition_matched_log"]
    assert 'jsonPayload.message=("a notice for people" OR "a notice for people was lost")' in matched["filter"]
    assert "ringfence-review" in matched["filter"]
    for metric in ("pubsub.googleapis.com/subscription/dead_letter_message_count", "run.googleapis.com/request_count"):
        assert metric in filters
    assert all(name in filters for name in ("ringfence-seal", "ringfence-review"))


def test_no_given_value_is_a_default() -> None:
    required = {name for name, body in parsed()["variable"].items() if "default" not in body}
    assert required == GIVEN.keys(), "two values are enough to observe"
