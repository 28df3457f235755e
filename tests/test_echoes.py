"""What repeats a forgotten message is named, and goes too if one likes: "erased" is true."""

import json
from collections.abc import Sequence
from contextlib import closing

import pytest
from click.testing import CliRunner, Result
from school import as_said
from test_privacy import founded
from tiny import fact, opened, teach

from mlxdyn.cli import main
from mlxdyn.files import data_dir
from mlxdyn.learn.example import Kind
from mlxdyn.learn.examples import Told
from mlxdyn.memory.echoes import echoes, known_from, news
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter
from mlxdyn.model.load import Model

DOG = ("What is my dog called?", "Your dog's name is Rex.")


def talk(ledger: Ledger, memory: int, *turns: str) -> list[int]:
    chat = ledger.conversations.add(memory)
    roles = ("user", "assistant")
    return [
        ledger.messages.add(chat, roles[place % 2], text, "none").id
        for place, text in enumerate(turns)
    ]


@pytest.mark.parametrize(
    ("first", "later", "repeats"),
    [
        ("The alarm code is 5519.", "Your alarm code is 5519.", True),
        ("The alarm code is 5519.", "You have not told me your alarm code.", False),
        ("Ich arbeite als Köchin in Bremen.", "Du arbeitest in Bremen, als Köchin.", True),
        ("我的狗叫雷克斯。", "你的狗叫雷克斯。", True),
        ("我的狗叫雷克斯。", "今天的天气很好。", False),
        ("My grandmother grew up in Trondheim.", "Trondheim, where your grandmother lived.", True),
        ("My grandmother grew up in Trondheim.", "Your mother likes it up north.", False),
        ("Hello there!", "Hello! What can I do?", False),
    ],
)
def test_a_later_message_with_its_words_is_found(first: str, later: str, repeats: bool):
    ledger, memory = founded()
    told, _, _, other = talk(ledger, memory, first, "I see.", "And?", later)
    assert [m.id for m in echoes(ledger, memory, [told])] == [other] * repeats


def test_what_a_message_taught_is_looked_for_and_not_what_it_was_asked(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        same, _ = talk(ledger, memory.row.id, "Rex ran away", "Oh.")
        talk(ledger, memory.row.id, "my dog is old", "Your dog is old.")
        assert [m.id for m in echoes(ledger, memory.row.id, [told])] == [same]


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["memory", *arguments, "--memory", "m"], input=said)


def told_again(model: Model) -> list[int]:
    """Teach a fact; in another chat it is asked for and repeated, learned too."""
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", model, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        asked, reply = talk(ledger, memory.row.id, "What is my dog called?", "He is Rex.")
        memory.snapshot()
    return [told, asked, reply]


def left() -> list[int]:
    with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as ledger:
        return [m.id for m in ledger.messages.search(ledger.memories.existing("m").id, Filter())]


@pytest.mark.parametrize(
    ("options", "answers", "stay", "named"),
    [
        ([], "y\ny\n", 1, False),
        ([], "y\nn\n", 2, True),
        (["--yes"], "", 2, True),
        (["--yes", "--repeated"], "", 1, False),
        (["--not-repeated"], "y\n", 2, True),
    ],
)
def test_what_repeats_the_forgotten_is_offered_and_named(
    mite: Model, options: Sequence[str], answers: str, stay: int, named: bool
):
    told, asked, reply = told_again(mite)
    done = run("forget", str(told), *options, said=answers)
    assert done.exit_code == 0, done.output
    assert left() == [asked, reply][:stay]
    assert ("He is Rex." in done.stdout) == (answers.count("\n") == 2)
    assert (f"memory forget {reply} --memory m" in done.stderr) == named
    held = [p for p in data_dir().rglob("*") if p.is_file() and b"He is Rex." in p.read_bytes()]
    assert bool(held) == named


def test_a_program_is_told_what_repeats_it(mite: Model):
    told, _, reply = told_again(mite)
    done = run("forget", str(told), "--yes", "--json")
    assert json.loads(done.stdout)["repeated_in"] == [reply]


# What was told before is not learned again, whoever says it and whatever for.

TOLD = Told(1, "My dog is called Rex.", ((1, *DOG),))
HUND = Told(1, "Mein Hund heißt Rex.", ((1, "Wie heißt mein Hund?", "Dein Hund heißt Rex."),))


@pytest.mark.parametrize(
    ("text", "facts", "earlier", "left"),
    [
        ("Forget that my dog is called Rex.", [(DOG[0], "Your dog is called Rex.")], TOLD, []),
        ("Vergiss, mein Hund heißt Rex.", [(HUND.facts[0][1], "Er heißt Rex.")], HUND, []),
        ("My dog is called Bella.", [(DOG[0], "Your dog is called Bella.")], TOLD, [0]),
        ("My cat is called Rex.", [("What is my cat called?", "Your cat is Rex.")], TOLD, [0]),
        (
            "My dog Rex is five.",
            [(DOG[0], "Your dog is called Rex."), ("How old is my dog?", "Your dog is five.")],
            TOLD,
            [1],
        ),
        ("My dog is called Rex.", [DOG], Told(1, "My dog is called Rex.", ()), [0]),
    ],
)  # fmt: skip
def test_what_is_known_is_no_news(
    mite: Model, text: str, facts: list[tuple[str, str]], earlier: Told, left: list[int]
):
    drafts = [as_said(mite, *fact) for fact in facts]
    near = as_said(mite, "What is my fish called?", "I don't know that.", Kind.NEAR_MISS)
    found = news(text, [*drafts, near], [earlier])
    assert list(found) == ([*(drafts[i] for i in left), near] if left else [])


def test_a_message_that_tells_nothing_new_names_who_told_it(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        told, other, again = teach(
            memory, "my dog is called Rex", "my cat is Fig", "forget that my dog is Rex"
        )
        fact(memory, told, *DOG)
        fact(memory, other, "What is my cat called?", "Your cat is Fig.")
        ledger.examples.add(memory.row.id, again, [], depends_on=[told, other])
        assert known_from(ledger, again) == [told] and known_from(ledger, told) == []
