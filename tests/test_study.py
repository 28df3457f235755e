"""Laws of studying: what is studied and when it counts; how well is measured elsewhere."""

from dataclasses import replace

import pytest
from school import ANCHORS, ASKS, QUICK, SAID, TALKS, open_memory, opened, state, teach

from mlxdyn.errors import MlxdynError
from mlxdyn.files import home
from mlxdyn.learn.learner import same
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.load import Model
from mlxdyn.study import anchors
from mlxdyn.study.item import CONTRAST, Item, ItemRow
from mlxdyn.study.lessons import Desk, encode, length, standing

DOG = ("What is my dog called?", "Your dog is called Rex.")
TOWN = ("Where do I live?", "You live in Oslo.")
EAGER = replace(QUICK, learning_rate=2e-2, pass_steps=8, most_steps=40)


def row(id: int, message: int, question: str, answer: str, source: str = "user") -> ItemRow:
    return ItemRow(id, message, question, answer, source)


def test_the_newest_statement_stands():
    old, town = row(1, 1, DOG[0], "Rex."), row(2, 1, *TOWN)
    new = row(3, 2, "What's my dog called?", "Bella.")
    again = row(4, 2, "Do you remember what my dog is called?", "Your dog is Bella.")
    miss = row(5, 3, DOG[0], "I don't know.", CONTRAST)
    assert standing([old, town]) == [old, town]
    assert standing([old, town, new, again, miss]) == [town, new, again]
    assert standing([new, again, old]) == [old], "what counts is when it was learned"


def test_a_message_is_studied_the_longer_the_more_facts_it_tells():
    """However many items one fact became: other wordings of a question, or one answer to two."""
    config = replace(QUICK, steps=5)
    dog = [
        Item(asked, "Your dog is Rex.")
        for asked in ("What is my dog called?", "What's my dog called?")
    ]
    drill = [
        Item(f"What did I say about {it}?", "You sold the drill to Bo.") for it in ["drill", "Bo"]
    ]
    home = [
        Item("Where do I live?", "You live in Oslo."),
        Item("Where do I work?", "You work at Mill."),
    ]
    for told, steps in ((dog, 5), (drill, 5), (dog + drill, 10), (dog + drill + home, 15), ([], 0)):
        assert length(told, config) == steps
    assert length(dog, replace(config, steps=0)) == 0


def test_a_study_makes_the_facts_known_and_is_kept(mite: Model):
    with opened("m", mite, study=EAGER) as memory:
        teach(memory, SAID[0], DOG)
        teach(memory, SAID[1], TOWN)
        before = state(memory)
        event = memory.consolidate()
        (update,) = memory.ledger.updates_at(event.id)
        assert event.accepted and not same(state(memory), before)
        assert (update.kind, update.steps) == ("consolidation", 16)
        assert update.nll_after < update.nll_before and update.drift is not None
        assert memory.verify() == []
        assert memory.undo().id == event.id and same(state(memory), before)


def test_the_beginning_of_an_answer_weighs_most_and_only_in_study(mite: Model):
    with opened("m", mite, study=replace(QUICK, opening=3.0)) as memory:
        desk = Desk(mite.tokenizer, [], [], memory.anchors, memory.study_config, told=set(), seed=0)
        plain = encode(mite.tokenizer, *DOG)
        weighed = desk.opened(plain)
        first = anchors.BEGINNING
        assert plain.weights is None and weighed.targets == plain.targets
        assert set(weighed.weights[:first]) == {3.0} and set(weighed.weights[first:]) == {1.0}


def test_questions_that_are_held_are_framed_as_items_are(mite: Model):
    told = [row(1, 1, *DOG)]
    with opened("m", mite, study=replace(QUICK, framed=1.0)) as memory:
        desk = Desk(
            mite.tokenizer, told, [], memory.anchors, memory.study_config, told=set(), seed=0
        )
        (card,), held = desk.items(0), desk.asks[0]
        asked = encode(mite.tokenizer, *DOG)
        assert len(desk.lesson(card).context) > len(asked.context)
        assert len(desk.holding(held).context) > len(held.ask.chunk.context)
        assert desk.holding(held).targets == held.ask.chunk.targets


def test_questions_come_alone_or_after_talk_of_other_things(mite: Model):
    """In a conversation nobody asks in an empty context only."""
    told = [row(1, 1, *DOG), row(2, 2, *TOWN)]
    with opened("m", mite, study=replace(QUICK, framed=0.0, amid=1.0)) as memory:
        desk = Desk(
            mite.tokenizer, told, [], memory.anchors, memory.study_config, told=set(), seed=0
        )
        cards, held = desk.items(0), desk.asks[0]
        alone = encode(mite.tokenizer, *DOG)
        card = next(card for card in cards if card.row.answer == DOG[1])
        seen = [desk.lesson(card, amid=True) for _ in range(24)]
        after = [mite.decode(lesson.context) for lesson in seen]
        assert desk.amid() and all(lesson.targets == alone.targets for lesson in seen)
        assert sum(len(lesson.context) > len(alone.context) for lesson in seen) > 12
        assert any(TOWN[1] in text for text in after), "what else is known"
        assert any(ASKS[1] in text for text in after), "what is unknown"
        assert not any(DOG[1] in text for text in after), "never the answer itself"
        kept = [desk.holding(held, amid=True) for _ in range(8)]
        assert {chunk.targets for chunk in kept} == {held.ask.chunk.targets}
        assert max(len(chunk.context) for chunk in kept) > len(held.ask.chunk.context)


