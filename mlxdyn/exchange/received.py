"""A stranger's ledger: rows of known tables and columns, checked one by one, copied into RAM.

Nothing in the file is run: no trigger, no view, no function of the one who made it. What is of
another kind or size than mlxdyn writes is named, and nothing of such a ledger is kept.
"""

import math
import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from mlxdyn.config import OPTIMIZERS, AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.adapter import ALLOWED_RANKS, MOST_SCALE
from mlxdyn.memory.lessons import chunk_fault, example_fault
from mlxdyn.memory.store.database import migrate, reason
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import NEWEST, OLDEST
from mlxdyn.memory.store.records import Damaged, MemoryRow

TABLES = (
    "memories", "conversations", "messages", "items", "edits", "examples", "depends", "supersedes",
    "events", "updates", "snapshots",
)  # fmt: skip
"""What makes up a memory, in all versions of the schema; each names only those before it."""

SQL_TYPES: dict[str, Any] = {"INTEGER": int, "REAL": float | int, "TEXT": str, "BLOB": bytes}
LARGE_VALUE = 10_000_000
LONGEST_VALUE = {"text": 1_000_000, "anchors": LARGE_VALUE, "chunks": LARGE_VALUE} | dict.fromkeys(
    ("prompt", "target", "likely"), LARGE_VALUE
)
"""Characters, or bytes, that a value of a column may have; of others a tenth of the least."""

WEIGHT_FILE = r"[A-Za-z0-9][A-Za-z0-9_-]{0,60}\.safetensors"
LINKS = {
    "SELECT min(m.id) FROM messages m LEFT JOIN messages p ON p.id = m.parent AND p.id < m.id"
    " AND p.conversation = m.conversation WHERE m.parent IS NOT NULL AND p.id IS NULL":
        "message {} follows none before it in its conversation",
    "SELECT min(c.id) FROM conversations c LEFT JOIN messages m ON m.id = c.head"
    " AND m.conversation = c.id WHERE c.head IS NOT NULL AND m.id IS NULL":
        "conversation {} ends with a message that is not in it",
    "SELECT min(id) FROM messages WHERE uid IS NULL":
        "message {} has no identity",
}  # fmt: skip
"""What finds a message without a place of its own, or a link that leads elsewhere, and its name."""

SIGNED = ("nll_before", "nll_after", "drift", "divergence", "gradient_norm", "rate")
TIME = r"[0-9TZ:. +-]{4,40}"
PATTERNS: dict[tuple[str, str], str] = {
    ("conversations", "created"): TIME,
    ("messages", "created"): TIME,
    ("events", "time"): TIME,
    ("messages", "role"): "user|assistant",
    ("messages", "uid"): "[0-9a-f]{16}",
    ("items", "source"): "[a-z][a-z -]{0,30}",
    ("examples", "uid"): "[0-9a-f]{16}",
    ("updates", "kind"): "words|study|consolidation",
    ("snapshots", "file"): WEIGHT_FILE,
    ("snapshots", "sha256"): "[0-9a-f]{64}",
    ("memories", "origin"): "[0-9a-f]{64}",
    ("memories", "fingerprint"): "[0-9a-f-]{8,99}",
    ("memories", "name"): r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}",
}
STEPS, LARGEST = range(100_001), 1e12
ADAPTER, LEARNER, STUDY = AdapterConfig(), LearnerConfig(), StudyConfig()


def received(path: Path) -> tuple[Ledger, MemoryRow]:
    """Read the one memory that the ledger at `path` holds.

    Raises MlxdynError, one sentence that names the place, for anything that mlxdyn would not write.
    """
    try:
        with closing(_untouched(path)) as source:
            ledger = _copied(source)
    except (sqlite3.Error, OSError, ValueError, RecursionError) as error:
        said = reason(error) if isinstance(error, sqlite3.Error) else str(error)
        raise _wrong(said) from error
    with _theirs():
        rows = ledger.memories.all()
    if len(rows) != 1:
        raise MlxdynError(f"the bundle holds {len(rows)} memories, not one; export it again")
    _check_recipe(rows[0])
    return ledger, rows[0]


def check_lessons(ledger: Ledger, memory: int, tokens: int) -> None:
    """Raise MlxdynError for a lesson that a base of so many `tokens` cannot carry out."""
    with _theirs():
        events, rows = ledger.events.all(memory, active=False), ledger.examples.all(memory)
    for event in events:
        lesson = event.lesson
        for chunk in lesson.chunks:
            fault = chunk_fault(chunk, tokens)
            if not fault and not all(abs(weight) < LARGEST for weight in chunk.weights or ()):
                fault = "a weight that is not finite, or too large"
            if fault:
                raise _wrong(f"lesson {event.id} holds {fault}")
        if lesson.steps not in STEPS:
            raise _wrong(f"lesson {event.id} takes {lesson.steps} steps")
    for row in rows:
        if fault := example_fault(row.example, tokens):
            raise _wrong(f"example {row.id} holds {fault}")


def _untouched(path: Path) -> sqlite3.Connection:
    """Open a ledger by its own bytes alone: a journal beside it could name files to remove."""
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)


