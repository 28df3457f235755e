"""Device, dtype and memory policy; `import mlxdyn` runs `prepare`. Knows no models."""

import os
import sys
import time
import warnings
from dataclasses import dataclass
from importlib.metadata import version

from mlxdyn.model import blas

ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    # OpenBLAS's idle thread spins 2^26 ticks, 27 ms, after each product that it took part in. That
    # made a first token after a step 8% later, and took 80 ms of processor time with it (SmolLM2).
    "OPENBLAS_THREAD_TIMEOUT": "16",
    "AGX_RELAX_CDM_CTXSTORE_TIMEOUT": "1",  # macOS GPU watchdog, mlx#3267
}


OPERATIONS = 20_000
"""For each weight of a base, to learn a message: counted 2.3e12 on SmolLM2 (134.5 million weights),
1.0e11 on wren (5.3 million)."""
EFFICIENCY = 0.5
"""Share of the speed of large products that a lesson reaches: SmolLM2's 2.3e12 operations took 36 s
where products made 145 billion a second, which is 0.44."""


@dataclass(frozen=True, slots=True)
class Device:
    """Where MLX computes."""

    name: str  # cpu | gpu
    description: str
    blas: str | None


def prepare() -> None:
    """Set the environment and load a fast BLAS, which must come before MLX."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if blas.load() is None and "mlx.core" in sys.modules:
        warnings.warn(
            "MLX was imported before mlxdyn and computes slowly; import mlxdyn first", stacklevel=3
        )


def current() -> Device:
    """Describe the default device."""
    import mlx.core as mx

    name = "gpu" if mx.default_device() == mx.Device(mx.gpu) else "cpu"
    info = mx.device_info()
    described = info.get("device_name") or info.get("architecture") or name
    return Device(name, str(described), blas.load())


def seconds_a_message(parameters: int) -> float:
    """Estimate what learning a message takes here, from products as large as a lesson's."""
    import mlx.core as mx

    rows, side = 256, 1024
    left, right = mx.random.normal((rows, side)), mx.random.normal((side, side))
    mx.eval(left, right)
    seconds = []
    for _ in range(5):
        began = time.perf_counter()
        mx.eval(left @ right)
        seconds.append(time.perf_counter() - began)
    return OPERATIONS * parameters * min(seconds) / (2 * rows * side * side) / EFFICIENCY


def arithmetic() -> str:
    """Name what the last bits of a result depend on: with the same name they are the same."""
    here = current()
    return ", ".join(filter(None, (f"MLX {version('mlx')} {here.name}", blas.kernels())))


def limit_memory(model_bytes: int) -> None:
    """On Metal, wire the model plus a margin (never the maximum) and bound the buffer cache."""
    import mlx.core as mx

    if not mx.metal.is_available():
        return
    working_set = mx.device_info().get("max_recommended_working_set_size")
    if working_set:
        margin = 512 * 2**20
        mx.set_wired_limit(min(model_bytes + margin, int(working_set)))
    mx.set_cache_limit(max(model_bytes, 256 * 2**20))


def release() -> None:
    """End a thread's use of MLX: without it the process may abort when it exits."""
    import mlx.core as mx

    mx.synchronize()
    mx.clear_streams()
