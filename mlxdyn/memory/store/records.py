"""What the ledger holds, as values: memories, lessons, how they went; and how rows are read."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any, Literal, NamedTuple, get_args

from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.example import Example, Kind, load_likely, load_tokens
from mlxdyn.learn.stream import Chunk

LessonKind = Literal["message", "study"]
UpdateKind = Literal["words", "study", "consolidation"]
LearningState = Literal["none", "pending", "done"]
Spent = Literal["preparing", "reading", "writing", "answering", "learning", "studying", "guarding"]
"""What operations of a lesson went into."""
Brought = Literal["new", "longer", "here", "other"]
"""What came of another program's chat: it has gone on since, is here, or other turns of it are."""


class Reason(StrEnum):
    """Why something was not learned; in the ledger, numbers may follow it."""

    NOT_FINITE = "not_finite"  # loss or gradient
    NOTHING = "nothing"  # to be learned
    MOVED = "moved"  # other answers: so many nats/token, more than the bound
    ROLLED_BACK = "rolled_back"  # for the same
    RECALL = "recall"  # did not rise: the gap before, and after
    WAITED = "waited"  # and was let be before it was learned, when lessons stood up to a position
    UNDONE = "undone"

    def with_(self, *numbers: str) -> str:
        return " ".join((self, *numbers))


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a saved conversation."""

    id: int
    role: str  # user | assistant
    text: str
    imported: bool = False  # it came with a bundle or from another program
    version: int = 1  # of the versions that there are in its place: retries, edits
    versions: int = 1


@dataclass(frozen=True, slots=True)
class Chat:
    """A saved conversation in a list."""

    id: int
    title: str
    created: str  # ISO 8601, UTC
    messages: int
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One memory: the base it fits and the recipe of its adapter (JSON as plain values)."""

    id: int
    name: str
    created: str
    model: str
    fingerprint: str
    adapter: dict[str, Any]
    learner: dict[str, Any]
    study: dict[str, Any]
    origin: str | None  # sha256 of the imported adapter it started from


@dataclass(frozen=True, slots=True)
class Update:
    """What one part of a lesson did. Nats per token, means over `tokens` targets."""

    kind: UpdateKind  # of studies, nll is KL(target || now)
    tokens: int
    steps: int
    rate: float  # times the configured learning rate
    nll_before: float | None
    nll_after: float | None
    gradient_norm: float | None  # of the last step
    accepted: bool = True
    reason: str = ""  # a Reason; so in all that follows


@dataclass(frozen=True, slots=True)
class Lesson:
    """What was to be learned, at a position in the memory's life: all that a replay reads.

    A message brings the chunks of its words, and its items are studied for `steps` steps; a study
    (message None) makes the adapter anew from all items.
    """

    kind: LessonKind
    message: int | None
    chunks: tuple[Chunk, ...] = ()
    steps: int = 0
    guarded: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a lesson went.

    `drift` is the mean KL(base || now) on answers that should stay as they are, in nats per token;
    None when not measured.
    """

    accepted: bool
    reason: str
    drift: float | None
    updates: tuple[Update, ...]


@dataclass(frozen=True, slots=True)
class EventRow:
    """A lesson that was carried out."""

    id: int
    position: int
    time: str
    lesson: Lesson
    accepted: bool
    undone: bool
    stale: bool  # something before it was changed: its outcome has to be found anew


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One row of the log: an update with its source."""

    update: int
    time: str
    conversation: int | None
    message: int | None
    text: str
    kind: str
    tokens: int
    steps: int
    rate: float
    nll_before: float | None
    nll_after: float | None
    gradient_norm: float | None
    drift: float | None
    accepted: bool
    reason: str
    undone: bool
    event: int
    lesson_flops: dict[str, int]  # of the WHOLE lesson, by what took them; {} where not counted


@dataclass(frozen=True, slots=True)
class ExampleRow:
    """A frozen example in the store, with the words a person reads."""

    id: int
    message: int | None  # that taught it; None for the regularization set
    uid: str  # the same in every copy of the memory; the lot of a draw hangs on it
    source: str  # who wrote it: base | user
    question: str
    answer: str
    example: Example

    @property
    def kind(self) -> Kind:
        return self.example.kind


class SnapshotRow(NamedTuple):
    """A file that caches the memory as it was after the event at `upto`."""

    upto: int
    file: str
    sha256: str


