"""Whether the knobs of an evaluation fit the model and each other."""

import math
from collections.abc import Callable
from dataclasses import asdict

from mlxdyn.errors import MlxdynError
from mlxdyn.lab.abreast import ELEMENTWISE
from mlxdyn.lab.costs import shape
from mlxdyn.lab.results import Settings
from mlxdyn.model.load import Model
from mlxdyn.model.lora import detach, matching

LARGEST_RANK = 1024  # the largest rank of narrow bases; that of others is their width
POSITIVE = (lambda x: 0 < x < math.inf, "a number above 0")
SHARE = (lambda x: 0 <= x < 1, "0 or more, and less than 1")
NOT_NEGATIVE = (lambda x: 0 <= x < math.inf, "0 or more")
COUNT = (lambda x: x >= 1, "1 or more")
RANGES: dict[str, tuple[Callable[[float], bool], str]] = {
    "scale": (math.isfinite, "a number"),
    "seed": (lambda x: 0 <= x < 2**64, "0 or more, and less than 2**64"),
    "beta2": SHARE,
    "eps": POSITIVE,
    "max_gradient_norm": (lambda x: x > 0, "a number above 0"),  # infinite: never scaled down
    "decay": NOT_NEGATIVE,
    "shrink": SHARE,
    "momentum": SHARE,
    "damping": POSITIVE,
    "window": COUNT,
    "batch": COUNT,
}
"""What a knob can be, and in words; beyond it a step goes up the gradient, or is no number."""


def check(model: Model, settings: Settings) -> None:
    """Raise MlxdynError when the knobs fit neither the model nor each other."""
    adapter = settings.adapter
    for rate in (settings.learner.learning_rate, *settings.beside):
        if rate < 0:
            raise MlxdynError(f"a learning rate of {rate:g} unlearns; use 0 or more")
        if not math.isfinite(rate):
            raise MlxdynError(f"{rate:g} is no learning rate; use a number, 0 or more")
    _check_ranges(settings)
    if adapter.adapt == "lora":
        most = max(LARGEST_RANK, shape(model)[2])
        if not 1 <= adapter.rank <= most:
            raise MlxdynError(f"a rank of {adapter.rank} is none; use 1 to {most}")
        detach(model)
        if not matching(model, adapter):
            raise MlxdynError(
                f"{model.name} has no linear layer in targets {adapter.targets!r}, layers "
                f"{adapter.layers!r}; targets are all, mlp, attention or names such as q_proj"
            )
    _check_batch(settings)
    stream, most = settings.stream, model.context_size
    if stream.window > most:
        raise MlxdynError(
            f"a window of {stream.window} is more than the {most} tokens {model.name} was trained "
            f"on; use --window {most} or less"
        )
    if not 1 <= stream.chunk <= stream.window:
        raise MlxdynError(
            f"a chunk of {stream.chunk} does not fit a window of {stream.window} tokens; "
            f"use --chunk {max(1, stream.window // 4)}"
        )


def _check_ranges(settings: Settings) -> None:
    """Raise MlxdynError that names every knob beyond its range."""
    values = asdict(settings.adapter) | asdict(settings.learner) | asdict(settings.stream)
    wrong = [
        f"{name}={values[name]} is out of range, use {said}"
        for name, (fits, said) in RANGES.items()
        if not fits(values[name])
    ]
    if wrong:
        raise MlxdynError("; ".join(wrong))


def _check_batch(settings: Settings) -> None:
    """Raise MlxdynError where documents cannot be read side by side."""
    if settings.stream.batch == 1:
        return
    if settings.stream.reset != "document":
        raise MlxdynError(
            "documents that are read side by side learn nothing from one another; say so with "
            "--reset document, or leave --batch out"
        )
    if settings.adapter.adapt != "lora" or settings.learner.optimizer not in ELEMENTWISE:
        raise MlxdynError(
            f"--batch is for LoRA and the optimizers {', '.join(ELEMENTWISE)}; full weights would "
            "be held once for each document"
        )
