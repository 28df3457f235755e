"""All rows of the table beside the peers, as they are measured."""

from collections.abc import Iterator
from pathlib import Path

from mlxdyn.config import BUNDLED_MODEL
from mlxdyn.lab.bench import extras, learning, reading, starting, talking
from mlxdyn.lab.bench.rows import Row
from mlxdyn.model.load import Model, load


def rows(model: Model, *, quick: bool, peers: Path | None = None) -> Iterator[Row]:
    """Measure `model`; quick takes about two minutes on two idle cores.

    Quick learns messages with the bundled model, whichever is measured, and cuts what it takes to
    show peak memory down to one block. `peers` is the Python of an environment that has others.
    """
    size = reading.QUICK if quick else reading.FULL
    yield from reading.rows(model, size)
    yield reading.large_vocabulary(size)
    yield from talking.rows(model, size.seconds / 2)
    yield learning.row(load(BUNDLED_MODEL) if quick else model)
    yield from starting.rows(model.path, size.seconds / 2, peers)
    yield from extras.rows(model, peers)
