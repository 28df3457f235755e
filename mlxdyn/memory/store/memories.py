"""The memories there are, how each was founded, and the files that cache its weights."""

import json
import os
from collections.abc import Sequence
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.memory.store.database import Database, now
from mlxdyn.memory.store.records import MEMORY, MemoryRow, SnapshotRow, memory_of


class Memories:
    """The rows of memories and of their snapshots."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def all(self) -> list[MemoryRow]:
        rows = self._db.run(f"SELECT {MEMORY} FROM memories ORDER BY name")
        return [memory_of(row) for row in rows]

    def names(self) -> list[str]:
        """List the names of all memories, damaged ones too."""
        return self._db.column("SELECT name FROM memories ORDER BY name")

    def find(self, name: str) -> MemoryRow | None:
        """Find a memory; a damaged row of another one does not matter."""
        rows = self._db.run(f"SELECT {MEMORY} FROM memories WHERE name = ?", (name,))
        return next(map(memory_of, rows), None)

    def existing(self, name: str) -> MemoryRow:
        """Find a memory; raise MlxdynError when there is none."""
        row = self.find(name)
        if row is None:
            raise MlxdynError(f"there is no memory {name!r}")
        return row

    def add(
        self,
        name: str,
        model: str,
        fingerprint: str,
        adapter: dict[str, Any],
        learner: dict[str, Any],
        study: dict[str, Any],
        origin: str | None = None,
    ) -> MemoryRow:
        self.check_new(name)
        id = int.from_bytes(os.urandom(6))  # never that of one deleted, which a chat may still read
        self._db.insert(
            "memories", id=id, name=name, created=now(), model=model, fingerprint=fingerprint,
            adapter=json.dumps(adapter), learner=json.dumps(learner), study=json.dumps(study),
            origin=origin,
        )  # fmt: skip
        return self.existing(name)

    def check_new(self, name: str) -> None:
        """Raise MlxdynError when there is a memory `name`, capitals aside: disks may not tell."""
        alike = next((one for one in self.names() if one.lower() == name.lower()), None)
        if alike == name:
            raise MlxdynError(f"memory {name!r} exists; choose another name, or delete it first")
        if alike:
            raise MlxdynError(
                f"memory {alike!r} exists; choose a name that differs in more than its capitals"
            )

    def rename(self, memory: int, name: str) -> None:
        self._db.run("UPDATE memories SET name = ? WHERE id = ?", (name, memory))

    def delete(self, memory: int) -> None:
        """Delete a memory with all its rows; `erase` removes its text from the files."""
        chats = "(SELECT id FROM conversations WHERE memory = :memory)"
        messages = f"(SELECT id FROM messages WHERE conversation IN {chats})"
        events = "(SELECT id FROM events WHERE memory = :memory)"
        with self._db.transaction():
            self._db.run("INSERT INTO erasing VALUES (?)", (now(),))
            for rows in (
                f"updates WHERE event IN {events}",
                "events WHERE memory = :memory",
                f"supersedes WHERE message IN {messages}",
                f"depends WHERE message IN {messages}",
                f"edits WHERE message IN {messages}",
                "examples WHERE memory = :memory",
                f"messages WHERE conversation IN {chats}",
                "conversations WHERE memory = :memory",
                "snapshots WHERE memory = :memory",
                "memories WHERE id = :memory",
            ):
                self._db.run(f"DELETE FROM {rows}", {"memory": memory})

    def set_study(self, memory: int, study: dict[str, Any]) -> None:
        """Fix how this memory studies; once, for a replay studies so too."""
        self._db.run("UPDATE memories SET study = ? WHERE id = ?", (json.dumps(study), memory))

    def refounded(self, memory: int) -> bool:
        """Tell, once, whether an earlier version founded this memory: it is learned anew."""
        found = self._db.run(
            "UPDATE memories SET refounded = 0 WHERE id = ? AND refounded", (memory,)
        )
        return found.rowcount > 0

    def arithmetic(self, memory: int) -> list[str]:
        """List with what lessons were calculated; nothing where an earlier version did it all."""
        told = self._db.value("SELECT arithmetic FROM memories WHERE id = ?", (memory,))
        return told.split("; ") if told else []

    def set_arithmetic(self, memory: int, names: Sequence[str]) -> None:
        self._db.run("UPDATE memories SET arithmetic = ? WHERE id = ?", ("; ".join(names), memory))

    def snapshots(self, memory: int) -> list[SnapshotRow]:
        """List snapshots, newest first."""
        rows = self._db.run(
            "SELECT upto, file, sha256 FROM snapshots WHERE memory = ? ORDER BY upto DESC",
            (memory,),
        )
        return [SnapshotRow(*row) for row in rows]

    def set_snapshots(self, memory: int, rows: Sequence[SnapshotRow]) -> None:
        with self._db.transaction():
            self._db.run("DELETE FROM snapshots WHERE memory = ?", (memory,))
            for row in rows:
                self._db.insert("snapshots", memory=memory, **row._asdict())
