"""Muon: momentum whose update is made orthogonal (Keller Jordan 2024), for hidden matrices."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from .network import precision


def orthogonal(gradients: Tensor, steps: int = 5) -> Tensor:
    """Bring the singular values of (N, rows, columns) near 1 by a Newton-Schulz iteration."""
    a, b, c = 3.4445, -4.7750, 2.0315
    tall = gradients.shape[-2] > gradients.shape[-1]
    x = (gradients.mT if tall else gradients).to(precision(gradients.device))
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    out: Tensor = (x.mT if tall else x).float()
    return out


class Muon(torch.optim.Optimizer):
    """Matrices of one shape are orthogonalised together."""

    def __init__(
        self,
        parameters: Iterable[torch.nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.02,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        for group in self.param_groups:
            by_shape = defaultdict(list)
            for parameter in group["params"]:
                by_shape[parameter.shape].append(parameter)
            for shape, parameters in by_shape.items():
                self._update(parameters, group, max(1.0, shape[0] / shape[1]) ** 0.5)

    def _update(
        self, parameters: list[torch.nn.Parameter], group: dict[str, Any], scale: float
    ) -> None:
        moved = orthogonal(torch.stack([self._nesterov(p, group["momentum"]) for p in parameters]))
        for parameter, update in zip(parameters, moved, strict=True):
            parameter.mul_(1 - group["lr"] * group["weight_decay"])
            parameter.add_(update, alpha=-group["lr"] * scale)

    def _nesterov(self, parameter: torch.nn.Parameter, momentum: float) -> Tensor:
        if parameter.grad is None:
            raise ValueError("a hidden weight has no gradient")
        buffer = self.state[parameter].setdefault("momentum", torch.zeros_like(parameter))
        buffer.lerp_(parameter.grad, 1 - momentum)
        return parameter.grad.lerp(buffer, momentum)
