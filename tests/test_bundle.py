"""Laws of the bundle: one file restores the very same memory, or says why it cannot."""

import hashlib
import json
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import mlx.core as mx
import pytest
from click.testing import CliRunner
from filelock import FileLock
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import FAST, fact, opened, random_adapter, teach

from mlxdyn.cli import main
from mlxdyn.config import AdapterConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import directories
from mlxdyn.exchange.adapter import adapter_of, create
from mlxdyn.exchange.bundle import ADAPTER, LEDGER, MANIFEST, restore, unpacked, write_bundle
from mlxdyn.exchange.export import ExportOptions, export
from mlxdyn.files import data_dir, memory_directory, sweep
from mlxdyn.learn.learner import same
from mlxdyn.memory import history
from mlxdyn.memory.directory import ORIGIN
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.database import migrate
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import NEWEST, OLDEST
from mlxdyn.model import registry
from mlxdyn.model.load import Model

TEXTS = ("my dog is Rex", "I live in Leeds by the old mill", "the shed code is four seven one nine")


@pytest.fixture(scope="session")
def tiny(loaded_mite: Model) -> Model:
    return loaded_mite


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        yield ledger


@pytest.fixture
def memory(tiny, ledger: Ledger) -> Iterator[Memory]:
    """A memory of three messages, one of them undone, with a study item."""
    with opened("m", tiny, ledger) as memory:
        ids = teach(memory, *TEXTS)
        fact(memory, ids[0], "What is my dog's name?", "Rex")
        history.undo(memory)
        yield memory


def pack(memory: Memory, path: Path, *, text: bool = True) -> Path:
    write_bundle(memory, adapter_of(memory), path, text=text)
    return path


def read_in(path: Path, name: str, base: Model, ledger: Ledger):
    with unpacked(path) as bundle:
        return restore(bundle, name, base, ledger, FAST)


def facts(ledger: Ledger, memory: int) -> list:
    """What a ledger says of a memory, without the numbers that every copy has of its own."""
    log = [
        (u.time, u.text, u.kind, u.tokens, u.nll_before, u.undone)
        for u in ledger.events.log(memory)
    ]
    facts = [(row.question, row.answer, row.source) for row in ledger.examples.active(memory)]
    return [*log, *facts, *(chat.title for chat in ledger.conversations.all(memory))]


def test_a_bundle_restores_everything(memory: Memory, ledger: Ledger, tiny, tmp_path: Path):
    path = pack(memory, tmp_path / "m.bundle")
    before, told = memory.learner.state, facts(ledger, memory.row.id)
    memory.close()
    with closing(Ledger(tmp_path / "elsewhere.db")) as other:
        row = read_in(path, "copy", tiny, other)
        assert facts(other, row.id) == told
        with opened("copy", tiny, other) as copy:
            assert same(copy.learner.state, before)  # the optimizer too
            assert history.verify(copy) == []
            assert copy.row.learner == memory.row.learner
            assert copy.study_config == memory.study_config
            assert history.redo(copy) is not None
            assert len(copy.known_facts()) == 1
        with opened("m", tiny, ledger) as original:
            history.redo(original)
            assert same(original.learner.state, copy.learner.state)


def test_a_bundle_needs_no_snapshot_to_be_newer_than_the_memory(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path
):
    """What was learned after the last snapshot is inside, and costs no replay."""
    teach(memory, "a word after the snapshot")
    path = pack(memory, tmp_path / "m.bundle")
    row = read_in(path, "copy", tiny, ledger)
    assert [s.upto for s in ledger.memories.snapshots(row.id)] == [
        ledger.events.totals(row.id).position
    ]


@given(
    rank=st.integers(1, 4),
    scale=st.floats(0.01, 10),
    targets=st.sampled_from(["all", "mlp", "q_proj,down_proj"]),
    texts=st.lists(st.sampled_from(TEXTS), max_size=2),
    text=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=10, deadline=None)
