"""What changes the past: undo, redo, forget, edit; later outcomes are then stale."""

import json
from collections.abc import Sequence

from mlxdyn.learn.example import Draft
from mlxdyn.memory.store.database import Database, now
from mlxdyn.memory.store.events import Events
from mlxdyn.memory.store.examples import Examples, frozen, lot
from mlxdyn.memory.store.messages import EXAMINE_AGAIN, FOR_GOOD, Messages
from mlxdyn.memory.store.records import EventRow, ExampleRow, Message, Reason, dump_chunks
from mlxdyn.memory.store.secrets import Secrets

LET_BE = f"(reason GLOB '{Reason.WAITED}*')"


class Past:
    """Changes of what was learned; each outdates what came after it."""

    def __init__(self, database: Database) -> None:
        self._db = database
        self._messages, self._events = Messages(database), Events(database)
        self._examples, self._secrets = Examples(database), Secrets(database)

    def undoable(self, memory: int) -> EventRow | None:
        """Return the last event that stands."""
        rows = self._events.all(memory, after=self._events.totals(memory).position - 1)
        return rows[-1] if rows else None

    def redoable(self, memory: int) -> EventRow | None:
        """Return the event that redo brings back: of those after all that stand, the last undone.

        Of lessons that is the first, of messages that were let be the last; of the two the lesson,
        if it stood when the message was let be.
        """
        undone = self._db.run(
            f"SELECT position, {LET_BE},"
            " coalesce(CAST(nullif(substr(reason, ?), '') AS INTEGER), position) FROM events"
            " WHERE memory = ? AND undone = 1 AND position > ? ORDER BY position",
            (len(Reason.WAITED) + 2, memory, self._events.totals(memory).position),
        ).fetchall()
        lesson = next((at for at, waited, _ in undone if not waited), None)
        message, stood = next(((at, n) for at, waited, n in reversed(undone) if waited), (None, 0))
        found = message if lesson is None or (message and lesson > stood) else lesson
        return found and self._events.all(memory, after=found - 1, active=False)[0]

    def let_be(self, memory: int, message: int) -> None:
        """Let a message wait no more; an undone event without a lesson keeps its place for redo.

        Its reason says up to which position lessons stood.
        """
        stood = self._events.totals(memory).position
        with self._db.transaction():
            self._messages.settle(message, "none")
            self._db.insert(
                "events", memory=memory, position=self._events.next_position(memory), time=now(),
                kind="message", message=message, chunks=dump_chunks(()), steps=0, guarded=True,
                accepted=False, reason=Reason.WAITED.with_(str(stood)), undone=1,
            )  # fmt: skip

    def wait_again(self, event: EventRow) -> Message | None:
        """Let the message of `event` wait once more; None if it was learned before the undo."""
        row = self._db.run(
            "SELECT m.id, m.role, m.text FROM events e JOIN messages m ON m.id = e.message"
            f" WHERE e.id = ? AND {LET_BE}",
            (event.id,),
        ).fetchone()
        if row is None:
            return None
        with self._db.transaction():
            self._db.run("DELETE FROM events WHERE id = ?", (event.id,))
            self._messages.settle(row[0], "pending")
        return Message(*row)

    def set_undone(self, memory: int, event: EventRow, undone: bool) -> None:
        """Take an event out of the memory's life or put it back; outdated snapshots go."""
        with self._db.transaction():
            self._db.run("UPDATE events SET undone = ? WHERE id = ?", (undone, event.id))
            self.outdate(memory, event.position)

    def stand_at(self, memory: int, position: int) -> None:
        """Let the lessons up to a position stand, and those after it be undone.

        Of those that were undone, only such as redo could bring back.
        """
        changed: int | None = self._db.value(
            "SELECT min(position) FROM events WHERE memory = :memory AND undone < :for_good"
            f" AND NOT {LET_BE} AND undone = (position <= :position)",
            {"memory": memory, "position": position, "for_good": FOR_GOOD},
        )
        if changed is None:
            return
        with self._db.transaction():
            self._db.run(
                "UPDATE events SET undone = (position > ?) WHERE memory = ? AND undone < ?"
                f" AND NOT {LET_BE}",
                (position, memory, FOR_GOOD),
            )
            self.outdate(memory, changed)

    def outdate(self, memory: int, position: int) -> None:
        """Something at `position` changed: later outcomes are stale, later snapshots are wrong.

        What later lessons took told of the past that was, so it goes; with what lessons were
        calculated too, once no outcome is left that will not be found anew.
        """
        with self._db.transaction():
            self._db.run(
                "UPDATE events SET stale = 1, flops = NULL WHERE memory = ? AND position >= ?",
                (memory, position),
            )
            self._db.run("DELETE FROM snapshots WHERE memory = ? AND upto >= ?", (memory, position))
            self._db.run(
                "UPDATE memories SET arithmetic = '' WHERE id = :memory AND NOT EXISTS"
                " (SELECT 1 FROM events WHERE memory = :memory AND NOT undone AND NOT stale)",
                {"memory": memory},
            )

    def forget(self, memory: int, messages: Sequence[int]) -> int | None:
        """Delete messages with all that was made of them; return the first position that changed.

        Copies of them that a merge left in this memory go too. The text is gone from the tables;
        `erase` removes it from the files.
        """
        with self._db.transaction():
            self._db.run("INSERT INTO erasing VALUES (?)", (now(),))
            copies = self._copies(memory, messages)
            positions = [self._forget(memory, message) for message in copies]
            changed = [position for position in positions if position is not None]
            if changed:
                self.outdate(memory, min(changed))
        return min(changed, default=None)

    def count_lessons(self, memory: int, messages: Sequence[int]) -> int:
        """Count the lessons that stand and were accepted of `messages` and their copies here."""
        found: int = self._db.value(
            "SELECT count(*) FROM events WHERE memory = ? AND accepted AND NOT undone"
            " AND message IN (SELECT value FROM json_each(?))",
            (memory, json.dumps(self._copies(memory, messages))),
        )
        return found

    def _copies(self, memory: int, messages: Sequence[int]) -> list[int]:
        """List the messages themselves, also such without an identity, and their copies here."""
        return self._db.column(
            "SELECT DISTINCT c.id FROM messages m JOIN messages c ON c.id = m.id OR c.uid = m.uid"
            " JOIN conversations h ON h.id = c.conversation WHERE h.memory = ?"
            " AND m.id IN (SELECT value FROM json_each(?)) ORDER BY c.id",
            (memory, json.dumps(list(messages))),
        )

    def _forget(self, memory: int, message: int) -> int | None:
        later_ones = self._depending(message)
        changed: int | None = self._db.value(
            "SELECT min(position) FROM events WHERE memory = ?"
            " AND message IN (SELECT value FROM json_each(?))",
            (memory, json.dumps([message, *later_ones])),
        )
        for later in later_ones:  # its examples are made anew, without this message
            self._db.run(
                "INSERT INTO edits SELECT message, question, answer FROM examples"
                " WHERE message = ? AND source = 'user' ORDER BY id",
                (later,),
            )
            self.unmake(later)
            self._db.run("UPDATE messages SET examined = ? WHERE id = ?", (EXAMINE_AGAIN, later))
        self.unmake(message)
        self._secrets.search_again(message)
        before = "(SELECT parent FROM messages WHERE id = :message)"
        for change in (
            f"messages SET parent = {before} WHERE parent = :message",
            f"conversations SET head = {before} WHERE head = :message",
        ):
            self._db.run(f"UPDATE {change}", {"message": message})
        for rows in (
            "edits WHERE message = :message",
            "updates WHERE event IN (SELECT id FROM events WHERE message = :message)",
            "events WHERE message = :message",
            "messages WHERE id = :message",
        ):
            self._db.run(f"DELETE FROM {rows}", {"message": message})
        self._db.run(
            "DELETE FROM conversations WHERE memory = ? AND id NOT IN"
            " (SELECT conversation FROM messages)",
            (memory,),
        )
        return changed

    def _depending(self, message: int) -> list[int]:
        """List the messages whose examples depend on a message, also by way of others."""
        return self._db.column(
            "WITH RECURSIVE later(message) AS (SELECT message FROM depends WHERE earlier = ?"
            " UNION SELECT d.message FROM depends d JOIN later l ON d.earlier = l.message)"
            " SELECT message FROM later ORDER BY message",
            (message,),
        )

    def unmake(self, message: int) -> None:
        """Delete the examples of a message; what they superseded is true again."""
        mine = "(SELECT id FROM examples WHERE message = :message)"
        for rows in (
            f"supersedes WHERE message = :message OR example IN {mine}",
            "depends WHERE :message IN (message, earlier)",
            "examples WHERE message = :message",
        ):
            self._db.run(f"DELETE FROM {rows}", {"message": message})

    def _restore(self, row: ExampleRow) -> None:
        """Let what a fact corrected be true again, also in other words: the fact is no more.

        With the last fact of its message that is all that the message corrected.
        """
        self._db.run(
            "DELETE FROM supersedes WHERE message = :message AND example IN"
            " (SELECT id FROM examples y WHERE y.question = :question OR y.answer IN"
            " (SELECT x.answer FROM examples x JOIN supersedes s ON s.example = x.id"
            " WHERE s.message = :message AND x.question = :question AND x.kind = 'fact')"
            " OR NOT EXISTS (SELECT 1 FROM examples r"
            " WHERE r.message = :message AND r.kind = 'fact' AND r.id <> :id))",
            {"message": row.message, "question": row.question, "id": row.id},
        )

    def change_example(self, memory: int, row: ExampleRow, new: Draft | None) -> int | None:
        """Edit an example, or delete it with None; return the first position that changed."""
        with self._db.transaction():
            self._db.run("INSERT INTO erasing VALUES (?)", (now(),))
            if new is None or new.question != row.question:
                self._restore(row)
            if new is None:
                self._db.run("DELETE FROM supersedes WHERE example = ?", (row.id,))
                self._db.run("DELETE FROM examples WHERE id = ?", (row.id,))
            else:
                said = {"question": new.question, "answer": new.answer, "source": "user"}
                uid = lot(self._messages.uid(row.message or 0), new)
                parts = said | {"uid": uid} | frozen(new.example)
                self._db.run(
                    f"UPDATE examples SET {', '.join(f'{name} = ?' for name in parts)}"
                    " WHERE id = ?",
                    (*parts.values(), row.id),
                )
            self._examples.reconcile(row.message or 0)
            changed: int | None = self._db.value(
                "SELECT position FROM events WHERE memory = ? AND message = ?",
                (memory, row.message),
            )
            if changed:
                self.outdate(memory, changed)
        return changed
