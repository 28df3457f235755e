"""Laws of what comes from others: a crafted bundle or adapter is a sentence, and no more."""

import hashlib
import json
import os
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from test_bundle import describe, pack, read_in, rewrite, with_ledger
from tiny import FAST, fact, opened, random_adapter, teach

from mlxdyn.arrays import read_arrays
from mlxdyn.cli import main
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import directories
from mlxdyn.exchange.adapter import create
from mlxdyn.exchange.bundle import LEDGER, MANIFEST, unpacked
from mlxdyn.exchange.received import received
from mlxdyn.files import data_dir, digest
from mlxdyn.learn.learner import flatten
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

Files = dict[str, bytes]
WORDS = "my dog is Rex"


@pytest.fixture(scope="session")
def tiny(loaded_mite: Model) -> Model:
    return loaded_mite


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        yield ledger


@pytest.fixture
def memory(tiny, ledger: Ledger) -> Iterator[Memory]:
    with opened("m", tiny, ledger) as memory:
        ids = teach(memory, WORDS, "I live in Leeds")
        fact(memory, ids[0], "What is my dog's name?", "Rex")
        yield memory


def refused(path: Path, tiny, ledger: Ledger, said: str) -> None:
    """Reading a bundle in ends in one sentence, and leaves nothing."""
    with pytest.raises(MlxdynError, match=said) as caught:
        read_in(path, "copy", tiny, ledger)
    assert str(data_dir() / "mlxdyn.db") not in str(caught.value), "the user's own ledger is not it"
    assert ledger.memories.find("copy") is None and not (data_dir() / "memories" / "copy").exists()
    assert not list(data_dir().glob(".bundle-*"))


# The ledger inside

