"""Laws of the processes that draw training data."""

from collections.abc import Iterator
from itertools import count, islice

import pytest

from models.recipe.feeds import feeds

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")  # of other threads


def counted(place: int) -> Iterator[int]:
    return count(100 * place)


def short(place: int) -> Iterator[int]:
    yield place
    raise SystemExit(3)


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_each_feed_yields_what_its_place_draws_in_order(workers: int) -> None:
    found = feeds(counted, workers)
    assert [list(islice(feed, 3)) for feed in found] == [
        [100 * place + n for n in range(3)] for place in range(max(workers, 1))
    ]


def test_a_process_that_ended_is_told_and_not_waited_for() -> None:
    (feed,) = feeds(short, 1)
    assert next(feed) == 0
    with pytest.raises(RuntimeError, match="exit code 3"):
        next(feed)
