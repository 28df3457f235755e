"""A GGUF LoRA file, as llama.cpp, Ollama and LM Studio load it; knows no memory.

Names, shapes and keys follow llama.cpp's convert_lora_to_gguf.py and src/llama-adapter.cpp.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, cast

import mlx.core as mx

from mlxdyn.errors import MlxdynError
from mlxdyn.exchange.families import Family, family

Arrays = dict[str, mx.array]

TENSOR_NAMES = {
    "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "qkv_proj": "attn_qkv", "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down",
    "gate_up_proj": "ffn_up",
}  # fmt: skip
BLOCK_PREFIX = "model.layers."


def write_gguf(
    path: Path, arrays: Arrays, *, alpha: float, config: Mapping[str, Any], name: str
) -> None:
    """Write LoRA `arrays` (MLX names and layout) for the base that `config` describes.

    Raises MlxdynError for a model type whose names or row order are not known here.
    """
    kind = family(config, "GGUF")
    if alpha == 0:
        raise MlxdynError("an adapter of scale 0 cannot be a GGUF: llama.cpp reads 0 as 1")
    tensors = dict(_outward(item, kind, config) for item in arrays.items())
    mx.save_gguf(str(path), tensors, _metadata(kind, alpha, name))


def _metadata(kind: Family, alpha: float, name: str) -> dict[str, Any]:
    return {
        "general.type": "adapter",
        "general.architecture": kind.architecture,
        "general.name": name,
        "general.file_type": mx.array(0, mx.uint32),  # all float32
        "adapter.type": "lora",
        "adapter.lora.alpha": mx.array(alpha, mx.float32),
    }


def read_gguf(path: Path, names: list[str], config: Mapping[str, Any]) -> tuple[Arrays, float]:
    """Read what `write_gguf` wrote, under the MLX `names` that are expected; return alpha too."""
    kind = family(config, "GGUF")
    tensors, metadata = cast(
        tuple[Arrays, dict[str, Any]], mx.load(str(path), return_metadata=True)
    )
    arrays = {
        name: _order(name, tensors[_name(name)], kind, config, interleaved).T for name in names
    }
    alpha = metadata["adapter.lora.alpha"].item()
    mx.eval(arrays)
    return arrays, float(alpha)


def _outward(
    item: tuple[str, mx.array], kind: Family, config: Mapping[str, Any]
) -> tuple[str, mx.array]:
    name, array = item
    ordered = _order(name, array.astype(mx.float32).T, kind, config, _paired)
    return _name(name), mx.contiguous(ordered)


def _name(name: str) -> str:
    """model.layers.3.mlp.up_proj.lora_a -> blk.3.ffn_up.weight.lora_a"""
    path, _, part = name.rpartition(".")
    leaf = TENSOR_NAMES.get(path.split(".")[-1])
    if leaf is None or not path.startswith(BLOCK_PREFIX):
        raise MlxdynError(f"llama.cpp has no name for the layer {path}; use --format mlx-lm")
    return f"blk.{path.removeprefix(BLOCK_PREFIX).split('.')[0]}.{leaf}.weight.{part}"


Reorder = Callable[[mx.array, int], mx.array]


def _order(
    name: str, array: mx.array, kind: Family, config: Mapping[str, Any], reorder: Reorder
) -> mx.array:
    """Reorder the rows of q's and k's B (out, r) where the family asks for it; nothing else."""
    if not (kind.permuted and name.endswith(("q_proj.lora_b", "k_proj.lora_b"))):
        return array
    heads = int(config["num_attention_heads"])
    if "k_proj" in name:
        heads = int(config.get("num_key_value_heads") or heads)
    return reorder(array, heads)


def _paired(array: mx.array, heads: int) -> mx.array:
    """Rotary halves (0..h/2, h/2..h) of every head become pairs (0, h/2, 1, h/2 + 1, ...)."""
    out, rank = array.shape
    return array.reshape(heads, 2, -1, rank).swapaxes(1, 2).reshape(out, rank)


def interleaved(array: mx.array, heads: int) -> mx.array:
    """Undo `_paired`."""
    out, rank = array.shape
    return array.reshape(heads, -1, 2, rank).swapaxes(1, 2).reshape(out, rank)
