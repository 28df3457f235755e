"""Is this machine fit to learn? Versions, device, matrix speed, disk; prints nothing."""

import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from mlxdyn import backend
from mlxdyn.home import home

SIZE = 1024
ROUNDS = 7


@dataclass(frozen=True, slots=True)
class Health:
    """Facts by name, and what is wrong, each with its fix."""

    facts: dict[str, Any]
    problems: list[str]


def examine() -> Health:
    """Measure and look; takes about a second."""
    backend.prepare()
    device = backend.device()
    mlx_rate, numpy_rate = product_rates()
    path = home()
    facts = {
        "mlxdyn": version("mlxdyn"),
        "mlx": version("mlx"),
        "mlx-lm": version("mlx-lm"),
        "python": platform.python_version(),
        "device": f"{device.name} ({device.description})",
        "blas": device.blas or "MLX's own",
        "mlx GFLOP/s": round(mlx_rate, 1),
        "numpy GFLOP/s": round(numpy_rate, 1),
        "home": str(path),
        "home bytes": sum(f.stat().st_size for f in path.rglob("*") if f.is_file()),
    }
    problems = []
    if mlx_rate < numpy_rate / 2:
        problems.append(
            f"MLX multiplies at {mlx_rate:.0f} GFLOP/s where NumPy does {numpy_rate:.0f}: "
            "install a C compiler and reinstall mlxdyn, or `apt install libopenblas0-pthread`, "
            "or name a BLAS library in MLXDYN_BLAS"
        )
    if path.stat().st_mode & 0o077:
        problems.append(f"{path} can be read by others: chmod 700 {path}")
    return Health(facts, problems)


def product_rates() -> tuple[float, float]:
    """Return the median GFLOP/s of a 1024 x 1024 float32 product through MLX and NumPy."""
    import mlx.core as mx
    import numpy as np

    theirs = np.ones((SIZE, SIZE), dtype=np.float32)
    ours = mx.array(theirs)
    pairs = [
        (_seconds(lambda: mx.eval(ours @ ours)), _seconds(lambda: theirs @ theirs))
        for _ in range(ROUNDS + 1)
    ][1:]
    work = 2 * SIZE**3 / 1e9
    mlx_seconds, numpy_seconds = (statistics.median(side) for side in zip(*pairs, strict=True))
    return work / mlx_seconds, work / numpy_seconds


def _seconds(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
