"""What does learning cost: operations, time, memory?"""

from collections.abc import Iterator, Sequence
from typing import Any

from mlxdyn.lab import cells
from mlxdyn.lab.charts import at, jobs
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table

Point = tuple[str, float, float, float, float, float]  # name, nats, operations, theory, ms, MiB


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
