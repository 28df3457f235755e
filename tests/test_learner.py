"""Laws of scoring and learning, most on the bundled model."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.tuner.utils import linear_to_lora_layers
from mlx_lm.utils import _get_classes
from tiny import FAMILIES, SIZES

from mlxdyn.config import (
    CONTEXTS,
    OPTIMIZERS,
    STREAM_RATES,
    Adapt,
    AdapterConfig,
    Context,
    LearnerConfig,
    Optimizer,
    StreamConfig,
)
from mlxdyn.learn import learner as learners
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

TEXT = "The wren is a small brown bird. It sings loudly, and it nests in holes. " * 3


def learner(model: Model, adapter: AdapterConfig | None = None, **knobs: Any) -> Learner:
    attach(model, adapter or AdapterConfig())
    return Learner(model.network, LearnerConfig(**knobs), model.new_cache)


def cut(model: Model, context: Context = "restart", window: int = 32) -> list[Chunk]:
    return list(chunks(model.encode(TEXT)[:81], StreamConfig(window, 16, context)))


def forward(model: Model, tokens: Sequence[int]) -> list[float]:
    """Nats of every token but the first, by one plain pass."""
    logits = model.network(mx.array([list(tokens[:-1])])).astype(mx.float32)
    losses = nn.losses.cross_entropy(logits[0], mx.array(list(tokens[1:])))
    return [float(loss) for loss in np.array(losses)]


@pytest.mark.parametrize("context", CONTEXTS)
def test_score_before_learning(wren: Model, context: Context) -> None:
    """A chunk's nll is what the weights from before its update say, bitwise on CPU."""
    student, witness = learner(wren), Learner(wren.network, LearnerConfig(), wren.new_cache)
    states, seen = [student.state], []
    for chunk in cut(wren, context):
        seen.append(student.learn(chunk).nll)
        states.append(student.state)
    starts = [i for i, chunk in enumerate(cut(wren, context)) if chunk.prefix is not None]
    for index in starts:  # a chunk that continues a KV cannot be scored alone
        witness.state = states[index]
        assert witness.score(cut(wren, context)[index]).nll == seen[index]
        witness.state = states[index + 1]
        assert witness.score(cut(wren, context)[index]).nll != seen[index]


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learning_rate_of_zero_is_static(
    tall: Model, context: Context, optimizer: Optimizer
) -> None:
    static = learner(tall)
    scored = [static.score(chunk).nll for chunk in cut(tall, context)]
    student = learner(tall, optimizer=optimizer, learning_rate=0.0)
    assert [student.learn(chunk).nll for chunk in cut(tall, context)] == scored


@pytest.mark.parametrize("context", CONTEXTS)
def test_one_window_is_a_plain_forward(wren: Model, context: Context) -> None:
    """Chunk by chunk, through a KV cache or not, gives what one pass over the text gives."""
    tokens = wren.encode(TEXT)[:81]
    static = learner(wren)
    nll = [n for chunk in cut(wren, context, window=80) for n in static.score(chunk).nll]
    np.testing.assert_allclose(nll, forward(wren, tokens), rtol=1e-4, atol=1e-5)


