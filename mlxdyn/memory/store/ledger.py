"""The record of every message, study item and update: SQLite, the truth; knows no MLX."""

import hashlib
import json
import os
from collections.abc import Iterable, Sequence
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.learn.example import Draft, Example, Kind, dump_likely, dump_tokens
from mlxdyn.memory.store.database import Database, now
from mlxdyn.memory.store.records import (
    EVENT,
    EXAMPLE,
    MEMORY,
    UPDATE,
    Chat,
    EventRow,
    ExampleRow,
    Filter,
    Lesson,
    MemoryRow,
    Message,
    Outcome,
    SnapshotRow,
    Totals,
    Update,
    UpdateRow,
    dump_chunks,
    event_of,
    example_of,
    memory_of,
    update_of,
)

_LOGGED = (
    f"SELECT {UPDATE} FROM events e JOIN updates u ON u.event = e.id"
    " LEFT JOIN messages m ON m.id = e.message"
)
_STANDS = (
    "{0}.memory = :memory AND {0}.accepted AND NOT {0}.undone"
    " AND (:upto IS NULL OR {0}.position <= :upto)"
)
_STANDING = (  # CROSS JOIN: the few that supersede are read first
    "FROM events e JOIN examples x ON x.message = e.message"
    f" WHERE {_STANDS.format('e')} AND (NOT :active OR NOT EXISTS"
    " (SELECT 1 FROM supersedes s CROSS JOIN events l ON l.message = s.message"
    f" WHERE s.example = x.id AND {_STANDS.format('l')}))"
)
"""Examples of lessons that stand at position `upto`; if `active`, those true by then."""
_WAITED = "it waited to be learned"
_EXAMINED, _EXAMINE_AGAIN = 1, 2
_FOR_GOOD = 2
"""In `undone`: something was learned since, so that redo does not bring it back."""


