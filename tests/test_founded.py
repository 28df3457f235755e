"""Law 13 in the life of versions: what each founded, all later ones verify, to the same weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from found import FOUNDED, fingerprint, live

from mlxdyn.cli import main
from mlxdyn.config import LearnerConfig
from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import load

VERSIONS = sorted(path.name for path in FOUNDED.iterdir())


def taken_over(version: str) -> Memory:
    """Open a copy of what a version founded."""
    shutil.copytree(FOUNDED / version / "home", data_dir(), dirs_exist_ok=True)
    model, ledger = load(str(FOUNDED / version / "base")), Ledger(data_dir() / "mlxdyn.db")
    return Memory("m", model, ledger, learner=LearnerConfig())


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_founded_is_verified_by_this_one(version: str):
    with taken_over(version) as memory:
        problems = history.verify(memory)
        near = (
            history.NEARLY,
            "the saved weights",
        )  # Adam may multiply what another machine rounds
        assert all(any(word in problem for word in near) for problem in problems), problems
        told, now = json.loads((FOUNDED / version / "weights.json").read_text()), None
        for _ in ("as saved", "made anew"):
            now = fingerprint(memory.learner.state)
            for name, value in told["projections"].items():
                assert now["projections"][name] == pytest.approx(
                    value, abs=100 * history.TOLERANCE
                ), name
            history.rebuild(memory)
        assert now["sha256"] == told["sha256"] or problems, "another machine rounds otherwise"
        assert history.verify(memory) == []
        memory.ledger.close()


@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_founded_goes_on_learning(version: str):
    with taken_over(version) as memory:
        before = len(memory.known_facts())
        memory.ledger.close()
    live(load(str(FOUNDED / version / "base")))
    done = CliRunner().invoke(main, ["memory", "items", "--memory", "m", "--json"])
    assert len(json.loads(done.stdout)) > before, "and its new lessons lie beside the old ones"


def test_what_is_founded_can_be_founded_again(tmp_path: Path):
    """The maker works, so that the next version can have its own."""
    place = tmp_path / "tests"
    shutil.copytree(Path(__file__).parent, place, ignore=shutil.ignore_patterns("founded", "__*"))
    made = subprocess.run(
        [sys.executable, place / "found.py", "next"], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(place)},
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert (place / "founded" / "next" / "home" / "mlxdyn.db").stat().st_size < 500_000
