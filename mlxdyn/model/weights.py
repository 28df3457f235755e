"""Tensors of a GGUF file as MLX arrays: 4 and 8 bit repacked as they are, with nothing rounded.

llama.cpp's Q4_0, Q4_1 and Q8_0 are MLX's affine quantisation in groups of 32 in another order, so
only bits move. Other quantised types have no such twin: they are dequantised, and if asked for
quantised again. (mx.load reads the same, through a C parser that trusts its file.)
"""

from typing import Any

import mlx.core as mx
import numpy as np

from mlxdyn.config import Bits
from mlxdyn.errors import MlxdynError
from mlxdyn.model.gguf import Bytes, Gguf, Tensor, raw

GROUP_SIZE = 32

FLOATS = ("F32", "F16", "BF16")
LOSSLESS_BITS = {"Q4_0": 4, "Q4_1": 4, "Q8_0": 8}
"""Bits a weight of the types that are MLX's own."""

Arrays = dict[str, mx.array]  # weight, and scales and biases where quantised
Array = np.ndarray[Any, Any]


def arrays(file: Gguf, tensor: Tensor, bits: Bits) -> tuple[Arrays, int | None]:
    """Read a tensor; with it, its bits where it is quantised. `bits` is for types that MLX lacks.

    Raises MlxdynError when its numbers cannot be.
    """
    if tensor.kind in FLOATS:
        return {"weight": _float(raw(file, tensor), tensor)}, None
    if tensor.kind in LOSSLESS_BITS:
        weight, scales, biases = _packed(raw(file, tensor), tensor.kind)
        _check(file, tensor, scales, biases)
        rows = tensor.shape[:-1]
        parts = {"weight": weight, "scales": scales, "biases": biases}
        arrays = {k: mx.array(a.reshape(*rows, -1)) for k, a in parts.items()}
        return arrays, LOSSLESS_BITS[tensor.kind]
    return _again(file, tensor, bits)


def _float(data: Bytes, tensor: Tensor) -> mx.array:
    if tensor.kind == "BF16":
        return mx.array(data.view(np.uint16).reshape(tensor.shape)).view(mx.bfloat16)
    kind = np.float32 if tensor.kind == "F32" else np.float16
    return mx.array(data.view(kind).reshape(tensor.shape))


def _packed(data: Bytes, kind: str) -> tuple[Array, Array, Array]:
    """Return packed weights, scales and biases; w = scale * q + bias. A row of each a group."""
    match kind:
        case "Q8_0":  # scale, 32 signed bytes
            groups = data.reshape(-1, 2 + GROUP_SIZE)
            scale = _half(groups, 0)
            return (groups[:, 2:] ^ 0x80).view(np.uint32), scale, scale * np.float16(-128)
        case "Q4_0":  # scale, 32 nibbles that stand for -8 to 7
            groups = data.reshape(-1, 2 + GROUP_SIZE // 2)
            scale = _half(groups, 0)
            return _nibbles(groups[:, 2:]), scale, scale * np.float16(-8)
    groups = data.reshape(-1, 4 + GROUP_SIZE // 2)  # scale, least, 32 nibbles
    return _nibbles(groups[:, 4:]), _half(groups, 0), _half(groups, 2)


def _half(groups: Bytes, at: int) -> Array:
    return groups[:, at : at + 2].copy().view(np.float16)


def _nibbles(halves: Bytes) -> Array:
    """Order 32 weights a group: first all low nibbles, then all high ones -> one after another."""
    weights = np.concatenate([halves & 0x0F, halves >> 4], axis=1)
    packed: Array = weights[:, 0::2] | weights[:, 1::2] << 4
    return packed.view(np.uint32)


def _check(file: Gguf, tensor: Tensor, *numbers: Array) -> None:
    if not all(np.isfinite(array).all() for array in numbers):
        raise MlxdynError(
            f"{file.path} is damaged ({tensor.name} holds numbers that are none); fetch it again"
        )


def _again(file: Gguf, tensor: Tensor, bits: Bits) -> tuple[Arrays, int | None]:
    """Dequantise, and quantise again unless `bits` is 16."""
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    try:
        plain = dequantize(raw(file, tensor), GGMLQuantizationType[tensor.kind])
    except NotImplementedError:
        raise MlxdynError(
            f"{tensor.name} of {file.path} is stored as {tensor.kind}, which cannot be read here; "
            "take a Q4_0, Q8_0, Q4_K_M or F16 file of that model"
        ) from None
    _check(file, tensor, plain)
    weight = mx.array(plain.reshape(tensor.shape)).astype(mx.float16)
    if bits == 16:
        return {"weight": weight}, None
    packed, scales, biases = mx.quantize(weight, group_size=GROUP_SIZE, bits=bits)
    return {"weight": packed, "scales": scales, "biases": biases}, bits
