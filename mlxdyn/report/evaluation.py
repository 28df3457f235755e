"""A plain evaluation as a Finding: what it says in one sentence, its tables and its figures."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from mlxdyn.lab import batch_means
from mlxdyn.lab.catalog import visible
from mlxdyn.lab.findings import CellValue, Figure, Finding, Series, Table
from mlxdyn.lab.results import ChunkScore, Report, Result

CURVE_POINTS = 24  # most points of a curve along the stream
SOME = 4  # chunks behind a point that it takes to say how sure it is
BAND = "The band is 95% of what the chunks behind each point allow."
DRAWN = 40  # most documents in a figure


def finding(report: Report) -> Finding:
    """Say what a plain evaluation found, with its tables and figures."""
    return Finding(
        experiment="eval",
        sentence=_sentence(report),
        tables=tuple(_tables(report)),
        figures=tuple(_figures(report)),
        warnings=report.warnings,
        reported_on=tuple(stream.name for stream in report.streams),
        loss=report.loss,
        self_check=f"a rate of 0 differs from static by {report.self_check:.2g} nats/token",
    )


def _sentence(report: Report) -> str:
    before, after = report.static.total, report.learned.total
    worth = "is worth" if report.gain >= 0 else "costs"
    doubt = ""
    if report.ci95 and report.ci95[0] <= 0 <= report.ci95[1]:
        doubt = ", which chance may explain"
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return (
        f"Learning while reading {worth} {abs(report.gain):.4f} nats/token{spread} on these "
        f"{after.tokens} tokens{doubt}: {before.nats_per_token:.4f} without, "
        f"{after.nats_per_token:.4f} with it." + _mix_sentence(report) + _split_sentence(report)
    )


def _mix_sentence(report: Report) -> str:
    if not report.settings.mix:
        return ""
    alone = report.dynamic.total.nats_per_token
    return (
        f" With it means: both predict together, weighted by how well each has predicted so far. "
        f"Learning alone: {alone:.4f}."
    )


def _split_sentence(report: Report) -> str:
    said = split(report)
    return f" {said}." if said else ""


def split(report: Report) -> str:
    """Say how much of the gain was carried over between documents; "" with one document."""
    if report.within is None or report.carried is None:
        return ""
    return (
        f"{report.within:+.4f} of it was learned within each document, "
        f"{report.carried:+.4f} was carried over from earlier ones"
    )


def _tables(report: Report) -> Iterator[Table]:
    head = (
        "run", "nats/token", "bits/byte", "perplexity", "word perplexity", "tokens/s", "seconds",
        "peak MiB",
    )  # fmt: skip
    rows = tuple(_row(run.name, run.total) for run in report.runs)
    yield Table("Static beside dynamic, on the same tokens and windows", head, rows)
    if len(report.streams) > 1:
        pairs = zip(report.static.documents, report.learned.documents, strict=True)
        yield Table(
            "Documents, in the order they were read",
            ("document", "tokens", "static", report.learned.name, "gain"),
            tuple(
                (s.path, s.tokens, s.nats_per_token, d.nats_per_token,
                 s.nats_per_token - d.nats_per_token)
                for s, d in pairs
            ),
        )  # fmt: skip


def _row(name: str, result: Result) -> tuple[CellValue, ...]:
    return (
        name, result.nats_per_token, result.bits_per_byte, round(result.perplexity, 2),
        large(result.word_perplexity), round(result.tokens_per_second), round(result.seconds, 2),
        round(result.peak_memory_bytes / 2**20),
    )  # fmt: skip


def large(value: float) -> str:
    """Write a perplexity of words, which may be of any size: 512.3, 4.51e8."""
    if not math.isfinite(value):
        return ""
    return f"{value:.1f}" if value < 1e5 else f"{value:.2e}".replace("e+0", "e").replace("e+", "e")


def _figures(report: Report) -> Iterator[Figure]:
    bins = list(_bins(report.chunks))
    x = tuple(middle for middle, _ in bins)
    learned = "mixed" if report.settings.mix else "dynamic"
    names = ("static", "dynamic", "mixed") if report.settings.mix else ("static", "dynamic")
    sides = {side: tuple(_mean(rows, side) for _, rows in bins) for side in names}
    yield Figure(
        "Loss along the stream", "tokens read", "loss, nats/token",
        tuple(Series(side, x, losses) for side, losses in sides.items()),
    )  # fmt: skip
    pairs = zip(sides["static"], sides[learned], strict=True)
    gains = tuple(before - after for before, after in pairs)
    errors = [_half(rows, learned) for _, rows in bins]
    yield Figure(
        "Gain along the stream", "tokens read", "gain, nats/token",
        (Series(
            "gain", x, gains,
            tuple(g - e for g, e in zip(gains, errors, strict=True)),
            tuple(g + e for g, e in zip(gains, errors, strict=True)),
        ),),
        note=BAND if any(map(math.isfinite, errors)) else "",
    )  # fmt: skip
    if 1 < len(report.streams) <= DRAWN:
        yield _by_document(report)


def _by_document(report: Report) -> Figure:
    pairs = zip(report.static.documents, report.learned.documents, strict=True)
    gains = tuple(s.nats_per_token - d.nats_per_token for s, d in pairs)
    names = tuple(visible(stream.path.rpartition("/")[2]) for stream in report.streams)
    places = tuple(float(index) for index in range(len(gains)))
    series = Series("gain", places, gains, style="bars")
    return Figure(
        "Gain by document", "document, in the order they were read", "gain, nats/token",
        (series,), categories=names,
    )  # fmt: skip


def _bins(rows: Sequence[ChunkScore]) -> Iterator[tuple[float, list[ChunkScore]]]:
    """Yield consecutive chunks in at most BINS runs, with the tokens read at their middle."""
    size = max(1, math.ceil(len(rows) / CURVE_POINTS), min(SOME, len(rows) // SOME))
    read = 0
    for start in range(0, len(rows), size):
        part = list(rows[start : start + size])
        tokens = sum(row.tokens for row in part)
        yield read + tokens / 2, part
        read += tokens


def _mean(rows: Sequence[ChunkScore], side: str) -> float:
    return math.fsum(getattr(row, side) for row in rows) / sum(row.tokens for row in rows)


def _half(rows: Sequence[ChunkScore], side: str) -> float:
    """Half of the 95% interval of the gain in nats/token, chunks taken as independent."""
    if len(rows) < SOME:
        return math.nan
    judged = [replace(row, document=i, dynamic=getattr(row, side)) for i, row in enumerate(rows)]
    found = batch_means.estimate(judged)
    return (found.interval[1] - found.interval[0]) / 2 if found else math.nan
