"""Laws of growing up: what an earlier version learned is learned anew, told once, and not lost."""

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from former import ADAPTER, LEARNER, LIGHTER, ROUNDS, STUDY, Former
from school import FAST, QUICK, SAID, open_memory, opened, state, teach

from mlxdyn.cli.first import model_for
from mlxdyn.config import ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.engine.actor import Engine, Options
from mlxdyn.engine.events import Event, Failed, Notice
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir, memory_directory
from mlxdyn.learn.example import Kind
from mlxdyn.learn.learner import same
from mlxdyn.learn.steps import run
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.database import Database
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.migrations import MIGRATIONS, OLDEST
from mlxdyn.model.load import Model


def database() -> Path:
    return data_dir() / "mlxdyn.db"


@pytest.fixture
def former(mite: Model) -> Iterator[Former]:
    """A ledger of the schema before there were examples."""
    with closing(Former(database(), mite)) as former:
        yield former


def test_what_an_earlier_version_learned_waits_to_be_learned_anew(former: Former, mite: Model):
    """All that stood, in its order; not what was undone or refused, nor its weights."""
    for text in SAID:
        former.learned(former.say(text))
    former.learned(former.say("undone"), undone=True)
    former.learned(former.say("refused"), accepted=False)
    waiting = former.say("this one still waits", "pending")
    weights = memory_directory("m") / "old.safetensors"
    former.snapshot(weights)
    former.close()
    with opened("m", mite) as memory:
        ledger, id = memory.ledger, memory.row.id
        assert ledger.messages.pending(id) == [1, 2, 3, waiting]
        assert ledger.events.all(id, active=False) == [] == ledger.events.log(id)
        assert same(state(memory), memory.start) and not weights.exists()
        assert [m.text for m in ledger.messages.of(1)][:3] == SAID, "what was said stays"
        assert memory.study_config == QUICK and ledger.examples.regularization(id)
        assert not any(ledger.messages.examined(message) for message in ledger.messages.pending(id))
        uids = [ledger.messages.uid(message.id) for message in ledger.messages.of(1)]
        assert len(set(uids)) == len(uids) and all(uids)
        teach(memory, "I bake bread", ("What is my job?", "A baker."), guarded=True)
        history.forget(memory, [2])
        assert history.verify(memory) == [] and ledger.messages.pending(id) == [1, 3, waiting]


def test_that_it_is_learned_anew_is_told_once(former: Former, mite: Model):
    former.learned(former.say(SAID[0]))
    former.close()
    with closing(Ledger(database())) as ledger:
        row = ledger.memories.existing("m")
        assert ledger.memories.refounded(row.id) and not ledger.memories.refounded(row.id)


def test_a_memory_without_lessons_is_as_new(former: Former, mite: Model):
    former.say("this one waits", "pending")
    former.close()
    with closing(Ledger(database())) as ledger:
        assert not ledger.memories.refounded(ledger.memories.existing("m").id)


def test_a_chat_says_that_the_memory_is_learned_anew(mite: Model):
    with closing(Former(database(), mite)) as former:
        former.learned(former.say(SAID[0]))

    def told(**how: Any) -> list[str]:
        events: list[Event] = []
        chat = ChatConfig()
        options = Options(str(mite.path), "m", chat, replace(QUICK, steps=0), **how)
        engine = Engine(options, events.append)
        engine.start()
        engine.close(learn=True)
        assert not any(isinstance(event, Failed) for event in events), events
        said = [event.text for event in events if isinstance(event, Notice)]
        return [text for text in said if "earlier version" in text]

    assert told(temporary=True) == [], "who may not write cannot say it once"
    (said,) = told()
    assert "'m'" in said and "learned anew" in said
    assert told() == []
    with closing(Ledger(database())) as ledger, Memory("m", mite, ledger, learner=FAST) as memory:
        assert len(ledger.events.all(memory.row.id)) == 1 and history.verify(memory) == []


def test_what_was_corrected_by_hand_is_kept(mite: Model):
    with closing(Former(database(), mite)) as former:
        message = former.say(SAID[0])
        former.learned(message)
        former.item(message, "What is my dog called?", "Your dog is called Rex.", "model")
        former.item(message, "Who is Rex?", "Rex is my cat.", "user")
    with opened("m", mite) as memory:
        assert memory.ledger.examples.edits(message) == [("Who is Rex?", "Rex is my cat.")]
        run(memory.examine(message))
        by_hand = [r for r in memory.ledger.examples.of(message) if r.source == "user"]
        assert [(r.question, r.answer, r.kind) for r in by_hand] == [
            ("Who is Rex?", "Rex is my cat.", Kind.FACT)
        ]
        target = by_hand[0].example.target
        assert mite.decode(list(target[:-1])).strip() == "Rex is my cat."
        assert by_hand[0].example.likely is None and memory.ledger.examples.edits(message) == []


