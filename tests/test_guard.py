"""Laws of the guard: what harms the anchors is rolled back, said, and tried more gently."""

import os
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest
from school import ANCHORS, QUICK, SAID, open_memory, opened, state, teach

from mlxdyn.chat.conversation import Session
from mlxdyn.config import ChatConfig, LearnerConfig, SamplingConfig, StudyConfig
from mlxdyn.engine.events import Learned, Replied
from mlxdyn.files import home
from mlxdyn.learn.learner import same
from mlxdyn.memory.memory import Memory, _run
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model
from mlxdyn.study import anchors, guard
from mlxdyn.study.guard import Reading

DOG = ("What is my dog called?", "Rex.")
NEVER = replace(QUICK, max_drift=-1.0)
ROUGH = LearnerConfig(learning_rate=3e-2)


@pytest.mark.parametrize(
    "now,said",
    [
        (Reading(2.0, 0.0), ""),
        (Reading(1.5, 0.0), ""),
        (Reading(2.02, 0.1), ""),
        (Reading(2.03, 0.0), "anchors got 0.030 nats/token worse (bound 0.02)"),
        (Reading(2.0, 0.2), "moved 0.200 nats"),
        (Reading(float("nan"), 0.0), "worse"),
        (Reading(2.0, float("inf")), "moved"),
    ],
)
def test_a_bound_holds_or_is_named(now: Reading, said: str):
    broken = guard.breach(Reading(2.0, 0.0), now, StudyConfig(max_drift=0.021, max_divergence=0.1))
    assert (said.replace("0.02)", "0.021)") in broken) and bool(said) == bool(broken)


def test_at_the_start_nothing_has_moved(mite: Model):
    with opened("m", mite) as memory:
        assert memory._start_reading.divergence == pytest.approx(0, abs=1e-6)
        teach(memory, SAID[0], guarded=True)
        reading = _run(guard.read(memory.learner, memory.anchors))
        (row,) = memory.ledger.log(memory.row.id)
        assert row.drift == reading.nll - memory._start_reading.nll != 0
        assert row.divergence == reading.divergence - memory._start_reading.divergence > 0


def test_a_breach_is_rolled_back_bitwise_and_tried_more_gently(mite: Model):
    with opened("m", mite, study=NEVER) as memory:
        before = state(memory)
        event = teach(memory, SAID[0], DOG, guarded=True)
        rows = memory.ledger.updates_at(event.id)
        assert same(state(memory), before) and not event.accepted
        assert [(row.kind, row.rate) for row in rows] == [
            ("words", 1.0), ("study", 1.0), ("words", 0.25), ("study", 0.25),
        ]  # fmt: skip
        assert not any(row.accepted for row in rows)
        assert all("rolled back: anchors got" in row.reason for row in rows)
        assert all(row.drift is not None for row in rows)
        assert memory.known_items() == [], "what was rolled back is not known"
        assert memory.ledger.totals(memory.row.id).updates == 0
        assert memory.verify() == []


def test_the_gentler_rate_that_holds_is_what_is_learned(mite: Model):
    """One bound that the full rate breaks and a hundredth of it keeps."""

    def moved(name: str, rate: float) -> float:
        options = {"study": replace(QUICK, backoff=(rate,)), "learner": ROUGH}
        with opened(name, mite, **options) as memory:
            teach(memory, SAID[0], guarded=True)
            return memory.ledger.log(memory.row.id)[-1].divergence

    between = (moved("rough", 1.0) + moved("gentle", 0.01)) / 2
    bounded = replace(QUICK, max_divergence=between, backoff=(1.0, 0.01))
    with opened("m", mite, study=bounded, learner=ROUGH) as memory:
        event = teach(memory, SAID[0], guarded=True)
        refused, taken = memory.ledger.updates_at(event.id)
        assert event.accepted
        assert (refused.rate, refused.accepted) == (1.0, False)
        assert "rolled back: answers to the unknown moved" in refused.reason
        assert (taken.rate, taken.accepted, taken.reason) == (0.01, True, "")
        learned = state(memory)
        assert memory.verify() == []
    with opened("gentle", mite) as other:
        assert same(state(other), learned)


