"""What was a secret once is masked in all later turns, in what is learned and in what is shown."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest
from click.testing import CliRunner
from school import opened, say

from mlxdyn import settings
from mlxdyn.chat.conversation import Session
from mlxdyn.chat.outcome import logged
from mlxdyn.cli import main
from mlxdyn.config import AdapterConfig, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.files import data_dir
from mlxdyn.learn.steps import run
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.privacy import Masked, masked
from mlxdyn.memory.store.chats import extend
from mlxdyn.memory.store.copies import copy_memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model


def founded() -> tuple[Ledger, int]:
    ledger = Ledger(None)
    return ledger, found(ledger, "m")


def found(ledger: Ledger, name: str) -> int:
    recipe = (AdapterConfig(), LearnerConfig(), StudyConfig())
    return ledger.memories.add(name, "model", "print", *map(asdict, recipe)).id


def told(ledger: Ledger, memory: int, *turns: str) -> list[int]:
    """Save a conversation, user first."""
    chat = ledger.conversations.add(memory)
    roles = ("user", "assistant")
    return [
        ledger.messages.add(chat, roles[place % 2], text, "none").id
        for place, text in enumerate(turns)
    ]


def texts(ledger: Ledger, memory: int, ids: list[int], *, personal: bool = False) -> list[str]:
    hidden = masked(ledger, memory, ids, personal=personal)
    return [hidden[message].text for message in ids]


def test_a_secret_is_masked_in_the_reply_that_repeats_it_and_ever_after() -> None:
    ledger, memory = founded()
    first = told(ledger, memory, "The alarm code is 5519.", "So 55 19 it is.", "5519, yes.")
    later = told(ledger, memory, "Is 5519 a good number?")
    assert texts(ledger, memory, first) == [
        "The alarm code is [secret].", "So [secret] it is.", "[secret], yes.",
    ]  # fmt: skip
    assert texts(ledger, memory, later) == ["Is [secret] a good number?"]


def test_what_was_said_before_a_secret_was_told_stays() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "I like otters.", "Otters are nice.", "My password is otters.")
    assert texts(ledger, memory, ids)[:2] == ["I like otters.", "Otters are nice."]


def test_a_label_in_one_message_tells_of_the_next_one_of_the_user() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "my password is", "Go on.", "otterpond", "I see.")
    assert texts(ledger, memory, ids) == ["my password is", "Go on.", "[secret]", "I see."]


def test_a_question_of_the_assistant_tells_of_the_answer() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "I can't get in.", "What is your PIN?", "4821")
    assert texts(ledger, memory, ids)[-1] == "[secret]"


def test_personal_numbers_stay_for_those_who_want_them() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "My phone number is 415 555 2671 and my pin is 5519.")
    assert texts(ledger, memory, ids) == ["My phone number is [secret] and my pin is [secret]."]
    assert texts(ledger, memory, ids, personal=True) == [
        "My phone number is 415 555 2671 and my pin is [secret]."
    ]


def test_a_secret_in_a_thought_is_known_and_its_thought_is_not_learned() -> None:
    ledger, memory = founded()
    thought = "<think>the gate code is 4821</think>Hello, 4821!"
    ids = told(ledger, memory, "Hi", thought)
    assert masked(ledger, memory, ids)[ids[1]] == Masked(
        "<think>the gate code is [secret]</think>Hello, [secret]!", "Hello, [secret]!", 1
    )


def test_nothing_of_another_memory_is_known() -> None:
    ledger, memory = founded()
    other = found(ledger, "n")
    told(ledger, other, "My password is otters.")
    ids = told(ledger, memory, "I like otters.")
    assert texts(ledger, memory, ids) == ["I like otters."]


# Known is what was told in the whole memory, however long ago; where is looked for once.


def chatter(ledger: Ledger, memory: int, turns: int) -> list[int]:
    return told(ledger, memory, *["What a day.", "Is it?"] * (turns // 2))


def test_a_secret_of_another_chat_is_known_however_long_ago_it_was_told() -> None:
    ledger, memory = founded()
    told(ledger, memory, "The alarm code is 5519.", "Noted.")
    chatter(ledger, memory, 400)
    ids = told(ledger, memory, "Is 55 19 a good number?")
    assert texts(ledger, memory, ids) == ["Is [secret] a good number?"]


def test_a_message_is_looked_at_once(tmp_path: Path) -> None:
    path = tmp_path / "mlxdyn.db"
    with closing(Ledger(path)) as ledger:
        memory = found(ledger, "m")
        ids = told(ledger, memory, "The alarm code is 5519.", "Noted.", "Call +1 415 555 2671.")
        assert ledger.secrets.unsearched(memory) == ids
        texts(ledger, memory, ids[:1])
        assert ledger.secrets.unsearched(memory) == []
    with closing(Ledger(path)) as ledger:
        assert ledger.secrets.unsearched(memory) == []
        ids = told(ledger, memory, "5519 or +14155552671?")
        assert texts(ledger, memory, ids) == ["[secret] or [secret]?"]
        assert texts(ledger, memory, ids, personal=True) == ["[secret] or +14155552671?"]


def test_a_ledger_that_is_only_read_is_looked_at_all_the_same(tmp_path: Path) -> None:
    path = tmp_path / "mlxdyn.db"
    with closing(Ledger(path)) as ledger:
        memory = found(ledger, "m")
        told(ledger, memory, "The alarm code is 5519.")
        ids = told(ledger, memory, "Is 5519 a good number?")
    with closing(Ledger(path, writable=False)) as ledger:
        for _ in range(2):
            assert texts(ledger, memory, ids) == ["Is [secret] a good number?"]
        assert ledger.secrets.unsearched(memory) == []
    with closing(Ledger(path)) as ledger:
        assert ledger.secrets.unsearched(memory)


def test_what_was_forgotten_is_no_secret_any_more() -> None:
    ledger, memory = founded()
    gone = told(ledger, memory, "my password is", "Go on.", "otters", "I see.", "and ponds")
    ids = told(ledger, memory, "I like otters and ponds.")
    assert texts(ledger, memory, ids) == ["I like [secret] and ponds."]
    ledger.past.forget(memory, gone[2:4])
    anew, other = founded()
    told(anew, other, "my password is", "Go on.", "and ponds")
    same = told(anew, other, "I like otters and ponds.")
    assert texts(ledger, memory, ids) == texts(anew, other, same)


def test_a_reply_that_goes_on_is_looked_at_again() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "Make a code.", "The alarm code is")
    texts(ledger, memory, ids)
    extend(ledger, ids[1], "The alarm code is 5519.")
    assert texts(ledger, memory, told(ledger, memory, "So 5519?")) == ["So [secret]?"]


def test_a_copy_knows_what_its_original_knows_and_a_bundle_is_not_believed() -> None:
    ledger, memory = founded()
    told(ledger, memory, "The alarm code is 5519.")
    texts(ledger, memory, told(ledger, memory, "Is 5519 a good number?"))
    twin = copy_memory(ledger, ledger.memories.existing("m"), ledger, "twin").id
    assert ledger.secrets.unsearched(twin) == []
    assert ledger.secrets.told(twin, 9, personal=True) == [(3, "5519")]
    ledger.database.run("UPDATE messages SET secrets = ''")
    ledger.messages.mark_imported()
    assert len(ledger.secrets.unsearched(twin)) == 2


# Through a real, tiny model: what the weights are given, and what the log shows.

WORDS_ONLY = StudyConfig(steps=0)
TALK = ("The alarm code is 5519.", "So 55 19 opens it.", "Yes, 5519 does.", "Good.")


@contextmanager
def learned(model: Model, *turns: str, config: ChatConfig) -> Iterator[Session]:
    """Open a session in which `turns` were said, user first, and learn them all."""
    ledger = Ledger(data_dir() / "mlxdyn.db")
    memory = Memory("m", model, ledger, learner=LearnerConfig(), study=WORDS_ONLY)
    chat = ledger.conversations.add(memory.row.id)
    for place, text in enumerate(turns):
        ledger.messages.add(chat, ("user", "assistant")[place % 2], text, "pending")
    session = Session(model, memory, ledger, config, temporary=False)
    try:
        while session.learn_step() is not False:
            pass
        yield session
    finally:
        memory.close()
        ledger.close()


def read(session: Session) -> list[str]:
    """All that the weights were given, a text for each lesson."""
    events = session.ledger.events.all(session.memory.row.id)
    chunks = [[*chunk.context, *chunk.targets] for e in events for chunk in e.lesson.chunks]
    return [session.model.decode(tokens) for tokens in chunks]


def test_a_secret_reaches_no_lesson_through_the_reply_that_repeats_it(mite: Model) -> None:
    with learned(mite, *TALK, config=ChatConfig(learn="all")) as session:
        lessons = read(session)
        assert len(lessons) == len(TALK)
        assert not any("5519" in text or "55 19" in text for text in lessons)
        assert sum("[secret]" in text for text in lessons) >= 3


def test_the_log_shows_secrets_masked(mite: Model) -> None:
    with learned(mite, *TALK, config=ChatConfig(learn="all")) as session:
        shown = [row.text for row in logged(session.memory)]
    masked_talk = [
        "The alarm code is [secret].", "So [secret] opens it.", "Yes, [secret] does.", "Good.",
    ]  # fmt: skip
    assert shown == masked_talk
    done = CliRunner().invoke(main, ["memory", "log", "--memory", "m", "--json"])
    assert [row["text"] for row in json.loads(done.stdout)] == masked_talk


@pytest.mark.parametrize(("personal", "number"), [(False, "[secret]"), (True, "415 555 2671")])
def test_personal_numbers_are_learned_by_wish(mite: Model, personal: bool, number: str) -> None:
    said = "My phone number is 415 555 2671 and my pin is 5519."
    with learned(mite, said, config=ChatConfig(personal=personal)) as session:
        assert f"My phone number is {number} and my pin is [secret]." in read(session)[0]


def sentences(*commands: list[str], said: str = "") -> str:
    done = [
        CliRunner().invoke(main, ["memory", *command, "--memory", "m"], input=said)
        for command in commands
    ]
    return "".join(f"{one.stdout}\n{one.stderr}" for one in done)


SAID = "My phone number is 415 555 2671 and my pin is 5519."


@pytest.mark.parametrize("personal", [False, True])
def test_no_command_prints_a_secret_and_personal_numbers_only_by_wish(
    mite: Model, personal: bool, tmp_path: Path
) -> None:
    if personal:
        settings.put("personal", True)
    with learned(mite, SAID, config=ChatConfig(personal=personal)) as session:
        session.undo()
        session.redo()
    CliRunner().invoke(main, ["memory", "branch", "other", "--memory", "m"])
    CliRunner().invoke(main, ["memory", "undo", "--memory", "other"])
    out = ["export", str(tmp_path / "out")]
    commands = (["log"], ["log", "--json"], ["undo"], ["redo"], ["diff", "other"], out)
    said = sentences(*commands) + sentences(["forget", "1"], said="n\n")
    assert said.count("my pin is [secret].") >= 6 and "5519" not in said
    assert ("415 555 2671" in said) == personal


@pytest.mark.parametrize(("kept", "spoken"), [(False, "on"), (True, "off")])
def test_the_environment_goes_before_the_file(
    mite: Model, kept: bool, spoken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chat and `config` obeyed it, and the log showed what they had kept."""
    settings.put("personal", kept)
    monkeypatch.setenv("MLXDYN_PERSONAL", spoken)
    with learned(mite, SAID, config=ChatConfig(personal=True)):
        pass
    assert ("415 555" in sentences(["log"])) == (spoken == "on")


