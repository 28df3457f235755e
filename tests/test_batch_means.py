"""Laws of how sure a gain is."""

import numpy as np
import pytest

from mlxdyn.lab import batch_means
from mlxdyn.lab.results import ChunkScore


def rows(gains: list[float], documents: int = 1) -> list[ChunkScore]:
    return [ChunkScore(i % documents, 1, 10, 10 * g, 0.0, 0.0, 0.0) for i, g in enumerate(gains)]


def test_interval_holds_the_gain() -> None:
    even = batch_means.interval(rows([0.5] * 30))
    assert even == pytest.approx((0.5, 0.5))
    wavy = batch_means.interval(rows([0.0, 1.0, 0.2, 0.9] * 10))
    assert wavy is not None and wavy[0] < 0.525 < wavy[1]


def test_interval_needs_two_blocks() -> None:
    assert batch_means.interval(rows([0.5])) is None


def test_documents_are_the_blocks_when_there_are_enough() -> None:
    """Documents that agree give no spread, however much their chunks differ."""
    assert batch_means.interval(
        sorted(rows([0.0] * 6 + [1.0] * 6, 6), key=lambda row: row.document)
    ) == pytest.approx((0.5, 0.5))


def test_a_gain_of_chance_is_not_significant() -> None:
    coin = batch_means.p_value(rows([0.5, -0.5, -0.4, 0.4] * 20))
    sure = batch_means.p_value(rows([0.5, 0.3, 0.4, 0.6] * 20))
    assert coin is not None and coin > 0.6
    assert sure is not None and sure < 1e-6
    assert batch_means.p_value(rows([0.5])) is None


def test_significance_comes_with_tokens_and_must_last() -> None:
    late = rows([0.1, -0.1] * 20 + [0.5] * 60)
    found = batch_means.significant_after(late)
    assert found is not None and 400 < found < 1000
    assert batch_means.significant_after(rows([0.5] * 30 + [-1.0] * 60)) is None
    assert batch_means.significant_after(rows([0.0] * 30)) is None


def test_the_p_value_is_that_of_the_interval() -> None:
    """An interval that just leaves 0 out goes with a p-value just below 0.05."""
    weak = rows([1.0, -0.7, 0.4, -0.5, 0.3, -0.1, 0.6, -0.4, 0.2] * 3)
    found = batch_means.estimate(weak)
    assert found is not None and found.p_value == batch_means.p_value(weak)
    edge = found.gain - found.interval[0]
    for moved, chance in ((edge - 0.01, True), (edge + 0.01, False)):
        other = batch_means.estimate(rows([r.static / 10 + moved - found.gain for r in weak]))
        assert other is not None
        assert (other.interval[0] < 0) == chance == (other.p_value > 0.05)


def test_without_any_difference_p_is_one() -> None:
    assert batch_means.p_value(rows([0.0] * 9)) == 1.0


@pytest.mark.parametrize(
    ("freedom", "t"),  # of the table in every textbook
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (10, 2.228), (29, 2.045), (120, 1.980)],
)
def test_t_is_that_of_the_tables(freedom: int, t: float) -> None:
    assert batch_means.t_quantile(0.95, freedom) == pytest.approx(t, abs=5e-4)


@pytest.mark.parametrize("size", [4, 7, 16, 40])
def test_intervals_hold_what_they_promise(size: int) -> None:
    """Of 500 samples without a gain about 95 in 100 hold zero, however few their chunks."""
    draws = np.random.default_rng(size).normal(size=(500, size))
    found = [batch_means.interval(rows([float(x) for x in draw])) for draw in draws]
    held = sum(one is not None and one[0] <= 0 <= one[1] for one in found)
    assert held >= 0.92 * len(draws)


@pytest.mark.parametrize("cases", [5, 12, 45])
@pytest.mark.parametrize("share", [0.02, 0.15, 0.5, 0.85])
def test_intervals_of_shares_hold_what_they_promise(cases: int, share: float) -> None:
    """Of people who are asked one to three things each, and know much or little of them."""
    held, draws, rng = 0, 300, np.random.default_rng(cases)
    for _ in range(draws):
        asked = rng.integers(1, 4, size=cases)
        knows = rng.beta(share * 7 / 3, (1 - share) * 7 / 3, size=cases)  # correlated by 0.3
        found = batch_means.share_interval(np.stack([rng.binomial(asked, knows), asked], axis=1))
        assert found is not None
        held += 0 <= found[0] <= share <= found[1] <= 1
    assert held >= 0.91 * draws


@pytest.mark.parametrize(("right", "limits"), [(0, (0.0, 0.522)), (3, (0.478, 1.0))])
def test_all_or_none_of_a_few_are_no_certainty(right: int, limits: tuple[float, float]) -> None:
    """The exact limit of five (Clopper and Pearson 1934), however much each was asked."""
    found = batch_means.share_interval(np.array([[right, 3]] * 5))
    assert found == pytest.approx(limits, abs=5e-4)
    even = batch_means.share_interval(np.array([[1, 2]] * 5))  # no spread is no certainty either
    assert even is not None and even[0] < 0.2 and even[1] > 0.8
    odd = batch_means.share_interval(np.array([[7, 25]] * 6))  # whose error is 2e-17, not 0
    assert odd is not None and odd[1] - odd[0] > 0.5
    assert batch_means.share_interval(np.array([[1, 2]])) is None
