"""What grows with the length of a stream, with windows, ranks, sizes, ledgers and memories."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import mlx.core as mx
import psutil
from mlx_lm.models import llama
from mlx_lm.models.cache import make_prompt_cache

from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.files import elsewhere
from mlxdyn.lab.bench.reading import drawn
from mlxdyn.lab.bench.rows import timed
from mlxdyn.lab.bench.talking import MESSAGE
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.memory.memory import ADAPTER, Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Lesson, Outcome, Update
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import attach, detach

Point = dict[str, float | int]
Say = Callable[[str], None]
SECONDS = 20.0  # for a stream to grow
WINDOWS, CHUNKS, RANKS = (64, 128, 256, 512, 1024), (8, 16, 32, 64, 128), (1, 4, 16, 64, 256)
WIDTHS = (64, 128, 256, 512, 768)
MESSAGES, MEMORIES = (1_000, 10_000, 100_000), (1, 10, 100, 1_000)
TINY = {
    "model_type": "llama", "num_hidden_layers": 4, "num_attention_heads": 4, "head_dim": 16,
    "num_key_value_heads": 4, "rms_norm_eps": 1e-5, "vocab_size": 2048, "tie_word_embeddings": True,
}  # fmt: skip


def all_curves(
    name: str, *, progress: Say, seconds: float = SECONDS, messages: Sequence[int] = MESSAGES
) -> dict[str, Any]:
    """Measure every curve on the model called `name`; learning is in milliseconds a token."""
    subject = load(name)
    found: dict[str, Any] = {"schema": "mlxdyn.curves/1", "model": subject.name}
    parts: dict[str, Callable[[], list[Point]]] = {
        "stream": lambda: _stream(subject, seconds),
        "window": lambda: [_learned(subject, window=w, chunk=64) for w in WINDOWS],
        "chunk": lambda: [_learned(subject, window=256, chunk=c) for c in CHUNKS],
        "rank": lambda: [_learned(subject, rank=r) for r in RANKS],
        "size": lambda: [_sized(width) for width in WIDTHS],
        "ledger": lambda: [_ledger(subject, count) for count in messages],
        "memories": lambda: [_memories(subject, count) for count in MEMORIES],
    }
    for part, measured in parts.items():
        progress(f"{part} ...")
        found[part] = measured()
    detach(subject)
    return found


def _stream(subject: Model, seconds: float) -> list[Point]:
    """Learn a stream that does not end: ten parts of equal time, cost and memory of each."""
    learner = _learner(subject, AdapterConfig())
    tokens, read, points = drawn(subject, 4097), 0, list[Point]()
    cut = _endless(tokens)
    for chunk in (next(cut) for _ in range(8)):
        learner.learn(chunk)  # warms up
    for _ in range(10):
        began, before = time.perf_counter(), read
        while time.perf_counter() - began < seconds / 10:
            read += len((chunk := next(cut)).targets)
            learner.learn(chunk)
        cost = 1000 * (time.perf_counter() - began) / max(1, read - before)
        points.append({"tokens": read, "ms_a_token": cost, **_memory_now()})
    return points


def _endless(tokens: Sequence[int]) -> Iterator[Chunk]:
    while True:
        yield from chunks(tokens, StreamConfig())


def _learned(subject: Model, *, window: int = 256, chunk: int = 64, rank: int = 8) -> Point:
    """Learn in windows kept and in windows read anew."""
    learner = _learner(subject, AdapterConfig(rank=rank))
    tokens = drawn(subject, window + 4 * chunk + 1)
    point: Point = {"window": window, "chunk": chunk, "rank": rank}
    for context in ("restart", "recompute"):
        cut = list(chunks(tokens, StreamConfig(window, chunk, context)))[-4:]
        if cut[0].prefix is None:
            learner.learn(Chunk(cut[0].context, cut[0].targets))  # something to go on from
        mx.reset_peak_memory()
        taken = [timed(partial(learner.learn, one)) / len(one.targets) for one in cut]
        point[f"ms_a_token_{context}"] = 1000 * median(taken[1:])
        point[f"peak_mb_{context}"] = mx.get_peak_memory() / 1e6
    return point


def _sized(width: int) -> Point:
    """Learn with a random model of four blocks so wide."""
    args = llama.ModelArgs.from_dict(
        TINY | {"hidden_size": width, "intermediate_size": 3 * width, "head_dim": width // 4}
    )
    network = llama.Model(args)
    mx.eval(network.parameters())
    model = Model("", Path(), network, None, {}, "", "")
    attach(model, AdapterConfig())
    learner = Learner(network, LearnerConfig(), lambda: make_prompt_cache(network))
    network.train()
    cut = list(chunks(tuple(range(1, 514)), StreamConfig(256, 64)))
    taken = [timed(partial(learner.learn, one)) / len(one.targets) for one in cut]
    weights = sum(a.size for a in _arrays(network))
    return {"parameters": weights, "ms_a_token": 1000 * median(taken[1:])}


def _arrays(network: Any) -> Iterator[mx.array]:
    from mlxdyn.arrays import leaves

    return (array for _, array in leaves(network.parameters()))


def _learner(subject: Model, config: AdapterConfig) -> Learner:
    attach(subject, config)
    subject.network.train()
    return Learner(subject.network, LearnerConfig(), subject.new_cache)


def _memory_now() -> Point:
    return {
        "mlx_mb": mx.get_active_memory() / 1e6,
        "rss_mb": psutil.Process().memory_info().rss / 1e6,
    }


@contextmanager
def _ledger_of(subject: Model) -> Iterator[tuple[Ledger, Path]]:
    with tempfile.TemporaryDirectory() as folder, elsewhere(Path(folder)):
        ledger = Ledger(Path(folder) / "mlxdyn.db")
        try:
            yield ledger, Path(folder) / "mlxdyn.db"
        finally:
            ledger.close()


def _ledger(subject: Model, count: int) -> Point:
    """Time what a person waits for in a ledger of so many messages, each with its lesson."""
    with _ledger_of(subject) as (ledger, path):
        with Memory("bench", subject, ledger, learner=LearnerConfig()) as memory:
            row = memory.row.id
            _fill(ledger, row, count)
            ledger.memories.set_snapshots(row, [])
            memory.whole = True  # only the time is looked at: the weights are not of these rows
            memory.snapshot()

        def start() -> None:
            with Memory("bench", subject, ledger, learner=LearnerConfig()):
                ledger.conversations.all(row)
                ledger.messages.pending(row)

        looks: dict[str, Callable[[], Any]] = {
            "start": start,
            "log_newest": lambda: ledger.events.log(row, Filter(newest=100)),
            "search": lambda: ledger.events.log(row, Filter(search=f"number {count // 2}.")),
            "totals": lambda: ledger.events.totals(row),
        }
        times = {f"ms_{name}": 1000 * _best(look) for name, look in looks.items()}
        size = sum(file.stat().st_size for file in path.parent.glob(f"{path.name}*"))
        return {"messages": count, "mb": size / 1e6, **times}


def _fill(ledger: Ledger, memory: int, count: int) -> None:
    update = Update("words", 24, 1, 1.0, 2.0, 1.5, 0.5)
    lesson = (Chunk((1, 2), tuple(range(3, 27))),)
    with ledger.transaction():
        for number in range(count):
            if number % 20 == 0:
                chat = ledger.conversations.add(memory)
            text = f"{MESSAGE} This is number {number}."
            message = ledger.messages.add(chat, "user", text, "pending").id
            ledger.messages.add(chat, "assistant", "I see. Tell me more about it.", "none")
            ledger.events.add(
                memory, Lesson("message", message, lesson, 0), Outcome(True, "", 0.0, (update,))
            )


def _memories(subject: Model, count: int) -> Point:
    """Time listing so many memories, and opening one of them."""
    with _ledger_of(subject) as (ledger, _):
        recipe = (str(subject.path), subject.fingerprint, asdict(ADAPTER), asdict(LearnerConfig()))
        with ledger.transaction():
            for number in range(count - 1):
                ledger.memories.add(f"m{number}", *recipe, {})

        def opened() -> None:
            with Memory("bench", subject, ledger, learner=LearnerConfig()):
                pass

        opened()
        return {
            "memories": count,
            "ms_list": 1000 * _best(ledger.memories.all),
            "ms_open": 1000 * _best(opened),
        }


def _best(action: Callable[[], Any]) -> float:
    return min(timed(action) for _ in range(3))
