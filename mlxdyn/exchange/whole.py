"""Files and directories that appear whole or not at all, and never over something else."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mlxdyn.errors import MlxdynError
from mlxdyn.home import fleeting


def check_free(target: Path) -> None:
    """Raise MlxdynError where `target` would overwrite something; an empty directory is free."""
    if target.is_dir():
        if any(target.iterdir()):
            raise MlxdynError(f"{target} is not empty; name a new directory")
    elif target.exists() or target.is_symlink():
        raise MlxdynError(f"{target} exists; name a new file or directory")


@contextmanager
def appearing(target: Path) -> Iterator[Path]:
    """Yield a path beside `target` to write at; it takes that name once the block ends well.

    Raises MlxdynError when `target` holds something or the disk is full. A block that fails leaves
    nothing.
    """
    check_free(target)
    target = target.resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.stem}-{os.urandom(4).hex()}.partial{target.suffix}")
    try:
        with fleeting(partial):
            yield partial
            _sync_all(partial)
            check_free(target)
            os.rename(partial, target)  # onto an empty directory too, but never a full one
            _sync(target.parent)
    except RuntimeError as error:  # MLX knows no other when it cannot write
        raise MlxdynError(f"{target} cannot be written: {error}") from error


def _sync_all(path: Path) -> None:
    for inner in sorted(path.rglob("*")) if path.is_dir() else []:
        _sync(inner)
    _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
