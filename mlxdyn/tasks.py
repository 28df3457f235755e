"""Evaluation data as plain values: files, directories and standard input become documents."""

import codecs
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SUFFIXES = (".txt", ".md")  # what counts as text inside a directory
STDIN = "-"
BYTES_PER_TOKEN = 1024  # no tokenizer in use has a longer token


@dataclass(frozen=True, slots=True)
class Document:
    """A text and where it came from."""

    path: str
    text: str  # all of it, or its start when a limit made the rest superfluous
    sha256: str  # of the whole file; of what was read from standard input
    bytes: int  # likewise


@dataclass(frozen=True, slots=True)
class Refused:
    """A TEXT that cannot be evaluated, and why."""

    path: str
    reason: str


def read(
    arguments: Iterable[str], stdin: BinaryIO, *, limit: int | None = None
) -> Iterator[Document | Refused]:
    """Read every TEXT in order; with `limit`, only as much of each as that many tokens can need."""
    most = -1 if limit is None else limit * BYTES_PER_TOKEN
    for argument in arguments:
        for path in _files(argument):
            yield _read(path, stdin, most)


def _files(argument: str) -> list[str]:
    path = Path(argument)
    if argument == STDIN or not path.is_dir():
        return [argument]
    found = sorted(p for p in path.rglob("*") if p.suffix.lower() in SUFFIXES and p.is_file())
    return [str(p) for p in found] or [argument]


def _read(path: str, stdin: BinaryIO, most: int) -> Document | Refused:
    try:
        if path == STDIN:
            data, name = stdin.read(most), "standard input"
            digest, size = hashlib.sha256(data).hexdigest(), len(data)
        else:
            data, digest, size = _read_file(Path(path), most)
            name = path
    except FileNotFoundError:
        return Refused(path, "there is no such file")
    except IsADirectoryError:
        return Refused(path, f"the directory holds no {' or '.join(SUFFIXES)} file")
    except OSError as error:
        return Refused(path, f"it cannot be read: {error.strerror or error}")
    return _document(name, data, digest, size)


def _read_file(path: Path, most: int) -> tuple[bytes, str, int]:
    with path.open("rb") as stream:
        data = stream.read(most)
        whole = hashlib.sha256(data)
        size = len(data)
        while rest := stream.read(2**20):
            whole.update(rest)
            size += len(rest)
    return data, whole.hexdigest(), size


def _document(name: str, data: bytes, digest: str, size: int) -> Document | Refused:
    if not data.strip():
        return Refused(name, "it is empty")
    if b"\0" in data:
        return Refused(name, "it is binary (it holds NUL bytes)")
    try:
        decoder = codecs.getincrementaldecoder("utf-8-sig")()
        text = decoder.decode(data, final=len(data) == size and name != STDIN)
    except UnicodeDecodeError as error:
        return Refused(name, f"it is not UTF-8 text (byte {error.start}); convert it first")
    return Document(name, text.replace("\r\n", "\n"), digest, size)
