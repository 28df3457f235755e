"""The conversation on screen: turns, what was learned of them, and notes; knows no engine."""

from dataclasses import dataclass
from typing import ClassVar

from markdown_it import MarkdownIt
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.message import Message as Posted
from textual.widget import Widget
from textual.widgets import Markdown, Static
from textual.widgets.markdown import MarkdownStream

from mlxdyn.engine.events import Learned, Message
from mlxdyn.engine.messages import learned as describe

SHOWN_TURNS = 80  # a Markdown widget for each turn of a long chat would take seconds to build

WELCOME = (
    "This model learns from you while you talk to it.\n"
    "What you say stays on this machine, and is learned into the memory named below.\n"
    "\n"
    "Type and press Enter. F1 shows keys and commands."
)
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
        Binding("c", "act('copy')", "Copy"),
        Binding("f,delete", "act('forget')", "Forget"),
        Binding("escape", "app.walk(0)", "Back"),
    ]

    @dataclass
    class Chosen(Posted):
        """The user wants something done with a turn: copy or forget."""

        turn: "Turn"
        act: str

    def __init__(self, role: str, text: str = "") -> None:
        super().__init__(classes=f"turn {role}")
        self.text = text
        self.role = role
        self.message: int | None = None  # its id, once it is saved
        self.body: Static | Markdown = (
            Markdown(text, parser_factory=_parser)
            if role == "assistant"
            else Static(text, markup=False)
        )
        self.foot = Static(markup=False, classes="foot")
        self._stream: MarkdownStream | None = None

    def compose(self) -> ComposeResult:
        """Lay the foot under the text."""
        yield self.body
        yield self.foot

    def action_act(self, act: str) -> None:
        """Ask the app to copy or forget this turn."""
        self.post_message(self.Chosen(self, act))

    def say(self, line: str, *, state: str = "") -> None:
        """Show a line under the message; `state` is its class in the style sheet."""
        self.foot.set_classes(f"foot {state}")
        self.foot.update(line)
        self.foot.display = bool(line)

    def show(self, learned: Learned) -> None:
        """Show what was learned of it."""
        whole = learned.accepted and not learned.reason
        self.say(describe(learned), state="learned" if whole else "refused")

    async def append(self, piece: str) -> None:
        """Add a piece of a streaming reply."""
        assert isinstance(self.body, Markdown)
        self.text += piece
        if self._stream is None:
            self.say("")
            self._stream = Markdown.get_stream(self.body)
        await self._stream.write(piece)

    async def finish(self, text: str | None = None) -> None:
        """End the stream; with `text`, show that instead of the pieces."""
        assert isinstance(self.body, Markdown)
        if self._stream is not None:
            await self._stream.stop()
            self._stream = None
        if text is not None:
            self.text = text
            await self.body.update(text)


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
        for message, turn in turns.items():
            turn.message = message
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
