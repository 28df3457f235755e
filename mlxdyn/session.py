"""One conversation: prompt, reply, learn, KV policy."""

import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator
from typing import Any

import mlx.core as mx
from mlx_lm import stream_generate
from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache
from mlx_lm.sample_utils import make_logits_processors, make_sampler
from mlx_lm.utils import common_prefix_len

from mlxdyn.config import FALLBACK_SAMPLING, ChatConfig, Learn, SamplingConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.events import Chat, Heard, Learned, Message, Piece, Replied, Status
from mlxdyn.ledger import Ledger, UpdateRow
from mlxdyn.memory import Memory
from mlxdyn.model import Model
from mlxdyn.stream import Chunk
from mlxdyn.template import Turn, lesson, render

THOUGHT = re.compile(r"<think>.*?(</think>|$)", re.DOTALL)
"""What a reasoning model says to itself is never learned."""


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
        self.learn: Learn = "off" if temporary else config.learn
        self.conversation = 0
        self._kv = _Kv()
        self._context_tokens = 0
        self._speed: float | None = None

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
        return self.ledger.conversations(self._owner)

    def messages(self) -> list[Message]:
        return self.ledger.messages(self.conversation)

    @property
    def context_size(self) -> int:
        return min(self.config.context, self.model.context_size)

    def status(self) -> Status:
        updates, tokens, _ = self.memory.ledger.totals(self.memory.row.id)
        return Status(
            model=self.model.name,
            memory=self.memory.row.name,
            learn=self.learn,
            temporary=self.temporary,
            context_tokens=self._context_tokens,
            context_size=self.context_size,
            tokens_per_second=self._speed,
            pending=self.waiting(),
            updates=updates,
            tokens_learned=tokens,
        )

    # talking

    def reply(self, text: str, stopped: Callable[[], bool]) -> Iterator[Heard | Piece | Replied]:
        """Save the user's words, then stream a reply until it ends or `stopped()` is true.

        Raises MlxdynError, with nothing saved, when the message alone overflows the context.
        """
        self._prompt([Turn("user", text)])
        self.conversation = self.conversation or self.ledger.add_conversation(self._owner)
        learning = "none" if self.learn == "off" else "pending"
        yield Heard(self.ledger.add_message(self.conversation, "user", text, learning))
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
        saved = self.ledger.add_message(self.conversation, "assistant", said.strip(), learning)
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
            max_tokens=min(sampling.max_tokens, self.context_size - len(prompt)),
            prompt_cache=cache,
            **_draw(sampling, self.model.generation),
        )
        try:
            for response in responses:
                produced.append(response.token)
                yield response.text
        finally:
            responses.close()
            self._kv.tokens = (*prompt, *produced)
            self._kv.version = self.memory.learner.version

    def _reuse(self, prompt: tuple[int, ...]) -> list[Any]:
        """Return a KV cache for the longest usable start of `prompt`; `self._kv.kept` tokens."""
        kv = self._kv
        held = _length(kv.cache)
        known = common_prefix_len(kv.tokens[:held], prompt[:-1])
        stale = kv.version != self.memory.learner.version
        if stale or not known or (held > known and not can_trim_prompt_cache(kv.cache)):
            self._kv = _Kv(self.model.new_cache())
            return self._kv.cache
        trim_prompt_cache(kv.cache, held - known)
        kv.kept = known
        return kv.cache

    # learning

    def _pending(self) -> list[int]:
        return [] if self.temporary else self.ledger.pending(self.memory.row.id)

    def waiting(self) -> int:
        """Count the messages still to be learned."""
        return len(self._pending())

    def learn_step(self) -> bool | Learned:
        """Take one micro-step on the oldest message that waits.

        Returns False when nothing waits, True when its message needs more steps, and what was
        learned when that was its last.
        """
        waiting = self._pending()
        if not waiting:
            return False
        chunks = self._lesson(waiting[0])
        done = len(self.ledger.updates(self.memory.row.id, message=waiting[0], active=False))
        if done < len(chunks):
            self.model.network.train()
            last = done + 1 == len(chunks)
            self.memory.learn(waiting[0], chunks[done], last=last)
            if not last:
                return True
        self.ledger.settle(waiting[0], "done")
        return learned(
            waiting[0], self.ledger.updates(self.memory.row.id, message=waiting[0], active=False)
        )

    def undo(self) -> str | None:
        """Take back what the newest message taught, or would still teach; return its text."""
        waiting = self._pending()
        if waiting and not self.ledger.updates(self.memory.row.id, message=waiting[-1]):
            self.ledger.settle(waiting[-1], "none")
            return self.ledger.turns_upto(waiting[-1])[-1].text
        undone = self.memory.undo()
        return undone[0].text if undone else None

    def _lesson(self, message: int) -> list[Chunk]:
        turns = [Turn(m.role, m.text) for m in self.ledger.turns_upto(message)]
        if turns[-1].role == "user":
            turns = turns[-1:]
        else:
            turns[-1] = Turn("assistant", THOUGHT.sub("", turns[-1].text))
        rendered = render(self.model.tokenizer, turns, reply=False)
        return list(lesson(rendered, chunk=self.config.chunk, window=self.config.window))


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
        self.version = -1
        self.kept = 0


def learned(message: int, updates: list[UpdateRow]) -> Learned:
    """Sum up the updates of one message."""
    refused = [update.reason for update in updates if not update.accepted]
    return Learned(
        message=message,
        tokens=sum(update.tokens for update in updates if update.accepted),
        nll_before=_mean([(u.nll_before, u.tokens) for u in updates]),
        nll_after=_mean([(u.nll_after, u.tokens) for u in updates]),
        accepted=bool(updates) and not refused,
        reason=refused[0] if refused else "" if updates else "there was nothing to learn in it",
        update=updates[-1].update if updates else None,
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
