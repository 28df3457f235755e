"""A Report or Finding as plain JSON values, rows, figures and text; knows no terminal, no files."""

import csv
import io
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from mlxdyn import __version__
from mlxdyn.backend import Device
from mlxdyn.evaluate import ChunkScore, Report, Result, Run, Settings, Stream
from mlxdyn.findings import Figure, Finding, Series, Table, Value
from mlxdyn.model import Model

SCHEMA = "mlxdyn.eval/1"
BINS = 24  # most points of a curve along the stream
SHOWN = 20  # most documents in the table of a terminal
DRAWN = 40  # most documents in a figure

Json = dict[str, Any]


def to_json(
    report: Report,
    model: Model,
    device: Device,
    created: datetime,
    found: Finding | None = None,
) -> Json:
    """Give the whole report the shape DESIGN.md names; numbers that are not finite become null.

    `found` says on which text a rate was chosen, if one was.
    """
    low, high = report.ci95 or (math.nan, math.nan)
    shaped = _head(model, device, created, report.settings, report.streams)
    shaped["model"]["adapter_parameters"] = report.adapter_parameters
    shaped |= {
        "runs": [_run(report.static), _run(report.dynamic)],
        "gain": {
            "nats_per_token": report.gain,
            "bits_per_byte": report.gain_bits_per_byte,
            "ci95": [low, high],
            "p_value": report.p_value,
            "within": report.within,
            "carried": report.carried,
        },
        "overhead": {"wall": report.wall, "flops": report.flops},
        "complete": report.complete,
        "self_check": report.self_check,
        "warnings": warnings(report),
    }
    if found and found.tuned_on:
        names = ("tuned_on", "reported_on", "chosen")
        shaped["tuning"] = {name: getattr(found, name) for name in names}
    return dict(_finite(shaped))


def finding_to_json(
    finding: Finding,
    model: Model,
    device: Device,
    created: datetime,
    settings: Settings,
    streams: Sequence[Stream],
) -> Json:
    """Give an experiment the same shape; its many runs are cells of `experiment`, not `runs`."""
    shaped = _head(model, device, created, settings, streams)
    shaped |= {
        "runs": [],
        "gain": {"nats_per_token": None, "bits_per_byte": None, "ci95": [None, None]},
        "overhead": {"wall": None, "flops": None},
        "experiment": asdict(finding),
    }
    return dict(_finite(shaped))


def saved_to_json(found: Finding, created: datetime) -> Json:
    """Give a comparison of saved reports the same shape, as far as there is something to say."""
    shaped = {
        "schema": SCHEMA,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "gain": {"nats_per_token": None, "bits_per_byte": None, "ci95": [None, None]},
        "experiment": asdict(found),
    }
    return dict(_finite(shaped))


def _head(
    model: Model, device: Device, created: datetime, settings: Settings, streams: Sequence[Stream]
) -> Json:
    return {
        "schema": SCHEMA,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "device": device.description,
        "blas": device.blas,
        "model": {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "parameters": model.parameters,
            "adapter_parameters": None,
            "dtype": model.dtype,
        },
        "config": asdict(settings.adapter) | asdict(settings.learner) | asdict(settings.stream),
        "streams": [
            {"path": s.path, "sha256": s.sha256, "bytes": s.bytes, "tokens": len(s.tokens)}
            for s in streams
        ],
    }


def versions() -> dict[str, str]:
    """Versions that can change a number."""
    names = ("mlx", "mlx-lm", "numpy", "transformers")
    packages = {name: version(name) for name in names}
    return {"mlxdyn": __version__, "python": platform.python_version(), **packages}


def chunk_rows(report: Report) -> Iterator[Json]:
    """Yield a plain row a chunk; nats are sums over its targets."""
    for row in report.chunks:
        yield dict(_finite({**asdict(row), "document": report.streams[row.document].path}))


def warnings(report: Report) -> list[str]:
    """Say what a reader of the numbers must know."""
    return list(report.warnings)


