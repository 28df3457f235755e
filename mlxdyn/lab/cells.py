"""One evaluation as a cell: its settings by name, its numbers, its place on disk."""

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import mlx.core as mx

import mlxdyn
from mlxdyn.config import STREAM_RATES, AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import write
from mlxdyn.lab import costs, evaluate
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.findings import Cell, Progress
from mlxdyn.lab.results import Report, Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.learn.learner import Learner
from mlxdyn.model.load import Model

Part = TypeVar("Part", AdapterConfig, LearnerConfig, StreamConfig)
MEASURES = (
    "arrays.py", "config.py", "chat/*.py", "lab/*.py", "lab/experiments/*.py", "learn/*.py",
    "memory/**/*.py", "model/*.py", "withheld/**/*.py",
)  # fmt: skip
Numbers = dict[str, float | int | None]
Job = tuple[dict[str, Any], Settings]  # the knobs that vary, and all of them


def vary(settings: Settings, knobs: Mapping[str, Any]) -> Settings:
    """Change the named fields of `settings`.

    Where the rule or what is adapted changes and the rate is not named, the rate keeps its ratio to
    the default of its kind. Raises MlxdynError for a name that is no knob.
    """
    _check_names(knobs)
    new = replace(
        settings,
        adapter=_replace(settings.adapter, knobs),
        learner=_replace(settings.learner, knobs),
        stream=_replace(settings.stream, knobs),
    )
    if "learning_rate" in knobs:
        return new
    rate = settings.learner.learning_rate * default_rate(new) / default_rate(settings)
    return replace(new, learner=replace(new.learner, learning_rate=rate))


def _replace(part: Part, knobs: Mapping[str, Any]) -> Part:
    return replace(part, **{f.name: knobs[f.name] for f in fields(part) if f.name in knobs})


def default_rate(settings: Settings) -> float:
    """The rate of STREAM_RATES for what is adapted and how."""
    return STREAM_RATES[settings.adapter.adapt, settings.learner.optimizer]


def knob_names() -> list[str]:
    """Every field of the configuration, by name."""
    return [f.name for part in (AdapterConfig, LearnerConfig, StreamConfig) for f in fields(part)]


def _check_names(knobs: Mapping[str, Any]) -> None:
    wrong = [name for name in knobs if name not in knob_names()]
    if wrong:
        raise MlxdynError(f"no knob {', '.join(wrong)}; there are {', '.join(knob_names())}")


def configuration(settings: Settings) -> dict[str, Any]:
    """Every knob with its value, flat."""
    knobs = asdict(settings.adapter) | asdict(settings.learner) | asdict(settings.stream)
    return knobs | {"limit": settings.limit, "mix": settings.mix, "beside": list(settings.beside)}


def label(knobs: Mapping[str, Any]) -> str:
    """Knobs as a person reads them: "rank=4 lr=0.001"."""
    short = {"learning_rate": "lr"}
    return " ".join(
        f"{short.get(name, name)}={value:.4g}"
        if isinstance(value, float)
        else f"{short.get(name, name)}={value}"
        for name, value in knobs.items()
    )


def key(
    model: Model,
    variant: str,
    streams: Sequence[Stream],
    settings: Settings,
    rms_text: Sequence[Stream],
) -> str:
    """Hash everything that a cell's numbers depend on (32 hex digits)."""
    read = rms_text if settings.learner.optimizer == "rms" else ()
    texts = [digest(streams), digest(read)]
    whole = [model.fingerprint, variant, configuration(settings), texts, *ground()]
    return _hash(whole)


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:32]


def ground() -> tuple[list[str], str]:
    """Name the code, the versions and the device, which every number depends on."""
    versions = [version(name) for name in ("mlx", "mlx-lm")]
    return [source(), *versions], str(mx.default_device())


@cache
def source() -> str:
    """Hash the code that a number depends on (16 hex digits): a version may be many commits."""
    root, hashed = Path(mlxdyn.__file__).parent, hashlib.sha256()
    for path in sorted(path for name in MEASURES for path in root.glob(name)):
        hashed.update(f"{path.relative_to(root).as_posix()}\0".encode() + path.read_bytes())
    return hashed.hexdigest()[:16]


def is_quantised(model: Model) -> bool:
    """Tell whether the base has matrices of few bits."""
    return any(hasattr(module, "bits") for module in model.network.modules())


