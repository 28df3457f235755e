"""Which weights should learn: rank, kind, depth, all?"""

from collections.abc import Iterator, Sequence
from typing import Any

from mlxdyn.config import AdapterConfig
from mlxdyn.lab import cells
from mlxdyn.lab.cells import vary
from mlxdyn.lab.charts import HEAD, at, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table
from mlxdyn.lab.race import TUNING
from mlxdyn.model.load import Model
from mlxdyn.model.lora import layer_indices, matching

NEEDS = TUNING  # tokens of other text, to choose on
RANKS = (1, 4, 8, 16, 32, 64)
SINGLE = 6  # blocks, from which on some are also tried alone


def placement(lab: Lab) -> Finding:
    """Loss against trainable parameters and memory, by where the adapter sits."""
    arms = list(_placements(lab.model))
    lab.planned = len(arms)
    found = []
    for _, knobs in arms:
        if not lab.stopped:
            found += lab.run([lab.best((knobs, vary(lab.settings, knobs)))])
    names = [name for name, _ in arms][: len(found)]

    def sentence() -> str:
        ranked = sorted(zip(names, found, strict=True), key=lambda pair: at(pair[1], "dynamic"))
        best, cell = ranked[0]
        losses = {n: at(c, "dynamic") for n, c in zip(names, found, strict=True)}
        groups = (
            ("mlp", "attention"),
            ("full", "rank 8"),
            ("middle blocks", "early blocks", "late blocks"),
        )
        return "; ".join(
            [
                f"best is {best} ({at(cell, 'dynamic'):.3f} nats/token with "
                f"{cell.numbers['adapter_parameters']} weights)",
                *(_ranked(losses, group) for group in groups if group[0] in losses),
            ]
        )

    head_ = (*HEAD, "rate", "trainable weights", "peak MiB", "operations against static")
    rows = tuple(
        (
            *row(name, c),
            c.config["learning_rate"],
            c.numbers["adapter_parameters"],
            round(at(c, "dynamic_peak") / 2**20, 1),
            at(c, "dynamic_flops") / at(c, "static_flops"),
        )
        for name, c in zip(names, found, strict=True)
    )
    table = Table("by placement; rates chosen on the tuning text", head_, rows)
    figures = [_scatter(names, found, *axis) for axis in PLACEMENT_AXES]
    return lab.finding("placement", sentence, tables=[table], figures=figures, tuned=True)


def _ranked(losses: dict[str, float], names: Sequence[str]) -> str:
    """The named placements from best to worst."""
    known = sorted((n for n in names if n in losses), key=losses.__getitem__)
    return " before ".join(f"{n} {losses[n]:.3f}" for n in known)


PLACEMENT_AXES = (
    ("adapter_parameters", "trainable weights", 1),
    ("dynamic_peak", "peak memory, MiB", 2**20),
)


def _placements(model: Model) -> Iterator[tuple[str, dict[str, Any]]]:
    """Arms that this model has: some have no middle block, or no down_proj."""
    for rank in RANKS:
        yield f"rank {rank}", {"adapt": "lora", "rank": rank}
    for targets in ("attention", "mlp", "down_proj"):
        if matching(model, AdapterConfig(targets=targets)):
            yield targets, {"adapt": "lora", "targets": targets}
    for layers in ("early", "middle", "late"):
        if layer_indices(layers, len(model.network.layers)):
            yield f"{layers} blocks", {"adapt": "lora", "layers": layers}
    count = len(model.network.layers)
    for block in (0, count // 2, count - 1) if count >= SINGLE else ():
        yield f"block {block} alone", {"adapt": "lora", "layers": str(block)}
    if not cells.is_quantised(model):
        yield "full", {"adapt": "full"}


def _scatter(
    names: Sequence[str], found: Sequence[Cell], number: str, label: str, unit: int
) -> Figure:
    series = tuple(
        Series(name, (at(c, number) / unit,), (at(c, "dynamic"),), style="points")
        for name, c in zip(names, found, strict=True)
    )
    return Figure(f"Loss against {label}", label, "dynamic nats/token", series, log_x=True)
