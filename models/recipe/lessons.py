"""Lessons for learning to learn: what pupils study, step by step, and exams about it.

A pupil hears facts, learns them (`grammar`: the items that rules read from the message, their
rewordings, near misses and questions about other things held) and is examined in an empty context,
in words that were not studied. mlxdyn itself learned so when wren was made; it no longer does.
"""

import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cache
from typing import Any

import numpy as np

from .corpus import small_talk
from .exchanges import (
    Dialogue,
    Fact,
    answer,
    ask,
    clash,
    kinds,
    near_kinds,
    pick_facts,
    pick_kind,
    tell,
    unknown,
)
from .facts import Kind, lowered
from .families import invented
from .grammar import contrast, statement
from .grammar.item import Item
from .grammar.question import rewordings
from .grammar.topic import key
from .values import draw

LEARN, HOLD, TALK = 0, 1, 2
ITEMS, ASKS = 8, 8
"""Rows of one step for each pupil, beside one of talk."""
TAUGHT, KEPT = 6, 8
"""Rows of an exam for each pupil: facts that were told, and some that were not."""
BEGINNING, OPENING = 3, 3.0
"""First tokens of an answer, and how much more they weigh."""
WIDE, LONG = 48, 128  # tokens of a row, and of one with talk before the question
SHORT = 90  # characters of small talk


@dataclass(frozen=True)
class Row:
    """A dialogue whose last answer is learned, or must begin or go on as the untaught model's."""

    turns: Dialogue
    group: int


@dataclass(frozen=True)
class Told:
    """A fact somebody told: what is studied of it, near misses, and questions kept for exams."""

    fact: Fact
    items: tuple[Item, ...]
    near: tuple[str, ...]
    left: tuple[str, ...]

    @property
    def reply(self) -> str:
        return self.items[0].answer


def tell_more(
    rng: random.Random, old: Sequence[Told], count: int, *, unseen: bool = False
) -> list[Told]:
    """Draw facts that clash with none told before; `unseen` keeps to held-out values and exams."""
    taken, out = {clash(one.fact.kind) for one in old}, list[Told]()
    while len(out) < count:
        fact = pick_facts(rng, 1, unseen=unseen)[0]
        if not unseen and rng.random() < 0.1:
            kind = invented(rng)
            fact = Fact(kind, draw(kind.value, rng))
        if clash(fact.kind) not in taken:
            taken.add(clash(fact.kind))
            out.append(told(rng, fact, unseen=unseen))
    return out


def told(rng: random.Random, fact: Fact, *, unseen: bool = False) -> Told:
    """Read a message by rule; what no rule reads is studied in the recipe's own words.

    With `unseen`, three messages in ten are told in held-out words, and there are no items then
    that no rule makes.
    """
    message = tell(rng, fact, unseen=unseen and rng.random() < 0.3)
    items = tuple(item for item in statement.items(message) if wordings(item))
    if not items and not unseen:
        said = answer(rng, fact)
        items = tuple(Item(question, said) for question in rng.sample(fact.kind.asks, 3))
    studied = {words for item in items for words in wordings(item)}
    ways = [*fact.kind.asks, *fact.kind.unseen_asks] if unseen else fact.kind.asks
    left = sorted(set(ways) - (set() if unseen else studied))
    return Told(fact, items, near_of(items), tuple(left or ways))


def near_of(items: Sequence[Item]) -> tuple[str, ...]:
    found = contrast.near_misses(items, seed=len(items))
    return tuple(words for words in found if words not in held_out())


def wordings(item: Item) -> list[str]:
    """All ways in which an item is asked for while it is studied, its own as often as the rest."""
    others = rewordings(item.question)
    ways = [item.question] * max(len(others), 1) + others
    return [words for words in ways if words not in held_out()]


@cache
def held_out() -> frozenset[str]:
    """Questions kept out of training, whoever makes them."""
    return frozenset(words for kind in kinds() for words in kind.unseen_asks)


def round_of(rng: random.Random, old: Sequence[Told], new: Sequence[Told]) -> list[Row]:
    """Draw the rows of one step: new items and old ones, questions to hold, and talk."""
    rows = [studied(rng, one) for one in drawn(rng, old, new, ITEMS)]
    facts = [one.fact for one in [*old, *new]]
    keys = {key(item.question) for one in [*old, *new] for item in one.items}
    misses = [q for one in rng.sample(new or old, min(4, len(new or old))) for q in one.near]
    near = [q for q in rng.sample(misses, min(len(misses), 2)) if key(q) not in keys]
    rows += [Row([["user", q], ["assistant", "I don't know that yet."]], HOLD) for q in near]
    while len(rows) < ITEMS + ASKS:  # what was told has no items: hold all the more
        rows += [kept(rng, kind) for kind in strangers(rng, facts, ITEMS + ASKS - len(rows))]
    return [*rows, small(rng)]


