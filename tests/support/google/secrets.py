"""Secret Manager, as far as secrets are read (Secret Manager reference, `versions.access`)."""

import base64
from functools import partial

from ringfence.clouds.gcp.crc32c import crc32c
from tests.support.google.wire import Asked, Handler, Refused
from tests.support.google.world import JSON


class Secrets:
    """The versions of each secret (`projects/P/secrets/S`), oldest first; one that is disabled is None."""

    def __init__(self) -> None:
        self.versions: dict[str, list[bytes | None]] = {}

    def add(self, secret: str, data: bytes) -> str:
        """Add a version, and give the name that always means the newest."""
        self.versions.setdefault(secret, []).append(data)
        return f"{secret}/versions/latest"


def serve_secrets(secrets: Secrets) -> dict[str, Handler]:
    """Serve reading."""
    return {"secretmanager.projects.secrets.versions.access": partial(_access, secrets)}


def _access(secrets: Secrets, asked: Asked) -> JSON:
    secret, _, version = asked.path["name"].partition("/versions/")
    held = secrets.versions.get(secret, [])
    number = len(held) if version == "latest" else int(version)
    if not 0 < number <= len(held):
        raise Refused(404, "NOT_FOUND", f"Secret Version [{asked.path['name']}] not found.")
    data = held[number - 1]
    if data is None:
        raise Refused(400, "FAILED_PRECONDITION", f"Secret Version [{asked.path['name']}] is in DISABLED state.")
    payload = {"data": base64.b64encode(data).decode(), "dataCrc32c": str(crc32c(data))}
    return {"name": f"{secret}/versions/{number}", "payload": payload}
