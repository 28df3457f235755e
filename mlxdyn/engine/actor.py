"""The one thread that owns MLX; front ends ask it for things and receive plain events."""

import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Concatenate, ParamSpec

from mlxdyn.engine.events import Closed, Event, Failed, Stayed
from mlxdyn.engine.workspace import Options, Workspace
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.memory.store.database import reason
from mlxdyn.model import device

__all__ = ["Engine", "Options"]
P = ParamSpec("P")
TYPES = 1.0  # seconds after a key in which another may come


class Engine:
    """Runs one workspace on a thread of its own.

    Every method returns at once and is answered by events, which `emit` receives on that thread.
    What can be asked for are the functions of `talks`, `memories` and `models`. A new message goes
    before learning: learning stops within one micro-step.
    """

    def __init__(self, options: Options, emit: Callable[[Event], None]) -> None:
        self._emit = emit
        self._requests: queue.SimpleQueue[Callable[[], Any] | None] = queue.SimpleQueue()
        self._stopped = threading.Event()
        self._closing = threading.Event()
        self._hurried = threading.Event()
        self._typed = -TYPES  # when the last key came
        self._thread = threading.Thread(target=self._run, name="mlxdyn-engine", daemon=True)
        self._workspace = Workspace(
            options, emit, self._interrupted, lambda: not self._requests.empty()
        )

    def start(self) -> None:
        """Load model and memory, then emit Opened and Status, or a fatal Failed."""
        if not self._closing.is_set():
            self._thread.start()

    def ask(
        self, what: Callable[Concatenate[Workspace, P], Any], *args: P.args, **named: P.kwargs
    ) -> None:
        """Do something in its turn."""
        self._requests.put(partial(what, self._workspace, *args, **named))

    def open(
        self, what: Callable[Concatenate[Workspace, P], Any], *args: P.args, **named: P.kwargs
    ) -> None:
        """Do something that opens a conversation: answered by Opened, or else by Stayed."""
        self._requests.put(partial(self._opening, partial(what, self._workspace, *args, **named)))

    def say(
        self, what: Callable[Concatenate[Workspace, P], Any], *args: P.args, **named: P.kwargs
    ) -> None:
        """Do something that the model answers; `stop` ends it."""
        self._stopped.clear()
        self._typed = -TYPES
        self.ask(what, *args, **named)

    def send(self, text: str) -> None:
        """Answer `text`, then learn from it: Heard, Piece..., Replied, Status, Learned, Status."""
        self.say(_reply, text)

    def typing(self) -> None:
        """Begin no step for a moment: what is typed then finds none under way when it is sent."""
        self._typed = time.monotonic()

    def stop(self) -> None:
        """End the running reply and keep what was said."""
        self._stopped.set()

    def hurry(self) -> None:
        """Let closing learn no more of what waits; the next start goes on with it."""
        self._hurried.set()

    def close(self, *, learn: bool = False, patience: float | None = None) -> bool:
        """Make everything durable, emit Closed and wait for the thread to end.

        With `learn`, what waits is learned first. With `patience`, waiting ends after so many
        seconds: what was acknowledged is durable, whatever the thread still does. True if it ended.
        """
        if not learn:
            self._hurried.set()
        self._closing.set()
        self._requests.put(None)
        if self._thread.ident is not None:
            self._thread.join(patience)
        return not self._thread.is_alive()

    # everything below runs on the engine thread

    def _opening(self, request: Callable[[], Any]) -> None:
        if not self._guarded(request):
            self._emit(Stayed())

    def _run(self) -> None:
        try:
            if self._guarded(self._workspace.start, fatal=True):
                self._serve()
        finally:
            self._guarded(self._finish)
            device.release()
            self._emit(Closed())

    def _serve(self) -> None:
        learning = True
        while True:
            try:
                types = self._typed + TYPES - time.monotonic()
                quiet = self._workspace.options.chat.idle_seconds
                idle = min(quiet, threading.TIMEOUT_MAX) or None
                waits = max(types, 0.0) if learning else idle
                request = self._requests.get(block=waits != 0.0, timeout=waits)
            except queue.Empty:
                if self._typed + TYPES > time.monotonic():
                    continue
                step = self._workspace.learn_step if learning else self._workspace.study_idle
                learning = self._guarded(step)
                continue
            if request is None:
                return
            self._guarded(request)
            learning = True

    def _guarded(self, action: Callable[[], Any], *, fatal: bool = False) -> bool:
        """Run `action`; turn an error into one sentence. True unless it failed or said False."""
        try:
            return action() is not False
        except (MlxdynError, OSError) as error:
            self._emit(Failed(sentence(error), fatal))
        except sqlite3.Error as error:
            said = f"The ledger cannot be used: {reason(error)}; see `mlxdyn doctor`."
            self._emit(Failed(said, fatal))
        except Exception as error:
            # A front end can only show a sentence; what was saved before stays saved.
            said = sentence(error)
            known = said != str(error)
            self._emit(Failed(said if known else f"{type(error).__name__}: {error}", fatal))
        return False

    def _interrupted(self) -> bool:
        return self._stopped.is_set() or self._closing.is_set()

    def _finish(self) -> None:
        with ExitStack() as stack:
            stack.callback(self._workspace.close)
            self._workspace.finish(lambda: not self._hurried.is_set())


def _reply(workspace: Workspace, text: str) -> None:
    workspace.say(workspace.session.reply(text, workspace.interrupted))