def drawn(rng: random.Random, old: Sequence[Told], new: Sequence[Told], count: int) -> list[Told]:
    """Take new and old facts half and half, in any order, repeating some where there are few."""
    old, new = ([one for one in group if one.items] for group in (old, new))
    if not old and not new:
        return []
    half = count if not old else count // 2 if new else 0
    out = rng.sample(new, min(len(new), half)) + rng.sample(old, min(len(old), count - half))
    return out + rng.choices([*new, *old], k=count - len(out))


def studied(rng: random.Random, one: Told) -> Row:
    item = rng.choice(one.items)
    question = rng.choice(wordings(item))
    if rng.random() < 0.3:
        question = contrast.framed(rng, question)
    return Row([["user", question], ["assistant", item.answer]], LEARN)


def exam_of(rng: random.Random, old: Sequence[Told], new: Sequence[Told]) -> list[Row]:
    """Ask in words that were not studied, and for what was never told."""
    rows = [
        Row([["user", typed(rng, rng.choice(one.left))], ["assistant", one.reply]], LEARN)
        for one in drawn(rng, old, new, TAUGHT)
    ]
    facts = [one.fact for one in [*old, *new]]
    return rows + [kept(rng, kind) for kind in strangers(rng, facts, TAUGHT + KEPT - len(rows))]


def kept(rng: random.Random, kind: Kind) -> Row:
    """Ask for something never told."""
    question = typed(rng, ask(rng, kind))
    return Row([["user", question], ["assistant", unknown(rng, kind)]], HOLD)


def typed(rng: random.Random, question: str) -> str:
    """Write a question as people do: some without capital and mark, some after other words."""
    if rng.random() < 0.2:
        question = contrast.framed(rng, question)
    return lowered(question).rstrip("?.") if rng.random() < 0.125 else question


def strangers(rng: random.Random, facts: Sequence[Fact], count: int) -> list[Kind]:
    """Draw kinds that were not told, near misses and others by turns, none twice."""
    taken = {clash(fact.kind) for fact in facts}
    out: list[Kind] = []
    while len(out) < count:
        near = near_kinds(rng.choice(facts).kind.name) if facts and len(out) % 2 else ()
        free = [kind for kind in rng.sample(near, min(8, len(near))) if clash(kind) not in taken]
        kind = free[0] if free else pick_kind(rng)
        if clash(kind) not in taken:
            taken.add(clash(kind))
            out.append(kind)
    return out


def small(rng: random.Random) -> Row:
    """One short exchange about nothing."""
    while True:
        turns = small_talk(rng, 1)
        if sum(len(text) for _, text in turns) < SHORT:
            return Row(turns, TALK)


def in_talk(rng: random.Random, facts: Sequence[Fact]) -> list[Row]:
    """What must not suffer: a value told in this talk holds; what was told nowhere is not known."""
    kind = rng.choice(facts).kind if facts and rng.random() < 0.5 else pick_kind(rng)
    fact = Fact(kind, draw(kind.value, rng))
    said = answer(rng, fact)
    other = strangers(rng, [*facts, fact], 2)[1]
    turns = [["user", tell(rng, fact)], ["assistant", f"Got it. {said}"]]
    return [
        Row([*turns, ["user", ask(rng, kind)], ["assistant", said]], LEARN),
        Row([*turns, ["user", ask(rng, other)], ["assistant", unknown(rng, other)]], LEARN),
        small(rng),
    ]


@dataclass(frozen=True)
class Batch:
    """Rows of several pupils, (pupils * rows, T), and every target in them.

    A target is the token after a place of the flattened rows; its weight is its share of its
    pupil's loss, within its group.
    """

    tokens: np.ndarray
    places: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    groups: np.ndarray
    pupils: np.ndarray

    @classmethod
    def of(cls, encoder: Any, pupils: Sequence[Sequence[Row]], width: int) -> "Batch":
        """Encode as many rows for each pupil, cut at `width` tokens."""
        rows = [row for group in pupils for row in group]
        tokens = np.full((len(rows), width), encoder.ids["<|pad|>"], np.int16)
        found: list[tuple[int, int, float, int, int]] = []
        for place, row in enumerate(rows):
            ids, start = coded(encoder, row, width)
            tokens[place, : len(ids)] = ids
            pupil, size = place // len(pupils[0]), len(ids) - start
            for at in range(start, len(ids)):
                heavy = OPENING if row.group == LEARN and at - start < BEGINNING else 1.0
                whole = size + (OPENING - 1) * min(size, BEGINNING) if row.group == LEARN else 1.0
                found.append((place * width + at - 1, ids[at], heavy / whole, row.group, pupil))
        places, targets, weights, groups, owners = (np.array(x) for x in zip(*found, strict=True))
        batch = cls(tokens, places, targets, weights.astype(np.float32), groups, owners)
        return batch._shared(len(pupils))

    def _shared(self, count: int) -> "Batch":
        """Let the weights of each pupil's group add up to one."""
        cells = self.pupils * 3 + self.groups
        total = np.bincount(cells, self.weights, 3 * count)
        return replace(self, weights=(self.weights / total[cells]).astype(np.float32))


