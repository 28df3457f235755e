"""Laws of a long life: what grows with it is made once, in small steps, and changes nothing."""

import sys
from collections.abc import Generator

import pytest
from school import QUICK, opened, say, teach

from mlxdyn.learn import replay
from mlxdyn.learn.learner import same
from mlxdyn.memory import lessons
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.load import Model


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


def draws(steps: Generator[None, None, object]) -> list[int]:
    """Count the draws in each micro-step."""
    counts = [0]

    def trace(frame, event: str, _: object):
        counts[-1] += event == "call" and frame.f_code is replay.draw.__code__

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
        assert max(draws(memory.lessons.carry_out(study, position))) == 3 * QUICK.most_steps
        monkeypatch.setattr(lessons, "LOTS", 1)
        assert max(draws(memory.lessons.carry_out(study, position))) == 3, "of one step's groups"
