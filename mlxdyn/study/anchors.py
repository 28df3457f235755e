"""Anchor text: what learning should leave as it is; knows no weights.

Asks are questions that the model cannot answer, with what it says to them; talks are dialogues and
other text.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.learn.stream import Chunk
from mlxdyn.study.statement import SENTENCE_END, tells
from mlxdyn.study.topic import content, key
from mlxdyn.template import Turn, render

LONGEST = 256  # tokens of an anchor that are read
EVERY = 8  # each eighth anchor guards, the others are studied
BEGINNING = 3  # tokens of an answer that decide whether something is claimed to be known


@dataclass(frozen=True, slots=True)
class Ask:
    """A question to which the model should go on saying what it says."""

    question: str
    said: str
    chunk: Chunk
    key: str  # of its topic: once it is told, it is an anchor no more
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Anchors:
    """Some are studied beside items, the others only guard."""

    asks: tuple[Ask, ...]
    talks: tuple[Chunk, ...]
    openings: tuple[tuple[Turn, Turn], ...]  # questions that tell nothing, with their replies
    guarding_asks: tuple[Chunk, ...]
    guarding_talks: tuple[Chunk, ...]


def bundled() -> str:
    """Return the anchors that ship with mlxdyn: {"turns": [[role, text], ...]} a line."""
    return resources.files("mlxdyn.study").joinpath("anchors.jsonl").read_text("utf-8")


def read(path: Path) -> str:
    """Read a user's own anchors: JSON lines of dialogues, or plain text in paragraphs.

    Raises MlxdynError when there is nothing to hold on to.
    """
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise MlxdynError(f"the anchors {path} cannot be read as UTF-8 text: {error}") from error
    if path.suffix.lower() != ".jsonl":
        parts = [part.strip() for part in text.split("\n\n") if part.strip()]
        text = "\n".join(json.dumps({"turns": [["user", part]]}) for part in parts)
    if len(_parse(text)) < 2 * EVERY:
        raise MlxdynError(f"{path} holds fewer than {2 * EVERY} anchors; add more text")
    return text


def _parse(text: str) -> list[tuple[bool, list[Turn]]]:
    """Turn JSON lines into (is it an ask, dialogue); raise MlxdynError for a line that is none."""
    lines = [line for line in text.splitlines() if line.strip()]
    try:
        rows = [json.loads(line) for line in lines]
        found = [
            (bool(row.get("ask")), [Turn(str(role), str(said)) for role, said in row["turns"]])
            for row in rows
        ]
        if odd := {turn.role for _, turns in found for turn in turns} - {"user", "assistant"}:
            raise ValueError(f"{min(odd)!r:.40} is no role; there are user and assistant")
        if not all(turns for _, turns in found):
            raise ValueError("a line has no turns")
        return found
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise MlxdynError(
            f'anchors are lines of {{"turns": [[role, text], ...]}}: {error}'
        ) from error


def encode(tokenizer: Any, text: str) -> Anchors:
    """Render anchors, some to study and some to guard."""
    rows = _parse(text)
    asks = [ask(tokenizer, turns[0].text, turns[-1].text) for unknown, turns in rows if unknown]
    talks = [talk(tokenizer, turns) for unknown, turns in rows if not unknown]
    told = [turns for unknown, turns in rows if not unknown]
    return Anchors(
        asks=tuple(one for i, one in enumerate(asks) if i % EVERY),
        talks=tuple(one for i, one in enumerate(talks) if i % EVERY),
        openings=tuple(
            (turns[0], turns[1]) for i, turns in enumerate(told) if i % EVERY and _only_asks(turns)
        ),
        guarding_asks=tuple(one.chunk for one in asks[::EVERY]),
        guarding_talks=tuple(talks[::EVERY]),
    )


def _only_asks(turns: list[Turn]) -> bool:
    """Say whether a dialogue opens with a question that tells nothing, and its reply."""
    roles = [turn.role for turn in turns[:2]]
    asked = [part for part in re.split(SENTENCE_END, turns[0].text) if part.strip()]
    return roles == ["user", "assistant"] and not any(map(tells, asked))


def ask(tokenizer: Any, question: str, said: str, before: Sequence[Turn] = ()) -> Ask:
    """Hold how the answer to `question` begins, in an empty context or after other talk."""
    whole = answer(tokenizer, [*before, Turn("user", question), Turn("assistant", said)])
    chunk = Chunk(whole.context, whole.targets[:BEGINNING])
    return Ask(question, said, chunk, key(question), frozenset(content(question)))


def talk(tokenizer: Any, turns: list[Turn]) -> Chunk:
    """Hold the assistant's words and the tokens that end them; all words if only one speaks."""
    rendered = render(tokenizer, turns, reply=False)
    tokens = rendered.tokens[: LONGEST + 1]
    alone = len(turns) == 1
    spans = [
        span
        for turn, span in zip(turns, rendered.spans, strict=True)
        if alone or turn.role == "assistant"
    ]
    held = {at for start, end in spans for at in range(start, end + 1)}
    weights = tuple(float(at in held) for at in range(1, len(tokens)))
    return Chunk(tokens[:1], tokens[1:], weights)


def answer(tokenizer: Any, turns: list[Turn], *, longest: int = LONGEST) -> Chunk:
    """Make the words of the last turn, and the token that ends it, the targets.

    At most `longest` tokens before them are seen, and at most as many are targets.
    """
    rendered = render(tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    first = max(start, 1)
    tokens = rendered.tokens[: min(end + 1, first + longest)]
    oldest = max(0, first - longest)
    return Chunk(context=tokens[oldest:first], targets=tokens[first:])
