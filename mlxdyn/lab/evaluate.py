"""Static beside dynamic evaluation of documents: numbers only, nothing printed or saved."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import chain, islice
from statistics import median
from typing import Any

import mlx.core as mx
from mlx.utils import tree_map

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import bootstrap
from mlxdyn.lab.findings import Tick
from mlxdyn.lab.mixture import Mixture
from mlxdyn.lab.seat import Seat
from mlxdyn.lab.tasks import Document, Refused
from mlxdyn.learn import optimizers
from mlxdyn.learn.learner import Learner, Observation, State
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, bare, detach, layer_indices, matching

TURN = 8  # chunks that one run takes before the other catches up: both meet the same machine
FORWARDS = {"lora": 2, "full": 3}  # of the cost of one forward, that a learned token costs
CHECKED = 4  # chunks of the self-check
EXACT = 1e-4  # nats per token by which learning at rate 0 may differ from static
BY_HEART = 32  # targets in a row that are given less than a nat each: text seen in training
KNOWN = 0.02  # share of such targets above which a warning is due
COMPRESSED = 0.5  # bits per byte below which no unseen prose comes
RANKS = 1024  # the largest rank of narrow bases; that of others is their width
STRAINED = 0.1  # nats per token that an unhealthy window policy costs the base

Progress = Callable[[Tick], None]


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an evaluation depends on but model and text."""

    adapter: AdapterConfig
    learner: LearnerConfig
    stream: StreamConfig
    mix: bool = False  # the result is that of static and dynamic together, weighted as they predict
    beside: tuple[float, ...] = ()  # further learning rates, side by side with the learner's


@dataclass(frozen=True, slots=True)
class Stream:
    """A document as tokens, the first of which is never a target."""

    path: str
    sha256: str
    bytes: int
    tokens: tuple[int, ...]
    scored_bytes: int  # UTF-8 bytes that the targets decode to
    words: int = 0  # that the targets decode to, as white space parts them
    first: int = 0  # position of tokens[0] in the document

    @property
    def name(self) -> str:
        """The path, and which tokens of it when the stream starts inside it."""
        if not self.first:
            return self.path
        return f"{self.path} tokens {self.first}-{self.first + len(self.tokens)}"


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """What one chunk gave in both runs; nats are sums over its targets."""

    document: int  # index of its stream
    position: int  # of its first target in the stream
    tokens: int
    static: float
    dynamic: float
    mixed: float  # by the Bayesian mixture of all that predicted
    shared: float  # by the fixed-share form of it


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
    words: int = 0

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes if self.bytes else math.nan

    @property
    def perplexity(self) -> float:
        return _exp(self.nats_per_token)

    @property
    def word_perplexity(self) -> float:
        """exp of the nats per word; comparable between tokenizers."""
        return _exp(self.nats / self.words) if self.words else math.nan

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One way of evaluating: all documents together, and each."""

    name: str  # static, dynamic, mix, share, or a rate beside
    total: Result
    documents: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that a window and learning need beside the base."""

    kv: int  # keys and values of the longest stretch that attention saw
    adapter: int  # weights that learn
    optimizer: int  # its state


