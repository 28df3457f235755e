"""Laws of facts: several wordings are one fact, and different facts stay apart."""

from contextlib import closing

import pytest
from tiny import fact, opened, teach

from mlxdyn.chat import outcome
from mlxdyn.chat.facts import group
from mlxdyn.files import data_dir
from mlxdyn.learn.example import Example, Kind
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import ExampleRow
from mlxdyn.model.load import Model

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


def test_what_was_undone_is_news_again(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        first, again = teach(memory, "my dog is Rex", "my dog is Rex")
        for message in (first, again):
            fact(memory, message, "What is my dog called?", "Rex.")
        ledger.database.run("UPDATE events SET undone = 1 WHERE message = ?", (first,))
        updates = ledger.events.updates_of(memory.row.id, again)
        told = outcome.of_message(memory, again, updates, memory.masked([again])[again])
    assert told.facts == ("Rex.",) and not told.known


def test_what_is_said_again_after_a_correction_is_one(mite: Model):
    """Rex, no, Bella, and Rex after all: neither known before nor a fact that is new."""
    question = "What is my dog called?"
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        said = teach(memory, "my dog is Rex", "my dog is Bella", "my dog is Rex")
        for message, answer in zip(said, ("Rex.", "Bella.", "Rex."), strict=True):
            fact(memory, message, question, answer)
            ledger.examples.reconcile(message)
        updates = ledger.events.updates_of(memory.row.id, said[2])
        told = outcome.of_message(memory, said[2], updates, memory.masked(said)[said[2]])
    assert told.corrections == ("Rex.",) and not told.known


def test_what_is_restated_is_one_fact_and_what_is_corrected_is_said(mite: Model):
    dog, cat = ("What is my dog called?", "Rex."), ("What is my cat called?", "Tom.")
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        first, again, other = teach(memory, "my dog is Rex", "my dog is Rex", "my cat is Tom now")
        fact(memory, first, *dog)
        fact(memory, first, "What is my cat called?", "Tinta.")
        fact(memory, again, *dog)
        fact(memory, other, *cat)
        told = {
            message: outcome.of_message(
                memory,
                message,
                ledger.events.updates_of(memory.row.id, message),
                memory.masked([message])[message],
            )
            for message in (first, again, other)
        }
        found = outcome.facts(memory)
    assert told[first].facts == ("Rex.", "Tinta.") and told[first].corrections == ()
    assert (told[again].facts, told[again].corrections) == ((), ()) and told[again].known
    assert (told[other].facts, told[other].corrections) == ((), ("Tom.",))
    assert [(one.answer, len(one.items), one.message) for one in found] == [
        ("Tom.", 1, other),
        ("Rex.", 2, first),
        ("Tinta.", 1, first),  # the cat is called otherwise now
    ]
