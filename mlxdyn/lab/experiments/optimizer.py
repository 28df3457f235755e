"""Which update rule, and how much does its rate matter?"""

import math
from collections.abc import Sequence
from itertools import pairwise

from mlxdyn.config import OPTIMIZERS
from mlxdyn.lab.cells import vary
from mlxdyn.lab.charts import HEAD, at, curve, jobs, row
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Table
from mlxdyn.lab.race import TUNING

NEEDS = TUNING  # tokens of other text, to choose on
CURVE = (0.1, 10**-0.5, 1.0, 10**0.5, 10.0)  # times the rate that suits the size of the base

FLAT = 0.05  # nats per token from the best, within which a rate counts as good


def optimizer(lab: Lab) -> Finding:
    """A curve of rates for each update rule; the rate it is judged at is chosen on tuning text."""
    lab.planned = len(OPTIMIZERS) * len(CURVE)
    curves: dict[str, list[Cell]] = {}
    chosen: dict[str, float] = {}
    for rule in OPTIMIZERS:
        start = vary(lab.settings, {"optimizer": rule}).learner.learning_rate
        arms = [{"optimizer": rule, "learning_rate": start * factor} for factor in CURVE]
        if not lab.stopped:
            default = {"optimizer": rule, "learning_rate": start}
            job, _ = lab.best((default, vary(lab.settings, default)), CURVE)
            chosen[rule] = float(job["learning_rate"])
            curves[rule] = lab.run(jobs(lab, arms))
    curves = {rule: found for rule, found in curves.items() if found}
    judged = {
        rule: min(found, key=lambda c: abs(math.log(c.knobs["learning_rate"] / chosen[rule])))
        for rule, found in curves.items()
    }
    order_ = sorted(judged, key=lambda rule: _loss(judged[rule]))

    def sentence() -> str:
        flat = max(order_, key=lambda rule: _flatness(curves[rule]))
        ranks = ", ".join(f"{rule} {at(judged[rule], 'dynamic'):.3f}" for rule in order_)
        return (
            f"with rates chosen on other text, nats/token: {ranks}; the flattest optimum has "
            f"{flat}, within {FLAT} nats over a factor of {_flatness(curves[flat]):.1f}"
        )

    rows = tuple(
        (*row(rule, judged[rule]), chosen[rule], min(map(_loss, curves[rule])),
         _flatness(curves[rule]))
        for rule in order_
    )  # fmt: skip
    extra = ("rate chosen", "best of its curve", f"factor of rates within {FLAT}")
    table = Table("update rules; rates chosen on the tuning text", (*HEAD, *extra), rows)
    series = tuple(curve(r, found, "learning_rate", "dynamic") for r, found in curves.items())
    figure = Figure("Rate curves", "learning rate", "dynamic nats/token", series, log_x=True)
    return lab.finding(
        "optimizer", sentence, tables=[table], figures=[figure], tuned=True, chosen=chosen
    )


def _loss(cell: Cell) -> float:
    loss = at(cell, "dynamic")
    return loss if math.isfinite(loss) else math.inf


def _flatness(curve: Sequence[Cell]) -> float:
    """Ratio of the largest rate within FLAT of the best to the smallest, also between points."""
    best = min(map(_loss, curve))
    good = [math.log(c.knobs["learning_rate"]) for c in curve if _loss(c) <= best + FLAT]
    for left, right in pairwise(curve):
        low, high = _loss(left), _loss(right)
        if math.isfinite(low + high) and (low <= best + FLAT) != (high <= best + FLAT):
            a, b = (math.log(c.knobs["learning_rate"]) for c in (left, right))
            good.append(a + (b - a) * (best + FLAT - low) / (high - low))
    return math.exp(max(good) - min(good)) if good else 1.0
