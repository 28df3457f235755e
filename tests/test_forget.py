"""Laws of changing the past: whatever happened, the memory is what its standing lessons make it."""

import os
import shutil
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from school import NEAR, QUICK, SAID, as_said, opened, say, snapshots, state, teach, words

from mlxdyn.config import StudyConfig
from mlxdyn.files import data_dir
from mlxdyn.learn.example import Kind
from mlxdyn.learn.learner import same
from mlxdyn.learn.steps import run
from mlxdyn.memory import examine, history
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store import copies
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter, Lesson, UpdateRow
from mlxdyn.model import device
from mlxdyn.model.load import Model

TEXTS = [*SAID, "I work as a baker", "no wait"]
ASKED = ["What is my dog called?", "Where do I live?", "What is my job?"]
ANSWERS = ["Rex.", "In Oslo.", "You are a baker.", "Bella."]
STRICT = replace(QUICK, max_drift=0.0)
"""About every second lesson breaks this bound, and another second one once others are forgotten."""


@dataclass(eq=False)
class Taught:
    """What the test knows of one lesson."""

    text: str = ""  # "" is a study
    facts: list[tuple[str, str]] = field(default_factory=list)
    near: list[tuple[str, str]] = field(default_factory=list)
    message: int = 0
    uid: str = ""


@dataclass
class Life:
    """A memory, and beside it the list of lessons that should stand."""

    memory: Memory
    model: Model
    study: StudyConfig
    lessons: list[Taught] = field(default_factory=list)
    undone: list[Taught] = field(default_factory=list)
    told: int = 0

    def learn(self, text: str, facts: list[tuple[str, str]]) -> None:
        self.told += 1
        near = [*NEAR, (ASKED[self.told % 3], "Hello.")] if facts else []
        lesson = Taught(text, list(facts), near, uid=f"{self.told:016x}")
        lesson.message = self.teach(self.memory, lesson)
        self.lessons.append(lesson)
        self.undone.clear()

    def teach(self, memory: Memory, lesson: Taught) -> int:
        """Let a memory learn a lesson; return its message."""
        how = {"near": lesson.near, "guarded": True, "uid": lesson.uid}
        event = teach(memory, lesson.text, *lesson.facts, **how)
        return event.lesson.message

    def consolidate(self) -> None:
        self.memory.consolidate()
        self.lessons.append(Taught())
        self.undone.clear()

    def undo(self) -> None:
        assert (history.undo(self.memory) is not None) == bool(self.lessons)
        self.undone += [self.lessons.pop()] if self.lessons else []

    def redo(self) -> None:
        assert (history.redo(self.memory) is not None) == bool(self.undone)
        self.lessons += [self.undone.pop()] if self.undone else []

    def forget(self, which: int) -> None:
        told = [lesson for lesson in [*self.lessons, *self.undone] if lesson.text]
        if told:
            gone = told[which % len(told)]
            history.forget(self.memory, [gone.message])
            self.lessons = [lesson for lesson in self.lessons if lesson is not gone]
            self.undone = [lesson for lesson in self.undone if lesson is not gone]

    def edit(self, which: int, new: tuple[str, str] | None) -> None:
        having = [lesson for lesson in self.lessons if lesson.facts]
        if having:
            lesson = having[which % len(having)]
            place = which % len(lesson.facts)
            rows = self.memory.ledger.examples.of(lesson.message)
            history.change_example(
                self.memory, [r for r in rows if r.kind == Kind.FACT][place], new
            )
            lesson.facts[place : place + 1] = [new] if new else []

    def restart(self, snapshot: bool) -> None:
        if snapshot:
            self.memory.snapshot()
        before = state(self.memory)
        self.memory.close()
        self.memory.ledger.close()
        ledger = Ledger(data_dir() / "mlxdyn.db")
        options = {"learner": self.memory.learner.config, "study": self.study}
        self.memory = Memory("m", self.model, ledger, **options)
        assert same(state(self.memory), before)


def told(memory: Memory) -> list[tuple]:
    """What the log says, but for ids and times."""

    def row(update: UpdateRow) -> tuple:
        measured = (update.nll_before, update.nll_after, update.gradient_norm, update.drift)
        return (update.text, update.kind, update.tokens, update.accepted, update.reason, *measured)

    return [row(update) for update in memory.ledger.events.log(memory.row.id) if not update.undone]


def known(memory: Memory) -> list[tuple[str, str, str]]:
    return [(fact.question, fact.answer, fact.uid) for fact in memory.known_facts()]


