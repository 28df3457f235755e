"""`mlxdyn memory`: look at what was learned; changes nothing."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlxdyn.cli.open import (
    ROW_ID,
    as_json,
    chosen,
    filtered,
    find,
    nats,
    open_ledger,
    personal,
    print_json,
    table,
)
from mlxdyn.engine.messages import counted, escape_control, local, reason
from mlxdyn.errors import MlxdynError
from mlxdyn.files import memory_directory
from mlxdyn.memory.store.records import Reason
from mlxdyn.spelling import folded

if TYPE_CHECKING:
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.memory.store.records import MemoryRow, UpdateRow

UPDATES_SHOWN = 100  # updates in the log when nothing else is asked for


@click.group()
def memory() -> None:
    """See, probe, undo, forget, branch, check and move what was learned."""


@memory.command("list")
@as_json
def list_memories(as_json: bool) -> None:
    """List all memories."""
    ledger = open_ledger()
    rows, damaged = [], []
    for name in ledger.memories.names():
        try:
            rows.append(_shown(ledger, ledger.memories.existing(name)))
        except MlxdynError as error:
            damaged.append(str(error))
    if as_json:
        print_json(rows)
    elif not rows and not damaged:
        click.echo("No memory yet; `mlxdyn chat` begins one.")
    elif rows:
        table(
            ["name", "model", "updates", "tokens learned", "items", "bytes"],
            [_brief(row) for row in rows],
        )
    if damaged:
        raise MlxdynError("; ".join(damaged))


@memory.command()
@chosen
@as_json
def show(name: str, as_json: bool) -> None:
    """Show one memory: its base, its size, its place, how it learns."""
    ledger = open_ledger()
    shown = _shown(ledger, find(ledger, name))
    if as_json:
        print_json(shown)
        return
    for key, value in _readable(shown).items():
        click.echo(f"{key:15} {value}")


@memory.command()
@chosen
@as_json
@filtered
@personal
@click.option("--rejected", is_flag=True, help="Only updates that were refused or rolled back.")
@click.option(
    "--limit", type=ROW_ID, metavar="N",
    help=f"Only the newest N updates.  [default: {UPDATES_SHOWN}; all with --json]",
)  # fmt: skip
def log(
    name: str,
    as_json: bool,
    search: str | None,
    conversation: int | None,
    since: str | None,
    until: str | None,
    personal: bool,
    rejected: bool,
    limit: int | None,
) -> None:
    """List every update, oldest first; `forget` takes the IDs under "message".

    Times are local. nll is the surprise at the words (kind words) or at the answers (study,
    consolidation) before and after, drift the mean KL(base || now) on other answers, in nats/token.
    In JSON, lesson_flops are the operations of the whole lesson that an update belongs to (its
    event), in products with weights, where all were counted: it was learned in one go, and nothing
    before it was changed since.
    """
    from mlxdyn.memory.store.records import Filter

    ledger = open_ledger()
    most = limit if as_json or limit else UPDATES_SHOWN
    wanted = Filter(search, conversation, since, until, rejected, newest=most)
    memory = find(ledger, name).id
    rows = _masked(ledger, memory, ledger.events.log(memory, wanted), personal)
    imported = ledger.messages.imported(memory)
    if as_json:
        print_json([_logged(row) | {"imported": row.message in imported} for row in rows])
    elif not rows:
        everything = wanted == Filter(newest=most)
        click.echo("Nothing learned yet." if everything else "No update matches.")
    else:
        table(
            ["update", "time", "conversation", "message", "kind", "tokens", "nll", "drift", "text"],
            [_brief_update(row, row.message in imported) for row in rows],
            wide="text",
        )
        for row in filter(_trouble, rows):
            click.echo(escape_control(f"update {row.update}: {_trouble(row)}"))


def _masked(ledger: Ledger, memory: int, rows: list[UpdateRow], personal: bool) -> list[UpdateRow]:
    """Put placeholders for secrets: they were not learned, and are not shown."""
    from mlxdyn.memory.privacy import masked

    hidden = masked(ledger, memory, [row.message for row in rows if row.message], personal=personal)
    return [replace(row, text=hidden[row.message].text) if row.message else row for row in rows]


def _brief_update(row: UpdateRow, imported: bool) -> tuple[Any, ...]:
    nll = (
        "" if row.nll_before is None else f"{row.nll_before:.2f} → {row.nll_after or math.nan:.2f}"
    )
    text = ("imported: " if imported else "") + (" ".join(row.text.split()) or "all items")
    stands = row.accepted and not row.undone
    return (
        row.update, local(row.time), row.conversation or "", row.message or "",
        row.kind, row.tokens, nll, nats(row.drift), text if stands else f"✗ {text}",
    )  # fmt: skip


def _trouble(row: UpdateRow) -> str:
    """Say what is not as it should be with an update."""
    if row.undone or not row.accepted:
        return reason(Reason.UNDONE if row.undone else row.reason)
    return "" if row.rate == 1.0 else f"at {row.rate:g} times the learning rate"


def _logged(row: UpdateRow) -> dict[str, Any]:
    shown = asdict(row)
    undone = shown.pop("undone")
    shown["accepted"] = row.accepted and not undone
    shown["reason"] = reason(Reason.UNDONE if undone else row.reason)
    return shown


@memory.command("items")
@chosen
@as_json
@click.option("--search", metavar="WORDS", help="Only items with these words in them.")
def list_items(name: str, as_json: bool, search: str | None) -> None:
    """List the study items: questions, and the answers that the memory is to give.

    `mlxdyn memory edit ITEM` changes one. An item that a later message corrected is marked, and is
    no longer studied.
    """
    ledger = open_ledger()
    row = find(ledger, name)
    came = ledger.messages.imported(row.id)
    current = {fact.id for fact in ledger.examples.active(row.id)}
    rows = [fact for fact in ledger.examples.told(row.id) if fact.kind == "fact"]
    if search:
        wanted = folded(search)
        rows = [row for row in rows if wanted in folded(f"{row.question} {row.answer}")]
    if as_json:
        print_json(
            [
                {
                    "id": row.id, "message": row.message, "question": row.question,
                    "answer": row.answer, "source": row.source, "standing": row.id in current,
                    "imported": row.message in came,
                }
                for row in rows
            ]
        )  # fmt: skip
    elif not rows:
        click.echo("No item matches." if search else "No study items yet.")
    else:
        table(
            ["item", "message", "by", "question", "answer"],
            [
                (
                    row.id, row.message, "imported" if row.message in came else row.source,
                    row.question, row.answer + ("" if row.id in current else " (corrected later)"),
                )
                for row in rows
            ],
        )  # fmt: skip


def _shown(ledger: Ledger, row: MemoryRow) -> dict[str, Any]:
    totals = ledger.events.totals(row.id)
    path = memory_directory(row.name, make=False)
    return {
        "name": row.name,
        "model": row.model,
        "fingerprint": row.fingerprint,
        "updates": totals.updates,
        "tokens_learned": totals.tokens,
        "weight_version": totals.version,
        "bytes": sum(file.stat().st_size for file in path.glob("*") if file.is_file()),
        "path": str(path),
        "items": totals.facts,
        "created": row.created,
        "learning": {"pending": len(ledger.messages.pending(row.id)), **row.adapter, **row.learner},
        "study": row.study,
    }


def _brief(shown: dict[str, Any]) -> tuple[Any, ...]:
    names = ("updates", "tokens_learned", "items", "bytes")
    return (shown["name"], Path(shown["model"]).name, *(f"{shown[name]:,}" for name in names))


def _readable(shown: dict[str, Any]) -> dict[str, str]:
    """What a person wants to know of a memory; --json has every knob."""
    learning, study = shown["learning"], shown["study"] or {}
    waits = counted(learning["pending"], "message") if learning["pending"] else "nothing"
    return {
        "memory": shown["name"],
        "model": f"{Path(shown['model']).name} ({shown['model']})",
        "knows": counted(shown["items"], "question"),
        "learned": f"{counted(shown['updates'], 'update')}, "
        f"{counted(shown['tokens_learned'], 'token')}; {waits} waiting",
        "begun": local(shown["created"]),
        "kept in": f"{shown['path']} ({shown['bytes'] / 1e6:,.1f} MB)",
        "adapter": f"LoRA of rank {learning['rank']} on {learning['layers']} layers, "
        f"{learning['targets']} weights",
        "words": f"one step of {learning['learning_rate']:g} for each 64 tokens",
        "facts": f"{study['steps']} steps a round, at most {study['rounds']} rounds; other answers "
        f"may move {study['max_drift']:g} nats/token" if study else "as by default",
    }  # fmt: skip
