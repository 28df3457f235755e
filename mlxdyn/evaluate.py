"""Static beside dynamic evaluation of documents: numbers only, nothing printed or saved."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from statistics import median
from typing import Literal

import mlx.core as mx
import numpy as np

from mlxdyn import model as models
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.learner import Learner, Observation
from mlxdyn.model import Model
from mlxdyn.optimizers import Tree
from mlxdyn.stream import Chunk, chunks
from mlxdyn.tasks import Document, Refused

TURN = 8  # chunks that one run takes before the other catches up: both meet the same machine
RESAMPLES = 2000  # of the bootstrap
ENOUGH_DOCUMENTS = 5  # to be the blocks of the bootstrap
FORWARDS = {"lora": 2, "full": 3}  # of the cost of one forward, that a learned token costs

Progress = Callable[[int], None]  # is told the number of targets scored by both runs since


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an evaluation depends on but model and text."""

    adapter: AdapterConfig
    learner: LearnerConfig
    stream: StreamConfig


@dataclass(frozen=True, slots=True)
class Stream:
    """A document as tokens, the first of which is never a target."""

    path: str
    sha256: str
    bytes: int
    tokens: tuple[int, ...]
    scored_bytes: int  # UTF-8 bytes that the targets decode to


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """What one chunk gave in both runs; nats are sums over its targets."""

    document: int  # index of its stream
    position: int  # of its first target in the stream
    tokens: int
    static: float
    dynamic: float


@dataclass(frozen=True, slots=True)
class Result:
    """One run over one document, or over all of them."""

    path: str | None  # None for all
    nats: float  # summed over targets
    tokens: int
    bytes: int
    updates: int
    rejected: int  # updates that were not finite and were not taken
    seconds: float
    peak_memory_bytes: int

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes if self.bytes else math.nan

    @property
    def perplexity(self) -> float:
        mean = self.nats_per_token
        return math.exp(mean) if not mean > 700 else math.inf

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One way of evaluating: all documents together, and each."""

    name: Literal["static", "dynamic"]
    total: Result
    documents: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Static beside dynamic on identical tokens and windows."""

    settings: Settings
    streams: tuple[Stream, ...]
    adapter_parameters: int
    static: Run
    dynamic: Run
    ci95: tuple[float, float] | None  # of the gain in nats per token; None with a single block
    wall: float  # dynamic over static seconds, each kind of chunk at its median
    flops: float  # likewise, counted
    chunks: tuple[ChunkScore, ...]

    @property
    def gain(self) -> float:
        """Static minus dynamic, in nats per token."""
        return self.static.total.nats_per_token - self.dynamic.total.nats_per_token

    @property
    def gain_bits_per_byte(self) -> float:
        return self.static.total.bits_per_byte - self.dynamic.total.bits_per_byte


@dataclass(frozen=True, slots=True)
class _Step:
    """One chunk in one run."""

    chunk: Chunk
    nats: float
    accepted: bool | None  # None when nothing was to be learned
    seconds: float
    peak: int  # bytes


def encode(
    model: Model, documents: Iterable[Document | Refused], limit: int | None = None
) -> Iterator[Stream | Refused]:
    """Turn documents into streams until `limit` tokens are read; refuse those without a target."""
    left = limit
    for document in documents:
        if isinstance(document, Refused):
            yield document
            continue
        tokens = _tokens(model, document.text, left)
        if len(tokens) < 2:
            yield Refused(document.path, "it is shorter than two tokens")
            continue
        yield _stream(model, document, tokens)
        if left is not None:
            left -= len(tokens)
            if left < 2:
                return


def _tokens(model: Model, text: str, limit: int | None) -> list[int]:
    """Encode `text`, or just the start of it that surely holds `limit` tokens."""
    if limit is None:
        return model.encode(text)
    characters = 8 * limit + 512
    while characters < len(text):
        tokens = model.encode(text[:characters])
        if len(tokens) > limit + 64:  # the cut may have changed the last few
            return tokens[:limit]
        characters *= 4
    return model.encode(text)[:limit]


def _stream(model: Model, document: Document, tokens: list[int]) -> Stream:
    size = len(model.decode(tokens).encode()) - len(model.decode(tokens[:1]).encode())
    return Stream(document.path, document.sha256, document.bytes, tuple(tokens), size)


def check(model: Model, settings: Settings) -> None:
    """Raise MlxdynError when the windows fit neither the model nor each other."""
    stream, most = settings.stream, model.context_size
    if stream.window > most:
        raise MlxdynError(
            f"a window of {stream.window} is more than the {most} tokens {model.name} was trained "
            f"on; use --window {most} or less"
        )
    if not 1 <= stream.chunk <= stream.window:
        raise MlxdynError(
            f"a chunk of {stream.chunk} does not fit a window of {stream.window} tokens; "
            f"use --chunk {max(1, stream.window // 4)}"
        )


def evaluate(
    model: Model, streams: Sequence[Stream], settings: Settings, progress: Progress | None = None
) -> Report:
    """Score `streams` with the base and with online updates; leave `model` as the bare base.

    Documents are separate: no context crosses them, while weights carry on unless
    `reset="document"`. Raises MlxdynError when the settings do not fit the model.
    """
    check(model, settings)
    models.detach(model)
    base = dict(model.network.parameters())
    static = Learner(model.network, settings.learner, model.new_cache)
    parameters = models.attach(model, settings.adapter)
    try:
        dynamic = Learner(model.network, settings.learner, model.new_cache)
        pairs = _both(model, static, dynamic, streams, settings, progress or (lambda _: None))
    finally:
        models.detach(model)
        model.network.update(base)
    return _report(model, streams, settings, parameters, pairs)


