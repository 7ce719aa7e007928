"""Data sets of BigQuery: `access` says who may do what, entry by entry, and `roles/` names of basic roles are written in their old form.

BigQuery REST API, "datasets.access" (2026-11): READER, WRITER and OWNER stand for the predefined roles; views, routines and other data sets in the list
are no members and stay as they are.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from ringfence.domain.binding import Binding

OLD = {"READER": "roles/bigquery.dataViewer", "WRITER": "roles/bigquery.dataEditor", "OWNER": "roles/bigquery.dataOwner"}
NEW = {role: old for old, role in OLD.items()}
SPECIAL = {"allAuthenticatedUsers": "allAuthenticatedUsers"}
OF_PROJECT = {"projectOwners": "projectOwner", "projectWriters": "projectEditor", "projectReaders": "projectViewer"}


def policy_of(dataset: Mapping[str, Any]) -> dict[str, Any]:
    """Give a data set's access as an allow policy. What is no member in it grants nothing to anybody and is left out."""
    listed = ((binding, entry) for entry in dataset.get("access") or () if (binding := _binding(entry, dataset)) is not None)
    bindings = [
        {"role": b.role, "members": [b.member], **({"condition": entry["condition"]} if "condition" in entry else {})}
        for b, entry in listed
    ]
    return {"etag": dataset.get("etag", ""), "bindings": bindings}


def applied(dataset: Mapping[str, Any], binding: Binding, *, add: bool) -> dict[str, Any] | None:
    """Give a data set with one entry of its access more, or less; None where it is so already. Every other entry stays as it is."""
    access: list[Any] = [*(dataset.get("access") or ())]
    same = [entry for entry in access if (b := _binding(entry, dataset)) is not None and b.key == binding.key]
    if bool(same) == add:
        return None
    return {**dataset, "access": [*access, _entry(binding)] if add else [entry for entry in access if entry not in same]}


def _binding(entry: Mapping[str, Any], dataset: Mapping[str, Any]) -> Binding | None:
    member, role = _member(entry, str(dataset.get("datasetReference", {}).get("projectId", ""))), str(entry.get("role", ""))
    condition = entry.get("condition")
    return Binding(OLD.get(role, role), member, condition if isinstance(condition, Mapping) else None) if member and role else None


def _member(entry: Mapping[str, Any], project: str) -> str:
    for found in _named(entry, project):
        return found
    return ""


def _named(entry: Mapping[str, Any], project: str) -> Iterator[str]:
    if email := entry.get("userByEmail"):
        yield f"{'serviceAccount' if str(email).endswith('gserviceaccount.com') else 'user'}:{email}"
    if group := entry.get("groupByEmail"):
        yield f"group:{group}"
    if domain := entry.get("domain"):
        yield f"domain:{domain}"
    if special := entry.get("specialGroup"):
        yield f"{OF_PROJECT[special]}:{project}" if special in OF_PROJECT else str(special)
    if member := entry.get("iamMember"):
        yield str(member)


def _entry(binding: Binding) -> dict[str, Any]:
    kind, _, name = binding.member.partition(":")
    who: dict[str, Any]
    if kind in ("user", "serviceAccount"):
        who = {"userByEmail": name}
    elif kind == "group":
        who = {"groupByEmail": name}
    elif kind == "domain":
        who = {"domain": name}
    elif kind in OF_PROJECT.values():
        who = {"specialGroup": next(old for old, new in OF_PROJECT.items() if new == kind)}
    elif binding.member in SPECIAL:
        who = {"specialGroup": binding.member}
    else:
        who = {"iamMember": binding.member}
    condition = {} if binding.condition is None else {"condition": dict(binding.condition)}
    return {"role": NEW.get(binding.role, binding.role), **who, **condition}
