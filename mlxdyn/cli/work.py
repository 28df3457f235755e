"""What `mlxdyn eval` does once it knows what is asked: texts and knobs become results."""

from __future__ import annotations

from contextlib import suppress
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
from mlxdyn.lab.catalog import visible
from mlxdyn.model import device

if TYPE_CHECKING:
    from mlxdyn.lab.findings import Finding, Progress
    from mlxdyn.lab.race import Choice
    from mlxdyn.lab.results import Settings
    from mlxdyn.lab.streams import Stream
    from mlxdyn.model.load import Model

AUTO = "auto"
RATES = "rates.json"  # in the home: rates that were chosen
PRIVATE = "Your chats were read on this machine and did not leave it."
STREAM = config.StreamConfig()


class EvalOptions(source.TextOptions):
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
    lr: tuple[float, ...] | str | None
    mix: bool | None
    tune: tuple[str, ...]
    rank: int
    targets: str
    layers: str
    optimizer: config.Optimizer
    reset: config.Reset
    batch: int
    json_file: str | None
    chunks_file: str | None
    csv_file: str | None
    plot: str | None
    html: str | None
    max_regress: float | None
    later: int
    seeds: int
    study_every: int


def compared(files: tuple[str, ...]) -> Results:
    from mlxdyn.lab import compare
    from mlxdyn.report.record import finding_csv, saved_to_json
    from mlxdyn.report.text import finding_text

    saved = [compare.load(file) for file in files]
    found = compare.compare(saved)
    value = saved_to_json(found, datetime.now(UTC))
    return Results(value, found, finding_text(found), finding_csv(found))


def evaluated(texts: tuple[str, ...], options: EvalOptions) -> Results:
    if options["experiment"] == "memory":
        return told(texts, options)
    aside = list(source.readable(source.aside(options["tune"], options)))
    documents = source.readable(source.without(aside, source.documents(texts, options)))
    first = next(documents, None)  # before the model: a wrong path is said at once
    if first is None:
        raise MlxdynError(source.nothing(options))

    from mlxdyn.lab import fitting
    from mlxdyn.lab.streams import opening
    from mlxdyn.model.load import load

    model = load(options["model"])
    settings = _settings(options, model.context_size)
    fitting.check(model, settings)
    tuning = source.streams_of(model, aside, source.for_tuning(options))
    if options["tune"] and not tuning:
        raise MlxdynError("no text is left to choose on; name another with --tune")
    streams = source.streams_of(model, chain([first], documents), options, tuning)
    if not streams:
        raise MlxdynError("no text is left to evaluate; name another, of two tokens or more")
    _note_twice(streams, settings)
    if (opener := opening(model, streams[0])) is not None:
        settings = replace(settings, stream=_opened(model.name, settings.stream, opener))
    with live() as progress:
        return _run(model, streams, tuning, settings, options, progress)


def _opened(model: str, stream: config.StreamConfig, first: int) -> config.StreamConfig:
    """Let `first` open every window, and say so; raise MlxdynError where it has no room."""
    from mlxdyn.learn.stream import room_for_first

    try:
        opened = room_for_first(replace(stream, first=first))
    except ValueError as error:
        raise MlxdynError(str(error)) from error
    what = "the text" if stream.context == "carry" else "every window"
    cut = f", in chunks of {opened.chunk}" if opened.chunk != stream.chunk else ""
    said = f"note: {model} is lost without its first token, which opens {what} here{cut}"
    click.echo(said, err=True)
    return opened


def _note_twice(streams: list[Stream], settings: Settings) -> None:
    """Say which texts are there twice: learned already when they are scored, or no new evidence."""
    apart = settings.stream.reset == "document"
    why = (
        "counts twice, so that the interval is too narrow"
        if apart
        else "learned before it is scored"
    )
    first: dict[str, str] = {}
    for stream in streams:
        if before := first.get(stream.sha256):
            said = f"note {stream.path}: it is the same text as {before}, and {why}; leave one out"
            click.echo(visible(said), err=True)
        elif stream.sha256:
            first[stream.sha256] = stream.path


def told(files: tuple[str, ...], options: EvalOptions) -> Results:
    """Run the experiment that teaches messages and asks for them: FILES are cases, not text."""
    from mlxdyn.lab.cases import read

    cases = read([Path(file) for file in files])[: options["limit"]]
    for case in cases:
        others = sum(len(other.messages) for other in cases) - len(case.messages)
        if others < options["later"]:
            said = f"note {case.id}: others tell {others} messages, which is less than --later"
            click.echo(visible(said), err=True)
    from mlxdyn.lab import memory, remembered
    from mlxdyn.model.load import load
    from mlxdyn.report import record, text

    model = load(options["model"])
    adapter = replace(memory.TrialOptions().adapter, seed=options["seed"])
    founded = memory.TrialOptions(
        adapter=adapter, later=options["later"], seeds=options["seeds"],
        study_every=options["study_every"],
    )  # fmt: skip
    store = Path(options["out"]) if options["out"] else None
    done = []
    with live() as progress, suppress(KeyboardInterrupt):
        for one in memory.remember(model, cases, founded, progress=progress, store=store):
            done.append(one)
    if not done:
        raise MlxdynError("interrupted before anybody was heard to the end; there is nothing yet")
    found = remembered.summary(done)
    shown = remembered.finding(found)
    value = record.memory_to_json(found, model, device.current(), datetime.now(UTC), founded)
    return Results(value, shown, text.finding_text(shown), record.finding_csv(shown))