class Totals(NamedTuple):
    """What a memory holds."""

    updates: int  # accepted and not undone
    tokens: int  # of messages, in those updates
    version: int  # id of the last of them
    position: int  # of the last event that stands
    facts: int  # that are active


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows of the log are wanted; None does not restrict."""

    search: str | None = None
    conversation: int | None = None
    since: str | None = None  # ISO 8601, UTC; included
    until: str | None = None
    rejected: bool = False  # only what was rejected
    newest: int | None = field(default=None, kw_only=True)  # at most so many, the newest


class Damaged(MlxdynError):
    """The ledger is damaged where it tells of `what`."""

    def __init__(self, what: str) -> None:
        self.what = what
        super().__init__(
            f"the ledger is damaged where it tells of {what}; bring back a bundle or a backup of it"
        )


def sanitize(text: str) -> str:
    """Replace what is no character: half surrogates (bytes that were not UTF-8) and NUL.

    No tokenizer, database or search can take them.
    """
    return re.sub("[\0\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", text)


# How they lie in the tables.

MEMORY = "id, name, created, model, fingerprint, adapter, learner, study, origin"


EXAMPLE = (
    "x.id, x.message, x.uid, x.source, x.question, x.answer, x.kind, x.prompt, x.target,"
    " x.likely, x.weight"
)  # of examples x
EVENT = "id, position, time, accepted, undone, stale, kind, message, chunks, steps, guarded"
UPDATE = (
    "u.id, e.time, m.conversation, e.message, coalesce(m.text, ''), u.kind, u.tokens, u.steps,"
    " u.rate, u.nll_before, u.nll_after, u.gradient_norm, e.drift, u.accepted,"
    " u.reason, e.undone, e.id, e.flops"
)  # of events e, updates u and messages m


def memory_of(row: Sequence[Any]) -> MemoryRow:
    """Read the columns MEMORY; raise MlxdynError when they are damaged."""
    id, name, created, model, fingerprint, *recipe, origin = row
    with _readable(f"memory {name!r}"):
        adapter, learner, study = map(json.loads, recipe)
        _check_knobs(AdapterConfig, adapter)
        _check_knobs(LearnerConfig, learner)
        if study != {}:  # it is fixed when the memory opens for the first time
            _check_knobs(StudyConfig, study)
    return MemoryRow(id, name, created, model, fingerprint, adapter, learner, study, origin)


def _check_knobs(
    config: type[AdapterConfig | LearnerConfig | StudyConfig], knobs: dict[str, Any]
) -> None:
    """Raise ValueError or TypeError unless every knob is there: no default of today may fill in."""
    config(**knobs)
    missing = [field.name for field in fields(config) if field.name not in knobs]
    if missing:
        raise ValueError(f"{config.__name__} without {', '.join(missing)}")


def event_of(row: Sequence[Any]) -> EventRow:
    """Read the columns EVENT."""
    id, position, time, accepted, undone, stale, kind, message, chunks, steps, guarded = row
    lesson = Lesson(kind, message, load_chunks(chunks), steps, bool(guarded))
    return EventRow(id, position, time, lesson, bool(accepted), bool(undone), bool(stale))


def example_of(row: Sequence[Any]) -> ExampleRow:
    """Read the columns EXAMPLE; raise MlxdynError when they are damaged."""
    *words, kind, prompt, target, likely, weight = row
    with _readable("an example"):
        found = load_likely(likely)
        tokens = load_tokens(target)
        if not tokens or (found is not None and len(found.tokens) != len(tokens)):
            raise ValueError("target and distribution differ in length")
        example = Example(Kind(kind), load_tokens(prompt), tokens, found, float(weight))
    id, message, uid, source, question, answer = words
    return ExampleRow(id, message, uid, source, question, answer, example)


def update_of(row: Sequence[Any]) -> UpdateRow:
    """Read the columns UPDATE."""
    *seen, accepted, reason, undone, event, flops = row
    values = (*seen, bool(accepted), reason, bool(undone), event, _counts(flops))
    return UpdateRow(*values)


def _counts(flops: object) -> dict[str, int]:
    """Read what a lesson took; what is damaged, or somebody made up, counts as not counted."""
    with suppress(ValueError, TypeError, RecursionError):
        counts = json.loads(flops) if isinstance(flops, str) else {}
        if isinstance(counts, dict) and all(
            name in get_args(Spent) and type(count) is int and 0 <= count < 1 << 63
            for name, count in counts.items()
        ):
            return counts
    return {}


@contextmanager
def _readable(what: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, TypeError, RecursionError) as error:
        raise Damaged(f"{what} ({error})") from error


def dump_chunks(chunks: Sequence[Chunk]) -> str:
    return json.dumps([[chunk.context, chunk.targets, chunk.weights] for chunk in chunks])


def load_chunks(words: str) -> tuple[Chunk, ...]:
    with _readable("a lesson"):
        return tuple(
            Chunk(tuple(context), tuple(targets), None if weights is None else tuple(weights))
            for context, targets, weights in json.loads(words)
        )
