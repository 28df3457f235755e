"""How does the gain go along a stream, and when is it significant?"""

import math
from collections.abc import Sequence
from itertools import pairwise

from mlxdyn.lab import batch_means
from mlxdyn.lab.charts import HEAD, MIXES
from mlxdyn.lab.experiment import Lab
from mlxdyn.lab.findings import CellValue, Figure, Finding, Series, Table
from mlxdyn.lab.results import ChunkScore
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import chunks

POSITION_BINS = 20  # of a stream, in pictures
CHUNKS = 3  # in a bin, at least: an interval needs some


def position(lab: Lab) -> Finding:
    """Gain along the stream, cumulative, and regret against the last weights."""
    lab.planned = 1
    hindsight: list[float] = []

    def again(learner: Learner) -> None:
        for stream in lab.streams:
            for chunk in chunks(stream.tokens, lab.settings.stream):
                hindsight.append(math.fsum(learner.score(chunk).nll))

    report = lab.report(split=len(lab.streams) > 1, after=again)
    rows = report.chunks
    when = batch_means.significant_after(rows)
    quarters = _bins(rows, 4)

    def sentence() -> str:
        first, last = (
            _mean(q, "static") - _mean(q, "dynamic") for q in (quarters[0], quarters[-1])
        )
        sure = f"is significant after {when} tokens" if when else "is not significant"
        split = (
            f"; {report.within:+.3f} of it within documents, {report.carried:+.3f} carried over"
            if report.within is not None and report.carried is not None
            else ""
        )
        mixed = report.static.total.nats_per_token - report.mix.total.nats_per_token
        return (
            f"learning gains {report.gain:+.3f} nats/token ({mixed:+.3f} mixed with static), "
            f"{first:+.3f} in the first quarter and {last:+.3f} in the last; the gain {sure}{split}"
        )

    titles = [f"quarter {i + 1}" for i in range(len(quarters))]
    table = Table(
        "by quarter of the stream, nats/token",
        (*HEAD, *MIXES),
        tuple(_bin_row(t, q) for t, q in zip(titles, quarters, strict=True)),
    )
    figures = [_along(rows), _cumulative(rows, hindsight)]
    chosen = {"significant_after": when, "within": report.within, "carried": report.carried}
    return lab.finding("position", sentence, tables=[table], figures=figures, chosen=chosen)


def _bins(rows: Sequence[ChunkScore], count: int) -> list[Sequence[ChunkScore]]:
    edges = [round(i * len(rows) / count) for i in range(count + 1)]
    return [rows[a:b] for a, b in pairwise(edges) if a < b]


def _mean(rows: Sequence[ChunkScore], side: str) -> float:
    return math.fsum(getattr(r, side) for r in rows) / sum(r.tokens for r in rows)


def _bin_row(title: str, rows: Sequence[ChunkScore]) -> tuple[CellValue, ...]:
    static, dynamic = _mean(rows, "static"), _mean(rows, "dynamic")
    low, high = batch_means.interval(rows) or (None, None)
    mixes = (_mean(rows, "mixed"), _mean(rows, "shared"))
    return title, static, dynamic, static - dynamic, low, high, *mixes


def _ends(bins: Sequence[Sequence[ChunkScore]]) -> list[float]:
    """Tokens done at the end of each bin."""
    done, ends = 0, []
    for some in bins:
        done += sum(row.tokens for row in some)
        ends.append(float(done))
    return ends


def _along(rows: Sequence[ChunkScore]) -> Figure:
    bins = _bins(rows, max(1, min(POSITION_BINS, len(rows) // CHUNKS)))
    spread = [batch_means.interval(some) or (math.nan, math.nan) for some in bins]
    series = Series(
        "gain",
        tuple(_ends(bins)),
        tuple(_mean(some, "static") - _mean(some, "dynamic") for some in bins),
        tuple(low for low, _ in spread),
        tuple(high for _, high in spread),
    )
    note = "static minus dynamic on the same tokens, with a 95% band"
    return Figure("Gain along the stream", "tokens", "gain, nats/token", (series,), note=note)


def _cumulative(rows: Sequence[ChunkScore], hindsight: Sequence[float]) -> Figure:
    bins = _bins(rows, POSITION_BINS)
    ends = _ends(bins)
    counts = [sum(map(len, bins[: i + 1])) for i in range(len(bins))]
    spread = [batch_means.interval(rows[:k]) or (math.nan, math.nan) for k in counts]
    saved = [math.fsum(r.static - r.dynamic for r in rows[:k]) for k in counts]
    series = [
        Series(
            "saved against static",
            tuple(ends),
            tuple(saved),
            tuple(low * end for (low, _), end in zip(spread, ends, strict=True)),
            tuple(high * end for (_, high), end in zip(spread, ends, strict=True)),
        )
    ]
    if hindsight:
        regret = [math.fsum(r.dynamic for r in rows[:k]) - math.fsum(hindsight[:k]) for k in counts]
        series.append(Series("regret against the last weights", tuple(ends), tuple(regret)))
    mixed = tuple(math.fsum(r.static - r.mixed for r in rows[:k]) for k in counts)
    series.append(Series("saved by the mixture of both", tuple(ends), mixed))
    note = "the last weights have seen the text: their loss is a bound, not a result"
    return Figure("Cumulative regret", "tokens", "nats", tuple(series), note=note)
