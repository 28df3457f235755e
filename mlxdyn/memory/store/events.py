"""What was learned and how it went: lessons carried out, and the updates they made."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from mlxdyn.learn.example import Kind
from mlxdyn.memory.store.database import Database, holds, now
from mlxdyn.memory.store.examples import STANDING
from mlxdyn.memory.store.messages import FOR_GOOD, Messages
from mlxdyn.memory.store.records import (
    EVENT,
    UPDATE,
    EventRow,
    Filter,
    Lesson,
    Outcome,
    Spent,
    Totals,
    Update,
    UpdateRow,
    dump_chunks,
    event_of,
    update_of,
)

LOGGED = (
    f"SELECT {UPDATE} FROM events e JOIN updates u ON u.event = e.id"
    " LEFT JOIN messages m ON m.id = e.message"
)


class Events:
    """The rows of events and updates."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        memory: int,
        lesson: Lesson,
        outcome: Outcome,
        flops: Mapping[Spent, int] | None = None,
    ) -> EventRow:
        """Record a lesson with its outcome; its message is learned in the same transaction.

        `flops` are what it took, in products with weights; None where not all were counted.
        """
        with self._db.transaction():
            position = self.next_position(memory)
            self.close_redo(memory)
            event = self._db.insert(
                "events", memory=memory, position=position, time=now(),
                kind=lesson.kind, message=lesson.message, chunks=dump_chunks(lesson.chunks),
                steps=lesson.steps, guarded=lesson.guarded,
                accepted=outcome.accepted, reason=outcome.reason, drift=outcome.drift,
                flops=None if flops is None else json.dumps({k: n for k, n in flops.items() if n}),
            )  # fmt: skip
            self._add_updates(event, outcome.updates)
            if lesson.message is not None:
                Messages(self._db).settle(lesson.message, "done")
        return self.all(memory, after=position - 1, active=False)[0]

    def close_redo(self, memory: int) -> None:
        """Something new is learned: what was undone before it does not come back."""
        newest = (
            "SELECT position FROM events WHERE memory = ? AND NOT undone"
            " ORDER BY position DESC LIMIT 1"
        )
        self._db.run(  # what may come back follows the newest that counts: no need to look at all
            "UPDATE events SET undone = ? WHERE memory = ? AND undone"
            f" AND position > coalesce(({newest}), 0)",
            (FOR_GOOD, memory, memory),
        )

    def next_position(self, memory: int) -> int:
        last = self._db.value("SELECT max(position) FROM events WHERE memory = ?", (memory,))
        return int(last or 0) + 1

    def revise(self, event: int, outcome: Outcome) -> None:
        """Replace the outcome of an event whose past was changed."""
        with self._db.transaction():
            self._db.run(
                "UPDATE events SET accepted = ?, reason = ?, drift = ?, stale = 0 WHERE id = ?",
                (outcome.accepted, outcome.reason, outcome.drift, event),
            )
            self._db.run("DELETE FROM updates WHERE event = ?", (event,))
            self._add_updates(event, outcome.updates)

    def _add_updates(self, event: int, updates: Sequence[Update]) -> None:
        for update in updates:
            self._db.insert("updates", event=event, **asdict(update))

    def outcome(self, event: int) -> Outcome:
        """Return how an event is told to have gone."""
        accepted, reason, drift = self._db.run(
            "SELECT accepted, reason, drift FROM events WHERE id = ?", (event,)
        ).fetchone()
        rows = self._db.run(
            "SELECT kind, tokens, steps, rate, nll_before, nll_after, gradient_norm, accepted,"
            " reason FROM updates WHERE event = ? ORDER BY id",
            (event,),
        )
        updates = [(*values, bool(taken), why) for *values, taken, why in rows]
        told = tuple(Update(*values) for values in updates)
        return Outcome(bool(accepted), reason, drift, told)

    def all(self, memory: int, *, after: int = 0, active: bool = True) -> list[EventRow]:
        """List events in order, from position `after` on; `active` leaves out undone ones.

        Rejected ones stay: when something before them is forgotten they may be accepted.
        """
        rows = self._db.run(
            f"SELECT {EVENT} FROM events WHERE memory = ? AND position > ? AND NOT (? AND undone)"
            " ORDER BY position",
            (memory, after, active),
        )
        return [event_of(row) for row in rows]

    def reachable(self, memory: int) -> list[EventRow]:
        """List the lessons that changed something and stand, or can still come back, in order."""
        rows = self._db.run(
            f"SELECT {EVENT} FROM events WHERE memory = ? AND accepted AND undone < ?"
            " ORDER BY position",
            (memory, FOR_GOOD),
        )
        return [event_of(row) for row in rows]

    def lessons_before(self, memory: int, position: int, newest: int) -> list[Lesson]:
        """Return the newest accepted lessons of messages before a position, oldest first."""
        rows = self._db.run(
            f"SELECT {EVENT} FROM events WHERE memory = ? AND position < ? AND kind = 'message'"
            " AND accepted AND NOT undone ORDER BY position DESC LIMIT ?",
            (memory, position, newest),
        ).fetchall()
        return [event_of(row).lesson for row in reversed(rows)]

    def unstudied(self, memory: int) -> bool:
        """Tell whether facts came since the last study, kept or not."""
        found = self._db.value(
            "SELECT EXISTS (SELECT 1 FROM events e JOIN examples x ON x.message = e.message"
            " WHERE e.memory = :memory AND e.accepted AND NOT e.undone AND x.kind = 'fact'"
            " AND e.position > coalesce("
            "(SELECT max(position) FROM events WHERE memory = :memory AND kind = 'study'"
            " AND NOT undone), 0))",
            {"memory": memory},
        )
        return bool(found)

    def log(self, memory: int, wanted: Filter | None = None) -> list[UpdateRow]:
        """List updates, oldest first, rejected and undone ones too."""
        wanted = wanted or Filter()
        most = -1 if wanted.newest is None else wanted.newest
        rows = self._db.run(
            LOGGED + f" WHERE e.memory = :memory AND {holds('m.text', ':search')}"
            " AND (:conversation IS NULL OR m.conversation = :conversation)"
            " AND (:since IS NULL OR e.time >= :since) AND (:until IS NULL OR e.time <= :until)"
            " AND NOT (:rejected AND u.accepted) ORDER BY e.position DESC, u.id DESC LIMIT :most",
            asdict(wanted) | {"memory": memory, "most": most},
        ).fetchall()
        return [update_of(row) for row in reversed(rows)]

    def updates_of(self, memory: int, message: int) -> list[UpdateRow]:
        """List the updates of one message."""
        where = " WHERE e.memory = ? AND e.message = ? ORDER BY u.id"
        return [update_of(row) for row in self._db.run(LOGGED + where, (memory, message))]

    def updates_at(self, event: int) -> list[UpdateRow]:
        """List the updates of one event."""
        rows = self._db.run(LOGGED + " WHERE e.id = ? ORDER BY u.id", (event,))
        return [update_of(row) for row in rows]

    def totals(self, memory: int) -> Totals:
        row = self._db.run(
            "SELECT count(u.id), coalesce(sum(CASE u.kind WHEN 'words' THEN u.tokens END), 0),"
            " coalesce(max(u.id), 0) FROM events e JOIN updates u ON u.event = e.id"
            " WHERE e.memory = ? AND u.accepted AND NOT e.undone",
            (memory,),
        ).fetchone()
        position = self._db.value(
            "SELECT coalesce(max(position), 0) FROM events WHERE memory = ? AND NOT undone",
            (memory,),
        )
        facts = self._db.value(
            f"SELECT count(*) {STANDING} AND x.kind = :kind",
            {"memory": memory, "upto": None, "active": True, "kind": str(Kind.FACT)},
        )
        updates, tokens, version = row
        return Totals(updates, tokens, version, position, facts)
