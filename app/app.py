"""The chat's screen: turns keys into calls of the engine, and the engine's events into text."""

import asyncio
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import ClassVar

from textual import on, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.events import DescendantFocus
from textual.message import Message
from textual.screen import ModalScreen, Screen
from textual.widgets import TextArea

from mlxdyn.config import LEARNS
from mlxdyn.engine.actor import Engine, Options
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Compared,
    Event,
    Failed,
    Heard,
    Items,
    Learned,
    Lessons,
    Log,
    Memories,
    Notice,
    Opened,
    Piece,
    Replied,
    Status,
    Stayed,
    Studied,
    StudyItem,
    Working,
)
from mlxdyn.engine.messages import studied
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name
from mlxdyn_app.clipboard import pbcopy
from mlxdyn_app.commands import COMMANDS, Command, complete, hint, read
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.dialogs import ChatList, Help, Question
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.records import ItemList, LogList
from mlxdyn_app.status import StatusLine
from mlxdyn_app.talk import SAVING, Talk
from mlxdyn_app.theme import WREN
from mlxdyn_app.transcript import Transcript, Turn

KEYS_HINT = "Ctrl+J new line · F1 help"
COMPARING = "comparing, Esc stops"
QUOTED = 200  # characters of a message in a question


def chat(options: Options) -> int:
    """Run the app in the terminal; return the exit code."""
    app = ChatApp(options)
    try:
        app.run()
    finally:
        if not app.closed:  # the screen ended on its own, say on an error
            app.engine.close()
    if app.failure:
        print(app.failure, file=sys.stderr)
    return app.return_code or 0