def test_every_memory_comes_back_with_the_same_bits(
    tiny, tmp_path_factory, rank, scale, targets, texts, text, seed
):
    folder = tmp_path_factory.mktemp("trip")
    name, copy = folder.name, f"{folder.name}-copy"
    lora = random_adapter(tiny, AdapterConfig(rank=rank, scale=scale, targets=targets), seed=seed)
    with closing(Ledger(folder / "m.db")) as ledger:
        create(lora, name, tiny, ledger, FAST)
        with opened(name, tiny, ledger) as memory:
            teach(memory, *texts)
            out = adapter_of(memory)
            pack(memory, folder / "m.bundle", text=text)
        read_in(folder / "m.bundle", copy, tiny, ledger)
        with opened(copy, tiny, ledger) as memory:
            back = adapter_of(memory)
    assert (back.rank, back.scale, back.modules) == (out.rank, out.scale, out.modules)
    assert all(mx.array_equal(back.arrays[n], out.arrays[n]) for n in out.arrays)


def test_a_bundle_without_text_has_none(memory: Memory, ledger: Ledger, tiny, tmp_path: Path):
    path = pack(memory, tmp_path / "m.bundle", text=False)
    with zipfile.ZipFile(path) as packed:
        data = b"".join(packed.read(name) for name in packed.namelist())
    assert b"Rex" not in data and b"Leeds" not in data
    with zipfile.ZipFile(pack(memory, tmp_path / "full.bundle")) as packed:
        data = b"".join(packed.read(name) for name in packed.namelist())
    assert b"Rex" in data  # the test can see it
    row = read_in(path, "copy", tiny, ledger)
    assert ledger.events.log(row.id) == []


def test_forgotten_words_are_not_in_the_bundle(memory: Memory, tmp_path: Path):
    ids = teach(memory, "the word is heliotrope")
    history.forget(memory, ids)
    with zipfile.ZipFile(pack(memory, tmp_path / "m.bundle")) as packed:
        assert b"heliotrope" not in packed.read(LEDGER)


def test_the_bundle_holds_no_other_memory(memory: Memory, ledger: Ledger, tiny, tmp_path: Path):
    memory.close()
    with opened("other", tiny, ledger) as other:
        teach(other, "my cat is called Vexathorn")
    with opened("m", tiny, ledger) as memory:
        pack(memory, tmp_path / "m.bundle")
    with zipfile.ZipFile(tmp_path / "m.bundle") as packed:
        assert b"Vexathorn" not in packed.read(LEDGER)


def test_the_bundle_names_no_place_of_a_base_that_has_a_name(
    memory: Memory, tiny, tmp_path: Path, monkeypatch
):
    monkeypatch.setattr(registry, "named", lambda: {"tiny": tiny.path})
    with zipfile.ZipFile(pack(memory, tmp_path / "m.bundle")) as packed:
        held = {name: packed.read(name) for name in packed.namelist()}
    assert not [name for name, data in held.items() if str(tiny.path).encode() in data]
    assert b"tiny" in held[LEDGER] and str(tiny.path) == memory.row.model


def test_the_adapter_inside_is_one_that_mlx_lm_loads(memory: Memory, tmp_path: Path):
    with zipfile.ZipFile(pack(memory, tmp_path / "m.bundle")) as packed:
        packed.extractall(tmp_path / "open")
    assert directories.read(tmp_path / "open" / ADAPTER).memory == "m"


# Damage, and what does not fit


def rewrite(path: Path, change: Callable[[dict[str, bytes]], None]) -> None:
    with zipfile.ZipFile(path) as packed:
        files = {name: packed.read(name) for name in packed.namelist()}
    change(files)
    with zipfile.ZipFile(path, "w") as packed:
        for name, data in files.items():
            packed.writestr(name, data)


def flip(name: str) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[name] = files[name][:-1] + bytes([files[name][-1] ^ 1])

    return change


def describe(**changes) -> Callable[[dict[str, bytes]], None]:
    def change(files: dict[str, bytes]) -> None:
        files[MANIFEST] = json.dumps(json.loads(files[MANIFEST]) | changes).encode()

    return change


