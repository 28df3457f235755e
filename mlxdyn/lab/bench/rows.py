"""One path beside its peer: samples taken in turn, their ratio, and the target it should meet."""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Action = Callable[[], float]
"""Does something once; gives its seconds (or bytes), without what had to be set up."""

LEAST, MOST = 2, 15  # pairs
CLOSE = 8  # pairs at least, where a target hangs on a percent


@dataclass(frozen=True, slots=True)
class Row:
    """A path and its peer, sample by sample, both in `unit`.

    `sense` says what a ratio is: "faster" is theirs over ours, "cost" is ours over theirs. A target
    is a ratio of at least `low` and at most `high`; without either the row is reported only.
    """

    path: str
    peer: str
    unit: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    sense: Literal["faster", "cost"]
    low: float | None = None
    high: float | None = None
    within: float | None = None  # or a target in `unit`, which the best of ours is to meet
    bound: str = ""  # what bounds it, measured, where the target is missed
    note: str = ""

    @property
    def ratios(self) -> tuple[float, ...]:
        """The ratio of each pair; of samples that are no pairs, that of the medians."""
        if not self.ours or not self.theirs:
            return ()
        paired = len(self.ours) == len(self.theirs)
        ours = self.ours if paired else (statistics.median(self.ours),)
        theirs = self.theirs if paired else (statistics.median(self.theirs),)
        both = zip(ours, theirs, strict=True)
        return tuple(
            t / max(o, 1e-9) if self.sense == "faster" else o / max(t, 1e-9) for o, t in both
        )

    @property
    def ratio(self) -> float | None:
        return statistics.median(self.ratios) if self.ratios else None

    @property
    def target(self) -> str:
        """The target in words."""
        if self.within is not None:
            return f"<= {self.within:g} s"
        match (self.low, self.high):
            case (None, None):
                return "reported"
            case (float(low), None):
                return f">= {low:g}"
            case (None, float(high)):
                return f"<= {high:g}"
        return f"{self.low:.3g} to {self.high:.3g}"

    @property
    def met(self) -> bool | None:
        """Whether the target is met; None where there is none, or nothing was measured."""
        if self.within is not None:
            return min(self.ours) <= self.within if self.ours else None
        if self.ratio is None or (self.low is None and self.high is None):
            return None
        return (self.low or 0) <= self.ratio <= (self.high or float("inf"))


def in_turn(
    ours: Action, theirs: Action, seconds: float, least: int = LEAST
) -> tuple[tuple[float, ...], ...]:
    """Take pairs of samples for about so many seconds, which of the two first by lot.

    A first pair warms up and does not count; at least `least` are taken, however long they last.
    """
    began = time.perf_counter()
    ours(), theirs()
    pair = time.perf_counter() - began
    lots, samples = random.Random(0), list[tuple[float, float]]()
    for _ in range(max(least, min(MOST, int(seconds / max(pair, 1e-6)) - 1))):
        if lots.random() < 0.5:
            mine = ours()
            samples.append((mine, theirs()))
        else:
            other = theirs()
            samples.append((ours(), other))
    return tuple(zip(*samples, strict=True))


def timed(action: Callable[[], Any]) -> float:
    """Give the seconds that `action` takes."""
    started = time.perf_counter()
    action()
    return time.perf_counter() - started
