"""The core: score tokens, learn tokens; knows no files, clocks, text or ledger."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_map, tree_map_with_path

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import LearnerConfig
from mlxdyn.learn import optimizers
from mlxdyn.learn.stream import Chunk


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
class Batch:
    """Lessons side by side, and the N targets that count: no others are scored."""

    inputs: mx.array  # (B, T), padded on the right, where causal attention never sees it
    places: mx.array  # (N,) of the targets' logits among B * T
    targets: mx.array  # (N,)
    weights: mx.array  # (N,)
    owner: mx.array  # (B, N): 1 where a target belongs to a lesson

    def scores(self, logits: mx.array) -> mx.array:
        """Log-probabilities (N, V) of what may stand at each target; `logits` are (B, T, V)."""
        wanted = logits.reshape(-1, logits.shape[-1])[self.places]
        return cast(mx.array, nn.log_softmax(wanted.astype(mx.float32)))

    def nll(self, scores: mx.array) -> mx.array:
        """Nats (N,) of each target, times its weight."""
        return -self.weights * mx.take_along_axis(scores, self.targets[:, None], axis=-1)[:, 0]

    def divergence(self, prior: mx.array, scores: mx.array) -> mx.array:
        """KL(prior || scores) (N,) at each target, times its weight."""
        return self.weights * (mx.exp(prior) * (prior - scores)).sum(axis=-1)


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

    def study(
        self,
        lessons: Sequence[Chunk],
        anchors: Sequence[Sequence[Chunk]] = (),
        *,
        rate: float = 1.0,
    ) -> StudyStep:
        """Take one step on `lessons` together while `anchors` are held to the base.

        The loss is the mean over lessons of their mean nll, plus the sum over all anchor targets of
        weight times KL(base || now). Groups of anchors are padded apart. Contexts stand alone:
        prefixes are not read.
        """
        held = [(batch, self._prior(batch)) for batch in map(pad, filter(None, anchors))]
        (loss, (nll, moved)), gradient = self._study_gradient(pad(lessons), held)
        mx.eval(moved)
        seen = self._step(gradient, loss, nll, [], rate=rate)
        divergence = tuple(x for rows in moved for x in cast(list[float], rows.tolist()))
        return StudyStep(seen.nll, divergence, seen.gradient_norm, seen.accepted, seen.reason)

    def _prior(self, batch: Batch) -> mx.array:
        """Log-probabilities (N, V) of the base."""
        assert self._base is not None, "anchors need the base"
        return mx.stop_gradient(batch.scores(self._base(batch.inputs)))

    def probe(self, lessons: Sequence[Chunk], *, divergence: bool = False) -> list[Answer]:
        """Measure how well each lesson is known; weights stay as they are."""
        batch = pad(lessons)
        now = batch.scores(self.network(batch.inputs))
        wrong = batch.owner @ (now.argmax(axis=-1) != batch.targets).astype(mx.float32)
        moved = mx.zeros(len(lessons))
        if divergence and self._base is not None:
            moved = batch.owner @ batch.divergence(self._prior(batch), now)
        nll, weight = batch.owner @ batch.nll(now), batch.owner @ batch.weights
        found = mx.stack([nll, weight, moved, wrong], axis=1)
        mx.eval(found)
        rows = cast(list[list[float]], found.tolist())
        return [Answer(nll, tokens, kl, exact=wrong == 0) for nll, tokens, kl, wrong in rows]

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
        self, lessons: Batch, held: list[tuple[Batch, mx.array]]
    ) -> tuple[mx.array, tuple[mx.array, list[mx.array]]]:
        """Return the loss of `study`, nll by lesson (1, B) and mean KL by anchor (B,)."""
        nll = lessons.owner @ lessons.nll(lessons.scores(self.network(lessons.inputs)))
        rows = nll / mx.maximum(lessons.owner @ lessons.weights, 1e-6)
        loss, moved = rows.mean(), []
        for batch, prior in held:
            kl = batch.divergence(prior, batch.scores(self.network(batch.inputs)))
            loss += kl.sum()
            moved.append(batch.owner @ kl / mx.maximum(batch.owner @ batch.weights, 1e-9))
        return loss, (rows[None], moved)


def pad(lessons: Sequence[Chunk]) -> Batch:
    """Lay chunks side by side; targets without weight are left out."""
    length = max(len(lesson.inputs) for lesson in lessons)
    inputs = [[*lesson.inputs, *[0] * (length - len(lesson.inputs))] for lesson in lessons]
    wanted = [
        (row, row * length + len(lesson.context) - 1 + at, target, weight)
        for row, lesson in enumerate(lessons)
        for at, (target, weight) in enumerate(
            zip(lesson.targets, lesson.weights or [1.0] * len(lesson.targets), strict=True)
        )
        if weight
    ]
    columns = zip(*(wanted or [(0, 0, 0, 0.0)]), strict=True)
    rows, places, targets, weights = (mx.array(column) for column in columns)
    owner = mx.arange(len(lessons))[:, None] == rows
    return Batch(mx.array(inputs), places, targets, weights, owner.astype(mx.float32))


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


def close(one: State, other: State, tolerance: float) -> bool:
    """Tell whether two states differ nowhere by more than `tolerance`."""
    left, right = flatten(one), flatten(other)
    return left.keys() == right.keys() and all(
        left[n].shape == right[n].shape and mx.allclose(left[n], right[n], 0, tolerance).item()
        for n in left
    )


def _floats(nll: mx.array) -> tuple[float, ...]:
    return tuple(cast(list[float], nll[0].tolist()))
