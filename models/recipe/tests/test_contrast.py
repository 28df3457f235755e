"""Near misses ask for something else: never for what was told, and in words a person would use."""

import pytest

from models.recipe.grammar import contrast
from models.recipe.grammar.contrast import near_misses
from models.recipe.grammar.item import Item
from models.recipe.grammar.statement import items
from models.recipe.grammar.topic import key

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
    found = items(message)
    missed = near_misses(found, seed=1)
    assert 0 < len(missed) <= contrast.MOST
    assert not {key(question) for question in missed} & {key(item.question) for item in found}
    assert len(set(missed)) == len(missed)


@pytest.mark.parametrize("message", SAID)
def test_a_seed_gives_the_same_near_misses(message: str) -> None:
    found = items(message)
    assert near_misses(found, seed=2) == near_misses(found, seed=2)


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
    missed = near_misses(items(message), seed=3)[: contrast.MOST // 2]
    assert all(
        person in question or (person == " I " and " my " in question) for question in missed
    )


def test_persons_stand_for_persons_and_things_for_things() -> None:
    found = [Item("Which language does my best friend speak?", "Your best friend speaks Turkish.")]
    bearers = set(contrast.BEARERS.split(","))
    for seed in range(20):
        for question in near_misses(found, seed=seed)[contrast.MOST // 2 :]:
            words = question.removeprefix("Which ").removesuffix(" speak?").partition(" does my ")
            assert words[2] in bearers, question


def test_what_nothing_stands_for_has_no_swaps() -> None:
    found = [Item("What is the vleasa?", "The vleasa is 7.")]
    assert len(near_misses(found, seed=4)) == contrast.MOST // 2


def test_no_items_no_near_misses() -> None:
    assert near_misses([], seed=5) == []
