"""Documents of APIs that google-api-python-client does not ship, by hand: only what is used.

Security Command Center v2 (its REST reference, `…sources.findings` and `…sources.locations.findings`): the same methods under both names.
"""

from typing import Any

JSON = dict[str, Any]
TEXT, ANY = {"type": "string"}, {"type": "object", "additionalProperties": {"type": "any"}}
COMMON = dict.fromkeys(("alt", "fields", "key", "prettyPrint", "quotaUser"), TEXT)
MARKS: JSON = {
    "type": "object",
    "properties": {"name": TEXT, "canonicalName": TEXT, "marks": {"type": "object", "additionalProperties": TEXT}},
}
FINDING: JSON = {
    "type": "object",
    "properties": {
        **dict.fromkeys(
            ("name", "canonicalName", "parent", "parentDisplayName", "resourceName", "category", "externalUri", "description"), TEXT
        ),
        **dict.fromkeys(("eventTime", "createTime", "moduleName", "nextSteps", "muteInitiator", "muteUpdateTime"), TEXT),
        "state": {"type": "string", "enum": ["STATE_UNSPECIFIED", "ACTIVE", "INACTIVE"]},
        "mute": {"type": "string", "enum": ["MUTE_UNSPECIFIED", "MUTED", "UNMUTED", "UNDEFINED"]},
        "severity": {"type": "string", "enum": ["SEVERITY_UNSPECIFIED", "CRITICAL", "HIGH", "MEDIUM", "LOW"]},
        "findingClass": TEXT,
        "securityMarks": {"$ref": "SecurityMarks"},
        **dict.fromkeys(("sourceProperties", "access", "indicator", "mitreAttack", "exfiltration", "vertexAi", "aiModel", "contacts"), ANY),
        "iamBindings": {"type": "array", "items": ANY},
    },
}
RESULT: JSON = {"type": "object", "properties": {"finding": {"$ref": "Finding"}, "resource": ANY}}
LISTED: JSON = {
    "type": "object",
    "properties": {
        "listFindingsResults": {"type": "array", "items": {"$ref": "Result"}},
        "nextPageToken": TEXT,
        "totalSize": {"type": "integer"},
    },
}
STATE: JSON = {"type": "object", "properties": {"state": FINDING["properties"]["state"], "startTime": TEXT}}
MUTE: JSON = {"type": "object", "properties": {"mute": FINDING["properties"]["mute"]}}


def _method(name: str, http: str, path: str, place: JSON, query: tuple[str, ...], request: str, response: str) -> JSON:
    told = {"id": name, "httpMethod": http, "path": path, "response": {"$ref": response}}
    parameters = {**place, **{one: {"location": "query", **({"type": "integer"} if one == "pageSize" else TEXT)} for one in query}}
    return {**told, "parameters": parameters, **({"request": {"$ref": request}} if request else {})}


def _findings(kind: str, located: str) -> dict[str, JSON]:
    """Give the methods of findings below one kind of parent, with or without a location in their names."""
    prefix = f"securitycenter.{kind}.sources.{'locations.' if located else ''}findings"
    source = rf"{kind}/[^/]+/sources/[^/]+{located}"
    parent = {"parent": {"location": "path", "pattern": f"^{source}$"}}
    name = {"name": {"location": "path", "pattern": f"^{source}/findings/[^/]+$"}}
    marks = {"name": {"location": "path", "pattern": f"^{source}/findings/[^/]+/securityMarks$"}}
    pages = ("filter", "orderBy", "fieldMask", "pageToken", "pageSize")
    return {
        f"{prefix}.list": _method(f"{prefix}.list", "GET", "v2/{+parent}/findings", parent, pages, "", "Listed"),
        f"{prefix}.patch": _method(f"{prefix}.patch", "PATCH", "v2/{+name}", name, ("updateMask",), "Finding", "Finding"),
        f"{prefix}.setState": _method(f"{prefix}.setState", "POST", "v2/{+name}:setState", name, (), "State", "Finding"),
        f"{prefix}.setMute": _method(f"{prefix}.setMute", "POST", "v2/{+name}:setMute", name, (), "Mute", "Finding"),
        f"{prefix}.updateSecurityMarks": _method(
            f"{prefix}.updateSecurityMarks", "PATCH", "v2/{+name}", marks, ("updateMask",), "SecurityMarks", "SecurityMarks"
        ),
    }


DOCUMENTS: dict[str, JSON] = {
    "securitycenter.v2": {
        "name": "securitycenter",
        "servicePath": "",
        "parameters": COMMON,
        "schemas": {"Finding": FINDING, "SecurityMarks": MARKS, "Result": RESULT, "Listed": LISTED, "State": STATE, "Mute": MUTE},
        "methods": {
            name: method
            for kind in ("organizations", "folders", "projects")
            for located in ("", "/locations/[^/]+")
            for name, method in _findings(kind, located).items()
        },
    }
}
