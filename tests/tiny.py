"""Tiny random models of several families, with the bundled tokenizer, and what to do with them."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx_lm.utils import _get_classes, save_model

from mlxdyn.arrays import leaves
from mlxdyn.config import BUNDLED_MODEL, AdapterConfig, LearnerConfig
from mlxdyn.exchange.adapter import Adapter
from mlxdyn.learn.decode import LIKELY
from mlxdyn.learn.example import Draft, Example, Kind, Likely
from mlxdyn.learn.stream import lesson
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import Lesson
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import attach, detach
from mlxdyn.model.registry import locate

FAST = LearnerConfig(learning_rate=1e-2)
SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 8, "vocab_size": 2048, "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0, "max_position_embeddings": 256, "bos_token_id": 1, "eos_token_id": 2,
    "pad_token_id": 3,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"architectures": ["LlamaForCausalLM"], "tie_word_embeddings": True},
    "mistral": {"architectures": ["MistralForCausalLM"], "tie_word_embeddings": False},
    "qwen2": {"architectures": ["Qwen2ForCausalLM"], "tie_word_embeddings": True},
    "qwen3": {"architectures": ["Qwen3ForCausalLM"], "tie_word_embeddings": True},
    "phi3": {
        "architectures": ["Phi3ForCausalLM"], "tie_word_embeddings": True, "rope_scaling": None,
    },
}  # fmt: skip
OTHERS: dict[str, dict[str, Any]] = {
    "gemma3_text": {
        "architectures": ["Gemma3ForCausalLM"], "query_pre_attn_scalar": 8, "sliding_window": 16,
        "sliding_window_pattern": 6, "rope_local_base_freq": 10000.0, "rope_scaling": None,
    },
}  # fmt: skip
"""Families that a base can be of, but whose adapters are not tried in every format."""


def tiny_model(directory: Path, kind: str, *, bits: int | None = None, blocks: int = 3) -> Model:
    """Write a random model to `directory`, if it is not there, and load it."""
    if not directory.exists():
        directory.mkdir(parents=True)
        config = {
            "model_type": kind,
            **SIZES,
            **(FAMILIES | OTHERS)[kind],
            "num_hidden_layers": blocks,
        }
        model_class, arguments = _get_classes(config)
        mx.random.seed(len(kind))
        network = model_class(arguments.from_dict(config))
        # Wide enough that every position says something else.
        network.apply(lambda a: mx.random.normal(a.shape) * 0.3 if a.ndim > 1 else a)
        if bits:
            nn.quantize(network, group_size=32, bits=bits)
            config["quantization"] = {"group_size": 32, "bits": bits}
        save_model(directory, network)
        (directory / "config.json").write_text(json.dumps(config))
        source = locate(BUNDLED_MODEL)
        for path in [*source.glob("*token*"), source / "chat_template.jinja"]:
            shutil.copyfile(path, directory / path.name)
    return load(str(directory))


def random_adapter(model: Model, config: AdapterConfig | None = None, *, seed: int = 0) -> Adapter:
    """Make a LoRA whose both halves are far from zero."""
    config = config or AdapterConfig()
    attach(model, config)
    shapes = {name: a.shape for name, a in leaves(model.network.trainable_parameters())}
    detach(model)
    mx.random.seed(seed)
    arrays = {name: mx.random.normal(shape) * 0.1 for name, shape in sorted(shapes.items())}
    mx.eval(arrays)
    return Adapter(
        arrays, config.rank, config.scale, str(model.path), model.fingerprint, memory="m"
    )


def teach(memory: Memory, *texts: str) -> list[int]:
    """Let a memory learn messages, one conversation each; return the messages' ids."""
    ids = []
    for text in texts:
        chat = memory.ledger.conversations.add(memory.row.id)
        message = memory.ledger.messages.add(chat, "user", text, "pending").id
        rendered = render(memory.model.tokenizer, [Turn("user", text)], reply=False)
        chunks = tuple(lesson(rendered, chunk=64, window=512))
        memory.learn(Lesson("message", message, chunks, guarded=False))
        ids.append(message)
    return ids


def fact(
    memory: Memory, message: int | None, question: str, answer: str, kind: Kind = Kind.FACT
) -> None:
    """Freeze what a message taught, as the base would."""
    prompt = render(memory.model.tokenizer, [Turn("user", question)], reply=True).tokens
    target = tuple(memory.model.encode(answer))
    places = np.tile(np.arange(4, 4 + LIKELY, dtype=np.int32), (len(target), 1))
    likely = Likely(places, np.full(places.shape, -4.0, dtype=np.float32))
    draft = Draft(question, answer, Example(kind, prompt, target, likely))
    memory.ledger.examples.add(memory.row.id, message, [draft])


def opened(name: str, model: Model, ledger: Ledger, **options: Any) -> Memory:
    return Memory(name, model, ledger, **{"learner": FAST, **options})
