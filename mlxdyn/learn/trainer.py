"""Examples become steps of a learner; knows neither ledger nor text."""

import hashlib
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace

import mlx.core as mx
import numpy as np

from mlxdyn.arrays import leaves
from mlxdyn.config import StudyConfig
from mlxdyn.learn.example import Example, Likely
from mlxdyn.learn.learner import UNLISTED, Batch, Learner, flatten, unflatten
from mlxdyn.learn.parts import Parts, common_start
from mlxdyn.learn.replay import Plan

KEPT = 512
"""Examples whose lower halves are kept: 64 MB at 55 tokens of width 576 in float32."""
TOGETHER = 16
"""Examples measured at once."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Where training stands: so many steps of a plan are taken."""

    taken: int
    norm: float  # of the last gradient
    arrays: dict[str, mx.array]  # the student's state, flat


class Trainer:
    """Takes a learner through plans of examples, on an optimizer of its own."""

    def __init__(self, learner: Learner, parts: Parts, config: StudyConfig) -> None:
        self._learner, self._parts, self._config = learner, parts, config
        self._lower: dict[tuple[int, ...], mx.array] = {}  # by an example's inputs
        self.taken: tuple[int, int] | None = None  # steps of the plan it is at, and how many it has
        self.stops: dict[str, Stop] = {}  # of the lesson under way, by all that they depend on

    def student(self, rate: float) -> Learner:
        """Make a learner of the same network that follows the trainer's rule, optimizer new."""
        config = self._config
        return self._learner.sibling(
            replace(
                self._learner.config,  # what a trainer does not name is the memory's
                optimizer=config.optimizer,
                learning_rate=config.learning_rate * rate,
                beta2=config.beta2,
                bias_correction=True,
                max_gradient_norm=config.max_gradient_norm,
            )
        )

    def train(
        self, examples: Sequence[Example], plan: Plan, rate: float
    ) -> Generator[None, None, tuple[float | None, str]]:
        """Take the steps of `plan` over `examples`; return the last gradient norm and a refusal.

        The rate falls to zero, linearly. A step that is not finite ends it. One that was broken off
        goes on from its stop, to the same bits.
        """
        yield from self._prepare(examples)
        student = self.student(rate)
        key, taken, norm = _depends(student, examples, plan, rate), 0, None
        if (stop := self.stops.get(key)) is not None:
            student.state = unflatten(stop.arrays, student.state)
            taken, norm = stop.taken, stop.norm
        shared = common_start([example.prompt for example in examples])
        for number, chosen in enumerate(plan[taken:], start=taken):
            self._learner.network.train()  # a reply in between has set it to generate
            batch = self._batch([examples[i] for i in chosen], shared)
            seen = student.step(batch, rate=1 - number / len(plan))
            norm = seen.gradient_norm
            self.taken = number + 1, len(plan)
            if seen.accepted and norm is not None:
                self.stops[key] = Stop(number + 1, norm, flatten(student.state))
            yield
            if not seen.accepted:
                return norm, seen.reason
        return norm, ""

    def measure(self, examples: Sequence[Example]) -> Generator[None, None, list[float]]:
        """Give mean KL(target || now) of each example, in nats per token."""
        yield from self._prepare(examples)
        by_length = sorted(range(len(examples)), key=lambda i: len(examples[i].inputs))
        found: dict[int, float] = {}
        shared = common_start([example.prompt for example in examples]) if examples else 0
        for first in range(0, len(examples), TOGETHER):
            group = by_length[first : first + TOGETHER]
            self._learner.network.train()  # as when it learns; a reply may have come in between
            batch = self._batch([examples[i] for i in group], shared)
            found |= zip(group, self._learner.measure(batch), strict=True)
            yield
        return [found[i] for i in range(len(examples))]

    def _prepare(self, examples: Sequence[Example]) -> Generator[None, None, None]:
        """Compute what the lower blocks make of each example, unless it is known."""
        while len(self._lower) > max(KEPT, len(examples)):
            self._lower.pop(next(iter(self._lower)))
        for example in examples:
            known = self._lower.pop(example.inputs, None)
            if known is None:
                known = self._parts.lower(example.inputs)
                mx.eval(known)
                yield
            self._lower[example.inputs] = known

    def _batch(self, examples: Sequence[Example], shared: int) -> Batch:
        lower = [self._lower[example.inputs] for example in examples]
        length = max(hidden.shape[1] for hidden in lower) - shared
        padding = [length + shared - hidden.shape[1] for hidden in lower]
        rows = [
            mx.pad(hidden[:, shared:], [(0, 0), (pad, 0), (0, 0)])
            for hidden, pad in zip(lower, padding, strict=True)
        ]
        sizes = [len(example.target) for example in examples]
        places = [
            row * length + length - size + at
            for row, size in enumerate(sizes)
            for at in range(size)
        ]
        wanted = [example.likely or text(example.target) for example in examples]
        weights = mx.array([example.weight for example in examples])
        owner = np.zeros((len(examples), len(places)), dtype=np.float32)
        for row, (end, size) in enumerate(zip(np.cumsum(sizes), sizes, strict=True)):
            owner[row, end - size : end] = 1 / size
        return Batch(
            shared=lower[0][:, :shared],
            rows=mx.concatenate(rows),
            padding=tuple(padding),
            places=mx.array(places),
            **_listed(wanted),
            owner=mx.array(owner),
            weights=weights / weights.sum(),
        )


def _depends(student: Learner, examples: Sequence[Example], plan: Plan, rate: float) -> str:
    """Name all that the steps of a plan depend on."""
    told = hashlib.sha256(repr((plan, rate, student.config)).encode())
    for one in examples:
        told.update(repr((one.prompt, one.target, one.weight)).encode())
        for part in (one.likely.tokens, one.likely.logprobs) if one.likely else ():
            told.update(part.tobytes())
    for name, array in leaves(student.state.adapter):
        told.update(name.encode() + np.array(array).tobytes())
    return told.hexdigest()


def text(target: Sequence[int]) -> Likely:
    """Give the distribution in which each target token is certain."""
    tokens = np.array(target, dtype=np.int32)[:, None]
    return Likely(tokens, np.zeros(tokens.shape, dtype=np.float32))


def _listed(wanted: Sequence[Likely]) -> dict[str, mx.array]:
    """Lay distributions below each other, the shorter ones filled up with what is not listed."""
    widest = max(one.tokens.shape[1] for one in wanted)
    room = [((0, 0), (0, widest - one.tokens.shape[1])) for one in wanted]
    pairs = list(zip(wanted, room, strict=True))
    tokens = np.concatenate([np.pad(one.tokens, pad) for one, pad in pairs])
    logprobs = [np.pad(one.logprobs, pad, constant_values=UNLISTED) for one, pad in pairs]
    return {"tokens": mx.array(tokens), "logprobs": mx.array(np.concatenate(logprobs))}
