"""Laws of bad days: a broken disk, file or base gives one sentence, and never a wrong memory."""

import errno
import fcntl
import os
import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import mlx.core as mx
import pytest
from click.testing import CliRunner
from former import Former
from school import SAID, open_memory, opened, snapshots, state, teach
from tiny import tiny_model

from mlxdyn.arrays import write_arrays
from mlxdyn.cli import main
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.export import ExportOptions, export
from mlxdyn.files import SPARE, data_dir, sync
from mlxdyn.learn.learner import State, same
from mlxdyn.memory import history
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import NEWEST
from mlxdyn.model import device
from mlxdyn.model.load import Model

SLOW = [pytest.mark.slow]
DOG = ("What is my dog called?", "Rex.")
SAYS = (MlxdynError, sqlite3.Error, OSError)
"""What the command line turns into a sentence."""


def run(*words: str) -> tuple[int, str]:
    """Run a command; it must end well, or badly with one sentence."""
    result = CliRunner().invoke(main, words)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    if result.exit_code:
        assert result.exit_code == 1, result.output
        said = result.stderr.strip().splitlines()
        assert said and said[-1].startswith("Error: ") and len(said[-1]) > 20, result.output
        assert "Traceback" not in result.output
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def learned(loaded_mite: Model, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, State]:
    """A home whose memory learned three messages, two before its snapshot; and the weights."""
    path = tmp_path_factory.mktemp("learned") / "home"
    with pytest.MonkeyPatch.context() as patch:
        at_home(path, patch)
        with opened("m", loaded_mite) as memory:
            for text in SAID[:2]:
                teach(memory, text, DOG, guarded=True)
            memory.snapshot()
            teach(memory, SAID[2], guarded=True)
            return path, state(memory)


@pytest.fixture
def taught(mite: Model, learned: tuple[Path, State]) -> State:
    """A copy of that home to be broken; the weights it should hold."""
    shutil.copytree(learned[0], data_dir(), dirs_exist_ok=True)
    return learned[1]


