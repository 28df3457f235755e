"""THE ONE decoder of replies: which turns fit, which KV cache is true, how tokens are drawn."""

import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
from mlx_lm import stream_generate
from mlx_lm.models.cache import can_trim_prompt_cache, trim_prompt_cache
from mlx_lm.sample_utils import make_logits_processors, make_sampler
from mlx_lm.utils import common_prefix_len

from mlxdyn.config import FALLBACK_SAMPLING, ChatConfig, SamplingConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.model.chat_template import Turn, render, words
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_scaled

LOOP_LEAST, LOOP_TIMES, LOOP_LONG = 48, 4, 24
"""A reply whose last 48 tokens or more are the same few, four times, is going round in circles; of
24 or more, as a paragraph, three times are enough.
"""

Version = tuple[int, float]


@dataclass(slots=True)
class KvCache:
    """A KV cache, the tokens in it and the weight version that made it."""

    cache: list[Any]
    tokens: tuple[int, ...] = ()
    version: Version | None = None
    kept: int = 0  # tokens that the last prompt shared


class Talker:
    """Answers turns with one model.

    KV policy: the cache of the conversation is reused only while the weights that made it are the
    current ones; after an update the conversation is read again with the new weights.
    """

    def __init__(self, model: Model, config: ChatConfig) -> None:
        self.model, self.config = model, config
        self.kv = KvCache([])
        self.ended = ""  # why the last reply ended: "" by itself | length | loop

    @property
    def context_size(self) -> int:
        return min(self.config.context, self.model.context_size)

    def prompt(self, turns: Sequence[Turn]) -> tuple[tuple[int, ...], int]:
        """Render as many of the newest turns as fit; return tokens and how many were dropped.

        Once turns are dropped, a few more are, so that the next prompts begin at the same turn and
        find their KV. Where the last turn is the assistant's, the reply goes on from its words.
        """
        *asked, last = turns
        begun = words(self.model.tokenizer, last.text) if last.role == "assistant" else []
        asked = asked if last.role == "assistant" else [*turns]
        room = self.context_size - min(self.config.sampling.max_tokens, self.context_size // 4)
        system = [Turn("system", self.config.system)] if self.config.system else []
        older = self._beyond(asked, room)
        asked = asked[older:]

        def tokens(first: int) -> tuple[int, ...]:
            rendered = render(self.model.tokenizer, [*system, *asked[first:]], reply=True)
            return (*rendered.tokens, *begun)

        starts = [index for index, turn in enumerate(asked) if turn.role == "user"]
        oldest = bisect_left(starts, True, key=lambda first: len(tokens(first)) <= room)
        if oldest < len(starts):
            if older or oldest:
                oldest = _steady(sum(t.role == "user" for t in turns[:older]), oldest, len(starts))
            return tokens(starts[oldest]), older + starts[oldest]
        needed = len(tokens(starts[-1])) if starts else len(begun)
        raise MlxdynError(
            f"that message takes {needed} tokens and {self.model.name} has room "
            f"for {room}; send it in smaller parts"
        )

    def _beyond(self, turns: Sequence[Turn], room: int) -> int:
        """Count the oldest turns that cannot fit, whatever the template adds to their words."""
        for place in reversed(range(len(turns) - 1)):
            room -= len(words(self.model.tokenizer, turns[place + 1].text))
            if room < 0:
                return place + 1
        return 0

    def measured(self, turns: Sequence[Turn]) -> int:
        """Count the tokens of turns that are open again."""
        with suppress(MlxdynError):
            return len(self.prompt(turns)[0]) if turns else 0
        return 0

    def stream(self, prompt: tuple[int, ...], version: Version) -> Iterator[str]:
        """Draw a reply to `prompt`, a piece for each token, with the weights of `version`."""
        sampling, cache = self.config.sampling, self.reuse(prompt, version)
        mx.random.seed(time.time_ns() if sampling.seed is None else sampling.seed)
        self.model.network.eval()
        produced: list[int] = []
        most = min(sampling.max_tokens, self.context_size - len(prompt))
        responses = stream_generate(
            self.model.network,
            self.model.tokenizer,
            list(prompt[self.kv.kept :]),
            max_tokens=most,
            prompt_cache=cache,
            **draw(sampling, self.model.generation),
        )
        self.ended = ""
        try:
            with adapter_scaled(self.model, version[1]):
                for response in responses:
                    produced.append(response.token)
                    yield response.text
                    if loops(produced):
                        self.ended = "loop"
                        break
                    if response.finish_reason == "length":
                        self.ended = "length"
        finally:
            responses.close()
            self.kv.tokens = (*prompt, *produced)
            self.kv.version = version

    def reuse(self, prompt: tuple[int, ...], version: Version) -> list[Any]:
        """Return a KV cache for the longest usable start of `prompt`; `kv.kept` tokens."""
        kv = self.kv
        held = _length(kv.cache)
        known = common_prefix_len(kv.tokens[:held], prompt[:-1])
        stale = kv.version != version
        if stale or not known or (held > known and not can_trim_prompt_cache(kv.cache)):
            self.kv = KvCache(self.model.new_cache())
            return self.kv.cache
        trim_prompt_cache(kv.cache, held - known)
        kv.kept = known
        return kv.cache

    def greedy(
        self, prompt: tuple[int, ...], scale: float, stopped: Callable[[], bool]
    ) -> tuple[tuple[int, ...], bool]:
        """Give the likeliest tokens, without the end, on a cache of their own; and if they loop."""
        self.model.network.eval()
        ends = set(self.model.tokenizer.eos_token_ids)
        with adapter_scaled(self.model, scale):
            responses = stream_generate(
                self.model.network,
                self.model.tokenizer,
                list(prompt),
                max_tokens=min(self.config.sampling.max_tokens, self.context_size - len(prompt)),
                prompt_cache=self.model.new_cache(),
                sampler=make_sampler(temp=0.0),
            )
            tokens: list[int] = []
            for response in responses:
                if stopped() or loops(tokens):
                    break
                tokens.append(response.token)
            responses.close()
        return tuple(token for token in tokens if token not in ends), loops(tokens)


def _steady(before: int, oldest: int, count: int) -> int:
    """Move a start up to one that stays for some messages, at most a quarter of what fits.

    Of `count` messages, which `before` others precede, those from `oldest` on fit.
    """
    stride = 1 << max(0, ((count - oldest) // 4).bit_length() - 1)
    return min(oldest + -(before + oldest) % stride, count - 1)


def loops(tokens: Sequence[int]) -> bool:
    """Tell whether the end is the same few tokens over and over."""
    for period in range(1, len(tokens) // (LOOP_TIMES - 1) + 1):
        if tokens[-1] != tokens[-1 - period]:
            continue  # what most periods end with: this is asked after each token
        times = max(LOOP_TIMES - (period >= LOOP_LONG), -(-LOOP_LEAST // period))
        end = tokens[-period * times :]
        if len(end) == period * times and list(end[period:]) == list(end[:-period]):
            return True
    return False


def draw(sampling: SamplingConfig, advice: dict[str, Any]) -> dict[str, Any]:
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
