"""Laws of the update rules."""

import mlx.core as mx
import numpy as np
import pytest

from mlxdyn.arrays import Tree, leaves
from mlxdyn.config import OPTIMIZERS, LearnerConfig, Optimizer
from mlxdyn.learn import optimizers

RNG = np.random.default_rng(0)
SHAPES = {"lora_a": (12, 4), "lora_b": (4, 6), "bias": (6,)}


def arrays(scale: float = 1.0) -> dict[str, np.ndarray]:
    return {name: scale * RNG.normal(size=shape) for name, shape in SHAPES.items()}


def tree(values: dict[str, np.ndarray]) -> Tree:
    return {"block": {name: mx.array(value, dtype=mx.float32) for name, value in values.items()}}


def krause(
    w: np.ndarray, w0: np.ndarray, g: np.ndarray, ms: np.ndarray, mean: float, how: LearnerConfig
) -> np.ndarray:
    """Equations 7 to 9 of "Dynamic evaluation of neural sequence models", plainly."""
    root = np.sqrt(ms)
    eps = how.damping * mean
    pull = root / mean
    if how.decay:
        pull = np.minimum(pull, 1 / how.decay)
    return w - how.learning_rate * g / (root + eps) + how.decay * (w0 - w) * pull


@pytest.mark.parametrize("decay", [0.0, 0.02, 0.9])
def test_rms_matches_the_paper(decay: float) -> None:
    how = LearnerConfig(optimizer="rms", learning_rate=0.01, decay=decay)
    prior, squares = arrays(), {name: value**2 for name, value in arrays(0.1).items()}
    mean = float(np.concatenate([np.sqrt(v).ravel() for v in squares.values()]).mean())
    optimizer, now = optimizers.make(how), tree(prior)
    optimizer.init(now)
    optimizer.state = optimizers.with_statistics(optimizer.state, tree(squares), how.damping)
    expected = dict(prior)
    for _ in range(5):
        gradient = arrays(0.1)
        now = optimizer.apply_gradients(tree(gradient), now)
        expected = {
            n: krause(expected[n], prior[n], gradient[n], squares[n], mean, how) for n in prior
        }
    for name, value in expected.items():
        np.testing.assert_allclose(now["block"][name], value, rtol=1e-4, atol=1e-5)


def test_decay_alone_leads_back_to_the_prior() -> None:
    how = LearnerConfig(optimizer="rms", learning_rate=0.01, decay=0.5)
    prior = tree(arrays())
    optimizer = optimizers.make(how)
    optimizer.init(prior)
    now = tree(arrays())
    for _ in range(40):
        now = optimizer.apply_gradients(tree({n: np.zeros(s) for n, s in SHAPES.items()}), now)
    for name in SHAPES:
        np.testing.assert_allclose(now["block"][name], prior["block"][name], atol=1e-4)


def test_statistics_of_nothing_stay_finite() -> None:
    how = LearnerConfig(optimizer="rms")
    optimizer, start = optimizers.make(how), tree(arrays())
    optimizer.init(start)
    nothing = tree({name: np.zeros(shape) for name, shape in SHAPES.items()})
    optimizer.state = optimizers.with_statistics(optimizer.state, nothing, how.damping)
    now = optimizer.apply_gradients(nothing, start)
    assert all(bool(mx.array_equal(now["block"][n], start["block"][n])) for n in SHAPES)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_step_goes_downhill(name: Optimizer) -> None:
    """Every rule lowers a bowl, on matrices of LoRA's shapes and on vectors."""
    optimizer, now = optimizers.make(LearnerConfig(optimizer=name, learning_rate=0.01)), arrays()
    point = tree(now)
    optimizer.init(point)
    before = sum(float(a.square().sum()) for _, a in leaves(point))
    for _ in range(3):
        gradient, _ = optimizers.scale(point, LearnerConfig(optimizer=name))
        point = optimizer.apply_gradients(gradient, point)
    assert sum(float(a.square().sum()) for _, a in leaves(point)) < before


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_no_gradient_and_no_rate_change_nothing(name: Optimizer) -> None:
    how = LearnerConfig(optimizer=name, learning_rate=0.0, decay=0.1)
    optimizer, start = optimizers.make(how), tree(arrays())
    optimizer.init(start)
    now = optimizer.apply_gradients(tree(arrays()), start)
    assert all(bool(mx.array_equal(now["block"][n], start["block"][n])) for n in SHAPES)


def test_an_unknown_rule_is_named() -> None:
    with pytest.raises(ValueError, match="newton"):
        optimizers.make(LearnerConfig(optimizer="newton"))  # type: ignore[arg-type]
