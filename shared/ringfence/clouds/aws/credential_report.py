"""IAM's credential report, as text. IAM makes a new one when the last is four hours old (IAM User Guide, "Getting credential reports")."""

import time
from collections.abc import Callable

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.errors import UpstreamError

PAUSES = (1.0, 2.0, 4.0, 8.0)  # seconds in which IAM has made one, mostly


def fetch(sleep: Callable[[float], None] = time.sleep) -> str:
    """Have a report made and give it; raise UpstreamError where IAM does not, or not in time."""
    iam = clients.iam()
    with upstream("making the credential report"):
        for pause in PAUSES:
            if iam.generate_credential_report()["State"] == "COMPLETE":
                return iam.get_credential_report()["Content"].decode()
            sleep(pause)
    raise UpstreamError("IAM has not made the credential report in time", "It is asked for again with the next census")
