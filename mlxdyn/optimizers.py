"""The update rules by name, and the scaling of a gradient before them."""

from typing import Any, cast

import mlx.core as mx
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map

from mlxdyn.config import LearnerConfig

Tree = dict[str, Any]


def leaves(tree: Any) -> list[tuple[str, mx.array]]:
    """List the arrays of a tree with their dotted paths."""
    return cast(list[tuple[str, mx.array]], tree_flatten(tree))


def make(config: LearnerConfig) -> optim.Optimizer:
    """Build the optimizer that `config` names; raise ValueError for an unknown one."""
    match config.optimizer:
        case "adam0":  # without momentum, and as in MLX without bias correction, Adam is RMSprop
            return optim.RMSprop(config.learning_rate, alpha=config.beta2, eps=config.eps)
        case "adam":
            return optim.Adam(config.learning_rate, betas=[0.9, config.beta2], eps=config.eps)
        case "sgd" | "nsgd":
            return optim.SGD(config.learning_rate)
    raise ValueError(f"unknown optimizer {config.optimizer!r}")


def scale(gradient: Tree, config: LearnerConfig) -> tuple[Tree, mx.array]:
    """Clip `gradient` to the configured norm, or normalise it for nsgd; return its norm too."""
    norm = mx.sqrt(
        sum((g.astype(mx.float32).square().sum() for _, g in leaves(gradient)), mx.array(0.0))
    )
    factor = 1.0 / (norm + 1e-6)
    if config.optimizer != "nsgd":
        factor = mx.minimum(config.max_gradient_norm * factor, 1.0)
    return tree_map(lambda g: (g * factor).astype(g.dtype), gradient), norm
