"""How sure a gain is: a paired block bootstrap over chunks; knows no models."""

import math
from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
ENOUGH_DOCUMENTS = 5  # to be the blocks

FloatArray = npt.NDArray[np.float64]


class Row(Protocol):
    """A chunk in both runs; nats are sums over its targets."""

    @property
    def document(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def static(self) -> float: ...
    @property
    def dynamic(self) -> float: ...


def interval(rows: Sequence[Row], *, seed: int) -> tuple[float, float] | None:
    """95% interval of the gain (nats per token); None with one block or numbers not finite."""
    gains = resampled(rows, seed)
    if gains is None:
        return None
    low, high = np.percentile(gains, [2.5, 97.5])
    return float(low), float(high)


def p_value(rows: Sequence[Row], *, seed: int) -> float | None:
    """Two-sided bootstrap p-value of "no gain", never below 1/RESAMPLES; None as in `interval`."""
    gains = resampled(rows, seed)
    if gains is None:
        return None
    tail = min(float((gains <= 0).mean()), float((gains >= 0).mean()))
    return min(1.0, max(2 * tail, 1 / RESAMPLES))


def significant_after(rows: Sequence[Row], *, seed: int, steps: int = 50) -> int | None:
    """Tokens after which the interval of the gain so far stays above 0 to the end; None if never.

    Looked at `steps` times along the rows, which are taken in order.
    """
    answer, done = None, 0
    edges = {round((i + 1) * len(rows) / steps) for i in range(steps)}
    for index, row in enumerate(rows, 1):
        done += row.tokens
        if index not in edges:
            continue
        low, _ = interval(rows[:index], seed=seed) or (-math.inf, 0.0)
        if low <= 0:
            answer = None
        elif answer is None:
            answer = done
    return answer


def resampled(rows: Sequence[Row], seed: int) -> FloatArray | None:
    """Gains of RESAMPLES draws of blocks with replacement (RESAMPLES,)."""
    sums = np.array(list(_blocks(rows).values()))  # (B, 2)
    if len(sums) < 2 or not np.isfinite(sums).all():
        return None
    drawn = np.random.default_rng(seed).integers(len(sums), size=(RESAMPLES, len(sums)))
    gain, tokens = sums[drawn].sum(axis=1).T
    return np.asarray(gain / tokens, dtype=np.float64)


def _blocks(rows: Sequence[Row]) -> dict[tuple[int, int], FloatArray]:
    """Sum gain (nats) and tokens by document when there are enough, else by runs of chunks.

    Neighbours are alike, so chunks alone would promise too much.
    """
    if len({row.document for row in rows}) >= ENOUGH_DOCUMENTS:
        keys = [(row.document, 0) for row in rows]
    else:
        length = math.isqrt(len(rows)) or 1
        keys = [(row.document, index // length) for index, row in enumerate(rows)]
    blocks = {key: np.zeros(2) for key in keys}
    for key, row in zip(keys, rows, strict=True):
        blocks[key] += (row.static - row.dynamic, row.tokens)
    return blocks
