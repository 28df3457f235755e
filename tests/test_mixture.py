"""Laws of the mixture: what it can lose, whatever the text."""

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from random import Random

import pytest

from mlxdyn.lab.mixture import Mixture

TOKENS = 2000
EXACT = 1e-9  # nats a token that floats may add


def streams() -> Iterator[tuple[str, list[tuple[float, ...]]]]:
    """Losses of predictors on texts made to hurt."""
    random = Random(0)
    yield "alike", [(random.random() * 5,) * 3 for _ in range(TOKENS)]
    yield "drawn", [tuple(random.expovariate(0.3) for _ in range(4)) for _ in range(TOKENS)]
    turns = [(0.5, 9.0) if t // 100 % 2 else (9.0, 0.5) for t in range(TOKENS)]
    yield "taking turns", turns
    yield "each token the other", [(0.1, 40.0) if t % 2 else (40.0, 0.1) for t in range(TOKENS)]
    yield "the favourite fails", [(0.1, 3.0) if t < 500 else (30.0, 3.0) for t in range(TOKENS)]
    yield "one explodes", [(3.0, 4.0**t if t < 400 else math.inf) for t in range(TOKENS)]
    yield "one is no number", [(3.0, math.nan if t > 3 else 0.1) for t in range(TOKENS)]


CASES = list(streams())


def mixed(losses: Sequence[Sequence[float]], count: int, *, sharing: bool = False) -> list[float]:
    """Give the nats of a mixture, target by target."""
    return [*map(Mixture(count, sharing).mix, losses)]


@pytest.mark.parametrize(("name", "losses"), CASES, ids=[name for name, _ in CASES])
def test_a_mixture_loses_at_most_ln_k_to_the_best(
    name: str, losses: list[tuple[float, ...]]
) -> None:
    count = len(losses[0])
    best = min(filter(math.isfinite, map(math.fsum, zip(*losses, strict=True))))
    total = math.fsum(mixed(losses, count))
    assert total <= best + math.log(count) + EXACT * TOKENS


@pytest.mark.parametrize(("name", "losses"), CASES, ids=[name for name, _ in CASES])
@pytest.mark.parametrize("length", [1, 100, 250, TOKENS])
def test_fixed_share_loses_at_most_its_bound_to_the_best_in_each_stretch(
    name: str, losses: list[tuple[float, ...]], length: int
) -> None:
    """Against the best of every `length` tokens; a predictor that goes on took no turn."""
    count, bests = len(losses[0]), list[tuple[float, int]]()
    for start in range(0, TOKENS, length):
        sums = [math.fsum(column) for column in zip(*losses[start : start + length], strict=True)]
        bests.append(min((s, k) for k, s in enumerate(sums) if math.isfinite(s)))
    switches = sum(a[1] != b[1] for a, b in pairwise(bests))
    bound = (switches + 1) * (math.log(count) + math.log(TOKENS))
    total = math.fsum(mixed(losses, count, sharing=True))
    assert total <= math.fsum(s for s, _ in bests) + bound + EXACT * TOKENS


def test_equal_predictors_are_their_mixture_to_the_last_digit() -> None:
    random = Random(1)
    nats = [random.random() * 9 for _ in range(TOKENS)]
    for sharing in (False, True):
        found = list(mixed([(n, n) for n in nats], 2, sharing=sharing))
        assert found == pytest.approx(nats, rel=0, abs=1e-12)


def test_weights_are_a_distribution_that_knows_only_the_past() -> None:
    mixture = Mixture(2)
    assert mixture.weights == pytest.approx((0.5, 0.5))
    assert mixture.mix((1.0, 3.0)) == pytest.approx(-math.log((math.exp(-1) + math.exp(-3)) / 2))
    assert mixture.weights == pytest.approx((1 / (1 + math.exp(-2)), 1 / (1 + math.exp(2))))


def test_what_drifts_is_followed_by_fixed_share_only() -> None:
    """Each is right for half of the text: Bayes stays with the first, a share follows."""
    losses = [(1.0, 5.0) if t < 1000 else (5.0, 1.0) for t in range(TOKENS)]
    stays, follows = (math.fsum(mixed(losses, 2, sharing=s)) for s in (False, True))
    assert stays > 5900 and follows < 2050


def test_when_all_fail_nothing_is_forgotten() -> None:
    mixture = Mixture(2)
    mixture.mix((1.0, 2.0))
    before = mixture.weights
    assert mixture.mix((math.inf, math.nan)) == math.inf
    assert mixture.weights == before
