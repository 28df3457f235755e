"""What broke when strangers tried it, with their words, on the bundled model (issue 18)."""

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import numpy as np
import pytest

from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Learned, Piece
from mlxdyn.chat.outcome import going
from mlxdyn.config import ChatConfig, LearnerConfig, SamplingConfig
from mlxdyn.files import data_dir
from mlxdyn.learn.base import Base
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Likely
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
GREEDY = ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=16))


@pytest.fixture
def session(wren: Model) -> Iterator[Session]:
    """A chat as the product opens it: wren's own prompts, the usual lessons."""
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        Memory("m", wren, ledger, learner=LearnerConfig()) as memory,
    ):
        yield Session(wren, memory, ledger, GREEDY, temporary=False)


def say(session: Session, text: str, *, new: bool = True) -> Learned:
    """Say something, in a chat of its own if `new`, and learn it to the end."""
    if new:
        session.new()
    list(session.reply(text, lambda: False))
    while (step := session.learn_step()) is True:
        pass
    assert isinstance(step, Learned)
    return step


def ask(session: Session, question: str) -> str:
    """Ask from weights alone, in an empty chat of which nothing is kept."""
    empty = Session(session.model, session.memory, Ledger(None), GREEDY, temporary=True)
    return "".join(p.text for p in empty.reply(question, lambda: False) if isinstance(p, Piece))


@pytest.mark.parametrize(
    ("told", "back", "question", "gone"),
    [
        ("I'm allergic to nuts.", "I'm not allergic to nuts after all.",
         "What am I allergic to?", "nuts"),
        ("I live in Rome.", "I don't live in Rome.", "Where do I live?", "Rome"),
        ("My dog is called Rex.", "Not Rex, Max.", "What is my dog called?", "Rex"),
        ("My dog is called Rex.", "Forget that my dog is called Rex.",
         "What is my dog called?", "Rex"),
        ("I live in Leeds.", "I no longer live in Leeds.", "Where do I live?", "Leeds"),
    ],
)  # fmt: skip
def test_what_is_taken_back_in_plain_words_is_gone_when_the_user_agrees(
    session: Session, told: str, back: str, question: str, gone: str
):
    first = say(session, told)
    assert gone in ask(session, question)
    again = say(session, back)
    assert again.repeats == (first.message,), again
    assert gone not in " ".join(again.facts), "what is taken back is not taught again"
    offered = going(session.memory, [again.message])
    assert offered.messages == (first.message, again.message)
    history.forget(session.memory, offered.messages)
    assert gone not in ask(session, question)
    assert history.verify(session.memory) == []


@pytest.mark.parametrize(
    ("told", "question", "gone", "back", "now"),
    [
        ("My wife is called Anna.", "What is my wife's name?", "Anna", "I got divorced.",
         "You got divorced."),
        ("My diet is vegetarian.", "What is my diet?", "vegetarian", "I started eating meat again.",
         "You started eating meat again."),
    ],
)  # fmt: skip
def test_a_withdrawal_in_other_words_holds_where_the_teacher_understands_it(
    session: Session, monkeypatch: pytest.MonkeyPatch,
    told: str, question: str, gone: str, back: str, now: str,
):  # fmt: skip
    """The bundled base and SmolLM2 do not: with both in context they still say "Anna".

    The message itself is found, as the one before it; so here the teacher is one that understands.
    """
    assert any(gone in fact for fact in say(session, told).facts)
    asked = {fact.question for fact in session.memory.known_facts()}
    teach = Base.teach

    def understands(base: Base, messages: Sequence[str], questions: Sequence[str], *rest: Any):
        found = yield from teach(base, messages, questions, *rest)
        tokens = (*base.words(now), min(base.decoder.ends))
        size = (len(tokens), 1)
        likely = Likely(np.array(tokens, np.int32).reshape(size), np.zeros(size, np.float32))
        own = Decoded(tokens, likely, True, (0.0,) * len(tokens))
        both = list(messages) == [told, back]
        return [own if both and q in asked else f for q, f in zip(questions, found, strict=True)]

    monkeypatch.setattr(Base, "teach", understands)
    assert now in say(session, back, new=False).corrections
    standing = [fact.answer for fact in session.memory.known_facts()]
    assert now in standing and not any(gone in answer for answer in standing)
    assert gone not in ask(session, question)
    assert history.verify(session.memory) == []


def test_of_two_of_one_kind_both_are_known(session: Session):
    """Told in two chats. Side by side, the bundled base believes that the dog has another name now,
    as SmolLM2 does; it is shown as a correction.
    """
    say(session, "I have a dog called Rex.")
    say(session, "My other dog is called Max.")
    standing = " ".join(fact.answer for fact in session.memory.known_facts())
    assert "Rex" in standing and "Max" in standing
