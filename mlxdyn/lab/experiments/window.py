"""How many tokens of window is learning worth?"""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from mlxdyn.lab.charts import HEAD, at, curve, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table
from mlxdyn.lab.streams import Stream

WINDOWS = (32, 64, 128, 256, 512, 1024, 2048)


def window(lab: Lab) -> Finding:
    """Static and dynamic loss over window sizes."""
    smallest, most = lab.settings.stream.chunk, lab.model.context_size
    sizes = [w for w in WINDOWS if smallest <= w <= min(most, 2 * _longest(lab.streams))]
    sizes = sizes or [lab.settings.stream.window]  # of a text shorter than any
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
