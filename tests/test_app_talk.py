"""Laws of what people take for granted in a chat: again, otherwise, further, found; by keyboard."""

import asyncio
from contextlib import closing
from dataclasses import replace
from threading import Event
from time import monotonic

import pytest
from test_app import (
    CALM,
    FAST,
    LONG_WINDED,
    STUDIED,
    chatting,
    own_home,  # noqa: F401
    press,
    say,
    say_and_learn,
    seen,
    until,
)
from textual.events import Key, Paste
from textual.widgets import Input

from mlxdyn import settings
from mlxdyn.chat.conversation import Session
from mlxdyn.engine import talks
from mlxdyn.engine.commands import SLASH_COMMANDS
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model
from mlxdyn_app.app import ChatApp
from mlxdyn_app.attach import attach, fitting
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.dialogs import Entry, Question
from mlxdyn_app.editor import edited
from mlxdyn_app.pasting import PasteParser
from mlxdyn_app.sidebar import Sidebar
from mlxdyn_app.surprise import SurpriseView
from mlxdyn_app.talk import SAVING
from mlxdyn_app.theme import PAPER, WREN
from mlxdyn_app.transcript import Turn

SHORT = replace(CALM, max_tokens=6)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def test_an_answer_is_asked_for_again_and_both_are_walked():
    async with chatting(replace(LONG_WINDED, max_tokens=8, seed=None)) as (app, pilot):
        await say_and_learn(app, pilot, "Tell me something.")
        first = seen(app)[2]
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[3] and not app.talk.busy)
        second = seen(app)[2]
        assert second != first and len(app.talk.turns) == 2
        await pilot.press("alt+up", "left")
        await until(pilot, lambda: seen(app)[2] == first)
        assert "version 1 of 2" in seen(app)[3]
        await pilot.press("alt+up", "right")
        await until(pilot, lambda: seen(app)[2] == second)


async def test_an_answer_that_cannot_be_given_anew_leaves_the_one_that_is_there(monkeypatch):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Tell me something.")
        before = seen(app)

        def refuses(session: Session, stopped: object):
            raise MlxdynError("no room for an answer")
            yield

        with monkeypatch.context() as patched:
            patched.setattr(Session, "retry", refuses)
            await pilot.press("ctrl+r")
            await until(pilot, lambda: "no room" in seen(app)[-1] and not app.talk.busy)
        assert seen(app)[:-1] == before and all(turn.display for turn in app.query(Turn))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[3] and not app.talk.busy)
        assert len(app.query(Turn)) == len(app.talk.turns) == 2


async def test_a_message_is_edited_and_what_followed_it_stays_as_a_version():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await say_and_learn(app, pilot, "And two.")
        await pilot.press("alt+up", "up", "up", "up", "e")
        assert app.prompt.text == "Hello one!" and app.prompt.border_title == "your message anew"
        await pilot.press("escape")
        assert not app.prompt.text and app.editing is None
        await pilot.press("alt+up", "up", "up", "up", "e")
        await say(app, pilot, "Good evening!")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[1] and not app.talk.busy)
        assert "And two." not in seen(app)
        await pilot.press("alt+up", "up", "left")
        await until(pilot, lambda: "And two." in seen(app))


async def test_an_edit_that_is_refused_leaves_the_chat_as_it_is_and_goes_on():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await say_and_learn(app, pilot, "And two.")
        before, long = seen(app), "I walked and saw " + "a boat and a bird and " * 400
        app.prompt.write("a draft")
        await pilot.press("alt+up", "up", "up", "up", "e")
        app.prompt.text = long
        press(app, "enter")
        await until(pilot, lambda: "smaller parts" in seen(app)[-1] and app.editing)
        assert app.prompt.text == long.strip() and app.prompt.border_title == "your message anew"
        assert seen(app)[:-1] == before and all(turn.display for turn in app.talk.turns.values())
        app.prompt.text = "Good evening!"
        press(app, "enter")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[1] and not app.talk.busy)
        assert "And two." not in seen(app) and app.prompt.text == "a draft"


