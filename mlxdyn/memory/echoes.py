"""Who else tells what a message tells: later turns that repeat it, earlier ones that knew it.

Knows no language. A word is telling that the answers to a message hold and the questions do not, or
that is a secret; of a message that taught no fact, a later one has to hold half of what was new.
"""

import re
from collections.abc import Callable, Iterable, Sequence, Set
from dataclasses import dataclass

from mlxdyn.learn.example import Draft, Kind
from mlxdyn.learn.facts import Told
from mlxdyn.learn.names import UNSPACED, ordinary, tells, words
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Message
from mlxdyn.withheld.framed import takes_back
from mlxdyn.withheld.redact import find, values
from mlxdyn.withheld.unlearnable import is_question

PART = re.compile(r"[.!?;,\n。！？；，、]+\s*")
FORGET_ALL = (
    "Forget everything about me.", "Forget everything you know about me.", "Forget all about me.",
    "Delete everything you know about me.", "Wipe your memory.", "Wipe your memory of me.",
    "Delete all my data.",
    "Vergiss alles über mich.", "Vergiss alles, was du über mich weißt.",
    "Oublie tout ce que tu sais de moi.", "Oublie tout de moi.", "Olvida todo sobre mí.",
    "Olvida todo lo que sabes de mí.",
)  # fmt: skip
VERY_LIKE = 0.85  # ordinary talk reached 0.79 on wren and SmolLM2-135M
LEAST_LETTERS = 4  # letters of a word that may tell where no fact was taught; of unspaced scripts 2


@dataclass(frozen=True, slots=True)
class Telling:
    """The words by which another text is known to tell what some messages tell."""

    alone: frozenset[str]  # each of these tells it
    together: tuple[frozenset[str], ...]  # half of one of these, and two words at least

    def held_by(self, text: str) -> bool:
        """Tell whether a text holds enough of them."""
        held = words(text)
        return bool(held & self.alone) or any(_enough(held, new) for new in self.together)


def telling(ledger: Ledger, memory: int, messages: Sequence[int]) -> Telling:
    """Give the words that tell what `messages` tell."""
    found = _tellings(ledger, ledger.messages.search(memory, Filter()), messages)
    alone = set[str]().union(*(told for told, _ in found.values()))
    return Telling(frozenset(alone), tuple(frozenset(new) for _, new in found.values()))


def echoes(ledger: Ledger, memory: int, messages: Sequence[int]) -> list[Message]:
    """List the messages that tell what `messages` told too, oldest first; not their replies.

    They are the later ones that repeat it, and the earlier ones that one of them only repeated.
    """
    gone = {*messages, *(r for message in messages for r in ledger.messages.replies_to(message))}
    said = ledger.messages.search(memory, Filter())
    others = [(other, words(other.text)) for other in said if other.id not in gone]
    found: dict[int, Message] = {}
    for id, (told, new) in _tellings(ledger, said, messages).items():
        before = _repeated(ledger, ledger.messages.upto(id)[-1])
        for other, held in others:
            later = other.id > id
            if _holds(held, told, new) if later else other.id in before:
                found[other.id] = other
    return sorted(found.values(), key=lambda message: message.id)


def _repeated(ledger: Ledger, message: Message) -> list[int]:
    """Name the earlier messages that one repeats: what takes back or asks does not."""
    if takes_back(message.text) or is_question(message.text):
        return []
    return known_from(ledger, message.id)


def known_from(ledger: Ledger, message: int) -> list[int]:
    """Name the earlier messages that a message repeats or takes back, telling nothing of its own.

    It may be that they are true no more, or that somebody wants them forgotten, in whatever words:
    what they told and still stands is in it, and no answer of its own holds another of its words.
    A question names only those that were read with it, and a reply, which wants nothing, none.
    """
    turn = ledger.messages.upto(message)[-1]
    if turn.role != "user":
        return []
    text = turn.text
    known = ledger.examples.known_before(message)
    if takes_back(text):
        before = ledger.messages.said_before(message, [one for one, *_ in known])
        return [before] if before else []
    if is_question(text):
        near = {*ledger.examples.depends_on(message)}
        known = [fact for fact in known if fact[0] in near]
    said = words(text)
    told = {
        (one, question, answer): new
        for one, earlier, question, answer in known
        if (new := _weighty(tells(earlier, question, answer))) and new <= said
    }
    mine = [tells(text, row.question, row.answer) for row in ledger.examples.facts(message)]
    own = set[str]().union(*mine) - set[str]().union(*told.values())
    return [] if _weighty(own) else list(dict.fromkeys(one for one, *_ in told))


