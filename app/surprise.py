"""A message with its tokens coloured by how surprising they are; legible without colour too."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from mlxdyn.engine.events import Scored, Surprise

LEVELS = (1.0, 3.0, 6.0)  # nats: a probability of 37%, 5%, 0.25%
BLUES = ("", "$secondary", "$secondary underline", "bold reverse $secondary")
CHANGED = (-1.0, -0.2, 0.2, 1.0)  # nats by which memory made a token likelier; below 0 less
BY_MEMORY = ("bold reverse $warning", "$warning underline", "", "$secondary underline",
             "bold reverse $secondary")  # fmt: skip


class SurpriseView(ModalScreen[None]):
    """Two readings of one message: nll with memory, and what memory changed; Tab goes between."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "Close"),
        Binding("tab,s", "turn", "The other reading"),
    ]

    def __init__(self, surprise: Surprise) -> None:
        super().__init__()
        self._surprise, self._changed = surprise, False

    def compose(self) -> ComposeResult:
        """Lay the legend under the text."""
        with Vertical(classes="dialog surprise") as dialog:
            dialog.border_subtitle = "Tab the other reading · Esc closes"
            with VerticalScroll():
                yield Static(id="tokens")
            yield Static(id="legend")

    def on_mount(self) -> None:
        """Show how surprising it is."""
        self.action_turn(turn=False)

    def action_turn(self, turn: bool = True) -> None:
        """Show the other reading."""
        self._changed ^= turn
        style = _by_memory if self._changed else _by_nll
        title = "What memory changed" if self._changed else "How surprising"
        self.query_one(".dialog").border_title = title
        tokens = self._surprise.tokens
        self.query_one("#tokens", Static).update(
            Content.assemble(*((token.text, style(token)) for token in tokens))
        )
        self.query_one("#legend", Static).update(self._legend())

    def _legend(self) -> Content:
        tokens = self._surprise.tokens
        count = max(len(tokens), 1)
        if self._changed:
            gain = sum(token.gain for token in tokens) / count
            return Content.assemble(
                ("likelier", BY_MEMORY[3]), "  ", ("much likelier", BY_MEMORY[4]), "  ",
                ("less likely", BY_MEMORY[1]), "  ", ("much less", BY_MEMORY[0]),
                f"\nMemory makes this message {gain:+.2f} nats a token likelier.",
            )  # fmt: skip
        nll = sum(token.nll for token in tokens) / count
        return Content.assemble(
            "expected  ", ("likely", BLUES[1]), "  ", ("surprising", BLUES[2]), "  ",
            ("very surprising", BLUES[3]), f"\n{nll:.2f} nats a token; 0 is fully expected.",
        )  # fmt: skip


def _by_nll(token: Scored) -> str:
    return BLUES[sum(token.nll > level for level in LEVELS)]


def _by_memory(token: Scored) -> str:
    return BY_MEMORY[sum(token.gain > level for level in CHANGED)]
