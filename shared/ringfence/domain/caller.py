"""Caller: who asks, as the cloud or the chat knows them."""

from msgspec import Struct


class Caller(Struct, frozen=True):
    """Who it is: an ARN, or an id in a chat (`slack:TEAM/USER`), and the unique id of the user or role behind an ARN, empty where it is not known."""

    name: str
    unique_id: str = ""

    @property
    def in_chat(self) -> bool:
        """Whether they ask in a chat: then nothing but the configuration says who they are."""
        return self.name.startswith("slack:")
