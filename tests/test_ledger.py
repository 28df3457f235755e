"""Laws of the ledger: durable rows, one schema, private files; no MLX needed."""

import os
import sqlite3
from pathlib import Path

import pytest

from mlxdyn.errors import MlxdynError
from mlxdyn.ledger import MIGRATIONS, Ledger, SnapshotRow
from mlxdyn.stream import Chunk

LESSON = Chunk((1, 5), (7, 8, 9), (1.0, 0.5, 0.0))


def founded(ledger: Ledger) -> tuple[int, int]:
    """Add a memory and a conversation of its own; return both ids."""
    memory = ledger.add_memory("m", "wren", "f" * 16, {"rank": 8}, {"optimizer": "adam0"})
    return memory.id, ledger.add_conversation(memory.id)


def record(ledger: Ledger, memory: int, message: int, **changes) -> int:
    values = dict(tokens=3, nll_before=2.0, nll_after=1.0, gradient_norm=0.5, accepted=True)
    return ledger.add_update(
        memory, message, LESSON, **(values | dict(reason="", last=True) | changes)
    )


def test_everything_written_is_read_back_by_another_connection(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    message = ledger.add_message(conversation, "user", "hello\n  there", "pending")
    update = record(ledger, memory, message.id)
    ledger.set_snapshots(memory, [SnapshotRow(update, "f.safetensors", "abc")])
    other = Ledger(tmp_path / "db")
    row = other.updates(memory)[0]
    assert other.memory("m") == ledger.memory("m")
    assert other.messages(conversation) == [message]
    assert (row.update, row.message, row.text, row.lesson) == (
        update,
        message.id,
        message.text,
        LESSON,
    )
    assert (row.tokens, row.nll_before, row.nll_after, row.gradient_norm) == (3, 2.0, 1.0, 0.5)
    assert row.accepted and not row.undone
    assert other.snapshots(memory) == [SnapshotRow(update, "f.safetensors", "abc")]
    assert other.conversations(memory)[0].title == "hello there"
    assert other.integrity() == "ok"


def test_a_newer_schema_is_refused_and_left_alone(tmp_path: Path):
    Ledger(tmp_path / "db").close()
    newer = len(MIGRATIONS) + 1
    with sqlite3.connect(tmp_path / "db") as db:
        db.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(MlxdynError, match=f"newer mlxdyn .schema {newer}.; update"):
        Ledger(tmp_path / "db")
    assert db.execute("PRAGMA user_version").fetchone()[0] == newer
    db.close()


def test_opening_again_keeps_the_schema_and_the_rows(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, _ = founded(ledger)
    ledger.close()
    assert [row.id for row in Ledger(tmp_path / "db").memories()] == [memory]


def test_a_file_that_is_no_ledger_is_named(tmp_path: Path):
    (tmp_path / "db").write_bytes(b"certainly not a database" * 100)
    with pytest.raises(MlxdynError, match="cannot be opened"):
        Ledger(tmp_path / "db")


def test_files_are_private_whatever_the_umask(tmp_path: Path):
    before = os.umask(0)
    try:
        ledger = Ledger(tmp_path / "db")
        founded(ledger)
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    finally:
        os.umask(before)


def test_in_ram_nothing_touches_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    ledger = Ledger(None)
    ledger.add_message(ledger.add_conversation(None), "user", "secret", "none")
    assert ledger.conversations(None)[0].title == "secret"
    assert list(tmp_path.iterdir()) == []


def test_a_failing_transaction_leaves_nothing(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    _, conversation = founded(ledger)
    with pytest.raises(ZeroDivisionError), ledger.transaction():
        ledger.add_message(conversation, "user", "half", "none")
        raise ZeroDivisionError
    assert ledger.messages(conversation) == []


def test_the_last_update_settles_its_message_in_the_same_step(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    message = ledger.add_message(conversation, "user", "hello", "pending").id
    record(ledger, memory, message, last=False)
    assert ledger.pending(memory) == [message]
    record(ledger, memory, message)
    assert ledger.pending(memory) == []


def test_messages_wait_in_the_order_they_were_said(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    said = [ledger.add_message(conversation, "user", word, "pending").id for word in "abc"]
    ledger.add_message(conversation, "assistant", "d", "none")
    assert ledger.pending(memory) == said
    ledger.settle(said[1], "done")
    assert ledger.pending(memory) == [said[0], said[2]]


def test_rejected_and_undone_updates_stay_on_record_but_do_not_count(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    message = ledger.add_message(conversation, "user", "hello", "pending").id
    kept = record(ledger, memory, message)
    refused = record(ledger, memory, message, accepted=False, reason="not finite", nll_after=None)
    undone = record(ledger, memory, message)
    ledger.set_snapshots(memory, [SnapshotRow(undone, "b", ""), SnapshotRow(kept, "a", "")])
    ledger.undo([undone])
    assert [row.update for row in ledger.updates(memory)] == [kept]
    assert [row.update for row in ledger.updates(memory, active=False)] == [kept, refused, undone]
    assert ledger.totals(memory) == (1, 3, kept)
    assert [row.file for row in ledger.snapshots(memory)] == ["a"]


def test_memories_do_not_see_each_other(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    other = ledger.add_memory("other", "wren", "f", {}, {}).id
    record(ledger, memory, ledger.add_message(conversation, "user", "a", "pending").id, last=False)
    assert ledger.totals(other) == (0, 0, 0)
    assert (ledger.updates(other), ledger.pending(other), ledger.conversations(other)) == (
        [],
        [],
        [],
    )
    with pytest.raises(sqlite3.IntegrityError):
        ledger.add_memory("m", "wren", "f", {}, {})
