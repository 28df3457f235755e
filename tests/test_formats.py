"""Laws of the formats: the programs that an export is for load it and give the same answers.

They are heavy (PyTorch, llama.cpp): `pip install 'mlxdyn[formats]'` here, or in another Python that
MLXDYN_FORMATS_PYTHON names.
"""

import importlib.util
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import gguf as pypi_gguf
import mlx.core as mx
import numpy as np
import pytest
from sentencepiece import SentencePieceProcessor
from tiny import FAMILIES, random_adapter, tiny_model

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig
from mlxdyn.exchange import directories, gguf
from mlxdyn.exchange.adapter import Adapter, worn
from mlxdyn.model.load import Model, load
from mlxdyn.model.registry import locate

pytestmark = pytest.mark.slow
TOKENS = [1, 5, 600, 700, 800, 33, 1200, 44]
ADAPTERS = [AdapterConfig(rank=3, scale=2.0), AdapterConfig(targets="mlp", layers="late")]


def python_with(*packages: str) -> str:
    """An interpreter that has `packages`, or skip."""
    chosen = os.environ.get("MLXDYN_FORMATS_PYTHON", "")
    if not chosen and not all(map(importlib.util.find_spec, packages)):
        pytest.skip(f"no {packages[0]}: pip install 'mlxdyn[formats]', or MLXDYN_FORMATS_PYTHON")
    return chosen or sys.executable


def run(script: str, python: str, rows: Sequence[Sequence[Path]]) -> str:
    """Run `script` on rows of paths; return what it wrote to standard error."""
    words = [str(path) for row in rows for path in row]
    done = subprocess.run([python, "-c", script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stderr


def base(kind: str, folder: Path) -> Model:
    return load("wren") if kind == "wren" else tiny_model(folder / kind, kind)


def log_probabilities(network) -> np.ndarray:
    network.eval()
    logits = network(mx.array([TOKENS]))[0]
    return np.array(logits - mx.logsumexp(logits, axis=-1, keepdims=True))


PEFT = f"""
import sys, numpy, torch
from peft import PeftModel
from transformers import AutoModelForCausalLM
tokens = torch.tensor([{TOKENS}])
paths = iter(sys.argv[1:])
for base, adapter, out in zip(paths, paths, paths):
    network = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    with torch.no_grad():
        bare = network(tokens).logits[0].numpy()
        network = PeftModel.from_pretrained(network, adapter)
        numpy.savez(out, bare=bare, worn=network(tokens).logits[0].numpy())
"""


@pytest.mark.timeout(1200)
def test_peft_gives_the_same_logits(tmp_path: Path):
    python, rows, ours = python_with("peft", "torch"), [], []
    for kind in ("wren", *FAMILIES):
        for number, config in enumerate(ADAPTERS):
            model = base(kind, tmp_path)
            lora = random_adapter(model, config)
            out = tmp_path / f"{kind}-{number}"
            directories.write_peft(lora, out, model.config)
            rows.append((model.path, out, out.with_suffix(".npz")))
            with worn(model, lora):
                ours.append(np.array(model.network(mx.array([TOKENS]))[0]))
    said = run(PEFT, python, rows)
    assert "Unexpected" not in said  # no key of the configuration is unknown to PEFT
    for (*_, out), logits in zip(rows, ours, strict=True):
        theirs = np.load(out)
        assert np.abs(logits - theirs["worn"]).max() < 1e-4, out
        assert np.abs(logits - theirs["bare"]).max() > 1e-2, out


LLAMA_CPP = f"""
import sys, json, numpy, xllamacpp
paths = iter(sys.argv[1:])
for base, adapter, out in zip(paths, paths, paths):
    found = []
    for lora in ([], [xllamacpp.CommonAdapterLoraInfo(adapter, 1.0)]):
        params = xllamacpp.CommonParams()
        params.model.path, params.n_ctx, params.n_parallel = base, 64, 1
        params.warmup, params.fit_params, params.verbosity = False, False, -1
        params.cache_type_k = params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.lora_adapters = lora
        said = xllamacpp.Server(params).handle_completions(
            {{"prompt": {TOKENS}, "max_tokens": 1, "logprobs": 2048, "temperature": 1.0,
              "top_k": 0, "top_p": 1.0, "min_p": 0.0, "samplers": []}})
        said = json.loads(said) if isinstance(said, str) else said
        row = numpy.full(2048, numpy.nan)
        for top in said["choices"][0]["logprobs"]["content"][0]["top_logprobs"]:
            row[top["id"]] = top["logprob"]
        found.append(row)
    numpy.savez(out, bare=found[0], worn=found[1])
"""


@pytest.mark.timeout(1200)
def test_llama_cpp_gives_the_same_answers(tmp_path: Path):
    """To 0.05 nats: it rounds inside, and as much without the adapter."""
    python, rows, ours = python_with("xllamacpp"), [], {}
    for kind in ("wren", "llama", "mistral", "qwen2", "qwen3"):
        model = base(kind, tmp_path)
        lora = random_adapter(model, ADAPTERS[0])
        path = tmp_path / f"{kind}.gguf"
        write_base(model, path)
        for name in ("right", "wrong") if kind == "llama" else ("right",):
            out = tmp_path / f"{kind}.{name}.gguf"
            write_lora(lora if name == "right" else disordered(lora), model, out)
            rows.append((path, out, out.with_suffix(".npz")))
        with worn(model, lora):
            ours[kind] = log_probabilities(model.network)[-1]
    run(LLAMA_CPP, python, rows)
    for path, out, found in rows:
        theirs, mine = np.load(found), ours[path.stem]
        close = np.abs(theirs["worn"] - mine).max() < 0.05
        assert close == ("right" in out.name), out
        assert np.abs(theirs["bare"] - mine).max() > 0.5, out


def write_lora(lora: Adapter, model: Model, path: Path) -> None:
    alpha = lora.scale * lora.rank
    gguf.write_gguf(path, lora.arrays, alpha=alpha, config=model.config, name="m")


def disordered(lora: Adapter) -> Adapter:
    """What becomes of an adapter whose q and k miss the order of rows that llama.cpp wants."""
    wrong = {
        name: gguf._interleaved(array.T, 4 if "q_proj" in name else 2).T
        if name.endswith(("q_proj.lora_b", "k_proj.lora_b"))
        else array
        for name, array in lora.arrays.items()
    }
    return replace(lora, arrays=wrong)


def write_base(model: Model, path: Path) -> None:
    """Write a base as llama.cpp's own converter does, in float32."""
    config = model.config
    architecture = {"mistral": "llama"}.get(config["model_type"], config["model_type"])
    writer = pypi_gguf.GGUFWriter(str(path), architecture)
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
    _add_vocabulary(writer, config["vocab_size"])
    _add_weights(writer, model, architecture)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


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


def _add_weights(writer: pypi_gguf.GGUFWriter, model: Model, architecture: str) -> None:
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
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight", ".bias")), weight)
