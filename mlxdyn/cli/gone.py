"""What is said once something is forgotten or deleted: what is left, and what takes that away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from mlxdyn import settings
from mlxdyn.cli.open import say
from mlxdyn.engine import messages

if TYPE_CHECKING:
    from mlxdyn.memory.remains import Remains


def say_told(name: str, still: Sequence[int], others: Mapping[str, Sequence[int]]) -> None:
    """Name the messages that tell it again, here and in other memories."""
    if still:
        ids_left, many = " ".join(map(str, still)), messages.counted(len(still), "message")
        click.echo(
            f"What was forgotten is told again elsewhere ({many}): "
            f"mlxdyn memory forget {ids_left} --memory {name}",
            err=True,
        )
    for other, copies in others.items():
        held_as = " ".join(map(str, copies))
        click.echo(
            f"Memory {other!r} holds a copy: mlxdyn memory forget {held_as} --memory {other}",
            err=True,
        )


def say_left(name: str, rest: Remains, *, set_too: bool) -> None:
    """Name what is no message and has the words of the forgotten, each with what takes it away."""
    for item in rest.items:
        take = f"mlxdyn memory edit {item} --delete --memory {name}"
        click.echo(f"Study item {item} has words of it: {take}", err=True)
    for chat in rest.titles:
        where = f"rename it in `mlxdyn chat --memory {name}`, Ctrl+O"
        click.echo(f"The title of chat {chat} has words of it: {where}", err=True)
    if set_too:
        click.echo(f"The settings have words of it: edit {settings.path()}", err=True)


def say_gone(sentence: str, as_json: bool, erased: bool, **facts: Any) -> None:
    """Say what is gone, and whether its text has left the disk."""
    from mlxdyn.memory.directory import set_aside

    how = "the text is erased" if erased else "the text is not erased from the disk yet"
    say(f"{sentence}; {how}.", as_json, **facts, erased=erased)
    if not erased:
        click.echo(
            "The disk is full or another program reads the ledger; mend that, and the next command "
            "erases the text.",
            err=True,
        )
    for aside in set_aside():
        click.echo(messages.set_aside(aside), err=True)
