"""Laws of changing the past: whatever happened, the memory is what its standing lessons make it."""

import os
import shutil
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from school import ANCHORS, NEAR, QUICK, SAID, UNKNOWN, opened, snapshots, state, teach, words

from mlxdyn.config import StudyConfig
from mlxdyn.files import home
from mlxdyn.learn.learner import same
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Lesson, UpdateRow
from mlxdyn.model.load import Model
from mlxdyn.study import contrast
from mlxdyn.study.item import CONTRAST, RETRACTION, Item

TEXTS = [*SAID, "I work as a baker", "no wait"]
ASKED = ["What is my dog called?", "Where do I live?", "What is my job?"]
ANSWERS = ["Rex.", "In Oslo.", "You are a baker.", "Bella."]
STRICT = replace(QUICK, max_drift=0.0)
"""About every second lesson breaks this bound, and another second one once others are forgotten."""


@dataclass(eq=False)
class Taught:
    """What the test knows of one lesson."""

    text: str = ""  # "" is a study
    items: list[tuple[str, str]] = field(default_factory=list)
    message: int = 0
    near: Sequence[tuple[str, str]] = NEAR


@dataclass
class Life:
    """A memory, and beside it the list of lessons that should stand."""

    memory: Memory
    model: Model
    study: StudyConfig
    lessons: list[Taught] = field(default_factory=list)
    undone: list[Taught] = field(default_factory=list)

    def learn(self, text: str, items: list[tuple[str, str]]) -> None:
        event = teach(self.memory, text, *items, guarded=True)
        self.lessons.append(Taught(text, list(items), event.lesson.message))
        self.undone.clear()

    def consolidate(self) -> None:
        self.memory.consolidate()
        self.lessons.append(Taught())
        self.undone.clear()

    def undo(self) -> None:
        assert (self.memory.undo() is not None) == bool(self.lessons)
        self.undone += [self.lessons.pop()] if self.lessons else []

    def redo(self) -> None:
        assert (self.memory.redo() is not None) == bool(self.undone)
        self.lessons += [self.undone.pop()] if self.undone else []

    def forget(self, which: int) -> None:
        told = [lesson for lesson in [*self.lessons, *self.undone] if lesson.text]
        if told:
            gone = told[which % len(told)]
            self.memory.forget([gone.message])
            self.lessons = [lesson for lesson in self.lessons if lesson is not gone]
            self.undone = [lesson for lesson in self.undone if lesson is not gone]

    def edit(self, which: int, new: tuple[str, str] | None) -> None:
        having = [lesson for lesson in self.lessons if lesson.items]
        if having:
            lesson = having[which % len(having)]
            place = which % len(lesson.items)
            rows = self.memory.ledger.items_of(lesson.message)
            row = [row for row in rows if row.source != CONTRAST][place]
            self.memory.change_item(row, new and Item(*new))
            lesson.items[place : place + 1] = [new] if new else []
            rows = self.memory.ledger.items_of(lesson.message)
            lesson.near = [(row.question, row.answer) for row in rows if row.source == CONTRAST]

    def restart(self, snapshot: bool) -> None:
        if snapshot:
            self.memory.snapshot()
        before = state(self.memory)
        self.memory.close()
        self.memory.ledger.close()
        ledger = Ledger(home() / "mlxdyn.db")
        options = {"study": self.study, "anchor_text": ANCHORS}
        self.memory = Memory("m", self.model, ledger, learner=self.memory.learner.config, **options)
        assert same(state(self.memory), before)


def told(memory: Memory) -> list[tuple]:
    """What the log says, but for ids and times."""

    def row(update: UpdateRow) -> tuple:
        measured = (update.nll_before, update.nll_after, update.gradient_norm, update.drift)
        return (update.text, update.kind, update.tokens, update.accepted, update.reason, *measured)

    return [row(update) for update in memory.ledger.log(memory.row.id) if not update.undone]


