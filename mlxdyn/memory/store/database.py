"""The ledger's file: SQLite, its schema, durable transactions, and text that leaves it for good."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.memory.store.migrations import MIGRATIONS

PATIENCE = 10.0  # seconds to wait while another process writes, or reads what is to be erased


class Database:
    """One connection to the ledger's file."""

    def __init__(self, path: Path | None, *, writable: bool = True) -> None:
        """Open or create the ledger at `path`; None keeps it in RAM and leaves no trace.

        One that is not `writable` changes nothing on disk, so a disk that is full or read-only does
        not matter; where there is none, it is empty. Raises MlxdynError when the file is no ledger
        or comes from a newer mlxdyn.
        """
        self._path = path
        try:
            if path is None or writable:
                self._open(path)
            else:
                self._look(path)
        except (sqlite3.Error, OSError) as error:
            said = reason(error) if isinstance(error, sqlite3.Error) else error
            raise MlxdynError(f"the ledger {path} cannot be opened: {said}") from error

    def _open(self, path: Path | None) -> None:
        if path is not None:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self._db = sqlite3.connect(path or ":memory:", isolation_level=None, timeout=PATIENCE)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("PRAGMA secure_delete = ON")
        self._migrate()
        self._db.execute("PRAGMA foreign_keys = ON")
        if not self.erased():
            self.erase()  # what was killed before it could

    def _look(self, path: Path) -> None:
        """Open for reading; an older schema is brought up to date in RAM."""
        if not path.exists():
            self._open(None)
            return
        self._db = looking(path)
        if self._schema() < len(MIGRATIONS):
            found = self._db
            self._open(None)
            self.take(found)
        self._db.execute("PRAGMA query_only = ON")

    def take(self, source: sqlite3.Connection) -> None:
        """Hold what `source` holds instead, brought up to date, and close `source`."""
        source.backup(self._db)
        source.close()
        self._migrate()

    def close(self) -> None:
        self._db.close()

    def _schema(self) -> int:
        """Return the version of the schema; raise MlxdynError for one that is not known yet."""
        version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
        if version > len(MIGRATIONS):
            raise MlxdynError(
                f"{self._path} was written by a newer mlxdyn (schema {version}); update mlxdyn"
            )
        return version

    def _migrate(self) -> None:
        if self._schema() == len(MIGRATIONS):
            return
        with self.transaction():
            migrate(self._db, self._schema(), len(MIGRATIONS))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside the block one durable step, or none of it; blocks may nest."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite rolls back by itself when the disk is full
                self._db.execute("ROLLBACK")
            raise

    def read(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        return self._db.execute(sql, values).fetchall()

    def write(self, sql: str, *values: object) -> None:
        self._db.execute(sql, values)

    def integrity(self) -> str:
        """Return "ok", or what SQLite found wrong with the file."""
        try:
            found = self._db.execute("PRAGMA integrity_check").fetchone()[0]
            return " ".join(str(found).split())
        except sqlite3.Error as error:
            return reason(error)

    def erase(self) -> None:
        """Leave no deleted text in the files: rewrite the database, empty the write-ahead log.

        Where another process is in the way, the next opening does it.
        """
        with suppress(sqlite3.OperationalError):
            self._db.execute("VACUUM")
            if not self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                self._db.execute("DELETE FROM erasing")

    def erased(self) -> bool:
        """Tell whether all that was forgotten has left the files."""
        return not self._db.execute("SELECT count(*) FROM erasing").fetchone()[0]

    def _insert(self, table: str, **values: Any) -> int:
        names, holes = ", ".join(values), ", ".join("?" * len(values))
        cursor = self._db.execute(
            f"INSERT INTO {table} ({names}) VALUES ({holes})", tuple(values.values())
        )
        return int(cursor.lastrowid or 0)


def looking(path: Path) -> sqlite3.Connection:
    """Open a database to read it, also where nothing can be written beside it."""
    log = path.with_name(f"{path.name}-wal")
    place, killed = path.absolute().as_uri(), log.exists() and log.stat().st_size > 0
    ways = ("mode=rw",) if killed else ("mode=rw", "immutable=1")
    for how in ways:
        db = sqlite3.connect(f"{place}?{how}", uri=True, isolation_level=None, timeout=PATIENCE)
        try:
            db.execute("SELECT count(*) FROM sqlite_master")
            return db
        except sqlite3.OperationalError:
            db.close()
            if how == ways[-1]:
                raise
    raise AssertionError


def reason(error: sqlite3.Error) -> str:
    """Say what SQLite says, without the text of a row that it may quote."""
    return str(error).partition(" with text ")[0]


def migrate(db: sqlite3.Connection, version: int, to: int) -> None:
    """Lead a database from one version of the schema to another."""
    for script in MIGRATIONS[version:to]:
        for statement in filter(str.strip, script.split(";")):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {to}")


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
