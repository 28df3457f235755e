"""What repeats a forgotten message is named, and goes too if one likes: "erased" is true."""

import json
from collections.abc import Sequence
from contextlib import closing

import pytest
from click.testing import CliRunner, Result
from test_privacy import founded
from tiny import fact, opened, teach

from mlxdyn.cli import main
from mlxdyn.files import home
from mlxdyn.memory.echoes import echoes
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Filter
from mlxdyn.model.load import Model

DOG = ("What is my dog called?", "Your dog's name is Rex.")


def talk(ledger: Ledger, memory: int, *turns: str) -> list[int]:
    chat = ledger.add_conversation(memory)
    roles = ("user", "assistant")
    return [
        ledger.add_message(chat, roles[place % 2], text, "none").id
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
    with closing(Ledger(home() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        same, _ = talk(ledger, memory.row.id, "Rex ran away", "Oh.")
        talk(ledger, memory.row.id, "my dog is old", "Your dog is old.")
        assert [m.id for m in echoes(ledger, memory.row.id, [told])] == [same]


def run(*arguments: str, said: str = "") -> Result:
    return CliRunner().invoke(main, ["memory", *arguments, "--memory", "m"], input=said)


def told_again(model: Model) -> list[int]:
    """Teach a fact; in another chat it is asked for and repeated, learned too."""
    with closing(Ledger(home() / "mlxdyn.db")) as ledger, opened("m", model, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        asked, reply = talk(ledger, memory.row.id, "What is my dog called?", "He is Rex.")
        memory.snapshot()
    return [told, asked, reply]


def left() -> list[int]:
    with closing(Ledger(home() / "mlxdyn.db", writable=False)) as ledger:
        return [m.id for m in ledger.find_messages(ledger.existing("m").id, Filter())]


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
    held = [p for p in home().rglob("*") if p.is_file() and b"He is Rex." in p.read_bytes()]
    assert bool(held) == named


def test_a_program_is_told_what_repeats_it(mite: Model):
    told, _, reply = told_again(mite)
    done = run("forget", str(told), "--yes", "--json")
    assert json.loads(done.stdout)["repeated_in"] == [reply]
