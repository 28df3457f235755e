"""Near misses ask for something else: never for what was told, and in words a person would use."""

import pytest

from mlxdyn.study import contrast
from mlxdyn.study.contrast import near_misses
from mlxdyn.study.item import Item
from mlxdyn.study.items import from_template
from mlxdyn.study.topic import key

SAID = (
    "My dentist loves to eat noodles.",
    "I live in Rome.",
    "My dog is called Max.",
    "My piano teacher likes brown best.",
    "I bought a lamp on Friday.",
    "My best friend speaks Turkish.",
)


@pytest.mark.parametrize("message", SAID)
def test_no_near_miss_asks_for_what_was_told(message: str) -> None:
    items = from_template(message)
    missed = near_misses(items, seed=1)
    assert 0 < len(missed) <= contrast.MOST
    assert not {key(question) for question in missed} & {key(item.question) for item in items}
    assert len(set(missed)) == len(missed)


@pytest.mark.parametrize("message", SAID)
def test_each_misses_a_question_of_its_message(message: str) -> None:
    asked = [item.question for item in from_template(message)]
    for near in near_misses(from_template(message), seed=6):
        assert any(contrast.misses(near, question) for question in asked), near


def test_a_question_does_not_miss_itself_nor_what_is_far() -> None:
    assert not contrast.misses("What is my dog called?", "What is my dog called?")
    assert not contrast.misses("Where do I work?", "What is my dog called?")
    assert contrast.misses("What is my cat called?", "What is my dog called?")
    assert contrast.misses("How old is my dog?", "What is my dog called?")


@pytest.mark.parametrize("message", SAID)
def test_a_seed_gives_the_same_near_misses(message: str) -> None:
    items = from_template(message)
    assert near_misses(items, seed=2) == near_misses(items, seed=2)


@pytest.mark.parametrize(
    ("message", "person"),
    [
        ("My dentist loves to eat noodles.", "my dentist"),
        ("My piano teacher likes brown best.", "my piano teacher"),
        ("My dog is called Max.", "my dog"),
        ("I live in Rome.", " I "),
    ],
)
def test_half_of_them_ask_other_things_of_the_same_person(message: str, person: str) -> None:
    missed = near_misses(from_template(message), seed=3)[: contrast.MOST // 2]
    assert all(
        person in question or (person == " I " and " my " in question) for question in missed
    )


def test_persons_stand_for_persons_and_things_for_things() -> None:
    items = [Item("Which language does my best friend speak?", "Your best friend speaks Turkish.")]
    bearers = set(contrast.BEARERS.split(","))
    for seed in range(20):
        for question in near_misses(items, seed=seed)[contrast.MOST // 2 :]:
            words = question.removeprefix("Which ").removesuffix(" speak?").partition(" does my ")
            assert words[2] in bearers, question


def test_what_nothing_stands_for_has_no_swaps() -> None:
    items = [Item("What is the vleasa?", "The vleasa is 7.")]
    assert len(near_misses(items, seed=4)) == contrast.MOST // 2


def test_no_items_no_near_misses() -> None:
    assert near_misses([], seed=5) == []
