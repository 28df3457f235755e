"""The marks below a panel: values where they fit, round numbers, names; all of them short."""

import math
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, NullLocator

from mlxdyn.lab.findings import Figure

FEW = 9  # ticks that fit below one panel


def draw(panel: Axes, figure: Figure) -> None:
    """Set the horizontal ticks that `figure` needs."""
    if figure.categories is not None:
        _named(panel, figure.categories)
        return
    if figure.log_x:
        panel.set_xscale("log")
        panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
        panel.xaxis.set_minor_formatter(NullFormatter())
        values = sorted({value for series in figure.series for value in series.x if value > 0})
        if _apart(values):
            panel.set_xticks(values)
            panel.xaxis.set_minor_locator(NullLocator())
        else:
            panel.xaxis.set_major_locator(LogLocator(subs=_decades(values)))
    else:
        most = max((abs(value) for series in figure.series for value in series.x), default=0.0)
        if most >= 10:
            panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _number(value, most)))


def _apart(values: Sequence[float]) -> bool:
    """Whether the values themselves can stand below a logarithmic axis as its ticks."""
    if not 0 < len(values) <= FEW:
        return False
    span = math.log(values[-1] / values[0])
    return all(math.log(b / a) >= span / FEW for a, b in pairwise(values))


def _decades(values: Sequence[float]) -> tuple[float, ...]:
    """The steps of a decade that get a tick: fewer, the more decades there are."""
    ratio = values[-1] / values[0] if values else 1.0
    if ratio > 300:
        return (1.0,)
    return (1.0, 2.0, 5.0) if ratio > 10 else (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)


def _named(panel: Axes, names: Sequence[str]) -> None:
    """Write the categories below; slanted where they would run into each other."""
    short = [name.rpartition("/")[2] for name in names]
    short = [name if len(name) <= 30 else f"{name[:29]}…" for name in short]
    narrow = sum(map(len, short)) > 42
    turn: Any = {"rotation": 35, "ha": "right", "rotation_mode": "anchor"} if narrow else {}
    panel.set_xticks(range(len(names)), short, **turn)
    panel.set_xlim(-0.6, len(names) - 0.4)
    panel.grid(visible=False, axis="x")


def _number(value: float, most: float | None = None) -> str:
    """Write 20000 as 20k and 0.0003 as 3e-4; numbers of an axis share the unit of its `most`."""
    largest = abs(value if most is None else most)
    for least, size, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if largest >= least and value:
            return f"{value / size:.4g}{unit}"
    if 0 < abs(value) < 1e-3:
        return re.sub(r"(\.0)?e-0*", "e-", f"{value:.1e}")
    return f"{value:.4g}"
