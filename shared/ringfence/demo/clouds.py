"""Both embedded clouds behind one reader and one writer: what is Google's goes to the project in memory, all else to the embedded AWS."""

from typing import Any

from ringfence.clouds.aws.iam_reader import IamReader
from ringfence.clouds.aws.writer import AwsWriter
from ringfence.clouds.memory import MemoryIam
from ringfence.clouds.memory.google import is_googles
from ringfence.domain.identity import GOOGLE, Identity
from ringfence.domain.plan import Call
from ringfence.domain.state import State
from ringfence.engine.ports import Absence, Reply, Wanted


class Clouds:
    """The reader and writer ports over both; scenes change `aws` (an IAM client) and `google`."""

    def __init__(self, aws: Any, google: MemoryIam) -> None:
        """Take the two."""
        self.aws, self.google = aws, google
        self._reader, self._writer = IamReader(), AwsWriter()

    def read(self, identity: Identity, wanted: Wanted) -> State | Absence:
        """Give a state, out of the cloud that the identity is of."""
        return (self.google if identity.partition == GOOGLE else self._reader).read(identity, wanted)

    def owner(self, access_key_id: str) -> Identity | Absence:
        """Give the user whose access key it is."""
        return self._reader.owner(access_key_id)

    def call(self, call: Call, job: str) -> Reply:
        """Make a call on the cloud that it is of."""
        return (self.google if is_googles(call) else self._writer).call(call, job)
