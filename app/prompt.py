"""The multi-line prompt, which remembers what was sent; knows no engine."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

NEWLINE_KEYS = {"ctrl+j", "shift+enter", "alt+enter"}


class Prompt(TextArea):
    """Enter sends, Ctrl+J breaks the line, Up on the first line recalls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pageup", "app.page(-1)", show=False),
        Binding("pagedown", "app.page(1)", show=False),
    ]

    @dataclass
    class Sent(Message):
        """The user pressed Enter on some text; the prompt is empty again."""

        text: str

    def __init__(self) -> None:
        super().__init__(highlight_cursor_line=False, placeholder="Say something…")
        self.complete: Callable[[str], str] = str  # what Tab makes of a slash command
        self._sent: list[str] = []
        self._place = 0  # in _sent; its length means the draft
        self._draft = ""

    def write(self, text: str) -> None:
        """Put `text` in the prompt, the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    def remember(self, texts: Sequence[str]) -> None:
        """Let Up recall these as well, oldest first; what was sent in this run stays."""
        self._sent = [*dict.fromkeys([*texts, *self._sent])]
        self._place = len(self._sent)

    async def _on_key(self, event: events.Key) -> None:
        completes = event.key == "tab" and self.text.startswith("/")
        if event.key != "enter" and event.key not in NEWLINE_KEYS and not completes:
            return  # the base class's own handler runs next
        event.stop()
        event.prevent_default()
        if completes:
            self.write(self.complete(self.text))
        elif event.key != "enter":
            self.insert("\n")
        elif self.text.strip():
            self.post_message(self.Sent(self._taken()))

    def _taken(self) -> str:
        """Take the text at once, before the next key comes: remember it and clear the prompt."""
        text = self.text
        if text not in self._sent[-1:]:
            self._sent.append(text)
        self._place = len(self._sent)
        self.text = ""
        return text

    def action_cursor_up(self, select: bool = False) -> None:
        """Move up, or recall the earlier prompt from the first line."""
        if select or self._line() > 0 or self._place == 0:
            super().action_cursor_up(select)
        else:
            self._recall(self._place - 1)

    def action_cursor_down(self, select: bool = False) -> None:
        """Move down, or recall the later prompt from the last line."""
        last = self.wrapped_document.height - 1
        if select or self._line() < last or self._place == len(self._sent):
            super().action_cursor_down(select)
        else:
            self._recall(self._place + 1)

    def _line(self) -> int:
        return self.wrapped_document.location_to_offset(self.cursor_location).y

    def _recall(self, place: int) -> None:
        if self._place == len(self._sent):
            self._draft = self.text
        self._place = place
        self.write(self._draft if place == len(self._sent) else self._sent[place])
