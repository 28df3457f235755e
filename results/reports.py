"""Reads the reports beside this file, and what their tables say."""

import json
import math
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent

Report = dict[str, Any]
Row = list[Any]  # of a table: title, static, dynamic, gain, 95% from, to, ...


def read(folder: Path, name: str) -> Report | None:
    path = folder / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def rows(folder: Path, name: str) -> dict[str, Row]:
    """The rows of an experiment's first table by their title; none where it was not run."""
    report = read(folder, name)
    if not report:
        return {}
    if report["experiment"]["experiment"] == "grid":
        return best(report["experiment"]["cells"])
    return {row[0]: row for row in report["experiment"]["tables"][0]["rows"]}


def column(folder: Path, name: str, title: str) -> dict[str, Any]:
    """One column of an experiment's first table, by the title of the row; nothing if not run."""
    report = read(folder, name)
    if not report:
        return {}
    table = report["experiment"]["tables"][0]
    return {row[0]: row[table["head"].index(title)] for row in table["rows"]}


def best(cells: list[Report]) -> dict[str, Row]:
    """The cells of a grid of rates and something else, each something at its best rate."""
    found: dict[str, Row] = {}
    for cell in cells:
        (knob, value), numbers = list(cell["knobs"].items())[-1], cell["numbers"]
        title = f"{value} blocks" if knob == "layers" else str(value)
        row = [title, *(numbers[n] for n in ("static", "dynamic", "gain", "low", "high"))]
        if title not in found or (row[2] or math.inf) < (found[title][2] or math.inf):
            found[title] = row
    return found


def sure(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f" ({low:+.3f} to {high:+.3f})"


def gain(row: Row) -> str:
    return f"{row[3]:+.3f}{sure(row[4], row[5])}"
