"""What a GGUF's metadata says of its network, as config.json, and what MLX calls its tensors.

Names and row order follow llama.cpp's convert_hf_to_gguf.py. Knows no MLX.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mlxdyn.errors import MlxdynError
from mlxdyn.model.gguf import Gguf, raw

Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Architecture:
    """How one of llama.cpp's architectures differs from the plainest."""

    model_type: str
    classes: str  # the name that transformers has for it
    permuted: bool = False  # rows of q and k lie as rotary pairs side by side
    biased: bool = False  # q, k and v
    normed: bool = False  # q and k, a head
    wrapped: bool = False  # norms after attention and MLP too, their weights stored plus one
    fixed: Mapping[str, Any] = field(default_factory=dict)  # what GGUF does not say


ARCHITECTURES = {
    "llama": Architecture("llama", "LlamaForCausalLM", permuted=True),
    "qwen2": Architecture("qwen2", "Qwen2ForCausalLM", biased=True),
    "qwen3": Architecture("qwen3", "Qwen3ForCausalLM", normed=True),
    "gemma3": Architecture(
        "gemma3_text", "Gemma3ForCausalLM", normed=True, wrapped=True,
        fixed={"sliding_window_pattern": 6, "rope_local_base_freq": 10_000.0},
    ),
}  # fmt: skip