def check(life: Life, name: str) -> None:
    """Compare with a memory that never knew anything but the lessons that stand."""
    with opened(name, life.model, home() / f"{name}.db", study=life.study) as never:
        for lesson in life.lessons:
            if lesson.text:
                teach(never, lesson.text, *lesson.items, guarded=True, near=lesson.near)
            else:
                never.consolidate()
        assert same(state(life.memory), state(never))
        assert told(life.memory) == told(never)
        assert [(i.question, i.answer) for i in life.memory.known_items()] == [
            (i.question, i.answer) for i in never.known_items()
        ]
    assert life.memory.verify() == []


ITEM = st.tuples(st.sampled_from(ASKED), st.sampled_from(ANSWERS))
LEARN = st.tuples(st.just("learn"), st.sampled_from(TEXTS), st.lists(ITEM, max_size=2))
CHANGE = st.one_of(
    st.tuples(st.just("consolidate")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("forget"), st.integers(0, 9)),
    st.tuples(st.just("edit"), st.integers(0, 9), st.none() | ITEM),
    st.tuples(st.just("restart"), st.booleans()),
)
LIVES = st.lists(LEARN | CHANGE, min_size=2, max_size=10)


def live(model: Model, folder: Path, study: StudyConfig, actions: list[tuple]) -> None:
    os.environ["MLXDYN_HOME"] = str(folder)
    with opened("m", model, study=study) as memory:
        life = Life(memory, model, study)
        for action, *given_ in actions:
            getattr(life, action)(*given_)
            if action == "forget":
                check(life, f"never{len(list(folder.glob('never*.db')))}")
        check(life, "end")
        life.restart(False)
        life.memory.close()
        life.memory.ledger.close()


SLOWLY = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}


@settings(max_examples=12, **SLOWLY)
@given(study=st.sampled_from([QUICK, STRICT]), actions=LIVES)
def test_forgetting_is_never_having_learned(mite, tmp_path_factory, study, actions):
    live(mite, tmp_path_factory.mktemp("home"), study, actions)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@settings(max_examples=400, **SLOWLY)
@given(study=st.sampled_from([QUICK, STRICT]), actions=LIVES)
def test_forgetting_is_never_having_learned_in_many_lives(mite, tmp_path_factory, study, actions):
    live(mite, tmp_path_factory.mktemp("home"), study, actions)


def test_undone_as_often_as_redone_is_nothing(mite: Model):
    with opened("m", mite, study=STRICT) as memory:
        for text, asked, answer in zip(TEXTS, ASKED, ANSWERS, strict=False):
            teach(memory, text, (asked, answer), guarded=True)
        memory.consolidate()
        before, log = state(memory), told(memory)
        for times in (1, 3, 4):
            for _ in range(times):
                assert memory.undo() is not None
            for _ in range(times):
                assert memory.redo() is not None
            assert same(state(memory), before) and told(memory) == log
        assert memory.redo() is None and memory.verify() == []


def test_a_correction_supersedes_until_it_is_forgotten(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], (ASKED[0], "Rex."), (ASKED[1], "In Oslo."))
        correction = teach(memory, "No, her name is Bella.", ("What's my dog called?", "Bella."))
        answers = {item.answer for item in memory.known_items()}
        assert answers == {"Bella.", "In Oslo."}
        memory.forget([correction.lesson.message])
        assert {item.answer for item in memory.known_items()} == {"Rex.", "In Oslo."}


def test_a_retraction_withdraws_what_it_contradicts_and_nothing_else(mite: Model):
    """Whoever moved to Paris and then says that Rome is over lives in Paris."""
    home, dog = ("Where do I live?", "You live in Rome."), ("What's my dog called?", "Rex.")
    gone = ("Which city do I live in?", "You no longer live in Rome.")
    no_dog = ("What is my dog called?", "You no longer have a dog.")
    moved = ("Where do I live?", "You live in Paris.")
    retraction = {"guarded": True, "source": RETRACTION}
    with opened("m", mite) as memory:

        def known() -> set[str]:
            return {item.answer for item in memory.known_items()}

        teach(memory, SAID[0], home, dog, guarded=True)
        first = teach(memory, "I no longer live in Rome", gone, **retraction).lesson.message
        assert known() == {gone[1], dog[1]}
        teach(memory, "I moved to Paris", moved, guarded=True)
        assert known() == {moved[1], dog[1]}
        teach(memory, "I no longer live in Rome", gone, **retraction)
        assert known() == {moved[1], dog[1]}
        teach(memory, "I don't have a dog any more", no_dog, **retraction)
        assert known() == {moved[1], no_dog[1]}
        assert memory.verify() == []
        memory.undo()
        assert known() == {moved[1], dog[1]}
        memory.undo(), memory.undo()
        memory.forget([first])
        assert known() == {home[1], dog[1]} and memory.verify() == []


