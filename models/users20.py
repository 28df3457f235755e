"""Ten people and what should be remembered of them: is the right answer likelier than the wrong?

    python -m mlxdyn_models.users20 --data FOLDER      # FOLDER holds memory/users20/profiles.json

Each person's messages are told to a fresh memory, which then studies once; questions are asked in
an empty context. Answers are compared by nats per token. Two ceilings stand beside: in context, the
facts that a question needs, as the data words them; or the newest messages, as many as fit.
"""

import argparse
import json
import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlxdyn.config import BUNDLED_MODEL, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.model import device

if TYPE_CHECKING:
    from mlxdyn.learn.learner import Learner
    from mlxdyn.model.chat_template import Turn
    from mlxdyn.model.load import Model

CONTEXT = 768  # tokens of what was said, in the ceiling


def messages(person: dict[str, Any]) -> list[str]:
    """List what a person said in all sessions, without the questions of the test."""
    asked = {test["query"] for test in person["memory_tests"]}
    turns = [turn for session in person["sessions"] for turn in session["turns"]]
    return [t["content"] for t in turns if t["role"] == "user" and t["content"] not in asked]


@dataclass(frozen=True)
class Choice:
    """What both answers to a question cost, in nats per token."""

    right: float
    wrong: float

    @property
    def good(self) -> bool:
        return self.right < self.wrong


def choose(
    model: "Model", learner: "Learner", test: dict[str, Any], said: Sequence[str] = ()
) -> Choice:
    """Measure the right and the wrong answer to a question, after `said`."""
    from mlxdyn.model.chat_template import Turn
    from mlxdyn.study.anchors import answer

    before = [*_fitting(model, said), Turn("user", test["query"])]
    chunks = [
        answer(model.tokenizer, [*before, Turn("assistant", test[which])], longest=CONTEXT + 256)
        for which in ("correct_answer", "wrong_answer")
    ]
    return Choice(*(known.nll / known.tokens for known in learner.probe(chunks)))


def _fitting(model: "Model", said: Sequence[str]) -> "list[Turn]":
    """Lay out the newest messages that fit as a conversation."""
    from mlxdyn.model.chat_template import Turn, render

    turns: list[Turn] = []
    for text in reversed(said):
        longer = [Turn("user", text), Turn("assistant", "Okay."), *turns]
        if len(render(model.tokenizer, longer, reply=True).tokens) > CONTEXT:
            break
        turns = longer
    return turns


def run(model: "Model", person: dict[str, Any], study: StudyConfig) -> dict[str, list[Choice]]:
    """Ask before, with what was said in context, and after learning."""
    from mlxdyn.files import home
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.store.ledger import Ledger

    from .recall import learn

    tests, said = person["memory_tests"], messages(person)
    learner = LearnerConfig(learning_rate=ChatConfig().learning_rate)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MLXDYN_HOME"] = folder
        ledger = Ledger(home() / "mlxdyn.db")
        with Memory("m", model, ledger, learner=learner, study=study) as memory:

            def choices(told: Callable[[dict[str, Any]], Sequence[str]]) -> list[Choice]:
                return [choose(model, memory.learner, test, told(test)) for test in tests]

            found = {
                "bare": choices(lambda test: ()),
                "facts in context": choices(lambda test: test["required_memories"]),
                "messages in context": choices(lambda test: said),
            }
            learn(memory, said)
            memory.consolidate()
            return found | {"memory": choices(lambda test: ())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=BUNDLED_MODEL)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--people", type=int, default=10)
    parser.add_argument("--set", action="append", default=[], metavar="KNOB=VALUE")
    options = parser.parse_args()
    device.prepare()
    from mlxdyn.model.load import load

    from .recall import knob

    people = json.loads((options.data / "memory/users20/profiles.json").read_text("utf-8"))
    subject = load(options.model)
    study = StudyConfig(**dict(map(knob, options.set)))
    found: dict[str, list[Choice]] = {}
    for person in people[: options.people]:
        for name, choices in run(subject, person, study).items():
            found.setdefault(name, []).extend(choices)
        print(person["name"], _line(found), flush=True)


def _line(found: dict[str, list[Choice]]) -> str:
    shares = []
    for name, choices in found.items():
        right = statistics.mean(choice.right for choice in choices)
        wrong = statistics.mean(choice.wrong for choice in choices)
        good = sum(choice.good for choice in choices)
        shares.append(f"{name} {good} (nats/token: right {right:.2f}, wrong {wrong:.2f})")
    return f"of {len(found['bare'])} questions: " + ", ".join(shares)


if __name__ == "__main__":
    main()
