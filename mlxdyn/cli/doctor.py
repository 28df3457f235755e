"""Is this machine fit to learn? Versions, device, matrix speed, disk, memories; prints nothing."""

import os
import platform
import sqlite3
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from mlxdyn import settings
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir, digest, memory_directory
from mlxdyn.model import device

if TYPE_CHECKING:
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.memory.store.records import MemoryRow

MATRIX_SIZE = 1024
MATRIX_ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Health:
    """Facts by name, the memories, and what is wrong, each with its fix."""

    facts: dict[str, Any]
    memories: list[dict[str, Any]]
    problems: list[str]


def examine() -> Health:
    """Measure and look; takes about a second."""
    machine = device.current()
    mlx_rate, numpy_rate = product_rates()
    path = data_dir(make=False)
    memories, problems = records()
    facts = {
        "mlxdyn": version("mlxdyn"),
        "mlx": version("mlx"),
        "mlx-lm": version("mlx-lm"),
        "python": platform.python_version(),
        "device": f"{machine.name} ({machine.description})",
        "blas": machine.blas or "MLX's own",
        "mlx GFLOP/s": round(mlx_rate, 1),
        "numpy GFLOP/s": round(numpy_rate, 1),
        "home": str(path),
        "settings": str(settings.path()),
        "home bytes": sum(f.stat().st_size for f in path.rglob("*") if f.is_file()),
        "ledger bytes": sum(f.stat().st_size for f in path.glob("mlxdyn.db*")),
    }
    if mlx_rate < numpy_rate / 2:
        problems.append(
            f"MLX multiplies at {mlx_rate:.0f} GFLOP/s where NumPy does {numpy_rate:.0f}: "
            "install a C compiler and reinstall mlxdyn, or `apt install libopenblas0-pthread`, "
            "or name a BLAS library in MLXDYN_BLAS"
        )
    problems += [*_unread_settings(), *_open_to_others(path)]
    return Health(facts, memories, problems)


def _unread_settings() -> Iterator[str]:
    """Say why the settings cannot be used; every chat fails then."""
    try:
        settings.read()
    except MlxdynError as error:
        yield str(error)


def _open_to_others(path: Path) -> list[str]:
    """Say what of the home others can read: nothing that mlxdyn makes, but a copy may be."""
    made = [path, *path.rglob("*")] if path.exists() else []  # before the first chat there is none
    files = [file for file in made if not file.is_symlink()]
    open_ = [file for file in files if file.stat().st_mode & 0o077]
    if not open_:
        return []
    more = f" and {len(open_) - 1} more" if len(open_) > 1 else ""
    return [f"{open_[0]}{more} can be read by others: chmod -R go= {quote(str(path))}"]


def records() -> tuple[list[dict[str, Any]], list[str]]:
    """Describe every memory, and say what is wrong with the ledger and the files."""
    path = data_dir(make=False) / "mlxdyn.db"
    from mlxdyn.memory.store.database import UnknownSchema
    from mlxdyn.memory.store.ledger import Ledger

    try:
        with closing(Ledger(path, writable=False)) as ledger:
            if ledger.database.integrity() != "ok":
                return [], [_damaged(path)]
            rows, problems = _readable(ledger)
            memories = [_memory(ledger, row) for row in rows]
            problems += [problem for row in rows for problem in _unsound(ledger, row)]
            names = ledger.memories.names()
    except UnknownSchema as error:
        return [], [str(error)]
    except (MlxdynError, sqlite3.Error):
        return [], [_damaged(path)]
    return memories, problems + list(_nameless(names))


def _damaged(path: Path) -> str:
    """Say what to do about a ledger that cannot be read; none of what it holds is told."""
    return (
        f"the ledger {path} is damaged: set it aside, then bring back a backup of it, or import a "
        f"bundle of each memory; keep {quote(str(path.parent / 'memories'))}, which a backup needs"
    )