def table(report: Report, found: Finding | None = None) -> str:
    """Set the result as text, ready to print; `found` says what was chosen, and on which text."""
    head = ("", "nats/token", "bits/byte", "perplexity", "tokens/s", "seconds", "peak MiB")
    parts = [_align([head, *(_cells(run.name, run.total) for run in _runs(report))])]
    if len(report.streams) > 1:
        parts.append(_align(list(_documents(report))))
    if (more := len(report.streams) - SHOWN) > 0:
        parts[-1] += f"\n… and {more} more documents; --json and --csv have them all"
    chosen = _provenance(found) if found and found.tuned_on else ()
    return "\n\n".join([*parts, "\n".join([_summary(report), *chosen])])


def _summary(report: Report) -> str:
    total, stream = report.dynamic.total, report.settings.stream
    return (
        f"{_gain(report)}\n{_split(report)}"
        f"{total.tokens} tokens, each scored before it was learned; {total.updates} updates; "
        f"window {stream.window}, chunk {stream.chunk}, {stream.context}\n"
        f"dynamic costs {report.wall:.2f} times static in time, {report.flops:.2f} in operations"
    )


def _gain(report: Report) -> str:
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return f"gain {report.gain:+.4f} nats/token{spread}, {report.gain_bits_per_byte:+.4f} bits/byte"


def _split(report: Report) -> str:
    if report.within is None or report.carried is None:
        return ""
    return (
        f"of which {report.within:+.4f} was learned within each document and "
        f"{report.carried:+.4f} carried over from earlier ones\n"
    )


def _documents(report: Report) -> Iterator[tuple[str, ...]]:
    yield ("document", "tokens", "static", "dynamic", "gain")
    pairs = list(zip(report.static.documents, report.dynamic.documents, strict=True))
    for static, dynamic in pairs[:SHOWN]:
        before, after = static.nats_per_token, dynamic.nats_per_token
        numbers = (f"{before:.4f}", f"{after:.4f}", f"{before - after:+.4f}")
        yield (_shorten(static.path or ""), str(static.tokens), *numbers)


def finding(report: Report) -> Finding:
    """Say what a plain evaluation found, with its tables and figures."""
    return Finding(
        experiment="eval",
        sentence=_sentence(report),
        tables=tuple(_tables(report)),
        figures=tuple(_figures(report)),
        warnings=tuple(warnings(report)),
        reported_on=tuple(stream.name for stream in report.streams),
        self_check=f"a rate of 0 differs from static by {report.self_check:.2g} nats/token",
    )


def _sentence(report: Report) -> str:
    before, after = report.static.total, report.dynamic.total
    worth = "is worth" if report.gain >= 0 else "costs"
    doubt = ""
    if report.ci95 and report.ci95[0] <= 0 <= report.ci95[1]:
        doubt = ", which chance may explain"
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return (
        f"Learning while reading {worth} {abs(report.gain):.4f} nats/token{spread} on these "
        f"{after.tokens} tokens{doubt}: {before.nats_per_token:.4f} without, "
        f"{after.nats_per_token:.4f} with it." + _split_sentence(report)
    )


def _split_sentence(report: Report) -> str:
    said = _split(report).strip()
    return f" {said[0].upper()}{said[1:]}." if said else ""


def _tables(report: Report) -> Iterator[Table]:
    head = (
        "run", "nats/token", "bits/byte", "perplexity", "word perplexity", "tokens/s", "seconds",
        "peak MiB",
    )  # fmt: skip
    rows = tuple(_row(run.name, run.total) for run in _runs(report))
    yield Table("Static beside dynamic, on the same tokens and windows", head, rows)
    if len(report.streams) > 1:
        pairs = zip(report.static.documents, report.dynamic.documents, strict=True)
        yield Table(
            "Documents, in the order they were read",
            ("document", "tokens", "static", "dynamic", "gain"),
            tuple(
                (s.path, s.tokens, s.nats_per_token, d.nats_per_token,
                 s.nats_per_token - d.nats_per_token)
                for s, d in pairs
            ),
        )  # fmt: skip


