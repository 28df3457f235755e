"""What messages teach, frozen, and what should stay as it is."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from mlxdyn.learn.example import Draft, Example, Kind, dump_likely, dump_tokens
from mlxdyn.memory.store.database import Database
from mlxdyn.memory.store.messages import Messages
from mlxdyn.memory.store.records import EXAMPLE, ExampleRow, example_of

_STANDS = (
    "{0}.memory = :memory AND {0}.accepted AND NOT {0}.undone"
    " AND (:upto IS NULL OR {0}.position <= :upto)"
)
STANDING = (  # CROSS JOIN: the few that supersede are read first
    "FROM events e JOIN examples x ON x.message = e.message"
    f" WHERE {_STANDS.format('e')} AND (NOT :active OR NOT EXISTS"
    " (SELECT 1 FROM supersedes s CROSS JOIN events l ON l.message = s.message"
    f" WHERE s.example = x.id AND {_STANDS.format('l')}))"
)
"""Examples of lessons that stand at position `upto`; if `active`, those true by then."""
_TURN = "coalesce((SELECT max(position) FROM events WHERE message = {0}.message), 9e18)"
_SUPERSEDED = (
    "SELECT 1 FROM supersedes s JOIN events l ON l.message = s.message"
    " WHERE s.example = x.id AND l.accepted AND NOT l.undone"
)


class Examples:
    """The rows of examples, what they depend on and what they supersede."""

    def __init__(self, database: Database) -> None:
        self._db = database

    def add(
        self,
        memory: int,
        message: int | None,
        drafts: Iterable[Draft],
        *,
        source: str = "base",
        depends_on: Sequence[int] = (),
        superseded: Sequence[int] = (),
        examined: bool = True,
    ) -> None:
        """Freeze what a message teaches, and that it was `examined`, even if there is nothing.

        `depends_on` are the earlier messages that were read with it, `superseded` the earlier
        examples that it makes untrue. Without a message it is the regularization set.
        """
        with self._db.transaction():
            told_by = Messages(self._db).uid(message) if message else ""
            for draft in drafts:
                self._db.insert(
                    "examples", memory=memory, message=message, uid=lot(told_by, draft),
                    kind=str(draft.example.kind), source=source,
                    question=draft.question, answer=draft.answer, **frozen(draft.example),
                )  # fmt: skip
            for earlier in depends_on:
                self._db.insert("depends", message=message, earlier=earlier)
            for example in superseded:
                self._db.insert("supersedes", example=example, message=message)
            if message:
                self.reconcile(message)
            self._db.run("UPDATE messages SET examined = ? WHERE id = ?", (int(examined), message))
            self._db.run("DELETE FROM edits WHERE message = ?", (message,))

    def reconcile(self, message: int) -> None:
        """Note what the examples of a message and those of others make untrue of each other.

        Of one question, the answer that was learned last is true, and no near miss is; what waits
        is learned in turn. It does not matter which of two messages was examined first, nor what
        was noted before.
        """
        self._db.run(
            "DELETE FROM supersedes WHERE asked AND (message = :message"
            " OR example IN (SELECT id FROM examples WHERE message = :message))",
            {"message": message},
        )
        for own, other in (("x", "f"), ("f", "x")):  # each is read by its index
            self._db.run(
                "INSERT INTO supersedes (example, message, asked)"
                " SELECT DISTINCT x.id, f.message, 1"
                f" FROM examples {own} CROSS JOIN examples {other} ON f.question = x.question"
                f" WHERE {own}.message = :message AND f.memory = x.memory AND f.kind = 'fact'"
                " AND f.message <> x.message AND (x.kind = 'near_miss' OR"
                " (x.kind = 'fact' AND f.answer <> x.answer"
                f" AND ({_TURN.format('f')}, f.message) > ({_TURN.format('x')}, x.message)))"
                " AND NOT EXISTS (SELECT 1 FROM supersedes s"
                " WHERE s.example = x.id AND s.message = f.message) ORDER BY x.id, f.message",
                {"message": message},
            )

    def edits(self, message: int) -> list[tuple[str, str]]:
        """List what the user corrected by hand before a message is examined (again)."""
        found = self._db.run(
            "SELECT question, answer FROM edits WHERE message = ? ORDER BY rowid", (message,)
        )
        return [(row[0], row[1]) for row in found]

    def corrected_in(self, conversation: int) -> list[tuple[int, str, str]]:
        """List what the user corrected by hand in a conversation: message, a question, answer."""
        rows = self._db.run(
            "SELECT x.message, min(x.question), x.answer"
            " FROM examples x JOIN messages m ON m.id = x.message"
            " WHERE m.conversation = ? AND x.source = 'user'"
            f" AND NOT EXISTS ({_SUPERSEDED})"
            " GROUP BY x.message, x.answer ORDER BY x.message",
            (conversation,),
        )
        return [tuple(row) for row in rows]

    def active(self, memory: int, *, upto: int | None = None) -> list[ExampleRow]:
        """List the active examples of all lessons that stand, in order of learning.

        Active at position `upto` (default: now) are those that no message learned by then made
        untrue.
        """
        return self._examples(memory, upto, active=True)

    def lots(self, memory: int, *, upto: int) -> list[tuple[int, str]]:
        """List what `active` does, each as its id and its uid: to draw from, there may be many."""
        rows = self._db.run(
            f"SELECT x.id, x.uid {STANDING} ORDER BY e.position, x.id",
            {"memory": memory, "upto": upto, "active": True},
        )
        return [tuple(row) for row in rows]

    def these(self, examples: Sequence[int]) -> list[ExampleRow]:
        """Read examples by their ids, in the order in which they are named."""
        rows = self._db.run(
            f"SELECT {EXAMPLE} FROM examples x WHERE id IN (SELECT value FROM json_each(?))",
            (json.dumps([*examples]),),
        )
        found = {row.id: row for row in map(example_of, rows)}
        return [found[id] for id in examples]

    def told(self, memory: int) -> list[ExampleRow]:
        """List the examples of all lessons that stand, superseded ones too."""
        return self._examples(memory, None, active=False)

    def _examples(self, memory: int, upto: int | None, *, active: bool) -> list[ExampleRow]:
        rows = self._db.run(
            f"SELECT {EXAMPLE} {STANDING} ORDER BY e.position, x.id",
            {"memory": memory, "upto": upto, "active": active},
        )
        return [example_of(row) for row in rows]

    def all(self, memory: int) -> list[ExampleRow]:
        """List all examples there are, whatever became of their lessons."""
        rows = self._db.run(
            f"SELECT {EXAMPLE} FROM examples x WHERE memory = ? ORDER BY id", (memory,)
        )
        return [example_of(row) for row in rows]

    def of(self, message: int) -> list[ExampleRow]:
        rows = self._db.run(
            f"SELECT {EXAMPLE} FROM examples x WHERE message = ? ORDER BY id", (message,)
        )
        return [example_of(row) for row in rows]

    def facts(self, message: int) -> list[ExampleRow]:
        """List what a message taught."""
        return [row for row in self.of(message) if row.kind == Kind.FACT]

    def depends_on(self, message: int) -> list[int]:
        """Name the earlier messages that were read with a message."""
        rows = self._db.run(
            "SELECT earlier FROM depends WHERE message = ? ORDER BY earlier", (message,)
        )
        return [row[0] for row in rows]

    def known_before(self, message: int) -> list[tuple[int, str, str, str]]:
        """List what stands of the facts that earlier messages taught, oldest first.

        Each is the message, its text, a question and the answer.
        """
        rows = self._db.run(
            "SELECT x.message, m.text, x.question, x.answer"
            " FROM examples x JOIN messages m ON m.id = x.message"
            " WHERE x.kind = 'fact' AND x.message < :message"
            " AND x.memory = (SELECT c.memory FROM messages n"
            " JOIN conversations c ON c.id = n.conversation WHERE n.id = :message)"
            " AND EXISTS (SELECT 1 FROM events e WHERE e.message = x.message"
            " AND e.accepted AND NOT e.undone)"
            f" AND NOT EXISTS ({_SUPERSEDED})"
            " ORDER BY x.message, x.id",
            {"message": message},
        )
        return [tuple(row) for row in rows]

    def answered(self, memory: int, *, upto: int) -> set[int]:
        """Name the near misses whose question is answered by what stands at position `upto`."""
        found = self._db.column(
            "SELECT x.id FROM supersedes s JOIN examples x ON x.id = s.example"
            " JOIN events l ON l.message = s.message"
            f" WHERE x.kind = 'near_miss' AND {_STANDS.format('l')}",
            {"memory": memory, "upto": upto},
        )
        return {*found}

    def superseded_by(self, message: int) -> set[int]:
        """Name the examples that a message makes untrue."""
        return {*self._db.column("SELECT example FROM supersedes WHERE message = ?", (message,))}

    def regularization(self, memory: int) -> list[ExampleRow]:
        """List what learning should leave as it is."""
        rows = self._db.run(
            f"SELECT {EXAMPLE} FROM examples x WHERE memory = ? AND message IS NULL ORDER BY id",
            (memory,),
        )
        return [example_of(row) for row in rows]

    def find(self, example: int, memory: int) -> ExampleRow | None:
        """Return one example of this memory."""
        rows = self._db.run(
            f"SELECT {EXAMPLE} FROM examples x WHERE id = ? AND memory = ? AND message IS NOT NULL",
            (example, memory),
        )
        return next(map(example_of, rows), None)


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
