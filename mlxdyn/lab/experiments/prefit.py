"""What is left to gain when the base was fine-tuned first?"""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import cycle, pairwise
from typing import Any

from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells
from mlxdyn.lab.cells import vary
from mlxdyn.lab.charts import HEAD, at, row
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import Cell, Figure, Finding, Series, Table
from mlxdyn.lab.race import TUNING
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import chunks
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import attach

NEEDS = 8 * TUNING  # tokens of other text, to choose on
PREFIT = (0, 25, 50, 100, 200)  # steps
PASSES = 2  # over the tuning text, at most, beyond the first few steps

STEP = 256  # tokens of one
GENTLY = 1 / 3  # times the rate for streams of full weights: it must not overfit

OVERFIT = 0.05  # nats per token that too many of them cost


def prefit(lab: Lab) -> Finding:
    """Fine-tune a copy of the base on other text of the domain first; is there still a gain?"""
    if cells.is_quantised(lab.model):
        raise MlxdynError("a quantised base cannot be fine-tuned in full; take one in float")
    plan = [steps for steps in PREFIT if steps <= max(PREFIT[1], PASSES * _size(lab))]
    lab.planned = len(plan)
    copy = load(str(lab.model.path))
    student = _prefitter(lab, copy)
    found: list[Cell] = []
    for before, steps in pairwise((0, *plan)):
        try:
            for _ in range(steps - before):
                next(student)
        except KeyboardInterrupt:
            lab.stop()
            break
        knobs: dict[str, Any] = {"prefit_steps": steps}
        variant = f"prefit {steps} at {GENTLY:.3f} on {cells.digest(lab.tuning)}"
        found += lab.run([(knobs, lab.settings)], variant=variant, model=copy, known=Baselines())

    def sentence() -> str:
        start, end = found[0], found[-1]
        best = min(found, key=lambda c: at(c, "static"))
        overfit = at(end, "static") > at(best, "static") + OVERFIT
        kept = at(best, "gain") / at(start, "gain") if at(start, "gain") else math.nan
        return (
            f"the gain goes from {at(start, 'gain'):+.3f} nats/token without fine-tuning to "
            f"{at(best, 'gain'):+.3f} at the best of it ({best.knobs['prefit_steps']} steps, "
            f"{kept:.0%} of the gain left)"
            + (f"; {end.knobs['prefit_steps']} steps overfit the tuning text" if overfit else "")
        )

    rows = tuple(row(str(c.knobs["prefit_steps"]), c) for c in found)
    table = Table("nats/token by fine-tuning steps", HEAD, rows)
    steps_ = tuple(float(c.knobs["prefit_steps"]) for c in found)
    series = tuple(
        Series(side, steps_, tuple(at(c, side) for c in found)) for side in ("static", "dynamic")
    )
    figure = Figure("Fine-tuned first", "fine-tuning steps", "nats/token", series)
    return lab.finding("prefit", sentence, tables=[table], figures=[figure], tuned=True)


def _size(lab: Lab) -> int:
    """Steps that read the tuning text once."""
    return sum(len(stream.tokens) for stream in lab.tuning) // min(STEP, lab.model.context_size)


def _prefitter(lab: Lab, copy: Model) -> Iterator[None]:
    """Take a full-weight step on tuning text each time it is asked."""
    size = min(STEP, lab.model.context_size)
    cut = replace(lab.settings.stream, window=size, chunk=size, context="recompute")
    full = vary(lab.settings, {"adapt": "full", "optimizer": "adam0"}).learner.learning_rate
    config = LearnerConfig(learning_rate=GENTLY * full)
    attach(copy, AdapterConfig(adapt="full"))
    learner = Learner(copy.network, config, copy.new_cache)
    for chunk in cycle([chunk for stream in lab.tuning for chunk in chunks(stream.tokens, cut)]):
        copy.network.unfreeze()
        learner.learn(chunk)
        copy.network.freeze()
        yield
