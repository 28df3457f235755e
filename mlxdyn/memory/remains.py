"""What else holds the words of a forgotten message: turns, copies, study items, titles of chats."""

from collections.abc import Sequence
from dataclasses import dataclass

from mlxdyn.memory.echoes import Telling, echoes, telling
from mlxdyn.memory.store.ledger import Ledger


@dataclass(frozen=True, slots=True)
class Trail:
    """What messages leave behind, as it can be told while they are there."""

    again: tuple[int, ...]  # messages that tell it too
    copies: tuple[tuple[str, tuple[int, ...]], ...]  # in branches and backups, by memory
    words: Telling


@dataclass(frozen=True, slots=True)
class Remains:
    """What would still hold the words if messages were forgotten."""

    items: tuple[int, ...] = ()  # of other messages: mostly what the user wrote by hand
    titles: tuple[int, ...] = ()  # conversations whose title has them


def trail(ledger: Ledger, memory: int, messages: Sequence[int]) -> Trail:
    """Find what would still tell what `messages` tell if they were forgotten."""
    copies = ledger.messages.holders(messages, memory)
    return Trail(
        tuple(other.id for other in echoes(ledger, memory, messages)),
        tuple((name, tuple(ids)) for name, ids in copies.items()),
        telling(ledger, memory, messages),
    )


def remains(ledger: Ledger, memory: int, telling: Telling, gone: Sequence[int]) -> Remains:
    """Find what holds the words of `telling`; what the messages `gone` taught goes with them."""
    items = ledger.database.run(
        "SELECT id, question || char(10) || answer, message FROM examples"
        " WHERE memory = ? AND kind = 'fact' AND message IS NOT NULL ORDER BY id",
        (memory,),
    )
    titles = ledger.database.run(
        "SELECT id, title FROM conversations WHERE memory = ? AND title IS NOT NULL ORDER BY id",
        (memory,),
    )
    return Remains(
        tuple(id for id, text, message in items if message not in gone and telling.held_by(text)),
        tuple(id for id, title in titles if telling.held_by(title)),
    )
