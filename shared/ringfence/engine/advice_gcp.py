"""What a person can do by hand on Google Cloud: the command of gcloud that makes a call (Google Cloud CLI reference, read in 2026-11)."""

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any

from ringfence.domain.plan import Call
from ringfence.engine import advice_gcp_settings

ACCOUNT = re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)(?:/keys/([^/]+))?", re.ASCII)
ON = (
    (re.compile(r"projects/([^/_]+)", re.ASCII), "projects {verb} {0}"),
    (re.compile(r"folders/([^/]+)", re.ASCII), "resource-manager folders {verb} {0}"),
    (re.compile(r"organizations/([^/]+)", re.ASCII), "organizations {verb} {0}"),
    (re.compile(r"projects/([^/]+)/serviceAccounts/([^/]+)", re.ASCII), "iam service-accounts {verb} {1} --project={0}"),
    (re.compile(r"projects/_/buckets/([^/]+)", re.ASCII), "storage buckets {verb} gs://{0}"),
    (re.compile(r"projects/([^/]+)/secrets/([^/]+)", re.ASCII), "secrets {verb} {1} --project={0}"),
)
SWITCHES = {
    "DisableServiceAccount": "iam service-accounts disable {1} --project={0}",
    "EnableServiceAccount": "iam service-accounts enable {1} --project={0}",
    "DisableServiceAccountKey": "iam service-accounts keys disable {2} --iam-account={1} --project={0}",
    "EnableServiceAccountKey": "iam service-accounts keys enable {2} --iam-account={1} --project={0}",
}


def by_hand(call: Call) -> str:
    """Write a call as a command; what gcloud has no command for as the call of the API."""
    given = call.parameters
    if call.operation == "SetIamPolicy" and (command := _binding(given)):
        return command
    account = ACCOUNT.fullmatch(str(given.get("name", "")))
    if account is not None and call.operation in SWITCHES:
        return f"gcloud {SWITCHES[call.operation].format(*map(_quoted, account.groups()))}"
    return advice_gcp_settings.by_hand(call) or f"{call.service} {call.operation} {shlex.quote(json.dumps(dict(given)))}"


def _binding(given: Mapping[str, Any]) -> str:
    verb = "remove" if "remove" in given else "add"
    delta: Mapping[str, Any] = given.get(verb, {})
    place = str(given.get("resource", ""))
    for form, words in ON if delta else ():
        if found := form.fullmatch(place):
            condition = delta.get("condition")
            told = ",".join(f"{key}={value}" for key, value in condition.items()) if isinstance(condition, Mapping) else "None"
            where = words.format(*map(_quoted, found.groups()), verb=f"{verb}-iam-policy-binding")
            return " ".join(
                (
                    "gcloud",
                    where,
                    *(
                        f"--{key}={_quoted(value)}"
                        for key, value in (("member", delta["member"]), ("role", delta["role"]), ("condition", told))
                    ),
                )
            )
    return ""


def _quoted(value: object) -> str:
    return shlex.quote(str(value)) if value is not None else ""
