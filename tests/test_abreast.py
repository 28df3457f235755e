"""Streams side by side: each has the numbers it has alone."""

from dataclasses import replace

import mlx.core as mx
import pytest
from test_evaluate import BIRDS, BOATS, run, settings, streams

from mlxdyn.config import CONTEXTS, Context, LearnerConfig, Optimizer
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import evaluate
from mlxdyn.lab.abreast import ELEMENTWISE, Abreast
from mlxdyn.lab.results import Report, Settings
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach

TEXTS = (BIRDS, BOATS, BIRDS[7:], BOATS[:90], BIRDS[30:31])  # of five lengths


def apart(how: Settings, batch: int = 1) -> Settings:
    return replace(how, stream=replace(how.stream, reset="document", batch=batch))


def between(one: Report, other: Report) -> float:
    """The larger difference of both runs, in nats per token."""
    runs = ((one.static, other.static), (one.dynamic, other.dynamic))
    return max(abs(a.total.nats_per_token - b.total.nats_per_token) for a, b in runs)


@pytest.mark.parametrize("context", CONTEXTS)
def test_each_stream_has_the_numbers_it_has_alone(tall: Model, context: Context):
    how = replace(settings(context=context), learner=LearnerConfig("sgd", 0.1))
    alone, together = (run(tall, apart(how, n), *TEXTS) for n in (1, 4))
    assert [row.document for row in alone.chunks] == [row.document for row in together.chunks]
    assert between(alone, together) < 1e-6
    for a, b in zip(alone.chunks, together.chunks, strict=True):
        assert a.dynamic == pytest.approx(b.dynamic, rel=1e-6)
    assert alone.dynamic.total.updates == together.dynamic.total.updates > len(TEXTS)


@pytest.mark.parametrize("optimizer", [one for one in ELEMENTWISE if one != "sgd"])
def test_whatever_the_optimizer_and_beside_others(tall: Model, optimizer: Optimizer):
    """Where a gradient is but rounding, these rules make a step of it: hence the wider bound."""
    how = replace(settings(), learner=LearnerConfig(optimizer, 1e-4), beside=(1e-5,))
    alone, together = (run(tall, apart(how, n), *TEXTS[:3]) for n in (1, 3))
    assert between(alone, together) < 5e-6
    one, other = alone.beside[0].total, together.beside[0].total
    assert one.nats_per_token == pytest.approx(other.nats_per_token, abs=5e-6)


def test_a_step_that_is_not_finite_stays_with_its_stream(tall: Model):
    attach(tall, settings().adapter)
    learner = Learner(tall.network, LearnerConfig(learning_rate=1e-3), tall.new_cache)
    both = Abreast(learner, 2, tall.new_cache)
    both.learn([Chunk((5,), (6, 7, 8)), Chunk((9,), (10, 11, 12))])
    broken = both._weights["model"]["layers"][0]["mlp"]["up_proj"]
    before = mx.array(broken["lora_a"])
    broken["lora_a"] = mx.concatenate([before[:1], before[1:] * float("inf")])
    first, second = both.learn([Chunk((5,), (6, 7, 8)), Chunk((9,), (10, 11, 12))])
    assert first.accepted and not second.accepted and second.reason == "not_finite"
    moved = both._weights["model"]["layers"][0]["mlp"]["up_proj"]["lora_a"]
    assert not mx.array_equal(moved[0], before[0]) and mx.isfinite(moved[0]).all()


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (replace(settings(), stream=replace(settings().stream, batch=2)), "--reset document"),
        (apart(settings("full"), 2), "LoRA"),
        (apart(replace(settings(), learner=LearnerConfig(optimizer="muon")), 2), "optimizers"),
    ],
)
def test_what_cannot_be_read_side_by_side_is_refused(tall: Model, how: Settings, said: str):
    with pytest.raises(MlxdynError, match=said):
        run(tall, how, *TEXTS)


def test_a_document_named_twice_is_refused(tall: Model):
    twice = streams(tall, BIRDS)[0]
    with pytest.raises(MlxdynError, match="name none twice"):
        evaluate.evaluate(tall, [twice, twice], apart(settings(), 2))