async def test_a_reply_is_reworded_and_goes_on_where_it_was_cut():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello! My name is Ada and I live in Lisbon.")
        assert "token limit" in seen(app)[3]
        before = seen(app)[2]
        await say(app, pilot, "/continue")
        await until(pilot, lambda: not app.talk.busy and len(seen(app)[2]) > len(before))
        assert seen(app)[2].startswith(before)
        await pilot.press("alt+up", "e")
        await say(app, pilot, "Good day, Ada.")
        await until(pilot, lambda: seen(app)[2] == "Good day, Ada.")
        assert "version 2 of 2" in seen(app)[3]


async def test_chats_are_found_renamed_pinned_deleted_and_brought_back():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "About the sea.")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await say_and_learn(app, pilot, "About the moon.")
        await pilot.press("ctrl+f")
        await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
        page = app.screen
        await pilot.press(*"sea")
        await until(pilot, lambda: page._hits and page.conversation == 1)
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(app.screen, Entry))
        app.screen.query_one(Input).value = "Waves and sea"
        await pilot.press("enter")
        await until(pilot, lambda: page._chats[1].title == "Waves and sea")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: page._chats[1].pinned)
        await pilot.press("ctrl+d")
        await until(pilot, lambda: 1 not in page._chats)
        await pilot.press("ctrl+z")
        await until(pilot, lambda: 1 in page._chats)
        await pilot.press("enter")
        await until(pilot, lambda: "About the sea." in seen(app))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen == "1")
        await pilot.press("ctrl+d")
        await until(pilot, lambda: 1 not in app.screen._chats)
        await pilot.press("escape", "ctrl+o")  # another day: what was deleted is still shown
        await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
        await pilot.press(*"deleted")
        await until(pilot, lambda: app.screen.chosen == "1 deleted")
        await pilot.press("enter", "ctrl+r", "ctrl+t", "ctrl+d")
        assert isinstance(app.screen, ChatList) and app.screen.chosen == "1 deleted"
        await pilot.press("ctrl+z")
        await until(pilot, lambda: 1 in app.screen._chats)
        await pilot.press("ctrl+u", *"waves", "enter")
        await until(pilot, lambda: "About the sea." in seen(app))
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList))
        await pilot.press("ctrl+e")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "forgotten" in seen(app)[-1])


async def test_a_setting_is_changed_on_its_page_and_survives():
    async with chatting(SHORT) as (app, pilot):
        await pilot.press("f3")
        await until(pilot, lambda: isinstance(app.screen, SettingList) and app.screen.chosen)
        page = app.screen
        await pilot.press(*"system")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Entry))
        app.screen.query_one(Input).value = "You are a bird."
        await pilot.press("enter")
        await until(pilot, lambda: app.settings["system"] == "You are a bird.")
        await pilot.press("ctrl+u", *"numbers", "enter")
        await until(pilot, lambda: app.talk.numbers)
        assert app.screen is page
        await pilot.press("escape")
        await say_and_learn(app, pilot, "Hello!")
        assert "nll" in seen(app)[1]
    assert settings.read() == {"system": "You are a bird.", "numbers": True}


async def test_the_theme_is_chosen_and_kept():
    async with chatting() as (app, pilot):
        assert app.theme == WREN.name
        await say(app, pilot, "/theme light")
        await until(pilot, lambda: app.theme == PAPER.name)
        await say(app, pilot, "/theme pink")
        await until(pilot, lambda: "no theme pink" in seen(app)[-1])
    assert settings.read() == {"theme": "light"}


async def test_a_theme_chosen_in_the_palette_is_kept_too():
    async with chatting() as (app, pilot):
        app.theme = "nord"
        await until(pilot, lambda: settings.read() == {"theme": "nord"})
        app.theme = PAPER.name
        await until(pilot, lambda: settings.read() == {"theme": "light"})


async def test_keys_are_the_users_to_choose():
    settings.path().parent.mkdir(parents=True, exist_ok=True)
    settings.path().write_text('[keys]\nsettings = "f8"\n')
    async with chatting() as (app, pilot):
        await pilot.press("f8")
        await until(pilot, lambda: isinstance(app.screen, SettingList))
        await pilot.press("escape", "f3")
        assert not isinstance(app.screen, SettingList)


