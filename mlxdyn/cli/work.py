"""What `mlxdyn eval` does once it knows what is asked: texts and knobs become results."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlxdyn import config
from mlxdyn.cli import texts as source
from mlxdyn.cli.progress import live
from mlxdyn.cli.publish import Results
from mlxdyn.errors import MlxdynError
from mlxdyn.model import device

if TYPE_CHECKING:
    from mlxdyn.lab.evaluate import Progress, Settings, Stream
    from mlxdyn.lab.experiments import Tuned
    from mlxdyn.lab.findings import Finding
    from mlxdyn.model.load import Model

AUTO = "auto"
PRIVATE = "Your chats were read on this machine and did not leave it."
STREAM = config.StreamConfig()


class Options(source.Reading):
    """What the command line says; None where the default depends on something else."""

    grid: tuple[str, ...]
    jobs: int
    out: str | None
    compare: bool
    model: str
    adapt: config.Adapt
    window: int | None
    chunk: int | None
    context: config.Context
    kv: config.Kv
    lr: float | str | None
    tune: tuple[str, ...]
    rank: int
    targets: str
    layers: str
    optimizer: config.Optimizer
    reset: config.Reset
    json_file: str | None
    chunks_file: str | None
    csv_file: str | None
    plot: str | None
    html: str | None
    max_regress: float | None


def compared(files: tuple[str, ...]) -> Results:
    from mlxdyn.lab import compare
    from mlxdyn.report.record import finding_csv, saved_to_json
    from mlxdyn.report.text import finding_text

    saved = [compare.load(file) for file in files]
    found = compare.compare(saved)
    value = saved_to_json(found, datetime.now(UTC))
    return Results(value, found, finding_text(found), finding_csv(found))


def evaluated(texts: tuple[str, ...], options: Options) -> Results:
    aside = list(source.readable(source.aside(options["tune"], options)))
    documents = source.readable(source.without(aside, source.documents(texts, options)))
    first = next(documents, None)  # before the model: a wrong path is said at once
    if first is None:
        raise MlxdynError(source.nothing(options))

    device.prepare()
    from mlxdyn.lab import evaluate
    from mlxdyn.model.load import load

    model = load(options["model"])
    settings = _settings(options, model.context_size)
    evaluate.check(model, settings)
    streams = source.streams_of(model, chain([first], documents), options)
    if not streams:
        raise MlxdynError("no text is left to evaluate; every one is shorter than two tokens")
    tuning = source.streams_of(model, aside, source.for_tuning(options))
    if options["tune"] and not tuning:
        raise MlxdynError("no text is left to choose on; name another with --tune")
    with live() as progress:
        return _run(model, streams, tuning, settings, options, progress)


def _run(
    model: Model,
    streams: list[Stream],
    tuning: list[Stream],
    settings: Settings,
    options: Options,
    progress: Progress | None,
) -> Results:
    """Choose the rate if asked, then evaluate, experiment or walk the grid."""
    from mlxdyn.lab import experiments
    from mlxdyn.report.text import said

    tuned = None
    if options["lr"] == AUTO:
        if not tuning:
            tuning, streams = experiments.head(model, streams)
        tuned = experiments.tune(model, tuning, settings, progress)
        rate = replace(settings.learner, learning_rate=tuned.rate)
        settings = replace(settings, learner=rate)
    if not (options["experiment"] or options["grid"]):
        return _plain(model, streams, tuning, settings, progress, tuned)
    if options["grid"]:
        found = _grid(model, streams, tuning, settings, options, progress)
        if found is None:
            raise SystemExit(0)  # a helper of another process, which has the results
    else:
        store = Path(options["out"]) if options["out"] else None
        found = experiments.run(
            options["experiment"] or "", model, streams, settings,
            tune=tuning, progress=progress, store=store,
        )  # fmt: skip
    if options["experiment"] == "history":
        found = replace(found, sentence=f"{said(found.sentence)} {PRIVATE}")
    return _results(_with_rate(found, tuned, tuning), model, settings, streams)


def _settings(options: Options, context_size: int) -> Settings:
    from mlxdyn.lab.evaluate import Settings

    adapt, optimizer, lr = options["adapt"], options["optimizer"], options["lr"]
    window = options["window"] or min(STREAM.window, context_size)
    return Settings(
        config.AdapterConfig(
            adapt=adapt,
            rank=options["rank"],
            targets=options["targets"],
            layers=options["layers"],
            seed=options["seed"],
        ),
        config.LearnerConfig(
            optimizer=optimizer,
            learning_rate=lr if isinstance(lr, float) else config.STREAM_RATES[adapt, optimizer],
        ),
        config.StreamConfig(
            window=window,
            chunk=options["chunk"] or min(STREAM.chunk, window),
            context=options["context"],
            kv=options["kv"],
            reset=options["reset"],
            limit=options["limit"],
        ),
    )


def _plain(
    model: Model,
    streams: list[Stream],
    tuning: list[Stream],
    settings: Settings,
    progress: Progress | None,
    tuned: Tuned | None,
) -> Results:
    from mlxdyn.lab import evaluate, experiments
    from mlxdyn.report import evaluation, record, text

    if settings.learner.optimizer == "rms" and not tuning:
        tuning, streams = experiments.head(model, streams)
    split = len(streams) > 1 and settings.stream.reset == "never"
    report = evaluate.evaluate(model, streams, settings, progress, split=split, gather=tuning)
    found = _with_rate(evaluation.finding(report), tuned, tuning)
    return Results(
        record.to_json(report, model, device.current(), datetime.now(UTC), found),
        found,
        text.table(report, found),
        record.report_csv(report),
        tuple(record.chunk_rows(report)),
    )


def _with_rate(found: Finding, tuned: Tuned | None, tuning: list[Stream]) -> Finding:
    """Say on which text a choice was made."""
    if tuned is None:
        return found
    return replace(
        found,
        tuned_on=tuple(stream.name for stream in tuning),
        chosen={"learning_rate": tuned.rate, **found.chosen},
    )


def _results(found: Finding, model: Model, settings: Settings, streams: list[Stream]) -> Results:
    from mlxdyn.report import record, text

    value = record.finding_to_json(
        found, model, device.current(), datetime.now(UTC), settings, streams
    )
    return Results(value, found, text.finding_text(found), record.finding_csv(found))


def _grid(
    model: Model,
    streams: list[Stream],
    tuning: list[Stream],
    settings: Settings,
    options: Options,
    progress: Progress | None,
) -> Finding | None:
    from mlxdyn.lab import grid

    return grid.run(
        model,
        streams,
        settings,
        axes(options["grid"]),
        folder=Path(options["out"]) if options["out"] else None,
        jobs=options["jobs"],
        gather=tuning,
        progress=progress,
    )


def axes(said: tuple[str, ...]) -> dict[str, list[str]]:
    """Read `lr=1e-4,3e-4`; with a semicolon in it, commas belong to the values."""
    read: dict[str, list[str]] = {}
    for text in said:
        name, sign, values = text.partition("=")
        words = [word.strip() for word in values.split(";" if ";" in values else ",")]
        if not (sign and name.strip() and all(words)):
            raise click.UsageError(f"--grid {text}: write KNOB=A,B, such as lr=1e-4,3e-4")
        if name.strip() in read:
            raise click.UsageError(
                f"--grid {name.strip()} is there twice; give all its values once"
            )
        read[name.strip()] = words
    return read
