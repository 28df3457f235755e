"""A crash loses nothing acknowledged: real processes, killed at random and at every step."""

import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mlxdyn.config import LearnerConfig
from mlxdyn.home import home
from mlxdyn.ledger import Ledger
from mlxdyn.memory import Memory
from mlxdyn.model import Model

CHATTER = """
import itertools
from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.engine import Engine, Options
from mlxdyn.events import Failed, Learned, Replied

def emit(event):
    if isinstance(event, Failed):
        print("failed", event.text, flush=True)
    if isinstance(event, Replied):
        print("replied", event.message.id, flush=True)
    if isinstance(event, Learned):
        print("learned", event.message, event.update, flush=True)
        engine.send(f"My number is {next(numbers)}." + " It is nice." * 3)

numbers = itertools.count()
chat = ChatConfig(chunk=16, learning_rate=1e-3, sampling=SamplingConfig(max_tokens=4))
engine = Engine(Options(chat=chat), emit)
engine.start()
engine.send("Hello!")
engine._thread.join()
"""
"""Talks and learns for ever, and says what it was told is durable."""

MORTAL = """
import os, sys
from mlxdyn import backend; backend.prepare()
from mlxdyn import model
from mlxdyn.config import LearnerConfig
from mlxdyn.home import home
from mlxdyn.ledger import Ledger
from mlxdyn.memory import Memory, archive
from mlxdyn.stream import Chunk
from pathlib import Path

ledger = Ledger(home() / "mlxdyn.db")
memory = Memory("default", model.load("wren"), ledger, learner=LearnerConfig())
conversation = ledger.add_conversation(memory.row.id)

def learn():
    message = ledger.add_message(conversation, "user", "Hello!", "pending").id
    row = memory.learn(message, Chunk((1, 5), (600, 700, 800)), last=True)
    print("learned", message, row.update, flush=True)

def undo():
    print("undone", memory.undo()[0].update, flush=True)

def reset():
    memory.close()
    print("aside", archive("default", ledger), flush=True)

for _ in range(2):
    learn()
    memory.snapshot()
steps = int(sys.argv[2])

def step():
    global steps
    steps -= 1
    if steps == 0:
        os._exit(9)

def deadly(function):
    return lambda *given, **named: (step(), function(*given, **named))[1]

os.fsync, os.replace = deadly(os.fsync), deadly(os.replace)
Path.unlink, Path.rename = deadly(Path.unlink), deadly(Path.rename)
ledger._db.set_trace_callback(lambda sql: sql.startswith(("BEGIN", "COMMIT")) and step())
for action in sys.argv[1].split(","):
    {"learn": learn, "undo": undo, "reset": reset, "snapshot": memory.snapshot}[action]()
step()
"""
"""Does what it is told and dies at the given step: before a sync, rename, delete or commit."""


def acknowledged(lines: list[str]) -> dict[str, list[int]]:
    """The ids a process named in its last words, by what it said of them."""
    said: dict[str, list[int]] = {"learned": [], "undone": [], "replied": []}
    for line in lines:
        kind, *ids = line.split()
        assert kind in (*said, "aside"), line
        if kind in said:
            said[kind].append(int(ids[-1]))
    return said


def assert_sound(wren: Model, lines: list[str], name: str = "default") -> None:
    """Open what is left as the next start does, and look for all that was acknowledged."""
    ledger = Ledger(home() / "mlxdyn.db")
    memory = Memory(name, wren, ledger, learner=LearnerConfig())
    try:
        assert memory.verify() == []
        updates = {row.update: row for row in ledger.updates(memory.row.id, active=False)}
        said = acknowledged(lines)
        assert all(updates[id].accepted for id in said["learned"])
        assert all(updates[id].undone for id in said["undone"])
        assert not any(updates[id].undone for id in said["learned"][:1])
        waiting = set(ledger.pending(memory.row.id))
        assert not waiting & {updates[id].message for id in said["learned"]}
        messages = {
            m.id for c in ledger.conversations(memory.row.id) for m in ledger.messages(c.id)
        }
        assert messages.issuperset(said["replied"])
    finally:
        memory.close()
        ledger.close()


def killed(script: str, rng: random.Random) -> list[str]:
    """Run `script`, kill it at a random moment after a random line, return what it said."""
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    lines = [process.stdout.readline() for _ in range(rng.randrange(1, 6))]
    try:
        process.wait(timeout=rng.uniform(0, 0.4))
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    lines += process.communicate()[0].splitlines()
    assert process.returncode == -signal.SIGKILL, lines
    return lines


@pytest.mark.parametrize("kills", [5, pytest.param(50, marks=[pytest.mark.slow])])
@pytest.mark.timeout(900)
def test_killed_at_random_everything_acknowledged_is_there(wren: Model, kills: int):
    said: list[str] = []
    for seed in range(kills):
        said += killed(CHATTER, random.Random(seed))
        assert_sound(wren, said)


def dies_at(step: int, actions: str) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", MORTAL, actions, str(step)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.mark.parametrize("step", range(1, 9))
def test_killed_at_any_step_of_a_save_the_memory_is_sound(wren: Model, step: int):
    process = dies_at(step, "learn,snapshot")
    assert process.returncode == 9, process.stderr
    assert_sound(wren, process.stdout.splitlines())


def last_step(actions: str, home_: Path, monkeypatch: pytest.MonkeyPatch, wren: Model) -> int:
    """Die at step 1, 2, ... of `actions`, each in a home of its own, until none is left."""
    for step in range(1, 99):
        monkeypatch.setenv("MLXDYN_HOME", str(home_ / str(step)))
        process = dies_at(step, actions)
        if process.returncode == 0:
            return step - 1
        assert process.returncode == 9, process.stderr
        names = [row.name for row in Ledger(home() / "mlxdyn.db").memories()]
        kept = next((name for name in names if name.startswith("default.")), "default")
        assert_sound(wren, process.stdout.splitlines(), kept)
    raise AssertionError("it never comes to an end")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    "actions,least", [("learn,snapshot", 8), ("undo", 3), ("undo,learn,snapshot,undo", 13)]
)
def test_killed_at_every_step_the_memory_is_sound(wren, tmp_path, monkeypatch, actions, least):
    assert last_step(actions, tmp_path, monkeypatch, wren) >= least


def test_killed_in_the_middle_of_a_reset_nothing_is_lost(wren, tmp_path, monkeypatch):
    assert last_step("reset", tmp_path, monkeypatch, wren) >= 2
