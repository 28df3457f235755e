"""Whole memories copied, from one ledger into another or within one, and merged."""

import heapq
import json
from collections.abc import Iterable, Sequence
from itertools import accumulate
from operator import itemgetter
from typing import Any

from mlxdyn.memory.store.database import Database
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, MemoryRow


def copy_memory(source: Ledger, memory: MemoryRow, target: Ledger, name: str) -> MemoryRow:
    """Copy a memory with all its rows into `target`, another ledger or the same, as `name`."""
    copy = _Copy(source.database, target.database)
    recipe = (memory.model, memory.fingerprint, memory.adapter, memory.learner, memory.study)
    with target.transaction():
        row = target.memories.add(name, *recipe, memory.origin)
        target.memories.set_arithmetic(row.id, source.memories.arithmetic(memory.id))
        chats = copy.rows("conversations", "memory", [memory.id], memory=row.id)
        messages = copy.messages(chats)
        own = {"memory": row.id, "message": messages}
        examples = copy.rows("examples", "memory", [memory.id], **own)
        copy.rows("depends", "message", messages, message=messages, earlier=messages)
        for message, twin in messages.items():
            for question, answer in source.examples.edits(message):
                copy.target.insert("edits", message=twin, question=question, answer=answer)
        copy.rows("supersedes", "message", messages, message=messages, example=examples)
        events = copy.rows("events", "memory", [memory.id], **own)
        copy.rows("updates", "event", events, event=events)
        copy.rows("snapshots", "memory", [memory.id], memory=row.id)
    return row


def learned(ledger: Ledger, memory: int) -> dict[str, EventRow]:
    """Return the lessons of messages that stand, by the message's identity in all copies."""
    uids = dict(
        ledger.database.run(
            "SELECT e.id, m.uid FROM events e JOIN messages m ON m.id = e.message"
            " WHERE e.memory = ? AND e.accepted AND NOT e.undone",
            (memory,),
        ).fetchall()
    )
    events = ledger.events.all(memory)
    return {uids[event.id]: event for event in events if event.id in uids}


def merge(ledger: Ledger, source: MemoryRow, target: MemoryRow) -> int:
    """Copy what only `source` learned into `target`, in order of time; return how many lessons.

    The outcome of every lesson from the first new one on is stale afterwards. What waited in
    `target` and comes with `source` waits no more, and what waits in `source` waits only there.
    """
    ours = learned(ledger, target.id)
    theirs = {uid: e for uid, e in learned(ledger, source.id).items() if uid not in ours}
    if not theirs:
        return 0
    db, copy = ledger.database, _Copy(ledger.database, ledger.database)
    with ledger.transaction():
        ledger.events.close_redo(target.id)
        chats = db.run(
            "SELECT DISTINCT conversation FROM messages WHERE id IN"
            " (SELECT value FROM json_each(?)) ORDER BY conversation",
            (json.dumps([event.lesson.message for event in theirs.values()]),),
        ).fetchall()
        copied = copy.rows("conversations", "id", [chat for (chat,) in chats], memory=target.id)
        messages = copy.messages(copied)
        _merge_examples(copy, source, target, messages)
        own = {"memory": target.id, "message": messages, "position": None, "stale": 1}
        events = copy.rows("events", "id", [event.id for event in theirs.values()], **own)
        copy.rows("updates", "event", events, event=events)
        db.run(
            "UPDATE messages SET learning = 'none' WHERE learning = 'pending'"
            " AND conversation IN (SELECT id FROM conversations WHERE memory = ?)"
            " AND (id IN (SELECT value FROM json_each(?))"
            " OR uid IN (SELECT value FROM json_each(?)))",
            (target.id, json.dumps([*messages.values()]), json.dumps([*theirs])),
        )
        _reorder(ledger, target.id, [events[event.id] for event in theirs.values()])
        for event in theirs.values():
            if event.lesson.message in messages:
                ledger.examples.reconcile(messages[event.lesson.message])
    return len(theirs)


