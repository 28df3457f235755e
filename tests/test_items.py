"""What is written into an item by hand is learned, so a secret is refused there too (law 11)."""

import copy
from collections.abc import Iterator
from dataclasses import replace

import pytest
from click.testing import CliRunner
from mlx_lm.tokenizer_utils import TokenizerWrapper
from school import encoded, opened, say, state, teach

from mlxdyn import settings
from mlxdyn.chat.conversation import Session
from mlxdyn.cli import main
from mlxdyn.config import ChatConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.learner import same
from mlxdyn.learn.parts import Parts
from mlxdyn.memory import history
from mlxdyn.memory.examine import as_told
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

QUESTION, ANSWER = "What is my dog called?", "Rex."
BANK = ("What is my bank password?", "My bank password is Falkensee77!")


@pytest.fixture
def memory(mite: Model) -> Iterator[Memory]:
    with opened("m", mite) as memory:
        say(memory, "My password is otters.")
        teach(memory, "My dog is called Rex.", (QUESTION, ANSWER))
        yield memory


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["memory", *arguments, "--memory", "m"])
    return done.exit_code, done.output


@pytest.mark.parametrize(
    ("new", "kind"),
    [
        (BANK, "password"),
        (("What is my wifi password?", "Sunflower."), "password"),
        (("What is the gate code?", "It's 4821."), "code"),
        (("What is my dog's name?", "Otters."), "secret"),
        (("Is it Ot-ters?", "No."), "secret"),
        (("Whose card is 4111\u00a01111\u00a01111\u00a01111?", "Mine."), "card number"),
        (("How can I be reached?", "On +1 (415) 555-0134."), "phone number"),
    ],
)
def test_a_secret_is_refused_before_anything_is_written(
    memory: Memory, new: tuple[str, str], kind: str
) -> None:
    ledger, before = memory.ledger, state(memory)
    rows = memory.known_facts()
    said = [(row.question, row.answer) for row in rows]
    with pytest.raises(MlxdynError, match=rf"never learned \({kind}\): leave it out") as refused:
        history.change_examples(memory, [*rows, *rows], [(QUESTION, "Max."), new])
    assert ("personal true" in str(refused.value)) == (kind == "phone number")
    assert [(row.question, row.answer) for row in memory.known_facts()] == said
    assert same(state(memory), before)
    assert not list(ledger.database.run("SELECT * FROM erasing"))


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (QUESTION, "Your dog is called Max."),
        ("What is my password?", "I don't know."),
        ("Which password manager do I use?", "Bitwarden."),
    ],
)
def test_what_is_no_secret_is_taken(memory: Memory, question: str, answer: str) -> None:
    history.change_example(memory, memory.known_facts()[0], (question, answer))
    (row,) = memory.known_facts()
    assert (row.question, row.answer) == (question, answer)


def test_the_panel_refuses_a_secret_and_takes_a_number_by_wish(mite: Model) -> None:
    with opened("m", mite) as memory:
        teach(memory, "My dog is called Rex.", (QUESTION, ANSWER))
        item = memory.known_facts()[0].id
        for personal in (False, True):
            config = ChatConfig(personal=personal)
            session = Session(mite, memory, memory.ledger, config, temporary=False)
            with pytest.raises(MlxdynError, match=r"never learned \(password\)"):
                session.change_items([item], BANK)
        session.change_items([item], "On +1 (415) 555-0134.")
        assert memory.known_facts()[0].answer == "On +1 (415) 555-0134."


def test_the_command_refuses_a_secret_and_takes_a_number_by_wish(mite: Model) -> None:
    with opened("m", mite) as memory:
        teach(memory, "My dog is called Rex.", (QUESTION, ANSWER))
        item = str(memory.known_facts()[0].id)
        memory.snapshot()
    code, said = run("edit", item, "--question", BANK[0], "--answer", BANK[1])
    assert code == 1 and "never learned (password)" in said and "Falkensee" not in said
    number = ("edit", item, "--answer", "On +1 (415) 555-0134.")
    assert run(*number)[0] == 1
    settings.put("personal", True)
    assert run(*number)[0] == 0
    assert "Falkensee" not in run("items")[1]


def test_a_secret_that_an_earlier_version_let_be_told_is_not_merged(mite: Model) -> None:
    with opened("m", mite) as memory:
        teach(memory, "My dog is called Rex.", (QUESTION, ANSWER))
        memory.snapshot()
    ledger = Ledger(data_dir() / "mlxdyn.db")
    branch("m", "other", ledger)
    with opened("other", mite) as memory:
        teach(memory, "I live in Oslo.", ("Where do I live?", "Oslo."))
        item = memory.known_facts()[-1].id
        told = {"item": item, "question": BANK[0], "answer": BANK[1]}
        memory.ledger.database.run(
            "UPDATE examples SET source = 'user', question = :question, answer = :answer"
            " WHERE id = :item",
            told,
        )
        memory.snapshot()
    with opened("m", mite) as memory:
        with pytest.raises(MlxdynError, match=f"edit {item} --delete --memory other"):
            history.merge(memory, "other")
        assert len(memory.known_facts()) == 1
    with opened("other", mite) as memory:
        row = memory.ledger.examples.find(item, memory.row.id)
        assert row
        history.change_example(memory, row, None)
    with opened("m", mite) as memory:
        assert history.merge(memory, "other") == 1
    ledger.close()


@pytest.mark.parametrize("templated", [True, False])
def test_what_is_written_by_hand_is_learned_where_it_is_asked(wren: Model, *, templated: bool):
    """A base without a template goes on from "Assistant:" with a space, and ends with its end."""
    if not templated:
        bare = copy.deepcopy(wren.tokenizer._tokenizer)
        bare.chat_template = None
        wren = replace(wren, tokenizer=TokenizerWrapper(bare))
    parts = Parts.of(wren.network)
    assert parts is not None and wren.tokenizer.has_chat_template == templated
    base = Base(wren, parts, FALLBACK)
    told = as_told(wren, QUESTION, ANSWER)
    assert told.prompt == base.student_prompt(QUESTION)
    assert told.target == (*base.begun(ANSWER), wren.tokenizer.eos_token_id)
    if templated:
        before = encoded(wren, QUESTION, ANSWER)
        assert (told.prompt, told.target) == before, "as the template writes it"
