"""What an update learns from, frozen: prompt, target, and whose distribution is the target.

Plain values and bytes: it knows no MLX, no ledger and no text. NumPy is imported where it is used,
so that commands which only look need not wait for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Kind(StrEnum):
    """What an example is for."""

    FACT = "fact"  # the base's answer with the messages in its context
    NEAR_MISS = "near_miss"  # the bare base's answer to a question that the messages leave open
    REGULARIZATION = "regularization"  # the bare base's answer to what has nothing to do with them


@dataclass(frozen=True, slots=True, eq=False)
class Likely:
    """The K likeliest tokens at each of T places, with their log-probabilities in nats.

    What they leave of the distribution counts as one bucket.
    """

    tokens: NDArray[np.int32]  # (T, K)
    logprobs: NDArray[np.float32]  # (T, K)


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Target tokens after a prompt, each with the distribution to learn there.

    `likely` None makes the text itself the target: all probability on the target token.
    """

    kind: Kind
    prompt: tuple[int, ...]
    target: tuple[int, ...]
    likely: Likely | None
    weight: float = 1.0

    @property
    def inputs(self) -> tuple[int, ...]:
        return self.prompt + self.target[:-1]


@dataclass(frozen=True, slots=True, eq=False)
class Draft:
    """An example with the words that a person reads, before it is kept."""

    question: str
    answer: str
    example: Example


def with_floor(likely: Likely, target: tuple[int, ...], least: float) -> Likely:
    """Give each target token a share of at least `least`; others keep their proportions.

    Tokens of `target` are listed, with shares below 1 where they are below `least`.
    """
    import numpy as np

    own = likely.tokens == np.asarray(target)[:, None]
    shares = np.exp(likely.logprobs[own].astype(np.float64))[:, None]
    sunk = likely.logprobs + np.log((1 - least) / np.maximum(1 - shares, 1 - least))
    raised = np.where(own, np.log(np.maximum(shares, least)), sunk)
    return Likely(likely.tokens, raised.astype(np.float32))


def dump_tokens(tokens: tuple[int, ...]) -> bytes:
    import numpy as np

    return np.asarray(tokens, dtype="<i4").tobytes()


def load_tokens(data: bytes) -> tuple[int, ...]:
    import numpy as np

    return tuple(np.frombuffer(data, dtype="<i4").tolist())


def dump_likely(likely: Likely | None) -> bytes | None:
    """Give the bytes of a distribution: K, then tokens, then log-probabilities."""
    import numpy as np

    if likely is None:
        return None
    size = np.asarray([likely.tokens.shape[1]], dtype="<i4").tobytes()
    tokens, logprobs = likely.tokens.astype("<i4"), likely.logprobs.astype("<f4")
    return size + tokens.tobytes() + logprobs.tobytes()


def load_likely(data: bytes | None) -> Likely | None:
    """Undo `dump_likely`; raise ValueError for bytes that are none."""
    import numpy as np

    if data is None:
        return None
    size = int(np.frombuffer(data[:4], dtype="<i4")[0])
    body = data[4:]
    if size < 1 or len(body) % (8 * size):
        raise ValueError("a distribution of odd length")
    half = len(body) // 2
    tokens = np.frombuffer(body[:half], dtype="<i4").reshape(-1, size)
    logprobs = np.frombuffer(body[half:], dtype="<f4").reshape(-1, size)
    return Likely(tokens, logprobs)