CHUNK = "UPDATE events SET chunks = '[[[1, 5], [600], {}]]' WHERE position = 1"
CRAFTED = [
    (CHUNK.replace("600", "99999999").format("null"), "99999999 is no token of the base"),
    (CHUNK.replace("600", "-7").format("null"), "-7 is no token"),
    (CHUNK.replace("600", "1e9").format("null"), "is no token"),
    (CHUNK.replace("600", "true").format("null"), "True is no token"),
    (CHUNK.replace("[1, 5]", "[]").format("null"), "without context"),
    (CHUNK.format("[1.0, 1.0]"), "one number for each target"),
    (CHUNK.format("[NaN]"), "not finite"),
    (CHUNK.format(f"[{'9' * 400}]"), "not finite"),
    ("UPDATE messages SET parent = id", "message 1 follows none before it in its conversation"),
    (
        "UPDATE messages SET id = 0, parent = 0 WHERE id = 2; DELETE FROM updates WHERE event = 2;"
        " DELETE FROM events WHERE message = 2", "message 0 follows none before it",
    ),
    ("UPDATE messages SET parent = 3 - id", "message 1 follows none before it"),
    ("UPDATE messages SET parent = 1 WHERE id = 2", "message 2 follows none before it in its conv"),
    ("UPDATE messages SET parent = 77 WHERE id = 2", "message 2 follows none before it"),
    ("UPDATE conversations SET head = 2", "conversation 1 ends with a message that is not in it"),
    ("UPDATE events SET time = char(27) || '[2J'", "time of row"),
    ("UPDATE messages SET created = 'May'", "created of row"),
    ("UPDATE events SET chunks = printf('%.*c', 100000, '[')", "damaged"),
    ("UPDATE events SET steps = 999999999", "takes 999999999 steps"),
    ("UPDATE events SET steps = -1", "steps of row .* is -1, less than 0"),
    ("UPDATE events SET position = 'first'", "position of row .* is str 'first', not integer"),
    ("UPDATE events SET message = 4711", "names one of messages that is not there"),
    ("UPDATE updates SET tokens = -5", "tokens of row .* is -5, less than 0"),
    ("UPDATE updates SET tokens = 'many'", "tokens of row .* is str 'many', not integer"),
    ("UPDATE updates SET nll_before = 'low'", "is str 'low', not real"),
    ("UPDATE updates SET nll_before = 9e999", "is not finite"),
    ("UPDATE messages SET text = x'00ff'", "text of row .* is bytes"),
    ("UPDATE messages SET text = CAST(x'ff00' AS TEXT)", "damaged"),
    ("UPDATE messages SET text = printf('%.*c', 2000000, 'a')", "2,000,000 characters"),
    ("UPDATE messages SET role = 'system'", "role of row .* is str 'system'"),
    ("UPDATE messages SET uid = 'x'", "uid of row"),
    ("UPDATE messages SET uid = NULL WHERE id = 2", "message 2 has no identity"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.rank', -8)", "rank -8"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.rank', '8')", "rank '8'"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.scale', 1e30)", r"scale 1e\+30"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.layers', '0-99999999999')", "layers"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.adapt', 'all')", "adapt 'all'"),
    ("UPDATE memories SET adapter = json_set(adapter, '$.adapt', 'full')", "adapt 'full'"),
    ("UPDATE memories SET learner = json_set(learner, '$.optimizer', 'x')", "optimizer 'x'"),
    ("UPDATE memories SET learner = replace(learner, '0.01', 'NaN')", "learning_rate nan"),
    ("UPDATE memories SET learner = replace(learner, '0.01', '-1')", "learning_rate -1"),
    ("UPDATE memories SET study = json_set(study, '$.backoff', 'x')", "backoff 'x'"),
    ("UPDATE memories SET study = json_set(study, '$.odd', 1)", "damaged"),
    ("UPDATE memories SET fingerprint = '0123456789abcdef'", "names two bases"),
    ("UPDATE snapshots SET file = '../../mlxdyn.db'", "file of row"),
    ("UPDATE snapshots SET file = '1-0.safetensors'", "does not fit"),
    ("UPDATE examples SET likely = NULL, target = x'ffffff7f'", "2147483647 is no token"),
    ("UPDATE examples SET prompt = x'ffffffff'", "-1 is no token"),
    ("UPDATE examples SET prompt = x''", "no prompt"),
    ("UPDATE examples SET target = x'00'", "damaged"),
    ("UPDATE examples SET target = 'words'", "target of row .* is str 'words', not blob"),
    ("UPDATE examples SET likely = x'00'", "damaged"),
    (
        "UPDATE examples SET target = x'0500000006000000', likely = x'010000000500000000000000'",
        "differ in length",
    ),
    ("UPDATE examples SET likely = x'ffffff7f0000000000000000'", "damaged"),
    ("UPDATE examples SET likely = zeroblob(10000001)", "10,000,001 bytes"),
    ("UPDATE examples SET likely = NULL, weight = -1.0", "weight of row .* is -1.0, less than 0"),
    ("UPDATE examples SET likely = NULL, weight = 9e999", "is not finite"),
    ("UPDATE examples SET uid = 'x'", "uid of row"),
    ("UPDATE examples SET kind = 'trap'", "damaged"),
    ("DROP TABLE examples", "has no table examples"),
    ("ALTER TABLE examples RENAME COLUMN source TO by", "has no column source"),
    ("DROP TABLE examples; CREATE VIEW examples AS SELECT * FROM messages", "no table examples"),
    ("DROP TABLE updates; CREATE VIRTUAL TABLE updates USING fts5(id)", "has no table updates"),
    ("PRAGMA user_version = 0", "no ledger of mlxdyn"),
    ("PRAGMA user_version = -3", "no ledger of mlxdyn"),
]  # fmt: skip


@pytest.mark.parametrize("change,said", CRAFTED)
def test_a_crafted_ledger_is_refused_and_what_is_wrong_is_named(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path, change: str, said: str
):
    def harm(db: sqlite3.Connection) -> None:
        db.execute("PRAGMA foreign_keys = OFF")
        db.execute("PRAGMA ignore_check_constraints = ON")
        db.executescript(change)

    path = with_ledger(pack(memory, tmp_path / "m.bundle"), tmp_path, harm)
    refused(path, tiny, ledger, said)


TRAPS = """
CREATE TABLE extra (x); INSERT INTO extra VALUES ('mine');
CREATE TRIGGER trap AFTER INSERT ON messages BEGIN DELETE FROM memories; END;
CREATE TRIGGER other AFTER UPDATE ON memories BEGIN DELETE FROM messages; END;
CREATE VIEW everything AS SELECT load_extension('x') FROM memories;
"""


def test_of_a_strangers_ledger_only_known_tables_and_columns_are_read(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path
):
    def harm(db: sqlite3.Connection) -> None:
        db.executescript(TRAPS)
        db.execute("ALTER TABLE messages ADD COLUMN more TEXT DEFAULT 'x'")

    path = with_ledger(pack(memory, tmp_path / "m.bundle"), tmp_path, harm)
    row = read_in(path, "copy", tiny, ledger)
    assert [update.text for update in ledger.events.log(row.id)][:1] == [WORDS]
    made = {name for (name,) in ledger.database.run("SELECT name FROM sqlite_master")}
    assert not made & {"extra", "trap", "other", "everything"}


