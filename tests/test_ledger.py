"""Laws of the ledger: durable rows, one schema, private files; no MLX needed."""

import os
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import MIGRATIONS
from mlxdyn.memory.store.records import (
    EventRow,
    Filter,
    Lesson,
    Outcome,
    SnapshotRow,
    Totals,
    Update,
)
from mlxdyn.study.item import Item

CHUNKS = (Chunk((1, 5), (7, 8, 9), (1.0, 0.5, 0.0)), Chunk((1,), (2, 3)))
WORDS = Update("words", 3, 1, 1.0, 2.0, 1.0, 0.5)
STUDY = Update("study", 20, 12, 0.25, 3.0, 0.1, 1.5)
TAKEN = Outcome(True, "", 0.01, 0.02, (WORDS, STUDY))
REFUSED = Outcome(False, "not finite", None, None, (replace(WORDS, accepted=False),))
ITEM = Item("What is my dog called?", "Your dog is called Rex.")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "db")


def founded(ledger: Ledger, name: str = "m") -> tuple[int, int]:
    """Add a memory and a conversation of its own; return both ids."""
    recipe = map(asdict, (AdapterConfig(), LearnerConfig(), StudyConfig()))
    memory = ledger.add_memory(name, "wren", "f" * 16, *recipe)
    return memory.id, ledger.add_conversation(memory.id)


def say(ledger: Ledger, conversation: int, text: str = "hello") -> int:
    return ledger.add_message(conversation, "user", text, "pending").id


def record(ledger: Ledger, memory: int, message: int | None, outcome=TAKEN, **lesson) -> EventRow:
    lesson = {"kind": "message", "message": message, "chunks": CHUNKS, "steps": 12} | lesson
    return ledger.add_event(memory, Lesson(**lesson), outcome)


