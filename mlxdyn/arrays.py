"""Trees of arrays, and safetensors files of them: written whole, checked when they are read."""

import hashlib
import io
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxdyn.errors import MlxdynError
from mlxdyn.files import replacing

Tree = dict[str, Any]


def leaves(tree: Any) -> list[tuple[str, mx.array]]:
    """List the arrays of a tree with their dotted paths."""
    return cast(list[tuple[str, mx.array]], tree_flatten(tree))


def write_arrays(path: Path, arrays: dict[str, mx.array], metadata: dict[str, str]) -> str:
    """Write a safetensors file that appears whole or not at all; return its sha256.

    It is summed while it is synced: either takes about as long as the other.
    """
    try:
        with ThreadPoolExecutor(1) as beside, replacing(path) as partial:
            mx.save_safetensors(str(partial), arrays, metadata)
            summed = beside.submit(_sum, partial.open("rb"))
    except (RuntimeError, OSError) as error:  # MLX knows no other when it cannot write
        raise MlxdynError(f"{path} cannot be written: {error}") from error
    return summed.result()


def _sum(stream: io.BufferedReader) -> str:
    with stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_arrays(source: Path | io.BytesIO) -> dict[str, mx.array]:
    """Load a safetensors file completely; MLX alone would read it only when it is used."""
    named = str(source) if isinstance(source, Path) else source
    arrays = cast(dict[str, mx.array], mx.load(named, format="safetensors"))
    mx.eval(arrays)
    return arrays


def sound_arrays(path: Path, sha256: str) -> dict[str, mx.array] | None:
    """Load a safetensors file unless it is missing, none, or holds other bytes than `sha256` says.

    It is read once: another process may remove it at any time.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return None
    if hashlib.sha256(data).hexdigest() != sha256:
        return None
    with suppress(RuntimeError, ValueError):
        return read_arrays(io.BytesIO(data))
    return None