# The weights inside


def reweigh(change: Callable[[dict[str, mx.array]], None]) -> Callable[[Files], None]:
    """Change a bundle's snapshot, and the hashes of it."""

    def apply(files: Files) -> None:
        (name,) = (name for name in files if name.endswith("safetensors") and "/" not in name)
        (folder := data_dir() / "craft").mkdir(exist_ok=True)
        (folder / name).write_bytes(files[name])
        arrays = read_arrays(folder / name)
        change(arrays)
        mx.save_safetensors(str(folder / name), arrays)
        (folder / LEDGER).write_bytes(files[LEDGER])
        with closing(sqlite3.connect(folder / LEDGER, isolation_level=None)) as db:
            db.execute("UPDATE snapshots SET sha256 = ?", (digest(folder / name),))
        manifest = json.loads(files[MANIFEST])
        for changed in (name, LEDGER):
            files[changed] = (folder / changed).read_bytes()
            manifest["files"][changed] = digest(folder / changed)
            (folder / changed).unlink()
        files[MANIFEST] = json.dumps(manifest).encode()

    return apply


def first(arrays: dict[str, mx.array]) -> str:
    return next(name for name in sorted(arrays) if name.startswith("adapter."))


def lose(arrays: dict[str, mx.array]) -> None:
    del arrays[first(arrays)]


def squeeze(arrays: dict[str, mx.array]) -> None:
    arrays[first(arrays)] = mx.zeros((2, 2))


def poison(arrays: dict[str, mx.array]) -> None:
    arrays[first(arrays)] = arrays[first(arrays)] * float("nan")


def truncate(arrays: dict[str, mx.array]) -> None:
    arrays[first(arrays)] = arrays[first(arrays)].astype(mx.int32)


def add(arrays: dict[str, mx.array]) -> None:
    arrays["adapter.model.embed_tokens.weight"] = mx.zeros((2, 2))


WEIGHTS = [lose, squeeze, poison, truncate, add]


@pytest.mark.parametrize("change", WEIGHTS)
def test_crafted_weights_with_right_hashes_are_refused(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path, change
):
    path = pack(memory, tmp_path / "m.bundle")
    rewrite(path, reweigh(change))
    refused(path, tiny, ledger, "does not fit its memory")


@pytest.mark.parametrize("change", WEIGHTS)
def test_a_snapshot_that_a_memory_cannot_wear_is_damage_and_is_made_anew(
    memory: Memory, ledger: Ledger, tiny, change
):
    """Whoever wrote it, and though its checksum is right."""
    memory.snapshot()
    (row, *_), wanted = ledger.memories.snapshots(memory.row.id), flatten(memory.learner.state)
    arrays = read_arrays(memory.directory / row.file)
    change(arrays)
    mx.save_safetensors(str(memory.directory / row.file), arrays)
    sha256 = digest(memory.directory / row.file)
    ledger.memories.set_snapshots(memory.row.id, [row._replace(sha256=sha256)])
    assert history.verify(memory, replay=False) == [f"snapshot {row.file} is missing or damaged"]
    memory.close()
    with opened("m", tiny, ledger) as again:
        now = flatten(again.learner.state)
        assert all(mx.array_equal(now[name], wanted[name]) for name in wanted)
        history.rebuild(again)
        assert history.verify(again) == []


def test_a_token_that_the_base_lacks_is_a_sentence_in_ones_own_ledger_too(
    memory: Memory, ledger: Ledger, tiny
):
    """MLX reads beyond the embedding, and the process ends by a signal."""
    ledger.database.run(CHUNK.replace("600", "99999999").format("null"))
    ledger.memories.set_snapshots(memory.row.id, [])
    memory.close()
    with pytest.raises(MlxdynError, match=r"lesson 1 \(99999999 is no token of the base"):
        opened("m", tiny, ledger)


# The zip


def packed_tight(path: Path) -> None:
    """Write the same files compressed, one of them a gigabyte of nothing."""
    with zipfile.ZipFile(path) as source:
        files = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in files.items():
            target.writestr(name, data)


def with_more(name: str, data: bytes = b"more") -> Callable[[Path], None]:
    def change(path: Path) -> None:
        with zipfile.ZipFile(path, "a") as packed:
            packed.writestr(name, data)

    return change


