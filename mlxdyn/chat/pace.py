"""How long learning takes on this machine with this base: measured, kept, and used to foretell."""

import json
from contextlib import suppress
from pathlib import Path

from mlxdyn.files import write

NEW = 0.3  # weight of the newest measurement in the mean
LEAST_STEPS = 3  # steps; with a budget for fewer, a message's facts are not studied at all


class Pace:
    """Mean seconds of each stage of a lesson, kept in a small file."""

    def __init__(self, path: Path | None) -> None:
        """Read what was measured; None keeps nothing."""
        self._path = path
        self._seconds: dict[str, float] = {}
        if path is not None:
            with suppress(OSError, ValueError):
                found = json.loads(path.read_text("utf-8"))
                self._seconds = {str(k): float(v) for k, v in found.items()}

    def seconds(self, *stages: str) -> float | None:
        """Say how long stages take together; None where one was never measured."""
        found = [self._seconds.get(stage) for stage in stages]
        known = [seconds for seconds in found if seconds is not None]
        return sum(known) if len(known) == len(stages) else None

    def steps(self, wanted: int, budget: float) -> int:
        """Say how many of the wanted steps fit in so many seconds a message; 0: words only."""
        reading, learning = self.seconds("reading"), self.seconds("learning")
        if not budget or reading is None or learning is None:
            return wanted
        fitting = int(wanted * max(0.0, budget - reading) / max(learning, 1e-9))
        return 0 if fitting < LEAST_STEPS else min(wanted, fitting)

    def note(self, stage: str, seconds: float) -> None:
        """Take a measurement into the mean, and keep it."""
        before = self._seconds.get(stage, seconds)
        self._seconds[stage] = (1 - NEW) * before + NEW * seconds
        if self._path is not None:
            with suppress(OSError):
                write(self._path, json.dumps(self._seconds))
