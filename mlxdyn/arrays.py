"""Trees of arrays, and safetensors files of them: written whole, checked when they are read."""

import hashlib
import io
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
from mlx.utils import tree_flatten

from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import digest, replacing

Tree = dict[str, Any]


def leaves(tree: Any) -> list[tuple[str, mx.array]]:
    """List the arrays of a tree with their dotted paths."""
    return cast(list[tuple[str, mx.array]], tree_flatten(tree))


def write_arrays(path: Path, arrays: dict[str, mx.array], metadata: dict[str, str]) -> str:
    """Write a safetensors file that appears whole or not at all; return its sha256."""
    try:
        with replacing(path) as partial:
            mx.save_safetensors(str(partial), arrays, metadata)
            sha256 = digest(partial)
    except (RuntimeError, OSError) as error:  # MLX knows no other when it cannot write
        raise MlxdynError(f"{path} cannot be written: {sentence(error)}") from error
    assert sha256 is not None
    return sha256


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
