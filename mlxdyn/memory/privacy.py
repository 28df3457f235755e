"""What of a memory's messages may be learned and shown: each masked by what was told before it."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Message
from mlxdyn.withheld.framed import strip_framed, strip_reported
from mlxdyn.withheld.redact import PLACEHOLDER, find, mask, values
from mlxdyn.withheld.unlearnable import is_question, strip_fenced, strip_quoted, strip_unlearnable

RECENT = 256  # newest turns of other conversations whose secrets are known
LAST = 2**62  # after every message


@dataclass(frozen=True, slots=True)
class Masked:
    """A message without secrets: as it may be shown, and what of it may be learned."""

    text: str
    learnable: str  # without thoughts, tools and what the user quotes too
    secrets: int  # in what could have been learned
    quoted: bool = False  # something was left out as quoted, guessed or not meant

    @property
    def studied(self) -> str:
        """What facts are made from: sentences that tell something, and no secret.

        Of six messages that ask too, SmolLM2 found one fact more and two fewer with what they ask.
        """
        told = (s for s in _sentences(self.learnable) if PLACEHOLDER not in s)
        return "".join(s for s in told if not is_question(s)).strip()


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
        found[message.id] = _masked(message, before, known, personal=personal)
        turns[:] = [*turns[-1:], message]
    return found


class Glimpses:
    """Titles and finds as they may be shown; there may be a thousand, so each is read once.

    Known are their own secrets and those of the newest turns, not of all turns before them.
    """

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self._told: dict[tuple[bool, str, str], tuple[str, ...]] = {}
        self._masks: dict[tuple[bool, str], str] = {}

    def read(self, ledger: Ledger, memory: int, *, personal: bool) -> None:
        """Know what is secret in the newest turns."""
        told, said = {}, dict[int, list[Message]]()
        for conversation, turn in ledger.messages.around(memory, [LAST], RECENT):
            turns = said.setdefault(conversation, [])
            before = _before(turns) if turn.role == "user" else ""
            one = (personal, before, turn.text)
            told[one] = (
                self._told[one] if one in self._told else _values(turn.text, before, personal)
            )
            turns[:] = [*turns[-1:], turn]
        self._told, known = told, tuple(dict.fromkeys(v for found in told.values() for v in found))
        if known != self.known:
            self.known = known
            self._masks.clear()

    def shown(self, text: str, *, personal: bool) -> str:
        """Mask a text."""
        if (personal, text) not in self._masks:
            spans = find(text, known=self.known, personal=not personal)
            self._masks[personal, text] = mask(text, spans)
        return self._masks[personal, text]


def _values(text: str, before: str, personal: bool) -> tuple[str, ...]:
    return values(text, find(text, before=before, personal=not personal))


def _before(turns: list[Message]) -> str:
    """Give the last line of the last turns: a label there may tell of the next message."""
    lines = [message.text.strip().splitlines()[-1:] for message in turns]
    return "\n".join(line for last in lines for line in last)


def _masked(message: Message, before: str, known: dict[str, None], *, personal: bool) -> Masked:
    """Mask one message; what it tells is known from now on."""
    text = message.text
    spans = find(text, before=before, known=tuple(known), personal=not personal)
    known |= dict.fromkeys(values(text, spans))
    plain = thought = strip_unlearnable(text)
    if message.role == "user":
        own = strip_unlearnable(strip_fenced(text))  # a mark in a fence would take the fence along
        plain = strip_framed(strip_quoted(strip_reported(own)))
    shown = mask(text, spans)
    if plain == text:
        return Masked(shown, shown, len(spans))
    rest = find(plain, before=before, known=tuple(known), personal=not personal)
    return Masked(shown, mask(plain, rest), len(rest), quoted=plain != thought)


_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def _sentences(text: str) -> Iterator[str]:
    """Cut a text into sentences, each with what parts it from the next."""
    at = 0
    for end in _END.finditer(text):
        yield text[at : end.end()]
        at = end.end()
    yield text[at:]
