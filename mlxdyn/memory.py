"""A named memory: adapter, optimizer state and the ledger that produced them."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import cast

import mlx.core as mx
from filelock import FileLock, Timeout

from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.home import check_name, memory_directory
from mlxdyn.learner import Learner, State, flatten, same, unflatten
from mlxdyn.ledger import Ledger, MemoryRow, SnapshotRow, UpdateRow
from mlxdyn.model import Model, attach
from mlxdyn.stream import Chunk

ADAPTER = AdapterConfig()
KEPT_SNAPSHOTS = 2
ORIGIN = "origin.safetensors"


class Memory:
    """What a base has learned; every change is in the ledger before it is acknowledged.

    Weights are a cache: the newest sound snapshot plus a replay of the updates after it.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        ledger: Ledger,
        *,
        learner: LearnerConfig,
        adapter: AdapterConfig = ADAPTER,
        writable: bool = True,
    ) -> None:
        """Open memory `name`, or found it with these configurations, and restore its weights.

        Raises MlxdynError when another process holds it or it belongs to another base.
        """
        self.directory = memory_directory(check_name(name), make=writable)
        self._lock = FileLock(self.directory / "lock")
        if writable:
            self._acquire(name)
        self.ledger, self.model = ledger, model
        recipe = (str(model.path), model.fingerprint, asdict(adapter), asdict(learner))
        found = ledger.memory(name)
        if found is None and not writable:
            found = MemoryRow(0, name, "", *recipe, origin=None)
        self.row = found or ledger.add_memory(name, *recipe)
        self._check_fit()
        attach(model, AdapterConfig(**self.row.adapter))
        self._load_origin()
        self.learner = Learner(model.network, LearnerConfig(**self.row.learner), model.new_cache)
        self._start = self.learner.state
        self.restore()

    def close(self) -> None:
        """Let another process open this memory."""
        self._lock.release()

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def learn(self, message: int, lesson: Chunk, *, last: bool) -> UpdateRow:
        """Take one online step on `lesson` and make it durable.

        `last` marks the message as learned in the same transaction.
        """
        before = self.learner.state
        seen = self.learner.learn(lesson)
        after = self.learner.score(lesson).nll if seen.accepted else None
        try:
            update = self.ledger.add_update(
                self.row.id,
                message,
                lesson,
                tokens=len(lesson.targets),
                nll_before=_finite_mean(seen.nll),
                nll_after=_finite_mean(after) if after else None,
                gradient_norm=_finite_mean((seen.gradient_norm or 0.0,)),
                accepted=seen.accepted,
                reason=seen.reason,
                last=last,
            )
        except BaseException:
            self.learner.state = before
            raise
        return self.ledger.updates(self.row.id, after=update - 1, active=False)[0]

    def restore(self) -> None:
        """Load the newest sound snapshot and replay what came after it."""
        upto, state = next(self._sound_snapshots(), (0, self._start))
        self.learner.state = state
        self._replay(upto)

    def snapshot(self) -> None:
        """Save the current weights, unless the newest snapshot already holds them."""
        upto = self.ledger.totals(self.row.id)[2]
        rows = self.ledger.snapshots(self.row.id)
        if not upto or (rows and rows[0].upto == upto):
            return
        file = f"{upto}-{os.urandom(4).hex()}.safetensors"
        digest = write_arrays(
            self.directory / file, flatten(self.learner.state), self._metadata(upto)
        )
        kept = [SnapshotRow(upto, file, digest), *rows][:KEPT_SNAPSHOTS]
        self.ledger.set_snapshots(self.row.id, kept)
        self._remove_stray({row.file for row in kept})

    def undo(self) -> list[UpdateRow]:
        """Take back what the last learned message taught, bitwise; return its updates."""
        active = self.ledger.updates(self.row.id)
        last = [update for update in active if update.message == active[-1].message]
        if last:
            self.ledger.undo([update.update for update in last])
            self.restore()
            self.snapshot()
        return last

    def verify(self) -> list[str]:
        """Replay the whole ledger and compare; return what is wrong, nothing when all is well."""
        current, sound = self.learner.state, self.ledger.integrity()
        problems = [] if sound == "ok" else [f"the ledger is damaged: {sound}"]
        problems += [
            f"snapshot {row.file} is missing or damaged"
            for row in self.ledger.snapshots(self.row.id)
            if _digest(self.directory / row.file) != row.sha256
        ]
        self.learner.state = self._start
        self._replay(0)
        if not same(self.learner.state, current):
            problems.append("the saved weights differ from a replay of the ledger")
        self.learner.state = current
        return problems

    def rebuild(self) -> None:
        """Make the weights anew from the ledger and save them."""
        self.ledger.set_snapshots(self.row.id, [])
        self.restore()
        self.snapshot()

    def _replay(self, upto: int) -> None:
        for update in self.ledger.updates(self.row.id, after=upto):
            self.learner.learn(update.lesson)

    def _sound_snapshots(self) -> Iterator[tuple[int, State]]:
        for row in self.ledger.snapshots(self.row.id):
            path = self.directory / row.file
            if _digest(path) == row.sha256:
                yield row.upto, unflatten(read_arrays(path), self._start)

    def _acquire(self, name: str) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise MlxdynError(
                f"memory {name!r} is open in another mlxdyn; close that one, or use --temporary or "
                "another --memory"
            ) from error
        except OSError as error:
            raise MlxdynError(f"memory {name!r} cannot be written: {error}") from error

    def _check_fit(self) -> None:
        if self.row.fingerprint != self.model.fingerprint:
            name = self.row.name
            self.close()
            raise MlxdynError(
                f"memory {name!r} was learned on another base or tokenizer ({self.row.model}, "
                f"fingerprint {self.row.fingerprint}), not on {self.model.path} "
                f"({self.model.fingerprint}); start with that model, or give this one a memory of "
                "its own with --memory NAME"
            )

    def _load_origin(self) -> None:
        if self.row.origin is None:
            return
        path = self.directory / ORIGIN
        if _digest(path) != self.row.origin:
            raise MlxdynError(
                f"{path}, the imported adapter this memory starts from, is missing or damaged; "
                "import it again"
            )
        self.model.network.load_weights(list(read_arrays(path).items()), strict=False)

    def _metadata(self, upto: int) -> dict[str, str]:
        return {"fingerprint": self.model.fingerprint, "upto": str(upto), "mlx": version("mlx")}

    def _remove_stray(self, kept: set[str]) -> None:
        for path in self.directory.glob("*.safetensors"):
            if path.name not in kept and path.name != ORIGIN:
                path.unlink(missing_ok=True)