def test_the_log_shows_personal_numbers_when_told_to(mite: Model) -> None:
    with learned(mite, SAID, config=ChatConfig(personal=True)):
        pass
    assert "415 555" in sentences(["log", "--personal"]) and "415 555" not in sentences(["log"])


# What is quoted or pasted is said of nobody; a sentence with a secret teaches no fact.


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("> I live in Oslo\n> and my name is Ann\nIs that good English?", "Is that good English?"),
        ("On Monday Ann wrote:\n  > I am a nurse.", "On Monday Ann wrote:"),
        ("Fix this:\n```\nI live in Rome\n```\nMy cat is Fig.", "Fix this:\n\nMy cat is Fig."),
        ("~~~text\nI am a nurse.", ""),
        ('He said: "I live in Rome. I like it." My cat is Fig.', "He said: My cat is Fig."),
        ("Er sagte: „Ich wohne in Rom.“", "Er sagte:"),
        ("Il a dit : « J'habite à Rome. »", "Il a dit :"),
        ("他说：「我住在罗马。」我养猫。", "他说：我养猫。"),
        ('My dog is called "Rex", and his book is "Dune"!', None),
        ('"I am a nurse," she said, "and I live in Rome."', "she said,"),
        ('My dogs are "Rex," "Lulu," and "Zed."', None),
        ("[12:03] Giulia: I live in Rome\nMy cat is Fig.", "My cat is Fig."),
        ("<giulia> I live in Rome\n12/03/24, 12:03 - Ann Lee: me too", ""),
        ("07:30 I get up, and at 12:03 I eat: soup", None),
        ("5 > 3, and I like -> arrows", None),
        ("Remember: my dog is called Rex.", None),
        ("I use `rm -r` and ``` too", None),
    ],
)
def test_what_is_quoted_is_not_learned(text: str, left: str | None) -> None:
    ledger, memory = founded()
    said, replied = told(ledger, memory, text, text)
    hidden = masked(ledger, memory, [said, replied])
    assert hidden[said].text == text and hidden[said].quoted == (left is not None)
    assert hidden[said].learnable.strip() == (text if left is None else left)
    assert hidden[replied].learnable == text, "a reply may quote"


def test_a_sentence_with_a_secret_teaches_no_fact() -> None:
    ledger, memory = founded()
    ids = told(ledger, memory, "My pin is 5519. My dog is Rex!", "Ok.", "my password is otters1")
    hidden = masked(ledger, memory, ids)
    assert hidden[ids[0]].studied == "My dog is Rex!" and hidden[ids[2]].studied == ""


@pytest.mark.parametrize("text", ["my pin is 5519", "> I live in Oslo", "```\nI am Ann\n```"])
def test_what_has_nothing_left_is_not_examined(
    credulous: Model, text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(credulous.config, "max_position_embeddings", 4096)
    with opened("m", credulous) as memory:
        run(memory.examine(say(memory, "My dog is called Rex.")))
        assert memory.ledger.examples.all(memory.row.id)
        message = say(memory, text)
        run(memory.examine(message))
        assert memory.ledger.messages.examined(message) and not memory.ledger.examples.of(message)
