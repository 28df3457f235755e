"""Rows, curves and bars that the experiments share."""

import math
from collections.abc import Sequence
from typing import Any

from mlxdyn.lab.cells import Job, vary
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, CellValue, Figure, Series

HEAD = ("", "static", "dynamic", "gain", "95% from", "to")
MIXES = ("static and dynamic mixed", "by fixed share")  # at most ln 2 nats in all from the best


def jobs(lab: Lab, arms: Sequence[dict[str, Any]]) -> list[Job]:
    return [(arm, vary(lab.settings, arm)) for arm in arms]


def at(cell: Cell, name: str) -> float:
    value = cell.numbers.get(name)
    return math.nan if value is None else float(value)


def curve(name: str, found: Sequence[Cell], x: str, y: str) -> Series:
    """One number of the cells against a knob, by that knob; a band where `y` is the gain."""
    found = sorted(found, key=lambda cell: float(cell.config[x]))
    low, high = (tuple(at(c, side) for c in found) for side in ("low", "high"))
    xs = tuple(float(c.config[x]) for c in found)
    ys = tuple(at(c, y) for c in found)
    return Series(name, xs, ys, *((low, high) if y == "gain" else (None, None)))


def row(title: str, cell: Cell) -> tuple[CellValue, ...]:
    return (title, *(cell.numbers[n] for n in ("static", "dynamic", "gain", "low", "high")))


def bars(title: str, names: Sequence[str], found: Sequence[Cell], note: str = "") -> Figure:
    """Gain of each arm, with its interval."""
    x = tuple(float(i) for i in range(len(found)))
    values = (tuple(at(c, n) for c in found) for n in ("gain", "low", "high"))
    y, low, high = values
    gains = Series("gain", x, y, low, high, "bars")
    return Figure(title, "", "gain, nats/token", (gains,), categories=tuple(names), note=note)
