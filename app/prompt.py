"""The multi-line prompt, which remembers what was sent; knows no engine."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import TextArea

from mlxdyn_app.menu import Menu
from mlxdyn_app.typed import edited

NEWLINE_KEYS = {"ctrl+j", "shift+enter", "alt+enter"}
LONG_LINES, LONG = 12, 1500
"""A paste of more lines or characters is folded to a chip."""
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Prompt(TextArea):
    """Enter sends, Ctrl+J breaks the line, Up on the first line recalls."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+x", "chord", show=False),
        Binding("pageup", "app.page(-1)", show=False),
        Binding("pagedown", "app.page(1)", show=False),
    ]

    @dataclass
    class Sent(Message):
        """The user pressed Enter on some text; the prompt is empty again."""

        text: str

    def __init__(self, menu: Menu) -> None:
        super().__init__(highlight_cursor_line=False, placeholder="Say something…")
        self.menu = menu
        self.offers: Callable[[str], list[tuple[str, str]]] = lambda text: []
        self._sent: list[str] = []
        self._said = set[str]()  # of these, what is recalled only while a chat has it
        self._place = 0  # in _sent; its length means the draft
        self._draft = ""
        self._lent: str | None = None  # a draft, while something else is written
        self._folded: dict[str, str] = {}  # long pastes, by their chips
        self._chord = False  # Ctrl+X was pressed; Ctrl+E comes next

    def write(self, text: str) -> None:
        """Put `text` in the prompt, the cursor behind it."""
        self.text = text
        self.move_cursor(self.document.end)

    def lend(self, text: str) -> None:
        """Put `text` in the place of a draft, which `give_back` puts back."""
        self._lent = self.unfolded(self.text) if self._lent is None else self._lent
        self.write(text)

    def give_back(self) -> None:
        """Put the draft back, above what is still written."""
        draft, self._lent = self._lent, None
        if draft:
            self.write("\n".join(filter(None, [draft, self.text])))

    def said(self, text: str) -> None:
        """Let Up recall what was sent for as long as `remember` brings it."""
        self._said.add(text)

    def remember(self, texts: Sequence[str]) -> None:
        """Let Up recall what was said, oldest first, and what else was sent in this run."""
        other = [text for text in self._sent if text not in self._said]
        self._sent, self._said = [*dict.fromkeys([*texts, *other])], {*texts}
        self._place = len(self._sent)

    def offer(self) -> None:
        """Show what the text may become, if it is the beginning of something."""
        choices = self.offers(self.text)
        self.menu.offer([] if [line.strip() for line, _ in choices] == [self.text] else choices)

    def action_chord(self) -> None:
        """Cut what is selected; where nothing is, wait for Ctrl+E, as shells do."""
        if self.selected_text:
            self.action_cut()
        else:
            self._chord = True

    async def _on_key(self, event: events.Key) -> None:
        chord, self._chord = self._chord, False
        if chord and event.key == "ctrl+e":
            await self.run_action("app.write")
        elif not self._choosing(event.key):
            if event.key != "enter" and event.key not in NEWLINE_KEYS:
                await edited(self, event)
                return  # the base class's own handler runs next, where that did nothing
            if event.key != "enter":
                self.insert("\n")
            elif self.text.strip():
                self.post_message(self.Sent(self._taken()))
        event.stop()
        event.prevent_default()

    def _choosing(self, key: str) -> bool:
        """Let a key act on the menu; False when it is none of its keys."""
        line = self.menu.chosen
        if line is None or not line.lower().startswith(self.text.lower()):
            return False  # there is none, or it has not seen the newest keys yet
        if key == "tab" or (key == "enter" and line.strip() != self.text.strip()):
            self.write(line)
            if key == "enter" and not line.endswith((" ", "/")) and line.startswith("/"):
                self.post_message(self.Sent(self._taken()))
        elif key in ("up", "down"):
            getattr(self.menu, f"action_cursor_{key}")()
        elif key == "escape":
            self.menu.offer([])
        else:
            return False
        return True

    async def _on_paste(self, event: events.Paste) -> None:
        """Take what would move a terminal's cursor out of a paste, and fold a long one."""
        event.stop()
        event.prevent_default()
        text = CONTROL.sub("", event.text.replace("\r\n", "\n").replace("\r", "\n"))
        if text.count("\n") >= LONG_LINES or len(text) > LONG:
            lines = text.count("\n") + 1
            chip = f"[paste {len(self._folded) + 1}: {lines} lines, {len(text):,} characters]"
            self._folded[chip] = text
            text = chip
        self.insert(text)

    def unfolded(self, text: str) -> str:
        """Put long pastes in the place of their chips."""
        for chip, whole in self._folded.items():
            text = text.replace(chip, whole)
        return text

    def _taken(self) -> str:
        """Take the text at once, before the next key comes: remember it and clear the prompt."""
        text = self.set_aside()
        self.text = ""
        return text

    def set_aside(self) -> str:
        """Let Up recall what is written, and give it."""
        text = self.unfolded(self.text)
        if text.strip() and text not in self._sent[-1:]:
            self._sent.append(text)
        self._place = len(self._sent)
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
        self.menu.offer([])