async def test_keys_are_answered_as_fast_while_it_replies_and_learns():

    async def key(app, pilot) -> float:
        """Median milliseconds from a key to its letter in the prompt."""
        taken = []
        for _ in range(21):
            app.prompt.text = ""
            await asyncio.sleep(0.01)
            started = monotonic()
            press(app, "x")
            while app.prompt.text != "x":
                await asyncio.sleep(0.001)
            taken.append(1000 * (monotonic() - started))
        app.prompt.text = ""
        return sorted(taken)[10]

    async with chatting(LONG_WINDED, study=replace(STUDIED, steps=12)) as (app, pilot):
        idle = await key(app, pilot)
        app.prompt.text = "My cat is called Tinta."
        press(app, "enter")
        await until(pilot, lambda: app.talk.reply is not None and app.talk.reply.text)
        replying = await key(app, pilot)
        press(app, "escape")
        await until(pilot, lambda: app.line.status.stage)
        learning = await key(app, pilot)
    assert idle < 50 and replying < 50 and learning < 50
    assert max(replying, learning) < 10 * idle + 5


async def test_a_model_is_chosen_from_the_list_and_says_whose_memory_it_has(tall: Model):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello!")
        await pilot.press("f4")
        await until(pilot, lambda: isinstance(app.screen, ModelList) and app.screen.chosen)
        await pilot.press(*"Qwen3-0.6B", "enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("n")  # the network is used only for who agrees
        await say(app, pilot, f"/model {tall.path}")
        await until(pilot, lambda: app.talk.ready and app.line.status.memory == "default-tall")
        await until(pilot, lambda: "answers from now on" in seen(app)[-1])
        await say(app, pilot, "/model wren")
        await until(pilot, lambda: app.line.status.memory == "default" and "Hello!" in seen(app))


async def test_a_message_is_coloured_by_surprise_and_by_what_memory_changed():
    async with chatting(SHORT) as (app, pilot):
        await pilot.press("ctrl+s")
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(app.screen, SurpriseView) and app.screen.is_mounted)
        page = app.screen
        await until(pilot, lambda: "Tinta" in str(page.query_one("#tokens").content))
        assert "nats a token" in str(page.query_one("#legend").content)
        await pilot.press("tab")
        await until(pilot, lambda: "Memory makes" in str(page.query_one("#legend").content))
        await pilot.press("escape")


async def test_the_menu_offers_commands_and_enter_takes_one():
    async with chatting() as (app, pilot):
        await pilot.press("/", "t", "e")
        await until(pilot, lambda: app.prompt.menu.chosen == "/temporary")
        await pilot.press("backspace", "backspace", "down", "up", "escape")
        assert not app.prompt.menu.display and app.prompt.text == "/"
        await pilot.press("m", "o", "tab")
        assert app.prompt.text == "/model "
        await pilot.press("ctrl+u", *"/inco", "enter")
        await until(pilot, lambda: app.prompt.border_title == "incognito")


async def test_what_is_typed_faster_than_the_menu_follows_is_what_counts():
    async with chatting() as (app, pilot):
        app.prompt.text = "/dial 25"
        app.prompt.menu.offer([("/dial ", "as it was some keys ago")])
        await app.prompt._on_key(Key("enter", "\r"))
        await until(pilot, lambda: app.line.status.adapter_scale == 0.25)


async def test_leaving_waits_for_no_lesson():
    async with chatting(SHORT, study=replace(STUDIED, steps=12)) as (app, pilot):
        await say(app, pilot, "My cat is called Tinta.")
        await until(pilot, lambda: app.line.status.stage)
        app.patience = 60.0
        started = monotonic()
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.closed)
        assert monotonic() - started < 10
    async with chatting(SHORT, study=STUDIED) as (app, pilot):
        await until(pilot, lambda: any("remembers" in text for text in seen(app)))


