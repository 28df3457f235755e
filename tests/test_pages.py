"""What pages over the chat look like, on screens of three sizes; snapshots of fixed data."""

from collections.abc import Callable
from typing import ClassVar

import pytest
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll

from mlxdyn.engine.events import Compared, Logged, StudyItem, Weighed
from mlxdyn_app import app as chat
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.dialogs import Help, Question
from mlxdyn_app.records import ItemEditor, ItemList, LogList
from mlxdyn_app.theme import WREN

SIZES = [(80, 24), (120, 40), (50, 20)]
ITEMS = (
    StudyItem(1, 1, "What is my cat called?", "Your cat is called Tom.", "base", False),
    StudyItem(2, 3, "What is my cat called?", "Your cat is called Tinta.", "base", True),
    StudyItem(3, 5, "Where do I live, and since when?", "You live in Lisbon.", "user", True),
)
LOG = (
    Logged(4, "2026-05-01T12:00:00.000+00:00", 3, "My cat is called Tinta, not Tom.", "words", 12,
           1.0, 4.13, 4.11, 0.021, False, "rolled back: other answers moved 0.121 nats/token"),
    Logged(5, "2026-05-01T12:00:00.000+00:00", 3, "My cat is called Tinta, not Tom.", "study", 8,
           0.25, 3.7, 0.4, 0.003, True, ""),
    Logged(6, "2026-05-01T12:05:00.000+00:00", None, "", "consolidation", 24, 1.0, 3.7, 0.2, 0.01,
           True, ""),
)  # fmt: skip
PIECES = [("You", 0.1), (" live", 0.0), (" in", 0.2), (" Lis", 4.0), ("bon", 2.5), (".", 0.0)]
COMPARED = Compared(
    "Where do I live?",
    "I don't know where you live yet. Would you like to tell me?",
    tuple(Weighed(text, gain) for text, gain in PIECES),
)


class Page(App[None]):
    """One page, in the chat's own look."""

    CSS_PATH: ClassVar = chat.__file__.replace("app.py", "look.tcss")

    def __init__(self, push: Callable, theme: str = WREN.name) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.register_theme(WREN)
        self.theme, self._push = theme, push

    def compose(self) -> ComposeResult:
        with VerticalScroll():
            if self._push is Comparison:
                yield Comparison(COMPARED)

    def on_mount(self) -> None:
        if self._push is not Comparison:
            self.push_screen(self._push())


@pytest.fixture(autouse=True)
def one_place_on_earth(monkeypatch):
    import time

    monkeypatch.setenv("TZ", "UTC")
    time.tzset()


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("push", [
    lambda: ItemList(ITEMS),
    lambda: LogList(LOG),
    Comparison,
], ids=["items", "log", "comparison"])  # fmt: skip
def test_a_page_looks_as_it_did(snap_compare, push, size):
    assert snap_compare(Page(push), terminal_size=size)


@pytest.mark.parametrize("theme", ["textual-light", "nord"])
def test_a_comparison_is_legible_in_every_theme(snap_compare, theme):
    assert snap_compare(Page(Comparison, theme), terminal_size=(80, 24))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("push", [
    Help,
    lambda: Question("Forget this for good? " * 6, "Forget it"),
    lambda: ItemEditor(ITEMS[2]),
], ids=["help", "question", "editor"])  # fmt: skip
async def test_nothing_of_a_page_lies_outside_the_screen(push, size):
    app = Page(push)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        dialog = app.screen.query_one(".dialog")
        assert app.screen.region.contains_region(dialog.region)
        outside = [
            part for part in dialog.query("*")
            if part.region and not 0 <= part.region.x <= part.region.right <= size[0]
        ]  # fmt: skip
        assert not outside
