"""An export: written beside its place, loaded back, compared, and only then given its name."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import mlx.core as mx

from mlxdyn.config import Dtype, Format
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import bundle, directories, fidelity, fuse, gguf, leak
from mlxdyn.exchange.adapter import Adapter, adapter_of, adapter_replaced, source
from mlxdyn.exchange.fidelity import Fidelity
from mlxdyn.files import appearing, check_free
from mlxdyn.memory.memory import Memory
from mlxdyn.model import device
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import adapter_disabled

FORMAT_SUFFIXES: dict[Format, str] = {"gguf": ".gguf", "bundle": ".bundle"}
"""Formats that are one file."""

USE: dict[Format, str] = {
    "mlx-lm": "mlx_lm.generate --model {base} --adapter-path {path}",
    "peft": "peft.PeftModel.from_pretrained(base, {path})",
    "gguf": "llama-cli -m BASE.gguf --lora {path}",
    "fused": "mlx_lm.generate --model {path}",
    "bundle": "mlxdyn memory import {path} --memory NAME",
}
"""What is done with an export."""

OWN_TEXTS = 3  # newest learned messages in the probe text
LEAST_EFFECT = 0.9  # of a memory's effect; below it an export of weights earns a warning

Probes = Sequence[Sequence[int]]
Logits = list[mx.array]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What some formats can do beside the usual."""

    text: bool = True  # bundle: with the ledger
    dtype: Dtype | None = None  # fused: None is the base's own
    bits: int | None = None  # fused: quantise to so many bits a weight


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written, and how it compares with the live memory."""

    path: Path
    base: str  # what other programs load it from
    bytes: int
    fidelity: Fidelity
    compared: int  # probe texts
    texts: int  # that there are


def place(target: Path, kind: Format, memory: str) -> Path:
    """Say where an export goes; into a directory that exists, one-file formats go under a name.

    Raises MlxdynError when something is there.
    """
    suffix = FORMAT_SUFFIXES.get(kind)
    if suffix and target.is_dir():
        target = target / f"{memory}{suffix}"
    elif kind == "gguf" and target.suffix != suffix:
        target = target.with_name(f"{target.name}{suffix}")  # MLX reads and writes no other name
    check_free(target)
    return target


def export(
    memory: Memory,
    target: Path,
    kind: Format,
    options: ExportOptions,
    *,
    late: Callable[[], bool] = lambda: False,
) -> Exported:
    """Write `memory` to `target`, load that back, and compare the logits.

    Compared are as many texts as the memory has read before it is `late()`. Raises MlxdynError, and
    leaves nothing, when a format that should lose nothing does.
    """
    model, adapter = memory.model, adapter_of(memory)
    messages, _ = leak.learned(memory.ledger, memory.row.id)
    texts = [passage.turns[-1].text for passage in messages[-OWN_TEXTS:]]
    probes = fidelity.probe_tokens(model, texts)
    live = fidelity.within(model, probes, late)
    wanted, probes = len(probes), probes[: len(live)]
    with adapter_disabled(model):
        base = fidelity.logits(model, probes)
    with appearing(target) as partial:
        if kind == "fused":
            back, back_base = _fused(model, adapter, partial, options, probes)
        else:
            back, back_base = _loaded_back(memory, adapter, partial, kind, options, probes), base
        seen = fidelity.compare(live, base, back, back_base)
        _check(seen, kind)
    size = sum(path.stat().st_size for path in (target, *target.rglob("*")) if path.is_file())
    return Exported(target, source(model.path), size, seen, len(probes), wanted)


def _check(seen: Fidelity, kind: Format) -> None:
    lost = kind != "fused" and seen.kept is not None and seen.kept < 0.99
    if lost or not math.isfinite(seen.largest_difference):
        raise MlxdynError(
            f"the {kind} export gives other answers than the memory when it is loaded back (logits "
            f"differ by up to {seen.largest_difference:.3g}); it was not kept, please report this"
        )


def _loaded_back(
    memory: Memory,
    adapter: Adapter,
    path: Path,
    kind: Format,
    options: ExportOptions,
    probes: Probes,
) -> Logits:
    writers: dict[Format, Callable[[], Adapter]] = {
        "mlx-lm": lambda: _mlx_lm(adapter, path),
        "peft": lambda: _peft(adapter, path, memory.model),
        "gguf": lambda: _gguf(adapter, path, memory.model),
        "bundle": lambda: _bundle(memory, adapter, path, options.text),
    }
    with adapter_replaced(memory.model, writers[kind]()):
        return fidelity.logits(memory.model, probes)


def _mlx_lm(adapter: Adapter, path: Path) -> Adapter:
    directories.write_mlx_lm(adapter, path)
    return directories.read(path)


def _peft(adapter: Adapter, path: Path, model: Model) -> Adapter:
    directories.write_peft(adapter, path, model.config)
    return directories.read(path)


def _gguf(adapter: Adapter, path: Path, model: Model) -> Adapter:
    alpha = adapter.scale * adapter.rank
    name = adapter.memory
    gguf.write_gguf(path, adapter.arrays, alpha=alpha, config=model.config, name=name)
    arrays, alpha = gguf.read_gguf(path, list(adapter.arrays), model.config)
    return replace(adapter, arrays=arrays, scale=alpha / adapter.rank)


def _bundle(memory: Memory, adapter: Adapter, path: Path, text: bool) -> Adapter:
    bundle.write_bundle(memory, adapter, path, text=text)
    with bundle.unpacked(path) as back:
        return back.adapter


def _fused(
    model: Model, adapter: Adapter, path: Path, options: ExportOptions, probes: Probes
) -> tuple[Logits, Logits]:
    """Return the logits of the fused model, and of the base put through the same mill."""
    network, config = fuse.fused(model.path, adapter, dtype=options.dtype, bits=options.bits)
    fuse.write_fused(adapter, model, path, network, config)
    del network
    back = fidelity.logits(load(str(path)), probes)
    plain, _ = fuse.fused(model.path, None, dtype=options.dtype, bits=options.bits)
    if device.current().name == "cpu":
        plain.set_dtype(mx.float32)  # as `load` does
    return back, fidelity.logits(replace(model, network=plain), probes)