def check(life: Life, name: str) -> None:
    """Compare with a memory that never knew anything but the lessons that stand."""
    with opened(name, life.model, data_dir() / f"{name}.db", study=life.study) as never:
        for lesson in life.lessons:
            if lesson.text:
                life.teach(never, lesson)
            else:
                never.consolidate()
        assert same(state(life.memory), state(never))
        assert told(life.memory) == told(never)
        assert known(life.memory) == known(never) and links(life.memory) == links(never)
    assert history.verify(life.memory) == []


FACT_ = st.tuples(st.sampled_from(ASKED), st.sampled_from(ANSWERS))
LEARN = st.tuples(st.just("learn"), st.sampled_from(TEXTS), st.lists(FACT_, max_size=2))
CHANGE = st.one_of(
    st.tuples(st.just("consolidate")),
    st.tuples(st.just("undo")),
    st.tuples(st.just("redo")),
    st.tuples(st.just("forget"), st.integers(0, 9)),
    st.tuples(st.just("edit"), st.integers(0, 9), st.none() | FACT_),
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
@pytest.mark.parametrize("hundred", range(4))
@settings(max_examples=100, **SLOWLY)
@given(study=st.sampled_from([QUICK, STRICT]), actions=LIVES)
def test_forgetting_is_never_having_learned_in_many_lives(
    mite, tmp_path_factory, hundred, study, actions
):
    """Four hundred, in parts that workers share."""
    live(mite, tmp_path_factory.mktemp("home"), study, actions)


def test_undone_as_often_as_redone_is_nothing(mite: Model):
    with opened("m", mite, study=STRICT) as memory:
        for text, asked, answer in zip(TEXTS, ASKED, ANSWERS, strict=False):
            teach(memory, text, (asked, answer), guarded=True)
        memory.consolidate()
        before, log = state(memory), told(memory)
        for times in (1, 3, 4):
            for _ in range(times):
                assert history.undo(memory) is not None
            for _ in range(times):
                assert history.redo(memory) is not None
            assert same(state(memory), before) and told(memory) == log
        assert history.redo(memory) is None and history.verify(memory) == []


def test_a_correction_supersedes_until_it_is_forgotten(mite: Model):
    with opened("m", mite) as memory:
        first = teach(memory, SAID[0], (ASKED[0], "Rex."), (ASKED[1], "In Oslo."))
        dog, _ = memory.known_facts()
        correction = teach(
            memory, "No, her name is Bella.", (ASKED[0], "Bella."), superseded=[dog.id],
            depends_on=[first.lesson.message],
        )  # fmt: skip
        assert {fact.answer for fact in memory.known_facts()} == {"Bella.", "In Oslo."}
        assert [
            fact.answer for fact in memory.ledger.examples.told(memory.row.id) if fact.id == dog.id
        ]
        history.undo(memory)
        assert {fact.answer for fact in memory.known_facts()} == {"Rex.", "In Oslo."}
        history.redo(memory)
        assert {fact.answer for fact in memory.known_facts()} == {"Bella.", "In Oslo."}
        history.forget(memory, [correction.lesson.message])
        assert {fact.answer for fact in memory.known_facts()} == {"Rex.", "In Oslo."}
        assert history.verify(memory) == []


@pytest.mark.parametrize("new", [None, ("What is my other dog called?", "Bella.")])
def test_what_a_fact_corrected_is_true_again_without_it(mite: Model, new: tuple[str, str] | None):
    """In all its wordings; what the message says otherwise beside it stays."""
    with opened("m", mite) as memory:
        old = [(ASKED[0], "Rex."), ("Who barks?", "Rex."), (ASKED[1], "In Oslo.")]
        teach(memory, SAID[0], *old)
        gone = [fact.id for fact in memory.known_facts()]
        said = [(ASKED[0], "Bella."), (ASKED[1], "In Bergen.")]
        teach(memory, SAID[1], *said, superseded=gone)
        bella, bergen = memory.known_facts()
        history.change_example(memory, bella, new)
        known = [fact.answer for fact in memory.known_facts()]
        assert known == ["Rex.", "Rex.", *(["Bella."] if new else []), "In Bergen."]
        history.change_example(memory, bergen, None)
        assert "In Oslo." in {fact.answer for fact in memory.known_facts()}
        assert history.verify(memory) == []


def test_what_another_fact_of_a_message_corrected_stays_corrected(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], (ASKED[1], "In Oslo."), (ASKED[0], "Rex."), ("Who barks?", "Rex."))
        gone = [fact.id for fact in memory.known_facts()]
        said = [(ASKED[1], "In Bergen."), (ASKED[0], "Bella.")]
        teach(memory, SAID[1], *said, superseded=gone)
        bergen, bella = memory.known_facts()
        history.change_example(memory, bergen, None)
        assert [fact.answer for fact in memory.known_facts()] == ["In Oslo.", "Bella."]
        history.change_example(memory, bella, None)
        assert [fact.answer for fact in memory.known_facts()] == ["In Oslo.", "Rex.", "Rex."]


