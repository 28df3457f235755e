"""Recall probes: do taught facts come back, in an empty context, from the weights alone?"""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import mean

from mlxdyn.errors import MlxdynError
from mlxdyn.learn.steps import run
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.records import ExampleRow

TOGETHER = 16  # questions answered at once


@dataclass(frozen=True, slots=True)
class Probe:
    """One fact, asked for with nothing in context."""

    item: int
    message: int
    question: str
    answer: str  # as taught
    said: str  # by greedy decoding
    same: bool  # word for word
    gap: float  # mean KL(teacher || now) over the answer, in nats per token


@dataclass(frozen=True, slots=True)
class Recall:
    """What a memory recalls: the share that comes back word for word, and the mean gap in nats."""

    probes: tuple[Probe, ...]
    same: float
    gap: float


def probe(memory: Memory, progress: Callable[[int, int], None] | None = None) -> Recall:
    """Ask for every active fact and compare what comes with what was taught."""
    base, trainer, rows = memory.base, memory.lessons.trainer, memory.known_facts()
    if base is None or trainer is None:
        raise MlxdynError(f"{memory.model.name} learns words only: there are no facts to ask for")
    probes: list[Probe] = []
    for first in range(0, len(rows), TOGETHER):
        part = rows[first : first + TOGETHER]
        gaps = run(trainer.measure([row.example for row in part]))
        said = run(base.say_now([row.example.prompt for row in part]))
        probes += map(_probe, part, said, gaps)
        if progress:
            progress(len(probes), len(rows))
    shares = [float(p.same) for p in probes] or [0.0]
    return Recall(tuple(probes), mean(shares), mean([p.gap for p in probes] or [0.0]))


def _probe(row: ExampleRow, said: str, gap: float) -> Probe:
    same = said == row.answer
    return Probe(row.id, row.message or 0, row.question, row.answer, said, same, gap)
