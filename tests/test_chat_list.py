"""Laws of the list of chats: what is asked about one chat is done to that one, whatever comes."""

from dataclasses import replace

import pytest
from test_pages import CHATS, Page
from textual import on
from textual.widgets import Input, Label

from mlxdyn.engine.events import Chats
from mlxdyn_app.chats import ChatList
from mlxdyn_app.dialogs import Entry, Question

CATS, SEA = CHATS
MOON = replace(SEA, id=3, title="The moon")
ALL = (CATS, SEA, MOON)


class Listed(Page):
    """The list alone; it remembers what was wanted."""

    def __init__(self) -> None:
        super().__init__(lambda _: ChatList(Chats(ALL), SEA.id))
        self.wanted: list[tuple[int, str, str]] = []

    @on(ChatList.Wanted)
    def want(self, wish: ChatList.Wanted) -> None:
        self.wanted.append((wish.conversation, wish.change, wish.value))


async def asked(pilot) -> str:
    await pilot.pause()
    assert isinstance(pilot.app.screen, Question)
    return str(pilot.app.screen.query_one(Label).content)


async def test_forgetting_right_after_deleting_means_the_chat_that_was_deleted():
    async with (app := Listed()).run_test() as pilot:
        await pilot.press("ctrl+d")
        page = app.screen
        assert page.conversation == MOON.id, "the cursor is on another chat now"
        page.show_chats(Chats((CATS, MOON), (SEA,)))  # the engine's answer
        await pilot.press("ctrl+e")
        assert SEA.title in await asked(pilot)
        await pilot.press("y", "ctrl+z")
        await pilot.pause()
        assert app.wanted == [(SEA.id, "hide", ""), (SEA.id, "erase", "")], "what is gone stays so"


async def test_the_last_chat_that_was_deleted_can_be_forgotten_too():
    async with (app := Listed()).run_test() as pilot:
        await pilot.press("ctrl+d", "ctrl+d", "ctrl+d", "ctrl+e")
        assert CATS.title in await asked(pilot)
        await pilot.press("y")
        await pilot.pause()
        hidden = [(id, "hide", "") for id in (SEA.id, MOON.id, CATS.id)]
        assert app.wanted == [*hidden, (CATS.id, "erase", "")]


async def test_forgetting_means_the_chat_under_the_cursor_once_one_moves():
    async with Listed().run_test() as pilot:
        await pilot.press("ctrl+d", "up", "ctrl+e")
        assert CATS.title in await asked(pilot)
        await pilot.press("n", "down", "ctrl+e")
        assert MOON.title in await asked(pilot)


@pytest.mark.parametrize(
    ("key", "answer", "done"),
    [("ctrl+e", "y", ("erase", "")), ("ctrl+r", "enter", ("rename", "Sea"))],
)
async def test_what_was_asked_about_a_chat_is_done_to_it_though_the_list_moves(key, answer, done):
    async with (app := Listed()).run_test() as pilot:
        page = app.screen
        await pilot.press(key)
        await pilot.pause()
        if isinstance(app.screen, Entry):
            app.screen.query_one(Input).value = "Sea"
        pinned = replace(MOON, pinned=True)  # meanwhile
        page.show_chats(Chats((pinned, CATS, SEA)))
        await pilot.press(answer)
        await pilot.pause()
        assert app.wanted == [(SEA.id, *done)]


async def test_the_cursor_stays_on_its_chat_when_the_list_comes_anew():
    async with (app := Listed()).run_test() as pilot:
        await pilot.pause()
        app.screen.show_chats(Chats((SEA, MOON, CATS)))
        assert app.screen.conversation == SEA.id


async def test_what_was_deleted_another_day_is_brought_back_or_forgotten_and_nothing_else():
    async with (app := Listed()).run_test() as pilot:
        await pilot.pause()
        app.screen.show_chats(Chats((CATS, MOON), (SEA,)))
        await pilot.press("down", "ctrl+t", "ctrl+r", "ctrl+d", "enter")
        await pilot.pause()
        assert app.wanted == [] and app.screen.chosen == f"{SEA.id} deleted"
        await pilot.press("ctrl+e")
        question = await asked(pilot)
        assert SEA.title in question and "deleted already" in question
        await pilot.press("n", "ctrl+z")
        await pilot.pause()
        assert app.wanted == [(SEA.id, "show", "")]
