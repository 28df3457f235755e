"""Laws of growing up: a ledger of version 1 opens, and its old lessons give the same bits."""

import json
import random
import shutil
import sqlite3
from dataclasses import asdict
from pathlib import Path

import pytest
from school import FAST, SAID, opened, state, teach, words

from mlxdyn.config import AdapterConfig
from mlxdyn.home import home, memory_directory
from mlxdyn.learner import Learner, State, flatten, same
from mlxdyn.ledger import Ledger
from mlxdyn.memory import write_arrays
from mlxdyn.migrations import MIGRATIONS
from mlxdyn.model import Model, attach
from mlxdyn.stream import Chunk

RIVER = "I walked along the river and saw " + "a boat and a bird and " * 12 + "a bridge."


class First:
    """What version 1 did: one update a chunk, each a row with its lesson."""

    def __init__(self, model: Model, name: str, path: Path) -> None:
        self.name, self.model = name, model
        path.touch()
        self.db = sqlite3.connect(path, isolation_level=None)
        if not self.db.execute("PRAGMA user_version").fetchone()[0]:
            self.db.executescript(MIGRATIONS[0])
            self.db.execute("PRAGMA user_version = 1")
        recipe = (json.dumps(asdict(AdapterConfig())), json.dumps(asdict(FAST)))
        self.id = self.insert(
            "memories", name=name, created="2026", model=str(model.path),
            fingerprint=model.fingerprint, adapter=recipe[0], learner=recipe[1],
        )  # fmt: skip
        self.chat = self.insert("conversations", memory=self.id, created="2026")
        attach(model, AdapterConfig())
        self.learner = Learner(model.network, FAST, model.new_cache)

    def insert(self, table: str, **values) -> int:
        holes = ", ".join("?" * len(values))
        sql = f"INSERT INTO {table} ({', '.join(values)}) VALUES ({holes})"
        return self.db.execute(sql, tuple(values.values())).lastrowid

    def say(self, text: str, learning: str = "done") -> int:
        return self.insert(
            "messages", conversation=self.chat, role="user", text=text, created="2026",
            learning=learning,
        )  # fmt: skip

    def learn(self, message: int, chunk: Chunk, *, undone: bool = False) -> int:
        before = self.learner.state
        seen = self.learner.learn(chunk)
        after = self.learner.score(chunk).nll if seen.accepted else None
        if undone:
            self.learner.state = before
        return self.insert(
            "updates", memory=self.id, message=message, time="2026-05-01T12:00:00+00:00",
            lesson=json.dumps([chunk.context, chunk.targets, chunk.weights]),
            tokens=len(chunk.targets), nll_before=sum(seen.nll) / len(seen.nll),
            nll_after=sum(after) / len(after) if after else None,
            gradient_norm=seen.gradient_norm if seen.accepted else None,
            accepted=seen.accepted, reason=seen.reason, undone=undone,
        )  # fmt: skip

    def snapshot(self, upto: int) -> None:
        path = memory_directory(self.name) / f"{upto}.safetensors"
        digest = write_arrays(path, flatten(self.learner.state), {})
        self.insert("snapshots", memory=self.id, upto=upto, file=path.name, sha256=digest)

    def done(self) -> State:
        self.db.close()
        return self.learner.state


def database() -> Path:
    return home() / "mlxdyn.db"


@pytest.mark.parametrize("snapshot", ["none", "end", "mid-message", "before a refused update"])
def test_old_lessons_give_the_same_bits(mite: Model, snapshot: str):
    """Of many chunks, undone, refused, in part; with snapshots wherever version 1 made them."""
    old = First(mite, "m", database())
    chunks = words(mite, RIVER, chunk=12)
    assert len(chunks) > 5
    first = old.say(RIVER)
    for number, chunk in enumerate(chunks):
        last = old.learn(first, chunk)
        if snapshot == "mid-message" and number == 4:
            old.snapshot(last)
    undone = old.say("undone")
    old.learn(undone, chunks[0], undone=True)
    mixed = old.say("the second half of it is refused")
    kept = old.learn(mixed, chunks[1])
    if snapshot == "before a refused update":
        old.snapshot(kept)
    old.learn(mixed, Chunk((1,), (5, 6), (float("nan"),) * 2))
    half = old.say("killed in the middle of it", "pending")
    last = old.learn(half, chunks[2])
    if snapshot == "end":
        old.snapshot(last)
    expected = old.done()
    with opened("m", mite) as memory:
        assert same(state(memory), expected)
        assert memory.verify() == []
        memory.rebuild()
        assert same(state(memory), expected) and memory.verify() == []
        rows = memory.ledger.log(memory.row.id)
        assert len(rows) == len(chunks) + 4
        assert [row.undone for row in rows].count(True) == 1
        assert [row.accepted for row in rows].count(False) == 1
        assert memory.ledger.pending(memory.row.id) == [], "what was half learned stays so"
        assert not any(event.lesson.guarded for event in memory.ledger.events(memory.row.id))


def test_an_old_memory_lives_on(mite: Model):
    """It undoes, forgets and learns under the new rules, study and guard included."""
    old = First(mite, "m", database())
    states = [old.learner.state]
    for text in SAID:
        old.learn(old.say(text), words(mite, text)[0])
        states.append(old.learner.state)
    waiting = old.say("this one still waits", "pending")
    old.snapshot(3)
    old.done()
    with opened("m", mite) as memory:
        assert same(state(memory), states[3])
        assert memory.ledger.pending(memory.row.id) == [waiting]
        assert memory.study_config.steps == 1 and memory.ledger.anchors(memory.row.id)
        teach(memory, "I bake bread", ("What is my job?", "A baker."), guarded=True)
        assert memory.verify() == []
        for expected in (states[3], states[2]):
            memory.undo()
            assert same(state(memory), expected)
        memory.redo()
        memory.forget([2, 3])
        assert same(state(memory), states[1]) and memory.verify() == []
        uids = memory.ledger._db.execute("SELECT uid FROM messages").fetchall()
        assert len(set(uids)) == len(uids) and all(uid for (uid,) in uids)


def test_two_old_memories_stay_apart(mite: Model):
    ones, twos = First(mite, "one", database()), None
    rng, texts = random.Random(0), [*SAID, *SAID]
    for text in texts[:3]:
        ones.learn(ones.say(text), words(mite, text)[0])
    first = ones.learner.state
    twos = First(mite, "two", database())
    for text in rng.sample(texts, 6):
        twos.learn(twos.say(text), words(mite, text)[0])
    second = twos.done()
    ones.db.close()
    for name, expected in (("one", first), ("two", second)):
        with opened(name, mite) as memory:
            assert same(state(memory), expected) and memory.verify() == []


def test_killed_in_the_migration_it_is_old_or_new(mite: Model, tmp_path: Path, monkeypatch):
    """Copies of the home at every statement stand for the homes that killed processes leave."""
    old = First(mite, "m", database())
    old.learn(old.say(SAID[0]), words(mite, SAID[0])[0])
    expected, copies = old.done(), list[Path]()

    def step(_: str) -> None:
        copies.append(tmp_path / f"home{len(copies)}")
        shutil.copytree(home(), copies[-1])

    class Traced(Ledger):
        def _migrate(self, path: Path | None) -> None:
            self._db.set_trace_callback(step)
            super()._migrate(path)

    Traced(database()).close()
    assert len(copies) > 20
    for copy in (*copies[::4], *copies[-4:]):
        monkeypatch.setenv("MLXDYN_HOME", str(copy))
        with opened("m", mite) as memory:
            assert same(state(memory), expected)