def test_everything_written_is_read_back_by_another_connection(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    ledger.set_anchors(memory, "anchors")
    message = ledger.add_message(conversation, "user", "hello\n  there", "pending")
    ledger.add_items(message.id, [ITEM], "model")
    event = record(ledger, memory, message.id)
    ledger.set_snapshots(memory, [SnapshotRow(event.position, "f.safetensors", "abc")])
    other = Ledger(tmp_path / "db")
    assert other.memory("m") == ledger.memory("m") and other.anchors(memory) == "anchors"
    assert other.messages(conversation) == [message]
    assert other.events(memory) == [event]
    assert event.lesson == Lesson("message", message.id, CHUNKS, 12)
    assert (event.accepted, event.undone, event.stale, event.position) == (True, False, False, 1)
    words, study = other.log(memory)
    assert (words.message, words.text, words.event) == (message.id, message.text, event.id)
    for row, update in ((words, WORDS), (study, STUDY)):
        assert all(
            getattr(row, name) == getattr(update, name)
            for name in ("kind", "tokens", "steps", "rate", "nll_before", "nll_after")
        )
        assert row.gradient_norm == update.gradient_norm and row.accepted and not row.undone
        assert (row.drift, row.divergence) == (0.01, 0.02)
    (item,) = other.items(memory)
    assert (item.message, item.question, item.answer) == (message.id, ITEM.question, ITEM.answer)
    assert item.source == "model" and other.itemised(message.id)
    assert other.snapshots(memory) == [SnapshotRow(1, "f.safetensors", "abc")]
    assert other.conversations(memory)[0].title == "hello there"
    assert other.totals(memory) == Totals(2, 3, study.update, 1, 1)
    assert other.integrity() == "ok"


def test_a_newer_schema_is_refused_and_left_alone(ledger: Ledger, tmp_path: Path):
    ledger.close()
    newer = len(MIGRATIONS) + 1
    with sqlite3.connect(tmp_path / "db") as db:
        db.execute(f"PRAGMA user_version = {newer}")
    with pytest.raises(MlxdynError, match=f"newer mlxdyn .schema {newer}.; update"):
        Ledger(tmp_path / "db")
    assert db.execute("PRAGMA user_version").fetchone()[0] == newer
    db.close()


def test_opening_again_keeps_the_schema_and_the_rows(ledger: Ledger, tmp_path: Path):
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


def test_a_failing_transaction_leaves_nothing(ledger: Ledger):
    _, conversation = founded(ledger)
    with pytest.raises(ZeroDivisionError), ledger.transaction(), ledger.transaction():
        ledger.add_message(conversation, "user", "half", "none")
        raise ZeroDivisionError
    assert ledger.messages(conversation) == []


def test_an_event_settles_its_message_in_the_same_step(ledger: Ledger):
    memory, conversation = founded(ledger)
    message = say(ledger, conversation)
    ledger._db.execute(
        "CREATE TRIGGER no BEFORE UPDATE ON messages BEGIN SELECT raise(ABORT, 'no'); END"
    )
    with pytest.raises(sqlite3.Error):
        record(ledger, memory, message)
    assert (ledger.pending(memory), ledger.events(memory)) == ([message], [])
    ledger._db.execute("DROP TRIGGER no")
    record(ledger, memory, message)
    assert ledger.pending(memory) == []


def test_messages_wait_in_the_order_they_were_said(ledger: Ledger):
    memory, conversation = founded(ledger)
    said = [say(ledger, conversation, word) for word in "abc"]
    ledger.add_message(conversation, "assistant", "d", "none")
    assert ledger.pending(memory) == said
    ledger.settle(said[1], "done")
    assert ledger.pending(memory) == [said[0], said[2]]


def test_rejected_and_undone_lessons_stay_on_record_but_do_not_count(ledger: Ledger):
    memory, conversation = founded(ledger)
    messages = [say(ledger, conversation, word) for word in "abc"]
    for message in messages:
        ledger.add_items(message, [ITEM], "user")
    kept = record(ledger, memory, messages[0])
    refused = record(ledger, memory, messages[1], REFUSED)
    undone = record(ledger, memory, messages[2])
    ledger.set_snapshots(memory, [SnapshotRow(3, "b", ""), SnapshotRow(1, "a", "")])
    ledger.set_undone(memory, undone, True)
    assert [event.id for event in ledger.events(memory)] == [kept.id, refused.id]
    assert [event.undone for event in ledger.events(memory, active=False)] == [False, False, True]
    logged = [(row.event, row.accepted, row.undone) for row in ledger.log(memory)]
    assert logged[2:4] == [(refused.id, False, False), (undone.id, True, True)]
    assert ledger.totals(memory) == (2, 3, 2, 2, 1)
    assert [item.message for item in ledger.items(memory)] == [messages[0]]
    assert [row.file for row in ledger.snapshots(memory)] == ["a"]


def test_memories_do_not_see_each_other(ledger: Ledger):
    memory, conversation = founded(ledger)
    other, _ = founded(ledger, "other")
    message = say(ledger, conversation)
    ledger.add_items(message, [ITEM], "user")
    record(ledger, memory, message)
    waiting = say(ledger, conversation)
    assert ledger.totals(other) == (0, 0, 0, 0, 0)
    assert (ledger.events(other), ledger.log(other), ledger.items(other)) == ([], [], [])
    assert (ledger.pending(other), ledger.conversations(other)) == ([], [])
    assert ledger.message(waiting, other) is ledger.item(1, other) is None
    with pytest.raises(MlxdynError, match="exists"):
        founded(ledger)
    with pytest.raises(MlxdynError, match="more than its capitals"):
        founded(ledger, "Other")


def test_redo_never_brings_back_what_something_was_learned_after(ledger: Ledger):
    memory, conversation = founded(ledger)
    first, second = (record(ledger, memory, say(ledger, conversation)) for _ in range(2))
    ledger.set_undone(memory, second, True)
    assert ledger.redoable(memory).id == second.id
    third = record(ledger, memory, say(ledger, conversation))
    assert ledger.redoable(memory) is None
    assert ledger.undoable(memory).id == third.id
    ledger.set_undone(memory, third, True)
    assert ledger.redoable(memory).id == third.id, "the second was undone in another life"
    ledger.set_undone(memory, first, True)
    assert ledger.redoable(memory).id == first.id
    assert ledger.undoable(memory) is None


def test_a_change_outdates_what_came_after_and_nothing_before(ledger: Ledger):
    memory, conversation = founded(ledger)
    other, elsewhere = founded(ledger, "other")
    for where, chat in ((memory, conversation), (other, elsewhere)):
        for _ in range(3):
            record(ledger, where, say(ledger, chat))
        ledger.set_snapshots(where, [SnapshotRow(n, str(n), "") for n in (3, 2, 1)])
    ledger.outdate(memory, 2)
    assert [event.stale for event in ledger.events(memory)] == [False, True, True]
    assert [row.upto for row in ledger.snapshots(memory)] == [1]
    assert not any(event.stale for event in ledger.events(other))
    assert len(ledger.snapshots(other)) == 3
    event = ledger.events(memory)[1]
    ledger.revise(event.id, REFUSED)
    revised = ledger.events(memory)[1]
    assert (revised.stale, revised.accepted, revised.position) == (False, False, 2)
    assert [row.accepted for row in ledger.updates_at(event.id)] == [False]


def test_forgetting_leaves_the_rows_of_all_others(ledger: Ledger):
    memory, conversation = founded(ledger)
    messages = [say(ledger, conversation, word) for word in "abc"]
    for message in messages:
        ledger.add_items(message, [ITEM], "user")
        record(ledger, memory, message)
    assert ledger.forget(memory, [messages[1]]) == 2
    assert [event.lesson.message for event in ledger.events(memory)] == [messages[0], messages[2]]
    assert [message.text for message in ledger.messages(conversation)] == ["a", "c"]
    assert {row.message for row in ledger.log(memory)} == {messages[0], messages[2]}
    assert len(ledger.items(memory)) == 2
    assert ledger.forget(memory, [messages[0], messages[2]]) == 1
    assert ledger.conversations(memory) == [] and ledger.log(memory) == []
    tables = ("conversations", "messages", "items", "events", "updates")
    for table in tables[1:]:
        assert ledger._db.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("learned", [True, False])
def test_items_that_lean_on_a_message_are_forgotten_with_it(ledger: Ledger, learned: bool):
    """ "No, it is Max" teaches nothing without the message before, learned or not."""
    memory, conversation = founded(ledger)
    first, second = say(ledger, conversation), say(ledger, conversation, "No, it is Max.")
    if learned:
        record(ledger, memory, first)
    ledger.add_items(second, [ITEM], "template", leans=first)
    leaning = record(ledger, memory, second)
    assert ledger.forget(memory, [first]) == (1 if learned else leaning.position)
    (event,) = ledger.events(memory)
    assert event.stale and ledger.items(memory) == []


@pytest.mark.parametrize(
    "wanted,found",
    [
        (Filter(), "abcd"),
        (Filter(search="b"), "b"),
        (Filter(search="%"), ""),
        (Filter(conversation=2), "cd"),
        (Filter(since="2026-01-02"), "bcd"),
        (Filter(until="2026-01-02T12"), "ab"),
        (Filter(rejected=True), "d"),
        (Filter(newest=2), "cd"),
        (Filter(search="A"), "a"),
    ],
)
def test_the_log_shows_what_is_asked_for(ledger: Ledger, wanted: Filter, found: str):
    memory, first = founded(ledger)
    second = ledger.add_conversation(memory)
    for day, (text, chat) in enumerate(zip("abcd", (first, first, second, second), strict=True)):
        one = Outcome(True, "", None, None, (WORDS,))
        event = record(ledger, memory, say(ledger, chat, text), REFUSED if text == "d" else one)
        time = f"2026-01-0{day + 1}T00:00:00.000+00:00"
        ledger._db.execute("UPDATE events SET time = ? WHERE id = ?", (time, event.id))
    assert "".join(row.text for row in ledger.log(memory, wanted)) == found


def test_a_copy_has_every_row_and_shares_none(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    ledger.set_anchors(memory, "anchors")
    message = say(ledger, conversation)
    ledger.add_items(message, [ITEM], "user")
    record(ledger, memory, message)
    ledger.set_snapshots(memory, [SnapshotRow(1, "a", "b")])
    for target in (ledger, Ledger(tmp_path / "other")):
        copy = ledger.copy_memory(ledger.memory("m"), target, "copy").id
        assert target.totals(copy)[:2] == ledger.totals(memory)[:2]
        assert [i.question for i in target.items(copy)] == [ITEM.question]
        assert target.snapshots(copy) == ledger.snapshots(memory)
        assert target.anchors(copy) == "anchors"
        assert target.learned(copy).keys() == ledger.learned(memory).keys()
        (event,) = target.events(copy)
        target.forget(copy, [event.lesson.message])
        assert target.totals(copy)[0] == 0
    assert ledger.totals(memory).updates == 2
