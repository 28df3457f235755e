"""One conversation: what is said, what it is answered, what is learned of it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import psutil

from mlxdyn.chat import outcome
from mlxdyn.chat.compare import compare, surprise
from mlxdyn.chat.events import (
    Compared,
    Heard,
    Learned,
    Lessons,
    Piece,
    Replied,
    Stage,
    Status,
    Studied,
    Surprise,
)
from mlxdyn.chat.generate import Talker
from mlxdyn.chat.pace import Pace
from mlxdyn.chat.turns import alternating, corrected
from mlxdyn.chat.underway import UnderWay
from mlxdyn.config import ChatConfig, Learn
from mlxdyn.errors import MlxdynError
from mlxdyn.memory import history
from mlxdyn.memory.calibrated import kept_at
from mlxdyn.memory.echoes import corrections
from mlxdyn.memory.memory import LessonProgress, Memory
from mlxdyn.memory.store import chats
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import (
    Chat,
    EventRow,
    LearningState,
    Message,
    sanitize,
)
from mlxdyn.model.chat_template import Turn
from mlxdyn.model.load import Model

Stopped = Callable[[], bool]


class Session:
    """A conversation with one model and one memory."""

    def __init__(
        self, model: Model, memory: Memory, ledger: Ledger, config: ChatConfig, *, temporary: bool
    ) -> None:
        """Start with no conversation; `temporary` goes with a ledger in RAM and learns nothing."""
        self.model, self.memory, self.ledger = model, memory, ledger
        self.talker = Talker(model, config)
        self.temporary = temporary
        memory.personal = config.personal
        self.learn: Learn = "off" if temporary else config.learn
        self.adapter_scale = 1.0  # while it talks; it learns at its full scale
        self.incognito = False  # the bare base talks
        self.conversation = 0
        self._context_tokens = 0
        self._speed: float | None = None
        pace = Pace(None if temporary else kept_at(model).with_suffix(".pace"))
        self.lesson = UnderWay(memory, pace)

    @property
    def config(self) -> ChatConfig:
        return self.talker.config

    @config.setter
    def config(self, config: ChatConfig) -> None:
        self.talker.config, self.memory.personal = config, config.personal

    # conversations

    @property
    def owner(self) -> int | None:
        """Whose conversations these are: a memory's, or nobody's."""
        return None if self.temporary else self.memory.row.id

    def new(self) -> None:
        """Begin an empty conversation; it is saved with its first message."""
        self.conversation, self._context_tokens = 0, 0

    def open(self, conversation: int) -> None:
        """Go on with a saved conversation."""
        if conversation not in {chat.id for chat in self.chats()}:
            raise MlxdynError(f"there is no conversation {conversation} in this memory")
        self.conversation = conversation
        self._context_tokens = self.talker.measured(self._turns(self.messages()))

    def chats(self, *, hidden: bool = False) -> list[Chat]:
        return self.ledger.conversations.all(self.owner, hidden=hidden)

    def messages(self) -> list[Message]:
        return self.ledger.messages.of(self.conversation)

    def status(self) -> Status:
        totals = self.memory.ledger.events.totals(self.memory.row.id)
        return Status(
            model=self.model.name,
            memory=self.memory.row.name,
            learn=self.learn,
            temporary=self.temporary,
            context_tokens=self._context_tokens,
            context_size=self.talker.context_size,
            tokens_per_second=self._speed,
            pending=self.waiting(),
            updates=totals.updates,
            tokens_learned=totals.tokens,
            items=totals.facts,
            adapter_scale=self.adapter_scale,
            incognito=self.incognito,
            studying=self.lesson.studying,
            stage=self.stage(),
            conversation=self.conversation,
            process_bytes=psutil.Process().memory_info().rss,
        )

    def lessons(self) -> Lessons:
        """Say what became of the newest messages of this conversation."""
        if self.temporary or not self.conversation:
            return Lessons((), ())
        return outcome.lessons(self.memory, self.conversation, self._pending())

    # talking

    def reply(self, text: str, stopped: Stopped) -> Iterator[Heard | Piece | Replied]:
        """Save the user's words, then stream a reply until it ends or `stopped()` is true.

        Raises MlxdynError, with nothing saved, when the message alone overflows the context.
        """
        return self._said(text, None, stopped)

    def edit(self, message: int, text: str, stopped: Stopped) -> Iterator[Heard | Piece | Replied]:
        """Say `text` in the place of a message of the user's; both go on as branches."""
        return self._said(text, chats.parent(self.ledger, self._here(message).id), stopped)

    def abandon(self, message: int) -> list[str] | None:
        """Let a message that is said otherwise wait no more; list what it has taught already.

        None where it waited.
        """
        if message in self._pending():
            if self.lesson.message == message:
                self.drop_work()
            self.ledger.messages.settle(message, "none")
            return None
        return [] if self.temporary else outcome.taught(self.memory, message)

    def _said(
        self, text: str, after: int | None, stopped: Stopped
    ) -> Iterator[Heard | Piece | Replied]:
        text = sanitize(text)
        self.talker.prompt([Turn("user", text)])
        self.conversation = self.conversation or self.ledger.conversations.add(self.owner)
        learning: LearningState = "none" if self.learn == "off" else "pending"
        said = self.ledger.messages.add(self.conversation, "user", text, learning, after=after)
        yield Heard(self.messages()[-1] if after is not None else said)
        yield from self._answer(stopped)

    def retry(self, stopped: Stopped) -> Iterator[Piece | Replied]:
        """Answer the user's last message again; the reply before it stays as another version.

        Raises MlxdynError where there is none.
        """
        messages = self.messages()
        asked = next((m for m in reversed(messages) if m.role == "user"), None)
        if asked is None:
            raise MlxdynError("there is no message to answer again")
        yield from self._answer(stopped, asked.id)

    def resume(self, stopped: Stopped) -> Iterator[Piece | Replied]:
        """Go on with the last reply, say one that was cut short.

        Raises MlxdynError where there is none.
        """
        last = next(iter(self.messages()[-1:]), None)
        if last is None or last.role != "assistant":
            raise MlxdynError("there is no reply to go on with")
        yield from self._answer(stopped, begun=last)

    def reword(self, message: int, text: str) -> None:
        """Let the model have said `text`; what it said before stays as another version."""
        old = self._here(message)
        learning: LearningState = "pending" if self.learn == "all" else "none"
        before = chats.parent(self.ledger, old.id)
        self.ledger.messages.add(
            self.conversation, old.role, sanitize(text), learning, after=before
        )

    def turn_to(self, message: int, step: int) -> None:
        """Open the branch of another version of a message, `step` versions on."""
        versions = chats.versions(self.ledger, self._here(message).id)
        place = versions.index(message) + step
        if 0 <= place < len(versions):
            chats.show(self.ledger, versions[place])

    def _here(self, message: int) -> Message:
        found = next((m for m in self.messages() if m.id == message), None)
        if found is None:
            raise MlxdynError(f"message {message} is not in this conversation")
        return found

    def _answer(
        self, stopped: Stopped, asked: int | None = None, begun: Message | None = None
    ) -> Iterator[Piece | Replied]:
        """Stream a reply and save it, after message `asked` or as the rest of `begun`."""
        self.memory.make_whole()
        messages = self.messages()
        if asked is not None:
            messages = messages[: 1 + [m.id for m in messages].index(asked)]
        tokens, dropped = self.talker.prompt(self._turns(messages))
        started, first, count = time.perf_counter(), 0.0, 0
        said, was_stopped = begun.text if begun else "", False
        for piece in self.talker.stream(tokens, self._weights):
            count += 1
            first = first or time.perf_counter()
            said += piece
            if piece:
                yield Piece(piece)
            if was_stopped := stopped():
                break
        seconds = time.perf_counter() - (first or started)
        self._speed = (count - 1) / seconds if count > 1 and seconds > 0 else None
        self._context_tokens = len(tokens) + count
        saved = self._save(said.strip(), asked, begun)
        ttft = (first or time.perf_counter()) - started
        ended = "" if was_stopped else self.talker.ended
        yield Replied(saved, count, self._speed or 0.0, ttft, was_stopped, dropped, ended)

    def _save(self, said: str, asked: int | None, begun: Message | None) -> Message:
        if begun:
            chats.extend(self.ledger, begun.id, said)
        else:
            learning: LearningState = "pending" if self.learn == "all" and said else "none"
            saved = self.ledger.messages.add(
                self.conversation, "assistant", said, learning, after=asked
            )
            if asked is None:
                return saved
        return self.messages()[-1]

    def _turns(self, messages: Sequence[Message]) -> list[Turn]:
        """Give the turns of a prompt, with what was corrected by hand since it was told."""
        found = corrections(self.ledger, self.conversation)
        return corrected(messages, found, self._pending()) if found.facts else alternating(messages)

    @property
    def _weights(self) -> tuple[int, float]:
        """What a KV cache depends on: the weights' version and how strongly memory speaks."""
        return self.memory.version, self.adapter_scale

    def compare(self, text: str, stopped: Stopped = lambda: False) -> Compared:
        """Answer `text` with the bare base and with memory; nothing is saved or learned."""
        self.memory.make_whole()
        found = compare(self.talker, self.memory.learner, text, stopped)
        return replace(found, pending=self.waiting())

    # learning

    def _pending(self) -> list[int]:
        return [] if self.temporary else self.ledger.messages.pending(self.memory.row.id)

    def waiting(self) -> int:
        """Count the messages still to be learned."""
        return len(self._pending())

    def stage(self) -> Stage | None:
        """Say where the lesson is that is under way; None when there is none."""
        return None if self.learn == "off" else self.lesson.stage()

    def learn_step(self) -> bool | Learned | Studied:
        """Take one micro-step: on the oldest message that waits, else on a study under way.

        Returns False when there is nothing to do, or nothing may be learned; True when more steps
        are needed, and what came of it after the last one. A new message ends a study; it begins
        again when all is quiet.
        """
        if self.learn == "off":
            return False
        waiting = self._pending()
        if waiting and not self.lesson.message:
            self.lesson.begin(waiting[0], self.config)
        return self.lesson.step()

    def study(self) -> bool:
        """Begin to make the adapter anew from all study items; False when there are none."""
        return not self.temporary and self.lesson.study()

    def drop_work(self) -> None:
        """Give up what is under way; what waits is begun again from its last whole stage."""
        self.lesson.drop()

    # changing the past

    def undo(self) -> str | None:
        """Take back what the newest message taught, or would teach; say what it was."""
        self.drop_work()
        return self._what(history.take_back(self.memory))

    def redo(self, progress: LessonProgress | None = None) -> str | None:
        """Bring back the last lesson that was undone; say what it was."""
        self.drop_work()
        return self._what(history.bring_back(self.memory, progress))

    def change_items(
        self, items: Sequence[int], new: tuple[str, str] | str | None,
        progress: LessonProgress | None = None,
    ) -> None:  # fmt: skip
        """Edit facts, or delete them with None, as if it had been so all along.

        `new` is a question with its answer, or an answer to the questions as they are. Raises
        MlxdynError when this memory holds no such item.
        """
        self.drop_work()
        rows = []
        for item in items:
            row = self.ledger.examples.find(item, self.memory.row.id)
            if row is None:
                raise MlxdynError(
                    f"there is no item {item} in this memory; see: mlxdyn memory items"
                )
            rows.append(row)
        told = [(row.question, new) if isinstance(new, str) else new for row in rows]
        history.change_examples(self.memory, rows, told, progress)

    def forget(self, *messages: int, progress: LessonProgress | None = None) -> None:
        """Forget messages and the replies to them, exactly.

        Raises MlxdynError when this memory holds no such message.
        """
        self.drop_work()
        for message in messages:
            known = message.bit_length() < 64  # what SQLite can count to
            if not (known and self.ledger.messages.find(message, self.memory.row.id)):
                raise MlxdynError(
                    f"there is no message {message} in this memory; see: mlxdyn memory log"
                )
        history.forget(self.memory, messages, progress)
        if not self.messages():
            self.new()

    def _what(self, event: Message | EventRow | None) -> str | None:
        if event is None:
            return None
        message = event.id if isinstance(event, Message) else event.lesson.message
        if message is None:
            return "the last study"
        return self.memory.masked([message])[message].text


def surprise_at(session: Session, message: int) -> Surprise:
    """Read a message of the open conversation token by token."""
    session.memory.make_whole()
    messages = session.messages()
    place = [m.id for m in messages].index(session._here(message).id)
    turns = [*alternating(messages[:place]), Turn(messages[place].role, messages[place].text)]
    return surprise(session.talker, session.memory.learner, turns)
