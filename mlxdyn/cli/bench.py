"""`mlxdyn bench`: how fast a model talks and learns here, in how much memory, beside its peers."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import click

from mlxdyn.cli.model import ensure
from mlxdyn.cli.open import Amount, as_json, base

if TYPE_CHECKING:
    from mlxdyn.lab.bench.rows import Row
    from mlxdyn.lab.bench.speed import Speed

UNITS = {"seconds": (1, "s"), "bytes": (1e6, "MB"), "operations": (1e9, "GFLOP")}


@click.command()
@base
@click.option("--quick", is_flag=True, help="The table beside its peers, in about two minutes.")
@click.option("--table", is_flag=True, help="The same table at full size: half an hour and more.")
@click.option(
    "--peers", type=click.Path(exists=True, dir_okay=False, path_type=Path), metavar="PYTHON",
    help="The Python of an environment with elia-chat, xllamacpp, torch and peft, to measure too.",
)  # fmt: skip
@click.option("--curves", is_flag=True, help="What grows with length, rank, size and memories.")
@click.option("--soak", type=Amount(), metavar="MINUTES", help="Chat and learn for so long.")
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Figures are medians."
)
@as_json
def bench(
    model: str, quick: bool, table: bool, peers: Path | None, curves: bool, soak: float | None,
    rounds: int, as_json: bool,
) -> None:  # fmt: skip
    """Measure how fast a model talks and learns on this machine, and in how much memory.

    With --quick or --table, beside mlx-lm and other peers: both do the same work in turn, so that a
    busy machine touches both alike, and the ratio of each pair counts. On a busy machine set
    OPENBLAS_NUM_THREADS=1 for both.
    """
    if sum(map(bool, (quick, table, curves, soak is not None))) > 1:
        raise click.UsageError(
            "--quick, --table, --curves and --soak are four measurements; choose one"
        )
    ensure(model)
    if quick or table:
        _table(model, quick, peers, as_json)
    elif curves:
        from mlxdyn.lab.bench import curves as measured

        _print(measured.all_curves(model, progress=_said), as_json)
    elif soak is not None:
        from mlxdyn.lab.bench import soaking

        _print(soaking.soak(model, minutes=soak, progress=_said), as_json)
    else:
        _figures(model, rounds, as_json)


def _said(words: str) -> None:
    click.echo(words, err=True)


def _print(found: dict[str, Any], as_json: bool) -> None:
    """Print what was measured: as JSON, or a line a point."""
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for name, value in found.items():
        for line in value if isinstance(value, list) else [value]:
            shown = (
                ", ".join(
                    f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in line.items()
                )
                if isinstance(line, dict)
                else line
            )
            click.echo(f"{name:24} {shown}")


def _table(name: str, quick: bool, peers: Path | None, as_json: bool) -> None:
    """Print each row as it is measured, then what bounds those that miss their target."""
    from mlxdyn.lab.bench import table
    from mlxdyn.model import device
    from mlxdyn.model.load import load

    subject = load(name)
    where = device.current()
    if not as_json:
        click.echo(
            f"{subject.name}, {subject.parameters:,} parameters, {where.description}, {where.blas}"
        )
        click.echo(f"{'path':52} {'target':>12} {'ratio':>6} {'least':>6} {'most':>6}  ours, peer")
    found = []
    for row in table.rows(subject, quick=quick, peers=peers):
        found.append(row)
        if not as_json:
            click.echo(_line(row))
        elif sys.stderr.isatty():
            _said(row.path)
    if as_json:
        shown = {"model": subject.name, "parameters": subject.parameters, "dtype": subject.dtype}
        shown |= {"device": where.description, "blas": where.blas, "quick": quick}
        rows = [_told(row) for row in found]
        click.echo(json.dumps({"schema": "mlxdyn.bench/2", **shown, "rows": rows}, indent=2))
        return
    for row in found:
        if row.met is False and row.bound:
            click.echo(f"\n{row.path}: {row.bound}.")


def _line(row: Row) -> str:
    size, unit = UNITS[row.unit]
    mark = {True: "", False: " *", None: ""}[row.met]
    figures = [f"{median(side) / size:.3g} {unit}" for side in (row.ours, row.theirs) if side]
    ratios = row.ratios or (float("nan"),)
    cells = f"{median(ratios):>6.2f} {min(ratios):>6.2f} {max(ratios):>6.2f}"
    head = f"{row.path + mark:52} {row.target:>12} {cells}  {', '.join(figures)}"
    return f"{head}\n    beside {row.peer}" + (f"; {row.note}" if row.note else "")


def _told(row: Row) -> dict[str, Any]:
    return asdict(row) | {
        "ratios": row.ratios, "ratio": row.ratio, "target": row.target, "met": row.met
    }  # fmt: skip


def _figures(model: str, rounds: int, as_json: bool) -> None:
    from mlxdyn.lab.bench import speed

    def progress(done: int, of: int) -> None:
        click.echo(f"\rround {done} of {of}", err=True, nl=done == of)

    found = speed.measure(model, rounds=rounds, progress=progress)
    if as_json:
        click.echo(json.dumps({"schema": "mlxdyn.bench/1", **asdict(found)}, indent=2))
    else:
        _spoken(found)


def _spoken(found: Speed) -> None:
    click.echo(
        f"{found.model}: {found.parameters:,} parameters, {found.adapter_parameters:,} of the "
        f"adapter; {found.device}; medians of {found.rounds} rounds (least to most)"
    )
    for figure in found.figures:
        shown = ".4f" if figure.unit == "seconds" else ",.0f"
        spread = f"({figure.low:{shown}} to {figure.high:{shown}})"
        click.echo(f"{figure.name:36} {figure.median:>10{shown}} {figure.unit:9} {spread}")
    click.echo(f"{'learning takes':36} {found.learn_per_score:>10.2f} times as long as scoring")
    click.echo(f"{'peak memory':36} {found.peak_memory_bytes / 2**20:>10,.0f} MiB")