def _readable(ledger: "Ledger") -> tuple[list["MemoryRow"], list[str]]:
    """Read each memory's row; a damaged one is named, and hides no other."""
    rows, damaged = [], []
    for name in ledger.memories.names():
        try:
            rows.append(ledger.memories.existing(name))
        except MlxdynError as error:
            damaged.append(str(error))
    return rows, damaged


def _memory(ledger: "Ledger", row: "MemoryRow") -> dict[str, Any]:
    """What a memory takes on disk, what it may take at most, and how it studies."""
    from mlxdyn.memory.snapshots import KEPT_SNAPSHOTS

    files = list(memory_directory(row.name, make=False).glob("*.safetensors"))
    sizes = [file.stat().st_size for file in files]
    return {
        "name": row.name,
        "snapshots": len(files),
        "most_snapshots": KEPT_SNAPSHOTS,
        "bytes": sum(sizes),
        "most_bytes": KEPT_SNAPSHOTS * max(sizes, default=0),
        "waiting": len(ledger.messages.pending(row.id)),
        "study": row.study,
    }


def _unsound(ledger: "Ledger", row: "MemoryRow") -> Iterator[str]:
    directory = memory_directory(row.name, make=False)
    lost = [s.file for s in ledger.memories.snapshots(row.id) if not (directory / s.file).is_file()]
    kept = [s for s in ledger.memories.snapshots(row.id) if s.file not in lost]
    changed = [s.file for s in kept if digest(directory / s.file) != s.sha256]
    repair = f"mlxdyn memory verify --quick --repair --memory {row.name}"
    if lost:
        yield f"memory {row.name!r} lacks {len(lost)} of its snapshots: {repair}"
    if changed:
        yield f"snapshot {changed[0]} of memory {row.name!r} is damaged: {repair}"
    if not Path(row.model).exists():
        yield f"the base of memory {row.name!r} is not at {row.model} any more: bring it back"
    if directory.is_dir() and not os.access(directory, os.W_OK):
        yield f"{directory} cannot be written: chmod u+w {quote(str(directory))}"


def _nameless(names: list[str]) -> Iterator[str]:
    """Say which weights belong to no memory; those half made or half deleted go by themselves.

    Where the ledger names no memory at all, they may be all that is left of one.
    """
    from mlxdyn.memory.directory import UNFINISHED, set_aside

    backup = "come back with a backup of their ledger; where there is none: rm -r"
    for aside in set_aside():
        name = aside.parent.name
        yield (
            f"{aside} holds weights that lay where memory {name!r} began: they {backup} "
            f"{quote(str(aside))}"
        )
    for directory in (data_dir(make=False) / "memories").glob("[!.]*"):
        held = directory.name in names or (directory / UNFINISHED).exists()
        if held or not any(directory.glob("*.safetensors")):
            continue
        if not names:
            yield (
                f"the ledger {data_dir(make=False) / 'mlxdyn.db'} is gone or empty, and "
                f"{directory} holds weights: keep them, and bring back the ledger from a backup, "
                "or import a bundle"
            )
        elif set_aside():
            yield (
                f"{directory} holds weights that no memory names: they {backup} "
                f"{quote(str(directory))}"
            )
        else:
            yield f"{directory} holds weights that no memory names: rm -r {quote(str(directory))}"


def product_rates() -> tuple[float, float]:
    """Return the median GFLOP/s of a 1024 x 1024 float32 product through MLX and NumPy."""
    import mlx.core as mx
    import numpy as np

    theirs = np.ones((MATRIX_SIZE, MATRIX_SIZE), dtype=np.float32)
    ours = mx.array(theirs)
    pairs = [
        (_seconds(lambda: mx.eval(ours @ ours)), _seconds(lambda: theirs @ theirs))
        for _ in range(MATRIX_ROUNDS + 1)
    ][1:]
    work = 2 * MATRIX_SIZE**3 / 1e9
    mlx_seconds, numpy_seconds = (statistics.median(side) for side in zip(*pairs, strict=True))
    return work / mlx_seconds, work / numpy_seconds


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