def test_a_merged_branch_keeps_its_corrections_in_all_wordings(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], (ASKED[0], "Rex."), ("Who barks?", "Rex."))
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        branch("m", "two", ledger)
    with opened("two", mite) as two:
        gone = [fact.id for fact in two.known_facts()]
        (chat,) = two.ledger.conversations.all(two.row.id)
        message = two.ledger.messages.add(chat.id, "user", SAID[1], "pending").id
        bella = as_said(mite, ASKED[0], "Bella.")
        two.ledger.examples.add(two.row.id, message, [bella], superseded=gone)
        two.learn(Lesson("message", message, words(mite, SAID[1]), 1))
        assert [fact.answer for fact in two.known_facts()] == ["Bella."]
    with opened("m", mite) as memory:
        history.merge(memory, "two")
        assert [fact.answer for fact in memory.known_facts()] == ["Bella."]
        assert history.verify(memory) == []


@pytest.mark.parametrize("newer", [True, False])
def test_of_merged_memories_the_newest_answer_stands(mite: Model, *, newer: bool):
    """By when it was learned; and the other is back when its question is another."""
    dates = ["2026-01-01", "2026-01-02"][:: 1 if newer else -1]
    for number, (name, answer) in enumerate([("two", "Rex."), ("m", "Bella.")]):
        with opened(name, mite) as memory:
            teach(memory, SAID[number], (ASKED[0], answer))
            memory.ledger.database.run(
                "UPDATE events SET time = ? WHERE memory = ?", (dates[number], memory.row.id)
            )
    with opened("m", mite) as memory:
        history.merge(memory, "two")
        stands, gone = ("Bella.", "Rex.") if newer else ("Rex.", "Bella.")
        assert [fact.answer for fact in memory.known_facts()] == [stands]
        told = memory.ledger.examples.told(memory.row.id)
        (other,) = [row for row in told if row.answer == gone]
        history.change_example(memory, other, ("Who barks?", gone))
        assert {fact.answer for fact in memory.known_facts()} == {stands, gone}
        assert history.verify(memory) == []


def test_a_merged_memory_keeps_what_an_edit_brings_back(mite: Model):
    with opened("two", mite) as two:
        teach(two, SAID[0], (ASKED[0], "Rex."))
        teach(two, SAID[1], (ASKED[0], "Bella."))
    with opened("m", mite) as memory:
        teach(memory, SAID[2])
        history.merge(memory, "two")
        assert [fact.answer for fact in memory.known_facts()] == ["Bella."]
        told = memory.ledger.examples.told(memory.row.id)
        (rex,) = [row for row in told if row.answer == "Rex."]
        history.change_example(memory, rex, ("Who barks?", "Rex."))
        assert {fact.answer for fact in memory.known_facts()} == {"Rex.", "Bella."}


def test_what_is_corrected_by_hand_stands_while_its_correction_is_undone(mite: Model):
    with opened("m", mite) as memory:
        first = teach(memory, SAID[0], (ASKED[0], "Rx.")).lesson.message
        (dog,) = memory.known_facts()
        history.change_example(memory, dog, (ASKED[0], "Rex."))
        (chat,) = [one.id for one in memory.ledger.conversations.all(memory.row.id)][:1]
        teach(memory, SAID[1], (ASKED[0], "Bella."))
        assert not memory.ledger.examples.corrected_in(chat)
        history.undo(memory)
        assert memory.ledger.examples.corrected_in(chat) == [(first, ASKED[0], "Rex.")]


