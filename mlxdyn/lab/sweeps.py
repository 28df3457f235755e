"""Experiments that vary knobs of the configuration and compare the cells."""

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

from mlxdyn.config import CONTEXTS, OPTIMIZERS, STREAM_RATES, AdapterConfig
from mlxdyn.lab import cells
from mlxdyn.lab.cells import vary
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.exhibit import HEAD, at, bars, curve, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table
from mlxdyn.lab.streams import Stream
from mlxdyn.model.load import Model
from mlxdyn.model.lora import layer_indices, matching

WINDOWS = (32, 64, 128, 256, 512, 1024, 2048)
CHUNKS = (16, 32, 64, 128, 256)
RANKS = (1, 4, 8, 16, 32)
CURVE = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)  # times the default rate
FLAT = 0.05  # nats per token from the best, within which a rate counts as good


# window


def window(lab: Lab) -> Finding:
    """Static and dynamic loss over window sizes."""
    smallest, most = lab.settings.stream.chunk, lab.model.context_size
    sizes = [w for w in WINDOWS if smallest <= w <= min(most, 2 * _longest(lab.streams))]
    lab.planned = len(sizes)
    found = lab.run(jobs(lab, [{"window": size} for size in sizes]))
    worth = {c.knobs["window"]: _worth(found, c) for c in found}

    def sentence() -> str:
        widest = min(found, key=lambda c: at(c, "static"))
        beats = [c for c in found if at(c, "dynamic") < at(widest, "static")]
        if not beats:
            return "no window that learns beats the best window that does not"
        narrow = beats[0]
        return (
            f"a window of {narrow.knobs['window']} tokens that learns "
            f"({at(narrow, 'dynamic'):.3f} nats/token) beats the best window that does not, "
            f"{widest.knobs['window']} tokens ({at(widest, 'static'):.3f})"
        )

    rows = tuple(
        (*row(str(c.knobs["window"]), c), worth[c.knobs["window"]],
         at(c, "kv_bytes") / 2**20, at(c, "adapter_bytes") / 2**20)
        for c in found
    )  # fmt: skip
    more = ("equals a static window of", "keys and values, MiB", "adapter and optimizer, MiB")
    table = Table("nats/token by window", (*HEAD, *more), rows)
    series = tuple(curve(side, found, "window", side) for side in ("static", "dynamic"))
    figure = Figure("What a window is worth", "window, tokens", "nats/token", series, log_x=True)
    figures = [figure, *(_trade(found, *axis) for axis in WINDOW_AXES)]
    return lab.finding("window", sentence, tables=[table], figures=figures)


def _held(cell: Cell, side: str) -> float:
    """MiB that a window takes, and learning beside it."""
    return (at(cell, "kv_bytes") + (at(cell, "adapter_bytes") if side == "dynamic" else 0)) / 2**20


def _spent(cell: Cell, side: str) -> float:
    """Million operations a token."""
    return at(cell, f"{side}_flops") / 1e6


WINDOW_AXES = (
    ("Loss against operations", "million operations a token", _spent),
    ("Loss against memory", "keys, values, adapter and optimizer, MiB", _held),
)


def _trade(
    found: Sequence[Cell], title: str, label: str, price: Callable[[Cell, str], float]
) -> Figure:
    """A long window that does not learn beside a short one that does: what each pays."""

    def paid(side: str) -> Series:
        points = sorted((price(cell, side), at(cell, side)) for cell in found)
        return Series(side, tuple(x for x, _ in points), tuple(y for _, y in points))

    series = (paid("static"), paid("dynamic"))
    note = "each point is a window; the base itself is not counted in memory"
    return Figure(title, label, "nats/token", series, log_x=True, note=note)


def _longest(streams: Sequence[Stream]) -> int:
    return max(len(stream.tokens) for stream in streams)


