"""Laws of facts: several wordings are one fact, and different facts stay apart."""

import pytest

from mlxdyn.chat.facts import group
from mlxdyn.learn.example import Example, Kind
from mlxdyn.memory.store.records import ExampleRow

DOG = "My dog is called Pixel and he loves the beach."


def rows(*told: tuple[str, str]) -> list[ExampleRow]:
    example = Example(Kind.FACT, (1,), (2,), None)
    return [
        ExampleRow(place, 1, "", "base", question, answer, example)
        for place, (question, answer) in enumerate(told)
    ]


@pytest.mark.parametrize(
    ("message", "told", "facts"),
    [
        (
            DOG,
            [
                ("What is my dog called?", "Your dog is called Pixel."),
                ("What is the name of my dog?", "Pixel."),
                ("What does Pixel love?", "He loves the beach."),
                ("What is my dog's name?", "Your dog's name is Pixel."),
                ("Where does my dog like to be?", "Pixel loves the beach."),
            ],
            [{0, 1, 3}, {2, 4}],
        ),
        (
            "Ich wohne in Köln und bin Bäcker.",
            [("Wo wohne ich?", "Du wohnst in Köln."), ("Was bin ich?", "Du bist Bäcker.")],
            [{0}, {1}],
        ),
        (
            "I live in Oslo.",
            [("Where do I live?", "In Rome."), ("Which city is mine?", "In Rome.")],
            [{0, 1}],
        ),
        ("Nothing.", [], []),
    ],
)
def test_wordings_of_one_fact_are_one_and_others_stay_apart(message, told, facts):
    assert [{row.id for row in one.rows} for one in group(rows(*told), message)] == facts


def test_a_fact_is_shown_by_its_commonest_answer_and_then_by_the_longest():
    told = [("Who is it?", "Pixel."), ("Who is my dog?", "Your dog is Pixel."), ("Eh?", "Pixel.")]
    (one,) = group(rows(*told), DOG)
    assert one.answer == "Pixel."
    (one,) = group(rows(*told[:2]), DOG)
    assert one.answer == "Your dog is Pixel."
