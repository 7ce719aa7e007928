"""Secrets from Secret Manager, by the name of a version: `projects/PROJECT/secrets/SECRET/versions/latest`."""

from base64 import b64decode

from ringfence.clouds.gcp.crc32c import crc32c
from ringfence.clouds.gcp.session import ask, upstream
from ringfence.errors import UpstreamError


def fetch(version: str) -> str:
    """Give the text of a secret; one that is no text has none. Raises UpstreamError, also where it was damaged on the way."""
    with upstream("reading a secret"):
        payload = ask("GET", "secretmanager", f"/v1/{version}:access").get("payload", {})
    data = b64decode(payload.get("data", ""))
    if int(payload.get("dataCrc32c", -1)) != crc32c(data):
        raise UpstreamError("reading a secret failed: it was damaged on the way", "It is tried again")
    try:
        return data.decode()
    except UnicodeDecodeError:
        return ""