def _worth(found: Sequence[Cell], cell: Cell) -> str:
    """The static window that loses as much as `cell` learning, between those measured."""
    loss = at(cell, "dynamic")
    for left, right in pairwise(found):
        high, low = at(left, "static"), at(right, "static")
        if low <= loss <= high and low < high:
            share = (high - loss) / (high - low)
            a, b = (math.log(c.knobs["window"]) for c in (left, right))
            return f"{math.exp(a + share * (b - a)):.0f}"
    below = loss < min(at(c, "static") for c in found)
    return (
        f"more than {found[-1].knobs['window']}"
        if below
        else f"less than {found[0].knobs['window']}"
    )


# placement


def placement(lab: Lab) -> Finding:
    """Loss against trainable parameters and memory, by where the adapter sits."""
    arms = list(_placements(lab.model))
    lab.planned = len(arms)
    found = []
    for _, knobs in arms:
        if not lab.stopped:
            found += lab.run([lab.best((knobs, vary(lab.settings, knobs)))])
    names = [name for name, _ in arms][: len(found)]

    def sentence() -> str:
        ranked = sorted(zip(names, found, strict=True), key=lambda pair: at(pair[1], "dynamic"))
        best, cell = ranked[0]
        losses = {n: at(c, "dynamic") for n, c in zip(names, found, strict=True)}
        groups = (
            ("mlp", "attention"),
            ("full", "rank 8"),
            ("middle blocks", "early blocks", "late blocks"),
        )
        return "; ".join(
            [
                f"best is {best} ({at(cell, 'dynamic'):.3f} nats/token with "
                f"{cell.numbers['adapter_parameters']} weights)",
                *(_ranked(losses, group) for group in groups if group[0] in losses),
            ]
        )

    head_ = (*HEAD, "rate", "trainable weights", "peak MiB", "operations against static")
    rows = tuple(
        (
            *row(name, c),
            c.config["learning_rate"],
            c.numbers["adapter_parameters"],
            round(at(c, "dynamic_peak") / 2**20, 1),
            at(c, "dynamic_flops") / at(c, "static_flops"),
        )
        for name, c in zip(names, found, strict=True)
    )
    table = Table("by placement; rates chosen on the tuning text", head_, rows)
    figures = [_scatter(names, found, *axis) for axis in PLACEMENT_AXES]
    return lab.finding("placement", sentence, tables=[table], figures=figures, tuned=True)


def _ranked(losses: dict[str, float], names: Sequence[str]) -> str:
    """The named placements from best to worst."""
    known = sorted((n for n in names if n in losses), key=losses.__getitem__)
    return " before ".join(f"{n} {losses[n]:.3f}" for n in known)


PLACEMENT_AXES = (
    ("adapter_parameters", "trainable weights", 1),
    ("dynamic_peak", "peak memory, MiB", 2**20),
)