class Ledger(Database):
    """All that is written of memories; every public writing method is one durable transaction."""

    # memories

    def memories(self) -> list[MemoryRow]:
        rows = self._db.execute(f"SELECT {MEMORY} FROM memories ORDER BY name")
        return [memory_of(row) for row in rows]

    def names(self) -> list[str]:
        """List the names of all memories, damaged ones too."""
        return [row[0] for row in self._db.execute("SELECT name FROM memories ORDER BY name")]

    def memory(self, name: str) -> MemoryRow | None:
        """Find a memory; a damaged row of another one does not matter."""
        rows = self._db.execute(f"SELECT {MEMORY} FROM memories WHERE name = ?", (name,))
        return next(map(memory_of, rows), None)

    def existing(self, name: str) -> MemoryRow:
        """Find a memory; raise MlxdynError when there is none."""
        row = self.memory(name)
        if row is None:
            raise MlxdynError(f"there is no memory {name!r}")
        return row

    def add_memory(
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
        self._insert(
            "memories",
            id=int.from_bytes(
                os.urandom(6)
            ),  # never that of one deleted, which a chat may still read
            name=name,
            created=now(),
            model=model,
            fingerprint=fingerprint,
            adapter=json.dumps(adapter),
            learner=json.dumps(learner),
            study=json.dumps(study),
            origin=origin,
        )
        row = self.memory(name)
        assert row is not None
        return row

    def check_new(self, name: str) -> None:
        """Raise MlxdynError when there is a memory `name`, capitals aside: disks may not tell."""
        alike = next((one for one in self.names() if one.lower() == name.lower()), None)
        if alike == name:
            raise MlxdynError(f"memory {name!r} exists; choose another name, or delete it first")
        if alike:
            raise MlxdynError(
                f"memory {alike!r} exists; choose a name that differs in more than its capitals"
            )

    def rename_memory(self, memory: int, name: str) -> None:
        self._db.execute("UPDATE memories SET name = ? WHERE id = ?", (name, memory))

    def delete_memory(self, memory: int) -> None:
        """Delete a memory with all its rows; `erase` removes its text from the files."""
        chats = "(SELECT id FROM conversations WHERE memory = :memory)"
        messages = f"(SELECT id FROM messages WHERE conversation IN {chats})"
        events = "(SELECT id FROM events WHERE memory = :memory)"
        with self.transaction():
            self._db.execute("INSERT INTO erasing VALUES (?)", (now(),))
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
                self._db.execute(f"DELETE FROM {rows}", {"memory": memory})

    def set_study(self, memory: int, study: dict[str, Any]) -> None:
        """Fix how this memory studies; once, for a replay studies so too."""
        self._db.execute("UPDATE memories SET study = ? WHERE id = ?", (json.dumps(study), memory))

    def refounded(self, memory: int) -> bool:
        """Tell, once, whether an earlier version founded this memory: it is learned anew."""
        found = self._db.execute(
            "UPDATE memories SET refounded = 0 WHERE id = ? AND refounded", (memory,)
        )
        return found.rowcount > 0

    # conversations and messages

    def add_conversation(self, memory: int | None) -> int:
        return self._insert("conversations", memory=memory, created=now())

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
        id = self._insert(
            "messages",
            conversation=conversation,
            role=role,
            text=text,
            created=now(),
            learning=learning,
            uid=os.urandom(8).hex(),
        )
        return Message(id, role, text)

    def messages(self, conversation: int) -> list[Message]:
        rows = self._db.execute(
            "SELECT id, role, text, imported FROM messages WHERE conversation = ? ORDER BY id",
            (conversation,),
        )
        return [Message(id, role, text, bool(came)) for id, role, text, came in rows]

    def imported(self, memory: int) -> frozenset[int]:
        """Name the messages that came with a bundle: their words are those of whoever made it."""
        rows = self._db.execute(
            "SELECT m.id FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE c.memory = ? AND m.imported",
            (memory,),
        )
        return frozenset(row[0] for row in rows)

    def mark_imported(self) -> None:
        """Let every message be one that came with a bundle."""
        self._db.execute("UPDATE messages SET imported = 1")

    def message(self, message: int, memory: int) -> Message | None:
        """Return one message of this memory."""
        row = self._db.execute(
            "SELECT m.id, m.role, m.text FROM messages m JOIN conversations c"
            " ON c.id = m.conversation WHERE m.id = ? AND c.memory = ?",
            (message, memory),
        ).fetchone()
        return Message(*row) if row else None

    def find_messages(self, memory: int, wanted: Filter) -> list[Message]:
        """List a memory's messages, either role, that `wanted` matches, oldest first."""
        words = f"%{_escaped(wanted.search)}%" if wanted.search else None
        rows = self._db.execute(
            "SELECT m.id, m.role, m.text FROM messages m JOIN conversations c"
            " ON c.id = m.conversation WHERE c.memory = :memory"
            " AND (:words IS NULL OR m.text LIKE :words ESCAPE '\\')"
            " AND (:conversation IS NULL OR c.id = :conversation)"
            " AND (:since IS NULL OR m.created >= :since)"
            " AND (:until IS NULL OR m.created <= :until) ORDER BY m.id",
            {
                "memory": memory,
                "words": words,
                "conversation": wanted.conversation,
                "since": wanted.since,
                "until": wanted.until,
            },
        )
        return [Message(*row) for row in rows]

    def holders(self, messages: Sequence[int], memory: int) -> list[str]:
        """Name the other memories that hold copies of `messages`: branches and backups."""
        rows = self._db.execute(
            "SELECT DISTINCT o.name FROM messages m JOIN messages c ON c.uid = m.uid"
            " JOIN conversations h ON h.id = c.conversation JOIN memories o ON o.id = h.memory"
            " WHERE m.id IN (SELECT value FROM json_each(?)) AND o.id != ? ORDER BY o.name",
            (json.dumps(list(messages)), memory),
        )
        return [row[0] for row in rows]

    def reply_to(self, message: int) -> int | None:
        """Return the assistant's message right after a user's, which often repeats it."""
        row = self._db.execute(
            "SELECT id, role FROM messages WHERE id > ? AND conversation ="
            " (SELECT conversation FROM messages WHERE id = ?) ORDER BY id LIMIT 1",
            (message, message),
        ).fetchone()
        return int(row[0]) if row and row[1] == "assistant" else None

    def said_before(self, message: int, among: Sequence[int]) -> int | None:
        """Return the last of `among` before a message in its conversation."""
        row = self._db.execute(
            "SELECT max(id) FROM messages WHERE id < :message AND conversation ="
            " (SELECT conversation FROM messages WHERE id = :message)"
            " AND id IN (SELECT value FROM json_each(:among))",
            {"message": message, "among": json.dumps(list(among))},
        ).fetchone()
        return None if row[0] is None else int(row[0])

    def turns_around(
        self, memory: int, messages: Sequence[int], most: int
    ) -> list[tuple[int, Message]]:
        """Return the conversations of `messages` and the `most` newest turns before their last.

        Oldest first, each turn with its conversation.
        """
        rows = self._db.execute(
            "WITH own AS (SELECT m.* FROM messages m JOIN conversations c ON c.id = m.conversation"
            " WHERE c.memory = :memory AND m.id <= :last)"
            " SELECT conversation, id, role, text FROM own WHERE conversation IN"
            " (SELECT conversation FROM own WHERE id IN (SELECT value FROM json_each(:messages)))"
            " OR id IN (SELECT id FROM own ORDER BY id DESC LIMIT :most) ORDER BY id",
            {
                "memory": memory,
                "last": max(messages, default=0),
                "messages": json.dumps(list(messages)),
                "most": most,
            },
        )
        return [(row[0], Message(*row[1:])) for row in rows]

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

    # examples

    def add_examples(
        self,
        memory: int,
        message: int | None,
        drafts: Iterable[Draft],
        *,
        source: str = "base",
        depends_on: Sequence[int] = (),
        superseded: Sequence[int] = (),
    ) -> None:
        """Freeze what a message teaches, and that it was examined, even if there is nothing.

        `depends_on` are the earlier messages that were read with it, `superseded` the earlier
        examples that it makes untrue. Without a message it is the regularization set.
        """
        with self.transaction():
            told_by = self.uid(message) if message else ""
            for draft in drafts:
                self._insert(
                    "examples", memory=memory, message=message, uid=lot(told_by, draft),
                    kind=str(draft.example.kind), source=source,
                    question=draft.question, answer=draft.answer, **frozen(draft.example),
                )  # fmt: skip
            for earlier in depends_on:
                self._insert("depends", message=message, earlier=earlier)
            for example in superseded:
                self._insert("supersedes", example=example, message=message)
            self._db.execute("UPDATE messages SET examined = 1 WHERE id = ?", (message,))
            self._db.execute("DELETE FROM edits WHERE message = ?", (message,))

    def examined(self, message: int) -> bool:
        """Tell whether the examples of a message are frozen."""
        row = self._db.execute("SELECT examined FROM messages WHERE id = ?", (message,)).fetchone()
        return row is not None and row[0] == _EXAMINED

    def uid(self, message: int) -> str:
        """Return the identity that a message has in all copies."""
        row = self._db.execute("SELECT uid FROM messages WHERE id = ?", (message,)).fetchone()
        return str(row[0]) if row else ""

    def edits(self, message: int) -> list[tuple[str, str]]:
        """List what the user corrected by hand before a message is examined (again)."""
        found = self._db.execute(
            "SELECT question, answer FROM edits WHERE message = ? ORDER BY rowid", (message,)
        )
        return [(row[0], row[1]) for row in found]

    def examples(self, memory: int, *, upto: int | None = None) -> list[ExampleRow]:
        """List the active examples of all lessons that stand, in order of learning.

        Active at position `upto` (default: now) are those that no message learned by then made
        untrue.
        """
        return self._examples(memory, upto, active=True)

    def told(self, memory: int) -> list[ExampleRow]:
        """List the examples of all lessons that stand, superseded ones too."""
        return self._examples(memory, None, active=False)

    def _examples(self, memory: int, upto: int | None, *, active: bool) -> list[ExampleRow]:
        rows = self._db.execute(
            f"SELECT {EXAMPLE} {_STANDING} ORDER BY e.position, x.id",
            {"memory": memory, "upto": upto, "active": active},
        )
        return [example_of(row) for row in rows]

    def frozen_examples(self, memory: int) -> list[ExampleRow]:
        """List all examples there are, whatever became of their lessons."""
        rows = self._db.execute(
            f"SELECT {EXAMPLE} FROM examples x WHERE memory = ? ORDER BY id", (memory,)
        )
        return [example_of(row) for row in rows]

    def examples_of(self, message: int) -> list[ExampleRow]:
        rows = self._db.execute(
            f"SELECT {EXAMPLE} FROM examples x WHERE message = ? ORDER BY id", (message,)
        )
        return [example_of(row) for row in rows]

    def depends_on(self, message: int) -> list[int]:
        """Name the earlier messages that were read with a message."""
        rows = self._db.execute(
            "SELECT earlier FROM depends WHERE message = ? ORDER BY earlier", (message,)
        )
        return [row[0] for row in rows]

    def superseded_by(self, message: int) -> set[int]:
        """Name the examples that a message makes untrue."""
        rows = self._db.execute("SELECT example FROM supersedes WHERE message = ?", (message,))
        return {row[0] for row in rows}

    def regularization(self, memory: int) -> list[ExampleRow]:
        """List what learning should leave as it is."""
        rows = self._db.execute(
            f"SELECT {EXAMPLE} FROM examples x WHERE memory = ? AND message IS NULL ORDER BY id",
            (memory,),
        )
        return [example_of(row) for row in rows]

    def example(self, example: int, memory: int) -> ExampleRow | None:
        """Return one example of this memory."""
        rows = self._db.execute(
            f"SELECT {EXAMPLE} FROM examples x WHERE id = ? AND memory = ? AND message IS NOT NULL",
            (example, memory),
        )
        return next(map(example_of, rows), None)

    def earlier(self, memory: int, message: int) -> list[Message]:
        """List the messages whose lessons stood when `message` was learned, in that order.

        Rejected ones and such without facts too: were a message forgotten, they could be others.
        """
        own = self._db.execute(
            "SELECT position FROM events WHERE memory = ? AND message = ?", (memory, message)
        ).fetchone()
        stood = "NOT e.undone" if own is None else f"e.undone != {_FOR_GOOD} AND e.position < :own"
        rows = self._db.execute(
            "SELECT m.id, m.role, m.text FROM events e JOIN messages m ON m.id = e.message"
            f" WHERE e.memory = :memory AND m.role = 'user' AND {stood} ORDER BY e.position",
            {"memory": memory, "own": own and own[0]},
        )
        return [Message(*row) for row in rows]

    def unexamined(self, memory: int) -> list[int]:
        """List the learned messages whose examples are to be made anew, in order of learning."""
        rows = self._db.execute(
            "SELECT m.id FROM events e JOIN messages m ON m.id = e.message"
            " WHERE e.memory = ? AND m.examined = ? ORDER BY e.position",
            (memory, _EXAMINE_AGAIN),
        )
        return [row[0] for row in rows]

    # events: what was learned, and how it went

    def add_event(self, memory: int, lesson: Lesson, outcome: Outcome) -> EventRow:
        """Record a lesson with its outcome; its message is learned in the same transaction."""
        with self.transaction():
            position = self._next_position(memory)
            self._close_redo(memory)
            event = self._insert(
                "events",
                memory=memory,
                position=position,
                kind=lesson.kind,
                message=lesson.message,
                time=now(),
                chunks=dump_chunks(lesson.chunks),
                steps=lesson.steps,
                guarded=lesson.guarded,
                accepted=outcome.accepted,
                reason=outcome.reason,
                drift=outcome.drift,
            )
            self._add_updates(event, outcome.updates)
            if lesson.message is not None:
                self.settle(lesson.message, "done")
        return self.events(memory, after=position - 1, active=False)[0]

    def _close_redo(self, memory: int) -> None:
        """Something new is learned: what was undone before it does not come back."""
        self._db.execute(
            "UPDATE events SET undone = ? WHERE memory = ? AND undone", (_FOR_GOOD, memory)
        )

    def _next_position(self, memory: int) -> int:
        return int(
            self._db.execute(
                "SELECT coalesce(max(position), 0) + 1 FROM events WHERE memory = ?", (memory,)
            ).fetchone()[0]
        )

    def revise(self, event: int, outcome: Outcome) -> None:
        """Replace the outcome of an event whose past was changed."""
        with self.transaction():
            self._db.execute(
                "UPDATE events SET accepted = ?, reason = ?, drift = ?, stale = 0 WHERE id = ?",
                (outcome.accepted, outcome.reason, outcome.drift, event),
            )
            self._db.execute("DELETE FROM updates WHERE event = ?", (event,))
            self._add_updates(event, outcome.updates)

    def _add_updates(self, event: int, updates: Sequence[Update]) -> None:
        for update in updates:
            self._insert(
                "updates",
                event=event,
                kind=update.kind,
                tokens=update.tokens,
                steps=update.steps,
                rate=update.rate,
                nll_before=update.nll_before,
                nll_after=update.nll_after,
                gradient_norm=update.gradient_norm,
                accepted=update.accepted,
                reason=update.reason,
            )

    def outcome(self, event: int) -> Outcome:
        """Return how an event is told to have gone."""
        accepted, reason, drift = self._db.execute(
            "SELECT accepted, reason, drift FROM events WHERE id = ?", (event,)
        ).fetchone()
        rows = self._db.execute(
            "SELECT kind, tokens, steps, rate, nll_before, nll_after, gradient_norm, accepted,"
            " reason FROM updates WHERE event = ? ORDER BY id",
            (event,),
        )
        updates = [(*values, bool(taken), why) for *values, taken, why in rows]
        told = tuple(Update(*values) for values in updates)
        return Outcome(bool(accepted), reason, drift, told)

    def events(self, memory: int, *, after: int = 0, active: bool = True) -> list[EventRow]:
        """List events in order, from position `after` on; `active` leaves out undone ones.

        Rejected ones stay: when something before them is forgotten they may be accepted.
        """
        rows = self._db.execute(
            f"SELECT {EVENT} FROM events WHERE memory = ? AND position > ? AND NOT (? AND undone)"
            " ORDER BY position",
            (memory, after, active),
        )
        return [event_of(row) for row in rows]

    def lessons_before(self, memory: int, position: int, newest: int) -> list[Lesson]:
        """Return the newest accepted lessons of messages before a position, oldest first."""
        rows = self._db.execute(
            f"SELECT {EVENT} FROM events WHERE memory = ? AND position < ? AND kind = 'message'"
            " AND accepted AND NOT undone ORDER BY position DESC LIMIT ?",
            (memory, position, newest),
        ).fetchall()
        return [event_of(row).lesson for row in reversed(rows)]

    def standing(self, memory: int, position: int) -> int:
        """Count the events before `position` that are not undone: a lesson's place in life."""
        row = self._db.execute(
            "SELECT count(*) FROM events WHERE memory = ? AND position < ? AND NOT undone",
            (memory, position),
        ).fetchone()
        return int(row[0])

    def log(self, memory: int, wanted: Filter | None = None) -> list[UpdateRow]:
        """List updates, oldest first, rejected and undone ones too."""
        wanted = wanted or Filter()
        words = f"%{_escaped(wanted.search)}%" if wanted.search else None
        rows = self._db.execute(
            _LOGGED + " WHERE e.memory = :memory"
            " AND (:words IS NULL OR m.text LIKE :words ESCAPE '\\')"
            " AND (:conversation IS NULL OR m.conversation = :conversation)"
            " AND (:since IS NULL OR e.time >= :since) AND (:until IS NULL OR e.time <= :until)"
            " AND NOT (:rejected AND u.accepted) ORDER BY e.position DESC, u.id DESC LIMIT :most",
            {
                "memory": memory,
                "words": words,
                "conversation": wanted.conversation,
                "since": wanted.since,
                "until": wanted.until,
                "rejected": wanted.rejected,
                "most": -1 if wanted.newest is None else wanted.newest,
            },
        ).fetchall()
        return [update_of(row) for row in reversed(rows)]

    def updates_of(self, memory: int, message: int) -> list[UpdateRow]:
        """List the updates of one message."""
        where = " WHERE e.memory = ? AND e.message = ? ORDER BY u.id"
        return [update_of(row) for row in self._db.execute(_LOGGED + where, (memory, message))]

    def updates_at(self, event: int) -> list[UpdateRow]:
        """List the updates of one event."""
        rows = self._db.execute(_LOGGED + " WHERE e.id = ? ORDER BY u.id", (event,))
        return [update_of(row) for row in rows]

    def totals(self, memory: int) -> Totals:
        row = self._db.execute(
            "SELECT count(u.id), coalesce(sum(CASE u.kind WHEN 'words' THEN u.tokens END), 0),"
            " coalesce(max(u.id), 0) FROM events e JOIN updates u ON u.event = e.id"
            " WHERE e.memory = ? AND u.accepted AND NOT e.undone",
            (memory,),
        ).fetchone()
        position = self._db.execute(
            "SELECT coalesce(max(position), 0) FROM events WHERE memory = ? AND NOT undone",
            (memory,),
        ).fetchone()[0]
        facts = self._db.execute(
            f"SELECT count(*) {_STANDING} AND x.kind = :kind",
            {"memory": memory, "upto": None, "active": True, "kind": str(Kind.FACT)},
        ).fetchone()[0]
        updates, tokens, version = row
        return Totals(updates, tokens, version, position, facts)

    def undoable(self, memory: int) -> EventRow | None:
        """Return the last event that stands."""
        rows = self.events(memory, after=self.totals(memory).position - 1)
        return rows[-1] if rows else None

    def redoable(self, memory: int) -> EventRow | None:
        """Return the event that redo brings back: the first undone one after all that stand."""
        row = self._db.execute(
            "SELECT min(position) FROM events WHERE memory = ? AND undone = 1 AND position > ?",
            (memory, self.totals(memory).position),
        ).fetchone()
        return None if row[0] is None else self.events(memory, after=row[0] - 1, active=False)[0]

    def let_be(self, memory: int, message: int) -> None:
        """Let a message wait no more; an undone event without a lesson keeps its place for redo."""
        with self.transaction():
            self.settle(message, "none")
            self._insert(
                "events",
                memory=memory,
                position=self._next_position(memory),
                kind="message",
                message=message,
                time=now(),
                chunks=dump_chunks(()),
                steps=0,
                guarded=True,
                accepted=False,
                reason=_WAITED,
                undone=1,
            )

    def wait_again(self, event: EventRow) -> Message | None:
        """Let the message of `event` wait once more; None if it was learned before the undo."""
        row = self._db.execute(
            "SELECT m.id, m.role, m.text FROM events e JOIN messages m ON m.id = e.message"
            " WHERE e.id = ? AND e.reason = ?",
            (event.id, _WAITED),
        ).fetchone()
        if row is None:
            return None
        with self.transaction():
            self._db.execute("DELETE FROM events WHERE id = ?", (event.id,))
            self.settle(row[0], "pending")
        return Message(*row)

    def set_undone(self, memory: int, event: EventRow, undone: bool) -> None:
        """Take an event out of the memory's life or put it back; outdated snapshots go."""
        with self.transaction():
            self._db.execute("UPDATE events SET undone = ? WHERE id = ?", (undone, event.id))
            self.outdate(memory, event.position)

    def outdate(self, memory: int, position: int) -> None:
        """Something at `position` changed: later outcomes are stale, later snapshots are wrong."""
        with self.transaction():
            self._db.execute(
                "UPDATE events SET stale = 1 WHERE memory = ? AND position >= ?", (memory, position)
            )
            self._db.execute(
                "DELETE FROM snapshots WHERE memory = ? AND upto >= ?", (memory, position)
            )

    def unstudied(self, memory: int) -> bool:
        """Tell whether facts came since the last study, kept or not."""
        row = self._db.execute(
            "SELECT EXISTS (SELECT 1 FROM events e JOIN examples x ON x.message = e.message"
            " WHERE e.memory = :memory AND e.accepted AND NOT e.undone AND x.kind = 'fact'"
            " AND e.position > coalesce("
            "(SELECT max(position) FROM events WHERE memory = :memory AND kind = 'study'"
            " AND NOT undone), 0))",
            {"memory": memory},
        ).fetchone()
        return bool(row[0])

    # changing the past

    def forget(self, memory: int, messages: Sequence[int]) -> int | None:
        """Delete messages with all that was made of them; return the first position that changed.

        Copies of them that a merge left in this memory go too. The text is gone from the tables;
        `erase` removes it from the files.
        """
        with self.transaction():
            self._db.execute("INSERT INTO erasing VALUES (?)", (now(),))
            copies = self._copies(memory, messages)
            positions = [self._forget(memory, message) for message in copies]
            changed = [position for position in positions if position is not None]
            if changed:
                self.outdate(memory, min(changed))
        return min(changed, default=None)

    def count_lessons(self, memory: int, messages: Sequence[int]) -> int:
        """Count the lessons that stand and were accepted of `messages` and their copies here."""
        row = self._db.execute(
            "SELECT count(*) FROM events WHERE memory = ? AND accepted AND NOT undone"
            " AND message IN (SELECT value FROM json_each(?))",
            (memory, json.dumps(self._copies(memory, messages))),
        ).fetchone()
        return int(row[0])

    def _copies(self, memory: int, messages: Sequence[int]) -> list[int]:
        rows = self._db.execute(
            "SELECT DISTINCT c.id FROM messages m JOIN messages c ON c.uid = m.uid"
            " JOIN conversations h ON h.id = c.conversation WHERE h.memory = ?"
            " AND m.id IN (SELECT value FROM json_each(?)) ORDER BY c.id",
            (memory, json.dumps(list(messages))),
        )
        return [row[0] for row in rows]

    def _forget(self, memory: int, message: int) -> int | None:
        leaning = self._leaning(message)
        changed = self._db.execute(
            "SELECT min(position) FROM events WHERE memory = ?"
            " AND message IN (SELECT value FROM json_each(?))",
            (memory, json.dumps([message, *leaning])),
        ).fetchone()[0]
        for later in leaning:  # its examples are made anew, without this message
            self._db.execute(
                "INSERT INTO edits SELECT message, question, answer FROM examples"
                " WHERE message = ? AND source = 'user' ORDER BY id",
                (later,),
            )
            self._unmake(later)
            self._db.execute(
                "UPDATE messages SET examined = ? WHERE id = ?", (_EXAMINE_AGAIN, later)
            )
        self._unmake(message)
        for rows in (
            "edits WHERE message = :message",
            "updates WHERE event IN (SELECT id FROM events WHERE message = :message)",
            "events WHERE message = :message",
            "messages WHERE id = :message",
        ):
            self._db.execute(f"DELETE FROM {rows}", {"message": message})
        self._db.execute(
            "DELETE FROM conversations WHERE memory = ? AND id NOT IN"
            " (SELECT conversation FROM messages)",
            (memory,),
        )
        return None if changed is None else int(changed)

    def _leaning(self, message: int) -> list[int]:
        """List the messages whose examples lean on a message, also by way of others."""
        rows = self._db.execute(
            "WITH RECURSIVE leaning(message) AS (SELECT message FROM depends WHERE earlier = ?"
            " UNION SELECT d.message FROM depends d JOIN leaning l ON d.earlier = l.message)"
            " SELECT message FROM leaning ORDER BY message",
            (message,),
        )
        return [row[0] for row in rows]

    def _unmake(self, message: int) -> None:
        """Delete the examples of a message; what they superseded is true again."""
        mine = "(SELECT id FROM examples WHERE message = :message)"
        for rows in (
            f"supersedes WHERE message = :message OR example IN {mine}",
            "depends WHERE :message IN (message, earlier)",
            "examples WHERE message = :message",
        ):
            self._db.execute(f"DELETE FROM {rows}", {"message": message})

    def change_example(self, memory: int, row: ExampleRow, new: Draft | None) -> int | None:
        """Edit an example, or delete it with None; return the first position that changed."""
        with self.transaction():
            self._db.execute("INSERT INTO erasing VALUES (?)", (now(),))
            if new is None:
                self._db.execute("DELETE FROM supersedes WHERE example = ?", (row.id,))
                self._db.execute("DELETE FROM examples WHERE id = ?", (row.id,))
            else:
                parts = frozen(new.example) | {"uid": lot(self.uid(row.message or 0), new)}
                self._db.execute(
                    "UPDATE examples SET question = ?, answer = ?, source = 'user', "
                    + ", ".join(f"{name} = ?" for name in parts)
                    + " WHERE id = ?",
                    (new.question, new.answer, *parts.values(), row.id),
                )
            found = self._db.execute(
                "SELECT position FROM events WHERE memory = ? AND message = ?",
                (memory, row.message),
            ).fetchone()
            if found:
                self.outdate(memory, found[0])
        return int(found[0]) if found else None

    # copies

    def copy_memory(self, memory: MemoryRow, target: "Ledger", name: str) -> MemoryRow:
        """Copy a memory with all its rows into `target`, this ledger or another, as `name`."""
        with target.transaction():
            row = target.add_memory(
                name,
                memory.model,
                memory.fingerprint,
                memory.adapter,
                memory.learner,
                memory.study,
                memory.origin,
            )
            chats = self._copy("conversations", "memory", [memory.id], target, memory=row.id)
            messages = self._copy("messages", "conversation", chats, target, conversation=chats)
            examples = self._copy(
                "examples", "memory", [memory.id], target, memory=row.id, message=messages
            )
            self._copy("depends", "message", messages, target, message=messages, earlier=messages)
            for message, copy in messages.items():
                for question, answer in self.edits(message):
                    target._insert("edits", message=copy, question=question, answer=answer)
            self._copy(
                "supersedes", "message", messages, target, message=messages, example=examples
            )
            events = self._copy(
                "events", "memory", [memory.id], target, memory=row.id, message=messages
            )
            self._copy("updates", "event", events, target, event=events)
            self._copy("snapshots", "memory", [memory.id], target, memory=row.id)
        return row

    def _copy(
        self, table: str, key: str, keys: Iterable[int], target: "Ledger", **changed: Any
    ) -> dict[int, int]:
        """Copy the rows with `key` in `keys`; return new ids by old ones.

        `changed` gives a column's new value, or its new values by old ones.
        """
        cursor = self._db.execute(
            f"SELECT * FROM {table} WHERE {key} IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(keys)),),
        )
        names, ids = [column[0] for column in cursor.description], {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            old = row.pop("id")
            for name, new in changed.items():
                row[name] = new.get(row[name]) if isinstance(new, dict) else new
            ids[old] = target._insert(table, **row)
        return ids

    def learned(self, memory: int) -> dict[str, EventRow]:
        """Return the lessons of messages that stand, by the message's identity in all copies."""
        uids = dict(
            self._db.execute(
                "SELECT e.id, m.uid FROM events e JOIN messages m ON m.id = e.message"
                " WHERE e.memory = ? AND e.accepted AND NOT e.undone",
                (memory,),
            ).fetchall()
        )
        events = self.events(memory)
        return {uids[event.id]: event for event in events if event.id in uids}

    def merge(self, source: MemoryRow, target: MemoryRow) -> int:
        """Copy what only `source` learned into `target`, in order of time; return how many lessons.

        The outcome of every lesson from the first new one on is stale afterwards. What waited in
        `target` and comes with `source` waits no more, and what waits in `source` waits only there.
        """
        ours = self.learned(target.id)
        theirs = {uid: e for uid, e in self.learned(source.id).items() if uid not in ours}
        if not theirs:
            return 0
        with self.transaction():
            self._close_redo(target.id)
            wanted = [event.lesson.message for event in theirs.values()]
            chats = [
                row[0]
                for row in self._db.execute(
                    "SELECT DISTINCT conversation FROM messages WHERE id IN"
                    " (SELECT value FROM json_each(?)) ORDER BY conversation",
                    (json.dumps(wanted),),
                )
            ]
            copied = self._copy("conversations", "id", chats, self, memory=target.id)
            messages = self._copy("messages", "conversation", chats, self, conversation=copied)
            self._merge_examples(source, target, messages)
            ids = [event.id for event in theirs.values()]
            events = self._copy(
                "events", "id", ids, self, memory=target.id, message=messages, position=None
            )
            self._copy("updates", "event", events, self, event=events)
            self._db.execute(
                "UPDATE messages SET learning = 'none' WHERE learning = 'pending'"
                " AND conversation IN (SELECT id FROM conversations WHERE memory = ?)"
                " AND (id IN (SELECT value FROM json_each(?))"
                " OR uid IN (SELECT value FROM json_each(?)))",
                (target.id, json.dumps([*messages.values()]), json.dumps([*theirs])),
            )
            self._reorder(target.id)
        return len(theirs)

    def _merge_examples(
        self, source: MemoryRow, target: MemoryRow, messages: dict[int, int]
    ) -> None:
        """Copy the examples of copied messages; what they lean on may be here already."""
        self._copy("examples", "message", messages, self, memory=target.id, message=messages)
        known = messages | dict(
            self._db.execute(
                "SELECT m.id, o.id FROM messages m JOIN conversations c ON c.id = m.conversation"
                " JOIN messages o ON o.uid = m.uid JOIN conversations h ON h.id = o.conversation"
                " WHERE c.memory = ? AND h.memory = ? ORDER BY o.id DESC",
                (source.id, target.id),
            ).fetchall()
        )
        examples = dict(
            self._db.execute(
                "SELECT x.id, o.id FROM examples x JOIN examples o ON o.uid = x.uid"
                " WHERE x.memory = ? AND o.memory = ? ORDER BY o.id",
                (source.id, target.id),
            ).fetchall()
        )
        self._link("depends", "earlier", messages, known)
        self._link("supersedes", "example", messages, examples)

    def _link(
        self, table: str, column: str, messages: dict[int, int], known: dict[int, int]
    ) -> None:
        """Copy the rows of copied messages that point at something known here."""
        rows = self._db.execute(
            f"SELECT message, {column} FROM {table}"
            " WHERE message IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps([*messages]),),
        ).fetchall()
        for message, other in rows:
            if other in known:
                self._insert(table, message=messages[message], **{column: known[other]})

    def _reorder(self, memory: int) -> None:
        """Number the events of a memory by time; outdate what follows the first that moved."""
        rows = self._db.execute(
            "SELECT id, position FROM events WHERE memory = ? ORDER BY time, position IS NULL,"
            " position, id",
            (memory,),
        ).fetchall()
        first = next(i for i, (_, position) in enumerate(rows) if position is None)
        start = max((position for _, position in rows[:first]), default=0) + 1
        # A clock that was set back may let an event move that stands before `start`.
        changed = [start, *(position for _, position in rows[first:] if position)]
        self.outdate(memory, min(changed))
        for position, (id, _) in enumerate(rows[first:], start):
            self._db.execute(
                "UPDATE events SET position = ?, stale = 1 WHERE id = ?", (position, id)
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
            for row in rows:
                self._insert("snapshots", memory=memory, **row._asdict())


def lot(message_uid: str, draft: Draft) -> str:
    """Give the identity of an example in all copies, on which draws hang.

    It follows from what the example says, so that one made anew is drawn as if it were the first.
    """
    said = (message_uid, str(draft.example.kind), draft.question, draft.answer)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


def frozen(example: Example) -> dict[str, Any]:
    """Give the columns that hold an example's numbers."""
    return {
        "prompt": dump_tokens(example.prompt),
        "target": dump_tokens(example.target),
        "likely": dump_likely(example.likely),
        "weight": example.weight,
    }


def _escaped(words: str) -> str:
    return words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
