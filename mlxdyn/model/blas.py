"""A fast BLAS for MLX's Linux wheel, which would otherwise use a reference one; knows no MLX.

MLX calls plain `cblas_sgemm`. A library that exports that name and is loaded globally before MLX
is found first by the dynamic linker, so the order of loading is all that matters here.
"""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from importlib.util import find_spec
from pathlib import Path

OVERRIDE = "MLXDYN_BLAS"
"""Environment variable that names the library to load, by path or soname."""

SHIM = Path(__file__).with_name("_blas.abi3.so")
"""Gives scipy-openblas32's products the plain names; built from _blas.c."""

Candidate = tuple[str, list[str]]  # a name to show, and the libraries to load in order


@cache
def load() -> str | None:
    """Load the first BLAS that works and return its name; None where MLX keeps its own.

    Call it before `mlx.core` is imported: a first call after that changes nothing and answers None.
    Thread counts stay as the user set them (OPENBLAS_NUM_THREADS, MKL_NUM_THREADS). Never raises.
    """
    if sys.platform == "darwin":
        return "Accelerate"
    if "mlx.core" in sys.modules:
        return None
    return next((name for name, libraries in _candidates() if _load_all(libraries)), None)


def kernels() -> str:
    """Name what OpenBLAS rounds by: its version, its kernels for this processor, its threads.

    OPENBLAS_CORETYPE and OPENBLAS_NUM_THREADS choose others. "" for another BLAS.
    """
    loaded = ctypes.CDLL(None)
    for prefix in ("scipy_openblas", "openblas"):
        with suppress(AttributeError):
            config, core, threads = (
                getattr(loaded, f"{prefix}_get_{what}")
                for what in ("config", "corename", "num_threads")
            )
            config.restype = core.restype = ctypes.c_char_p
            version = " ".join(config().decode().split()[:2])
            many = "" if threads() == 1 else "s"
            return f"{version} {core().decode()}, {threads()} thread{many}"
    return ""


def _candidates() -> Iterator[Candidate]:
    override = os.environ.get(OVERRIDE)
    if override:
        yield override, [override]
    found = find_spec("scipy_openblas32")  # imports nothing: this is done at each start
    for place in (found and found.submodule_search_locations) or ():
        library = Path(place, "lib", "libscipy_openblas.so")
        yield "OpenBLAS (scipy-openblas32)", [str(library), str(SHIM)]
    yield "OpenBLAS (system)", ["libopenblas.so.0"]
    for library in Path(sys.prefix, "lib").glob("libmkl_rt.so*"):
        yield "MKL", [str(library)]


def _load_all(libraries: list[str]) -> bool:
    try:
        for library in libraries:
            loaded = ctypes.CDLL(library, mode=ctypes.RTLD_GLOBAL)
        return hasattr(loaded, "cblas_sgemm")
    except OSError:
        return False
