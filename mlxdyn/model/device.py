"""Device, dtype and memory policy; `import mlxdyn` runs `prepare`. Knows no models."""

import os
import sys
import warnings
from dataclasses import dataclass

from mlxdyn.model import blas

ENVIRONMENT = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
    "AGX_RELAX_CDM_CTXSTORE_TIMEOUT": "1",  # macOS GPU watchdog, mlx#3267
}


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
