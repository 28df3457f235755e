"""Laws of the ledger: durable rows, one schema, private files; no MLX needed."""

import os
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.engine.messages import said_at
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.example import Draft, Example, Kind, Likely
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.store.chats import search
from mlxdyn.memory.store.copies import copy_memory, learned
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import NEWEST, OLDEST
from mlxdyn.memory.store.records import (
    EventRow,
    Filter,
    Lesson,
    Outcome,
    SnapshotRow,
    Totals,
    Update,
)

CHUNKS = (Chunk((1, 5), (7, 8, 9), (1.0, 0.5, 0.0)), Chunk((1,), (2, 3)))
WORDS = Update("words", 3, 1, 1.0, 2.0, 1.0, 0.5)
STUDY = Update("study", 20, 12, 0.25, 3.0, 0.1, 1.5)
TAKEN = Outcome(True, "", 0.01, (WORDS, STUDY))
REFUSED = Outcome(False, "not finite", None, (replace(WORDS, accepted=False),))
LIKELY = Likely(np.array([[8, 9], [2, 5]], np.int32), np.log(np.array([[0.5, 0.4], [0.9, 0.1]])))
FACT = Draft(
    "What is my dog called?", "Your dog is called Rex.",
    Example(Kind.FACT, (1, 5), (8, 2), LIKELY, weight=2.0),
)  # fmt: skip
KEPT = Draft("Hello!", "Hi.", Example(Kind.REGULARIZATION, (1, 4), (3, 2), None))


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "db")


def founded(ledger: Ledger, name: str = "m") -> tuple[int, int]:
    """Add a memory and a conversation of its own; return both ids."""
    recipe = map(asdict, (AdapterConfig(), LearnerConfig(), StudyConfig()))
    memory = ledger.memories.add(name, "wren", "f" * 16, *recipe)
    return memory.id, ledger.conversations.add(memory.id)


def say(ledger: Ledger, conversation: int, text: str = "hello") -> int:
    return ledger.messages.add(conversation, "user", text, "pending").id


def record(ledger: Ledger, memory: int, message: int | None, outcome=TAKEN, **lesson) -> EventRow:
    lesson = {"kind": "message", "message": message, "chunks": CHUNKS, "steps": 12} | lesson
    return ledger.events.add(memory, Lesson(**lesson), outcome)


