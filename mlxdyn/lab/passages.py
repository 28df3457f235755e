"""Experiments on how learning goes along a stream, across documents, and on another base."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain, cycle, pairwise, zip_longest
from random import Random
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from mlxdyn.config import STREAM_RATES, AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import bootstrap, cells, drift
from mlxdyn.lab.cells import Numbers, vary
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.exhibit import HEAD, at, bars, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table, Value
from mlxdyn.lab.results import ChunkScore
from mlxdyn.lab.streams import Stream, part
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import attach, detach

BINS = 20  # of a stream, in pictures
MIXES = ("static and dynamic mixed", "by fixed share")  # at most ln 2 nats in all from the best
PREFIT = (0, 25, 50, 100, 200)  # steps
GENTLY = 1 / 3  # times the streaming rate of full weights: it must not overfit
OVERFIT = 0.05  # nats per token that too many of them cost
PIECES = 8  # of a document, when documents alternate


# position


def position(lab: Lab) -> Finding:
    """Gain along the stream, cumulative, and regret against the last weights."""
    lab.planned = 1
    hindsight: list[float] = []

    def again(learner: Learner) -> None:
        for stream in lab.streams:
            for chunk in chunks(stream.tokens, lab.settings.stream):
                hindsight.append(math.fsum(learner.score(chunk).nll))

    report = lab.report(split=len(lab.streams) > 1, after=again)
    rows, seed = report.chunks, lab.settings.adapter.seed
    when = bootstrap.significant_after(rows, seed=seed)
    quarters = _bins(rows, 4)

    def sentence() -> str:
        first, last = (
            _mean(q, "static") - _mean(q, "dynamic") for q in (quarters[0], quarters[-1])
        )
        sure = f"is significant after {when} tokens" if when else "is not significant"
        split = (
            f"; {report.within:+.3f} of it within documents, {report.carried:+.3f} carried over"
            if report.within is not None and report.carried is not None
            else ""
        )
        mixed = report.static.total.nats_per_token - report.mix.total.nats_per_token
        return (
            f"learning gains {report.gain:+.3f} nats/token ({mixed:+.3f} mixed with static), "
            f"{first:+.3f} in the first quarter and {last:+.3f} in the last; the gain {sure}{split}"
        )

    titles = [f"quarter {i + 1}" for i in range(len(quarters))]
    table = Table(
        "by quarter of the stream, nats/token",
        (*HEAD, *MIXES),
        tuple(_bin_row(t, q, seed) for t, q in zip(titles, quarters, strict=True)),
    )
    figures = [_along(rows, seed), _cumulative(rows, hindsight, seed)]
    chosen = {"significant_after": when, "within": report.within, "carried": report.carried}
    return lab.finding("position", sentence, tables=[table], figures=figures, chosen=chosen)


def _bins(rows: Sequence[ChunkScore], count: int) -> list[Sequence[ChunkScore]]:
    edges = [round(i * len(rows) / count) for i in range(count + 1)]
    return [rows[a:b] for a, b in pairwise(edges) if a < b]


def _mean(rows: Sequence[ChunkScore], side: str) -> float:
    return math.fsum(getattr(r, side) for r in rows) / sum(r.tokens for r in rows)


def _bin_row(title: str, rows: Sequence[ChunkScore], seed: int) -> tuple[Value, ...]:
    static, dynamic = _mean(rows, "static"), _mean(rows, "dynamic")
    low, high = bootstrap.interval(rows, seed=seed) or (None, None)
    mixes = (_mean(rows, "mixed"), _mean(rows, "shared"))
    return title, static, dynamic, static - dynamic, low, high, *mixes


def _ends(bins: Sequence[Sequence[ChunkScore]]) -> list[float]:
    """Tokens done at the end of each bin."""
    done, ends = 0, []
    for some in bins:
        done += sum(row.tokens for row in some)
        ends.append(float(done))
    return ends


def _along(rows: Sequence[ChunkScore], seed: int) -> Figure:
    bins = _bins(rows, BINS)
    spread = [bootstrap.interval(some, seed=seed) or (math.nan, math.nan) for some in bins]
    series = Series(
        "gain",
        tuple(_ends(bins)),
        tuple(_mean(some, "static") - _mean(some, "dynamic") for some in bins),
        tuple(low for low, _ in spread),
        tuple(high for _, high in spread),
    )
    note = "static minus dynamic on the same tokens, with a 95% band"
    return Figure("Gain along the stream", "tokens", "gain, nats/token", (series,), note=note)


def _cumulative(rows: Sequence[ChunkScore], hindsight: Sequence[float], seed: int) -> Figure:
    bins = _bins(rows, BINS)
    ends = _ends(bins)
    counts = [sum(map(len, bins[: i + 1])) for i in range(len(bins))]
    spread = [bootstrap.interval(rows[:k], seed=seed) or (math.nan, math.nan) for k in counts]
    saved = [math.fsum(r.static - r.dynamic for r in rows[:k]) for k in counts]
    series = [
        Series(
            "saved against static",
            tuple(ends),
            tuple(saved),
            tuple(low * end for (low, _), end in zip(spread, ends, strict=True)),
            tuple(high * end for (_, high), end in zip(spread, ends, strict=True)),
        )
    ]
    if hindsight:
        regret = [math.fsum(r.dynamic for r in rows[:k]) - math.fsum(hindsight[:k]) for k in counts]
        series.append(Series("regret against the last weights", tuple(ends), tuple(regret)))
    mixed = tuple(math.fsum(r.static - r.mixed for r in rows[:k]) for k in counts)
    series.append(Series("saved by the mixture of both", tuple(ends), mixed))
    note = "the last weights have seen the text: their loss is a bound, not a result"
    return Figure("Cumulative regret", "tokens", "nats", tuple(series), note=note)


# order


def order(lab: Lab) -> Finding:
    """The same pieces of text in several orders and with several resets, then the first again."""
    dealt = _pieces(lab)
    mixed = _orders(dealt, lab.settings.adapter.seed)
    arms = [("in order", r) for r in ("never", "document", "decay")]
    arms += [("shuffled", "never"), ("alternating", "never"), ("alternating", "document")]
    arms = [(name, reset) for name, reset in arms if name in mixed]
    if "alternating" not in mixed:
        lab.warnings.append(
            f"the documents are too short to alternate: none has {4 * lab.settings.stream.chunk} "
            "tokens, so that it could be left and come back to"
        )
    lab.planned = len(arms) + 1
    detach(lab.model)
    anchors = drift.anchors(lab.model, seed=lab.settings.adapter.seed)
    base = Learner(lab.model.network, lab.settings.learner, lab.model.new_cache)
    measure = partial(_aftermath, lab, dealt[0], anchors, drift.mean_nll(base, anchors))
    variant = f"order, then {cells.digest(dealt[0])} again"
    first = lab.run(
        jobs(lab, [{"reset": "never"}]), variant=variant, streams=dealt[0], after=measure
    )
    found: dict[str, Cell] = {}
    for name, reset in arms:
        job = ({"order": name, "reset": reset}, vary(lab.settings, {"reset": reset}))
        for cell in lab.run([job], variant=variant, streams=mixed[name], after=measure):
            found[f"{name}, reset {reset}"] = cell
    return lab.finding(
        "order",
        partial(_order_sentence, found, first),
        tables=[_order_table(found, first)],
        figures=[bars("Gain by order and reset", list(found), list(found.values()))],
    )


def _orders(dealt: Sequence[Sequence[Stream]], seed: int) -> dict[str, list[Stream]]:
    """The same pieces, differently; those of documents of one piece each cannot alternate."""
    texts = list(chain.from_iterable(dealt))
    orders = {"in order": texts, "shuffled": Random(seed).sample(texts, len(texts))}
    turns = [p for turn in zip_longest(*dealt) for p in turn if p is not None]
    return orders if turns == texts else orders | {"alternating": turns}


def _pieces(lab: Lab) -> list[list[Stream]]:
    """Cut every document in pieces that end with whole chunks; a single one counts as several."""
    size = lab.settings.stream.chunk
    documents = []
    for stream in lab.streams:
        count = max(1, min(PIECES, (len(stream.tokens) - 1) // (2 * size)))
        step = math.ceil((len(stream.tokens) - 1) / count / size) * size
        parts = [
            part(lab.model, stream, start, min(start + step + 1, len(stream.tokens)))
            for start in range(0, len(stream.tokens) - 1, step)
        ]
        documents.append(parts)
    if len(documents) > 1:
        return documents
    half = max(1, len(documents[0]) // 4)
    named = [replace(p, path=f"{p.path} part {1 + i // half}") for i, p in enumerate(documents[0])]
    return [named[i : i + half] for i in range(0, len(named), half)]


def _aftermath(
    lab: Lab, first: Sequence[Stream], anchors: Sequence[Chunk], before: float, learner: Learner
) -> Numbers:
    """Score the first document again, and the anchors, which cost the base `before`."""
    cut = [c for stream in first for c in chunks(stream.tokens, lab.settings.stream)]
    again = drift.mean_nll(learner, cut)
    return {"first_again": again, "drift": drift.mean_nll(learner, anchors) - before}


def _order_sentence(found: dict[str, Cell], first: Sequence[Cell]) -> str:
    carry, reset = found["in order, reset never"], found["in order, reset document"]
    switching = found.get("alternating, reset never")
    forward = at(reset, "dynamic") - at(carry, "dynamic")
    forgot = at(carry, "first_again") - at(first[0], "first_again")
    better = "better" if forward > 0 else "worse"
    turns = (
        f"with alternating documents the gain is {at(switching, 'gain'):+.3f} against "
        f"{at(carry, 'gain'):+.3f} in order; "
        if switching
        else ""
    )
    return (
        f"carrying weights over is {abs(forward):.3f} nats/token {better} than starting each "
        f"document anew; {turns}at the end the first document costs {forgot:+.3f} nats/token "
        f"against just after it was learned, and the base's own text {at(carry, 'drift'):+.3f}"
    )


def _order_table(found: dict[str, Cell], first: Sequence[Cell]) -> Table:
    """Backward transfer: the first document again, against when it had just been learned."""
    fresh = at(first[0], "first_again") if first else math.nan
    rows = tuple(
        (*row(name, c), c.numbers["mix"], c.numbers["share"], c.numbers["first_again"],
         at(c, "first_again") - fresh, c.numbers["drift"])
        for name, c in found.items()
    )  # fmt: skip
    extra = (*MIXES, "first document again", "forgetting", "drift on the base's own text")
    return Table("nats/token by order and reset", (*HEAD, *extra), rows)


# prefit


def prefit(lab: Lab) -> Finding:
    """Fine-tune a copy of the base on other text of the domain first; is there still a gain?"""
    if cells.is_quantised(lab.model):
        raise MlxdynError("a quantised base cannot be fine-tuned in full; take one in float")
    lab.planned = len(PREFIT)
    copy = load(str(lab.model.path))
    student = _prefitter(lab, copy)
    found: list[Cell] = []
    for before, steps in zip((0, *PREFIT), PREFIT, strict=False):
        try:
            for _ in range(steps - before):
                next(student)
        except KeyboardInterrupt:
            lab.stop()
            break
        knobs: dict[str, Any] = {"prefit_steps": steps}
        variant = f"prefit {steps} at {GENTLY:.3f} on {cells.digest(lab.tuning)}"
        found += lab.run([(knobs, lab.settings)], variant=variant, model=copy, known=Baselines())

    def sentence() -> str:
        start, end = found[0], found[-1]
        best = min(found, key=lambda c: at(c, "static"))
        overfit = at(end, "static") > at(best, "static") + OVERFIT
        kept = at(best, "gain") / at(start, "gain") if at(start, "gain") else math.nan
        return (
            f"the gain goes from {at(start, 'gain'):+.3f} nats/token without fine-tuning to "
            f"{at(best, 'gain'):+.3f} at the best of it ({best.knobs['prefit_steps']} steps, "
            f"{kept:.0%} of the gain left)"
            + (f"; {end.knobs['prefit_steps']} steps overfit the tuning text" if overfit else "")
        )

    rows = tuple(row(str(c.knobs["prefit_steps"]), c) for c in found)
    table = Table("nats/token by fine-tuning steps", HEAD, rows)
    steps_ = tuple(float(c.knobs["prefit_steps"]) for c in found)
    series = tuple(
        Series(side, steps_, tuple(at(c, side) for c in found)) for side in ("static", "dynamic")
    )
    figure = Figure("Fine-tuned first", "fine-tuning steps", "nats/token", series)
    return lab.finding("prefit", sentence, tables=[table], figures=[figure], tuned=True)


def _prefitter(lab: Lab, copy: Model) -> Iterator[None]:
    """Take a full-weight step on tuning text each time it is asked."""
    size = min(256, lab.model.context_size)
    cut = replace(lab.settings.stream, window=size, chunk=size, context="recompute")
    config = LearnerConfig(learning_rate=GENTLY * STREAM_RATES["full", "adam0"])
    attach(copy, AdapterConfig(adapt="full"))
    learner = Learner(copy.network, config, copy.new_cache)
    text = [chunk for stream in lab.tuning for chunk in chunks(stream.tokens, cut)]
    for chunk in cycle(text):
        copy.network.unfreeze()
        learner.learn(chunk)
        copy.network.freeze()
        yield


# precision


def precision(lab: Lab) -> Finding:
    """Quantise the base in memory; does learning repair what that broke?"""
    if cells.is_quantised(lab.model):
        raise MlxdynError("the base is quantised already; take one in float to compare precisions")
    lab.planned = 3
    settings = vary(lab.settings, {"adapt": "lora"})
    found = lab.run([({"bits": "float"}, settings)])
    for bits in (8, 4):
        if not lab.stopped:
            copy = quantised(lab.model, bits)
            found += lab.run(
                [({"bits": bits}, settings)],
                variant=f"{bits} bit", model=copy, known=Baselines(),
            )  # fmt: skip
    names = [str(c.knobs["bits"]) for c in found]

    def sentence() -> str:
        whole, _, rough = found
        damage = at(rough, "static") - at(whole, "static")
        left = at(rough, "dynamic") - at(whole, "dynamic")
        return (
            f"quantising to 4 bits costs the static base {damage:+.4f} nats/token, and "
            f"{left:+.4f} when both bases learn: {_repair(damage, left)}"
        )

    table = Table("nats/token by bits of the base", HEAD, tuple(map(row, names, found)))
    x = tuple(float(i) for i in range(len(found)))
    series = tuple(
        Series(side, x, tuple(at(c, side) for c in found), style="bars")
        for side in ("static", "dynamic")
    )
    figure = Figure("Precision of the base", "bits", "nats/token", series, categories=tuple(names))
    return lab.finding("precision", sentence, tables=[table], figures=[figure])


def _repair(damage: float, left: float) -> str:
    if damage <= 0:
        return "on this text there was nothing to repair"
    if left >= damage:
        return "learning does not repair it"
    return f"learning repairs {min(1.0, 1 - left / damage):.0%} of it"


def quantised(model: Model, bits: int) -> Model:
    """Load the base again with its matrices in `bits` bits, where their shapes allow it.

    Raises MlxdynError when none do.
    """
    copy = load(str(model.path))

    def fits(_: str, module: nn.Module) -> dict[str, int] | bool:
        if not hasattr(module, "to_quantized"):
            return False
        size = module.weight.shape[-1]
        group = next((g for g in (64, 32) if size % g == 0), None)
        return {"group_size": group, "bits": bits} if group else False

    nn.quantize(copy.network, bits=bits, class_predicate=fits)
    if not cells.is_quantised(copy):
        raise MlxdynError(f"no matrix of {model.name} can be quantised: no width divides by 32")
    copy.network.freeze()
    mx.eval(copy.network.parameters())
    return copy
