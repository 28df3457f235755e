"""Laws of the guard: what moves other answers is rolled back, said, and tried more gently."""

import math
import os
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from school import QUICK, SAID, TALKS, held, open_memory, opened, state, teach

from mlxdyn.chat.conversation import Session
from mlxdyn.config import ChatConfig, LearnerConfig, SamplingConfig, StudyConfig
from mlxdyn.engine.events import Learned, Replied
from mlxdyn.files import data_dir
from mlxdyn.learn import guard
from mlxdyn.learn.learner import same
from mlxdyn.learn.steps import run
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, Message, Reason
from mlxdyn.model.load import Model

DOG = ("What is my dog called?", "Rex.")
NEVER = replace(QUICK, max_drift=-1.0)
ROUGH = LearnerConfig(learning_rate=3e-2)


def reading(memory: Memory) -> float:
    """Measure how far the guarding answers have moved."""
    _, guarding = guard.split(memory.ledger.examples.regularization(memory.row.id))
    return run(guard.read(memory.lessons.trainer, [row.example for row in guarding]))


def test_at_the_start_nothing_has_moved(mite: Model):
    with opened("m", mite) as memory:
        assert reading(memory) == pytest.approx(0, abs=1e-5)
        teach(memory, SAID[0], guarded=True)
        (row,) = memory.ledger.events.log(memory.row.id)
        assert row.drift == reading(memory) > 1e-5


def test_what_guards_is_never_trained_on(mite: Model):
    trained, guarding = guard.split(held(mite))
    asked = [[draft.question for draft in part] for part in (trained, guarding)]
    assert len(guarding) >= 2 and not set(asked[0]) & set(asked[1])
    assert sorted(asked[0] + asked[1]) == sorted(question for question, _ in TALKS)


def test_a_breach_is_rolled_back_bitwise_and_tried_more_gently(mite: Model):
    with opened("m", mite, study=NEVER) as memory:
        before = state(memory)
        event = teach(memory, SAID[0], DOG, guarded=True)
        rows = memory.ledger.events.updates_at(event.id)
        assert same(state(memory), before) and not event.accepted
        assert [(row.kind, row.rate) for row in rows] == [
            ("words", 1.0), ("study", 1.0), ("words", 0.25), ("study", 0.25),
        ]  # fmt: skip
        assert not any(row.accepted for row in rows)
        assert all(row.reason.startswith(Reason.ROLLED_BACK) for row in rows)
        assert all(row.drift is not None for row in rows)
        assert memory.known_facts() == [], "what was rolled back is not known"
        assert memory.ledger.events.totals(memory.row.id).updates == 0
        assert history.verify(memory) == []


def test_what_cannot_be_compared_with_the_bound_is_rolled_back(mite: Model):
    with opened("m", mite, study=replace(QUICK, max_drift=math.nan)) as memory:
        assert not teach(memory, SAID[0], DOG, guarded=True).accepted


def test_the_gentler_rate_that_holds_is_what_is_learned(mite: Model):
    """One bound that the full rate breaks and a hundredth of it keeps."""

    def moved(name: str, rate: float) -> float:
        options = {"study": replace(QUICK, backoff=(rate,)), "learner": ROUGH}
        with opened(name, mite, **options) as memory:
            teach(memory, SAID[0], guarded=True)
            return memory.ledger.events.log(memory.row.id)[-1].drift

    between = (moved("rough", 1.0) + moved("gentle", 0.01)) / 2
    bounded = replace(QUICK, max_drift=between, backoff=(1.0, 0.01))
    with opened("m", mite, study=bounded, learner=ROUGH) as memory:
        event = teach(memory, SAID[0], guarded=True)
        refused, taken = memory.ledger.events.updates_at(event.id)
        assert event.accepted
        assert (refused.rate, refused.accepted) == (1.0, False)
        assert refused.reason.startswith(Reason.ROLLED_BACK)
        assert (taken.rate, taken.accepted, taken.reason) == (0.01, True, "")
        learned = state(memory)
        assert history.verify(memory) == []
    with opened("gentle", mite) as other:
        assert same(state(other), learned)


