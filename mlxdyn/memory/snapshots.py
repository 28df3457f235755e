"""Snapshots: saved adapter and optimizer states, a cache of the truth."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxdyn.arrays import sound_arrays, write_arrays
from mlxdyn.learn.learner import State, flatten, unflatten
from mlxdyn.memory.store.memories import Memories
from mlxdyn.memory.store.records import MemoryRow, SnapshotRow
from mlxdyn.model import device

KEPT_SNAPSHOTS = 6
EARLIER = "an earlier version"  # that did not write down with what it calculated


class Snapshots:
    """The snapshots of one memory, whose states are all shaped like `start`."""

    def __init__(self, directory: Path, rows: Memories, memory: MemoryRow, start: State) -> None:
        self._directory, self._rows, self._memory, self._start = directory, rows, memory, start

    def sound(self) -> Iterator[tuple[int, State]]:
        """Yield what the undamaged snapshots hold and up to which position, newest first."""
        for row in self._rows.snapshots(self._memory.id):
            state = self._state_in(row)
            if state is not None:
                yield row.upto, state

    def damaged(self) -> list[str]:
        """Name the files that are missing or damaged."""
        rows = self._rows.snapshots(self._memory.id)
        return [row.file for row in rows if self._state_in(row) is None]

    def made_with(self) -> list[str]:
        """Name what the lessons, and the newest snapshot, were calculated with."""
        known = self._rows.arithmetic(self._memory.id)
        for row in self._rows.snapshots(self._memory.id)[:1]:
            with suppress(RuntimeError, ValueError):
                loaded: Any = mx.load(str(self._directory / row.file), return_metadata=True)
                known += str(loaded[1].get("arithmetic", EARLIER)).split("; ")
        return list(dict.fromkeys(known))

    def note(self, *names: str) -> None:
        """Write down `names` of what lessons are calculated with, beside those that are known.

        Snapshots go when the past is changed, so what only they tell is written down too.
        """
        known = list(dict.fromkeys([*self.made_with(), *names]))
        if known != self._rows.arithmetic(self._memory.id):
            self._rows.set_arithmetic(self._memory.id, known)

    def named(self, upto: int) -> bool:
        """Tell whether the newest snapshot is that of position `upto`, sound or not."""
        return any(row.upto == upto for row in self._rows.snapshots(self._memory.id)[:1])

    def save(self, state: State, upto: int) -> bool:
        """Save `state` as that of position `upto`, unless a sound snapshot is; tell if so."""
        rows = self._rows.snapshots(self._memory.id)
        if not upto or (self.named(upto) and self._state_in(rows[0]) is not None):
            return False
        rows = [row for row in rows if row.upto < upto]  # a damaged one gives way
        file = f"{upto}-{os.urandom(4).hex()}.safetensors"
        digest = write_arrays(self._directory / file, flatten(state), self._metadata(upto))
        kept = spread([SnapshotRow(upto, file, digest), *rows])
        self._rows.set_snapshots(self._memory.id, kept)
        return True

    def _state_in(self, row: SnapshotRow) -> State | None:
        """Read a snapshot; None where the file is damaged or holds what this memory cannot wear."""
        arrays = sound_arrays(self._directory / row.file, row.sha256)
        with suppress(ValueError):
            return None if arrays is None else unflatten(arrays, self._start)
        return None

    def _metadata(self, upto: int) -> dict[str, str]:
        fingerprint = self._memory.fingerprint
        known = dict.fromkeys([*self.made_with(), device.arithmetic()])
        return {"fingerprint": fingerprint, "upto": str(upto), "arithmetic": "; ".join(known)}


def spread(rows: Sequence[SnapshotRow]) -> list[SnapshotRow]:
    """Choose which snapshots stay: the newest, and ever fewer of the older ones.

    One for each doubling of the distance to the newest, so that a replay to any point in the past
    begins not much further back than the point itself.
    """
    newest = rows[0].upto
    kept = {(newest - row.upto).bit_length(): row for row in rows}
    chosen = sorted(kept.values(), reverse=True)
    return chosen[: KEPT_SNAPSHOTS - 1] + chosen[KEPT_SNAPSHOTS - 1 :][-1:]
