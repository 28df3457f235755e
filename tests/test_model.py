"""Laws of the base and its adapter; models that cannot load say why in one sentence."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx_lm.utils import save_model

import mlxdyn_models
from mlxdyn.arrays import leaves
from mlxdyn.config import BUNDLED_MODEL, AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import adapter_disabled, attach, detach


def logits(model: Model) -> mx.array:
    found: mx.array = model.network(mx.array([model.encode("The wren sings.")]))
    mx.eval(found)
    return found  # (1, T, V)


def learn(model: Model, times: int = 2) -> None:
    tokens = tuple(model.encode("A wren sings in the hedge all day long."))
    student = Learner(model.network, LearnerConfig(learning_rate=1e-2), model.new_cache)
    for _ in range(times):
        assert student.learn(Chunk(tokens[:4], tokens[4:])).accepted


def same(one: mx.array, other: mx.array) -> bool:
    return bool(mx.array_equal(one, other).item())


def test_base_never_changes(wren: Model) -> None:
    """A fresh adapter, a bare block and a detached adapter give the base's logits, bitwise."""
    base = logits(wren)
    attach(wren, AdapterConfig())
    assert same(logits(wren), base)  # lora_b is zero
    learn(wren)
    learned = logits(wren)
    assert not same(learned, base)
    with adapter_disabled(wren):
        assert same(logits(wren), base)
    assert same(logits(wren), learned)
    detach(wren)
    assert same(logits(wren), base)


def test_adapter_is_seeded(wren: Model) -> None:
    def drawn(seed: int, layers: str = "all") -> dict[str, mx.array]:
        attach(wren, AdapterConfig(seed=seed, layers=layers))
        return dict(leaves(wren.network.trainable_parameters()))

    one, again, other, late = drawn(0), drawn(0), drawn(1), drawn(0, "5")
    assert all(same(one[name], again[name]) for name in one)
    assert not all(same(one[name], other[name]) for name in one)
    assert all(same(one[name], late[name]) for name in late)  # whichever layers come along


@pytest.mark.parametrize(
    ("knobs", "count"),
    [
        ({}, 42),
        ({"targets": "mlp"}, 18),
        ({"targets": "attention"}, 24),
        ({"targets": "q_proj,down_proj"}, 12),
        ({"layers": "middle"}, 14),
        ({"layers": "upper"}, 28),
        ({"layers": "2-5"}, 28),
        ({"layers": "0,3"}, 14),
    ],
)
def test_targets_and_layers_choose(wren: Model, knobs: dict[str, str], count: int) -> None:
    attach(wren, AdapterConfig(**knobs))  # type: ignore[arg-type]
    assert len(leaves(wren.network.trainable_parameters())) == 2 * count


@pytest.mark.parametrize("knobs", [{"targets": "nothing"}, {"layers": "9"}, {"layers": "top"}])
def test_an_adapter_without_a_place_is_refused(wren: Model, knobs: dict[str, str]) -> None:
    with pytest.raises(MlxdynError):
        attach(wren, AdapterConfig(**knobs))  # type: ignore[arg-type]


def test_text_is_never_control(wren: Model) -> None:
    """Special tokens written in a document are plain text."""
    for token in wren.tokenizer.all_special_tokens:
        spelled = wren.encode(f"a {token} b")
        assert wren.tokenizer.convert_tokens_to_ids(token) not in spelled[1:]


def test_tied_checkpoint_loads(tinystories: Model) -> None:
    """tinystories-656k stores only lm_head.weight."""
    assert np.isfinite(np.array(logits(tinystories))).all()
    head = logits(tinystories)[0, -1]
    assert float(head.max() - head.mean()) > 2  # it has an opinion, so the embedding is not noise


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    source = mlxdyn_models.bundled()[BUNDLED_MODEL]
    return Path(shutil.copytree(source, tmp_path / "copy"))


def test_quantised_models_learn(wren: Model, copied: Path) -> None:
    """The gradient goes through quantised products; the base stays as it is on disk."""
    network = load(str(copied)).network
    nn.quantize(network, group_size=64, bits=4)
    config = json.loads((copied / "config.json").read_text())
    quantised = config | {"quantization": {"group_size": 64, "bits": 4}}
    (copied / "config.json").write_text(json.dumps(quantised))
    save_model(copied, network)
    model = load(str(copied), packed=True)
    base = logits(model)
    attach(model, AdapterConfig())
    assert same(logits(model), base)
    learn(model)
    assert not same(logits(model), base)
    detach(model)
    assert same(logits(model), base)


def break_config(path: Path) -> None:
    (path / "config.json").write_text("{")


def unknown_type(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"model_type": "abacus"}))


def foreign_tokenizer(path: Path) -> None:
    config = json.loads((path / "config.json").read_text())
    (path / "config.json").write_text(json.dumps(config | {"vocab_size": 1000}))
    save = mx.load(str(path / "model.safetensors"))
    assert isinstance(save, dict)
    cut = {n: a[:1000] if "embed" in n or "lm_head" in n else a for n, a in save.items()}
    mx.eval(cut)
    mx.save_safetensors(str(path / "model.safetensors"), cut)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda path: (path / "config.json").unlink(), "config.json"),
        (break_config, "config.json"),
        (lambda path: (path / "config.json").write_text("[]"), "model_type"),
        (unknown_type, "abacus"),
        (lambda path: (path / "model.safetensors").unlink(), "safetensors"),
        (lambda path: (path / "model.safetensors").write_bytes(b"\1" * 99), "cannot be loaded"),
        (foreign_tokenizer, "1000"),
    ],
)
def test_a_bad_model_says_why_in_one_sentence(
    copied: Path, damage: Callable[[Path], object], said: str
) -> None:
    damage(copied)
    with pytest.raises(MlxdynError) as caught:
        load(str(copied))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["no-such-model", "./nowhere", "nobody/no-such-repository"])
def test_an_unknown_model_is_named_with_the_fix(name: str) -> None:
    with pytest.raises(MlxdynError, match=r"no-such|nowhere"):
        load(name)
