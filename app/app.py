"""The chat's screen: turns keys into calls of the engine, and the engine's events into text."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, NoReturn

from textual import on, work
from textual.app import App, ComposeResult, SuspendNotSupported, SystemCommand
from textual.binding import Binding, BindingType
from textual.driver import Driver
from textual.events import DescendantFocus
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.theme import Theme
from textual.widgets import TextArea

from mlxdyn import settings
from mlxdyn.config import LEARNS
from mlxdyn.engine import commands, memories, talks
from mlxdyn.engine.actor import Engine, Options
from mlxdyn.engine.events import Event
from mlxdyn.engine.messages import escape_control
from mlxdyn.settings import BY_NAME, Value
from mlxdyn_app import acts
from mlxdyn_app.attach import attach
from mlxdyn_app.attach import fitting as files
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.clipboard import pbcopy
from mlxdyn_app.dialogs import Question
from mlxdyn_app.editor import edited
from mlxdyn_app.escapes import withhold
from mlxdyn_app.hearing import hear
from mlxdyn_app.menu import Menu
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.pasting import protect
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.records import LogList
from mlxdyn_app.sidebar import Sidebar
from mlxdyn_app.status import StatusLine
from mlxdyn_app.talk import SAVING, Talk
from mlxdyn_app.terminal import watch
from mlxdyn_app.theme import KNOWN, NAMES, PAPER, WREN
from mlxdyn_app.timeline import TimelinePage
from mlxdyn_app.transcript import Transcript, Turn
from mlxdyn_app.wishes import grant

KEYS_HINT = "/ commands · F1 help · F2 memory"
TURN_KEYS = "E edit · R again · C copy · S surprise · F forget · Esc back"
PATIENCE_SECONDS = 1.0  # for the engine to end; what was acknowledged is durable without it


def chat(options: Options) -> NoReturn:
    """Run the app in the terminal, and end the process with its exit code."""
    app = ChatApp(options)
    try:
        app.run()
    finally:
        if app.return_code is None and not app.closed:  # it left without its own farewell
            app.engine.close(patience=PATIENCE_SECONDS)
    if app.failure:
        print(escape_control(app.failure), file=sys.stderr)
    # All is saved. Python would still take apart MLX and transformers, and wait for a slow step.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(app.return_code or 0)


class ChatApp(App[None]):
    """One conversation on one screen."""

    CSS_PATH = "look.tcss"
    TITLE = "mlxdyn"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop the reply", id="stop"),
        Binding("ctrl+n", "command('new')", "New chat", priority=True, id="new"),
        Binding("ctrl+o", "command('chats')", "Saved chats", id="chats"),
        Binding("ctrl+f", "command('search')", "Search", priority=True, id="search"),
        Binding("ctrl+r", "command('retry')", "Answer again", id="retry"),
        Binding("ctrl+s", "command('surprise')", "Surprise", id="surprise"),
        Binding("ctrl+g", "write", "Editor", priority=True, id="editor"),
        Binding("alt+up", "walk(-1)", "Earlier message", id="earlier"),
        Binding("alt+down", "walk(1)", "Later message", id="later"),
        Binding("f1", "command('help')", "Help", id="help"),
        Binding("f2", "command('items')", "Memory", id="items"),
        Binding("f3", "command('settings')", "Settings", id="settings"),
        Binding("f4", "command('model')", "Models", id="model"),
        Binding("f5", "command('sidebar')", "Sidebar", id="sidebar"),
        Binding("f6", "command('timeline')", "Timeline", id="timeline"),
    ]
    patience: float | None = PATIENCE_SECONDS

    @dataclass
    class Told(Message):
        """The engine said something; posted from its thread."""

        event: Event

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        withhold(self)
        for theme in (WREN, PAPER):
            self.register_theme(theme)
        self.settings: Mapping[str, Value | None] = options.settings
        self.paint()
        self.engine = Engine(options, self._from_engine)
        self.failure = ""  # the sentence that ended the engine
        self.closed = False  # the engine has saved everything
        self.memories: tuple[str, ...] = ()  # names that Tab completes
        self.models: tuple[str, ...] = ()
        self.editing: Turn | None = None  # the message whose words are in the prompt
        self.refused = ""  # a message with a file that cannot be sent along
        self.looking = ""  # words that the list of chats is opened with
        self._awaits = set[str]()  # pages that the user asked for

    def _from_engine(self, event: Event) -> None:
        self.post_message(self.Told(event))  # safe from any thread, and never waits

    def get_driver_class(self) -> type[Driver]:
        """Read keys so that no paste can type them."""
        return protect(super().get_driver_class())

    def compose(self) -> ComposeResult:
        """Lay out conversation, menu, prompt and status."""
        yield Sidebar()
        yield Transcript()
        yield (menu := Menu())
        yield Prompt(menu)
        yield StatusLine()

    def on_mount(self) -> None:
        """Find the parts and load the model."""
        self.transcript = self.query_one(Transcript)
        self.prompt = self.query_one(Prompt)
        self.line = self.query_one(StatusLine)
        self.sidebar = self.query_one(Sidebar)
        self.talk = Talk(self.engine, self.transcript, self.prompt, self.line)
        self.talk.show_numbers(bool(self.settings.get("numbers")))
        self.prompt.border_subtitle = KEYS_HINT
        self.prompt.offers = self._offers
        self.prompt.focus()
        self.theme_changed_signal.subscribe(self, self._keep_theme)
        self.set_keymap(settings.keys())
        watch(self._save)
        self.call_after_refresh(self.engine.start)  # its imports would hold up the first picture

    def paint(self) -> None:
        """Wear the theme that is set, if there is one of that name."""
        wanted = str(self.settings.get("theme"))
        theme = NAMES.get(wanted, wanted)
        self.theme = theme if theme in self.available_themes else WREN.name

    def _keep_theme(self, theme: Theme) -> None:
        """Keep the theme that was chosen in the palette."""
        wanted = str(self.settings.get("theme"))
        if theme.name != NAMES.get(wanted, wanted):
            names = {name: short for short, name in NAMES.items()}
            acts.put(self, "theme", names.get(theme.name, theme.name))

    def _offers(self, text: str) -> list[tuple[str, str]]:
        """What a line may become: a command, its argument, a file."""
        words = {
            "memory": self.memories, "model": self.models, "learn": LEARNS,
            "set": [*BY_NAME], "theme": KNOWN,
        }  # fmt: skip
        return commands.fitting(text, words) if text.startswith("/") else files(text)

    @on(Told)
    async def hear(self, told: Told) -> None:
        """Show one event of the engine."""
        await hear(self, told.event)

    # What the user does

    @on(Prompt.Sent)
    async def send(self, sent: Prompt.Sent) -> None:
        """Obey a slash command, or say the text to the model."""
        obeyed = sent.text.startswith("/")
        if not obeyed or sent.text.startswith("/edit") or self.prompt.has_class("unsaved"):
            self.prompt.said(sent.text)
        if obeyed:
            acts.obey(self, sent.text)
            return
        attached = attach(sent.text.strip())
        if attached.faults and sent.text != self.refused:
            self.say(f"{'; '.join(attached.faults)}. Enter again sends it so.", error=True)
            self.refused = sent.text
            self.prompt.write(sent.text)
        elif self.editing is not None:
            await self._edited(self.editing, attached.text)
        else:
            await self.talk.say(attached.text)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool:
        """Leave the keys to a page over the chat while there is one."""
        return action != "command" or not isinstance(self.screen, ModalScreen)

    def action_command(self, name: str) -> None:
        """Carry out a slash command without an argument."""
        acts.act(self, commands.SLASH_COMMANDS[name])

    @on(TextArea.Changed)
    @on(DescendantFocus)
    def show_hint(self) -> None:
        """Offer what may come next, and name the keys."""
        if not self.screen_stack:  # the app is ending, and this came late
            return
        self.prompt.offer()
        if self.prompt.text:
            self.engine.typing()
        if isinstance(self.focused, Turn):
            number = f"message {self.focused.message} · " if self.focused.message else ""
            self.prompt.border_subtitle = f"{number}{TURN_KEYS}"
        else:
            self.prompt.border_subtitle = KEYS_HINT

    def wait_for(self, page: str) -> None:
        """Open a page when the engine has told what is on it."""
        self._awaits.add(page)

    def awaited(self, page: str) -> bool:
        """Tell, once, whether a page is to be opened."""
        wanted = page in self._awaits
        self._awaits.discard(page)
        return wanted

    def say(self, text: str, *, error: bool = False) -> None:
        """Write a line that nobody said; an error is told at once too."""
        if error:
            self.notify(text, severity="error", markup=False)
        self.run_worker(self.transcript.note(text, error=error))
        self.transcript.anchor()

    def ask(self, question: str, yes: str, then: Callable[[], None]) -> None:
        """Do something if the user agrees."""
        self.push_screen(Question(question, yes), lambda agreed: then() if agreed else None)

    def action_stop(self) -> None:
        """Stop the running reply or a comparison, or leave a message as it was."""
        if self.line.doing == acts.COMPARING:
            self.engine.stop()
        if self.editing is not None and not self.talk.busy:
            self.prompt.text = ""
            self.end_edit()
        self.talk.stop()

    def action_page(self, direction: int) -> None:
        """Scroll the conversation by most of a page."""
        self.transcript.scroll_relative(
            y=direction * max(1, self.transcript.size.height - 2), animate=False
        )

    def action_walk(self, direction: int) -> None:
        """Go to the message before (-1) or after (1), or back to the prompt (0)."""
        here = self.focused if isinstance(self.focused, Turn) else None
        turn = self.transcript.beside(here, direction) if direction else None
        if turn is not None:
            turn.focus()
        elif direction >= 0:
            self.prompt.focus()

    def action_write(self) -> None:
        """Write the prompt in $EDITOR."""
        try:
            with self.suspend():
                text = edited(self.prompt.unfolded(self.prompt.text))
        except (OSError, subprocess.CalledProcessError, SuspendNotSupported) as error:
            self.say(f"The editor did not go well: {error}", error=True)
        else:
            self.prompt.write(text)

    # A message that was walked to

    @on(Turn.Chosen)
    def act(self, chosen: Turn.Chosen) -> None:
        """Do what is wanted of a message."""
        turn, message = chosen.turn, chosen.turn.message
        match chosen.act:
            case "copy":
                self.copy(turn.text, "Copied the message.")
            case "code" if turn.code:
                self.copy(turn.code, "Copied its last code block.")
            case "code":
                self.notify("There is no code block in it.")
            case _ if message is None:
                self.notify("This message is not saved yet.")
            case "edit":
                self.begin_edit(turn)
            case "retry":
                acts.retry(self)
            case "surprise":
                self.engine.ask(memories.surprise, message)
            case "forget":
                acts.forget(self, str(message))
            case "older" | "newer" if self.talk.free:
                step = -1 if chosen.act == "older" else 1
                self.talk.leave()
                self.engine.open(talks.turn_to, message, step)

    def copy(self, text: str, done: str) -> None:
        """Copy by the terminal and by pbcopy."""
        self.copy_to_clipboard(text)
        self._pbcopy(text)
        self.notify(done)

    @work(thread=True)
    def _pbcopy(self, text: str) -> None:
        pbcopy(text)

    def begin_edit(self, turn: Turn, text: str | None = None) -> None:
        """Put a message, or `text`, in the prompt, to be said otherwise; a draft comes back."""
        self.editing = turn
        self.prompt.border_title = "your message anew" if turn.role == "user" else "the reply anew"
        self.prompt.lend(turn.text if text is None else text)
        self.prompt.focus()

    def end_edit(self) -> None:
        """Write a new message again, or go on with what was being written."""
        self.editing = None
        self.prompt.give_back()
        self.show_unsaved()

    async def _edited(self, turn: Turn, text: str) -> None:
        if acts.waits(self) or turn.message is None:
            self.prompt.write(text)
            return
        self.end_edit()
        if turn.role == "user":
            await self.talk.edit(turn, text)
        else:
            self.talk.leave()
            self.engine.open(talks.reword, turn.message, text)

    @on(MemoryPanel.Wanted)
    @on(MemoryPanel.Done)
    @on(ChatList.Wanted)
    @on(ChatList.Searched)
    @on(ModelList.Wanted)
    @on(SettingList.Wanted)
    @on(LogList.Unwanted)
    @on(Sidebar.Wanted)
    @on(TimelinePage.Wanted)
    def grant(self, wish: Message) -> None:
        """Do what is wanted on a page over the chat."""
        grant(self, wish)

    # The program

    def show_unsaved(self) -> None:
        """Let the prompt say what kind of chat this is."""
        status = self.line.status
        unsaved = ""
        if status is not None:
            unsaved = "incognito" if status.incognito else "temporary" if status.temporary else ""
        if self.editing is None:
            self.prompt.border_title = unsaved
        self.prompt.set_class(bool(unsaved), "unsaved")
        self.transcript.greet(unsaved)

    async def action_quit(self) -> None:
        """Save everything, then leave; a second time, leave at once."""
        if self.line.doing == SAVING:
            self.exit(return_code=0)
            return
        self.line.doing = SAVING
        self.talk.leave()
        self._close()

    @work
    async def _close(self) -> None:
        self.closed = await asyncio.to_thread(self._save)
        self.exit(return_code=1 if self.failure else 0)

    def _save(self) -> bool:
        """Wait for the engine to end; for all of what was said, which is saved first."""
        self.talk.keep()
        return self.engine.close(patience=None if self.talk.queue else self.patience)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Put what the slash commands do into the palette too."""
        for command in commands.SLASH_COMMANDS.values():
            yield SystemCommand(f"/{command.name}", command.meaning, partial(self._begin, command))
        yield from super().get_system_commands(screen)

    def _begin(self, command: commands.Command) -> None:
        """Carry out a command from the palette, or let the user finish it in the prompt."""
        if command.needs:
            self.prompt.set_aside()
            self.prompt.write(f"/{command.name} ")
            self.prompt.focus()
        else:
            acts.act(self, command)
