"""One question answered with and without memory, side by side; knows no engine."""

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Static

from mlxdyn.engine.events import Compared
from mlxdyn.engine.messages import LOOPED, marked, unlearned

LIKELIER_STYLE = "bold underline $foreground on $success-muted"
"""Legible in every theme, and without colour too."""
ASIDE = "Asked in an empty conversation; nothing is saved."


def answer(compared: Compared) -> Content:
    """The memory's answer, with what memory made likelier marked."""
    parts = [
        (run, LIKELIER_STYLE) if likelier else run for run, likelier in marked(compared.memory)
    ]
    return Content.assemble(*parts) if parts else Content("(no answer)")


def legend(compared: Compared) -> Content:
    """Say what the marks mean, or that there are none."""
    aside = f"{ASIDE}\n{unlearned(compared.pending)}".rstrip()
    if not any(likelier for _, likelier in marked(compared.memory)):
        return Content(f"Memory made none of these words likelier. {aside}")
    return Content.assemble(
        ("marked", LIKELIER_STYLE), f": memory made these words likelier. {aside}"
    )


class Comparison(Vertical):
    """Two columns, or two blocks where the screen is narrow."""

    def __init__(self, compared: Compared) -> None:
        super().__init__(classes="comparison")
        self.compared = compared

    def compose(self) -> ComposeResult:
        """Lay out question, both answers and what the marks mean."""
        yield Static(self.compared.question, markup=False, classes="question-text")
        with Horizontal(classes="columns"):
            base = Content(self.compared.base or "(no answer)")
            yield _Column("base alone", base, self.compared.base_loops)
            yield _Column("with memory", answer(self.compared), self.compared.memory_loops)
        yield Static(legend(self.compared), classes="legend")


class _Column(Static):
    def __init__(self, title: str, words: Content, loops: bool) -> None:
        super().__init__(words, classes="column")
        self.border_title = title
        self.border_subtitle = LOOPED if loops else None
