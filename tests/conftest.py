"""Shared by all tests: the bundled model, a private home, the development data."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # test processes share the cores
os.environ.setdefault("HF_HUB_OFFLINE", "1")

import mlxdyn  # noqa: F401  (loads the BLAS, so before anything imports MLX)

# isort: split

from tiny import tiny_model

from mlxdyn.config import BUNDLED_MODEL
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.prompts import TEACHERS
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import detach

ASKED = ("What is my dog called?", "Where do I live?", "What is my job?")
ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MLXDYN_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test, so that none touches the user's memories."""
    path = tmp_path / "home"
    monkeypatch.setenv("MLXDYN_HOME", str(path))
    monkeypatch.setenv("MLXDYN_MODEL", BUNDLED_MODEL)  # whatever is on this machine
    return path


@pytest.fixture(scope="session")
def loaded_wren() -> Model:
    return load(BUNDLED_MODEL)


@pytest.fixture
def wren(loaded_wren: Model) -> Iterator[Model]:
    """The bundled model, real and small; the bare base before and after every test."""
    detach(loaded_wren)
    yield loaded_wren
    detach(loaded_wren)


@pytest.fixture(scope="session")
def loaded_mite(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return tiny_model(tmp_path_factory.mktemp("models") / "mite", "llama", blocks=1)


@pytest.fixture
def mite(loaded_mite: Model) -> Iterator[Model]:
    """A random model of one block, where neither depth nor what it says matters.

    A step on it costs a third of one on three blocks: small arrays cost by the operation.
    """
    detach(loaded_mite)
    yield loaded_mite
    detach(loaded_mite)


@pytest.fixture(scope="session")
def loaded_tall(tmp_path_factory: pytest.TempPathFactory) -> Model:
    return tiny_model(tmp_path_factory.mktemp("models") / "tall", "llama")


@pytest.fixture
def tall(loaded_tall: Model) -> Iterator[Model]:
    """A random model of three blocks, where what it says does not matter."""
    detach(loaded_tall)
    yield loaded_tall
    detach(loaded_tall)


@pytest.fixture
def asking(wren: Model) -> Base:
    """The bundled base, as writer and teacher."""
    parts = Parts.of(wren.network)
    assert parts is not None
    return Base(wren, parts, replace(FALLBACK, teacher=TEACHERS[3]))


@pytest.fixture
def credulous(mite: Model, monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    """A random base to which each message answers each question, and changes what was before.

    Each of the texts of a chain is like the one before it, and no other.
    """
    from mlxdyn.learn import examples, facts, wording
    from mlxdyn.memory import examine

    monkeypatch.setattr("school.FALLBACK", replace(FALLBACK, answered=-1e9))
    monkeypatch.setattr(facts, "SUPPORT", -1e9)
    monkeypatch.setattr(facts, "SURE", 1e-30)
    monkeypatch.setattr(facts, "is_said", lambda *said: True)
    monkeypatch.setattr(examples, "LESS", -1e9)
    monkeypatch.setattr(examples, "LEANS", 1e9)
    monkeypatch.setattr(examples, "OPEN_QUESTIONS", ASKED)
    monkeypatch.setattr(wording, "OPEN_QUESTIONS", ASKED)
    monkeypatch.setattr(examples, "BRANCHES", 2)
    monkeypatch.setattr(examples, "MOST_OTHERS", 3)
    monkeypatch.setattr(examine, "ALIKE", 0.2)
    ends = mite.tokenizer.eos_token_ids
    mite.tokenizer.eos_token_ids = {*ends, *range(0, 2048, 4)}  # every fourth word is the last
    yield mite
    mite.tokenizer.eos_token_ids = ends


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real models and text, which lies outside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no development data at {DATA}; set MLXDYN_DATA to where it is")
    return DATA


@pytest.fixture(scope="session")
def tinystories(data: Path) -> Model:
    return load(str(data / "models" / "tinystories-656k"))
