"""What the engine thread tells a front end, as plain frozen values; knows no MLX."""

from dataclasses import dataclass

from mlxdyn.chat.events import (
    Compared,
    Heard,
    Learned,
    Lessons,
    Logged,
    Piece,
    Replied,
    Status,
    Studied,
    StudyItem,
    Weighed,
)
from mlxdyn.memory.store.records import Chat, Message

__all__ = [  # a front end needs no other module for what it is told
    "Chat",
    "Chats",
    "Closed",
    "Compared",
    "Event",
    "Failed",
    "Heard",
    "Items",
    "Learned",
    "Lessons",
    "Log",
    "Logged",
    "Memories",
    "Message",
    "Notice",
    "Opened",
    "Piece",
    "Replied",
    "Status",
    "Stayed",
    "Studied",
    "StudyItem",
    "Weighed",
    "Working",
]


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation is on screen: the engine is ready, or another one was chosen."""

    conversation: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Chats:
    """The saved conversations, newest first."""

    chats: tuple[Chat, ...]


@dataclass(frozen=True, slots=True)
class Memories:
    """The names of all memories."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Items:
    """All study items of the memory, in the order of learning."""

    items: tuple[StudyItem, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """Every update of the memory, oldest first."""

    updates: tuple[Logged, ...]


@dataclass(frozen=True, slots=True)
class Working:
    """Something long is under way: `done` of `of` lessons."""

    doing: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class Notice:
    """One sentence for the user that is not an error."""

    text: str


@dataclass(frozen=True, slots=True)
class Failed:
    """One sentence that says what went wrong and how to mend it; `fatal` ends the engine."""

    text: str
    fatal: bool = False


@dataclass(frozen=True, slots=True)
class Stayed:
    """What was to open another conversation failed, as said before; the one before stays open."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The engine thread has saved everything and ended."""


Event = (
    Status
    | Opened
    | Heard
    | Piece
    | Replied
    | Learned
    | Lessons
    | Studied
    | Compared
    | Chats
    | Memories
    | Items
    | Log
    | Working
    | Notice
    | Failed
    | Stayed
    | Closed
)
