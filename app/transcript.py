"""The conversation on screen: turns, what was learned of them, and notes; knows no engine."""

import re
from dataclasses import dataclass
from typing import ClassVar

from markdown_it import MarkdownIt
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message as Posted
from textual.widget import Widget
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownFence, MarkdownStream

from mlxdyn.chat.thoughts import split
from mlxdyn.engine.commands import FIRST_LINES
from mlxdyn.engine.events import Learned, Message
from mlxdyn.engine.messages import counted
from mlxdyn.engine.messages import learned as describe

SHOWN_TURNS = 80  # a Markdown widget for each turn of a long chat would take seconds to build
THINKS = "<think"
FENCE = re.compile(r"^(`{3,}|~{3,})[^\n]*\n(?P<code>.*?)^\1", re.DOTALL | re.MULTILINE)

WELCOME = f"""\
{FIRST_LINES}

Enter sends · F1 help · F4 another model · Ctrl+Q leaves"""
UNSAVED = {
    "incognito": "Type and press Enter. Nobody remembers you here; /incognito leaves.",
    "temporary": "Type and press Enter. The memory answers but learns nothing; /temporary leaves.",
}


def _parser() -> MarkdownIt:
    """Read Markdown as Textual does, but show HTML tags as the text they are."""
    return MarkdownIt("gfm-like", {"html": False})


class Turn(Vertical, can_focus=True):
    """A message: its text, and under it what became of it. Alt+Up and Alt+Down walk here."""

    FOCUS_ON_CLICK: ClassVar[bool] = False  # a click selects text; keys stay with the prompt
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.walk(-1)", show=False),
        Binding("down", "app.walk(1)", show=False),
        Binding("left", "act('older')", "Version before"),
        Binding("right", "act('newer')", "Version after"),
        Binding("shift+left", "code(-8)", "Code to the left"),
        Binding("shift+right", "code(8)", "Code to the right"),
        Binding("c", "act('copy')", "Copy"),
        Binding("b", "act('code')", "Copy the code block"),
        Binding("e", "act('edit')", "Edit"),
        Binding("r", "act('retry')", "Answer again"),
        Binding("s", "act('surprise')", "Surprise"),
        Binding("t", "thoughts", "Thoughts"),
        Binding("f,delete", "act('forget')", "Forget"),
        Binding("escape", "app.walk(0)", "Back"),
    ]

    @dataclass
    class Chosen(Posted):
        """The user wants something done with a turn."""

        turn: "Turn"
        act: str

    def __init__(self, role: str, text: str = "") -> None:
        super().__init__(classes=f"turn {role}")
        self.text = text
        self.role = role
        self.message: int | None = None  # its id, once it is saved
        self.learned: Learned | None = None
        shown = split(text)[1] if role == "assistant" else text
        self.body: Static | Markdown = (
            Markdown(shown, parser_factory=_parser)
            if role == "assistant"
            else Static(text, markup=False)
        )
        self.foot = Static(markup=False, classes="foot")
        self._versions = self._line = ""
        self._open = False  # its thoughts are shown
        self._stream: MarkdownStream | None = None
        self._streamed = 0  # characters of the words

    def compose(self) -> ComposeResult:
        """Lay the foot under the text."""
        yield self.body
        yield self.foot

    def on_mount(self) -> None:
        """Show the foot if there is something in it."""
        self._show()

    def action_act(self, act: str) -> None:
        """Ask the app to do something with this turn."""
        self.post_message(self.Chosen(self, act))

    def keep(self, message: Message) -> None:
        """Be the turn of a saved message."""
        self.message = message.id
        several = message.versions > 1
        self._versions = f"version {message.version} of {message.versions}" if several else ""
        self._show()

    def say(self, line: str, *, state: str = "") -> None:
        """Show a line under the message; `state` is its class in the style sheet."""
        self.foot.set_classes(f"foot {state}")
        self._line = line
        self._show()

    def _show(self) -> None:
        thoughts = split(self.text)[0] if self.role == "assistant" and not self._stream else ""
        folded = f"▸ thought {counted(len(thoughts.split()), 'word')}" if thoughts else ""
        line = "\n".join(filter(None, [folded, self._versions, self._line]))
        self.foot.update(line)
        self.foot.display = bool(line)

    def show(self, learned: Learned, *, numbers: bool = False) -> None:
        """Show what was learned of it."""
        self.learned = learned
        kept = "learned" if learned.facts else "plain"
        whole = learned.accepted and not learned.reason
        self.say(describe(learned, numbers=numbers), state=kept if whole else "refused")

    @property
    def code(self) -> str:
        """Its last code block; "" where it has none."""
        found = [*FENCE.finditer(self.text)]
        return found[-1]["code"] if found else ""

    def action_code(self, columns: int) -> None:
        """Scroll code whose lines are long."""
        for fence in self.query(MarkdownFence):
            fence.scroll_relative(x=columns, animate=False)

    async def action_thoughts(self) -> None:
        """Show or fold what the model thought."""
        thoughts, words = split(self.text)
        if thoughts and isinstance(self.body, Markdown):
            self._open = not self._open
            quoted = "\n".join(f"> {line}" for line in thoughts.splitlines())
            await self.body.update(f"{quoted}\n\n{words}" if self._open else words)

    async def append(self, piece: str) -> None:
        """Add a piece of a streaming reply."""
        assert isinstance(self.body, Markdown)
        self.text += piece
        start = self.text.lstrip()[: len(THINKS)].lower()
        thinks = bool(start) and THINKS.startswith(start)
        words = split(self.text)[1] if thinks else self.text
        if thinks and not words:
            self.say("thinking…")
            return
        if self._stream is None:
            self._stream = Markdown.get_stream(self.body)
            self.say("")
        await self._stream.write(words[self._streamed :])
        self._streamed = len(words)

    def go_on(self) -> None:
        """Be ready for more pieces after those that are there."""
        self._streamed = len(split(self.text)[1])

    async def finish(self, text: str | None = None) -> None:
        """End the stream; with `text`, show that instead of the pieces."""
        assert isinstance(self.body, Markdown)
        if self._stream is not None:
            await self._stream.stop()
            self._stream = None
        if text is not None:
            self.text = text
            await self.body.update(split(text)[1])