TOP = {
    "token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
}  # fmt: skip
BLOCK_WEIGHTS = {
    "attn_norm": "input_layernorm", "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
    "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
    "ffn_norm": "post_attention_layernorm", "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}  # fmt: skip
WRAPPED = {
    "post_attention_norm": "post_attention_layernorm", "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}  # fmt: skip

ROPE_FACTORS = "rope_freqs.weight"
LLAMA3 = [
    {
        "rope_type": "llama3", "factor": factor, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    for factor in (8.0, 32.0)
]  # fmt: skip
"""How Llama 3.1 and 3.2 stretch their positions; a GGUF holds only what comes of it."""


def architecture(file: Gguf) -> Architecture:
    """Look up the architecture; raise MlxdynError, naming those known, for another."""
    name = file.metadata.get("general.architecture")
    found = ARCHITECTURES.get(name) if isinstance(name, str) else None
    kind = file.metadata.get("general.type", "model")
    if found is None or kind != "model":
        raise MlxdynError(
            f"{file.path} is a {str(name)[:40]!r} {str(kind)[:40]}; "
            f"of GGUF files, models of {', '.join(ARCHITECTURES)} can be read"
        )
    if file.metadata.get(f"{name}.expert_count"):
        raise MlxdynError(f"{file.path} is a mixture of experts, which cannot be read from GGUF")
    return found


def config(file: Gguf) -> dict[str, Any]:
    """Make config.json's content; raise MlxdynError where the metadata does not say enough."""
    kind, said = architecture(file), _Said(file)
    width, heads = said.whole("embedding_length"), said.whole("attention.head_count")
    head = said.whole("attention.key_length", width // heads)
    shapes = {tensor.name: tensor.shape for tensor in file.tensors}
    made: dict[str, Any] = {
        "architectures": [kind.classes],
        "model_type": kind.model_type,
        "hidden_size": width,
        "intermediate_size": said.whole("feed_forward_length"),
        "num_hidden_layers": said.whole("block_count", most=1000),
        "num_attention_heads": heads,
        "num_key_value_heads": said.whole("attention.head_count_kv", heads),
        "head_dim": head,
        "max_position_embeddings": said.whole("context_length"),
        "rms_norm_eps": said.real("attention.layer_norm_rms_epsilon"),
        "rope_theta": said.real("rope.freq_base", 10_000.0),
        "rope_scaling": _scaling(file, said, head),
        "vocab_size": shapes.get("token_embd.weight", (0,))[0],
        "tie_word_embeddings": "output.weight" not in shapes,
        **kind.fixed,
    }
    if kind.wrapped:
        made["sliding_window"] = said.whole("attention.sliding_window")
        made["query_pre_attn_scalar"] = head
    _check_heads(file, made, said)
    return made


class _Said:
    """Numbers that the metadata holds under its architecture's name."""

    def __init__(self, file: Gguf) -> None:
        self.file, self.name = file, file.metadata["general.architecture"]

    def whole(self, key: str, default: int | None = None, *, most: int = 2**31) -> int:
        value = self.value(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < most:
            raise MlxdynError(f"{self.file.path} is damaged: {self.name}.{key} is {value!r}")
        return value

    def real(self, key: str, default: float | None = None) -> float:
        value = self.value(key, default)
        if not isinstance(value, float) or not math.isfinite(value) or value <= 0:
            raise MlxdynError(f"{self.file.path} is damaged: {self.name}.{key} is {value!r}")
        return float(f"{value:.7g}")  # float32 as people write it

    def value(self, key: str, default: Any = None) -> Any:
        found = self.file.metadata.get(f"{self.name}.{key}", default)
        if found is None:
            raise MlxdynError(f"{self.file.path} does not say its {self.name}.{key}")
        return found


def _check_heads(file: Gguf, made: Mapping[str, Any], said: _Said) -> None:
    heads, head = made["num_attention_heads"], made["head_dim"]
    whole = heads % made["num_key_value_heads"] == 0 and head % 2 == 0
    rotated = said.whole("rope.dimension_count", head)
    if not whole or rotated != head or said.whole("attention.value_length", head) != head:
        raise MlxdynError(f"{file.path} has attention heads of a kind that cannot be read here")
    if made["model_type"] == "qwen2" and heads * head != made["hidden_size"]:
        raise MlxdynError(f"{file.path} has heads of {head}, which MLX's qwen2 does not know")
    if made["model_type"] == "gemma3_text" and made["num_hidden_layers"] == 62:
        raise MlxdynError(f"{file.path} is Gemma 3 27B, which scales attention in a way of its own")


def _scaling(file: Gguf, said: _Said, head: int) -> dict[str, Any] | None:
    """How positions are stretched beyond those of training; None where they are not."""
    kind = file.metadata.get(f"{said.name}.rope.scaling.type", "none")
    if kind == "linear":
        return {"rope_type": "linear", "factor": said.real("rope.scaling.factor")}
    if kind != "none":
        raise MlxdynError(f"{file.path} stretches positions by {str(kind)[:40]!r}, unknown here")
    factors = next((tensor for tensor in file.tensors if tensor.name == ROPE_FACTORS), None)
    if factors is None:
        return None
    if factors.kind == "F32" and factors.shape == (head // 2,):
        stored = raw(file, factors).view(np.float32)
        base = said.real("rope.freq_base", 10_000.0)
        for scaling in LLAMA3:
            if np.allclose(stored, llama3_factors(base, head, scaling), rtol=1e-4):
                return dict(scaling)
    raise MlxdynError(f"{file.path} stretches positions in a way that is unknown here")


def llama3_factors(base: float, head: int, scaling: Mapping[str, Any]) -> list[float]:
    """By how much each rotary frequency is divided, as llama.cpp's converter computes it."""
    factor, low, high = (scaling[f"{k}factor"] for k in ("", "low_freq_", "high_freq_"))
    span = scaling["original_max_position_embeddings"]
    factors = []
    for index in range(0, head, 2):
        wave = 2 * math.pi * base ** (index / head)
        smooth = (span / wave - low) / (high - low)
        between = 1 / ((1 - smooth) / factor + smooth)
        factors.append(1.0 if wave < span / high else factor if wave > span / low else between)
    return factors


def names(file: Gguf, config: Mapping[str, Any]) -> dict[str, str]:
    """Map the file's tensor names to MLX's.

    Raises MlxdynError that lists what is missing, unknown or of another shape than `config` says.
    """
    expected = _expected(architecture(file), config)
    found = {tensor.name: tensor.shape for tensor in file.tensors if tensor.name != ROPE_FACTORS}
    wrong = [f"no {name}" for name in expected if name not in found]
    wrong += [f"an unknown {name[:80]}" for name in found if name not in expected]
    wrong += [
        f"{name} of {shape}, not {expected[name][1]}"
        for name, shape in found.items()
        if name in expected and shape != expected[name][1]
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more such things" if len(wrong) > 3 else ""
        raise MlxdynError(f"{file.path} cannot be read: it has {'; '.join(wrong[:3])}{more}")
    return {name: mlx for name, (mlx, _) in expected.items()}


def _expected(
    kind: Architecture, config: Mapping[str, Any]
) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Map each tensor there must be to its name in MLX and its shape."""
    width, vocabulary = config["hidden_size"], config["vocab_size"]
    shapes: Shapes = {"token_embd": (vocabulary, width), "output_norm": (width,)}
    if not config["tie_word_embeddings"]:
        shapes["output"] = (vocabulary, width)
    made = {f"{name}.weight": (f"{TOP[name]}.weight", shape) for name, shape in shapes.items()}
    layer = BLOCK_WEIGHTS | (WRAPPED if kind.wrapped else {})
    for name, shape in _block(kind, config).items():
        leaf, _, part = name.rpartition(".")
        for block in range(config["num_hidden_layers"]):
            made[f"blk.{block}.{name}"] = (f"model.layers.{block}.{layer[leaf]}.{part}", shape)
    return made


def _block(kind: Architecture, config: Mapping[str, Any]) -> Shapes:
    """Map the names of a block's tensors to their shapes."""
    width, inner, head = (config[k] for k in ("hidden_size", "intermediate_size", "head_dim"))
    q, kv = (config[f"num_{k}_heads"] * head for k in ("attention", "key_value"))
    shapes: Shapes = {
        "attn_norm.weight": (width,), "ffn_norm.weight": (width,),
        "attn_q.weight": (q, width), "attn_k.weight": (kv, width), "attn_v.weight": (kv, width),
        "attn_output.weight": (width, q), "ffn_gate.weight": (inner, width),
        "ffn_up.weight": (inner, width), "ffn_down.weight": (width, inner),
    }  # fmt: skip
    if kind.biased:
        shapes |= {"attn_q.bias": (q,), "attn_k.bias": (kv,), "attn_v.bias": (kv,)}
    if kind.normed:
        shapes |= {"attn_q_norm.weight": (head,), "attn_k_norm.weight": (head,)}
    if kind.wrapped:
        shapes |= {"post_attention_norm.weight": (width,), "post_ffw_norm.weight": (width,)}
    return shapes
