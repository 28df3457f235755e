"""Questions and answers that say the same are one fact; knows no MLX and no language."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from mlxdyn.memory.store.records import ExampleRow

SHARED_WORDS = 0.5  # share of the told words that two wordings of one fact have in common


@dataclass(frozen=True, slots=True)
class Grouped:
    """The wordings of one fact, in the order of learning."""

    rows: tuple[ExampleRow, ...]

    @property
    def answer(self) -> str:
        """The answer that most wordings give; of those, the longest."""
        count = Counter(row.answer for row in self.rows)
        return max(count, key=lambda answer: (count[answer], len(answer)))


def group(rows: Sequence[ExampleRow], message: str) -> list[Grouped]:
    """Group what one message taught.

    What an answer tells are its words that are the message's own and not the question's; answers
    that tell nearly the same words, or are the same, are wordings of one fact.
    """
    said = _words(message)
    groups: list[tuple[frozenset[str], list[ExampleRow]]] = []
    for row in rows:
        answer = _words(row.answer)
        told = frozenset((answer & said) - _words(row.question)) or frozenset(answer)
        for known, members in groups:
            alike = len(told & known) >= SHARED_WORDS * len(told | known)
            if alike or any(row.answer == one.answer for one in members):
                members.append(row)
                break
        else:
            groups.append((told, [row]))
    return [Grouped(tuple(members)) for _, members in groups]


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))
