"""Makes one mutating IAM call. The job's id travels in the user agent, so that CloudTrail's record of it can be paired with ours."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import reply_of
from ringfence.domain.plan import Call
from ringfence.engine.ports import Done, Reply
from ringfence.errors import UndeclaredCallError

if TYPE_CHECKING:
    from mypy_boto3_iam import IAMClient


class IamWriter:
    """The writer port over IAM."""

    def __init__(self, client: "Callable[[], IAMClient]" = clients.iam) -> None:
        """Take the getter of the client."""
        self._client = client

    def call(self, call: Call, job: str) -> Reply:
        """Make the call. Raises UpstreamError where IAM throttles, UndeclaredCallError where this is no call on IAM."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        iam: Any = self._client()
        names = {api: method for method, api in iam.meta.method_to_api_mapping.items()}
        if call.service != "iam" or call.operation not in names:
            raise UndeclaredCallError(f"{call.service}:{call.operation} is no call on IAM", "Only IAM can be written")
        # botocore rebuilds the header when it signs; SigV4 leaves it unsigned, so it may be marked after that.
        event = f"before-send.iam.{call.operation}"

        def mark(request: Any, **_: object) -> None:
            agent = request.headers.get("User-Agent", b"")
            request.headers["User-Agent"] = (agent if isinstance(agent, bytes) else agent.encode()) + f" ringfence-job/{job}".encode()

        iam.meta.events.register(event, mark)
        try:
            reply = getattr(iam, names[call.operation])(**call.parameters)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            return reply_of(error)
        finally:
            iam.meta.events.unregister(event, mark)
        return Done(reply.get("ResponseMetadata", {}).get("RequestId", ""))
