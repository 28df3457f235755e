"""Laws of the app's pages about time, chats and wishes; by keyboard, with the bundled model."""

import json
from dataclasses import replace
from threading import Event

import pytest
from test_app import (
    CALM,
    FAST,
    LONG_WINDED,
    STUDIED,
    chatting,
    own_home,  # noqa: F401
    say,
    say_and_learn,
    seen,
    told,
    until,
)
from textual.widgets import Input

from mlxdyn.engine.events import Working
from mlxdyn_app import app as module
from mlxdyn_app.chats import ChatList
from mlxdyn_app.dialogs import Entry, Help, Question
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.status import fields
from mlxdyn_app.timeline import TimelinePage

SHORT = replace(CALM, max_tokens=6)

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


async def test_a_moment_is_looked_at_gone_back_to_and_left_again():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await say_and_learn(app, pilot, "I live in Lisbon.")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel))
        await pilot.press("f6")
        await until(pilot, lambda: isinstance(app.screen, TimelinePage) and app.screen.chosen)
        page = app.screen
        assert page.chosen == "2" and len(page._moments) == 3
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is page and page._moments["1"].now)
        assert not page._moments["2"].standing
        await until(pilot, lambda: any("unlearned" in text for text in seen(app)))
        page.query_one("OptionList").highlighted = 0
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: app.screen is page and page._moments["2"].now)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: not any("unlearned" in text for text in seen(app)))


async def test_the_panel_pauses_dials_branches_and_resets():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "My cat is called Tinta.")
        await pilot.press("f2")
        await until(pilot, lambda: isinstance(app.screen, MemoryPanel))
        panel = app.screen
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.line.status.learn == "off")
        assert "learning off" in str(panel.query_one("#whose").content)
        await pilot.press("ctrl+l")
        await until(pilot, lambda: app.line.status.learn == "user")
        await pilot.press("ctrl+k")
        await until(pilot, lambda: isinstance(app.screen, Entry))
        app.screen.query_one(Input).value = "40"
        await pilot.press("enter")
        await until(pilot, lambda: "strength 40%" in str(panel.query_one("#whose").content))
        await pilot.press("ctrl+b")
        await until(pilot, lambda: isinstance(app.screen, Entry))
        await pilot.press(*"work", "enter")
        await until(pilot, lambda: "work" in app.memories)
        await pilot.press("ctrl+x")
        await until(pilot, lambda: isinstance(app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: "0 messages" in str(panel.query_one("#whose").content))


async def test_the_sidebar_lists_opens_and_goes():
    async with chatting(SHORT, size=(100, 30)) as (app, pilot):
        await say_and_learn(app, pilot, "About the sea.")
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await pilot.press("f5")
        await until(pilot, lambda: app.sidebar.option_count == 1)
        assert app.focused is app.sidebar
        await pilot.press("down", "enter")
        await until(pilot, lambda: "About the sea." in seen(app))
        assert app.focused is app.prompt
        await pilot.press("ctrl+n")
        await until(pilot, lambda: app.talk.ready and not app.talk.turns)
        await say(app, pilot, "About the moon.")
        await until(pilot, lambda: app.sidebar.option_count == 2)
        await pilot.press("f5")
        assert not app.sidebar.display


async def test_chats_of_another_program_are_taken_in(tmp_path):
    turns = [{"role": "user", "content": "Where is Oslo?"},
             {"role": "assistant", "content": "In Norway."}]  # fmt: skip
    (tmp_path / "talk.json").write_text(json.dumps({"title": "Norway", "messages": turns}))
    async with chatting(SHORT) as (app, pilot):
        await say(app, pilot, f"/import {tmp_path / 'talk.json'}")
        await until(pilot, lambda: "Imported: 1 chat" in seen(app)[-1])
        assert app.line.status.pending == 0
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, ChatList) and app.screen.chosen)
        await pilot.press("enter")
        await until(pilot, lambda: "In Norway." in seen(app))
        await say(app, pilot, f"/import {tmp_path / 'none.json'}")
        told = app._notifications  # a toast is gone after a few seconds
        await until(pilot, lambda: any("cannot be read" in note.message for note in told))
        await until(pilot, lambda: "cannot be read" in seen(app)[-1])


async def test_with_learning_off_a_message_says_so():
    async with chatting(SHORT) as (app, pilot):
        await say(app, pilot, "/learn off")
        await until(pilot, lambda: app.line.status.learn == "off")
        await say(app, pilot, "My cat is called Tinta.")
        await until(
            pilot,
            lambda: (
                not app.talk.busy and any("learning is off" in line for line in seen(app)[-3:-2])
            ),
        )


async def test_first_facts_are_compared_and_a_message_goes_before_that():
    async with chatting(study=STUDIED) as (app, pilot):
        await say(app, pilot, "My cat is called Tinta.")
        await until(pilot, lambda: any("first thing" in text for text in seen(app)))
        await say(app, pilot, "Hello!")
        await until(pilot, lambda: len(app.talk.turns) == 4 and not app.talk.busy)
        assert app.line.doing == ""


