"""Streams side by side on one base, each with an adapter of its own: one forward serves all.

A LoRA matrix with a row a stream, (N, in, rank), multiplies its own row of the activations (N, T,
in), so N streams cost one pass over the base's weights and give each the numbers it has alone.
"""

import copy
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map

from mlxdyn.arrays import Tree
from mlxdyn.learn import optimizers
from mlxdyn.learn.learner import Learner, Observation
from mlxdyn.learn.stream import Chunk

ELEMENTWISE = ("adam0", "adam", "adamw", "sgd", "nsgd")
"""Optimizers that treat each weight by itself, and so each row."""


class Abreast:
    """The rule of one learner, for `rows` streams that all begin with its state."""

    def __init__(
        self,
        learner: Learner,
        rows: int,
        new_cache: Callable[[], list[Any]],
        *,
        learns: bool = True,
    ) -> None:
        """Without `learns` it scores with the weights that are in place, say the base's."""
        self._network, self._config = learner.network, learner.config
        self._new_cache, self._cache = new_cache, list[Any]()
        self._optimizer = optimizers.make(learner.config)
        start = learner.state.adapter if learns else {}
        self._weights: Tree = tree_map(lambda a: mx.repeat(a[None], rows, axis=0), start)
        self._optimizer.init(self._weights)

    def take(self, places: Sequence[int]) -> "Abreast":
        """Go on with some of the streams alone, as they are now."""
        kept, some = mx.array(list(places)), copy.copy(self)
        some._optimizer = optimizers.make(self._config)
        some._weights = tree_map(lambda a: a[kept], self._weights)
        state = self._optimizer.state  # whose numbers for all weights together have no rows
        some._optimizer.state = tree_map(lambda a: a[kept] if a.ndim else a, state)
        some._cache = [_rows(layer, kept) for layer in self._cache]
        mx.eval(some._weights, some._optimizer.state)
        return some

    def score(self, chunks: Sequence[Chunk]) -> list[Observation]:
        """Measure the nll of a chunk of each stream; all have the same shape."""
        cache = self._prefill(chunks)
        _, nll = self._loss(*_arrays(chunks), cache)
        mx.eval(nll, [layer.state for layer in cache or []])
        return [Observation(tuple(row)) for row in cast(list[list[float]], nll.tolist())]

    def learn(self, chunks: Sequence[Chunk]) -> list[Observation]:
        """Score a chunk of each stream, then take each stream's step, as `Learner.learn` does."""
        self._network.update(self._weights)
        cache = self._prefill(chunks)
        gradient_of = nn.value_and_grad(self._network, self._loss)
        (losses, nll), gradient = gradient_of(*_arrays(chunks), cache)
        gradient, norms = optimizers.scale(gradient, self._config, apart=True)
        before = self._weights, tree_map(lambda a: a, self._optimizer.state)
        self._weights = self._optimizer.apply_gradients(gradient, self._weights)
        kept = [layer.state for layer in cache or []]
        mx.eval(self._weights, self._optimizer.state, losses, nll, norms, kept)
        sizes = cast(list[float], norms.tolist())
        sound = [
            math.isfinite(sum(row)) and math.isfinite(n)
            for row, n in zip(nll.tolist(), sizes, strict=True)
        ]
        if not all(sound):
            self._put_back(*before, mx.array(sound))
        return [
            Observation(tuple(row), size, good, "" if good else "not_finite")
            for row, size, good in zip(nll.tolist(), sizes, sound, strict=True)
        ]

    def _put_back(self, weights: Tree, state: Tree, sound: mx.array) -> None:
        """Give the streams whose step was not finite what they had before it."""

        def chosen(new: mx.array, old: mx.array) -> mx.array:
            if not new.ndim:
                return new
            return mx.where(sound.reshape(-1, *(1,) * (new.ndim - 1)), new, old)

        self._weights = tree_map(chosen, self._weights, weights)
        self._optimizer.state = tree_map(chosen, self._optimizer.state, state)

    def _prefill(self, chunks: Sequence[Chunk]) -> list[Any] | None:
        first = chunks[0]
        if first.prefix is None:
            return self._cache
        if len(first.context) > 1 and not first.prefix:
            return None
        self._cache = self._new_cache()
        if first.prefix:
            self._network(mx.array([chunk.prefix for chunk in chunks]), cache=self._cache)
            mx.eval([layer.state for layer in self._cache])
        return self._cache

    def _loss(
        self, inputs: mx.array, targets: mx.array, cache: list[Any] | None
    ) -> tuple[mx.array, mx.array]:
        """Return the sum over streams of their mean nll (scalar) and each target's nll (N, T)."""
        logits = self._network(inputs, cache=cache)[:, -targets.shape[1] :]
        nll = nn.losses.cross_entropy(logits.astype(mx.float32), targets)
        return nll.mean(axis=1).sum(), nll


def in_step(readers: Sequence[Iterator[Chunk]], runs: Sequence[Abreast]) -> Iterator[Any]:
    """Yield (which streams, their next chunks, runs for just those) until all streams have ended.

    Streams stay together while their chunks have one shape: one that ends, or whose last chunk is
    shorter, goes on apart.
    """
    lanes = [(list(range(len(readers))), list(runs))]
    while lanes:
        before, lanes = lanes, []
        for rows, together in before:
            ahead = {row: chunk for row in rows if (chunk := next(readers[row], None)) is not None}
            for same in _alike(ahead):
                mine = together
                if len(same) < len(rows):
                    mine = [one.take([rows.index(row) for row in same]) for one in together]
                yield same, [ahead[row] for row in same], mine
                lanes.append((same, mine))


def _alike(ahead: dict[int, Chunk]) -> list[list[int]]:
    """Group streams by the shape of their chunks."""
    found: dict[Any, list[int]] = {}
    for row, chunk in ahead.items():
        before = None if chunk.prefix is None else len(chunk.prefix)
        found.setdefault((len(chunk.context), len(chunk.targets), before), []).append(row)
    return list(found.values())


def _arrays(chunks: Sequence[Chunk]) -> tuple[mx.array, mx.array]:
    inputs = mx.array([chunk.inputs for chunk in chunks])
    return inputs, mx.array([chunk.targets for chunk in chunks])


def _rows(layer: Any, kept: mx.array) -> Any:
    """Copy one layer's KV cache with some of its rows."""
    some = copy.copy(layer)
    if layer.keys is not None:
        some.keys, some.values = layer.keys[kept], layer.values[kept]
    return some
