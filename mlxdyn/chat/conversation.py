"""One conversation: prompt, reply, learn, KV policy."""

import time
from bisect import bisect_left
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from itertools import pairwise, takewhile
from typing import Any, cast

import mlx.core as mx
from mlx_lm import stream_generate
from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache
from mlx_lm.sample_utils import make_logits_processors, make_sampler
from mlx_lm.utils import common_prefix_len

from mlxdyn.chat.events import (
    Compared,
    Heard,
    Learned,
    Lessons,
    Logged,
    Piece,
    Replied,
    Status,
    Studied,
    StudyItem,
    Weighed,
)
from mlxdyn.config import FALLBACK_SAMPLING, ChatConfig, Learn, SamplingConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.example import Kind
from mlxdyn.learn.examples import FACTS
from mlxdyn.learn.stream import Chunk, lesson
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory, Progress
from mlxdyn.memory.privacy import Masked
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import (
    Chat,
    EventRow,
    Filter,
    LearningState,
    Lesson,
    Message,
    Reason,
    UpdateRow,
    legible,
)
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import dialled

RECALLED = 400  # updates whose messages are told of when a conversation is opened

Learning = Generator[None, None, Learned]
Studying = Generator[None, None, Studied]


class Session:
    """A conversation with one model and one memory.

    KV policy: the cache of the conversation is reused only while the weights that made it are the
    current ones; after an update the conversation is read again with the new weights.
    """

    def __init__(
        self, model: Model, memory: Memory, ledger: Ledger, config: ChatConfig, *, temporary: bool
    ) -> None:
        """Start with no conversation; `temporary` goes with a ledger in RAM and learns nothing."""
        self.model, self.memory, self.ledger, self.config = model, memory, ledger, config
        self.temporary = temporary
        memory.personal = config.personal
        self.learn: Learn = "off" if temporary else config.learn
        self.strength = 1.0  # of the adapter while it talks; learning is always at full strength
        self.incognito = False  # the bare base talks
        self.conversation = 0
        self._kv = _Kv()
        self._context_tokens = 0
        self._speed: float | None = None
        self._work: Learning | Studying | None = None
        self._studying = False  # the work is a study rather than a message

    # conversations

    @property
    def _owner(self) -> int | None:
        return None if self.temporary else self.memory.row.id

    def new(self) -> None:
        """Begin an empty conversation; it is saved with its first message."""
        self.conversation, self._context_tokens = 0, 0

    def open(self, conversation: int) -> None:
        """Go on with a saved conversation."""
        if conversation not in {chat.id for chat in self.chats()}:
            raise MlxdynError(f"there is no conversation {conversation} in this memory")
        self.conversation, self._context_tokens = conversation, 0

    def chats(self) -> list[Chat]:
        return self.ledger.conversations.all(self._owner)

    def messages(self) -> list[Message]:
        return self.ledger.messages.of(self.conversation)

    @property
    def context_size(self) -> int:
        return min(self.config.context, self.model.context_size)

    def status(self) -> Status:
        totals = self.memory.ledger.events.totals(self.memory.row.id)
        return Status(
            model=self.model.name,
            memory=self.memory.row.name,
            learn=self.learn,
            temporary=self.temporary,
            context_tokens=self._context_tokens,
            context_size=self.context_size,
            tokens_per_second=self._speed,
            pending=self.waiting(),
            updates=totals.updates,
            tokens_learned=totals.tokens,
            items=totals.facts,
            strength=self.strength,
            incognito=self.incognito,
            studying=self._work is not None and self._studying,
        )

    def lessons(self) -> Lessons:
        """Say what became of the newest messages of this conversation."""
        if self.temporary or not self.conversation:
            return Lessons((), ())
        wanted = Filter(conversation=self.conversation, newest=RECALLED)
        by_message: dict[int, list[UpdateRow]] = {}
        for update in self.ledger.events.log(self.memory.row.id, wanted):
            by_message.setdefault(update.message or 0, []).append(update)
        hidden = self.memory.masked(by_message)
        told = tuple(self._told(m, rows, hidden[m].secrets) for m, rows in by_message.items())
        return Lessons(told, tuple(self._pending()))

    def _told(self, message: int, updates: list[UpdateRow], hidden: int) -> Learned:
        told = sum_up(message, updates, facts=self._facts(message), secrets=hidden)
        return replace(told, full=self._full(message))

    def _facts(self, message: int) -> tuple[str, ...]:
        """Give what a message taught, each answer once."""
        rows = self.ledger.examples.of(message)
        return tuple(dict.fromkeys(row.answer for row in rows if row.kind == Kind.FACT))

    def _full(self, message: int) -> bool:
        """Tell whether a message taught as many facts as one can."""
        rows = self.ledger.examples.of(message)
        return sum(row.kind == Kind.FACT for row in rows) >= FACTS

    def logged(self) -> tuple[Logged, ...]:
        """List every update of the memory, oldest first, secrets masked."""
        rows = self.memory.ledger.events.log(self.memory.row.id)
        hidden = self.memory.masked(row.message for row in rows if row.message)
        return tuple(_logged(row, hidden) for row in rows)

    def items(self) -> tuple[StudyItem, ...]:
        """List what the memory learned, question and answer, that was superseded too."""
        active = {row.id for row in self.memory.known_facts()}
        return tuple(
            StudyItem(r.id, r.message or 0, r.question, r.answer, r.source, r.id in active)
            for r in self.memory.ledger.examples.told(self.memory.row.id)
            if r.kind == Kind.FACT
        )

    # talking

    def reply(self, text: str, stopped: Callable[[], bool]) -> Iterator[Heard | Piece | Replied]:
        """Save the user's words, then stream a reply until it ends or `stopped()` is true.

        Raises MlxdynError, with nothing saved, when the message alone overflows the context.
        """
        text = legible(text)
        self._prompt([Turn("user", text)])
        self.conversation = self.conversation or self.ledger.conversations.add(self._owner)
        learning: LearningState = "none" if self.learn == "off" else "pending"
        yield Heard(self.ledger.messages.add(self.conversation, "user", text, learning))
        tokens, dropped = self._prompt(alternating(self.messages()))
        started, first, count, said = time.perf_counter(), 0.0, 0, ""
        was_stopped = False
        for piece in self._generate(tokens):
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
        learning = "pending" if self.learn == "all" and said.strip() else "none"
        saved = self.ledger.messages.add(self.conversation, "assistant", said.strip(), learning)
        ttft = (first or time.perf_counter()) - started
        yield Replied(saved, count, self._speed or 0.0, ttft, was_stopped, dropped)

    def _prompt(self, turns: list[Turn]) -> tuple[tuple[int, ...], int]:
        """Render as many of the newest turns as fit; return tokens and how many were dropped."""
        room = self.context_size - min(self.config.sampling.max_tokens, self.context_size // 4)
        system = [Turn("system", self.config.system)] if self.config.system else []

        def tokens(first: int) -> tuple[int, ...]:
            return render(self.model.tokenizer, [*system, *turns[first:]], reply=True).tokens

        starts = [index for index, turn in enumerate(turns) if turn.role == "user"]
        oldest = bisect_left(starts, True, key=lambda first: len(tokens(first)) <= room)
        if oldest < len(starts):
            return tokens(starts[oldest]), starts[oldest]
        raise MlxdynError(
            f"that message takes {len(tokens(starts[-1]))} tokens and {self.model.name} has room "
            f"for {room}; send it in smaller parts"
        )

    def _generate(self, prompt: tuple[int, ...]) -> Iterator[str]:
        sampling, cache = self.config.sampling, self._reuse(prompt)
        mx.random.seed(time.time_ns() if sampling.seed is None else sampling.seed)
        self.model.network.eval()
        produced: list[int] = []
        responses = stream_generate(
            self.model.network,
            self.model.tokenizer,
            list(prompt[self._kv.kept :]),
            max_tokens=min(sampling.max_tokens, self._room(prompt)),
            prompt_cache=cache,
            **_draw(sampling, self.model.generation),
        )
        try:
            with dialled(self.model, self.strength):
                for response in responses:
                    produced.append(response.token)
                    yield response.text
        finally:
            responses.close()
            self._kv.tokens = (*prompt, *produced)
            self._kv.version = self._weights

    def _room(self, prompt: tuple[int, ...]) -> int:
        return self.context_size - len(prompt)

    @property
    def _weights(self) -> tuple[int, float]:
        """What a KV cache depends on: the weights' version and how strongly memory speaks."""
        return self.memory.version, self.strength

    def _reuse(self, prompt: tuple[int, ...]) -> list[Any]:
        """Return a KV cache for the longest usable start of `prompt`; `self._kv.kept` tokens."""
        kv = self._kv
        held = _length(kv.cache)
        known = common_prefix_len(kv.tokens[:held], prompt[:-1])
        stale = kv.version != self._weights
        if stale or not known or (held > known and not can_trim_prompt_cache(kv.cache)):
            self._kv = _Kv(self.model.new_cache())
            return self._kv.cache
        trim_prompt_cache(kv.cache, held - known)
        kv.kept = known
        return kv.cache

    def compare(self, text: str, stopped: Callable[[], bool] = lambda: False) -> Iterator[Compared]:
        """Answer `text` alone with the bare base and with memory, greedily, side by side.

        Each token of the memory's answer is weighed: how much likelier memory made it, in nats.
        Nothing is saved or learned. Both answers end early once `stopped()` is true.
        """
        text = legible(text)
        prompt, _ = self._prompt([Turn("user", text)])
        answers = [self._greedy(prompt, strength, stopped) for strength in (0.0, 1.0)]
        weights = [
            self._weigh(prompt, answers[1], strength) for strength in (0.0, 1.0) if answers[1]
        ]
        gains = [now - base for base, now in zip(*weights, strict=True)] if weights else []
        pieces = self._pieces(answers[1])
        base = self.model.decode(list(answers[0])).strip()
        yield Compared(text, base, tuple(map(Weighed, pieces, gains)))

    def _greedy(
        self, prompt: tuple[int, ...], strength: float, stopped: Callable[[], bool]
    ) -> tuple[int, ...]:
        self.model.network.eval()
        ends = set(self.model.tokenizer.eos_token_ids)
        with dialled(self.model, strength):
            responses = stream_generate(
                self.model.network,
                self.model.tokenizer,
                list(prompt),
                max_tokens=min(self.config.sampling.max_tokens, self._room(prompt)),
                prompt_cache=self.model.new_cache(),
                sampler=make_sampler(temp=0.0),
            )
            tokens = [response.token for response in takewhile(lambda _: not stopped(), responses)]
            responses.close()
        return tuple(token for token in tokens if token not in ends)

    def _weigh(
        self, prompt: tuple[int, ...], answer: tuple[int, ...], strength: float
    ) -> tuple[float, ...]:
        """Log-probability of each token of `answer`, in nats."""
        with dialled(self.model, strength):
            nll = self.memory.learner.score(Chunk(context=prompt, targets=answer)).nll
        return tuple(-value for value in nll)

    def _pieces(self, tokens: tuple[int, ...]) -> list[str]:
        """Cut the text of `tokens` where the tokens end."""
        texts = [self.model.decode(list(tokens[:end])) for end in range(len(tokens) + 1)]
        return [text[len(before) :] for before, text in pairwise(texts)]

    # learning

    def _pending(self) -> list[int]:
        return [] if self.temporary else self.ledger.messages.pending(self.memory.row.id)

    def waiting(self) -> int:
        """Count the messages still to be learned."""
        return len(self._pending())

    def learn_step(self) -> bool | Learned | Studied:
        """Take one micro-step: on the oldest message that waits, else on a study under way.

        Returns False when there is nothing to do, True when more steps are needed, and what came of
        it after the last one. A new message ends a study; it begins again when all is quiet.
        """
        waiting = self._pending()
        if waiting and (self._work is None or self._studying):
            self.drop_work()
            self._work = self._learn(waiting[0])
        if self._work is None:
            return False
        try:
            next(self._work)
            return True
        except StopIteration as done:
            self._work = None
            return cast(Learned | Studied, done.value)
        except BaseException:
            self._work = None
            raise

    def study(self) -> bool:
        """Begin to make the adapter anew from all study items; False when there are none."""
        if self.temporary or self._work is not None or not self.memory.known_facts():
            return False
        self._work, self._studying = self._study(), True
        return True

    def drop_work(self) -> None:
        """Give up what is under way; what waits is begun again from its start."""
        if self._work is not None:
            self._work.close()
        self._work, self._studying = None, False

    def _learn(self, message: int) -> Learning:
        """Find what a message teaches, learn its words, train on its examples."""
        turn = self.ledger.messages.upto(message)[-1]
        steps = self.memory.study_config.steps
        if steps:
            yield from self.memory.prepare()
        if steps and turn.role == "user" and not self.ledger.messages.examined(message):
            yield from self.memory.examine(message)
        facts = self._facts(message) if steps else ()
        lesson = Lesson("message", message, self._words(message), steps)
        event = yield from self._carry_out(lesson)
        updates = self.ledger.events.updates_of(self.memory.row.id, message)
        hidden = self.memory.masked([message])[message].secrets
        told = learned(event, updates, facts=facts, secrets=hidden)
        return replace(told, full=self._full(message))

    def _study(self) -> Studying:
        before = self.memory.known_facts()
        event = yield from self._carry_out(Lesson("study", None))
        update = self.ledger.events.log(self.memory.row.id, Filter(newest=1))[0]
        self._studying = False
        return Studied(
            items=len(before), accepted=event.accepted, reason=update.reason,
            nll_before=update.nll_before, nll_after=update.nll_after,
        )  # fmt: skip

    def _carry_out(self, lesson: Lesson) -> Generator[None, None, EventRow]:
        work = self.memory.begin(lesson)
        while (event := work.step()) is None:
            yield
        return event

    def undo(self) -> str | None:
        """Take back what the newest message taught, or would teach; say what it was."""
        self.drop_work()
        return self._said(history.take_back(self.memory))

    def redo(self, progress: Progress | None = None) -> str | None:
        """Bring back the last lesson that was undone; say what it was."""
        self.drop_work()
        return self._said(history.bring_back(self.memory, progress))

    def change_item(
        self, item: int, new: tuple[str, str] | None, progress: Progress | None = None
    ) -> None:
        """Edit a fact, question and answer, or delete it with None, as if it had been so all along.

        Raises MlxdynError when this memory holds no such item.
        """
        self.drop_work()
        old = self.ledger.examples.find(item, self.memory.row.id)
        if old is None:
            raise MlxdynError(f"there is no item {item} in this memory; see: mlxdyn memory items")
        history.change_example(self.memory, old, new, progress)

    def forget(self, message: int, progress: Progress | None = None) -> str:
        """Forget a message and the reply to it, exactly; return its text.

        Raises MlxdynError when this memory holds no such message.
        """
        self.drop_work()
        known = message.bit_length() < 64  # what SQLite can count to
        found = self.ledger.messages.find(message, self.memory.row.id) if known else None
        if found is None:
            raise MlxdynError(
                f"there is no message {message} in this memory; see: mlxdyn memory log"
            )
        history.forget(self.memory, [message], progress)
        if not self.messages():
            self.new()
        return found.text

    def _said(self, event: Message | EventRow | None) -> str | None:
        if event is None:
            return None
        if isinstance(event, Message):
            return event.text
        if event.lesson.message is None:
            return "the last study"
        return self.ledger.messages.upto(event.lesson.message)[-1].text

    def _words(self, message: int) -> tuple[Chunk, ...]:
        """Cut a message into chunks, alone in its turn, without thoughts, tools and secrets."""
        hidden = self.memory.masked([message])
        messages = self.ledger.messages.upto(message)
        turns = [Turn(m.role, hidden[m.id].learnable) for m in messages]
        if turns[-1].role == "user":
            turns = turns[-1:]
        rendered = render(self.model.tokenizer, turns, reply=False)
        return tuple(lesson(rendered, chunk=self.config.chunk, window=self.config.window))


def alternating(messages: list[Message]) -> list[Turn]:
    """Join turns of one role in a row, as a reply that was killed leaves them.

    Many chat templates insist on user and assistant taking turns.
    """
    turns: list[Turn] = []
    for message in messages:
        if turns and turns[-1].role == message.role:
            turns[-1] = Turn(message.role, f"{turns[-1].text}\n\n{message.text}")
        else:
            turns.append(Turn(message.role, message.text))
    return turns


class _Kv:
    """A KV cache, the tokens in it and the weight version that made it."""

    def __init__(self, cache: list[Any] | None = None) -> None:
        self.cache: list[Any] = cache or []
        self.tokens: tuple[int, ...] = ()
        self.version: tuple[int, float] | None = None
        self.kept = 0


def learned(
    event: EventRow, updates: list[UpdateRow], *, facts: tuple[str, ...], secrets: int
) -> Learned:
    """Sum up how one message was learned; nll is of its own words."""
    told = sum_up(event.lesson.message or 0, updates, facts=facts, secrets=secrets)
    return told if updates else replace(told, reason=Reason.NOTHING)


def sum_up(
    message: int, updates: list[UpdateRow], *, facts: tuple[str, ...], secrets: int
) -> Learned:
    """Sum up the updates of one message; nll is of its own words."""
    words = [update for update in updates if update.kind == "words"]
    accepted = [update for update in updates if update.accepted and not update.undone]
    taken = [update for update in words if update in accepted]
    refused = [Reason.UNDONE if u.undone else u.reason for u in updates if u not in accepted]
    shown = taken or words
    return Learned(
        message=message,
        tokens=sum(update.tokens for update in taken),
        nll_before=_mean([(u.nll_before, u.tokens) for u in shown]),
        nll_after=_mean([(u.nll_after, u.tokens) for u in shown]),
        accepted=bool(accepted),
        reason=refused[0] if refused else "",
        update=updates[-1].update if updates else None,
        facts=facts if accepted else (),
        secrets=secrets,
        rate=min((update.rate for update in accepted), default=1.0),
    )


def _logged(row: UpdateRow, hidden: dict[int, Masked]) -> Logged:
    return Logged(
        update=row.update,
        time=row.time,
        message=row.message,
        text=hidden[row.message].text if row.message else row.text,
        kind=row.kind,
        tokens=row.tokens,
        rate=row.rate,
        nll_before=row.nll_before,
        nll_after=row.nll_after,
        drift=row.drift,
        accepted=row.accepted and not row.undone,
        reason=Reason.UNDONE if row.undone else row.reason,
    )


def _mean(values: list[tuple[float | None, int]]) -> float | None:
    known = [(value, tokens) for value, tokens in values if value is not None]
    return sum(v * n for v, n in known) / sum(n for _, n in known) if known else None


def _draw(sampling: SamplingConfig, advice: dict[str, Any]) -> dict[str, Any]:
    def chosen(name: str) -> Any:
        wanted = getattr(sampling, name)
        advised = advice.get(name)
        return next(v for v in (wanted, advised, FALLBACK_SAMPLING[name]) if v is not None)

    penalty = None if sampling.repetition_penalty == 1.0 else sampling.repetition_penalty
    return {
        "sampler": make_sampler(
            temp=chosen("temperature"),
            top_p=chosen("top_p"),
            top_k=chosen("top_k"),
            min_p=sampling.min_p,
        ),
        "logits_processors": make_logits_processors(
            repetition_penalty=penalty, repetition_context_size=sampling.repetition_window
        ),
    }


def _length(cache: list[Any]) -> int:
    return int(cache[0].offset) if cache and hasattr(cache[0], "offset") else 0
