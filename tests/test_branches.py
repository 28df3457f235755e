"""Laws of branches: what is said otherwise keeps what was said; with a tiny model."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from school import QUICK, open_memory

from mlxdyn.chat.conversation import Session
from mlxdyn.chat.events import Replied
from mlxdyn.chat.generate import loops
from mlxdyn.chat.pace import LEAST_STEPS, Pace
from mlxdyn.chat.thoughts import split
from mlxdyn.chat.turns import alternating
from mlxdyn.config import ChatConfig, SamplingConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.memory.lifecycle import branch
from mlxdyn.memory.store import chats
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Message

CONFIG = ChatConfig(sampling=SamplingConfig(temperature=1.0, seed=1, max_tokens=8))


@pytest.fixture
def session(mite) -> Iterator[Session]:
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        study = replace(QUICK, steps=0)
        with open_memory("m", mite, ledger, study=study) as memory:
            yield Session(mite, memory, ledger, CONFIG, temporary=False)


def ends(events) -> Replied:
    *_, replied = events
    assert isinstance(replied, Replied)
    return replied


def go_on() -> bool:
    return False


def texts(session: Session) -> list[str]:
    return [message.text for message in session.messages()]


def test_an_answer_again_is_another_version_and_the_first_stays(session: Session):
    first = ends(session.reply("Hello!", go_on)).message
    session.config = replace(CONFIG, sampling=replace(CONFIG.sampling, seed=2))
    again = ends(session.retry(go_on)).message
    assert (again.version, again.versions) == (2, 2) and again.text != first.text
    assert texts(session) == ["Hello!", again.text]
    session.turn_to(again.id, -1)
    assert texts(session) == ["Hello!", first.text]
    session.turn_to(first.id, -1)  # there is none before
    assert texts(session) == ["Hello!", first.text]


def test_a_message_edited_goes_on_as_a_branch_and_both_are_walkable(session: Session):
    ends(session.reply("One.", go_on))
    ends(session.reply("Two.", go_on))
    one, _, two, _ = session.messages()
    ends(session.edit(two.id, "Three.", go_on))
    assert texts(session)[::2] == ["One.", "Three."]
    ends(session.edit(one.id, "Four.", go_on))
    assert texts(session)[::2] == ["Four."] and session.messages()[0].versions == 2
    session.turn_to(session.messages()[0].id, -1)
    assert texts(session)[::2] == ["One.", "Three."], "each branch as it was left"
    session.turn_to(session.messages()[2].id, -1)
    assert texts(session)[::2] == ["One.", "Two."]
    assert len(chats.all_messages(session.ledger, session.conversation)) == 8


def test_a_reply_goes_on_where_it_was_cut(session: Session):
    cut = ends(session.reply("Tell me everything.", go_on))
    assert cut.ended == "length"
    longer = ends(session.resume(go_on)).message
    assert longer.id == cut.message.id and longer.text.startswith(cut.message.text)
    assert len(longer.text) > len(cut.message.text) and len(session.messages()) == 2


def test_a_reply_is_reworded_beside_what_was_said(session: Session):
    said = ends(session.reply("Hello!", go_on)).message
    session.reword(said.id, "Good day.")
    assert texts(session) == ["Hello!", "Good day."]
    session.turn_to(session.messages()[1].id, -1)
    assert texts(session) == ["Hello!", said.text]


def test_what_cannot_be_answered_again_says_so(session: Session):
    for impossible in (session.retry, session.resume):
        with pytest.raises(MlxdynError, match="there is no"):
            ends(impossible(go_on))
    with pytest.raises(MlxdynError, match="not in this conversation"):
        session.turn_to(99, 1)


def test_forgetting_a_message_takes_all_its_answers_and_joins_the_rest(session: Session):
    for text in ("One.", "Two.", "Three."):
        ends(session.reply(text, go_on))
    two = session.messages()[2]
    session.turn_to(two.id, 0)
    ends(session.edit(two.id, "Two again.", go_on))
    session.turn_to(session.messages()[2].id, -1)
    session.forget(two.id)
    assert texts(session)[::2] == ["One.", "Three."]
    assert not [
        one for one in session.ledger.database.run("SELECT text FROM messages") if one[0] == "Two."
    ]


def test_branches_come_along_when_a_memory_is_copied(session: Session):
    ends(session.reply("One.", go_on))
    ends(session.retry(go_on))
    before = texts(session)
    session.memory.close()
    branch("m", "copy", session.ledger)
    row = session.ledger.memories.existing("copy")
    (chat,) = session.ledger.conversations.all(row.id)
    copied = session.ledger.messages.of(chat.id)
    assert [one.text for one in copied] == before
    assert copied[1].versions == 2 and copied[0].id not in {m.id for m in session.messages()}


def test_chats_are_found_renamed_pinned_and_hidden(session: Session):
    for text in ("About the sea.", "About the moon."):
        session.new()
        ends(session.reply(text, go_on))
    ledger, owner = session.ledger, session.owner
    sea = chats.search(ledger, owner, "SEA about")
    assert [hit.text for hit in sea] == ["About the sea."]
    assert chats.search(ledger, owner, "100%") == []
    first = sea[0].conversation
    chats.rename(ledger, first, "Waves")
    chats.pin(ledger, first, True)
    assert [(chat.title, chat.pinned) for chat in session.chats()] == [
        ("Waves", True), ("About the moon.", False),
    ]  # fmt: skip
    assert chats.latest(ledger, owner) != first, "pinned is not latest"
    chats.hide(ledger, first, True)
    assert [chat.title for chat in session.chats()] == ["About the moon."]
    assert not chats.search(ledger, owner, "sea")
    chats.hide(ledger, first, False)
    chats.rename(ledger, first, "")
    assert session.chats()[0].title == "About the sea."
    assert chats.said(ledger, owner, 10) == ["About the sea.", "About the moon."]


@pytest.mark.parametrize(
    ("text", "thoughts", "words"),
    [
        ("<think>Hm.\nYes.</think>\n\nHello!", "Hm.\nYes.", "Hello!"),
        ("I think so.</think>Yes.", "I think so.", "Yes."),
        ("<think>never closed", "never closed", ""),
        ("Plain <b>words</b>.", "", "Plain <b>words</b>."),
    ],
)
def test_thoughts_are_parted_from_words_and_never_sent_back(text, thoughts, words):
    assert split(text) == (thoughts, words)
    (turn,) = alternating([Message(1, "assistant", text)])
    assert turn.text == words


def test_a_reply_that_goes_round_in_circles_is_seen():
    assert loops([1, 2, 3] * 20) and loops([*range(100), *[7] * 48])
    assert not loops([1, 2, 3] * 10), "a short refrain is none"
    assert loops([*range(100)] * 3) and not loops([*range(100)] * 2), "a paragraph, thrice"
    assert not loops(list(range(300))) and not loops([])


def test_the_pace_foretells_and_keeps_to_a_budget(tmp_path):
    pace = Pace(tmp_path / "pace")
    assert pace.seconds("reading") is None and pace.steps(12, 5.0) == 12
    pace.note("reading", 4.0)
    pace.note("learning", 12.0)
    again = Pace(tmp_path / "pace")
    assert again.seconds("reading", "learning") == pytest.approx(16.0)
    assert again.steps(12, 0.0) == 12 and again.steps(12, 100.0) == 12
    assert again.steps(12, 10.0) == 6
    assert again.steps(12, 4.0 + LEAST_STEPS - 0.5) == 0, "its words only"
