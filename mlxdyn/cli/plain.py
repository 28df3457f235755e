"""The line-based chat, for pipes and small terminals: lines in, lines out."""

import json
import queue
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any, TextIO, TypeVar

from mlxdyn.config import LEARNS
from mlxdyn.engine import messages
from mlxdyn.engine.actor import Engine, Options
from mlxdyn.engine.events import (
    Closed,
    Compared,
    Event,
    Failed,
    Heard,
    Items,
    Learned,
    Memories,
    Notice,
    Opened,
    Piece,
    Replied,
    Status,
    Studied,
)

E = TypeVar("E", bound=Event)

HELP = """\
/learn user|all|off   what is learned from now on
/temporary            a chat that reads the memory and writes nothing, and back
/incognito            a chat with the bare base that writes nothing, and back
/undo  /redo          take back what the last message taught; bring it back
/forget [ID]          forget a message for good, the last one without ID (IDs: mlxdyn memory log)
/study                make the adapter anew from all study items
/items                what the memory is to know, as questions and answers
/compare TEXT         answer TEXT with and without memory
/dial 0..100          how strongly the memory speaks, in per cent
/memory [NAME]        go on with another memory, or list them
/branch NAME          copy this memory as NAME
/new                  a new conversation
/reset                set the memory aside and begin an empty one
/help  /quit"""


class PlainChat:
    """One engine, answered line by line; learned lines appear as soon as they are true."""

    def __init__(self, options: Options, out: TextIO, err: TextIO, *, as_json: bool) -> None:
        self._out, self._err, self._json = out, err, as_json
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._engine = Engine(options, self._events.put)
        self._temporary, self._incognito = options.temporary, options.incognito
        self._said: int | None = None  # the last message of the user, by id
        self._learning = options.chat.learn != "off" and not options.temporary
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
            self._failed = True
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
            return False
        if line.startswith("/"):
            self._command(*line.split(maxsplit=1))
        elif line:
            (self._answer if self._json else self._say)(line)
        return True

    def _command(self, name: str, argument: str = "") -> None:
        engine = self._engine
        match name, argument:
            case "/help", _:
                self._print(HELP)
            case "/learn", mode if mode in LEARNS:
                if self._do(lambda: engine.set_learn(mode)):
                    self._learning = mode != "off"
            case "/temporary", _:
                self._do(lambda: engine.set_temporary(not self._temporary))
            case "/incognito", _:
                self._do(lambda: engine.set_incognito(not self._incognito))
            case "/undo", _:
                self._do(engine.undo)
            case "/redo", _:
                self._do(engine.redo)
            case "/forget", _:
                self._forget(argument)
            case "/study", _:
                engine.study()
                self._wait(Studied, Notice)
            case "/items", _:
                engine.list_items()
                self._list(self._wait(Items))
            case "/compare", text if text:
                engine.compare(text)
                self._compare(self._wait(Compared))
            case "/dial", share if share.isdecimal() and int(share) <= 100:
                self._do(lambda: engine.set_strength(int(share) / 100))
            case "/memory", "":
                engine.list_memories()
                if found := self._wait(Memories):
                    self._print("Memories: " + ", ".join(found.names))
            case "/memory", memory:
                self._do(lambda: engine.switch(memory))
            case "/branch", memory if memory:
                self._do(lambda: engine.branch(memory))
            case "/reset", _:
                self._do(engine.reset)
            case "/new", _:
                engine.new_chat()
                self._wait(Opened)
            case _:
                self._print(f"{name} {argument}".strip() + " is no command; /help lists them")

    def _do(self, ask: Callable[[], None]) -> bool:
        """Ask the engine for something that it confirms; tell whether it did."""
        ask()
        return self._wait(Notice) is not None

    def _forget(self, argument: str) -> None:
        message = int(argument) if argument.isdecimal() else None if argument else self._said
        if message is None:
            self._print("Say which message: /forget ID. `mlxdyn memory log` shows the IDs.")
        else:
            self._do(lambda: self._engine.forget(message))

    def _list(self, found: Items | None) -> None:
        if found is None:
            return
        if not found.items:
            self._print("No study items yet.")
        for item in found.items:
            later = "" if item.standing else " (corrected later)"
            self._print(f"{item.id:>5}  {item.question} {item.answer}{later}")

    def _compare(self, compared: Compared | None) -> None:
        """Show both answers; what memory made likelier is in brackets."""
        if compared is None:
            return
        pieces = messages.marked(compared.memory)
        answer = "".join(f"[{words}]" if likelier else words for words, likelier in pieces)
        self._print(f"base:        {compared.base}\nwith memory: {answer.strip()}")

    def _say(self, text: str) -> tuple[Heard, Replied] | None:
        self._engine.send(text)
        try:
            heard = self._wait(Heard)
            replied = self._wait(Replied) if heard else None
        except KeyboardInterrupt:
            self._engine.stop()
            replied = self._wait(Replied)
        if heard is None or replied is None:
            return None
        self._said = heard.message.id
        self._print("")
        if replied.dropped_turns:
            self._note(f"the oldest {replied.dropped_turns} turns no longer fit and were left out")
        return heard, replied

    def _wait_learned(self, *messages: int) -> Learned | None:
        """Wait until all of the turn that learns is learned; None when nothing is."""
        if not self._learning or self._temporary:
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
                self._note(describe(event))
            elif isinstance(event, Opened):
                said = [message.id for message in event.messages if message.role == "user"]
                self._said = said[-1] if said else None
            elif isinstance(event, Status):
                self._temporary, self._incognito = event.temporary, event.incognito
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
        closing = threading.Thread(target=self._engine.close)
        closing.start()
        self._wait(Closed)
        closing.join()

    def _conclude(self, replied: Replied, learned: Learned | None) -> None:
        if self._json:
            self._out.write(json.dumps(_result(replied, learned)) + "\n")
            self._out.flush()

    def _write(self, text: str) -> None:
        if self._heard and not self._json:
            self._out.write(messages.harmless(text))
            self._out.flush()

    def _print(self, text: str) -> None:
        self._write(text + "\n")

    def _note(self, text: str) -> None:
        self._say_aside(f"  · {text}")

    def _say_aside(self, text: str) -> None:
        if self._heard:
            print(messages.harmless(text), file=self._err, flush=True)


def describe(event: Notice | Learned | Studied) -> str:
    """Say an event in one line."""
    if isinstance(event, Notice):
        return event.text
    said = messages.studied(event) if isinstance(event, Studied) else messages.learned(event)
    return said.replace("\n", "; ")


def _result(replied: Replied, learned: Learned | None) -> dict[str, Any]:
    result = {
        "reply": replied.message.text,
        "tokens": replied.tokens,
        "tokens_per_second": replied.tokens_per_second,
        "ttft_seconds": replied.ttft_seconds,
        "learned": None,
    }
    if learned:
        wanted = ("tokens", "nll_before", "nll_after", "accepted", "update", "items", "secrets")
        shown = asdict(learned) | {"items": len(learned.facts)}
        result["learned"] = {name: shown[name] for name in wanted}
    return result


def prompt(out: TextIO) -> Callable[[], None]:
    """Return what shows "> " where a person types, and nothing in a pipe."""

    def ask() -> None:
        if sys.stdin.isatty():
            out.write("> ")
            out.flush()

    return ask