def test_what_waited_when_it_was_undone_waits_again_under_this_version(mite: Model):
    with closing(Former(database(), mite, 6)) as former:
        message = former.say(SAID[0], "none")
        former.learned(message, accepted=False, undone=True)
        former.db.execute("UPDATE events SET reason = 'it waited to be learned'")
        former.db.execute("DELETE FROM updates")
    with closing(Ledger(database())) as ledger:
        event = ledger.past.redoable(ledger.memories.existing("m").id)
        assert ledger.past.wait_again(event).id == message


def test_two_old_memories_stay_apart(mite: Model):
    for name in ("one", "two"):
        with closing(Former(database(), mite, name=name)) as former:
            for text in SAID[:2]:
                former.learned(former.say(f"{text} in {name}"))
    for name, expected in (("one", [1, 2]), ("two", [3, 4])):
        with opened(name, mite) as memory:
            assert memory.ledger.messages.pending(memory.row.id) == expected
            assert memory.ledger.memories.refounded(memory.row.id)


def test_killed_in_the_migration_it_is_old_or_new(mite: Model, tmp_path: Path, monkeypatch):
    """Copies of the home at every statement stand for the homes that killed processes leave."""
    with closing(Former(database(), mite)) as former:
        former.learned(former.say(SAID[0]))
    copies = list[Path]()

    def step(_: str) -> None:
        copies.append(tmp_path / f"home{len(copies)}")
        shutil.copytree(data_dir(), copies[-1])

    class Traced(Database):
        def _migrate(self) -> None:
            self.connection.set_trace_callback(step)
            super()._migrate()

    Traced(database()).close()
    assert len(copies) > 20
    for copy in {*copies[::4], *copies[-4:]}:
        monkeypatch.setenv("MLXDYN_HOME", str(copy))
        with opened("m", mite) as memory:
            assert memory.ledger.messages.pending(memory.row.id) == [1]
            assert memory.ledger.memories.refounded(memory.row.id)


# knobs: a memory's lessons go as they went, whatever the defaults of a later version are


@pytest.mark.parametrize("schema", MIGRATIONS)
def test_a_knob_that_came_later_is_what_was_done_before_it(mite: Model, schema: int):
    """A new knob fails here until a migration says what it is in the memories there are."""
    Former(database(), mite, schema).close()
    with closing(Ledger(database())) as ledger:
        found = ledger.memories.existing("m")
    assert found.adapter == ADAPTER and found.learner == LEARNER
    assert found.study == ({} if schema == OLDEST else LIGHTER | ROUNDS | STUDY)


def test_a_damaged_memory_does_not_keep_others_from_opening(tmp_path: Path):
    ledger = Ledger(tmp_path / "db")
    for name in ("sound", "odd"):
        ledger.memories.add(name, "wren", "f", ADAPTER, LEARNER, {})
    with ledger.transaction():
        ledger.database.run("UPDATE memories SET learner = '{}' WHERE name = 'odd'")
    assert ledger.memories.find("sound")
    with pytest.raises(MlxdynError, match="odd"):
        ledger.memories.find("odd")


def with_other_defaults(config: type, monkeypatch, **knobs: Any) -> None:
    """Be a program whose defaults for `knobs` are others."""
    usual = asdict(config()) | knobs
    monkeypatch.setattr(config.__init__, "__defaults__", tuple(usual.values()))
    assert asdict(config()) == usual


def test_other_defaults_change_no_memory(mite: Model, monkeypatch):
    facts = [("What is my dog called?", "Rex."), ("Where do I live?", "In Oslo.")]
    with opened("m", mite) as memory:
        for text, fact in zip(SAID, facts, strict=False):
            teach(memory, text, fact, guarded=True)
        memory.consolidate()
        teach(memory, SAID[2], ("How is the sea?", "Cold."), guarded=True)
        learned = state(memory)
    with_other_defaults(
        StudyConfig, monkeypatch, steps=7, new=1, replayed=3, held=5, recalled=1, beta2=0.5,
        pass_steps=3, words=1, max_drift=0.0, backoff=(0.5,), optimizer="sgd", learning_rate=1.0,
    )  # fmt: skip
    with_other_defaults(LearnerConfig, monkeypatch, eps=1e-4, beta2=0.9, max_gradient_norm=0.1)
    with closing(Ledger(database())) as ledger:
        options = {"study": StudyConfig(), "learner": LearnerConfig()}
        with open_memory("m", mite, ledger, **options) as memory:
            assert same(state(memory), learned) and history.verify(memory) == []
            assert memory.study_config == QUICK
            teach(memory, "I bake bread", ("What is my job?", "A baker."), guarded=True)
            history.undo(memory)
            assert same(state(memory), learned)
            history.redo(memory)
            history.rebuild(memory)
            assert history.verify(memory) == []
            history.forget(memory, [2])
            assert history.verify(memory) == []


def test_to_find_a_memorys_base_writes_nothing(former: Former):
    """Which base a chat opens with is looked up for chats that write nothing too."""
    former.close()
    before = database().read_bytes()
    assert model_for("m", ask=False)
    assert database().read_bytes() == before
    assert [path.name for path in data_dir().iterdir()] == [database().name]
