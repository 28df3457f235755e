"""Speed and memory of talking and learning with one model, beside mlx-lm's own; returns numbers.

Everything is measured in rounds, the actions of a round one after another, so that a noisy machine
touches all alike; figures are medians. The tokens are random: speed does not depend on them.
"""

import os
import random
import statistics
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
from mlx.optimizers import Adam
from mlx_lm import stream_generate
from mlx_lm.sample_utils import make_sampler
from mlx_lm.tuner.trainer import default_loss

from mlxdyn.arrays import write_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.lab.bench.rows import timed
from mlxdyn.learn.learner import Learner, State, flatten
from mlxdyn.learn.stream import Chunk
from mlxdyn.model import device
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import adapter_disabled, attach

ROUNDS = 5
PROMPT, REPLY = 128, 64  # tokens read and written
WINDOW, CHUNK = 256, 64  # tokens seen and learned in one step


@dataclass(frozen=True, slots=True)
class Measurement:
    """One measurement: the median of all rounds, the smallest and the largest."""

    name: str
    unit: str
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Speed:
    """What was measured, of which model, where."""

    model: str
    parameters: int
    adapter_parameters: int
    device: str
    rounds: int
    figures: tuple[Measurement, ...]
    learn_per_score: float  # time to score and learn a chunk, as a multiple of scoring it
    peak_memory_bytes: int


def measure(
    name: str, *, rounds: int = ROUNDS, progress: Callable[[int, int], None] | None = None
) -> Speed:
    """Load the model called `name` and measure it; raises MlxdynError when it cannot be loaded."""
    mx.reset_peak_memory()
    loading = [timed(lambda: load(name)) for _ in range(min(rounds, 3))]
    subject = load(name)
    trainable = attach(subject, AdapterConfig())
    rounds_of = actions(subject)
    seconds: dict[str, list[float]] = {action: [] for action in rounds_of}
    for done in range(rounds + 1):  # the first round warms up
        for action, run in rounds_of.items():
            seconds[action].append(run())
        if progress:
            progress(done + 1, rounds + 1)
    kept = {action: taken[1:] for action, taken in seconds.items()}
    return Speed(
        model=subject.name,
        parameters=subject.parameters,
        adapter_parameters=trainable,
        device=device.current().description,
        rounds=rounds,
        figures=tuple(_figures(kept | {"load": loading})),
        learn_per_score=statistics.median(kept["learn"]) / statistics.median(kept["score"]),
        peak_memory_bytes=mx.get_peak_memory(),
    )


def actions(subject: Model) -> dict[str, Callable[[], float]]:
    """Everything that is measured in a round, each giving its seconds."""
    network = subject.network
    learner = Learner(network, LearnerConfig(), subject.new_cache)
    size = min(2000, network(mx.array([[0]])).shape[-1])
    tokens = tuple(random.Random(0).choices(range(1, size), k=WINDOW + 1))
    chunk = Chunk(tokens[: WINDOW - CHUNK + 1], tokens[WINDOW - CHUNK + 1 :])
    start = learner.state

    def talk(write: int) -> float:
        network.eval()
        return timed(lambda: _write(subject, tokens[:PROMPT], write))

    def learn() -> float:
        network.train()
        seconds = timed(lambda: learner.learn(chunk))
        learner.state = start
        return seconds

    def plain(write: int) -> float:
        with adapter_disabled(subject):
            return talk(write)

    def score() -> float:
        network.eval()
        return timed(lambda: learner.score(chunk))

    def undo() -> float:
        learner.learn(chunk)
        return timed(lambda: _put_back(learner, start))

    return {
        "first token": lambda: talk(1),
        "reply": lambda: talk(REPLY),
        "mlx-lm first token": lambda: plain(1),
        "mlx-lm reply": lambda: plain(REPLY),
        "score": score,
        "learn": learn,
        "mlx-lm step": _peer_step(subject, learner, tokens),
        "undo": undo,
        "save": lambda: _save(learner),
    }


def _write(subject: Model, prompt: tuple[int, ...], most: int) -> None:
    """Write exactly `most` tokens, whatever they are, as a chat does."""
    ends, subject.tokenizer._eos_token_ids = subject.tokenizer.eos_token_ids, set()
    try:
        sampler = make_sampler(temp=0.0)
        for _ in stream_generate(
            subject.network, subject.tokenizer, list(prompt), max_tokens=most, sampler=sampler
        ):
            pass
    finally:
        subject.tokenizer._eos_token_ids = ends


def _peer_step(subject: Model, learner: Learner, tokens: tuple[int, ...]) -> Callable[[], float]:
    """Score a chunk, then train on it by mlx-lm's own loss and MLX's Adam: two forward passes."""
    network, gradient = subject.network, nn.value_and_grad(subject.network, default_loss)
    batch, spans = mx.array([tokens]), mx.array([[WINDOW - CHUNK + 1, WINDOW]])

    def step() -> float:
        before, optimizer = learner.state, Adam(1e-5)
        network.train()

        def run() -> None:
            mx.eval(default_loss(network, batch, spans))
            (loss, _), found = gradient(network, batch, spans)
            optimizer.update(network, found)
            mx.eval(loss, network.trainable_parameters(), optimizer.state)

        seconds = timed(run)
        learner.state = before
        return seconds

    return step


def _put_back(learner: Learner, state: State) -> None:
    learner.state = state
    mx.eval(learner.network.trainable_parameters())


def _save(learner: Learner) -> float:
    """Write the adapter and its optimizer state to disk, synced."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{os.getpid()}.safetensors"
        return timed(lambda: write_arrays(path, flatten(learner.state), {}))


def _figures(seconds: dict[str, list[float]]) -> list[Measurement]:
    """Turn seconds into what people compare."""
    writing = [a - b for a, b in zip(seconds["reply"], seconds["first token"], strict=True)]
    theirs = zip(seconds["mlx-lm reply"], seconds["mlx-lm first token"], strict=True)
    peer = [a - b for a, b in theirs]
    speeds = [
        ("reading a prompt", [PROMPT / s for s in seconds["first token"]]),
        ("writing", [(REPLY - 1) / max(s, 1e-9) for s in writing]),
        ("writing, mlx-lm without an adapter", [(REPLY - 1) / max(s, 1e-9) for s in peer]),
        ("scoring a stream", [CHUNK / s for s in seconds["score"]]),
        ("scoring and learning it", [CHUNK / s for s in seconds["learn"]]),
        ("the same by mlx-lm, scored apart", [CHUNK / s for s in seconds["mlx-lm step"]]),
    ]
    waits = [("loading", "load"), ("first token", "first token"), ("undo", "undo")]
    return [
        *(_figure(label, "seconds", seconds[name]) for label, name in waits),
        _figure("saving the memory", "seconds", seconds["save"]),
        *(_figure(label, "tokens/s", values) for label, values in speeds),
    ]


def _figure(name: str, unit: str, values: list[float]) -> Measurement:
    return Measurement(name, unit, statistics.median(values), min(values), max(values))
