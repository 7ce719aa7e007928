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

    def __init__(self, pause: Callable[[int], None] = _pause, *, gives: bool = False) -> None:
        """Take how to wait after somebody else was faster, by the number of the attempt, and whether it may give grants.

        `respond` may not: Google Cloud lets whoever may take a grant away give one, so whoever could write to its database could have it make an
        owner. A person does, with their own credentials.
        """
        self._pause, self._gives = pause, gives

    def call(self, call: Call, job: str) -> Reply:
        """Make the call. Raises UpstreamError where Google throttles, UndeclaredCallError where this is no call that is written."""
        headers = {"User-Agent": f"ringfence ringfence-job/{job}"}
        if not self._gives and call.operation == "SetIamPolicy" and "add" in call.parameters:
            return Failed("PERMISSION_DENIED", "Ringfence gives nobody a grant")
        try:
            if self._make(call, headers) is False:
                code = "ALREADY_EXISTS" if "add" in call.parameters else "NOT_FOUND"
                return Failed(code, "it was so already: somebody else was faster")
        except ApiError as error:
            if error.number == THROTTLED or error.code in THROTTLES:
                raise UpstreamError(f"Google throttles ({error})", "The job is tried again") from error
            if error.number >= FIRST_OUTAGE:
                return Lost(str(error))
            return Failed(NAMES.get(error.number, error.code), error.message)
        except NoReplyError as error:
            return Lost(str(error))
        return Done("")

    def _make(self, call: Call, headers: Mapping[str, str]) -> bool | None:
        """Make it; False where it is known to have changed nothing."""
        given = call.parameters
        if call.operation == "SetIamPolicy":
            add = "add" in given
            binding = binding_of(given["add" if add else "remove"])
            last = given.get("unless_last") is True
            return policies.change(given["resource"], binding, add=add, unless_last=last, headers=headers, pause=self._pause)
        if call.service == IAM and call.operation in SWITCHES:
            ask("POST", "iam", f"/v1/{given['name']}:{SWITCHES[call.operation]}", body={}, headers=headers)
        elif call.service == IAM and call.operation == "CreatePolicy":
            query = {"policyId": str(given["policyId"])}
            started(ask("POST", "iam", f"/v2/{given['parent']}", body=given["policy"], query=query, headers=headers))
        elif call.service == IAM and call.operation == "DeletePolicy":
            started(ask("DELETE", "iam", f"/v2/{given['name']}", headers=headers))
        elif not settings_writer.made(call, headers, self._pause):
            raise UndeclaredCallError(f"{call.service}:{call.operation} is never called", "Look the action up in `ringfence.actions`")
        return None