def with_link(path: Path) -> None:
    info = zipfile.ZipInfo("9-link.safetensors")
    info.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr(info, "/etc/passwd")
    rewrite_manifest(path, lambda told: told["files"].update({info.filename: "0" * 64}))


def rewrite_manifest(path: Path, change: Callable[[dict], None]) -> None:
    with zipfile.ZipFile(path) as packed:
        entries = [(info, packed.read(info)) for info in packed.infolist()]
    with zipfile.ZipFile(path, "w") as packed:
        for info, data in entries:
            if info.filename == MANIFEST:
                told = json.loads(data)
                change(told)
                data = json.dumps(told).encode()
            packed.writestr(info, data)


def huge_manifest(path: Path) -> None:
    rewrite(path, lambda files: files.update({MANIFEST: files[MANIFEST] + b" " * 2**21}))


def deep_manifest(path: Path) -> None:
    rewrite(path, lambda files: files.update({MANIFEST: b"[" * 100_000}))


ZIPS = [
    (packed_tight, "is packed"),
    (with_more("9-more.safetensors"), "does not hold just the"),
    (with_more("../escape"), "is no name of a file"),
    (with_more("ledger.db-wal"), "is no name of a file"),
    (with_more("adapter/more.py"), "is no name of a file"),
    (with_link, "is a link"),
    (huge_manifest, "has more than 1,048,576 bytes"),
    (deep_manifest, "damaged"),
]


@pytest.mark.parametrize("harm,said", ZIPS)
def test_a_zip_that_holds_more_than_it_says_is_refused(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path, harm, said: str
):
    path = pack(memory, tmp_path / "m.bundle")
    harm(path)
    refused(path, tiny, ledger, said)


MAGIC = bytes.fromhex("d9d505f920a163d7")


def journal(names: Path, ledger: bytes) -> bytes:
    """A rollback journal that changes nothing; who rolls it back removes the file it `names`."""
    name, page = os.fsencode(names), int.from_bytes(ledger[16:18], "big")
    numbers = (0, 0, len(ledger) // page, 512, page)
    head = MAGIC + b"".join(number.to_bytes(4, "big") for number in numbers)
    ends = b"".join(n.to_bytes(4, "big") for n in (len(name), sum(name)))
    return head.ljust(512, b"\0") + (2**30 // page + 1).to_bytes(4, "big") + name + ends + MAGIC


@pytest.mark.parametrize("named", [True, False])
def test_no_bundle_removes_a_file_of_the_users(memory: Memory, tmp_path: Path, named: bool):
    """SQLite removes what a journal names when it opens the ledger, so before anyone is asked."""
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")

    def harm(files: Files) -> None:
        data = bytearray(files[LEDGER])
        data[18:20] = 1, 1  # its header no longer says that it keeps a write-ahead log
        manifest = json.loads(files[MANIFEST])
        files |= {LEDGER: bytes(data), f"{LEDGER}-journal": journal(mine, data)}
        for name in (LEDGER, f"{LEDGER}-journal") if named else (LEDGER,):
            manifest["files"][name] = hashlib.sha256(files[name]).hexdigest()
        files[MANIFEST] = json.dumps(manifest).encode()

    path = pack(memory, tmp_path / "m.bundle")
    rewrite(path, harm)
    with suppress(MlxdynError), unpacked(path) as held:
        held.counts()
    assert mine.exists()
    with pytest.raises(MlxdynError, match="journal' is no name of a file"), unpacked(path):
        pass


def test_of_a_received_ledger_no_journal_is_read(memory: Memory, tmp_path: Path):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    with unpacked(pack(memory, tmp_path / "m.bundle")) as held:
        file = held.directory / LEDGER
        data = bytearray(file.read_bytes())
        data[18:20] = 1, 1
        file.write_bytes(data)
        file.with_name(f"{LEDGER}-journal").write_bytes(journal(mine, data))
        assert held.counts()["message"] == 2
    assert mine.exists()


def test_what_is_no_file_is_no_bundle(tiny, ledger: Ledger, tmp_path: Path):
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero"), tmp_path):
        refused(path, tiny, ledger, "is no file")


# The command


def run(*words: object, stdin: str = ""):
    return CliRunner().invoke(main, ["memory", *map(str, words)], input=stdin)


def test_import_shows_what_is_inside_and_asks(memory: Memory, ledger: Ledger, tmp_path: Path):
    path = pack(memory, tmp_path / "m.bundle")
    memory.close()
    asked = run("import", path, "--memory", "copy", stdin="n\n")
    for told in ("memory 'm'", "2 messages", "2 chats", "1 item", "not yours", "Import it as"):
        assert told in asked.stderr
    assert asked.exit_code == 1 and ledger.memories.find("copy") is None
    assert "pass --yes" in run("import", path, "--memory", "copy").stderr
    assert run("import", path, "--memory", "copy", stdin="y\n").exit_code == 0
    assert ledger.memories.find("copy") is not None


def test_what_came_with_a_bundle_is_never_said_to_be_ones_own(
    memory: Memory, ledger: Ledger, tiny, tmp_path: Path
):
    """Nor after a branch, nor is it what a chat goes on with by itself."""
    path = pack(memory, tmp_path / "m.bundle")
    memory.close()
    assert run("import", path, "--memory", "copy", "--yes").exit_code == 0
    with opened("copy", tiny, ledger) as copy:
        teach(copy, "my own words")
    assert run("branch", "twin", "--memory", "copy").exit_code == 0
    for name in ("copy", "twin"):
        rows = json.loads(run("log", "--json", "--memory", name).stdout)
        assert [row["imported"] for row in rows] == [True, True, False]
        assert f"imported: {WORDS}" in run("log", "--memory", name).stdout
        assert "imported" in run("items", "--memory", name).stdout
    rows = json.loads(run("log", "--json", "--memory", "m").stdout)
    assert not any(row["imported"] for row in rows)
    assert run("import", path, "--memory", "again", "--yes").exit_code == 0
    chat = ["chat", "--model", str(tiny.path), "--memory", "again", "--plain"]
    assert "Leeds" not in CliRunner().invoke(main, chat, input="/quit\n").output


def test_the_base_that_a_bundle_names_is_never_a_path_that_is_opened(
    memory: Memory, tiny, tmp_path: Path, monkeypatch
):
    """Unless one's own memories are on it: then it is one's own path."""
    path = pack(memory, tmp_path / "m.bundle")
    memory.close()
    rewrite(path, describe(model=str(tmp_path / "evil")))
    assert run("import", path, "--memory", "copy", "--yes").exit_code == 0
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "empty"))
    for named in (str(tiny.path), "evil/../../model", "owner/model"):
        rewrite(path, describe(model=named))
        done = run("import", path, "--memory", "copy", "--yes")
        assert done.exit_code == 1 and "--model BASE" in done.stderr
    done = run("import", path, "--memory", "copy", "--yes", "--model", tiny.path)
    assert done.exit_code == 0, done.output


