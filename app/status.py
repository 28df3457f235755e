"""The line at the bottom: where you are and what the engine does; knows only `Status`."""

from rich.cells import cell_len
from textual.content import Content
from textual.events import Resize
from textual.reactive import reactive
from textual.widgets import Static

from mlxdyn.events import Status

SEPARATOR = " · "


def learning(status: Status) -> str:
    """Say what is learned, or that it is being learned now."""
    if status.temporary:
        return "temporary: nothing learned"
    if status.pending:
        return f"learning {status.pending}…"
    return {
        "user": "learns your words",
        "all": "learns both sides",
        "off": "learning off",
    }[status.learn]


def fields(status: Status, width: int) -> list[str]:
    """Choose the fields that fit into `width` cells, the least important dropped first."""
    speed = status.tokens_per_second
    ranked = [
        (0, status.model),
        (3, f"memory {status.memory}"),
        (5, f"{status.tokens_learned:,} tokens learned"),
        (2, f"context {status.context_tokens}/{status.context_size}"),
        (4, "" if speed is None else f"{speed:.0f} tok/s"),
        (1, learning(status)),
    ]
    for least in range(5, 0, -1):
        line = [text for rank, text in ranked if text and rank <= least]
        if cell_len(SEPARATOR.join(line)) <= width:
            return line
        if least == 2 and cell_len(SEPARATOR.join(line)) - len("context ") <= width:
            return [text.removeprefix("context ") for text in line]
    return [learning(status)]


class StatusLine(Static):
    """Shows the last `Status`, led by what happens just now."""

    status: reactive[Status | None] = reactive(None)
    doing: reactive[str] = reactive("loading model…")

    def on_resize(self, _event: Resize) -> None:
        """Choose the fields again."""
        self._show()

    def watch_status(self) -> None:
        """Show the new status."""
        self._show()

    def watch_doing(self) -> None:
        """Show what happens now."""
        self._show()

    def _show(self) -> None:
        lead = [self.doing] if self.doing else []
        room = self.size.width - 2 - sum(cell_len(text) + len(SEPARATOR) for text in lead)
        rest = fields(self.status, room) if self.status else []
        self.update(Content(SEPARATOR.join([*lead, *rest])))
