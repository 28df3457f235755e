"""A decoder in parts: blocks that learning leaves alone, blocks that it changes, and the head.

What the lower blocks give for a frozen example never changes, so it is computed once. Prompts begin
alike (a template, worked examples): that prefix is read once for all rows. Logits are made only at
the places that are asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn

Prefix = list[tuple[mx.array, mx.array]]
"""Keys and values (1, heads, P, width) of each block."""


class RowsCache:
    """Keys and values of one block: a prefix that all rows share, then rows padded on the left.

    It stands in for mlx-lm's caches. `padding` says how many of a row's first own places are empty;
    no attention sees them, and positions do not count them.
    """

    def __init__(
        self, shared: tuple[mx.array, mx.array] | None = None, padding: mx.array | None = None
    ) -> None:
        self.keys = self.values = cast(mx.array, None)
        self._shared, self._padding, self._size = 0, padding, 0
        if shared is not None:
            rows = 1 if padding is None else padding.shape[0]
            self.keys, self.values = (mx.broadcast_to(a, (rows, *a.shape[1:])) for a in shared)
            self._shared = self._size = int(shared[0].shape[2])

    @property
    def offset(self) -> Any:
        """The position of the next token: one number, or one for each row (B,)."""
        return self._size if self._padding is None else self._size - self._padding

    def update_and_fetch(self, keys: mx.array, values: mx.array) -> tuple[mx.array, mx.array]:
        if self.keys is None:
            self.keys, self.values = keys, values
        else:
            self.keys = mx.concatenate([self.keys, keys], axis=2)
            self.values = mx.concatenate([self.values, values], axis=2)
        self._size = int(self.keys.shape[2])
        return self.keys, self.values

    def make_mask(
        self, length: int, return_array: bool = False, window_size: int | None = None
    ) -> mx.array:
        """Say what each of `length` new places may see (length, S) or (B, 1, length, S).

        A window counts positions, so padding does not widen it.
        """
        places = mx.arange(self._size + length)
        now = mx.arange(self._size, self._size + length)[:, None]
        mask, seen = now >= places, places
        if self._padding is not None:
            padding = self._padding[:, None, None, None]
            shared = places < self._shared
            mask = mask & (shared | (places >= self._shared + padding))
            seen = mx.where(shared, places + padding, places)
        return mask if window_size is None else mask & (now < seen + window_size)

    @property
    def state(self) -> list[mx.array]:
        return [self.keys, self.values]


@dataclass(frozen=True, slots=True)
class Rows:
    """Token sequences side by side, padded on the left, after what all of them share."""

    shared: tuple[int, ...]
    tokens: list[list[int]]  # (B, T), padding is 0
    padding: tuple[int, ...]  # (B,)

    def parted(self, most: int) -> "list[Rows]":
        """Part them into rows of at most `most` tokens each, to be read one after the other."""
        return [
            Rows(self.shared, [row[at : at + most] for row in self.tokens], self.padding)
            for at in range(0, len(self.tokens[0]), most)
        ]


def lay_out(sequences: Sequence[tuple[int, ...]], shared: int) -> Rows:
    """Lay sequences side by side; the first `shared` tokens are the same in all of them."""
    own = [sequence[shared:] for sequence in sequences]
    length = max(map(len, own))
    padding = tuple(length - len(row) for row in own)
    tokens = [[0] * pad + list(row) for pad, row in zip(padding, own, strict=True)]
    return Rows(sequences[0][:shared], tokens, padding)


def common_start(sequences: Sequence[tuple[int, ...]]) -> int:
    """Count the tokens that all sequences begin with, leaving each at least one of its own."""
    first, last = min(sequences), max(sequences)
    most = min(len(sequence) for sequence in sequences) - 1
    return next((i for i in range(most) if first[i] != last[i]), max(most, 0))


class Parts:
    """An mlx-lm decoder cut below its `first` adapted block; only `of` makes one."""

    def __init__(self, network: Any, first: int) -> None:
        self.network, self.first = network, first
        self.flops = 0  # of products with weights in forward passes, since it was made
        self._body = network.model
        self._blocks = list(network.model.layers)
        self._sizes = [_weights(block) for block in self._blocks]

    @classmethod
    def of(
        cls, network: Any, first: int = 0, *, known: dict[int, bool] | None = None
    ) -> "Parts | None":
        """Cut `network`, lower down if need be; None when its parts are not the whole.

        Where attention slides, blocks are told apart by their number, and none may be left out.
        `known` keeps which cuts of this network were found to hold, or not to.
        """
        known = {} if known is None else known
        slides = getattr(getattr(network, "args", None), "sliding_window", None)
        for cut in dict.fromkeys((0 if slides else first, 0)):
            try:
                parts = cls(network, cut)
                known[cut] = known[cut] if cut in known else parts._agree()
            except (AttributeError, TypeError, ValueError, IndexError):
                known[cut] = False  # another kind of network: it learns words only
            if known[cut]:
                return parts
        return None

    def _agree(self) -> bool:
        tokens = mx.array([[5, 7, 9, 11, 6, 8]])
        whole = self.network(tokens)[0, 2:]
        rows = lay_out([(5, 7, 9, 11, 6, 8), (5, 7, 9)], 2)
        cut = self.head(self.hidden(rows, self.read((5, 7)))[0])
        low = self.lower((5, 7, 9, 11, 6, 8))
        up = self.head(self.upper(low[:, :2], mx.repeat(low[:, 2:], 2, axis=0), (0, 0))[1])
        scale = mx.abs(whole).max() + 1e-6
        apart = mx.maximum(mx.abs(cut - whole).max(), mx.abs(up - whole).max()) / scale
        return bool((apart < 1e-2).item())

    # all blocks at once, for reading and decoding

    def read(self, tokens: tuple[int, ...], before: Prefix | None = None) -> Prefix:
        """Read what all rows share, after what was read `before`; needs no gradient."""
        caches = [RowsCache(before[i] if before else None) for i in range(len(self._blocks))]
        if not tokens:
            return before or []
        self.flops += 2 * len(tokens) * sum(self._sizes)
        mx.eval(self._body(mx.array([tokens]), cache=caches), [c.state for c in caches])
        return [(cache.keys, cache.values) for cache in caches]

    def caches(self, prefix: Prefix, padding: Sequence[int]) -> list[RowsCache]:
        """Make a cache for rows that go on after `prefix`."""
        pads = mx.array(tuple(padding))
        return [RowsCache(prefix[i] if prefix else None, pads) for i in range(len(self._blocks))]

    def hidden(self, rows: Rows, prefix: Prefix, caches: list[RowsCache] | None = None) -> mx.array:
        """Give the last hidden states (B, T, D) of `rows` after `prefix`."""
        caches = caches or self.caches(prefix, rows.padding)
        self.flops += 2 * sum(map(len, rows.tokens)) * sum(self._sizes)
        return cast(mx.array, self._body(mx.array(rows.tokens), cache=caches))

    def head(self, hidden: mx.array) -> mx.array:
        """Give the logits (..., V) of hidden states (..., D)."""
        logits = self.read_out(hidden)
        self.flops += 2 * logits.size * hidden.shape[-1]
        return logits

    def read_out(self, hidden: mx.array) -> mx.array:
        """Do what `head` does, and leave it to the caller to count that."""
        if "lm_head" in self.network:
            return cast(mx.array, self.network.lm_head(hidden))
        return cast(mx.array, self._body.embed_tokens.as_linear(hidden))

    def count(self, tokens: int, read_out: int) -> None:
        """Count `tokens` that went through the blocks, and logits `read_out` of so many."""
        head = self.network if "lm_head" in self.network else self._body
        size = _size(head["lm_head" if head is self.network else "embed_tokens"])
        self.flops += 2 * (tokens * sum(self._sizes) + read_out * size)

    # below and above the cut, for learning

    def lower(self, tokens: tuple[int, ...]) -> mx.array:
        """Give what the lower blocks make of one sequence (1, T, D).

        One at a time, so that the bits depend on nothing but the sequence.
        """
        return self._run(slice(0, self.first), False, tokens=[list(tokens)])

    def upper(self, shared: mx.array, rows: mx.array, padding: Sequence[int]) -> mx.array:
        """Give the last hidden states (B, T, D) of rows after `shared` (1, P, D)."""
        above, pads = slice(self.first, None), mx.array(tuple(padding))
        caches = [RowsCache() for _ in self._blocks[above]]
        if shared.shape[1]:
            self._run(above, False, hidden=shared, caches=caches)
        caches = [RowsCache((c.keys, c.values) if shared.shape[1] else None, pads) for c in caches]
        return self._run(above, True, hidden=rows, caches=caches)

    def _run(
        self,
        blocks: slice,
        last: bool,
        *,
        tokens: list[list[int]] | None = None,
        hidden: mx.array | None = None,
        caches: list[RowsCache] | None = None,
    ) -> mx.array:
        inputs = mx.array(tokens or [])
        if not self._blocks[blocks]:
            return cast(mx.array, self._body.embed_tokens(inputs) if hidden is None else hidden)
        if hidden is not None:
            inputs = mx.zeros(hidden.shape[:2], mx.int32)
        self.flops += 2 * inputs.size * sum(self._sizes[blocks])
        with self._only(blocks, hidden, last):
            return cast(mx.array, self._body(inputs, cache=caches))

    @contextmanager
    def _only(self, blocks: slice, hidden: mx.array | None, last: bool) -> Iterator[None]:
        """Let the body consist of some blocks, begin with `hidden`, end with or without norm."""
        body = self._body
        norm, embedding = body.norm, body.embed_tokens
        body.layers = self._blocks[blocks]
        if not last:
            body.norm = _Given()
        if hidden is not None:
            body.embed_tokens = _Given(hidden)
        try:
            yield
        finally:
            body.layers, body.norm, body.embed_tokens = self._blocks, norm, embedding


def _weights(block: Any) -> int:
    """Count the weights that a token is multiplied with in `block`, adapters apart."""
    return sum(
        _size(module)
        for _, module in block.named_modules()
        if isinstance(module, nn.Linear | nn.QuantizedLinear)
    )


def _size(module: Any) -> int:
    return int(module.weight.size * 32 // getattr(module, "bits", 32))


class _Given(nn.Module):
    """Stands where something would be computed: gives `hidden`, or its input as it is."""

    def __init__(self, hidden: mx.array | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._hidden = hidden

    def __call__(self, inputs: mx.array) -> mx.array:
        return inputs if self._hidden is None else self._hidden
