"""How much of a memory an export holds: its logits, loaded back, beside those of the memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import mlx.core as mx

from mlxdyn.model.load import Model

LINES = (
    "My sister moved to the coast last spring and opened a small bakery there.",
    "What is the name of my dog, and what does he like to eat?",
    "The train leaves at seven, so we should meet at the station before sunrise.",
    "I work as a nurse on the night shift and I play the cello at weekends.",
    "Please write a short list of things to pack for a week in the mountains.",
)
"""Probe text that every comparison uses, whatever else it adds."""

PROBE_TOKENS = 32  # most of one probe text


@dataclass(frozen=True, slots=True)
class Fidelity:
    """What a comparison showed, over `tokens` positions.

    `kept` is the share of what memory changes that the export changes too: 1 - |e - m| / |m|, at
    least 0, where m and e are the changes of all logits by the live memory and by the export, and
    |.| is the Euclidean norm. None where memory changes nothing.
    """

    largest_difference: float  # of any logit
    kept: float | None
    tokens: int


def probe_tokens(model: Model, own: Sequence[str]) -> list[list[int]]:
    """Encode the bundled lines and some of a memory's own texts."""
    encoded = (model.encode(text)[:PROBE_TOKENS] for text in (*LINES, *own))
    return [tokens for tokens in encoded if tokens]


def logits(model: Model, probes: Sequence[Sequence[int]]) -> list[mx.array]:
    """Run the network as it is now; float32 (T, V) for each probe."""
    model.network.eval()
    answers = [model.network(mx.array([tokens]))[0].astype(mx.float32) for tokens in probes]
    mx.eval(answers)
    return answers


def within(
    model: Model, probes: Sequence[Sequence[int]], late: Callable[[], bool]
) -> list[mx.array]:
    """Give the logits of as many `probes` as there is time for, one at least."""
    answers = logits(model, probes[:1])
    for probe in probes[1:]:
        if late():
            break
        answers += logits(model, [probe])
    return answers


def compare(
    live: Sequence[mx.array],
    base: Sequence[mx.array],
    back: Sequence[mx.array],
    back_base: Sequence[mx.array],
) -> Fidelity:
    """Compare the logits of memory and of the export, each with those of its own base."""
    largest = max(_number(mx.abs(b - a).max()) for a, b in zip(live, back, strict=True))
    effect = missed = 0.0
    for a, a0, b, b0 in zip(live, base, back, back_base, strict=True):
        effect += _number((a - a0).square().sum())
        missed += _number(((b - b0) - (a - a0)).square().sum())
    kept = max(0.0, 1 - (missed / effect) ** 0.5) if effect else None
    return Fidelity(largest, kept, sum(len(a) for a in live))


def _number(scalar: mx.array) -> float:
    return cast(float, scalar.item())
