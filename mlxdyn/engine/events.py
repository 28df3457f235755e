"""What the engine thread tells a front end, as plain frozen values; knows no MLX."""

from collections.abc import Mapping
from dataclasses import dataclass

from mlxdyn.chat.events import (
    Compared,
    Fact,
    Going,
    Heard,
    Knew,
    Learned,
    Lessons,
    Logged,
    Moment,
    Panel,
    Piece,
    Replied,
    Scored,
    Stage,
    Status,
    Studied,
    Surprise,
    Timeline,
    Weighed,
)
from mlxdyn.memory.store.chats import Hit
from mlxdyn.memory.store.records import Chat, Message
from mlxdyn.settings import Value

__all__ = [  # a front end needs no other module for what it is told
    "Chat",
    "Chats",
    "Closed",
    "Compared",
    "Event",
    "Fact",
    "Failed",
    "Going",
    "Heard",
    "Hit",
    "Knew",
    "Learned",
    "Lessons",
    "Log",
    "Logged",
    "MemoryNames",
    "Message",
    "ModelRow",
    "Models",
    "Moment",
    "Notice",
    "Opened",
    "Panel",
    "Piece",
    "Replied",
    "Said",
    "Scored",
    "SearchResult",
    "SettingsList",
    "Stage",
    "Status",
    "Stayed",
    "Studied",
    "Surprise",
    "Timeline",
    "Unanswered",
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
    """The saved conversations, newest first, and those that were deleted but not forgotten."""

    chats: tuple[Chat, ...]
    deleted: tuple[Chat, ...] = ()


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The messages, newest first, that have the words that were looked for."""

    words: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Said:
    """What the user said in all conversations of this memory, oldest first."""

    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ModelRow:
    """A model that is here, or that can be fetched."""

    name: str
    here: bool
    bytes: int  # on disk, or to download
    misfit: str  # why this machine is too small for it; "" where it is not


@dataclass(frozen=True, slots=True)
class Models:
    """All models, those that are here first."""

    models: tuple[ModelRow, ...]
    current: str


@dataclass(frozen=True, slots=True)
class SettingsList:
    """Every setting with its value, and the file that keeps them."""

    values: Mapping[str, Value | None]
    path: str


@dataclass(frozen=True, slots=True)
class MemoryNames:
    """The names of all memories."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """Every update of the memory, oldest first."""

    updates: tuple[Logged, ...]


@dataclass(frozen=True, slots=True)
class Working:
    """Something long is under way: `done` of `of` lessons, or of what `unit` says; 0 is unknown."""

    doing: str
    done: int
    of: int
    unit: str = ""


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
class Unanswered:
    """What was to be answered failed, which is said next: no Replied will come."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The engine thread has saved everything and ended."""


Event = (
    Status
    | Opened
    | Said
    | Heard
    | Piece
    | Replied
    | Learned
    | Lessons
    | Studied
    | Compared
    | Surprise
    | Going
    | Timeline
    | Knew
    | Panel
    | Chats
    | SearchResult
    | MemoryNames
    | Models
    | SettingsList
    | Log
    | Working
    | Notice
    | Failed
    | Stayed
    | Unanswered
    | Closed
)
