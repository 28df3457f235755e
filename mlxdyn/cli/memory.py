"""`mlxdyn memory`: look at what was learned, probe it, compare it, check it; changes nothing."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.cli.open import (
    NUMBER,
    as_json,
    chosen,
    filtered,
    find,
    nats,
    open_ledger,
    opened,
    personal,
    print_json,
    progress,
    table,
)
from mlxdyn.engine.messages import harmless
from mlxdyn.errors import MlxdynError
from mlxdyn.files import memory_directory

if TYPE_CHECKING:
    from rich.text import Text

    from mlxdyn.engine.events import Compared
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.memory.store.records import MemoryRow, UpdateRow

SHOWN = 100  # updates in the log when nothing else is asked for


@click.group()
def memory() -> None:
    """See, probe, undo, forget, branch, check and move what was learned."""


@memory.command("list")
@as_json
def list_memories(as_json: bool) -> None:
    """List all memories."""
    ledger = open_ledger()
    rows, damaged = [], []
    for name in ledger.names():
        try:
            rows.append(_shown(ledger, ledger.existing(name)))
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
    for key, value in shown.items():
        click.echo(f"{key:15} {_plain(value)}")


@memory.command()
@chosen
@as_json
@filtered
@personal
@click.option("--rejected", is_flag=True, help="Only updates that were refused or rolled back.")
@click.option(
    "--limit", type=NUMBER, metavar="N",
    help=f"Only the newest N updates.  [default: {SHOWN}; all with --json]",
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

    "chat" is what --conversation takes.
    nll is the surprise at the words (kind words) or at the answers (study, consolidation) before
    and after, drift the mean KL(base || now) on other answers, in nats per token.
    """
    from mlxdyn.memory.store.records import Filter

    ledger = open_ledger()
    most = limit if as_json or limit else SHOWN
    wanted = Filter(search, conversation, since, until, rejected, newest=most)
    memory = find(ledger, name).id
    rows = _masked(ledger, memory, ledger.log(memory, wanted), personal)
    imported = ledger.imported(memory)
    if as_json:
        print_json([_logged(row) | {"imported": row.message in imported} for row in rows])
    elif not rows:
        everything = wanted == Filter(newest=most)
        click.echo("Nothing learned yet." if everything else "No update matches.")
    else:
        table(
            ["update", "time (UTC)", "chat", "message", "kind", "tokens", "nll", "drift", "text"],
            [_brief_update(row, row.message in imported) for row in rows],
            wide="text",
        )
        for row in filter(_trouble, rows):
            click.echo(harmless(f"update {row.update}: {_trouble(row)}"))


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
        row.update, row.time[5:16].replace("T", " "), row.conversation or "", row.message or "",
        row.kind, row.tokens, nll, nats(row.drift), text if stands else f"✗ {text}",
    )  # fmt: skip


def _trouble(row: UpdateRow) -> str:
    """Say what is not as it should be with an update."""
    if row.undone or not row.accepted:
        return "undone" if row.undone else row.reason
    return "" if row.rate == 1.0 else f"at {row.rate:g} times the learning rate"


def _logged(row: UpdateRow) -> dict[str, Any]:
    shown = asdict(row)
    if shown.pop("undone"):
        shown["accepted"], shown["reason"] = False, "undone"
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
    came = ledger.imported(row.id)
    current = {fact.id for fact in ledger.examples(row.id)}
    rows = [fact for fact in ledger.told(row.id) if fact.kind == "fact"]
    if search:
        low = search.lower()
        rows = [row for row in rows if low in f"{row.question} {row.answer}".lower()]
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


@memory.command("probe")
@chosen
@as_json
def probe_memory(name: str, as_json: bool) -> None:
    """Ask for every fact in an empty context, and show what comes from the weights alone.

    gap: mean KL from the teacher's answer, in nats per token; 0 is all that is to be learned.
    """
    with opened(name, writable=False) as held:
        if not held.known_facts():
            raise MlxdynError(f"memory {name!r} has no study items yet; chat with it first")
        from mlxdyn.lab.probe import probe

        with progress("Probing") as tick:
            recall = probe(held, tick)
    if as_json:
        print_json(asdict(recall))
        return
    table(
        ["", "item", "gap", "question", "said"],
        [("✓" if p.same else "✗", p.item, nats(p.gap), p.question, p.said) for p in recall.probes],
    )
    click.echo(f"word for word {recall.same:.0%}, mean gap {nats(recall.gap)} nats/token")


