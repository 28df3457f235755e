"""Laws of a long life: what grows with it is made once, in small steps, and changes nothing."""

import sys
from collections.abc import Generator
from types import CodeType

import pytest
from school import QUICK, as_said, opened, say, teach

from mlxdyn.learn import examples, replay
from mlxdyn.learn.base import Asked, Base
from mlxdyn.learn.learner import same
from mlxdyn.learn.prompts import OPEN_QUESTIONS
from mlxdyn.learn.wording import Wording
from mlxdyn.memory import lessons
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.load import Model

DRAW, EMBEDDED = replay.draw.__code__, Wording._embedded.__code__


def test_a_lesson_reads_no_earlier_example_but_those_that_it_draws(mite: Model):
    states = []
    for damaged in (False, True):
        with opened(f"m{damaged}", mite) as memory:
            for number in range(6):
                teach(memory, f"It is {number}.", (f"What is {number}?", f"It is {number}."))
            row, ledger = memory.row.id, memory.ledger
            active, message = ledger.examples.active(row), say(memory, "It is seven.", uid="seven")
            drawn = replay.draw("seven:recalled", [one.uid for one in active], QUICK.recalled)
            others = [one.id for i, one in enumerate(active) if i not in drawn]
            assert len(drawn) == QUICK.recalled < len(others)
            ledger.examples.add(row, message, [])
            ledger.database.run(
                "INSERT INTO examples SELECT NULL, memory, ?, 'u', kind, source, 'What is seven?',"
                " answer, prompt, target, likely, weight FROM examples WHERE id = ?",
                (message, active[0].id),
            )
            if damaged:
                ids = ", ".join(map(str, others))
                ledger.database.run(f"UPDATE examples SET prompt = x'00' WHERE id IN ({ids})")
            assert memory.learn(Lesson("message", message, (), 1)).accepted
            states.append(memory.learner.state)
    assert same(*states), "and learns from these what it always did"


def calls(code: CodeType, steps: Generator[None, None, object]) -> list[int]:
    """Count the calls of a function in each micro-step."""
    counts = [0]

    def trace(frame, event: str, _: object):
        counts[-1] += event == "call" and frame.f_code is code

    sys.setprofile(trace)
    try:
        for _ in steps:
            counts.append(0)
    finally:
        sys.setprofile(None)
    return counts


def test_a_study_of_many_facts_is_planned_in_small_steps(
    mite: Model, monkeypatch: pytest.MonkeyPatch
):
    with opened("m", mite) as memory:
        for number in range(4):
            teach(memory, f"It is {number}.", (f"What is {number}?", f"It is {number}."))
        position = memory.ledger.events.totals(memory.row.id).position + 1
        study = Lesson("study", None)
        assert max(calls(DRAW, memory.lessons.carry_out(study, position))) == 3 * QUICK.most_steps
        monkeypatch.setattr(lessons, "LOTS", 1)
        assert max(calls(DRAW, memory.lessons.carry_out(study, position))) == 3, (
            "of one step's groups"
        )


def test_what_may_be_mistaken_for_facts_is_embedded_once_for_all_of_them(asking: Base):
    asking.wording.likeness("what is", ["common to all"])
    facts = [as_said(asking.model, question, "It is one.") for question in OPEN_QUESTIONS[:3]]
    common = [Asked(question, 0.0) for question in OPEN_QUESTIONS[3:30]]

    def parted() -> Generator[None, None, None]:
        told, _ = examples._parted(asking, "I have one.", facts, {}, set(), common, [])
        assert told == facts
        yield

    assert sum(calls(EMBEDDED, parted())) == 1


def test_a_likeness_hangs_on_its_two_texts_only(wren: Model):
    wording, one = Wording(wren), OPEN_QUESTIONS[0]
    texts = OPEN_QUESTIONS[:40]
    among = wording.likeness(one, texts)
    assert among == [wording.likeness(one, [text])[0] for text in texts]
    assert among == wording.likeness(one, texts[::-1])[::-1]
