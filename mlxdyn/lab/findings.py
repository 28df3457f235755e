"""What an experiment found, as plain values that go into JSON as they are; knows no MLX, no NumPy.

The contract between the experiments, which return a Finding, and whatever shows it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

CellValue = str | int | float | None


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, cloud or set of bars of a figure; `low` and `high` bound a 95% band around `y`."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]  # as long as x; NaN leaves a gap
    low: tuple[float, ...] | None = None
    high: tuple[float, ...] | None = None
    style: Literal["line", "points", "bars"] = "line"


@dataclass(frozen=True, slots=True)
class Figure:
    """A picture, not yet drawn. With `categories`, x counts into them from 0."""

    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    log_x: bool = False
    categories: tuple[str, ...] | None = None
    note: str = ""  # one sentence under the picture


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head; None is an empty cell."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[CellValue, ...], ...]


@dataclass(frozen=True, slots=True)
class Cell:
    """One evaluation of an experiment or grid.

    `key` is the hash of everything the numbers depend on; `knobs` are the ones that vary, `config`
    is all of them. Nats are per token; NaN where there is no number.
    """

    key: str
    knobs: dict[str, Any]
    numbers: dict[str, float | int | None]
    config: dict[str, Any]
    seconds: float
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One experiment: what it found in one sentence, and the numbers behind it."""

    experiment: str
    sentence: str
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    cells: tuple[Cell, ...] = ()
    warnings: tuple[str, ...] = ()
    tuned_on: tuple[str, ...] = ()  # where the rate was chosen: "349.txt", "349.txt tokens 0-2000"
    reported_on: tuple[str, ...] = ()  # what the numbers are about, likewise
    self_check: str = ""  # "learning rate 0 equals static on 4 chunks: largest difference 0"
    chosen: dict[str, Any] = field(default_factory=dict)  # what was picked here: learning_rate, …
    choice: str = ""  # one line: the learning rate and how it came about
    loss: str = ""  # one sentence, when learning lost to static beyond its interval


@dataclass(frozen=True, slots=True)
class ProgressStep:
    """How far an evaluation is; told every few chunks, to draw progress with."""

    label: str  # of the cell being run, such as "lr=0.001 chunk=64"; "" for a plain evaluation
    cell: int  # counted from 1
    cells: int
    done: int  # targets of the cell scored by both runs
    total: int  # targets of the cell
    gain: float | None  # so far in this cell, nats per token; None before the first chunk


Progress = Callable[[ProgressStep], None]
