"""The conversations there are."""

from mlxdyn.memory.store.database import Database, now
from mlxdyn.memory.store.records import Chat

LONGEST = 400  # characters of a title that are told; where it is shown, fewer


class Conversations:
    """The rows of conversations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, memory: int | None) -> int:
        return self._db.insert("conversations", memory=memory, created=now())

    def all(self, memory: int | None, *, hidden: bool = False) -> list[Chat]:
        """List the conversations that have messages, pinned ones first, then the newest.

        With `hidden`, those that were taken out of the list, and no others.
        """
        rows = self._db.run(
            "SELECT c.id, coalesce(c.title,"
            " (SELECT text FROM messages WHERE conversation = c.id ORDER BY id LIMIT 1)),"
            " c.created, count(m.id), c.pinned FROM conversations c"
            " JOIN messages m ON m.conversation = c.id WHERE c.memory IS ? AND c.hidden = ?"
            " GROUP BY c.id ORDER BY c.pinned DESC, max(m.created) DESC, max(m.id) DESC",
            (memory, hidden),
        )
        return [
            Chat(id, " ".join(text[:LONGEST].split()), at, count, bool(pinned))
            for id, text, at, count, pinned in rows
        ]

    def head(self, conversation: int) -> int | None:
        """Return the last message of the open branch."""
        found: int | None = self._db.value(
            "SELECT head FROM conversations WHERE id = ?", (conversation,)
        )
        return found

    def set_head(self, conversation: int, message: int) -> None:
        """Let the branch that ends with `message` be the open one."""
        self._db.run("UPDATE conversations SET head = ? WHERE id = ?", (message, conversation))
