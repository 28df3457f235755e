"""Laws of how sure a gain is."""

import pytest

from mlxdyn.lab import bootstrap
from mlxdyn.lab.results import ChunkScore


def rows(gains: list[float], documents: int = 1) -> list[ChunkScore]:
    return [ChunkScore(i % documents, 1, 10, 10 * g, 0.0, 0.0, 0.0) for i, g in enumerate(gains)]


def test_interval_holds_the_gain() -> None:
    even = bootstrap.interval(rows([0.5] * 30), seed=0)
    assert even == pytest.approx((0.5, 0.5))
    wavy = bootstrap.interval(rows([0.0, 1.0, 0.2, 0.9] * 10), seed=0)
    assert wavy is not None and wavy[0] < 0.525 < wavy[1]
    assert wavy == bootstrap.interval(rows([0.0, 1.0, 0.2, 0.9] * 10), seed=0)


def test_interval_needs_two_blocks() -> None:
    assert bootstrap.interval(rows([0.5]), seed=0) is None


def test_documents_are_the_blocks_when_there_are_enough() -> None:
    """Documents that agree give no spread, however much their chunks differ."""
    assert bootstrap.interval(
        sorted(rows([0.0] * 6 + [1.0] * 6, 6), key=lambda row: row.document), seed=0
    ) == pytest.approx((0.5, 0.5))


def test_a_gain_of_chance_is_not_significant() -> None:
    coin = bootstrap.p_value(rows([0.5, -0.5, -0.4, 0.4] * 20), seed=0)
    sure = bootstrap.p_value(rows([0.5, 0.3, 0.4, 0.6] * 20), seed=0)
    assert coin is not None and coin > 0.6
    assert sure == 1 / bootstrap.RESAMPLES
    assert bootstrap.p_value(rows([0.5]), seed=0) is None


def test_significance_comes_with_tokens_and_must_last() -> None:
    late = rows([0.1, -0.1] * 20 + [0.5] * 60)
    found = bootstrap.significant_after(late, seed=0)
    assert found is not None and 400 < found < 1000
    assert bootstrap.significant_after(rows([0.5] * 30 + [-1.0] * 60), seed=0) is None
    assert bootstrap.significant_after(rows([0.0] * 30), seed=0) is None


def test_the_p_value_counts_both_tails() -> None:
    weak = rows([1.0, -0.7, 0.4, -0.5, 0.3, -0.1, 0.6, -0.4, 0.2] * 3)
    gains = bootstrap.resampled(weak, 0)
    assert gains is not None
    below = float((gains <= 0).mean())
    assert 0.01 < below < 0.45
    assert bootstrap.p_value(weak, seed=0) == pytest.approx(2 * below)
