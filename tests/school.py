"""What the tests of the memory share: the quickest lessons there are, and who carries them out."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tiny import fact

from mlxdyn.config import LearnerConfig, StudyConfig
from mlxdyn.files import home
from mlxdyn.learn.example import Kind
from mlxdyn.learn.learner import State
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, Lesson
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model

SAID = ["my dog is called Rex", "I live in Oslo", "the sea is cold today"]
FAST = LearnerConfig(learning_rate=1e-3)
NO_BOUND = float("inf")
QUICK = StudyConfig(
    steps=1, new=2, replayed=1, held=1, recalled=2, pass_steps=1, most_steps=4, max_drift=NO_BOUND,
)  # fmt: skip
HELD = [("Name a colour.", "Blue."), ("Is ice hot?", "No."), ("What is rain?", "Water.")]
"""What the base says, and should go on saying."""


def open_memory(name: str, model: Model, ledger: Ledger, **options: Any) -> Memory:
    return Memory(name, model, ledger, **{"learner": FAST, "study": QUICK, **options})


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
    *facts: tuple[str, str],
    chunks: tuple[Chunk, ...] | None = None,
    guarded: bool = False,
) -> EventRow:
    """Let a memory learn one message in a conversation of its own, and the facts that it taught."""
    ledger = memory.ledger
    if not ledger.regularization(memory.row.id):
        for question, answer in HELD:
            fact(memory, None, question, answer, Kind.REGULARIZATION)
    chat = ledger.add_conversation(memory.row.id)
    message = ledger.add_message(chat, "user", text, "pending").id
    for question, answer in facts:
        fact(memory, message, question, answer)
    if chunks is None:
        chunks = words(memory.model, text)
    steps = memory.study_config.steps if facts else 0
    return memory.learn(Lesson("message", message, chunks, steps, guarded))


def state(memory: Memory) -> State:
    return memory.learner.state


def snapshots(memory: Memory) -> list[Path]:
    """The files of a memory's snapshots, newest first."""
    return [memory.directory / row.file for row in memory.ledger.snapshots(memory.row.id)]