def digest(streams: Sequence[Stream]) -> str:
    """Hash where documents begin and what their tokens are."""
    whole = [[s.path, s.tokens] for s in streams]
    return hashlib.sha256(json.dumps(whole).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Store:
    """A directory with a JSON file for every finished cell, and its hash, which tells damage."""

    folder: Path

    def get(self, name: str) -> Cell | None:
        """Read the cell of that key; None where it is not finished."""
        path = self.folder / f"{name}.json"
        try:
            found = dict(json.loads(path.read_text(encoding="utf-8")))
            if found.pop("hash") == _hash(found) and found["key"] == name:
                return Cell(**found | {"warnings": tuple(found["warnings"])})
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError, RecursionError):
            pass
        raise MlxdynError(f"{path} is not the finished cell of that name; delete it and run again")

    def put(self, cell: Cell) -> None:
        """Let the cell's file appear, whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        value = asdict(cell)
        whole = value | {"hash": _hash(value)}
        write(self.folder / f"{cell.key}.json", json.dumps(whole, indent=1))


class CellInterrupted(Exception):
    """Ctrl-C inside a cell: its numbers are not whole."""


def run(
    model: Model,
    streams: Sequence[Stream],
    job: Job,
    *,
    variant: str = "",
    rms_text: Sequence[Stream] = (),
    known: Baselines | None = None,
    store: Store | None = None,
    progress: Progress | None = None,
    after: Callable[[Learner], Numbers] | None = None,
) -> Cell:
    """Evaluate one cell, unless `store` has it already.

    `variant` names how the base differs from its files, and whatever `after` depends on; `after`
    adds numbers from the learner that has learned everything. Raises Stopped on Ctrl-C.
    """
    knobs, settings = job
    name = key(model, variant, streams, settings, rms_text)
    found = store.get(name) if store else None
    if found:
        return replace(found, knobs=knobs)
    began, more = time.perf_counter(), Numbers()
    hook = None if after is None else lambda learner: more.update(after(learner))
    report = evaluate.evaluate(
        model, streams, settings, progress, known=known, rms_text=rms_text, after=hook
    )
    if not report.complete:
        raise CellInterrupted
    seconds = time.perf_counter() - began
    every = numbers(report) | flops(model, report) | more
    cell = Cell(name, knobs, every, configuration(settings), seconds, report.warnings)
    if store:
        store.put(cell)
    return cell


def numbers(report: Report) -> Numbers:
    """The plain numbers of a report."""
    static, dynamic = report.static.total, report.dynamic.total
    low, high = report.ci95 or (None, None)
    return {
        "static": static.nats_per_token,
        "dynamic": dynamic.nats_per_token,
        "mix": report.mix.total.nats_per_token,
        "share": report.share.total.nats_per_token,
        "gain": report.gain,
        "low": low,
        "high": high,
        "p_value": report.p_value,
        "static_bits_per_byte": static.bits_per_byte,
        "dynamic_bits_per_byte": dynamic.bits_per_byte,
        "static_perplexity": static.perplexity,
        "dynamic_perplexity": dynamic.perplexity,
        "static_word_perplexity": static.word_perplexity,
        "dynamic_word_perplexity": dynamic.word_perplexity,
        "tokens": dynamic.tokens,
        "updates": dynamic.updates,
        "rejected": dynamic.rejected,
        "adapter_parameters": report.adapter_parameters,
        "kv_bytes": report.footprint.kv,
        "adapter_bytes": report.footprint.adapter + report.footprint.optimizer,
        "self_check": report.self_check,
        "flops_ratio": report.flops,
        "wall": report.wall,
        "static_seconds": static.seconds,
        "dynamic_seconds": dynamic.seconds,
        "static_peak": static.peak_memory_bytes,
        "dynamic_peak": dynamic.peak_memory_bytes,
    }


def flops(model: Model, report: Report) -> Numbers:
    """Operations per scored token, as `costs` counts them."""
    adapter, stream = report.settings.adapter, report.settings.stream
    static, dynamic = costs.flops(model, report.streams, adapter, stream)
    tokens, weights = report.static.total.tokens, costs.shape(model)[0]
    return {
        "static_flops": static / tokens,
        "dynamic_flops": dynamic / tokens,
        "weights": weights,
    }
