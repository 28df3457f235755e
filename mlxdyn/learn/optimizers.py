"""The update rules by name, those that MLX lacks, and the scaling of a gradient before them."""

from typing import cast

import mlx.core as mx
import mlx.optimizers as optim
from mlx.utils import tree_map, tree_map_with_path

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import LearnerConfig


def make(config: LearnerConfig) -> optim.Optimizer:
    """Build the optimizer that `config` names; raise ValueError for an unknown one."""
    match config.optimizer:
        case "adam0":  # without momentum, and as in MLX without bias correction, Adam is RMSprop
            return optim.RMSprop(config.learning_rate, alpha=config.beta2, eps=config.eps)
        case "adam":
            return optim.Adam(
                config.learning_rate,
                betas=[0.9, config.beta2],
                eps=config.eps,
                bias_correction=config.bias_correction,
            )
        case "adamw":
            return optim.AdamW(
                config.learning_rate, [0.9, config.beta2], config.eps, weight_decay=config.decay
            )
        case "sgd" | "nsgd":
            return optim.SGD(config.learning_rate)
        case "rms":
            return Rms(config.learning_rate, config.decay)
        case "muon":
            return optim.Muon(config.learning_rate, config.momentum, weight_decay=0.0)
    raise ValueError(f"unknown optimizer {config.optimizer!r}")


class Rms(optim.Optimizer):
    """RMS with global statistics and decay to the prior (Krause et al. 2018, equations 7 to 9).

    `w <- w - rate * g / (sqrt(MS) + eps) + decay * RMSnorm * (w0 - w)`, where MS is a fixed mean of
    squared gradients and `RMSnorm = sqrt(MS) / mean(sqrt(MS))`, at most 1/decay. Until
    `with_statistics` has put them into its state, both are 1.
    """

    def __init__(self, learning_rate: float, decay: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._maybe_schedule("learning_rate", learning_rate)
        self.decay = decay

    def init_single(self, parameter: mx.array, state: Tree) -> None:
        """Remember `parameter` as its prior."""
        state["prior"] = parameter
        state["divisor"] = mx.ones_like(parameter)  # sqrt(MS) + eps
        state["pull"] = mx.ones_like(parameter)  # RMSnorm

    def apply_single(self, gradient: mx.array, parameter: mx.array, state: Tree) -> mx.array:
        """Give the parameter after one step."""
        back = mx.minimum(self.decay * state["pull"], 1.0) * (state["prior"] - parameter)
        step = self.learning_rate.astype(gradient.dtype) * gradient / state["divisor"]
        return cast(mx.array, parameter - step + back)


def with_statistics(state: Tree, mean_square: Tree, damping: float) -> Tree:
    """Put a mean of squared gradients into the state of `Rms`.

    eps is `damping` times the mean of sqrt(MS) over all parameters: a weight that the statistics
    hardly saw must not leap.
    """
    roots = {path: array.astype(mx.float32).sqrt() for path, array in leaves(mean_square)}
    mean = sum(r.sum() for r in roots.values()) / sum(r.size for r in roots.values())
    mean = mx.maximum(mean, 1e-30)
    known = {f"{path}.divisor": root + damping * mean for path, root in roots.items()}
    known |= {f"{path}.pull": root / mean for path, root in roots.items()}
    return cast(Tree, tree_map_with_path(lambda path, old: known.get(path, old), state))


def scale(gradient: Tree, config: LearnerConfig, *, apart: bool = False) -> tuple[Tree, mx.array]:
    """Clip `gradient` to the configured norm, or normalise it for nsgd; return its norm too.

    `apart` takes each row of the arrays (N, ...) for a gradient of its own.
    """

    def squares(array: mx.array) -> mx.array:
        return array.astype(mx.float32).square().sum(axis=(1, 2) if apart else None)

    norm = mx.sqrt(sum((squares(g) for _, g in leaves(gradient)), mx.array(0.0)))
    factor = 1.0 / (norm + 1e-6)
    if config.optimizer != "nsgd":
        factor = mx.minimum(config.max_gradient_norm * factor, 1.0)
    if apart:
        factor = factor[:, None, None]
    return tree_map(lambda g: (g * factor).astype(g.dtype), gradient), norm
