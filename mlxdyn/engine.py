"""The one thread that owns MLX; front ends call it and receive plain events."""

import queue
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mlxdyn import backend
from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MEMORY, ChatConfig, Learn, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.events import Chats, Closed, Event, Failed, Learned, Notice, Opened
from mlxdyn.home import home

CHAT = ChatConfig()
CLOSING_STEPS = 32
"""Micro-steps that closing still takes on what waits; the rest goes on at the next start."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a chat is started with."""

    model: str = BUNDLED_MODEL
    memory: str = DEFAULT_MEMORY
    chat: ChatConfig = CHAT
    temporary: bool = False
    fresh: bool = False  # begin an empty conversation rather than going on with the latest


class Engine:
    """Runs one session on a thread of its own.

    Every method returns at once and is answered by events, which `emit` receives on that thread.
    A new message goes before learning: learning stops within one micro-step.
    """

    def __init__(self, options: Options, emit: Callable[[Event], None]) -> None:
        self._options, self._emit = options, emit
        self._requests: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlxdyn-engine", daemon=True)
        self._session: Any = None
        self._open: dict[str, Any] = {}

    def start(self) -> None:
        """Load model and memory, then emit Opened and Status, or a fatal Failed."""
        self._thread.start()

    def send(self, text: str) -> None:
        """Answer `text`, then learn from it: Heard, Piece..., Replied, Status, Learned, Status."""
        self._stopped.clear()
        self._requests.put(partial(self._reply, text))

    def stop(self) -> None:
        """End the running reply and keep what was said."""
        self._stopped.set()

    def new_chat(self) -> None:
        self._requests.put(self._new_chat)

    def open_chat(self, conversation: int) -> None:
        self._requests.put(partial(self._open_chat, conversation))

    def list_chats(self) -> None:
        self._requests.put(lambda: self._emit(Chats(tuple(self._session.chats()))))

    def set_learn(self, learn: Learn) -> None:
        self._requests.put(partial(self._set_learn, learn))

    def set_temporary(self, on: bool) -> None:
        self._requests.put(partial(self._set_temporary, on))

    def undo(self) -> None:
        self._requests.put(self._undo)

    def reset(self) -> None:
        self._requests.put(self._reset)

    def close(self) -> None:
        """Make everything durable, emit Closed and wait for the thread to end."""
        self._closing.set()
        self._requests.put(None)
        self._thread.join()

    # everything below runs on the engine thread

    def _run(self) -> None:
        try:
            if self._guarded(self._start, fatal=True):
                self._serve()
        finally:
            self._guarded(self._finish)
            backend.release()
            self._emit(Closed())

    def _serve(self) -> None:
        learning = True
        while True:
            try:
                request = self._requests.get(block=not learning)
            except queue.Empty:
                learning = self._guarded(self._learn_step)
                continue
            if request is None:
                return
            self._guarded(request)
            learning = True

    def _guarded(self, action: Callable[[], Any], *, fatal: bool = False) -> bool:
        """Run `action`; turn an error into one sentence. True unless it failed or said False."""
        try:
            return action() is not False
        except MlxdynError as error:
            self._emit(Failed(str(error), fatal))
        except Exception as error:
            # A front end can only show a sentence; what was saved before stays saved.
            self._emit(Failed(f"{type(error).__name__}: {error}", fatal))
        return False

    def _start(self) -> None:
        backend.prepare()
        from mlxdyn import model
        from mlxdyn.ledger import Ledger

        self._open["model"] = model.load(self._options.model)
        path = home() / "mlxdyn.db"
        traceless = self._options.temporary and not path.exists()
        self._open["ledger"] = Ledger(None if traceless else path)
        self._open_memory()
        self._open_session(self._options.temporary)
        chats = self._session.chats()
        if chats and not self._options.fresh:
            self._session.open(chats[0].id)
        self._opened()

    def _open_memory(self) -> None:
        from mlxdyn.memory import Memory

        self._open["memory"] = Memory(
            self._options.memory,
            self._open["model"],
            self._open["ledger"],
            learner=LearnerConfig(learning_rate=self._options.chat.learning_rate),
            writable=not self._options.temporary,
        )

    def _open_session(self, temporary: bool) -> None:
        from mlxdyn.ledger import Ledger
        from mlxdyn.session import Session

        ledger = Ledger(None) if temporary else self._open["ledger"]
        model, memory = self._open["model"], self._open["memory"]
        self._session = Session(model, memory, ledger, self._options.chat, temporary=temporary)

    def _opened(self) -> None:
        self._emit(Opened(self._session.conversation, tuple(self._session.messages())))
        self._emit(self._session.status())

    def _reply(self, text: str) -> None:
        for event in self._session.reply(text, self._interrupted):
            self._emit(event)
        self._emit(self._session.status())

    def _interrupted(self) -> bool:
        return self._stopped.is_set() or self._closing.is_set()

    def _learn_step(self) -> bool:
        step = self._session.learn_step()
        if isinstance(step, Learned):
            self._emit(step)
            self._emit(self._session.status())
            if not self._session.waiting():
                self._open["memory"].snapshot()
        return bool(step)

    def _new_chat(self) -> None:
        self._session.new()
        self._opened()

    def _open_chat(self, conversation: int) -> None:
        self._session.open(conversation)
        self._opened()

    def _set_learn(self, learn: Learn) -> None:
        if self._session.temporary and learn != "off":
            raise MlxdynError("a temporary chat learns nothing; leave it with /temporary first")
        self._session.learn = learn
        self._options = replace(self._options, chat=replace(self._options.chat, learn=learn))
        said = {"user": "your words", "all": "your words and the replies", "off": "nothing"}
        self._emit(Notice(f"From now on {said[learn]} will be learned."))
        self._emit(self._session.status())

    def _set_temporary(self, on: bool) -> None:
        if not on and self._options.temporary:
            raise MlxdynError("this mlxdyn was started with --temporary; start it without to save")
        self._open_session(on)
        self._opened()
        reads = "A temporary chat: it reads the memory, and nothing of it is saved or learned."
        self._emit(Notice(reads if on else "This chat is saved and learned again."))

    def _undo(self) -> None:
        if self._session.temporary:
            raise MlxdynError("a temporary chat cannot change the memory; leave it first")
        text = self._session.undo()
        said = "Nothing to undo." if text is None else f"Undone: what “{text[:60]}” taught."
        self._emit(Notice(said))
        self._emit(self._session.status())

    def _reset(self) -> None:
        if self._session.temporary:
            raise MlxdynError("a temporary chat cannot change the memory; leave it first")
        from mlxdyn.memory import archive

        self._open["memory"].close()
        try:
            aside = archive(self._options.memory, self._open["ledger"])
        finally:
            self._open_memory()
            self._open_session(False)
        self._opened()
        self._emit(Notice(f"The memory is empty. What it held is kept as memory {aside!r}."))

    def _finish(self) -> None:
        """Learn a little more of what waits, save, and let go of memory and ledger."""
        with ExitStack() as stack:
            for resource in self._open.values():
                stack.callback(getattr(resource, "close", int))
            if self._session is None or self._options.temporary:
                return
            for _ in range(CLOSING_STEPS):
                if not self._learn_step():
                    break
            self._open["memory"].snapshot()