class Transcript(VerticalScroll):
    """All turns and notes; follows the end unless the user scrolled up."""

    can_focus = False  # keys belong to the prompt

    def on_mount(self) -> None:
        """Follow the end from the start."""
        self.anchor()

    async def open(self, messages: tuple[Message, ...]) -> dict[int, Turn]:
        """Show another conversation; return its turns by message id."""
        await self.remove_children()
        shown = messages[-SHOWN_TURNS:]
        turns = {message.id: Turn(message.role, message.text) for message in shown}
        for message in shown:
            turns[message.id].keep(message)
        widgets: list[Widget] = [*turns.values()]
        if not messages:
            widgets.append(Static(WELCOME, markup=False, id="welcome"))
        if len(shown) < len(messages):
            earlier = f"{len(messages) - len(shown)} earlier messages are saved but not shown."
            widgets.insert(0, _note(earlier))
        await self.mount_all(widgets)
        self.anchor()
        return turns

    def greet(self, unsaved: str) -> None:
        """Let an empty chat say that it is "temporary" or "incognito", or neither."""
        for welcome in self.query("#welcome").results(Static):
            welcome.update(UNSAVED.get(unsaved, WELCOME))

    async def add(self, turn: Turn) -> Turn:
        """Append a turn."""
        await self.query("#welcome").remove()
        await self.mount(turn)
        return turn

    def cut(self, turn: Turn, after: int = 0) -> list[Widget]:
        """Take a turn, or with `after` 1 not itself, and all below it off the screen.

        They can be shown again, or removed.
        """
        children = list(self.children)
        gone = children[children.index(turn) + after :]
        for below in gone:
            below.display = False
        return gone

    async def note(self, text: str, *, error: bool = False) -> None:
        """Append a line that nobody said."""
        await self.mount(_note(text, error=error))

    def beside(self, turn: Turn | None, direction: int) -> Turn | None:
        """Return the turn before (-1) or after (1) another; before none is the last one."""
        turns = list(self.query(Turn))
        place = turns.index(turn) if turn in turns else len(turns)
        return turns[place + direction] if 0 <= place + direction < len(turns) else None


def _note(text: str, *, error: bool = False) -> Static:
    return Static(text, markup=False, classes="note error" if error else "note")
