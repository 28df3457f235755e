"""A grid of cells: resumable from a directory, shared out over processes and machines."""

import json
import math
import os
import queue
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import product
from pathlib import Path
from typing import IO, Any, get_args, get_origin, get_type_hints

import mlx.core as mx
import numpy as np

from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells, evaluate, fitting
from mlxdyn.lab.cells import Job, Store, vary
from mlxdyn.lab.experiment import Lab, open_lab
from mlxdyn.lab.findings import (
    Cell,
    CellValue,
    Figure,
    Finding,
    Progress,
    ProgressStep,
    Series,
    Table,
)
from mlxdyn.lab.race import TUNING
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.model.load import Model, load

MOST_CELLS = 10_000
SHORT_NAMES = {"lr": "learning_rate"}  # as the command line says it
SWITCH = {"true": True, "false": False}
FIXED = ("first",)  # no knob of a grid: what is read, once for all cells
WORK = "import sys; from mlxdyn.lab import grid; grid.work(sys.stdin, sys.stdout)"
DONE = "done"  # opens a line that a worker says; the libraries may say others


def knobs() -> list[str]:
    """Names that a grid may vary."""
    return [*SHORT_NAMES, *(name for name in cells.knob_names() if name not in FIXED)]


def parse(axes: Mapping[str, Sequence[str]]) -> list[dict[str, Any]]:
    """Turn names and words into the knobs of every cell, the last name varying fastest.

    Raises MlxdynError that names every wrong name and value.
    """
    types = {
        name: hint
        for part in (AdapterConfig, LearnerConfig, StreamConfig)
        for name, hint in get_type_hints(part).items()
    }
    wrong = [name for name in axes if name not in knobs()]
    if wrong:
        raise MlxdynError(f"no knob {', '.join(wrong)}; a grid can vary {', '.join(knobs())}")
    names = [SHORT_NAMES.get(name, name) for name in axes]
    values = [
        [_value(name, types[name], word) for word in words]
        for name, words in zip(names, axes.values(), strict=True)
    ]
    if (count := math.prod(map(len, values))) > MOST_CELLS:
        raise MlxdynError(f"that grid has {count:,} cells; at most {MOST_CELLS:,}: vary less")
    return [dict(zip(names, row, strict=True)) for row in product(*values)]


def _value(name: str, kind: Any, word: str) -> Any:
    allowed = get_args(kind)
    if allowed and get_origin(kind) is not None and all(isinstance(a, str) for a in allowed):
        if word not in allowed:
            raise MlxdynError(f"{name}={word}: it is one of {', '.join(allowed)}")
        return word
    if kind is bool:
        if word.lower() not in SWITCH:
            raise MlxdynError(f"{name}={word}: it is true or false")
        return SWITCH[word.lower()]
    try:
        return kind(word)
    except ValueError as error:
        raise MlxdynError(f"{name}={word}: that is no {kind.__name__}") from error


def run(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    axes: Mapping[str, Sequence[str]],
    *,
    folder: Path | None = None,
    jobs: int = 1,
    rms_text: Sequence[Stream] = (),
    progress: Progress | None = None,
) -> Finding | None:
    """Evaluate every combination of `axes` that `folder` does not hold; None off rank 0.

    Each process of a group that `mlx.launch` started takes its share, and rank 0 has the finding;
    otherwise `jobs` processes on this machine share the cells out. A killed run goes on where it
    was: a finished cell is a file in `folder`, whole or absent. Raises MlxdynError for axes that do
    not fit the configuration or the model, before any work.
    """
    plan = [(chosen, vary(settings, chosen)) for chosen in parse(axes)]
    for _, one in plan:
        fitting.check(model, one)
    needs = TUNING if any(one.learner.optimizer == "rms" for _, one in plan) else 0
    lab = open_lab(
        model, streams, settings, tune=rms_text, needs=needs, progress=progress, store=folder
    )
    lab.planned = len(plan)
    group = _group()
    if group is not None and group.size() > 1:
        mine = lab.run(plan[group.rank() :: group.size()])
        found = _gathered(group, mine)
        if group.rank():
            return None
        lab.cells, lab.warnings = [], {}
        found = _in_order(model, lab.streams, plan, lab.tuning, found)
        for cell in found:
            lab.keep(cell)
    elif jobs > 1:
        found = _in_order(model, lab.streams, plan, lab.tuning, _shared(lab, plan, jobs))
        for cell in found:
            lab.keep(cell)
        lab.stopped = len(found) < len(plan)
    else:
        found = lab.run(plan)
    if {"optimizer", "adapt"} & axes.keys() and not {"lr", "learning_rate"} & axes.keys():
        rates = {one.learner.learning_rate for _, one in plan}
        shown = " to ".join(f"{rate:g}" for rate in sorted({min(rates), max(rates)}))
        lab.warn(f"rates go with the rule, {shown} here; --grid lr=A,B states them for all")
    names = [SHORT_NAMES.get(name, name) for name in axes]
    return lab.finding(
        "grid",
        lambda: _sentence(found),
        tables=[_table(names, found)],
        figures=list(_figures(names, found)),
    )


