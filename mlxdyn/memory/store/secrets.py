"""Where in its text each message tells a secret: kept, for looking takes longer than reading.

It follows from the text of a message and of those before it in its conversation.
"""

import json
import sqlite3
from collections.abc import Sequence

from mlxdyn.memory.store.database import Database

Place = tuple[int, int, bool]
"""Where a secret begins, where it ends, and whether it is only a personal number."""


class Secrets:
    """The column `secrets` of messages: NULL where nobody looked yet, "" where there is none."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._unsaved: dict[int, Sequence[Place]] = {}  # where nothing can be written

    def unsearched(self, memory: int) -> list[int]:
        """List the messages that nobody looked at, oldest first."""
        found = self._db.column(
            "SELECT m.id FROM conversations c JOIN messages m ON m.conversation = c.id"
            " WHERE c.memory = ? AND m.secrets IS NULL ORDER BY m.id",
            (memory,),
        )
        return [message for message in found if message not in self._unsaved]

    def keep(self, message: int, places: Sequence[Place]) -> None:
        """Note where a message tells secrets; in RAM only where the ledger cannot be written."""
        try:
            if self._db.value("PRAGMA query_only"):
                raise sqlite3.OperationalError("the ledger is only read")
            self._db.run(
                "UPDATE messages SET secrets = ? WHERE id = ?",
                (json.dumps(places) if places else "", message),
            )
        except sqlite3.OperationalError:
            self._unsaved[message] = places

    def told(self, memory: int, before: int, *, personal: bool) -> list[tuple[int, str]]:
        """List the secrets told before a message, oldest first, each with the message that told it.

        With `personal`, personal numbers are among them.
        """
        rows = self._db.run(
            "SELECT m.id, m.text, m.secrets FROM conversations c"
            " JOIN messages m ON m.conversation = c.id"
            " WHERE c.memory = ? AND m.id < ? AND (m.secrets <> '' OR m.id IN"
            " (SELECT value FROM json_each(?))) ORDER BY m.id",
            (memory, before, json.dumps([*self._unsaved])),
        )
        return [
            (message, text[start:end])
            for message, text, places in rows
            for start, end, of_a_person in (
                self._unsaved.get(message, ()) if places is None else json.loads(places)
            )
            if personal or not of_a_person
        ]

    def search_again(self, message: int) -> None:
        """Let a message and those after it in its conversation be looked at anew."""
        self._db.run(
            "UPDATE messages SET secrets = NULL WHERE id >= :message AND conversation ="
            " (SELECT conversation FROM messages WHERE id = :message)",
            {"message": message},
        )
