"""The chat's screen: turns keys into calls of the engine, and the engine's events into text."""

import asyncio
import sys
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import App, ComposeResult, SystemCommand
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import TextArea

from mlxdyn.config import LEARNS, Learn
from mlxdyn.engine import Engine, Options
from mlxdyn.events import (
    Chats,
    Closed,
    Event,
    Failed,
    Heard,
    Learned,
    Notice,
    Opened,
    Piece,
    Replied,
    Status,
)
from mlxdyn_app.clipboard import pbcopy
from mlxdyn_app.commands import hint, read
from mlxdyn_app.dialogs import ChatList, Help, Question
from mlxdyn_app.prompt import Prompt
from mlxdyn_app.status import StatusLine
from mlxdyn_app.theme import WREN
from mlxdyn_app.transcript import Transcript, Turn

KEYS_HINT = "Ctrl+J new line · F1 help"
SAVING = "saving…"


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
        Binding("ctrl+n", "new", "New chat"),
        Binding("ctrl+o", "chats", "Saved chats"),
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
        self.conversation: int | None = None
        self.ready = False  # a conversation is open and not being left
        self.reply: Turn | None = None  # the one being streamed
        self.busy = False  # from sending a message to the end of its reply
        self.stopping = False  # the user wants no more of the reply
        self.queue: deque[Turn] = deque()  # said but not heard; the first is sent when busy
        self.turns: dict[int, Turn] = {}  # on screen, by message id
        self.learned: dict[int, Learned] = {}  # in this run, by message id

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
        self.prompt.border_subtitle = KEYS_HINT
        self.prompt.focus()
        self.engine.start()

    # What the engine says

    @on(Told)
    async def hear(self, told: Told) -> None:
        """Show one event of the engine."""
        match told.event:
            case Status() as status:
                self._status(status)
            case Opened() as opened:
                await self._opened(opened)
            case Heard(message):
                await self._heard(message.id, message.text)
            case Piece(text):
                await self._piece(text)
            case Replied() as replied:
                await self._replied(replied)
            case Learned() as learned:
                self._learned(learned)
            case Chats() as chats:
                await self._choose(chats)
            case Notice(text):
                await self.transcript.note(text)
            case Failed() as failed:
                await self._failed(failed)
            case Closed():
                self.closed = True

    def _status(self, status: Status) -> None:
        before, self.line.status = self.line.status, status
        if before is not None and status.updates < before.updates and self.learned:
            self._unlearned()

    def _unlearned(self) -> None:
        """Say under the message learned last that it was undone."""
        message, _ = self.learned.popitem()
        if message in self.turns:
            self.turns[message].say("unlearned", state="refused")

    async def _opened(self, opened: Opened) -> None:
        await self._end_reply()
        self.busy = False
        self._unsend()
        self.conversation, self.ready = opened.conversation, True
        self.turns = await self.transcript.open(opened.messages)
        for message, turn in self.turns.items():
            if message in self.learned:
                turn.show(self.learned[message])
        self.prompt.remember([said.text for said in opened.messages if said.role == "user"])
        self.line.doing = "" if self.line.doing != SAVING else SAVING

    async def _heard(self, message: int, text: str) -> None:
        self.busy = True
        turn = await self._said(text)
        self.turns[message] = turn
        turn.say("learning…" if self._learns() else "")
        self.reply = Turn("assistant")
        await self.transcript.mount(self.reply, after=turn)  # above those that still wait
        self.reply.say("…")
        self.line.doing = self.line.doing or "replying, Esc stops"
        if self.stopping:  # Esc came before the engine began
            self.engine.stop()

    async def _said(self, text: str) -> Turn:
        """Return the waiting turn the engine has heard; what was before it failed."""
        while self.queue:
            turn = self.queue.popleft()
            if turn.text == text:
                return turn
        return await self.transcript.add(Turn("user", text))

    def _learns(self) -> bool:
        status = self.line.status
        return status is not None and status.learn != "off" and not status.temporary

    async def _piece(self, text: str) -> None:
        if self.reply is not None:
            await self.reply.append(text)

    async def _replied(self, replied: Replied) -> None:
        reply = self.reply or await self.transcript.add(Turn("assistant"))
        self.reply = None
        self.turns[replied.message.id] = reply
        await reply.finish(replied.message.text)
        reply.say(_outcome(replied), state="stopped" if replied.stopped else "")
        self._next()

    def _next(self) -> None:
        """Send what waits, unless this chat is being left."""
        self.busy = False
        self.line.doing = "" if self.line.doing != SAVING else SAVING
        if self.queue and self.ready:
            self._send(self.queue[0])

    def _send(self, turn: Turn) -> None:
        self.busy, self.stopping = True, False
        turn.say("")
        self.engine.send(turn.text)

    def _learned(self, learned: Learned) -> None:
        if learned.accepted:
            self.learned[learned.message] = learned
        if learned.message in self.turns:
            self.turns[learned.message].show(learned)

    async def _choose(self, chats: Chats) -> None:
        if not chats.chats:
            await self.transcript.note("No chat is saved yet.")
        elif not isinstance(self.screen, ChatList):
            self.push_screen(ChatList(chats.chats, self.conversation), self._chosen)

    async def _failed(self, failed: Failed) -> None:
        if failed.fatal:
            self.failure = failed.text
            await self.action_quit()
            return
        self.ready = self.conversation is not None
        await self.transcript.note(failed.text, error=True)
        if self.reply is not None:
            await self._end_reply()
            self._next()
        elif self.busy:
            self._unanswered()

    def _unanswered(self) -> None:
        """Mark a message that was sent but perhaps never heard."""
        self.busy = False
        if self.queue:
            sent = self.queue.popleft()
            sent.say("no answer came", state="refused")
            self._unsend()
            self.queue.append(sent)  # should it be heard after all

    async def _end_reply(self) -> None:
        if self.reply is not None:
            reply, self.reply = self.reply, None
            await reply.finish()
            reply.say("")

    def _unsend(self) -> None:
        """Give back to the prompt what the engine never heard."""
        texts = [turn.text for turn in self.queue]
        for turn in self.queue:
            turn.remove()
        self.queue.clear()
        if texts and not self.prompt.text:
            self.prompt.text = "\n".join(texts)
            self.prompt.move_cursor(self.prompt.document.end)

    # What the user does

    @on(Prompt.Sent)
    async def send(self, sent: Prompt.Sent) -> None:
        """Obey a slash command, or say the text to the model."""
        if sent.text.startswith("/"):
            await self._obey(*read(sent.text))
        elif not self.ready:
            self.notify("The chat is not open yet. Press Enter again in a moment.")
        else:
            self.prompt.accept()
            await self._say(sent.text.strip())

    async def _say(self, text: str) -> None:
        turn = await self.transcript.add(Turn("user", text))
        self.transcript.anchor()
        self.queue.append(turn)
        if self.busy:
            turn.say("waits for the reply above")
        else:
            self._send(turn)

    async def _obey(self, name: str, argument: str) -> None:
        simple = {
            "temporary": self.action_temporary,
            "undo": self.action_undo,
            "reset": self.action_reset,
            "new": self.action_new,
            "chats": self.action_chats,
            "copy": self.action_copy_reply,
            "help": self.action_help,
        }
        if name == "learn":
            await self._obey_learn(argument)
        elif name == "quit":
            await self.action_quit()
        elif name in simple:
            self.prompt.accept()
            simple[name]()
        else:
            await self.transcript.note(
                f"There is no command /{name}. F1 lists them; a space before the slash sends"
                " the line as a message.",
                error=True,
            )

    async def _obey_learn(self, argument: str) -> None:
        self.prompt.accept()
        for learn in LEARNS:
            if learn == argument:
                self.action_learn(learn)
                return
        now = self.line.status.learn if self.line.status else "not known yet"
        await self.transcript.note(f"Say /learn user, /learn all or /learn off. Now it is {now}.")

    @on(TextArea.Changed)
    def show_hint(self) -> None:
        """Name the commands that fit while one is typed."""
        self.prompt.border_subtitle = hint(self.prompt.text) or KEYS_HINT

    def action_learn(self, learn: Learn) -> None:
        """Choose what is learned."""
        self.engine.set_learn(learn)

    def action_temporary(self) -> None:
        """Enter or leave a chat that writes nothing."""
        self._leave()
        self.learned.clear()  # a temporary chat counts its messages anew
        self.engine.set_temporary(not (self.line.status and self.line.status.temporary))

    def action_undo(self) -> None:
        """Unlearn the last learned message."""
        self.engine.undo()

    @work
    async def action_reset(self) -> None:
        """Empty the memory, if the user agrees."""
        name = self.line.status.memory if self.line.status else ""
        question = f"Empty the memory {name}? All it learned is undone. A backup is kept."
        if await self.push_screen_wait(Question(question, "Empty it")):
            self._leave()
            self.learned.clear()
            self.engine.reset()

    def action_new(self) -> None:
        """Start a new chat."""
        self._leave()
        self.engine.new_chat()

    def action_chats(self) -> None:
        """List the saved chats."""
        self.engine.list_chats()

    def _chosen(self, conversation: int | None) -> None:
        if conversation is not None and conversation != self.conversation:
            self._leave()
            self.engine.open_chat(conversation)

    def action_stop(self) -> None:
        """Stop the running reply and keep its beginning."""
        if self.busy:
            self.stopping = True
            self.engine.stop()

    def _leave(self) -> None:
        """Stop the reply, and send nothing until the next conversation is open."""
        self.action_stop()
        self.ready = False

    def action_help(self) -> None:
        """Show keys and commands."""
        self.push_screen(Help())

    def action_page(self, direction: int) -> None:
        """Scroll the conversation by most of a page."""
        self.transcript.scroll_relative(
            y=direction * max(1, self.transcript.size.height - 2), animate=False
        )

    def action_copy_reply(self) -> None:
        """Copy the last reply, by the terminal and by pbcopy."""
        replies = [turn.text for turn in self.query(Turn) if turn.has_class("assistant")]
        if not replies:
            self.notify("There is no reply to copy yet.")
            return
        self.copy_to_clipboard(replies[-1])
        self._pbcopy(replies[-1])
        self.notify("Copied the last reply.")

    @work(thread=True)
    def _pbcopy(self, text: str) -> None:
        pbcopy(text)

    async def action_quit(self) -> None:
        """Save everything, then leave; the screen stays alive meanwhile."""
        if self.line.doing != SAVING:
            self.line.doing = SAVING
            self._leave()
            self._close()

    @work
    async def _close(self) -> None:
        await asyncio.to_thread(self.engine.close)
        self.closed = True
        self.exit(return_code=1 if self.failure else 0)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Put what the slash commands do into the palette too."""
        yield SystemCommand("New chat", "Start a new conversation", self.action_new)
        yield SystemCommand("Saved chats", "Open an earlier conversation", self.action_chats)
        for learn, what in zip(LEARNS, ("your words", "the replies too", "nothing"), strict=True):
            yield SystemCommand(
                f"Learn {learn}", f"Learn {what}", lambda learn=learn: self.action_learn(learn)
            )
        yield SystemCommand("Temporary", "Enter or leave a chat unsaved", self.action_temporary)
        yield SystemCommand("Undo", "Unlearn the last learned message", self.action_undo)
        yield SystemCommand("Reset", "Empty the memory", self.action_reset)
        yield SystemCommand("Copy", "Copy the last reply", self.action_copy_reply)
        yield from super().get_system_commands(screen)


def _outcome(replied: Replied) -> str:
    """Say what the user should know of how a reply came about."""
    lines = []
    if replied.stopped:
        lines.append("stopped; what is here is kept")
    if replied.dropped_turns:
        lines.append(
            f"context full: the oldest {replied.dropped_turns} turns were left out of the prompt"
        )
    return "\n".join(lines)