def _run(
    model: Model,
    streams: list[Stream],
    tuning: list[Stream],
    settings: Settings,
    options: EvalOptions,
    progress: Progress | None,
) -> Results:
    """Choose the rate if none is stated, then evaluate, experiment or walk the grid."""
    from mlxdyn.lab import race, runner
    from mlxdyn.report.text import said

    many = options["experiment"] or options["grid"]
    if settings.learner.optimizer == "rms" and not (tuning or many):
        tuning, streams = race.head(model, streams)
    choice, raced = None, tuning
    if _chooses(options):
        choice, raced, streams = _choice(model, streams, tuning, settings, progress)
        if many and not choice.rate:  # its arms are multiples of it
            choice = race.by_size(model, settings)
        rate = replace(settings.learner, learning_rate=choice.rate)
        settings = replace(settings, learner=rate)
    if not many:
        rms_text = tuning or raced
        return _plain(model, streams, rms_text, settings, progress, choice, raced)
    if options["grid"]:
        found = _grid(model, streams, tuning, settings, options, progress)
        if found is None:
            raise SystemExit(0)  # a helper of another process, which has the results
    else:
        store = Path(options["out"]) if options["out"] else None
        found = runner.run(
            options["experiment"] or "", model, streams, settings,
            tune=tuning, progress=progress, store=store,
        )  # fmt: skip
    if options["experiment"] == "history":
        found = replace(found, sentence=f"{said(found.sentence)} {PRIVATE}")
    return _results(_with_rate(found, choice, raced), model, settings, streams)


def _chooses(options: EvalOptions) -> bool:
    """Tell whether the rate is to be chosen: nobody has stated one."""
    if options["lr"] is not None:
        return options["lr"] == AUTO
    return not {"lr", "learning_rate"} & axes(options["grid"]).keys()


def _choice(
    model: Model,
    streams: list[Stream],
    tuning: list[Stream],
    settings: Settings,
    progress: Progress | None,
) -> tuple[Choice, list[Stream], list[Stream]]:
    """Choose a rate, on `tuning` if it is named; give the text it was chosen on and the rest.

    It is kept, unless a surer one is; but not one of saved chats, whose words a hash could betray.
    """
    from mlxdyn.files import data_dir
    from mlxdyn.lab import kept, race

    path, name = data_dir(make=False) / RATES, kept.key(model, settings)
    known = kept.get(path, name)
    if tuning:
        choice = race.choose(model, tuning, settings, progress=progress)
        taken, rest = tuning, streams
    else:
        choice, taken, rest = race.automatic(
            model, streams, settings, known=known, progress=progress
        )
    surer = bool(tuning) or known is None or choice.chunks >= known.chunks
    if choice.why == "race" and surer and all(stream.sha256 for stream in taken):
        kept.put(path, name, choice)
    return choice, taken, rest


def _settings(options: EvalOptions, context_size: int) -> Settings:
    from mlxdyn.lab.results import Settings

    adapt, optimizer = options["adapt"], options["optimizer"]
    stated = options["lr"] if isinstance(options["lr"], tuple) else ()
    many = options["experiment"] or options["grid"]
    mixes = not many and (_chooses(options) or len(stated) > 1)
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
            learning_rate=stated[0] if stated else config.STREAM_RATES[adapt, optimizer],
        ),
        config.StreamConfig(
            window=window,
            chunk=options["chunk"] or min(STREAM.chunk, window),
            context=options["context"],
            kv=options["kv"],
            reset=options["reset"],
            batch=options["batch"],
        ),
        mix=mixes if options["mix"] is None else options["mix"],
        beside=stated[1:],
        limit=options["limit"],
    )


def _plain(
    model: Model,
    streams: list[Stream],
    rms_text: list[Stream],
    settings: Settings,
    progress: Progress | None,
    choice: Choice | None,
    raced: list[Stream],
) -> Results:
    from mlxdyn.lab import evaluate
    from mlxdyn.report import evaluation, record, text

    split = len(streams) > 1 and settings.stream.reset == "never"
    report = evaluate.evaluate(model, streams, settings, progress, split=split, rms_text=rms_text)
    found = _with_rate(evaluation.finding(report), choice, raced)
    return Results(
        record.to_json(report, model, device.current(), datetime.now(UTC), found),
        found,
        text.table(report, found),
        record.report_csv(report),
        tuple(record.chunk_rows(report)),
    )


def _with_rate(found: Finding, choice: Choice | None, raced: list[Stream]) -> Finding:
    """Say how the rate was chosen, and on which text."""
    if choice is None:
        return found
    names = tuple(stream.name for stream in raced)
    return replace(
        found,
        tuned_on=tuple(dict.fromkeys((*names, *found.tuned_on))),
        chosen={"learning_rate": choice.rate, **found.chosen},
        choice=choice.sentence,
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
    options: EvalOptions,
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
        rms_text=tuning,
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