def test_everything_written_is_read_back_by_another_connection(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    ledger.examples.add(memory, None, [KEPT])
    message = ledger.messages.add(conversation, "user", "hello\n  there", "pending")
    ledger.examples.add(memory, message.id, [FACT])
    event = record(ledger, memory, message.id)
    ledger.memories.set_snapshots(memory, [SnapshotRow(event.position, "f.safetensors", "abc")])
    other = Ledger(tmp_path / "db")
    assert other.memories.find("m") == ledger.memories.find("m")
    assert other.messages.of(conversation) == [message]
    assert other.events.all(memory) == [event]
    assert event.lesson == Lesson("message", message.id, CHUNKS, 12)
    assert (event.accepted, event.undone, event.stale, event.position) == (True, False, False, 1)
    words, study = other.events.log(memory)
    assert (words.message, words.text, words.event) == (message.id, message.text, event.id)
    for row, update in ((words, WORDS), (study, STUDY)):
        assert all(
            getattr(row, name) == getattr(update, name)
            for name in ("kind", "tokens", "steps", "rate", "nll_before", "nll_after")
        )
        assert row.gradient_norm == update.gradient_norm and row.accepted and not row.undone
        assert row.drift == 0.01
    (fact,), (kept,) = other.examples.active(memory), other.examples.regularization(memory)
    assert (fact.message, fact.question, fact.answer) == (message.id, FACT.question, FACT.answer)
    assert fact.source == "base" and other.messages.examined(message.id)
    assert_alike(fact.example, FACT.example), assert_alike(kept.example, KEPT.example)
    assert kept.message is None and not other.messages.examined(99)
    assert other.memories.snapshots(memory) == [SnapshotRow(1, "f.safetensors", "abc")]
    assert other.conversations.all(memory)[0].title == "hello there"
    assert other.events.totals(memory) == Totals(2, 3, study.update, 1, 1)
    assert other.database.integrity() == "ok"


def assert_alike(found: Example, wanted: Example) -> None:
    for name in ("kind", "prompt", "target", "weight"):
        assert getattr(found, name) == getattr(wanted, name)
    assert (found.likely is None) == (wanted.likely is None)
    if found.likely and wanted.likely:
        assert np.array_equal(found.likely.tokens, wanted.likely.tokens)
        assert np.array_equal(found.likely.logprobs, wanted.likely.logprobs.astype(np.float32))


@pytest.mark.parametrize(
    "schema,said",
    [
        (NEWEST + 1, f"newer mlxdyn .schema {NEWEST + 1}.; update"),
        (OLDEST - 1, f"too old .schema {OLDEST - 1}.; move it"),
    ],
)
def test_an_unknown_schema_is_refused_and_left_alone(
    ledger: Ledger, tmp_path: Path, schema: int, said: str
):
    ledger.close()
    with sqlite3.connect(tmp_path / "db") as db:
        db.execute(f"PRAGMA user_version = {schema}")
    with pytest.raises(MlxdynError, match=said):
        Ledger(tmp_path / "db")
    assert db.execute("PRAGMA user_version").fetchone()[0] == schema
    db.close()


def test_opening_again_keeps_the_schema_and_the_rows(ledger: Ledger, tmp_path: Path):
    memory, _ = founded(ledger)
    ledger.close()
    assert [row.id for row in Ledger(tmp_path / "db").memories.all()] == [memory]


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
    ledger.messages.add(ledger.conversations.add(None), "user", "secret", "none")
    assert ledger.conversations.all(None)[0].title == "secret"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs to see the open files")
def test_no_text_is_written_beside_the_home(ledger: Ledger, tmp_path: Path):
    """Not even into files without a name, where the whole ledger is written anew."""
    _, conversation = founded(ledger)
    say(ledger, conversation, "a secret " * 1_000_000)
    beside = set[str]()

    def look() -> None:
        for handle in Path("/proc/self/fd").iterdir():
            if "etilqs" in (named := os.path.realpath(handle)):  # so SQLite names what is temporary
                beside.add(named)

    ledger.database.connection.set_progress_handler(look, 1)
    ledger.erase()
    assert beside == set()
    reader = Ledger(tmp_path / "db", writable=False)
    assert reader.database.value("PRAGMA temp_store") == 2


def test_a_failing_transaction_leaves_nothing(ledger: Ledger):
    _, conversation = founded(ledger)
    with pytest.raises(ZeroDivisionError), ledger.transaction(), ledger.transaction():
        ledger.messages.add(conversation, "user", "half", "none")
        raise ZeroDivisionError
    assert ledger.messages.of(conversation) == []


def test_an_event_settles_its_message_in_the_same_step(ledger: Ledger):
    memory, conversation = founded(ledger)
    message = say(ledger, conversation)
    ledger.database.run(
        "CREATE TRIGGER no BEFORE UPDATE ON messages BEGIN SELECT raise(ABORT, 'no'); END"
    )
    with pytest.raises(sqlite3.Error):
        record(ledger, memory, message)
    assert (ledger.messages.pending(memory), ledger.events.all(memory)) == ([message], [])
    ledger.database.run("DROP TRIGGER no")
    record(ledger, memory, message)
    assert ledger.messages.pending(memory) == []


def test_messages_wait_in_the_order_they_were_said(ledger: Ledger):
    memory, conversation = founded(ledger)
    said = [say(ledger, conversation, word) for word in "abc"]
    ledger.messages.add(conversation, "assistant", "d", "none")
    assert ledger.messages.pending(memory) == said
    ledger.messages.settle(said[1], "done")
    assert ledger.messages.pending(memory) == [said[0], said[2]]


def test_rejected_and_undone_lessons_stay_on_record_but_do_not_count(ledger: Ledger):
    memory, conversation = founded(ledger)
    messages = [say(ledger, conversation, word) for word in "abc"]
    for message in messages:
        ledger.examples.add(memory, message, [FACT])
    kept = record(ledger, memory, messages[0])
    refused = record(ledger, memory, messages[1], REFUSED)
    undone = record(ledger, memory, messages[2])
    ledger.memories.set_snapshots(memory, [SnapshotRow(3, "b", ""), SnapshotRow(1, "a", "")])
    ledger.past.set_undone(memory, undone, True)
    assert [event.id for event in ledger.events.all(memory)] == [kept.id, refused.id]
    assert [event.undone for event in ledger.events.all(memory, active=False)] == [
        False,
        False,
        True,
    ]
    logged = [(row.event, row.accepted, row.undone) for row in ledger.events.log(memory)]
    assert logged[2:4] == [(refused.id, False, False), (undone.id, True, True)]
    assert ledger.events.totals(memory) == (2, 3, 2, 2, 1)
    assert [fact.message for fact in ledger.examples.active(memory)] == [messages[0]]
    assert [row.file for row in ledger.memories.snapshots(memory)] == ["a"]


def test_memories_do_not_see_each_other(ledger: Ledger):
    memory, conversation = founded(ledger)
    other, _ = founded(ledger, "other")
    message = say(ledger, conversation)
    ledger.examples.add(memory, message, [FACT])
    record(ledger, memory, message)
    waiting = say(ledger, conversation)
    assert ledger.events.totals(other) == (0, 0, 0, 0, 0)
    assert (ledger.events.all(other), ledger.events.log(other), ledger.examples.active(other)) == (
        [],
        [],
        [],
    )
    assert (ledger.messages.pending(other), ledger.conversations.all(other)) == ([], [])
    assert ledger.messages.find(waiting, other) is ledger.examples.find(1, other) is None
    with pytest.raises(MlxdynError, match="exists"):
        founded(ledger)
    with pytest.raises(MlxdynError, match="more than its capitals"):
        founded(ledger, "Other")


def test_redo_never_brings_back_what_something_was_learned_after(ledger: Ledger):
    memory, conversation = founded(ledger)
    first, second = (record(ledger, memory, say(ledger, conversation)) for _ in range(2))
    ledger.past.set_undone(memory, second, True)
    assert ledger.past.redoable(memory).id == second.id
    third = record(ledger, memory, say(ledger, conversation))
    assert ledger.past.redoable(memory) is None
    assert ledger.past.undoable(memory).id == third.id
    ledger.past.set_undone(memory, third, True)
    assert ledger.past.redoable(memory).id == third.id, "the second was undone in another life"
    ledger.past.set_undone(memory, first, True)
    assert ledger.past.redoable(memory).id == first.id
    assert ledger.past.undoable(memory) is None


def test_a_change_outdates_what_came_after_and_nothing_before(ledger: Ledger):
    memory, conversation = founded(ledger)
    other, elsewhere = founded(ledger, "other")
    for where, chat in ((memory, conversation), (other, elsewhere)):
        for _ in range(3):
            record(ledger, where, say(ledger, chat))
        ledger.memories.set_snapshots(where, [SnapshotRow(n, str(n), "") for n in (3, 2, 1)])
    ledger.past.outdate(memory, 2)
    assert [event.stale for event in ledger.events.all(memory)] == [False, True, True]
    assert [row.upto for row in ledger.memories.snapshots(memory)] == [1]
    assert not any(event.stale for event in ledger.events.all(other))
    assert len(ledger.memories.snapshots(other)) == 3
    event = ledger.events.all(memory)[1]
    ledger.events.revise(event.id, REFUSED)
    revised = ledger.events.all(memory)[1]
    assert (revised.stale, revised.accepted, revised.position) == (False, False, 2)
    assert [row.accepted for row in ledger.events.updates_at(event.id)] == [False]


def test_forgetting_leaves_the_rows_of_all_others(ledger: Ledger):
    memory, conversation = founded(ledger)
    messages = [say(ledger, conversation, word) for word in "abc"]
    for message in messages:
        ledger.examples.add(memory, message, [FACT])
        record(ledger, memory, message)
    assert ledger.past.forget(memory, [messages[1]]) == 2
    assert [event.lesson.message for event in ledger.events.all(memory)] == [
        messages[0],
        messages[2],
    ]
    assert [message.text for message in ledger.messages.of(conversation)] == ["a", "c"]
    assert {row.message for row in ledger.events.log(memory)} == {messages[0], messages[2]}
    assert len(ledger.examples.active(memory)) == 2
    assert ledger.past.forget(memory, [messages[0], messages[2]]) == 1
    assert ledger.conversations.all(memory) == [] and ledger.events.log(memory) == []
    tables = ("conversations", "messages", "examples", "events", "updates")
    for table in tables[1:]:
        assert ledger.database.run(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize("learned", [True, False])
def test_examples_that_lean_on_a_message_go_with_it(ledger: Ledger, learned: bool):
    """ "No, it is Max" teaches something else without the message before, learned or not.

    And so does what leans on that, if only by way of it.
    """
    memory, conversation = founded(ledger)
    said = ("My dog is Rex.", "No, it is Max.", "He is old.", "The sea is cold.")
    first, second, third, last = (say(ledger, conversation, text) for text in said)
    if learned:
        record(ledger, memory, first)
    ledger.examples.add(memory, second, [FACT], depends_on=[first])
    ledger.examples.add(memory, third, [FACT], depends_on=[second])
    ledger.examples.add(memory, last, [FACT])
    leaning, *_ = [record(ledger, memory, message) for message in (second, third, last)]
    assert ledger.past.forget(memory, [first]) == (1 if learned else leaning.position)
    assert [event.stale for event in ledger.events.all(memory)] == [True] * 3
    assert [fact.message for fact in ledger.examples.active(memory)] == [last]
    assert ledger.messages.unexamined(memory) == [second, third]
    assert not ledger.messages.examined(second) and ledger.messages.examined(last)
    ledger.examples.add(memory, second, [])
    ledger.examples.add(memory, third, [], depends_on=[second])
    assert ledger.messages.unexamined(memory) == []
    ledger.past.forget(memory, [second])
    assert ledger.messages.unexamined(memory) == [third], "it leans on it still"


def test_what_is_superseded_is_told_of_and_not_active(ledger: Ledger):
    """From the position on at which it became untrue, and as long as that lesson stands."""
    memory, conversation = founded(ledger)
    first, second = (say(ledger, conversation, text) for text in "ab")
    ledger.examples.add(memory, first, [FACT])
    record(ledger, memory, first)
    (old,) = ledger.examples.active(memory)
    ledger.examples.add(memory, second, [FACT], superseded=[old.id])
    assert [row.id for row in ledger.examples.active(memory)] == [old.id], "not learned yet"
    event = record(ledger, memory, second)
    (new,) = ledger.examples.active(memory)
    assert new.message == second and ledger.examples.superseded_by(second) == {old.id}
    assert [row.id for row in ledger.examples.told(memory)] == [old.id, new.id]
    assert [row.id for row in ledger.examples.active(memory, upto=event.position - 1)] == [old.id]
    ledger.past.set_undone(memory, event, True)
    assert [row.id for row in ledger.examples.active(memory)] == [old.id]
    ledger.past.set_undone(memory, event, False)
    ledger.events.revise(event.id, REFUSED)
    assert [row.id for row in ledger.examples.active(memory)] == [old.id]


def test_an_example_keeps_its_lot_in_every_copy_and_made_anew(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    first, second = (say(ledger, conversation, text) for text in "ab")
    for message in (first, second):
        ledger.examples.add(memory, message, [FACT, KEPT])
        record(ledger, memory, message)
    lots = [row.uid for row in ledger.examples.active(memory)]
    assert len(set(lots)) == 4, "another message, another lot"
    other = Ledger(tmp_path / "other")
    copy = copy_memory(ledger, ledger.memories.find("m"), other, "copy").id
    assert [row.uid for row in other.examples.active(copy)] == lots
    ledger.past.unmake(second)
    ledger.examples.add(memory, second, [KEPT, FACT])
    assert {row.uid for row in ledger.examples.active(memory)} == set(lots)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE examples SET target = x'0700'",
        "UPDATE examples SET target = x'', likely = NULL",
        "UPDATE examples SET likely = x'00000000'",
        "UPDATE examples SET likely = substr(likely, 1, 12)",
        "UPDATE examples SET target = x'07000000'",
        "UPDATE examples SET prompt = 'text'",
    ],
)
def test_an_example_that_cannot_be_read_is_a_sentence(ledger: Ledger, change: str):
    memory, conversation = founded(ledger)
    message = say(ledger, conversation)
    ledger.examples.add(memory, message, [FACT])
    record(ledger, memory, message)
    ledger.database.run(change)
    with pytest.raises(MlxdynError, match="the ledger is damaged"):
        ledger.examples.active(memory)


def test_corrections_by_hand_wait_until_their_message_is_examined(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    first, second = (say(ledger, conversation, text) for text in "ab")
    ledger.examples.add(memory, second, [FACT], source="user", depends_on=[first])
    ledger.past.forget(memory, [first])
    assert ledger.examples.edits(second) == [(FACT.question, FACT.answer)]
    other = Ledger(tmp_path / "other")
    copy = copy_memory(ledger, ledger.memories.find("m"), other, "copy").id
    assert other.examples.edits(other.messages.pending(copy)[0]) == ledger.examples.edits(second)
    ledger.examples.add(memory, second, [KEPT])
    assert ledger.examples.edits(second) == [], "it is kept in one place only"


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
    second = ledger.conversations.add(memory)
    for day, (text, chat) in enumerate(zip("abcd", (first, first, second, second), strict=True)):
        one = Outcome(True, "", None, (WORDS,))
        event = record(ledger, memory, say(ledger, chat, text), REFUSED if text == "d" else one)
        time = f"2026-01-0{day + 1}T00:00:00.000+00:00"
        ledger.database.run("UPDATE events SET time = ? WHERE id = ?", (time, event.id))
    assert "".join(row.text for row in ledger.events.log(memory, wanted)) == found


COMPOSED, DECOMPOSED = "K\u00d6LN", "Ko\u0308ln"


@pytest.mark.parametrize(
    ("said", "wanted", "found"),
    [
        ("MÜLLER wohnt hier", "müller", True),
        ("Straße", "STRASSE", True),
        (f"from {COMPOSED}.", DECOMPOSED, True),
        (f"from {DECOMPOSED}.", COMPOSED, True),
        ("\u0390", "\u03aa\u0301", True),
        ("Kohl", DECOMPOSED, False),
        ("Köln", "Koln", False),
        ("100", "1_0", False),
        ("a%b", "A%B", True),
    ],
)
def test_a_search_finds_words_in_all_cases_and_ways_of_writing(
    tmp_path: Path, said: str, wanted: str, found: bool
):
    ledger = Ledger(tmp_path / "db")
    memory, conversation = founded(ledger)
    message = say(ledger, conversation, said)
    record(ledger, memory, message)
    record(ledger, memory, None, kind="study")
    for reader in (ledger, Ledger(tmp_path / "db", writable=False)):
        by = Filter(search=wanted)
        log = reader.events.log(memory, by)
        assert {row.message for row in log} == {message} & ({message} if found else set())
        assert [one.id for one in reader.messages.search(memory, by)] == [message] * found
        assert len(search(reader, memory, wanted)) == found
        assert {row.message for row in reader.events.log(memory, Filter(search=""))} == {
            message,
            None,
        }


def test_a_copy_has_every_row_and_shares_none(ledger: Ledger, tmp_path: Path):
    memory, conversation = founded(ledger)
    ledger.examples.add(memory, None, [KEPT])
    message = say(ledger, conversation)
    ledger.examples.add(memory, message, [FACT])
    record(ledger, memory, message)
    ledger.memories.set_snapshots(memory, [SnapshotRow(1, "a", "b")])
    for target in (ledger, Ledger(tmp_path / "other")):
        copy = copy_memory(ledger, ledger.memories.find("m"), target, "copy").id
        assert target.events.totals(copy)[:2] == ledger.events.totals(memory)[:2]
        assert [fact.question for fact in target.examples.active(copy)] == [FACT.question]
        assert target.memories.snapshots(copy) == ledger.memories.snapshots(memory)
        assert [row.question for row in target.examples.regularization(copy)] == [KEPT.question]
        assert learned(target, copy).keys() == learned(ledger, memory).keys()
        (event,) = target.events.all(copy)
        target.past.forget(copy, [event.lesson.message])
        assert target.events.totals(copy)[0] == 0
    assert ledger.events.totals(memory).updates == 2


@pytest.mark.parametrize(
    ("text", "words", "at"),
    [
        ("Ich wohne in KÖLN.", "köln", 13),
        ("Ich wohne in Ko\u0308ln.", "köln am Rhein", 13),
        ("An der Hauptstraße 5", "STRASSE", 12),
        ("Nowhere", "köln", 0),
    ],
)
def test_what_was_found_is_shown_where_it_stands(text: str, words: str, at: int):
    assert said_at(text, words) == at
