"""The guard: how far learning has moved what should have stayed as it was."""

from collections.abc import Generator, Sequence
from typing import TypeVar

from mlxdyn.learn.example import Example
from mlxdyn.learn.trainer import Trainer

T = TypeVar("T")
EVERY = 4  # each fourth answer of the regularization set guards; the others are trained on


def split(held: Sequence[T]) -> tuple[list[T], list[T]]:
    """Part a regularization set into what is trained on and what only guards."""
    return [one for i, one in enumerate(held) if i % EVERY], list(held[::EVERY])


def read(trainer: Trainer, guarding: Sequence[Example]) -> Generator[None, None, float]:
    """Measure drift: mean KL(base || now) over the guarding answers, in nats per token."""
    moved = yield from trainer.measure(guarding)
    tokens = [len(one.target) for one in guarding]
    total = sum(m * n for m, n in zip(moved, tokens, strict=True))
    return total / max(sum(tokens), 1)
