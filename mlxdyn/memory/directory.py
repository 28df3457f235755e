"""The directories of memories: who holds one, and that each is whole or gone, whoever is killed."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, data_dir, digest, memory_directory, remove, sweep, sync
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import MemoryRow

ORIGIN = "origin.safetensors"
ASIDE = "aside"  # a directory of the home, in it one for each name, in it one for each time
GONE = ".gone-"  # directories of this name are being removed
UNFINISHED = "unfinished"
"""A file in the directory of a memory that is being founded, emptied or deleted."""


@contextmanager
def held(name: str) -> Iterator[None]:
    """Keep every other process from opening memory `name` during the block."""
    try:
        with FileLock(memory_directory(check_name(name)) / "lock", timeout=0):
            yield
    except Timeout as error:
        raise MlxdynError(f"memory {name!r} is open in another mlxdyn; close that one") from error


@contextmanager
def reserved(name: str, ledger: Ledger) -> Iterator[None]:
    """Hold the place of memory `name`, which the block founds; if it fails, nothing is left there.

    Raises MlxdynError when there is such a memory.
    """
    ledger.memories.check_new(check_name(name))  # to say so even of one that is open
    with held(name):
        ledger.memories.check_new(name)
        clear(name)
        with unfinished(name, ledger):
            yield


@contextmanager
def unfinished(name: str, ledger: Ledger) -> Iterator[None]:
    """Mark the directory of a memory that the block founds, empties or deletes; then settle it.

    Should the process be killed before, `tidy` settles it.
    """
    directory = memory_directory(name)
    (directory / UNFINISHED).touch()
    sync(directory)
    try:
        yield
    finally:
        _settle(directory, ledger)


def _settle(directory: Path, ledger: Ledger) -> None:
    """Let there be a memory or nothing at all, as the ledger says."""
    name = next(
        (one for one in ledger.memories.names() if one.lower() == directory.name.lower()), None
    )
    row = ledger.memories.find(name) if name else None
    if row:
        remove_stray(directory, row, ledger)
        (directory / UNFINISHED).unlink(missing_ok=True)
        return
    gone = directory.with_name(f"{GONE}{os.urandom(8).hex()}")
    directory.rename(gone)
    remove(gone)


def remove_stray(directory: Path, row: MemoryRow, ledger: Ledger) -> None:
    """Remove the weights that a memory does not name."""
    kept = {snapshot.file for snapshot in ledger.memories.snapshots(row.id)}
    if row.origin:
        kept.add(ORIGIN)
    for path in directory.glob("*.safetensors"):
        if path.name not in kept:
            remove(path)  # a directory may stand in its place


def clear(name: str) -> None:
    """Let no weights be where memory `name` is to be founded.

    Those that a killed process left go. Others may be all that is left of a memory whose ledger is
    lost: they are set aside, to be taken back with a backup of it.
    """
    directory = memory_directory(name)
    found = list(directory.glob("*.safetensors"))
    if (directory / UNFINISHED).exists():
        for path in found:
            remove(path)
    elif found:
        aside = data_dir() / ASIDE / name / os.urandom(4).hex()
        aside.mkdir(parents=True)
        for path in found:
            path.rename(aside / path.name)
        sync(aside)
        sync(directory)


def set_aside() -> list[Path]:
    """List the directories of weights that were set aside; the one above has the memory's name."""
    return sorted((data_dir(make=False) / ASIDE).glob("*/*"))


def take_back(row: MemoryRow, ledger: Ledger) -> None:
    """Take back what was set aside of a memory that the ledger knows again; the rest of it goes."""
    named = {one.file: one.sha256 for one in ledger.memories.snapshots(row.id)}
    named |= {ORIGIN: row.origin} if row.origin else {}
    directory = memory_directory(row.name)
    for aside in set_aside():
        if aside.parent.name.lower() != row.name.lower():  # disks may not tell capitals
            continue
        mine = [path for path in aside.glob("*") if named.get(path.name, "") == digest(path)]
        for path in mine:
            shutil.copyfile(path, directory / path.name)
            sync(directory / path.name)
        if mine:  # who is killed before begins again
            sync(directory)
            remove(aside)


def tidy(ledger: Ledger) -> None:
    """Remove what killed processes left: temporary files, memories half made or half deleted."""
    sweep()
    place = data_dir() / "memories"
    for gone in place.glob(f"{GONE}*"):
        remove(gone)
    for mark in place.glob(f"*/{UNFINISHED}"):
        with suppress(MlxdynError, OSError), held(mark.parent.name):  # or others are at work on it
            _settle(mark.parent, ledger)


def copy_weights(source: Path, target: Path) -> None:
    """Copy the weight files of one directory into another, durably."""
    for path in source.glob("*.safetensors"):
        shutil.copyfile(path, target / path.name)
        sync(target / path.name)
    sync(target)
    sync(target.parent)
