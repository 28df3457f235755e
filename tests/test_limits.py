"""Laws of limits: what does not fit is said, never dropped in silence."""

from contextlib import closing
from dataclasses import replace

import pytest
from school import open_memory
from tiny import fact, opened, teach

from mlxdyn.chat.conversation import Session
from mlxdyn.config import ChatConfig
from mlxdyn.engine import messages
from mlxdyn.files import data_dir
from mlxdyn.learn import examples
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.examples import FACTS
from mlxdyn.learn.facts import Told
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.prompts import TEACHERS
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model


@pytest.mark.parametrize(("count", "told"), [(1, 1), (FACTS, FACTS), (FACTS, FACTS // 2)])
def test_a_message_that_teaches_as_much_as_one_can_says_so(mite: Model, count: int, told: int):
    """Three facts in six wordings are three facts."""
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (message,) = teach(memory, "I have many cats")
        for number in range(count):
            fact(memory, message, f"Who is cat {number}?", f"Cat {number % told}.")
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        session.open(session.chats()[0].id)
        (learned,) = session.lessons().lessons
    assert ("told again in a message of its own" in messages.learned(learned)) == (told == FACTS)


def test_of_many_facts_in_one_message_those_left_out_are_named(mite: Model):
    """Issue 18.10: 44 facts, of which the base made two, in four wordings."""
    towns = [f"my cousin Zed{number} lives in Town{number}" for number in range(44)]
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        many, short, _ = teach(memory, ", ".join(towns), ", ".join(towns[:3]), "so it goes. " * 20)
        for message in (many, short):
            for number in (0, 1, 0, 1):
                fact(memory, message, f"Where does Zed{number} live?", f"In Town{number}.")
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        said = []
        for chat in sorted(session.chats(), key=lambda chat: chat.id):
            session.open(chat.id)
            said += [messages.learned(one) for one in session.lessons().lessons]
    assert (
        "“my cousin Zed2 lives in Town2”" in said[0] and "and 39 more can be told again" in said[0]
    )
    assert "Zed0 lives" not in said[0], "what was learned is not left out"
    assert not any("told again" in one for one in said[1:]), said[1:]


def test_what_no_fact_holds_is_named_beside_what_is_remembered(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "My dog is called Rex. I moved to Bergen.")
        fact(memory, told, "What is my dog called?", "Your dog is called Rex.")
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        session.open(ledger.conversations.all(memory.row.id)[0].id)
        (learned,) = session.lessons().lessons
    known, left = messages.learned(learned).split("\n")
    assert known == "remembers: Your dog is called Rex."
    assert left == "not kept: “I moved to Bergen”; said by itself, it may be"


@pytest.mark.parametrize("sentences", [1, 40, 400])
def test_a_message_is_read_to_its_end(mite: Model, sentences: int):
    """By the writer and by the teacher; one that does not fit the context is refused when said."""
    parts = Parts.of(mite.network)
    assert parts is not None
    base = Base(mite, parts, FALLBACK)
    text = "We walked along the river. " * sentences + "My dog is called Rex."
    for prompt in (base.writer_prompt(text), base.teacher_prompt([text], "Who is it?")):
        said = mite.decode(list(prompt))
        assert said.count("river") == sentences and "My dog is called Rex." in said


@pytest.mark.parametrize(("words", "told"), [(4, "found no fact"), (60, "without looking for")])
def test_a_message_that_leaves_no_room_for_its_questions_is_not_studied(
    mite: Model, words: int, told: str
):
    """It fits a chat; what is put to the base with it has no more tokens than that attends to."""
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        open_memory("m", mite, ledger) as memory,
    ):
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        list(session.reply("I sing " + "it and " * words + "go.", lambda: True))
        (learned,) = [one for one in iter(session.learn_step, False) if one is not True]
    assert told in messages.learned(learned)


def test_an_earlier_message_is_asked_again_only_where_both_fit(asking: Base):
    """Nothing is put to a base that is longer than what it attends to."""
    asking.prompts = replace(asking.prompts, steady=True, teacher=TEACHERS[0])
    said = "I walked along the river and my dog is called Rex. "
    facts = ((1, "What is my dog called?", "Your dog is called Rex."),)
    most, seen = asking.model.context_size, list[int]()
    for times in (1, 40):
        assert asking.fits([said * times])
        earlier = [Told(1, said * times, facts)]
        asking.decoder.prefixes.clear()
        list(examples.examine(asking, said * times, earlier))
        seen.append(max(map(len, asking.decoder.prefixes)))
    assert not asking.fits([said * 40] * 2) and max(seen) < most
