"""People who tell things, and what they are asked later: read from JSON lines, and judged."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import read_text
from mlxdyn.learn.names import names, parted


@dataclass(frozen=True, slots=True)
class Ask:
    """A question with words of which one must occur, and words of which none may."""

    question: str
    want: tuple[str, ...]
    unwanted: tuple[str, ...] = ()

    def right(self, said: str) -> bool:
        low = said.lower()
        return any(w in low for w in self.want) and not any(w in low for w in self.unwanted)


@dataclass(frozen=True, slots=True)
class Case:
    """One user: what they tell, what is asked, and what they never told."""

    id: str
    kind: str
    messages: tuple[str, ...]
    asks: tuple[Ask, ...]
    unknown: tuple[str, ...]


def read(paths: Sequence[Path]) -> list[Case]:
    """Read JSON lines of cases; raise MlxdynError, with the line, for what is none."""
    cases = [case for path in paths for case in _cases(path)]
    if not cases:
        raise MlxdynError('no cases: a line is {"id", "kind", "messages", "ask", "unknown"}')
    return cases


def _cases(path: Path) -> Iterator[Case]:
    try:
        lines = read_text(path).split("\n")  # a text may hold other line ends
    except (OSError, ValueError) as error:
        raise MlxdynError(f"{path} cannot be read as JSON lines: {sentence(error)}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield _case(json.loads(line))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise MlxdynError(
                f"{path}, line {number}, is no case ({type(error).__name__}: {sentence(error)});"
                " a line is "
                '{"id", "kind", "messages": [...], "ask": [{"q", "want", "not"}], "unknown": [...]}'
            ) from error


def _case(row: dict[str, object]) -> Case:
    asks = [
        Ask(str(one["q"]), _lower(one["want"]), _lower(one.get("not", [])))
        for one in _list(row["ask"])
    ]
    messages = tuple(str(text) for text in _list(row["messages"]))
    unknown = tuple(str(text) for text in _list(row.get("unknown", [])))
    if not all(text.strip() for text in messages) or not messages:
        raise ValueError("a message is empty")
    if not all(ask.want and all(ask.want) for ask in asks):
        raise ValueError('"want" is empty, so that no answer is right')
    return Case(str(row["id"]), str(row.get("kind", "")), messages, tuple(asks), unknown)


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is no list")
    return value


def _lower(words: object) -> tuple[str, ...]:
    return tuple(str(word).lower() for word in _list(words))


def claims(said: str, messages: Sequence[str]) -> bool:
    """Tell whether an answer holds a name or a number of the messages."""
    return not parted(said).isdisjoint(names(messages))