def _sentence(found: Sequence[Cell]) -> str:
    best = min(found, key=_loss)
    number = best.numbers
    if not math.isfinite(_loss(best)):
        return "no cell has a loss that is finite"
    many = len(found) > 1
    which = f"the best of {len(found)} cells is" if many else "the only cell is"
    return (
        f"{which} {cells.label(best.knobs)}: {number['dynamic']:.4f} nats/token, a gain of "
        f"{number['gain']:+.4f}" + "; chosen on the reported text, so a little flattered" * many
    )


def _loss(cell: Cell) -> float:
    loss = cell.numbers["dynamic"]
    return math.inf if loss is None or math.isnan(loss) else float(loss)


def _table(names: Sequence[str], found: Sequence[Cell]) -> Table:
    sides = ("static", "dynamic", "gain", "low", "high", "updates")
    rows = tuple(
        (*(_plain(cell.knobs[n]) for n in names), *(cell.numbers[side] for side in sides),
         *(_millions(cell.numbers[f"{side}_flops"]) for side in ("static", "dynamic")))
        for cell in found
    )  # fmt: skip
    head = (*names, "static", "dynamic", "gain", "95% from", "to", "updates")
    costs = ("million operations a token, static", "dynamic")
    return Table("nats/token by cell", (*head, *costs), rows)


def _millions(value: float | None) -> float | None:
    return None if value is None else round(value / 1e6, 2)


def _plain(value: Any) -> CellValue:
    return value if isinstance(value, int | float | str) else str(value)


def _figures(names: Sequence[str], found: Sequence[Cell]) -> Iterator[Figure]:
    """A picture for every axis of numbers, a curve for each setting of the other axes."""
    for name in names:
        if not all(isinstance(cell.knobs[name], int | float) for cell in found):
            continue
        curves: dict[str, list[Cell]] = {}
        for cell in found:
            rest = {n: v for n, v in cell.knobs.items() if n != name}
            curves.setdefault(cells.label(rest) or "dynamic", []).append(cell)
        series = tuple(_curve(label, name, some) for label, some in curves.items())
        if len({x for one in series for x in one.x}) > 1:
            log = all(x > 0 for one in series for x in one.x)
            yield Figure(f"Loss over {name}", name, "dynamic nats/token", series, log_x=log)


def _curve(label: str, name: str, some: Sequence[Cell]) -> Series:
    ordered = sorted(some, key=lambda cell: float(cell.knobs[name]))
    x = tuple(float(cell.knobs[name]) for cell in ordered)
    return Series(label, x, tuple(_loss(cell) for cell in ordered))


def _in_order(
    model: Model,
    streams: Sequence[Stream],
    plan: Sequence[Job],
    rms_text: Sequence[Stream],
    found: Sequence[Cell],
) -> list[Cell]:
    """Sort cells as planned."""
    known = {cell.key: cell for cell in found}
    wanted = [(k, cells.key(model, "", streams, one, rms_text)) for k, one in plan]
    return [replace(known[key], knobs=k) for k, key in wanted if key in known]


# machines


def _group() -> Any:
    """The group that a launcher started this process in; None when it runs alone."""
    launched = ("MLX_RANK", "OMPI_COMM_WORLD_RANK", "PMI_RANK")
    return mx.distributed.init() if any(name in os.environ for name in launched) else None


def _gathered(group: Any, mine: Sequence[Cell]) -> list[Cell]:
    """Give every process the cells of all, over the group's own connections."""
    said = json.dumps([asdict(cell) for cell in mine]).encode()
    sizes = np.array(mx.distributed.all_gather(mx.array([len(said)]), group=group))
    padded = np.frombuffer(said.ljust(int(sizes.max())), dtype=np.uint8)[None]
    rows = np.array(mx.distributed.all_gather(mx.array(padded), group=group))
    texts = [row[:size].tobytes() for row, size in zip(rows, sizes, strict=True)]
    return [_cell(value) for text in texts for value in json.loads(text)]


def _cell(value: dict[str, Any]) -> Cell:
    return Cell(**value | {"warnings": tuple(value["warnings"])})