def at_home(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLXDYN_HOME", str(path))


def database() -> Path:
    return data_dir() / "mlxdyn.db"


COMMANDS = ["verify", "log", "show", "undo", "forget 1 --yes", "list", "branch twin", "study"]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_newer_schema_is_a_sentence(taught: State, command: str):
    with sqlite3.connect(database()) as db:
        db.execute(f"PRAGMA user_version = {NEWEST + 1}")
    db.close()
    before = database().read_bytes()
    words = [] if command == "list" else ["--memory", "m"]
    code, said = run("memory", *command.split(), *words)
    assert code == 1 and "newer mlxdyn" in said and "update mlxdyn" in said
    assert database().read_bytes() == before


def test_a_missing_base_is_a_sentence_that_names_it(tmp_path: Path):
    model = tiny_model(tmp_path / "base", "llama")
    with opened("m", model) as memory:
        teach(memory, SAID[0])
    shutil.rmtree(tmp_path / "base")
    code, said = run("memory", "undo", "--memory", "m")
    assert code == 1 and str(tmp_path / "base") in said
    assert run("memory", "log", "--memory", "m")[0] == 0, "looking needs no base"
    tiny_model(tmp_path / "base", "llama")
    assert run("memory", "undo", "--memory", "m")[0] == 0


def test_another_base_in_its_place_is_a_sentence(tmp_path: Path):
    with opened("m", tiny_model(tmp_path / "base", "llama")) as memory:
        teach(memory, SAID[0])
    shutil.rmtree(tmp_path / "base")
    tiny_model(tmp_path / "base", "qwen3")
    code, said = run("memory", "verify", "--memory", "m")
    assert code == 1 and "another base" in said


def test_a_memory_in_use_is_a_sentence_and_can_be_looked_at(taught: State, mite: Model):
    with opened("m", mite) as memory:
        for command in ("undo", "verify", "forget 1 --yes", "branch twin", "reset --yes"):
            code, said = run("memory", *command.split(), "--memory", "m")
            assert code == 1 and "open in another mlxdyn" in said
        for command in ("log", "show", "items"):
            assert run("memory", command, "--memory", "m")[0] == 0
        assert same(state(memory), taught) and history.verify(memory) == []


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("bits", [8, pytest.param(200, marks=SLOW)])
@pytest.mark.timeout(900)
def test_one_flipped_bit_of_a_snapshot_is_found_and_mended(taught: State, mite: Model, bits: int):
    with opened("m", mite) as memory:
        memory.snapshot()
        newest = snapshots(memory)[0]
    data, rng = newest.read_bytes(), random.Random(0)
    for _ in range(bits):
        newest.write_bytes(flipped(data, rng.randrange(len(data) * 8)))
        with opened("m", mite) as memory:
            assert same(state(memory), taught), "restored from the ledger"
            assert any(newest.name in problem for problem in history.verify(memory, replay=False))
    code, said = run("memory", "verify", "--memory", "m")
    assert code == 1 and newest.name in said
    with opened("m", mite) as memory:
        history.rebuild(memory)
        assert history.verify(memory) == [] and same(state(memory), taught)


def test_a_directory_in_the_place_of_a_snapshot_is_mended(taught: State, mite: Model):
    with opened("m", mite) as memory:
        memory.snapshot()
        for file in snapshots(memory):
            file.unlink()
            file.mkdir()
    assert run("memory", "verify", "--memory", "m")[0] == 1
    code, said = run("memory", "verify", "--repair", "--memory", "m")
    assert code == 0 and "Repaired" in said
    with opened("m", mite) as memory:
        assert all(file.is_file() for file in snapshots(memory))
        assert history.verify(memory) == [] and same(state(memory), taught)


CHANGES = [
    "UPDATE events SET chunks = replace(chunks, '4', '5') WHERE id = 1",
    "UPDATE events SET steps = 3 WHERE id = 1",
    "UPDATE events SET undone = 1 WHERE id = 1",
    "UPDATE events SET accepted = 0 WHERE id = 1",
    "UPDATE events SET position = 9 WHERE id = 1",
    "UPDATE examples SET target = prompt WHERE kind = 'fact'",
    "UPDATE examples SET weight = 3.0 WHERE kind = 'fact'",
    "UPDATE examples SET prompt = target WHERE kind = 'near_miss'",
    "UPDATE examples SET likely = NULL WHERE kind = 'regularization'",
    "UPDATE updates SET nll_after = nll_after * (1 + 1e-15) WHERE id = 1",
    "UPDATE updates SET accepted = 0 WHERE id = 3",
    "UPDATE memories SET learner = replace(learner, '0.001', '0.003')",
    "DELETE FROM updates WHERE id = 1",
]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("snapshot", [True, False])
def test_a_ledger_row_that_is_not_what_happened_is_found(taught, mite, change, snapshot):
    """Also without any snapshot: each row tells how its lesson went."""
    with opened("m", mite) as memory:
        memory.ledger.database.run(change)
        if not snapshot:
            memory.ledger.memories.set_snapshots(memory.row.id, [])
    with opened("m", mite) as memory:
        assert history.verify(memory) != []
    if snapshot:
        assert run("memory", "verify", "--memory", "m")[0] == 1
        code, said = run("memory", "verify", "--repair", "--memory", "m")
        assert code == 0 and "Repaired" in said, said
        assert run("memory", "verify", "--memory", "m")[0] == 0, "what is said to be mended is"


@pytest.mark.parametrize(
    "by,said", [(1e-9, "not damaged, but another version"), (1e-2, "not sound")]
)
def test_rounding_of_another_version_is_told_from_damage(taught, mite, by: float, said: str):
    with opened("m", mite) as memory:
        memory.ledger.database.run(f"UPDATE updates SET nll_after = nll_after * (1 + {by})")
    assert said in run("memory", "verify", "--memory", "m")[1]
    assert run("memory", "verify", "--repair", "--memory", "m")[0] == 0
    assert run("memory", "verify", "--memory", "m")[0] == 0


@pytest.mark.parametrize(
    ("made", "by", "said"),
    [
        ("MLX 9 cpu, OpenBLAS 9 Nehalem, 3 threads", 1e-3, "not damaged, but another version"),
        ("MLX 9 cpu, OpenBLAS 9 Nehalem, 3 threads", 1.0, "not sound"),
        (None, 1e-3, "not sound"),
    ],
)
def test_weights_of_another_machine_are_told_from_damage(taught, mite, made, by: float, said: str):
    """What was made with the arithmetic of here must be the same to the last bit."""
    with opened("m", mite) as memory:
        history.rebuild(memory)
        make_elsewhere(memory, made, by)
    code, told = run("memory", "verify", "--memory", "m")
    assert code == 1 and said in told, told
    assert not made or (made in told and "OPENBLAS_CORETYPE" in told), "and how to prove it"
    assert run("memory", "verify", "--repair", "--memory", "m")[0] == 0
    with opened("m", mite) as memory:
        assert memory.snapshots.made_with() == [device.arithmetic()]


def make_elsewhere(memory: Memory, made: str | None, by: float) -> None:
    """Let the newest snapshot be `made` with another arithmetic, its weights moved by a share."""
    (newest, *_) = rows = memory.ledger.memories.snapshots(memory.row.id)
    file = memory.directory / newest.file
    arrays, metadata = mx.load(str(file), return_metadata=True)
    assert metadata["arithmetic"] == device.arithmetic()
    moved = {n: a * (1 + by) if "lora_b" in n else a for n, a in arrays.items()}
    digest = write_arrays(file, moved, metadata | ({"arithmetic": made} if made else {}))
    rows[0] = newest._replace(sha256=digest)
    memory.ledger.memories.set_snapshots(memory.row.id, rows)


@pytest.mark.parametrize("change", [history.undo, lambda memory: history.forget(memory, [3])])
def test_with_what_lessons_were_calculated_outlives_their_snapshots(
    taught: State, mite: Model, change: Callable[[Memory], object]
):
    """The outcomes of before are still those of another machine, until all are made anew."""
    other = "MLX 9 cpu, OpenBLAS 9 Nehalem, 3 threads"
    with opened("m", mite) as memory:
        history.rebuild(memory)
        make_elsewhere(memory, other, 0.0)
        memory.ledger.database.run("UPDATE updates SET nll_after = nll_after * (1 + 1e-4)")
    with opened("m", mite) as memory:
        change(memory)
    with closing(Ledger(database())) as ledger:
        branch("m", "twin", ledger)
    for name in ("m", "twin"):
        code, told = run("memory", "verify", "--memory", name)
        assert code == 1 and "not damaged, but another version" in told and other in told
        with opened(name, mite) as memory:
            teach(memory, "I bake bread")
            assert memory.snapshots.made_with() == [device.arithmetic(), other]
        assert run("memory", "verify", "--repair", "--memory", name)[0] == 0
        with opened(name, mite) as memory:
            assert memory.snapshots.made_with() == [device.arithmetic()]
            assert history.verify(memory) == []


def test_what_cannot_be_repaired_is_not_said_to_be(taught: State):
    with sqlite3.connect(database()) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_master WHERE name = 'example_message'")
    db.close()
    code, said = run("memory", "verify", "--quick", "--repair", "--memory", "m")
    assert code == 1 and "cannot be repaired" in said and "backup" in said
    assert "Repaired" not in said


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE memories SET learner = replace(learner, 'damping', 'dampino')",
        "UPDATE memories SET study = replace(study, '{', '[')",
        "UPDATE events SET chunks = replace(chunks, ']', '}') WHERE id = 3",
        "UPDATE events SET chunks = '[[1, 2]]' WHERE id = 3",
    ],
)
def test_a_row_that_cannot_be_read_is_a_sentence(taught: State, change: str):
    with sqlite3.connect(database()) as db:
        db.execute(change)
    db.close()
    code, said = run("memory", "verify", "--memory", "m")
    assert code == 1 and "the ledger is damaged" in said