def _placements(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Arms that this model has: some have no middle block, or no down_proj."""
    for rank in RANKS:
        yield f"rank {rank}", {"adapt": "lora", "rank": rank}
    for targets in ("attention", "mlp", "down_proj"):
        if matching(model, AdapterConfig(targets=targets)):
            yield targets, {"adapt": "lora", "targets": targets}
    for layers in ("early", "middle", "late"):
        if layer_indices(layers, len(model.network.layers)):
            yield f"{layers} blocks", {"adapt": "lora", "layers": layers}
    if not cells.is_quantised(model):
        yield "full", {"adapt": "full"}


def _scatter(
    names: Sequence[str], found: Sequence[Cell], number: str, label: str, unit: int
) -> Figure:
    series = tuple(
        Series(name, (at(c, number) / unit,), (at(c, "dynamic"),), style="points")
        for name, c in zip(names, found, strict=True)
    )
    return Figure(f"Loss against {label}", label, "dynamic nats/token", series, log_x=True)


# interval


def interval(lab: Lab) -> Finding:
    """Chunk sizes, with one rate for all and with a rate that grows with the chunk."""
    sizes = [n for n in CHUNKS if n <= lab.settings.stream.window]
    rate, middle = lab.settings.learner.learning_rate, lab.settings.stream.chunk
    plain = [{"chunk": n} for n in sizes]
    scaled = [{"chunk": n, "learning_rate": rate * n / middle} for n in sizes]
    lab.planned = len(plain) + len(scaled)
    fixed, grown = lab.run(jobs(lab, plain)), lab.run(jobs(lab, scaled))

    def sentence() -> str:
        best = min(fixed, key=lambda c: at(c, "dynamic"))
        wide, bold = fixed[-1], grown[-1]
        helped = "better" if at(bold, "dynamic") < at(wide, "dynamic") else "worse"
        return (
            f"at one rate, chunks of {best.knobs['chunk']} do best "
            f"({at(best, 'dynamic'):.3f} nats/token); scaling the rate with the chunk makes "
            f"chunks of {wide.knobs['chunk']} {helped} ({at(bold, 'dynamic'):.3f} against "
            f"{at(wide, 'dynamic'):.3f})"
        )

    rows = tuple(
        (*row(f"{c.knobs['chunk']}{mark}", c), c.config["learning_rate"], c.numbers["updates"],
         at(c, "dynamic_flops") / 1e6)
        for mark, some in (("", fixed), (" scaled", grown)) for c in some
    )  # fmt: skip
    table = Table(
        "by chunk; static differs where the policy gives other windows",
        (*HEAD, "rate", "updates", "million operations a token"),
        rows,
    )
    series = (
        curve("one rate", fixed, "chunk", "gain"),
        curve("rate scaled with the chunk", grown, "chunk", "gain"),
    )
    figure = Figure("Update interval", "chunk, tokens", "gain, nats/token", series, log_x=True)
    prices = tuple(
        Series(
            f"chunk {c.knobs['chunk']}",
            (at(c, "dynamic_flops") / 1e6,),
            (at(c, "dynamic"),),
            style="points",
        )
        for c in fixed
    )
    against = Figure(
        "Sample efficiency against cost", "million operations a token", "dynamic nats/token",
        prices, log_x=True, note="at one rate",
    )  # fmt: skip
    return lab.finding("interval", sentence, tables=[table], figures=[figure, against])


# optimizer


def optimizer(lab: Lab) -> Finding:
    """A curve of rates for each update rule; the rate it is judged at is chosen on tuning text."""
    lab.planned = len(OPTIMIZERS) * len(CURVE)
    curves: dict[str, list[Cell]] = {}
    chosen: dict[str, float] = {}
    for rule in OPTIMIZERS:
        start = STREAM_RATES[lab.settings.adapter.adapt, rule]
        arms = [{"optimizer": rule, "learning_rate": start * factor} for factor in CURVE]
        if not lab.stopped:
            default = {"optimizer": rule, "learning_rate": start}
            job, _ = lab.best((default, vary(lab.settings, default)), CURVE)
            chosen[rule] = float(job["learning_rate"])
            curves[rule] = lab.run(jobs(lab, arms))
    curves = {rule: found for rule, found in curves.items() if found}
    judged = {
        rule: min(found, key=lambda c: abs(math.log(c.knobs["learning_rate"] / chosen[rule])))
        for rule, found in curves.items()
    }
    order_ = sorted(judged, key=lambda rule: _loss(judged[rule]))

    def sentence() -> str:
        flat = max(order_, key=lambda rule: _flatness(curves[rule]))
        ranks = ", ".join(f"{rule} {at(judged[rule], 'dynamic'):.3f}" for rule in order_)
        return (
            f"with rates chosen on other text, nats/token: {ranks}; the flattest optimum has "
            f"{flat}, within {FLAT} nats over a factor of {_flatness(curves[flat]):.1f}"
        )

    rows = tuple(
        (*row(rule, judged[rule]), chosen[rule], min(map(_loss, curves[rule])),
         _flatness(curves[rule]))
        for rule in order_
    )  # fmt: skip
    extra = ("rate chosen", "best of its curve", f"factor of rates within {FLAT}")
    table = Table("update rules; rates chosen on the tuning text", (*HEAD, *extra), rows)
    series = tuple(curve(r, found, "learning_rate", "dynamic") for r, found in curves.items())
    figure = Figure("Rate curves", "learning rate", "dynamic nats/token", series, log_x=True)
    return lab.finding(
        "optimizer", sentence, tables=[table], figures=[figure], tuned=True, chosen=chosen
    )


def _loss(cell: Cell) -> float:
    loss = at(cell, "dynamic")
    return loss if math.isfinite(loss) else math.inf


def _flatness(curve: Sequence[Cell]) -> float:
    """Ratio of the largest rate within FLAT of the best to the smallest, also between points."""
    best = min(map(_loss, curve))
    good = [math.log(c.knobs["learning_rate"]) for c in curve if _loss(c) <= best + FLAT]
    for left, right in pairwise(curve):
        low, high = _loss(left), _loss(right)
        if math.isfinite(low + high) and (low <= best + FLAT) != (high <= best + FLAT):
            a, b = (math.log(c.knobs["learning_rate"]) for c in (left, right))
            good.append(a + (b - a) * (best + FLAT - low) / (high - low))
    return math.exp(max(good) - min(good)) if good else 1.0


# cost


def cost(lab: Lab) -> Finding:
    """Everything in one picture: loss against operations, time and memory."""
    arms = [({**knobs, "window": w}, name) for w in _two_windows(lab) for name, knobs in _ways(lab)]
    lab.planned = len(arms)
    found: list[tuple[str, Cell]] = []
    for knobs, name in arms:
        for cell in lab.run(jobs(lab, [knobs]), known=Baselines()):  # both sides timed together
            found.append((f"{name} (window {knobs['window']})", cell))
    points = list(_points(found))
    front = [p for p in points if not any(_dominates(other, p) for other in points)]

    def sentence() -> str:
        names = ", ".join(str(p[0]) for p in sorted(front, key=lambda p: p[2]))
        ratios = [at(c, "dynamic_flops") / at(c, "static_flops") for _, c in found]
        return (
            f"on the front of loss against operations are, from cheap to dear: {names}; "
            f"learning costs {min(ratios):.2f} to {max(ratios):.2f} times the operations of static"
        )

    head_ = ("", "nats/token", "operations a token", "theory", "ms a token", "peak MiB", "front")
    rows = tuple((*p, "yes" if p in front else "") for p in points)
    table = Table("what each way costs", head_, rows)
    axes = ((2, "operations a token"), (4, "milliseconds a token"), (5, "peak memory, MiB"))
    figures = [_pareto(points, front, column, label) for column, label in axes]
    return lab.finding("cost", sentence, tables=[table], figures=figures)


Point = tuple[str, float, float, float, float, float]  # name, nats, operations, theory, ms, MiB


def _two_windows(lab: Lab) -> list[int]:
    """A quarter of the window beside the whole."""
    size, chunk = lab.settings.stream.window, lab.settings.stream.chunk
    return sorted({max(chunk, size // 4), size})


def _ways(lab: Lab) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "LoRA", {"adapt": "lora"}
    if len(lab.model.network.layers) > 1:
        yield "LoRA on late blocks", {"adapt": "lora", "layers": "late"}
    if not cells.is_quantised(lab.model):
        yield "full weights", {"adapt": "full"}


def _points(found: Sequence[tuple[str, Cell]]) -> Iterator[Point]:
    """The static way once for each window, and every way that learns."""
    told: set[int] = set()
    for name, cell in found:
        size = int(cell.config["window"])
        if size not in told:
            told.add(size)
            yield _point(f"static (window {size})", cell, "static", 2.0)
        full = cell.config["adapt"] == "full"
        share = (at(cell, "dynamic_flops") - at(cell, "static_flops")) > 0
        yield _point(name, cell, "dynamic", 6.0 if full else 4.0 if share else 2.0)


def _point(name: str, cell: Cell, side: str, factor: float) -> Point:
    milliseconds = 1000 * at(cell, f"{side}_seconds") / at(cell, "tokens")
    theory = factor * at(cell, "weights")
    peak = at(cell, f"{side}_peak") / 2**20
    return name, at(cell, side), at(cell, f"{side}_flops"), theory, milliseconds, peak


def _dominates(one: Point, other: Point) -> bool:
    return one[1] <= other[1] and one[2] <= other[2] and one[1:3] != other[1:3]


def _pareto(points: Sequence[Point], front: Sequence[Point], column: int, label: str) -> Figure:
    def number(point: Point) -> float:
        return float(point[column])

    series = [Series(p[0], (number(p),), (p[1],), style="points") for p in points]
    if column == 2:
        edge = sorted(front, key=number)
        series.append(Series("front", tuple(map(number, edge)), tuple(p[1] for p in edge)))
        lines = [("theory 2N", "static"), ("theory 4N", "LoRA"), ("theory 6N", "full")]
        for name, kind in lines:
            some = [p for p in points if p[0].startswith(kind)]
            if some:
                losses = tuple(sorted(p[1] for p in points))
                series.append(Series(name, (some[0][3],) * len(losses), losses))
    title = f"Loss against {label.split(',')[0]}"
    return Figure(title, label, "nats/token", tuple(series), log_x=True)


# kv


def kv(lab: Lab) -> Finding:
    """Keys and values kept across updates, made anew for the same windows, or for every chunk."""
    arms = [{"context": "restart", "kv": "kept"}, {"context": "restart", "kv": "fresh"}]
    arms += [{"context": name} for name in CONTEXTS if name != "restart"]
    lab.planned = len(arms)
    found = lab.run(jobs(lab, arms))
    names = ["restart, kept", "restart, made anew", "recompute", "carry"][: len(found)]

    def sentence() -> str:
        kept, fresh = found[0], found[1]
        stale = at(kept, "dynamic") - at(fresh, "dynamic")
        times = at(fresh, "dynamic_flops") / at(kept, "dynamic_flops")
        verb = "cost" if stale > 0 else "gain"
        return (
            f"in the same windows, keys and values from older weights {verb} {abs(stale):.4f} "
            f"nats/token against those made anew, which take {times:.1f} times the operations"
        )

    rows = tuple(
        (*row(n, c), at(c, "dynamic_flops") / 1e6, c.numbers["dynamic_seconds"])
        for n, c in zip(names, found, strict=True)
    )
    table = Table("nats/token", (*HEAD, "million operations a token", "seconds"), rows)
    note = "the first two see the same windows; recompute also learns through the whole window"
    return lab.finding(
        "kv", sentence, tables=[table], figures=[bars("Stale activations", names, found, note)]
    )


# history


def history(lab: Lab) -> Finding:
    """Would learning have helped in these conversations, carried over or each alone?"""
    lab.planned = 2
    carried, apart = (lab.run(jobs(lab, [{"reset": r}])) for r in ("never", "document"))

    def sentence() -> str:
        cell, alone = carried[0], apart[0]
        low, high = cell.numbers["low"], cell.numbers["high"]
        sure = "" if low is None else f" (95% from {low:+.3f} to {high:+.3f})"
        verdict = (
            "would have helped" if (low or at(cell, "gain")) > 0 else "would not surely have helped"
        )
        return (
            f"over {len(lab.streams)} conversations learning {verdict}: "
            f"{at(cell, 'gain'):+.3f} nats/token{sure}, of which {at(alone, 'gain'):+.3f} within "
            f"conversations and {at(cell, 'gain') - at(alone, 'gain'):+.3f} carried over"
        )

    names = ["carried over", "each alone"][: len(carried) + len(apart)]
    every = [*carried, *apart]
    table = Table("nats/token", HEAD, tuple(map(row, names, every)))
    figure = bars("Would learning have helped?", names, every)
    return lab.finding("history", sentence, tables=[table], figures=[figure])