def test_what_a_bundle_says_moves_no_cursor(memory: Memory, tmp_path: Path):
    path = pack(memory, tmp_path / "m.bundle")
    rewrite(path, describe(memory="\x1b[2J", created="\x1b]0;x\x07", model="\x1b[31m"))
    done = run("import", path, "--memory", "copy", "--yes")
    assert "\x1b" not in done.output and "\x07" not in done.output


# Adapter directories

MLX = {"rank": 8, "scale": 1.0}


@pytest.mark.parametrize(
    "told,said",
    [
        ({"scale": float("nan")}, "scale nan"),
        ({"scale": 1e30}, r"scale 1e\+30"),
        ({"scale": float("inf")}, "scale inf"),
        ({"scale": 0}, "scale 0"),
        ({"rank": -8}, "rank -8"),
        ({"rank": 0}, "rank 0"),
        ({"rank": 10**400}, "rank|lacks"),
        ({"rank": float("inf")}, "lacks rank"),
        ({"rank": [8]}, "lacks rank"),
        ({"rank": 4}, "does not fit"),
    ],
)
def test_an_adapter_of_impossible_rank_or_scale_is_refused(
    tiny, ledger: Ledger, tmp_path: Path, told, said: str
):
    directories.write_mlx_lm(random_adapter(tiny), tmp_path / "out")
    config = json.loads((tmp_path / "out" / directories.CONFIG).read_text())
    config["lora_parameters"] = MLX | told
    (tmp_path / "out" / directories.CONFIG).write_text(json.dumps(config))
    with pytest.raises(MlxdynError, match=said):
        create(directories.read(tmp_path / "out"), "copy", tiny, ledger, FAST)
    assert ledger.memories.find("copy") is None and not (data_dir() / "memories" / "copy").exists()


