"""A memory in one file: adapter, configuration, ledger with study items, and hashes of them all.

A bundle is a zip. `adapter/` in it is an mlx-lm adapter directory, so that nothing is lost to those
who have no mlxdyn. Without text it holds nothing else; with it, also the memory's rows and the
files that they name, and restores to the very same memory.
"""

import json
import os
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlxdyn_models
from mlxdyn import __version__
from mlxdyn.config import LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.adapter import Adapter, base_name, found
from mlxdyn.exchange.directories import read, write_mlx_lm
from mlxdyn.files import digest, fleeting, home, memory_directory, sweep
from mlxdyn.memory.directory import ORIGIN, copy_weights, vacant
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import MemoryRow
from mlxdyn.model.load import Model

SCHEMA = 1
MANIFEST, LEDGER, ADAPTER = "bundle.json", "ledger.db", "adapter"
UNPACKED = ".bundle-"  # directories of this name hold a bundle's files while it is worked on
NO_BUNDLE = (
    OSError, ValueError, KeyError, IndexError, TypeError, AttributeError, EOFError, RuntimeError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What comes of reading a file as a bundle that is none; RuntimeError where it is encrypted."""
PLAIN = re.compile(r"(?!/)(?!.*\.\.)[A-Za-z0-9._/-]+")  # a name that stays inside its directory


@dataclass(frozen=True, slots=True)
class Bundle:
    """An unpacked bundle whose hashes are right."""

    directory: Path
    memory: str  # the name it had
    model: str  # of the base: bundled name, repository or path
    fingerprint: str
    text: bool  # whether the ledger is inside

    @property
    def adapter(self) -> Adapter:
        return read(self.directory / ADAPTER)


def write_bundle(memory: Memory, adapter: Adapter, path: Path, *, text: bool) -> None:
    """Write `memory` to one file; without `text`, only its weights."""
    with _workbench() as directory:
        write_mlx_lm(adapter, directory / ADAPTER)
        if text:
            _write_history(memory, directory)
        manifest = _manifest(memory, directory, text)
        (directory / MANIFEST).write_text(json.dumps(manifest, indent=2))
        with zipfile.ZipFile(path, "x") as packed:
            for name in (MANIFEST, *manifest["files"]):
                packed.write(directory / name, name)


@contextmanager
def _workbench() -> Iterator[Path]:
    """A directory of the home where a bundle's files lie while it is worked on: they hold text."""
    sweep()
    with fleeting(home() / f"{UNPACKED}{os.urandom(4).hex()}") as directory:
        directory.mkdir(mode=0o700)
        yield directory


def _write_history(memory: Memory, directory: Path) -> None:
    """Copy the memory's rows, the weights it started from and its newest snapshot."""
    memory.snapshot()
    with closing(Ledger(directory / LEDGER)) as extract:
        row = memory.ledger.copy_memory(memory.row, extract, memory.row.name)
        newest = extract.snapshots(row.id)[:1]
        extract.set_snapshots(row.id, newest)
        extract.erase()
    names = [snapshot.file for snapshot in newest]
    for name in names + ([ORIGIN] if row.origin else []):
        shutil.copyfile(memory.directory / name, directory / name)


def _manifest(memory: Memory, directory: Path, text: bool) -> dict[str, Any]:
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    return {
        "schema": SCHEMA,
        "mlxdyn": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "memory": memory.row.name,
        "model": _model_name(memory.model.path),
        "fingerprint": memory.row.fingerprint,
        "text": text,
        "files": {str(path.relative_to(directory)): digest(path) for path in files},
    }


def _model_name(path: Path) -> str:
    """A name that `model.locate` finds on another machine too, where there is one."""
    bundled = {where: name for name, where in mlxdyn_models.bundled().items()}
    return bundled.get(path) or base_name(path)


@contextmanager
def unpacked(path: Path) -> Iterator[Bundle]:
    """Unpack a bundle for the length of the block.

    Raises MlxdynError when the file is no bundle, is damaged or comes from a newer mlxdyn.
    """
    with _workbench() as directory:
        manifest = _unpack(path, directory)
        yield Bundle(
            directory,
            str(manifest["memory"]),
            str(manifest["model"]),
            str(manifest["fingerprint"]),
            bool(manifest["text"]),
        )


def _unpack(path: Path, directory: Path) -> dict[str, Any]:
    try:
        with zipfile.ZipFile(path) as packed:
            manifest = json.loads(packed.read(MANIFEST))
            if manifest["schema"] > SCHEMA:
                raise MlxdynError(f"{path} was written by a newer mlxdyn; update mlxdyn")
            wrong = [n for n in manifest["files"] if not PLAIN.fullmatch(n)]
            for name in manifest["files"] if not wrong else []:
                packed.extract(name, directory)
        wrong += [n for n, sha256 in manifest["files"].items() if digest(directory / n) != sha256]
        manifest["memory"], manifest["model"], manifest["fingerprint"], manifest["text"]
    except NO_BUNDLE as error:
        raise MlxdynError(f"{path} is no mlxdyn bundle, or is damaged: {error}") from error
    if wrong:
        raise MlxdynError(f"{path} is damaged: {wrong[0]} differs from its hash; copy it again")
    return dict(manifest)


def restore(
    bundle: Bundle, name: str, model: Model, ledger: Ledger, learner: LearnerConfig
) -> MemoryRow:
    """Found memory `name` on a bundle, with all its past where the bundle holds it.

    Raises MlxdynError when the memory exists or was learned on another base.
    """
    if not bundle.text:
        return found(bundle.adapter, name, model, ledger, learner)
    other = model.changed(bundle.fingerprint)
    if other:
        raise MlxdynError(
            f"the bundle's memory was learned on another base: {model.path} has another "
            f"{' and another '.join(other)} than {bundle.model} had; name its base with --model"
        )
    with closing(Ledger(bundle.directory / LEDGER)) as source, vacant(name, ledger):
        return _restore(source, bundle.directory, name, model, ledger)


def _restore(source: Ledger, directory: Path, name: str, model: Model, ledger: Ledger) -> MemoryRow:
    """Put the files in place, then the rows in one transaction: a crash leaves no memory."""
    rows = source.memories()
    if len(rows) != 1:
        raise MlxdynError(f"the bundle holds {len(rows)} memories, not one; export it again")
    for snapshot in source.snapshots(rows[0].id):
        if Path(snapshot.file).name != snapshot.file:  # it would lead out of the memory's directory
            raise MlxdynError(f"the bundle is damaged: it names {snapshot.file!r}; export it again")
    target = memory_directory(name)
    copy_weights(directory, target)
    return source.copy_memory(replace(rows[0], model=str(model.path)), ledger, name)
