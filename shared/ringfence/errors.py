"""Errors that teach: what happened, what was got and expected, and what to do next.

The library raises these; only an edge (a function, the command line) turns them into an answer or an exit code.

    RingfenceError
    +-- UsageError          wrong command line or configuration         exit 2
    |   +-- ConfigError     the YAML file, with line and field
    +-- UpstreamError       a cloud or a file did not answer             exit 3
    |   +-- GoneError       what should be changed is not there any more
    +-- RefusedError        the product will not do what was asked       exit 1
    |   +-- ProtectedError  the target belongs to the protected set
    |   +-- UndeclaredCall  a call that no action declares
    |   +-- Overridable     done all the same where somebody says why
    +-- ConflictError       somebody else moved the job first: read it again
    +-- NotReadError        a state was asked for something that nobody read
    +-- ForgedError         the trail, a checkpoint or a key is not what its log wrote
"""


class RingfenceError(Exception):
    """What went wrong, and what to do about it."""

    exit_code = 1

    def __init__(self, problem: str, hint: str = "") -> None:
        """Take the problem in plain words, and what to do next."""
        super().__init__(problem)
        self.problem = problem
        self.hint = hint

    def __str__(self) -> str:
        """Give problem and hint in one line."""
        return f"{self.problem}. {self.hint}" if self.hint else self.problem


class UsageError(RingfenceError):
    """The command line or the configuration is wrong."""

    exit_code = 2


class ConfigError(UsageError):
    """The configuration file is wrong; the problem names line and field."""


class UpstreamError(RingfenceError):
    """A cloud, a table or a queue did not answer as it should."""

    exit_code = 3


class GoneError(UpstreamError):
    """What should be changed is not there any more: somebody deleted it, or it lies elsewhere."""


class RefusedError(RingfenceError):
    """The product refuses: it would break one of its promises."""


class ProtectedError(RefusedError):
    """The target belongs to the protected set."""


class OverridableError(RefusedError):
    """Refused, unless somebody says why it is right all the same."""


class UndeclaredCallError(RefusedError):
    """The executor was handed a call that no action declares."""


class ConflictError(RingfenceError):
    """The stored job is at another version than the caller read."""


class NotReadError(RingfenceError):
    """A judgement needs a part of the state that nobody read: never taken as `absent`."""


class ForgedError(RingfenceError):
    """The trail, a checkpoint or a key is not what its log wrote. `kind` is the class of tampering, as `trail verify` names it."""

    def __init__(self, kind: str, problem: str, hint: str = "") -> None:
        """Take the class, the problem in plain words, and what to do next."""
        super().__init__(problem, hint)
        self.kind = kind
