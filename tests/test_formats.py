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

import mlx.core as mx
import numpy as np
import pytest
from ggufs import write_base
from tiny import FAMILIES, random_adapter, tiny_model

from mlxdyn.config import AdapterConfig
from mlxdyn.exchange import directories, gguf
from mlxdyn.exchange.adapter import Adapter, adapter_replaced
from mlxdyn.model.load import Model, load

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
            with adapter_replaced(model, lora):
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
        server = xllamacpp.Server(params)
        for seed in range(20):  # where it draws the token that ends a text, it tells nothing
            said = server.handle_completions(
                {{"prompt": {TOKENS}, "max_tokens": 1, "logprobs": 2048, "temperature": 1.0,
                  "top_k": 0, "top_p": 1.0, "min_p": 0.0, "samplers": [], "seed": seed}})
            said = json.loads(said) if isinstance(said, str) else said
            told = said["choices"][0]["logprobs"]
            if told:
                break
        row = numpy.full(2048, numpy.nan)
        for top in told["content"][0]["top_logprobs"]:
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
        with adapter_replaced(model, lora):
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
        name: gguf.interleaved(array.T, 4 if "q_proj" in name else 2).T
        if name.endswith(("q_proj.lora_b", "k_proj.lora_b"))
        else array
        for name, array in lora.arrays.items()
    }
    return replace(lora, arrays=wrong)
