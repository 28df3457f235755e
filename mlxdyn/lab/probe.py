"""Recall probes: do taught facts come back, in an empty context, from the weights alone?"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import mean

from mlx_lm import batch_generate
from mlx_lm.sample_utils import make_sampler

from mlxdyn.memory.memory import Memory
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.study import lessons
from mlxdyn.study.item import Item, ItemRow
from mlxdyn.study.items import paraphrases
from mlxdyn.study.topic import content

MOST_TOKENS = 40  # of an answer
TOGETHER = 16  # questions answered at once
AGES = (10, 50, 200)  # bounds of the groups by age, in lessons learned since
FEWEST = 8  # items that a half-life is fitted to


@dataclass(frozen=True, slots=True)
class Probe:
    """One item, asked in words that were not studied, with nothing in context."""

    item: int
    message: int
    question: str  # as asked
    answer: str  # as taught
    said: str  # by greedy decoding
    exact: bool  # what was said holds the words that the answer adds to the question
    contrastive: bool | None  # the right answer is likelier than those of like items; None: no like
    nll: float  # of the right answer, in nats per token
    age: int  # lessons learned since
    similar: int  # other items about something alike


@dataclass(frozen=True, slots=True)
class Recall:
    """What a memory recalls; shares are of 1."""

    probes: tuple[Probe, ...]
    exact: float
    contrastive: float | None
    nll: float
    by_age: tuple[tuple[str, int, float], ...]  # group, items, exact
    half_life: float | None  # lessons until half is lost; None when nothing shows it fading
    alone: float | None  # exact, of items that nothing is like
    among_similar: float | None  # exact, of the others: interference


def probe(memory: Memory, progress: Callable[[int, int], None] | None = None) -> Recall:
    """Ask for every item that stands, once for each message and question, and judge the answers."""
    rows = _distinct(memory.known_items())
    ages = _ages(memory)
    studied = {row.question for row in memory.known_items()}
    asked = [_reworded(row, studied) for row in rows]
    said: list[str] = []
    for first in range(0, len(rows), TOGETHER):
        said += _answers(memory, asked[first : first + TOGETHER])
        if progress:
            progress(len(said), len(rows))
    probes = [
        _judged(memory, row, question, reply, rows, ages.get(row.message, 0))
        for row, question, reply in zip(rows, asked, said, strict=True)
    ]
    return summary(probes)


def summary(probes: Sequence[Probe]) -> Recall:
    """Sum up: by age, with a half-life, and with and without similar items."""
    compared = [p.contrastive for p in probes if p.contrastive is not None]
    return Recall(
        probes=tuple(probes),
        exact=_share([p.exact for p in probes]) or 0.0,
        contrastive=_share(compared),
        nll=mean(p.nll for p in probes) if probes else math.nan,
        by_age=tuple(_by_age(probes)),
        half_life=half_life([(p.age, p.exact) for p in probes]),
        alone=_share([p.exact for p in probes if not p.similar]),
        among_similar=_share([p.exact for p in probes if p.similar]),
    )


def half_life(known: Sequence[tuple[int, bool]]) -> float | None:
    """Fit recall = start * 2 ** (-age / half-life) by least squares over (age, recalled).

    None with too few items, one age only, or recall that does not fall with age.
    """
    if len(known) < FEWEST or len({age for age, _ in known}) < 2:
        return None
    best = min(
        (_misfit(known, 2 ** (power / 4)), 2 ** (power / 4)) for power in range(0, 61)
    )  # 1 to 32,768 lessons
    return None if best[1] >= 2**15 else best[1]


def _misfit(known: Sequence[tuple[int, bool]], life: float) -> float:
    curve = [2 ** (-age / life) for age, _ in known]
    norm = sum(c * c for c in curve)
    start = min(sum(c * y for c, (_, y) in zip(curve, known, strict=True)) / max(norm, 1e-9), 1.0)
    return sum((start * c - y) ** 2 for c, (_, y) in zip(curve, known, strict=True))


def _distinct(rows: Sequence[ItemRow]) -> list[ItemRow]:
    """Keep one item of those that a message gave in several phrasings."""
    return list({(row.message, row.answer): row for row in reversed(rows)}.values())[::-1]


def _reworded(row: ItemRow, studied: set[str]) -> str:
    """Ask in words that were not studied, where there are some."""
    wordings = [item.question for item in paraphrases(Item(row.question, row.answer))]
    return next((question for question in wordings if question not in studied), row.question)


def _ages(memory: Memory) -> dict[int, int]:
    """Lessons learned since each message."""
    lessons = [event.lesson.message for event in memory.ledger.events(memory.row.id)]
    return {message: len(lessons) - 1 - at for at, message in enumerate(lessons) if message}


def _answers(memory: Memory, questions: Sequence[str]) -> list[str]:
    """Answer each question greedily in an empty context."""
    memory.model.network.eval()
    prompts = [
        list(render(memory.model.tokenizer, [Turn("user", question)], reply=True).tokens)
        for question in questions
    ]
    replies = batch_generate(
        memory.model.network,
        memory.model.tokenizer,
        prompts,
        max_tokens=MOST_TOKENS,
        sampler=make_sampler(temp=0.0),
    )
    return [str(text).strip() for text in replies.texts]


def _judged(
    memory: Memory, row: ItemRow, asked: str, said: str, rows: Sequence[ItemRow], age: int
) -> Probe:
    """Compare what was said, and what each answer costs, with what was taught."""
    about = set(content(row.question))
    alike = [one for one in rows if about & set(content(one.question)) and one.id != row.id]
    rivals = [one.answer for one in alike if _value(one) != _value(row)]
    chunks = [lessons.encode(memory.model.tokenizer, asked, text) for text in (row.answer, *rivals)]
    right, *wrong = [known.nll / max(known.tokens, 1) for known in memory.learner.probe(chunks)]
    return Probe(
        item=row.id,
        message=row.message,
        question=asked,
        answer=row.answer,
        said=said,
        exact=_value(row) <= set(content(said)),
        contrastive=right < min(wrong) if wrong else None,
        nll=right,
        age=age,
        similar=len(rivals),
    )


def _value(row: ItemRow) -> set[str]:
    """What the answer adds to the question; the whole answer when it adds nothing."""
    words = set(content(row.answer))
    return words - set(content(row.question)) or words


def _by_age(probes: Sequence[Probe]) -> Iterator[tuple[str, int, float]]:
    bounds = (0, *AGES)
    for low, high in zip(bounds, (*AGES, None), strict=True):
        group = [p.exact for p in probes if p.age >= low and (high is None or p.age < high)]
        if group:
            yield f"{low} to {high - 1}" if high else f"{low} or more", len(group), mean(group)


def _share(flags: Sequence[bool]) -> float | None:
    return mean(flags) if flags else None
