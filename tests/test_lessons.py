"""Laws of what the bundled model is trained on: no held-out words, no contradiction, one size."""

import random

import pytest

from mlxdyn_models import corpus
from mlxdyn_models.exchanges import Fact, clash, kinds, pick_facts
from mlxdyn_models.kinds import HELD_OUT
from mlxdyn_models.lessons import Lesson, lesson, strangers, tell_more
from mlxdyn_models.retellings import own_words


def drawn(seed: int, old: int = 3, new: int = 2) -> Lesson:
    rng = random.Random(seed)
    known = tell_more(rng, [], old) if old else []
    return lesson(rng, known, tell_more(rng, known, new) if new else [], steps=4)


@pytest.mark.parametrize(("old", "new"), [(0, 1), (3, 0), (3, 2), (12, 4)])
def test_lessons_have_one_size_whatever_a_pupil_knows(old: int, new: int) -> None:
    one, two = drawn(1), drawn(2, old, new)
    assert len({len(items) for part in (one, two) for items in part.rounds}) == 1
    assert (len(one.exam), len(one.talk)) == (len(two.exam), len(two.talk))


def test_strangers_are_not_among_the_told() -> None:
    rng = random.Random(2)
    for _ in range(20):
        facts = pick_facts(rng, 4)
        names = [clash(kind) for kind in strangers(rng, facts, 16)]
        assert len(set(names)) == 16
        assert not set(names) & {clash(fact.kind) for fact in facts}


def test_nothing_in_training_asks_for_a_held_out_kind() -> None:
    held = {question for kind in HELD_OUT for question in kind.asks}
    for seed in range(10):
        one = drawn(seed)
        items = [item for items in one.rounds for item in items] + one.exam + one.talk
        assert not {text for item in items for _, text in item.turns} & held
    rng = random.Random(3)
    for _ in range(200):
        assert not {text for _, text in corpus.dialogue(rng)} & held


def test_retellings_use_no_held_out_telling() -> None:
    held = {telling for kind in kinds() for telling in kind.unseen_tells}
    assert not {words for kind in kinds() for words in own_words(Fact(kind, "x"))} & held


def test_study_replies_ask_no_question_twice() -> None:
    rng = random.Random(4)
    for _ in range(100):
        reply = corpus.study(rng)[-1][1]
        questions = [line for line in reply.splitlines() if line.startswith("Q: ")]
        assert len(set(questions)) == len(questions)
