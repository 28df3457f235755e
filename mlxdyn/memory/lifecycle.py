"""What is done with whole memories: set aside, branch, delete, compare."""

import os
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from mlxdyn.config import LearnerConfig
from mlxdyn.files import memory_directory
from mlxdyn.memory.directory import copy_weights, held, reserved, tidy, unfinished
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.privacy import masked
from mlxdyn.memory.store.copies import copy_memory, learned
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, MemoryRow
from mlxdyn.model.load import Model


def archive(name: str, ledger: Ledger) -> str:
    """Set memory `name` aside under a new name, leave an empty one, and return the new name.

    Files are copied, then the ledger changes in one step: a crash leaves one memory or both whole.

    Raises MlxdynError when there is none or it is open elsewhere.
    """
    aside = f"{name[:75]}.{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}"
    with held(name), unfinished(name, ledger):
        row = ledger.memories.existing(name)
        with reserved(aside, ledger):
            copy_weights(memory_directory(name), memory_directory(aside))
            with ledger.transaction():
                ledger.memories.rename(row.id, aside)
                ledger.memories.add(name, row.model, row.fingerprint, row.adapter, row.learner, {})
    return aside


def branch(name: str, new: str, ledger: Ledger) -> MemoryRow:
    """Copy memory `name` with its chats, items and weights to `new`; both go on on their own.

    Raises MlxdynError when there is no such memory, `new` exists, or one is open elsewhere.
    """
    ledger.memories.existing(name)
    with held(name), reserved(new, ledger):
        copy_weights(memory_directory(name), memory_directory(new))
        return copy_memory(ledger, ledger.memories.existing(name), ledger, new)


def delete(name: str, ledger: Ledger) -> None:
    """Delete memory `name` with its chats, items, log and weights; the text leaves the files.

    The ledger changes in one step, then the files go: a crash leaves it whole or not at all.

    Raises MlxdynError when there is none or it is open elsewhere.
    """
    ledger.memories.existing(name)
    with held(name), unfinished(name, ledger):
        ledger.memories.delete(ledger.memories.existing(name).id)
    tidy(ledger)
    ledger.erase()


class Difference(NamedTuple):
    """A message that one memory learned and another did not; nll in nats per token."""

    only: str  # the memory that learned it
    message: int
    text: str
    nll: float  # under the first memory's weights
    nll_other: float  # under the second's


def compare(
    one: MemoryRow, two: MemoryRow, model: Model, ledger: Ledger, *, personal: bool = False
) -> list[Difference]:
    """List what one memory learned and the other did not, with what both make of it.

    Raises MlxdynError when they do not share a base.
    """
    ours, theirs = learned(ledger, one.id), learned(ledger, two.id)
    only = [(one.name, event) for uid, event in ours.items() if uid not in theirs]
    only += [(two.name, event) for uid, event in theirs.items() if uid not in ours]
    nll = [_nll_of([event for _, event in only], row, model, ledger) for row in (one, two)]
    said = {m: text for row in (one, two) for m, text in _said(row, only, ledger, personal)}
    return [
        Difference(name, message, said[message], *pair)
        for (name, event), *pair in zip(only, *nll, strict=True)
        if (message := event.lesson.message)
    ]


def _said(
    row: MemoryRow, only: Sequence[tuple[str, EventRow]], ledger: Ledger, personal: bool
) -> Iterator[tuple[int, str]]:
    """Give what a memory's messages among `only` say, secrets masked."""
    mine = [event.lesson.message or 0 for name, event in only if name == row.name]
    for message, hidden in masked(ledger, row.id, mine, personal=personal).items():
        yield message, hidden.text


def _nll_of(
    events: Sequence[EventRow], row: MemoryRow, model: Model, ledger: Ledger
) -> list[float]:
    learner = LearnerConfig(**row.learner)
    memory = Memory(row.name, model, ledger, learner=learner, writable=False)
    sums = []
    for event in events:
        nll = [n for chunk in event.lesson.chunks for n in memory.learner.score(chunk).nll]
        sums.append(sum(nll) / max(len(nll), 1))
    return sums
