"""Law 13 in the life of versions: what each founded, all later ones verify, to the same weights."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from found import FOUNDED, live

from mlxdyn.cli import main
from mlxdyn.config import LearnerConfig
from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.snapshots import EARLIER
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model import blas
from mlxdyn.model.load import load

VERSIONS = sorted(path.name for path in FOUNDED.iterdir())
FOUNDERS = "Haswell"  # the kernels of OpenBLAS that the fixtures were founded with, on one thread
OTHERS = "Nehalem"  # that every x86 processor can run
CPU = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""


def taken_over(version: str) -> Memory:
    """Open a copy of what a version founded."""
    shutil.copytree(FOUNDED / version / "home", data_dir(), dirs_exist_ok=True)
    model, ledger = load(str(FOUNDED / version / "base")), Ledger(data_dir() / "mlxdyn.db")
    return Memory("m", model, ledger, learner=LearnerConfig())


REPLAY = """
import json, sys
from mlxdyn.model import device
device.prepare()
from found import fingerprint
from test_founded import history, taken_over
with taken_over(sys.argv[1]) as memory:
    first = history.verify(memory)
    saved = fingerprint(memory.learner.state)["sha256"]
    history.rebuild(memory)
    then, made = history.verify(memory), memory.snapshots.made_with()
    now = fingerprint(memory.learner.state)["sha256"]
    print(json.dumps([first, saved, then, now, made]))
"""


def replayed(version: str, kernels: str) -> list[Any]:
    """Verify a fixture, make its weights anew, verify again: problems and weights' hashes."""
    knobs = {"OPENBLAS_CORETYPE": kernels, "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", REPLAY, version], capture_output=True, text=True,
        env=os.environ | knobs | {"PYTHONPATH": str(Path(__file__).parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(json.loads(done.stdout))


@pytest.mark.skipif("avx2" not in CPU or not blas.SHIM.exists(), reason="other kernels than theirs")
@pytest.mark.parametrize("version", VERSIONS)
def test_what_a_version_founded_is_verified_to_the_last_bit(version: str):
    """Law 4 and law 13, where the arithmetic is the founder's."""
    told = json.loads((FOUNDED / version / "weights.json").read_text())["sha256"]
    first, saved, then, now, _ = replayed(version, FOUNDERS)
    assert first == then == []
    assert saved == now == told


@pytest.mark.parametrize("version", VERSIONS)
def test_what_was_founded_elsewhere_is_told_from_damage(version: str):
    """Other kernels round otherwise, and Adam multiplies it: seen with SkylakeX for Haswell."""
    first, saved, then, now, made = replayed(version, OTHERS)
    assert all(history.NEARLY in problem for problem in first), first
    assert then == [], "and what is made anew is of one piece"
    assert EARLIER not in made, made
    if "avx2" in CPU and blas.SHIM.exists():
        assert first and now != saved, "or this test shows nothing"
        assert [one for one in made if OTHERS in one] == made


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