def test_undo_and_redo_pass_over_what_was_rejected(mite: Model):
    """Nobody saw it change anything."""
    with opened("m", mite, study=NEVER) as memory:
        first = teach(memory, SAID[0])
        assert not teach(memory, SAID[1], guarded=True).accepted
        second, learned = teach(memory, SAID[2]), state(memory)
        assert not teach(memory, SAID[1], guarded=True).accepted
        version = memory.version
        undone = [history.take_back(memory) for _ in range(3)]
        assert [event and event.id for event in undone] == [second.id, first.id, None]
        brought = [history.bring_back(memory) for _ in range(3)]
        assert [event and event.id for event in brought] == [first.id, second.id, None]
        assert memory.version == version + 5, "the weights are made once a change"
        assert same(state(memory), learned) and history.verify(memory) == []
        assert not any(
            event.undone for event in memory.ledger.events.all(memory.row.id, active=False)
        )


@pytest.mark.parametrize("order", ["lessons, messages", "message, lesson, message"])
def test_redo_brings_back_what_was_undone_last_and_loses_nothing(mite: Model, order: str):
    """Lessons, and messages that still wait, in whatever order they were undone."""

    def id_of(undone: Message | EventRow | None) -> int | None:
        return undone.lesson.message if isinstance(undone, EventRow) else undone and undone.id

    def waits(text: str) -> int:
        return memory.ledger.messages.add(1, "user", text, "pending").id

    with opened("m", mite) as memory:
        for text in SAID[:2]:
            teach(memory, text)
        undone, learned = list[int | None](), state(memory)
        if order == "message, lesson, message":
            waits("well")
            undone += [id_of(history.take_back(memory)) for _ in range(2)]
        waits("so so")
        waits("no wait")
        while (message := id_of(history.take_back(memory))) is not None:
            undone.append(message)
        brought = [id_of(history.bring_back(memory)) for _ in range(len(undone) + 1)]
        assert brought == [*reversed(undone), None] and len(set(undone)) == len(undone) > 3
        assert same(state(memory), learned) and history.verify(memory) == []
        assert len(memory.ledger.messages.pending(memory.row.id)) == len(undone) - 2


def test_a_study_that_breaks_a_bound_leaves_the_memory_as_it_was(mite: Model):
    with opened("m", mite, study=NEVER) as memory:
        teach(memory, SAID[0], DOG)
        before = state(memory)
        event = memory.consolidate()
        (row,) = memory.ledger.events.updates_at(event.id)
        assert not event.accepted and row.reason.startswith(Reason.MOVED)
        assert same(state(memory), before) and history.verify(memory) == []


@pytest.mark.parametrize(
    ("lighter", "learned", "kept"), [(0.0, 1e9, False), (1e9, 0.0, False), (1e9, 1e9, True)]
)
def test_a_study_that_moves_less_is_kept_where_the_facts_are_still_known(
    mite: Model, lighter: float, learned: float, kept: bool
):
    study = replace(QUICK, steps=8, rounds=1, most_steps=1, lighter=lighter, learned=learned)
    with opened("m", mite, study=study) as memory:
        teach(memory, SAID[0], DOG, guarded=True)
        event = memory.consolidate()
        (row,) = memory.ledger.events.updates_at(event.id)
        assert event.accepted == kept
        assert kept or row.reason.startswith(Reason.RECALL), "one step gives back less than eight"
        assert history.verify(memory) == []


def test_the_event_says_that_it_was_rolled_back(wren: Model):
    with opened("m", wren, study=replace(NEVER, steps=0)) as memory:
        session = Session(wren, memory, memory.ledger, QUIET, temporary=False)
        said = list(session.reply(SAID[0], lambda: False))
        learned = list(iter(session.learn_step, False))[-1]
        assert isinstance(said[-1], Replied) and isinstance(learned, Learned)
        assert not learned.accepted and learned.reason.startswith(Reason.ROLLED_BACK)
        assert (learned.tokens, learned.facts, session.waiting()) == (0, (), 0)


def test_a_memory_keeps_the_guard_it_was_founded_with(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], DOG, guarded=True)
        learned = state(memory)
        guarding = [row.question for row in memory.ledger.examples.regularization(memory.row.id)]
    with opened("m", mite, study=NEVER) as memory:
        assert [
            r.question for r in memory.ledger.examples.regularization(memory.row.id)
        ] == guarding
        assert memory.study_config == QUICK
        history.rebuild(memory)
        assert same(state(memory), learned)


