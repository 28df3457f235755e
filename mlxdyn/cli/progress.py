"""The live view of an evaluation: how far, how long still, and the gain so far."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlxdyn.lab.findings import ProgressStep


@contextmanager
def live() -> Iterator[Callable[[ProgressStep], None] | None]:
    """Draw on standard error while the block runs; give None when nobody is there to see it."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.fields[cell]}", markup=False),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        TextColumn("{task.fields[gain]}"),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task("", total=1.0, cell="loading", gain="")
        yield lambda tick: shown.update(task, **fields(tick))


def fields(tick: ProgressStep) -> dict[str, Any]:
    """Say where a tick is: which cell of how many, and the share of all that is done."""
    part = tick.done / tick.total if tick.total else 0.0
    many = f"{tick.cell}/{tick.cells} {tick.label}".strip() if tick.cells > 1 else tick.label
    return {
        "completed": (tick.cell - 1 + part) / tick.cells,
        "cell": many or f"{tick.done}/{tick.total} tokens",
        "gain": "" if tick.gain is None else f"gain {tick.gain:+.4f} nats/token",
    }
