"""A base and its tokenizer through mlx-lm: found on this machine, loaded, checked."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import psutil
from mlx_lm import utils as mlx_lm_utils
from mlx_lm.models.cache import KVCache, RotatingKVCache, make_prompt_cache

from mlxdyn.arrays import leaves
from mlxdyn.errors import MlxdynError
from mlxdyn.model import device
from mlxdyn.model.fingerprint import RECORD, changed, fingerprint
from mlxdyn.model.registry import locate

AS_WRITTEN = {"tokenizer_type": "mistral"}
"""Lets transformers use a tokenizer.json of ours; of some types it would make one of its own."""

MOST_OF_MEMORY = 0.7  # of what is free, that dequantised weights may take


@dataclass(frozen=True, slots=True)
class Model:
    """A frozen base with its tokenizer."""

    name: str
    path: Path
    network: Any  # the mlx-lm module
    tokenizer: Any  # mlx_lm TokenizerWrapper
    config: Mapping[str, Any]
    fingerprint: str  # of weights, configuration, tokenizer and chat template
    former: str  # what mlxdyn 0.1 called it
    note: str = ""  # a sentence for the user on how it was loaded
    cuts: dict[int, bool] = field(default_factory=dict, compare=False, repr=False)  # of learn/parts

    def changed(self, learned: str) -> tuple[str, ...]:
        """Name the parts that differ from a base of fingerprint `learned`; () if none."""
        return changed(learned, (self.fingerprint, self.former))

    @property
    def context_size(self) -> int:
        """Most tokens the base was trained to attend to."""
        text = self.config.get("text_config", self.config)
        return int(text.get("max_position_embeddings") or 2048)

    @property
    def parameters(self) -> int:
        return int(mlx_lm_utils.get_total_parameters(self.network))

    @property
    def dtype(self) -> str:
        kinds = {str(a.dtype) for _, a in leaves(self.network.parameters())}
        floats = sorted(kind.removeprefix("mlx.core.") for kind in kinds if "float" in kind)
        return "+".join(floats)

    @property
    def generation(self) -> dict[str, Any]:
        """What generation_config.json advises; empty where there is none."""
        path = self.path / "generation_config.json"
        try:
            advice = json.loads(path.read_text()) if path.is_file() else {}
        except (OSError, ValueError, RecursionError):
            return {}  # advice only: a broken file stops nobody
        return advice if isinstance(advice, dict) else {}

    def new_cache(self, window: int | None = None) -> list[Any]:
        """Make an empty KV cache; with `window`, attention sees only that many latest tokens."""
        layers = list(make_prompt_cache(self.network))
        if window is None:
            return layers
        return [RotatingKVCache(window) if type(c) is KVCache else c for c in layers]

    def encode(self, text: str) -> list[int]:
        """Tokens of a document, with BOS where the tokenizer adds one; no text is control."""
        return list(self.tokenizer.encode(text, split_special_tokens=True))

    def decode(self, tokens: list[int]) -> str:
        return str(self.tokenizer.decode(tokens, skip_special_tokens=True))


def load(name: str, *, packed: bool | None = None) -> Model:
    """Load a base and its tokenizer; raise MlxdynError, one sentence, when that cannot be.

    `packed` keeps quantised weights as they are, or not; None does what is fastest here.
    """
    path = locate(name)
    logging.getLogger("transformers").setLevel(logging.ERROR)
    config = _read_config(path)
    try:
        network, _ = mlx_lm_utils.load_model(path, lazy=True, get_model_classes=tied_classes)
        tokenizer = mlx_lm_utils.load_tokenizer(
            path,
            tokenizer_config_extra=AS_WRITTEN if (path / RECORD).is_file() else None,
            eos_token_ids=config.get("eos_token_id"),
        )
    except Exception as error:  # mlx-lm and transformers raise whatever they meet
        raise MlxdynError(_explain(path, config, error)) from error
    _check_tokenizer(path, network, tokenizer)
    prints = fingerprint(path)
    note = ""
    if device.current().name == "cpu":
        network.set_dtype(mx.float32)  # 16-bit products are 40 times slower on CPU
        mx.disable_compile()  # on CPU it calls a C++ compiler, for seconds, and gains nothing
        note = _unpack(network, packed)
    elif (path / RECORD).is_file():
        _harmonise(network, config)
    network.freeze()
    try:
        mx.eval(network.parameters())
    except RuntimeError as error:  # a file that ends too soon is seen only now
        raise MlxdynError(_explain(path, config, error)) from error
    device.limit_memory(sum(a.nbytes for _, a in leaves(network.parameters())))
    return Model(path.name, path, network, tokenizer, config, *prints, note)


def _harmonise(network: nn.Module, config: Mapping[str, Any]) -> None:
    """Give the norms, which GGUF keeps in float32, the type of the rest: one alone slows all down.

    Gemma's stay, since it overflows in float16.
    """
    kinds = {a.dtype for _, a in leaves(network.parameters())} - {mx.uint32}
    if kinds == {mx.float16, mx.float32} and "gemma" not in config["model_type"]:
        network.set_dtype(mx.float16)


def _unpack(network: nn.Module, packed: bool | None) -> str:
    """Dequantise, where told to or where memory allows; say what was done.

    MLX has no fast product for packed weights on a CPU: 5 tokens/s where float32 reads 63.
    """
    modules = network.named_modules()
    if packed or not any(isinstance(m, nn.QuantizedLinear) for _, m in modules):
        return ""
    need, free = 4 * mlx_lm_utils.get_total_parameters(network), psutil.virtual_memory().available
    if packed is None and need > MOST_OF_MEMORY * free:
        return (
            f"The weights stay quantised, which is slow on a CPU: as float32 they take "
            f"{need / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free."
        )
    mlx_lm_utils.dequantize_model(network)
    return f"The weights are used as float32 ({need / 1e9:.1f} GB): faster than quantised on a CPU."


def _read_config(path: Path) -> dict[str, Any]:
    try:
        config = json.loads((path / "config.json").read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise MlxdynError(f"{path / 'config.json'} cannot be read: {error}") from error
    if not isinstance(config, dict) or "model_type" not in config:
        raise MlxdynError(f"{path / 'config.json'} names no model_type")
    return config


def _explain(path: Path, config: Mapping[str, Any], error: Exception) -> str:
    said = " ".join(str(error).split())[:300] or type(error).__name__
    if isinstance(error, FileNotFoundError):
        return f"{path} has no model*.safetensors; fetch the whole model again"
    if "not supported" in said:
        kind = config["model_type"]
        return f"mlx-lm cannot load model type {kind!r} of {path}; choose another model"
    return f"{path} cannot be loaded ({said}); fetch it again or choose another model"


def _check_tokenizer(path: Path, network: Any, tokenizer: Any) -> None:
    rows = next((a.shape[0] for n, a in leaves(network.parameters()) if "embed" in n), None)
    if rows is not None and len(tokenizer) > rows:
        raise MlxdynError(
            f"the tokenizer of {path} has {len(tokenizer)} tokens but the model only {rows}; "
            "use the tokenizer that came with the model"
        )


def tied_classes(config: dict[str, Any]) -> tuple[Any, Any]:
    """Let a tied checkpoint that stores only lm_head.weight load, as transformers does."""
    model_class, arguments = mlx_lm_utils._get_classes(config)

    def build(args: Any) -> Any:
        network = model_class(args)
        if config.get("tie_word_embeddings") and hasattr(network, "sanitize"):
            network.sanitize = partial(_tie, network.sanitize)
        return network

    return build, arguments


def _tie(sanitize: Any, weights: dict[str, mx.array]) -> dict[str, mx.array]:
    head = weights.get("lm_head.weight")
    if head is not None and not any(name.endswith("embed_tokens.weight") for name in weights):
        weights = {**weights, "model.embed_tokens.weight": head}
    return dict(sanitize(weights))
