"""The text of an evaluation: what TEXT means, as documents and then as streams of tokens."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict, TypeVar

import click

from mlxdyn.lab import catalog, tasks
from mlxdyn.lab.catalog import visible

if TYPE_CHECKING:
    from mlxdyn.lab.streams import Stream
    from mlxdyn.model.load import Model

T = TypeVar("T")
LARGE_TEXT = 4 * 2**20  # bytes of a text that is read for an hour or so


class TextOptions(TypedDict):
    """The part of the command line that says what is read."""

    experiment: str | None
    order: catalog.Order
    index: str | None
    strip_gutenberg: bool
    skip: int
    limit: int | None
    limit_each: int | None
    tune_limit: int | None
    seed: int


def documents(
    texts: tuple[str, ...], options: TextOptions
) -> Iterable[tasks.Document | tasks.Refused | tasks.Noted]:
    if options["experiment"] == "history":
        return _history()
    how = replace(_how(options), order=options["order"], index=options["index"])
    return tasks.read(texts, sys.stdin.buffer, limit=least(options), how=how)


def aside(
    texts: tuple[str, ...], options: TextOptions
) -> Iterable[tasks.Document | tasks.Refused | tasks.Noted]:
    """Read the text to choose on, cut like the other but in the order it was named."""
    limit = least(for_tuning(options))
    return tasks.read(texts, sys.stdin.buffer, limit=limit, how=_how(options))


def for_tuning(options: TextOptions) -> TextOptions:
    """The limits of --tune text: its own for each of them, or those of TEXT."""
    if options["tune_limit"] is None:
        return options
    return {**options, "limit": None, "limit_each": options["tune_limit"]}


def without(
    aside: list[tasks.Document],
    found: Iterable[tasks.Document | tasks.Refused | tasks.Noted],
) -> Iterator[tasks.Document | tasks.Refused | tasks.Noted]:
    """Leave out of the result what choices are made on, as far as a file's hash tells."""
    known = {document.sha256 for document in aside}
    for item in found:
        if isinstance(item, tasks.Document) and item.sha256 in known:
            yield tasks.Refused(item.path, tasks.ASIDE)
        else:
            yield item


def _how(options: TextOptions) -> tasks.Reading:
    return tasks.Reading(
        strip_gutenberg=options["strip_gutenberg"], skip=options["skip"], seed=options["seed"]
    )


def least(options: TextOptions) -> int | None:
    """The most tokens that can be read of any one text."""
    return min(filter(None, (options["limit"], options["limit_each"])), default=None)


def _history() -> Iterator[tasks.Document]:
    from mlxdyn.files import data_dir
    from mlxdyn.lab import history
    from mlxdyn.memory.store.ledger import Ledger

    path = data_dir(make=False) / "mlxdyn.db"
    if path.exists():
        ledger = Ledger(path, writable=False)
        try:
            yield from history.documents(ledger)
        finally:
            ledger.close()


def nothing(options: TextOptions) -> str:
    if options["experiment"] == "history":
        return "there are no saved chats yet; `mlxdyn chat` begins one"
    return "no text is left to evaluate; name a UTF-8 text file with some words"


def readable(found: Iterable[T | tasks.Refused | tasks.Noted]) -> Iterator[T]:
    """Pass on what can be evaluated and name what cannot."""
    for item in found:
        if isinstance(item, tasks.Refused):
            click.echo(visible(f"skipped {item.path}: {item.reason}"), err=True)
        elif isinstance(item, tasks.Noted):
            click.echo(visible(f"note {item.path}: {item.reason}"), err=True)
        else:
            yield item


def streams_of(
    model: Model,
    documents: Iterable[tasks.Document],
    options: TextOptions,
    aside: Sequence[Stream] = (),
) -> list[Stream]:
    """Encode until the limits are reached, and leave out what is `aside`."""
    from mlxdyn.lab.streams import encode

    left, each = options["limit"], options["limit_each"]
    if least(options) is None:
        documents = map(_said_if_large, documents)
    if each is None:
        return list(readable(encode(model, documents, left, aside)))
    streams: list[Stream] = []
    for document in documents:
        most = each if left is None else min(each, left)
        streams += readable(encode(model, [document], most, aside))
        read = sum(len(stream.tokens) for stream in streams)
        if options["limit"] is not None and (left := options["limit"] - read) < 2:
            break
    return streams


def _said_if_large(document: tasks.Document) -> tasks.Document:
    if document.bytes > LARGE_TEXT:
        size = f"{document.bytes / 2**20:.0f} MB is read to its end"
        said = f"note {document.path}: {size}; --limit TOKENS reads its start"
        click.echo(visible(said), err=True)
    return document