# processes


def _shared(lab: Lab, plan: Sequence[Job], jobs: int) -> list[Cell]:
    """Run the plan on `jobs` processes; on Ctrl-C give the cells that are done."""
    store: Store | None = lab.store
    task = {
        "model": str(lab.model.path),
        "streams": [asdict(stream) for stream in lab.streams],
        "rms_text": [asdict(stream) for stream in lab.tuning],
        "folder": str(store.folder) if store else None,
    }
    waiting: queue.SimpleQueue[Job] = queue.SimpleQueue()
    for job in plan:
        waiting.put(job)
    told: queue.SimpleQueue[Cell | Exception] = queue.SimpleQueue()
    workers = [_start(jobs) for _ in range(min(jobs, len(plan)))]
    feeders = [
        threading.Thread(target=_feed, args=(worker, task, waiting, told)) for worker in workers
    ]
    for feeder in feeders:
        feeder.start()
    try:
        return list(_collect(told, len(plan), lab.progress))
    finally:
        for worker in workers:
            worker.kill()  # which ends what its feeder waits for
        for feeder, worker in zip(feeders, workers, strict=True):
            feeder.join()
            with worker:  # closes the pipes
                pass


def _start(jobs: int) -> subprocess.Popen[str]:
    """Start a worker with its share of the cores: two that spin on the same ones crawl."""
    threads = str(max(1, (os.cpu_count() or 1) // jobs))
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return subprocess.Popen(
        [sys.executable, "-c", WORK],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | dict.fromkeys(names, threads),
    )


def _feed(
    worker: subprocess.Popen[str],
    task: dict[str, Any],
    waiting: "queue.SimpleQueue[Job]",
    told: "queue.SimpleQueue[Cell | Exception]",
) -> None:
    """Hand a worker one cell after the other."""
    assert worker.stdin and worker.stdout
    try:
        _say(worker.stdin, task)
        while True:
            knobs_, settings = waiting.get_nowait()
            _say(worker.stdin, {"knobs": knobs_, "settings": asdict(settings)})
            told.put(_answer(worker))
    except queue.Empty:
        return
    except (OSError, MlxdynError) as error:
        told.put(error)


def _say(pipe: IO[str], value: Any) -> None:
    pipe.write(json.dumps(value) + "\n")
    pipe.flush()


def _answer(worker: subprocess.Popen[str]) -> Cell:
    assert worker.stdout
    for line in worker.stdout:
        kind, _, rest = line.partition(" ")
        if kind == DONE:
            return _cell(json.loads(rest))
        if kind == "failed":
            raise MlxdynError(json.loads(rest))
    raise MlxdynError(
        f"a process of the grid ended (exit code {worker.wait()}); run the command again with "
        "fewer --jobs: finished cells are kept"
    )


def _collect(
    told: "queue.SimpleQueue[Cell | Exception]", count: int, progress: Progress | None
) -> Iterator[Cell]:
    for done in range(count):
        try:
            cell = told.get()
        except KeyboardInterrupt:
            if not done:
                raise
            return
        if isinstance(cell, Exception):
            raise cell
        if progress:
            tokens = int(cell.numbers["tokens"] or 0)
            gain = cell.numbers["gain"]
            progress(ProgressStep(cells.label(cell.knobs), done + 1, count, tokens, tokens, gain))
        yield cell


def work(lines: IO[str], answers: IO[str]) -> None:
    """Be a worker: a task, then cells, each on a line; end when the lines end."""
    task = json.loads(lines.readline() or "null")
    if task is None:
        return
    model = load(task["model"])
    streams, rms_text = (
        [Stream(**s | {"tokens": tuple(s["tokens"])}) for s in task[part]]
        for part in ("streams", "rms_text")
    )
    store = Store(Path(task["folder"])) if task["folder"] else None
    known = evaluate.Baselines()
    for line in lines:
        job = json.loads(line)
        parts = job["settings"]
        settings = Settings(
            AdapterConfig(**parts["adapter"]),
            LearnerConfig(**parts["learner"]),
            StreamConfig(**parts["stream"]),
            mix=parts["mix"],
            beside=tuple(parts["beside"]),
            limit=parts["limit"],
        )
        try:
            cell = cells.run(
                model,
                streams,
                (job["knobs"], settings),
                rms_text=rms_text,
                known=known,
                store=store,
            )
        except (MlxdynError, OSError) as error:
            print("failed", json.dumps(str(error)), file=answers, flush=True)
            return
        except (cells.CellInterrupted, KeyboardInterrupt):
            return
        print(DONE, json.dumps(asdict(cell)), file=answers, flush=True)
