"""A memory in one file: adapter, configuration, ledger with study items, and hashes of them all.

A bundle is a zip. `adapter/` in it is an mlx-lm adapter directory, so that nothing is lost to those
who have no mlxdyn. Without text it holds nothing else; with it, also the memory's rows and the
files that they name, and restores to the very same memory.
"""

import json
import os
import re
import shutil
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxdyn import __version__
from mlxdyn.arrays import sound_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.adapter import Adapter, check_fit, create
from mlxdyn.exchange.directories import CONFIG, WEIGHTS, read, write_mlx_lm
from mlxdyn.exchange.received import WEIGHT_FILE, check_lessons, received
from mlxdyn.files import check_name, data_dir, digest, memory_directory, sweep, temporary
from mlxdyn.learn.learner import Learner, unflatten
from mlxdyn.memory.directory import ORIGIN, copy_weights, reserved
from mlxdyn.memory.lessons import vocabulary
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.copies import copy_memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, MemoryRow
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

BUNDLE_SCHEMA = 1
MANIFEST, LEDGER, ADAPTER = "bundle.json", "ledger.db", "adapter"
UNPACKED = ".bundle-"  # directories of this name hold a bundle's files while it is worked on
NO_BUNDLE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, RuntimeError,
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, OverflowError,
)  # fmt: skip
"""What comes of reading a file as a bundle that is none; RuntimeError where it is encrypted."""
TOLD = {
    "schema": int, "mlxdyn": str, "created": str, "memory": str, "model": str, "fingerprint": str,
    "text": bool, "files": dict,
}  # fmt: skip
"""What a manifest says, and as what."""
MOST_MANIFEST, MOST_NAME = 2**20, 500  # bytes; characters
ENTRIES = (LEDGER, f"{ADAPTER}/{CONFIG}", f"{ADAPTER}/{WEIGHTS}")
"""The files of a bundle, beside weights. SQLite would act on others, such as a journal."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """An unpacked bundle whose hashes are right; all that it says is a stranger's word."""

    directory: Path
    memory: str  # the name it had
    model: str  # of the base: bundled name, repository or path
    fingerprint: str
    text: bool  # whether the ledger is inside
    made: str  # when, and by which version
    bytes: int

    @property
    def adapter(self) -> Adapter:
        return read(self.directory / ADAPTER)

    def counts(self) -> dict[str, int]:
        """Say how much of what is in the ledger inside; raise MlxdynError where it is damaged."""
        source, row = received(self.directory / LEDGER)
        with closing(source):
            totals = source.events.totals(row.id)
            return {
                "message": len(source.messages.search(row.id, Filter())),
                "chat": len(source.conversations.all(row.id)),
                "item": totals.facts,
                "update": totals.updates,
            }


def write_bundle(memory: Memory, adapter: Adapter, path: Path, *, text: bool) -> None:
    """Write `memory` to one file; without `text`, only its weights."""
    with _workbench() as directory:
        write_mlx_lm(adapter, directory / ADAPTER)
        if text:
            _write_history(memory, adapter.base, directory)
        manifest = _manifest(memory, adapter, directory, text)
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=2))
        with zipfile.ZipFile(path, "x") as packed:
            for name in (MANIFEST, *manifest["files"]):
                packed.write(directory / name, name)


@contextmanager
def _workbench() -> Iterator[Path]:
    """A directory of the home where a bundle's files lie while it is worked on: they hold text."""
    sweep()
    with temporary(data_dir() / f"{UNPACKED}{os.urandom(4).hex()}") as directory:
        directory.mkdir(mode=0o700)
        yield directory


def _write_history(memory: Memory, base: str, directory: Path) -> None:
    """Copy the memory's rows, the weights it started from and its newest snapshot.

    The rows name the base as the bundle does, not the path at which it is here.
    """
    memory.snapshot()
    named = replace(memory.row, model=base)
    with closing(Ledger(directory / LEDGER)) as extract:
        row = copy_memory(memory.ledger, named, extract, memory.row.name)
        newest = extract.memories.snapshots(row.id)[:1]
        extract.memories.set_snapshots(row.id, newest)
        extract.erase()
    names = [snapshot.file for snapshot in newest]
    for name in names + ([ORIGIN] if row.origin else []):
        shutil.copyfile(memory.directory / name, directory / name)


def _manifest(memory: Memory, adapter: Adapter, directory: Path, text: bool) -> dict[str, Any]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        "schema": BUNDLE_SCHEMA,
        "mlxdyn": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "memory": memory.row.name,
        "model": adapter.base,
        "fingerprint": memory.row.fingerprint,
        "text": text,
        "files": {str(path.relative_to(directory)): digest(path) for path in files},
    }