def test_a_message_of_which_nothing_stands_is_learned_all_the_same(mite: Model):
    """Here a retraction of what was not so, where no earlier item is studied beside it."""
    gone = ("Where do I live?", "You no longer live in Rome.")
    with opened("m", mite, study=replace(QUICK, recalled=0)) as memory:
        teach(memory, "I live in Paris", (gone[0], "You live in Paris."))
        event = teach(memory, "I no longer live in Rome", gone, source=RETRACTION)
        assert event.accepted and memory.ledger.updates_at(event.id)[-1].steps == 0
        assert memory.verify() == []


def test_near_misses_follow_the_questions_they_miss(mite: Model):
    """Those of a question that is edited go, but for those that miss another one too."""
    near = [(f"What is my {what} called?", UNKNOWN) for what in ("cat", "goldfish")]
    near += [("Where do I work?", UNKNOWN), ("What is my cat's age?", UNKNOWN)]

    def missed(memory: Memory) -> list[str]:
        rows = memory.ledger.items_of(1)
        return [row.question for row in rows if row.source == CONTRAST]

    with opened("m", mite) as memory:
        teach(memory, SAID[0], (ASKED[0], "Rex."), ("What is my dog's age?", "Two."), near=near)
        dog, age = memory.known_items()
        memory.change_item(dog, Item(dog.question, "Max."))
        assert missed(memory) == [question for question, _ in near], "the question stays"
        memory.change_item(dog, Item("Where do I live?", "In Oslo."))
        kept, new = missed(memory)[:2], missed(memory)[2:]
        assert kept == [question for question, _ in near[2:]]
        assert 0 < len(new) <= 2 and all(contrast.misses(q, "Where do I live?") for q in new)
        assert memory.verify() == []
        memory.change_item(age, None)
        assert "What is my cat's age?" not in missed(memory)


@pytest.mark.parametrize("order", ["abcd", "acbd", "cabd", "dcba"])
def test_merging_is_learning_both_in_order_of_time(mite: Model, order: str):
    """Four lessons, a and b in one memory, c and d in the other, at times as `order` says."""

    def time(letter: str) -> str:
        return f"2026-01-01T00:00:0{order.index(letter)}.000+00:00"

    def teach_at(memory: Memory, letter: str) -> None:
        index = "abcd".index(letter)
        event = teach(memory, TEXTS[index], (ASKED[index % 3], ANSWERS[index]), guarded=True)
        sql = "UPDATE events SET time = ? WHERE id = ?"
        memory.ledger._db.execute(sql, (time(letter), event.id))

    for name, letters in (("one", "ab"), ("two", "cd"), ("both", order)):
        with opened(name, mite) as memory:
            for letter in sorted(letters, key=order.index) if name != "both" else order:
                teach_at(memory, letter)
                memory.snapshot()
            learned = state(memory)
    with opened("one", mite) as memory:
        assert memory.merge("two") == 2
        assert same(state(memory), learned) and memory.verify() == []
        assert memory.merge("two") == 0, "nothing is merged twice"
        memory.rebuild()
        assert same(state(memory), learned)
    with opened("two", mite) as memory:
        assert len(memory.ledger.learned(memory.row.id)) == 2, "the source stays as it is"