def spoil(path: Path, how: str, rng: random.Random) -> None:
    data = path.read_bytes()
    page = 4096 * rng.randrange(1, len(data) // 4096)
    match how:
        case "bit":
            data = flipped(data, rng.randrange(len(data) * 8))
        case "garbage":
            data = data[:page] + rng.randbytes(4096) + data[page + 4096 :]
        case "zeros":
            data = data[:page] + bytes(4096) + data[page + 4096 :]
        case "cut":
            data = data[:page]
    path.write_bytes(data)


@pytest.mark.parametrize("how", ["bit", "garbage", "zeros", "cut"])
@pytest.mark.parametrize("trials", [4, pytest.param(60, marks=SLOW)])
@pytest.mark.timeout(1800)
def test_a_damaged_database_is_a_sentence_and_never_another_memory(
    taught: State, mite: Model, tmp_path: Path, monkeypatch, how: str, trials: int
):
    source = data_dir()
    for trial in range(trials):
        shutil.copytree(source, tmp_path / f"home{trial}")
        at_home(tmp_path / f"home{trial}", monkeypatch)
        spoil(database(), how, random.Random(trial))
        whole = False
        with suppress(*SAYS), opened("m", mite) as memory:
            whole = history.verify(memory) == []
            assert not whole or same(state(memory), taught)
        for command in ("log", "verify", "undo"):
            run("memory", command, "--memory", "m")
        run("memory", "list")


def test_a_damaged_header_is_a_sentence(taught: State):
    database().write_bytes(bytes(100) + database().read_bytes()[100:])
    for command in ("list", "log"):
        code, said = run("memory", command)
        assert code == 1 and "cannot be opened" in said


@pytest.mark.parametrize("refuses", [False, True])
def test_on_macos_what_is_synced_is_on_the_disk_itself(tmp_path: Path, monkeypatch, refuses: bool):
    """There `fsync` hands it to the disk's cache alone; where a disk knows no more, that has to do.

    SQLite does so when it is told to.
    """
    asked, synced = list[int](), list[int]()

    def control(handle: int, command: int) -> None:
        asked.append(command)
        if refuses:
            raise OSError(errno.ENOTTY, "no such control")

    monkeypatch.setattr(fcntl, "F_FULLFSYNC", 51, raising=False)
    monkeypatch.setattr(fcntl, "fcntl", control)
    monkeypatch.setattr(os, "fsync", synced.append)
    sync(tmp_path)
    assert asked == [51] and bool(synced) == refuses
    with closing(Ledger(tmp_path / "db")) as ledger:
        told = [ledger.database.value(f"PRAGMA {n}fullfsync") for n in ("", "checkpoint_")]
    assert told == [1, 1]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of eight megabytes."""
    path = tmp_path / "disk"
    path.mkdir()
    size = "size=8m,mode=700"
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "tmpfs", path], capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small disk")
    yield path
    subprocess.run(["umount", "-l", path], check=True)


def test_a_ledger_that_a_full_disk_keeps_shut_says_so(taught: State, small_disk: Path, monkeypatch):
    home = small_disk / "home"
    shutil.copytree(data_dir(), home)
    monkeypatch.setenv("MLXDYN_HOME", str(home))
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(1024)):
            pass
    code, said = run("memory", "undo", "--memory", "m")
    assert code == 1 and "No space left on device; free some space" in said
    assert "disk I/O error" not in said


def learn(memory: Memory) -> None:
    teach(memory, "I bake bread. " * 9, ("What is my job?", "A baker."), guarded=True)


def forget(memory: Memory) -> None:
    history.forget(memory, [1])


def take_along(memory: Memory) -> None:
    export(memory, data_dir() / "m.bundle", "bundle", ExportOptions())


ACTIONS = [learn, forget, history.rebuild, history.undo, Memory.consolidate, take_along]


@pytest.mark.parametrize(
    "action", [learn, forget, *(pytest.param(a, marks=SLOW) for a in ACTIONS[2:])]
)
@pytest.mark.timeout(600)
def test_a_full_disk_never_makes_a_wrong_memory(
    taught: State, mite: Model, small_disk: Path, monkeypatch, action: Callable[[Memory], None]
):
    source, ended = data_dir(), set()
    monkeypatch.setenv("MLXDYN_HOME", str(source.with_name("after")))
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    with opened("m", mite) as memory:
        action(memory)
        after = state(memory)
    for free in (0, 4, 16, 40, 100, 300, 3000):  # kilobytes
        at_home(small_disk / str(free), monkeypatch)
        shutil.copytree(source, data_dir(), dirs_exist_ok=True)
        ledger, done = Ledger(database()), False
        with open_memory("m", mite, ledger) as memory:
            with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
                while filler.write(bytes(1024)):
                    pass
            size = (small_disk / "filler").stat().st_size
            os.truncate(small_disk / "filler", max(0, size - free * 1024))
            with suppress(*SAYS):
                action(memory)
                done = True
        ended.add(done)
        with suppress(sqlite3.Error):
            ledger.close()
        (small_disk / "filler").unlink()
        with opened("m", mite) as memory:
            assert history.verify(memory) == []
            # What is drawn beside a message hangs on its identity, which each has of its own.
            new = action is learn or same(state(memory), after)
            assert same(state(memory), taught) if not done else new
            if done and action is take_along:
                assert (data_dir() / "m.bundle").exists()
        shutil.rmtree(data_dir())
    assert ended == {True, False}, "with some room it works, with none it does not"


def test_a_full_disk_is_a_sentence_in_a_chat(
    taught: State, mite: Model, small_disk: Path, monkeypatch
):
    source = data_dir()
    at_home(small_disk / "home", monkeypatch)
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    with suppress(OSError), (small_disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(1024)):
            pass
    result = CliRunner().invoke(
        main, ["chat", "--model", str(mite.path), "--memory", "m", "--once", "Hello!"]
    )
    assert result.exit_code == 1 and "Traceback" not in result.output
    assert "full" in result.output or "I/O" in result.output or "opened" in result.output
    (small_disk / "filler").unlink()
    with opened("m", mite) as memory:
        assert history.verify(memory) == [] and same(state(memory), taught)


READING = ("log", "show", "items", "verify", "verify --quick", "probe", "compare Hello")


def chat_with(model: Model) -> list[str]:
    return ["chat", "--model", str(model.path), "--memory", "m", "--once", "Hello!"]


def fill(disk: Path, *, free: int = 0) -> None:
    """Take all room on a disk but `free` kilobytes."""
    with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
        while filler.write(bytes(1024)):
            pass
    os.truncate(disk / "filler", max(0, (disk / "filler").stat().st_size - free * 1024))


@pytest.mark.parametrize("free", [0, 400])
def test_reading_needs_no_room_and_writes_nothing(
    taught: State, mite: Model, small_disk: Path, monkeypatch, free: int
):
    source = data_dir()
    at_home(small_disk / "home", monkeypatch)
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    fill(small_disk, free=free)
    before = contents(data_dir())
    for command in READING:
        code, said = run("memory", *command.split(), "--memory", "m")
        assert code == 0, said
    result = CliRunner().invoke(main, [*chat_with(mite), "--temporary"])
    assert result.exit_code == 0, result.output
    assert contents(data_dir()) == before


def contents(folder: Path) -> dict[Path, bytes]:
    """All files but those in which SQLite would keep what is not yet in the database."""
    files = (path for path in folder.rglob("*") if path.is_file())
    logs = ("mlxdyn.db-wal", "mlxdyn.db-shm")
    assert not any(path.stat().st_size for path in folder.glob(logs[0]))
    return {path: path.read_bytes() for path in files if path.name not in logs}


def test_an_older_ledger_is_read_as_it_is(mite: Model):
    """What only looks migrates nothing on disk."""
    with closing(Former(database(), mite)) as former:
        former.learned(former.say(SAID[0]))
    before = database().read_bytes()
    for command in ("show", "log", "items", "compare Hello"):
        code, said = run("memory", *command.split(), "--memory", "m")
        assert code == 0, said
    assert database().read_bytes() == before


def test_forgetting_has_room_kept_for_it(
    taught: State, mite: Model, small_disk: Path, monkeypatch, tmp_path: Path
):
    source = data_dir()
    at_home(tmp_path / "elsewhere", monkeypatch)
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    assert run("memory", "forget", "1", "--yes", "--memory", "m")[0] == 0
    with opened("m", mite) as memory:
        wanted = state(memory)
    at_home(small_disk / "home", monkeypatch)
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    opened_once(mite)
    fill(small_disk)
    code, said = run("memory", "forget", "1", "--yes", "--memory", "m")
    assert code == 0 and "the text is erased" in said, said
    assert SAID[0].encode() not in b"".join(contents(data_dir()).values())
    code, said = run("memory", "log", "--memory", "m")
    assert code == 0 and SAID[0] not in said
    (small_disk / "filler").unlink()
    with opened("m", mite) as memory:
        assert history.verify(memory) == [] and same(state(memory), wanted)
    assert (data_dir() / SPARE).exists(), "room for the next time"
    fill(small_disk)
    assert run("memory", "delete", "m", "--yes")[0] == 0


def opened_once(model: Model) -> None:
    with opened("m", model):
        pass


def test_where_nothing_can_be_written_it_is_a_sentence(
    taught: State, mite: Model, small_disk: Path, monkeypatch
):
    source = data_dir()
    at_home(small_disk / "home", monkeypatch)
    shutil.copytree(source, data_dir(), dirs_exist_ok=True)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    for command in ("undo", "forget 1 --yes", "branch twin", "study", "reset --yes"):
        code, said = run("memory", *command.split(), "--memory", "m")
        assert code == 1 and "Errno" not in said
    assert CliRunner().invoke(main, chat_with(mite)).exit_code == 1
    for command in (*READING, "list"):
        words = [] if command == "list" else ["--memory", "m"]
        code, said = run("memory", *command.split(), *words)
        assert code == 0, said
    result = CliRunner().invoke(main, [*chat_with(mite), "--temporary"])
    assert result.exit_code == 0, result.output
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    with opened("m", mite) as memory:
        assert history.verify(memory) == [] and same(state(memory), taught)


def test_a_home_that_cannot_be_made_is_a_sentence(tmp_path: Path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    at_home(tmp_path / "file" / "home", monkeypatch)
    code, said = run("chat", "--once", "Hello!")
    assert code == 1 and "MLXDYN_HOME" in said


def test_a_ledger_that_can_grow_no_more_loses_nothing(taught: State, mite: Model):
    """What a full disk is to SQLite, without one."""
    with opened("m", mite) as memory:
        pages = memory.ledger.database.run("PRAGMA page_count").fetchone()[0]
        memory.ledger.database.run(f"PRAGMA max_page_count = {pages}")
        with pytest.raises(sqlite3.OperationalError, match="full"):
            for _ in range(99):
                before = state(memory)
                teach(memory, "I bake bread. " * 30)
        assert same(state(memory), before) and history.verify(memory) == []
    with opened("m", mite) as memory:
        assert same(state(memory), before) and history.verify(memory) == []


def test_text_that_cannot_be_read_is_not_printed(taught: State):
    with sqlite3.connect(database()) as db:
        db.execute("UPDATE messages SET text = CAST(x'6d7920776f726473ff' AS TEXT)")
    db.close()
    for command in ("log", "items", "verify", "forget --search x --yes"):
        _, said = run("memory", *command.split(), "--memory", "m")
        assert "my words" not in said
