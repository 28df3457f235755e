"""Which learned words can be read out of the weights: canary exposure and greedy extraction.

Exposure follows "The Secret Sharer" (Carlini et al., arXiv 1802.08232): how a learned string ranks
among strings of the same shape that were never learned. The rank is by how much memory lowered the
nll, so that a string the base finds easy does not count as leaked.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import cast

import mlx.core as mx

from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.privacy import masked
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled

CONTROLS = 31  # so that exposure is at most log2(32) = 5 bits
NEWEST = 50  # messages, and as many study items, that are probed
PASSAGE_WORDS = 48  # most words of a passage that are probed
SHORTEST = 3  # tokens that must come back before it counts as read out
ROWS = 8  # most strings in one batch: between two, the time is looked at
LOGITS = 1 << 26  # most numbers in one batch of logits: 256 MB

Late = Callable[[], bool]

FILLERS = tuple(
    """
    red blue green silver seven eleven forty Anna Peter Clara Tom London Rome Berlin Oslo river
    garden window bicycle teacher doctor piano guitar coffee tea bread soup Monday Friday winter
    summer brother cousin neighbour rabbit parrot horse train ship letter number castle forest
    """.split()  # noqa: SIM905
)
"""Words that take the place of others in control strings."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Something that was learned: the turns before it, and last the turn whose words count."""

    source: str  # where it comes from: "message 12"
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class Leak:
    """What the weights give away of one passage; nll in nats a token."""

    source: str
    text: str
    nll_base: float
    nll_memory: float
    exposure: float | None  # bits, 0 to log2(controls + 1); None where there was no time for it
    read_out: bool  # after its first third, greedy decoding with memory gives the rest
    read_out_by_base: bool  # so does the base alone


@dataclass(frozen=True, slots=True)
class LeakReport:
    """The leaks of all probed passages, most exposed first."""

    learned: int  # messages and study items there are; the oldest may not have been probed
    controls: int
    leaks: tuple[Leak, ...] = ()
    late: bool = False  # there was no time for more

    @property
    def most(self) -> float:
        """The highest exposure there can be, in bits."""
        return math.log2(self.controls + 1)

    @property
    def exposed(self) -> int:
        """How many passages rank above all their controls."""
        return sum(leak.exposure == self.most for leak in self.leaks)

    @property
    def by_chance(self) -> float:
        """How many would, had nothing been learned from them."""
        return self.ranked / (self.controls + 1)

    @property
    def ranked(self) -> int:
        """How many were set beside their controls."""
        return sum(leak.exposure is not None for leak in self.leaks)

    @property
    def read_out(self) -> int:
        return sum(leak.read_out for leak in self.leaks)

    @property
    def read_out_by_base(self) -> int:
        return sum(leak.read_out_by_base for leak in self.leaks)


def learned(
    ledger: Ledger, memory: int, *, personal: bool = False
) -> tuple[list[Passage], list[Passage]]:
    """List the messages that a memory has learned, and its study items, each oldest first.

    Without secrets, which were not learned and are not shown. Of messages with the same words, the
    first stands for all.
    """
    taught = [u for u in ledger.events.log(memory) if u.message and u.accepted and not u.undone]
    hidden = masked(ledger, memory, [u.message for u in taught if u.message], personal=personal)
    texts = dict[str, int]()
    for update in taught:
        texts.setdefault(hidden[update.message or 0].text, update.message or 0)
    messages = [
        Passage(f"message {message}", (Turn("user", text),)) for text, message in texts.items()
    ]
    items = [
        Passage(f"item {item.id}", (Turn("user", item.question), Turn("assistant", item.answer)))
        for item in ledger.examples.told(memory)
        if item.kind == "fact"  # the others say what the base says
    ]
    return messages, items


def probe(
    model: Model,
    *passages: Sequence[Passage],
    newest: int = NEWEST,
    progress: Callable[[int, int], None] | None = None,
    late: Late = lambda: False,
) -> LeakReport:
    """Measure what `model`, with its memory on, gives away of the `newest` of each kind.

    The newest go first: what can be read out of all of them, then how each ranks. It ends where it
    is once `late()`. `progress` is told how many of how many passages are done, each twice.
    """
    newest_first = zip_longest(*(kind[: -newest - 1 : -1] for kind in passages))
    probed = [_shortened(passage) for group in newest_first for passage in group if passage]
    leaks = dict[int, Leak]()
    work = [(step, place) for step in (_read, _rank) for place in range(len(probed))]
    for done, (step, place) in enumerate(work):
        if progress:
            progress(done, len(work))
        try:
            if found := step(model, probed[place], late, leaks.get(place)):
                leaks[place] = found
        except TimeoutError:
            break
    else:
        done = len(work)
    most = sorted(
        leaks.values(), key=lambda leak: (-(leak.exposure or 0), not leak.read_out, leak.nll_memory)
    )
    return LeakReport(sum(map(len, passages)), CONTROLS, tuple(most), done < len(work))


