"""The ledger's file: SQLite, its schema, durable transactions, and text that leaves it for good."""

import errno
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.memory.store.migrations import MIGRATIONS, NEWEST, OLDEST
from mlxdyn.spelling import folded

PATIENCE = 10.0  # seconds to wait while another process writes, or reads what is to be erased
WAL_INDEX = 32768  # bytes of the smallest index that SQLite keeps beside a ledger


class UnknownSchema(MlxdynError):
    """The ledger was written by another mlxdyn, whose schema is not known here."""


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
            said = reason(error) if isinstance(error, sqlite3.Error) else sentence(error)
            if isinstance(error, sqlite3.OperationalError) and path and _is_full(path.parent):
                said = sentence(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
            raise MlxdynError(f"the ledger {path} cannot be opened: {said}") from error

    def _open(self, path: Path | None) -> None:
        if path is not None:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        self.connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, timeout=PATIENCE
        )
        self._prepare()
        self.run("PRAGMA journal_mode = WAL")
        self.run("PRAGMA synchronous = FULL")
        self.run("PRAGMA fullfsync = ON")  # on macOS; elsewhere it changes nothing
        self.run("PRAGMA checkpoint_fullfsync = ON")
        self.run("PRAGMA secure_delete = ON")
        self._migrate()
        self.run("PRAGMA foreign_keys = ON")
        if not self.erased():
            self.erase()  # what was killed before it could

    def _look(self, path: Path) -> None:
        """Open for reading; an older schema is brought up to date in RAM."""
        if not path.exists():
            self._open(None)
            return
        self.connection = looking(path)
        self._prepare()
        if self._schema() < NEWEST:
            found = self.connection
            self._open(None)
            self.take(found)
        self.run("PRAGMA query_only = ON")

    def _prepare(self) -> None:
        """Let statements call `folded`, and keep in RAM what VACUUM would write elsewhere."""
        self.run("PRAGMA temp_store = MEMORY")
        self.connection.create_function("folded", 1, folded, deterministic=True)

    def take(self, source: sqlite3.Connection) -> None:
        """Hold what `source` holds instead, brought up to date, and close `source`."""
        source.backup(self.connection)
        source.close()
        self._migrate()

    def close(self) -> None:
        self.connection.close()

    def _schema(self) -> int:
        """Return the version of the schema; raise MlxdynError for one that is not known."""
        version = int(self.value("PRAGMA user_version"))
        if 0 < version < OLDEST:
            raise UnknownSchema(
                f"{self._path} was written by an mlxdyn that is too old (schema {version}); move "
                "it to another place, and mlxdyn begins a new one"
            )
        if version > NEWEST:
            raise UnknownSchema(
                f"{self._path} was written by a newer mlxdyn (schema {version}); update mlxdyn"
            )
        return version

    def _migrate(self) -> None:
        if self._schema() == NEWEST:
            return
        with self.transaction():
            migrate(self.connection, self._schema(), NEWEST)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make everything inside the block one durable step, or none of it; blocks may nest."""
        if self.connection.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):  # SQLite rolls back by itself when the disk is full
                self.run("ROLLBACK")
            raise

    def integrity(self) -> str:
        """Return "ok", or what SQLite found wrong with the file."""
        try:
            return " ".join(str(self.value("PRAGMA integrity_check")).split())
        except sqlite3.Error as error:
            return reason(error)

    def erase(self) -> None:
        """Leave no deleted text in the files: rewrite the database, empty the write-ahead log.

        Where another process is in the way, the next opening does it.
        """
        with suppress(sqlite3.OperationalError):
            self.run("VACUUM")
            if not self.value("PRAGMA wal_checkpoint(TRUNCATE)"):
                self.run("DELETE FROM erasing")

    def erased(self) -> bool:
        """Tell whether all that was forgotten has left the files."""
        return not self.value("SELECT count(*) FROM erasing")

    def run(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> sqlite3.Cursor:
        return self.connection.execute(statement, values)

    def column(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> list[Any]:
        """Give the first value of every row."""
        return [row[0] for row in self.run(statement, values)]

    def value(self, statement: str, values: Sequence[Any] | dict[str, Any] = ()) -> Any:
        """Give the first value of the first row; None where there is no row."""
        return next(iter(self.column(statement, values)), None)

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; return its id."""
        names, holes = ", ".join(values), ", ".join("?" * len(values))
        added = self.run(f"INSERT INTO {table} ({names}) VALUES ({holes})", (*values.values(),))
        return int(added.lastrowid or 0)


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


def _is_full(directory: Path) -> bool:
    """Tell whether SQLite lacks the room, or the entries, to begin with."""
    with suppress(OSError):
        room = os.statvfs(directory)
        entries = room.f_favail if room.f_files else 1  # some file systems count none
        return room.f_bavail * room.f_frsize < WAL_INDEX or entries == 0
    return False


def reason(error: sqlite3.Error) -> str:
    """Say what SQLite says, without the text of a row that it may quote."""
    return str(error).partition(" with text ")[0]


def migrate(db: sqlite3.Connection, version: int, to: int) -> None:
    """Lead a database from one version of the schema to another."""
    for script in (MIGRATIONS[i] for i in MIGRATIONS if version < i <= to):
        for statement in filter(str.strip, script.split(";")):
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {to}")


def now() -> str:
    """Return the time, ISO 8601 in UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def holds(column: str, words: str) -> str:
    """Write the condition that a column holds `words`, a parameter; NULL and "" are in all rows.

    SQLite's LIKE knows the cases of ASCII only: by "müller" it finds no "MÜLLER".
    """
    found = f"instr(folded(coalesce({column}, '')), folded({words}))"
    return f"(coalesce({words}, '') = '' OR {found})"
