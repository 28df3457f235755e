"""A whole model with an adapter fused in: plain weights that need no adapter support."""

import io
import json
import shutil
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, cast

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten
from mlx_lm import utils as mlx_lm_utils

from mlxdyn.arrays import leaves
from mlxdyn.config import Dtype
from mlxdyn.exchange.adapter import Adapter
from mlxdyn.model.fingerprint import RECORD
from mlxdyn.model.load import Model, tied_classes

GROUP = 64  # weights that share a scale when quantised

COPIED = {".json", ".jinja", ".model", ".txt", ".tiktoken", ".py"}
REWRITTEN = {"config.json", "model.safetensors.index.json", RECORD}


def fused(
    path: Path, adapter: Adapter | None, *, dtype: Dtype | None = None, bits: int | None = None
) -> tuple[Any, dict[str, Any]]:
    """Load the base at `path`, dequantise it, and add the adapter to its weights; with its config.

    Weights come in `dtype` (None: the base's own), then in `bits` a weight if asked for.
    """
    network, config = mlx_lm_utils.load_model(path, lazy=True, get_model_classes=tied_classes)
    own = _dtype(network)
    if adapter is not None:
        _fuse(network, adapter, getattr(mx, dtype) if dtype else own)
    mlx_lm_utils.dequantize_model(network)
    if dtype is not None:
        network.set_dtype(getattr(mx, dtype))
    config = _plain(config, dtype or str(own).removeprefix("mlx.core."))
    if bits is not None:
        with redirect_stdout(io.StringIO()):  # it reports to the terminal
            network, config = mlx_lm_utils.quantize_model(network, config, GROUP, bits)
    return network, config


def _dtype(network: nn.Module) -> mx.Dtype:
    """The floating-point type that most weights have; of quantised ones, their scales."""
    floats = [
        a.dtype for _, a in leaves(network.parameters()) if mx.issubdtype(a.dtype, mx.floating)
    ]
    return max(set(floats), key=floats.count)


def _fuse(network: nn.Module, adapter: Adapter, dtype: mx.Dtype) -> None:
    """Put W + scale * (A B)^T in place of every adapted weight, rounded once, from float32."""
    modules = dict(network.named_modules())
    fused = []
    for path in adapter.modules:
        linear = modules[path]
        lora_a, lora_b = (adapter.arrays[f"{path}.{part}"] for part in ("lora_a", "lora_b"))
        delta = adapter.scale * (lora_a.astype(mx.float32) @ lora_b.astype(mx.float32)).T
        plain = nn.Linear(1, 1, bias="bias" in linear)
        plain.weight = (_weight(linear).astype(mx.float32) + delta).astype(dtype)
        if "bias" in linear:
            plain.bias = linear.bias
        fused.append((path, plain))
    network.update_modules(tree_unflatten(fused))


def _weight(linear: Any) -> mx.array:
    if not isinstance(linear, nn.QuantizedLinear):
        return cast(mx.array, linear.weight)
    return mx.dequantize(
        linear.weight, linear.scales, linear.get("biases"),
        linear.group_size, linear.bits, linear.mode,
    )  # fmt: skip


def _plain(config: dict[str, Any], dtype: str) -> dict[str, Any]:
    kept = {k: v for k, v in config.items() if k not in ("quantization", "quantization_config")}
    return kept | {key: dtype for key in ("dtype", "torch_dtype") if key in kept}


def write_fused(
    adapter: Adapter, base: Model, directory: Path, network: Any, config: dict[str, Any]
) -> None:
    """Write a network that `fused` made as a model directory, with the base's tokenizer."""
    directory.mkdir(exist_ok=True)
    mlx_lm_utils.save_model(directory, network)
    (directory / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True))
    for path in base.path.iterdir():
        copied = path.suffix in COPIED or path.name.startswith(("LICENSE", "NOTICE"))
        if path.is_file() and copied and path.name not in REWRITTEN:
            shutil.copyfile(path, directory / path.name)
    (directory / "README.md").write_text(_card(adapter, base, config))


def _card(adapter: Adapter, base: Model, config: dict[str, Any]) -> str:
    repository = adapter.base if not Path(adapter.base).is_absolute() else base.name
    bits = config.get("quantization", {}).get("bits")
    weights = f"quantised to {bits} bits" if bits else "not quantised"
    return f"""---
base_model: {repository}
library_name: mlx
tags: [mlx, mlxdyn]
---

# {base.name} with the memory {adapter.memory!r}

`mlxdyn memory export --format fused` added a personal memory to the weights of the base.

* base: {repository}, fingerprint {adapter.fingerprint}
* memory: {adapter.memory}, LoRA of rank {adapter.rank} and scale {adapter.scale:g}
* weights: {weights}

The memory was learned from one person's conversations, and parts of them may be read out of these
weights. The licence of the base holds for this model too.
"""
