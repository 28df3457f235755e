"""How far learned weights have moved on text that the base itself writes."""

import math
from collections.abc import Sequence
from typing import cast

import mlx.core as mx

from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model

SAMPLES, LENGTH = 16, 64  # texts, and tokens of each


def anchors(
    model: Model, *, seed: int, samples: int = SAMPLES, length: int = LENGTH
) -> list[Chunk]:
    """Let the bare base write: texts drawn at temperature 1 from its own distribution.

    On them, nll now minus nll of the base estimates KL(base || now) in nats per token.
    """
    start = first_token(model)
    cache, key = model.new_cache(), mx.random.key(seed)
    column = mx.full((samples, 1), start)
    columns = [column]
    for _ in range(length):
        key, now = mx.random.split(key)
        logits = model.network(column, cache=cache)[:, -1].astype(mx.float32)
        column = mx.random.categorical(logits, key=now)[:, None]
        mx.eval(column, [layer.state for layer in cache])
        columns.append(column)
    rows = cast(list[list[int]], mx.concatenate(columns, axis=1).tolist())
    return [Chunk(context=(row[0],), targets=tuple(row[1:])) for row in rows]


def first_token(model: Model) -> int:
    """The token that a text begins with."""
    begun = model.encode("")
    tokenizer = model.tokenizer
    named = (tokenizer.bos_token_id, tokenizer.eos_token_id)
    return begun[0] if begun else next((t for t in named if t is not None), 0)


def mean_nll(learner: Learner, chunks: Sequence[Chunk]) -> float:
    """Nats per target over `chunks`, scored by the weights of now."""
    nll = [n for chunk in chunks for n in learner.score(chunk).nll]
    return math.fsum(nll) / len(nll)