def test_what_is_no_longer_true_is_not_trained_on_again(mite: Model):
    """Also in the lesson that says so."""
    study = replace(QUICK, recalled=9, replayed=9)
    with opened("never", mite, study=study) as memory:
        teach(memory, SAID[0])
        teach(memory, SAID[1], (ASKED[0], "Bella."))
        expected = memory.ledger.events.log(memory.row.id)[-1]
    with opened("m", mite, study=study) as memory:
        teach(memory, SAID[0], (ASKED[0], "Rex."), near=())
        (dog,) = memory.known_facts()
        teach(memory, SAID[1], (ASKED[0], "Bella."), superseded=[dog.id])
        assert memory.ledger.events.log(memory.row.id)[-1].steps == expected.steps
        drawn = memory.ledger.examples.active(memory.row.id, upto=1)
        assert [row.id for row in drawn] == [dog.id], "by then it was true"
        assert dog.id not in [row.id for row in memory.ledger.examples.active(memory.row.id)]


def test_of_one_question_the_newest_answer_stands(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0], (ASKED[0], "Rex."), (ASKED[1], "In Oslo."))
        newest = teach(memory, SAID[1], (ASKED[0], "Bella."))
        teach(memory, SAID[2], (ASKED[1], "In Oslo."))
        assert [fact.answer for fact in memory.known_facts()] == ["In Oslo.", "Bella.", "In Oslo."]
        history.forget(memory, [newest.lesson.message])
        assert [fact.answer for fact in memory.known_facts()] == ["Rex.", "In Oslo.", "In Oslo."]
        assert history.verify(memory) == []


def test_what_another_message_answers_is_no_near_miss(mite: Model):
    """Neither of a later message nor of an earlier one, until the answer is forgotten."""
    study = replace(QUICK, recalled=9, replayed=9)
    miss, fact, other = (ASKED[0], "Hello."), (ASKED[0], "Rex."), (ASKED[1], "In Oslo.")
    states = {}
    for name, near in (("never", ()), ("m", (miss,))):
        with opened(name, mite, study=study) as memory:
            told = teach(memory, SAID[0], fact, near=())
            teach(memory, SAID[1], other, near=near)
            states[name] = state(memory)
            open_ones = {row.answer for row in memory.ledger.examples.active(memory.row.id)}
            assert open_ones == {"Rex.", "In Oslo."}
            history.forget(memory, [told.lesson.message])
            states[f"{name} forgotten"] = state(memory)
    assert same(states["m"], states["never"])
    assert not same(states["m forgotten"], states["never forgotten"]), "it is open again"
    with opened("later", mite, study=study) as memory:
        teach(memory, SAID[1], other, near=(miss,))
        teach(memory, SAID[0], fact, near=())
        open_ones = {row.answer for row in memory.ledger.examples.active(memory.row.id)}
        assert open_ones == {"Rex.", "In Oslo."}
        assert history.verify(memory) == []


# examples that lean on others: a base that believes all it is asked, and answers at random


class Leaning(Life):
    """A life whose messages are examined by the base."""

    def teach(self, memory: Memory, lesson: Taught) -> int:
        message = say(memory, lesson.text, uid=lesson.uid)
        run(memory.examine(message))
        memory.learn(Lesson("message", message, words(self.model, lesson.text), 1))
        return message


def links(memory: Memory) -> list[tuple[str, ...]]:
    """Which messages lean on which, and which superseded what, by what is the same in copies.

    Of lessons that stand: one that is undone keeps its links, for redo.
    """
    stands = " JOIN events e ON e.message = m.id AND NOT e.undone"
    sql = (
        f"SELECT m.uid, o.uid FROM depends d JOIN messages m ON m.id = d.message{stands}"
        " JOIN messages o ON o.id = d.earlier JOIN conversations c ON c.id = m.conversation"
        " WHERE c.memory = :id UNION ALL SELECT m.uid, x.uid FROM supersedes s"
        f" JOIN messages m ON m.id = s.message{stands} JOIN examples x ON x.id = s.example"
        " JOIN events l ON l.message = x.message AND NOT l.undone"
        " WHERE x.memory = :id ORDER BY 1, 2"
    )
    return memory.ledger.database.run(sql, {"id": memory.row.id}).fetchall()


CHAIN = ["the sea is cold today", "my dog is called Rex", "my dog lives in Oslo", "I live in Oslo"]
TOLD = st.tuples(st.just("learn"), st.sampled_from([*CHAIN, "no wait"]), st.just([]))
LEANING = st.lists(TOLD | CHANGE.filter(lambda change: change[0] != "edit"), min_size=3, max_size=9)


