"""A Report or Finding as text, ready to print; knows no terminal."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from mlxdyn.lab.findings import CellValue, Finding, Table
from mlxdyn.lab.results import Report, Result
from mlxdyn.report.evaluation import large, split

DOCUMENTS_SHOWN = 20  # most documents in the table


def table(report: Report, found: Finding | None = None) -> str:
    """Set the result as text, ready to print; `found` says what was chosen, and on which text."""
    head = (
        "", "nats/token", "bits/byte", "perplexity", "of words", "tokens/s", "seconds", "peak MiB",
    )  # fmt: skip
    parts = [_align([head, *(_cells(run.name, run.total) for run in report.runs)])]
    if report.loss:
        parts.insert(0, said(report.loss))
    if len(report.streams) > 1:
        parts.append(_align(list(_documents(report))))
    if (more := len(report.streams) - DOCUMENTS_SHOWN) > 0:
        parts[-1] += f"\n… and {more} more documents; --json and --csv have them all"
    chosen = _choices(found) if found else ()
    return "\n\n".join([*parts, "\n".join([_summary(report), *chosen])])


def _summary(report: Report) -> str:
    total, stream, bytes_ = report.dynamic.total, report.settings.stream, report.footprint
    parts = f"{split(report)}\n" if split(report) else ""
    return (
        f"{_gain(report)}\n{parts}"
        f"{_many(total.tokens, 'token')}, each scored before it was learned; "
        f"{_many(total.updates, 'update')}; "
        f"window {stream.window}, chunk {stream.chunk}, {stream.context}\n"
        f"{report.learned.name} costs {report.wall:.2f} times static in time, "
        f"{report.flops:.2f} in operations\n"
        f"keys and values take {_size(bytes_.kv)} for the window; learning adds "
        f"{_size(bytes_.adapter)} of adapter and {_size(bytes_.optimizer)} of optimizer\n"
        f"self-check: learning at a rate of 0 equals static, largest difference "
        f"{report.self_check:.2g} nats/token"
    )


def _size(count: int) -> str:
    return f"{count / 2**10:.0f} KiB" if count < 2**20 else f"{count / 2**20:.1f} MiB"


def _many(count: int, name: str) -> str:
    return f"{count} {name}{'s' * (count != 1)}"


def _gain(report: Report) -> str:
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    gain = f"{report.gain:+.4f} nats/token{spread}, {report.gain_bits_per_byte:+.4f} bits/byte"
    if not report.settings.mix:
        return f"gain {gain}"
    alone = report.static.total.nats_per_token - report.dynamic.total.nats_per_token
    return (
        f"gain {gain}, static and dynamic mixed; dynamic alone {alone:+.4f}\n"
        f"the mix can lose to the best of them at most {report.bound:.2f} nats over the whole text"
    )


def _documents(report: Report) -> Iterator[tuple[str, ...]]:
    yield ("document", "tokens", "static", report.learned.name, "gain")
    pairs = list(zip(report.static.documents, report.learned.documents, strict=True))
    for static, dynamic in pairs[:DOCUMENTS_SHOWN]:
        before, after = static.nats_per_token, dynamic.nats_per_token
        numbers = (f"{before:.4f}", f"{after:.4f}", f"{before - after:+.4f}")
        yield (_shorten(static.path or ""), str(static.tokens), *numbers)


def _shorten(path: str, most: int = 40) -> str:
    return path if len(path) <= most else "…" + path[1 - most :]


def _cells(name: str, result: Result) -> tuple[str, ...]:
    return (
        name,
        f"{result.nats_per_token:.4f}",
        f"{result.bits_per_byte:.4f}",
        f"{result.perplexity:.2f}",
        large(result.word_perplexity),
        f"{result.tokens_per_second:.0f}",
        f"{result.seconds:.2f}",
        f"{result.peak_memory_bytes / 2**20:.0f}",
    )


def finding_text(found: Finding) -> str:
    """Set an experiment as text, ready to print: tables, then what they say."""
    parts = [f"{shown.title}\n{_align(text_rows(shown))}" for shown in found.tables]
    return "\n\n".join([*parts, "\n".join([said(found.sentence), *_provenance(found)])])


def _provenance(found: Finding) -> Iterator[str]:
    yield from _choices(found)
    if found.self_check:
        yield f"self-check: {found.self_check}"


def _choices(found: Finding) -> Iterator[str]:
    if found.choice:
        yield found.choice
    elif found.chosen:
        yield "chosen: " + ", ".join(f"{k} {shown_value(v)}" for k, v in found.chosen.items())
    if found.tuned_on:
        yield "tuned on " + _listed(found.tuned_on)
    if found.tuned_on and found.reported_on:
        yield "reported on " + _listed(found.reported_on)


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def text_rows(shown: Table) -> list[list[str]]:
    """Write the head and every row of a table as text, each column with one number format."""
    columns = [_column(column) for column in zip(*shown.rows, strict=True)]
    return [list(shown.head), *map(list, zip(*columns, strict=True))]


def _column(values: Sequence[CellValue]) -> list[str]:
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


def _align(rows: Sequence[Sequence[str]]) -> str:
    """Set the first column left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = (
        [row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=True))]
        for row in rows
    )
    return "\n".join("  ".join(line).rstrip() for line in lines)
