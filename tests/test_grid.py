"""Laws of grids: no cell twice, the same numbers however the work is shared or broken off."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

import mlxdyn
from mlxdyn.config import OPTIMIZERS, AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells, grid
from mlxdyn.lab.findings import Cell, Finding, ProgressStep
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream, encode
from mlxdyn.lab.tasks import Document
from mlxdyn.model.load import Model

MEASURED = ("static_seconds", "dynamic_seconds", "static_peak", "dynamic_peak", "wall")
TEXT = "The wren is a small brown bird. It sings loudly, and it nests in holes. " * 3
SMALL = Settings(AdapterConfig(rank=2), LearnerConfig(), StreamConfig(window=32, chunk=16))
TWELVE = {"lr": ["1e-4", "3e-4", "1e-3"], "chunk": ["8", "16"], "rank": ["1", "2"]}
TWO = {"lr": ["1e-4", "1e-3"]}

SCRIPT = """
import json, os, sys
from pathlib import Path
import mlxdyn
from test_grid import SMALL, TEXT, streams
from mlxdyn.model.load import load
from mlxdyn.lab import grid
path, axes, folder, jobs, out = json.loads(sys.argv[1])
model = load(path)
mine = set()
found = grid.run(
    model, streams(model), SMALL, axes,
    folder=folder and Path(folder), jobs=jobs, progress=lambda tick: mine.add(tick.label),
)
if out:
    Path(f"{out}.{os.getpid()}").write_text(" ".join(sorted(mine)))
if found is not None and out:
    Path(out).write_text(json.dumps([[c.key, c.knobs, c.numbers] for c in found.cells]))
"""


def streams(model: Model) -> list[Stream]:
    found = encode(model, [Document("birds.txt", TEXT, "", len(TEXT))], 81)
    return [stream for stream in found if isinstance(stream, Stream)]


def run(
    model: Model, axes: dict[str, list[str]], folder: Path | None = None, **more: int
) -> Finding:
    found = grid.run(model, streams(model), SMALL, axes, folder=folder, **more)
    assert found is not None
    return found


def exact(found: Sequence[Cell]) -> list[tuple[str, dict[str, object], dict[str, object]]]:
    """Cells without what the clock and the memory say."""
    return [
        (c.key, c.knobs, {k: v for k, v in c.numbers.items() if k not in MEASURED}) for c in found
    ]


def script(tmp_path: Path) -> Path:
    path = tmp_path / "run_grid.py"
    path.write_text(SCRIPT)
    return path


def environment() -> dict[str, str]:
    root = str(Path(__file__).parent)
    return os.environ | {"PYTHONPATH": root, "OPENBLAS_NUM_THREADS": "1"}


def read(path: Path) -> list[Cell]:
    return [
        Cell(key, knobs, numbers, {}, 0.0) for key, knobs, numbers in json.loads(path.read_text())
    ]


def test_every_combination_is_a_cell(mite: Model) -> None:
    found = run(mite, {"lr": ["0", "1e-3"], "chunk": ["8", "16"]})
    assert [tuple(c.knobs.values()) for c in found.cells] == [
        (0.0, 8), (0.0, 16), (0.001, 8), (0.001, 16),
    ]  # fmt: skip
    assert [c.numbers["updates"] for c in found.cells] == [10, 5, 10, 5]
    assert all(c.numbers["gain"] == 0 for c in found.cells[:2])
    assert "lr=0.001" in found.sentence


def test_a_finished_cell_is_never_run_again(mite: Model, tmp_path: Path) -> None:
    first = run(mite, TWO, tmp_path)
    times = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert len(times) == 2
    assert run(mite, TWO, tmp_path).cells == first.cells  # seconds too: nothing was measured again
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == times


def test_a_cell_of_other_settings_is_not_taken(mite: Model, tmp_path: Path) -> None:
    run(mite, {"lr": ["1e-3"]}, tmp_path)
    run(mite, {"lr": ["1e-3"], "seed": ["1"]}, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2


def test_a_cell_that_other_code_measured_is_not_taken(
    mite: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(mite, {"lr": ["1e-3"]}, tmp_path)
    tree = tmp_path / "code" / "mlxdyn"
    shutil.copytree(Path(mlxdyn.__file__).parent, tree)
    monkeypatch.setattr(mlxdyn, "__file__", str(tree / "__init__.py"))
    mine = cells.source()
    cells.source.cache_clear()
    assert cells.source() == mine, "it is the code that counts, not its place"
    with (tree / "learn" / "trainer.py").open("a") as trainer:
        trainer.write("\n")
    cells.source.cache_clear()
    run(mite, {"lr": ["1e-3"]}, tmp_path)
    cells.source.cache_clear()
    assert len(list(tmp_path.glob("*.json"))) == 2


def test_a_broken_cell_is_named(mite: Model, tmp_path: Path) -> None:
    """One that is cut off, or lacks what is read of it, or is another's."""
    run(mite, TWO, tmp_path)
    path, other = tmp_path.iterdir()
    whole = json.loads(path.read_text())
    for said in (
        "{", "{}", "[]", "7", "[" * 100_000, other.read_text(),
        *(json.dumps(whole | {k: type(v)()}) for k, v in whole.items() if v),
        *(json.dumps({k: v for k, v in whole.items() if k != part}) for part in whole),
    ):  # fmt: skip
        path.write_text(said)
        with pytest.raises(MlxdynError, match=f"{path.name} is not the finished cell"):
            run(mite, TWO, tmp_path)
    path.unlink()
    assert len(run(mite, TWO, tmp_path).cells) == 2


