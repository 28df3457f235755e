"""Laws of what the bundled model is trained on: no held-out words, no contradiction, one size."""

import json
import random
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.recipe import corpus, lessons
from models.recipe.exchanges import Fact, clash, kinds, pick_facts
from models.recipe.grammar.topic import key
from models.recipe.kinds import HELD_OUT
from models.recipe.lessons import HOLD, LEARN, Batch, Row, Told, strangers, tell_more
from models.recipe.retellings import own_words


class Letters:
    """An encoder of one token a letter, for what the recipe's vocabulary is not needed for."""

    def __init__(self) -> None:
        self.ids = {"<|pad|>": 0}

    def dialogue(self, turns: list[list[str]]) -> tuple[list[int], list[float]]:
        tokens = [1]
        for _, text in turns:
            tokens += [2, *(10 + ord(letter) % 1000 for letter in text), 3]
        return tokens, [1.0] * len(tokens)

    def prompt(self, turns: list[list[str]]) -> list[int]:
        return [*self.dialogue(turns)[0], 2]


def heard(seed: int, old: int = 3, new: int = 2) -> tuple[random.Random, list[Told], list[Told]]:
    rng = random.Random(seed)
    known = tell_more(rng, [], old)
    return rng, known, tell_more(rng, known, new)


def rows_of(seed: int, old: int = 3, new: int = 2) -> list[Row]:
    rng, known, fresh = heard(seed, old, new)
    facts = [one.fact for one in known + fresh]
    rounds = [row for _ in range(4) for row in lessons.round_of(rng, known, fresh)]
    return rounds + lessons.exam_of(rng, known, fresh) + lessons.in_talk(rng, facts)


@pytest.mark.parametrize(("old", "new"), [(0, 1), (3, 2), (12, 4)])
def test_lessons_have_one_size_whatever_a_pupil_knows(old: int, new: int) -> None:
    assert len(rows_of(1)) == len(rows_of(2, old, new))


def test_a_fact_that_gives_no_items_leaves_a_round_whole() -> None:
    rng, known, fresh = heard(3, 0, 1)
    bare = [Told(fresh[0].fact, (), (), fresh[0].left)]
    rows = lessons.round_of(rng, known, bare)
    assert len(rows) == lessons.ITEMS + lessons.ASKS + 1
    assert not [row for row in rows if row.group == LEARN]


def test_what_is_held_is_never_what_was_told() -> None:
    for seed in range(20):
        rng, known, fresh = heard(seed)
        told = {key(item.question) for one in known + fresh for item in one.items}
        rows = lessons.round_of(rng, known, fresh)
        assert not told & {key(row.turns[0][1]) for row in rows if row.group == HOLD}


def test_an_exam_asks_in_words_that_were_not_studied() -> None:
    for seed in range(20):
        _, known, fresh = heard(seed)
        for one in known + fresh:
            studied = {words for item in one.items for words in lessons.wordings(item)}
            assert not studied & set(one.left) or set(one.fact.kind.asks) <= studied


def test_a_batch_shares_each_pupils_loss_and_finds_its_targets() -> None:
    rng, known, fresh = heard(5)
    pupils = [lessons.round_of(rng, known, fresh) for _ in range(3)]
    batch = Batch.of(Letters(), pupils, 160)
    for pupil in range(3):
        for group in range(3):
            mine = (batch.pupils == pupil) & (batch.groups == group)
            assert batch.weights[mine].sum() == pytest.approx(1)
    assert (batch.tokens.reshape(-1)[batch.places + 1] == batch.targets).all()


def test_batches_put_side_by_side_are_the_batch_of_all() -> None:
    rng, known, fresh = heard(6)
    pupils = [lessons.round_of(rng, known, fresh) for _ in range(4)]
    whole = Batch.of(Letters(), pupils, 160)
    joined = lessons.joined([Batch.of(Letters(), pupils[at : at + 2], 160) for at in (0, 2)])
    for name in ("tokens", "places", "targets", "weights", "groups", "pupils"):
        assert np.array_equal(getattr(joined, name), getattr(whole, name)), name


def test_lessons_of_two_places_have_as_many_steps() -> None:
    sides: list[Any] = [islice(lessons.lessons(Letters(), 7, place, 1), 2) for place in (0, 1)]
    for one, two in zip(*sides, strict=True):
        assert len(one.steps) == len(two.steps)
        assert not np.array_equal(one.exam.tokens, two.exam.tokens)


def test_lessons_from_a_later_one_on_are_new_and_have_its_steps() -> None:
    whole = list(islice(lessons.lessons(Letters(), 7, 0, 1), 4))
    later = next(lessons.lessons(Letters(), 7, 0, 1, first=3))
    assert len(later.steps) == len(whole[3].steps) != len(whole[0].steps)
    assert later.fresh.all(), "a pupil whose adapter is not there begins anew"
    assert not any(np.array_equal(later.exam.tokens, one.exam.tokens) for one in whole)


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
        assert not {text for row in rows_of(seed) for _, text in row.turns} & held
    rng = random.Random(3)
    for _ in range(200):
        assert not {text for _, text in corpus.dialogue(rng)} & held


def test_lessons_ask_in_no_held_out_words() -> None:
    held = {question for kind in kinds() for question in kind.unseen_asks}
    for seed in range(30):
        assert not {text for row in rows_of(seed) for _, text in row.turns} & held


def test_retellings_use_no_held_out_telling() -> None:
    held = {telling for kind in kinds() for telling in kind.unseen_tells}
    assert not {words for kind in kinds() for words in own_words(Fact(kind, "x"))} & held


def test_study_replies_ask_no_question_twice() -> None:
    rng = random.Random(4)
    for _ in range(100):
        reply = corpus.study(rng)[-1][1]
        questions = [line for line in reply.splitlines() if line.startswith("Q: ")]
        assert len(set(questions)) == len(questions)


def test_the_bundled_model_is_asked_as_it_was_trained() -> None:
    wren = Path(__file__).parents[2] / "wren"
    asked = json.loads((wren / "prompts.json").read_text("utf-8"))["writers"]
    assert corpus.STUDY in [writer["request"] for writer in asked]
