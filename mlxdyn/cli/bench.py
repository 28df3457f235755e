"""`mlxdyn bench`: how fast a model talks and learns here, and in how much memory."""

import json
from dataclasses import asdict

import click

from mlxdyn.cli.model import ensure
from mlxdyn.cli.open import as_json, base


@click.command()
@base
@click.option(
    "--rounds", type=click.IntRange(1), default=5, show_default=True, help="Figures are medians."
)
@as_json
def bench(model: str, rounds: int, as_json: bool) -> None:
    """Measure how fast a model talks and learns on this machine, and in how much memory."""
    ensure(model)
    from mlxdyn.lab import bench as benches

    def progress(done: int, of: int) -> None:
        click.echo(f"\rround {done} of {of}", err=True, nl=done == of)

    found = benches.measure(model, rounds=rounds, progress=progress)
    if as_json:
        click.echo(json.dumps({"schema": "mlxdyn.bench/1", **asdict(found)}, indent=2))
        return
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
