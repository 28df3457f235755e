"""Which files a TEXT means, and in which order they are read; opens none but the index."""

import csv
import io
import os
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import read_text

Order = Literal["name", "date", "shuffle"]

ORDERS: tuple[Order, ...] = ("name", "date", "shuffle")
TEXT_SUFFIXES = (".txt", ".md", ".jsonl")  # in a directory, with or without .gz
STDIN = "-"

DATED = re.compile(r"(\d{4}(?:-\d\d){0,2})[_-]")  # 1813_1342.txt, 2004-11-15_03.txt
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")  # not \t, \n
DATES, FILES = ("date", "year"), ("file", "path", "name", "id")  # columns of an index


@dataclass(frozen=True, slots=True)
class Refused:
    """A TEXT, or a part of one, that cannot be evaluated, and why."""

    path: str
    reason: str


def visible(text: str) -> str:
    """Write control characters as escapes: a file's name must not drive a terminal."""
    return CONTROL.sub(lambda found: ascii(found[0])[1:-1], text)


def files(arguments: Iterable[str]) -> Iterator[str | Refused]:
    """Name every file meant: each argument in order, a directory's files sorted by path."""
    for argument in arguments:
        if argument != STDIN and Path(argument).is_dir():
            yield from _below(argument)
        else:
            yield argument


def _below(directory: str) -> Iterator[str | Refused]:
    found: list[Path] = []
    closed: list[OSError] = []
    for folder, _, names in os.walk(directory, onerror=closed.append):
        found += (Path(folder, name) for name in names if is_text(name))
    odd = [path for path in found if path.exists() and not path.is_file()]
    for error in closed:
        yield Refused(str(error.filename), f"it cannot be read: {error.strerror or error}")
    if not found and not closed:
        yield Refused(directory, f"the directory holds no {', '.join(TEXT_SUFFIXES)} or .gz of one")
    yield from (Refused(str(path), "it is a pipe or device, not a file") for path in sorted(odd))
    yield from (str(path) for path in sorted(found) if path not in odd)


def is_text(name: str) -> bool:
    return name.lower().removesuffix(".gz").endswith(TEXT_SUFFIXES)


def dated(paths: Sequence[str], index: str | None = None) -> tuple[list[str], list[str]]:
    """Sort `paths` by date; return those without one, which come last, a second time.

    A date is YEAR, YEAR-MM or YEAR-MM-DD before a `_` at the start of a file's name, unless the
    TSV file `index` names one. Raises MlxdynError when the index cannot be used.
    """
    known = _index(index) if index else {}
    found = {path: _date(Path(path), known) for path in paths}
    undated = [path for path in paths if found[path] is None]
    return sorted(paths, key=lambda path: (found[path] is None, found[path] or "")), undated


def shuffled(paths: Sequence[str], seed: int) -> list[str]:
    return random.Random(seed).sample(list(paths), len(paths))


def _date(path: Path, known: dict[str, str]) -> str | None:
    name = path.name.removesuffix(".gz")
    stem = Path(name).stem
    for key in (path.name, name, stem, stem.rpartition("_")[2]):
        if key in known:
            return known[key]
    match = DATED.match(name)
    return match[1] if match else None


def _index(file: str) -> dict[str, str]:
    """Read the dates that a TSV gives, by file name and by id."""
    try:
        lines = io.StringIO(read_text(Path(file)), newline="")
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    except (OSError, ValueError, csv.Error) as error:
        raise MlxdynError(f"the index {file} cannot be read: {sentence(error)}") from error
    columns = [name for name in (rows[0] if rows else ()) if name]
    date = next((name for name in columns if name.lower() in DATES), None)
    keys = [name for name in columns if name.lower().rpartition("_")[2] in FILES]
    if date is None or not keys:
        raise MlxdynError(
            f"the index {file} needs a first line of tab-separated names, one of them year or "
            "date and one of them file, path, name or id"
        )
    pairs = ((Path(row[key] or "").name, _padded(row[date] or "")) for row in rows for key in keys)
    return {name: day for name, day in pairs if name and day}


def _padded(date: str) -> str:
    """Let years sort as text: 800 is 0800."""
    year, dash, rest = date.strip().partition("-")
    return year.rjust(4, "0") + dash + rest if year else ""
