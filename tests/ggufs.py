"""GGUF files written from MLX models, as llama.cpp's own converter writes them."""

from pathlib import Path
from typing import Any

import gguf as pypi_gguf
import mlx.core as mx
import numpy as np
from gguf.quants import quantize
from sentencepiece import SentencePieceProcessor

from mlxdyn.arrays import leaves
from mlxdyn.model.load import Model
from mlxdyn.model.registry import locate

Quantisation = pypi_gguf.GGMLQuantizationType
TEMPLATE = "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"


def write_base(model: Model, path: Path, kind: Quantisation = Quantisation.F32) -> None:
    """Write a base and wren's vocabulary; matrices are stored as `kind`, the rest in float32."""
    architecture = {"mistral": "llama", "gemma3_text": "gemma3"}.get(
        model.config["model_type"], model.config["model_type"]
    )
    writer = pypi_gguf.GGUFWriter(str(path), architecture)
    _add_config(writer, model.config)
    _add_vocabulary(writer, model.config["vocab_size"])
    _add_weights(writer, model, architecture, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_config(writer: pypi_gguf.GGUFWriter, config: dict[str, Any]) -> None:
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_key_value_heads"])
    writer.add_key_length(config["head_dim"])
    writer.add_value_length(config["head_dim"])
    writer.add_rope_dimension_count(config["head_dim"])
    writer.add_rope_freq_base(config["rope_theta"])
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_vocab_size(config["vocab_size"])
    if "sliding_window" in config:
        writer.add_sliding_window(config["sliding_window"])


def _add_vocabulary(writer: pypi_gguf.GGUFWriter, size: int) -> None:
    pieces = SentencePieceProcessor(model_file=str(locate("wren") / "tokenizer.model"))
    kinds = pypi_gguf.TokenType
    known = range(min(size, pieces.get_piece_size()))
    rest = size - len(known)
    names = [pieces.id_to_piece(i).encode() for i in known]
    types = [
        kinds.UNKNOWN if pieces.is_unknown(i)
        else kinds.CONTROL if pieces.is_control(i)
        else kinds.BYTE if pieces.is_byte(i)
        else kinds.NORMAL
        for i in known
    ]  # fmt: skip
    writer.add_tokenizer_model("llama")
    writer.add_token_list(names + [f"[{i}]".encode() for i in range(rest)])
    writer.add_token_scores([pieces.get_score(i) for i in known] + [-1000.0] * rest)
    writer.add_token_types(types + [kinds.UNUSED] * rest)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    writer.add_add_space_prefix(False)
    writer.add_chat_template(TEMPLATE)


def _add_weights(
    writer: pypi_gguf.GGUFWriter, model: Model, architecture: str, kind: Quantisation
) -> None:
    number = next(n for n, name in pypi_gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = pypi_gguf.get_tensor_name_map(number, model.config["num_hidden_layers"])
    heads = {
        "q_proj.weight": model.config["num_attention_heads"],
        "k_proj.weight": model.config["num_key_value_heads"],
    }
    for name, array in leaves(model.network.parameters()):
        weight = np.array(array.astype(mx.float32))
        count = heads.get(".".join(name.split(".")[-2:]))
        if count and architecture == "llama":
            halves = weight.reshape(count, 2, len(weight) // count // 2, -1)
            weight = np.ascontiguousarray(halves.swapaxes(1, 2).reshape(weight.shape))
        if architecture == "gemma3" and name.endswith("norm.weight"):
            weight = weight + 1
        theirs = names.get_name(name, try_suffixes=(".weight", ".bias"))
        if weight.ndim > 1 and kind != Quantisation.F32:
            writer.add_tensor(theirs, quantize(weight, kind), raw_dtype=kind)
        else:
            writer.add_tensor(theirs, weight)
