"""Laws of what people take back: forgotten, said otherwise, gone back to."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from school import EAGER, QUICK, as_said, know, state, teach
from school import opened as school
from test_engine import GREEDY, Front

from mlxdyn import settings
from mlxdyn.chat import outcome
from mlxdyn.chat.conversation import Session
from mlxdyn.config import ChatConfig
from mlxdyn.engine import memories, messages, models, talks
from mlxdyn.engine.events import (
    Failed,
    Going,
    Knew,
    Learned,
    Lessons,
    Moment,
    Notice,
    Opened,
    Replied,
    SettingsList,
    Status,
    Timeline,
)
from mlxdyn.files import data_dir
from mlxdyn.learn.learner import same
from mlxdyn.memory import history
from mlxdyn.memory.echoes import wants_all
from mlxdyn.memory.store import database
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

STUDIED = replace(GREEDY, study=QUICK)
DOG = ("What is my dog called?", "Your dog is called Rex.")
HOME = ("Where do I live?", "You live in Oslo.")


@pytest.fixture
def front() -> Iterator[Callable[..., Front]]:
    started: list[Front] = []

    def start(options=GREEDY) -> Front:
        started.append(Front(options))
        started[-1].until(Status)
        return started[-1]

    yield start
    for each in started:
        each.engine.close()


def said(one: Front, text: str) -> Learned:
    one.engine.send(text)
    return one.until(Learned)


def learned(message: int, **how) -> Learned:
    return Learned(message, 9, 2.0, 1.0, True, "", 1, **how)


# forgetting that is asked for


def test_what_forgetting_takes_out_is_told_before(mite: Model):
    with school("m", mite) as memory:
        event = teach(memory, "my dog is called Rex", DOG)
        teach(memory, "I live in Oslo", HOME)
        message = event.lesson.message or 0
        again = memory.ledger.messages.add(1, "user", "Rex is asleep", "none").id
        going = outcome.going(memory, [message])
        assert going == Going((message,), ("my dog is called Rex",), (DOG[1],), (again,))
        question = messages.going(going)
        assert "Forget this for good" in question and DOG[1] in question
        assert f"message {again}" in question and HOME[1] not in question
        assert outcome.going(memory, [999, 10**30]).messages == ()


def test_to_forget_a_message_that_only_repeats_is_to_forget_what_it_repeats(front, wren: Model):
    one = front()
    said(one, "My dog is called Rex.")
    said(one, "Forget that my dog is called Rex.")
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:  # as the base would have read them
        memory = ledger.memories.find("default").id
        ledger.examples.add(memory, 1, [as_said(wren, *DOG)])
        ledger.examples.add(memory, 3, [], depends_on=[1])
    one.engine.ask(memories.going, 3)
    going = one.until(Going)
    assert going.messages == (1, 3) and going.facts == (DOG[1],)
    one.engine.open(memories.forget, *going.messages)
    assert one.until(Opened).messages == ()
    one.engine.ask(memories.going, 3)
    assert "no message 3" in one.until(Failed).text


def test_a_reply_is_forgotten_without_what_was_said(mite: Model):
    with school("m", mite) as memory:
        event = teach(memory, "my dog is called Rex", DOG)
        add = memory.ledger.messages.add
        add(1, "user", "what is my dog called?", "none")
        reply = add(1, "assistant", "Your dog is called Rex.", "none").id
        asked = outcome.going(memory, [reply])
        assert asked.messages == (reply,) and event.lesson.message not in asked.messages


def test_forgetting_names_the_copies_and_the_settings_that_hold_it(front):
    one = front()
    said(one, "The locker code name is Zebraword.")
    one.engine.ask(memories.branch, "work")
    one.until(Notice)
    settings.path().write_text('system = "The locker code name is Zebraword."\n')
    one.engine.ask(memories.going, 1)
    going = one.until(Going)
    held = ["Memory 'work' holds a copy: /memory work, then /forget 3.", str(settings.path())]
    assert all(where in messages.going(going) for where in held)
    one.engine.open(memories.forget, *going.messages)
    told = one.until(Notice).text
    assert all(where in told for where in held)
    one.engine.open(memories.switch, "work")
    one.until(Notice)
    settings.path().unlink()
    one.engine.open(memories.forget, 3)
    assert one.until(Notice).text == "Forgotten for good, with any reply to it."


def test_to_erase_a_chat_names_what_still_holds_it(front, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.1)
    one = front()
    said(one, "The locker code name is Zebraword.")
    one.engine.ask(memories.branch, "work")
    one.engine.ask(talks.rename, 1, "The locker code name Zebraword")
    one.until(Notice)
    one.engine.open(talks.new)
    said(one, "Zebraword is still my locker code name.")
    with closing(sqlite3.connect(data_dir() / "mlxdyn.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM messages").fetchall()
        one.engine.open(talks.erase, 1)
        told = one.until(Notice).text
    assert "Another program reads the ledger" in told and "title" not in told
    assert "is told again, and stays known, in message 5" in told
    assert "Memory 'work' holds a copy: /memory work, then /forget one by one: 3, 4." in told


@pytest.mark.parametrize(
    ("event", "line"),
    [
        (learned(1, repeats=(7,)), "still knows what this says again or takes back; /forget asks"),
        (learned(1, everything=True), "is all of it to be forgotten? /reset asks"),
        (learned(1, quoted=True), "what you quoted was not learned"),
        (learned(1, facts=("You live in Oslo.",), quoted=True), "what you quoted was not learned"),
    ],
)
def test_what_is_repeated_quoted_or_unwanted_is_said_so(event, line):
    assert line in messages.learned(event)


def test_a_wish_that_all_be_forgotten_is_seen_and_ordinary_talk_is_none(wren: Model):
    with school("m", wren) as memory:
        assert memory.base is not None
        for text in ("Forget everything about me", "Vergiss alles über mich!", "Wipe your memory!",
                     "Delete all my data"):  # fmt: skip
            assert wants_all(memory.base.wording.likeness, text), text
        for text in ("I love everything about me.", "Tell me everything about the sea.",
                     "I live in Oslo.", "What do you know about me?", " "):  # fmt: skip
            assert not wants_all(memory.base.wording.likeness, text), text


def test_quoted_text_is_said_to_be_left_out(front):
    assert said(front(), "> I live in Rome.\n\nWhat do you make of it?").quoted


# said otherwise


def test_the_version_before_an_edit_is_not_learned_any_more(front):
    one = front()
    one.engine.ask(memories.learn, "off")
    one.until(Notice)
    one.engine.ask(memories.learn, "user")
    one.engine.send("My dog is called Rex.")
    one.engine.say(talks.edit, 1, "My dog is called Max.")
    one.until(Notice, 2)
    assert "will not be" in one.events[-1].text
    one.until(Learned)
    one.until(Status)
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        row = ledger.memories.find("default")
        lessons = [event.lesson.message for event in ledger.events.all(row.id)]
    assert lessons == [3]


def test_what_the_version_before_taught_is_said_with_how_to_forget_it(mite: Model):
    with school("m", mite) as memory:
        ledger = memory.ledger
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        teach(memory, "my dog is called Rex", DOG)
        assert session.abandon(1) == [DOG[1]]
        assert messages.abandoned(1, [DOG[1]]).endswith("/forget 1")
        waits = ledger.messages.add(1, "user", "I live in Oslo", "pending").id
        assert session.abandon(waits) is None and session.waiting() == 0
        assert messages.abandoned(waits, []) == ""


# gone back to


def test_a_memory_goes_back_to_a_moment_and_forward_again_bitwise(mite: Model):
    with school("m", mite) as memory:
        states = [state(memory)]
        for text, *facts in (("my dog is called Rex", DOG), ("I live in Oslo", HOME), ("so so",)):
            teach(memory, text, *facts)
            states.append(state(memory))
        for position in (1, 3, 0, 2, 3):
            history.go_to(memory, position)
            assert same(state(memory), states[position]), position
            now = [one.position for one in outcome.timeline(memory) if one.now]
            assert now == [position]
        history.go_to(memory, 1)
        assert history.verify(memory) == []
        moments = outcome.timeline(memory)
        assert [one.standing for one in moments] == [False, False, True, True]
        teach(memory, "it rains")
        assert [one.position for one in outcome.timeline(memory)] == [4, 1, 0], "none comes back"


def test_a_moment_says_what_was_known_then(front, wren: Model):
    know(wren, EAGER)
    one = front(STUDIED)
    assert said(one, "My cat is called Tinta.").facts
    one.engine.ask(memories.look, 1)
    knew = one.until(Knew)
    assert any("Tinta" in fact for fact in knew.facts)
    one.engine.ask(memories.look, 0)
    before = one.until(Knew)
    assert before.facts == () and "knew nothing" in messages.knew(before)
    one.engine.ask(memories.go_to, 0)
    assert not any(one.now for one in one.until(Timeline).moments[:-1])
    one.engine.ask(memories.look, 1)
    assert "Learn again" in messages.knew(one.until(Knew))
    one.engine.ask(memories.look, 9)
    assert "no moment 9" in one.until(Failed).text


def test_messages_that_wait_are_let_be_by_going_back_and_wait_again_by_redo(mite: Model):
    with school("m", mite) as memory:
        teach(memory, "I live in Oslo", HOME)
        waits = memory.ledger.messages.add(1, "user", "so so", "pending").id
        history.go_to(memory, 0)
        assert memory.ledger.messages.pending(memory.row.id) == []
        history.go_to(memory, 1)
        assert history.bring_back(memory) is not None
        assert memory.ledger.messages.pending(memory.row.id) == [waits]


def test_a_moment_has_a_name():
    one = Moment(3, "2026-05-01T12:00:00.000+00:00", "I live in Oslo.", True)
    assert messages.moment(one) == "“I live in Oslo.”"
    assert messages.moment(replace(one, said="")) == "a study of everything"
    assert messages.moment(replace(one, position=0)) == "the beginning"


# what is read of it


def test_a_secret_is_masked_in_what_undo_and_the_timeline_say(front):
    one = front()
    said(one, "My cat is called Tinta and my password is hunter2secretQ9.")
    one.engine.ask(memories.timeline)
    assert "hunter2" not in str(one.until(Timeline))
    one.engine.ask(memories.undo)
    undone = one.until(Notice).text
    assert undone.startswith("Undone: My cat is called Tinta") and "hunter2" not in undone
    one.engine.ask(memories.redo)
    assert "hunter2" not in one.until(Notice).text


def test_personal_numbers_are_learned_and_shown_from_the_moment_that_is_set(front):
    one = front()
    said(one, "My phone number is +44 20 7946 0958.")
    one.engine.ask(memories.timeline)
    assert "7946" not in str(one.until(Timeline))
    one.engine.ask(models.put, "personal", "on")
    assert one.until(SettingsList).values["personal"] is True
    one.until(Lessons)
    one.engine.ask(memories.timeline)
    assert "7946" in str(one.until(Timeline))
    assert said(one, "My phone number is +44 20 7946 0958.").secrets == 0


def test_a_setting_leaves_what_was_said_when_it_started_as_it_is(front, tmp_path: Path):
    sampling = replace(GREEDY.chat.sampling, max_tokens=3)
    values = settings.values() | {"max_tokens": 3, "temperature": 0.0}
    one = front(replace(GREEDY, chat=replace(GREEDY.chat, sampling=sampling), values=values))
    one.engine.ask(models.put, "top_k", "5")
    assert one.until(SettingsList).values["max_tokens"] == 3
    one.engine.send("Hello!")
    assert one.until(Replied).tokens == 3
    assert settings.read() == {"top_k": 5}
