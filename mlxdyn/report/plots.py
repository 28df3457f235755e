"""Figures of a Finding as SVG and PNG; knows shapes and colours, nothing of models or text.

Equal figures give equal bytes: no dates, no random names.
"""

import io
import math
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import cycle
from textwrap import fill
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas

from mlxdyn.lab.findings import Figure, Series
from mlxdyn.report import ticks

INK, GRID = "#1f2328", "#d0d7de"
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
"""Okabe and Ito's, which the colour-blind can tell apart."""
MARKERS = ("os^Dv<P", "X>*phd8")
DASHES = ("-", (0, (5, 2)), (0, (1, 1.5)), (0, (6, 2, 1, 2)))
SIDES = (
    (7, 0), (-7, 0), (0, 11), (0, -11), (6, 9), (-6, 9), (6, -9), (-6, -9), (0, 20), (0, -20),
    (12, 18), (-12, 18), (12, -18), (-12, -18),
    *((x, y) for y in (30, -30, 42, -42, 54, -54, 66, -66) for x in (12, -12, 70, -70)),
)  # fmt: skip  # of a point, nearest first
FAR = 15  # points, from which on a line leads to the name
FROM_ZERO = re.compile("gain|difference|recall|share|%")  # what is read against nothing
Box = tuple[float, float, float, float]  # left, bottom, right, top
PANEL_INCHES = (5.6, 3.7)  # inches of one panel
MANY = 60  # points of a curve that are too many to mark each
STYLE: Any = {
    "axes.edgecolor": INK, "axes.labelcolor": INK, "text.color": INK, "xtick.color": INK,
    "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True,
    "axes.axisbelow": True, "grid.color": GRID, "grid.linewidth": 0.6, "axes.linewidth": 0.8,
    "axes.titlesize": 11, "axes.titleweight": "bold", "axes.titlelocation": "left",
    "font.family": ["sans-serif"], "font.sans-serif": ["DejaVu Sans"], "font.size": 10,
    "legend.fontsize": 9, "legend.frameon": False, "lines.linewidth": 1.8, "lines.markersize": 5,
    "svg.fonttype": "none", "text.parse_math": False,
}  # fmt: skip


def picture(figures: Sequence[Figure], title: str, kind: str) -> bytes:
    """Return one picture, white behind, with a panel for each figure."""
    if kind == "svg":
        return _svg(figures, title, bare=False).encode()
    with _style():
        canvas, out = _canvas(figures, title), io.BytesIO()
        canvas.savefig(out, format="png", dpi=160, metadata={"Software": None})
    return out.getvalue()


def inline(figure: Figure, name: str) -> str:
    """Return an <svg> element to stand in a page, coloured by the page's CSS variables.

    `name` makes its ids unique there. The title is left to the page.
    """
    svg = _svg([figure], name, bare=True)
    for index, colour in enumerate(PALETTE):
        svg = svg.replace(colour, f"var(--c{index})")
    return svg.replace(INK, "currentColor").replace(GRID, "var(--grid)")


def _svg(figures: Sequence[Figure], title: str, *, bare: bool) -> str:
    with _style({"svg.hashsalt": title}):
        canvas, out = _canvas(figures, title, bare=bare), io.BytesIO()
        canvas.savefig(out, format="svg", metadata={"Date": None, "Creator": None})
    text = re.sub(r' d="[^"]+"', _shorter, out.getvalue().decode())
    return _for_html(text) if bare else text


def _shorter(path: re.Match[str]) -> str:
    """Keep hundredths of a point, which nobody sees."""
    return re.sub(r"(\.\d\d)\d+", r"\1", path[0])


