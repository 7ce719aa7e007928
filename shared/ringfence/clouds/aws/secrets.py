"""Secrets from Secrets Manager."""

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream


def fetch(arn: str) -> str:
    """Give the text of a secret; one that holds bytes has none. Raises UpstreamError."""
    with upstream("reading a secret"):
        return clients.secretsmanager().get_secret_value(SecretId=arn).get("SecretString", "")
