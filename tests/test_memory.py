"""Laws of a memory: the ledger is the truth, undo is exact, damage is found."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from itertools import pairwise
from pathlib import Path

import mlx.core as mx
import pytest
from school import FAST, QUICK, SAID, open_memory, snapshots, state, teach

from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.learn.learner import same
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory import history
from mlxdyn.memory.lifecycle import archive, branch
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.snapshots import KEPT_SNAPSHOTS, spread
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Lesson, SnapshotRow
from mlxdyn.model.fingerprint import fingerprint
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled, detach

Open = Callable[..., Memory]
DOG = ("What is my dog called?", "Your dog is called Rex.")


@pytest.fixture
def open_(mite) -> Iterator[Open]:
    """Open memories as a process would; opening one closes the one before."""
    opened: list[Memory] = []

    def close() -> None:
        for memory in opened:
            memory.close()
            memory.ledger.close()
        opened.clear()

    def open_(name: str = "m", *, model: Model = mite, **options) -> Memory:
        close()
        opened.append(open_memory(name, model, Ledger(data_dir() / "mlxdyn.db"), **options))
        return opened[0]

    yield open_
    close()


def learn(memory: Memory, *texts: str) -> None:
    for text in texts:
        teach(memory, text)


def test_replaying_the_ledger_reproduces_the_adapter_bitwise(open_: Open, wren):
    memory = open_(model=wren)
    learn(memory, *SAID[:2])
    teach(memory, SAID[2], DOG, guarded=True)
    learned = state(memory)
    assert not same(learned, memory.start)
    history.rebuild(memory)
    assert same(state(memory), learned)
    assert history.verify(memory) == []


@pytest.mark.parametrize(
    "adapter,learner",
    [
        (AdapterConfig(rank=4), FAST),
        (AdapterConfig(layers="early", targets="mlp"), replace(FAST, optimizer="adam")),
        (AdapterConfig(layers="0,2"), replace(FAST, optimizer="sgd")),
        (AdapterConfig(layers="late"), replace(FAST, optimizer="nsgd")),
    ],
)
@pytest.mark.parametrize("snapshot", [True, False])
def test_a_restart_restores_adapter_and_optimizer_bitwise(
    open_: Open, tall, adapter, learner, snapshot
):
    memory = open_(adapter=adapter, learner=learner, model=tall)
    learn(memory, *SAID[:2])
    if snapshot:
        memory.snapshot()
    before = state(memory)
    memory = open_(adapter=AdapterConfig(rank=2), learner=LearnerConfig(), model=tall)
    assert same(state(memory), before), "a memory keeps the configuration it was founded with"
    assert memory.row.learner == asdict(learner)
    teach(memory, SAID[2])
    memory.snapshot()
    after = state(memory)
    assert same(state(open_(model=tall)), after)


def test_a_memory_that_would_change_the_base_itself_is_refused(open_: Open):
    """Law 3: it would be the base of every memory that is opened after it."""
    whole = AdapterConfig(adapt="full")
    with pytest.raises(MlxdynError, match=r"changes the base itself.*mlxdyn memory delete m$"):
        open_(adapter=whole)
    open_().ledger.database.run("UPDATE memories SET adapter = ?", [json.dumps(asdict(whole))])
    with pytest.raises(MlxdynError, match="changes the base itself"):
        open_()


def test_every_update_has_a_row_with_what_it_did(open_: Open):
    memory = open_()
    events = [teach(memory, text, DOG, guarded=True) for text in SAID]
    rows = memory.ledger.events.log(memory.row.id)
    assert len(rows) == 6
    for event, words, study in zip(events, rows[::2], rows[1::2], strict=True):
        assert (words.kind, study.kind) == ("words", "study")
        assert words.text == study.text == SAID[events.index(event)]
        assert words.tokens == sum(len(chunk.targets) for chunk in event.lesson.chunks)
        assert study.steps == event.lesson.steps == 1
        for row in (words, study):
            assert (row.event, row.accepted, row.undone, row.rate) == (event.id, True, False, 1.0)
            assert row.nll_after < row.nll_before and row.gradient_norm > 0
            assert row.drift is not None


@pytest.mark.parametrize(("learned", "steps"), [(0.0, 6), (1e9, 2)])
def test_a_message_is_studied_in_rounds_until_it_is_learned(open_: Open, learned, steps):
    memory = open_(study=replace(QUICK, steps=2, rounds=3, learned=learned))
    event = teach(memory, SAID[0], DOG)
    assert [row.steps for row in memory.ledger.events.updates_at(event.id)] == [1, steps]
    assert history.verify(memory) == []


def test_an_update_that_is_not_finite_is_recorded_and_changes_nothing(open_: Open):
    memory = open_()
    teach(memory, SAID[0])
    before = state(memory)
    event = teach(memory, SAID[1], chunks=(Chunk((1,), (5, 6), (float("nan"),) * 2),))
    (row,) = memory.ledger.events.updates_at(event.id)
    assert not event.accepted
    assert (row.accepted, row.nll_after) == (False, None) and "finite" in row.reason
    assert same(state(memory), before)
    assert history.verify(memory) == []
    assert same(state(open_()), before)


def test_undo_gives_the_memory_that_never_learned_it(open_: Open):
    memory = open_("short")
    learn(memory, *SAID[:2])
    never = state(memory)
    memory = open_("long")
    learn(memory, *SAID)
    memory.snapshot()
    assert history.undo(memory) is not None
    assert same(state(memory), never)
    assert history.verify(memory) == []
    memory = open_("long")
    assert same(state(memory), never)
    teach(memory, "more")
    again = state(memory)
    memory = open_("short")
    teach(memory, "more")
    assert same(state(memory), again), "the optimizer went back too"


def test_undo_reaches_the_very_beginning_and_then_stops(open_: Open):
    memory = open_()
    learn(memory, *SAID)
    memory.snapshot()
    assert [history.undo(memory) is not None for _ in range(4)] == [True, True, True, False]
    assert same(state(memory), memory.start)
    memory = open_()
    assert same(state(memory), memory.start)
    assert history.verify(memory) == []


def test_undo_takes_back_every_step_of_a_message(open_: Open):
    memory = open_()
    before = state(memory)
    teach(memory, SAID[0], DOG, chunks=(Chunk((1, 5), (7, 8)), Chunk((1,), (9, 10))))
    assert len(memory.ledger.events.log(memory.row.id)) == 3
    history.undo(memory)
    assert same(state(memory), before) and memory.known_facts() == []
    assert memory.ledger.messages.pending(memory.row.id) == [], "what was undone is not learned on"


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("newest_only", [True, False])
def test_a_damaged_snapshot_is_found_and_the_ledger_replaces_it(open_: Open, damage, newest_only):
    memory = open_()
    for text in SAID:
        teach(memory, text)
        memory.snapshot()
    before = state(memory)
    for path in snapshots(memory)[: 1 if newest_only else None]:
        damage(path)
    assert any(snapshots(memory)[0].name in problem for problem in history.verify(memory))
    memory = open_()
    assert same(state(memory), before)
    history.rebuild(memory)
    assert history.verify(memory) == []
    assert same(state(memory), before)


@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_a_damaged_newest_snapshot_is_written_again(open_: Open, damage):
    """Or every start would carry out all lessons anew."""
    memory, replayed = open_(), list[int]()
    for text in SAID:
        teach(memory, text)
    memory.snapshot()
    before = state(memory)
    damage(snapshots(memory)[0])
    memory = open_()
    memory.snapshot()  # as a chat does when it ends
    assert memory.snapshots.damaged() == []
    memory = open_(progress=lambda _, of: replayed.append(of))
    assert same(state(memory), before) and replayed == [0]
    assert sorted(memory.directory.glob("*.safetensors")) == sorted(snapshots(memory))


def test_weights_that_the_ledger_does_not_explain_are_found(open_: Open):
    memory = open_()
    teach(memory, SAID[0])
    memory.learner.learn(Chunk((1,), (2, 3)))
    assert any("differ" in problem for problem in history.verify(memory))


def test_verify_leaves_the_memory_as_it_was(open_: Open):
    memory = open_()
    learn(memory, *SAID)
    before = state(memory)
    history.verify(memory)
    assert same(state(memory), before)


def test_another_base_is_refused_and_the_memory_stays_free(open_: Open, mite):
    memory = open_()
    teach(memory, SAID[0])
    learned = state(memory)
    with pytest.raises(MlxdynError, match=r"another weights .*--memory"):
        open_(model=replace(mite, fingerprint="0" * 16))
    assert same(state(open_()), learned)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("model.safetensors", "weights"),
        ("config.json", "configuration"),
        ("tokenizer.json", "tokenizer"),
        ("chat_template.jinja", "chat template"),
    ],
)
def test_a_changed_base_is_named_by_its_part(wren, tmp_path: Path, name: str, part: str):
    directory = Path(shutil.copytree(wren.path, tmp_path / "copy"))
    assert not wren.changed(fingerprint(directory)[0])
    with (directory / name).open("ab") as stream:
        stream.write(b" ")
    assert wren.changed(fingerprint(directory)[0]) == (part,)


def test_the_fingerprints_of_mlxdyn_0_1_are_known(wren):
    assert wren.changed("0" * 16) == ("weights", "configuration", "tokenizer")
    assert not wren.changed(wren.former)


def test_a_second_process_is_told_that_the_memory_is_open(open_: Open, mite):
    open_()
    code = (
        "from mlxdyn import config, files\n"
        "from mlxdyn.model.load import load\n"
        "from mlxdyn.memory import memory\n"
        "from mlxdyn.memory.store.ledger import Ledger\n"
        "ledger = Ledger(files.data_dir() / 'mlxdyn.db')\n"
        f"base = load({str(mite.path)!r})\n"
        "memory.Memory('m', base, ledger, learner=config.LearnerConfig())"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert second.returncode == 1
    assert "memory 'm' is open in another mlxdyn" in second.stderr


def test_only_reading_needs_no_lock_and_leaves_no_trace(open_: Open, mite):
    memory = open_()
    teach(memory, SAID[0])
    reader = Memory("m", mite, memory.ledger, learner=FAST, writable=False)
    assert same(state(reader), state(memory))
    before = sorted(data_dir().rglob("*")), memory.ledger.memories.all()
    Memory("unknown", mite, memory.ledger, learner=FAST, writable=False)
    assert (sorted(data_dir().rglob("*")), memory.ledger.memories.all()) == before


def test_files_and_directories_are_private(open_: Open):
    before = os.umask(0o022)
    try:
        memory = open_()
        teach(memory, SAID[0])
        memory.snapshot()
    finally:
        os.umask(before)
    for path in [data_dir(), *data_dir().rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_snapshots_do_not_pile_up(open_: Open):
    memory = open_()
    (memory.directory / ".9-ab.safetensors.partial.safetensors").write_bytes(b"left by a crash")
    for lesson in range(40):
        teach(memory, f"this is number {lesson}")
        memory.snapshot()
        memory.snapshot()
        assert sorted(memory.directory.glob("*.safetensors")) == sorted(snapshots(memory))
        assert len(snapshots(memory)) <= KEPT_SNAPSHOTS
    assert len(snapshots(memory)) == KEPT_SNAPSHOTS


@pytest.mark.parametrize("lessons", [1, 2, 10, 100, 1000])
def test_a_replay_to_any_point_begins_not_much_further_back(lessons: int):
    rows: list[SnapshotRow] = []
    for upto in range(1, lessons + 1):
        rows = spread([SnapshotRow(upto, str(upto), ""), *rows])
        assert rows == sorted(rows, reverse=True) and rows[0].upto == upto
        assert len(rows) <= KEPT_SNAPSHOTS
        gaps = [upto - row.upto for row in rows]
        assert all(far <= 4 * near + 4 for near, far in pairwise(gaps[:-1])), gaps


@pytest.mark.parametrize("name", ["m", "x" * 100])
def test_a_reset_leaves_a_backup_that_opens(open_: Open, name):
    memory = open_(name)
    learn(memory, *SAID)
    memory.snapshot()
    learned = state(memory)
    memory.close()
    aside = archive(name, memory.ledger)
    assert aside != name
    fresh = open_(name)
    assert fresh.ledger.events.totals(fresh.row.id) == (0, 0, 0, 0, 0)
    assert same(state(fresh), fresh.start)
    assert same(state(open_(aside)), learned)


def test_a_memory_in_use_or_unknown_cannot_be_reset(open_: Open):
    memory = open_()
    with pytest.raises(MlxdynError, match="no memory 'none'"):
        archive("none", memory.ledger)
    with pytest.raises(MlxdynError, match="is open"):
        archive("m", memory.ledger)
    assert memory.ledger.memories.find("m") is not None


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "x" * 101, "a b", "a\n"])
def test_a_name_cannot_leave_the_directory(open_: Open, name):
    with pytest.raises(MlxdynError, match="cannot name a memory"):
        open_(name)


def test_the_base_never_changes(open_: Open, wren):
    tokens = mx.array([wren.encode(SAID[0])])
    detach(wren)
    base = wren.network(tokens)
    memory = open_(model=wren)
    learn(memory, *SAID)
    assert not mx.array_equal(wren.network(tokens), base)
    with adapter_disabled(wren):
        assert mx.array_equal(wren.network(tokens), base)
    detach(wren)
    assert mx.array_equal(wren.network(tokens), base)


def test_a_lesson_under_way_leaves_the_memory_as_it_was(open_: Open):
    memory = open_()
    teach(memory, SAID[0])
    before, version = state(memory), memory.version
    message = memory.ledger.messages.add(1, "user", SAID[1], "pending").id
    chunks = tuple(Chunk((1, 5), (n, n + 1)) for n in range(4))
    work = memory.begin(Lesson("message", message, chunks))
    for _ in range(4):
        assert work.step() is None
        assert same(state(memory), before) and memory.version == version
        assert len(memory.ledger.events.all(memory.row.id)) == 1
    while work.step() is None:
        pass
    assert not same(state(memory), before) and memory.version > version
    assert history.verify(memory) == []


def test_a_lesson_that_cannot_be_written_down_is_not_learned(open_: Open):
    memory = open_()
    before = state(memory)
    memory.ledger.database.run("PRAGMA query_only = ON")
    message = Lesson("message", None, (Chunk((1, 5), (7, 8)),))
    work = memory.begin(message)
    with pytest.raises(Exception, match="readonly"):
        while work.step() is None:
            pass
    memory.ledger.database.run("PRAGMA query_only = OFF")
    assert same(state(memory), before) and history.verify(memory) == []


def test_a_change_that_was_cut_short_is_finished_before_the_next_lesson(open_: Open):
    never = open_("never")
    learn(never, *SAID[1:])
    expected = state(never)
    memory = open_()
    first = teach(memory, SAID[0])
    teach(memory, SAID[1])
    memory.snapshot()

    def tired(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        history.forget(memory, [first.lesson.message], tired)
    memory.snapshot()
    teach(memory, SAID[2])
    assert same(state(memory), expected) and history.verify(memory) == []
    assert same(state(open_()), expected)


def test_a_change_that_is_not_finished_cannot_be_read(open_: Open, mite):
    memory = open_()
    learn(memory, *SAID)
    memory.ledger.past.outdate(memory.row.id, 2)
    with pytest.raises(MlxdynError, match=r"not finished.*verify --quick --repair"):
        Memory("m", mite, memory.ledger, learner=FAST, writable=False)
    memory = open_()
    reader = Memory("m", mite, memory.ledger, learner=FAST, writable=False)
    assert same(state(reader), state(memory))


def test_a_branch_is_its_source_and_lives_on_alone(open_: Open):
    memory = open_()
    teach(memory, SAID[0], DOG, guarded=True)
    teach(memory, SAID[1])
    history.undo(memory)
    memory.snapshot()
    source = state(memory)
    memory.close()
    branch("m", "twin", memory.ledger)
    twin = open_("twin")
    assert same(state(twin), source) and history.verify(twin) == []
    assert [f.question for f in twin.known_facts()] == [DOG[0]]
    assert history.redo(twin) is not None
    teach(twin, SAID[2])
    memory = open_()
    assert same(state(memory), source) and history.verify(memory) == []
    assert history.redo(memory) is not None
    teach(memory, SAID[2])
    again = state(memory)
    twin = open_("twin")
    assert same(state(twin), again), "the same life gives the same weights"
    with pytest.raises(MlxdynError, match="exists"):
        branch("m", "twin", twin.ledger)
