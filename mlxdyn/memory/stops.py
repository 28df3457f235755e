"""Where a lesson was broken off, kept in files from one run of the program to the next.

No ledger names these files: what changes the past removes them, and the lesson begins anew.
"""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlx.core as mx
import numpy as np

from mlxdyn.arrays import write_arrays
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.trainer import Stop
from mlxdyn.model import device

NAMED = "stop-{}.safetensors"


def write(directory: Path, stops: Mapping[str, Stop]) -> None:
    """Keep stops, if there is room for them."""
    for key, stop in stops.items():
        told = {
            "key": key, "taken": str(stop.taken), "norm": repr(stop.norm),
            "arithmetic": device.arithmetic(), "sum": _sum(stop.arrays),
        }  # fmt: skip
        with suppress(MlxdynError):
            write_arrays(directory / NAMED.format(key[:16]), stop.arrays, told)


def read(directory: Path) -> dict[str, Stop]:
    """Read the stops that are sound, and were made as this machine calculates."""
    found = dict[str, Stop]()
    for path in directory.glob(NAMED.format("*")):
        with suppress(RuntimeError, ValueError, KeyError):
            loaded: Any = mx.load(str(path), return_metadata=True)
            arrays, told = loaded
            mx.eval(arrays)
            if (told["arithmetic"], told["sum"]) == (device.arithmetic(), _sum(arrays)):
                found[told["key"]] = Stop(int(told["taken"]), float(told["norm"]), arrays)
    return found


def _sum(arrays: dict[str, mx.array]) -> str:
    told = hashlib.sha256()
    for name in sorted(arrays):
        told.update(name.encode() + np.array(arrays[name]).tobytes())
    return told.hexdigest()
