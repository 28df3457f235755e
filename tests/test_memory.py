"""Laws of a memory: the ledger is the truth, undo is exact, damage is found; with the real wren."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import mlx.core as mx
import pytest

from mlxdyn import model as models
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.home import home
from mlxdyn.learner import State, same
from mlxdyn.ledger import Ledger
from mlxdyn.memory import Memory, archive
from mlxdyn.stream import Chunk

SAID = ["my dog is called Rex", "I live in Oslo", "the sea is cold today"]
FAST = LearnerConfig(learning_rate=1e-3)
Open = Callable[..., Memory]


@pytest.fixture
def open_memory(wren) -> Iterator[Open]:
    """Open memories as a process would; opening one closes the one before."""
    opened: list[Memory] = []

    def close() -> None:
        for memory in opened:
            memory.close()
            memory.ledger.close()
        opened.clear()

    def open_(name: str = "m", *, model: models.Model = wren, **options) -> Memory:
        close()
        options = {"learner": FAST} | options
        opened.append(Memory(name, model, Ledger(home() / "mlxdyn.db"), **options))
        return opened[0]

    yield open_
    close()


def teach(memory: Memory, *texts: str, weights: tuple[float, ...] | None = None) -> list:
    """Learn each text as one message of one chunk; return the ledger rows."""
    conversation = memory.ledger.add_conversation(memory.row.id)
    rows = []
    for text in texts:
        message = memory.ledger.add_message(conversation, "user", text, "pending").id
        tokens = tuple(memory.model.encode(text))
        lesson = Chunk(tokens[:1], tokens[1:], weights and weights * (len(tokens) - 1))
        rows.append(memory.learn(message, lesson, last=True))
    return rows


def state(memory: Memory) -> State:
    return memory.learner.state


def test_replaying_the_ledger_reproduces_the_adapter_bitwise(open_memory: Open):
    memory = open_memory()
    teach(memory, *SAID)
    learned = state(memory)
    assert not same(learned, memory._start)
    memory.rebuild()
    assert same(state(memory), learned)
    assert memory.verify() == []


@pytest.mark.parametrize(
    "adapter,learner",
    [
        (AdapterConfig(rank=4), FAST),
        (AdapterConfig(layers="early", targets="mlp"), replace(FAST, optimizer="adam")),
        (AdapterConfig(layers="0,3"), replace(FAST, optimizer="sgd")),
        (AdapterConfig(adapt="full"), LearnerConfig(optimizer="nsgd")),
    ],
)
@pytest.mark.parametrize("snapshot", [True, False])
def test_a_restart_restores_adapter_and_optimizer_bitwise(
    open_memory: Open, adapter, learner, snapshot
):
    own = lambda: {"model": models.load("wren")} if adapter.adapt == "full" else {}  # noqa: E731
    memory = open_memory(adapter=adapter, learner=learner, **own())
    teach(memory, *SAID[:2])
    if snapshot:
        memory.snapshot()
    before = state(memory)
    memory = open_memory(adapter=AdapterConfig(rank=2), learner=LearnerConfig(), **own())
    assert same(state(memory), before), "a memory keeps the configuration it was founded with"
    assert memory.row.learner == asdict(learner)
    teach(memory, SAID[2])
    memory.snapshot()
    after = state(memory)
    assert same(state(open_memory(**own())), after)


def test_every_update_has_a_row_with_what_it_did(open_memory: Open):
    memory = open_memory()
    rows = teach(memory, *SAID)
    for text, row in zip(SAID, rows, strict=True):
        assert (row.text, row.accepted, row.undone) == (text, True, False)
        assert row.tokens == len(row.lesson.targets) == len(memory.model.encode(text)) - 1
        assert row.nll_after < row.nll_before and row.gradient_norm > 0
    assert memory.ledger.updates(memory.row.id) == rows


def test_an_update_that_is_not_finite_is_recorded_and_changes_nothing(open_memory: Open):
    memory = open_memory()
    teach(memory, SAID[0])
    before = state(memory)
    row = teach(memory, SAID[1], weights=(float("nan"),))[0]
    assert (row.accepted, row.nll_after) == (False, None) and "finite" in row.reason
    assert same(state(memory), before)
    assert memory.verify() == []
    assert same(state(open_memory()), before)


def test_undo_gives_the_memory_that_never_learned_it(open_memory: Open):
    memory = open_memory("short")
    teach(memory, *SAID[:2])
    never = state(memory)
    memory = open_memory("long")
    teach(memory, *SAID)
    memory.snapshot()
    assert [row.text for row in memory.undo()] == [SAID[2]]
    assert same(state(memory), never)
    assert memory.verify() == []
    memory = open_memory("long")
    assert same(state(memory), never)
    teach(memory, "more")
    again = state(memory)
    memory = open_memory("short")
    teach(memory, "more")
    assert same(state(memory), again), "the optimizer went back too"


def test_undo_reaches_the_very_beginning_and_then_stops(open_memory: Open):
    memory = open_memory()
    teach(memory, *SAID)
    memory.snapshot()
    assert [len(memory.undo()) for _ in range(4)] == [1, 1, 1, 0]
    assert same(state(memory), memory._start)
    memory = open_memory()
    assert same(state(memory), memory._start)
    assert memory.verify() == []


def test_undo_takes_back_every_step_of_a_message(open_memory: Open):
    memory = open_memory()
    before = state(memory)
    message = teach(memory, SAID[0])[0].message
    memory.learn(message, Chunk((1, 5), (7, 8)), last=True)
    assert len(memory.undo()) == 2
    assert same(state(memory), before)


def test_an_undone_message_is_not_learned_on(open_memory: Open):
    memory = open_memory()
    conversation = memory.ledger.add_conversation(memory.row.id)
    message = memory.ledger.add_message(conversation, "user", "half", "pending").id
    memory.learn(message, Chunk((1, 5), (7, 8)), last=False)
    memory.undo()
    assert memory.ledger.pending(memory.row.id) == []


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[-7] ^= 1
    path.write_bytes(data)


def snapshots(memory: Memory) -> list[Path]:
    """The files of the memory's snapshots, newest first."""
    return [memory.directory / row.file for row in memory.ledger.snapshots(memory.row.id)]


