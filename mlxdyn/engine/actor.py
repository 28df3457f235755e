"""The one thread that owns MLX; front ends call it and receive plain events."""

import queue
import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from mlxdyn.chat.events import Learned, Studied
from mlxdyn.config import (
    BUNDLED_MODEL,
    DEFAULT_MEMORY,
    ChatConfig,
    Learn,
    LearnerConfig,
    StudyConfig,
)
from mlxdyn.engine import power
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Event,
    Failed,
    Items,
    Log,
    Memories,
    Notice,
    Opened,
    Stayed,
    Working,
)
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, home, room
from mlxdyn.memory.store.database import reason
from mlxdyn.model import device

CHAT, STUDY = ChatConfig(), StudyConfig()
SHORT = 60  # characters of a message in a notice
_ANEW = "Its messages are learned anew, one by one; what you corrected by hand is kept."
CLOSING_STEPS = 256
"""Micro-steps that closing still takes on what waits; the rest goes on at the next start."""


@dataclass(frozen=True, slots=True)
class Options:
    """What a chat is started with."""

    model: str = BUNDLED_MODEL
    memory: str = DEFAULT_MEMORY
    chat: ChatConfig = CHAT
    study: StudyConfig = STUDY  # of a memory that is founded now
    temporary: bool = False
    incognito: bool = False  # temporary, and the memory is not even read
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
        self._hurried = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mlxdyn-engine", daemon=True)
        self._session: Any = None
        self._bare = options.incognito  # started so; it stays so
        self._strength = 1.0
        self._asked = False  # for a study that has to wait for messages
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
        self._put_opening(self._new_chat)

    def open_chat(self, conversation: int) -> None:
        self._put_opening(partial(self._open_chat, conversation))

    def list_chats(self) -> None:
        self._requests.put(lambda: self._emit(Chats(tuple(self._session.chats()))))

    def set_learn(self, learn: Learn) -> None:
        self._requests.put(partial(self._set_learn, learn))

    def set_temporary(self, on: bool) -> None:
        self._put_opening(partial(self._set_temporary, on))

    def set_incognito(self, on: bool) -> None:
        """Enter or leave a chat with the bare base that writes nothing."""
        self._put_opening(partial(self._set_incognito, on))

    def list_items(self) -> None:
        self._requests.put(self._list_items)

    def edit_item(self, item: int, question: str, answer: str) -> None:
        """Let study item `item` be so from the beginning; answered by Items."""
        self._requests.put(partial(self._edit_item, item, question, answer))

    def delete_item(self, item: int) -> None:
        """Let study item `item` never have been; answered by Items."""
        self._requests.put(partial(self._delete_item, item))

    def list_memories(self) -> None:
        self._requests.put(self._memories)

    def list_log(self) -> None:
        self._requests.put(lambda: self._emit(Log(self._session.logged())))

    def branch(self, name: str) -> None:
        """Copy the memory, chats and all, as memory `name`, and go on with this one."""
        self._requests.put(partial(self._branch, name))

    def undo(self) -> None:
        self._requests.put(self._undo)

    def redo(self) -> None:
        self._requests.put(self._redo)

    def forget(self, message: int) -> None:
        self._requests.put(partial(self._forget, message))

    def study(self) -> None:
        """Make the adapter anew from all study items; answered by Studied."""
        self._requests.put(self._study)

    def compare(self, text: str) -> None:
        """Answer `text` with and without memory, saving nothing; answered by Compared."""
        self._stopped.clear()
        self._requests.put(partial(self._compare, text))

    def set_strength(self, strength: float) -> None:
        """Let the memory speak at 0 to 1 of its strength."""
        self._requests.put(partial(self._set_strength, strength))

    def switch(self, memory: str) -> None:
        """Go on with another memory of the same base, founding it if it is new."""
        self._put_opening(partial(self._switch, memory))

    def reset(self) -> None:
        self._put_opening(self._reset)

    def hurry(self) -> None:
        """Let closing learn no more of what waits; the next start goes on with it."""
        self._hurried.set()

    def close(self) -> None:
        """Make everything durable, emit Closed and wait for the thread to end."""
        self._closing.set()
        self._requests.put(None)
        self._thread.join()

    def _put_opening(self, request: Callable[[], Any]) -> None:
        self._requests.put(partial(self._opening, request))

    # everything below runs on the engine thread

    def _opening(self, request: Callable[[], Any]) -> None:
        """Open another conversation, or say that the one before stays open."""
        if not self._guarded(request):
            self._emit(Stayed())

    def _run(self) -> None:
        try:
            if self._guarded(self._start, fatal=True):
                self._serve()
        finally:
            self._guarded(self._finish)
            device.release()
            self._emit(Closed())

    def _serve(self) -> None:
        learning = True
        while True:
            try:
                idle = self._options.chat.idle_seconds
                request = self._requests.get(block=not learning, timeout=idle)
            except queue.Empty:
                learning = self._guarded(self._learn_step if learning else self._study_idle)
                continue
            if request is None:
                return
            self._guarded(request)
            learning = True

    def _study_idle(self) -> bool:
        """Begin a study when there is something new to study and the machine can afford it."""
        memory = self._open["memory"]
        if (
            self._session.temporary
            or not memory.ledger.events.unstudied(memory.row.id)
            or power.saving()
        ):
            return False
        begun = bool(self._session.study())
        if begun:
            self._emit(self._session.status())
        return begun

    def _guarded(self, action: Callable[[], Any], *, fatal: bool = False) -> bool:
        """Run `action`; turn an error into one sentence. True unless it failed or said False."""
        try:
            return action() is not False
        except MlxdynError as error:
            self._emit(Failed(str(error), fatal))
        except sqlite3.Error as error:
            said = f"The ledger cannot be used: {reason(error)}; see `mlxdyn doctor`."
            self._emit(Failed(said, fatal))
        except Exception as error:
            # A front end can only show a sentence; what was saved before stays saved.
            self._emit(Failed(f"{type(error).__name__}: {error}", fatal))
        return False

    def _start(self) -> None:
        device.prepare()
        from mlxdyn.memory.store.ledger import Ledger
        from mlxdyn.model.load import load

        model = self._open["model"] = load(self._options.model)
        if model.note:
            self._emit(Notice(model.note))
        path = home(make=not self._options.temporary) / "mlxdyn.db"
        traceless = self._bare or (self._options.temporary and not path.exists())
        ledger = Ledger(None if traceless else path, writable=not self._options.temporary)
        self._open["ledger"] = ledger
        self._open_memory()
        self._open_session(self._options.temporary)
        self._open_latest()

    def _open_latest(self) -> None:
        chats = self._session.chats()
        if chats and not self._options.fresh:
            self._session.open(chats[0].id)
            if any(message.imported for message in self._session.messages()):
                self._session.new()  # what others said is opened when it is asked for
        self._opened()

    def _open_memory(self) -> None:
        from mlxdyn.memory.memory import Memory

        self._open["memory"] = Memory(
            self._options.memory,
            self._open["model"],
            self._open["ledger"],
            learner=LearnerConfig(learning_rate=self._options.chat.learning_rate),
            study=self._options.study,
            writable=not self._options.temporary,
        )
        self._tell_of_founding_anew()

    def _tell_of_founding_anew(self) -> None:
        """Say, once, that an earlier version founded the memory."""
        memory, ledger = self._open["memory"], self._open["ledger"]
        if not self._options.temporary and ledger.memories.refounded(memory.row.id):
            self._emit(Notice(f"Memory {memory.row.name!r} is of an earlier version. {_ANEW}"))

    def _open_session(self, temporary: bool) -> None:
        from mlxdyn.chat.conversation import Session
        from mlxdyn.memory.store.ledger import Ledger

        ledger = Ledger(None) if temporary else self._open["ledger"]
        model, memory = self._open["model"], self._open["memory"]
        self._session = Session(model, memory, ledger, self._options.chat, temporary=temporary)
        self._session.incognito = self._options.incognito
        self._session.strength = 0.0 if self._options.incognito else self._strength

    def _opened(self) -> None:
        self._emit(Opened(self._session.conversation, tuple(self._session.messages())))
        self._emit(self._session.lessons())
        self._memories()
        self._emit(self._session.status())

    def _memories(self) -> None:
        self._emit(Memories(tuple(self._open["ledger"].memories.names())))

    def _working(self, doing: str) -> Callable[[int, int], None]:
        return lambda done, of: self._emit(Working(doing, done, of))

    def _changed(self, said: str) -> None:
        """Tell what the past looks like now."""
        self._emit(Notice(said))
        self._emit(self._session.lessons())
        self._emit(self._session.status())

    def _reply(self, text: str) -> None:
        for event in self._session.reply(text, self._interrupted):
            self._emit(event)
        self._emit(self._session.status())

    def _interrupted(self) -> bool:
        return self._stopped.is_set() or self._closing.is_set()

    def _learn_step(self) -> bool:
        step = self._session.learn_step()
        if isinstance(step, Learned | Studied):
            self._emit(step)
            self._emit(self._session.status())
            if not self._session.waiting():
                self._open["memory"].snapshot()
                if self._asked:
                    self._begin_study()
                    return True
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
        if self._options.incognito:
            raise MlxdynError("this chat is incognito, which saves nothing; leave that first")
        if not on and self._options.temporary:
            raise MlxdynError("this mlxdyn was started with --temporary; start it without to save")
        self._open_session(on)
        self._opened()
        reads = "A temporary chat: it reads the memory, and nothing of it is saved or learned."
        self._emit(Notice(reads if on else "This chat is saved and learned again."))

    def _set_incognito(self, on: bool) -> None:
        if self._bare and not on:
            raise MlxdynError("this mlxdyn was started with --incognito; start it without to learn")
        self._session.drop_work()
        self._options = replace(self._options, incognito=on)
        self._open_session(on or self._options.temporary)
        self._opened()
        bare = "Incognito: the bare base answers; nothing is saved, learned or remembered."
        self._emit(Notice(bare if on else "No longer incognito."))

    def _undo(self) -> None:
        self._refuse_temporary()
        text = self._session.undo()
        said = "Nothing to undo." if text is None else f"Undone: {_short(text)}"
        self._changed(said)

    def _redo(self) -> None:
        self._refuse_temporary()
        text = self._session.redo(self._working("learning again"))
        said = "Nothing to redo." if text is None else f"Learned again: {_short(text)}"
        self._changed(said)

    def _list_items(self) -> None:
        self._emit(Items(self._session.items()))

    def _edit_item(self, item: int, question: str, answer: str) -> None:
        if not (question.strip() and answer.strip()):
            raise MlxdynError("an item needs a question and an answer; or delete it")
        self._change_item(item, (question.strip(), answer.strip()), "changed")

    def _delete_item(self, item: int) -> None:
        self._change_item(item, None, "deleted")

    def _change_item(self, item: int, new: Any, done: str) -> None:
        self._refuse_temporary()
        self._session.change_item(item, new, self._working("learning anew"))
        self._list_items()
        self._changed(f"Item {item} is {done}; the memory is as if it had been so all along.")

    def _branch(self, name: str) -> None:
        self._refuse_temporary()
        from mlxdyn.memory.lifecycle import branch

        self._session.drop_work()
        self._open["memory"].snapshot()
        self._open["memory"].close()
        conversation = self._session.conversation
        try:
            branch(self._options.memory, name, self._open["ledger"])
        finally:
            self._open_memory()
            self._open_session(False)
            self._session.conversation = conversation
        self._memories()
        self._changed(f"Memory {name!r} is a copy of {self._options.memory!r}.")

    def _forget(self, message: int) -> None:
        self._refuse_temporary()
        with room():
            self._session.forget(message, self._working("forgetting"))
        self._opened()
        said = "Forgotten for good, with any reply to it."
        if not self._open["ledger"].database.erased():
            said += " Another program reads the ledger; the next start erases the text."
        self._emit(Notice(said))

    def _study(self) -> None:
        self._refuse_temporary()
        self._asked = True
        if not self._session.waiting():
            self._begin_study()

    def _begin_study(self) -> None:
        self._asked = False
        if not self._session.study() and not self._session.status().studying:
            self._emit(Notice("There is nothing to study yet."))
        self._emit(self._session.status())

    def _compare(self, text: str) -> None:
        if self._options.incognito:
            raise MlxdynError("an incognito chat has no memory to compare with; leave it first")
        for event in self._session.compare(text, self._interrupted):
            self._emit(event)

    def _set_strength(self, strength: float) -> None:
        if self._options.incognito:
            raise MlxdynError("an incognito chat does not read the memory")
        self._strength = self._session.strength = min(max(strength, 0.0), 1.0)
        self._emit(Notice(f"The memory speaks at {self._strength:.0%} of its strength."))
        self._emit(self._session.status())

    def _switch(self, memory: str) -> None:
        if memory == self._options.memory:
            raise MlxdynError(f"memory {memory!r} is the one in use")
        if self._session.temporary:
            raise MlxdynError("a temporary chat keeps its memory; leave it first")
        check_name(memory)
        before, conversation = self._options, self._session.conversation
        new = self._open["ledger"].memories.find(memory) is None
        self._session.drop_work()
        self._open["memory"].snapshot()
        self._open["memory"].close()
        self._options = replace(before, memory=memory)
        try:
            self._open_memory()
        except BaseException:
            self._options = before
            self._open_memory()
            self._open_session(False)
            self._session.conversation = conversation
            raise
        self._open_session(False)
        self._open_latest()
        self._emit(Notice(f"{'New memory' if new else 'Memory'} {memory!r} from now on."))

    def _refuse_temporary(self) -> None:
        if self._session.temporary:
            raise MlxdynError("a temporary chat cannot change the memory; leave it first")

    def _reset(self) -> None:
        self._refuse_temporary()
        from mlxdyn.memory.lifecycle import archive

        self._session.drop_work()
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
            if not self._session.waiting():
                self._session.drop_work()  # a study can wait
            for _ in range(CLOSING_STEPS):
                if self._hurried.is_set() or not self._learn_step():
                    break
            self._open["memory"].snapshot()


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SHORT else f"{words[: SHORT - 1]}…"
