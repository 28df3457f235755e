"""The core: score tokens, learn tokens; knows no files, clocks, text or ledger."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map, tree_map_with_path

from mlxdyn import optimizers
from mlxdyn.config import LearnerConfig
from mlxdyn.optimizers import Tree, leaves
from mlxdyn.stream import Chunk


@dataclass(frozen=True, slots=True)
class Observation:
    """What one chunk showed: nats for each target, seen by weights that had not learned it."""

    nll: tuple[float, ...]
    gradient_norm: float | None = None  # None when nothing was learned
    accepted: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """Everything an update changes; arrays are immutable, so keeping a State keeps references."""

    adapter: Tree
    optimizer: Tree


class Learner:
    """Online adaptation of a network's trainable weights.

    `network(tokens (1, T), cache=...)` gives logits (1, T, V); its trainable parameters are the
    adapter. `new_cache` makes an empty KV cache for it.
    """

    def __init__(
        self, network: nn.Module, config: LearnerConfig, new_cache: Callable[[], list[Any]]
    ) -> None:
        self.network = network
        self.config = config
        self._new_cache = new_cache
        self._cache: list[Any] = []
        self._optimizer = optimizers.make(config)
        self._optimizer.init(network.trainable_parameters())
        self._gradient = nn.value_and_grad(network, self._loss)
        self._version = 0
        mx.eval(network.parameters(), self._optimizer.state)

    @property
    def state(self) -> State:
        """The adapter and optimizer now; set it to go back, bitwise."""
        adapter = tree_map(lambda a: a, self.network.trainable_parameters())
        return State(adapter, tree_map(lambda a: a, self._optimizer.state))

    @state.setter
    def state(self, state: State) -> None:
        self._put_back(state)
        self._version += 1
        self._cache = []

    def _put_back(self, state: State) -> None:
        self.network.update(state.adapter)
        self._optimizer.state = tree_map(lambda a: a, state.optimizer)

    @property
    def version(self) -> int:
        """Grows whenever the weights change; a KV cache made under another version is stale."""
        return self._version

    def score(self, chunk: Chunk) -> Observation:
        """Measure the nll of `chunk`'s targets; weights stay as they are."""
        cache = self._prefill(chunk)
        _, nll = self._loss(*self._arrays(chunk), cache)
        mx.eval(nll, [layer.state for layer in cache or []])
        return Observation(_floats(nll))

    def learn(self, chunk: Chunk) -> Observation:
        """Score `chunk`, then take one online step on it.

        Score and gradient share one forward pass, so no target is ever scored by weights that have
        seen it (dynamic evaluation, Krause et al. 2018). A loss or gradient that is not finite
        leaves the weights as they were.
        """
        before, cache = self.state, self._prefill(chunk)
        (loss, nll), gradient = self._gradient(*self._arrays(chunk), cache)
        gradient, norm = optimizers.scale(gradient, self.config)
        self._optimizer.update(self.network, gradient)
        self._version += 1
        caches = [layer.state for layer in cache or []]
        mx.eval(self.network.trainable_parameters(), self._optimizer.state, nll, loss, norm, caches)
        size = cast(float, norm.item())
        if not (math.isfinite(cast(float, loss.item())) and math.isfinite(size)):
            self._put_back(before)  # and keep the KV cache: the old weights made it
            return Observation(_floats(nll), size, False, "the loss or gradient was not finite")
        return Observation(_floats(nll), size, True)

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

    def _arrays(self, chunk: Chunk) -> tuple[mx.array, mx.array, mx.array]:
        weights = chunk.weights or (1.0,) * len(chunk.targets)
        return mx.array([chunk.inputs]), mx.array([chunk.targets]), mx.array([weights])

    def _loss(
        self, inputs: mx.array, targets: mx.array, weights: mx.array, cache: list[Any] | None
    ) -> tuple[mx.array, mx.array]:
        """Return the weighted mean nll (scalar) and the nll of each target (1, T), in nats."""
        logits = self.network(inputs, cache=cache)[:, -targets.shape[1] :]
        nll = nn.losses.cross_entropy(logits.astype(mx.float32), targets)
        return (weights * nll).sum() / mx.maximum(weights.sum(), 1e-6), nll


def flatten(state: State) -> dict[str, mx.array]:
    """Give every array of `state` a flat name, to save or to compare."""
    flat = {f"adapter.{name}": array for name, array in leaves(state.adapter)}
    return flat | {f"optimizer.{name}": array for name, array in leaves(state.optimizer)}


def unflatten(arrays: dict[str, mx.array], like: State) -> State:
    """Undo `flatten`; `like` gives the structure. Raises KeyError where an array is missing."""
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


def _floats(nll: mx.array) -> tuple[float, ...]:
    return tuple(cast(list[float], nll[0].tolist()))
