"""The core: score tokens, learn tokens; knows no files, clocks, text or ledger."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map, tree_map_with_path

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import LearnerConfig
from mlxdyn.learn import optimizers
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.stream import Chunk

SLIVER = 1e-6
"""Least share of the bucket of unlisted tokens: keeps its logarithm finite in float32."""
WHOLE, SLICE = 1 << 25, 1 << 23
"""Most logits of a chunk's targets that are made at once, and in a slice where there are more.

What stands before the targets is not asked: lessons would go otherwise than they went.
"""
UNLISTED = -1e9
"""Log-probability that fills up a list of likely tokens: there the list has ended."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one chunk showed: nats for each target, seen by weights that had not learned it."""

    nll: tuple[float, ...]
    gradient_norm: float | None = None  # None when nothing was learned
    accepted: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Examples side by side above the cut, and the N places whose distributions count."""

    shared: mx.array  # (1, P, D): what all rows begin with
    rows: mx.array  # (B, T, D), padded on the left
    padding: tuple[int, ...]  # (B,)
    places: mx.array  # (N,) among B * T
    tokens: mx.array  # (N, K)
    logprobs: mx.array  # (N, K) of the target distribution, in nats
    owner: mx.array  # (B, N): 1 / targets of the example where a place belongs to it
    weights: mx.array  # (B,), with sum 1


@dataclass(frozen=True, slots=True)
class BatchObservation:
    """What one step saw before it: mean KL(target || now) of each example, in nats per token."""

    divergence: tuple[float, ...]
    gradient_norm: float | None
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class State:
    """Everything an update changes; arrays are immutable, so keeping a State keeps references."""

    adapter: Tree
    optimizer: Tree


class Learner:
    """Online adaptation of a network's trainable weights.

    `network(tokens (1, T), cache=...)` gives logits (1, T, V); its trainable parameters are the
    adapter. `new_cache` makes an empty KV cache for it. `parts` are the same network, cut for
    learning from examples; None where it cannot be cut.
    """

    def __init__(
        self,
        network: nn.Module,
        config: LearnerConfig,
        new_cache: Callable[[], list[Any]],
        parts: Parts | None = None,
    ) -> None:
        self.network = network
        self.config = config
        self._new_cache = new_cache
        self.parts = parts
        self._sliced: Parts | None = None  # in these the head reads a large chunk in slices
        self._cache: list[Any] = []
        self._optimizer = optimizers.make(config)
        self._optimizer.init(network.trainable_parameters())
        self._gradient = nn.value_and_grad(network, self._loss)
        self._batch_gradient = nn.value_and_grad(network, self._batch_loss)
        mx.eval(network.parameters(), self._optimizer.state)

    def sibling(self, config: LearnerConfig) -> "Learner":
        """Make a learner of the same network with another rule and an optimizer of its own."""
        return Learner(self.network, config, self._new_cache, self.parts)

    @property
    def state(self) -> State:
        """The adapter and optimizer now; set it to go back, bitwise."""
        adapter = tree_map(lambda a: a, self.network.trainable_parameters())
        return State(adapter, tree_map(lambda a: a, self._optimizer.state))

    @state.setter
    def state(self, state: State) -> None:
        self._put_back(state)
        self._cache = []

    def _put_back(self, state: State) -> None:
        self.network.update(state.adapter)
        self._optimizer.state = tree_map(lambda a: a, state.optimizer)

    def score(self, chunk: Chunk) -> Observation:
        """Measure the nll of `chunk`'s targets; weights stay as they are."""
        cache = self._prefill(chunk)
        self._count(chunk, learns=False)
        _, nll = self._loss(*self._arrays(chunk), cache)
        mx.eval(nll, [layer.state for layer in cache or []])
        return Observation(_floats(nll))

    def learn(self, chunk: Chunk, *, rate: float = 1.0) -> Observation:
        """Score `chunk`, then take one online step on it, at `rate` times the configured rate.

        Score and gradient share one forward pass, so no target is ever scored by weights that have
        seen it (dynamic evaluation, Krause et al. 2018). A loss or gradient that is not finite
        leaves the weights as they were.
        """
        cache = self._prefill(chunk)
        self._count(chunk, learns=True)
        (loss, nll), gradient = self._gradient(*self._arrays(chunk), cache)
        return self._step(gradient, loss, nll, [layer.state for layer in cache or []], rate=rate)

    def gradient(self, chunk: Chunk) -> Tree:
        """Give the gradient that `learn` would step along; weights stay as they are."""
        cache = self._prefill(chunk)
        _, gradient = self._gradient(*self._arrays(chunk), cache)
        gradient, _ = optimizers.scale(gradient, self.config)
        mx.eval(gradient, [layer.state for layer in cache or []])
        return gradient

    def step(self, batch: Batch, *, rate: float = 1.0) -> BatchObservation:
        """Take one step towards the distributions of `batch`.

        The loss is the weighted mean over examples of their mean KL(target || now), where the
        tokens that a target does not list count as one bucket.
        """
        assert self.parts is not None, "this network cannot be cut"
        before = self.parts.flops
        (loss, moved), gradient = self._batch_gradient(batch)
        self.parts.flops += self.parts.flops - before  # back through frozen weights: the same again
        seen = self._step(gradient, loss, moved[None], [], rate=rate)
        return BatchObservation(seen.nll, seen.gradient_norm, seen.accepted, seen.reason)

    def measure(self, batch: Batch) -> tuple[float, ...]:
        """Give the mean KL(target || now) of each example; weights stay as they are."""
        _, moved = self._batch_loss(batch)
        return _floats(moved[None])

    def _step(
        self,
        gradient: Tree,
        loss: mx.array,
        nll: mx.array,
        caches: list[Any],
        *,
        rate: float = 1.0,
    ) -> Observation:
        """Apply `gradient`, unless it or the loss is not finite."""
        before = self.state
        gradient, norm = optimizers.scale(gradient, self.config)
        self._optimizer.learning_rate = self.config.learning_rate * rate
        self._optimizer.update(self.network, gradient)
        self._optimizer.learning_rate = self.config.learning_rate
        self._shrink()
        mx.eval(self.network.trainable_parameters(), self._optimizer.state, nll, loss, norm, caches)
        size = cast(float, norm.item())
        if not (math.isfinite(cast(float, loss.item())) and math.isfinite(size)):
            self._put_back(before)  # and keep the KV cache: the old weights made it
            return Observation(_floats(nll), size, False, "not_finite")
        return Observation(_floats(nll), size, True)

    def _shrink(self) -> None:
        """Let lora_b, which begins at zero, go back towards it."""
        if self.config.shrink:
            keep = 1 - self.config.shrink
            adapter = self.network.trainable_parameters()
            self.network.update(
                tree_map_with_path(lambda p, a: a * keep if p.endswith("lora_b") else a, adapter)
            )

    def _prefill(self, chunk: Chunk) -> list[Any] | None:
        """Return the KV cache that `chunk` continues, None when it stands alone."""
        if chunk.prefix is None:
            return self._cache
        if len(chunk.context) > 1 and not chunk.prefix:
            return None
        self._cache = self._new_cache()
        if chunk.prefix:
            self.network(mx.array([chunk.prefix]), cache=self._cache)
            mx.eval([layer.state for layer in self._cache])
        return self._cache

    def _count(self, chunk: Chunk, *, learns: bool) -> None:
        """Count what a pass computes; back through frozen weights, it is the same again.

        In slices, logits are made of the targets only, but once more for their gradient.
        """
        if self.parts is None:
            return
        inputs, passes = len(chunk.inputs), 2 if learns else 1
        sliced = self._too_large(len(chunk.targets))
        read_out = len(chunk.targets) * (3 if learns else 1) if sliced else inputs * passes
        self.parts.count(len(chunk.prefix or ()) + inputs * passes, read_out)

    def _arrays(self, chunk: Chunk) -> tuple[mx.array, mx.array, mx.array]:
        if self._sliced is None and self._too_large(len(chunk.targets)):
            self._sliced = self.parts or Parts.of(self.network)
        weights = chunk.weights or (1.0,) * len(chunk.targets)
        return mx.array([chunk.inputs]), mx.array([chunk.targets]), mx.array([weights])

    def _loss(
        self, inputs: mx.array, targets: mx.array, weights: mx.array, cache: list[Any] | None
    ) -> tuple[mx.array, mx.array]:
        """Return the weighted mean nll (scalar) and the nll of each target (1, T), in nats."""
        size = targets.shape[1]
        if self._sliced is not None and self._too_large(size):
            nll = self._in_slices(self.network.model(inputs, cache=cache)[:, -size:], targets)
        else:
            nll = _cross_entropy(self.network(inputs, cache=cache)[:, -size:], targets)
        return (weights * nll).sum() / mx.maximum(weights.sum(), 1e-6), nll

    def _too_large(self, targets: int) -> bool:
        """Tell whether the logits of so many targets are too many, and a frozen head makes them."""
        names = [name for name, _ in leaves(self.network.trainable_parameters())]
        frozen = not any("lm_head" in name or "embed_tokens" in name for name in names)
        return frozen and targets * self._vocabulary > WHOLE

    @property
    def _vocabulary(self) -> int:
        """The rows of the embedding; 0 for a network that is built otherwise."""
        embed = getattr(getattr(self.network, "model", None), "embed_tokens", None)
        return 0 if embed is None else int(embed.weight.shape[0])

    def _in_slices(self, hidden: mx.array, targets: mx.array) -> mx.array:
        """Give the nll of each target (1, T) from hidden states (1, T, D), some at a time.

        The logits of a slice are made again for its gradient, so that no more are ever kept.
        """
        assert self._sliced is not None
        head, rows = self._sliced.read_out, max(1, SLICE // self._vocabulary)

        def read(first: int) -> mx.array:
            wanted = targets[:, first : first + rows]
            again = mx.checkpoint(lambda states: _cross_entropy(head(states), wanted))
            return again(hidden[:, first : first + rows])

        return mx.concatenate([read(i) for i in range(0, targets.shape[1], rows)], axis=1)

    def _batch_loss(self, batch: Batch) -> tuple[mx.array, mx.array]:
        """Return the loss of `step` (scalar) and the mean KL of each example (B,)."""
        assert self.parts is not None, "this network cannot be cut"
        hidden = self.parts.upper(batch.shared, batch.rows, batch.padding)
        logits = self.parts.head(hidden.reshape(-1, hidden.shape[-1])[batch.places])
        now = nn.log_softmax(logits.astype(mx.float32))
        moved = batch.owner @ divergence(
            batch.logprobs, mx.take_along_axis(now, batch.tokens, axis=-1)
        )
        return (batch.weights * moved).sum(), moved


def _cross_entropy(logits: mx.array, targets: mx.array) -> mx.array:
    return nn.losses.cross_entropy(logits.astype(mx.float32), targets)


def divergence(target: mx.array, now: mx.array) -> mx.array:
    """Give KL(target || now) (N,) from log-probabilities (N, K) of the same K tokens, in nats.

    What the K leave of each distribution is one bucket, so it is at most the KL over all tokens.
    """
    now = mx.where(target > UNLISTED, now, UNLISTED)
    listed = mx.exp(target)
    rest = mx.maximum(1 - listed.sum(axis=-1), SLIVER)
    rest_now = mx.maximum(1 - mx.exp(now).sum(axis=-1), SLIVER)
    return (listed * (target - now)).sum(axis=-1) + rest * (mx.log(rest) - mx.log(rest_now))


def flatten(state: State) -> dict[str, mx.array]:
    """Give every array of `state` a flat name, to save or to compare."""
    flat = {f"adapter.{name}": array for name, array in leaves(state.adapter)}
    return flat | {f"optimizer.{name}": array for name, array in leaves(state.optimizer)}


def unflatten(arrays: dict[str, mx.array], like: State) -> State:
    """Undo `flatten`; `like` gives the structure.

    Raises ValueError, naming the array, for one that is missing, too many, of another shape or kind
    or not finite.
    """
    wanted = flatten(like)
    for name in sorted(wanted.keys() | arrays.keys()):
        array, model = arrays.get(name), wanted.get(name)
        if array is None or model is None:
            raise ValueError(f"{name} is {'missing' if array is None else 'of no use here'}")
        if (array.shape, array.dtype) != (model.shape, model.dtype):
            raise ValueError(
                f"{name} has {array.shape}, {array.dtype}; it should have {model.shape}"
            )
    finite = {name: mx.isfinite(array).all() for name, array in arrays.items()}
    mx.eval(finite)
    if strange := sorted(name for name, sound in finite.items() if not sound.item()):
        raise ValueError(f"{strange[0]} is not finite")
    adapter = tree_map_with_path(lambda path, _: arrays[f"adapter.{path}"], like.adapter)
    optimizer = tree_map_with_path(lambda path, _: arrays[f"optimizer.{path}"], like.optimizer)
    return State(adapter, optimizer)


def same(one: State, other: State) -> bool:
    """Tell whether two states are equal to the last bit."""
    left, right = flatten(one), flatten(other)
    return left.keys() == right.keys() and all(
        left[name].shape == right[name].shape and mx.array_equal(left[name], right[name]).item()
        for name in left
    )


def apart(one: State, other: State, start: State) -> float:
    """Say how far two adapters are from each other, as a share of how far `other` came."""
    ways = [dict(leaves(state.adapter)) for state in (one, other, start)]
    if not ways[0].keys() == ways[1].keys() == ways[2].keys():
        return math.inf
    squares = [
        sum(cast(float, (a[name] - b[name]).square().sum().item()) for name in a)
        for a, b in ((ways[0], ways[1]), (ways[1], ways[2]))
    ]
    return math.sqrt(squares[0] / max(squares[1], 1e-30))


def _floats(nll: mx.array) -> tuple[float, ...]:
    return tuple(cast(list[float], nll[0].tolist()))
