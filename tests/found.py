"""Found a small memory as this version does, for all later ones to verify: python tests/found.py.

Run once for each version that people get, and commit: what is in `founded/` is never made anew. Its
base is kept with it, so that no change of a bundled one matters.
"""

import hashlib
import json
import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from mlxdyn import __version__  # before anything imports MLX

# isort: split
from school import QUICK, SAID, opened, teach
from tiny import tiny_model

from mlxdyn.learn.learner import State, flatten
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.load import Model, load

FOUNDED = Path(__file__).parent / "founded"
DOG, TOWN = ("What is my dog called?", "Rex."), ("Where do I live?", "In Oslo.")
STUDY = replace(QUICK, steps=2, new=3, replayed=2, held=2, recalled=3)


def live(model: Model) -> State:
    """Learn, correct, study anew and learn again; give what came of it."""
    with opened("m", model, study=STUDY) as memory:
        teach(memory, SAID[0], DOG, guarded=True)
        teach(memory, SAID[1], TOWN, guarded=True)
        (dog,) = [fact for fact in memory.known_facts() if fact.answer == DOG[1]]
        bella = (DOG[0], "Bella.")
        teach(memory, "it is Bella now", bella, guarded=True, superseded=[dog.id])
        memory.learn(Lesson("study", None))
        teach(memory, SAID[2], guarded=True)
        memory.snapshot()
        return memory.learner.state


def fingerprint(state: State) -> dict[str, object]:
    """Describe weights: their hash, and of each array what rounding hardly changes."""
    arrays = {name: np.array(array) for name, array in sorted(flatten(state).items())}
    lines = {n: np.sin(np.arange(a.size)) @ a.ravel() for n, a in arrays.items()}
    bits = b"".join(name.encode() + array.tobytes() for name, array in arrays.items())
    return {
        "sha256": hashlib.sha256(bits).hexdigest(),
        "projections": {name: float(value) for name, value in lines.items()},
    }


def main() -> None:
    target = FOUNDED.absolute() / (sys.argv[1] if sys.argv[1:] else __version__)
    os.chdir(tempfile.mkdtemp())
    os.environ["MLXDYN_HOME"] = "home"
    base = Path("base")  # no path of this machine is written down
    tiny_model(base, "llama", blocks=1)
    told = fingerprint(live(load(str(base))))
    shutil.copytree(base, target / "base")
    shutil.copytree(
        "home", target / "home", ignore=shutil.ignore_patterns("bases", "spare", "lock")
    )
    (target / "weights.json").write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    main()