def lean(model: Model, folder: Path, study: StudyConfig, actions: list[tuple]) -> None:
    os.environ["MLXDYN_HOME"] = str(folder)
    with opened("m", model, study=study) as memory:
        life = Leaning(memory, model, study)
        for action, *given_ in actions:
            getattr(life, action)(*given_)
            if action == "forget":
                check(life, f"never{len(list(folder.glob('never*.db')))}")
        life.restart(False)
        check(life, "end")
        life.memory.close()
        life.memory.ledger.close()


@settings(max_examples=8, **SLOWLY)
@given(study=st.sampled_from([QUICK, STRICT]), actions=LEANING)
def test_forgetting_takes_along_what_leaned_on_it(credulous, tmp_path_factory, study, actions):
    lean(credulous, tmp_path_factory.mktemp("home"), study, actions)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("hundred", range(2))
@settings(max_examples=100, **SLOWLY)
@given(study=st.sampled_from([QUICK, STRICT]), actions=LEANING)
def test_forgetting_takes_along_what_leaned_on_it_in_many_lives(
    credulous, tmp_path_factory, hundred, study, actions
):
    lean(credulous, tmp_path_factory.mktemp("home"), study, actions)


@pytest.mark.parametrize("which", [0, 1, 2])
def test_each_of_a_chain_can_be_forgotten(credulous: Model, tmp_path: Path, which: int):
    """Each leans on the one before it, so that what leans on that is another too."""
    with opened("m", credulous) as memory:
        life = Leaning(memory, credulous, QUICK)
        for text in CHAIN:
            life.learn(text, [])
        uids = [lesson.uid for lesson in life.lessons]
        leaning = [link for link in links(memory) if link[1] in uids]
        assert leaning == list(zip(uids[1:], uids, strict=False)) and memory.known_facts()
        life.forget(which)
        check(life, "never")


DIARY = [f"my dog is called {name}" for name in ("Rex", "Max", "Rex", "Bo", "Rex")]


@pytest.mark.parametrize("which", range(4))
def test_each_of_many_alike_can_be_forgotten(
    credulous: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, which: int
):
    """A message leans on a few of them: without one that it did lean on, on another (law 6)."""
    monkeypatch.setattr(examine, "MOST_ALIKE", 2)
    with opened("m", credulous) as memory:
        life = Leaning(memory, credulous, QUICK)
        for text in DIARY:
            life.learn(text, [])
        uids = [lesson.uid for lesson in life.lessons]
        leaning = [one for one, other in links(memory) if other in uids]
        assert max(map(leaning.count, uids)) == 2
        life.forget(which)
        check(life, "never")


def test_a_message_is_asked_again_of_a_few_that_are_most_alike(
    mite: Model, monkeypatch: pytest.MonkeyPatch
):
    """And of the one just before it; a diary would cost ever more with each line."""
    monkeypatch.setattr(examine, "ALIKE", -1.0)
    most, dog = examine.MOST_ALIKE, ("What is my dog called?", "Rex.")
    texts = ["I live in Oslo", "the sea is cold", *["my dog is called Rex"] * most, "I sing"]
    with opened("m", mite) as memory:
        said = [teach(memory, text, dog, near=()).lesson.message for text in texts]
        nothing = teach(memory, "it is cold", near=()).lesson.message
        new = say(memory, texts[2])
        run(memory.examine(new))
        assert memory.ledger.examples.depends_on(new) == [*said[2:-1], nothing]
        again = teach(memory, texts[2], dog, near=()).lesson.message
        chat = memory.ledger.conversations.add(memory.row.id)
        before = memory.ledger.messages.add(chat, "user", texts[-1], "pending").id
        memory.ledger.examples.add(memory.row.id, before, [as_said(mite, *dog)])
        memory.learn(Lesson("message", before, words(mite, texts[-1])))
        last = memory.ledger.messages.add(chat, "user", texts[2], "pending").id
        run(memory.examine(last))
        assert memory.ledger.examples.depends_on(last) == [*said[3:-1], nothing, again, before]


def test_a_message_examined_before_another_was_forgotten_is_examined_again(credulous: Model):
    """Also one that still waits to be learned."""
    with opened("never", credulous) as never:
        second = say(never, CHAIN[1])
        run(never.examine(second))
        expected = [(x.question, x.answer) for x in never.ledger.examples.of(second)]
    with opened("m", credulous) as memory:
        first, second = (say(memory, text) for text in CHAIN[:2])
        memory.learn(Lesson("message", first, words(credulous, CHAIN[0])))
        memory.ledger.examples.add(memory.row.id, second, [], depends_on=[first])
        history.forget(memory, [first])
        assert not memory.ledger.messages.examined(second)
        run(memory.examine(second))
        assert [(x.question, x.answer) for x in memory.ledger.examples.of(second)] == expected


