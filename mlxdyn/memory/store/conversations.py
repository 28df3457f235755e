"""The conversations there are."""

from mlxdyn.memory.store.database import Database, now
from mlxdyn.memory.store.records import Chat


class Conversations:
    """The rows of conversations."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(self, memory: int | None) -> int:
        return self._db.insert("conversations", memory=memory, created=now())

    def all(self, memory: int | None) -> list[Chat]:
        """List the conversations that have messages, newest first."""
        rows = self._db.run(
            "SELECT c.id,"
            " (SELECT text FROM messages WHERE conversation = c.id ORDER BY id LIMIT 1),"
            " c.created, count(m.id) FROM conversations c JOIN messages m ON m.conversation = c.id"
            " WHERE c.memory IS ? GROUP BY c.id ORDER BY max(m.id) DESC",
            (memory,),
        )
        return [Chat(id, " ".join(text.split())[:60], at, count) for id, text, at, count in rows]
