"""What else holds the words of a message: later turns that repeat what it told.

Knows no language. A word is telling that the answers to a message hold and the questions do not, or
that is a secret; of a message that taught no fact, a later one has to hold half of what was new.
"""

import re
from collections.abc import Iterable, Sequence

from mlxdyn.learn.example import Kind
from mlxdyn.learn.prompts import GENERAL, OPEN_QUESTIONS
from mlxdyn.learn.redact import find, values
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Message

UNSPACED = r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
WORD = re.compile(rf"(?=([{UNSPACED}]{{2}}))|([^\W_{UNSPACED}]+)")
LEAST = 4  # letters of a word that may tell where no fact was taught; of unspaced scripts 2


def echoes(ledger: Ledger, memory: int, messages: Sequence[int]) -> list[Message]:
    """List the later messages that repeat what `messages` told, oldest first; not their replies."""
    gone = {*messages, *(ledger.reply_to(message) for message in messages)}
    said = ledger.find_messages(memory, Filter())
    ordinary = words(*GENERAL, *OPEN_QUESTIONS)
    found: dict[int, Message] = {}
    for place, message in enumerate(said):
        if message.id in messages:
            told, new = _telling(ledger, message, said[:place], ordinary)
            for later in said[place + 1 :]:
                if later.id not in gone and _holds(later.text, told, new):
                    found[later.id] = later
    return sorted(found.values(), key=lambda message: message.id)


def words(*texts: str) -> set[str]:
    """Give the words of texts, small; of scripts without spaces, every two letters side by side."""
    return {pair or word for text in texts for pair, word in WORD.findall(text.casefold())}


def _telling(
    ledger: Ledger, message: Message, before: Iterable[Message], ordinary: set[str]
) -> tuple[set[str], set[str]]:
    """Give the words each of which tells of a message, and those that do so together."""
    facts = [row for row in ledger.examples_of(message.id) if row.kind == Kind.FACT]
    secrets = words(*values(message.text, find(message.text)))
    own = words(message.text) - ordinary
    told = own & words(*(f.answer for f in facts)) - words(*(f.question for f in facts))
    if told or secrets:
        return told | secrets, set()
    new = own - words(*(turn.text for turn in before))
    return set(), {w for w in new if len(w) >= LEAST or re.match(f"[{UNSPACED}]", w)}


def _holds(text: str, told: set[str], new: set[str]) -> bool:
    held = words(text)
    return bool(held & told) or (len(held & new) >= 2 and 2 * len(held & new) >= len(new))
