"""What is pasted is text: escape characters in it neither end the paste nor type anything."""

import sys
from collections.abc import Iterable

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.driver import Driver
from textual.message import Message

ESCAPE = "\x1b"


class PasteParser(XTermParser):
    """Textual's, which would read an escape character in a paste as keys, Enter among them."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pasting = False
        self._matched = 0  # characters of the mark that comes next: the paste's start, or its end

    def feed(self, data: str) -> Iterable[Message]:
        """Give the messages in what the terminal sent; nothing at all ends it."""
        calm = "".join(map(self._calm, data))
        return super().feed(calm) if calm or not data else ()

    def _calm(self, character: str) -> str:
        """Hand a character on; in a paste none that may begin its end, until that is known."""
        mark = BRACKETED_PASTE_END if self._pasting else BRACKETED_PASTE_START
        if character == mark[self._matched]:
            self._matched += 1
            whole = self._matched == len(mark)
            given = character if not self._pasting else mark if whole else ""
            if whole:
                self._pasting, self._matched = not self._pasting, 0
            return given
        held = mark[1 : self._matched] if self._pasting else ""
        escaped = character == ESCAPE
        self._matched = int(escaped)
        return held + ("" if escaped and self._pasting else character)


def protect(driver: type[Driver]) -> type[Driver]:
    """Let a driver read with the parser above; it makes its own, and offers no other way."""
    module = sys.modules[driver.__module__]
    if hasattr(module, "XTermParser"):
        vars(module)["XTermParser"] = PasteParser
    return driver