# poison: with the defaults of a chat, on the bundled model

QUIET = ChatConfig(window=128, sampling=SamplingConfig(temperature=0.0, max_tokens=16))
"""A step sees less before its chunk than a chat's does, which only makes the tests shorter."""
BOUND = StudyConfig()


def noise(length: int, seed: int = 0) -> str:
    rng = random.Random(seed)
    return "".join(
        chr(rng.choice([rng.randrange(33, 127), rng.randrange(0xA1, 0x2FFF)]))
        for _ in range(length)
    )


POISON = {
    "noise": noise(900),
    "one token for ever": "the " * 10_000,
    "a pasted binary": os.urandom(600).decode("latin-1"),
    "an adversarial loop": "I don't know. You are wrong. I hate you. " * 40,
    "an answer to everything": "My name is No. " * 60,
}


@pytest.fixture
def harmed(wren: Model) -> Iterator[Session]:
    """A chat as anyone has it, but that it learns at a rate that does harm."""
    ledger = Ledger(data_dir() / "mlxdyn.db")
    options = {"learner": LearnerConfig(learning_rate=1e-3), "study": BOUND}
    with open_memory("m", wren, ledger, **options) as memory:
        yield Session(wren, memory, ledger, QUIET, temporary=False)
    ledger.close()


def hear(session: Session, text: str) -> Learned:
    """Let a message be learned without waiting for a reply."""
    chat = session.ledger.conversations.add(session.memory.row.id)
    session.ledger.messages.add(chat, "user", text, "pending")
    return list(iter(session.learn_step, False))[-1]


def assert_unharmed(session: Session) -> None:
    """Other answers are within the bound, whatever was learned, and the assistant still talks."""
    assert reading(session.memory) <= BOUND.max_drift
    session.new()
    *_, replied = session.reply("Hello! How are you?", lambda: False)
    words = replied.message.text.split()
    assert len(words) > 2 and len(set(words)) > len(words) / 2, replied.message.text
    assert replied.message.text.isascii()


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("poison", POISON)
def test_poison_does_no_harm(harmed: Session, poison: str):
    for _ in range(1 if len(POISON[poison]) > 5_000 else 3):
        learned = hear(harmed, POISON[poison])
        assert learned.accepted or learned.reason.startswith(Reason.ROLLED_BACK)
        assert_unharmed(harmed)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_a_thousand_contradictions_do_no_harm(wren: Model):
    """Each message says another name; its facts are given, so that none have to be written."""
    rng, names = random.Random(0), ["Rex", "Bella", "Fig", "Moss", "Ada", "Otto"]
    study = replace(BOUND, steps=1)
    options = {"learner": LearnerConfig(learning_rate=1e-4), "study": study}
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        Memory("m", wren, ledger, **options) as memory,
    ):
        run(memory.prepare())  # its own answers to many things, as in any chat
        session, accepted = Session(wren, memory, memory.ledger, QUIET, temporary=False), 0
        for said in range(1000):
            answer = f"Your dog is called {rng.choice(names)}."
            known = [fact.id for fact in memory.known_facts()]
            told = f"My dog: {answer}"
            event = teach(memory, told, (DOG[0], answer), guarded=True, superseded=known)
            accepted += event.accepted
            if said % 250 == 249:
                assert_unharmed(session)
        assert accepted > 100, "it goes on learning what it may"
        assert len({fact.answer for fact in memory.known_facts()}) == 1, "the newest one stands"


def test_noise_does_no_harm(wren: Model):
    """The quick form of the poison tests: what would wreck the model is not learned."""
    study = replace(QUICK, steps=0, max_drift=BOUND.max_drift)
    ledger = Ledger(data_dir() / "mlxdyn.db")
    rates = {"learner": ROUGH, "study": study}
    with open_memory("m", wren, ledger, **rates) as memory:
        session = Session(wren, memory, ledger, QUIET, temporary=False)
        before = state(memory)
        learned = hear(session, noise(200))
        assert not learned.accepted and same(state(memory), before)
        assert_unharmed(session)
    ledger.close()