@pytest.mark.parametrize(
    "harm,said",
    [
        (flip(LEDGER), "differs from its hash"),
        (flip(f"{ADAPTER}/{directories.WEIGHTS}"), "differs from its hash"),
        (lambda files: files.pop(LEDGER), "is no mlxdyn bundle, or is damaged"),
        (lambda files: files.pop(MANIFEST), "is no mlxdyn bundle, or is damaged"),
        (lambda files: files.update({MANIFEST: b"[]"}), "does not say what that of a bundle says"),
        (describe(memory=5), "does not say what that of a bundle says"),
        (describe(files=["a"]), "does not say what that of a bundle says"),
        (describe(schema=2), "newer mlxdyn"),
        (describe(schema="x"), "does not say what that of a bundle says"),
        (describe(fingerprint="0" * 16), "another base"),
        (describe(files={"../../escape": ""}), "is damaged"),
    ],
)
def test_a_bundle_that_is_not_sound_is_refused_and_leaves_nothing(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path, harm, said
):
    path = pack(memory, tmp_path / "m.bundle")
    rewrite(path, harm)
    with pytest.raises(MlxdynError, match=said):
        read_in(path, "copy", tiny, ledger)
    assert ledger.memories.find("copy") is None
    assert not (data_dir() / "memories" / "copy").exists()
    assert not list(data_dir().glob(".bundle-*"))


