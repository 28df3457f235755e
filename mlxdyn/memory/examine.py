"""What messages teach and what should stay as it is: found by the base, frozen in the ledger."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mlxdyn.learn import examples
from mlxdyn.learn.base import Base
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.examples import Examined
from mlxdyn.learn.facts import Told
from mlxdyn.learn.wording import cosines
from mlxdyn.memory.calibrated import prepared
from mlxdyn.memory.echoes import news
from mlxdyn.memory.privacy import Masked, Masks, masked, secret_in
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model

ALIKE = 0.5  # cosine of mean token embeddings from which on a message may change another's facts

NOTHING = Examined((), (), ())


@dataclass(frozen=True, slots=True)
class Reading:
    """A message as it is studied."""

    masked: Masked
    text: str
    vector: np.ndarray  # (D,), by which it is likened to others


class Readings:
    """The messages of one open memory as they are studied, each read once.

    Later all are likened to each new one: of ten thousand, to read them takes a minute.
    """

    def __init__(self) -> None:
        self._masks, self._kept = Masks(), dict[int, Reading]()

    def read(
        self, ledger: Ledger, memory: int, base: Base, messages: Sequence[int], *, personal: bool
    ) -> Generator[None, None, dict[int, Reading]]:
        """Read messages, by message, in small steps; those that may be others now, anew."""
        hidden = yield from self._masks.read(ledger, memory, messages, personal=personal)
        found = dict[int, Reading]()
        for id, now in hidden.items():
            kept = self._kept.get(id)
            if new := kept is None or kept.masked is not now:
                text = now.studied
                kept = self._kept[id] = Reading(now, text, base.wording.vectors([text])[0])
            found[id] = kept
            if new:
                yield
        return found

    def drop_gone(self, ledger: Ledger, memory: int) -> None:
        """Keep nothing of messages that were forgotten."""
        self._masks.drop_gone(ledger, memory)
        here = (id for id in self._kept if ledger.messages.find(id, memory))
        self._kept = {id: self._kept[id] for id in here}


def prepare(ledger: Ledger, memory: int, base: Base) -> Generator[None, None, None]:
    """Measure the base once for all memories; freeze what this one should leave as it is."""
    if ledger.examples.regularization(memory):
        return
    yield from prepared(base)
    drafts = yield from examples.regularization(base)
    ledger.examples.add(memory, None, drafts)


def examine(
    ledger: Ledger, memory: int, base: Base, message: int, readings: Readings, *, personal: bool
) -> Generator[None, None, None]:
    """Freeze what a message teaches; with `personal`, of phone and account numbers too."""
    yield from prepared(base)
    text = masked(ledger, memory, [message], personal=personal)[message].studied
    how = {"personal": personal}
    earlier, found = list[Told](), NOTHING
    if text:
        earlier = yield from _alike(ledger, memory, base, message, text, readings, **how)
        found = yield from examples.examine(base, text, earlier)
    gone = {key for told in earlier for key in ledger.examples.superseded_by(told.message)}
    true = [_without(told, {*gone, *found.superseded}) for told in earlier]
    edits = [
        Draft(q, a, as_told(base.model, q, a))
        for q, a in ledger.examples.edits(message)
        if not secret_in(ledger, memory, q, a, **how)  # that an earlier version let be told
    ]
    with ledger.transaction():
        ledger.examples.add(
            memory, message, news(text, found.drafts, true),
            depends_on=[told.message for told in earlier], superseded=found.superseded,
        )  # fmt: skip
        ledger.examples.add(memory, message, edits, source="user")


def _without(told: Told, keys: set[int]) -> Told:
    """Leave out facts that are true no more."""
    return replace(told, facts=tuple(fact for fact in told.facts if fact[0] not in keys))


def _alike(
    ledger: Ledger, memory: int, base: Base, message: int, text: str, readings: Readings,
    *, personal: bool,
) -> Generator[None, None, list[Told]]:  # fmt: skip
    """Choose the earlier messages that `text` may change: alike ones, and the one before it.

    Each is judged by itself, with all that it taught, so that which others there are, and what
    became of them, changes nothing.
    """
    candidates = ledger.messages.learned_before(memory, message)
    before = ledger.messages.said_before(message, [m.id for m in candidates])
    ids = [*(m.id for m in candidates), message]
    read = yield from readings.read(ledger, memory, base, ids, personal=personal)
    (own,) = base.wording.vectors([text])
    likeness = cosines(own, (read[m.id].vector for m in candidates))
    return [
        Told(
            one.id,
            read[one.id].text,
            tuple((fact.id, fact.question, fact.answer) for fact in ledger.examples.facts(one.id)),
        )
        for one, like in zip(candidates, likeness, strict=True)
        if like >= ALIKE or one.id == before
    ]


def as_told(model: Model, question: str, answer: str) -> Example:
    """Make an example whose target is the text itself."""
    turns = [Turn("user", question), Turn("assistant", answer)]
    rendered = render(model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    return Example(
        Kind.FACT, rendered.tokens[:start], rendered.tokens[start : end + 1], likely=None
    )