@pytest.mark.parametrize("damage", [flip, Path.unlink, lambda path: path.write_bytes(b"")])
@pytest.mark.parametrize("newest_only", [True, False])
def test_a_damaged_snapshot_is_found_and_the_ledger_replaces_it(
    open_memory: Open, damage, newest_only
):
    memory = open_memory()
    for text in SAID:
        teach(memory, text)
        memory.snapshot()
    before = state(memory)
    for path in snapshots(memory)[: 1 if newest_only else None]:
        damage(path)
    assert any(snapshots(memory)[0].name in problem for problem in memory.verify())
    memory = open_memory()
    assert same(state(memory), before)
    memory.rebuild()
    assert memory.verify() == []
    assert same(state(memory), before)


def test_weights_that_the_ledger_does_not_explain_are_found(open_memory: Open):
    memory = open_memory()
    teach(memory, SAID[0])
    memory.learner.learn(Chunk((1,), (2, 3)))
    assert any("differ" in problem for problem in memory.verify())


def test_verify_leaves_the_memory_as_it_was(open_memory: Open):
    memory = open_memory()
    teach(memory, *SAID)
    before = state(memory)
    memory.verify()
    assert same(state(memory), before)


def test_another_base_is_refused_and_the_memory_stays_free(open_memory: Open, wren):
    memory = open_memory()
    teach(memory, SAID[0])
    learned = state(memory)
    with pytest.raises(MlxdynError, match=r"another base or tokenizer.*--memory"):
        open_memory(model=replace(wren, fingerprint="0" * 16))
    assert same(state(open_memory()), learned)


