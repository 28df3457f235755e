"""The small pages over the chat: help, a question, a line to write; each returns an answer."""

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static

from mlxdyn.engine.commands import COMMAND_GROUPS
from mlxdyn_app.typed import Line

KEYS = (
    ("Enter", "send"),
    ("Ctrl+J", "new line"),
    ("Ctrl+G", "write in $EDITOR; Ctrl+X Ctrl+E too"),
    ("Esc", "stop the reply, keep what is there"),
    ("Up", "on the first line: earlier prompts, of all chats"),
    ("Tab", "complete a command, a name, an @file"),
    ("@file", "sends the text of a file along"),
    ("Alt+Up/Down", "walk through the messages; there:"),
    ("  E  R", "edit it, answer it again; both versions stay"),
    ("  Left Right", "the version before, after"),
    ("  Shift+<- ->", "scroll long lines of code"),
    ("  C  B  T", "copy, copy its code block, show thoughts"),
    ("  S  F  Esc", "surprise, forget (asks), back to the prompt"),
    ("PgUp PgDn", "scroll"),
    ("Ctrl+P", "command palette"),
)
PAGES = (
    ("On all of them", "typing searches, Up and Down choose, Esc closes"),
    ("F2", "Enter corrects, Ctrl+D deletes, Ctrl+F forgets the message"),
    ("", "Ctrl+S study, Ctrl+L pause, Ctrl+K strength"),
    ("", "Ctrl+B branch, Ctrl+X reset, F6 timeline"),
    ("Ctrl+O", "Enter opens, Ctrl+R renames, Ctrl+T pins"),
    ("", "Ctrl+D deletes, Ctrl+Z brings back, Ctrl+E forgets all of it"),
    ("F3  F4  F6", "Enter changes a setting, lets a model answer, goes there"),
    ("F5", "Enter opens a chat, Esc goes back to the prompt"),
    ("Ctrl+S  /log", "Tab: surprise, or what memory changed; Ctrl+D forgets"),
)
EXPLAINED = """
Under a message stands what was understood of it, and what will be known tomorrow, in another \
chat, without it. Nothing is learned of questions, of secrets (passwords, keys, card numbers), \
or of what would change other answers too much.
nll is the surprise at your words in nats a token, before and after learning them; drift is how \
far other answers moved. /numbers shows both.
While it learns, the line says where it is, and about how long: by what lessons took here before. \
/set budget 20 keeps a lesson within 20 seconds: fewer steps, or the words only. Ctrl+Q leaves at \
any moment, pressed twice at once; what waits goes on at the next start.
A long paste is folded, and sent whole. A message that cannot be sent comes back to the prompt. \
Settings, [presets] for /system and [keys] are in config.toml: `mlxdyn config` says where.
What was not understood can be told again in other words; what was misunderstood is corrected \
on F2. The chat itself is saved as it is."""


class Help(ModalScreen[None]):
    """Keys and commands."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,f1,q,enter", "dismiss", "Close")]

    def compose(self) -> ComposeResult:
        """Show what can be pressed and typed."""
        keys = [f"{key:<12} {meaning}" for key, meaning in KEYS]
        with VerticalScroll(classes="dialog help") as dialog:
            dialog.border_title = "Help"
            dialog.border_subtitle = "Esc closes"
            yield Static("\n".join(keys), markup=False)
            for title, group in COMMAND_GROUPS.items():
                yield Static(title, classes="group", markup=False)
                for command in group:
                    key = f"  {command.key}" if command.key else ""
                    yield Static(f"{command.usage}{key}\n    {command.meaning}", markup=False)
            yield Static("Pages over the chat", classes="group", markup=False)
            rows = (f"{key}\n    {does}" if key else f"    {does}" for key, does in PAGES)
            yield Static("\n".join(rows), markup=False)
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
                yield Button("No (N)", id="no", compact=True)
                yield Button(f"{self._yes} (Y)", id="yes", variant="error", compact=True)

    @on(Button.Pressed)
    def answer(self, event: Button.Pressed) -> None:
        """Return the button."""
        self.dismiss(event.button.id == "yes")


class Entry(ModalScreen[str | None]):
    """Returns the line that was written, or None; `empty` lets it be nothing."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, asked: str, text: str = "", *, empty: bool = False) -> None:
        super().__init__()
        self._title, self._asked, self._text, self._empty = title, asked, text, empty

    def compose(self) -> ComposeResult:
        """Offer what is there for editing."""
        with Vertical(classes="dialog editor") as dialog:
            dialog.border_title = self._title
            dialog.border_subtitle = "Enter saves · Esc cancels"
            yield Label(self._asked, markup=False)
            yield Line(self._text, compact=True, select_on_focus=False)

    @on(Input.Submitted)
    def save(self, submitted: Input.Submitted) -> None:
        """Return what is written, if there is something."""
        text = submitted.value.strip()
        if text or self._empty:
            self.dismiss(text)
        else:
            self.notify("Write something, or Esc.", severity="warning")
