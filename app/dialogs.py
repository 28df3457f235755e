"""The three pages over the chat: saved chats, help, and a question; each returns an answer."""

from datetime import datetime
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Label, OptionList, Static
from textual.widgets.option_list import Option

from mlxdyn.engine.events import Chat
from mlxdyn_app.commands import COMMANDS, KEYS

EXPLAINED = """
nll is the surprise at your words in nats per token, before and after learning them; lower is \
less surprised.
Items are questions with the answers that the memory is to give; they are studied after each \
message, and all of them together when it is quiet.
Anchors are ordinary dialogues that learning must leave as they are: an update that makes them \
worse is rolled back and tried more gently.
Secrets (passwords, keys, card numbers) are kept out of learning; the chat itself is saved as it \
is."""


def _line(chat: Chat) -> str:
    """A saved chat in one line, its time in the user's own zone."""
    when = datetime.fromisoformat(chat.created).astimezone()
    return f"{when:%d %b %H:%M}  {' '.join(chat.title.split()) or 'untitled'} ({chat.messages})"


class ChatList(ModalScreen[int | None]):
    """Returns the chosen conversation, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,ctrl+o", "dismiss(None)", "Close")]

    def __init__(self, chats: tuple[Chat, ...], current: int | None) -> None:
        super().__init__()
        self._chats = chats
        self._current = current

    def compose(self) -> ComposeResult:
        """List the newest first."""
        options = [Option(_line(chat), id=str(chat.id)) for chat in self._chats]
        with Vertical(classes="dialog") as dialog:
            dialog.border_title = "Saved chats"
            dialog.border_subtitle = "Enter opens · Esc closes"
            yield OptionList(*options, markup=False, compact=True)

    def on_mount(self) -> None:
        """Start on the chat that is open."""
        ids = [chat.id for chat in self._chats]
        if self._current in ids:
            self.query_one(OptionList).highlighted = ids.index(self._current)

    @on(OptionList.OptionSelected)
    def choose(self, event: OptionList.OptionSelected) -> None:
        """Return the conversation's id."""
        assert event.option_id is not None
        self.dismiss(int(event.option_id))


class Help(ModalScreen[None]):
    """Keys and commands."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Show what can be pressed and typed."""
        keys = [f"{key:<12} {meaning}" for key, meaning in KEYS]
        commands = [f"{command.usage}\n    {command.meaning}" for command in COMMANDS]
        with VerticalScroll(classes="dialog") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Esc closes"
            yield Static("\n".join(keys), markup=False)
            yield Static("\n".join(["", *commands]), markup=False)
            yield Static(EXPLAINED, markup=False)


class Question(ModalScreen[bool]):
    """Returns whether the user agreed; the safe answer has the focus."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,n", "dismiss(False)", "No"),
        Binding("y", "dismiss(True)", "Yes"),
        Binding("left,right", "app.focus_next", show=False),
    ]

    def __init__(self, question: str, yes: str) -> None:
        super().__init__()
        self._question = question
        self._yes = yes

    def compose(self) -> ComposeResult:
        """Ask, with two buttons."""
        with Vertical(classes="dialog question"):
            yield Label(self._question, markup=False)
            with Horizontal():
                yield Button("No", id="no", compact=True)
                yield Button(self._yes, id="yes", variant="error", compact=True)

    @on(Button.Pressed)
    def answer(self, event: Button.Pressed) -> None:
        """Return the button."""
        self.dismiss(event.button.id == "yes")