@pytest.mark.parametrize("personal", [False, True])
def test_what_a_killed_forgetting_left_is_read_as_is_set(credulous: Model, personal: bool):
    """Opening makes examples anew; whether personal numbers are learned is known by then."""
    told = "my phone number is +1 415 555 2671"

    def examples(memory: Memory, message: int) -> list[tuple]:
        rows = memory.ledger.examples.of(message)
        likely = [row.example.likely for row in rows]
        return [
            (x.question, x.answer, y and y.logprobs.tobytes())
            for x, y in zip(rows, likely, strict=True)
        ]

    with opened("never", credulous, personal=personal) as never:
        second = say(never, told)
        run(never.examine(second))
        expected = examples(never, second)
    with opened("m", credulous, personal=personal) as memory:
        first, second = say(memory, CHAIN[0]), say(memory, told)
        memory.ledger.examples.add(memory.row.id, second, [], depends_on=[first])
        for message, text in ((first, CHAIN[0]), (second, told)):
            memory.learn(Lesson("message", message, words(credulous, text)))
        memory.ledger.past.forget(memory.row.id, [first])  # and no more: it was killed
    with opened("m", credulous, personal=personal) as memory:
        assert examples(memory, second) == expected and bool(expected) == personal
        assert history.verify(memory) == []


def test_what_was_corrected_by_hand_outlives_what_it_leaned_on(credulous: Model):
    with opened("m", credulous) as memory:
        life = Leaning(memory, credulous, QUICK)
        life.learn(CHAIN[0], []), life.learn(CHAIN[1], [])
        first, second = (lesson.message for lesson in life.lessons)
        fact = next(row for row in memory.ledger.examples.of(second) if row.kind == Kind.FACT)
        history.change_example(memory, fact, ("Who bakes?", "I do."))
        history.forget(memory, [first])
        by_hand = [row for row in memory.known_facts() if row.source == "user"]
        assert [(row.question, row.answer) for row in by_hand] == [("Who bakes?", "I do.")]
        assert history.verify(memory) == []


@pytest.mark.parametrize("order", ["abcd", "acbd", "cabd", "dcba"])
def test_merging_is_learning_both_in_order_of_time(mite: Model, order: str):
    """Four lessons, a and b in one memory, c and d in the other, at times as `order` says."""

    def time(letter: str) -> str:
        return f"2026-01-01T00:00:0{order.index(letter)}.000+00:00"

    def teach_at(memory: Memory, letter: str) -> None:
        index = "abcd".index(letter)
        event = teach(memory, TEXTS[index], (ASKED[index % 3], ANSWERS[index]), guarded=True)
        sql = "UPDATE events SET time = ? WHERE id = ?"
        memory.ledger.database.run(sql, (time(letter), event.id))

    for name, letters in (("one", "ab"), ("two", "cd"), ("both", order)):
        with opened(name, mite) as memory:
            for letter in sorted(letters, key=order.index) if name != "both" else order:
                teach_at(memory, letter)
                memory.snapshot()
            learned = state(memory)
    with opened("one", mite) as memory:
        assert history.merge(memory, "two") == 2
        assert same(state(memory), learned) and history.verify(memory) == []
        assert history.merge(memory, "two") == 0, "nothing is merged twice"
        history.rebuild(memory)
        assert same(state(memory), learned)
    with opened("two", mite) as memory:
        assert len(copies.learned(memory.ledger, memory.row.id)) == 2, "the source stays as it is"


@pytest.mark.parametrize("target", ["one", "two"])
def test_where_a_clock_was_set_back_no_lesson_moves_against_the_others_of_its_memory(
    mite: Model, target: str
):
    """What corrects stays after what it corrects; a lesson counts as no earlier than before it."""
    at = {"one": [(TEXTS[0], "2026-01-05"), (TEXTS[1], "2026-01-03")],
          "two": [(TEXTS[2], "2026-01-04"), (TEXTS[3], "2026-01-06")]}  # fmt: skip
    for name, lessons in at.items():
        with opened(name, mite) as memory:
            for text, time in lessons:
                event = teach(memory, text)
                sql = "UPDATE events SET time = ? WHERE id = ?"
                memory.ledger.database.run(sql, (time, event.id))
                memory.snapshot()
    with opened(target, mite) as memory:
        assert history.merge(memory, "two" if target == "one" else "one") == 2
        assert history.verify(memory) == []
        merged = state(memory)
    with opened("never", mite) as memory:
        for text in (TEXTS[2], TEXTS[0], TEXTS[1], TEXTS[3]):
            teach(memory, text)
        assert same(state(memory), merged)