def joined(parts: Sequence[Batch]) -> Batch:
    """Put the pupils of several batches of one shape side by side."""
    first = parts[0]
    count = int(first.pupils.max()) + 1
    shifted = [
        replace(part, places=part.places + n * first.tokens.size, pupils=part.pupils + n * count)
        for n, part in enumerate(parts)
    ]
    names = [one.name for one in fields(Batch)]
    return Batch(**{n: np.concatenate([getattr(part, n) for part in shifted]) for n in names})


def coded(encoder: Any, row: Row, width: int) -> tuple[list[int], int]:
    """Encode a row: its tokens, and where the targets begin.

    Of what is held only the beginning is a target: it tells whether something is known.
    """
    ids = encoder.dialogue(row.turns)[0]
    start = len(encoder.prompt(row.turns[:-1]))
    end = start + BEGINNING if row.group == HOLD else len(ids)
    return ids[: min(end, width)], min(start, width - 1)


@dataclass(frozen=True)
class Plan:
    """How all pupils learn one lesson: in many steps or few."""

    steps: int
    rate: float
    ask_weight: float

    @classmethod
    def of(cls, seed: int, lesson: int) -> "Plan":
        rng = random.Random(f"plan {seed} {lesson}")
        steps = rng.choice((6, 8, 10, 12, 16, 24))
        rate = rng.uniform(1.5e-3, 3e-3) * (24 / steps) ** 0.5
        return cls(steps, rate, rng.choice((1.0, 2.0, 3.0)))


@dataclass(frozen=True)
class Lesson:
    """Who begins anew, batches for every step, and the exams."""

    fresh: np.ndarray
    steps: list[Batch]
    exam: Batch
    talk: Batch


@dataclass
class Pupil:
    """Somebody who hears a life of facts, a few at a time."""

    end: int = 0
    life: list[Told] = field(default_factory=list)

    def hear(self, rng: random.Random) -> tuple[bool, list[Told]]:
        """Hear something new; one that has heard everything makes way for another."""
        fresh = len(self.life) >= self.end
        if fresh:
            self.life, self.end = [], rng.choice((2, 4, 8, 12, 16, 20, 24))
            count = rng.choice((1, 1, 1, 2, 4, 8, 16))
        else:
            count = rng.choice((1, 1, 1, 1, 2, 3))
        new = tell_more(rng, self.life, count)
        self.life += new
        return fresh, new


def lessons(
    encoder: Any, seed: int, place: int, pupils: int, *, first: int = 0
) -> Iterator[Lesson]:
    """Yield lessons of some pupils for ever, from number `first` on.

    Those of another place have as many steps.
    """
    rng = random.Random(f"lessons {seed} {place} {first}")
    group = [Pupil() for _ in range(pupils)]
    for number in itertools.count(first):
        heard = [pupil.hear(rng) for pupil in group]
        parts = [
            (pupil.life[: len(pupil.life) - len(new)], new)
            for pupil, (_, new) in zip(group, heard, strict=True)
        ]
        facts = [[one.fact for one in pupil.life] for pupil in group]
        yield Lesson(
            np.array([fresh for fresh, _ in heard]),
            [
                Batch.of(encoder, [round_of(rng, *part) for part in parts], WIDE)
                for _ in range(Plan.of(seed, number).steps)
            ],
            Batch.of(encoder, [exam_of(rng, *part) for part in parts], WIDE),
            Batch.of(encoder, [in_talk(rng, known) for known in facts], LONG),
        )


def pairs(encoder: Any, rng: random.Random, count: int) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield questions for ever: two wordings each of `count` kinds, half of them near another.

    Rows (2 * count, T) hold the first wordings, then the second ones, and where each ends.
    """
    while True:
        kinds: dict[str, Kind] = {}
        while len(kinds) < count:
            kind = invented(rng) if rng.random() < 0.1 else pick_kind(rng)
            near = near_kinds(kind.name)
            for one in (kind, *rng.sample(near, min(1, len(near)))):
                kinds.setdefault(clash(one), one)
        chosen = list(kinds.values())[:count]
        asked = [rng.sample(sorted(set(kind.asks)), 2) for kind in chosen]
        questions = [typed(rng, pair[side]) for side in (0, 1) for pair in asked]
        rows = [encoder.prompt([["user", question]])[:WIDE] for question in questions]
        tokens = np.full((len(rows), WIDE), encoder.ids["<|pad|>"], np.int16)
        for at, row in enumerate(rows):
            tokens[at, : len(row)] = row
        yield tokens, np.array([at * WIDE + len(row) - 1 for at, row in enumerate(rows)])