@pytest.mark.parametrize("place,value", [(8, 1), (10, 8), (10, 12), (10, 14), (10, 99)])
def test_a_zip_of_another_making_is_refused_in_one_sentence(memory: Memory, tmp_path, place, value):
    """Encrypted, or said to be packed in ways that it is not."""
    path = pack(memory, tmp_path / "m.bundle")
    data = bytearray(path.read_bytes())
    for header, shift in ((b"PK\1\2", 0), (b"PK\3\4", -2)):
        start = data.index(header)
        data[start + place + shift] = value
    path.write_bytes(data)
    with pytest.raises(MlxdynError, match="is no mlxdyn bundle, or is damaged"), unpacked(path):
        pass


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM memories",
        "UPDATE memories SET adapter = '{'",
        "UPDATE snapshots SET file = '../../mlxdyn.db'",
    ],
)
def test_a_bundle_without_its_memory_is_refused(memory, ledger, tiny, tmp_path, change):
    def harm(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute(change)

    path = with_ledger(pack(memory, tmp_path / "m.bundle"), tmp_path, harm)
    with pytest.raises(MlxdynError, match=r"0 memories|damaged"):
        read_in(path, "copy", tiny, ledger)
    assert ledger.memories.find("copy") is None and not (data_dir() / "memories" / "copy").exists()


@pytest.mark.parametrize("text", [True, False])
def test_where_another_process_founds_a_memory_nothing_is_imported(
    memory: Memory, tiny, ledger, tmp_path, text
):
    path = pack(memory, tmp_path / "m.bundle", text=text)
    theirs = memory_directory("copy") / ORIGIN
    theirs.write_text("their weights")
    with (
        FileLock(memory_directory("copy") / "lock"),
        pytest.raises(MlxdynError, match="open in another"),
    ):
        read_in(path, "copy", tiny, ledger)
    assert theirs.read_text() == "their weights" and ledger.memories.find("copy") is None


def test_a_flipped_bit_is_noticed_or_harmless(memory: Memory, tmp_path: Path):
    """The zip, the manifest and the hashes cover all but what nobody reads, such as file dates."""

    def contents(directory: Path) -> dict[str, bytes]:
        files = (file for file in directory.rglob("*") if file.is_file())
        return {str(file.relative_to(directory)): file.read_bytes() for file in files}

    path = pack(memory, tmp_path / "m.bundle", text=False)
    whole, noticed = path.read_bytes(), 0
    with unpacked(path) as bundle:
        sound = contents(bundle.directory)
    for index in range(len(whole) // 40, len(whole), len(whole) // 20):
        path.write_bytes(whole[:index] + bytes([whole[index] ^ 4]) + whole[index + 1 :])
        try:
            with unpacked(path) as bundle:
                assert contents(bundle.directory) == sound
        except MlxdynError as error:
            assert "damaged" in str(error)
            noticed += 1
    assert noticed > 15
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MlxdynError, match="damaged"), unpacked(path):
        pass


def test_what_a_killed_import_left_is_swept_away(memory: Memory, tmp_path: Path):
    left = data_dir() / ".bundle-killed"
    killed_with(left)
    path = pack(memory, tmp_path / "m.bundle")
    with unpacked(path):
        assert not left.exists()
        killed_with(left)
        sweep()
        assert not left.exists() and list(data_dir().glob(".bundle-*")), "not what is worked on"
    assert not list(tmp_path.glob(".*")) and not list(data_dir().glob(".*"))


@pytest.mark.parametrize("action", ["forget", "open"])
def test_what_a_killed_export_left_anywhere_goes(memory: Memory, tiny, ledger, tmp_path, action):
    """It may hold what is forgotten now, in text or in weights."""
    left = tmp_path / "elsewhere" / ".m.partial.bundle"
    left.parent.mkdir()
    killed_with(left)
    if action == "forget":
        history.forget(memory, [1])
    else:
        memory.close()
        opened("m", tiny, ledger).close()
    assert not left.exists() and not list(data_dir().glob(".*"))


def test_a_leftover_that_cannot_be_removed_is_in_nobodys_way(memory: Memory, tmp_path):
    left = tmp_path / "elsewhere" / ".m.partial.bundle"
    left.parent.mkdir()
    killed_with(left)
    left.parent.rename(tmp_path / "moved")
    left.parent.write_text("a file now")
    sweep()
    left.parent.unlink()
    (tmp_path / "moved").rename(left.parent)
    sweep()
    assert not left.exists() and not list(data_dir().glob(".*"))


@pytest.mark.parametrize("name", [".m", ".m.partial.bundle"])
def test_a_leftover_on_a_disk_that_is_away_goes_when_it_is_back(tmp_path: Path, name: str):
    left = tmp_path / "disk" / name
    left.parent.mkdir()
    killed_with(left)
    left.parent.rename(tmp_path / "in a pocket")
    sweep()
    (tmp_path / "in a pocket").rename(left.parent)
    sweep()
    assert not left.exists() and not list(data_dir().glob(".*"))


def test_a_directory_that_cannot_be_removed_now_is_removed_later(tmp_path: Path, monkeypatch):
    left = tmp_path / ".m"
    killed_with(left)
    (left / "adapter.safetensors").write_bytes(b"private")
    with monkeypatch.context() as held:
        held.setattr("shutil.rmtree", lambda *_, **__: None)  # as one does that ignores its errors
        sweep()
    sweep()
    assert not left.exists() and not list(data_dir().glob(".*"))


@pytest.mark.parametrize("cut", [-1, -5])
def test_a_note_of_a_leftover_that_was_cut_short_removes_nothing(tmp_path: Path, cut: int):
    kept, left = tmp_path / ".m.partial", tmp_path / ".m.partial.txt"
    kept.write_text("mine")
    killed_with(left)
    (note,) = (path for path in data_dir().glob(".leaves-*") if not path.suffix)
    note.write_text(note.read_text()[:cut])
    sweep()
    assert kept.exists() and left.exists() and not list(data_dir().glob(".*"))


def killed_with(path: Path) -> None:
    """Let a process die while `path` is there for a moment only."""
    script = (
        "import os, sys, pathlib, mlxdyn.files as h\n"
        "with h.temporary(pathlib.Path(sys.argv[1])) as p:\n"
        "    p.write_text('private words') if p.suffix else p.mkdir()\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)])
    assert done.returncode == -9 and path.exists()


def test_an_existing_memory_is_never_imported_over(memory: Memory, tiny, tmp_path: Path):
    path = pack(memory, tmp_path / "m.bundle")
    with pytest.raises(MlxdynError, match="exists"):
        read_in(path, "m", tiny, memory.ledger)
    assert history.verify(memory) == []


def test_a_bundle_with_a_newer_ledger_is_refused(memory: Memory, tiny, tmp_path: Path):
    path = with_ledger(pack(memory, tmp_path / "m.bundle"), tmp_path, newer)
    with pytest.raises(MlxdynError, match="newer mlxdyn"):
        read_in(path, "copy", tiny, memory.ledger)
    assert memory.ledger.memories.find("copy") is None


def newer(db: sqlite3.Connection) -> None:
    db.execute(f"PRAGMA user_version = {NEWEST + 1}")


def test_a_bundle_of_an_older_schema_restores(tiny, ledger: Ledger, memory: Memory, tmp_path):
    """Bundles outlive schemas: the ledger inside is brought up to date when it is read."""
    path = with_ledger(pack(memory, tmp_path / "m.bundle"), tmp_path, older_schema(memory))
    row = read_in(path, "copy", tiny, ledger)
    waits = ledger.messages.pending(row.id)  # to be learned anew, as one's own old memories do
    assert [ledger.messages.upto(message)[-1].text for message in waits] == [TEXTS[0]]
    with opened("copy", tiny, ledger) as copy:
        assert history.verify(copy) == []


def older_schema(memory: Memory) -> Callable[[sqlite3.Connection], None]:
    """Make a ledger as an earlier mlxdyn wrote it, with one message learned."""

    def change(db: sqlite3.Connection) -> None:
        for (name,) in db.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        ).fetchall():
            db.execute(f"DROP TABLE {name}")
        migrate(db, 0, OLDEST)
        row = memory.row
        db.execute(
            "INSERT INTO memories VALUES (1, 'm', '2025', ?, ?, ?, ?, NULL, '{}', NULL)",
            (row.model, row.fingerprint, json.dumps(row.adapter), json.dumps(row.learner)),
        )
        db.execute("INSERT INTO conversations VALUES (1, 1, '2025-01-01')")
        said = (TEXTS[0], "0" * 16)
        db.execute("INSERT INTO messages VALUES (1, 1, 'user', ?, '2025', 'done', ?, 0, 0)", said)
        db.execute(
            "INSERT INTO events VALUES (1, 1, 1, 'message', 1, '2025',"
            " '[[[1, 5], [600, 700], null]]', 0, 0, 1, '', NULL, NULL, 0, 0)"
        )
        db.execute("INSERT INTO updates VALUES (1, 1, 'words', 2, 1, 1.0, 3.0, 2.0, 1.0, 1, '')")

    return change


def with_ledger(path: Path, folder: Path, change: Callable[[sqlite3.Connection], None]) -> Path:
    """Change the ledger inside a bundle, and its hash."""

    def apply(files: dict[str, bytes]) -> None:
        file = folder / "inner.db"
        file.write_bytes(files[LEDGER])
        with closing(sqlite3.connect(file, isolation_level=None)) as db:
            change(db)
        files[LEDGER] = file.read_bytes()
        manifest = json.loads(files[MANIFEST])
        manifest["files"][LEDGER] = hashlib.sha256(files[LEDGER]).hexdigest()
        files[MANIFEST] = json.dumps(manifest).encode()

    rewrite(path, apply)
    return path


def test_the_import_command_finds_the_base_that_the_bundle_names(
    memory: Memory, tiny, tmp_path: Path
):
    export(memory, tmp_path / "m.bundle", "bundle", ExportOptions())
    memory.close()
    command = ["memory", "import", str(tmp_path / "m.bundle"), "--memory", "copy", "--yes"]
    done = CliRunner().invoke(main, command)
    assert done.exit_code == 0, done.output
    assert memory.ledger.memories.find("copy").model == str(tiny.path)
    done = CliRunner().invoke(main, [*command[:-2], "other", "--yes", "--model", "wren"])
    assert done.exit_code == 1 and "another base" in done.output
