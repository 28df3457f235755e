"""`mlxdyn eval`: parses, calls, publishes; heavy imports wait until the command runs."""

from __future__ import annotations

import math
import shlex
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any, Unpack

import click
from click.core import ParameterSource

from mlxdyn import config
from mlxdyn.cli import work
from mlxdyn.cli.publish import Outputs, Results, check_folder, publish
from mlxdyn.cli.work import AUTO, EvalOptions
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.lab import catalog
from mlxdyn.lab.catalog import visible
from mlxdyn.lab.experiments import QUESTIONS

OF_MEMORY = {
    "texts", "experiment", "model", "limit", "seed", "seeds", "later", "study_every", "out",
    "json_file", "csv_file", "plot", "html", "max_regress",
}  # fmt: skip
"""What --experiment memory takes; --max-regress has a refusal of its own."""

OF_TEXT = {"order", "index", "strip_gutenberg", "skip"}
"""What says how TEXT is read, where there is one."""

ADAPTER, LEARNER, STREAM = config.AdapterConfig(), config.LearnerConfig(), config.StreamConfig()
POSITIVE = click.IntRange(min=1)
EXPERIMENTS = (*QUESTIONS, "memory")


class Rates(click.ParamType):  # type: ignore[type-arg]  # generic in newer ones only
    """`auto`, or learning rates with commas between them."""

    name = "rates"

    def convert(self, value: Any, param: Any, ctx: Any) -> tuple[float, ...] | str:
        if value == AUTO or isinstance(value, tuple):
            return value  # type: ignore[no-any-return]
        kind = click.FloatRange(min=0)
        rates = tuple(kind(word, param, ctx) for word in str(value).split(","))
        if not all(map(math.isfinite, rates)):
            self.fail(f"{value} is no learning rate; use a number, 0 or more, or auto", param, ctx)
        if len(set(rates)) < len(rates):
            self.fail(f"{value} names a rate twice", param, ctx)
        return rates