def _copied(source: sqlite3.Connection) -> Ledger:
    for pragma in ("trusted_schema = OFF", "cell_size_check = ON", "query_only = ON"):
        source.execute(f"PRAGMA {pragma}")
    version = source.execute("PRAGMA user_version").fetchone()[0]
    if version > NEWEST:
        raise MlxdynError(
            f"the bundle was written by a newer mlxdyn (schema {version}); update mlxdyn"
        )
    if version < OLDEST:
        raise _wrong("it is no ledger of mlxdyn")
    sound = source.execute("PRAGMA quick_check").fetchone()[0]
    if sound != "ok":
        raise _wrong(str(sound))
    ram = sqlite3.connect(":memory:", isolation_level=None)
    migrate(ram, 0, version)
    for table in filter(lambda name: _columns(ram, name), TABLES):
        _copy(source, ram, table)
    if lost := ram.execute("PRAGMA foreign_key_check").fetchone():
        raise _wrong(f"row {lost[1]} of {lost[0]} names one of {lost[2]} that is not there")
    ledger = Ledger(None)
    ledger.database.take(ram)
    for links, fault in LINKS.items():
        if (row := ledger.database.value(links)) is not None:
            raise _wrong(fault.format(row))
    ledger.messages.mark_imported()
    return ledger


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, table: str) -> None:
    """Copy a table's rows by the columns that it should have."""
    columns = _columns(target, table)
    names = ", ".join(columns)
    made = source.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", (table,)
    ).fetchone()
    if not made or not re.match(r"CREATE TABLE\b", str(made[0])):
        raise _wrong(f"it has no table {table}")
    if missing := set(columns) - set(_columns(source, table)):
        raise _wrong(f"its table {table} has no column {min(missing)}")
    holes = ", ".join("?" * len(columns))
    for row in source.execute(f"SELECT {names} FROM {table} ORDER BY rowid"):
        _check_row(table, columns, row)
        target.execute(f"INSERT INTO {table} ({names}) VALUES ({holes})", row)


def _columns(db: sqlite3.Connection, table: str) -> dict[str, str]:
    """Give the declared kind of each column of a table; none where there is no such table."""
    return {row[1]: row[2] for row in db.execute(f"PRAGMA table_info({table})")}


def _check_row(table: str, columns: dict[str, str], row: Sequence[Any]) -> None:
    for (name, kind), value in zip(columns.items(), row, strict=True):
        if value is not None and (fault := _fault(table, name, kind, value)):
            raise _wrong(f"{name} of row {row[0]!r:.20} of {table} {fault}")


def _fault(table: str, name: str, kind: str, value: Any) -> str:
    """Say what is wrong with a value; "" if nothing is."""
    if not isinstance(value, SQL_TYPES[kind]):
        return f"is {_told(value)}, not {kind.lower()}"
    if isinstance(value, str | bytes):
        most = LONGEST_VALUE.get(name, min(LONGEST_VALUE.values()) // 10)
        wanted = PATTERNS.get((table, name))
        if wanted and not (isinstance(value, str) and re.fullmatch(wanted, value)):
            return f"is {_told(value)}"
        unit = "characters" if isinstance(value, str) else "bytes"
        return f"has {len(value):,} {unit}, more than {most:,}" if len(value) > most else ""
    if not math.isfinite(number := float(value)):
        return "is not finite"
    return f"is {value}, less than 0" if number < 0 and name not in SIGNED else ""


def _told(value: object) -> str:
    return f"{type(value).__name__} {value!r:.40}"


def _check_recipe(row: MemoryRow) -> None:
    """Raise MlxdynError for knobs of another kind or range than any that can be set."""
    recipe = ((ADAPTER, row.adapter), (LEARNER, row.learner), (STUDY, row.study))
    for usual, told in recipe:
        for name, value in told.items():
            if not _usable(name, value, getattr(usual, name)):
                raise _wrong(f"the memory was made with {name} {value!r:.40}")


def _usable(name: str, value: Any, usual: Any) -> bool:
    """Tell whether a knob has the kind of its `usual` value, within all bounds."""
    if isinstance(usual, tuple):
        return isinstance(value, list | tuple) and all(_usable(name, v, 1.0) for v in value)
    if isinstance(usual, bool | str):
        wanted = {"adapt": ("lora",), "optimizer": OPTIMIZERS}.get(name, (value,))
        # A range of layers is counted out before it is compared with the model.
        counted = name == "layers" and re.search(r"\d{5}", str(value))
        return type(value) is type(usual) and value in wanted and not counted
    if isinstance(value, bool) or not isinstance(value, type(usual) | int):
        return False
    bounds = {"rank": value in ALLOWED_RANKS, "scale": 0 < abs(value) <= MOST_SCALE, "seed": True}
    unbounded = name.startswith("max_") and value == math.inf  # of the guard
    return bool(bounds.get(name, unbounded or 0 <= value < LARGEST))


@contextmanager
def _theirs() -> Iterator[None]:
    """Say of a row that cannot be read that it is the bundle's, not one's own."""
    try:
        yield
    except Damaged as error:
        raise _wrong(f"where it tells of {error.what}") from error


def _wrong(what: str) -> MlxdynError:
    return MlxdynError(f"the ledger in the bundle is damaged: {what}; export it again")
