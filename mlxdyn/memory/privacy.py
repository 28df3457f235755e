"""What of a memory's messages may be learned and shown: each masked by what was told before it."""

from collections.abc import Iterable
from dataclasses import dataclass

from mlxdyn.learn.redact import find, mask, values
from mlxdyn.learn.unlearnable import strip_unlearnable
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Message

RECENT = 256  # newest turns of other conversations whose secrets are known


@dataclass(frozen=True, slots=True)
class Masked:
    """A message without secrets: as it may be shown, and what of it may be learned."""

    text: str
    learnable: str  # without thoughts and tools too
    secrets: int  # in what could have been learned


def masked(
    ledger: Ledger, memory: int, messages: Iterable[int], *, personal: bool = False
) -> dict[int, Masked]:
    """Mask `messages` and the turns before them, by message.

    What was found secret once is masked in all later turns, replies and other conversations too.
    With `personal`, phone, passport, account and tax numbers stay.
    """
    wanted = sorted(set(messages))
    known: dict[str, None] = {}
    said: dict[int, list[Message]] = {}  # by conversation
    found: dict[int, Masked] = {}
    for conversation, message in ledger.messages.around(memory, wanted, RECENT):
        turns = said.setdefault(conversation, [])
        before = _before(turns) if message.role == "user" else ""
        found[message.id] = _masked(message.text, before, known, personal=personal)
        turns[:] = [*turns[-1:], message]
    return found


def _before(turns: list[Message]) -> str:
    """Give the last line of the last turns: a label there may tell of the next message."""
    lines = [message.text.strip().splitlines()[-1:] for message in turns]
    return "\n".join(line for last in lines for line in last)


def _masked(text: str, before: str, known: dict[str, None], *, personal: bool) -> Masked:
    """Mask one message; what it tells is known from now on."""
    spans = find(text, before=before, known=tuple(known), personal=not personal)
    known |= dict.fromkeys(values(text, spans))
    plain = strip_unlearnable(text)
    if plain != text:
        rest = find(plain, before=before, known=tuple(known), personal=not personal)
        return Masked(mask(text, spans), mask(plain, rest), len(rest))
    shown = mask(text, spans)
    return Masked(shown, shown, len(spans))