@dataclass(frozen=True, slots=True)
class Report:
    """Static beside dynamic on identical tokens and windows."""

    settings: Settings
    streams: tuple[Stream, ...]
    adapter_parameters: int
    static: Run
    dynamic: Run
    mix: Run  # Bayesian mixture of static, dynamic and the rates beside: what it would have cost
    share: Run  # likewise, by fixed share
    beside: tuple[Run, ...]
    footprint: Footprint
    ci95: tuple[float, float] | None  # of the gain in nats per token; None with a single block
    wall: float  # dynamic over static seconds, each kind of chunk at its median
    flops: float  # likewise, counted
    chunks: tuple[ChunkScore, ...]
    complete: bool = True  # False when it was stopped; the numbers are then of what was done
    p_value: float | None = None  # of no gain; None with a single block
    within: float | None = None  # gain with a reset at each document, nats per token, if measured
    self_check: float = 0.0  # largest nats per token between learning at rate 0 and static
    verbatim: float = 0.0  # share of targets that the base seems to know by heart
    uniform: float = math.inf  # nats per token of a base that knows nothing
    strain: float | None = None  # static nats per token that carry costs over restart, if carry

    @property
    def learned(self) -> Run:
        """The run that the result is about: dynamic, or the mixture if one was asked for."""
        return self.mix if self.settings.mix else self.dynamic

    @property
    def runs(self) -> tuple[Run, ...]:
        """What is shown side by side."""
        mixed = (self.mix, self.share) if self.settings.mix else ()
        return (self.static, self.dynamic, *self.beside, *mixed)

    @property
    def gain(self) -> float:
        """Static minus what learned, in nats per token."""
        return self.static.total.nats_per_token - self.learned.total.nats_per_token

    @property
    def gain_bits_per_byte(self) -> float:
        return self.static.total.bits_per_byte - self.learned.total.bits_per_byte

    @property
    def bound(self) -> float:
        """Nats over the whole text by which the mixture can lose to the best it is made of."""
        return math.log(2 + len(self.beside))

    @property
    def loss(self) -> str:
        """Say that learning lost to static beyond its interval, and what to try; else ""."""
        return _lost(self)

    @property
    def carried(self) -> float | None:
        """The part of the gain that weights brought from earlier documents, nats per token."""
        return None if self.within is None else self.gain - self.within

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the numbers must know, in sentences."""
        return tuple(_warnings(self))


def _exp(nats: float) -> float:
    return math.exp(nats) if not nats > 700 else math.inf


def _lost(report: Report) -> str:
    """One sentence, where the interval of the gain lies below 0 or the loss is not finite."""
    gain, rate = report.gain, report.settings.learner.learning_rate
    if not (math.isnan(gain) or gain == -math.inf or (report.ci95 and report.ci95[1] < 0)):
        return ""
    cost = (
        f"costs {-gain:.4f} nats/token" if math.isfinite(gain) else "ends in a loss beyond number"
    )
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return (
        f"learning does damage here: against static it {cost}{spread}; try a smaller rate "
        f"(--lr {rate / 10:.2g}), --lr auto, which chooses one, or --mix, which cannot lose"
    )


def _warnings(report: Report) -> Iterator[str]:
    static, dynamic = report.static.total, report.dynamic.total
    for run in (report.static, report.dynamic):
        if not math.isfinite(run.total.nats):
            yield f"the {run.name} loss is not finite"
    if dynamic.rejected:
        yield (
            f"{dynamic.rejected} of {dynamic.rejected + dynamic.updates} updates were not finite "
            "and were not taken; try a smaller --lr"
        )
    if not report.complete:
        yield "stopped early: the numbers are of the tokens done until then"
    if report.verbatim > KNOWN or static.bits_per_byte < COMPRESSED:
        yield (
            f"the base probably knows this text already, or the text repeats itself: "
            f"{report.verbatim:.0%} of it comes without surprise in long runs, at "
            f"{static.bits_per_byte:.2f} bits/byte overall; a gain here says little about new text"
        )
    if static.nats_per_token > report.uniform:
        yield "the static base does worse than guessing; its gain is repair, not memory"
    if report.strain is not None and report.strain > STRAINED:
        yield (
            f"carry costs the static base {report.strain:.2f} nats/token against restart on the "
            "same tokens: it is not healthy there, and part of the gain is repair"
        )


@dataclass(frozen=True, slots=True)
class _Step:
    """One chunk in one run."""

    chunk: Chunk
    nll: tuple[float, ...]  # of each target
    nats: float  # their sum
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
    whole = Stream(document.path, document.sha256, document.bytes, tuple(tokens), 0)
    return part(model, whole, 0, len(tokens))


def part(model: Model, stream: Stream, start: int, stop: int) -> Stream:
    """Give the tokens from `start` to `stop` of `stream` as a stream of its own."""
    tokens = stream.tokens[start:stop]
    text, lead = model.decode(list(tokens)), model.decode(list(tokens[:1]))
    return replace(
        stream,
        tokens=tokens,
        scored_bytes=len(text.encode()) - len(lead.encode()),
        words=len(text[len(lead) :].split()),
        first=stream.first + start,
    )


def check(model: Model, settings: Settings) -> None:
    """Raise MlxdynError when the knobs fit neither the model nor each other."""
    adapter = settings.adapter
    for rate in (settings.learner.learning_rate, *settings.beside):
        if rate < 0:
            raise MlxdynError(f"a learning rate of {rate:g} unlearns; use 0 or more")
        if not math.isfinite(rate):
            raise MlxdynError(f"{rate:g} is no learning rate; use a number, 0 or more")
    if adapter.seed < 0:
        raise MlxdynError(f"a seed of {adapter.seed} draws nothing; use 0 or more")
    if adapter.adapt == "lora":
        most = max(RANKS, shape(model)[2])
        if not 1 <= adapter.rank <= most:
            raise MlxdynError(f"a rank of {adapter.rank} is none; use 1 to {most}")
        detach(model)
        if not matching(model, adapter):
            raise MlxdynError(
                f"{model.name} has no linear layer in targets {adapter.targets!r}, layers "
                f"{adapter.layers!r}; targets are all, mlp, attention or names such as q_proj"
            )
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


@dataclass(slots=True)
class Baselines:
    """Static runs already made, by window policy and text; good for one base as it is."""

    steps: dict[tuple[Any, ...], list[_Step]] = field(default_factory=dict)

    @staticmethod
    def key(stream: Stream, config: StreamConfig) -> tuple[Any, ...]:
        """Everything that a static run depends on but the base."""
        return stream.tokens, config.window, config.chunk, config.context, config.kv


@dataclass(frozen=True, slots=True)
class _Row:
    """One chunk in every run."""

    static: _Step
    learned: tuple[_Step, ...]  # at the rate of the settings, then at those beside

    @property
    def dynamic(self) -> _Step:
        return self.learned[0]


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
    gather: Sequence[Stream] = (),
    after: Callable[[Learner], None] | None = None,
) -> Report:
    """Score `streams` with the base and with online updates; leave `model` as the bare base.

    Documents are separate: no context crosses them, while weights carry on unless `reset` says
    otherwise. Static runs found in `known` are not made again, and new ones are added. `split`
    learns a second time with a reset at each document, to tell adaptation within documents from
    what was carried over. `gather` is the text for the statistics of the rms rule. `after` meets
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
        prepare(model, dynamic, settings, gather)
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
    report = _report(model, streams, settings, parameters, pairs, footprint)
    return replace(
        report,
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


def prepare(model: Model, learner: Learner, settings: Settings, gather: Sequence[Stream]) -> None:
    """Give the rms rule its statistics, and leave the weights as they were.

    While gathering, LoRA learns (with adam0), as at its start half of its gradient is zero.
    """
    if settings.learner.optimizer != "rms":
        return
    if not gather:
        raise MlxdynError("the optimizer rms needs text for its statistics; name it with --tune")
    start, total, count = learner.state, None, 0
    walker = Learner(model.network, LearnerConfig(), cache_maker(model, settings.stream))
    for chunk in (c for stream in gather for c in chunks(stream.tokens, settings.stream)):
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
        abs(one - other) / len(chunk.targets)
        for one, other, chunk in zip(static, learned, first, strict=True)
    )
    trust(worst)
    return worst