def test_an_adapter_of_whole_numbers_is_refused(tiny, ledger: Ledger, tmp_path: Path):
    directories.write_mlx_lm(random_adapter(tiny), tmp_path / "out")
    weights = tmp_path / "out" / directories.WEIGHTS
    arrays = {name: a.astype(mx.int32) for name, a in read_arrays(weights).items()}
    mx.save_safetensors(str(weights), arrays)
    with pytest.raises(MlxdynError, match="not floats"):
        create(directories.read(tmp_path / "out"), "copy", tiny, ledger, FAST)
    assert ledger.memories.find("copy") is None


@pytest.mark.parametrize("file", [directories.WEIGHTS, directories.CONFIG])
def test_a_pipe_in_an_adapter_is_not_waited_for(tiny, tmp_path: Path, file: str):
    directories.write_mlx_lm(random_adapter(tiny), tmp_path / "out")
    (tmp_path / "out" / file).unlink()
    os.mkfifo(tmp_path / "out" / file)
    with pytest.raises(MlxdynError, match="is no file"):
        directories.read(tmp_path / "out")


def test_a_number_of_any_length_in_an_adapter_is_a_sentence(tiny, tmp_path: Path):
    directories.write_mlx_lm(random_adapter(tiny), tmp_path / "out")
    (tmp_path / "out" / directories.CONFIG).write_text(f'{{"rank": {"9" * 10_000}}}')
    with pytest.raises(MlxdynError, match="thousands of digits"):
        directories.read(tmp_path / "out")


# Any bytes at all

FUZZ = settings(max_examples=int(os.environ.get("MLXDYN_FUZZ", "25")), deadline=None)
EDITS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.binary(max_size=6)), max_size=4)


def spoiled(data: bytes, edits: list[tuple[float, bytes]], cut: float) -> bytes:
    """Write over some places of `data`, and cut it."""
    changed = bytearray(data)
    for place, written in edits:
        start = int(place * len(changed))
        changed[start : start + len(written)] = written
    return bytes(changed[: int(len(changed) * cut)])


@pytest.fixture(scope="module")
def bundle(tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLXDYN_HOME", str(folder / "home"))
        with (
            closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
            opened("m", tiny, ledger) as memory,
        ):
            teach(memory, WORDS)
            return pack(memory, folder / "m.bundle")


@given(edits=EDITS, cut=st.sampled_from([1.0, 1.0, 1.0, 0.7, 0.1]))
@FUZZ
def test_any_bundle_is_read_or_a_sentence(bundle: Path, tmp_path_factory, edits, cut):
    path = tmp_path_factory.mktemp("fuzz") / "m.bundle"
    path.write_bytes(spoiled(bundle.read_bytes(), edits, cut))
    try:
        with unpacked(path) as held:
            held.counts()
    except MlxdynError:
        pass


@given(edits=EDITS, cut=st.sampled_from([1.0, 1.0, 1.0, 0.7, 0.1]))
@FUZZ
def test_any_ledger_in_a_bundle_is_read_or_a_sentence(bundle: Path, tmp_path_factory, edits, cut):
    """With right hashes, so that nothing but the rows themselves tells."""
    path = tmp_path_factory.mktemp("fuzz") / "ledger.db"
    with zipfile.ZipFile(bundle) as packed:
        path.write_bytes(spoiled(packed.read(LEDGER), edits, cut))
    try:
        ledger, row = received(path)
        ledger.events.log(row.id)
    except MlxdynError:
        pass


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
KEYS = ("fine_tune_type", "lora_parameters", "model", "mlxdyn", "peft_type", "r", "lora_alpha",
        "use_rslora", "bias", "base_model_name_or_path")  # fmt: skip


@given(
    told=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=4),
    inner=st.dictionaries(st.sampled_from(("rank", "scale")), JSON),
    edits=EDITS,
    peft=st.booleans(),
)
@FUZZ
def test_any_adapter_directory_is_read_or_a_sentence(
    tiny, tmp_path_factory, told, inner, edits, peft
):
    folder = tmp_path_factory.mktemp("fuzz") / "out"
    if peft:
        directories.write_peft(random_adapter(tiny), folder, tiny.config)
    else:
        directories.write_mlx_lm(random_adapter(tiny), folder)
    config = json.loads((folder / directories.CONFIG).read_text())
    lora = config.get("lora_parameters")
    if isinstance(lora, dict):
        lora.update(inner)
    (folder / directories.CONFIG).write_text(json.dumps(config | told))
    for weights in folder.glob("*.safetensors"):
        weights.write_bytes(spoiled(weights.read_bytes(), edits, 1.0))
    try:
        adapter = directories.read(folder)
        assert np.isfinite(adapter.scale) and adapter.layers and adapter.keys
    except MlxdynError:
        pass
