"""No text commands the terminal, wherever the app shows it."""

from dataclasses import replace

import pytest
from test_app import until
from test_pages import CHATS, COMPARED, FACTS, LIFE, LOG, MODELS, NOON, PANEL, SET, STATUS

from mlxdyn.engine.actor import Options
from mlxdyn.engine.events import Chats, Hit, Message, Scored, SearchResult, Surprise
from mlxdyn_app.app import ChatApp
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.dialogs import Entry, Question
from mlxdyn_app.escapes import CONTROL
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.records import LogList
from mlxdyn_app.surprise import SurpriseView
from mlxdyn_app.timeline import TimelinePage
from mlxdyn_app.transcript import Turn

BAD = "Zoe\x1b[2J\x1b]0;x\x07\x9b31m\x00\x7f"
MARKED = "Zoe\N{REPLACEMENT CHARACTER}[2J"
BAD_CHATS = tuple(replace(chat, title=BAD) for chat in CHATS)
BAD_FACT = replace(FACTS[0], answer=BAD, said=BAD, questions=(BAD,))
PAGES = {
    "chats": lambda: ChatList(Chats(BAD_CHATS, BAD_CHATS), 1),
    "models": lambda: ModelList(replace(MODELS, models=(replace(MODELS.models[0], name=BAD),))),
    "settings": lambda: SettingList(replace(SET, values={**SET.values, "system": BAD})),
    "memory": lambda: MemoryPanel(replace(PANEL, facts=(BAD_FACT,), memory=BAD), STATUS),
    "timeline": lambda: TimelinePage(replace(LIFE, moments=(replace(LIFE.moments[0], said=BAD),))),
    "log": lambda: LogList((replace(LOG[0], text=BAD),)),
    "surprise": lambda: SurpriseView(Surprise(BAD, (Scored(BAD, 4.0, 0.0),))),
    "question": lambda: Question(BAD, BAD),
    "entry": lambda: Entry(BAD, BAD, BAD),
}


def silent() -> ChatApp:
    """The app, whose engine never begins."""
    app = ChatApp(Options())
    app.engine.start = lambda: None
    return app


def sent(pilot) -> str:
    """Give what of the screen goes to the terminal."""
    strips = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(s.text for s in strip) for strip in strips)


def calm(text: str) -> bool:
    return CONTROL.search(text.replace("\n", "")) is None


@pytest.mark.parametrize("name", PAGES)
async def test_no_page_sends_an_escape_character(name):
    async with silent().run_test(size=(100, 30)) as pilot:
        pilot.app.push_screen(PAGES[name]())
        await until(pilot, lambda: MARKED in sent(pilot))
        assert calm(sent(pilot))


async def test_what_is_found_sends_none():
    async with silent().run_test(size=(100, 30)) as pilot:
        pilot.app.push_screen(page := ChatList(Chats(CHATS), 1, "Zoe"))
        await pilot.pause()
        page.found(SearchResult("Zoe", (Hit(1, BAD, NOON, "user", BAD),)))
        await until(pilot, lambda: sent(pilot).count(MARKED) == 2)
        assert calm(sent(pilot))


async def test_what_is_said_is_shown_with_a_mark_for_each():
    async with silent().run_test(size=(100, 40)) as pilot:
        app = pilot.app
        await app.transcript.open((Message(1, "user", BAD), Message(2, "assistant", BAD)))
        reply = await app.transcript.add(Turn("assistant"))
        for character in BAD:
            await reply.append(character)
        await reply.finish(BAD)
        block = await app.transcript.add(Turn("assistant", f"```\n{BAD}\n```\n\n`{BAD}`"))
        block.say(BAD)
        await app.transcript.mount(Comparison(replace(COMPARED, question=BAD, base=BAD)))
        await until(pilot, lambda: sent(pilot).count(MARKED) >= 8)
        assert calm(sent(pilot))


async def test_notes_toasts_the_sidebar_the_status_and_the_prompt_send_none():
    async with silent().run_test(size=(100, 30)) as pilot:
        app = pilot.app
        app.say(BAD, error=True)
        app.sidebar.display = True
        app.sidebar.show(BAD_CHATS, 1)
        app.line.status = replace(STATUS, model=BAD)
        app.prompt.write(BAD)
        app.prompt.border_title = BAD
        await until(pilot, lambda: sent(pilot).count(MARKED) >= 4)
        assert calm(sent(pilot))
        app.prompt.menu.offer([(BAD, BAD)])
        await until(pilot, lambda: sent(pilot).count(MARKED) >= 5)
        assert calm(sent(pilot))


async def test_lines_keep_their_width():
    async with silent().run_test(size=(60, 20)) as pilot:
        await pilot.app.transcript.open((Message(1, "user", BAD * 9),))
        pilot.app.prompt.write(BAD * 3)
        await until(pilot, lambda: sent(pilot).count(MARKED) >= 9)
        assert {s.cell_length for s in pilot.app.screen._compositor.render_strips()} == {60}
