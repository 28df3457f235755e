"""The record of every message and every update: SQLite, the truth; knows no MLX."""

import json
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.events import Chat, Message
from mlxdyn.stream import Chunk

MIGRATIONS = [
    """
    CREATE TABLE memories (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, created TEXT NOT NULL,
        model TEXT NOT NULL, fingerprint TEXT NOT NULL,
        adapter TEXT NOT NULL, learner TEXT NOT NULL,
        origin TEXT
    );
    CREATE TABLE conversations (
        id INTEGER PRIMARY KEY, memory INTEGER REFERENCES memories(id), created TEXT NOT NULL
    );
    CREATE TABLE messages (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        conversation INTEGER NOT NULL REFERENCES conversations(id),
        role TEXT NOT NULL, text TEXT NOT NULL, created TEXT NOT NULL,
        learning TEXT NOT NULL CHECK (learning IN ('none', 'pending', 'done'))
    );
    CREATE INDEX message_conversation ON messages(conversation);
    CREATE INDEX message_learning ON messages(learning);
    CREATE TABLE updates (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        memory INTEGER NOT NULL REFERENCES memories(id),
        message INTEGER NOT NULL REFERENCES messages(id),
        time TEXT NOT NULL, lesson TEXT NOT NULL, tokens INTEGER NOT NULL,
        nll_before REAL, nll_after REAL, gradient_norm REAL,
        accepted INTEGER NOT NULL, reason TEXT NOT NULL,
        undone INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX update_memory ON updates(memory, id);
    CREATE INDEX update_message ON updates(message);
    CREATE TABLE snapshots (
        id INTEGER PRIMARY KEY, memory INTEGER NOT NULL REFERENCES memories(id),
        upto INTEGER NOT NULL, file TEXT NOT NULL, sha256 TEXT NOT NULL
    );
    """,
]
"""Statements that lead from schema version i to i + 1."""


@dataclass(frozen=True, slots=True)
class MemoryRow:
    """One memory: the base it fits and the recipe of its adapter (JSON as plain values)."""

    id: int
    name: str
    created: str
    model: str
    fingerprint: str
    adapter: dict[str, Any]
    learner: dict[str, Any]
    origin: str | None  # sha256 of the imported adapter it started from


