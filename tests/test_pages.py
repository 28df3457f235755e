"""What the app looks like, in both themes, on screens of three sizes; snapshots of fixed data."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.screen import ModalScreen
from textual.widgets import Input, TextArea
from textual.widgets.markdown import MarkdownFence

from mlxdyn.config import ChatConfig
from mlxdyn.engine.commands import fitting
from mlxdyn.engine.events import (
    Chat,
    Chats,
    Compared,
    Fact,
    Hit,
    Learned,
    Logged,
    Message,
    ModelRow,
    Models,
    Moment,
    Panel,
    Scored,
    SearchResult,
    SettingsList,
    Status,
    Surprise,
    Timeline,
    Weighed,
)
from mlxdyn.settings import SETTINGS
from mlxdyn_app import app as chat
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.dialogs import Entry, Help, Question
from mlxdyn_app.menu import Menu
from mlxdyn_app.panel import MemoryPanel, bars
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.records import LogList, Records
from mlxdyn_app.sidebar import Sidebar
from mlxdyn_app.status import StatusLine
from mlxdyn_app.surprise import SurpriseView
from mlxdyn_app.theme import PAPER, WREN
from mlxdyn_app.timeline import TimelinePage
from mlxdyn_app.transcript import Transcript, Turn

SIZES = [(80, 24), (120, 36), (200, 60)]
LOOKS = [(size, theme.name) for size in SIZES for theme in (WREN, PAPER)]
NOON = "2026-05-01T12:00:00.000+00:00"
FACTS = (
    Fact((4, 5), 5, "I moved to Lisbon.", "You live in Lisbon.", ("Where do I live?", "My town?"),
         False, True),
    Fact((2,), 3, "My cat is called Tinta, not Tom.", "Your cat is called Tinta.",
         ("What is my cat called?",), True, True),
    Fact((1,), 1, "My cat is called Tom.", "Your cat is called Tom.", ("What is my cat called?",),
         False, False),
)  # fmt: skip
PANEL = Panel("default", "wren", FACTS, 3, ((3.0, 1.0), (2.0, 0.1), (4.0, 0.2)),
              (0.01, 0.03, 0.02), 0.1, 1)  # fmt: skip
LOG = (
    Logged(4, NOON, 3, "My cat is called Tinta, not Tom.", "words", 12, 1.0, 4.13, 4.11, 0.021,
           False, "rolled back: other answers moved 0.121 nats/token"),
    Logged(5, NOON, 3, "My cat is called Tinta, not Tom.", "study", 8, 0.25, 3.7, 0.4, 0.003, True,
           ""),
    Logged(6, NOON, None, "", "consolidation", 24, 1.0, 3.7, 0.2, 0.01, True, ""),
)  # fmt: skip
PIECES = [("You", 0.1), (" live", 0.0), (" in", 0.2), (" Lis", 4.0), ("bon", 2.5), (".", 0.0)]
COMPARED = Compared(
    "Where do I live?",
    "I don't know where you live yet. Would you like to tell me?",
    tuple(Weighed(text, gain) for text, gain in PIECES),
)
SURPRISE = Surprise("You live in Lisbon.", tuple(
    Scored(text, nll, gain)
    for (text, gain), nll in zip(PIECES, (0.2, 1.5, 0.5, 7.0, 4.0, 0.1), strict=True)
))  # fmt: skip
CHATS = (
    Chat(2, "Cats and where they sleep", NOON, 12, True),
    Chat(1, "A trip to the sea", NOON, 4),
)
DELETED = (Chat(3, "A present for Ada", NOON, 2),)
FOUND = SearchResult(
    "sleep", (Hit(1, "A trip to the sea", NOON, "user", "I could not sleep there."),)
)
MODELS = Models((
    ModelRow("wren", True, 11_000_000, ""),
    ModelRow("smollm2-135m", False, 93_000_000, ""),
    ModelRow("huge", False, 9_000_000_000, "needs 24.1 GB of memory; this machine has 8.0"),
), "wren")  # fmt: skip
SET = SettingsList({one.name: one.default for one in SETTINGS} | {"model": "wren"}, "config.toml")
STATUS = Status("wren", "default", ChatConfig().learn, False, 96, 1024, 64.0, 0, 3, 40, 2, 1.0)
LIFE = Timeline((
    Moment(3, NOON, "I moved to Lisbon last week, and it is warm.", False),
    Moment(2, NOON, "My cat is called Tinta, not Tom.", True, True),
    Moment(1, NOON, "My cat is called Tom.", True),
    Moment(0, NOON, "", True),
))  # fmt: skip
TALK = (
    Message(1, "user", "My cat is called Tinta, and my password is hunter2!"),
    Message(2, "assistant", "Tinta is a **great** name.\n\n```python\nprint('Tinta')\n```"),
    Message(3, "user", "Who are you?", version=2, versions=2),
    Message(4, "assistant", "<think>They ask who I am.</think>I'm Wren."),
)
LEARNED = (
    Learned(1, 12, 5.2, 4.9, True, "", 1, facts=("Your cat is called Tinta.",), secrets=1),
    Learned(3, 4, 2.2, 2.1, True, "", 2, asked=True),
)


class Page(App[None]):
    """One page, in the chat's own look."""

    CSS_PATH: ClassVar = chat.__file__.replace("app.py", "look.tcss")

    def __init__(self, push: Callable, theme: str = WREN.name) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        for one in (WREN, PAPER):
            self.register_theme(one)
        self.theme, self._push = theme, push

    def compose(self) -> ComposeResult:
        yield Sidebar()
        yield Transcript()
        yield (menu := Menu())
        yield Prompt(menu)
        yield StatusLine()

    async def on_mount(self) -> None:
        line = self.query_one(StatusLine)
        line.status, line.doing = STATUS, ""
        page = self._push(self)
        if page is not None:
            self.push_screen(page)