def trust(difference: float) -> None:
    """Raise MlxdynError when learning at a rate of 0 differs (nats per token) from static."""
    if difference > EXACT:
        raise MlxdynError(
            f"self-check failed: learning at a rate of 0 differs from static by {difference:.2g} "
            "nats/token, so no number here can be trusted; please report it with the command"
        )


def _both(
    bench: _Bench, streams: Sequence[Stream], progress: Progress
) -> tuple[list[list[_Row]], bool]:
    """Run each stream all ways, a few chunks at a time; tell whether it came to the end."""
    pairs: list[list[_Row]] = []
    total, done, gain = sum(len(stream.tokens) - 1 for stream in streams), 0, 0.0
    try:
        for stream in streams:
            _begin_document(bench, stream, streams[len(pairs) - 1] if pairs else None)
            pairs.append([])
            for turn in _turns(bench, stream):
                pairs[-1] += turn
                done += sum(len(row.static.chunk.targets) for row in turn)
                gain += sum(row.static.nats - row.dynamic.nats for row in turn)
                progress(Tick("", 1, 1, done, total, gain / done))
    except KeyboardInterrupt:
        if not done:
            raise
        return [document for document in pairs if document], False
    return pairs, True


def _begin_document(bench: _Bench, stream: Stream, last: Stream | None) -> None:
    """Take the weights back at a new document, as far as `reset` says."""
    if last is not None and (last.path, last.sha256) == (stream.path, stream.sha256):
        return  # a later part of the same one
    for seat in bench.seats:
        match bench.settings.stream.reset:
            case "document":
                seat.state = bench.start
            case "decay" if last is not None:
                now = seat.state
                half = tree_map(lambda a, b: (a + b) / 2, bench.start.adapter, now.adapter)
                seat.state = State(half, now.optimizer)