def test_merging_into_a_memory_whose_clock_was_set_back(mite: Model):
    with opened("two", mite) as memory:
        event = teach(memory, TEXTS[2])
        memory.ledger._db.execute("UPDATE events SET time = '2026-01-04' WHERE id = ?", (event.id,))
    with opened("one", mite) as memory:
        for text, time in ((TEXTS[0], "2026-01-05"), (TEXTS[1], "2026-01-03")):
            event = teach(memory, text)
            memory.ledger._db.execute("UPDATE events SET time = ? WHERE id = ?", (time, event.id))
            memory.snapshot()
        memory.merge("two")
        assert memory.verify() == []
        merged = state(memory)
    with opened("never", mite) as memory:
        for text in (TEXTS[1], TEXTS[2], TEXTS[0]):
            teach(memory, text)
        assert same(state(memory), merged)


def test_a_merge_learns_what_waits_once(mite: Model):
    """What waits here and was learned there waits no more; what waits there waits there alone."""
    with opened("m", mite) as memory:
        ledger = memory.ledger
        chat = ledger.add_conversation(memory.row.id)
        _, second = (ledger.add_message(chat, "user", t, "pending").id for t in TEXTS[:2])
    with closing(Ledger(home() / "mlxdyn.db")) as ledger:
        branch("m", "twin", ledger)
    with opened("twin", mite) as twin:
        copy, other = twin.ledger.pending(twin.row.id)
        twin.learn(Lesson("message", copy, words(mite, TEXTS[0])))
        learned = state(twin)
    with opened("m", mite) as memory:
        assert memory.merge("twin") == 1 and same(state(memory), learned)
        assert memory.ledger.pending(memory.row.id) == [second]
        assert memory.merge("twin") == 0 and memory.verify() == []
    with opened("twin", mite) as twin:
        assert twin.ledger.pending(twin.row.id) == [other]


def test_redo_after_a_merge_brings_back_only_what_was_undone_since(mite: Model):
    with opened("twin", mite) as twin:
        teach(twin, TEXTS[2])
    with opened("m", mite) as memory:
        for text in TEXTS[:2]:
            teach(memory, text)
        memory.undo()
        memory.ledger._db.execute("UPDATE events SET time = '2026-01-01' WHERE memory = 2")
        memory.merge("twin")
        merged = state(memory)
        assert memory.redo() is None
        memory.undo()
        assert memory.redo() is not None and same(state(memory), merged)
        assert memory.redo() is None and memory.verify() == []


def test_a_merged_branch_forgets_every_copy(mite: Model):
    with opened("m", mite) as memory:
        first = teach(memory, "the password is xylophone").lesson.message
    ledger = Ledger(home() / "mlxdyn.db")
    branch("m", "twin", ledger)
    ledger.close()
    with opened("twin", mite) as twin:
        (chat,) = twin.ledger.conversations(twin.row.id)
        message = twin.ledger.add_message(chat.id, "user", "a second thing", "pending").id
        twin.learn(Lesson("message", message, (), 0))
        twin.ledger._db.execute("UPDATE events SET accepted = 1")  # of it there is nothing to learn
    with opened("m", mite) as memory:
        memory.merge("twin")
        memory.forget([first])
        assert not any(
            "xylophone" in message.text
            for chat in memory.ledger.conversations(memory.row.id)
            for message in memory.ledger.messages(chat.id)
        )
        assert memory.ledger.holders([first], memory.row.id) == []


# the text leaves the files

WORD, REPLY, FACT = "Kwrzlibrandt", "Oohplimmelgeist", "Vextroniumbach"


def holding(secret: str) -> list[str]:
    """The files below the home that hold `secret` in any byte."""
    wanted = secret.encode()
    files = (path for path in home().rglob("*") if path.is_file())
    return [path.name for path in files if wanted in path.read_bytes()]


