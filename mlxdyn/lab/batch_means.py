"""How sure a gain or a share is: Student's t over sums of blocks or cases; knows no models.

Batch means (Schmeiser 1982) of a ratio, its variance by the delta method. A bootstrap of so few
blocks promises too much: of 4, 7 and 16 chunks without any gain, percentiles of 2,000 draws left
zero out in 47, 20 and 25 of 100, where 5 are promised.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

ROUNDING = 1e-9  # an error so small is none
LEVEL = 0.95  # of an interval
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


@dataclass(frozen=True, slots=True)
class Estimate:
    """A ratio, as a gain in nats per token, its standard error, and how many blocks, less one."""

    gain: float
    error: float
    freedom: int

    @property
    def interval(self) -> tuple[float, float]:
        wide = self.error * t_quantile(LEVEL, self.freedom)
        return self.gain - wide, self.gain + wide

    @property
    def p_value(self) -> float:
        """Two-sided p-value of "no gain"."""
        if not self.error:
            return 0.0 if self.gain else 1.0
        return max(0.0, 1 - t_within(abs(self.gain) / self.error, self.freedom))


def estimate(rows: Sequence[Row]) -> Estimate | None:
    """Estimate the gain that `rows` are a sample of; None with one block, or not finite."""
    return ratio(np.array(list(_blocks(rows).values())))


def ratio(sums: FloatArray) -> Estimate | None:
    """Estimate a ratio from both its sums in each block (B, 2); None as in `estimate`."""
    if len(sums) < 2 or not np.isfinite(sums).all():
        return None
    gain, tokens = sums.sum(axis=0)
    apart = sums[:, 0] - gain / tokens * sums[:, 1]
    scale = len(sums) / (len(sums) - 1)
    error = math.sqrt(scale * float(apart @ apart)) / float(tokens)
    return Estimate(float(gain / tokens), error, len(sums) - 1)


def interval(rows: Sequence[Row]) -> tuple[float, float] | None:
    """95% interval of the gain (nats per token); None as in `estimate`."""
    found = estimate(rows)
    return found.interval if found else None


def p_value(rows: Sequence[Row]) -> float | None:
    """Two-sided p-value of "no gain"; None as in `estimate`."""
    found = estimate(rows)
    return found.p_value if found else None


def share_interval(sums: FloatArray) -> tuple[float, float] | None:
    """95% interval of a share, from what counts and of how many in each case (B, 2).

    Wilson's (1927), for as many questions apart as have the error that the cases give (Korn and
    Graubard 1998); t by itself holds too little near 0 and 1. Where all count or none there is no
    error: the exact limit (Clopper and Pearson 1934), each case for one question.
    """
    found = ratio(sums)
    if found is None:
        return None
    share, cases = found.gain, len(sums)
    far = ((1 - LEVEL) / 2) ** (1 / cases)
    if share in (0, 1):
        return (0.0, 1 - far) if share == 0 else (far, 1.0)
    spread = share * (1 - share)
    alike = found.error < ROUNDING  # the same share in every case
    size = cases if alike else min(spread / found.error**2, float(sums[:, 1].sum()))
    q = t_quantile(LEVEL, found.freedom) ** 2 / size
    middle, wide = (share + q / 2) / (1 + q), math.sqrt(q * (spread + q / 4)) / (1 + q)
    return middle - wide, middle + wide


def significant_after(rows: Sequence[Row], *, steps: int = 50) -> int | None:
    """Tokens after which the interval of the gain so far stays above 0 to the end; None if never.

    Looked at `steps` times along the rows, which are taken in order.
    """
    answer, done = None, 0
    edges = {round((i + 1) * len(rows) / steps) for i in range(steps)}
    for index, row in enumerate(rows, 1):
        done += row.tokens
        if index not in edges:
            continue
        low, _ = interval(rows[:index]) or (-math.inf, 0.0)
        if low <= 0:
            answer = None
        elif answer is None:
            answer = done
    return answer


def t_within(t: float, freedom: int) -> float:
    """Probability of |T| <= t (Abramowitz and Stegun 1964, 26.7.3 and 26.7.4)."""
    angle = math.atan(t / math.sqrt(freedom))
    odd = freedom % 2
    term, total = 1.0, 0.0
    for k in range(2 + odd, freedom + 2, 2):  # each power of the cosine in the sum, from the first
        total += term
        term *= math.cos(angle) ** 2 * (k - 1) / k
    if not odd:
        return math.sin(angle) * total
    return 2 / math.pi * (angle + math.sin(angle) * math.cos(angle) * total)


def t_quantile(level: float, freedom: int) -> float:
    """Give the t that |T| exceeds with probability 1 - `level`."""
    low, high = 0.0, 1.0
    while t_within(high, freedom) < level:
        high *= 2
    while high - low > 1e-9 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_within(middle, freedom) < level else (low, middle)
    return high


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
