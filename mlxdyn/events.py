"""What the engine thread tells a front end, as plain frozen values; knows no MLX."""

from dataclasses import dataclass

from mlxdyn.config import Learn


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a saved conversation."""

    id: int
    role: str  # user | assistant
    text: str


@dataclass(frozen=True, slots=True)
class Status:
    """What a footer shows."""

    model: str
    memory: str
    learn: Learn
    temporary: bool  # reads the memory, writes nothing
    context_tokens: int  # of the conversation, in the last prompt and reply
    context_size: int
    tokens_per_second: float | None  # of the last reply
    pending: int  # messages still to be learned
    updates: int  # accepted updates in the memory
    tokens_learned: int


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation is on screen: the engine is ready, or another one was chosen."""

    conversation: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Heard:
    """The user's message is saved; pieces of the reply follow."""

    message: Message


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the reply, to be appended."""

    text: str


@dataclass(frozen=True, slots=True)
class Replied:
    """The reply is complete, or was stopped, and is saved."""

    message: Message
    tokens: int
    tokens_per_second: float
    ttft_seconds: float  # time to first token
    stopped: bool
    dropped_turns: int  # oldest turns that no longer fit the context


@dataclass(frozen=True, slots=True)
class Learned:
    """All updates of one message are durable. Nats per token; None where nothing was scored."""

    message: int
    tokens: int
    nll_before: float | None
    nll_after: float | None
    accepted: bool
    reason: str  # why not, when not accepted
    update: int | None  # the last ledger row


@dataclass(frozen=True, slots=True)
class Chat:
    """A saved conversation in a list."""

    id: int
    title: str
    created: str  # ISO 8601, UTC
    messages: int


@dataclass(frozen=True, slots=True)
class Chats:
    """The saved conversations, newest first."""

    chats: tuple[Chat, ...]


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
class Closed:
    """The engine thread has saved everything and ended."""


Event = Status | Opened | Heard | Piece | Replied | Learned | Chats | Notice | Failed | Closed