async def test_the_editor_opens_by_ctrl_x_ctrl_e(monkeypatch):
    monkeypatch.setattr(module, "edited", lambda text: f"{text} and more")
    async with chatting() as (app, pilot):
        monkeypatch.setattr(app, "suspend", lambda: __import__("contextlib").nullcontext())
        await pilot.press("h", "ctrl+x", "ctrl+e")
        await until(pilot, lambda: app.prompt.text == "h and more")
        await pilot.press("ctrl+x", "x")
        assert app.prompt.text == "h and morex", "only Ctrl+E after it opens the editor"


async def test_context_and_memory_are_told_while_it_replies():
    async with chatting(LONG_WINDED) as (app, pilot):
        await say(app, pilot, "/numbers")
        await until(pilot, lambda: app.line.numbers)
        assert any("MB of memory" in text for text in fields(app.line.status, 200, numbers=True))
        await say(app, pilot, "Tell me.")
        await until(pilot, lambda: app.talk.reply is not None and app.talk._pieces > 3)
        first = app.line.status.context_tokens
        await until(pilot, lambda: app.line.status.context_tokens > first)
        await until(pilot, lambda: "tok/s" in app.line.doing)
        await pilot.press("escape")


async def test_a_download_tells_how_far_it_is():
    async with chatting() as (app, pilot):
        app._from_engine(Working("fetching smollm2-135m", 45, 93, "MB"))
        await until(pilot, lambda: app.line.doing == "fetching smollm2-135m 45/93 MB…")
        app._from_engine(Working("", 1, 1))
        await until(pilot, lambda: app.line.doing == "")


async def test_text_is_never_wider_than_a_hundred_columns():
    async with chatting(size=(200, 60)) as (app, pilot):
        await say(app, pilot, "word " * 60)
        await until(pilot, lambda: app.talk.turns)
        turn = next(iter(app.talk.turns.values()))
        assert turn.body.size.width <= 100


async def test_no_color_is_heeded(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    app = module.ChatApp(FAST)
    app.patience = None
    async with app.run_test() as pilot:
        await until(pilot, lambda: hasattr(app, "talk") and app.talk.ready)
        styles = {segment.style for strip in app.screen._compositor.render_strips()
                  for segment in strip if segment.style}  # fmt: skip
        assert app.no_color and styles
        await pilot.press("ctrl+q")
        await until(pilot, lambda: app.closed)


async def test_help_names_every_key_of_the_app():
    async with chatting() as (app, pilot):
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, Help))
        shown = " ".join(str(part.content) for part in app.screen.query("Static"))
        for key in ("F5", "F6", "Ctrl+G", "Ctrl+X Ctrl+E", "Ctrl+O", "Alt+Up/Down", "@file"):
            assert key in shown


async def test_up_recalls_nothing_that_was_forgotten_or_left_no_trace():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "I live in Lisbon.")
        await say_and_learn(app, pilot, "My locker is 12.")
        first = app.talk.last_said()
        await say(app, pilot, "/edit My locker is 13.")
        await until(pilot, lambda: told(app) == 2 and app.talk.last_said() is not first)
        for message in (first.message, app.talk.last_said().message):
            shown = app.talk.last_said()
            await say(app, pilot, f"/forget {message}")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press("y")
            await until(pilot, lambda shown=shown: app.talk.last_said() is not shown)
            await until(pilot, lambda: "Forgotten" in seen(app)[-1])
        assert not any("locker" in text for text in await recalled(pilot))
        await say(app, pilot, "/incognito")
        await until(pilot, lambda: app.line.status.incognito and app.talk.ready)
        assert "I live in Lisbon." not in await recalled(pilot)
        await say(app, pilot, "A secret affair.")
        await say(app, pilot, "/search affair")
        await until(pilot, lambda: isinstance(app.screen, ChatList))
        await pilot.press("escape")
        assert "A secret affair." in await recalled(pilot)
        await say(app, pilot, "/incognito")
        await until(pilot, lambda: not app.line.status.incognito and app.talk.ready)
        texts = await recalled(pilot)
        assert texts[0] == "I live in Lisbon." and not any("affair" in text for text in texts)


async def recalled(pilot) -> list[str]:
    """Press Up as often as that brings something else, and Down to the draft; oldest first."""
    prompt, texts = pilot.app.prompt, []
    while not texts or prompt.text != texts[0]:
        texts.insert(0, prompt.text)
        await pilot.press("up")
    await pilot.press(*["down"] * len(texts))
    assert not prompt.text
    return texts


async def test_what_is_said_while_a_chat_opens_is_recalled_and_a_temporary_chat_reads_the_memory():
    async with chatting(SHORT) as (app, pilot):
        await say_and_learn(app, pilot, "I live in Lisbon.")
        gate = Event()
        app.engine._requests.put(gate.wait)
        await say(app, pilot, "/temporary")
        await say(app, pilot, "Between us.")
        await until(pilot, lambda: app.talk.early)
        gate.set()
        await until(pilot, lambda: app.line.status.temporary and len(app.talk.turns) == 2)
        assert await recalled(pilot) == ["I live in Lisbon.", "Between us.", "/temporary", ""]
