"""What the tests of the memory share: the quickest lessons there are, and who carries them out."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlxdyn.config import LearnerConfig, StudyConfig
from mlxdyn.files import home
from mlxdyn.learn.learner import State
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, Lesson
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.study.item import CONTRAST, Item

SAID = ["my dog is called Rex", "I live in Oslo", "the sea is cold today"]
FAST = LearnerConfig(learning_rate=1e-3)
TALKS = [
    ("Hello!", "Hello! How are you?"),
    ("What is rain?", "Water that falls from clouds."),
    ("Name a colour.", "Blue."),
    ("Is ice hot?", "No, ice is cold."),
]
ASKS = ["Who is my boss?", "When is my birthday?", "Where did I park?", "What is my shoe size?"]
UNKNOWN = "I don't know that yet."
NEAR = (("What is my sister's cat called?", UNKNOWN),)
ANCHORS = "\n".join(
    [json.dumps({"turns": [["user", asked], ["assistant", answer]]}) for asked, answer in TALKS]
    + [json.dumps({"ask": True, "turns": [["user", q], ["assistant", UNKNOWN]]}) for q in ASKS]
)
NO_BOUND = float("inf")
QUICK = StudyConfig(
    steps=1, items=2, recalled=2, asks=1, framed=0.0, pass_steps=1, most_steps=4,
    max_drift=NO_BOUND, max_divergence=NO_BOUND,
)  # fmt: skip
GUARDED = {"study": QUICK, "anchor_text": ANCHORS}


def open_memory(name: str, model: Model, ledger: Ledger, **options: Any) -> Memory:
    return Memory(name, model, ledger, **{"learner": FAST, **GUARDED, **options})


@contextmanager
def opened(name: str, model: Model, path: Path | None = None, **options: Any) -> Iterator[Memory]:
    """Open a memory, as a process would, on the ledger at `path` or the one of the home."""
    ledger = Ledger(path or home() / "mlxdyn.db")
    try:
        with open_memory(name, model, ledger, **options) as memory:
            yield memory
    finally:
        ledger.close()


def words(model: Model, text: str, *, chunk: int = 64) -> tuple[Chunk, ...]:
    """Cut a message into chunks as a conversation does."""
    rendered = render(model.tokenizer, [Turn("user", text)], reply=False)
    return tuple(lesson(rendered, chunk=chunk, window=512))


def teach(
    memory: Memory,
    text: str,
    *items: tuple[str, str],
    chunks: tuple[Chunk, ...] | None = None,
    guarded: bool = False,
    near: Sequence[tuple[str, str]] = NEAR,
    source: str = "user",
) -> EventRow:
    """Let a memory learn one message in a conversation of its own, and study its items."""
    ledger = memory.ledger
    chat = ledger.add_conversation(memory.row.id)
    message = ledger.add_message(chat, "user", text, "pending").id
    ledger.add_items(message, [Item(*item) for item in items], source)
    ledger.add_items(message, [Item(*item) for item in near], CONTRAST)
    if chunks is None:
        chunks = words(memory.model, text)
    steps = memory.study_config.steps if items else 0
    return memory.learn(Lesson("message", message, chunks, steps, guarded))


def state(memory: Memory) -> State:
    return memory.learner.state


def snapshots(memory: Memory) -> list[Path]:
    """The files of a memory's snapshots, newest first."""
    return [memory.directory / row.file for row in memory.ledger.snapshots(memory.row.id)]
