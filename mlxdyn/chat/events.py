"""What a conversation tells, as plain frozen values; knows no MLX."""

from dataclasses import dataclass

from mlxdyn.config import Learn
from mlxdyn.memory.store.records import Message


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
    items: int  # study items in the memory
    adapter_scale: float  # of the memory in replies: 0 is the bare base, 1 all of it
    incognito: bool = False  # the bare base: the memory is not even read
    studying: bool = False  # the adapter is being made anew
    stage: "Stage | None" = None  # of what is being learned now
    conversation: int = 0  # that is open; 0 before anything is said in it
    process_bytes: int = 0  # of memory, that this program takes


@dataclass(frozen=True, slots=True)
class Stage:
    """Where a lesson is."""

    message: int | None  # that is being learned; None for a study of everything
    doing: str  # preparing | reading | writing | answering | learning | studying
    seconds: float | None  # left, as it took so far; None where that was never measured
    spent: float = 0.0  # seconds in this stage
    steps: tuple[int, int] | None = None  # taken, and of how many, once it trains


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
    ended: str = ""  # why, if not by itself: "length" (the token limit) or "loop"


@dataclass(frozen=True, slots=True)
class Learned:
    """All updates of one message are durable. Nats per token; None where nothing was scored."""

    message: int
    tokens: int
    nll_before: float | None
    nll_after: float | None
    accepted: bool
    reason: str  # a Reason, when not accepted
    update: int | None  # the last ledger row
    facts: tuple[str, ...] = ()  # what it taught, each fact once, as the answer to be given
    corrections: tuple[str, ...] = ()  # what is known otherwise since, as the new answers
    secrets: int = 0  # secrets in it that were kept out of learning
    rate: float = 1.0  # times the configured learning rate, lowered when other answers moved
    full: bool = False  # as much was made of it as can be of one message: more may be in it
    left: tuple[str, ...] = ()  # parts of it that no fact holds, where it taught some
    asked: bool = False  # it is a question
    known: bool = False  # what it taught was known
    questions: tuple[str, ...] = ()  # one for each fact
    studied: bool = True  # facts were looked for; False: its words only, to keep to the budget
    drift: float | None = None  # mean KL(base || now) on answers that should stay as they are
    hurried: bool = False  # fewer steps were taken on it, to keep to the budget
    quoted: bool = False  # something in it was quoted, and so left out
    repeats: tuple[int, ...] = ()  # earlier messages that it tells again, and nothing else
    everything: bool = False  # it reads like a wish that all be forgotten
    wish: bool = False  # it asks that something be forgotten


@dataclass(frozen=True, slots=True)
class Going:
    """What would go if messages were forgotten."""

    messages: tuple[int, ...]
    said: tuple[str, ...]  # these messages, secrets masked
    facts: tuple[str, ...]  # what is known from them
    again: tuple[int, ...]  # other messages that tell it too, and would stay
    items: tuple[int, ...] = ()  # study items of other messages with words of it
    titles: tuple[int, ...] = ()  # chats whose title has words of it
    copies: tuple[tuple[str, tuple[int, ...]], ...] = ()  # in other memories, by their names
    settings: bool = False  # the settings have words of it


@dataclass(frozen=True, slots=True)
class Lessons:
    """What became of the messages of the open conversation, all at once, as the past changed."""

    lessons: tuple[Learned, ...]  # of its newest messages; what was undone has Reason.UNDONE
    pending: tuple[int, ...]  # messages still to be learned


@dataclass(frozen=True, slots=True)
class Studied:
    """The adapter was made anew from all study items, or the old one was better and stays."""

    items: int
    accepted: bool
    reason: str  # a Reason, when not accepted
    nll_before: float | None  # of the items, in nats per token
    nll_after: float | None


@dataclass(frozen=True, slots=True)
class Weighed:
    """A piece of an answer, and how much likelier memory made it, in nats; negative is less."""

    text: str
    gain: float


@dataclass(frozen=True, slots=True)
class Compared:
    """One question answered by the bare base and with memory."""

    question: str
    base: str
    memory: tuple[Weighed, ...]
    base_loops: bool = False  # it went round in circles and was stopped
    memory_loops: bool = False
    pending: int = 0  # messages that the memory has not learned yet


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that the memory is to know, with the wordings in which it is asked for."""

    items: tuple[int, ...]  # the study items that are its wordings
    message: int  # that told it
    said: str  # that message
    answer: str
    questions: tuple[str, ...]
    yours: bool  # you wrote the answer
    active: bool  # False: a later message corrected it


@dataclass(frozen=True, slots=True)
class Panel:
    """What a memory knows, newest first, and how it came to."""

    memory: str
    model: str
    facts: tuple[Fact, ...]
    lessons: int  # messages that something was learned of
    gaps: tuple[tuple[float, float], ...]  # KL to what was to be learned, before and after lessons
    drifts: tuple[float, ...]  # after each lesson, oldest first, in nats per token
    bound: float  # that drift must not pass
    pending: int


@dataclass(frozen=True, slots=True)
class Moment:
    """A point in a memory's life: after one lesson, or with position 0 before all."""

    position: int
    time: str  # ISO 8601, UTC
    said: str  # what was learned, secrets masked; "" for a study of everything
    standing: bool  # False: undone, and it could come back
    now: bool = False  # the memory is as it was then


@dataclass(frozen=True, slots=True)
class Timeline:
    """The life of a memory, newest first."""

    moments: tuple[Moment, ...]


@dataclass(frozen=True, slots=True)
class Knew:
    """What a memory knew at a moment."""

    moment: Moment
    facts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scored:
    """A token of a message: its nll in nats, and how much likelier memory made it."""

    text: str
    nll: float
    gain: float


@dataclass(frozen=True, slots=True)
class Surprise:
    """A message, token by token, read with memory."""

    text: str
    tokens: tuple[Scored, ...]


@dataclass(frozen=True, slots=True)
class Logged:
    """One update of the memory. Nats per token; None where nothing was measured."""

    update: int
    time: str  # ISO 8601, UTC
    message: int | None  # None for a study of everything
    text: str
    kind: str  # words | study | consolidation
    tokens: int
    rate: float
    nll_before: float | None
    nll_after: float | None
    drift: float | None  # mean KL(base || now) on answers that should stay as they are
    accepted: bool
    reason: str  # a Reason, when not accepted or taken back
