"""Which examples each step of a plan takes: frozen arithmetic, no state and no chance.

A draw depends on a seed, the step and the keys of what is drawn from, so that a replay draws the
same, and without a forgotten example draws what would have been drawn had it never been there.
Changing anything here changes the past of every memory: make a new function instead.
"""

import hashlib
from collections.abc import Iterator, Sequence

Plan = list[list[int]]
"""For each step, which of the examples it takes."""


def draw(seed: str, keys: Sequence[str], count: int) -> list[int]:
    """Draw up to `count` of `keys` without putting back; return where they stand.

    Each key's SHA-256 with the seed is its lot, and the smallest lots win (sampling by a random
    sort, as in Efraimidis and Spirakis 2006 with equal weights).
    """
    lots = sorted((hashlib.sha256(f"{seed}:{k}".encode()).digest(), i) for i, k in enumerate(keys))
    return sorted(i for _, i in lots[:count])


def lesson(
    seed: str,
    keys: Sequence[str],
    *,
    new: int,
    replayed: int,
    steps: int,
    batch: tuple[int, int, int],
) -> Plan:
    """Plan the steps on a message: of `keys`, the first are `new`, then `replayed`, then held.

    `batch` says how many of each a step takes.
    """
    return [*each(seed, keys, new=new, replayed=replayed, steps=steps, batch=batch)]


def each(
    seed: str,
    keys: Sequence[str],
    *,
    new: int,
    replayed: int,
    steps: int,
    batch: tuple[int, int, int],
) -> Iterator[list[int]]:
    """Plan as `lesson` does, step by step: of many keys, all of them would take long."""
    groups = (range(new), range(new, new + replayed), range(new + replayed, len(keys)))
    for step in range(steps):
        yield [
            group[i]
            for group, count in zip(groups, batch, strict=True)
            for i in draw(f"{seed}:{step}", [keys[j] for j in group], count)
        ]
