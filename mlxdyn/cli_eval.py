"""`mlxdyn eval`: parses, calls evaluate, prints; heavy imports wait until the command runs."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

import click

from mlxdyn import backend, config, tasks
from mlxdyn.errors import MlxdynError

if TYPE_CHECKING:
    from mlxdyn.evaluate import Progress, Report, Settings, Stream
    from mlxdyn.model import Model

T = TypeVar("T")
ADAPTER, LEARNER, STREAM = config.AdapterConfig(), config.LearnerConfig(), config.StreamConfig()
POSITIVE = click.IntRange(min=1)


class Options(TypedDict):
    """What the command line says; None where the default depends on something else."""

    model: str
    adapt: config.Adapt
    window: int | None
    chunk: int | None
    context: config.Context
    lr: float | None
    rank: int
    targets: str
    layers: str
    optimizer: config.Optimizer
    reset: config.Reset
    limit: int | None
    seed: int
    json_file: str | None
    chunks_file: str | None


@click.command("eval")
@click.argument("texts", metavar="TEXT...", nargs=-1, required=True)
@click.option("--model", default=config.BUNDLED_MODEL, show_default=True, help="Name or directory.")
@click.option("--adapt", type=click.Choice(config.ADAPTS), default=ADAPTER.adapt, show_default=True)
@click.option(
    "--window", type=POSITIVE, help=f"Most tokens attention sees.  [default: {STREAM.window}]"
)
@click.option(
    "--chunk", type=POSITIVE, help=f"Targets between two updates.  [default: {STREAM.chunk}]"
)
@click.option(
    "--context", type=click.Choice(config.CONTEXTS), default=STREAM.context, show_default=True
)
@click.option("--lr", type=click.FloatRange(min=0), help="Learning rate; 0 is static evaluation.")
@click.option("--rank", type=POSITIVE, default=ADAPTER.rank, show_default=True)
@click.option("--targets", default=ADAPTER.targets, show_default=True, help="all, mlp, attention…")
@click.option("--layers", default=ADAPTER.layers, show_default=True, help="all, middle, 2-5…")
@click.option(
    "--optimizer",
    type=click.Choice(config.OPTIMIZERS),
    default=LEARNER.optimizer,
    show_default=True,
)
@click.option("--reset", type=click.Choice(config.RESETS), default=STREAM.reset, show_default=True)
@click.option("--limit", type=click.IntRange(min=2), help="Most tokens read, over all texts.")
@click.option("--seed", type=int, default=ADAPTER.seed, show_default=True)
@click.option("--json", "json_file", metavar="FILE", help="Write the report; - is standard output.")
@click.option("--chunks", "chunks_file", metavar="FILE", help="Write a JSON line a chunk.")
def evaluate_command(texts: tuple[str, ...], **options: Unpack[Options]) -> None:
    """Measure on TEXT what learning while reading is worth.

    TEXT is a file, a directory (every .txt and .md file below it, in order) or - for standard
    input. The base alone and the base that learns read the same tokens through the same windows;
    every token is scored before it is learned.
    """
    try:
        _evaluate(texts, options)
    except (MlxdynError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except KeyboardInterrupt as error:
        raise click.ClickException("stopped; nothing was written") from error


def _evaluate(texts: tuple[str, ...], options: Options) -> None:
    _check_writable(options["json_file"], options["chunks_file"])
    documents = _readable(tasks.read(texts, sys.stdin.buffer, limit=options["limit"]))
    first = next(documents, None)  # before the model: a wrong path is said at once
    if first is None:
        raise MlxdynError("no text is left to evaluate; name a UTF-8 text file with some words")

    backend.prepare()
    from mlxdyn import evaluate
    from mlxdyn import model as models

    model = models.load(options["model"])
    settings = _settings(options, model.context_size)
    evaluate.check(model, settings)
    encoded = evaluate.encode(model, chain([first], documents), options["limit"])
    streams = list(_readable(encoded))
    if not streams:
        raise MlxdynError("no text is left to evaluate; every one is shorter than two tokens")
    with _progress(streams) as progress:
        report = evaluate.evaluate(model, streams, settings, progress)
    _publish(report, model, options["json_file"], options["chunks_file"])


def _readable(found: Iterable[T | tasks.Refused]) -> Iterator[T]:
    """Pass on what can be evaluated and name what cannot."""
    for item in found:
        if isinstance(item, tasks.Refused):
            click.echo(f"skipped {item.path}: {item.reason}", err=True)
        else:
            yield item


def _settings(options: Options, context_size: int) -> Settings:
    from mlxdyn.evaluate import Settings

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
            learning_rate=config.STREAM_RATES[adapt, optimizer] if lr is None else lr,
        ),
        config.StreamConfig(
            window=window,
            chunk=options["chunk"] or min(STREAM.chunk, window),
            context=options["context"],
            reset=options["reset"],
            limit=options["limit"],
        ),
    )


@contextmanager
def _progress(streams: list[Stream]) -> Iterator[Progress | None]:
    """Show a bar on standard error when a person is there to see it."""
    if not sys.stderr.isatty():
        yield None
        return
    length = sum(len(stream.tokens) - 1 for stream in streams)
    with click.progressbar(length=length, label="tokens", file=sys.stderr) as bar:
        yield bar.update


def _check_writable(*files: str | None) -> None:
    """Refuse a place that cannot hold the result before the work, not after."""
    for file in filter(None, files):
        folder = Path(file).parent
        if file != tasks.STDIN and (not os.access(folder, os.W_OK) or Path(file).is_dir()):
            raise MlxdynError(f"{file} cannot be written; name a file in a directory that can be")


def _publish(report: Report, model: Model, json_file: str | None, chunks_file: str | None) -> None:
    from mlxdyn import report as reports

    for warning in reports.warnings(report):
        click.echo(f"warning: {warning}", err=True)
    if chunks_file:
        lines = (json.dumps(row, ensure_ascii=False) for row in reports.chunk_rows(report))
        _write(chunks_file, "\n".join(lines) + "\n")
    if json_file:
        value = reports.to_json(report, model, backend.device(), datetime.now(UTC))
        _write(json_file, json.dumps(value, indent=1, ensure_ascii=False) + "\n")
    if tasks.STDIN not in (json_file, chunks_file):
        click.echo(reports.table(report))


def _write(file: str, text: str) -> None:
    """Let `file` appear whole or not at all; - is standard output."""
    if file == tasks.STDIN:
        click.echo(text, nl=False)
        return
    temporary = Path(file).with_name(f".{Path(file).name}.{os.getpid()}")
    try:
        with temporary.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(file)
    finally:
        temporary.unlink(missing_ok=True)
