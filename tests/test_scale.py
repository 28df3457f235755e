"""What ten thousand messages and a switch cost; `make slow ARGS='-n 0 -s'` prints the numbers."""

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import asdict
from typing import Any

import pytest
from school import FAST, QUICK, as_said, open_memory, snapshots, teach, words

from mlxdyn.chat.conversation import Session
from mlxdyn.config import ChatConfig
from mlxdyn.files import data_dir
from mlxdyn.lab.bench import curves
from mlxdyn.learn.example import Draft
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.memory import ADAPTER, Memory
from mlxdyn.memory.snapshots import KEPT_SNAPSHOTS
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Lesson, Outcome, SnapshotRow, Update
from mlxdyn.model.load import Model

MESSAGES = 10_000
BOUND = 0.5  # seconds that starting, the log and a search may take
SWITCH = 0.05  # seconds to another memory of the bundled model
SENTENCE = (
    "This is message {} of many, about nothing in particular, and it says so at some length. "
)
WORDS = Update("words", 24, 1, 1.0, 2.0, 1.5, 0.5)
STUDY = Update("study", 12, 12, 1.0, 3.0, 0.5, 0.5)


def seconds(action: Callable[[], Any]) -> float:
    """CPU time, the best of three: a busy machine does not count."""
    times = []
    for _ in range(3):
        started = time.process_time()
        action()
        times.append(time.process_time() - started)
    return min(times)


def fill(ledger: Ledger, memory: int, model: Model) -> None:
    """Write rows as that many messages would have, in conversations of twenty."""
    chunks = words(model, SENTENCE.format(0))
    example = as_said(model, "What is it?", "It is one.").example
    with ledger.transaction():
        for number in range(MESSAGES):
            if number % 20 == 0:
                chat = ledger.conversations.add(memory)
            said = SENTENCE.format(number)
            message = ledger.messages.add(chat, "user", said, "pending").id
            ledger.messages.add(chat, "assistant", "I see. Tell me more about it.", "none")
            fact = Draft(f"What is {number}?", f"It is {number}.", example)
            ledger.examples.add(memory, message, [fact])
            lesson = Lesson("message", message, chunks, 12)
            ledger.events.add(memory, lesson, Outcome(True, "", 0.001, (WORDS, STUDY)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_ten_thousand_messages_are_opened_listed_and_searched(mite: Model):
    ledger = Ledger(data_dir() / "mlxdyn.db")
    with open_memory("m", mite, ledger, study=QUICK) as memory:
        row = memory.row.id
        fill(ledger, row, mite)
        ledger.memories.set_snapshots(row, [])
        # The weights are not those of these rows; only the time that opening takes is looked at.
        memory.whole = True
        memory.snapshot()
        assert snapshots(memory)
    ledger.close()

    def start() -> None:
        ledger = Ledger(data_dir() / "mlxdyn.db")
        with open_memory("m", mite, ledger) as memory:
            assert memory.ledger.events.totals(row).updates == 2 * MESSAGES
            ledger.conversations.all(row)
            ledger.messages.pending(row)
        ledger.close()

    ledger = Ledger(data_dir() / "mlxdyn.db")
    newest = Filter(newest=100)
    one, all_ = Filter(search="message 1234 of"), Filter(search="of many", newest=100)
    found = {
        "start": seconds(start),
        "log, newest 100": seconds(lambda: ledger.events.log(row, newest)),
        "log, everything": seconds(lambda: ledger.events.log(row)),
        "search, one hit": seconds(lambda: ledger.events.log(row, one)),
        "search, newest 100 of all": seconds(lambda: ledger.events.log(row, all_)),
        "totals": seconds(lambda: ledger.events.totals(row)),
        "conversations": seconds(lambda: ledger.conversations.all(row)),
        "examples": seconds(lambda: ledger.examples.active(row)),
        "unstudied": seconds(lambda: ledger.events.unstudied(row)),
    }
    size = (data_dir() / "mlxdyn.db").stat().st_size
    print(f"\n{MESSAGES} messages, {size / 1e6:.1f} MB")
    for name, taken in found.items():
        print(f"{name:28} {taken * 1000:8.1f} ms")
    wanted = ("start", "log, newest 100", "log, everything", "search, one hit")
    assert all(found[name] < BOUND for name in wanted)
    assert [update.text for update in ledger.events.log(row, one)] == [SENTENCE.format(1234)] * 2
    assert len(ledger.events.log(row, newest)) == 100
    ledger.close()


@pytest.mark.slow
def test_switching_to_another_memory_loads_no_base(wren: Model):
    ledger = Ledger(data_dir() / "mlxdyn.db")
    with open_memory("one", wren, ledger) as memory:
        teach(memory, "My dog is called Rex.", ("What is my dog called?", "Rex."))
        memory.snapshot()
    branch("one", "two", ledger)
    names = iter(["two", "one"] * 8)

    def switch() -> None:
        with Memory(next(names), wren, ledger, learner=FAST) as memory:
            Session(wren, memory, ledger, ChatConfig(), temporary=False).status()

    taken = min(seconds(switch) for _ in range(4))
    print(f"\nswitch {taken * 1000:.1f} ms")
    assert taken < SWITCH
    ledger.close()


def test_snapshots_of_ten_thousand_lessons_stay_few():
    from mlxdyn.memory.snapshots import spread

    rows: list[SnapshotRow] = []
    for upto in range(1, MESSAGES, 7):
        rows = spread([SnapshotRow(upto, str(upto), ""), *rows])
        assert len(rows) <= KEPT_SNAPSHOTS and rows[0].upto == upto


def test_a_lesson_more_costs_the_ledger_no_more_for_those_before():
    def steps(count: int) -> int:
        """Count SQLite's own steps, so that a busy machine changes nothing."""
        taken = []
        with closing(Ledger(None)) as ledger:
            memory = ledger.memories.add("m", "mite", "", asdict(ADAPTER), asdict(FAST), {}).id
            curves._fill(ledger, memory, count)
            ledger.database.connection.set_progress_handler(lambda: taken.append(1), 1)
            curves._fill(ledger, memory, 1)
        return len(taken)

    assert steps(2000) < 1.5 * steps(20)
