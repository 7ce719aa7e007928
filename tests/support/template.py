"""The template as CloudFormation gets it: SAM's own translation, then parameters and conditions resolved to plain values."""

import json
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any

from cfnlint.decode import cfn_yaml  # type: ignore[import-untyped]  # cfn-lint ships no types

from tests.support.cases import ROOT

PSEUDO = {"AWS::Partition": "aws", "AWS::AccountId": "123456789012", "AWS::Region": "us-east-1", "AWS::URLSuffix": "amazonaws.com"}
NOTHING = object()
LOGIC: dict[str, Callable[[Iterator[Any]], bool]] = {"Fn::And": all, "Fn::Or": any, "Fn::Not": lambda parts: not next(parts)}
ANY_ROLE, ANY_POLICY = "arn:aws:iam::123456789012:role/*", "arn:aws:iam::123456789012:policy/*"
LOGGING_ROLE = "arn:aws:iam::123456789012:role/bedrock-logs"


@lru_cache(maxsize=8)
def template(
    powers: str = "contain",
    boundaries: str = "",
    topic: str = "",
    trail: str = "no",
    out_of_reach: tuple[str, ...] = (),
    home: str = "",
    *,
    restore: bool = False,
) -> dict[str, Any]:
    """Give the resources of the translated template for some values of its parameters."""
    source = json.loads(json.dumps(cfn_yaml.load(str(ROOT / "template.yaml"))))
    given = {name: parameter.get("Default") for name, parameter in source["Parameters"].items()}
    given |= {"Powers": powers, "Boundaries": boundaries, "AlarmTopic": topic, "CreateTrail": trail}
    given |= {"OutOfReachArns": list(out_of_reach) or "", "Home": home}
    if restore:
        given |= {"RestoreRoles": [ANY_ROLE], "RestorePolicies": [ANY_POLICY], "ModelLoggingRole": LOGGING_ROLE}
    conditions: dict[str, bool] = {}
    for name, rule in source["Conditions"].items():  # each names only those before it
        conditions[name] = bool(resolve(rule, given, conditions, source))
    resources = {}
    for name, resource in source["Resources"].items():
        if conditions.get(resource.get("Condition", ""), True):
            resources[name] = resolve(resource, given, conditions, source)
    return resources


def resolve(value: Any, given: dict[str, Any], conditions: dict[str, bool], source: dict[str, Any]) -> Any:
    """Resolve intrinsic functions; a reference to a resource becomes `<Name>` or `<Name.Attribute>`."""

    def again(part: Any) -> Any:
        return resolve(part, given, conditions, source)

    if isinstance(value, list):
        return [item for part in value if (item := again(part)) is not NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1 and "Condition" in value and isinstance(value["Condition"], str):
        return conditions[value["Condition"]]
    if len(value) != 1 or not (name := next(iter(value))).startswith(("Fn::", "Ref")):
        return {key: item for key, part in value.items() if (item := again(part)) is not NOTHING}
    return _function(name, value[name], given, conditions, again)


def _function(name: str, argument: Any, given: dict[str, Any], conditions: dict[str, bool], again: Any) -> Any:
    if name in LOGIC:
        return LOGIC[name](again(part) for part in argument)
    match name:
        case "Ref":
            if argument == "AWS::NoValue":
                return NOTHING
            return given.get(argument, PSEUDO.get(argument, f"<{argument}>"))
        case "Fn::GetAtt":
            return f"<{argument if isinstance(argument, str) else '.'.join(argument)}>"
        case "Fn::Sub":
            text, more = argument if isinstance(argument, list) else (argument, {})
            for key, part in {
                **PSEUDO,
                **{k: v for k, v in given.items() if isinstance(v, str)},
                **{k: again(v) for k, v in more.items()},
            }.items():
                text = text.replace("${" + key + "}", str(part))
            return text.replace("${", "<").replace("}", ">")
        case "Fn::Join":
            parts = again(argument[1])
            return argument[0].join(parts.split(",") if isinstance(parts, str) else parts)
        case "Fn::Split":
            return again(argument[1]).split(argument[0])
        case "Fn::If":
            return again(argument[1] if conditions[argument[0]] else argument[2])
        case "Fn::Equals":
            left, right = again(argument)
            return left == right
    raise AssertionError(f"the test does not know {name}")


def statements(resources: dict[str, Any], role: str) -> list[dict[str, Any]]:
    """Give every statement that counts for a role: its own policies and those attached to it."""
    own = [s for policy in resources[role]["Properties"]["Policies"] for s in policy["PolicyDocument"]["Statement"]]
    others = [r["Properties"] for r in resources.values() if r["Type"] == "AWS::IAM::Policy" and f"<{role}>" in r["Properties"]["Roles"]]
    return own + [s for policy in others for s in policy["PolicyDocument"]["Statement"]]


def actions(statement: dict[str, Any]) -> list[str]:
    """Give a statement's actions as a list."""
    found = statement["Action"]
    return [found] if isinstance(found, str) else found


def allowed(resources: dict[str, Any], role: str) -> set[str]:
    """Give every action that a role is allowed anywhere."""
    return {action for s in statements(resources, role) if s["Effect"] == "Allow" for action in actions(s)}


def permits(resources: dict[str, Any], role: str, action: str, resource: str, **context: str) -> bool:
    """Evaluate one call against a role's policies: an explicit denial wins, conditions of ArnEquals are judged (by their plain ARNs)."""
    from ringfence.domain.glob import matches

    def applies(s: dict[str, Any]) -> bool:
        listed: Any = s.get("Resource", s.get("NotResource"))
        named = any(matches(str(r), resource) for r in (listed if isinstance(listed, list) else [listed]))
        if not any(matches(a, action) for a in actions(s)) or named is not ("Resource" in s):
            return False
        for operator, keys in s.get("Condition", {}).items():
            assert operator == "ArnEquals", operator
            for key, values in keys.items():
                wanted = values if isinstance(values, list) else [values]
                if key not in context or not any(matches(v, context[key]) for v in wanted):
                    return False
        return True

    effects = {s["Effect"] for s in statements(resources, role) if applies(s)}
    return effects == {"Allow"}
