"""Does learning repair what quantising a base broke?"""

import mlx.core as mx
import mlx.nn as nn
import mlx_lm.utils as mlx_lm_utils

from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells
from mlxdyn.lab.cells import vary
from mlxdyn.lab.charts import HEAD, at, row
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Figure, Finding, Series, Table
from mlxdyn.model.load import Model, load


def precision(lab: Lab) -> Finding:
    """Quantise the base in memory; does learning repair what that broke?"""
    if cells.is_quantised(lab.model):
        raise MlxdynError("the base is quantised already; take one in float to compare precisions")
    lab.planned = 3
    settings = vary(lab.settings, {"adapt": "lora"})
    found = lab.run([({"bits": "float"}, settings)])
    for bits in (8, 4):
        if not lab.stopped:
            copy = quantised(lab.model, bits)
            if (
                mx.default_device() == mx.cpu
            ):  # slow there while packed; that they are rounded counts
                mlx_lm_utils.dequantize_model(copy.network)
                copy.network.freeze()
            found += lab.run(
                [({"bits": bits}, settings)],
                variant=f"{bits} bit", model=copy, known=Baselines(),
            )  # fmt: skip
    names = [str(c.knobs["bits"]) for c in found]

    def sentence() -> str:
        whole, _, rough = found
        damage = at(rough, "static") - at(whole, "static")
        left = at(rough, "dynamic") - at(whole, "dynamic")
        return (
            f"quantising to 4 bits costs the static base {damage:+.4f} nats/token, and "
            f"{left:+.4f} when both bases learn: {_repair(damage, left)}"
        )

    table = Table("nats/token by bits of the base", HEAD, tuple(map(row, names, found)))
    x = tuple(float(i) for i in range(len(found)))
    series = tuple(
        Series(side, x, tuple(at(c, side) for c in found), style="bars")
        for side in ("static", "dynamic")
    )
    figure = Figure("Precision of the base", "bits", "nats/token", series, categories=tuple(names))
    return lab.finding("precision", sentence, tables=[table], figures=[figure])


def _repair(damage: float, left: float) -> str:
    if damage <= 0:
        return "on this text there was nothing to repair"
    if left >= damage:
        return "learning does not repair it"
    return f"learning repairs {min(1.0, 1 - left / damage):.0%} of it"


def quantised(model: Model, bits: int) -> Model:
    """Load the base again with its matrices in `bits` bits, where their shapes allow it.

    Raises MlxdynError when none do.
    """
    copy = load(str(model.path))

    def fits(_: str, module: nn.Module) -> dict[str, int] | bool:
        if not hasattr(module, "to_quantized"):
            return False
        size = module.weight.shape[-1]
        group = next((g for g in (64, 32) if size % g == 0), None)
        return {"group_size": group, "bits": bits} if group else False

    nn.quantize(copy.network, bits=bits, class_predicate=fits)
    if not cells.is_quantised(copy):
        raise MlxdynError(f"no matrix of {model.name} can be quantised: no width divides by 32")
    copy.network.freeze()
    mx.eval(copy.network.parameters())
    return copy