@memory.command()
@click.argument("text")
@chosen
@as_json
def compare(text: str, name: str, as_json: bool) -> None:
    """Answer TEXT with the bare base and with memory, side by side; nothing is saved.

    What memory made likelier is marked: in colour on a terminal, in [brackets] elsewhere.
    """
    with opened(name, writable=False) as held:
        from mlxdyn.chat.conversation import Session
        from mlxdyn.config import ChatConfig
        from mlxdyn.memory.store.ledger import Ledger

        session = Session(held.model, held, Ledger(None), ChatConfig(), temporary=True)
        compared = next(session.compare(text))
    if as_json:
        print_json(_compared(compared))
    else:
        table(["base", "with memory"], [(compared.base, _marked(compared))])


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "question": compared.question,
        "base": compared.base,
        "memory": "".join(piece.text for piece in compared.memory).strip(),
        "tokens": [asdict(piece) for piece in compared.memory],
    }


def _marked(compared: Compared) -> Text:
    """The memory's answer, with what memory made likelier in the colour of growth."""
    from rich.text import Text

    from mlxdyn.engine.messages import marked

    shown, coloured = Text(), sys.stdout.isatty()
    for words, likelier in marked(compared.memory):
        if likelier and not coloured:
            words = f"[{words}]"
        shown.append(words, style="bold green underline" if likelier else "")
    return shown


@memory.command()
@click.argument("other")
@chosen
@as_json
def diff(other: str, name: str, as_json: bool) -> None:
    """List what one of two memories learned and the other did not.

    With what both make of it: nll of the message's words, in nats per token, lower is better known.
    """
    from mlxdyn.model.device import prepare

    ledger = open_ledger()
    rows = [find(ledger, name), find(ledger, other)]
    if rows[0].fingerprint != rows[1].fingerprint:
        raise MlxdynError(f"{other!r} was learned on another base than {name!r}")
    prepare()
    from mlxdyn.memory.lifecycle import compare
    from mlxdyn.model.load import load

    model, learned = load(rows[0].model), settings.personal()
    differences = compare(rows[0], rows[1], model, ledger, personal=learned)
    if as_json:
        print_json([d._asdict() for d in differences])
    elif not differences:
        click.echo(f"{name!r} and {other!r} learned the same messages.")
    else:
        table(
            ["only", "message", f"nll {name}", f"nll {other}", "text"],
            [(d.only, d.message, nats(d.nll), nats(d.nll_other), d.text) for d in differences],
            wide="text",
        )


@memory.command()
@chosen
@as_json
@click.option("--quick", is_flag=True, help="Only checksums and the ledger's own integrity.")
@click.option("--repair", is_flag=True, help="Make the weights anew from the ledger.")
def verify(name: str, as_json: bool, quick: bool, repair: bool) -> None:
    """Replay the ledger, compare bitwise, and check every checksum."""
    with _alone(name, writing=repair), opened(name, writable=repair) as held:
        with progress("Verifying") as tick:
            problems = held.verify(tick, replay=not quick)
        left = _repaired(held, quick) if problems and repair else problems
        updates = held.ledger.totals(held.row.id).updates
    if as_json:
        print_json({"clean": not problems, "problems": problems, "updates": updates})
    elif not problems:
        how = "files are sound" if quick else "replayed to the same bits"
        click.echo(f"Clean: {updates} updates, {how}.")
    for problem in problems:
        click.echo(harmless(problem), err=True)
    if left:
        raise MlxdynError(_verdict(left, tried=repair))
    if problems:
        click.echo(
            "Repaired: the weights and how each lesson went were made anew from the ledger.",
            err=True,
        )


@contextmanager
def _alone(name: str, *, writing: bool) -> Iterator[None]:
    """Keep others from changing the memory; on a disk that nobody can write they cannot."""
    from mlxdyn.memory.directory import held

    if writing or not memory_directory(name, make=False).is_dir():
        yield  # opening it does so, or says that there is none
        return
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(held(name))
        yield


def _repaired(held: Memory, quick: bool) -> list[str]:
    """Make the weights anew; return what is wrong after that."""
    if held.ledger.integrity() == "ok":
        with progress("Repairing") as tick:
            held.rebuild(tick)
    with progress("Verifying") as tick:
        return held.verify(tick, replay=not quick)


def _verdict(problems: list[str], *, tried: bool) -> str:
    from mlxdyn.memory.memory import NEARLY

    if tried:
        return (
            f"the memory cannot be repaired ({problems[0]}); bring back a bundle of it, or a "
            "backup of the ledger"
        )
    repair = "`mlxdyn memory verify --repair` rebuilds it"
    if all(NEARLY in problem for problem in problems):
        return f"the memory is not damaged, but another version or machine made it; {repair}"
    return f"the memory is not sound; {repair}"


def _shown(ledger: Ledger, row: MemoryRow) -> dict[str, Any]:
    totals = ledger.totals(row.id)
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
        "learning": {"pending": len(ledger.pending(row.id)), **row.adapter, **row.learner},
        "study": row.study,
    }


def _brief(shown: dict[str, Any]) -> tuple[Any, ...]:
    names = ("updates", "tokens_learned", "items", "bytes")
    return (shown["name"], Path(shown["model"]).name, *(f"{shown[name]:,}" for name in names))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {v}" for k, v in value.items())
    return f"{value:,}" if isinstance(value, int) else str(value)
