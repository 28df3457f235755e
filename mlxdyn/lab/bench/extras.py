"""Peers that mlxdyn does not install: each runs under a Python of its own, and is reported."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

from mlxdyn.lab.bench import reading, talking
from mlxdyn.lab.bench.rows import Row
from mlxdyn.model.load import Model

SCRIPTS = Path(__file__).parents[3] / "results" / "peers"
"""Of a checkout; what is installed has none, and imports no torch."""
NO_FILE = "not measured: no .gguf file lies beside this model"
HOW = "name a Python that has it with --peers, in a checkout"


def rows(model: Model, peers: Path | None) -> Iterator[Row]:
    """Measure torch with PEFT, and llama.cpp, where they are installed."""
    yield _learning(model, peers)
    yield _writing(model, peers)


def _learning(model: Model, peers: Path | None) -> Row:
    """Score and learn windows as `reading` does; random weights of the same shape."""
    size = reading.QUICK
    theirs, why = _run(
        peers, "torch_peft.py", str(model.path / "config.json"), size.window, size.chunk
    )
    ours = reading.learned_anew(model, size) if theirs else ()
    return Row(
        "dynamic evaluation (extra)", "torch + PEFT on this CPU", "seconds", ours, theirs, "faster",
        note=why or f"a window of {size.window}, {size.chunk} learned; random weights, same shape",
    )  # fmt: skip


def _writing(model: Model, peers: Path | None) -> Row:
    file = next(iter(sorted(model.path.glob("*.gguf"))), None)
    theirs, why = _run(peers, "llama_cpp.py", file, talking.WRITTEN) if file else ((), NO_FILE)
    ours = talking.written(model) if theirs else ()
    return Row(
        "writing (extra)", "llama.cpp, quantised as the file is", "seconds", ours, theirs, "faster",
        note=why or f"{talking.WRITTEN} tokens",
    )  # fmt: skip


def _run(peers: Path | None, script: str, *words: object) -> tuple[tuple[float, ...], str]:
    """Give the seconds that a script prints as JSON, or why there are none."""
    if peers is None or not (SCRIPTS / script).is_file():
        return (), f"not measured: {HOW}"
    command = [str(peers), str(SCRIPTS / script), *map(str, words)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        return tuple(json.loads(done.stdout.splitlines()[-1])), ""
    except (OSError, subprocess.TimeoutExpired, ValueError, IndexError):
        return (), f"not measured: {script} does not run under {peers}"
