"""What has to fit together of the people of a configuration, the approvers and the chat. Each problem comes with the path of what is wrong."""

import re
from collections.abc import Iterator

from ringfence.config.schema import Config, PersonEntry

type Path_ = tuple[str | int, ...]
CHANNEL = re.compile(r"[CG][A-Z0-9]{2,}", re.ASCII)


def problems(config: Config) -> Iterator[tuple[Path_, str]]:
    """Give each problem: where it is, and what is wrong in plain words."""
    yield from _named_twice(config)
    yield from _nobody(config)
    if config.chat.slack is not None:
        yield from _slack(config)


def _named_twice(config: Config) -> Iterator[tuple[Path_, str]]:
    """Two people of one name, or one identity of two people: nobody could say whose vote it is."""
    seen: dict[str, str] = {}
    for i, entry in enumerate(config.people):
        for alias in (f"name {entry.name}", *entry.slack, *(arn.casefold() for arn in entry.aws)):
            other = seen.setdefault(alias, entry.name)
            if other != entry.name or (alias.startswith("name ") and any(entry.name == p.name for p in config.people[:i])):
                yield ("people", i), f"{alias} is {other}'s already"


def _nobody(config: Config) -> Iterator[tuple[Path_, str]]:
    """Names that are nobody's: their owners would silently never be asked."""
    known = {entry.name for entry in config.people}
    approval = config.defaults.approval
    for field, names in (("approvers", approval.approvers), ("escalation", approval.escalation)):
        for i, name in enumerate(names):
            if name not in known and (field == "escalation" or ":" not in name):
                yield (
                    ("defaults", "approval", field, i),
                    f"{name} is nobody under `people`{'' if field == 'escalation' else ', and no ARN'}",
                )


def _slack(config: Config) -> Iterator[tuple[Path_, str]]:
    approval = config.defaults.approval
    if not CHANNEL.fullmatch(approval.channel):
        yield (
            ("defaults", "approval", "channel"),
            f"{approval.channel} is no channel id: names change hands, ids do not (Slack shows it at the end of `View channel details`)",
        )
    approvers = {entry.name: entry for entry in config.people if entry.name in approval.approvers}
    if not any(entry.slack for entry in approvers.values()):
        yield ("chat", "slack"), "no approver has a Slack member id: nobody could decide in the channel"
    called: list[PersonEntry] = [entry for entry in config.people if entry.name in approval.escalation]
    for entry in called:
        if not entry.slack:
            yield ("defaults", "approval", "escalation"), f"{entry.name} has no Slack member id and cannot be called there"
