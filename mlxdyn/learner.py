"""The core: score tokens, learn tokens; knows no files, clocks, text or ledger."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map, tree_map_with_path

from mlxdyn import optimizers
from mlxdyn.config import LearnerConfig
from mlxdyn.optimizers import Tree, leaves
from mlxdyn.stream import Chunk

Padded = tuple[mx.array, mx.array, mx.array]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one chunk showed: nats for each target, seen by weights that had not learned it."""

    nll: tuple[float, ...]
    gradient_norm: float | None = None  # None when nothing was learned
    accepted: bool = False
    reason: str = ""


@dataclass(frozen=True, slots=True)
class StudyStep:
    """What one step of study saw before it: nats for each lesson, and KL for each anchor."""

    nll: tuple[float, ...]
    divergence: tuple[float, ...]
    gradient_norm: float | None
    accepted: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How well one lesson is known; nats are sums over its targets."""

    nll: float
    tokens: float
    divergence: float  # KL(base || now), if asked for
    exact: bool  # greedy decoding would give all of its targets


@dataclass(frozen=True, slots=True)
class State:
    """Everything an update changes; arrays are immutable, so keeping a State keeps references."""

    adapter: Tree
    optimizer: Tree


class Learner:
    """Online adaptation of a network's trainable weights.

    `network(tokens (1, T), cache=...)` gives logits (1, T, V); its trainable parameters are the
    adapter. `new_cache` makes an empty KV cache for it. `base(tokens (B, T))` gives the logits of
    the network without its adapter, which anchors are held to.
    """

    def __init__(
        self,
        network: nn.Module,
        config: LearnerConfig,
        new_cache: Callable[[], list[Any]],
        base: Callable[[mx.array], mx.array] | None = None,
    ) -> None:
        self.network = network
        self.config = config
        self._new_cache = new_cache
        self._base = base
        self._cache: list[Any] = []
        self._optimizer = optimizers.make(config)
        self._optimizer.init(network.trainable_parameters())
        self._gradient = nn.value_and_grad(network, self._loss)
        self._study_gradient = nn.value_and_grad(network, self._study_loss)
        self._version = 0
        mx.eval(network.parameters(), self._optimizer.state)

    def sibling(self, config: LearnerConfig) -> "Learner":
        """Make a learner of the same network with another rule and an optimizer of its own."""
        return Learner(self.network, config, self._new_cache, self._base)

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

    def learn(self, chunk: Chunk, *, rate: float = 1.0) -> Observation:
        """Score `chunk`, then take one online step on it, at `rate` times the configured rate.

        Score and gradient share one forward pass, so no target is ever scored by weights that have
        seen it (dynamic evaluation, Krause et al. 2018). A loss or gradient that is not finite
        leaves the weights as they were.
        """
        cache = self._prefill(chunk)
        (loss, nll), gradient = self._gradient(*self._arrays(chunk), cache)
        return self._step(gradient, loss, nll, [layer.state for layer in cache or []], rate=rate)

    def gradient(self, chunk: Chunk) -> Tree:
        """Give the gradient that `learn` would step along; weights stay as they are."""
        cache = self._prefill(chunk)
        _, gradient = self._gradient(*self._arrays(chunk), cache)
        gradient, _ = optimizers.scale(gradient, self.config)
        mx.eval(gradient, [layer.state for layer in cache or []])
        return gradient

    def study(self, lessons: Sequence[Chunk], anchors: Sequence[Sequence[Chunk]] = ()) -> StudyStep:
        """Take one step on `lessons` together while `anchors` are held to the base.

        The loss is the mean over lessons of their mean nll, plus the sum over all anchor targets of
        weight times KL(base || now). Groups of anchors are padded apart. Contexts stand alone:
        prefixes are not read.
        """
        groups = [pad(group) for group in anchors if group]
        held = [(inputs, weights, self._prior(inputs)) for inputs, _, weights in groups]
        (loss, (nll, moved)), gradient = self._study_gradient(pad(lessons), held)
        mx.eval(moved)
        seen = self._step(gradient, loss, nll, [])
        divergence = tuple(x for rows in moved for x in cast(list[float], rows.tolist()))
        return StudyStep(seen.nll, divergence, seen.gradient_norm, seen.accepted, seen.reason)

    def _prior(self, inputs: mx.array) -> mx.array:
        """Log-probabilities (B, T, V) of the base."""
        assert self._base is not None, "anchors need the base"
        return mx.stop_gradient(nn.log_softmax(self._base(inputs).astype(mx.float32)))

    def probe(self, lessons: Sequence[Chunk], *, divergence: bool = False) -> list[Answer]:
        """Measure how well each lesson is known; weights stay as they are."""
        inputs, targets, weights = pad(lessons)
        now = nn.log_softmax(self.network(inputs).astype(mx.float32))
        nll = -mx.take_along_axis(now, targets[..., None], axis=-1)[..., 0]
        exact = ((now.argmax(axis=-1) == targets) | (weights == 0)).all(axis=1)
        moved = mx.zeros(len(lessons))
        if divergence and self._base is not None:
            prior = nn.log_softmax(self._base(inputs).astype(mx.float32))
            moved = (weights * (mx.exp(prior) * (prior - now)).sum(axis=-1)).sum(axis=1)
        sums = mx.stack([(weights * nll).sum(axis=1), weights.sum(axis=1), moved], axis=1)
        mx.eval(sums, exact)
        rows = zip(
            cast(list[list[float]], sums.tolist()), cast(list[bool], exact.tolist()), strict=True
        )
        return [Answer(nll, tokens, kl, right) for (nll, tokens, kl), right in rows]

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
        self._version += 1
        mx.eval(self.network.trainable_parameters(), self._optimizer.state, nll, loss, norm, caches)
        size = cast(float, norm.item())
        if not (math.isfinite(cast(float, loss.item())) and math.isfinite(size)):
            self._put_back(before)  # and keep the KV cache: the old weights made it
            return Observation(_floats(nll), size, False, "the loss or gradient was not finite")
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

    def _study_loss(
        self, lessons: Padded, held: list[tuple[mx.array, mx.array, mx.array]]
    ) -> tuple[mx.array, tuple[mx.array, list[mx.array]]]:
        """Return the loss of `study`, nll by lesson (1, B) and mean KL by anchor (B,)."""
        inputs, targets, weights = lessons
        now = nn.log_softmax(self.network(inputs).astype(mx.float32))  # (B, T, V)
        nll = -mx.take_along_axis(now, targets[..., None], axis=-1)[..., 0]
        rows = (weights * nll).sum(axis=1) / mx.maximum(weights.sum(axis=1), 1e-6)
        loss, moved = rows.mean(), []
        for tokens, share, prior in held:
            now = nn.log_softmax(self.network(tokens).astype(mx.float32))
            kl = share * (mx.exp(prior) * (prior - now)).sum(axis=-1)
            loss += kl.sum()
            moved.append(kl.sum(axis=1) / mx.maximum(share.sum(axis=1), 1e-9))
        return loss, (rows[None], moved)


def pad(lessons: Sequence[Chunk]) -> Padded:
    """Lay chunks side by side: inputs, targets and weights, each (B, T), 0 where there is none.

    Padding stands on the right, where causal attention never sees it.
    """
    length = max(len(lesson.inputs) for lesson in lessons)
    inputs, targets, weights = [], [], []
    for lesson in lessons:
        first, size = len(lesson.context) - 1, len(lesson.targets)
        after = length - len(lesson.inputs)
        inputs.append([*lesson.inputs, *[0] * after])
        targets.append([*[0] * first, *lesson.targets, *[0] * after])
        weights.append([*[0.0] * first, *(lesson.weights or [1.0] * size), *[0.0] * after])
    return mx.array(inputs), mx.array(targets), mx.array(weights)


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
