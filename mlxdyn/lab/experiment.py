"""One experiment at work: runs its cells, keeps what it may reuse, chooses rates on tuning text."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any

from mlxdyn.lab import cells, evaluate
from mlxdyn.lab.cells import Job, Numbers, Store
from mlxdyn.lab.evaluate import CHECKED, Baselines
from mlxdyn.lab.findings import Cell, Figure, Finding, Progress, Table
from mlxdyn.lab.race import TUNING, head
from mlxdyn.lab.results import Report, Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.learn.learner import Learner
from mlxdyn.model.load import Model

STEP = math.sqrt(10)  # between the first rates tried
FURTHEST = 8  # steps from the default


@dataclass(slots=True)
class Lab:
    """What the cells of one experiment share."""

    model: Model
    streams: list[Stream]
    settings: Settings
    tuning: list[Stream]
    progress: Progress | None = None
    store: Store | None = None
    known: Baselines = field(default_factory=Baselines)
    known_tuning: Baselines = field(default_factory=Baselines)
    cells: list[Cell] = field(default_factory=list)
    begun: int = 0
    planned: int = 0
    stopped: bool = False
    warnings: dict[str, str] = field(default_factory=dict)  # by what is said, as it is shown

    def run(
        self,
        jobs: Sequence[Job],
        *,
        variant: str = "",
        streams: list[Stream] | None = None,
        after: Callable[[Learner], Numbers] | None = None,
        model: Model | None = None,
        known: Baselines | None = None,
    ) -> list[Cell]:
        """Run cells in order; on Ctrl-C give those that are done and do no more."""
        done: list[Cell] = []
        for job in jobs:
            if self.stopped:
                break
            try:
                cell = cells.run(
                    model or self.model,
                    self.streams if streams is None else streams,
                    job,
                    variant=variant,
                    rms_text=self.tuning,
                    known=self.known if known is None else known,
                    store=self.store,
                    progress=self.ticker(job[0]),
                    after=after,
                )
            except (cells.CellInterrupted, KeyboardInterrupt):
                self.stop()
                break
            done.append(cell)
            self.keep(cell)
        return done

    def report(
        self, *, split: bool = False, after: Callable[[Learner], None] | None = None
    ) -> Report:
        """Evaluate the settings as they are, as a whole report; partial after Ctrl-C."""
        report = evaluate.evaluate(
            self.model,
            self.streams,
            self.settings,
            self.ticker({}),
            known=self.known,
            split=split,
            rms_text=self.tuning,
            after=after,
        )
        self.stopped = not report.complete
        name = cells.key(self.model, "", self.streams, self.settings, self.tuning)
        seconds = report.static.total.seconds + report.dynamic.total.seconds
        numbers = cells.numbers(report) | cells.flops(self.model, report)
        config = cells.configuration(self.settings)
        self.keep(Cell(name, {}, numbers, config, seconds, report.warnings))
        return report

    def best(self, job: Job, factors: Sequence[float] = ()) -> Job:
        """Give `job` the rate that learned the tuning text best, of its own times `factors`.

        Without factors, walk by STEP from its own rate as long as the loss falls.
        """
        knobs, settings = job
        start = settings.learner.learning_rate

        @cache
        def loss(factor: float) -> float:
            return self._tuning_loss(settings, start * factor)

        try:
            found = min(factors, key=loss) if factors else STEP ** downhill(lambda p: loss(STEP**p))
        except KeyboardInterrupt:
            self.stop()
            return job
        rate = start * found
        return {**knobs, "learning_rate": rate}, _at(settings, rate)

    def _tuning_loss(self, settings: Settings, rate: float) -> float:
        return _loss(self.model, self.tuning, _at(settings, rate), self.known_tuning, self.store)

    def ticker(self, knobs: dict[str, Any]) -> Progress | None:
        """What tells the progress of the next cell, by its place in the experiment."""
        self.begun += 1
        told = self.progress
        if told is None:
            return None
        name, cell, planned = cells.label(knobs), self.begun, max(self.planned, self.begun)
        return lambda tick: told(replace(tick, label=name, cell=cell, cells=planned))

    def keep(self, cell: Cell) -> None:
        """Remember a finished cell."""
        self.cells.append(cell)
        for warning in cell.warnings:  # each thing once, however many cells say it
            self.warnings.setdefault(warning, f"{cells.label(cell.knobs)}: {warning}".lstrip(": "))

    def warn(self, said: str) -> None:
        """Tell of something beside the cells."""
        self.warnings[said] = said

    def stop(self) -> None:
        """Do no more; what is done is still told. Raises KeyboardInterrupt when nothing is."""
        if not self.cells:
            raise KeyboardInterrupt
        self.stopped = True

    def finding(
        self,
        name: str,
        sentence: Callable[[], str],
        *,
        tables: Iterable[Table] = (),
        figures: Iterable[Figure] = (),
        tuned: bool = False,
        chosen: dict[str, Any] | None = None,
    ) -> Finding:
        """Put together what was found; `sentence` is asked only when every cell is done."""
        said = (
            f"stopped after {len(self.cells)} of {max(self.planned, len(self.cells))} cells"
            if self.stopped
            else sentence()
        )
        worst = max((float(c.numbers["self_check"] or 0) for c in self.cells), default=0.0)
        each = f" of each of {len(self.cells)} cells" if len(self.cells) > 1 else ""
        first = f"the first {CHECKED} chunks{each}"
        rms = any(cell.config["optimizer"] == "rms" for cell in self.cells)
        return Finding(
            experiment=name,
            sentence=said,
            tables=tuple(tables),
            figures=tuple(figures),
            cells=tuple(self.cells),
            warnings=tuple(self.warnings.values()),
            tuned_on=tuple(s.name for s in self.tuning) if tuned or rms else (),
            reported_on=tuple(s.name for s in self.streams),
            self_check=(
                f"learning at a rate of 0 equals static on {first}: "
                f"largest difference {worst:.2g} nats/token"
            ),
            chosen=chosen or {},
        )


def open_lab(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    *,
    tune: Sequence[Stream] = (),
    needs: int = 0,
    progress: Progress | None = None,
    store: Path | None = None,
) -> Lab:
    """Make a Lab; where `needs` tokens of tuning text are not named, take the first for it."""
    taken, rest = list(tune), list(streams)
    needs = needs or (TUNING if settings.learner.optimizer == "rms" else 0)
    if needs and not taken:
        taken, rest = head(model, streams, needs)
    return Lab(model, rest, settings, taken, progress, Store(store) if store else None)


def downhill(loss: Callable[[float], float]) -> float:
    """Walk from 0 by whole steps, up and then down, for as long as `loss` falls."""
    best = 0.0
    for way in (1.0, -1.0):
        while abs(best + way) <= FURTHEST and loss(best + way) < loss(best):
            best += way
    return best


def _at(settings: Settings, rate: float) -> Settings:
    return replace(settings, learner=replace(settings.learner, learning_rate=rate))


def _loss(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    known: Baselines,
    store: Store | None,
    progress: Progress | None = None,
) -> float:
    """Dynamic nats per token; infinite when an update had to be refused."""
    job = ({"learning_rate": settings.learner.learning_rate}, settings)
    try:
        cell = cells.run(
            model, streams, job, rms_text=streams, known=known, store=store, progress=progress
        )
    except cells.CellInterrupted as error:
        raise KeyboardInterrupt from error
    loss = float(cell.numbers["dynamic"] or math.inf)
    return loss if not cell.numbers["rejected"] and math.isfinite(loss) else math.inf