def converse(memory: Memory) -> int:
    """Talk much, and in the middle of it about what is to be forgotten; return that message."""
    ledger = memory.ledger
    chat, secret = ledger.add_conversation(memory.row.id), 0
    for turn in range(12):
        said = f"{WORD} {turn} " * 50 if turn == 6 else f"This is message {turn}. " * 20
        message = ledger.add_message(chat, "user", said, "pending").id
        items = [Item(f"Who is {FACT}?", f"{FACT} is nobody.")] if turn == 6 else []
        ledger.add_items(message, items, "model")
        memory.learn(Lesson("message", message, (), 1 if items else 0, False))
        ledger.add_message(
            chat, "assistant", f"{REPLY} indeed. " if turn == 6 else "Oh. " * 9, "none"
        )
        secret = message if turn == 6 else secret
        memory.snapshot()
    return secret


@pytest.mark.parametrize("last", [True, False])
def test_what_is_forgotten_is_in_no_file(mite: Model, last: bool):
    with opened("m", mite) as memory:
        message = converse(memory)
        if last:
            memory.forget([m.id for m in memory.ledger.messages(1) if m.id > message + 1])
        (event,) = [e for e in memory.ledger.events(memory.row.id) if e.lesson.message == message]
        know = [
            path for path in snapshots(memory) if int(path.name.split("-")[0]) >= event.position
        ]
        assert know and all(holding(word) for word in (WORD, REPLY, FACT))
        memory.forget([message])
        assert not any(holding(word) for word in (WORD, REPLY, FACT))
        assert not any(path.exists() for path in know), "nor in weights on disk"
        assert memory.verify() == []
    assert not any(holding(word) for word in (WORD, REPLY, FACT))


def test_weights_that_know_the_forgotten_leave_the_disk(mite: Model):
    """Also where nothing is learned again, so that no newer snapshot takes their place."""
    with opened("m", mite) as memory:
        events = []
        for text in SAID[:2]:
            events.append(teach(memory, text))
            memory.snapshot()
        first, second = reversed(snapshots(memory))
        memory.forget([events[1].lesson.message])
        assert first.exists() and not second.exists()
        memory.forget([events[0].lesson.message])
        assert not first.exists() and not list(memory.directory.glob("*.safetensors"))


def test_what_an_item_said_is_in_no_file(mite: Model):
    with opened("m", mite) as memory:
        converse(memory)
        (item,) = memory.known_items()
        memory.change_item(item, Item("Who is it?", "Nobody."))
        assert not holding(FACT) and holding(WORD)


def test_forgetting_a_message_that_waits_or_was_undone_erases_it(mite: Model):
    with opened("m", mite) as memory:
        chat = memory.ledger.add_conversation(memory.row.id)
        waiting = memory.ledger.add_message(chat, "user", WORD, "pending").id
        undone = teach(memory, FACT).lesson.message
        memory.undo()
        assert memory.forget([waiting, undone]) == 0
        assert not holding(WORD) and not holding(FACT)
        assert memory.redo() is None and memory.ledger.pending(memory.row.id) == []


def test_killed_while_forgetting_it_is_forgotten_or_not_and_then_in_no_file(
    mite: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Copies of the home at every step stand for the homes that killed processes leave."""
    copies: list[Path] = []

    def step(sql: str) -> None:
        if sql.split()[0] in ("BEGIN", "COMMIT", "VACUUM", "PRAGMA", "DELETE", "INSERT"):
            copies.append(tmp_path / f"home{len(copies)}")
            shutil.copytree(home(), copies[-1])

    with opened("m", mite) as memory:
        message = converse(memory)
        memory.ledger._db.set_trace_callback(step)
        memory.forget([message])
        memory.ledger._db.set_trace_callback(None)
        forgotten = state(memory)
    found = []
    for copy in copies:
        monkeypatch.setenv("MLXDYN_HOME", str(copy))
        with opened("m", mite) as memory:
            assert memory.verify() == []
            found.append(bool(memory.ledger.find_messages(memory.row.id, Filter(search=WORD))))
            assert same(state(memory), forgotten) != found[-1]
            assert found[-1] or not any(holding(word) for word in (WORD, REPLY, FACT))
    assert found == sorted(found, reverse=True) and {True, False} == set(found)
    assert found.count(False) > 5, "killed after it was forgotten, and before all was erased"
