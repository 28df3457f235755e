"""Weights whose ledger was lost are set aside, never deleted, and come back with a backup of it."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from school import opened, say, snapshots, state, teach

from mlxdyn.cli import main
from mlxdyn.cli.doctor import records
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir, memory_directory
from mlxdyn.learn.learner import same
from mlxdyn.memory import history
from mlxdyn.memory.directory import ASIDE, UNFINISHED, set_aside
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model


def take_away(backup: str) -> Path:
    """Set the ledger aside, as the doctor says."""
    ledger, kept = data_dir() / "mlxdyn.db", data_dir().parent / backup
    shutil.move(ledger, kept)
    for more in ledger.parent.glob(f"{ledger.name}-*"):
        more.unlink()
    return kept


@pytest.fixture
def lost(mite: Model) -> Path:
    """A memory with weights; its ledger is elsewhere now."""
    with opened("m", mite) as memory:
        teach(memory, "My dog is called Rex.", ("What is my dog called?", "Rex."))
        memory.snapshot()
    return take_away("backup.db")


def weights(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.glob("*.safetensors")}


@pytest.mark.parametrize("found", ["chat", "branch"])
def test_what_an_unknown_ledger_knew_outlives_a_memory_of_its_name(
    mite: Model, lost: Path, found: str
) -> None:
    kept = weights(memory_directory("m"))
    if found == "branch":
        with opened("other", mite):
            pass
        branch("other", "m", Ledger(data_dir() / "mlxdyn.db"))
    with opened("m", mite) as memory:
        assert same(state(memory), memory.start)
        assert weights(memory.directory).keys().isdisjoint(kept)
    (aside,) = set_aside()
    assert weights(aside) == kept and aside.parent.name == "m"
    (problem,) = records()[1]
    assert str(aside) in problem and "backup of their ledger" in problem


def test_opening_a_name_that_differs_in_capitals_touches_no_file(mite: Model) -> None:
    """On many disks the two would be one directory."""
    with opened("Work", mite) as memory:
        teach(memory, "My dog is called Rex.")
        memory.snapshot()
    memory_directory("work", make=False).symlink_to(memory_directory("Work"))
    before = weights(memory_directory("Work"))
    with pytest.raises(MlxdynError, match="more than its capitals"), opened("work", mite):
        pass
    assert before and weights(memory_directory("Work")) == before and set_aside() == []


def test_they_come_back_whatever_the_capitals(mite: Model, lost: Path) -> None:
    kept = weights(memory_directory("m"))
    with opened("m", mite):
        pass
    (data_dir() / ASIDE / "m").rename(data_dir() / ASIDE / "M")
    take_away("empty.db")
    shutil.copy(lost, data_dir() / "mlxdyn.db")
    with opened("m", mite) as memory:
        assert weights(memory.directory) == kept and set_aside() == []


def test_they_come_back_with_a_backup_and_nothing_is_left_aside(mite: Model, lost: Path) -> None:
    kept = weights(memory_directory("m"))
    for again in range(2):
        with opened("m", mite) as memory:
            teach(memory, "I live in Oslo.", ("Where do I live?", "Oslo."))
            memory.snapshot()
        take_away(f"{again}.db")
    shutil.copy(lost, data_dir() / "mlxdyn.db")
    with opened("m", mite) as memory:
        assert weights(memory.directory) == kept
        assert history.verify(memory) == []
    assert len(set_aside()) == 1, "what the second ledger knew"


def test_what_is_forgotten_once_a_backup_is_back_is_in_no_file(mite: Model, lost: Path) -> None:
    with opened("m", mite):
        pass
    take_away("empty.db")
    shutil.copy(lost, data_dir() / "mlxdyn.db")
    (aside,) = set_aside()
    (aside / "stop-1.safetensors").write_bytes(b"half a lesson")
    with opened("m", mite) as memory:
        history.forget(memory, [1])
        named = {path.name for path in snapshots(memory)}
        assert {path.name for path in data_dir().rglob("*.safetensors")} == named
    assert set_aside() == []


def test_what_a_killed_process_left_is_not_kept(mite: Model) -> None:
    (memory_directory("m") / "1.safetensors").write_bytes(b"half a copy")
    (memory_directory("m") / UNFINISHED).touch()
    with opened("m", mite) as memory:
        assert weights(memory.directory) == {}
    assert set_aside() == []


def test_forgetting_names_what_is_set_aside(mite: Model, lost: Path) -> None:
    with opened("m", mite) as memory:
        said = say(memory, "My cat is called Tofu.")
    (aside,) = set_aside()
    for command in (["forget", str(said), "--memory", "m"], ["delete", "m"]):
        done = CliRunner().invoke(main, ["memory", *command, "--yes"])
        assert done.exit_code == 0, done.output
        assert f"rm -r {aside}" in done.stderr
    assert weights(aside)
