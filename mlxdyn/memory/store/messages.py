"""What was said, and which of it waits to be learned."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict

from mlxdyn.memory.store.conversations import Conversations
from mlxdyn.memory.store.database import Database, holds, now
from mlxdyn.memory.store.records import Filter, LearningState, Message

EXAMINED, EXAMINE_AGAIN = 1, 2
FOR_GOOD = 2
"""In `undone`: something was learned since, so that redo does not bring it back."""


class Messages:
    """The rows of messages."""

    def __init__(self, database: Database) -> None:
        self._db, self._conversations = database, Conversations(database)

    def add(
        self,
        conversation: int,
        role: str,
        text: str,
        learning: LearningState,
        *,
        after: int | None = None,
        uid: str | None = None,
    ) -> Message:
        """Save a turn, by default at the end of the open branch; `learning` is none or pending.

        With `after` it begins another branch: after that message, or with 0 at the start. Draws of
        its lesson hang on `uid`, by default a random one.
        """
        with self._db.transaction():
            before = self._conversations.head(conversation) if after is None else after
            id = self._db.insert(
                "messages", conversation=conversation, role=role, text=text, created=now(),
                learning=learning, uid=uid or os.urandom(8).hex(), parent=before or None,
            )  # fmt: skip
            self._conversations.set_head(conversation, id)
        return Message(id, role, text)

    def of(self, conversation: int) -> list[Message]:
        """List the messages of the open branch; each knows how many versions of it there are."""
        version = (
            "(SELECT count(*) FROM messages s WHERE s.conversation = m.conversation"
            " AND s.parent IS m.parent AND s.role = m.role {})"
        )
        rows = self._db.run(
            "WITH RECURSIVE path(id) AS (SELECT head FROM conversations WHERE id = ?"
            " UNION SELECT m.parent FROM path JOIN messages m ON m.id = path.id)"
            f" SELECT id, role, text, imported, {version.format('AND s.id <= m.id')},"
            f" {version.format('')} FROM messages m WHERE id IN path ORDER BY id",
            (conversation,),
        )
        return [
            Message(id, role, text, bool(came), version, versions)
            for id, role, text, came, version, versions in rows
        ]

    def imported(self, memory: int) -> frozenset[int]:
        """Name the messages that came with a bundle: their words are those of whoever made it."""
        found = self._db.column(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE c.memory = ? AND m.imported",
            (memory,),
        )
        return frozenset(found)

    def mark_imported(self) -> None:
        """Let every message be one that came with a bundle; its secrets are looked for here."""
        self._db.run("UPDATE messages SET imported = 1, secrets = NULL")

    def find(self, message: int, memory: int) -> Message | None:
        """Return one message of this memory."""
        row = self._db.run(
            "SELECT m.id, m.role, m.text FROM messages m JOIN conversations c"
            " ON c.id = m.conversation WHERE m.id = ? AND c.memory = ?",
            (message, memory),
        ).fetchone()
        return Message(*row) if row else None

    def search(self, memory: int, wanted: Filter) -> list[Message]:
        """List a memory's messages, either role, that `wanted` matches, oldest first."""
        rows = self._db.run(
            "SELECT m.id, m.role, m.text FROM messages m JOIN conversations c"
            " ON c.id = m.conversation WHERE c.memory = :memory"
            f" AND {holds('m.text', ':search')}"
            " AND (:conversation IS NULL OR c.id = :conversation)"
            " AND (:since IS NULL OR m.created >= :since)"
            " AND (:until IS NULL OR m.created <= :until) ORDER BY m.id",
            asdict(wanted) | {"memory": memory},
        )
        return [Message(*row) for row in rows]

    def holders(self, messages: Sequence[int], memory: int) -> dict[str, list[int]]:
        """Give the copies of `messages` in branches and backups, by the name of the memory."""
        found: dict[str, list[int]] = {}
        for name, copy in self._db.run(
            "SELECT DISTINCT o.name, c.id FROM messages m JOIN messages c ON c.uid = m.uid"
            " JOIN conversations h ON h.id = c.conversation JOIN memories o ON o.id = h.memory"
            " WHERE m.id IN (SELECT value FROM json_each(?)) AND o.id != ? ORDER BY o.name, c.id",
            (json.dumps(list(messages)), memory),
        ):
            found.setdefault(name, []).append(copy)
        return found

    def replies_to(self, message: int) -> list[int]:
        """Name the assistant's messages right after a user's, which often repeat it."""
        return self._db.column(
            "SELECT id FROM messages WHERE parent = ? AND role = 'assistant' ORDER BY id",
            (message,),
        )

    def said_before(self, message: int, among: Sequence[int]) -> int | None:
        """Return the last of `among` before a message in its conversation."""
        found: int | None = self._db.value(
            "SELECT max(id) FROM messages WHERE id < :message AND conversation ="
            " (SELECT conversation FROM messages WHERE id = :message)"
            " AND id IN (SELECT value FROM json_each(:among))",
            {"message": message, "among": json.dumps(list(among))},
        )
        return found

    def last_before(self, message: int, most: int) -> list[str]:
        """Return the texts of the turns before a message in its conversation, oldest first."""
        found = self._db.column(
            "SELECT text FROM messages WHERE id < :message AND conversation ="
            " (SELECT conversation FROM messages WHERE id = :message)"
            " ORDER BY id DESC LIMIT :most",
            {"message": message, "most": most},
        )
        return found[::-1]

    def upto(self, message: int) -> list[Message]:
        """Return a message and the one that it follows, if there is one, in their order."""
        rows = self._db.run(
            "SELECT id, role, text FROM messages"
            " WHERE id IN (?, (SELECT parent FROM messages WHERE id = ?)) ORDER BY id",
            (message, message),
        )
        return [Message(*row) for row in rows]

    def pending(self, memory: int) -> list[int]:
        """List the messages that wait to be learned, oldest first."""
        return self._db.column(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE m.learning = 'pending' AND c.memory = ? ORDER BY m.id",
            (memory,),
        )

    def settle(self, message: int, learning: LearningState) -> None:
        self._db.run("UPDATE messages SET learning = ? WHERE id = ?", (learning, message))

    def uid(self, message: int) -> str:
        """Return the identity that a message has in all copies."""
        return self._db.value("SELECT uid FROM messages WHERE id = ?", (message,)) or ""

    def examined(self, message: int) -> bool:
        """Tell whether the examples of a message are frozen."""
        found = self._db.value("SELECT examined FROM messages WHERE id = ?", (message,))
        return bool(found == EXAMINED)

    def unexamined(self, memory: int) -> list[int]:
        """List the learned messages whose examples are to be made anew, in order of learning."""
        return self._db.column(
            "SELECT m.id FROM events e JOIN messages m ON m.id = e.message"
            " WHERE e.memory = ? AND m.examined = ? ORDER BY e.position",
            (memory, EXAMINE_AGAIN),
        )

    def learned_before(self, memory: int, message: int) -> list[Message]:
        """List the messages whose lessons stood when `message` was learned, in that order.

        Rejected ones and such without facts too: were a message forgotten, they could be others.
        """
        own = self._db.value(
            "SELECT position FROM events WHERE memory = ? AND message = ?", (memory, message)
        )
        stood = "NOT e.undone" if own is None else f"e.undone != {FOR_GOOD} AND e.position < :own"
        rows = self._db.run(
            "SELECT m.id, m.role, m.text FROM events e JOIN messages m ON m.id = e.message"
            f" WHERE e.memory = :memory AND m.role = 'user' AND {stood} ORDER BY e.position",
            {"memory": memory, "own": own},
        )
        return [Message(*row) for row in rows]
