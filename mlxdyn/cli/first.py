"""Which model a chat opens with: a memory's own, the one set, or what a first run chooses.

A memory that was named opens with its own base; the default one with the model that was set, for
each base has a default memory of its own.
"""

from __future__ import annotations

from pathlib import Path

import click

from mlxdyn import settings
from mlxdyn.cli.model import fetch
from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MEMORY, DEFAULT_MODEL
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.model import registry


def model_for(memory: str, *, ask: bool) -> str:
    """Name the model for a chat that was told none; a first run may `ask` on the terminal."""
    ledger = data_dir(make=False) / "mlxdyn.db"
    own = _own(ledger, memory) if ledger.is_file() else None
    chosen = "model" in settings.read()
    if own is not None and not (chosen and memory == DEFAULT_MEMORY):
        return own
    if ask and not ledger.is_file() and not chosen:
        return _choose()
    return registry.default()


def _own(path: Path, memory: str) -> str | None:
    """Name the base that a memory was learned on, wherever it lies now; None for a new memory."""
    from mlxdyn.memory.store.ledger import Ledger

    ledger = Ledger(path, writable=False)  # the chat may be one that writes nothing
    row = ledger.memories.find(memory)
    ledger.close()
    names = [] if row is None else [row.model, Path(row.model).name]  # as it was, or moved
    return next((name for name in names if registry.here(name)), None)


def _choose() -> str:
    """Ask once, remember the answer; where it cannot be fetched, say so, and wren answers."""
    entries = list(registry.entries().values())
    click.echo("Which model should answer? It runs on this machine, and learns here.", err=True)
    for number, entry in enumerate(entries, 1):
        click.echo(f"  {number}  {entry.name}: {_offer(entry)}", err=True)
    usual = next(i for i, entry in enumerate(entries, 1) if entry.name == DEFAULT_MODEL)
    chosen = click.prompt("Number", type=click.IntRange(1, len(entries)), default=usual, err=True)
    name = entries[chosen - 1].name
    try:
        if not registry.here(name):
            fetch(name)
    except MlxdynError as error:
        click.echo(f"{error}. Until then {BUNDLED_MODEL} answers.", err=True)
        return BUNDLED_MODEL
    settings.put("model", name)
    click.echo(f"{name} it is, until {settings.path()} says otherwise.", err=True)
    return name


def _offer(entry: registry.RegistryEntry) -> str:
    size = "here already" if registry.here(entry.name) else f"{entry.bytes / 1e6:,.0f} MB to fetch"
    small = registry.misfit(entry)
    return f"{entry.about}; {size}; {small or 'fits this machine'}; {entry.licence}"