def _row(name: str, result: Result) -> tuple[Value, ...]:
    return (
        name, result.nats_per_token, result.bits_per_byte, round(result.perplexity, 2),
        _rounded(result.word_perplexity), round(result.tokens_per_second), round(result.seconds, 2),
        round(result.peak_memory_bytes / 2**20),
    )  # fmt: skip


def _rounded(value: float) -> float | None:
    return round(value, 1) if math.isfinite(value) else None


def _figures(report: Report) -> Iterator[Figure]:
    bins = list(_bins(report.chunks))
    x = tuple(middle for middle, _ in bins)
    sides = [tuple(_mean(rows, side) for _, rows in bins) for side in ("static", "dynamic")]
    yield Figure(
        "Loss along the stream", "tokens read", "loss, nats/token",
        (Series("static", x, sides[0]), Series("dynamic", x, sides[1])),
    )  # fmt: skip
    gains = tuple(before - after for before, after in zip(*sides, strict=True))
    errors = [1.96 * _error(rows) for _, rows in bins]
    yield Figure(
        "Gain along the stream", "tokens read", "gain, nats/token",
        (Series(
            "gain", x, gains,
            tuple(g - e for g, e in zip(gains, errors, strict=True)),
            tuple(g + e for g, e in zip(gains, errors, strict=True)),
        ),),
        note="The band is 95% of what the chunks behind each point allow.",
    )  # fmt: skip
    if 1 < len(report.streams) <= DRAWN:
        yield _by_document(report)


def _by_document(report: Report) -> Figure:
    pairs = zip(report.static.documents, report.dynamic.documents, strict=True)
    gains = tuple(s.nats_per_token - d.nats_per_token for s, d in pairs)
    names = tuple(stream.path.rpartition("/")[2] for stream in report.streams)
    places = tuple(float(index) for index in range(len(gains)))
    series = Series("gain", places, gains, style="bars")
    return Figure(
        "Gain by document", "document, in the order they were read", "gain, nats/token",
        (series,), categories=names,
    )  # fmt: skip


def _bins(rows: Sequence[ChunkScore]) -> Iterator[tuple[float, list[ChunkScore]]]:
    """Yield consecutive chunks in at most BINS runs, with the tokens read at their middle."""
    size = max(1, math.ceil(len(rows) / BINS))
    read = 0
    for start in range(0, len(rows), size):
        part = list(rows[start : start + size])
        tokens = sum(row.tokens for row in part)
        yield read + tokens / 2, part
        read += tokens


def _mean(rows: Sequence[ChunkScore], side: str) -> float:
    return math.fsum(getattr(row, side) for row in rows) / sum(row.tokens for row in rows)


def _error(rows: Sequence[ChunkScore]) -> float:
    """Standard error of the gain in nats/token, chunks taken as independent (delta method)."""
    tokens = sum(row.tokens for row in rows)
    mean = math.fsum(row.static - row.dynamic for row in rows) / tokens
    if len(rows) < 2:
        return math.nan
    squares = math.fsum((row.static - row.dynamic - mean * row.tokens) ** 2 for row in rows)
    return math.sqrt(squares * len(rows) / (len(rows) - 1)) / tokens


def finding_text(found: Finding) -> str:
    """Set an experiment as text, ready to print: tables, then what they say."""
    parts = [f"{shown.title}\n{_align(text_rows(shown))}" for shown in found.tables]
    return "\n\n".join([*parts, "\n".join([said(found.sentence), *_provenance(found)])])


def _provenance(found: Finding) -> Iterator[str]:
    if found.chosen:
        yield "chosen: " + ", ".join(f"{k} {shown_value(v)}" for k, v in found.chosen.items())
    if found.tuned_on:
        yield "tuned on " + _listed(found.tuned_on)
    if found.tuned_on and found.reported_on:
        yield "reported on " + _listed(found.reported_on)
    if found.self_check:
        yield f"self-check: {found.self_check}"


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def text_rows(shown: Table) -> list[list[str]]:
    """Write the head and every row of a table as text, each column with one number format."""
    columns = [_column(column) for column in zip(*shown.rows, strict=True)]
    return [list(shown.head), *map(list, zip(*columns, strict=True))]


