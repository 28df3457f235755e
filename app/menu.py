"""What the line being typed may become: a list above the prompt."""

from textual.content import Content
from textual.widgets import OptionList
from textual.widgets.option_list import Option

WIDTH = 22  # cells of the first column


class Menu(OptionList):
    """Shown while there is something to choose; the prompt keeps the keys."""

    can_focus = False

    def __init__(self) -> None:
        super().__init__(compact=True)
        self._offered: list[str] = []
        self.display = False

    def offer(self, choices: list[tuple[str, str]]) -> None:
        """Show whole lines with what they mean; with none, go."""
        self._offered = [line for line, _ in choices]
        self.clear_options()
        self.add_options([Option(_row(*choice)) for choice in choices])
        self.display = bool(choices)
        if choices:
            self.highlighted = 0

    @property
    def chosen(self) -> str | None:
        """The line under the cursor."""
        place = self.highlighted if self.display else None
        return None if place is None else self._offered[place]


def _row(line: str, meaning: str) -> Content:
    words = line.strip()
    shown = words if words.startswith("/") and meaning else words.rpartition(" ")[2]
    return Content.assemble((f"{shown:<{WIDTH}}", "bold"), (f" {meaning}", "$foreground-muted"))
