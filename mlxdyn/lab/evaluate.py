"""Static beside dynamic evaluation of documents: numbers only, nothing printed or saved."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice
from typing import Any

import mlx.core as mx
from mlx.utils import tree_map

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab.abreast import Abreast, in_step
from mlxdyn.lab.findings import Progress, ProgressStep
from mlxdyn.lab.fitting import check
from mlxdyn.lab.results import Footprint, Report, Settings
from mlxdyn.lab.seat import Seat
from mlxdyn.lab.streams import Stream, seen
from mlxdyn.lab.tally import ChunkSteps, Step, blended, report
from mlxdyn.learn import optimizers
from mlxdyn.learn.learner import Learner, Observation, State
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled, attach, detach

TURN = 8  # chunks that one run takes before the other catches up: both meet the same machine
CHECKED = 4  # chunks of the self-check
ZERO_RATE_TOLERANCE = 1e-4  # nats per token by which learning at rate 0 may differ from static


@dataclass(slots=True)
class Baselines:
    """Static runs already made, by window policy and text; good for one base as it is."""

    steps: dict[tuple[Any, ...], list[Step]] = field(default_factory=dict)

    @staticmethod
    def key(stream: Stream, config: StreamConfig) -> tuple[Any, ...]:
        """Everything that a static run depends on but the base."""
        return stream.tokens, config.window, config.chunk, config.context, config.kv


@dataclass(frozen=True, slots=True)
class _Bench:
    """One evaluation at work: the base and the learners side by side on one network."""

    model: Model
    settings: Settings
    static: Learner
    seats: tuple[Seat, ...]  # at the rate of the settings, then at those beside
    start: State
    base: Tree  # trainable weights from before any learning
    known: Baselines


def evaluate(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    progress: Progress | None = None,
    *,
    known: Baselines | None = None,
    split: bool = False,
    rms_text: Sequence[Stream] = (),
    after: Callable[[Learner], None] | None = None,
) -> Report:
    """Score `streams` with the base and with online updates; leave `model` as the bare base.

    Documents are separate: no context crosses them, while weights carry on unless `reset` says
    otherwise. Static runs found in `known` are not made again, and new ones are added. `split`
    learns a second time with a reset at each document, to tell adaptation within documents from
    what was carried over. `rms_text` is the text for the statistics of the rms rule. `after` meets
    the learner when it has learned everything. Ctrl-C ends it with a report of what was done.
    Raises MlxdynError when the settings do not fit the model or the self-check fails.
    """
    check(model, settings)
    detach(model)
    base = dict(model.network.parameters())
    new_cache = cache_maker(model, settings.stream)
    static = Learner(model.network, settings.learner, new_cache)
    parameters = attach(model, settings.adapter)
    try:
        dynamic = Learner(model.network, settings.learner, new_cache)
        prepare(model, dynamic, settings, rms_text)
        trainable = dict(model.network.trainable_parameters())
        seats = seated(dynamic, settings.beside)
        bench = _Bench(
            model, settings, static, seats, dynamic.state, trainable, known or Baselines()
        )
        difference = _self_check(bench, streams[0])
        pairs, complete = _both(bench, streams, progress or (lambda _: None))
        footprint = _footprint(bench, streams)
        if after is not None and complete:
            after(seats[0].sit())
        within = _within(bench, streams) if split and complete and len(streams) > 1 else None
    finally:
        detach(model)
        model.network.update(base)
    found = report(model, streams, settings, parameters, pairs, footprint)
    return replace(
        found,
        complete=complete,
        within=within,
        self_check=difference,
        strain=_strain(model, static, pairs[0], settings.stream),
    )


def cache_maker(model: Model, config: StreamConfig) -> Callable[[], list[Any]]:
    """What makes the KV caches of `config`'s context; that of carry drops what left the window."""
    if config.context == "carry":
        return partial(model.new_cache, config.window)
    return model.new_cache


def seated(first: Learner, rates: Iterable[float]) -> tuple[Seat, ...]:
    """Seat `first`, and beside it a learner for each rate that starts where it does."""
    others = [first.sibling(replace(first.config, learning_rate=rate)) for rate in rates]
    for other in others:
        other.state = first.state
    return tuple(map(Seat, (first, *others)))


def _footprint(bench: _Bench, streams: Sequence[Stream]) -> Footprint:
    """Count bytes: of a token's keys and values as the network makes them, times the tokens seen.

    A layer with a sliding window of its own keeps no more than that.
    """
    config, state = bench.settings.stream, bench.seats[0].state
    most = max(len(chunk.inputs) + before for chunk, before in seen(streams, config))
    cache = bench.model.new_cache()
    bench.model.network(mx.array([streams[0].tokens[:1]]), cache=cache)
    kept = (
        min(most, getattr(layer, "max_size", most)) * a[..., :1, :].nbytes
        for layer in cache
        for _, a in leaves(layer.state)
        if getattr(a, "ndim", 0) == 4  # (1, heads, tokens, width); beside it may stand an offset
    )
    adapter, optimizer = (
        sum(a.nbytes for _, a in leaves(tree)) for tree in (state.adapter, state.optimizer)
    )
    return Footprint(sum(kept), adapter, optimizer)


