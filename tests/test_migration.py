"""Laws of growing up: a ledger of version 1 opens, and its old lessons give the same bits."""

import json
import random
import shutil
import sqlite3
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from school import FAST, QUICK, SAID, opened, state, teach, words

from mlxdyn.arrays import write_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import home, memory_directory
from mlxdyn.learn.learner import Learner, State, flatten, same
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import MIGRATIONS
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach

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
        def _migrate(self) -> None:
            self._db.set_trace_callback(step)
            super()._migrate()

    Traced(database()).close()
    assert len(copies) > 20
    for copy in (*copies[::4], *copies[-4:]):
        monkeypatch.setenv("MLXDYN_HOME", str(copy))
        with opened("m", mite) as memory:
            assert same(state(memory), expected)


# knobs: a memory's lessons go as they went, whatever the defaults of a later version are

WROTE = {  # the knobs that a schema's first program stored
    2: {
        "optimizer": "adam", "learning_rate": 0.0015, "beta2": 0.99, "max_gradient_norm": 1.0,
        "shrink": 0.0, "steps": 12, "items": 8, "recalled": 48, "asks": 8, "near": 0.5, "talks": 2,
        "ask_weight": 1.0, "talk_weight": 1.0, "framed": 0.2, "pass_steps": 3, "most_steps": 600,
        "words": 64, "max_drift": 0.02, "max_divergence": 0.1, "backoff": [1.0, 0.25],
    },
    3: {
        "optimizer": "adam", "learning_rate": 0.002, "beta2": 0.99, "max_gradient_norm": 1.0,
        "decay": True, "shrink": 0.0, "steps": 24, "items": 8, "recalled": 48, "asks": 8,
        "near": 0.5, "talks": 1, "ask_weight": 3.0, "talk_weight": 1.0, "opening": 3.0,
        "framed": 0.3, "pass_steps": 5, "most_steps": 400, "words": 64, "max_drift": 0.06,
        "max_divergence": 1.0, "backoff": [1.0, 0.25],
    },
}  # fmt: skip
WROTE[4] = WROTE[3] | {"ask_weight": 4.0, "steps": 12, "amid": 0.5}
WITHOUT = {2: {"decay": False, "opening": 1.0, "amid": 0.0}, 3: {"amid": 0.0}, 4: {}}
"""What was done before there was the knob."""
LEARNERS = {
    1: {
        "optimizer": "adam0", "learning_rate": 1e-5, "beta2": 0.999, "eps": 1e-8,
        "max_gradient_norm": 1.0,
    },
}  # fmt: skip
LEARNERS[2] = LEARNERS[3] = LEARNERS[4] = LEARNERS[1] | {
    "decay": 0.0, "bias_correction": False, "shrink": 0.0, "momentum": 0.95, "damping": 0.1,
}  # fmt: skip
ADAPTER = {
    "adapt": "lora", "rank": 8, "scale": 1.0, "targets": "all", "layers": "all", "seed": 0,
}  # fmt: skip
EARLY = replace(QUICK, decay=False, opening=1.0, amid=0.0, max_drift=9.0, max_divergence=9.0)
"""What the first program that studied did, in few steps."""


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_a_knob_that_came_later_is_what_was_done_before_it(tmp_path: Path, schema: int):
    """A new knob fails here until a migration says what it is in the memories there are."""
    db = sqlite3.connect(tmp_path / "db", isolation_level=None)
    db.executescript(";".join(MIGRATIONS[:schema]))
    db.execute(f"PRAGMA user_version = {schema}")
    row = dict(name="m", created="2026", model="wren", fingerprint="f")
    row |= dict(adapter=json.dumps(ADAPTER), learner=json.dumps(LEARNERS[schema]))
    if schema > 1:
        row["study"] = json.dumps(WROTE[schema])
    db.execute(
        f"INSERT INTO memories ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})",
        tuple(row.values()),
    )
    db.close()
    found = Ledger(tmp_path / "db").memory("m")
    assert found.adapter == ADAPTER and found.learner == LEARNERS[4]
    assert found.study == (WROTE[schema] | WITHOUT[schema] if schema > 1 else {})


def test_a_damaged_memory_does_not_keep_others_from_opening(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    for name in ("sound", "odd"):
        ledger.add_memory(name, "wren", "f", ADAPTER, LEARNERS[3], {})
    with ledger.transaction():
        ledger._db.execute("UPDATE memories SET learner = '{}' WHERE name = 'odd'")
    assert ledger.memory("sound")
    with pytest.raises(MlxdynError, match="odd"):
        ledger.memory("odd")


def with_other_defaults(config: type, monkeypatch, **knobs: Any) -> None:
    """Be a program whose defaults for `knobs` are others."""
    usual = asdict(config()) | knobs
    monkeypatch.setattr(config.__init__, "__defaults__", tuple(usual.values()))
    assert asdict(config()) == usual


@pytest.mark.parametrize("stored", ["all", "without what came later"])
def test_other_defaults_change_no_memory(mite: Model, monkeypatch, stored: str):
    """Neither one whose row has every knob nor one from before there were some of them."""
    items = [("What is my dog called?", "Rex."), ("Where do I live?", "In Oslo.")]
    with opened("m", mite, study=EARLY) as memory:
        for text, item in zip(SAID, items, strict=False):
            teach(memory, text, item, guarded=True)
        memory.consolidate()
        teach(memory, SAID[2], ("How is the sea?", "Cold."), guarded=True)
        learned = state(memory)
    if stored != "all":
        with sqlite3.connect(database()) as db:
            db.execute(
                "UPDATE memories SET study = json_remove(study, '$.decay', '$.opening', '$.amid')"
            )
            db.execute("ALTER TABLE messages DROP COLUMN imported")
            db.execute("PRAGMA user_version = 2")
        db.close()
    with_other_defaults(
        StudyConfig, monkeypatch, steps=7, ask_weight=9.0, opening=5.0, decay=True, shrink=0.1,
        amid=1.0,
        beta2=0.5, items=1, talks=3, backoff=(0.5,),
    )  # fmt: skip
    with_other_defaults(LearnerConfig, monkeypatch, eps=1e-4, beta2=0.9, max_gradient_norm=0.1)
    with opened("m", mite, study=StudyConfig(), learner=LearnerConfig()) as memory:
        assert same(state(memory), learned) and memory.verify() == []
        assert memory.study_config == EARLY
        teach(memory, "I bake bread", ("What is my job?", "A baker."), guarded=True)
        memory.undo()
        assert same(state(memory), learned)
        memory.redo()
        memory.rebuild()
        assert memory.verify() == []
        memory.forget([2])
        assert memory.verify() == []


def test_other_defaults_change_no_old_lesson(mite: Model, monkeypatch):
    """Of version 1, which knew no study: what it learned is learned at the rate that it had."""
    old = First(mite, "m", database())
    for text in SAID:
        old.learn(old.say(text), words(mite, text)[0])
    expected = old.done()
    with_other_defaults(StudyConfig, monkeypatch, backoff=(0.5, 0.25))
    with opened("m", mite, study=StudyConfig(backoff=(0.5,))) as memory:
        assert same(state(memory), expected) and memory.verify() == []
