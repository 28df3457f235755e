"""What broke when strangers tried it, with their words, on the bundled model (issue 18)."""

import pytest
from school import EAGER, know, open_memory

from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Learned, Piece
from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.echoes import known_from
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
GREEDY = ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=16))


def say(session: Session, text: str) -> int:
    """Say something in a chat of its own and learn it to the end; give the message."""
    session.new()
    list(session.reply(text, lambda: False))
    message = session.messages()[0].id
    while (step := session.learn_step()) is True:
        pass
    assert isinstance(step, Learned)
    return message


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
    ],
)  # fmt: skip
def test_what_is_taken_back_in_plain_words_is_gone_when_the_user_agrees(
    wren: Model, told: str, back: str, question: str, gone: str
):
    know(wren, EAGER)
    ledger = Ledger(data_dir() / "mlxdyn.db")
    with open_memory("m", wren, ledger) as memory:
        session = Session(wren, memory, ledger, GREEDY, temporary=False)
        first = say(session, told)
        again = say(session, back)
        assert known_from(ledger, again) == [first]
        history.forget(memory, [first, again])
        assert gone not in ask(session, question)
        assert history.verify(memory) == []
        ledger.close()
