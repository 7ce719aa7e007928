"""People of the Workspace or Cloud Identity domain, and findings of Security Command Center.

Admin SDK Directory API reference, `users`, `asps`, `tokens`; Security Command Center API reference, v1 and v2, `findings`.
"""

import re
from collections.abc import Callable
from functools import partial

from tests.support.google.items import Items
from tests.support.google.schema import invalid
from tests.support.google.wire import Asked, Handler, Refused, Reply
from tests.support.google.world import JSON, page, patched

OUTPUT = (
    "id",
    "etag",
    "kind",
    "isEnrolledIn2Sv",
    "isEnforcedIn2Sv",
    "isAdmin",
    "isDelegatedAdmin",
    "creationTime",
    "lastLoginTime",
    "suspensionReason",
)
MARK = re.compile(r"marks(?:\.[\w-]+)?")


def _person(items: Items, asked: Asked) -> str:
    wanted = asked.path["userKey"].lower()
    for name, one in items.shelf.values.items():
        if name.startswith("users/") and wanted in (
            one["primaryEmail"].lower(),
            one["id"],
            *(other.lower() for other in one.get("aliases", [])),
        ):
            return name
    raise Refused(404, "NOT_FOUND", "Resource Not Found: userKey")


def _get_person(items: Items, asked: Asked) -> object:
    seen = items.read(_person(items, asked))
    return {key: value for key, value in seen.items() if not key.startswith("_")}


def _update_person(items: Items, asked: Asked) -> object:
    name = _person(items, asked)
    change = {key: value for key, value in asked.body.items() if key not in OUTPUT}
    made = items.put(name, {**items.now(name), **change})
    return {key: value for key, value in made.items() if not key.startswith("_")}


def _sign_out(items: Items, asked: Asked) -> object:
    name = _person(items, asked)
    old = items.now(name)
    items.put(name, {**old, "_signedOut": old.get("_signedOut", 0) + 1})
    return Reply(code=204)


def _list_of(field: str, items: Items, asked: Asked) -> object:
    return {"items": items.now(_person(items, asked)).get(field, [])}


def _delete_of(field: str, key: str, items: Items, asked: Asked) -> object:
    name = _person(items, asked)
    old = items.now(name)
    kept = [one for one in old.get(field, []) if str(one[key]) != asked.path[key]]
    if kept == old.get(field, []):
        raise Refused(404, "NOT_FOUND", f"Resource Not Found: {key}")
    items.put(name, {**old, field: kept})
    return Reply(code=204)


def serve_people(items: Items) -> dict[str, Handler]:
    """Serve people; `_asps`, `_tokens` and `_signedOut` are kept beside what is shown."""
    handlers: dict[str, Callable[[Items, Asked], object]] = {
        "users.get": _get_person,
        "users.update": _update_person,
        "users.patch": _update_person,
        "users.signOut": _sign_out,
        "asps.list": partial(_list_of, "_asps"),
        "asps.delete": partial(_delete_of, "_asps", "codeId"),
        "tokens.list": partial(_list_of, "_tokens"),
        "tokens.delete": partial(_delete_of, "_tokens", "clientId"),
    }
    return {f"directory.{name}": partial(handler, items) for name, handler in handlers.items()}


def plain(name: str) -> str:
    """Give a finding's name without its location, as v1 has it."""
    return re.sub(r"/locations/[^/]+", "", name)


def _named(asked: Asked, finding: JSON) -> JSON:
    """Give a finding under the name by which it was asked for."""
    place = "/locations/global" if ".locations." in asked.method else ""
    name = str(finding["name"]).replace("/findings/", f"{place}/findings/")
    return {**finding, "name": name, "canonicalName": name}


def _list_findings(items: Items, asked: Asked) -> object:
    parent = plain(asked.path["parent"])
    found = [
        one
        for one in items.shelf.values.values()
        if re.fullmatch(rf"{re.escape(parent)}/findings/[^/]+".replace("/\\-/", "/[^/]+/"), one.get("name", ""))
    ]
    for word in re.findall(r'(\w+)\s*=\s*"([^"]*)"', asked.one("filter")):
        found = [one for one in found if one.get(word[0]) == word[1]]
    results = [{"finding": _named(asked, one)} for one in found]
    return {**page(results, "listFindingsResults", asked.one("pageSize"), asked.one("pageToken"), 10), "totalSize": len(results)}


def _patch_finding(items: Items, asked: Asked) -> object:
    name, mask = plain(asked.path["name"]), asked.one("updateMask") or ",".join(asked.body)
    old = items.now(name)
    made = {**patched(old, asked.body, mask), "name": old["name"]}
    return _named(asked, items.put(name, made))


def _set_finding(field: str, items: Items, asked: Asked) -> object:
    name = plain(asked.path["name"])
    return _named(asked, items.put(name, {**items.now(name), field: asked.body.get(field)}))


def _mark(items: Items, asked: Asked) -> object:
    name, mask = plain(asked.path["name"]).removesuffix("/securityMarks"), asked.one("updateMask") or "marks"
    if not all(MARK.fullmatch(one) for one in mask.split(",")):
        raise invalid(f"Invalid update mask: {mask}")
    old = items.now(name)
    marks = patched(old.get("securityMarks") or {}, asked.body, mask)
    items.put(name, {**old, "securityMarks": marks})
    return {**marks, "name": asked.path["name"], "canonicalName": asked.path["name"]}


def serve_findings(items: Items) -> dict[str, Handler]:
    """Serve findings of every kind of parent, in both versions."""
    verbs: dict[str, Callable[[Items, Asked], object]] = {"list": _list_findings, "patch": _patch_finding, "updateSecurityMarks": _mark}
    verbs |= {"setState": partial(_set_finding, "state"), "setMute": partial(_set_finding, "mute")}
    kinds = [
        f"securitycenter.{kind}.sources.{place}findings"
        for kind in ("organizations", "folders", "projects")
        for place in ("", "locations.")
    ]
    return {f"{kind}.{verb}": partial(handler, items) for kind in kinds for verb, handler in verbs.items()}
