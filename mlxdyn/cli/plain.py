"""The line-based chat, for pipes and small terminals: lines in, lines out."""

import json
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TextIO, TypeVar

import click

from mlxdyn.cli import lines
from mlxdyn.config import LEARNS
from mlxdyn.engine import commands, memories, messages, models, talks
from mlxdyn.engine.actor import Engine, Options
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Compared,
    Event,
    Failed,
    Going,
    Heard,
    Knew,
    Learned,
    MemoryNames,
    Models,
    Notice,
    Opened,
    Panel,
    Piece,
    Replied,
    SearchResult,
    SettingsList,
    Status,
    Studied,
    Surprise,
    Timeline,
)

E = TypeVar("E", bound=Event)


class PlainChat:
    """One engine, answered line by line; learned lines appear as soon as they are true."""

    def __init__(
        self, options: Options, out: TextIO, err: TextIO, *, as_json: bool,
        agrees: Callable[[str], bool] = lambda question: True,
    ) -> None:  # fmt: skip
        self._out, self._err, self._json, self._agrees = out, err, as_json, agrees
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._engine = Engine(options, self._events.put)
        self._temporary, self._incognito = options.temporary, options.incognito
        self._said: int | None = None  # the last message of the user, by id
        self._heard_as: Heard | None = None  # what was said last, as it is saved
        self._numbers = False
        self._patient = True  # what waits is learned before the end
        self._learn = options.chat.learn
        self._failed = False
        self._heard = True  # somebody reads what is printed

    def once(self, text: str) -> int:
        """Answer `text`, wait until it is learned durably, and return the exit code."""
        with self._running():
            if self._wait(Opened):
                self._answer(text)
        return int(self._failed)

    def talk(self, lines: Iterable[str], ask: Callable[[], None]) -> int:
        """Answer each of `lines`; `ask` shows a prompt before the next is read."""
        with self._running():
            if opened := self._wait(Opened):
                for message in opened.messages[-6:]:
                    who = "imported" if message.imported else "you"
                    self._print(f"{who if message.role == 'user' else '   '} › {message.text}")
                if not opened.messages and sys.stdin.isatty():
                    self._say_aside(f"{commands.FIRST_LINES}\n\n/help lists the commands.")
                ask()
                for line in lines:
                    if not self._take(line.strip()):
                        break
                    ask()
        return int(self._failed)

    @contextmanager
    def _running(self) -> Iterator[None]:
        """Run the engine during the block, and let it save everything, whatever ends the block.

        Ctrl-C does as /quit does, with exit code 1; so does a reader who has seen enough.
        """
        self._engine.start()
        try:
            yield
        except KeyboardInterrupt:
            self._failed, self._patient = True, False
        except BrokenPipeError:
            self._heard = False
            raise
        finally:
            self._close()

    def _answer(self, text: str) -> None:
        """Answer `text` and, for JSON or a single answer, wait until it is learned."""
        if reply := self._say(text):
            heard, replied = reply
            learned = self._wait_learned(heard.message.id, replied.message.id)
            self._conclude(replied, learned)

    def _take(self, line: str) -> bool:
        """Handle one line; False ends the chat."""
        if line in ("/quit", "/exit"):
            self._patient = False
            return False
        if line.startswith("/"):
            self._command(line)
        elif line:
            (self._answer if self._json else self._say)(line)
        return True

    def _command(self, line: str) -> None:
        name, argument = commands.read(line)
        command = commands.SLASH_COMMANDS.get(name)
        if command is None or not command.plain:
            self._print(commands.unknown(name, plain=True))
        elif command.needs and not argument:
            self._print(f"{command.usage}: {command.meaning}")
        elif command.ask:
            self._engine.ask(command.ask, *command.given(argument))
            self._wait(Notice)
        elif not (self._talk(name, argument) or self._tune(name, argument)):
            self._remember(name, argument)

    def _talk(self, name: str, argument: str) -> bool:
        """Obey a command about the conversation; False when it is none."""
        engine = self._engine
        match name:
            case "help":
                self._print(commands.table(plain=True))
            case "retry":
                self._hear(lambda: engine.say(talks.retry))
            case "continue":
                self._hear(lambda: engine.say(talks.resume))
            case "edit":
                self._edit(argument)
            case "new":
                self._open(lambda: engine.open(talks.new))
            case "chats":
                self._chats(argument)
            case "search":
                engine.ask(talks.search, argument)
                self._show(SearchResult, lines.hits)
            case "rename":
                engine.ask(talks.rename, 0, argument)
                self._wait(Chats)
            case "temporary":
                self._do(lambda: engine.open(talks.temporary, not self._temporary))
            case "incognito":
                self._do(lambda: engine.open(talks.incognito, not self._incognito))
            case "compare":
                engine.say(memories.compare, argument)
                self._show(Compared, lines.compared)
            case "surprise":
                self._surprise(argument)
            case _:
                return False
        return True

    def _tune(self, name: str, argument: str) -> bool:
        """Obey a command about models and settings; False when it is none."""
        engine = self._engine
        match name:
            case "model" if argument:
                self._do(lambda: engine.open(models.use, argument))
            case "model":
                engine.ask(models.listed)
                self._show(Models, lines.models)
            case "system" if argument:
                self._set("system", argument)
            case "system":
                engine.ask(models.shown)
                self._show(SettingsList, lines.system)
            case "set":
                self._set(*argument.split(maxsplit=1))
            case "settings":
                engine.ask(models.shown)
                self._show(SettingsList, lines.settings)
            case "numbers":
                self._numbers = not self._numbers
                self._note("Numbers are shown." if self._numbers else "Numbers are hidden.")
            case _:
                return False
        return True

    def _remember(self, name: str, argument: str) -> None:
        """Obey a command about the memory."""
        engine, usage = self._engine, commands.SLASH_COMMANDS[name].usage
        match name, argument:
            case "items", _:
                engine.ask(memories.panel)
                self._show(Panel, lines.known)
            case "timeline", position if position.isdecimal():
                engine.ask(memories.look, commands.number(position))
                if (knew := self._wait(Knew)) and self._agrees(messages.knew(knew)):
                    self._do(lambda: engine.ask(memories.go_to, commands.number(position)))
            case "timeline", _:
                engine.ask(memories.timeline)
                self._show(Timeline, lines.timeline)
            case "forget", _:
                self._forget(argument)
            case "learn", mode if mode in LEARNS:
                self._do(lambda: engine.ask(memories.learn, mode))
            case "study", _:
                engine.ask(memories.study)
                self._wait(Studied, Notice)
            case "dial", share if share.isdecimal() and commands.number(share) <= 100:
                self._set("dial", share)
            case "memory", "":
                engine.ask(memories.names)
                if found := self._wait(MemoryNames):
                    self._print("Memories: " + ", ".join(found.names))
            case "memory", memory:
                self._do(lambda: engine.open(memories.switch, memory))
            case "branch", memory:
                self._do(lambda: engine.ask(memories.branch, memory))
            case "reset", _ if self._agrees("Empty this memory? A backup is kept."):
                self._do(lambda: engine.open(memories.reset))
            case "reset", _:
                pass
            case _:
                self._print(f"{usage}: {commands.SLASH_COMMANDS[name].meaning}")

    def _show(self, kind: type[E], words: Callable[[E], str]) -> None:
        """Wait for an answer and print it."""
        if found := self._wait(kind):
            self._print(words(found))

    def _do(self, ask: Callable[[], None]) -> None:
        """Ask the engine for something that it confirms."""
        ask()
        self._wait(Notice)

    def _open(self, ask: Callable[[], None]) -> None:
        ask()
        self._wait(Opened)

    def _edit(self, text: str) -> None:
        said = self._said
        if said is None or not text:
            self._print("Say how the last message should have been: /edit TEXT")
        else:
            self._hear(lambda: self._engine.say(talks.edit, said, text))

    def _forget(self, argument: str) -> None:
        message = None if argument else self._said
        if argument.isdecimal():
            message = commands.number(argument)
        if message is None:
            self._print("Say which message: /forget ID. `mlxdyn memory log` shows the IDs.")
            return
        self._engine.ask(memories.going, message)
        if (found := self._wait(Going)) and self._agrees(messages.going(found)):
            self._do(lambda: self._engine.open(memories.forget, *found.messages))

    def _chats(self, argument: str) -> None:
        """List the saved chats, or open one by its number."""
        if argument.isdecimal():
            self._open(lambda: self._engine.open(talks.open_chat, commands.number(argument)))
            return
        self._engine.ask(talks.listed)
        self._show(Chats, lines.chats)

    def _surprise(self, argument: str) -> None:
        message = commands.number(argument) if argument.isdecimal() else self._said
        if message is None:
            self._print("Say something first.")
            return
        self._engine.ask(memories.surprise, message)
        self._show(Surprise, lines.surprise)

    def _set(self, name: str, text: str = "") -> None:
        self._engine.ask(models.put, name, "" if text == "-" else text)
        if found := self._wait(SettingsList):
            self._note(f"{name} is {messages.value(found.values.get(name))} from now on.")

    def _say(self, text: str) -> tuple[Heard, Replied] | None:
        """Say something; return what became of it."""
        self._heard_as = None
        replied = self._hear(lambda: self._engine.send(text))
        return (self._heard_as, replied) if replied and self._heard_as else None

    def _hear(self, ask: Callable[[], None]) -> Replied | None:
        """Ask for a reply and show it; Ctrl-C ends it."""
        ask()
        try:
            replied = self._wait(Replied)
        except KeyboardInterrupt:
            self._engine.stop()
            replied = self._wait(Replied)
        if replied is not None:
            self._print("")
            for line in messages.outcome(replied):
                self._note(line)
        return replied

    def _wait_learned(self, *messages: int) -> Learned | None:
        """Wait until all of the turn that learns is learned; None when nothing is."""
        if self._learn == "off":
            return None
        while learned := self._wait(Learned):
            if learned.message in messages:
                return learned
        return None

    def _wait(self, *kinds: type[E]) -> E | None:
        """Show events until one of `kinds` comes; None after a failure or the end."""
        while True:
            event = self._events.get()
            if isinstance(event, Piece):
                self._write(event.text)
            elif isinstance(event, Notice | Learned | Studied) and not self._json:
                self._note(lines.told(event, numbers=self._numbers))
            elif isinstance(event, Heard):
                self._heard_as, self._said = event, event.message.id
            elif isinstance(event, Opened):
                said = [message.id for message in event.messages if message.role == "user"]
                self._said = said[-1] if said else None
            elif isinstance(event, Status):
                self._temporary, self._incognito = event.temporary, event.incognito
                self._learn = event.learn
            elif isinstance(event, Failed):
                self._failed = True
                self._say_aside(f"Error: {event.text}")
                if not event.fatal:
                    return None
            if isinstance(event, kinds):
                return event
            if isinstance(event, Closed):
                self._events.put(event)
                return None

    def _close(self) -> None:
        patient = self._patient and not sys.stdin.isatty()  # in a pipe nobody waits to leave
        closing = threading.Thread(target=partial(self._engine.close, learn=patient))
        closing.start()
        try:
            self._wait(Closed)
        except KeyboardInterrupt:
            self._engine.hurry()
            self._wait(Closed)
        closing.join()

    def _conclude(self, replied: Replied, learned: Learned | None) -> None:
        if self._json:
            self._out.write(json.dumps(lines.result(replied, learned)) + "\n")
            self._out.flush()

    def _write(self, text: str) -> None:
        if self._heard and not self._json:
            self._out.write(messages.escape_control(text))
            self._out.flush()

    def _print(self, text: str) -> None:
        self._write(text + "\n")

    def _note(self, text: str) -> None:
        self._say_aside(f"  · {text}")

    def _say_aside(self, text: str) -> None:
        if self._heard:
            print(messages.escape_control(text), file=self._err, flush=True)


def agrees(question: str) -> bool:
    """Ask who types; in a pipe nobody is there, and what was said is meant."""
    return not sys.stdin.isatty() or click.confirm(messages.escape_control(question), err=True)


def prompt(out: TextIO) -> Callable[[], None]:
    """Return what shows "> " where a person types, and nothing in a pipe."""

    def ask() -> None:
        if sys.stdin.isatty():
            out.write("> ")
            out.flush()

    return ask