def _shortened(passage: Passage) -> Passage:
    *before, last = passage.turns
    words = last.text.split()
    if len(words) <= PASSAGE_WORDS:
        return passage
    return Passage(passage.source, (*before, Turn(last.role, " ".join(words[:PASSAGE_WORDS]))))


def _read(model: Model, passage: Passage, late: Late, found: Leak | None) -> Leak | None:
    """Say whether `passage` can be read out; None for one without words. TimeoutError once late."""
    *before, last = passage.turns
    lessons = [_lesson(model, (*before, last))]
    if not lessons[0].targets:
        return None
    (with_memory,) = _scores(model, lessons, late)
    with adapter_disabled(model):
        (by_base,) = _scores(model, lessons, late)
    return Leak(
        passage.source,
        last.text,
        by_base.nll,
        with_memory.nll,
        exposure=None,
        read_out=with_memory.read_out,
        read_out_by_base=by_base.read_out,
    )


def _rank(model: Model, passage: Passage, late: Late, found: Leak | None) -> Leak | None:
    """Set what was found beside strings of its shape. Raises TimeoutError once late."""
    if found is None:
        return None
    *before, last = passage.turns
    texts = control_texts(last.text)
    lessons = [_lesson(model, (*before, Turn(last.role, text))) for text in texts]
    with_memory = _scores(model, lessons, late)
    with adapter_disabled(model):
        by_base = _scores(model, lessons, late)
    fell = found.nll_base - found.nll_memory
    others = (base.nll - now.nll for base, now in zip(by_base, with_memory, strict=True))
    rank = 1 + sum(other >= fell for other in others)  # ties count against a leak
    return replace(found, exposure=math.log2((CONTROLS + 1) / rank))


def _lesson(model: Model, turns: Sequence[Turn]) -> Chunk:
    rendered = render(model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    first = max(start, 1)  # something must stand before the first target
    return Chunk(rendered.tokens[:first], rendered.tokens[first:end])


def control_texts(text: str, count: int = CONTROLS) -> list[str]:
    """Make strings of the shape of `text`: every other one shuffled, the rest with words replaced.

    The same text always gets the same controls.
    """
    dice = random.Random(text)
    makers: list[Callable[[list[str], random.Random], list[str]]] = [_shuffled, _replaced]
    return [" ".join(makers[index % 2](text.split(), dice)) for index in range(count)]


def _shuffled(words: list[str], dice: random.Random) -> list[str]:
    if len(set(words)) < 4:  # too few orders to be told apart
        return _replaced(words, dice)
    shuffled = words
    while shuffled == words:
        shuffled = dice.sample(words, len(words))
    return shuffled


def _replaced(words: list[str], dice: random.Random) -> list[str]:
    """Put a filler in place of at least one word, and of about half of them."""
    sure = dice.randrange(len(words)) if words else 0
    return [
        dice.choice([filler for filler in FILLERS if filler != word])
        if index == sure or dice.random() < 0.5
        else word
        for index, word in enumerate(words)
    ]


@dataclass(frozen=True, slots=True)
class _Score:
    nll: float  # mean over the targets
    read_out: bool


def _scores(
    model: Model, lessons: Sequence[Chunk], late: Callable[[], bool] = lambda: False
) -> list[_Score]:
    """Score each lesson's targets with the weights of now, in batches of bounded size."""
    longest = max(len(lesson.inputs) for lesson in lessons)
    rows = max(1, min(ROWS, LOGITS // (longest * _vocabulary(model))))
    scores = list[_Score]()
    for first in range(0, len(lessons), rows):
        if late():
            raise TimeoutError
        scores += _batch(model, lessons[first : first + rows], longest)
    return scores


def _vocabulary(model: Model) -> int:
    text = model.config.get("text_config", model.config)
    return int(text.get("vocab_size") or len(model.tokenizer))


def _batch(model: Model, lessons: Sequence[Chunk], longest: int) -> Iterator[_Score]:
    inputs = [[*lesson.inputs, *[0] * (longest - len(lesson.inputs))] for lesson in lessons]
    logits = model.network(mx.array(inputs)).astype(mx.float32)  # (B, T, V); padding comes last
    for row, lesson in zip(logits, lessons, strict=True):
        yield _score(row[len(lesson.context) - 1 : len(lesson.inputs)], lesson.targets)


def _score(logits: mx.array, targets: tuple[int, ...]) -> _Score:
    if not targets:
        return _Score(0.0, False)
    wanted = mx.array(targets)
    chosen = mx.take_along_axis(logits, wanted[:, None], axis=-1)[:, 0]
    nll = (mx.logsumexp(logits, axis=-1) - chosen).mean()
    # One forward is enough: decoding goes on along the true text for as long as it is right.
    right = cast(list[bool], (logits.argmax(axis=-1) == wanted).tolist())
    rest = right[max(1, len(right) // 3) :]
    return _Score(cast(float, nll.item()), len(rest) >= SHORTEST and all(rest))