async def talked(app: App) -> None:
    turns = await app.query_one(Transcript).open(TALK)
    for learned in LEARNED:
        turns[learned.message].show(learned)


def welcome(app: App) -> None:
    app.run_worker(app.query_one(Transcript).open(()))


def conversation(app: App) -> None:
    app.run_worker(talked(app))


def sidebar(app: App) -> None:
    chats = app.query_one(Sidebar)
    chats.display = True
    chats.show(CHATS, 2)
    app.run_worker(talked(app))


def comparison(app: App) -> None:
    app.query_one(Transcript).mount(Comparison(COMPARED))


def menu(app: App) -> None:
    prompt = app.query_one(Prompt)
    prompt.offers = lambda text: fitting(text, {})
    prompt.write("/re")
    prompt.offer()


PAGES: dict[str, Callable] = {
    "welcome": welcome,
    "talk": conversation,
    "comparison": comparison,
    "menu": menu,
    "memory": lambda _: MemoryPanel(PANEL, STATUS),
    "timeline": lambda _: TimelinePage(LIFE),
    "sidebar": sidebar,
    "surprise": lambda _: SurpriseView(SURPRISE),
    "chats": lambda _: ChatList(Chats(CHATS, DELETED), 1),
    "models": lambda _: ModelList(MODELS),
    "settings": lambda _: SettingList(SET),
    "log": lambda _: LogList(LOG),
    "help": lambda _: Help(),
    "question": lambda _: Question("Forget this for good? " * 6, "Forget it"),
    "entry": lambda _: Entry("Correct this fact", "Where do I live?", "You live in Lisbon."),
}


NO_PAGES = ("welcome", "talk", "comparison", "menu", "sidebar")


@pytest.fixture(autouse=True)
def one_place_on_earth(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.fixture(autouse=True)
def cursors_that_do_not_blink(monkeypatch):
    for widget in (Input, TextArea):
        monkeypatch.setattr(widget.cursor_blink, "_default", False)


@pytest.mark.parametrize(
    ("size", "theme"), LOOKS, ids=lambda v: v if isinstance(v, str) else f"{v[0]}x{v[1]}"
)
@pytest.mark.parametrize("name", PAGES)
def test_a_page_looks_as_it_did(snap_compare, name, size, theme):
    assert snap_compare(Page(PAGES[name], theme), terminal_size=size)


@pytest.mark.parametrize("theme", ["textual-light", "nord"])
def test_a_comparison_is_legible_in_every_theme(snap_compare, theme):
    assert snap_compare(Page(comparison, theme), terminal_size=(80, 24))


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (50, 20)], ids=lambda s: f"{s[0]}x{s[1]}")
@pytest.mark.parametrize("name", [name for name in PAGES if name not in NO_PAGES])
async def test_nothing_of_a_page_lies_outside_the_screen(name, size):
    app = Page(PAGES[name])
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        dialog = app.screen.query_one(".dialog")
        assert app.screen.region.contains_region(dialog.region)
        outside = [
            part for part in dialog.query("*")
            if part.region and not 0 <= part.region.x <= part.region.right <= size[0]
        ]  # fmt: skip
        assert not outside


def test_every_page_of_the_app_has_its_pictures():
    """Records only lists; what lists, asks and shows has a picture in each look."""

    def below(kind: type) -> set[type]:
        return {kind, *(one for sub in kind.__subclasses__() for one in below(sub))}

    pages = {one for one in below(ModalScreen) if one.__module__.startswith("mlxdyn_app")}
    shown = {type(PAGES[name](None)) for name in PAGES if name not in NO_PAGES}
    assert pages - {Records} == shown


def test_a_course_is_drawn_against_its_bound_and_shows_the_newest():
    assert bars((0.0, 0.05, 0.1, 0.3), 0.1) == "▁▅██"
    assert bars([0.0] * 9 + [1.0] * 26, 1.0) == "█" * 26


async def test_long_lines_of_code_are_scrolled_by_key():
    app = Page(lambda _: None)
    async with app.run_test(size=(80, 24)) as pilot:
        turn = await app.query_one(Transcript).add(Turn("assistant", f"```\n{'x' * 300}\n```"))
        await pilot.pause()
        turn.focus()
        (fence,) = turn.query(MarkdownFence)
        await pilot.press("shift+right", "shift+right")
        assert fence.scroll_x == 16
        await pilot.press("shift+left")
        assert fence.scroll_x == 8
        assert not fence.scroll_y and fence.size.width < 80


async def test_what_is_found_stands_below_the_chats():
    app = Page(lambda _: ChatList(Chats(CHATS), 1, "sleep"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        page = app.screen
        page.found(FOUND)
        page.found(SearchResult("other words", ()))  # of a search that was given up
        await pilot.pause()
        assert [row[0] for row in page._rows] == ["2", "1", "1 0"]
        assert "could not sleep" in str(page._rows[2][2])
