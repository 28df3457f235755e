"""What broke when strangers tried it, with their words, on the bundled model (issue 18)."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Learned, Piece
from mlxdyn.chat.outcome import going
from mlxdyn.config import ChatConfig, LearnerConfig, SamplingConfig
from mlxdyn.files import data_dir
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


def say(session: Session, text: str) -> Learned:
    """Say something in a chat of its own and learn it to the end."""
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