def archive(name: str, ledger: Ledger) -> str:
    """Set memory `name` aside under a new name, leave an empty one, and return the new name.

    Files are copied, then the ledger changes in one step: a crash leaves one memory or both whole.

    Raises MlxdynError when there is none or it is open elsewhere.
    """
    row = ledger.memory(name)
    if row is None:
        raise MlxdynError(f"there is no memory {name!r}")
    aside = f"{name[:75]}.{datetime.now(UTC).strftime('%Y%m%d-%H%M%S')}-{os.urandom(2).hex()}"
    source = memory_directory(name)
    target = source.with_name(aside)
    try:
        with FileLock(source / "lock", timeout=0):
            _copy(source, target)
            with ledger.transaction():
                ledger.rename_memory(row.id, aside)
                ledger.add_memory(name, row.model, row.fingerprint, row.adapter, row.learner)
            for path in source.glob("*.safetensors"):
                path.unlink()
    except Timeout as error:
        raise MlxdynError(f"memory {name!r} is open in another mlxdyn; close that one") from error
    return aside


def _copy(source: Path, target: Path) -> None:
    target.mkdir(mode=0o700)
    for path in source.glob("*.safetensors"):
        shutil.copyfile(path, target / path.name)
        _sync(target / path.name)
    _sync(target)
    _sync(target.parent)


def write_arrays(path: Path, arrays: dict[str, mx.array], metadata: dict[str, str]) -> str:
    """Write a safetensors file that appears whole or not at all; return its sha256."""
    partial = path.with_name(f".{path.name}.partial.safetensors")
    mx.save_safetensors(str(partial), arrays, metadata)
    _sync(partial)
    digest = _digest(partial)
    os.replace(partial, path)
    _sync(path.parent)
    assert digest is not None
    return digest


def read_arrays(path: Path) -> dict[str, mx.array]:
    """Load a safetensors file completely; MLX alone would read it only when it is used."""
    arrays = cast(dict[str, mx.array], mx.load(str(path)))
    mx.eval(arrays)
    return arrays


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str | None:
    with suppress(OSError), path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
    return None


def _finite_mean(values: tuple[float, ...]) -> float | None:
    mean = sum(values) / len(values)
    return mean if abs(mean) < float("inf") else None
