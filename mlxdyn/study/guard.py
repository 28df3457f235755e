"""The guard: how far learning has moved the model on text it should have left alone."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mlxdyn.config import StudyConfig
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.study.anchors import Anchors

TOGETHER = 8  # anchors in one forward pass, which is one micro-step


@dataclass(frozen=True, slots=True)
class Reading:
    """What the anchors say: nll of the talks, mean KL(base || now) on the asks; nats per token."""

    nll: float
    divergence: float


def read(learner: Learner, anchors: Anchors) -> Generator[None, None, Reading]:
    """Measure the current weights on the anchors that guard, a few at a time."""
    talks = yield from _sums(learner, anchors.guarding_talks, divergence=False)
    asks = yield from _sums(learner, anchors.guarding_asks, divergence=True)
    return Reading(talks[0] / max(talks[2], 1), asks[1] / max(asks[2], 1))


def _sums(
    learner: Learner, anchors: Sequence[Chunk], *, divergence: bool
) -> Generator[None, None, tuple[float, float, float]]:
    nll = moved = tokens = 0.0
    ordered = sorted(anchors, key=lambda anchor: len(anchor.targets))  # little padding
    for first in range(0, len(ordered), TOGETHER):
        for seen in learner.probe(ordered[first : first + TOGETHER], divergence=divergence):
            nll, moved, tokens = nll + seen.nll, moved + seen.divergence, tokens + seen.tokens
        yield
    return nll, moved, tokens


def breach(start: Reading, now: Reading, config: StudyConfig) -> str:
    """Say which bound is broken; "" when both hold. `start` is the memory before any lesson."""
    drift = now.nll - start.nll
    if not drift <= config.max_drift:
        return f"anchors got {drift:.3f} nats/token worse (bound {config.max_drift:g})"
    divergence = now.divergence - start.divergence
    if not divergence <= config.max_divergence:
        bound = config.max_divergence
        return f"answers to the unknown moved {divergence:.3f} nats (KL, bound {bound:g})"
    return ""
