"""A Report or Finding as plain JSON values and as CSV; knows no terminal, no files."""

import csv
import hashlib
import io
import math
import platform
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from mlxdyn import __version__
from mlxdyn.lab import cells, memory, remembered
from mlxdyn.lab.compare import EVAL_SCHEMA
from mlxdyn.lab.findings import Finding, Table
from mlxdyn.lab.results import Report, Result, Run, Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.model.device import Device
from mlxdyn.model.load import Model

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
        "runs": list(map(_run, report.runs)),
        "gain": {
            "nats_per_token": report.gain,
            "bits_per_byte": report.gain_bits_per_byte,
            "ci95": [low, high],
            "p_value": report.p_value,
            "within": report.within,
            "carried": report.carried,
            "of": report.learned.name,
        },
        "overhead": {"wall": report.wall, "flops": report.flops},
        "memory_bytes": asdict(report.footprint),
        "complete": report.complete,
        "self_check": report.self_check,
        "warnings": [*filter(None, [report.loss]), *report.warnings],
    }
    if found and (found.tuned_on or found.choice):
        names = ("tuned_on", "reported_on", "chosen", "choice")
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


def memory_to_json(
    found: remembered.Summary,
    model: Model,
    device: Device,
    created: datetime,
    options: memory.TrialOptions,
) -> Json:
    """Give what the memory experiment found the shape DESIGN.md names."""
    shaped = {
        "schema": EVAL_SCHEMA,
        "experiment": "memory",
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "device": device.description,
        "blas": device.blas,
        "model": {
            "name": model.name, "fingerprint": model.fingerprint,
            "parameters": model.parameters, "dtype": model.dtype,
        },
        "config": asdict(options),
    }  # fmt: skip
    return dict(_finite(shaped | remembered.to_json(found)))


def saved_to_json(found: Finding, created: datetime) -> Json:
    """Give a comparison of saved reports the same shape, as far as there is something to say."""
    shaped = {
        "schema": EVAL_SCHEMA,
        "created": created.astimezone(UTC).isoformat(timespec="seconds"),
        "versions": versions(),
        "gain": {"nats_per_token": None, "bits_per_byte": None, "ci95": [None, None]},
        "experiment": asdict(found),
    }
    return dict(_finite(shaped))


def chunk_rows(report: Report) -> Iterator[Json]:
    """Yield a plain row a chunk; nats are sums over its targets."""
    for row in report.chunks:
        yield dict(_finite({**asdict(row), "document": report.streams[row.document].path}))


def report_csv(report: Report) -> str:
    """Write a row for each run and document, and one for each run over all of them."""
    names = list(_numbers(report.static.total))
    rows = (
        [run.name, result.path or "", *_finite(list(_numbers(result).values()))]
        for run in report.runs
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


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([head, *rows])
    return out.getvalue()


def versions() -> dict[str, str]:
    """Versions that can change a number; `source` is a hash of mlxdyn's code that does."""
    names = ("mlx", "mlx-lm", "numpy", "transformers")
    packages = {name: version(name) for name in names}
    own = {"mlxdyn": __version__, "source": cells.source()}
    return own | {"python": platform.python_version(), **packages}


def _head(
    model: Model, device: Device, created: datetime, settings: Settings, streams: Sequence[Stream]
) -> Json:
    return {
        "schema": EVAL_SCHEMA,
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
        "config": cells.configuration(settings),
        "streams": [_stream(model, stream) for stream in streams],
    }


def _stream(model: Model, stream: Stream) -> Json:
    """Say what was read: of the whole file, and of what was scored of it, so that runs can pair.

    Of a saved chat, which has no hash, nothing is told by which its words could be guessed.
    """
    scored = model.decode(list(stream.tokens))[len(model.decode(list(stream.tokens[:1]))) :]
    return {
        "path": stream.path,
        "sha256": stream.sha256,
        "bytes": stream.bytes,
        "tokens": len(stream.tokens),
        "tokens_sha256": _hash(repr(stream.tokens)) if stream.sha256 else "",
        "scored_sha256": _hash(scored) if stream.sha256 else "",
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


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
