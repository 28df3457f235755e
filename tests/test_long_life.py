"""Laws of a long life: what grows with it is made once, in small steps, and changes nothing."""

import random
import sys
from collections.abc import Generator
from types import CodeType

import pytest
from school import QUICK, as_said, opened, say, teach
from test_privacy import founded, told

from mlxdyn.learn import examples, replay
from mlxdyn.learn.base import Asked, Base
from mlxdyn.learn.learner import same
from mlxdyn.learn.prompts import OPEN_QUESTIONS
from mlxdyn.learn.steps import run
from mlxdyn.learn.wording import Wording
from mlxdyn.memory import history, lessons, privacy
from mlxdyn.memory.examine import Readings
from mlxdyn.memory.privacy import Masked, Masks, masked
from mlxdyn.memory.store.chats import extend
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.load import Model

PARTS = (
    "The alarm code is 5519.", "Is 55 19 good?", "5519 otterpond 42", "my password is", "otterpond",
    "So otterpond it is.", "I like otters.", "My phone is +44 20 7946 0958.", "My PIN is 4821.",
    "Call +442079460958 or 5519-0.", "4821", "> 4821\nfine", "I live in Oslo.", "7734",
    "The safe is 7734#.",
)  # fmt: skip
DRAW, MASK = replay.draw.__code__, privacy._masked.__code__
STUDIED, EMBEDDED = Masked.studied.fget.__code__, Wording._embedded.__code__


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


@pytest.mark.parametrize("code", [MASK, STUDIED])
def test_of_a_message_more_none_before_it_is_read_again_and_the_first_time_in_small_steps(
    credulous: Model, code: CodeType
):
    with opened("m", credulous) as memory:
        for number in range(8):
            teach(memory, f"It is number {number}, as I say.")
        first, second = (say(memory, text) for text in ("My dog is Rex.", "My cat is Tinta."))
        read = calls(code, memory.examine(first))
        assert sum(read) == 8 + 2 and max(read) <= 2, "itself, alone and among the others"
        memory.learn(Lesson("message", first, (), 1))
        assert sum(calls(code, memory.examine(second))) == 2


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


@pytest.mark.parametrize("seed", range(25))
def test_masks_that_are_kept_are_those_made_anew_whatever_is_told_extended_and_forgotten(seed: int):
    chance, (ledger, memory) = random.Random(seed), founded()
    masks, ids = Masks(), list[int]()
    for _ in range(14):
        turn = chance.random()
        if turn < 0.5 or not ids:
            ids += told(ledger, memory, *chance.choices(PARTS, k=chance.randint(1, 4)))
        elif turn < 0.65:
            ledger.past.forget(memory, [ids.pop(chance.randrange(len(ids)))])
        elif turn < 0.8:
            extend(ledger, chance.choice(ids), chance.choice(PARTS))
        wanted = [id for id in ids if chance.random() < 0.8]
        personal = chance.random() < 0.2
        kept = run(masks.read(ledger, memory, wanted, personal=personal))
        assert kept == masked(ledger, memory, wanted, personal=personal)


def test_what_is_read_of_a_message_is_likened_as_if_nothing_were_kept(mite: Model):
    with opened("m", mite) as memory:
        base, ledger, row = memory.base, memory.ledger, memory.row.id
        ids = [say(memory, text) for text in PARTS]
        how = {"personal": False}
        run(memory.readings.read(ledger, row, base, ids[:5], **how))
        kept = run(memory.readings.read(ledger, row, base, ids, **how))
        new = run(Readings().read(ledger, row, base, ids, **how))
        assert all(kept[id].text == new[id].text for id in ids)
        assert all((kept[id].vector == new[id].vector).all() for id in ids)


def test_nothing_is_kept_of_what_was_forgotten(mite: Model):
    with opened("m", mite) as memory:
        first, second = say(memory, "My dog is called Rex."), say(memory, "I live in Oslo.")
        run(memory.readings.read(
            memory.ledger, memory.row.id, memory.base, [first, second], personal=False
        ))  # fmt: skip
        history.forget(memory, [first])
        assert "Rex" not in repr((memory.readings._kept, memory.readings._masks._kept))
