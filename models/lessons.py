"""Lessons for learning to learn: facts to study, things to leave alone, and an exam about both."""

import random
from dataclasses import dataclass

from .corpus import small_talk
from .exchanges import (
    Dialogue,
    Fact,
    answer,
    ask,
    clash,
    near_kinds,
    pick_facts,
    pick_kind,
    unknown,
)
from .facts import Kind, lowered
from .values import draw

TAUGHT, STRANGE, ASKED = 4, 5, 6
"""Items of told facts in a round, of facts never told, and of each of them in an exam."""
TALK = 90  # characters: longer small talk would pad every row of its batch


@dataclass(frozen=True)
class Item:
    """A dialogue whose answers are learned, or else must stay what the untaught model gives."""

    turns: Dialogue
    taught: bool


@dataclass(frozen=True)
class Told:
    """A fact somebody told, with the phrasings that study it and those kept for exams."""

    fact: Fact
    reply: str
    studied: list[str]
    left: list[str]


@dataclass(frozen=True)
class Lesson:
    """Items for every step of learning, then an exam in an empty context and one in talk."""

    rounds: list[list[Item]]
    exam: list[Item]
    talk: list[Item]


def tell_more(
    rng: random.Random, old: list[Told], count: int, *, unseen: bool = False
) -> list[Told]:
    """Draw facts that clash with none told before; `unseen` keeps to held-out values and exams."""
    taken = {clash(told.fact.kind) for told in old}
    while True:
        facts = pick_facts(rng, count, unseen=unseen)
        if not taken & {clash(fact.kind) for fact in facts}:
            return [told(rng, fact, unseen=unseen) for fact in facts]


def told(rng: random.Random, fact: Fact, *, unseen: bool) -> Told:
    asks = rng.sample(sorted(set(fact.kind.asks)), len(set(fact.kind.asks)))
    left = list(fact.kind.unseen_asks) if unseen else asks[5:]
    return Told(fact, answer(rng, fact), asks[: rng.choice((3, 4, 5))], left or asks[-1:])


def lesson(rng: random.Random, old: list[Told], new: list[Told], *, steps: int) -> Lesson:
    """Draw a lesson about `new` that repeats `old`; its parts have one size for all pupils."""
    others = strangers(rng, [one.fact for one in old + new], 3 * STRANGE)
    rounds = [
        [
            *taught(rng, old, new, step),
            *(kept(rng, kind) for kind in rng.sample(others[: 2 * STRANGE], STRANGE)),
            small(rng),
        ]
        for step in range(steps)
    ]
    exam = examined(rng, old, new, ASKED) + [kept(rng, kind) for kind in others[2 * STRANGE :]]
    facts = [one.fact for one in old + new]
    return Lesson(rounds, exam, [in_context(rng, facts), not_in_context(rng, facts), small(rng)])


def taught(rng: random.Random, old: list[Told], new: list[Told], step: int) -> list[Item]:
    """Ask for every new fact, and for as many old ones as there is room."""
    return [
        pair(one.studied[(step + place) % len(one.studied)], one)
        for place, one in enumerate(chosen(rng, old, new, TAUGHT))
    ]


def examined(rng: random.Random, old: list[Told], new: list[Told], count: int) -> list[Item]:
    """Ask for new facts first, then for old ones, in words that were not studied."""
    return [pair(typed(rng, rng.choice(one.left)), one) for one in chosen(rng, old, new, count)]


def chosen(rng: random.Random, old: list[Told], new: list[Told], count: int) -> list[Told]:
    """Take all that is new and a sample of what is old; repeat some where there are too few."""
    out = [*new, *rng.sample(old, min(len(old), count - len(new)))]
    return out + rng.choices(new or old, k=count - len(out))


def pair(question: str, one: Told) -> Item:
    return Item([["user", question], ["assistant", one.reply]], taught=True)


def kept(rng: random.Random, kind: Kind, *, unseen: bool = False) -> Item:
    """Ask for something never told."""
    question = typed(rng, ask(rng, kind, unseen=unseen))
    return Item([["user", question], ["assistant", unknown(rng, kind)]], taught=False)


def typed(rng: random.Random, question: str) -> str:
    """Write a question as people do: one in eight without capital and mark."""
    return lowered(question).rstrip("?.") if rng.random() < 0.125 else question


def strangers(rng: random.Random, facts: list[Fact], count: int) -> list[Kind]:
    """Draw kinds that were not told, near misses and others by turns, none twice."""
    taken = {clash(fact.kind) for fact in facts}
    out: list[Kind] = []
    while len(out) < count:
        near = near_kinds(rng.choice(facts).kind.name) if len(out) % 2 else ()
        free = [kind for kind in rng.sample(near, min(8, len(near))) if clash(kind) not in taken]
        kind = free[0] if free else pick_kind(rng)
        if clash(kind) not in taken:
            taken.add(clash(kind))
            out.append(kind)
    return out


def small(rng: random.Random) -> Item:
    """One short exchange about nothing."""
    while True:
        turns = small_talk(rng, 1)
        if sum(len(text) for _, text in turns) < TALK:
            return Item(turns, taught=False)


def in_context(rng: random.Random, facts: list[Fact]) -> Item:
    """Tell and ask in one talk, often for a studied kind: the value that was said last holds."""
    kind = rng.choice(facts).kind if rng.random() < 0.5 else pick_kind(rng)
    fact = Fact(kind, draw(kind.value, rng))
    said = answer(rng, fact)
    turns = [["user", fact.fill(rng.choice(kind.tells))], ["assistant", f"Got it. {said}"]]
    return Item([*turns, ["user", ask(rng, kind)], ["assistant", said]], taught=True)


def not_in_context(rng: random.Random, facts: list[Fact]) -> Item:
    """Tell one thing and ask for another that was told neither here nor in the lesson."""
    fact = pick_facts(rng, 1)[0]
    kind = strangers(rng, [*facts, fact], 2)[1]
    turns = [
        ["user", fact.fill(rng.choice(fact.kind.tells))],
        ["assistant", f"Got it. {answer(rng, fact)}"],
    ]
    return Item([*turns, ["user", ask(rng, kind)], ["assistant", unknown(rng, kind)]], taught=True)