async def test_a_second_ctrl_q_leaves_at_once_whatever_the_engine_does():
    app, gate = ChatApp(FAST), Event()
    app.patience = None
    async with app.run_test() as pilot:
        await until(pilot, lambda: hasattr(app, "talk") and app.talk.ready)
        app.engine._requests.put(gate.wait)
        press(app, "ctrl+q")
        await until(pilot, lambda: "leaves at once" in app.line.doing)
        started = monotonic()
        press(app, "ctrl+q")
        await until(pilot, lambda: app._exit)
        assert monotonic() - started < 1 and not app.closed
        gate.set()
        app.engine._thread.join()


async def test_a_long_paste_is_folded_and_what_it_holds_runs_nothing():
    async with chatting(SHORT) as (app, pilot):
        app.prompt.post_message(Paste("one\r\ntwo\x1b[201~\x1b[31m three\x07"))
        await until(pilot, lambda: app.prompt.text == "one\ntwo[201~[31m three")
        assert not app.talk.queue and not app.talk.busy
        app.prompt.text = ""
        app.prompt.post_message(Paste("\n".join(f"line {n}" for n in range(40))))
        await until(pilot, lambda: "40 lines" in app.prompt.text)
        await pilot.press("enter")
        await until(pilot, lambda: app.talk.turns)
        assert "line 39" in seen(app)[0] and "[paste" not in seen(app)[0]


@pytest.mark.parametrize("size", [1, 3, 4096])
def test_an_escape_character_in_a_paste_is_no_key_however_it_arrives(size):
    raw = "a\x1b[200~one\r\x1b[31mtwo\x1b\x1b\r/undo\r\x1b\x1b[201~b\x1b[A"
    parser, told = PasteParser(), []
    for begin in range(0, len(raw), size):
        told += parser.feed(raw[begin : begin + size])
    said = [one.text if isinstance(one, Paste) else one.key for one in told]
    assert said == ["a", "one\r[31mtwo\r/undo\r", "b", "up"]


async def test_keys_take_effect_in_the_order_in_which_they_were_typed():
    async with chatting(SHORT) as (app, pilot):
        app.prompt.text = ""
        for key in [*"Rex", *["backspace"] * 3, *"Max"]:
            press(app, key)
        await until(pilot, lambda: app.prompt.text == "Max")


async def test_a_file_goes_along_and_an_unknown_one_is_said(tmp_path):
    (tmp_path / "note.txt").write_text("Tinta is a cat.")
    async with chatting(SHORT) as (app, pilot):
        app.prompt.text = f"Read @{tmp_path}/none.txt"
        await pilot.press("enter")
        await until(pilot, lambda: "there is no file" in seen(app)[-1])
        assert app.prompt.text == f"Read @{tmp_path}/none.txt"
        await say(app, pilot, f"Read @{tmp_path}/note.txt")
        await until(pilot, lambda: app.talk.turns and "Tinta is a cat." in seen(app)[1])


def test_files_are_offered_checked_and_people_are_left_alone(tmp_path):
    (tmp_path / "big.txt").write_bytes(b"a" * 200_000)
    (tmp_path / "raw.bin").write_bytes(b"\xff\xfe\x00")
    assert [line for line, _ in fitting(f"see @{tmp_path}/b")] == [f"see @{tmp_path}/big.txt"]
    assert "200,000 bytes" in attach(f"@{tmp_path}/big.txt").faults[0]
    assert "no text" in attach(f"@{tmp_path}/raw.bin").faults[0]
    assert "no file" in attach(f"@{tmp_path}").faults[0]
    assert attach("ask @ada about a@b.c") == attach("ask @ada about a@b.c")
    assert attach("ask @ada about a@b.c").text == "ask @ada about a@b.c"
    assert not attach("ask @ada about a@b.c").faults


@pytest.mark.parametrize("named", ["@~nobody/x.txt", "@" + "a" * 300 + ".txt", "@a\0.txt"])
def test_what_no_file_system_knows_is_said_and_offered_nothing(named):
    assert "there is no file" in attach(f"see {named}").faults[0]
    assert fitting(f"see {named}") == [] and fitting("see @~nobody") == []
    assert not attach("@" + "a" * 300).faults, "it may be a person"