@dataclass(frozen=True, slots=True)
class UpdateRow:
    """One online step: what was learned, from which message, and how it went. Nats per token."""

    update: int
    time: str
    conversation: int
    message: int
    text: str
    tokens: int
    nll_before: float | None
    nll_after: float | None
    gradient_norm: float | None
    accepted: bool
    reason: str
    lesson: Chunk
    undone: bool


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A file that caches the memory as it was after update `upto`."""

    upto: int
    file: str
    sha256: str


class Ledger:
    """One connection; every public writing method is one durable transaction."""

    def __init__(self, path: Path | None) -> None:
        """Open or create the ledger at `path`; None keeps it in RAM and leaves no trace.

        Raises MlxdynError when the file is no ledger or comes from a newer mlxdyn.
        """
        try:
            if path is not None:
                os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
            self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=10)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")
            self._migrate(path)
        except (sqlite3.Error, OSError) as error:
            raise MlxdynError(f"the ledger {path} cannot be opened: {error}") from error

    def close(self) -> None:
        self._db.close()

    def _migrate(self, path: Path | None) -> None:
        with self.transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version > len(MIGRATIONS):
                raise MlxdynError(
                    f"{path} was written by a newer mlxdyn (schema {version}); update mlxdyn"
                )
            for script in MIGRATIONS[version:]:
                for statement in filter(str.strip, script.split(";")):
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside the block one durable step, or none of it."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def integrity(self) -> str:
        """Return "ok", or what SQLite found wrong with the file."""
        try:
            return str(self._db.execute("PRAGMA integrity_check").fetchone()[0])
        except sqlite3.Error as error:
            return str(error)

    # memories

    def memories(self) -> list[MemoryRow]:
        rows = self._db.execute("SELECT * FROM memories ORDER BY name").fetchall()
        return [
            MemoryRow(id, name, at, model, print_, json.loads(adapter), json.loads(learner), origin)
            for id, name, at, model, print_, adapter, learner, origin in rows
        ]

    def memory(self, name: str) -> MemoryRow | None:
        return next((row for row in self.memories() if row.name == name), None)

    def add_memory(
        self,
        name: str,
        model: str,
        fingerprint: str,
        adapter: dict[str, Any],
        learner: dict[str, Any],
        origin: str | None = None,
    ) -> MemoryRow:
        values = (
            name,
            _now(),
            model,
            fingerprint,
            json.dumps(adapter),
            json.dumps(learner),
            origin,
        )
        self._db.execute(
            "INSERT INTO memories (name, created, model, fingerprint, adapter, learner, origin)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            values,
        )
        row = self.memory(name)
        assert row is not None
        return row

    def rename_memory(self, memory: int, name: str) -> None:
        self._db.execute("UPDATE memories SET name = ? WHERE id = ?", (name, memory))

    # conversations and messages

    def add_conversation(self, memory: int | None) -> int:
        cursor = self._db.execute(
            "INSERT INTO conversations (memory, created) VALUES (?, ?)", (memory, _now())
        )
        return int(cursor.lastrowid or 0)

    def conversations(self, memory: int | None) -> list[Chat]:
        """List the conversations that have messages, newest first."""
        rows = self._db.execute(
            "SELECT c.id,"
            " (SELECT text FROM messages WHERE conversation = c.id ORDER BY id LIMIT 1),"
            " c.created, count(m.id) FROM conversations c JOIN messages m ON m.conversation = c.id"
            " WHERE c.memory IS ? GROUP BY c.id ORDER BY max(m.id) DESC",
            (memory,),
        )
        return [Chat(id, " ".join(text.split())[:60], at, count) for id, text, at, count in rows]

    def add_message(self, conversation: int, role: str, text: str, learning: str) -> Message:
        """Save a turn; `learning` is none or pending."""
        cursor = self._db.execute(
            "INSERT INTO messages (conversation, role, text, created, learning)"
            " VALUES (?, ?, ?, ?, ?)",
            (conversation, role, text, _now(), learning),
        )
        return Message(int(cursor.lastrowid or 0), role, text)

    def messages(self, conversation: int) -> list[Message]:
        rows = self._db.execute(
            "SELECT id, role, text FROM messages WHERE conversation = ? ORDER BY id",
            (conversation,),
        )
        return [Message(*row) for row in rows]

    def turns_upto(self, message: int) -> list[Message]:
        """Return the last turns of a message's conversation, two at most, ending with it."""
        rows = self._db.execute(
            "SELECT id, role, text FROM messages WHERE id <= ? AND conversation ="
            " (SELECT conversation FROM messages WHERE id = ?) ORDER BY id DESC LIMIT 2",
            (message, message),
        ).fetchall()
        return [Message(*row) for row in reversed(rows)]

    def pending(self, memory: int) -> list[int]:
        """List the messages that wait to be learned, oldest first."""
        rows = self._db.execute(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE m.learning = 'pending' AND c.memory = ? ORDER BY m.id",
            (memory,),
        )
        return [row[0] for row in rows]

    def settle(self, message: int, learning: str) -> None:
        self._db.execute("UPDATE messages SET learning = ? WHERE id = ?", (learning, message))

    # updates

    def add_update(
        self,
        memory: int,
        message: int,
        lesson: Chunk,
        *,
        tokens: int,
        nll_before: float | None,
        nll_after: float | None,
        gradient_norm: float | None,
        accepted: bool,
        reason: str,
        last: bool,
    ) -> int:
        """Record one step; with `last`, the message is learned in the same transaction."""
        words = json.dumps([lesson.context, lesson.targets, lesson.weights])
        values = (memory, message, _now(), words, tokens, nll_before, nll_after, gradient_norm)
        with self.transaction():
            cursor = self._db.execute(
                "INSERT INTO updates (memory, message, time, lesson, tokens, nll_before, nll_after,"
                " gradient_norm, accepted, reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*values, accepted, reason),
            )
            if last:
                self.settle(message, "done")
        return int(cursor.lastrowid or 0)

    def updates(
        self, memory: int, *, after: int = 0, message: int | None = None, active: bool = True
    ) -> list[UpdateRow]:
        """List updates in order; `active` leaves out rejected and undone ones."""
        rows = self._db.execute(
            "SELECT u.id, u.time, m.conversation, u.message, m.text, u.tokens, u.nll_before,"
            " u.nll_after, u.gradient_norm, u.accepted, u.reason, u.lesson, u.undone"
            " FROM updates u JOIN messages m ON m.id = u.message"
            " WHERE u.memory = ? AND u.id > ? AND (? IS NULL OR u.message = ?)"
            " AND (NOT ? OR (u.accepted AND NOT u.undone)) ORDER BY u.id",
            (memory, after, message, message, active),
        )
        return [_update(row) for row in rows]

    def totals(self, memory: int) -> tuple[int, int, int]:
        """Return (active updates, tokens learned, id of the last active update)."""
        row = self._db.execute(
            "SELECT count(*), coalesce(sum(tokens), 0), coalesce(max(id), 0) FROM updates"
            " WHERE memory = ? AND accepted AND NOT undone",
            (memory,),
        ).fetchone()
        return int(row[0]), int(row[1]), int(row[2])

    def undo(self, updates: Sequence[int]) -> None:
        """Mark updates as undone and forget the snapshots that contain them."""
        with self.transaction():
            self._db.executemany(
                "UPDATE updates SET undone = 1 WHERE id = ?", [(update,) for update in updates]
            )
            self._db.executemany(
                "UPDATE messages SET learning = 'done'"
                " WHERE id = (SELECT message FROM updates WHERE id = ?)",
                [(update,) for update in updates],
            )
            memory = "(SELECT memory FROM updates WHERE id = ?)"
            self._db.execute(
                f"DELETE FROM snapshots WHERE upto >= ? AND memory = {memory}",
                (min(updates), min(updates)),
            )

    # snapshots

    def snapshots(self, memory: int) -> list[SnapshotRow]:
        """List snapshots, newest first."""
        rows = self._db.execute(
            "SELECT upto, file, sha256 FROM snapshots WHERE memory = ? ORDER BY upto DESC",
            (memory,),
        )
        return [SnapshotRow(*row) for row in rows]

    def set_snapshots(self, memory: int, rows: Sequence[SnapshotRow]) -> None:
        with self.transaction():
            self._db.execute("DELETE FROM snapshots WHERE memory = ?", (memory,))
            self._db.executemany(
                "INSERT INTO snapshots (memory, upto, file, sha256) VALUES (?, ?, ?, ?)",
                [(memory, row.upto, row.file, row.sha256) for row in rows],
            )


def _update(row: Sequence[Any]) -> UpdateRow:
    *seen, accepted, reason, lesson, undone = row
    values = (*seen, bool(accepted), reason, _chunk(lesson), bool(undone))
    return UpdateRow(*values)


def _chunk(words: str) -> Chunk:
    context, targets, weights = json.loads(words)
    return Chunk(tuple(context), tuple(targets), None if weights is None else tuple(weights))


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