def _both(
    model: Model,
    static: Learner,
    dynamic: Learner,
    streams: Sequence[Stream],
    settings: Settings,
    progress: Progress,
) -> list[list[tuple[_Step, _Step]]]:
    """Run each stream both ways, a few chunks at a time."""
    start, base = dynamic.state, dict(model.network.trainable_parameters())
    pairs: list[list[tuple[_Step, _Step]]] = []
    for stream in streams:
        if settings.stream.reset == "document":
            dynamic.state = start
        pairs.append([])
        rest = chunks(stream.tokens, settings.stream)
        while turn := list(islice(rest, TURN)):
            with _as_base(model, settings.adapter, base):
                scored = [_timed(static.score, chunk) for chunk in turn]
            learned = [_timed(dynamic.learn, chunk) for chunk in turn]
            pairs[-1] += zip(scored, learned, strict=True)
            progress(sum(len(chunk.targets) for chunk in turn))
    return pairs


@contextmanager
def _as_base(model: Model, config: AdapterConfig, base: Tree) -> Iterator[None]:
    """Run the block with the weights from before any learning."""
    if config.adapt == "lora":
        with models.bare(model):
            yield
        return
    learned = dict(model.network.trainable_parameters())
    model.network.update(base)
    try:
        yield
    finally:
        model.network.update(learned)


def _timed(step: Callable[[Chunk], Observation], chunk: Chunk) -> _Step:
    mx.reset_peak_memory()
    began = time.perf_counter()
    seen = step(chunk)
    seconds = time.perf_counter() - began
    accepted = None if seen.gradient_norm is None else seen.accepted
    return _Step(chunk, math.fsum(seen.nll), accepted, seconds, mx.get_peak_memory())


def _report(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    parameters: int,
    pairs: list[list[tuple[_Step, _Step]]],
) -> Report:
    rows = tuple(_rows(pairs))
    every = [pair for document in pairs for pair in document]
    return Report(
        settings=settings,
        streams=tuple(streams),
        adapter_parameters=parameters,
        static=_run("static", streams, [[s for s, _ in document] for document in pairs]),
        dynamic=_run("dynamic", streams, [[d for _, d in document] for document in pairs]),
        ci95=interval(rows, seed=settings.adapter.seed),
        wall=_wall([d for _, d in every]) / _wall([s for s, _ in every]),
        flops=flops([s.chunk for s, _ in every], FORWARDS[settings.adapter.adapt]),
        chunks=rows,
    )


def _rows(pairs: list[list[tuple[_Step, _Step]]]) -> Iterator[ChunkScore]:
    for index, document in enumerate(pairs):
        position = 1
        for static, dynamic in document:
            tokens = len(static.chunk.targets)
            yield ChunkScore(index, position, tokens, static.nats, dynamic.nats)
            position += tokens


def _run(
    name: Literal["static", "dynamic"], streams: Sequence[Stream], documents: list[list[_Step]]
) -> Run:
    results = tuple(
        _result(stream.path, steps, stream.scored_bytes)
        for stream, steps in zip(streams, documents, strict=True)
    )
    steps = [step for document in documents for step in document]
    return Run(name, _result(None, steps, sum(s.scored_bytes for s in streams)), results)


def _result(path: str | None, steps: Sequence[_Step], size: int) -> Result:
    return Result(
        path=path,
        nats=math.fsum(step.nats for step in steps),
        tokens=sum(len(step.chunk.targets) for step in steps),
        bytes=size,
        updates=sum(step.accepted is True for step in steps),
        rejected=sum(step.accepted is False for step in steps),
        seconds=sum(step.seconds for step in steps),
        peak_memory_bytes=max(step.peak for step in steps),
    )


def _wall(steps: Sequence[_Step]) -> float:
    """Seconds that `steps` take when every chunk takes the median of its kind."""
    kinds: dict[tuple[int | None, int], list[float]] = {}
    for step in steps:
        prefix = step.chunk.prefix
        kind = (None if prefix is None else len(prefix), len(step.chunk.inputs))
        kinds.setdefault(kind, []).append(step.seconds)
    return sum(len(seconds) * median(seconds) for seconds in kinds.values())


def flops(scored: Sequence[Chunk], forwards: int) -> float:
    """Dynamic over static cost, counted from the shapes of the chunks.

    With N parameters a forward costs 2N a token, and so does the prefill of a prefix, which both
    runs do; learning a token costs 4N with LoRA (no weight gradients for the base) and 6N with
    full weights.
    """
    prefill = sum(len(chunk.prefix or ()) for chunk in scored)
    inputs = sum(len(chunk.inputs) for chunk in scored)
    return (prefill + forwards * inputs) / (prefill + inputs)


def interval(rows: Sequence[ChunkScore], *, seed: int) -> tuple[float, float] | None:
    """95% interval of the gain (nats per token) by a paired block bootstrap.

    Blocks are documents when there are enough, otherwise runs of consecutive chunks; neighbours
    are alike, so chunks alone would promise too much.
    """
    if len({row.document for row in rows}) >= ENOUGH_DOCUMENTS:
        keys = [(row.document, 0) for row in rows]
    else:
        length = math.isqrt(len(rows)) or 1
        keys = [(row.document, index // length) for index, row in enumerate(rows)]
    blocks = {key: np.zeros(2) for key in keys}  # gain in nats, tokens
    for key, row in zip(keys, rows, strict=True):
        blocks[key] += (row.static - row.dynamic, row.tokens)
    sums = np.array(list(blocks.values()))  # (B, 2)
    if len(sums) < 2 or not np.isfinite(sums).all():
        return None
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    gain, tokens = sums[drawn].sum(axis=1).T
    low, high = np.percentile(gain / tokens, [2.5, 97.5])
    return float(low), float(high)
