"""What would move the terminal's cursor or change its colours: shown as a mark, and never sent."""

import re
from typing import Any

from rich.segment import Segment
from textual import content
from textual.app import App
from textual.color import Color
from textual.filter import LineFilter

CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
MARK = "\N{REPLACEMENT CHARACTER}"


class Unsent(LineFilter):
    """Every line of every widget goes through it; no control character has a width."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Take control characters out of the text."""
        return [
            Segment(CONTROL.sub("", text), style, control) if CONTROL.search(text) else segment
            for segment in segments
            for text, style, control in [segment]
        ]


def withhold(app: App[Any]) -> None:
    """Let no text of this app command the terminal.

    Textual takes five control characters out of what widgets show, and offers no other way to name
    more; those become a mark. What it draws by other means, as what is being typed, loses them.
    """
    marks = {code: MARK for code in range(0xA0) if CONTROL.match(chr(code))}
    table: dict[int, Any] = content._CONTROL_STRIP_TRANSLATE
    table.update(marks | table)
    app._filters.append(Unsent())