def _column(values: Sequence[Value]) -> list[str]:
    """Give the fractions of a column as many decimals as they need, four at most."""
    sizes = [abs(v) for v in values if isinstance(v, float) and v and math.isfinite(v)]
    if not sizes or min(sizes) < 1e-3 or max(sizes) >= 1e5:
        return [shown_value(value) for value in values]
    most = 4 if max(sizes) < 100 else 2
    decimals = max(len(f"{size:.{most}f}".rstrip("0").partition(".")[2]) for size in sizes)
    return [f"{v:.{decimals}f}" if isinstance(v, float) else shown_value(v) for v in values]


def said(sentence: str) -> str:
    """Let a sentence begin and end as one."""
    return sentence[:1].upper() + sentence[1:] + ("" if sentence.endswith((".", "!")) else ".")


def shown_value(value: Any) -> str:
    """Write a knob or number the short way: 3e-4, 0.95, 12345."""
    match value:
        case None:
            return ""
        case bool() | str() | int():
            return str(value)
        case float() if 1e5 <= abs(value) < 1e9:
            return f"{value:.0f}"
        case float():
            return f"{value:.5g}".replace("e-0", "e-").replace("e+0", "e+")
        case list() | tuple():
            return ", ".join(map(shown_value, value))
    return str(value)


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def report_csv(report: Report) -> str:
    """Write a row for each run and document, and one for each run over all of them."""
    names = list(_numbers(report.static.total))
    rows = (
        [run.name, result.path or "", *_finite(list(_numbers(result).values()))]
        for run in _runs(report)
        for result in (run.total, *run.documents)
    )
    return csv_text(["run", "document", *names], rows)


def finding_csv(found: Finding) -> str:
    """Write a row for each cell: its knobs, its numbers; without cells, the first table."""
    if not found.cells:
        shown = found.tables[0] if found.tables else Table("", (), ())
        return csv_text(shown.head, shown.rows)
    knobs = list(dict.fromkeys(name for cell in found.cells for name in cell.knobs))
    numbers = list(dict.fromkeys(name for cell in found.cells for name in cell.numbers))
    rows = (
        [
            *(cell.knobs.get(name, "") for name in knobs),
            *(_finite(cell.numbers.get(name)) for name in numbers),
            cell.seconds,
            cell.key,
        ]
        for cell in found.cells
    )
    return csv_text([*knobs, *numbers, "seconds", "key"], rows)


def _shorten(path: str, most: int = 40) -> str:
    return path if len(path) <= most else "…" + path[1 - most :]


def _cells(name: str, result: Result) -> tuple[str, ...]:
    return (
        name,
        f"{result.nats_per_token:.4f}",
        f"{result.bits_per_byte:.4f}",
        f"{result.perplexity:.2f}",
        f"{result.tokens_per_second:.0f}",
        f"{result.seconds:.2f}",
        f"{result.peak_memory_bytes / 2**20:.0f}",
    )


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Set the first column left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)


def _runs(report: Report) -> tuple[Run, Run]:
    return report.static, report.dynamic


def _run(run: Run) -> Json:
    documents = [{"path": result.path, **_numbers(result)} for result in run.documents]
    return {"name": run.name, **_numbers(run.total), "documents": documents}


def _numbers(result: Result) -> Json:
    names = (
        "nats_per_token bits_per_byte perplexity tokens bytes updates seconds tokens_per_second "
        "peak_memory_bytes words word_perplexity"
    )
    return {name: getattr(result, name) for name in names.split()}


def _finite(value: Any) -> Any:
    match value:
        case float():
            return value if math.isfinite(value) else None
        case dict():
            return {key: _finite(item) for key, item in value.items()}
        case list() | tuple():
            return [_finite(item) for item in value]
    return value