def test_a_path_ends_before_a_sentence_does_and_code_names_none(tmp_path):
    (tmp_path / "a.txt").write_text("Tinta.")
    assert "Tinta." in attach(f"Read @{tmp_path}/a.txt, please.").text
    code = "```\n@app.route('/x')\n```"
    assert attach(code).text == code and not attach(code).faults
    assert not attach("Say hi to @ada.").faults
    (tmp_path / ("b" * 200)).symlink_to("c" * 300)
    assert len(fitting(f"see @{tmp_path}/")) == 2


async def test_a_draft_comes_back_after_an_edit_and_a_command():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        app.prompt.write("a long draft")
        await pilot.press("alt+up", "up", "e")
        assert app.prompt.text == "Hello one!"
        await pilot.press("escape")
        assert app.prompt.text == "a long draft" and app.editing is None
        app._begin(SLASH_COMMANDS["rename"])
        assert app.prompt.text == "/rename "
        await pilot.press("up")
        assert app.prompt.text == "a long draft"


async def test_an_edit_goes_on_when_the_chat_is_shown_anew():
    """Or ends, where the message is there no more; what is written stays."""
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await pilot.press("alt+up", "up", "e")
        before = app.editing
        app.engine.open(talks.turn_to, before.message, -1)
        await until(pilot, lambda: app.editing is not before)
        assert app.editing.is_attached
        await say(app, pilot, "Good evening!")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[1] and not app.talk.busy)
        await pilot.press("alt+up", "up", "e")
        app.engine.open(talks.new)
        await until(pilot, lambda: not app.talk.turns and app.talk.ready)
        assert app.editing is None and app.prompt.text == "Good evening!"


async def test_an_edit_of_a_message_that_was_cut_off_is_said_anew():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await pilot.press("alt+up", "up", "e")
        await say(app, pilot, "/edit Good evening!")
        await until(pilot, lambda: "version 2 of 2" in seen(app)[1] and not app.talk.busy)
        assert app.editing is None
        await say_and_learn(app, pilot, "And two.")
        assert "And two." in seen(app)


async def test_what_looks_like_a_file_can_be_sent_all_the_same():
    async with chatting(SHORT) as (app, pilot):
        app.prompt.text = "What is @functools.cache?"
        await pilot.press("enter")
        await until(pilot, lambda: "Enter again" in seen(app)[-1])
        await pilot.press("enter")
        await until(pilot, lambda: "What is @functools.cache?" in seen(app))


async def test_a_title_is_no_markup():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await say(app, pilot, "/rename Trip [/b]")
        (told,) = [one for one in app._notifications if "Trip" in one.message]
        assert not told.markup


async def test_a_chat_in_which_nothing_was_said_has_no_title():
    async with chatting(SHORT) as (app, pilot):
        await say(app, pilot, "/rename Trip")
        assert any("when something was said" in one.message for one in app._notifications)


def test_the_editor_writes_the_message(tmp_path, monkeypatch):
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nprintf "from the editor\\n" >> "$1"\n')
    editor.chmod(0o700)
    monkeypatch.setenv("VISUAL", str(editor))
    assert edited("begun, ") == "begun, from the editor"
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    with pytest.raises(OSError):
        edited("begun")


async def test_an_editor_that_cannot_be_had_leaves_the_message_as_it_is(monkeypatch):
    monkeypatch.setenv("VISUAL", "/no/such/editor")
    async with chatting() as (app, pilot):
        app.prompt.text = "begun"
        await pilot.press("ctrl+g")
        assert app.prompt.text == "begun"
        assert any("editor did not go well" in one.message for one in app._notifications)


async def test_a_message_that_fails_is_given_back_at_once():
    async with chatting(SHORT) as (app, pilot):
        long = "I walked along the river and saw " + "a boat and a bird and " * 400
        app.prompt.text = long
        press(app, "enter")
        await until(pilot, lambda: "smaller parts" in seen(app)[-1] and app.prompt.text)
        assert app.prompt.text.startswith("I walked") and not app.talk.queue
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        assert len(app.prompt.text) == len(long.strip())