def _turns(bench: _Bench, stream: Stream) -> Iterator[list[_Row]]:
    """Yield the steps of all runs over one document, TURN chunks at a time."""
    key = Baselines.key(stream, bench.settings.stream)
    before, scored = bench.known.steps.get(key), list[_Step]()
    rest = chunks(stream.tokens, bench.settings.stream)
    while turn := list(islice(rest, TURN)):
        if before is not None:
            static = before[len(scored) : len(scored) + len(turn)]
        else:
            with as_base(bench.model, bench.settings.adapter, bench.base):
                static = [_timed(bench.static.score, chunk) for chunk in turn]
        scored += static
        learned = [[_timed(seat.learn, chunk) for chunk in turn] for seat in bench.seats]
        yield list(map(_Row, static, zip(*learned, strict=True)))
    bench.known.steps[key] = scored


def _within(bench: _Bench, streams: Sequence[Stream]) -> float | None:
    """Gain in nats per token when every document starts from the base."""
    apart = replace(bench.settings, stream=replace(bench.settings.stream, reset="document"))
    pairs, complete = _both(replace(bench, settings=apart), streams, lambda _: None)
    if not complete:
        return None
    learned = _blended(pairs) if bench.settings.mix else [[r.dynamic for r in d] for d in pairs]
    now = math.fsum(step.nats for document in learned for step in document)
    every = [row.static for document in pairs for row in document]
    return (math.fsum(s.nats for s in every) - now) / sum(len(s.chunk.targets) for s in every)


def _strain(model: Model, static: Learner, rows: list[_Row], config: StreamConfig) -> float | None:
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
        with bare(model):
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
    return _Step(chunk, seen.nll, math.fsum(seen.nll), accepted, seconds, mx.get_peak_memory())


def _blended(pairs: list[list[_Row]], *, sharing: bool = False) -> list[list[_Step]]:
    """What all runs predict together; it costs what they cost together."""
    mixture = Mixture(1 + len(pairs[0][0].learned), sharing)
    return [[_together(mixture, row) for row in document] for document in pairs]


def _together(mixture: Mixture, row: _Row) -> _Step:
    steps = (row.static, *row.learned)
    nll = tuple(map(mixture.mix, zip(*(step.nll for step in steps), strict=True)))
    return replace(
        row.dynamic,
        nll=nll,
        nats=math.fsum(nll),
        seconds=math.fsum(step.seconds for step in steps),
        peak=max(step.peak for step in steps),
    )


def _report(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    parameters: int,
    pairs: list[list[_Row]],
    footprint: Footprint,
) -> Report:
    seen = [_seen(model, stream, steps) for stream, steps in zip(streams, pairs, strict=False)]
    static = [[row.static for row in document] for document in pairs]
    learned = [
        [[row.learned[i] for row in d] for d in pairs] for i in range(len(pairs[0][0].learned))
    ]
    mix, share = _blended(pairs), _blended(pairs, sharing=True)
    result = mix if settings.mix else learned[0]
    rows = tuple(_rows(static, learned[0], mix, share))
    judged = rows if not settings.mix else tuple(replace(r, dynamic=r.mixed) for r in rows)
    ratio = flops([step.chunk for d in static for step in d], FORWARDS[settings.adapter.adapt])
    seed = settings.adapter.seed
    return Report(
        settings=settings,
        streams=tuple(seen),
        adapter_parameters=parameters,
        static=_run("static", seen, static),
        dynamic=_run("dynamic", seen, learned[0]),
        mix=_run("mix", seen, mix),
        share=_run("share", seen, share),
        beside=tuple(
            _run(f"dynamic {rate:g}", seen, steps)
            for rate, steps in zip(settings.beside, learned[1:], strict=True)
        ),
        footprint=footprint,
        ci95=bootstrap.interval(judged, seed=seed),
        wall=_wall(chain(*result)) / _wall(chain(*static)),
        flops=1 + ratio * len(learned) if settings.mix else ratio,
        chunks=rows,
        p_value=bootstrap.p_value(judged, seed=seed),
        verbatim=_verbatim(static),
        uniform=math.log(len(model.tokenizer)),
    )


