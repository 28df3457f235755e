"""Write a checkpoint as a Hugging Face model directory, and check it in mlx-lm."""

import argparse
import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from mlxdyn.model import blas

from . import corpus, tokenizer
from .network import Shape, halved, read
from .tokenizer import WREN

GENERATION = {
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 3,
    "do_sample": True,
    "temperature": 0.3,
    "top_p": 0.9,
    "max_new_tokens": 256,
}
PROMPTS = {"writers": [{"request": corpus.STUDY, "heading": "Q:"}]}
"""How mlxdyn may ask it to write questions, besides the ways in which it asks any base."""


def write_json(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n")


def export(checkpoint: Path, vocabulary: Path, out: Path) -> None:
    """Write every file of the model but its card."""
    out.mkdir(parents=True, exist_ok=True)
    if vocabulary.resolve() != out.resolve():
        shutil.copy(vocabulary / "tokenizer.model", out / "tokenizer.model")
    tokenizer.write(out)
    write_json(
        out / "config.json",
        Shape().config() | {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3},
    )
    write_json(out / "generation_config.json", GENERATION)
    write_json(out / "prompts.json", PROMPTS)
    save_file(halved(read(checkpoint)), out / "model.part", metadata={"format": "pt"})
    (out / "model.part").chmod(0o644)
    os.replace(out / "model.part", out / "model.safetensors")


def difference(out: Path) -> float:
    """Measure the largest difference of PyTorch's and mlx-lm's logits on 64 tokens."""
    blas.load()
    import mlx.core as mx
    import numpy as np
    from mlx_lm import load

    tokens = np.random.default_rng(0).integers(8, 2048, (1, 64))
    network = read(out)
    with torch.no_grad():
        ours = network(torch.from_numpy(tokens)).numpy()
    model = load(str(out))[0]
    model.set_dtype(mx.float32)
    return float(np.abs(np.array(model(mx.array(tokens))) - ours).max())


def main() -> None:
    """Export `--checkpoint` to `--out`; fail if mlx-lm's logits differ."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--checkpoint", type=Path, default=Path("build/wren/checkpoint.pt"))
    parser.add_argument("--tokenizer", type=Path, default=WREN)
    parser.add_argument("--out", type=Path, default=WREN)
    options = parser.parse_args()
    export(options.checkpoint, options.tokenizer, options.out)
    gap = difference(options.out)
    print(f"{options.out}: largest difference of logits {gap:.2e}")
    if gap > 1e-2:
        raise SystemExit(f"mlx-lm and PyTorch disagree by {gap}: the export is wrong")


if __name__ == "__main__":
    main()
