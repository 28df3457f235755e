"""Where what people tell is lost before anything is learned; only the base has a say in it.

python results/bounds.py MODEL PEOPLE.jsonl > results/MODEL/bounds.md: the very questions that
people are asked later are put to the teacher with their message in its context. A learner that
knew them beforehand and forgot nothing would give back as much as is right and sure here.
"""

import sys
from collections import Counter
from pathlib import Path

from mlxdyn.model import device

device.prepare()

from mlxdyn.lab.cases import Case, claims, read  # noqa: E402
from mlxdyn.learn.base import Base  # noqa: E402
from mlxdyn.learn.calibration import FALLBACK  # noqa: E402
from mlxdyn.learn.facts import is_told  # noqa: E402
from mlxdyn.learn.parts import Parts  # noqa: E402
from mlxdyn.learn.prompts import NOTHING_SAID  # noqa: E402
from mlxdyn.learn.steps import run  # noqa: E402
from mlxdyn.memory.calibrated import prepared  # noqa: E402
from mlxdyn.model.load import load  # noqa: E402

LINES = {
    "asked": "questions",
    "right": "the teacher is right, or claims it",
    "sure": "and sure of it",
    "seen": "the message is seen to answer the question",
    "both": "sure, and seen: what would be taught",
}


def main() -> None:
    name, people = sys.argv[1:]
    model = load(name)
    parts = Parts.of(model.network)
    if parts is None:
        sys.exit(f"{name} cannot learn facts: its network cannot be cut")
    base = Base(model, parts, FALLBACK)
    run(prepared(base))
    told, open_ = Counter[str](), Counter[str]()
    cases = [case for case in read([Path(people)]) if len(case.messages) == 1]
    for case in cases:
        count(base, case, told, open_)
    print(f"# What bounds {name}\n")
    print(f"{len(cases)} people of {Path(people).name}, `results/bounds.py`.\n")
    print("| | of what they told | of what they did not |\n|---|---|---|")
    for stage, line in LINES.items():
        print(f"| {line} | {told[stage]} | {open_[stage]} |")


def count(base: Base, case: Case, told: Counter[str], open_: Counter[str]) -> None:
    """Put the questions of one person to the teacher; count what would be taught of them."""
    said = list(case.messages)
    questions = [*(ask.question for ask in case.asks), *case.unknown]
    replies = run(base.listen(said))
    answers = run(base.teach(said, questions, replies))
    support = run(base.support(said, [NOTHING_SAID], questions, answers, replies))
    common, judged = run(base.candidates(said[0], questions))
    seen = run(base.answered(said[0], common, judged))
    for i, (question, answer, found) in enumerate(zip(questions, answers, support, strict=True)):
        text, counted = base.text(answer), told if i < len(case.asks) else open_
        right = case.asks[i].right(text) if i < len(case.asks) else claims(text, said)
        sure = right and is_told(base, said, question, answer, found)
        counted.update(asked=1, right=right, sure=sure, seen=question in seen)
        counted["both"] += sure and question in seen


if __name__ == "__main__":
    main()
