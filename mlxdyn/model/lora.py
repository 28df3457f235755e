"""A seeded LoRA adapter on a base: attached, taken off, dialled up and down."""

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.utils import tree_unflatten
from mlx_lm.tuner.lora import LoRALinear

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.model.load import Model

ATTENTION = ("q_proj", "k_proj", "v_proj", "o_proj", "qkv_proj", "out_proj", "dense", "Wqkv")


def attach(model: Model, config: AdapterConfig) -> int:
    """Make the weights that `config` names trainable, freshly seeded; return how many there are.

    Raises MlxdynError when nothing matches.
    """
    detach(model)
    if config.adapt == "full":
        model.network.unfreeze()
    else:
        linears = dict(_linears(model.network, config))
        if not linears:
            raise MlxdynError(
                f"no linear layer matches targets {config.targets!r}, layers {config.layers!r}"
            )
        lora = {path: _lora(path, linear, config) for path, linear in linears.items()}
        model.network.update_modules(tree_unflatten(list(lora.items())))
        for module in lora.values():
            module.unfreeze(keys=["lora_a", "lora_b"], recurse=False)
    mx.eval(model.network.parameters())
    return sum(array.size for _, array in leaves(model.network.trainable_parameters()))


def lowest(model: Model, config: AdapterConfig) -> int:
    """Return the number of the lowest block that `config` adapts."""
    if config.adapt == "full":
        return 0
    return min(layer_indices(config.layers, len(model.network.layers)), default=0)


def matching(model: Model, config: AdapterConfig) -> list[str]:
    """Name the linear layers that `config` would adapt; the model must be detached."""
    return [path for path, _ in _linears(model.network, config)]


def detach(model: Model) -> None:
    """Take the adapter off: the network is the base again, bitwise."""
    plain = [(path, module.linear) for path, module in _lora_modules(model.network)]
    model.network.update_modules(tree_unflatten(plain))
    model.network.freeze()


@contextmanager
def adapter_disabled(model: Model) -> Iterator[None]:
    """Run the block on the base alone, adapter kept aside."""
    adapted = _lora_modules(model.network)
    model.network.update_modules(tree_unflatten([(p, m.linear) for p, m in adapted]))
    try:
        yield
    finally:
        model.network.update_modules(tree_unflatten(adapted))


@contextmanager
def adapter_scaled(model: Model, factor: float) -> Iterator[None]:
    """Run the block with the adapter's output times `factor`; 0 is the base, bitwise."""
    if factor == 0:
        with adapter_disabled(model):
            yield
        return
    scales = [(module, module.scale) for _, module in _lora_modules(model.network)]
    try:
        for module, scale in scales:
            module.scale = scale * factor
        yield
    finally:
        for module, scale in scales:
            module.scale = scale


def _lora_modules(network: nn.Module) -> list[tuple[str, Any]]:
    return [(path, m) for path, m in network.named_modules() if isinstance(m, LoRALinear)]


def _linears(network: Any, config: AdapterConfig) -> Iterator[tuple[str, nn.Module]]:
    blocks = {
        id(network.layers[index]) for index in layer_indices(config.layers, len(network.layers))
    }
    inside = {
        id(module)
        for block in network.layers
        if id(block) in blocks
        for _, module in block.named_modules()
    }
    for path, module in network.named_modules():
        linear = isinstance(module, nn.Linear | nn.QuantizedLinear)
        if linear and id(module) in inside and _targeted(path.split(".")[-1], config.targets):
            yield path, module


def _targeted(leaf: str, targets: str) -> bool:
    match targets:
        case "all":
            return True
        case "attention":
            return leaf in ATTENTION
        case "mlp":
            return leaf not in ATTENTION
    return leaf in targets.split(",")


def layer_indices(layers: str, count: int) -> list[int]:
    """Resolve "all", "upper", "early", "middle", "late", "2-5" or "0,3" to blocks below `count`.

    "upper" is the upper two thirds.
    """
    third = math.ceil(count / 3)
    thirds = {"early": (0, third), "middle": (third, count - third), "late": (count - third, count)}
    if layers == "upper":
        return list(range(count // 3, count))
    if layers == "all":
        return list(range(count))
    if layers in thirds:
        return list(range(*thirds[layers]))
    try:
        spans = [part.split("-") for part in layers.split(",")]
        ranges = [range(int(span[0]), int(span[-1]) + 1) for span in spans]
    except ValueError as error:
        raise MlxdynError(
            f"layers {layers!r} is not all, upper, early, middle, late, a range 2-5 or a list 0,3"
        ) from error
    if any(span and not 0 <= span[0] <= span[-1] < count for span in ranges):
        raise MlxdynError(f"layers {layers!r} goes beyond the model's {count} blocks")
    return [index for span in ranges for index in span]


def _lora(path: str, linear: Any, config: AdapterConfig) -> Any:
    module = LoRALinear.from_base(linear, r=config.rank, scale=config.scale, dropout=0.0)
    seed = hashlib.sha256(f"{config.seed}:{path}".encode()).digest()
    key = mx.random.key(int.from_bytes(seed[:7], "big"))
    bound = 1 / math.sqrt(module.lora_a.shape[0])
    module.lora_a = mx.random.uniform(-bound, bound, module.lora_a.shape, key=key)
    return module