def test_ctrl_c_keeps_what_is_done(mite: Model, tmp_path: Path) -> None:
    def stop(tick: ProgressStep) -> None:
        if tick.cell == 2:
            raise KeyboardInterrupt

    found = grid.run(mite, streams(mite), SMALL, TWO, folder=tmp_path, progress=stop)
    assert found is not None
    assert [c.knobs for c in found.cells] == [{"learning_rate": 1e-4}]
    assert found.sentence == "stopped after 1 of 2 cells"
    assert len(list(tmp_path.iterdir())) == 1


def test_processes_give_the_same_numbers(mite: Model, tmp_path: Path) -> None:
    told: list[ProgressStep] = []
    found = grid.run(mite, streams(mite), SMALL, TWO, folder=tmp_path, jobs=2, progress=told.append)
    assert found is not None
    assert exact(found.cells) == exact(run(mite, TWO).cells)
    assert [tick.cell for tick in told] == [1, 2]
    assert len(list(tmp_path.iterdir())) == 2


def test_machines_give_the_same_numbers(mite: Model, tmp_path: Path) -> None:
    """Two ranks of MLX's own launcher, over the loopback, take half each; rank 0 reports."""
    out = tmp_path / "found.json"
    task = json.dumps([str(mite.path), TWO, None, 1, str(out)])
    launch = str(Path(sys.executable).with_name("mlx.launch"))
    command = [launch, "-n", "2", "--backend", "ring", "--starting-port", str(free_port())]
    subprocess.run(
        [*command, sys.executable, str(script(tmp_path)), task],
        env=environment(), check=True, timeout=100, capture_output=True,
    )  # fmt: skip
    assert exact(read(out)) == exact(run(mite, TWO).cells)
    shares = sorted(path.read_text() for path in tmp_path.glob("found.json.*"))
    assert shares == ["lr=0.0001", "lr=0.001"]


def free_port() -> int:
    """Somewhere in the upper range, apart for processes that run at once."""
    return 20000 + 4 * (os.getpid() % 8000)


def test_killed_twice_it_ends_with_the_same_numbers(mite: Model, tmp_path: Path) -> None:
    folder, out = tmp_path / "cells", tmp_path / "found.json"
    task = json.dumps([str(mite.path), TWELVE, str(folder), 1, str(out)])
    command = [sys.executable, str(script(tmp_path)), task]
    for enough in (2, 6):
        process = subprocess.Popen(command, env=environment())
        while process.poll() is None and len(list(folder.glob("*.json"))) < enough:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*.json")}
    assert 6 <= len(before) < 12
    subprocess.run(command, env=environment(), check=True, timeout=100)
    assert exact(read(out)) == exact(run(mite, TWELVE).cells)
    assert {path: path.stat().st_mtime_ns for path in before} == before


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        ({"colour": ["red"]}, "colour"),
        ({"limit": ["5"]}, "limit"),
        ({"lr": ["fast"]}, "lr=fast|learning_rate=fast"),
        ({"optimizer": ["newton"]}, "newton.*adam0"),
        ({"window": ["4096"]}, "4096"),
        ({"chunk": ["64"]}, "64"),
        ({"bias_correction": ["maybe"]}, "bias_correction=maybe.*true or false"),
        ({"lr": ["1e-3", "-1"]}, "-1"),
        ({"rank": ["4", "0"]}, "rank of 0"),
        ({"targets": ["all", "nonsense"]}, "no linear layer.*nonsense"),
        ({"layers": ["all", "9"]}, "layers '9'"),
        ({"scale": ["1", "nan"]}, "scale=nan is .* use a number"),
        ({"beta2": ["1"]}, "beta2=1.0 is .* use 0 or more, and less than 1"),
        ({"beta2": ["nan"]}, "beta2=nan"),
        ({"eps": ["-1"]}, "eps=-1.0 is .* use a number above 0"),
        ({"eps": ["0"]}, "eps=0"),
        ({"max_gradient_norm": ["-1"]}, "max_gradient_norm=-1"),
        ({"max_gradient_norm": ["nan"]}, "max_gradient_norm=nan"),
        ({"decay": ["-0.1"]}, "decay=-0.1 is .* use 0 or more"),
        ({"shrink": ["2"]}, "shrink=2"),
        ({"momentum": ["1"]}, "momentum=1"),
        ({"damping": ["0"]}, "damping=0"),
        ({"eps": ["0"], "shrink": ["1"]}, "eps=0.0 is .*; shrink=1"),
        ({"window": ["0"]}, "window=0 is .* use 1 or more"),
        ({"seed": [f"-{'9' * 400}"]}, "seed=-9.* use 0 or more"),
        ({"seed": ["9" * 400]}, "seed=9.* less than"),
        ({"batch": ["0"], "reset": ["document"]}, "batch=0"),
    ],
)
def test_a_wrong_axis_is_named_before_any_work(
    mite: Model, tmp_path: Path, axes: dict[str, list[str]], said: str
) -> None:
    with pytest.raises(MlxdynError, match=said):
        run(mite, axes, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_switch_is_on_or_off(mite: Model) -> None:
    """The word "false" is not true."""
    how = {"optimizer": ["adam"], "bias_correction": ["true", "false"]}
    on, off = run(mite, how).cells
    assert (on.config["bias_correction"], off.config["bias_correction"]) == (True, False)
    assert on.numbers["dynamic"] != off.numbers["dynamic"]


def test_a_rate_keeps_its_ratio_to_the_default_of_its_kind() -> None:
    twice = cells.vary(SMALL, {"learning_rate": 2 * SMALL.learner.learning_rate})
    for rule in OPTIMIZERS:
        there = cells.vary(twice, {"optimizer": rule})
        assert there.learner.learning_rate == pytest.approx(2 * cells.default_rate(there))
    assert (
        cells.vary(twice, {"optimizer": "sgd", "learning_rate": 0.5}).learner.learning_rate == 0.5
    )