def prepare(model: Model, learner: Learner, settings: Settings, rms_text: Sequence[Stream]) -> None:
    """Give the rms rule its statistics, and leave the weights as they were.

    While gathering, LoRA learns (with adam0), as at its start half of its gradient is zero.
    """
    if settings.learner.optimizer != "rms":
        return
    if not rms_text:
        raise MlxdynError("the optimizer rms needs text for its statistics; name it with --tune")
    start, total, count = learner.state, None, 0
    walker = Learner(model.network, LearnerConfig(), cache_maker(model, settings.stream))
    for chunk in (c for stream in rms_text for c in chunks(stream.tokens, settings.stream)):
        squares = tree_map(mx.square, learner.gradient(chunk))
        total = squares if total is None else tree_map(mx.add, total, squares)
        mx.eval(total)
        count += 1
        if settings.adapter.adapt == "lora":
            walker.learn(chunk)
    mean = tree_map(lambda a: a / count, total)
    known = optimizers.with_statistics(start.optimizer, mean, settings.learner.damping)
    mx.eval(known)
    learner.state = State(start.adapter, known)


def _self_check(bench: _Bench, stream: Stream) -> float:
    """Learn the first chunks at a rate of 0; return the largest nats per token from static."""
    still = replace(bench.settings.learner, learning_rate=0.0)
    learner = Learner(bench.model.network, still, cache_maker(bench.model, bench.settings.stream))
    first = list(islice(chunks(stream.tokens, bench.settings.stream), CHECKED))
    with as_base(bench.model, bench.settings.adapter, bench.base):
        static = [math.fsum(bench.static.score(chunk).nll) for chunk in first]
    learned = [math.fsum(learner.learn(chunk).nll) for chunk in first]
    for seat in bench.seats:
        seat.state = bench.start
    worst = max(
        _apart(one, other) / len(chunk.targets)
        for one, other, chunk in zip(static, learned, first, strict=True)
    )
    trust(worst)
    return worst


def _apart(one: float, other: float) -> float:
    """Give how far two losses are from each other; infinite where either is no number."""
    difference = abs(one - other)
    return difference if math.isfinite(difference) else math.inf  # max() may pass over a NaN


def trust(difference: float) -> None:
    """Raise MlxdynError when learning at a rate of 0 differs (nats per token) from static."""
    if not difference <= ZERO_RATE_TOLERANCE:
        raise MlxdynError(
            f"self-check failed: learning at a rate of 0 differs from static by {difference:.2g} "
            "nats/token, so no number here can be trusted; please report it with the command"
        )


def _both(
    bench: _Bench, streams: Sequence[Stream], progress: Progress
) -> tuple[list[list[ChunkSteps]], bool]:
    """Run each stream all ways, a few chunks at a time; tell whether it came to the end."""
    if bench.settings.stream.batch > 1:
        return _side_by_side(bench, streams, progress)
    pairs: list[list[ChunkSteps]] = []
    total, done, gain = sum(len(stream.tokens) - 1 for stream in streams), 0, 0.0
    try:
        for stream in streams:
            _begin_document(bench, stream, streams[len(pairs) - 1] if pairs else None)
            pairs.append([])
            for turn in _turns(bench, stream):
                pairs[-1] += turn
                done += sum(len(row.static.chunk.targets) for row in turn)
                gain += sum(row.static.nats - row.dynamic.nats for row in turn)
                progress(ProgressStep("", 1, 1, done, total, gain / done))
    except KeyboardInterrupt:
        if not done:
            raise
        return [document for document in pairs if document], False
    return pairs, True


def _side_by_side(
    bench: _Bench, streams: Sequence[Stream], progress: Progress
) -> tuple[list[list[ChunkSteps]], bool]:
    """Run as many streams at once as `batch` says; what was stopped half-way is whole streams."""
    if len({(stream.path, stream.sha256) for stream in streams}) < len(streams):
        raise MlxdynError("--batch reads each document once; name none twice")
    pairs: list[list[ChunkSteps]] = []
    total, done, gain = sum(len(stream.tokens) - 1 for stream in streams), 0, 0.0
    try:
        for first in range(0, len(streams), bench.settings.stream.batch):
            group = streams[first : first + bench.settings.stream.batch]
            found: list[list[ChunkSteps]] = [[] for _ in group]
            for rows, steps in _in_step(bench, group):
                for row, step in zip(rows, steps, strict=True):
                    found[row].append(step)
                    done += len(step.static.chunk.targets)
                    gain += step.static.nats - step.dynamic.nats
                progress(ProgressStep("", 1, 1, done, total, gain / done))
            pairs += found
    except KeyboardInterrupt:
        if not pairs:
            raise
        return pairs, False
    finally:
        for seat in bench.seats:
            seat.state = bench.start
    return pairs, True