def _seen(model: Model, stream: Stream, rows: list[_Row]) -> Stream:
    """Give the start of `stream` that was scored; all of it unless the run was stopped."""
    stop = 1 + sum(len(row.static.chunk.targets) for row in rows)
    return stream if stop == len(stream.tokens) else part(model, stream, 0, stop)


def _verbatim(documents: list[list[_Step]]) -> float:
    """Share of targets in runs of BY_HEART or more that the base gives less than a nat each.

    Unseen prose surprises every few tokens; only text seen in training, or text that repeats what
    stands in the window, runs on so long without.
    """
    known = total = 0
    for steps in documents:
        run = 0
        for nll in (n for step in steps for n in step.nll):
            run = run + 1 if nll < 1 else 0
            known += BY_HEART if run == BY_HEART else int(run > BY_HEART)
            total += 1
    return known / total


def _rows(*runs: list[list[_Step]]) -> Iterator[ChunkScore]:
    for index, document in enumerate(zip(*runs, strict=True)):
        position = 1
        for steps in zip(*document, strict=True):
            tokens = len(steps[0].chunk.targets)
            yield ChunkScore(index, position, tokens, *(step.nats for step in steps))
            position += tokens


def _run(name: str, streams: Sequence[Stream], documents: list[list[_Step]]) -> Run:
    results = tuple(
        _result(stream.path, steps, stream.scored_bytes, stream.words)
        for stream, steps in zip(streams, documents, strict=True)
    )
    steps = [step for document in documents for step in document]
    size, words = sum(s.scored_bytes for s in streams), sum(s.words for s in streams)
    return Run(name, _result(None, steps, size, words), results)


def _result(path: str | None, steps: Sequence[_Step], size: int, words: int) -> Result:
    return Result(
        path=path,
        nats=math.fsum(step.nats for step in steps),
        tokens=sum(len(step.chunk.targets) for step in steps),
        bytes=size,
        updates=sum(step.accepted is True for step in steps),
        rejected=sum(step.accepted is False for step in steps),
        seconds=sum(step.seconds for step in steps),
        peak_memory_bytes=max(step.peak for step in steps),
        words=words,
    )


def _wall(steps: Iterable[_Step]) -> float:
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


def seen(streams: Sequence[Stream], config: StreamConfig) -> Iterator[tuple[Chunk, int]]:
    """Yield every chunk with the number of tokens that attention sees before its inputs."""
    for stream in streams:
        cached = 0
        for chunk in chunks(stream.tokens, config):
            cached = cached if chunk.prefix is None else len(chunk.prefix)
            yield chunk, min(cached, config.window)
            cached += len(chunk.inputs)


def shape(model: Model) -> tuple[int, int, int]:
    """Weights that multiply in a forward (a looked-up embedding does not), blocks and width."""
    config = model.config.get("text_config", model.config)
    width, blocks = int(config.get("hidden_size") or 0), len(model.network.layers)
    looked_up = 0 if config.get("tie_word_embeddings") else len(model.tokenizer) * width
    return max(model.parameters - looked_up, 1), blocks, width


def depth(model: Model, config: AdapterConfig) -> float:
    """Share of the blocks that a gradient goes back through: from the first adapted one up."""
    if config.adapt == "full":
        return 1.0
    count = len(model.network.layers)
    return 1 - min(layer_indices(config.layers, count), default=0) / count
