"""What is open: one model, one ledger, one memory, one conversation; opened, switched, closed.

Everything here runs on the engine's thread; MLX is imported when the first model is opened.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlxdyn import settings
from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MEMORY, ChatConfig, LearnerConfig, StudyConfig
from mlxdyn.engine import power
from mlxdyn.engine.events import (
    Event,
    Learned,
    MemoryNames,
    Notice,
    Opened,
    Said,
    SettingsList,
    Stage,
    Studied,
    Unanswered,
    Working,
)
from mlxdyn.engine.messages import set_aside, staying
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, data_dir, room
from mlxdyn.settings import Value

if TYPE_CHECKING:
    from mlxdyn.chat.conversation import Session
    from mlxdyn.memory.memory import Memory
    from mlxdyn.memory.privacy import Glimpses
    from mlxdyn.memory.store.ledger import Ledger
    from mlxdyn.model.load import Model

CHAT, STUDY = ChatConfig(), StudyConfig()
PROMPTS_RECALLED = 500  # prompts of the past that Up brings back
_ANEW = "Its messages are learned anew, one by one; what you corrected by hand is kept."


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
    values: Mapping[str, Value | None] | None = None  # of all settings; None: as they are kept

    @property
    def settings(self) -> dict[str, Value | None]:
        """Every setting with its value."""
        known = settings.values() if self.values is None else self.values
        return {**known, "model": self.model}


class Workspace:
    """The open model, memory and conversation of one engine."""

    session: Session
    memory: Memory
    model: Model
    ledger: Ledger
    glimpses: Glimpses

    def __init__(
        self,
        options: Options,
        emit: Callable[[Event], None],
        interrupted: Callable[[], bool],
        wanted: Callable[[], bool] = lambda: False,
    ) -> None:
        """Remember what to open.

        `interrupted` tells that a reply is no longer wanted, `wanted` that something else is.
        """
        self.options, self.emit = options, emit
        self.interrupted, self.wanted = interrupted, wanted
        self.always_incognito = options.incognito  # started so; it stays so
        self.left = 0  # the conversation that a temporary one was entered from
        self.left_in: dict[int, int] = {}  # the conversation that was open, by memory
        self.asked = False  # for a study that has to wait for messages

    def start(self) -> None:
        """Load everything, and open the latest conversation."""
        from mlxdyn.memory.privacy import Glimpses
        from mlxdyn.memory.store.ledger import Ledger
        from mlxdyn.model.load import load

        self.glimpses = Glimpses()
        self.model = load(self.options.model)
        if self.model.note:
            self.emit(Notice(self.model.note))
        path = data_dir(make=not self.options.temporary) / "mlxdyn.db"
        traceless = self.always_incognito or (self.options.temporary and not path.exists())
        self.ledger = Ledger(None if traceless else path, writable=not self.options.temporary)
        self.open_memory()
        self.open_session(self.options.temporary)
        self.open_latest()

    def open_memory(self) -> None:
        """Open the chosen memory, or this base's own of that name where another base has it."""
        from mlxdyn.memory.memory import Memory

        self.memory = Memory(
            self._own_name(),
            self.model,
            self.ledger,
            learner=LearnerConfig(learning_rate=self.options.chat.learning_rate),
            study=self.options.study,
            writable=not self.options.temporary,
            personal=self.options.chat.personal,
        )
        row = self.memory.row
        if not self.options.temporary and self.ledger.memories.refounded(row.id):
            self.emit(Notice(f"Memory {row.name!r} is of an earlier version. {_ANEW}"))

    def _own_name(self) -> str:
        name = check_name(self.options.memory)
        row = self.ledger.memories.find(name)
        if row is None or not self.model.changed(row.fingerprint):
            return name
        base = re.sub("[^A-Za-z0-9._-]+", "-", Path(self.model.name).name).strip("-._")
        own = f"{name[:50]}-{base[:40]}"
        known = self.ledger.memories.find(own)
        if known is not None and self.model.changed(known.fingerprint):
            return name  # which says what is wrong
        theirs = Path(row.model).name
        self.emit(Notice(f"Memory {name!r} belongs to {theirs}; this model's own is {own!r}."))
        return own

    def open_session(self, temporary: bool) -> None:
        """Begin without a conversation; a temporary one is kept in RAM."""
        from mlxdyn.chat.conversation import Session
        from mlxdyn.memory.store.ledger import Ledger

        ledger = Ledger(None) if temporary else self.ledger
        config = self.options.chat
        self.session = Session(self.model, self.memory, ledger, config, temporary=temporary)
        self.session.incognito = self.options.incognito
        self.set_dial()

    def set_dial(self) -> None:
        """Let the memory speak as strongly as is set; not at all where it is not read."""
        self.session.adapter_scale = 0.0 if self.options.incognito else self.options.chat.dial / 100

    def open_latest(self) -> None:
        """Go on with the conversation that was left, else with the latest.

        Unless others said it, or a new one is wanted.
        """
        from mlxdyn.memory.store import chats

        session = self.session
        latest = 0 if self.options.fresh else chats.latest(session.ledger, session.owner)
        chosen = self.left_in.get(session.owner or 0, latest)
        if chosen in {chat.id for chat in session.chats()}:
            self.session.open(chosen)
            if any(message.imported for message in self.session.messages()):
                self.session.new()  # what others said is opened when it is asked for
        self.opened()

    def opened(self) -> None:
        """Tell what is open now."""
        session = self.session
        self.emit(Opened(session.conversation, tuple(session.messages())))
        self.emit(Said(tuple(self._prompts())))
        self.emit(session.lessons())
        self.tell_memories()
        self.emit(session.status())

    def _prompts(self) -> list[str]:
        """List what the user said to the memory, where it is read, and in an unsaved chat."""
        from mlxdyn.memory.store.chats import said

        session, memory = self.session, self.memory.row.id
        read = session.temporary and not self.options.incognito
        before = said(self.ledger, memory, PROMPTS_RECALLED) if read else []
        return [*before, *said(session.ledger, session.owner, PROMPTS_RECALLED)]

    def tell_memories(self) -> None:
        self.emit(MemoryNames(tuple(self.ledger.memories.names())))

    def tell_settings(self) -> None:
        known = self.options.settings | {"model": self.model.name}
        self.emit(SettingsList(known, str(settings.path())))

    def changed(self, said: str) -> None:
        """Tell what the past looks like now."""
        self.emit(Notice(said))
        self.emit(self.session.lessons())
        self.emit(self.session.status())

    def working(self, doing: str) -> Callable[[int, int], None]:
        return lambda done, of: self.emit(Working(doing, done, of))

    def say(self, events: Iterator[Event]) -> None:
        """Hand on what a conversation tells while it answers; it ends in Replied or Unanswered."""
        try:
            for event in events:
                self.emit(event)
        except BaseException:
            self.emit(Unanswered())
            raise
        self.emit(self.session.status())

    def forget(self, messages: Sequence[int]) -> list[str]:
        """Forget messages for good; return, in sentences, what still holds their words."""
        from mlxdyn.chat import outcome
        from mlxdyn.memory import directory
        from mlxdyn.memory.remains import trail

        self.refuse_temporary()
        left = trail(self.ledger, self.memory.row.id, messages)
        with room():
            self.session.forget(*messages, progress=self.working("forgetting"))
        told = staying(outcome.staying(self.memory, left, left.again))
        if not self.ledger.database.erased():
            told.append("Another program reads the ledger; the next start erases the text.")
        told += map(set_aside, directory.set_aside())
        return told

    def refuse_temporary(self) -> None:
        if self.session.temporary:
            raise MlxdynError("a temporary chat cannot change the memory; leave it first")

    # opening something else

    def change(self, options: Options, model: Model | None = None) -> None:
        """Go on as `options` say, with another memory or `model`; as before if that fails."""
        before, old, conversation = self.options, self.model, self.session.conversation
        self.left_in[self.memory.row.id] = conversation
        self.session.drop_work()
        self.memory.snapshot()
        self.memory.close()
        self.options, self.model = options, model or old
        try:
            self.open_memory()
        except BaseException:
            self.options, self.model = before, old
            self.open_memory()
            self.open_session(False)
            self.session.conversation = conversation
            raise
        self.open_session(False)
        self.open_latest()

    def reopen(self, during: Callable[[], str]) -> str:
        """Let `during` work on the files of the memory, which is closed meanwhile."""
        self.session.drop_work()
        self.memory.snapshot()
        self.memory.close()
        conversation = self.session.conversation
        try:
            return during()
        finally:
            self.open_memory()
            self.open_session(False)
            known = {chat.id for chat in self.session.chats()}
            self.session.conversation = conversation if conversation in known else 0

    # learning

    def learn_step(self) -> bool:
        """Take one micro-step of what is to be learned; False when there is nothing to do."""
        before, step = self.session.stage(), self.session.learn_step()
        now = self.session.stage()
        if isinstance(step, Learned | Studied):
            self.emit(step)
            self.emit(self.session.status())
            if not self.session.waiting():
                self.memory.snapshot()
                if self.asked:
                    self.begin_study()
                    return True
        elif _moved(before, now):
            self.emit(self.session.status())
        return bool(step)

    def begin_study(self) -> None:
        """Study everything now, or after the messages that wait."""
        self.asked = False
        if not self.session.study() and not self.session.status().studying:
            self.emit(Notice("There is nothing to study yet."))
        self.emit(self.session.status())

    def study_idle(self) -> bool:
        """Begin a study when there is something new to study and the machine can afford it."""
        memory, off = self.memory, self.session.learn == "off"
        idle = off or not self.options.chat.idle_seconds or self.session.temporary
        if idle or not memory.ledger.events.unstudied(memory.row.id) or power.saving():
            return False
        begun = self.session.study()
        if begun:
            self.emit(self.session.status())
        return begun

    def finish(self, going_on: Callable[[], bool]) -> None:
        """Learn what waits while `going_on`, and save."""
        if not hasattr(self, "session") or self.options.temporary:
            return
        if not self.session.waiting():
            self.session.drop_work()  # a study can wait
        while going_on() and self.learn_step():
            pass
        self.memory.snapshot()

    def close(self) -> None:
        """Let go of memory and ledger."""
        for resource in ("memory", "ledger"):
            if hasattr(self, resource):
                getattr(self, resource).close()


def _moved(before: Stage | None, now: Stage | None) -> bool:
    """Is it another stage, a step on, or a second later?"""
    if before is None or now is None:
        return before is not now
    here, there = ((one.doing, one.steps, int(one.spent)) for one in (before, now))
    return here != there
