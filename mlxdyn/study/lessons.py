"""Lessons: steps on question and answer items, beside anchors, that make facts come back.

Each step studies the items that are known least and holds the model to its base on questions it
cannot answer, on near misses of what it learns, and on dialogue. Everything is drawn from a seed
and from what was measured on the way, so the same study gives the same bits.
"""

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, TypeVar

from mlxdyn.config import StudyConfig
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.chat_template import Turn
from mlxdyn.study.anchors import BEGINNING, Anchors, Ask, answer, ask
from mlxdyn.study.contrast import framed
from mlxdyn.study.item import CONTRAST, RETRACTION, Item, ItemRow
from mlxdyn.study.items import paraphrases, value
from mlxdyn.study.topic import content, key, stem

T = TypeVar("T")
TOGETHER = 16  # items in one forward pass of a probe
MOST_FACTS = 3  # of one message, that the length of its study grows with
UNKNOWN = 2.0  # nats at which an item counts as not known at all


@dataclass(slots=True, eq=False)
class Card:
    """An item in one study: what was last seen of it, and when."""

    row: ItemRow
    nll: float = UNKNOWN
    seen: int = 0

    @property
    def weight(self) -> float:
        return min(self.nll, UNKNOWN) + 0.03 - 0.002 * self.seen


@dataclass(slots=True, eq=False)
class Held:
    """A question never answered, in one study: what was last seen of it."""

    ask: Ask
    divergence: float = 0.05

    @property
    def weight(self) -> float:
        return min(self.divergence, 1.0) + 0.02


def standing(items: Sequence[ItemRow]) -> list[ItemRow]:
    """Leave out what a later message corrected: for each topic the newest statement wins.

    A retraction wins only over what it takes back: who lives in Paris and says "I no longer live in
    Rome" lives in Paris. `items` come in the order in which their messages were learned. Near
    misses are left out too.
    """
    taught = [item for item in items if item.source != CONTRAST]
    newest: dict[str, ItemRow] = {}
    for item in taught:
        before = newest.get(key(item.question), item)
        if item.source != RETRACTION or before.message == item.message or retracts(item, before):
            newest[key(item.question)] = item
    return [item for item in taught if newest[key(item.question)].message == item.message]


def length(items: Sequence[Item | ItemRow], config: StudyConfig) -> int:
    """Say in how many steps a message's items are studied: the more, the more facts it tells."""
    facts = min(len({item.answer for item in items}), len({key(item.question) for item in items}))
    return config.steps * min(facts, MOST_FACTS)


def retracts(item: ItemRow, told: ItemRow) -> bool:
    """Say whether a retraction takes back what was told: that value, or whatever it was."""
    gone = {word for word in value(item) if word != stem("longer")}
    return not gone or bool(gone & set(value(told)))


def near_misses(tokenizer: Any, items: Sequence[ItemRow], told: set[str]) -> list[Ask]:
    """Make the saved near misses that nobody has answered since into questions to hold."""
    found = [item for item in items if item.source == CONTRAST and key(item.question) not in told]
    return [ask(tokenizer, item.question, item.answer) for item in found]


@lru_cache(maxsize=4096)
def wordings(row: ItemRow) -> tuple[str, ...]:
    """All ways in which an item is asked for while it is studied, its own as often as the rest."""
    others = [item.question for item in paraphrases(Item(row.question, row.answer))]
    return (*[row.question] * max(len(others), 1), *others)


def encode(tokenizer: Any, question: str, words: str, before: Sequence[Turn] = ()) -> Chunk:
    """Make an item a lesson: its answer is to be learned, alone or after other talk."""
    return answer(tokenizer, [*before, Turn("user", question), Turn("assistant", words)])


def student(like: Learner, config: StudyConfig, rate: float) -> Learner:
    """Make a learner of the same network that studies, its optimizer new."""
    return like.sibling(
        replace(
            like.config,  # of the memory: what a study does not name is no default of today
            optimizer=config.optimizer,
            learning_rate=config.learning_rate * rate,
            beta2=config.beta2,
            bias_correction=True,
            shrink=config.shrink,
            max_gradient_norm=config.max_gradient_norm,
        )
    )