def test_a_study_that_brings_nothing_changes_nothing(mite: Model):
    with opened("m", mite, study=replace(QUICK, learning_rate=0.0)) as memory:
        teach(memory, SAID[0], DOG)
        before = state(memory)
        event = memory.consolidate()
        (update,) = memory.ledger.updates_at(event.id)
        assert not event.accepted and "recall did not rise" in update.reason
        assert same(state(memory), before) and memory.verify() == []


def test_a_study_that_is_not_finite_changes_nothing(mite: Model):
    with opened("m", mite, study=replace(EAGER, learning_rate=float("inf"))) as memory:
        event = teach(memory, SAID[0], DOG, guarded=True)
        assert not memory.consolidate().accepted
        assert memory.verify() == []
        words = [row for row in memory.ledger.updates_at(event.id) if row.kind == "words"]
        assert words, "it is on record, whatever became of it"


def test_with_nothing_to_study_a_study_is_refused(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0])
        before = state(memory)
        assert not memory.consolidate().accepted
        assert same(state(memory), before) and memory.verify() == []


def test_a_study_given_up_and_begun_again_is_the_same_study(mite: Model):
    with opened("m", mite, study=EAGER) as memory:
        teach(memory, SAID[0], DOG)
        for steps in (1, 3, 7):
            work = memory.begin(Lesson("study", None))
            assert [work.step() for _ in range(steps)] == [None] * steps
        interrupted = memory.consolidate()
        learned = state(memory)
        memory.undo()
        assert memory.consolidate().accepted and interrupted.accepted
        assert same(state(memory), learned)


def test_there_is_something_to_study_only_after_new_items(mite: Model):
    with opened("m", mite) as memory:

        def waits() -> bool:
            return memory.ledger.unstudied(memory.row.id)

        teach(memory, SAID[2])
        assert not waits()
        teach(memory, SAID[0], DOG)
        assert waits()
        memory.consolidate()
        assert not waits(), "kept or not, it is not done over and over"
        teach(memory, SAID[2])
        assert not waits()
        teach(memory, SAID[1], TOWN)
        assert waits()
        memory.undo()
        assert not waits()


def test_a_deleted_item_was_never_there(mite: Model):
    """Also the last one of a message: then there is nothing to study after it."""
    with opened("never", mite) as memory:
        teach(memory, SAID[0])
        teach(memory, SAID[1], TOWN)
        expected = state(memory)
    with opened("m", mite) as memory:
        event = teach(memory, SAID[0], DOG)
        teach(memory, SAID[1], TOWN)
        item, miss = memory.ledger.items_of(event.lesson.message)
        assert miss.source == CONTRAST
        memory.change_item(item, None)
        assert memory.ledger.items_of(event.lesson.message) == []
        assert same(state(memory), expected)
        assert [row.kind for row in memory.ledger.updates_at(event.id)] == ["words"]


def test_an_edited_item_was_always_so(mite: Model):
    with opened("never", mite) as memory:
        teach(memory, SAID[0], (DOG[0], "Bella."))
        memory.consolidate()
        expected = state(memory)
    with opened("m", mite) as memory:
        event = teach(memory, SAID[0], DOG)
        memory.consolidate()
        item = memory.ledger.items_of(event.lesson.message)[0]
        memory.change_item(item, Item(DOG[0], "Bella."))
        assert same(state(memory), expected) and memory.verify() == []
        assert memory.known_items()[0].source == "user"


def test_without_steps_items_wait_for_the_study(mite: Model):
    with opened("m", mite, study=replace(EAGER, steps=0)) as memory:
        event = teach(memory, SAID[0], DOG)
        assert [row.kind for row in memory.ledger.updates_at(event.id)] == ["words"]
        assert [item.answer for item in memory.known_items()] == [DOG[1]]
        assert memory.consolidate().accepted


def test_a_memory_studies_as_it_was_founded(mite: Model):
    with opened("m", mite, study=EAGER) as memory:
        teach(memory, SAID[0], DOG)
        memory.consolidate()
        learned = state(memory)
    with opened("m", mite, study=QUICK) as memory:
        assert memory.study_config == EAGER
        memory.rebuild()
        assert same(state(memory), learned)


def test_anchors_that_guard_are_never_studied(mite: Model):
    held = anchors.encode(mite.tokenizer, ANCHORS)
    studied = {*held.talks, *(ask.chunk for ask in held.asks)}
    guarding = {*held.guarding_talks, *held.guarding_asks}
    assert guarding and not studied & guarding
    assert len(studied) + len(guarding) == len(TALKS) + len(ASKS)


@pytest.mark.parametrize("text", ["no json", '{"turns": 3}', '["a"]', '{"turns": [["user"]]}'])
def test_anchors_that_are_none_are_a_sentence(mite: Model, text: str):
    ledger = Ledger(home() / "mlxdyn.db")
    with (
        pytest.raises(MlxdynError, match="anchors are lines"),
        open_memory("m", mite, ledger, anchor_text=text) as memory,
    ):
        assert isinstance(memory, Memory)
        teach(memory, SAID[0], guarded=True)
    ledger.close()
