"""Sends a job's finding to Security Hub; a later one with the same id replaces it (Security Hub API Reference, BatchImportFindings)."""

from typing import Any

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream
from ringfence.engine.ports import Notice
from ringfence.engine.trail.asff import of_notice
from ringfence.errors import UpstreamError


def send(notice: Notice, partition: str, account: str, region: str) -> None:
    """Send the finding that a notice is about; raise UpstreamError where it is not taken, so that it is tried again."""
    finding: Any = of_notice(notice, account, region, partition)
    with upstream("telling Security Hub"):
        reply = clients.securityhub().batch_import_findings(Findings=[finding])
    if reply["FailedCount"]:
        failed = reply["FailedFindings"][0]
        raise UpstreamError(f"Security Hub does not take {failed['Id']}: {failed['ErrorMessage']}", "Is Security Hub on in this region?")
