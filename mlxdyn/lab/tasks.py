"""Evaluation data as plain values: files, directories and standard input become documents."""

import codecs
import gzip
import hashlib
import json
import os
import re
import stat
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from mlxdyn.lab import catalog
from mlxdyn.lab.catalog import STDIN, Order, Refused

__all__ = ["STDIN", "Document", "Noted", "Reading", "Refused", "read"]

ASIDE = "it is --tune text, or begins as it does, and is kept apart from the result"
BYTES_PER_TOKEN = 1024  # no tokenizer in use has a longer token
HEADER = 2**16  # bytes that a Gutenberg header surely fits
PIECE = 2**20  # bytes read at once: what a text claims to hold is not asked for in advance
HASHED = 2**26  # bytes of a file that are read for its hash alone, when a limit needs no more
LINE = 2**26  # bytes of the longest line of a .jsonl
BROKEN = (gzip.BadGzipFile, EOFError, zlib.error)

START = re.compile(r"^\*\*\* ?START OF TH[EI]S? PROJECT GUTENBERG[^*]{0,300}\*\*\*.*$", re.M | re.I)
OLD_START = re.compile(r"^\*END ?\*? ?THE SMALL PRINT!.*$", re.M | re.I)  # before about 2003
END = re.compile(
    r"^(?:\*\*\* ?END OF TH[EI]S? PROJECT GUTENBERG|End of (?:Th[ei]s? )?Project Gutenberg)",
    re.M | re.I,
)


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it came from."""

    path: str  # of its file; a line of a .jsonl has its number behind a colon
    text: str  # all of it, or its start when a limit made the rest superfluous
    sha256: str  # of the whole file, unzipped, or of what is left of it; of a line's text
    bytes: int  # likewise


@dataclass(frozen=True, slots=True)
class Noted:
    """Something about a TEXT that is read all the same."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """How TEXTs are read, beyond which."""

    order: Order = "name"
    index: str | None = None  # TSV file with dates
    strip_gutenberg: bool = False
    skip: int = 0  # characters at the start of each text (after the header) that are passed over
    seed: int = 0  # of the shuffle


def read(
    arguments: Iterable[str],
    stdin: BinaryIO,
    *,
    limit: int | None = None,
    how: Reading | None = None,
) -> Iterator[Document | Refused | Noted]:
    """Read every TEXT in order; with `limit`, only as much of each as that many tokens can need.

    Raises MlxdynError when the index of dates cannot be used.
    """
    how = how or Reading()
    most = -1 if limit is None else limit * BYTES_PER_TOKEN + 4 * how.skip
    if limit is not None and how.strip_gutenberg:
        most += HEADER
    for path in _ordered(arguments, how):
        if not isinstance(path, str):
            yield path
            continue
        for found in _read(path, stdin, most):
            yield from _trimmed(found, how) if isinstance(found, Document) else (found,)


def _ordered(arguments: Iterable[str], how: Reading) -> Iterator[str | Refused | Noted]:
    found = list(catalog.files(arguments))
    paths = [path for path in found if isinstance(path, str)]
    yield from (path for path in found if isinstance(path, Refused))
    if how.order == "date":
        paths, undated = catalog.dated(paths, how.index)
        yield from (Noted(path, "it has no date and is read last") for path in undated)
    elif how.order == "shuffle":
        paths = catalog.shuffled(paths, how.seed)
    yield from paths


def _read(path: str, stdin: BinaryIO, most: int) -> Iterator[Document | Refused]:
    try:
        if path == STDIN:
            yield _document("standard input", *_contents(stdin, most, whole=False))
        else:
            if most < 0 and _is_device(path):
                yield Refused(path, "it is a device; --limit TOKENS reads its start")
                return
            with _open(path) as stream:
                if path.lower().removesuffix(".gz").endswith(".jsonl"):
                    yield from _lines(path, stream)
                else:
                    yield _document(path, *_contents(stream, most, whole=os.path.isfile(path)))
    except FileNotFoundError:
        yield Refused(path, "there is no such file")
    except BROKEN:
        yield Refused(path, "it is no whole gzip file; unpack or download it again")
    except OSError as error:
        yield Refused(path, f"it cannot be read: {error.strerror or error}")


def _is_device(path: str) -> bool:
    """Tell whether a path is that of a device, which may have no end."""
    return stat.S_ISCHR(os.stat(path).st_mode)


def _start(stream: BinaryIO, most: int) -> bytes:
    """Read `most` bytes, or all where it is negative, piece by piece."""
    pieces, left = list[bytes](), most
    while left and (piece := stream.read(PIECE if left < 0 else min(PIECE, left))):
        pieces.append(piece)
        left -= len(piece) if left > 0 else 0
    return b"".join(pieces)


def _open(path: str) -> BinaryIO:
    if path.lower().endswith(".gz"):
        return cast(BinaryIO, gzip.open(path))
    return open(path, "rb")


def _contents(stream: BinaryIO, most: int, *, whole: bool) -> tuple[bytes, str, int, bool]:
    """Read what is needed; give it with the hash and size of the file, and whether it is all.

    The hash is of the `whole` file, so that runs of other limits on it are known as such; but of
    what was read where the file has no end, or one that is too far.
    """
    data = _start(stream, most)
    start, size = hashlib.sha256(data), len(data)
    further = start.copy()
    while whole and most >= 0 and (rest := stream.read(PIECE)):
        further.update(rest)
        size += len(rest)
        if size > most + HASHED:
            return data, start.hexdigest(), len(data), False
    complete = most < 0 or len(data) < most or (whole and size == len(data))
    return data, further.hexdigest(), size, complete


def _document(name: str, data: bytes, digest: str, size: int, complete: bool) -> Document | Refused:
    if not data.strip():
        return Refused(name, "it is empty")
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return Refused(name, "it is UTF-16, not UTF-8; convert it first")
    if b"\0" in data:
        return Refused(name, "it is binary (it holds NUL bytes)")
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        text = decoder.decode(data, final=complete)
    except UnicodeDecodeError as error:
        return Refused(name, f"it is not UTF-8 text (byte {error.start}); convert it first")
    return Document(name, text.replace("\r\n", "\n"), digest, size)


def _lines(path: str, stream: BinaryIO) -> Iterator[Document | Refused]:
    """Yield a document for each line of JSON; name the first line that is none, count the rest."""
    broken = number = 0
    while line := stream.readline(LINE):
        number += 1
        if len(line) == LINE and not line.endswith(b"\n"):
            yield Refused(f"{path}:{number}", f"it is longer than {LINE // 2**20} MiB")
            return
        if not line.strip():
            continue
        text = _text(line)
        if text:
            data = text.encode("utf-8", "replace")  # JSON may hold half a surrogate pair
            digest = hashlib.sha256(data).hexdigest()
            yield Document(f"{path}:{number}", data.decode(), digest, len(data))
            continue
        broken += 1
        if broken == 1:
            yield Refused(
                f"{path}:{number}", 'it is no JSON object with "text", "messages" or "turns"'
            )
    if broken > 1:
        yield Refused(path, f"{broken - 1} more of its {number} lines are not such objects")
    if not number:
        yield Refused(path, "it is empty")


def _text(line: bytes) -> str | None:
    try:
        value = json.loads(line.decode("utf-8-sig"), parse_int=float)  # of any length
    except (ValueError, RecursionError):
        return None
    if not isinstance(value, dict):
        return None
    if isinstance(text := value.get("text"), str):
        return text.strip() and text
    turns = value.get("messages") or value.get("turns")
    lines = [_turn(turn) for turn in turns] if isinstance(turns, list) else []
    return None if None in lines else "\n".join(map(str, lines))


def _turn(turn: Any) -> str | None:
    """Render a turn as `role: text`, from a pair or from an object with a role and a content."""
    match turn:
        case [str(role), str(text)]:
            return f"{role}: {text}"
        case {"role": str(role), "content": str(text)} | {"role": str(role), "text": str(text)}:
            return f"{role}: {text}"
        case {"role": str(role), "content": [*parts]}:
            texts = (part["text"] for part in parts if isinstance(part, dict) and "text" in part)
            return f"{role}: {' '.join(map(str, texts))}"
    return None


def _trimmed(document: Document, how: Reading) -> Iterator[Document | Refused | Noted]:
    """Take off what was asked: a Gutenberg header and licence, then characters."""
    path, text = document.path, document.text
    if how.strip_gutenberg:
        text, found = _without_licence(text)
        if not found:
            yield Noted(path, "it has no Gutenberg marks; nothing was stripped")
    text = text[how.skip :]
    if not text.strip():
        yield Refused(path, "nothing is left of it once its start is passed over")
    else:
        rest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest() if how.skip else ""
        yield Document(path, text, rest or document.sha256, document.bytes)


def _without_licence(text: str) -> tuple[str, bool]:
    """Return what lies between Project Gutenberg's marks, and whether there was one."""
    start = START.search(text) or OLD_START.search(text)
    end = END.search(text, start.end() if start else 0)
    return text[start.end() if start else 0 : end.start() if end else None].strip("\n"), bool(
        start or end
    )
