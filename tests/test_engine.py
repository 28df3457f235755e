"""Laws of the engine thread: talking goes first, nothing is lost on closing; with wren."""

import queue
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import pytest
from school import QUICK

from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.engine import memories, talks
from mlxdyn.engine.actor import TYPES, Engine, Options
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Event,
    Failed,
    Heard,
    Learned,
    MemoryNames,
    Notice,
    Opened,
    Piece,
    Replied,
    Status,
    Studied,
)
from mlxdyn.files import data_dir
from mlxdyn.memory.store.ledger import Ledger

GREEDY = Options(
    chat=ChatConfig(sampling=SamplingConfig(temperature=0.0, max_tokens=24)),
    study=replace(QUICK, steps=0),
)
ENDLESS = replace(
    GREEDY,  # every token is as likely as any other: with this seed no weights end a reply early
    chat=ChatConfig(sampling=SamplingConfig(temperature=1e6, top_p=1.0, max_tokens=200, seed=2)),
)
LONG = "I walked along the river and saw " + "a boat and a bird and " * 40 + "a bridge."


class Front:
    """A front end that keeps every event."""

    def __init__(self, options: Options) -> None:
        self.events: list[Event] = []
        self._arriving: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.engine = Engine(options, self._arriving.put)
        self.engine.start()

    def until(self, kind: type, times: int = 1):
        """Take events until one of `kind` came `times` more times; return the last."""
        while times:
            event = self._arriving.get(timeout=60)
            self.events.append(event)
            assert isinstance(event, kind) or not isinstance(event, Failed | Closed), event
            times -= isinstance(event, kind)
        return event

    def arrived(self, kind: type) -> int:
        """Take what has come, and count the events of `kind` so far."""
        while not self._arriving.empty():
            self.events.append(self._arriving.get())
        return len(self.positions(kind))

    def close(self, **how) -> list[Event]:
        """Close the engine and return what it still said."""
        self.engine.close(**how)
        before = len(self.events)
        while not isinstance(self.events[-1] if self.events else None, Closed):
            self.events.append(self._arriving.get(timeout=1))
        return self.events[before:]

    def positions(self, kind: type) -> list[int]:
        return [index for index, event in enumerate(self.events) if isinstance(event, kind)]


@pytest.fixture
def front() -> Iterator[Callable[..., Front]]:
    """Start engines; close those that a test leaves open."""
    started: list[Front] = []

    def start(options: Options = GREEDY) -> Front:
        started.append(Front(options))
        started[-1].until(Status)
        return started[-1]

    yield start
    for each in started:
        if not each.positions(Closed):
            each.close()


def ledger_says() -> tuple[int, int, int]:
    """Active updates, messages waiting and messages in the newest conversation, on disk."""
    ledger = Ledger(data_dir() / "mlxdyn.db")
    row = ledger.memories.find("default")
    chats = ledger.conversations.all(row.id)
    said = (
        ledger.events.totals(row.id)[0],
        len(ledger.messages.pending(row.id)),
        chats[0].messages if chats else 0,
    )
    ledger.close()
    return said


def test_a_message_is_heard_answered_learned_in_this_order(front):
    one = front()
    one.engine.send("Hello!")
    learned = one.until(Learned)
    status = one.until(Status)
    order = [one.positions(kind)[0] for kind in (Opened, Heard, Piece, Replied, Learned)]
    assert order == sorted(order)
    assert learned.accepted and learned.nll_after < learned.nll_before
    assert (status.pending, status.updates, status.tokens_learned) == (0, 1, learned.tokens)


def test_a_new_message_goes_before_learning(front):
    one = front()
    one.engine.send(LONG)
    one.engine.send("Hello!")
    one.until(Replied, 2)
    assert one.positions(Learned) == [], "the second reply did not wait for the first lesson"
    one.until(Learned, 2)
    assert ledger_says()[1] == 0


def test_learning_yields_within_one_step(front):
    one = front()
    one.engine.send(LONG)
    one.until(Status)  # the reply is out, learning begins
    one.engine.send("Hello!")
    one.until(Replied)
    steps = one.until(Status).updates
    one.until(Learned, 2)
    assert steps < one.until(Status).updates - 1


def test_no_step_begins_while_someone_types(front):
    one = front()
    one.engine.send(LONG)
    one.until(Replied)
    began = time.monotonic()
    one.until(Learned)
    took = time.monotonic() - began
    one.engine.send(LONG)
    one.until(Replied)
    began = time.monotonic()
    while time.monotonic() - began < min(2 * took, 5.0):
        one.engine.typing()
        time.sleep(TYPES / 10)
    assert one.arrived(Learned) == 1
    one.until(Learned)