class ChatApp(App[None]):
    """One conversation on one screen."""

    CSS_PATH = "look.tcss"
    TITLE = "mlxdyn"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop the reply"),
        Binding("ctrl+n", "new", "New chat", priority=True),
        Binding("ctrl+o", "chats", "Saved chats"),
        Binding("alt+up", "walk(-1)", "Earlier message"),
        Binding("alt+down", "walk(1)", "Later message"),
        Binding("f1", "help", "Help"),
    ]

    @dataclass
    class Told(Message):
        """The engine said something; posted from its thread."""

        event: Event

    def __init__(self, options: Options) -> None:
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
        self.VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]
        self.register_theme(WREN)
        self.theme = WREN.name
        self.engine = Engine(options, self._from_engine)
        self.failure = ""  # the sentence that ended the engine
        self.closed = False  # the engine has saved everything
        self.memories: tuple[str, ...] = ()  # names that Tab completes

    def _from_engine(self, event: Event) -> None:
        self.post_message(self.Told(event))  # safe from any thread, and never waits

    def compose(self) -> ComposeResult:
        """Lay out conversation, prompt and status."""
        yield Transcript()
        yield Prompt()
        yield StatusLine()

    def on_mount(self) -> None:
        """Find the parts and load the model."""
        self.transcript = self.query_one(Transcript)
        self.prompt = self.query_one(Prompt)
        self.line = self.query_one(StatusLine)
        self.talk = Talk(self.engine, self.transcript, self.prompt, self.line)
        self.prompt.border_subtitle = KEYS_HINT
        self.prompt.complete = lambda text: complete(text, self.memories)
        self.prompt.focus()
        self.engine.start()

    # What the engine says

    @on(Told)
    async def hear(self, told: Told) -> None:
        """Show one event of the engine."""
        match told.event:
            case Opened() as opened:
                await self.talk.opened(opened)
            case Heard(message):
                await self.talk.heard(message.id, message.text)
            case Piece(text):
                await self.talk.piece(text)
            case Replied() as replied:
                await self.talk.replied(replied)
            case Learned() as learned:
                self.talk.learned(learned)
            case Lessons() as lessons:
                self.talk.lessons(lessons)
            case Notice(text):
                await self._notice(text)
            case Studied() as event:
                await self.transcript.note(studied(event))
            case Failed() as failed:
                await self._failed(failed)
            case Stayed():
                self.talk.stayed()
            case Closed():
                self.closed = True
            case _:
                await self._shown(told.event)

    async def _shown(self, event: Event) -> None:
        """Show an event that is not part of the talk."""
        match event:
            case Status() as status:
                self._status(status)
            case Working(doing, done, of):
                self.line.doing = f"{doing} {done}/{of}…" if done < of else ""
            case Memories(names):
                self.memories = names
            case Compared() as compared:
                self.talk.rest()
                await self.transcript.mount(Comparison(compared))
            case Chats() as chats:
                await self._choose(chats)
            case Items(items):
                self._list_items(items)
            case Log(updates):
                self.push_screen(LogList(updates))

    def _status(self, status: Status) -> None:
        self.line.status = status
        unsaved = "incognito" if status.incognito else "temporary" if status.temporary else ""
        self.prompt.border_title = unsaved
        self.prompt.set_class(bool(unsaved), "unsaved")
        self.transcript.greet(unsaved)

    async def _notice(self, text: str) -> None:
        if isinstance(self.screen, ModalScreen):  # the transcript is behind it
            self.notify(text)
        await self.transcript.note(text)

    async def _choose(self, chats: Chats) -> None:
        if not chats.chats:
            await self.transcript.note("No chat is saved yet.")
        elif not isinstance(self.screen, ChatList):
            self.push_screen(ChatList(chats.chats, self.talk.conversation), self._chosen)

    def _list_items(self, items: tuple[StudyItem, ...]) -> None:
        """Show the items, on the page that is open if there is one."""
        for screen in self.screen_stack:
            if isinstance(screen, ItemList):
                screen.show_items(items)
                return
        self.push_screen(ItemList(items))

    async def _failed(self, failed: Failed) -> None:
        if failed.fatal:
            self.failure = failed.text
            await self.action_quit()
            return
        if isinstance(self.screen, ModalScreen):
            self.notify(failed.text, severity="error")
        await self.transcript.note(failed.text, error=True)
        await self.talk.failed()
        if not self.talk.busy:
            self.talk.rest()

    # What the user does

    @on(Prompt.Sent)
    async def send(self, sent: Prompt.Sent) -> None:
        """Obey a slash command, or say the text to the model."""
        if sent.text.startswith("/"):
            await self._obey(sent.text)
        else:
            await self.talk.say(sent.text.strip())

    async def _obey(self, line: str) -> None:
        name, argument = read(line)
        known = next((command for command in COMMANDS if command.name == name), None)
        if known is None:
            await self.transcript.note(
                f"There is no command /{name}. F1 lists them; a space before the slash sends"
                " the line as a message.",
                error=True,
            )
            if not self.prompt.text:
                self.prompt.write(line)
            return
        await self.run_action(("app", name, (argument,) if known.arguments else ()))

    @on(TextArea.Changed)
    @on(DescendantFocus)
    def show_hint(self) -> None:
        """Name the keys, or the commands that fit while one is typed."""
        if not self.screen_stack:  # the app is ending, and this came late
            return
        if isinstance(self.focused, Turn):
            number = f"message {self.focused.message} · " if self.focused.message else ""
            self.prompt.border_subtitle = f"{number}C copy · F forget · Esc back"
        else:
            self.prompt.border_subtitle = hint(self.prompt.text, self.memories) or KEYS_HINT

    def _usage(self, name: str, now: str = "") -> None:
        """Say how a command is used."""
        command = next(command for command in COMMANDS if command.name == name)
        self._say(f"{command.usage}: {command.meaning}. {now}".strip())

    def _say(self, text: str, *, error: bool = False) -> None:
        self.run_worker(self.transcript.note(text, error=error))

    # The conversation

    def action_new(self) -> None:
        """Start a new chat."""
        self.talk.leave()
        self.engine.new_chat()

    def action_chats(self) -> None:
        """List the saved chats."""
        self.engine.list_chats()

    def _chosen(self, conversation: int | None) -> None:
        if conversation is not None and conversation != self.talk.conversation:
            self.talk.leave()
            self.engine.open_chat(conversation)

    def action_temporary(self) -> None:
        """Enter or leave a chat that writes nothing."""
        self.talk.leave()
        self.engine.set_temporary(not (self.line.status and self.line.status.temporary))

    def action_incognito(self) -> None:
        """Enter or leave a chat with the bare base that writes nothing."""
        self.talk.leave()
        self.engine.set_incognito(not (self.line.status and self.line.status.incognito))

    def action_stop(self) -> None:
        """Stop the running reply, or a comparison."""
        if self.line.doing == COMPARING:
            self.engine.stop()
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

    @on(Turn.Chosen)
    def act(self, chosen: Turn.Chosen) -> None:
        """Copy or forget the message that was walked to."""
        if chosen.act == "copy":
            self._copy(chosen.turn.text, "Copied the message.")
        elif chosen.turn.message is None:
            self.notify("This message is not saved yet.")
        else:
            self._forget(chosen.turn.message, chosen.turn.text)

    def action_copy(self) -> None:
        """Copy the last reply."""
        replies = [turn.text for turn in self.query(Turn) if turn.role == "assistant"]
        if replies:
            self._copy(replies[-1], "Copied the last reply.")
        else:
            self.notify("There is no reply to copy yet.")

    def _copy(self, text: str, done: str) -> None:
        """Copy by the terminal and by pbcopy."""
        self.copy_to_clipboard(text)
        self._pbcopy(text)
        self.notify(done)

    @work(thread=True)
    def _pbcopy(self, text: str) -> None:
        pbcopy(text)

    # What is learned

    def action_learn(self, argument: str) -> None:
        """Choose what is learned."""
        for learn in LEARNS:
            if learn == argument.lower():
                self.engine.set_learn(learn)
                return
        self._usage("learn", f"Now it is {self.line.status.learn}." if self.line.status else "")

    def action_undo(self) -> None:
        """Unlearn the message learned last."""
        self.engine.undo()

    def action_redo(self) -> None:
        """Learn again what was undone."""
        self.engine.redo()

    def action_study(self) -> None:
        """Make the adapter anew from all items."""
        self.engine.study()

    def action_items(self) -> None:
        """List the study items."""
        self.engine.list_items()

    def action_log(self) -> None:
        """List every update."""
        self.engine.list_log()

    @on(ItemList.Changed)
    def change_item(self, changed: ItemList.Changed) -> None:
        """Edit or delete a study item."""
        if changed.delete:
            self.engine.delete_item(changed.item)
        else:
            self.engine.edit_item(changed.item, changed.question, changed.answer)

    @on(LogList.Unwanted)
    def forget_logged(self, unwanted: LogList.Unwanted) -> None:
        """Forget the message of an update."""
        self._forget(unwanted.message, unwanted.text)

    def action_forget(self, argument: str = "") -> None:
        """Forget the message with this id, or the last one the user said."""
        last = self.talk.last_said()
        if argument.isdecimal():
            shown = self.talk.turns.get(int(argument))
            self._forget(int(argument), shown.text if shown else f"message {argument}")
        elif argument:
            self._usage("forget")
        elif last is None or last.message is None:
            self._say("There is no message above to forget; /log shows all.")
        else:
            self._forget(last.message, last.text)

    def _forget(self, message: int, text: str) -> None:
        words = text if len(text) <= QUOTED else f"{text[: QUOTED - 1]}…"
        question = "Forget this for good, with the reply to it? The memory will be as if it had"
        self._ask(
            f"{question} never been said, and the text is erased.\n\n{words}",
            "Forget it",
            partial(self._leave_and, partial(self.engine.forget, message)),
        )

    def _ask(self, question: str, yes: str, then: Callable[[], None]) -> None:
        """Do something if the user agrees."""
        self.push_screen(Question(question, yes), lambda agreed: then() if agreed else None)

    def _leave_and(self, then: Callable[[], None]) -> None:
        """Ask the engine for something that opens a conversation anew."""
        self.talk.leave()
        then()

    # The memory

    def action_compare(self, argument: str) -> None:
        """Answer with and without memory."""
        if not argument:
            self._usage("compare")
        elif not self.talk.busy:
            self.line.doing = COMPARING
            self.transcript.anchor()
            self.engine.compare(argument)
        else:
            self.notify("Wait for the reply, or press Esc to stop it.")

    def action_dial(self, argument: str) -> None:
        """Choose how strongly the memory speaks, in per cent."""
        share = argument.removesuffix("%").strip()
        if share.isdecimal() and int(share) <= 100:
            self.engine.set_strength(int(share) / 100)
        else:
            now = f"Now it is {self.line.status.strength:.0%}." if self.line.status else ""
            self._usage("dial", now)

    def action_memory(self, argument: str) -> None:
        """Go on with another memory; one that is not there is begun if the user agrees."""
        if not argument:
            self._usage("memory", f"There is: {', '.join(self.memories)}.")
        elif self._named(argument):
            switch = partial(self._leave_and, partial(self.engine.switch, argument))
            if argument in self.memories:
                switch()
            else:
                self._ask(f"There is no memory {argument} yet. Begin it?", "Begin it", switch)

    def action_branch(self, argument: str) -> None:
        """Copy this memory under another name."""
        if not argument:
            self._usage("branch")
        elif self._named(argument):
            self.engine.branch(argument)

    def _named(self, name: str) -> bool:
        """Tell whether a memory can have this name; say so if not."""
        try:
            check_name(name)
        except MlxdynError as error:
            self._say(str(error), error=True)
            return False
        return True

    def action_reset(self) -> None:
        """Empty the memory, if the user agrees."""
        name = self.line.status.memory if self.line.status else ""
        question = f"Empty the memory {name}? All it learned is undone. A backup is kept."
        self._ask(question, "Empty it", partial(self._leave_and, self.engine.reset))

    # The program

    def action_help(self) -> None:
        """Show keys and commands."""
        self.push_screen(Help())

    async def action_quit(self) -> None:
        """Save everything, then leave; the screen stays alive meanwhile."""
        if self.line.doing == SAVING:
            self.engine.hurry()
        else:
            self.line.doing = SAVING
            self.talk.leave()
            self._close()

    @work
    async def _close(self) -> None:
        await asyncio.to_thread(self.engine.close)
        self.closed = True
        self.exit(return_code=1 if self.failure else 0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Put what the slash commands do into the palette too."""
        for command in COMMANDS:
            if command.title:
                yield SystemCommand(command.title, command.meaning, partial(self._begin, command))
        for learn, what in zip(LEARNS, ("your words", "the replies too", "nothing"), strict=True):
            yield SystemCommand(
                f"Learn {learn}", f"Learn {what}", partial(self.action_learn, learn)
            )
        yield from super().get_system_commands(screen)

    async def _begin(self, command: Command) -> None:
        """Carry out a command from the palette, or let the user finish it in the prompt."""
        if command.arguments and not command.arguments.startswith("["):
            self.prompt.write(f"/{command.name} ")
            self.prompt.focus()
        else:
            await self.run_action(("app", command.name, ()))
