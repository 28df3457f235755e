"""What repeats a forgotten message is named, and goes too if one likes: "erased" is true."""

import json
from collections.abc import Sequence
from contextlib import closing

import pytest
from click.testing import CliRunner, Result
from school import as_said
from test_privacy import founded
from tiny import fact, opened, teach

from mlxdyn import settings
from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Learned
from mlxdyn.chat.outcome import going
from mlxdyn.cli import main
from mlxdyn.config import ChatConfig
from mlxdyn.engine import messages
from mlxdyn.files import data_dir
from mlxdyn.learn.example import Kind
from mlxdyn.learn.examples import Told
from mlxdyn.memory.echoes import echoes, known_from, news, untold
from mlxdyn.memory.store import chats
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
        ("Ich arbeite als Ko\u0308chin in Bremen.", "Bremen, K\u00f6chin.", True),
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


def test_what_was_told_before_and_only_repeated_is_named(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        same, _, asked, _ = talk(
            ledger, memory.row.id, "My dog is called Rex.", "Oh.", "What is my dog called?", "Rex."
        )
        fact(memory, same, *DOG)
        row = memory.row.id
        assert told in [m.id for m in echoes(ledger, row, [same])]
        assert told not in [m.id for m in echoes(ledger, row, [asked])]


def test_what_else_holds_the_words_is_named(mite: Model):
    """An item edited by hand, the title of another chat, the settings."""
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        told, other = teach(memory, "my dog is called Rex", "I live in Bonn")
        fact(memory, told, *DOG)
        fact(memory, other, "Where do I live?", "You live in Bonn with Rex.")
        (item,) = (row.id for row in ledger.examples.facts(other))
        talk(ledger, memory.row.id, "hello", "Hi.")
        chat = ledger.conversations.all(memory.row.id)[0].id
        chats.rename(ledger, chat, "On Rex")
        memory.snapshot()
        asked = messages.going(going(memory, [told]))
        assert f"study item {item}:" in asked
        assert f"title of chat {chat}:" in asked
    settings.path().write_text('system = "Rex is a dog."\n')
    done = run("forget", str(told), "--yes", "--json")
    found = json.loads(done.stdout)
    assert (found["items"], found["titles"], found["settings"]) == ([item], [chat], True)
    assert f"mlxdyn memory edit {item} --delete --memory m" in done.stderr
    assert f"chat {chat} " in done.stderr
    assert str(settings.path()) in done.stderr
    assert run("edit", str(item), "--delete").exit_code == 0
    settings.path().unlink()
    found = json.loads(run("forget", str(other), "--yes", "--json").stdout)
    assert (found["items"], found["titles"], found["settings"]) == ([], [], False)


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


RETRACTED = [  # told before, with what it taught; said now, with what the base made of it
    ("I'm allergic to nuts.", ("What am I allergic to?", "You are allergic to nuts."),
     "I'm not allergic to nuts after all.", None),
    ("I live in Rome.", ("Which city do I live in?", "You live in Rome."),
     "I don't live in Rome.", ("Where was I?", "I'm curious. What happened?")),
    ("My dog is called Rex.", DOG, "Not Rex, Max.", None),
    ("I drive a Volvo.", ("Which car do I drive?", "You drive a Volvo."), "I sold the Volvo.",
     None),
    ("我住在罗马。", ("我住在哪里？", "你住在罗马。"), "我不住在罗马。", None),
]  # fmt: skip


@pytest.mark.parametrize(("told", "taught", "said", "made"), RETRACTED)
def test_what_is_taken_back_in_plain_words_names_who_told_it(
    mite: Model, told: str, taught: tuple[str, str], said: str, made: tuple[str, str] | None
):
    """Issue 18.1: whatever the base makes of "not", the user is asked and it is gone."""
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        first, _, back = teach(memory, told, "my cat is Fig", said)
        fact(memory, first, *taught)
        if made:
            fact(memory, back, *made)
        assert known_from(ledger, back) == [first]


def test_news_questions_and_corrections_take_nothing_back(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        rome, moved, asked, idle = teach(
            memory, "I live in Rome.", "I went from Rome to Porto.", "How old is Rome?", "Hello!"
        )
        fact(memory, rome, "Which city do I live in?", "You live in Rome.")
        fact(memory, moved, "Where did I go?", "You went to Porto.")
        assert known_from(ledger, moved) == known_from(ledger, asked) == []
        assert known_from(ledger, idle) == []
        (item,) = (row.id for row in ledger.examples.of(rome) if row.kind == Kind.FACT)
        (again,) = teach(memory, "Not Rome.")
        assert known_from(ledger, again) == [rome]
        ledger.examples.add(memory.row.id, again, [], superseded=[item])
        assert known_from(ledger, again) == [], "it is true no more already"


def test_a_joke_takes_back_what_was_said_before_it(mite: Model):
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "I live on the moon.")
        fact(memory, told, "Which city do I live in?", "You live on the moon.")
        chat = ledger.conversations.all(memory.row.id)[0].id
        joke = ledger.messages.add(chat, "user", "Just kidding!", "none").id
        (elsewhere,) = teach(memory, "Just kidding!")
        assert known_from(ledger, joke) == [told] and known_from(ledger, elsewhere) == []


@pytest.mark.parametrize("wish", ["Forget that my dog is called Rex.", "Just kidding!"])
def test_a_wish_to_forget_teaches_nothing_and_is_pointed_to_the_command(mite: Model, wish: str):
    """Issue 18.1: the program says what takes it out, though there is nothing to learn in it."""
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger, opened("m", mite, ledger) as memory:
        (told,) = teach(memory, "my dog is called Rex")
        fact(memory, told, *DOG)
        chat = ledger.conversations.all(memory.row.id)[0].id
        again = ledger.messages.add(chat, "user", wish, "pending").id
        session = Session(mite, memory, ledger, ChatConfig(), temporary=False)
        while (step := session.learn_step()) is True:
            pass
        assert isinstance(step, Learned) and step.message == again and not step.tokens
        assert step.repeats == (told,) and "/forget" in messages.learned(step)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("Hello! I moved to Bergen.", ["I moved to Bergen"]),
        ("Salut, my dog is called Rex.", []),
        ("你好，我住在卑尔根。", ["我住在卑尔根"]),
        ("Bergen", ["Bergen"]),
        ("I love herons, otters.", ["I love herons", "otters"]),
    ],
)
def test_one_word_before_the_rest_is_no_fact_that_was_left_out(text: str, left: list[str]):
    assert untold(text, [DOG, ("Wie heisst mein Hund?", "Your dog is called Rex.")]) == left
