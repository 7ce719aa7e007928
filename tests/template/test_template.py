"""The template is the threat model: grants equal the declared power, conditions bite, roles are split, nothing is heard by half."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from ringfence.actions import ACTIONS, own_documents
from ringfence.clouds.aws.iam_reader import READS
from ringfence.clouds.aws.reader import SETTINGS_READS
from ringfence.domain.state import FACETS, Facet
from ringfence.engine.evaluate import ALSO
from ringfence.guardrails import GUARDRAILS
from ringfence.iam import Policies, Principal, Request, authorize
from ringfence.iam.authorize import Effect
from ringfence.settings import Deployment
from tests.support.cases import ROOT
from tests.support.template import LOGGING_ROLE, actions, allowed, permits, statements, template

ROLES = ("EvaluateRole", "RespondRole", "ApproveRole", "NotifyRole", "ReviewRole", "SealRole")
POWERS = ("contain", "full")
ROLE = "arn:aws:iam::123456789012:role/fraud-train"
USER = "arn:aws:iam::123456789012:user/ana"
ON_AWS = [action for action in ACTIONS if action.cloud == "aws"]
READ = re.compile("[a-z]+:(Get|List|Describe|Lookup|GenerateCredentialReport)")
WRITTEN = ("iam:", "cloudtrail:", "bedrock:")
FREE = ("iam:PassRole",)  # no call on an identity
ADMIN = "arn:aws:iam::aws:policy/AdministratorAccess"


def declared(powers: str) -> set[str]:
    return {p.action for action in ON_AWS for p in action.writes if p.powers == "contain" or powers == "full"}


def of_iam() -> list[str]:
    """Every call of IAM that the writer may have to make."""
    return sorted(a for a in declared("full") if a.startswith("iam:") and a not in FREE)


def read_by(*facets: Facet | None) -> set[str]:
    return {permission for facet in facets for permission in READS[facet]}


@pytest.mark.parametrize("powers", POWERS)
def test_the_writer_is_granted_what_the_actions_declare_and_nothing_else(powers: str) -> None:
    granted = {a for a in allowed(template(powers, restore=True), "RespondRole") if a.startswith(WRITTEN) and not READ.match(a)}
    assert granted == declared(powers)
    limited = {p.action for action in ON_AWS for p in action.writes if p.limited_to[:1].isupper()}
    assert limited == granted - {a for a in allowed(template(powers), "RespondRole") if a.startswith(WRITTEN)}, "by parameter alone"


def test_what_is_put_back_is_limited_to_what_the_owner_names() -> None:
    named = template(restore=True)
    for action, target, other in (
        ("iam:UpdateAssumeRolePolicy", ROLE, "arn:aws:iam::210987654321:role/x"),
        ("iam:SetDefaultPolicyVersion", "arn:aws:iam::123456789012:policy/p", ADMIN),
    ):
        assert permits(named, "RespondRole", action, target)
        assert not permits(named, "RespondRole", action, other)
        assert not permits(template(), "RespondRole", action, target)
    (passing,) = [s for s in statements(named, "RespondRole") if s["Effect"] == "Allow" and "iam:PassRole" in actions(s)]
    assert (passing["Resource"], passing["Condition"]) == (LOGGING_ROLE, {"StringEquals": {"iam:PassedToService": "bedrock.amazonaws.com"}})
    denied = [s for s in statements(named, "RespondRole") if s["Effect"] == "Deny" and actions(s) == ["iam:PassRole"]]
    assert [s["NotResource"] for s in denied] == [LOGGING_ROLE]


def test_readers_are_granted_what_their_facets_read_and_nothing_else() -> None:
    looked_at = (f for g in GUARDRAILS if not g.id.startswith("gcp-") for f in (*g.reads, *g.reads_target))
    evaluate = {*looked_at, *(f for a in ON_AWS for f in a.reads), *(f for facets in ALSO.values() for f in facets)}
    assert {a for a in allowed(template(), "EvaluateRole") if a.startswith("iam:")} == read_by(None, *evaluate)
    respond = {facet for facets in FACETS.values() for facet in facets}
    owner = {"iam:GetAccessKeyLastUsed"}  # asked by evaluate alone
    settings = {permission for permissions in SETTINGS_READS.values() for permission in permissions}
    before_and_after = read_by(None, Facet.DOCUMENTS, Facet.MEMBERS, *respond) - owner | settings
    assert {a for a in allowed(template(), "RespondRole") if READ.match(a) and a.startswith(WRITTEN)} == before_and_after
    assert {a for a in allowed(template(), "EvaluateRole") if a.startswith(WRITTEN[1:])} == settings
    answers = read_by(Facet.LOGIN, Facet.KEYS, Facet.ATTACHED, Facet.INLINE)
    whole = {"iam:GetAccountAuthorizationDetails", "iam:GenerateCredentialReport", "iam:GetCredentialReport"}
    review = {a for a in answers if "Group" not in a} | {"iam:GetUser", "iam:GetRole", "iam:ListMFADevices"} | whole
    assert {a for a in allowed(template(), "ReviewRole") if a.startswith("iam:")} == review
    for action in READS[Facet.DOCUMENTS]:
        for policy, may in (
            ("<QuarantinePolicy>", True),
            ("<QuarantineBoundary>", True),
            ("<RequireMfaPolicy>", True),
            ("<NoBearerPolicy>", True),
            (ADMIN, False),
        ):
            assert permits(template(), "RespondRole", action, policy) is may


def test_our_policies_say_what_the_code_believes_they_say() -> None:
    own = own_documents(Deployment("QuarantinePolicy", "RequireMfaPolicy", "QuarantineBoundary", no_bearer_policy="NoBearerPolicy"))
    assert {name: template()[name]["Properties"]["PolicyDocument"] for name in own} == own


@pytest.mark.parametrize("powers", POWERS)
@pytest.mark.parametrize("action", ["iam:AttachRolePolicy", "iam:AttachUserPolicy"])
def test_only_our_deny_policies_may_be_attached(powers: str, action: str) -> None:
    target = ROLE if "Role" in action else USER
    for policy, may in (
        ("<QuarantinePolicy>", True),
        ("<RequireMfaPolicy>", True),
        (ADMIN, False),
        ("arn:aws:iam::123456789012:policy/x", False),
    ):
        assert permits(template(powers), "RespondRole", action, target, **{"iam:PolicyARN": policy}) is may, policy
    assert not permits(template(powers), "RespondRole", action, target)


@pytest.mark.parametrize("action", ["iam:DeleteRolePermissionsBoundary", "iam:DeleteUserPermissionsBoundary"])
def test_only_our_own_boundary_may_be_taken_off(action: str) -> None:
    target, mine = ROLE if "Role" in action else USER, "arn:aws:iam::123456789012:policy/ml-boundary"
    for policy, may in (("<QuarantineBoundary>", True), (mine, False)):
        assert permits(template("contain", mine), "RespondRole", action, target, **{"iam:PermissionsBoundary": policy}) is may, policy


@pytest.mark.parametrize("action", ["iam:PutRolePermissionsBoundary", "iam:PutUserPermissionsBoundary"])
def test_only_our_boundary_and_the_named_ones_may_be_set(action: str) -> None:
    target, mine = ROLE if "Role" in action else USER, "arn:aws:iam::123456789012:policy/ml-boundary"
    for boundaries, policy, may in (
        ("", "<QuarantineBoundary>", True),
        ("", mine, False),
        (mine, mine, True),
        (mine, "<QuarantineBoundary>", True),
        (mine, ADMIN, False),
    ):
        assert permits(template("contain", boundaries), "RespondRole", action, target, **{"iam:PermissionsBoundary": policy}) is may, (
            boundaries,
            policy,
        )


@pytest.mark.parametrize("action", ["iam:PutRolePolicy", "iam:PutUserPolicy"])
def test_inline_policies_need_full_powers(action: str) -> None:
    target = ROLE if "Role" in action else USER
    assert not permits(template("contain"), "RespondRole", action, target)
    assert permits(template("full"), "RespondRole", action, target)


CONDITIONAL = {f"iam:{verb}{kind}{what}" for verb, what in (("Attach", "Policy"), ("Put", "PermissionsBoundary"), ("Delete", "PermissionsBoundary")) for kind in ("Role", "User")}  # fmt: skip


def fits(action: str, target: str) -> bool:
    """Whether a call is about targets of this kind."""
    return ("Role" in action) == (":role/" in target)


PROTECTED = [
    *(f"<{role}.Arn>" for role in ROLES),
    "<QuarantinePolicy>",
    "<QuarantineBoundary>",
    "<RequireMfaPolicy>",
    "arn:aws:iam::123456789012:root",
    "arn:aws:iam::123456789012:role/aws-service-role/x/AWSServiceRoleForX",
    "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_X_0",
    "arn:aws:iam::123456789012:role/OrganizationAccountAccessRole",
    "arn:aws:iam::123456789012:role/AWSControlTowerExecution",
    "arn:aws:iam::123456789012:role/stacksets-exec-0",
]


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("target", PROTECTED)
def test_the_protected_set_and_ourselves_are_out_of_reach_in_iam_too(role: str, target: str) -> None:
    for action in of_iam():
        denied = any(
            s["Effect"] == "Deny"
            and any(re.fullmatch(a.replace("*", ".*"), action) for a in actions(s))
            and any(re.fullmatch(r.replace("*", ".*"), target) for r in s["Resource"])
            for s in statements(template("full"), role)
            if isinstance(s["Resource"], list)
        )
        assert denied, f"{role} could {action} on {target}"


def resolved(value: Any) -> Any:
    """Give what CloudFormation would make of references to roles and policies."""
    if isinstance(value, dict):
        return {key: resolved(item) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item) for item in value]
    role = re.fullmatch(r"<(\w+)\.Arn>", value) if isinstance(value, str) else None
    policy = re.fullmatch(r"<(\w+Policy|\w+Boundary)>", value) if isinstance(value, str) else None
    if role or policy:
        return f"arn:aws:iam::123456789012:{'role' if role else 'policy'}/ringfence/{(role or policy)[1]}"  # type: ignore[index]  # one of both
    return value


def asks_iam(action: str, target: str, named: tuple[str, ...] = ()) -> Effect:
    """What IAM says to the writer of a deployment with full powers, its code set aside, in the context that suits it best."""
    document = {
        "Version": "2012-10-17",
        "Statement": resolved(statements(template("full", out_of_reach=named, restore=True), "RespondRole")),
    }
    own = resolved({"iam:PolicyARN": "<QuarantinePolicy>", "iam:PermissionsBoundary": "<QuarantineBoundary>"})
    writer = Principal(kind="AWS", arn=resolved("<RespondRole.Arn>"))
    request = Request(action=action, resource=resolved(target), principal=writer, resource_account="123456789012", context=own)
    return authorize(request, Policies(identity=[document])).effect


OWNERS = ("arn:aws:iam::123456789012:user/break-glass", "arn:aws:iam::123456789012:role/approvers/*")


@pytest.mark.parametrize("target", [*PROTECTED, OWNERS[0], "arn:aws:iam::123456789012:role/approvers/ana"])
def test_with_the_check_in_the_code_set_aside_iam_denies_every_call_on_everybody_who_is_protected(target: str) -> None:
    for action in of_iam():
        assert asks_iam(action, target, OWNERS) is Effect.EXPLICITLY_DENIED, action


def test_and_allows_each_of_them_on_somebody_else() -> None:
    for action in of_iam():
        groups, policies = "arn:aws:iam::123456789012:group/staff", "arn:aws:iam::123456789012:policy/p"
        target = policies if "Version" in action else groups if "Group" in action else ROLE if "Role" in action else USER
        assert asks_iam(action, target) is Effect.ALLOWED, action


NO_RESOURCE = [  # that have no resource level (Service Authorization Reference)
    "bedrock:GetModelInvocationLoggingConfiguration",
    "bedrock:PutModelInvocationLoggingConfiguration",
    "cloudtrail:DescribeTrails",
    "cloudtrail:LookupEvents",
    "iam:GenerateCredentialReport",
    "iam:GetAccountAuthorizationDetails",
    "iam:GetCredentialReport",
]


@pytest.mark.parametrize("powers", POWERS)
@pytest.mark.parametrize("role", ROLES)
def test_no_wildcard_action_and_no_wildcard_resource(powers: str, role: str) -> None:
    for s in statements(template(powers, topic="arn:aws:sns:us-east-1:123456789012:t"), role):
        if s["Effect"] == "Allow":
            assert not [a for a in actions(s) if "*" in a], s
            listed = s["Resource"] if isinstance(s["Resource"], list) else [s["Resource"]]
            assert "*" not in listed or set(actions(s)) <= set(NO_RESOURCE), s


@pytest.mark.parametrize("powers", POWERS)
@pytest.mark.parametrize("role", ROLES)
def test_nobody_may_create_pass_or_forget(powers: str, role: str) -> None:
    never = {
        "iam:PassRole",
        "iam:CreateAccessKey",
        "iam:CreatePolicyVersion",
        "iam:SetDefaultPolicyVersion",
        "iam:UpdateAssumeRolePolicy",
        "iam:CreateUser",
        "iam:CreateRole",
        "iam:CreateLoginProfile",
    }
    assert not allowed(template(powers), role) & never
    changes = {a for a in allowed(template(powers), role) if a.startswith("dynamodb:Delete") or a == "dynamodb:UpdateItem"}
    assert changes == ({"dynamodb:UpdateItem"} if role == "SealRole" else set())


def test_roles_are_split() -> None:
    power: dict[str, Callable[[str], bool]] = {
        "mutate IAM": lambda a: a.startswith("iam:") and not READ.match(a),
        "sign checkpoints": lambda a: a == "kms:Sign",
    }
    for role in ROLES:
        held = {name for name, is_power in power.items() if any(is_power(a) for a in allowed(template("full"), role))}
        wanted = {"RespondRole": {"mutate IAM"}, "SealRole": {"sign checkpoints"}}
        assert held == wanted.get(role, set()), role
    functions = {f["Properties"]["Role"] for f in template().values() if f["Type"] == "AWS::Serverless::Function"}
    assert functions == {f"<{role}.Arn>" for role in ROLES}


def test_only_lambda_may_take_a_role() -> None:
    for role in ROLES:
        (s,) = template()[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert s == {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}


def test_whom_the_owner_names_is_out_of_reach_in_iam_too() -> None:
    named = ("arn:aws:iam::123456789012:user/break-glass", "arn:aws:iam::123456789012:role/approvers/*")
    targets = ("arn:aws:iam::123456789012:user/break-glass", "arn:aws:iam::123456789012:role/approvers/ana")
    for action in (a for a in of_iam() if a not in CONDITIONAL):
        for target in targets:
            assert not permits(template("full", out_of_reach=named), "RespondRole", action, target), action
            other = "Group" in action or "Version" in action or not fits(action, target)
            assert permits(template("full", restore=True), "RespondRole", action, target) or other, action


def test_everything_that_waits_has_dead_letters_and_an_alarm() -> None:
    resources = template()
    queues = {n: r["Properties"] for n, r in resources.items() if r["Type"] == "AWS::SQS::Queue"}
    dead = {p["RedrivePolicy"]["deadLetterTargetArn"].strip("<>").removesuffix(".Arn") for p in queues.values() if "RedrivePolicy" in p}
    assert dead == {n for n in queues if n.endswith("DeadLetters")}
    assert {n for n, p in queues.items() if "RedrivePolicy" not in p} == dead
    watched = {
        a["Properties"]["Dimensions"][0]["Value"].strip("<>").removesuffix(".QueueName")
        for a in resources.values()
        if a["Type"] == "AWS::CloudWatch::Alarm"
    }
    assert watched == dead | {"ReviewFunction", "review", "SealFunction", "LaterQueue", "NoticesQueue"}
    silences = [a["Properties"] for a in resources.values() if a.get("Properties", {}).get("MetricName") == "Invocations"]
    assert [s["Dimensions"][0]["Value"] for s in silences] == ["<ReviewFunction>", "<SealFunction>"]
    assert (silences[1]["Period"], silences[1]["EvaluationPeriods"]) == (60, 2), "18: it has not run for two of its minutes"
    for silence in silences:
        assert (silence["TreatMissingData"], silence["ComparisonOperator"]) == ("breaching", "LessThanThreshold"), "no figure is the worst"
    assert resources["EvaluateFunction"]["Properties"]["Events"]["Events"]["Properties"]["BatchSize"] == 1, (
        "one event may take all the time"
    )
    for rule in (r for r in resources.values() if r["Type"] == "AWS::Events::Rule"):
        assert all("DeadLetterConfig" in t for t in rule["Properties"]["Targets"])


def test_what_is_dead_is_drained_by_the_sweep() -> None:
    drained = template()["ReviewFunction"]["Properties"]["Environment"]["Variables"]["DEAD_LETTERS"]
    dead = {n for n, r in template().items() if r["Type"] == "AWS::SQS::Queue" and n.endswith("DeadLetters")}
    assert {name.strip("<>") for name in drained.split(",")} == dead - {"NoticesDeadLetters"}, "of a notice nobody can be told"


def test_one_target_is_worked_on_at_a_time() -> None:
    events: dict[str, Any] = template()["RespondFunction"]["Properties"]["Events"]
    for source in events.values():
        assert source["Properties"]["BatchSize"] == 1
        assert source["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]


def test_it_observes_until_you_say_otherwise() -> None:
    variables = template()["EvaluateFunction"]
    assert variables["Type"] == "AWS::Serverless::Function"

    text = (ROOT / "template.yaml").read_text()
    assert re.search(r"Mode:\n    Type: String\n    Default: observe", text)
    assert text.count("Default:") >= len(re.findall(r"^  \w+:\n    Type: (String|Number|CommaDelimitedList)", text, re.MULTILINE)), (
        "every parameter has a default"
    )


def test_a_trail_is_made_only_when_asked_for() -> None:
    kinds = {r["Type"] for r in template().values()}
    assert "AWS::CloudTrail::Trail" not in kinds
    assert {"AWS::CloudTrail::Trail", "AWS::S3::Bucket"} <= {r["Type"] for r in template(trail="yes").values()}


def test_the_condition_is_what_keeps_administrator_access_out() -> None:
    """With its condition taken away, the evaluation of this file says so: the test above can fail."""
    resources = template()
    for s in statements(resources, "RespondRole"):
        if s.get("Sid") == "AttachOurDenyPoliciesOnly":
            condition = s.pop("Condition")
            assert permits(resources, "RespondRole", "iam:AttachRolePolicy", ROLE, **{"iam:PolicyARN": ADMIN})
            s["Condition"] = condition
