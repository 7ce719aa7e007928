"""Makes one mutating call. The job's id travels in the user agent, so that CloudTrail's record of it can be paired with ours."""

from collections.abc import Callable
from typing import Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import reply_of
from ringfence.domain.plan import Call
from ringfence.engine.ports import Done, Reply
from ringfence.errors import UndeclaredCallError

SERVICES = ("iam", "cloudtrail", "bedrock")


class AwsWriter:
    """The writer port over AWS."""

    def __init__(self, client: Callable[[str, str], Any] = clients.of) -> None:
        """Take the getter of clients, by service and region."""
        self._client = client

    def call(self, call: Call, job: str) -> Reply:
        """Make the call. Raises UpstreamError where AWS throttles, UndeclaredCallError where this is no call of a service that is written."""
        from botocore.exceptions import BotoCoreError, ClientError
        from botocore.parsers import ResponseParserError

        if call.service not in SERVICES:
            raise UndeclaredCallError(f"{call.service} is never written", f"Only {', '.join(SERVICES)} are")
        client = self._client(call.service, call.region)
        names = {api: method for method, api in client.meta.method_to_api_mapping.items()}
        if call.operation not in names:
            raise UndeclaredCallError(f"{call.service}:{call.operation} is no call of its API", "Look it up in the service's API reference")
        # botocore rebuilds the header when it signs; SigV4 leaves it unsigned, so it may be marked after that.
        event = f"before-send.{call.service}.{call.operation}"

        def mark(request: Any, **_: object) -> None:
            agent = request.headers.get("User-Agent", b"")
            request.headers["User-Agent"] = (agent if isinstance(agent, bytes) else agent.encode()) + f" ringfence-job/{job}".encode()

        client.meta.events.register(event, mark)
        try:
            reply = getattr(client, names[call.operation])(**call.parameters)
        except (BotoCoreError, ClientError, ResponseParserError) as error:
            return reply_of(error)
        finally:
            client.meta.events.unregister(event, mark)
        return Done(reply.get("ResponseMetadata", {}).get("RequestId", ""))
