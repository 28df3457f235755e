"""The app lives on the smallest screens: a window may be made tiny for a moment."""

import pytest
from test_escapes import silent
from test_pages import COMPARED, PAGES, TALK

from mlxdyn_app.comparison import Comparison


@pytest.mark.parametrize("size", [(1, 1), (3, 8), (5, 20), (6, 20), (8, 3), (12, 3), (24, 2)])
@pytest.mark.parametrize("sidebar", [False, True])
async def test_no_screen_is_too_small(size, sidebar):
    async with (app := silent()).run_test(size=(80, 24)) as pilot:
        app.sidebar.display = sidebar
        await app.transcript.open(TALK)
        await app.transcript.mount(Comparison(COMPARED))
        await pilot.resize_terminal(*size)
        await pilot.pause()
        await pilot.press("a", "backspace")
        await pilot.pause()
        assert app.prompt.text == ""


@pytest.mark.parametrize("name", ["chats", "memory", "help", "question", "entry", "surprise"])
async def test_no_screen_is_too_small_for_a_page(name):
    async with (app := silent()).run_test(size=(80, 24)) as pilot:
        app.push_screen(PAGES[name](app))
        for size in ((5, 20), (8, 3), (1, 1), (80, 24)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
        assert app.is_running