def test_restart_windows_are_plain_forwards(wren: Model) -> None:
    """A restarted window gives what a plain pass over prefix and chunk gives."""
    static = learner(wren)
    window: list[int] = []
    for chunk in cut(wren, "restart"):
        window = window if chunk.prefix is None else list(chunk.prefix)
        window += chunk.inputs
        expected = forward(wren, [*window, chunk.targets[-1]])[-len(chunk.targets) :]
        np.testing.assert_allclose(static.score(chunk).nll, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("adapt", ["lora", "full"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_learning_lowers_the_loss(wren: Model, adapt: Adapt, optimizer: Optimizer) -> None:
    base = dict(wren.network.parameters())
    rate = STREAM_RATES[adapt, optimizer]
    student = learner(wren, AdapterConfig(adapt=adapt), optimizer=optimizer, learning_rate=rate)
    chunk = cut(wren, "recompute")[1]
    before = sum(student.score(chunk).nll)
    for _ in range(3):
        student.learn(chunk)
    after = sum(student.score(chunk).nll)
    detach(wren)
    wren.network.update(base)
    assert after < before


def test_undo_is_references(wren: Model) -> None:
    """Putting a state back is bitwise, optimizer included, and so is replay from it."""
    student = learner(wren)
    first, second, third = cut(wren, "recompute")[:3]
    student.learn(first)
    kept = student.state
    once = student.learn(second).nll, student.learn(third).nll, student.state
    student.state = kept
    assert learners.same(student.state, kept)
    again = student.learn(second).nll, student.learn(third).nll, student.state
    assert once[:2] == again[:2]
    assert learners.same(once[2], again[2])


def test_a_state_survives_flattening(wren: Model) -> None:
    student = learner(wren)
    student.learn(cut(wren)[0])
    state = student.state
    assert learners.same(learners.unflatten(learners.flatten(state), like=state), state)


@pytest.mark.parametrize("poison", [float("nan"), float("inf")])
def test_nonfinite_never_reaches_weights(wren: Model, poison: float) -> None:
    student = learner(wren)
    first, second = cut(wren)[0], cut(wren, "recompute")[2]
    student.learn(first)
    before = student.state
    seen = student.learn(replace(second, weights=(poison,) * len(second.targets)))
    assert not seen.accepted
    assert seen.reason == "not_finite"
    assert learners.same(student.state, before)
    assert student.learn(second).accepted


def test_targets_of_weight_zero_are_not_learned(wren: Model) -> None:
    student = learner(wren)
    chunk = cut(wren, "recompute")[1]
    before = student.state
    seen = student.learn(replace(chunk, weights=(0.0,) * len(chunk.targets)))
    assert seen.gradient_norm == 0.0
    one, other = learners.flatten(before), learners.flatten(student.state)
    assert all(mx.array_equal(one[n], other[n]) for n in one if n.startswith("adapter."))


def test_a_refused_update_leaves_a_cache_that_goes_on(wren: Model) -> None:
    """Weights did not change, so the chunks that continue the window are as without the refusal."""
    first, second, third = cut(wren, window=64)[:3]
    assert second.prefix is None and third.prefix is None
    static = learner(wren)
    expected = [static.score(chunk).nll for chunk in (first, second, third)]
    student = learner(wren)
    poisoned = replace(second, weights=(float("nan"),) * len(second.targets))
    seen = [student.score(first).nll, student.learn(poisoned).nll, student.score(third).nll]
    assert seen == expected


def wide(vocabulary: int) -> tuple[Any, Any]:
    """A random network of two blocks with many tokens, and what makes it an empty cache."""
    config = {"model_type": "llama", **SIZES, **FAMILIES["llama"], "num_hidden_layers": 2}
    model_class, arguments = _get_classes(config)
    mx.random.seed(0)
    network = model_class(arguments.from_dict(config | {"vocab_size": vocabulary}))
    network.freeze()
    linear_to_lora_layers(network, 2, {"rank": 4, "scale": 1.0, "dropout": 0.0})
    return network, lambda: make_prompt_cache(network)


@pytest.mark.parametrize("prefix", [(), (5, 6, 7)])
def test_a_head_in_slices_gives_the_same_numbers(monkeypatch: pytest.MonkeyPatch, prefix):
    chunk = Chunk((4,), tuple(range(9, 79)), prefix=prefix)
    seen = []
    for whole in (1 << 25, 1):
        monkeypatch.setattr(learners, "WHOLE", whole)
        monkeypatch.setattr(learners, "SLICE", 2048 * 16)  # the last slice is a short one
        network, new_cache = wide(2048)
        student = Learner(network, LearnerConfig(learning_rate=1e-2), new_cache)
        before = student.score(chunk).nll
        learned = student.learn(chunk)
        assert learned.accepted and before == pytest.approx(learned.nll, abs=1e-6)
        seen.append((learned.nll, learned.gradient_norm, student.score(chunk).nll))
    for one, other in zip(*seen, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-5)


def test_the_logits_of_a_large_chunk_never_exist_at_once(monkeypatch: pytest.MonkeyPatch):
    """With 64k tokens, 512 targets have 128 MB of logits; learning takes half as much or less."""
    chunk, peaks = Chunk((4,), tuple(range(9, 521))), []
    for whole in (1 << 30, 1 << 20):
        monkeypatch.setattr(learners, "WHOLE", whole)
        monkeypatch.setattr(learners, "SLICE", 1 << 21)
        network, new_cache = wide(1 << 16)
        student = Learner(network, LearnerConfig(), new_cache)
        student.learn(chunk)
        held = mx.get_active_memory()
        mx.reset_peak_memory()
        student.learn(chunk)
        peaks.append(mx.get_peak_memory() - held)
    assert peaks[1] < peaks[0] / 2, peaks


@pytest.mark.parametrize("whole", [1 << 25, 1 << 15])
def test_logits_are_counted_as_they_are_made(monkeypatch: pytest.MonkeyPatch, whole: int):
    """Of all inputs at once, of targets in slices; and as often as the head is asked, and back."""
    made = 0
    as_linear = nn.Embedding.as_linear

    def counted(self: nn.Embedding, hidden: mx.array) -> mx.array:
        nonlocal made
        made += hidden.size // hidden.shape[-1]
        return as_linear(self, hidden)

    network, new_cache = wide(2048)
    parts = Parts.of(network)
    assert parts is not None
    student = Learner(network, LearnerConfig(), new_cache, parts)
    chunk = Chunk(tuple(range(4, 44)), tuple(range(9, 29)), prefix=(5, 6, 7))
    monkeypatch.setattr(nn.Embedding, "as_linear", counted)
    monkeypatch.setattr(learners, "WHOLE", whole)
    monkeypatch.setattr(learners, "SLICE", 2048 * 8)
    targets, inputs = len(chunk.targets), len(chunk.inputs)
    in_slices = targets * 2048 > whole
    for learns, passes in ((False, 1), (True, 2)):
        made = parts.flops = 0
        (student.learn if learns else student.score)(chunk)
        made -= len(chunk.prefix or ())  # asked for and never made: nothing reads them
        forward = (targets if in_slices else inputs) * (passes if in_slices else 1)
        assert made == forward
        back = (targets if in_slices else inputs) * (passes - 1)
        blocks = (len(chunk.prefix or ()) + passes * inputs) * sum(parts._sizes)
        assert parts.flops == 2 * (blocks + (forward + back) * 2048 * SIZES["hidden_size"])


def test_a_head_that_learns_is_never_cut(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(learners, "WHOLE", 1)
    network, new_cache = wide(2048)
    network.unfreeze()
    student = Learner(network, LearnerConfig(), new_cache)
    assert student.learn(Chunk((4,), tuple(range(9, 79)))).accepted and student._sliced is None
