"""`mlxdyn memory`: change what was learned, always from the ledger up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.cli.gone import say_gone, say_left, say_told
from mlxdyn.cli.open import (
    ROW_ID,
    agreed,
    as_json,
    chosen,
    confirm,
    filtered,
    find,
    nats,
    open_ledger,
    opened,
    print_json,
    progress,
    say,
    sure,
    table,
)
from mlxdyn.engine.messages import clipped, counted, reason
from mlxdyn.errors import MlxdynError
from mlxdyn.files import room

if TYPE_CHECKING:
    from mlxdyn.engine.events import Message
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.memory.store.records import EventRow, MemoryRow


@click.command()
@chosen
@as_json
def undo(name: str, as_json: bool) -> None:
    """Take back, bitwise, what the last lesson taught; again for the one before.

    A message that waits to be learned goes first: it will not be learned.
    """
    from mlxdyn.memory import history

    with opened(name) as held:
        taken = history.take_back(held)
        if taken is None:
            raise MlxdynError(f"memory {name!r} holds nothing to undo")
        _tell(
            held, taken, as_json, done="undone",
            lesson="Undone: {}. `mlxdyn memory redo` brings it back.",
            waiting="Will not be learned: {}. `mlxdyn memory redo` lets it wait again.",
        )  # fmt: skip


@click.command()
@chosen
@as_json
def redo(name: str, as_json: bool) -> None:
    """Bring back the lesson that was undone last, if nothing was learned since."""
    from mlxdyn.memory import history

    with opened(name) as held:
        with progress("Replaying") as tick:
            taken = history.bring_back(held, tick)
        if taken is None:
            raise MlxdynError(f"memory {name!r} holds nothing to redo")
        _tell(
            held, taken, as_json, done="redone",
            lesson="Learned again: {}.", waiting="Waits again for the next chat: {}.",
        )  # fmt: skip


def _tell(
    held: Memory, taken: EventRow | Message, as_json: bool, *, done: str, lesson: str, waiting: str
) -> None:
    """Say which lesson, or which message that waits to be one, was undone or redone."""
    from mlxdyn.memory.store.records import EventRow

    if isinstance(taken, EventRow):
        said, kind, id, time = lesson, str(taken.lesson.kind), taken.lesson.message, taken.time
    else:
        said, kind, id, time = waiting, "waiting", taken.id, ""
    text = held.masked([id])[id].text if id else None
    what = "a study of all items" if text is None else f"message {id}, “{clipped(text, 60)}”"
    facts = {"kind": kind, "message": id, "text": text, "time": time or None}
    say(said.format(what), as_json, **{done: facts})


@click.command()
@click.argument("messages", metavar="[ID]...", nargs=-1, type=ROW_ID)
@chosen
@filtered
@click.option(
    "--repeated/--not-repeated", default=None,
    help="Forget later messages that repeat what these told too, or let them be.  [default: ask; "
    "with --yes they are named, and stay]",
)  # fmt: skip
@sure
@as_json
def forget(
    messages: tuple[int, ...],
    name: str,
    search: str | None,
    conversation: int | None,
    since: str | None,
    until: str | None,
    repeated: bool | None,
    yes: bool,
    as_json: bool,
) -> None:
    """Forget messages exactly: the memory becomes, bitwise, one that never learned them.

    By ID (the log's "message"), or all that --search, --conversation, --since and --until choose.
    The replies to them go too, and the text is erased from the files. There is no way back.
    """
    from mlxdyn.memory import history
    from mlxdyn.memory.echoes import echoes, telling
    from mlxdyn.memory.remains import remains
    from mlxdyn.memory.store.records import Filter

    ledger = open_ledger()
    row = find(ledger, name)
    wanted = Filter(search, conversation, since, until)
    if not messages and wanted == Filter():
        raise click.UsageError("name messages, or choose them with --search or the like")
    found = _by_id(messages, ledger, row)
    found += ledger.messages.search(row.id, wanted) if wanted != Filter() else []
    ids = list(dict.fromkeys(message.id for message in found))
    if not ids:
        raise MlxdynError("nothing matches; nothing was forgotten")
    left = echoes(ledger, row.id, ids)
    if not yes:
        _ask(ledger, row, found)
    if left and (repeated if repeated is not None else not yes and _too(ledger, row, left)):
        ids, left = [*ids, *(message.id for message in left)], []
    others, words = ledger.messages.holders(ids, row.id), telling(ledger, row.id, ids)
    ledger.close()
    with room(), opened(name) as held, progress("Replaying") as tick:
        lessons = history.forget(held, ids, tick)
        erased = held.ledger.database.erased()
        rest = remains(held.ledger, row.id, words, [message.id for message in left])
    set_too = words.held_by(settings.written())
    what = f"{counted(len(ids), 'message')}, {counted(lessons, 'lesson')}"
    still = [message.id for message in left]
    facts: dict[str, Any] = {
        "forgotten": ids, "lessons": lessons, "copies_in": [*others], "repeated_in": still,
        "items": [*rest.items], "titles": [*rest.titles], "settings": set_too,
    }  # fmt: skip
    say_gone(f"Forgotten: {what}", as_json, erased, **facts)
    say_told(name, still, others)
    say_left(name, rest, set_too=set_too)


def _by_id(messages: tuple[int, ...], ledger: Ledger, row: MemoryRow) -> list[Message]:
    found = {id: ledger.messages.find(id, row.id) for id in messages}
    missing = [str(id) for id, message in found.items() if message is None]
    if missing:
        raise MlxdynError(
            f"memory {row.name!r} holds no message {', '.join(missing)}; see `mlxdyn memory log`"
        )
    return [message for message in found.values() if message]


def _ask(ledger: Ledger, row: MemoryRow, found: list[Message]) -> None:
    _show(ledger, row, found)
    what = "this" if len(found) == 1 else f"these {len(found)}"
    confirm(f"Forget {what} for good, with the replies?")


def _too(ledger: Ledger, row: MemoryRow, left: list[Message]) -> bool:
    """Ask whether to forget what repeats the forgotten too."""
    _show(ledger, row, left)
    what = "This one tells it" if len(left) == 1 else f"These {len(left)} tell it"
    return agreed(f"{what} again. Forget that too?")


def _show(ledger: Ledger, row: MemoryRow, found: list[Message]) -> None:
    """Print messages, secrets masked."""
    from mlxdyn.memory.privacy import masked

    hidden = masked(ledger, row.id, [m.id for m in found], personal=settings.personal())
    table(
        ["message", "by", "text"],
        [(message.id, message.role, hidden[message.id].text) for message in found],
        wide="text",
    )


@click.command()
@chosen
@sure
@as_json
def reset(name: str, yes: bool, as_json: bool) -> None:
    """Begin an empty memory; the old one is kept under another name."""
    ledger = open_ledger(writable=True)
    find(ledger, name)
    if not yes:
        confirm(f"Empty memory {name!r}? (a backup stays)")
    from mlxdyn.memory.lifecycle import archive

    aside = archive(name, ledger)
    said = f"Memory {name!r} is empty. What it held is memory {aside!r}."
    say(said, as_json, memory=name, backup=aside)


@click.command()
@click.argument("name")
@sure
@as_json
def delete(name: str, yes: bool, as_json: bool) -> None:
    """Delete memory NAME with its chats and all that it learned; its text is erased from the files.

    There is no way back. Branches and backups of it stay.
    """
    from mlxdyn.memory.store.records import Filter

    ledger = open_ledger()
    row = find(ledger, name)
    messages = [message.id for message in ledger.messages.search(row.id, Filter())]
    others, what = ledger.messages.holders(messages, row.id), counted(len(messages), "message")
    if not yes:
        confirm(f"Delete memory {name!r} with {what} for good?")
    from mlxdyn.memory.lifecycle import delete

    ledger.close()
    with room():
        ledger = open_ledger(writable=True)
        delete(name, ledger)
    facts: dict[str, Any] = {"deleted": name, "messages": len(messages), "copies_in": [*others]}
    say_gone(f"Deleted: memory {name!r} with {what}", as_json, ledger.database.erased(), **facts)
    for other in others:
        click.echo(
            f"Memory {other!r} holds copies of its messages: mlxdyn memory delete {other}", err=True
        )


@click.command()
@click.argument("new")
@chosen
@as_json
def branch(new: str, name: str, as_json: bool) -> None:
    """Copy a memory to NEW, chats and items too; from then on both live on their own."""
    ledger = open_ledger(writable=True)
    find(ledger, name)
    from mlxdyn.memory.lifecycle import branch

    branch(name, new, ledger)
    said = f"Memory {new!r} is a copy of {name!r}. Use it: mlxdyn chat --memory {new}"
    say(said, as_json, memory=new, copy_of=name)


@click.command()
@click.argument("source")
@chosen
@sure
@as_json
def merge(source: str, name: str, yes: bool, as_json: bool) -> None:
    """Learn what SOURCE learned and this memory did not, in order of time, by replay.

    SOURCE stays as it is. What was learned after the first new lesson is learned again.
    """
    from mlxdyn.memory import history

    ledger = open_ledger()
    rows = [find(ledger, name), find(ledger, source)]
    if source == name:
        raise MlxdynError(f"{name!r} cannot merge with itself; name another memory")
    if rows[0].fingerprint != rows[1].fingerprint:
        raise MlxdynError(
            f"{source!r} was learned on another base than {name!r}; they cannot merge"
        )
    if not yes:
        confirm(f"Merge {source!r} into {name!r}?")
    ledger.close()
    with opened(name) as held, progress("Replaying") as tick:
        lessons = history.merge(held, source, tick)
    said = f"Merged: {counted(lessons, 'lesson')} from {source!r}."
    say(said, as_json, memory=name, source=source, lessons=lessons)


@click.command()
@chosen
@as_json
def study(name: str, as_json: bool) -> None:
    """Make the adapter anew from all study items.

    It replaces the old one if recall rises, or if it moves other answers much less.
    """
    with opened(name) as held:
        if not held.known_facts():
            raise MlxdynError(f"memory {name!r} has no study items yet; chat with it first")
        with progress("Studying") as tick:
            event = held.consolidate(tick)
        row = held.ledger.events.updates_at(event.id)[-1]
        items = len(held.known_facts())
    if as_json:
        print_json(
            {
                "accepted": row.accepted, "reason": reason(row.reason), "items": items,
                "steps": row.steps, "nll_before": row.nll_before, "nll_after": row.nll_after,
                "drift": row.drift,
            }
        )  # fmt: skip
    elif row.accepted:
        nll = f"nll {nats(row.nll_before)} -> {nats(row.nll_after)}"
        click.echo(f"Studied {counted(items, 'item')}: {nll}.")
    else:
        click.echo(f"The memory stays as it was: {reason(row.reason)}.")


@click.command()
@click.argument("item", type=ROW_ID)
@click.option("--question", metavar="TEXT", help="The new question.")
@click.option("--answer", metavar="TEXT", help="The new answer.")
@click.option("--delete", is_flag=True, help="Delete the item.")
@chosen
@as_json
def edit(
    item: int, question: str | None, answer: str | None, delete: bool, name: str, as_json: bool
) -> None:
    """Edit or delete study item ITEM, as if it had been so from the beginning."""
    from mlxdyn.memory import history
    from mlxdyn.memory.store.records import sanitize

    if not delete and question is None and answer is None:
        raise click.UsageError("say what changes: --question, --answer or --delete")
    if delete and not (question is None and answer is None):
        raise click.UsageError("--delete goes alone")
    question, answer = (text and sanitize(text).strip() for text in (question, answer))
    if "" in (question, answer):
        raise click.UsageError("an item needs a question and an answer; --delete takes it away")
    ledger = open_ledger()
    row = ledger.examples.find(item, find(ledger, name).id)
    ledger.close()
    if row is None:
        raise MlxdynError(f"memory {name!r} has no item {item}; see `mlxdyn memory items`")
    new = None if delete else (question or row.question, answer or row.answer)
    with opened(name) as held, progress("Replaying") as tick:
        history.change_example(held, row, new, tick)
    done = "deleted" if delete else "changed"
    shown = {"question": new[0], "answer": new[1]} if new else None
    say(f"Item {item} is {done}; the memory is as if it had been so all along.", as_json,
        item=item, now=shown)  # fmt: skip


COMMANDS = (undo, redo, forget, reset, delete, branch, merge, study, edit)
