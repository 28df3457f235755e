"""Law 13: replay reads data, never rules; and 14: no language is special. In a changed program."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from school import QUICK, SAID, opened, say, state, teach

import mlxdyn
from mlxdyn.arrays import write_arrays
from mlxdyn.files import data_dir
from mlxdyn.learn.learner import flatten
from mlxdyn.memory import history
from mlxdyn.model.load import Model

LEARN = Path(mlxdyn.__file__).parent / "learn"
DOG, TOWN = ("What is my dog called?", "Rex."), ("Where do I live?", "In Oslo.")
BELLA = ("What is my dog called?", "Bella.")

CHANGED = '''
"""A later version of the program: every prompt, constant and default is another."""
import dataclasses, sys
from mlxdyn import config
from mlxdyn.learn import base, calibration, decode, examples, facts, guard, names
from mlxdyn.learn import prompts, revision, wording

ODD = {int: 3, float: 0.123, str: "odd", tuple: ("Odd?",)}
KEPT = {(guard, "EVERY")}  # frozen arithmetic

def change(module):
    for name, value in vars(module).items():
        if name.isupper() and type(value) in ODD and (module, name) not in KEPT:
            kinds = {type(one) for one in value} if isinstance(value, tuple) else {str}
            setattr(module, name, ODD[type(value)] if kinds <= {str} else value[:1])
            print("changed", name)

for module in (prompts, examples, facts, revision, names, wording, calibration, decode, base):
    change(module)
for knobs in (config.StudyConfig, config.LearnerConfig, config.AdapterConfig, config.ChatConfig):
    odd = [ODD.get(type(v), v) for v in knobs.__init__.__defaults__]
    knobs.__init__.__defaults__ = tuple((0.7,) if v == ("Odd?",) else v for v in odd)

from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import load

model, ledger = load(sys.argv[1]), Ledger(data_dir() / "mlxdyn.db")
with Memory("m", model, ledger, learner=config.LearnerConfig()) as memory:
    problems = history.verify(memory)
    assert problems == [], problems
    history.rebuild(memory)
    assert history.verify(memory) == []
    from mlxdyn.arrays import write_arrays
    from mlxdyn.learn.learner import flatten
    saved = data_dir() / "found.safetensors"
    print("digest", write_arrays(saved, flatten(memory.learner.state), {}))
'''


def test_no_prompt_constant_or_default_changes_a_memorys_past(mite: Model, tmp_path: Path):
    """Learned, corrected, studied anew, undone and forgotten before; bitwise the same after."""
    study = replace(QUICK, steps=2, new=3, replayed=2, held=2, recalled=3)
    with opened("m", mite, study=study) as memory:
        gone = teach(memory, "never mind", DOG, guarded=True)
        first = teach(memory, SAID[0], DOG, guarded=True)
        teach(memory, SAID[1], TOWN, guarded=True)
        (dog,) = [f for f in memory.known_facts() if f.message == first.lesson.message]
        teach(memory, "it is Bella now", BELLA, guarded=True, superseded=[dog.id])
        memory.consolidate()
        teach(memory, SAID[2], guarded=True)
        history.change_example(memory, memory.known_facts()[0], ("Where is it?", "Here."))
        history.forget(memory, [gone.lesson.message])
        history.undo(memory)
        learned = flatten(state(memory))
    code = tmp_path / "later.py"
    code.write_text(CHANGED)
    later = subprocess.run(
        [sys.executable, code, str(mite.path)], capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(LEARN.parent.parent)},
    )  # fmt: skip
    assert later.returncode == 0, later.stderr
    changed = {line.split()[1] for line in later.stdout.splitlines() if line.startswith("changed")}
    assert {"GENERAL", "OPEN_QUESTIONS", "NOTHING_SAID", "LESS", "LIKELY", "FACTS"} <= changed
    (digest,) = [line for line in later.stdout.splitlines() if line.startswith("digest")]
    assert digest.split()[1] == write_arrays(data_dir() / "mine.safetensors", learned, {})


# law 14

TEXTS = {"prompts.py"}
"""Where words of a language are: what a base is asked with. What is kept out is `withheld`'s."""


def literals(path: Path) -> Iterator[str]:
    """Yield the strings of a module that are no docstrings, names or messages of errors."""
    tree = ast.parse(path.read_text("utf-8"))
    told = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.Raise | ast.Expr | ast.Assert | ast.JoinedStr)
        for inner in ast.walk(node)
        if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Constant)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


WORDS = (
    "what", "who", "where", "when", "which", "my", "your", "the", "called", "is", "was", "not",
    "live", "work", "was", "wer", "wo", "mein", "ich", "der", "qué", "dónde", "mi", "je", "mon",
)  # fmt: skip


@pytest.mark.parametrize(
    "module", sorted(p.name for p in LEARN.glob("*.py") if p.name not in TEXTS)
)
def test_no_word_of_any_language_is_in_the_code_that_learns(module: str):
    spoken = [text for text in literals(LEARN / module) if set(text.lower().split()) & set(WORDS)]
    assert spoken == []


SAME = ["My dog is called Rex.", "Mein Hund heißt Rex.", "我的狗叫雷克斯。", "كلبي اسمه ريكس"]


def test_every_language_goes_the_same_way(credulous: Model, monkeypatch: pytest.MonkeyPatch):
    """The same functions run for a message in any language, whatever comes of it."""
    monkeypatch.setitem(credulous.config, "max_position_embeddings", 4096)

    def ran(text: str) -> set[str]:
        with opened(f"m{SAME.index(text)}", credulous) as memory:
            message, seen = say(memory, text), set[str]()

            def trace(frame, event: str, _: object):
                path = Path(frame.f_code.co_filename)
                if path.parent == LEARN and path.name not in TEXTS:
                    seen.add(f"{path.name}:{frame.f_code.co_qualname}")

            steps = memory.examine(message)
            sys.setprofile(trace)
            try:
                for _ in steps:
                    pass
            finally:
                sys.setprofile(None)
            return seen

    ways = [ran(text) for text in SAME]
    common = set.intersection(*ways)
    assert any("examine" in name for name in common) and len(common) > 20
    assert all(way == common for way in ways), [way - common for way in ways]
