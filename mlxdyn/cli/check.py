"""`mlxdyn memory`: probe it, compare it, verify it; only a repair changes anything."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.cli.open import (
    as_json,
    chosen,
    find,
    nats,
    open_ledger,
    opened,
    print_json,
    progress,
    table,
)
from mlxdyn.engine.messages import escape_control
from mlxdyn.errors import MlxdynError
from mlxdyn.files import memory_directory

if TYPE_CHECKING:
    from rich.text import Text

    from mlxdyn.engine.events import Compared
    from mlxdyn.memory.memory import Memory


@click.command("probe")
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


@click.command()
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
        compared = session.compare(text)
    if as_json:
        print_json(_compared(compared))
    else:
        base = compared.base + _ending(compared.base_loops)
        table(["base", "with memory"], [(base, _marked(compared))])


def _compared(compared: Compared) -> dict[str, Any]:
    return {
        "question": compared.question,
        "base": compared.base,
        "memory": "".join(piece.text for piece in compared.memory).strip(),
        "tokens": [asdict(piece) for piece in compared.memory],
        "base_loops": compared.base_loops,
        "memory_loops": compared.memory_loops,
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
    return shown.append(_ending(compared.memory_loops))


def _ending(loops: bool) -> str:
    from mlxdyn.engine.messages import LOOPED

    return f" ({LOOPED})" if loops else ""


@click.command()
@click.argument("other")
@chosen
@as_json
def diff(other: str, name: str, as_json: bool) -> None:
    """List what one of two memories learned and the other did not.

    With what both make of it: nll of the message's words, in nats per token, lower is better known.
    """
    ledger = open_ledger()
    rows = [find(ledger, name), find(ledger, other)]
    if rows[0].fingerprint != rows[1].fingerprint:
        raise MlxdynError(f"{other!r} was learned on another base than {name!r}")
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


@click.command()
@chosen
@as_json
@click.option("--quick", is_flag=True, help="Only checksums and the ledger's own integrity.")
@click.option("--repair", is_flag=True, help="Make the weights anew from the ledger.")
def verify(name: str, as_json: bool, quick: bool, repair: bool) -> None:
    """Replay the ledger, compare bitwise, and check every checksum."""
    from mlxdyn.memory import history

    with _alone(name, writing=repair), opened(name, writable=repair) as held:
        with progress("Verifying") as tick:
            problems = history.verify(held, tick, replay=not quick)
        left = _repaired(held, quick) if problems and repair else problems
        updates = held.ledger.events.totals(held.row.id).updates
        made = held.snapshots.made_with()
    if as_json:
        print_json({"clean": not problems, "problems": problems, "updates": updates})
    elif not problems:
        how = "files are sound" if quick else "replayed to the same bits"
        click.echo(f"Clean: {updates} updates, {how}.")
    for problem in problems:
        click.echo(escape_control(problem), err=True)
    if left:
        raise MlxdynError(_verdict(left, made, tried=repair))
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
    from mlxdyn.memory import history

    if held.ledger.database.integrity() == "ok":
        with progress("Repairing") as tick:
            history.rebuild(held, tick)
    with progress("Verifying") as tick:
        return history.verify(held, tick, replay=not quick)


def _verdict(problems: list[str], made: list[str], *, tried: bool) -> str:
    from mlxdyn.memory.history import NEARLY
    from mlxdyn.model.device import arithmetic

    if tried:
        return (
            f"the memory cannot be repaired ({problems[0]}); bring back a bundle of it, or a "
            "backup of the ledger"
        )
    repair = "`mlxdyn memory verify --repair` rebuilds it"
    other = [escape_control(one) for one in made if one != arithmetic()]
    if other:
        repair += (
            f". It was made with {' and '.join(other)}; here is {arithmetic()}. Only where these "
            "are the same are the bits (OPENBLAS_CORETYPE and OPENBLAS_NUM_THREADS choose)"
        )
    if all(NEARLY in problem for problem in problems):
        return f"the memory is not damaged, but another version or machine made it; {repair}"
    return f"the memory is not sound; {repair}"


COMMANDS = (probe_memory, compare, diff, verify)
