"""Shared by all tests: the bundled model, a private home, the development data."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # test processes share the cores

from mlxdyn import backend

backend.prepare()  # before anything imports MLX

from tiny import tiny_model  # noqa: E402

from mlxdyn import model as models  # noqa: E402
from mlxdyn.config import BUNDLED_MODEL  # noqa: E402

ROOT = Path(__file__).parent.parent
DATA = Path(os.environ.get("MLXDYN_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home of its own for every test, so that none touches the user's memories."""
    path = tmp_path / "home"
    monkeypatch.setenv("MLXDYN_HOME", str(path))
    return path


@pytest.fixture(scope="session")
def loaded_wren() -> models.Model:
    return models.load(BUNDLED_MODEL)


@pytest.fixture
def wren(loaded_wren: models.Model) -> Iterator[models.Model]:
    """The bundled model, real and small; the bare base before and after every test."""
    models.detach(loaded_wren)
    yield loaded_wren
    models.detach(loaded_wren)


@pytest.fixture(scope="session")
def loaded_mite(tmp_path_factory: pytest.TempPathFactory) -> models.Model:
    return tiny_model(tmp_path_factory.mktemp("models") / "mite", "llama", blocks=1)


@pytest.fixture
def mite(loaded_mite: models.Model) -> Iterator[models.Model]:
    """A random model of one block, where neither depth nor what it says matters.

    A step on it costs a third of one on three blocks: small arrays cost by the operation.
    """
    models.detach(loaded_mite)
    yield loaded_mite
    models.detach(loaded_mite)


@pytest.fixture(scope="session")
def loaded_tall(tmp_path_factory: pytest.TempPathFactory) -> models.Model:
    return tiny_model(tmp_path_factory.mktemp("models") / "tall", "llama")


@pytest.fixture
def tall(loaded_tall: models.Model) -> Iterator[models.Model]:
    """A random model of three blocks, where what it says does not matter."""
    models.detach(loaded_tall)
    yield loaded_tall
    models.detach(loaded_tall)


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real models and text, which lies outside the repository."""
    if not DATA.is_dir():
        pytest.skip(f"no development data at {DATA}; set MLXDYN_DATA to where it is")
    return DATA


@pytest.fixture(scope="session")
def tinystories(data: Path) -> models.Model:
    return models.load(str(data / "models" / "tinystories-656k"))
