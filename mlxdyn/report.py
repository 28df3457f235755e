"""A Report as plain JSON values, as rows and as a table; knows no terminal and no files."""

import math
import platform
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from mlxdyn import __version__
from mlxdyn.backend import Device
from mlxdyn.evaluate import Report, Result, Run
from mlxdyn.model import Model

SCHEMA = "mlxdyn.eval/1"

Json = dict[str, Any]


def to_json(report: Report, model: Model, device: Device, created: datetime) -> Json:
    """Give the whole report the shape DESIGN.md names; numbers that are not finite become null."""
    settings = report.settings
    low, high = report.ci95 or (math.nan, math.nan)
    shaped = {
        "schema": SCHEMA,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "device": device.description,
        "blas": device.blas,
        "model": {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "parameters": model.parameters,
            "adapter_parameters": report.adapter_parameters,
            "dtype": model.dtype,
        },
        "config": asdict(settings.adapter) | asdict(settings.learner) | asdict(settings.stream),
        "streams": [
            {"path": s.path, "sha256": s.sha256, "bytes": s.bytes, "tokens": len(s.tokens)}
            for s in report.streams
        ],
        "runs": [_run(report.static), _run(report.dynamic)],
        "gain": {
            "nats_per_token": report.gain,
            "bits_per_byte": report.gain_bits_per_byte,
            "ci95": [low, high],
        },
        "overhead": {"wall": report.wall, "flops": report.flops},
    }
    return dict(_finite(shaped))


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
    said = []
    for run in (report.static, report.dynamic):
        if not math.isfinite(run.total.nats):
            said.append(f"the {run.name} loss is not finite")
        if run.total.rejected:
            tried = run.total.rejected + run.total.updates
            said.append(
                f"{run.total.rejected} of {tried} updates were not finite and were not taken; "
                "try a smaller --lr"
            )
    return said


def table(report: Report) -> str:
    """Set the result as text, ready to print."""
    head = ("", "nats/token", "bits/byte", "perplexity", "tokens/s", "seconds", "peak MiB")
    parts = [_align([head, *(_cells(run.name, run.total) for run in _runs(report))])]
    if len(report.streams) > 1:
        parts.append(_align(list(_documents(report))))
    return "\n\n".join([*parts, _summary(report)])


def _summary(report: Report) -> str:
    total, stream = report.dynamic.total, report.settings.stream
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return (
        f"gain {report.gain:+.4f} nats/token{spread}, "
        f"{report.gain_bits_per_byte:+.4f} bits/byte\n"
        f"{total.tokens} tokens, each scored before it was learned; {total.updates} updates; "
        f"window {stream.window}, chunk {stream.chunk}, {stream.context}\n"
        f"dynamic costs {report.wall:.2f} times static in time, {report.flops:.2f} in operations"
    )


def _documents(report: Report) -> Iterator[tuple[str, ...]]:
    yield ("document", "tokens", "static", "dynamic", "gain")
    for static, dynamic in zip(report.static.documents, report.dynamic.documents, strict=True):
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
        "peak_memory_bytes"
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