def untold(text: str, facts: Iterable[tuple[str, str]]) -> list[str]:
    """List the parts of a text most of whose telling words no question or answer holds.

    One word before the rest, a greeting or a name that is called, tells nothing.
    """
    known = words(*(said for fact in facts for said in fact))
    opening, *rest = PART.split(text)
    parts = rest if rest and len(words(opening)) == 1 else [opening, *rest]
    telling = {part: _weighty(words(part) - ordinary()) for part in parts}
    return [p.strip() for p, new in telling.items() if new and 2 * len(new & known) < len(new)]


@dataclass(frozen=True, slots=True)
class Corrected:
    """What was corrected by hand in a conversation."""

    facts: tuple[tuple[str, str], ...] = ()  # questions with the new answers
    gone: frozenset[str] = frozenset()  # words that told it and are true no more


def corrections(ledger: Ledger, conversation: int) -> Corrected:
    """Find what was corrected by hand in a conversation.

    Of a message that told it, the words that no question or answer holds now are true no more.
    """
    rows = ledger.examples.corrected_in(conversation)
    gone = set[str]()
    for told in {message for message, _, _ in rows}:
        known = words(*(t for f in ledger.examples.facts(told) for t in (f.question, f.answer)))
        gone |= _weighty(words(ledger.messages.upto(told)[-1].text) - ordinary() - known)
    return Corrected(tuple((question, answer) for _, question, answer in rows), frozenset(gone))


def _weighty(told: set[str]) -> set[str]:
    """Leave out words that are too short to tell one thing from another."""
    return {w for w in told if len(w) > 2 or re.match(f"[{UNSPACED}]", w)}


def wants_all(likeness: Callable[[str, Sequence[str]], list[float]], text: str) -> bool:
    """Tell whether a text reads like a wish that all be forgotten, by the base's `likeness`."""
    return bool(text.strip()) and max(likeness(text, FORGET_ALL)) >= VERY_LIKE


def news(text: str, drafts: Sequence[Draft], earlier: Sequence[Told]) -> tuple[Draft, ...]:
    """Leave out what `earlier` messages taught already; with no fact left, all.

    A fact is known where the same question has an answer with all that the message tells in it.
    """
    facts = [draft for draft in drafts if draft.example.kind == Kind.FACT]
    known = {
        draft.answer
        for draft in facts
        for one in earlier
        for _, question, answer in one.facts
        if question == draft.question
        and (new := tells(text, draft.question, draft.answer))
        and new <= tells(one.text, question, answer)
    }
    left = tuple(draft for draft in drafts if draft.answer not in known or draft not in facts)
    return left if any(draft in facts for draft in left) or not known else ()


def _told(ledger: Ledger, message: int) -> set[str]:
    """Give the words of a message that its answers hold, and neither questions nor everybody."""
    facts = ledger.examples.facts(message)
    said = words(ledger.messages.upto(message)[-1].text) - ordinary()
    return said & words(*(f.answer for f in facts)) - words(*(f.question for f in facts))


def _tellings(
    ledger: Ledger, said: Sequence[Message], messages: Sequence[int]
) -> dict[int, tuple[set[str], set[str]]]:
    """Give the words that tell of each of `messages`, of all that was `said`, the oldest first."""
    wanted, before = {*messages}, set[str]()
    last = max(wanted, default=0)
    found = {}
    for message in said:
        if message.id > last:
            break
        if message.id in wanted:
            found[message.id] = _telling(ledger, message, before)
        before |= words(message.text)
    return found


def _telling(ledger: Ledger, message: Message, before: Set[str]) -> tuple[set[str], set[str]]:
    """Give the words each of which tells of a message, and those that do so together."""
    secrets = words(*values(message.text, find(message.text)))
    told, own = _told(ledger, message.id), words(message.text) - ordinary()
    if told or secrets:
        return told | secrets, set()
    new = own - before
    return set(), {w for w in new if len(w) >= LEAST_LETTERS or re.match(f"[{UNSPACED}]", w)}


def _holds(held: set[str], told: set[str], new: set[str]) -> bool:
    return bool(held & told) or _enough(held, new)


def _enough(held: set[str], new: Set[str]) -> bool:
    """Tell whether half of the words of a message are held, and two at least."""
    return len(held & new) >= 2 and 2 * len(held & new) >= len(new)