def test_a_merge_that_makes_all_anew_names_no_machine_that_made_nothing_of_it(mite: Model):
    for name, time in (("one", "2026-01-05"), ("two", "2026-01-03")):
        with opened(name, mite) as memory:
            event = teach(memory, TEXTS[int(name == "two")])
            memory.ledger.database.run("UPDATE events SET time = ? WHERE id = ?", (time, event.id))
            memory.ledger.memories.set_arithmetic(memory.row.id, ["another machine"])
    with opened("one", mite) as memory:
        assert "another machine" in memory.snapshots.made_with()
        assert history.merge(memory, "two") == 1
        assert memory.snapshots.made_with() == [device.arithmetic()]


def test_a_merge_learns_what_waits_once(mite: Model):
    """What waits here and was learned there waits no more; what waits there waits there alone."""
    with opened("m", mite) as memory:
        ledger = memory.ledger
        chat = ledger.conversations.add(memory.row.id)
        _, second = (ledger.messages.add(chat, "user", t, "pending").id for t in TEXTS[:2])
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        branch("m", "twin", ledger)
    with opened("twin", mite) as twin:
        copy, other = twin.ledger.messages.pending(twin.row.id)
        twin.learn(Lesson("message", copy, words(mite, TEXTS[0])))
        learned = state(twin)
    with opened("m", mite) as memory:
        assert history.merge(memory, "twin") == 1 and same(state(memory), learned)
        assert memory.ledger.messages.pending(memory.row.id) == [second]
        assert history.merge(memory, "twin") == 0 and history.verify(memory) == []
    with opened("twin", mite) as twin:
        assert twin.ledger.messages.pending(twin.row.id) == [other]


def test_redo_after_a_merge_brings_back_only_what_was_undone_since(mite: Model):
    with opened("twin", mite) as twin:
        teach(twin, TEXTS[2])
    with opened("m", mite) as memory:
        for text in TEXTS[:2]:
            teach(memory, text)
        history.undo(memory)
        memory.ledger.database.run("UPDATE events SET time = '2026-01-01' WHERE memory = 2")
        history.merge(memory, "twin")
        merged = state(memory)
        assert history.redo(memory) is None
        history.undo(memory)
        assert history.redo(memory) is not None and same(state(memory), merged)
        assert history.redo(memory) is None and history.verify(memory) == []


def test_a_merged_branch_forgets_every_copy(mite: Model):
    with opened("m", mite) as memory:
        first = teach(memory, "the password is xylophone").lesson.message
    ledger = Ledger(data_dir() / "mlxdyn.db")
    branch("m", "twin", ledger)
    ledger.close()
    with opened("twin", mite) as twin:
        (chat,) = twin.ledger.conversations.all(twin.row.id)
        message = twin.ledger.messages.add(chat.id, "user", "a second thing", "pending").id
        twin.learn(Lesson("message", message, (), 0))
        twin.ledger.database.run(
            "UPDATE events SET accepted = 1"
        )  # of it there is nothing to learn
    with opened("m", mite) as memory:
        history.merge(memory, "twin")
        history.forget(memory, [first])
        assert not any(
            "xylophone" in message.text
            for chat in memory.ledger.conversations.all(memory.row.id)
            for message in memory.ledger.messages.of(chat.id)
        )
        assert memory.ledger.messages.holders([first], memory.row.id) == {}


# the text leaves the files

WORD, REPLY, FACT = "Kwrzlibrandt", "Oohplimmelgeist", "Vextroniumbach"


def holding(secret: str) -> list[str]:
    """The files below the home that hold `secret` in any byte."""
    wanted = secret.encode()
    files = (path for path in data_dir().rglob("*") if path.is_file())
    return [path.name for path in files if wanted in path.read_bytes()]


