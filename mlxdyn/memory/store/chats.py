"""Conversations in a list and their branches: found, renamed, pinned, hidden, walked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mlxdyn.memory.store.conversations import LONGEST as TITLE
from mlxdyn.memory.store.database import holds, now
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Brought

FOUND = 200  # hits of a search, the newest
LONGEST = 200  # characters of a title
Turn = tuple[str, str]  # role and text


@dataclass(frozen=True, slots=True)
class Hit:
    """A message that has the words that were looked for."""

    conversation: int
    title: str
    created: str  # ISO 8601, UTC
    role: str
    text: str


def search(ledger: Ledger, memory: int | None, words: str) -> list[Hit]:
    """Find messages with all of `words`, the newest first."""
    wanted = words.split()
    having = "".join(f" AND {holds('m.text', f'?{n}')}" for n in range(2, len(wanted) + 2))
    rows = _read(ledger,
        "SELECT c.id, coalesce(c.title,"
        " (SELECT text FROM messages WHERE conversation = c.id ORDER BY id LIMIT 1)),"
        " m.created, m.role, m.text FROM messages m JOIN conversations c ON c.id = m.conversation"
        f" WHERE c.memory IS ?1 AND NOT c.hidden{having} ORDER BY m.id DESC LIMIT {FOUND}",
        memory, *wanted,
    )  # fmt: skip
    return [Hit(id, " ".join(title[:TITLE].split()), *rest) for id, title, *rest in rows]


def latest(ledger: Ledger, memory: int | None) -> int:
    """Return the conversation in which something was said last; 0 where there is none."""
    rows = _read(
        ledger,
        "SELECT m.conversation FROM messages m JOIN conversations c ON c.id = m.conversation"
        " WHERE c.memory IS ? AND NOT c.hidden AND NOT m.imported ORDER BY m.id DESC LIMIT 1",
        memory,
    )
    return int(rows[0][0]) if rows else 0


def rename(ledger: Ledger, conversation: int, title: str) -> None:
    """Give a conversation a title; an empty one makes it that of its first words again."""
    _write(ledger, "UPDATE conversations SET title = ? WHERE id = ?", title or None, conversation)


def pin(ledger: Ledger, conversation: int, on: bool) -> None:
    _write(ledger, "UPDATE conversations SET pinned = ? WHERE id = ?", on, conversation)


def hide(ledger: Ledger, conversation: int, on: bool) -> None:
    """Take a conversation out of the list, or bring it back; what it taught stays."""
    _write(ledger, "UPDATE conversations SET hidden = ? WHERE id = ?", on, conversation)


def bring(
    ledger: Ledger, memory: int, title: str, created: str, turns: Sequence[Turn],
    *, learn: bool = False,
) -> Brought:  # fmt: skip
    """Add a conversation of another program; with `learn`, the user's words wait to be learned.

    One that is here already stays once, and takes in the turns that it has gone on with. Where
    `created` is "", it is known by its turns alone.
    """
    chat, known = 0, 0
    here = _beginning(ledger, memory, created, turns[0][1])
    for id in here:
        messages = ledger.messages.of(id)
        said = [(message.role, message.text) for message in messages]
        if said[: len(turns)] == [*turns]:
            return "here"
        goes_on = said == [*turns[: len(said)]] and all(one.imported for one in messages)
        if goes_on and len(said) >= known:
            chat, known = id, len(said)
    if here and created and not chat:
        return "other"
    with ledger.transaction():
        new = not chat
        chat = chat or _begun(ledger, memory, title, created or now())
        for role, text in turns[known:]:
            waits = learn and role == "user"
            ledger.messages.add(chat, role, text, "pending" if waits else "none")
        _write(ledger, "UPDATE messages SET imported = 1, created ="
               " (SELECT created FROM conversations WHERE id = conversation)"
               " WHERE conversation = ? AND NOT imported", chat)  # fmt: skip
    return "new" if new else "longer"


def _beginning(ledger: Ledger, memory: int, created: str, text: str) -> list[int]:
    """Name the conversations that begin with a text, and at that time if one is told."""
    rows = _read(ledger,
        "SELECT DISTINCT c.id FROM conversations c JOIN messages m ON m.conversation = c.id"
        " WHERE c.memory = ? AND ? IN ('', c.created) AND m.parent IS NULL AND m.text = ?",
        memory, created, text,
    )  # fmt: skip
    return [id for (id,) in rows]


def _begun(ledger: Ledger, memory: int, title: str, created: str) -> int:
    chat = ledger.conversations.add(memory)
    _write(ledger, "UPDATE conversations SET title = ?, created = ? WHERE id = ?",
           title[:LONGEST] or None, created, chat)  # fmt: skip
    return chat


def all_messages(ledger: Ledger, conversation: int) -> list[int]:
    """Name the messages of all branches."""
    return [
        id
        for (id,) in _read(
            ledger, "SELECT id FROM messages WHERE conversation = ? ORDER BY id", conversation
        )
    ]


def said(ledger: Ledger, memory: int | None, newest: int) -> list[str]:
    """List what the user said last in all conversations, oldest first."""
    rows = _read(ledger,
        "SELECT m.text FROM messages m JOIN conversations c ON c.id = m.conversation"
        " WHERE c.memory IS ? AND m.role = 'user' AND NOT m.imported ORDER BY m.id DESC LIMIT ?",
        memory, newest,
    )  # fmt: skip
    return [text for (text,) in reversed(rows)]


def parent(ledger: Ledger, message: int) -> int:
    """Return the message before; 0 where it is the first."""
    rows = _read(ledger, "SELECT parent FROM messages WHERE id = ?", message)
    return int(rows[0][0] or 0) if rows else 0


def versions(ledger: Ledger, message: int) -> list[int]:
    """Name the versions of a message, itself among them, oldest first."""
    rows = _read(
        ledger,
        "SELECT s.id FROM messages m JOIN messages s ON s.conversation = m.conversation"
        " AND s.parent IS m.parent AND s.role = m.role WHERE m.id = ? ORDER BY s.id",
        message,
    )
    return [id for (id,) in rows]


def show(ledger: Ledger, message: int) -> None:
    """Open the branch that goes on from a message, where it forks the newest."""
    (conversation,) = _read(ledger, "SELECT conversation FROM messages WHERE id = ?", message)[0]
    while later := _read(ledger, "SELECT max(id) FROM messages WHERE parent = ?", message)[0][0]:
        message = later
    ledger.conversations.set_head(conversation, message)


def extend(ledger: Ledger, message: int, text: str) -> None:
    """Let a message, say one that was cut short, have this text."""
    _write(ledger, "UPDATE messages SET text = ? WHERE id = ?", text, message)
    ledger.secrets.search_again(message)


def _read(ledger: Ledger, sql: str, *values: object) -> list[tuple[Any, ...]]:
    return ledger.database.run(sql, values).fetchall()


def _write(ledger: Ledger, sql: str, *values: object) -> None:
    ledger.database.run(sql, values)
