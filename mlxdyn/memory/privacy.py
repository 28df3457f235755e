"""What of a memory's messages may be learned and shown: each masked by what was told before it."""

import hashlib
import re
import sys
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from mlxdyn.learn.steps import run
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Message
from mlxdyn.memory.store.secrets import Place
from mlxdyn.withheld.framed import strip_framed, strip_reported
from mlxdyn.withheld.redact import PLACEHOLDER, find, mask, values
from mlxdyn.withheld.unlearnable import is_question, strip_fenced, strip_quoted, strip_unlearnable

KEPT_AT_ONCE = 50  # messages whose masks are kept that are looked through in one step
AT_ONCE = 8  # messages that are looked at while somebody waits for a list
BEFORE = 2  # turns whose last line may tell of the next message
ASKING = "?？؟. "


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
    """Mask `messages`, by message.

    What was found secret once is masked in all later turns, replies and other conversations too.
    With `personal`, phone, passport, account and tax numbers stay.
    """
    return run(Masks().read(ledger, memory, messages, personal=personal))


class _Known:
    """Secrets in the order in which they were told, and a print that tells two such lists apart."""

    def __init__(self) -> None:
        self.values: dict[str, None] = {}
        self.print = b""

    def add(self, *values: str) -> None:
        for value in values:
            if value not in self.values:
                self.values[value] = None
                self.print = hashlib.sha256(self.print + value.encode()).digest()


@dataclass(frozen=True, slots=True)
class _Kept:
    """A message as it was masked, and all that this follows from."""

    given: tuple[Message, str, bytes, bool]
    masked: Masked
    values: tuple[str, ...]  # its secrets, known from then on


class Masks:
    """Messages of one memory as they were masked; one is masked anew where it may be another."""

    def __init__(self) -> None:
        self._kept: dict[int, _Kept] = {}

    def read(
        self, ledger: Ledger, memory: int, messages: Iterable[int], *, personal: bool
    ) -> Generator[None, None, dict[int, Masked]]:
        """Mask messages as `masked` does, in small steps."""
        yield from look(ledger, memory)
        wanted = sorted({*messages})
        told = deque(ledger.secrets.told(memory, max(wanted, default=0), personal=not personal))
        known, found = _Known(), dict[int, Masked]()
        for place, id in enumerate(wanted):
            while told and told[0][0] < id:
                known.add(told.popleft()[1])
            if message := ledger.messages.find(id, memory):
                given = (message, _before(ledger, message), known.print, personal)
                kept = self._kept.get(id)
                if new := kept is None or kept.given != given:
                    made = _masked(message, given[1], [*known.values], personal=personal)
                    kept = self._kept[id] = _Kept(given, *made)
                known.add(*kept.values)
                found[id] = kept.masked
                if new or place % KEPT_AT_ONCE == 0:
                    yield
        return found

    def clear(self) -> None:
        """Keep nothing: what follows a message holds words of it too."""
        self._kept.clear()


def look(ledger: Ledger, memory: int) -> Generator[None, None, None]:
    """Note where messages tell secrets of their own, once for each; an imported chat has many."""
    for id in ledger.secrets.unsearched(memory):
        message = ledger.messages.find(id, memory)
        if message:  # or it was forgotten since
            ledger.secrets.keep(id, _places(message.text, _before(ledger, message)))
            yield


def secret_in(
    ledger: Ledger, memory: int, question: str, answer: str, *, personal: bool = False
) -> str | None:
    """Name what a question and its answer tell that is never learned; None if there is nothing.

    A secret of any message of the memory counts too. With `personal`, personal numbers do not.
    """
    run(look(ledger, memory))
    told = ledger.secrets.told(memory, sys.maxsize, personal=not personal)
    known = tuple(value for _, value in told)
    joined = f"{question.rstrip(ASKING)}: {answer}"  # as if the question were the answer's label
    spans = (
        *find(joined, known=known, personal=not personal),
        *find(answer, before=question, known=known, personal=not personal),
    )
    return next((span.kind.replace("known", "secret") for span in spans), None)


def _places(text: str, before: str) -> list[Place]:
    """Find secrets, and personal numbers apart: one may hide the other."""
    spans = find(text, before=before)
    sure = find(text, before=before, personal=False) if any(s.personal for s in spans) else spans
    of_a_person = [(s.start, s.end, True) for s in spans if s not in sure]
    return [*((s.start, s.end, False) for s in sure), *of_a_person]


def _before(ledger: Ledger, message: Message) -> str:
    """Give the last lines of the turns before one of the user's: a label there may tell of it."""
    turns = ledger.messages.last_before(message.id, BEFORE) if message.role == "user" else []
    return "\n".join(line for text in turns for line in text.strip().splitlines()[-1:])


class Glimpses:
    """Titles and finds as they may be shown; there may be a thousand, so each is read once."""

    def __init__(self) -> None:
        self.known: tuple[str, ...] = ()
        self._masks: dict[tuple[bool, str], str] = {}

    def read(self, ledger: Ledger, memory: int, *, personal: bool) -> None:
        """Know the secrets of a memory; where much was not looked at yet, part of it each time."""
        for _ in islice(look(ledger, memory), AT_ONCE):
            pass
        told = ledger.secrets.told(memory, sys.maxsize, personal=not personal)
        known = tuple(dict.fromkeys(value for _, value in told))
        if known != self.known:
            self.known = known
            self._masks.clear()

    def shown(self, text: str, *, personal: bool) -> str:
        """Mask a text."""
        if (personal, text) not in self._masks:
            spans = find(text, known=self.known, personal=not personal)
            self._masks[personal, text] = mask(text, spans)
        return self._masks[personal, text]


def _masked(
    message: Message, before: str, known: Sequence[str], *, personal: bool
) -> tuple[Masked, tuple[str, ...]]:
    """Mask one message; give its secrets too, which are known from then on."""
    text = message.text
    spans = find(text, before=before, known=known, personal=not personal)
    told = values(text, spans)
    plain = thought = strip_unlearnable(text)
    if message.role == "user":
        own = strip_unlearnable(strip_fenced(text))  # a mark in a fence would take the fence along
        plain = strip_framed(strip_quoted(strip_reported(own)))
    shown = mask(text, spans)
    if plain == text:
        return Masked(shown, shown, len(spans)), told
    rest = find(plain, before=before, known=(*known, *told), personal=not personal)
    return Masked(shown, mask(plain, rest), len(rest), quoted=plain != thought), told


_END = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])|\n+")


def _sentences(text: str) -> Iterator[str]:
    """Cut a text into sentences, each with what parts it from the next."""
    at = 0
    for end in _END.finditer(text):
        yield text[at : end.end()]
        at = end.end()
    yield text[at:]
