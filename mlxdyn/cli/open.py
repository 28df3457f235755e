"""What the memory commands share: options, opening a memory, tables and progress."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MODEL
from mlxdyn.engine.messages import escape_control
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, chosen_memory, data_dir

if TYPE_CHECKING:
    from mlxdyn.memory.memory import LessonProgress, Memory
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.memory.store.records import MemoryRow


def _default_model() -> str:
    from mlxdyn.model import registry

    return registry.default()


class Amount(click.FloatRange):
    """A finite number, 0 or more."""

    def __init__(self) -> None:
        super().__init__(min=0)

    def convert(self, value: Any, param: Any, ctx: Any) -> float:
        amount = super().convert(value, param, ctx)
        if not math.isfinite(amount):
            self.fail(f"{value} is no amount; use a number, 0 or more", param, ctx)
        return float(amount)


ROW_ID = click.IntRange(1, 2**63 - 1)  # of a row: what SQLite can count to
PROGRESS_SECONDS = 5.0  # seconds between two lines of progress in a pipe
WIDE = 160  # columns of a table that is not on a terminal

base = click.option(
    "-m", "--model", default=_default_model, envvar="MLXDYN_MODEL",
    help="Name, directory or repository.  [default: what config.toml names, else "
    f"{DEFAULT_MODEL} if it is here, else {BUNDLED_MODEL}]",
)  # fmt: skip
chosen = click.option(
    "-M", "--memory", "name", default=chosen_memory, metavar="NAME",
    help="Which memory.  [default: what a .mlxdyn file here or above names, or 'default']",
)  # fmt: skip
personal = click.option(
    "--personal/--no-personal", default=settings.personal,
    help="Learn, and show, phone, passport, account and tax numbers too; `personal = true` in "
    "config.toml sets it for good.",
)  # fmt: skip
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
sure = click.option("--yes", is_flag=True, help="Do not ask.")


def _words(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read words to look for; none at all would be in every message."""
    from mlxdyn.memory.store.records import sanitize

    if value is not None and not value.strip():
        raise click.BadParameter("say which words; nothing is in every message")
    return value and sanitize(value)


def _time(ctx: click.Context, param: click.Parameter, value: str | None) -> str | None:
    """Read a time as people write it into the form of the ledger's; without a zone it is local.

    A day alone means its first moment, for --until its last.
    """
    if value is None:
        return None
    try:
        time = datetime.fromisoformat(value)
        if param.name == "until" and len(value) <= len("2026-05-01"):
            time = time.replace(hour=23, minute=59, second=59, microsecond=999_000)
        time = time.astimezone(UTC)
    except (ValueError, OverflowError):
        raise click.BadParameter(
            f"{value!r} is no time; write 2026-05-01 or 2026-05-01T12:00"
        ) from None
    return time.isoformat(timespec="milliseconds")


def filtered(command: Any) -> Any:
    """Add the options that choose messages by what they say and when."""
    for option in (
        click.option(
            "--until", metavar="TIME", callback=_time,
            help="Not after this time (local); a day alone is meant with all its hours.",
        ),
        click.option(
            "--since", metavar="TIME", callback=_time,
            help="Not before this time (local), as 2026-05-01 or 2026-05-01T12:00.",
        ),
        click.option(
            "--conversation", metavar="ID", type=ROW_ID, help="Only of this conversation."
        ),
        click.option(
            "--search", metavar="WORDS", callback=_words,
            help="Only messages with these words in them.",
        ),
    ):  # fmt: skip
        command = option(command)
    return command


def confirm(question: str) -> None:
    """Ask; end the command unless the answer is yes.

    Raises MlxdynError where there is nobody to answer.
    """
    if not agreed(question):
        raise click.Abort


def agreed(question: str) -> bool:
    """Ask; raise MlxdynError where there is nobody to answer."""
    try:
        return click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        if sys.stdin.isatty():
            raise
        raise MlxdynError("nobody is there to say yes, so nothing changed; pass --yes") from None


def open_ledger(*, writable: bool = False) -> Ledger:
    """Open the ledger; it is closed when the command ends."""
    from mlxdyn.memory.store.ledger import Ledger

    ledger = Ledger(data_dir(make=writable) / "mlxdyn.db", writable=writable)
    click.get_current_context().call_on_close(ledger.close)
    return ledger


def find(ledger: Ledger, name: str) -> MemoryRow:
    """Return a memory's row; raise MlxdynError that names the ones there are."""
    row = ledger.memories.find(check_name(name))
    if row is None:
        known = ", ".join(ledger.memories.names())
        there = f"there is: {known}" if known else "none has begun yet: mlxdyn chat"
        raise MlxdynError(f"there is no memory {name!r}; {there}")
    return row


@contextmanager
def opened(name: str, *, writable: bool = True) -> Iterator[Memory]:
    """Open a memory with the base it was learned on; MLX is imported only now.

    One that is not `writable` may be open elsewhere.
    """
    ledger = open_ledger(writable=writable)
    row = find(ledger, name)
    from mlxdyn.config import LearnerConfig
    from mlxdyn.memory.memory import Memory
    from mlxdyn.model.load import load

    learner = LearnerConfig(**row.learner)
    with (
        progress("Restoring") as tick,
        Memory(
            name,
            load(row.model),
            ledger,
            learner=learner,
            writable=writable,
            personal=settings.personal(),
            progress=tick,
        ) as memory,
    ):
        yield memory


@contextmanager
def progress(doing: str) -> Iterator[LessonProgress]:
    """Show how many lessons are done, when it takes long enough to see; in a pipe now and then."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console, said = Console(stderr=True), time.monotonic()

    def line(done: int, of: int) -> None:
        nonlocal said
        if time.monotonic() - said > PROGRESS_SECONDS:
            said = time.monotonic()
            click.echo(f"{doing}: {done} of {of} ...", err=True)

    if not console.is_terminal:
        yield line
        return
    with Bars(console=console, transient=True, redirect_stdout=False) as bars:
        task = bars.add_task(doing, total=None, visible=False)

        def tick(done: int, of: int) -> None:
            bars.update(task, completed=done, total=of, visible=of > 1)

        yield tick


def say(sentence: str, as_json: bool, **facts: Any) -> None:
    """Print what was done, for a person or as JSON."""
    if as_json:
        print_json(facts)
    else:
        click.echo(sentence)


def print_json(value: Any) -> None:
    click.echo(json.dumps(value, indent=2))


def table(head: Sequence[str], rows: Sequence[Sequence[Any]], *, wide: str = "") -> None:
    """Print rows under a head; cells are plain text or rich's.

    With `wide`, every row is one line: that column is cut to the terminal's width, no other.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    cells = [
        [cell if isinstance(cell, Text) else Text(escape_control(str(cell))) for cell in row]
        for row in rows
    ]
    for name, column in zip(head, zip(*cells, strict=True), strict=True):
        widest = max(len(name), *(cell.cell_len for cell in column))
        least = widest if wide and name != wide else None
        shown.add_column(name, no_wrap=bool(wide), overflow="ellipsis", min_width=least)
    for row in cells:
        shown.add_row(*row)
    Console(width=None if sys.stdout.isatty() else WIDE).print(shown)


def nats(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
