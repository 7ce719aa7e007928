"""What botocore's errors mean for a job: a no, a reply that got lost, or an outage that is tried again.

A truncated 200 becomes `ResponseParserError`, which is neither a ClientError nor a BotoCoreError (botocore 1.43, measured).
"""

from collections.abc import Iterator
from contextlib import contextmanager

from ringfence.engine.ports import Failed, Lost
from ringfence.errors import UpstreamError

# IAM and STS throttle by token buckets; botocore's own list of throttling codes, and IAM's two kinds of outage.
THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestLimitExceeded", "TooManyRequestsException"}
)
OUTAGE = frozenset({"ServiceFailure", "ServiceUnavailable", "InternalFailure", "InternalError", "ConcurrentModification"})


@contextmanager
def upstream(what: str) -> Iterator[None]:
    """Turn whatever AWS's client raises while reading into UpstreamError."""
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        yield
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        hint = "Give the role this permission" if code.startswith("AccessDenied") else "It is tried again"
        raise UpstreamError(f"{what} failed: {error}", hint) from error
    except (BotoCoreError, ResponseParserError) as error:
        raise UpstreamError(f"{what} failed: {error}", "It is tried again") from error


def reply_of(error: Exception) -> Failed | Lost:
    """Say what an error of a mutating call means; raise UpstreamError where it is to be tried again."""
    from botocore.exceptions import ClientError

    if not isinstance(error, ClientError):
        return Lost(f"{type(error).__name__}: {error}")
    detail = error.response.get("Error", {})
    code = detail.get("Code", "")
    if code in THROTTLED:
        raise UpstreamError(f"IAM throttles ({code})", "The job is tried again") from error
    if code in OUTAGE or error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500:  # noqa: PLR2004 - HTTP's server errors
        return Lost(code)
    return Failed(code, detail.get("Message", ""), retried=error.response.get("ResponseMetadata", {}).get("RetryAttempts", 0) > 0)