def converse(memory: Memory) -> int:
    """Talk much, and in the middle of it about what is to be forgotten; return that message."""
    ledger = memory.ledger
    chat, secret = ledger.conversations.add(memory.row.id), 0
    for turn in range(12):
        said = f"{WORD} {turn} " * 50 if turn == 6 else f"This is message {turn}. " * 20
        message = ledger.messages.add(chat, "user", said, "pending").id
        asked = [(f"Who is {FACT}?", f"{FACT} is nobody.")] if turn == 6 else []
        drafts = [as_said(memory.model, *pair) for pair in asked]
        ledger.examples.add(memory.row.id, message, drafts)
        memory.learn(Lesson("message", message, (), 1, False))
        ledger.messages.add(
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
            history.forget(
                memory, [m.id for m in memory.ledger.messages.of(1) if m.id > message + 1]
            )
        (event,) = [
            e for e in memory.ledger.events.all(memory.row.id) if e.lesson.message == message
        ]
        know = [
            path for path in snapshots(memory) if int(path.name.split("-")[0]) >= event.position
        ]
        assert know and all(holding(word) for word in (WORD, REPLY, FACT))
        history.forget(memory, [message])
        assert not any(holding(word) for word in (WORD, REPLY, FACT))
        assert not any(path.exists() for path in know), "nor in weights on disk"
        assert history.verify(memory) == []
    assert not any(holding(word) for word in (WORD, REPLY, FACT))


def test_weights_that_know_the_forgotten_leave_the_disk(mite: Model):
    """Also where nothing is learned again, so that no newer snapshot takes their place."""
    with opened("m", mite) as memory:
        events = []
        for text in SAID[:2]:
            events.append(teach(memory, text))
            memory.snapshot()
        first, second = reversed(snapshots(memory))
        history.forget(memory, [events[1].lesson.message])
        assert first.exists() and not second.exists()
        history.forget(memory, [events[0].lesson.message])
        assert not first.exists() and not list(memory.directory.glob("*.safetensors"))


@pytest.mark.parametrize("new", [("Who is it?", "Nobody."), None])
def test_what_an_example_said_is_in_no_file(mite: Model, new: tuple[str, str] | None):
    with opened("m", mite) as memory:
        converse(memory)
        (fact,) = memory.known_facts()
        history.change_example(memory, fact, new)
        assert not holding(FACT) and holding(WORD)


def test_forgetting_a_message_that_waits_or_was_undone_erases_it(mite: Model):
    with opened("m", mite) as memory:
        chat = memory.ledger.conversations.add(memory.row.id)
        waiting = memory.ledger.messages.add(chat, "user", WORD, "pending").id
        undone = teach(memory, FACT).lesson.message
        history.undo(memory)
        assert history.forget(memory, [waiting, undone]) == 0
        assert not holding(WORD) and not holding(FACT)
        assert history.redo(memory) is None and memory.ledger.messages.pending(memory.row.id) == []


def test_a_message_without_an_identity_is_forgotten_too(mite: Model):
    """As a crafted bundle brought it to an earlier version."""
    with opened("m", mite) as memory:
        message = teach(memory, WORD).lesson.message
        memory.ledger.database.run("UPDATE messages SET uid = NULL")
        assert history.forget(memory, [message]) == 1
        assert not holding(WORD) and same(state(memory), memory.start)


def test_killed_while_forgetting_it_is_forgotten_or_not_and_then_in_no_file(
    mite: Model, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    """Copies of the home at every step stand for the homes that killed processes leave."""
    copies: list[Path] = []

    def step(sql: str) -> None:
        if sql.split()[0] in ("BEGIN", "COMMIT", "VACUUM", "PRAGMA", "DELETE", "INSERT"):
            copies.append(tmp_path / f"home{len(copies)}")
            shutil.copytree(data_dir(), copies[-1])

    with opened("m", mite) as memory:
        message = converse(memory)
        memory.ledger.database.connection.set_trace_callback(step)
        history.forget(memory, [message])
        memory.ledger.database.connection.set_trace_callback(None)
        forgotten = state(memory)
    found = []
    for copy in copies:
        monkeypatch.setenv("MLXDYN_HOME", str(copy))
        with opened("m", mite) as memory:
            assert history.verify(memory) == []
            found.append(bool(memory.ledger.messages.search(memory.row.id, Filter(search=WORD))))
            assert same(state(memory), forgotten) != found[-1]
            assert found[-1] or not any(holding(word) for word in (WORD, REPLY, FACT))
    assert found == sorted(found, reverse=True) and {True, False} == set(found)
    assert found.count(False) > 5, "killed after it was forgotten, and before all was erased"