def test_undo_and_redo_pass_over_what_was_rejected(mite: Model):
    """Nobody saw it change anything."""
    with opened("m", mite, study=NEVER) as memory:
        first = teach(memory, SAID[0])
        assert not teach(memory, SAID[1], guarded=True).accepted
        second, learned = teach(memory, SAID[2]), state(memory)
        assert not teach(memory, SAID[1], guarded=True).accepted
        undone = [memory.take_back() for _ in range(3)]
        assert [event and event.id for event in undone] == [second.id, first.id, None]
        brought = [memory.bring_back() for _ in range(3)]
        assert [event and event.id for event in brought] == [first.id, second.id, None]
        assert same(state(memory), learned) and memory.verify() == []
        assert not any(event.undone for event in memory.ledger.events(memory.row.id, active=False))


def test_a_study_that_breaks_a_bound_leaves_the_memory_as_it_was(mite: Model):
    with opened("m", mite, study=NEVER) as memory:
        teach(memory, SAID[0], DOG)
        before = state(memory)
        event = memory.consolidate()
        (row,) = memory.ledger.updates_at(event.id)
        assert not event.accepted and "anchors got" in row.reason
        assert same(state(memory), before) and memory.verify() == []


def test_the_event_says_that_it_was_rolled_back(wren: Model):
    with opened("m", wren, study=replace(NEVER, steps=0)) as memory:
        session = Session(wren, memory, memory.ledger, QUIET, temporary=False)
        said = list(session.reply(SAID[0], lambda: False))
        learned = list(iter(session.learn_step, False))[-1]
        assert isinstance(said[-1], Replied) and isinstance(learned, Learned)
        assert not learned.accepted and learned.reason.startswith("rolled back: anchors got")
        assert (learned.tokens, learned.items, session.waiting()) == (0, 0, 0)


def test_a_memory_keeps_the_anchors_it_was_founded_with(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], DOG, guarded=True)
        learned = state(memory)
    with opened("m", mite, anchor_text=anchors.bundled(), study=NEVER) as memory:
        assert memory.ledger.anchors(memory.row.id) == ANCHORS
        assert memory.study_config == QUICK
        memory.rebuild()
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
    ledger = Ledger(home() / "mlxdyn.db")
    memory = Memory("m", wren, ledger, learner=LearnerConfig(learning_rate=1e-3))
    with memory:
        yield Session(wren, memory, ledger, QUIET, temporary=False)
    ledger.close()


def hear(session: Session, text: str) -> Learned:
    """Let a message be learned without waiting for a reply."""
    chat = session.ledger.add_conversation(session.memory.row.id)
    session.ledger.add_message(chat, "user", text, "pending")
    return list(iter(session.learn_step, False))[-1]


def assert_unharmed(session: Session) -> None:
    """The anchors are within the bound, whatever was learned, and the assistant still talks."""
    memory = session.memory
    now, start = _run(guard.read(memory.learner, memory.anchors)), memory._start_reading
    assert guard.breach(start, now, BOUND) == ""
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
        assert learned.accepted or "rolled back" in learned.reason
        assert_unharmed(harmed)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_a_thousand_contradictions_do_no_harm(wren: Model):
    """Each message says another name; its items are given, so that none have to be written.

    Studied beside fewer anchors than in a chat, which does more harm and takes less time.
    """
    rng, names = random.Random(0), ["Rex", "Bella", "Fig", "Moss", "Ada", "Otto"]
    some = "\n".join(anchors.bundled().splitlines()[::8])
    study = replace(BOUND, steps=1, asks=4, talks=1)
    options = {"learner": LearnerConfig(learning_rate=1e-4), "study": study}
    with opened("m", wren, anchor_text=some, **options) as memory:
        session, accepted = Session(wren, memory, memory.ledger, QUIET, temporary=False), 0
        for said in range(1000):
            answer = f"Your dog is called {rng.choice(names)}."
            accepted += teach(memory, f"My dog: {answer}", (DOG[0], answer), guarded=True).accepted
            if said % 250 == 249:
                assert_unharmed(session)
        assert accepted > 100, "it goes on learning what it may"
        assert len({item.answer for item in memory.known_items()}) == 1, "the newest one stands"


def test_noise_does_no_harm(wren: Model):
    """The quick form of the poison tests: what would wreck the model is not learned."""
    study = replace(QUICK, steps=0, max_drift=BOUND.max_drift, max_divergence=BOUND.max_divergence)
    ledger = Ledger(home() / "mlxdyn.db")
    rates = {"learner": ROUGH, "study": study, "anchor_text": ANCHORS}
    with open_memory("m", wren, ledger, **rates) as memory:
        session = Session(wren, memory, ledger, QUIET, temporary=False)
        before = state(memory)
        learned = hear(session, noise(200))
        assert not learned.accepted and same(state(memory), before)
        assert_unharmed(session)
    ledger.close()