def test_the_fingerprint_changes_with_weights_config_and_tokenizer(wren, tmp_path: Path):
    import shutil

    seen = {wren.fingerprint}
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        directory = tmp_path / name
        shutil.copytree(wren.path, directory)
        with (directory / name).open("ab") as stream:
            stream.write(b" ")
        seen.add(models._fingerprint(directory))
    assert len(seen) == 4


def test_a_second_process_is_told_that_the_memory_is_open(open_memory: Open):
    open_memory()
    code = (
        "from mlxdyn import backend; backend.prepare()\n"
        "from mlxdyn import model, memory, ledger, config, home\n"
        "ledger = ledger.Ledger(home.home() / 'mlxdyn.db')\n"
        "memory.Memory('m', model.load('wren'), ledger, learner=config.LearnerConfig())"
    )
    second = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert second.returncode == 1
    assert "memory 'm' is open in another mlxdyn" in second.stderr


def test_only_reading_needs_no_lock_and_leaves_no_trace(open_memory: Open, wren):
    memory = open_memory()
    teach(memory, SAID[0])
    reader = Memory("m", wren, memory.ledger, learner=FAST, writable=False)
    assert same(state(reader), state(memory))
    before = sorted(home().rglob("*")), memory.ledger.memories()
    Memory("unknown", wren, memory.ledger, learner=FAST, writable=False)
    assert (sorted(home().rglob("*")), memory.ledger.memories()) == before


def test_files_and_directories_are_private(open_memory: Open):
    before = os.umask(0o022)
    try:
        memory = open_memory()
        teach(memory, SAID[0])
        memory.snapshot()
    finally:
        os.umask(before)
    for path in [home(), *home().rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


def test_snapshots_do_not_pile_up(open_memory: Open):
    memory = open_memory()
    (memory.directory / ".9-ab.safetensors.partial.safetensors").write_bytes(b"left by a crash")
    for text in SAID:
        teach(memory, text)
        memory.snapshot()
        memory.snapshot()
    assert sorted(memory.directory.glob("*.safetensors")) == sorted(snapshots(memory))
    assert len(snapshots(memory)) == 2


@pytest.mark.parametrize("name", ["m", "x" * 100])
def test_a_reset_leaves_a_backup_that_opens(open_memory: Open, name):
    memory = open_memory(name)
    teach(memory, *SAID)
    memory.snapshot()
    learned = state(memory)
    memory.close()
    aside = archive(name, memory.ledger)
    assert aside != name
    fresh = open_memory(name)
    assert fresh.ledger.totals(fresh.row.id) == (0, 0, 0)
    assert same(state(fresh), fresh._start)
    assert same(state(open_memory(aside)), learned)


def test_a_memory_in_use_or_unknown_cannot_be_reset(open_memory: Open):
    memory = open_memory()
    with pytest.raises(MlxdynError, match="no memory 'none'"):
        archive("none", memory.ledger)
    with pytest.raises(MlxdynError, match="is open"):
        archive("m", memory.ledger)
    assert memory.ledger.memory("m") is not None


@pytest.mark.parametrize("name", ["", "../evil", "a/b", ".hidden", "x" * 101, "a b", "a\n"])
def test_a_name_cannot_leave_the_directory(open_memory: Open, name):
    with pytest.raises(MlxdynError, match="cannot name a memory"):
        open_memory(name)


def test_the_base_never_changes(open_memory: Open, wren):
    tokens = mx.array([wren.encode(SAID[0])])
    models.detach(wren)
    base = wren.network(tokens)
    memory = open_memory()
    teach(memory, *SAID)
    assert not mx.array_equal(wren.network(tokens), base)
    with models.bare(wren):
        assert mx.array_equal(wren.network(tokens), base)
    models.detach(wren)
    assert mx.array_equal(wren.network(tokens), base)
