"""The stack's own rules: one that somebody disabled hears nothing."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ringfence.clouds.aws import clients
from ringfence.clouds.aws.replies import upstream

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

HEARS = "ENABLED"


def deaf(names: Iterable[str], client: "Callable[[], EventBridgeClient]" = clients.events) -> tuple[str, ...]:
    """Give the rules that are not enabled; raise UpstreamError where EventBridge does not answer, or one is gone."""
    with upstream("looking at the stack's rules"):
        return tuple(name for name in names if not str(client().describe_rule(Name=name).get("State", "")).startswith(HEARS))
