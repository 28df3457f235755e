"""`mlxdyn memory`: look at what was learned, take it back, check it, move it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MEMORY, ChatConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.home import check_name, home, memory_directory

if TYPE_CHECKING:
    from mlxdyn.ledger import Ledger, MemoryRow
    from mlxdyn.memory import Memory

chosen = click.option("--memory", "name", default=DEFAULT_MEMORY, show_default=True)
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
sure = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group()
def memory() -> None:
    """See, undo, check, reset and move what was learned."""


@memory.command("list")
@as_json
def list_memories(as_json: bool) -> None:
    """List all memories."""
    ledger = _ledger()
    rows = [_shown(ledger, row) for row in ledger.memories()]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    elif not rows:
        click.echo("No memory yet; `mlxdyn chat` begins one.")
    else:
        _table(["name", "model", "updates", "tokens learned", "bytes"], [_brief(r) for r in rows])


@memory.command()
@chosen
@as_json
def show(name: str, as_json: bool) -> None:
    """Show one memory: its base, size and place."""
    ledger = _ledger()
    shown = _shown(ledger, _row(ledger, name))
    if as_json:
        click.echo(json.dumps(shown, indent=2))
    else:
        _table(["", name], [(key, _plain(value)) for key, value in shown.items()])


@memory.command()
@chosen
@as_json
@click.option("--limit", type=click.IntRange(min=1), help="Only the newest N updates.")
def log(name: str, as_json: bool, limit: int | None) -> None:
    """List every update: from which message, how many tokens, nll before and after."""
    ledger = _ledger()
    rows = ledger.updates(_row(ledger, name).id, active=False)[-(limit or 0) :]
    if as_json:
        hidden = ("lesson", "undone")
        wanted = [{k: v for k, v in asdict(row).items() if k not in hidden} for row in rows]
        for shown, row in zip(wanted, rows, strict=True):
            if row.undone:
                shown["reason"] = "undone"
        click.echo(json.dumps(wanted, indent=2))
        return
    _table(
        ["update", "time", "message", "tokens", "before", "after", "norm", "", "text"],
        [
            (
                row.update, row.time, row.message, row.tokens, _nats(row.nll_before),
                _nats(row.nll_after), _nats(row.gradient_norm),
                "undone" if row.undone else "" if row.accepted else row.reason,
                " ".join(row.text.split())[:40],
            )
            for row in rows
        ],
    )  # fmt: skip


@memory.command()
@chosen
def undo(name: str) -> None:
    """Take back, bitwise, what the last learned message taught."""
    with _opened(name) as opened:
        undone = opened.undo()
    if not undone:
        raise MlxdynError(f"memory {name!r} holds nothing to undo")
    click.echo(f"Undone: {len(undone)} updates from message {undone[0].message}.")


@memory.command()
@chosen
@as_json
@click.option("--repair", is_flag=True, help="Make the weights anew from the ledger.")
def verify(name: str, as_json: bool, repair: bool) -> None:
    """Replay the ledger, compare bitwise, and check every checksum."""
    with _opened(name) as opened:
        problems = opened.verify()
        if problems and repair:
            opened.rebuild()
        updates = opened.ledger.totals(opened.row.id)[0]
    if as_json:
        click.echo(json.dumps({"clean": not problems, "problems": problems, "updates": updates}))
    elif not problems:
        click.echo(f"Clean: {updates} updates replayed to the same bits.")
    for problem in problems:
        click.echo(problem, err=True)
    if problems and repair:
        click.echo("Repaired: the weights were made anew from the ledger.", err=True)
    elif problems:
        raise MlxdynError("the memory is not sound; `mlxdyn memory verify --repair` rebuilds it")


@memory.command()
@chosen
@sure
def reset(name: str, yes: bool) -> None:
    """Begin an empty memory; the old one is kept under another name."""
    from mlxdyn.backend import prepare

    ledger = _ledger()
    _row(ledger, name)
    if not yes:
        click.confirm(f"Empty memory {name!r}? (a backup stays)", abort=True, err=True)
    prepare()
    from mlxdyn.memory import archive

    aside = archive(name, ledger)
    click.echo(f"Memory {name!r} is empty. What it held is memory {aside!r}.")


@memory.command("export")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--format", "kind", type=click.Choice(["mlx-lm"]), default="mlx-lm")
@chosen
def export(directory: Path, kind: str, name: str) -> None:
    """Write the adapter to DIRECTORY, for `mlx_lm.generate --adapter-path`."""
    with _opened(name) as opened:
        from mlxdyn.exchange import export_mlx_lm

        export_mlx_lm(opened, directory)
        base = opened.row.model
    click.echo(f"Exported to {directory}; it fits the base {base}.")


@memory.command("import")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--model", default=BUNDLED_MODEL, show_default=True, help="The base it fits.")
@chosen
def import_(directory: Path, model: str, name: str) -> None:
    """Begin memory NAME on an mlx-lm adapter in DIRECTORY."""
    from mlxdyn.backend import prepare

    prepare()
    from mlxdyn.exchange import import_mlx_lm
    from mlxdyn.model import load

    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    import_mlx_lm(directory, name, load(model), _ledger(), learner)
    click.echo(f"Imported as memory {name!r}.")


def _ledger() -> Ledger:
    from mlxdyn.ledger import Ledger

    return Ledger(home() / "mlxdyn.db")


def _row(ledger: Ledger, name: str) -> MemoryRow:
    row = ledger.memory(check_name(name))
    if row is None:
        known = ", ".join(row.name for row in ledger.memories()) or "none yet"
        raise MlxdynError(f"there is no memory {name!r}; there is: {known}")
    return row


def _opened(name: str) -> Memory:
    """Open a memory with the base it was learned on."""
    from mlxdyn.backend import prepare

    ledger = _ledger()
    row = _row(ledger, name)
    prepare()
    from mlxdyn.memory import Memory
    from mlxdyn.model import load

    return Memory(name, load(row.model), ledger, learner=LearnerConfig(**row.learner))


def _shown(ledger: Ledger, row: MemoryRow) -> dict[str, Any]:
    updates, tokens, version = ledger.totals(row.id)
    path = memory_directory(row.name)
    return {
        "name": row.name,
        "model": row.model,
        "fingerprint": row.fingerprint,
        "updates": updates,
        "tokens_learned": tokens,
        "weight_version": version,
        "bytes": sum(file.stat().st_size for file in path.iterdir()),
        "path": str(path),
        "learning": {"pending": len(ledger.pending(row.id)), **row.adapter, **row.learner},
    }


def _brief(shown: dict[str, Any]) -> tuple[Any, ...]:
    names = ("updates", "tokens_learned", "bytes")
    return (shown["name"], Path(shown["model"]).name, *(shown[name] for name in names))


def _plain(value: Any) -> str:
    return (
        ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)
    )


def _nats(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _table(head: list[str], rows: list[tuple[Any, ...]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(*head, box=None, padding=(0, 2, 0, 0))
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    Console().print(table)