class Desk:
    """What lies ready for one study: items, questions to hold, dialogues, and the dice."""

    def __init__(
        self,
        tokenizer: Any,
        items: Sequence[ItemRow],
        near: Sequence[Ask],
        anchors: Anchors,
        config: StudyConfig,
        *,
        told: set[str],
        seed: int,
    ) -> None:
        """`told` are the topics of everything taught: asks about them are held no more."""
        self.tokenizer, self.config = tokenizer, config
        self.rng = random.Random(seed)
        self.cards = [Card(item) for item in items]
        self.near = [Held(one) for one in near if one.key not in told]
        self.asks = [Held(one) for one in anchors.asks if one.key not in told]
        self.talks, self.openings = anchors.talks, anchors.openings

    def items(self, step: int) -> list[Card]:
        """Choose items, those known least and not seen for long first."""
        chosen = self._draw(self.cards, self.config.items, lambda card: card.weight + 0.002 * step)
        for card in chosen:
            card.seen = step
        return chosen

    def held(self, cards: Sequence[Card]) -> list[Held]:
        """Choose questions to hold, restless ones first: near misses, and some about other things.

        A question that shares words with the items may be theirs in other words: only those made as
        near misses are held.
        """
        topics = [set(content(card.row.question)) for card in cards]
        far = [h for h in self.asks if not any(h.ask.words & topic for topic in topics)]
        weight, asks = lambda held: held.weight, self.config.asks
        chosen = self._draw(self.near, round(asks * self.config.near), weight)
        return chosen + self._draw(far, asks - len(chosen), weight)

    def dialogues(self) -> list[Chunk]:
        return self.rng.sample(self.talks, min(self.config.talks, len(self.talks)))

    def amid(self) -> bool:
        """Say whether the questions of a step come after other talk, as in a conversation."""
        return bool(self.config.amid) and self.rng.random() < self.config.amid

    def lesson(self, card: Card, *, amid: bool = False) -> Chunk:
        question = self._framed(self.rng.choice(wordings(card.row)))
        before = self._before(key(card.row.question)) if amid else []
        return self.opened(encode(self.tokenizer, question, card.row.answer, before))

    def opened(self, lesson: Chunk) -> Chunk:
        """Weigh the beginning of an answer more: there, knowing parts from not knowing."""
        size = len(lesson.targets)
        first = min(BEGINNING, size)
        return replace(lesson, weights=(self.config.opening,) * first + (1.0,) * (size - first))

    def holding(self, held: Held, *, amid: bool = False) -> Chunk:
        """Hold a question, now and then with other words or talk before it, as items have them."""
        question = self._framed(held.ask.question)
        before = self._before(held.ask.key) if amid else []
        if question == held.ask.question and not before:
            return held.ask.chunk
        return ask(self.tokenizer, question, held.ask.said, before).chunk

    def _before(self, topic: str) -> list[Turn]:
        """Draw one exchange or two about other things than `topic`, known and unknown."""
        turns: list[Turn] = []
        for _ in range(self.rng.choice((1, 1, 2))):
            about, exchange = self.rng.choice(self.rng.choice(self._talk))
            turns += exchange if about != topic else ()
        return turns

    @cached_property
    def _talk(self) -> list[list[tuple[str, tuple[Turn, Turn]]]]:
        """What may be said before a question, by sort, each with its topic."""

        def asked(question: str, said: str) -> tuple[str, tuple[Turn, Turn]]:
            return key(question), (Turn("user", question), Turn("assistant", said))

        talk = [
            [("", opening) for opening in self.openings],
            [asked(held.ask.question, held.ask.said) for held in self.asks],
            [asked(card.row.question, card.row.answer) for card in self.cards],
        ]
        return [sort for sort in talk if sort]

    def _framed(self, question: str) -> str:
        """Put words before a question in some cases."""
        some = self.rng.random() < self.config.framed
        return framed(self.rng, question) if some else question

    def _draw(self, pool: Sequence[T], count: int, weight: Callable[[T], float]) -> list[T]:
        """Draw up to `count` of `pool` without putting back, by weight."""
        keyed = [(self.rng.random() ** (1 / max(weight(one), 1e-3)), one) for one in pool]
        return [one for _, one in sorted(keyed, key=lambda pair: -pair[0])[:count]]


def steps(
    student: Learner, desk: Desk, count: int
) -> Generator[None, None, tuple[int, float | None, str]]:
    """Take `count` steps; return how many, the last gradient norm and what was refused.

    With no item on the desk there are none. A step that is not finite leaves the weights as they
    were and ends the study.
    """
    norm: float | None = None
    count = count if desk.cards else 0
    for step in range(count):
        cards = desk.items(step)
        held, talks, amid = desk.held(cards), desk.dialogues(), desk.amid()
        groups = [
            shared(
                [desk.holding(one, amid=amid and i % 2 == 1) for i, one in enumerate(held)],
                desk.config.ask_weight,
            ),
            shared(talks, desk.config.talk_weight),
        ]
        rate = 1 - step / count if desk.config.decay else 1.0
        lessons = [desk.lesson(card, amid=amid) for card in cards]
        seen = student.study(lessons, groups, rate=rate)
        for card, nll in zip(cards, seen.nll, strict=True):
            card.nll = nll
        for one, divergence in zip(held, seen.divergence, strict=False):
            one.divergence = divergence
        norm = seen.gradient_norm
        yield
        if not seen.accepted:
            return step + 1, norm, seen.reason
    return count, norm, ""


def shared(chunks: Sequence[Chunk], weight: float) -> list[Chunk]:
    """Share `weight` out equally among all targets of `chunks`."""
    weights = [chunk.weights or (1.0,) * len(chunk.targets) for chunk in chunks]
    total = sum(map(sum, weights)) or 1.0
    return [
        replace(chunk, weights=tuple(weight * w / total for w in own))
        for chunk, own in zip(chunks, weights, strict=True)
    ]


def probe(learner: Learner, items: Sequence[Chunk]) -> Generator[None, None, tuple[float, float]]:
    """Measure recall in an empty context: the share known word for word, and nats per token."""
    exact = nll = tokens = 0.0
    for first in range(0, len(items), TOGETHER):
        for known in learner.probe(items[first : first + TOGETHER]):
            exact, nll, tokens = exact + known.exact, nll + known.nll, tokens + known.tokens
        yield
    return exact / max(len(items), 1), nll / max(tokens, 1)


def look_through(learner: Learner, desk: Desk) -> Generator[None, None, None]:
    """Measure every card once, so that the first steps go to what is known least."""
    for first in range(0, len(desk.cards), TOGETHER):
        part = desk.cards[first : first + TOGETHER]
        chunks = [
            desk.opened(encode(desk.tokenizer, card.row.question, card.row.answer)) for card in part
        ]
        for card, known in zip(part, learner.probe(chunks), strict=True):
            card.nll = known.nll / max(known.tokens, 1)
        yield
