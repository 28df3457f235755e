"""The update rules by name; MLX's own where it has them."""

import mlx.core as mx
import mlx.optimizers as optim
from mlx.utils import tree_flatten, tree_map

from mlxdyn.config import LearnerConfig

Tree = dict[str, object]


def make(config: LearnerConfig) -> optim.Optimizer:
    """Build the optimizer that `config` names; raise ValueError for an unknown one."""
    rate, betas = config.learning_rate, [0.9, config.beta2]
    match config.optimizer:
        case "adam0":
            return optim.Adam(rate, betas=[0.0, config.beta2], eps=config.eps)
        case "adam":
            return optim.Adam(rate, betas=betas, eps=config.eps)
        case "sgd" | "nsgd":
            return optim.SGD(rate)
    raise ValueError(f"unknown optimizer {config.optimizer!r}")
