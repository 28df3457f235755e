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
from mlxdyn.model.chat_template import Turn, render, words
from mlxdyn.model.load import Model

ALIKE = 0.5  # cosine of mean token embeddings from which on a message may change another's facts
MOST_ALIKE = 8
"""Earlier messages with facts, beside the one just before, that a message is asked of again. Each
costs 7 micro-steps or more: for one more line of a diary of 72 alike, that was 546.
"""

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

    def clear(self) -> None:
        """Keep nothing of what may be forgotten now."""
        self._masks.clear()
        self._kept.clear()


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
    """Freeze what a message teaches; with `personal`, of phone and account numbers too.

    One that leaves no room in the base for its questions is left out, and not noted as examined.
    """
    yield from prepared(base)
    text = masked(ledger, memory, [message], personal=personal)[message].studied
    how = {"personal": personal}
    earlier, found, fits = list[Told](), NOTHING, not text or base.fits([text])
    if text and fits:
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
            examined=fits,
        )  # fmt: skip
        ledger.examples.add(memory, message, edits, source="user", examined=fits)


def _without(told: Told, keys: set[int]) -> Told:
    """Leave out facts that are true no more."""
    return replace(told, facts=tuple(fact for fact in told.facts if fact[0] not in keys))


def _alike(
    ledger: Ledger, memory: int, base: Base, message: int, text: str, readings: Readings,
    *, personal: bool,
) -> Generator[None, None, list[Told]]:  # fmt: skip
    """Choose the earlier messages that `text` may change: alike ones, and the one before it.

    Each is judged with all that it taught, so that what became of it changes nothing. Of those that
    taught the most alike are chosen, the newest of those that are as alike: without one that is
    left out they would be the same. What taught nothing costs nothing, and is chosen: it might have
    taught, were another forgotten.
    """
    candidates = ledger.messages.learned_before(memory, message)
    before = ledger.messages.said_before(message, [m.id for m in candidates])
    ids = [*(m.id for m in candidates), message]
    read = yield from readings.read(ledger, memory, base, ids, personal=personal)
    (own,) = base.wording.vectors([text])
    likeness = cosines(own, (read[m.id].vector for m in candidates))
    found = [
        (
            like,
            Told(
                one.id,
                read[one.id].text,
                tuple((row.id, row.question, row.answer) for row in ledger.examples.facts(one.id)),
            ),
        )
        for one, like in zip(candidates, likeness, strict=True)
        if like >= ALIKE or one.id == before
    ]
    taught = sorted((one for one in found if one[1].facts), key=lambda one: one[0])
    chosen = {before, *(told.message for _, told in taught[-MOST_ALIKE:])}
    return [told for _, told in found if told.message in chosen or not told.facts]


def as_told(model: Model, question: str, answer: str) -> Example:
    """Make an example whose target is the text itself, after the question as it is asked."""
    tokenizer, asked = model.tokenizer, Turn("user", question)
    told = render(tokenizer, [asked, Turn("assistant", answer)], reply=False)
    after = (*told.tokens[told.spans[-1][1] :][:1], tokenizer.eos_token_id)
    end = [token for token in after if token in tokenizer.eos_token_ids][:1]
    space = "" if tokenizer.has_chat_template else " "
    target = (*words(tokenizer, f"{space}{answer}"), *end)
    prompt = render(tokenizer, [asked], reply=True).tokens
    return Example(Kind.FACT, prompt, target, likely=None)
