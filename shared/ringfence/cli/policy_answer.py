"""What `ringfence policy` answers for one document, whichever cloud it is from."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec import Struct

from ringfence.domain.finding import Severity
from ringfence.iam import Problem, Verdict


class Answer(Struct, frozen=True, kw_only=True):
    """One document's answer. The JSON line is for machines, all else for people; either is worked out only when it is asked for."""

    verdict: Verdict
    severity: Severity | None  # None where there is nothing to say
    certain: Sequence[bool]  # of each path
    line: Callable[[], Mapping[str, object]]
    what: Callable[[], str]
    chains: Callable[[], Sequence[str]]

    @property
    def rank(self) -> int:
        """How severe it is; below all severities where it is ok."""
        return -1 if self.severity is None else self.severity.rank


def severity(verdict: Verdict, *, certain: bool) -> Severity | None:
    """Give how bad a verdict is; `certain`: a path is surely open."""
    if verdict is Verdict.OK:
        return None
    if verdict is Verdict.ADMIN or certain:
        return Severity.CRITICAL
    return Severity.HIGH if verdict is Verdict.ESCALATION else Severity.MEDIUM


def said(problems: Iterable[Problem]) -> str:
    """Say what keeps a document from being judged."""
    return "; ".join(f"{p.where} {p.what}" for p in problems)


def counted(certain: Sequence[bool]) -> str:
    """Say how many paths are open, surely and not."""
    return f"{sum(certain)} certain, {len(certain) - sum(certain)} in doubt" if certain else ""