@contextmanager
def _style(more: Any = ()) -> Iterator[None]:
    with matplotlib.rc_context({**STYLE, **dict(more)}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # a name in a script that the font lacks
        yield


def _for_html(svg: str) -> str:
    """Take away what only a file of its own needs: prologue, size, global style, common ids."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    svg = re.sub(r'<style type="text/css">.*?</style>', "", svg, flags=re.S)
    svg = re.sub(r' id="[A-Za-z0-9.]+_[0-9]+"', "", svg)
    svg = re.sub(r' width="[\d.]+pt" height="[\d.]+pt"', "", svg, count=1)
    svg = re.sub(r' xmlns(:xlink)?="[^"]*"', "", svg)
    return re.sub(r"\n\s*", "\n", svg).strip()


def _canvas(figures: Sequence[Figure], title: str, *, bare: bool = False) -> Canvas:
    columns = min(2, len(figures))
    rows = math.ceil(len(figures) / columns)
    canvas = Canvas(
        figsize=(PANEL_INCHES[0] * columns, PANEL_INCHES[1] * rows), layout="constrained"
    )
    canvas.patch.set_alpha(0.0 if bare else 1.0)
    engine = canvas.get_layout_engine()
    assert engine is not None
    engine.set(w_pad=0.08, h_pad=0.12)  # type: ignore[call-arg]  # inches
    if not bare and len(figures) > 1:
        canvas.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    for index, figure in enumerate(map(_legible, figures)):
        panel = canvas.add_subplot(rows, columns, index + 1)
        _panel(panel, figure)
        if not bare:
            panel.set_title(fill(figure.title, 60), pad=8 + _legend_height(figure))
            if figure.note:
                panel.set_xlabel(f"{figure.x_label}\n{fill(figure.note, 66)}", fontsize=9)
    _name_all(canvas, figures)
    return canvas


def _name_all(canvas: Canvas, figures: Sequence[Figure]) -> None:
    """Name lonely points, once every panel has found its size."""
    lonely = [[series for series in _legible(f).series if _alone(series)] for f in figures]
    if not any(len(alone) > 1 for alone in lonely):
        return
    for panel in canvas.axes:
        panel.margins(x=0.08)
    canvas.draw_without_rendering()
    for panel, alone in zip(canvas.axes, lonely, strict=True):
        if len(alone) > 1:
            _name_points(panel, alone)


def _legible(figure: Figure) -> Figure:
    """Replace what no font can draw; a label must not begin with the mark of a hidden one."""

    def plain(text: str) -> str:
        return text.encode("utf-8", "replace").decode()

    return replace(
        figure,
        title=plain(figure.title),
        x_label=plain(figure.x_label),
        y_label=plain(figure.y_label),
        note=plain(figure.note),
        categories=None if figure.categories is None else tuple(map(plain, figure.categories)),
        series=tuple(
            replace(series, name=plain(series.name).lstrip("_") or "?") for series in figure.series
        ),
    )


def _panel(panel: Axes, figure: Figure) -> None:
    panel.patch.set_alpha(0.0)
    panel.set_xlabel(figure.x_label)
    panel.set_ylabel(figure.y_label)
    bars = [series for series in figure.series if series.style == "bars"]
    for series, look in zip(figure.series, _looks(), strict=False):
        if series.style == "bars":
            _bars(panel, series, look, (bars.index(series) + 0.5) / len(bars) - 0.5, bars)
        else:
            _curve(panel, series, look, marked=len(_in_legend(figure)) == len(figure.series))
    ticks.draw(panel, figure)
    low, high = panel.get_ylim()
    if low < 0 < high:
        panel.axhline(0, color=INK, linewidth=0.8)
    if len(_in_legend(figure)) > 1:
        _legend(panel, figure)


def _looks() -> Iterator[dict[str, Any]]:
    """Yield endless looks: colour and marker change first, then the dashes and markers."""
    for dash, markers in zip(cycle(DASHES), cycle(MARKERS), strict=False):
        for colour, marker in zip(PALETTE, markers, strict=True):
            yield {"color": colour, "marker": marker, "linestyle": dash}


def _curve(panel: Axes, series: Series, look: dict[str, Any], *, marked: bool) -> None:
    x, y = list(series.x), _drawable(series.y)
    many = len(x) > MANY
    if series.style == "points":
        panel.plot(x, y, **(look | {"linestyle": "none", "markersize": 3 if many else 6.5}))
    elif len(x) > 1 and len(set(x)) == 1:  # a mark on the axis, as of a theory
        panel.plot(x, y, **(look | {"marker": "", "linestyle": ":"}))
    else:
        panel.plot(x, y, **(look | {"marker": look["marker"] if marked and not many else ""}))
    panel.lines[-1].set_label(series.name)
    if series.low is None or series.high is None:
        return
    low, high = _drawable(series.low), _drawable(series.high)
    if series.style == "points":
        panel.vlines(x, low, high, color=look["color"], linewidth=1.2, alpha=0.8)
    else:
        panel.fill_between(x, low, high, color=look["color"], alpha=0.18, linewidth=0)


def _bars(
    panel: Axes, series: Series, look: dict[str, Any], place: float, bars: Sequence[Series]
) -> None:
    """Draw bars from zero; where that would make losses all look alike, dots instead."""
    width = 0.8 / len(bars)
    x, y = [value + 0.8 * place for value in series.x], _drawable(series.y)
    dots = not FROM_ZERO.search(panel.get_ylabel()) and _alike(bars)
    if dots:
        panel.plot(x, y, **(look | {"linestyle": "none", "markersize": 7}))
        panel.lines[-1].set_label(series.name)
    else:
        panel.bar(x, y, width * 0.92, color=look["color"], label=series.name)
    if series.low is not None and series.high is not None:
        low, high = _drawable(series.low), _drawable(series.high)
        panel.vlines(x, low, high, color=look["color"] if dots else INK, linewidth=1.4)


def _alike(bars: Sequence[Series]) -> bool:
    heights = [value for series in bars for value in series.y if math.isfinite(value)]
    return bool(heights) and min(heights) > 0.5 * max(heights)


def _drawable(values: Sequence[float]) -> list[float]:
    return [value if math.isfinite(value) else math.nan for value in values]


def _alone(series: Series) -> bool:
    return series.style == "points" and len(series.x) == 1


def _in_legend(figure: Figure) -> list[Series]:
    """The series whose names do not stand beside their only point."""
    alone = [series for series in figure.series if _alone(series)]
    return [series for series in figure.series if len(alone) < 2 or not _alone(series)]


def _name_points(panel: Axes, alone: Sequence[Series]) -> None:
    """Write the name of each lonely point beside it, on the first side that is free."""
    points = [(s.name, s.x[0], s.y[0]) for s in alone if math.isfinite(s.y[0])]
    pixels = panel.transData.transform([(x, y) for _, x, y in points]) * 72 / 100  # to points
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in pixels]
    (west, south), (east, north) = panel.transAxes.transform([(0, 0), (1, 1)]) * 72 / 100
    for (name, x, y), (left, bottom) in zip(points, pixels, strict=True):
        boxes = {side: _box(left, bottom, side, 5.2 * len(name)) for side in SIDES}
        inside = [
            s for s, b in boxes.items()
            if west < b[0] and b[2] < east and south < b[1] and b[3] < north
        ]  # fmt: skip
        free = [side for side in inside if not _meets(boxes[side], taken)]
        side = (free or inside or list(SIDES))[0]
        taken.append(boxes[side])
        panel.annotate(
            name, (x, y), xytext=side, textcoords="offset points", va="center", fontsize=8.5,
            ha="left" if side[0] > 0 else "right" if side[0] else "center",
            arrowprops={"arrowstyle": "-", "lw": 0.5} if abs(side[1]) > FAR else None,
        )  # fmt: skip


def _box(x: float, y: float, side: tuple[int, int], width: float) -> Box:
    """Where a name stands whose point is at (x, y)."""
    left = x + side[0] - (width if side[0] < 0 else 0 if side[0] else width / 2)
    return left, y + side[1] - 5, left + width, y + side[1] + 5


def _meets(box: Box, others: Sequence[Box]) -> bool:
    return any(
        box[0] < right and left < box[2] and box[1] < top and bottom < box[3]
        for left, bottom, right, top in others
    )


def _legend(panel: Axes, figure: Figure) -> None:
    shown = _in_legend(figure)
    names = [series.name for series in shown]
    known = dict(zip(*reversed(panel.get_legend_handles_labels()), strict=True))
    panel.legend(
        [known[name] for name in names], names, loc="lower left", bbox_to_anchor=(0, 1.0),
        ncols=_columns(len(names)), borderaxespad=0.2, handlelength=1.8, columnspacing=1.2,
    )  # fmt: skip


def _columns(count: int) -> int:
    return min(count, 3 if count < 7 else 4)


def _legend_height(figure: Figure) -> float:
    """Points that the legend above a panel takes."""
    count = len(_in_legend(figure))
    return 14.0 * math.ceil(count / _columns(count)) + 6 if count > 1 else 0.0
