"""The line at the bottom: where you are and what the engine does; knows only `Status`."""

from rich.cells import cell_len
from textual.content import Content
from textual.events import Resize
from textual.reactive import reactive
from textual.widgets import Static

from mlxdyn.engine.events import Status
from mlxdyn.engine.messages import counted

SEPARATOR = " · "


def learning(status: Status) -> str:
    """Say what is learned, or that it is being learned now."""
    if status.incognito:
        return "incognito: bare base, nothing saved"
    if status.temporary:
        return "temporary: nothing saved"
    if status.studying:
        return "studying…"
    if status.pending:
        if status.learn == "off":
            return f"learning off, {counted(status.pending, 'message')} to learn"
        return f"learning {counted(status.pending, 'message')}…"
    return {
        "user": "learns your words",
        "all": "learns both sides",
        "off": "learning off",
    }[status.learn]


def adapter_scale(status: Status) -> str:
    """Say how strongly the memory speaks, when that is not as usual."""
    if status.adapter_scale == 1.0 or status.incognito:
        return ""
    return f"strength {status.adapter_scale:.0%}"


def fields(status: Status, width: int, *, numbers: bool = False) -> list[str]:
    """Choose the fields that fit into `width` cells, the least important dropped first."""
    speed = status.tokens_per_second
    reads = not status.incognito
    ranked = [
        (3, status.model),
        (2, f"memory {status.memory}" if reads else ""),
        (1, adapter_scale(status)),
        (5, f"context {status.context_tokens}/{status.context_size}"),
        (6, "" if speed is None else f"{speed:.0f} tok/s"),
        (7, f"{status.process_bytes / 1e6:,.0f} MB of memory" if numbers else ""),
        (0, learning(status)),
    ]
    for least in range(7, 0, -1):
        line = [text for rank, text in ranked if text and rank <= least]
        if cell_len(SEPARATOR.join(line)) <= width:
            return line
    return [learning(status)]


class StatusLine(Static):
    """Shows the last `Status`, led by what happens just now."""

    status: reactive[Status | None] = reactive(None)
    doing: reactive[str] = reactive("loading model…")
    numbers = False  # what takes place in memory is shown too

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
        rest = fields(self.status, room, numbers=self.numbers) if self.status else []
        self.update(Content(SEPARATOR.join([*lead, *rest])))