def _in_step(
    bench: _Bench, streams: Sequence[Stream]
) -> Iterator[tuple[list[int], list[ChunkSteps]]]:
    """Yield the steps of all runs over a chunk of several streams."""
    config, count = bench.settings.stream, len(streams)
    new_cache = cache_maker(bench.model, config)
    runs = [Abreast(bench.static, count, new_cache, learns=False)]
    runs += [Abreast(seat.sit(), count, new_cache) for seat in bench.seats]
    readers = [chunks(stream.tokens, config) for stream in streams]
    for rows, cut, (static, *learned) in in_step(readers, runs):
        with as_base(bench.model, bench.settings.adapter, bench.base):
            scored = _timed_together(static.score, cut)
        steps = [_timed_together(run.learn, cut) for run in learned]
        yield rows, list(map(ChunkSteps, scored, zip(*steps, strict=True)))


def _begin_document(bench: _Bench, stream: Stream, last: Stream | None) -> None:
    """Take the weights back at a new document, as far as `reset` says."""
    same = last is not None and (last.path, last.sha256) == (stream.path, stream.sha256)
    if same and stream.first:
        return  # a later part of the same one, not the same once more
    for seat in bench.seats:
        match bench.settings.stream.reset:
            case "document":
                seat.state = bench.start
            case "decay" if last is not None:
                now = seat.state
                half = tree_map(lambda a, b: (a + b) / 2, bench.start.adapter, now.adapter)
                seat.state = State(half, now.optimizer)


def _turns(bench: _Bench, stream: Stream) -> Iterator[list[ChunkSteps]]:
    """Yield the steps of all runs over one document, TURN chunks at a time."""
    key = Baselines.key(stream, bench.settings.stream)
    before, scored = bench.known.steps.get(key), list[Step]()
    rest = chunks(stream.tokens, bench.settings.stream)
    while turn := list(islice(rest, TURN)):
        if before is not None:
            static = before[len(scored) : len(scored) + len(turn)]
        else:
            with as_base(bench.model, bench.settings.adapter, bench.base):
                static = [_timed(bench.static.score, chunk) for chunk in turn]
        scored += static
        learned = [[_timed(seat.learn, chunk) for chunk in turn] for seat in bench.seats]
        yield list(map(ChunkSteps, static, zip(*learned, strict=True)))
    bench.known.steps[key] = scored


def _within(bench: _Bench, streams: Sequence[Stream]) -> float | None:
    """Gain in nats per token when every document starts from the base."""
    apart = replace(bench.settings, stream=replace(bench.settings.stream, reset="document"))
    pairs, complete = _both(replace(bench, settings=apart), streams, lambda _: None)
    if not complete:
        return None
    learned = blended(pairs) if bench.settings.mix else [[r.dynamic for r in d] for d in pairs]
    now = math.fsum(step.nats for document in learned for step in document)
    every = [row.static for document in pairs for row in document]
    return (math.fsum(s.nats for s in every) - now) / sum(len(s.chunk.targets) for s in every)


def _strain(
    model: Model, static: Learner, rows: list[ChunkSteps], config: StreamConfig
) -> float | None:
    """Static nats per token that carry costs over restart on the start of the first document."""
    if config.context != "carry":
        return None
    steps = [row.static for row in rows][: 4 * config.window // config.chunk]
    tokens = [*steps[0].chunk.context, *(t for step in steps for t in step.chunk.targets)]
    healthy = Learner(model.network, static.config, model.new_cache)
    cut = chunks(tokens, replace(config, context="restart"))
    there = math.fsum(n for chunk in cut for n in healthy.score(chunk).nll)
    return (math.fsum(step.nats for step in steps) - there) / (len(tokens) - 1)


@contextmanager
def as_base(model: Model, config: AdapterConfig, base: Tree) -> Iterator[None]:
    """Run the block with the weights from before any learning."""
    if config.adapt == "lora":
        with adapter_disabled(model):
            yield
        return
    learned = dict(model.network.trainable_parameters())
    model.network.update(base)
    try:
        yield
    finally:
        model.network.update(learned)


def _timed(step: Callable[[Chunk], Observation], chunk: Chunk) -> Step:
    return _timed_together(lambda cut: [step(cut[0])], [chunk])[0]


def _timed_together(
    step: Callable[[Sequence[Chunk]], list[Observation]], cut: Sequence[Chunk]
) -> list[Step]:
    """Take one step on several chunks; each took its share of the time."""
    mx.reset_peak_memory()
    began = time.perf_counter()
    observed = step(cut)
    seconds, peak = (time.perf_counter() - began) / len(cut), mx.get_peak_memory()
    return [
        Step(
            chunk,
            one.nll,
            math.fsum(one.nll),
            None if one.gradient_norm is None else one.accepted,
            seconds,
            peak,
        )
        for chunk, one in zip(cut, observed, strict=True)
    ]