class Remembering(click.Command):
    """A command that knows how it was called."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        ctx.meta["mlxdyn.command"] = shlex.join(["mlxdyn", "eval", *args])
        return super().parse_args(ctx, args)


@click.command("eval", cls=Remembering)
@click.argument("texts", metavar="[TEXT]...", nargs=-1)
@click.option("--experiment", type=click.Choice(EXPERIMENTS), help="One of the paper's questions.")
@click.option(
    "--grid", multiple=True, metavar="KNOB=A,B", help="Vary a knob: lr=1e-4,3e-4; may be repeated."
)
@click.option("--jobs", type=POSITIVE, default=1, help="Processes for the cells of a grid.")
@click.option("--out", metavar="DIR", help="Keep finished cells there, and go on from them.")
@click.option("--compare", is_flag=True, help="TEXTs are --json files of earlier runs: compare.")
@click.option(
    "--model",
    default=config.BUNDLED_MODEL,
    show_default=True,
    envvar="MLXDYN_MODEL",
    help="Name or directory.",
)
@click.option(
    "--adapt",
    type=click.Choice(config.ADAPTS),
    default=ADAPTER.adapt,
    show_default=True,
    help="Which weights learn: an adapter's, or all.",
)
@click.option(
    "--window", type=POSITIVE, help=f"Most tokens attention sees.  [default: {STREAM.window}]"
)
@click.option(
    "--chunk", type=POSITIVE, help=f"Targets between two updates.  [default: {STREAM.chunk}]"
)
@click.option(
    "--context",
    type=click.Choice(config.CONTEXTS),
    default=STREAM.context,
    show_default=True,
    help="What a chunk sees: a window recomputed for each, one begun again at its half when it is "
    "full, or keys and values carried on for ever.",
)
@click.option(
    "--kv",
    type=click.Choice(config.KVS),
    default=STREAM.kv,
    show_default=True,
    help="After an update, with --context restart: keep the window's keys and values, or make "
    "them anew.",
)
@click.option(
    "--lr",
    type=Rates(),
    metavar="RATE",
    help="Learning rate, used as it is; 0 is static; A,B learn side by side. The default, auto, "
    "chooses one on --tune text or the first tokens, which are then not reported, and mixes.",
)
@click.option(
    "--mix/--no-mix",
    default=None,
    help="Static and dynamic predict together, as well as the better of them but for 1 nat in all."
    "  [default: with --lr auto or A,B]",
)
@click.option(
    "--tune", multiple=True, metavar="TEXT", help="Text to choose on, kept apart from the result."
)
@click.option("--tune-limit", type=click.IntRange(min=2), help="Most tokens of each --tune text.")
@click.option(
    "--rank", type=POSITIVE, default=ADAPTER.rank, show_default=True, help="Of the adapter."
)
@click.option("--targets", default=ADAPTER.targets, show_default=True, help="all, mlp, attention…")
@click.option("--layers", default=ADAPTER.layers, show_default=True, help="all, middle, 2-5…")
@click.option(
    "--optimizer",
    type=click.Choice(config.OPTIMIZERS),
    default=LEARNER.optimizer,
    show_default=True,
    help="Rule of an update; adam0 is Adam without momentum.",
)
@click.option(
    "--reset",
    type=click.Choice(config.RESETS),
    default=STREAM.reset,
    show_default=True,
    help="At a new document: keep what was learned, begin anew, or go half-way back.",
)
@click.option(
    "--batch",
    type=POSITIVE,
    default=STREAM.batch,
    show_default=True,
    help="Documents read side by side, each with an adapter of its own: small models fill the "
    "machine. For --reset document.",
)
@click.option(
    "--order",
    type=click.Choice(catalog.ORDERS),
    default="name",
    show_default=True,
    help="In which documents are read.",
)
@click.option("--index", metavar="FILE", help="TSV with the dates for --order date.")
@click.option("--strip-gutenberg", is_flag=True, help="Leave out Project Gutenberg's licence.")
@click.option("--skip", type=click.IntRange(min=0), default=0, help="Characters of each text.")
@click.option(
    "--limit", type=click.IntRange(min=2), help="Most tokens read, over all texts; or people."
)
@click.option("--limit-each", type=click.IntRange(min=2), help="Most tokens read of each text.")
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=ADAPTER.seed,
    show_default=True,
    help="Of the adapter's start and of all draws.",
)
@click.option(
    "--later",
    type=click.IntRange(min=0),
    default=0,
    help="With --experiment memory: ask again after so many messages of others.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=1,
    help="With --experiment memory: so many adapters, each from another start; draws are those of "
    "the first, --seed.",
)
@click.option(
    "--study-every",
    type=click.IntRange(min=0),
    default=0,
    help="With --experiment memory: study after so many messages, as a quiet chat does.",
)
@click.option("--json", "json_file", metavar="FILE", help="Write the report; - is standard output.")
@click.option("--chunks", "chunks_file", metavar="FILE", help="Write a JSON line a chunk.")
@click.option("--csv", "csv_file", metavar="FILE", help="Write a row a run and document, or cell.")
@click.option("--plot", metavar="FILE", help="Draw the figures: .png or .svg.")
@click.option("--html", metavar="FILE", help="Write one page with everything; it fetches nothing.")
@click.option(
    "--max-regress",
    type=float,
    metavar="X",
    help="Exit 1 if dynamic, mixed or not, costs more nats a token than static and X.",
)
@click.pass_context
def evaluate_command(
    ctx: click.Context, texts: tuple[str, ...], **options: Unpack[EvalOptions]
) -> None:
    """Measure on TEXT what learning while reading is worth.

    TEXT is a file, a directory (every .txt, .md and .jsonl file below it, .gz or not, in order) or
    - for standard input. The base alone and the base that learns read the same tokens through the
    same windows; every token is scored before it is learned.

    Ctrl-C writes the results so far, marked as not complete, and exits with 1.
    """
    _check_usage(ctx, texts, options)
    outputs = Outputs(
        options["json_file"],
        options["chunks_file"],
        options["csv_file"],
        options["plot"],
        options["html"],
    )
    try:
        outputs.check(_read(texts, options))
        check_folder(options["out"])
        with _noticing() as came:
            results = work.compared(texts) if options["compare"] else work.evaluated(texts, options)
        if came:
            results.value["complete"] = False
        publish(results, outputs, ctx.meta["mlxdyn.command"])
    except (MlxdynError, OSError) as error:
        raise click.ClickException(visible(sentence(error))) from error
    except KeyboardInterrupt as error:
        raise click.ClickException("stopped before there was a result") from error
    _judge(results, options["max_regress"], bool(came))


def _read(texts: tuple[str, ...], options: EvalOptions) -> list[str]:
    """Name all files and directories that are read."""
    index = [options["index"]] if options["index"] else []
    if not options["compare"]:
        return [*texts, *options["tune"], *index]
    from mlxdyn.lab.compare import chunks_beside

    return [*texts, *(str(chunks_beside(Path(text))) for text in texts)]


def _given(ctx: click.Context) -> set[str]:
    """Name what stands on the command line."""
    names = {param.name for param in ctx.command.params if param.name}
    return {n for n in names if ctx.get_parameter_source(n) == ParameterSource.COMMANDLINE}


def _check_usage(ctx: click.Context, texts: tuple[str, ...], options: EvalOptions) -> None:
    """Refuse options that contradict each other."""
    if options["compare"] and len(texts) < 2:
        raise click.UsageError("--compare needs two --json files or more")
    if not texts and options["experiment"] != "history":
        raise click.UsageError("Missing argument 'TEXT...'")
    if texts and options["experiment"] == "history":
        raise click.UsageError("--experiment history reads your saved chats and no TEXT")
    if options["experiment"] and options["grid"]:
        raise click.UsageError("--experiment and --grid are two ways to vary; choose one")
    if options["compare"] and options["chunks_file"]:
        raise click.UsageError("--compare reads what --chunks wrote, and has none of its own")
    if options["index"] and options["order"] != "date":
        raise click.UsageError("--index is for --order date")
    work.axes(options["grid"])
    many = options["experiment"] or options["grid"]
    if options["chunks_file"] and many:
        raise click.UsageError("--chunks is for one evaluation, not for many")
    if many and options["mix"]:
        raise click.UsageError("--mix is for one evaluation; many say what their mixtures give")
    if many and isinstance(options["lr"], tuple) and len(options["lr"]) > 1:
        raise click.UsageError("--lr A,B is for one evaluation; vary it with --grid lr=A,B")
    if options["kv"] != STREAM.kv and options["context"] != "restart":
        raise click.UsageError("--kv is for --context restart: no other keeps a window to a step")
    _check_experiment(ctx, options)
    if options["jobs"] > 1 and not options["grid"]:
        raise click.UsageError("--jobs is for --grid")
    if options["out"] and not many:
        raise click.UsageError("--out is for --grid and --experiment")
    of_memory = {"--later": options["later"], "--study-every": options["study_every"]}
    of_memory["--seeds"] = options["seeds"] - 1
    if options["experiment"] != "memory" and (set_ := [n for n, v in of_memory.items() if v]):
        raise click.UsageError(f"{set_[0]} is for --experiment memory")
    if options["max_regress"] is not None and math.isnan(options["max_regress"]):
        raise click.UsageError("--max-regress nan is no bound; use a number of nats")
    if options["max_regress"] is not None and (many or options["compare"]):
        raise click.UsageError("--max-regress is for one evaluation, not for many")


def _check_experiment(ctx: click.Context, options: EvalOptions) -> None:
    """Refuse what the experiment would ignore, or could not do."""
    asked, given = options["experiment"], _given(ctx)
    unheard = {
        "memory": given - OF_MEMORY,
        "history": given & OF_TEXT,
        "position": given & {"out", "batch"},
        "order": given & {"batch"},
    }.get(asked or "")
    why = {
        "memory": "learns as the chat does",
        "history": "reads your saved chats, whole and in order",
        "position": "is one run, one document after another",
        "order": "asks what the last weights know",
    }
    if unheard and asked:
        named = ", ".join(p.opts[0] for p in ctx.command.params if p.name in unheard)
        raise click.UsageError(f"--experiment {asked} {why[asked]}; it takes no {named}")


@contextmanager
def _noticing() -> Iterator[list[int]]:
    """Collect interrupts, which end the work in order, to know afterwards that one came."""
    came: list[int] = []

    def notice(number: int, frame: FrameType | None) -> None:
        came.append(number)
        signal.default_int_handler(number, frame)

    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield came  # somebody else's business, or ignored
        return
    before = signal.signal(signal.SIGINT, notice)
    try:
        yield came
    finally:
        signal.signal(signal.SIGINT, before)


def _judge(results: Results, most: float | None, interrupted: bool) -> None:
    """Exit with 1 when the work was cut short, or learning cost more than `most` nats a token.

    A mixture may be what is reported, but hardly loses whatever learning does: dynamic is judged.
    """
    if interrupted:
        raise click.ClickException("stopped; the results are of what was done until then")
    if most is None:
        return
    losses = {run["name"]: run["nats_per_token"] for run in results.value["runs"]}
    static, dynamic = losses["static"], losses["dynamic"]
    finite = static is not None and dynamic is not None
    if not (finite and dynamic - static <= most):
        cost = f"{dynamic - static:.4f} nats/token more" if finite else "a loss that is not finite"
        raise click.ClickException(f"learning costs {cost}, over --max-regress {most:g}")
