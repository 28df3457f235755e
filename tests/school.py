"""What the tests of the memory share: the quickest lessons there are, and who carries them out."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mlxdyn.config import LearnerConfig, StudyConfig
from mlxdyn.files import data_dir, write
from mlxdyn.learn import calibration
from mlxdyn.learn.base import Base, Prompts
from mlxdyn.learn.calibration import FALLBACK, Calibration
from mlxdyn.learn.decode import LIKELY, Decoded
from mlxdyn.learn.example import Draft, Example, Kind, Likely
from mlxdyn.learn.learner import State
from mlxdyn.learn.prompts import TEACHERS, WriterPrompt
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.memory.calibrated import kept_at
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, Lesson
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled

SAID = ["my dog is called Rex", "I live in Oslo", "the sea is cold today"]
FAST = LearnerConfig(learning_rate=1e-3)
TALKS = [
    ("Hello!", "Hello! How are you?"),
    ("What is rain?", "Water that falls from clouds."),
    ("Name a colour.", "Blue."),
    ("Is ice hot?", "No, ice is cold."),
    ("Who is my boss?", "I don't know that yet."),
]
NEAR = (("What is my sister's cat called?", "I don't know that yet."),)
NO_BOUND = float("inf")
OWN = WriterPrompt(request="Write questions and answers from this message:", heading="Q:")
EAGER = Prompts(TEACHERS[1], OWN, answered=-10.0)
"""With these the bundled base finds something in every message."""
QUICK = StudyConfig(
    steps=1, rounds=1, new=2, replayed=1, held=1, recalled=2, pass_steps=1, most_steps=4,
    max_drift=NO_BOUND,
)  # fmt: skip


def encoded(model: Model, question: str, answer: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Give the tokens of a question in an empty context, and of the answer with its end."""
    turns = [Turn("user", question), Turn("assistant", answer)]
    rendered = render(model.tokenizer, turns, reply=False)
    start, end = rendered.spans[-1]
    return rendered.tokens[:start], rendered.tokens[start : end + 1]


def as_said(model: Model, question: str, answer: str, kind: Kind = Kind.FACT) -> Draft:
    """Make an example whose target is the text itself."""
    prompt, target = encoded(model, question, answer)
    return Draft(question, answer, Example(kind, prompt, target, likely=None))


def as_it_is(model: Model, question: str, answer: str, kind: Kind) -> Draft:
    """Make an example whose target is what the bare base thinks of an answer."""
    prompt, target = encoded(model, question, answer)
    with adapter_disabled(model):
        logits = model.network(mx.array([[*prompt, *target[:-1]]]))[0, -len(target) :]
        scores = np.array(nn.log_softmax(logits.astype(mx.float32)))
    tokens = np.argsort(-scores, axis=1)[:, :LIKELY].astype(np.int32)
    likely = Likely(tokens, np.take_along_axis(scores, tokens, axis=1))
    return Draft(question, answer, Example(kind, prompt, target, likely))


def as_decoded(base: Base, answer: str) -> Decoded:
    """Give an answer as if the base had been sure of it."""
    tokens = (*base.words(answer), min(base.decoder.ends))
    likely = Likely(np.array(tokens, np.int32)[:, None], np.zeros((len(tokens), 1), np.float32))
    return Decoded(tokens, likely, ended=True, logprobs=(0.0,) * len(tokens))


def held(model: Model) -> list[Draft]:
    """Make a regularization set; of its five answers, two only guard."""
    return [as_it_is(model, *talk, Kind.REGULARIZATION) for talk in TALKS]


def know(model: Model, prompts: Prompts | None = None) -> None:
    """Let it be known which prompts serve a base: measuring that takes many seconds."""
    known = Calibration(prompts or FALLBACK, priors={}, recall=(), told_apart=(), about=())
    write(kept_at(model), calibration.dump(known))


def open_memory(name: str, model: Model, ledger: Ledger, **options: Any) -> Memory:
    """Open a memory, as a process would, on a base that is known."""
    memory = Memory(name, model, ledger, **{"learner": FAST, "study": QUICK, **options})
    if options.get("writable", True):
        if not kept_at(model).is_file():
            know(model)
        if not ledger.examples.regularization(memory.row.id):
            ledger.examples.add(memory.row.id, None, held(model))
    return memory


@contextmanager
def opened(name: str, model: Model, path: Path | None = None, **options: Any) -> Iterator[Memory]:
    """Open a memory, as a process would, on the ledger at `path` or the one of the home."""
    ledger = Ledger(path or data_dir() / "mlxdyn.db")
    try:
        with open_memory(name, model, ledger, **options) as memory:
            yield memory
    finally:
        ledger.close()


def words(model: Model, text: str, *, chunk: int = 64) -> tuple[Chunk, ...]:
    """Cut a message into chunks as a conversation does."""
    rendered = render(model.tokenizer, [Turn("user", text)], reply=False)
    return tuple(lesson(rendered, chunk=chunk, window=512))


def say(memory: Memory, text: str, *, uid: str | None = None) -> int:
    """Let a message wait in a conversation of its own.

    Its uid, on which draws hang, is by default that of the same text in any other memory.
    """
    ledger = memory.ledger
    chat = ledger.conversations.add(memory.row.id)
    if uid is None:
        sql = (
            "SELECT count(*) FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE m.text = ? AND c.memory = ?"
        )
        times = 1 + ledger.database.run(sql, (text, memory.row.id)).fetchone()[0]
        uid = hashlib.sha256(f"{text}:{times}".encode()).hexdigest()[:16]
    return ledger.messages.add(chat, "user", text, "pending", uid=uid).id


def teach(
    memory: Memory,
    text: str,
    *facts: tuple[str, str],
    chunks: tuple[Chunk, ...] | None = None,
    guarded: bool = False,
    near: Sequence[tuple[str, str]] | None = None,
    depends_on: Sequence[int] = (),
    superseded: Sequence[int] = (),
    uid: str | None = None,
) -> EventRow:
    """Let a memory learn one message, its examples frozen by hand; with facts, NEAR among them."""
    message, model = say(memory, text, uid=uid), memory.model
    drafts = [as_said(model, *fact) for fact in facts]
    near = (NEAR if facts else ()) if near is None else near
    drafts += [as_said(model, *miss, Kind.NEAR_MISS) for miss in near]
    memory.ledger.examples.add(
        memory.row.id, message, drafts, depends_on=depends_on, superseded=superseded
    )
    if chunks is None:
        chunks = words(memory.model, text)
    return memory.learn(Lesson("message", message, chunks, memory.study_config.steps, guarded))


def state(memory: Memory) -> State:
    return memory.learner.state


def snapshots(memory: Memory) -> list[Path]:
    """The files of a memory's snapshots, newest first."""
    return [memory.directory / row.file for row in memory.ledger.memories.snapshots(memory.row.id)]
