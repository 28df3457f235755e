"""Tokens become chunks, each with what it may see; pure Python."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from mlxdyn.config import StreamConfig
from mlxdyn.model.chat_template import Rendered


@dataclass(frozen=True, slots=True)
class Chunk:
    """Targets scored together, and the context that predicts the first of them.

    The inputs are `context + targets[:-1]`, so `context` holds at least one token.
    `prefix` says what attention sees before the inputs: None keeps the KV of the chunks since the
    last prefix; a tuple starts anew with those tokens, computed with the current weights and
    without a gradient.
    """

    context: tuple[int, ...]
    targets: tuple[int, ...]
    weights: tuple[float, ...] | None = None  # of each target in the loss; None is 1 for all
    prefix: tuple[int, ...] | None = ()

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.context + self.targets[:-1]


def chunks(tokens: Sequence[int], config: StreamConfig) -> Iterator[Chunk]:
    """Cut `tokens` so that each but the first is a target exactly once, in order.

    A token that opens every window takes a place of a chunk that would fill it (`room_for_first`).
    Raises ValueError when the window cannot hold a chunk, or a chunk and that token.
    """
    if not 1 <= config.chunk <= config.window:
        raise ValueError(
            f"chunk {config.chunk} must be between 1 and the window, {config.window} tokens"
        )
    config = room_for_first(config)
    if config.context == "restart" and config.kv == "fresh":
        return _fresh(tokens, config)
    cut = {"recompute": _recompute, "restart": _restart, "carry": _carry}[config.context]
    return cut(tokens, config)


def room_for_first(config: StreamConfig) -> StreamConfig:
    """Give the chunk that leaves room for a token that opens every window.

    Windows of `carry` are those of one cache that slides: there it opens the text.
    """
    if config.first is None or config.context == "carry" or config.chunk < config.window:
        return config
    if config.window == 1:
        raise ValueError("a window of 1 token has no room for the one that opens it; use 2 or more")
    return replace(config, chunk=config.window - 1)


def _recompute(tokens: Sequence[int], config: StreamConfig) -> Iterator[Chunk]:
    for start, targets in _targets(tokens, config.chunk):
        room = config.window - len(targets) + 1
        last = tokens[max(0, start + 1 - room) : start + 1]
        yield Chunk(context=_opened(last, room, config.first), targets=targets)


def _opened(last: Sequence[int], room: int, first: int | None) -> tuple[int, ...]:
    """Let `first`, if there is one, stand before what was read last, within the room for both."""
    if first is None or (last and last[0] == first):
        return tuple(last)
    return first, *last[max(0, len(last) + 1 - room) :]


def _restart(tokens: Sequence[int], config: StreamConfig) -> Iterator[Chunk]:
    window, chunk = config.window, config.chunk
    kept = min(window // 2, window - chunk)
    cached = 0
    for start, targets in _targets(tokens, chunk):
        prefix = None
        if start == 0 or cached + len(targets) > window:
            first = None if start == 0 and tokens[0] == config.first else config.first
            prefix = _opened(tokens[max(0, start - kept) : start], kept, first)
            cached = len(prefix)
        cached += len(targets)
        yield Chunk(context=(tokens[start],), targets=targets, prefix=prefix)


def _fresh(tokens: Sequence[int], config: StreamConfig) -> Iterator[Chunk]:
    """Cut as `_restart` does, but compute what precedes each chunk with the weights of now."""
    before: tuple[int, ...] = ()
    for cut in _restart(tokens, config):
        before = before if cut.prefix is None else cut.prefix
        yield replace(cut, prefix=before)
        before += cut.inputs


def _carry(tokens: Sequence[int], config: StreamConfig) -> Iterator[Chunk]:
    """Keep the KV of the whole stream; its cache drops what lies outside the window."""
    opening = _opened((), 1, None if tuple(tokens[:1]) == (config.first,) else config.first)
    for start, targets in _targets(tokens, config.chunk):
        yield Chunk((tokens[start],), targets, prefix=opening if start == 0 else None)


def _targets(tokens: Sequence[int], chunk: int) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Yield (position of the last token before the targets, targets)."""
    for start in range(0, len(tokens) - 1, chunk):
        yield start, tuple(islice(tokens, start + 1, start + 1 + chunk))


def lesson(rendered: Rendered, *, chunk: int, window: int) -> Iterator[Chunk]:
    """Cut the words of the last turn into chunks that each carry their own context.

    A chunk depends on nothing but `rendered`, so that forgetting one message leaves the lessons of
    all others as they are. At most `window` inputs a chunk.
    """
    start, end = rendered.spans[-1]
    for first in range(max(start, 1), end, chunk):
        targets = rendered.tokens[first : min(first + chunk, end)]
        oldest = max(0, first + len(targets) - 1 - window)
        yield Chunk(context=rendered.tokens[oldest:first], targets=targets)
