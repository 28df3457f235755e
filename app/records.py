"""Pages over the chat with a list that is searched; the first of them is the log."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label, OptionList
from textual.widgets.option_list import Option

from mlxdyn.engine.events import Logged
from mlxdyn.engine.messages import counted, local, reason
from mlxdyn.spelling import folded
from mlxdyn_app.typed import Line

MUTED = "$foreground-muted"
SHOWN = 200  # rows in a list; a search finds the others


class Records(ModalScreen[None]):
    """A list with a search above it; Up and Down move in the list while one types."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss", "Close"),
        Binding("up", "move('cursor_up')", show=False),
        Binding("down", "move('cursor_down')", show=False),
        Binding("pageup", "move('page_up')", show=False),
        Binding("pagedown", "move('page_down')", show=False),
    ]

    def __init__(self, title: str, keys: str, empty: str) -> None:
        super().__init__()
        self._title, self._keys, self._empty = title, keys, empty
        self._rows: Sequence[tuple[str, str, Content]] = ()  # id, what is searched, what is shown

    def compose(self) -> ComposeResult:
        """Lay the search over the list."""
        with Vertical(classes="dialog records") as dialog:
            dialog.border_subtitle = self._keys
            yield from self.head()
            yield Line(placeholder="search", compact=True)
            yield OptionList(compact=True)
            yield Label(self._empty, markup=False, id="nothing")

    def on_mount(self) -> None:
        """Show the first rows."""
        self.refill()

    def fill(self, rows: Sequence[tuple[str, str, Content]]) -> None:
        """Take new rows; the search stays, and so does the cursor on its row."""
        self._rows = rows
        if self.query(Input):  # it is on screen
            self.refill(self.chosen)

    @on(Input.Changed)
    def sift(self) -> None:
        """Show what the search finds now."""
        self.refill()

    def refill(self, chosen: str | None = None) -> None:
        """Show the rows that have all the words of the search, those it names first.

        The cursor goes to the row `chosen`, by its id; without one it keeps its place.
        """
        words = folded(self.query_one(Input).value).split()
        found = [row for row in self._rows if all(word in folded(row[1]) for word in words)]
        if words:
            found.sort(key=lambda row: not folded(row[1]).startswith(words[0]))
        rows, place = self.query_one(OptionList), self.query_one(OptionList).highlighted
        rows.clear_options()
        rows.add_options([Option(shown, id=id) for id, _, shown in found[:SHOWN]])
        ids = [id for id, _, _ in found[:SHOWN]]
        if ids:
            rows.highlighted = ids.index(chosen) if chosen in ids else min(place or 0, len(ids) - 1)
        rows.display = bool(found)
        nothing = self.query_one("#nothing", Label)
        nothing.display = not found
        nothing.update("Nothing matches." if self._rows else self._empty)
        more = f", {SHOWN} shown" if len(found) > SHOWN else ""
        dialog = self.query_one(".dialog")
        dialog.border_title = f"{self._title} ({len(found):,}{more})"

    def head(self) -> ComposeResult:
        """Lay out what stands above the search; nothing by default."""
        yield from ()

    @property
    def chosen(self) -> str | None:
        """The id of the row under the cursor."""
        rows = self.query_one(OptionList) if self.is_mounted else None
        if rows is None or rows.highlighted is None:
            return None
        return rows.get_option_at_index(rows.highlighted).id

    def action_move(self, how: str) -> None:
        """Move in the list; the search keeps the keys."""
        getattr(self.query_one(OptionList), f"action_{how}")()


class LogList(Records):
    """Every update, the newest first; Ctrl+D forgets the message of one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "forget", "Forget", priority=True),
    ]

    @dataclass
    class Unwanted(Message):
        """The user wants a message forgotten."""

        message: int

    def __init__(self, updates: tuple[Logged, ...]) -> None:
        super().__init__("Log", "Ctrl+D forgets · Esc closes", "Nothing learned yet.")
        self._updates = {str(update.update): update for update in updates}
        self.fill([(str(u.update), f"{u.text} {u.kind} {reason(u.reason)} {u.message}", _update(u))
                   for u in reversed(updates)])  # fmt: skip

    def action_forget(self) -> None:
        """Hand on the message of the update under the cursor, and close."""
        update = self._updates[self.chosen] if self.chosen else None
        if update is None or update.message is None:
            self.notify("This update has no message of its own.")
        else:
            self.post_message(self.Unwanted(update.message))
            self.dismiss()


def _update(update: Logged) -> Content:
    """An update in two lines: its message, and what became of it."""
    text = " ".join(update.text.split()) or "all study items"
    message = "" if update.message is None else f"message {update.message} · "
    what = f"{message}{update.kind} · {counted(update.tokens, 'token')}"
    if update.nll_before is not None and update.nll_after is not None:
        what += f" · nll {update.nll_before:.2f} → {update.nll_after:.2f}"
    if update.rate != 1.0:
        what += f" · rate {update.rate:g}"
    lines = Content.assemble((f"{local(update.time)}  ", MUTED), text, "\n", (f"  {what}", MUTED))
    if update.accepted:
        return lines
    return Content.assemble(lines, "\n", (f"  ✗ {reason(update.reason)}", "$text-warning"))
