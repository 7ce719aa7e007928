"""Makes one mutating call on Google Cloud. The job's id travels in the user agent: audit logs tell it (`callerSuppliedUserAgent`)."""

import random
import time
from collections.abc import Callable, Mapping

from ringfence.clouds.gcp import policies, settings_writer
from ringfence.clouds.gcp.session import FIRST_OUTAGE, FORBIDDEN, NOT_FOUND, THROTTLED, THROTTLES, ApiError, NoReplyError, ask, started
from ringfence.domain.binding import binding_of
from ringfence.domain.google import IAM
from ringfence.domain.plan import Call
from ringfence.engine.ports import Done, Failed, Lost, Reply
from ringfence.errors import UndeclaredCallError, UpstreamError

# Cloud Storage and BigQuery tell reasons of their own; what counts is HTTP's number.
NAMES = {FORBIDDEN: "PERMISSION_DENIED", NOT_FOUND: "NOT_FOUND"}
SWITCHES = {
    "DisableServiceAccount": "disable",
    "EnableServiceAccount": "enable",
    "DisableServiceAccountKey": "disable",
    "EnableServiceAccountKey": "enable",
}


def _pause(attempt: int) -> None:
    time.sleep(random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 - so that writers who met do not meet again


class GoogleWriter:
    """The writer port over Google Cloud."""

    def __init__(self, pause: Callable[[int], None] = _pause) -> None:
        """Take how to wait after somebody else was faster, by the number of the attempt."""
        self._pause = pause

    def call(self, call: Call, job: str) -> Reply:
        """Make the call. Raises UpstreamError where Google throttles, UndeclaredCallError where this is no call that is written."""
        headers = {"User-Agent": f"ringfence ringfence-job/{job}"}
        try:
            self._make(call, headers)
        except ApiError as error:
            if error.number == THROTTLED or error.code in THROTTLES:
                raise UpstreamError(f"Google throttles ({error})", "The job is tried again") from error
            if error.number >= FIRST_OUTAGE:
                return Lost(str(error))
            return Failed(NAMES.get(error.number, error.code), error.message)
        except NoReplyError as error:
            return Lost(str(error))
        return Done("")

    def _make(self, call: Call, headers: Mapping[str, str]) -> None:
        given = call.parameters
        if call.operation == "SetIamPolicy":
            add = "add" in given
            policies.change(given["resource"], binding_of(given["add" if add else "remove"]), add=add, headers=headers, pause=self._pause)
        elif call.service == IAM and call.operation in SWITCHES:
            ask("POST", "iam", f"/v1/{given['name']}:{SWITCHES[call.operation]}", body={}, headers=headers)
        elif call.service == IAM and call.operation == "CreatePolicy":
            query = {"policyId": str(given["policyId"])}
            started(ask("POST", "iam", f"/v2/{given['parent']}", body=given["policy"], query=query, headers=headers))
        elif call.service == IAM and call.operation == "DeletePolicy":
            started(ask("DELETE", "iam", f"/v2/{given['name']}", headers=headers))
        elif not settings_writer.made(call, headers, self._pause):
            raise UndeclaredCallError(f"{call.service}:{call.operation} is never called", "Look the action up in `ringfence.actions`")
