"""Ten people and what should be remembered of them: is the right answer likelier than the wrong?

    python -m mlxdyn_models.users20 --data FOLDER      # FOLDER holds memory/users20/profiles.json

Each person's messages are told to a fresh memory, which then studies once; questions are asked in
an empty context. Answers are compared by nats per token. The ceiling has the newest messages of
the person, as many as fit, in context instead.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxdyn import backend
from mlxdyn.config import BUNDLED_MODEL, ChatConfig, LearnerConfig, StudyConfig

if TYPE_CHECKING:
    from mlxdyn.learner import Learner
    from mlxdyn.model import Model
    from mlxdyn.template import Turn

CONTEXT = 768  # tokens of what was said, in the ceiling


def messages(person: dict[str, Any]) -> list[str]:
    """List what a person said in all sessions, without the questions of the test."""
    asked = {test["query"] for test in person["memory_tests"]}
    turns = [turn for session in person["sessions"] for turn in session["turns"]]
    return [t["content"] for t in turns if t["role"] == "user" and t["content"] not in asked]


def preferred(
    model: "Model", learner: "Learner", tests: Sequence[dict[str, Any]], said: Sequence[str] = ()
) -> list[bool]:
    """Say of each test whether the right answer is likelier, after `said`."""
    from mlxdyn.study.anchors import answer
    from mlxdyn.template import Turn

    before = _fitting(model, said)
    found = []
    for test in tests:
        chunks = [
            answer(
                model.tokenizer,
                [*before, Turn("user", test["query"]), Turn("assistant", test[which])],
                longest=CONTEXT + 256,
            )
            for which in ("correct_answer", "wrong_answer")
        ]
        right, wrong = (known.nll / known.tokens for known in learner.probe(chunks))
        found.append(right < wrong)
    return found


def _fitting(model: "Model", said: Sequence[str]) -> "list[Turn]":
    """Lay out the newest messages that fit as a conversation."""
    from mlxdyn.template import Turn, render

    turns: list[Turn] = []
    for text in reversed(said):
        longer = [Turn("user", text), Turn("assistant", "Okay."), *turns]
        if len(render(model.tokenizer, longer, reply=True).tokens) > CONTEXT:
            break
        turns = longer
    return turns


def run(model: "Model", person: dict[str, Any], study: StudyConfig) -> dict[str, list[bool]]:
    """Ask before, with everything in context, and after learning."""
    from mlxdyn.home import home
    from mlxdyn.ledger import Ledger
    from mlxdyn.memory import Memory

    from .recall import learn

    tests, said = person["memory_tests"], messages(person)
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLXDYN_HOME"] = folder
        ledger = Ledger(home() / "mlxdyn.db")
        with Memory("m", model, ledger, learner=learner, study=study) as memory:
            found = {
                "bare": preferred(model, memory.learner, tests),
                "in context": preferred(model, memory.learner, tests, said),
            }
            learn(memory, said)
            memory.consolidate()
            return found | {"memory": preferred(model, memory.learner, tests)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=BUNDLED_MODEL)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE")
    options = parser.parse_args()
    backend.prepare()
    from mlxdyn import model as models

    from .recall import knob

    people = json.loads((options.data / "memory/users20/profiles.json").read_text("utf-8"))
    subject = models.load(options.model)
    study = StudyConfig(**dict(map(knob, options.set)))
    found: dict[str, list[bool]] = {}
    for person in people[: options.people]:
        for name, right in run(subject, person, study).items():
            found.setdefault(name, []).extend(right)
        print(person["name"], _line(found), flush=True)


def _line(found: dict[str, list[bool]]) -> str:
    shares = [f"{name} {statistics.mean(right):.1%}" for name, right in found.items()]
    return ", ".join(shares) + f" of {len(found['bare'])} questions"


if __name__ == "__main__":
    main()