def test_a_restart_brings_back_conversation_and_memory(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.close()
    two = front()
    opened = next(event for event in two.events if isinstance(event, Opened))
    assert opened.messages[0].text == "My dog is called Rex."
    assert two.events[-1].updates == 1
    fresh = replace(GREEDY, fresh=True)
    two.close()
    opened = next(event for event in front(fresh).events if isinstance(event, Opened))
    assert (opened.conversation, opened.messages) == (0, ())


def test_closing_learns_what_waits_where_that_is_wanted(front):
    one = front()
    one.engine.send("Hello!")
    one.until(Replied)
    rest = one.close(learn=True)
    assert isinstance(rest[-1], Closed) and any(isinstance(event, Learned) for event in rest)
    assert ledger_says() == (1, 0, 2)


def test_a_damaged_memory_keeps_no_other_from_opening(front):
    front().close()
    ledger = Ledger(data_dir() / "mlxdyn.db")
    one = ledger.memories.existing("default")
    ledger.memories.add("broken", "wren", "", one.adapter, one.learner, one.study)
    ledger.database.run("UPDATE memories SET learner = '{' WHERE name = 'broken'")
    ledger.close()
    assert any(event == MemoryNames(("broken", "default")) for event in front().events)


@pytest.mark.parametrize("learn", [False, True])
def test_closing_in_a_hurry_leaves_the_learning_to_the_next_start(front, learn):
    one = front()
    if learn:
        one.engine.hurry()
    one.engine.send("Hello!")
    one.close(learn=learn)
    assert ledger_says()[0] == 0
    front().until(Learned)
    assert ledger_says()[0] == 1


def test_closing_stops_a_running_reply_and_keeps_it(front):
    one = front(ENDLESS)
    one.engine.send("Hello!")
    one.until(Piece)
    rest = one.close()
    replied = next(event for event in rest if isinstance(event, Replied))
    assert replied.stopped and replied.tokens < 200
    assert ledger_says()[2] == 2


def test_stop_ends_the_reply_and_the_next_one_is_whole(front):
    one = front(ENDLESS)
    one.engine.send("Hello!")
    one.until(Piece, 2)
    one.engine.stop()
    assert one.until(Replied).stopped
    one.engine.send("Hello again!")
    assert not one.until(Replied).stopped


def test_a_message_that_waits_when_closing_is_not_answered_at_length(front):
    one = front(ENDLESS)
    one.engine.send("Hello!")
    one.until(Piece)
    one.engine.send("And this?")
    replies = [event for event in one.close() if isinstance(event, Replied)]
    assert all(reply.stopped and reply.tokens < 200 for reply in replies)


def test_undo_takes_back_the_last_message(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.engine.ask(memories.undo)
    assert "My dog is called Rex." in one.until(Notice).text
    assert one.until(Status).updates == 0
    one.engine.ask(memories.undo)
    assert "Nothing to undo" in one.until(Notice).text


def test_a_reset_empties_and_keeps_a_backup(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.engine.open(memories.reset)
    backup = one.until(Notice).text.split("'")[1]
    one.engine.send("Hello!")
    one.until(Learned)
    assert one.until(Status).updates == 1
    one.close()
    two = front(replace(GREEDY, memory=backup))
    assert two.events[-1].updates == 1
    opened = next(event for event in two.events if isinstance(event, Opened))
    assert opened.messages[0].text == "My dog is called Rex."


@pytest.mark.parametrize("away", ["temporary", "reset"])
def test_learning_once_switched_off_stays_off(front, away):
    one = front()
    one.engine.ask(memories.learn, "off")
    one.until(Notice)
    if away == "temporary":
        one.engine.open(talks.temporary, True)
        one.until(Notice)
        one.engine.open(talks.temporary, False)
    else:
        one.engine.open(memories.reset)
    one.until(Notice)
    one.engine.send("Do not keep this in the weights.")
    one.until(Replied)
    assert one.until(Status).learn == "off"
    assert not [event for event in one.close() if isinstance(event, Learned)]


def test_a_temporary_chat_is_not_saved_and_ends_with_the_switch(front):
    one = front()
    one.engine.open(talks.temporary, True)
    one.until(Notice)
    one.engine.send("A secret.")
    one.until(Replied)
    one.engine.ask(memories.learn, "user")
    assert "temporary" in one.until(Failed).text
    one.engine.open(talks.temporary, False)
    assert one.until(Opened).messages == ()
    one.engine.ask(talks.listed)
    assert one.until(Chats).chats == ()
    one.close()
    assert b"A secret." not in b"".join(
        p.read_bytes() for p in data_dir().rglob("*") if p.is_file()
    )


def test_starting_temporary_leaves_the_home_as_it_was(front):
    front().close()
    before = {path: path.stat().st_size for path in data_dir().rglob("*")}
    one = front(replace(GREEDY, temporary=True))
    one.engine.send("A secret.")
    one.until(Replied)
    for forbidden in (memories.undo, memories.reset, partial(talks.temporary, on=False)):
        one.engine.ask(forbidden)
        one.until(Failed)
    one.close()
    assert {path: path.stat().st_size for path in data_dir().rglob("*")} == before


@pytest.mark.parametrize("text,said", [(LONG * 9, "smaller parts"), ("Hello!", None)])
def test_an_error_is_a_sentence_and_the_engine_lives_on(front, text, said):
    one = front()
    one.engine.send(text)
    if said is None:
        one.engine.open(talks.open_chat, 99)
        said = "no conversation 99"
    failed = one.until(Failed)
    assert said in failed.text and not failed.fatal and "\n" not in failed.text
    one.engine.send("Hello!")
    one.until(Replied)


def test_a_model_that_is_not_there_ends_the_engine_with_the_fix(front):
    one = Front(replace(GREEDY, model="no-such-model"))
    failed = one.until(Failed)
    assert failed.fatal and "wren" in failed.text
    assert isinstance(one.close()[-1], Closed)


def test_a_second_engine_is_told_that_the_memory_is_open(front):
    front()
    second = Front(GREEDY)
    failed = second.until(Failed)
    assert failed.fatal and "open in another mlxdyn" in failed.text
    second.close()


@pytest.mark.parametrize("change", [memories.undo, memories.reset])
def test_a_temporary_chat_changes_no_memory_and_stays_temporary(front, change):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.until(Status)
    one.engine.open(talks.temporary, True)
    one.until(Notice)
    one.engine.ask(change)
    assert "cannot change the memory" in one.until(Failed).text
    one.engine.ask(talks.listed)
    assert one.until(Chats).chats == (), "still the temporary chat, not the saved ones"


def test_redo_brings_back_and_forget_takes_for_good(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    message = one.until(Learned).message
    one.engine.ask(memories.undo)
    one.until(Notice)
    one.engine.ask(memories.redo)
    assert "My dog is called Rex." in one.until(Notice).text
    assert one.until(Status).updates == 1
    (aside := data_dir() / "aside" / "default" / "1").mkdir(parents=True)
    one.engine.ask(memories.forget, message)
    assert one.until(Opened).messages == ()
    said = one.until(Notice).text
    assert "Forgotten" in said and f"set aside, and may know it: rm -r {aside}" in said
    one.engine.ask(memories.redo)
    assert "Nothing to redo" in one.until(Notice).text
    one.engine.ask(memories.forget, message)
    assert f"no message {message}" in one.until(Failed).text
    assert ledger_says() == (0, 0, 0)


def test_another_memory_is_another_life(front):
    one = front()
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.engine.open(memories.switch, "work")
    opened = one.until(Opened)
    assert opened.messages == () and one.until(Status).memory == "work"
    one.engine.send("Hello!")
    one.until(Learned)
    one.engine.open(memories.switch, "default")
    assert one.until(Opened).messages[0].text == "My dog is called Rex."
    one.engine.open(memories.switch, "../evil")
    assert "cannot name a memory" in one.until(Failed).text
    one.engine.send("Hello!")
    one.until(Replied)
    assert one.until(Status).memory == "default"


def test_quiet_is_for_studying_and_a_message_ends_it(front):
    quiet = replace(GREEDY.chat, idle_seconds=0.2)
    long_study = replace(QUICK, steps=1, pass_steps=16, most_steps=16)
    one = front(replace(GREEDY, chat=quiet, study=long_study))
    one.engine.send("My dog is called Rex.")
    one.until(Learned)
    one.until(Status, 2)  # that it was learned, and that a study began
    one.engine.send("I live in Oslo.")
    one.until(Learned)
    assert one.positions(Studied) == [], "the message did not wait for the study"
    studied = one.until(Studied)
    assert studied.items > 0
    one.close()
    kinds = [event.lesson.kind for event in events()]
    assert kinds == ["message", "message", "study"]


def test_the_longest_quiet_ends_no_engine(front):
    one = front(replace(GREEDY, chat=replace(GREEDY.chat, idle_seconds=1e300)))
    for text in ("My dog is called Rex.", "Hello!"):
        one.engine.send(text)
        one.until(Replied)
        one.until(Learned)


def events() -> list:
    ledger = Ledger(data_dir() / "mlxdyn.db")
    found = ledger.events.all(ledger.memories.find("default").id)
    ledger.close()
    return found