@contextmanager
def unpacked(path: Path) -> Iterator[Bundle]:
    """Unpack a bundle for the length of the block.

    Raises MlxdynError when the file is no bundle, is damaged or comes from a newer mlxdyn.
    """
    if not path.is_file():
        raise MlxdynError(f"{path} is no file, so it is no mlxdyn bundle")
    with _workbench() as directory:
        manifest = _unpack(path, directory)
        made = f"{manifest['created']} by mlxdyn {manifest['mlxdyn']}"
        yield Bundle(
            directory,
            memory=manifest["memory"][:MOST_NAME],
            model=manifest["model"][:MOST_NAME],
            fingerprint=manifest["fingerprint"][:MOST_NAME],
            text=manifest["text"],
            made=made[:MOST_NAME],
            bytes=path.stat().st_size,
        )


def _unpack(path: Path, directory: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as packed:
            manifest = _read_manifest(packed)
            if manifest["schema"] > BUNDLE_SCHEMA:
                raise MlxdynError(f"{path} was written by a newer mlxdyn; update mlxdyn")
            _check_entries(packed, manifest["files"], path.stat().st_size)
            for name in manifest["files"]:
                packed.extract(name, directory)
        wrong = [n for n, sha256 in manifest["files"].items() if digest(directory / n) != sha256]
    except NO_BUNDLE as error:
        raise MlxdynError(f"{path} is no mlxdyn bundle, or is damaged: {error}") from error
    if wrong:
        raise MlxdynError(f"{path} is damaged: {wrong[0]} differs from its hash; copy it again")
    return manifest


def _read_manifest(packed: zipfile.ZipFile) -> dict[str, Any]:
    with packed.open(MANIFEST) as stream:
        data = stream.read(MOST_MANIFEST + 1)
    if len(data) > MOST_MANIFEST:
        raise ValueError(f"{MANIFEST} has more than {MOST_MANIFEST:,} bytes")
    manifest = json.loads(data)
    if not isinstance(manifest, dict) or not all(
        isinstance(manifest.get(name), kind) for name, kind in TOLD.items()
    ):
        raise ValueError(f"{MANIFEST} does not say what that of a bundle says")
    return manifest


def _check_entries(packed: zipfile.ZipFile, files: dict[str, str], size: int) -> None:
    """Raise ValueError unless the zip holds just `files`, as they are, and no more than itself."""
    entries = [entry for entry in packed.infolist() if entry.filename != MANIFEST]
    names = [entry.filename for entry in entries]
    for name in (*files, *names):
        if name not in ENTRIES and not re.fullmatch(WEIGHT_FILE, name):
            raise ValueError(f"{name!r:.60} is no name of a file in it")
    if sorted(names) != sorted(files):
        raise ValueError(f"it does not hold just the {len(files)} files that it names")
    for entry in entries:
        if stat.S_IFMT(entry.external_attr >> 16) not in (0, stat.S_IFREG):
            raise ValueError(f"{entry.filename} is a link or the like")
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{entry.filename} is packed, which no bundle's files are")
    if sum(entry.file_size for entry in entries) > size:
        raise ValueError("its files are larger than itself")


def restore(
    bundle: Bundle, name: str, model: Model, ledger: Ledger, learner: LearnerConfig
) -> MemoryRow:
    """Found memory `name` on a bundle, with all its past where the bundle holds it.

    Raises MlxdynError when the memory exists or was learned on another base.
    """
    if not bundle.text:
        return create(bundle.adapter, name, model, ledger, learner)
    ledger.memories.check_new(check_name(name))
    other = model.changed(bundle.fingerprint)
    if other:
        raise MlxdynError(
            f"the bundle's memory was learned on another base: {model.path} has another "
            f"{' and another '.join(other)} than {bundle.model} had; name its base with --model"
        )
    source, row = received(bundle.directory / LEDGER)
    if row.fingerprint != bundle.fingerprint:
        raise MlxdynError("the bundle is damaged: it names two bases; export it again")
    check_lessons(source, row.id, vocabulary(model))
    _check_weights(source, row, bundle.directory, model)
    with closing(source), reserved(name, ledger):
        # Files, then rows in one transaction: a crash leaves no memory.
        copy_weights(bundle.directory, memory_directory(name))
        return copy_memory(source, replace(row, model=str(model.path)), ledger, name)


def _check_weights(source: Ledger, row: MemoryRow, directory: Path, model: Model) -> None:
    """Raise MlxdynError unless all weights are whole, finite, and of this memory's adapter."""
    config = AdapterConfig(**row.adapter)
    try:
        if row.origin:
            arrays = sound_arrays(directory / ORIGIN, row.origin)
            check_fit(model, arrays or {}, config)
        attach(model, config)
        like = Learner(model.network, LearnerConfig(**row.learner), model.new_cache).state
        for snapshot in source.memories.snapshots(row.id):
            arrays = sound_arrays(directory / snapshot.file, snapshot.sha256)
            unflatten(arrays or {}, like)
    except ValueError as error:
        raise MlxdynError(
            f"the bundle is damaged: {snapshot.file} does not fit its memory ({error}); export it "
            "again"
        ) from error
    finally:
        detach(model)