def _merge_examples(
    copy: "_Copy", source: MemoryRow, target: MemoryRow, messages: dict[int, int]
) -> None:
    """Copy the examples of copied messages; what they depend on may be here already."""
    copy.rows("examples", "message", messages, memory=target.id, message=messages)
    known = messages | dict(
        copy.source.run(
            "SELECT m.id, o.id FROM messages m JOIN conversations c ON c.id = m.conversation"
            " JOIN messages o ON o.uid = m.uid JOIN conversations h ON h.id = o.conversation"
            " WHERE c.memory = ? AND h.memory = ? ORDER BY o.id DESC",
            (source.id, target.id),
        ).fetchall()
    )
    examples = dict(
        copy.source.run(
            "SELECT x.id, o.id FROM examples x JOIN examples o ON o.uid = x.uid"
            " WHERE x.memory = ? AND o.memory = ? ORDER BY o.id DESC",
            (source.id, target.id),
        ).fetchall()
    )
    copy.links("depends", "earlier", messages, known)
    copy.links("supersedes", "example", messages, examples, " AND NOT asked")


def _reorder(ledger: Ledger, memory: int, new: Sequence[int]) -> None:
    """Number the events of a memory, with the `new` ones in their order, by time.

    Where a clock was set back, a lesson counts as no earlier than the one before it: what either
    memory learned stays in its order, also once that lesson is forgotten. What follows the first
    new one is outdated.
    """
    db = ledger.database
    times = dict(db.run("SELECT id, time FROM events WHERE memory = ?", (memory,)).fetchall())
    own = db.run(
        "SELECT id, position FROM events WHERE memory = ? AND position IS NOT NULL"
        " ORDER BY position, id",
        (memory,),
    ).fetchall()
    kept = [id for id, _ in own]
    dated = [zip(accumulate((times[i] for i in ids), max), ids, strict=True) for ids in (kept, new)]
    ordered = [id for _, id in heapq.merge(*dated, key=itemgetter(0))]
    first = ordered.index(new[0])
    start = own[first - 1][1] + 1 if first else 1
    ledger.past.outdate(memory, start)
    for position, id in enumerate(ordered[first:], start):
        db.run("UPDATE events SET position = ?, stale = 1 WHERE id = ?", (position, id))


class _Copy:
    """Rows on their way from one database into another, or the same."""

    def __init__(self, source: Database, target: Database) -> None:
        self.source, self.target = source, target

    def rows(self, table: str, key: str, keys: Iterable[int], **changed: Any) -> dict[int, int]:
        """Copy the rows with `key` in `keys`; return new ids by old ones.

        `changed` gives a column's new value, or its new values by old ones.
        """
        cursor = self.source.run(
            f"SELECT * FROM {table} WHERE {key} IN (SELECT value FROM json_each(?)) ORDER BY id",
            (json.dumps(list(keys)),),
        )
        names, ids = [column[0] for column in cursor.description], {}
        for values in cursor.fetchall():
            row = dict(zip(names, values, strict=True))
            old = row.pop("id")
            for name, new in changed.items():
                row[name] = new.get(row[name]) if isinstance(new, dict) else new
            ids[old] = self.target.insert(table, **row)
        return ids

    def messages(self, chats: dict[int, int]) -> dict[int, int]:
        """Copy the messages of copied conversations, with their branches."""
        messages = self.rows("messages", "conversation", chats, conversation=chats)
        for table, column, copies in (
            ("messages", "parent", messages), ("conversations", "head", chats),
        ):  # fmt: skip
            for twin in copies.values():
                old = self.target.value(f"SELECT {column} FROM {table} WHERE id = ?", (twin,))
                self.target.run(
                    f"UPDATE {table} SET {column} = ? WHERE id = ?", (messages.get(old), twin)
                )
        return messages

    def links(
        self,
        table: str,
        column: str,
        messages: dict[int, int],
        known: dict[int, int],
        also: str = "",
    ) -> None:
        """Copy the rows of copied messages that point at something known here."""
        rows = self.source.run(
            f"SELECT message, {column} FROM {table}"
            f" WHERE message IN (SELECT value FROM json_each(?)){also} ORDER BY id",
            (json.dumps([*messages]),),
        ).fetchall()
        for message, other in rows:
            if other in known:
                self.target.insert(table, message=messages[message], **{column: known[other]})