async def test_the_failure_of_another_request_is_none_of_the_message():
    async with chatting(SHORT) as (app, pilot):
        gate = Event()
        app.engine._requests.put(gate.wait)
        await say(app, pilot, "/export talk.md")
        await say(app, pilot, "Hello one!")
        gate.set()
        await until(pilot, lambda: "nothing in this chat to export" in " ".join(seen(app)))
        await until(pilot, lambda: len(app.talk.turns) == 2 and not app.talk.busy)
        assert not app.prompt.text


@pytest.mark.parametrize("how", ["reworded", "turned", "deleted"])
async def test_what_is_said_while_a_chat_is_shown_anew_is_said_once(how):
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await say(app, pilot, "/edit Good evening!")
        await until(pilot, lambda: not app.talk.busy and "version 2 of 2" in seen(app)[1])
        gate = Event()
        app.engine._requests.put(gate.wait)
        if how == "reworded":
            app.begin_edit(list(app.query(Turn))[1])
            await say(app, pilot, "Good evening to you!")
        elif how == "turned":
            app.transcript.query(Turn).first().action_act("older")
        else:
            app.post_message(ChatList.Wanted(app.talk.conversation, "hide"))
        await pilot.pause(0.1)  # the engine has been asked
        await say(app, pilot, "And now?")
        gate.set()
        await until(
            pilot,
            lambda: app.talk.free and app.talk.turns and app.talk.last_said().text == "And now?",
        )
        assert not app.prompt.text and seen(app).count("And now?") == 1


async def test_a_chat_that_is_shown_no_more_goes_on_in_no_way():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "Hello one!")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await say_and_learn(app, pilot, "Hello two!")
        gate = Event()
        app.engine._requests.put(gate.wait)
        app.post_message(Sidebar.Wanted(1))
        await until(pilot, lambda: not app.talk.ready)
        for line in ("/retry", "/continue", "/edit Good evening!"):
            app.prompt.text = line
            press(app, "enter")
            await until(pilot, lambda: any("Wait for" in one.message for one in app._notifications))
            app.clear_notifications()
        assert app.prompt.text == "/edit Good evening!"
        gate.set()
        await until(pilot, lambda: app.talk.ready and "Hello one!" in seen(app))
        assert len(app.talk.turns) == 2
    with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as ledger:
        memory = ledger.memories.existing("default").id
        assert [chat.messages for chat in ledger.conversations.all(memory)] == [2, 2]


async def test_a_file_with_a_character_that_nobody_can_save_is_sent_once(tmp_path):
    (tmp_path / "raw.txt").write_text("a\0b")
    async with chatting(SHORT) as (app, pilot):
        gate = Event()
        app.engine._requests.put(gate.wait)
        await say(app, pilot, f"Read @{tmp_path}/raw.txt")
        await say(app, pilot, "And then?")
        gate.set()
        await until(pilot, lambda: len(app.talk.turns) == 4 and not app.talk.busy)
        assert sum("raw.txt" in text for text in seen(app)) == 1


async def test_what_waits_for_a_reply_when_leaving_is_saved_and_shown_next_time():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "Tell me everything.")
        await until(pilot, lambda: app.talk.reply is not None)
        await say(app, pilot, "And then?")
        await say(app, pilot, "And at last?")
        await until(pilot, lambda: len(app.talk.queue) == 2)
    async with chatting(SHORT) as (app, pilot):
        said = [turn.text for turn in app.talk.turns.values() if turn.role == "user"]
        assert said == ["Tell me everything.", "And then?", "And at last?"]
        await pilot.press("up")
        assert app.prompt.text == "And at last?"


async def test_what_was_sent_and_not_heard_when_leaving_is_saved_once():
    async with chatting(SHORT) as (app, pilot):
        gate = Event()
        app.engine._requests.put(gate.wait)
        await say(app, pilot, "Hello one!")
        await say(app, pilot, "Hello two!")
        await until(pilot, lambda: len(app.talk.queue) == 2)
        press(app, "ctrl+q")
        await until(pilot, lambda: app.line.doing == SAVING)
        gate.set()
        await until(pilot, lambda: app.closed)
    async with chatting(SHORT) as (app, pilot):
        said = [turn.text for turn in app.talk.turns.values() if turn.role == "user"]
        assert said == ["Hello one!", "Hello two!"]
