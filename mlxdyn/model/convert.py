"""A GGUF file becomes a model directory that MLX loads: whole, or not at all.

Beside the weights it keeps what they were made of: mlxdyn.json names the source, its sha256, the
licence and a checksum of each file, which `load` compares.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxdyn.config import Bits
from mlxdyn.errors import MlxdynError
from mlxdyn.files import appearing, digest
from mlxdyn.model import architectures, vocabulary
from mlxdyn.model.fingerprint import RECORD
from mlxdyn.model.gguf import Gguf, Tensor, read
from mlxdyn.model.weights import FLOATS, GROUP_SIZE, LOSSLESS_BITS, Arrays, arrays

SHARD = 2 * 2**30  # bytes of weights that are in memory at once, and in one file
SAMPLING = {"temp": "temperature", "top_p": "top_p", "top_k": "top_k", "min_p": "min_p"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a model came from."""

    name: str
    source: str  # what `mlxdyn model add` was given
    licence: str | None = None
    licence_file: Path | None = None  # its text
    card: Path | None = None  # a README.md of ours; without one, a short card is written
    generation: dict[str, Any] | None = None  # sampling that its makers advise


def convert(
    file: Path,
    directory: Path,
    origin: Origin,
    *,
    bits: Bits = 8,
    say: Callable[[str], None] = lambda sentence: None,
) -> None:
    """Write `directory` from a GGUF; `bits` is what types that MLX lacks are quantised to.

    Raises MlxdynError, one sentence, when the file is damaged or of a kind unknown here.
    """
    gguf = read(file)
    config = architectures.config(gguf)
    names = architectures.names(gguf, config)
    tokenizer = vocabulary.tokenizer(gguf)
    for sentence in _told(gguf, bits):
        say(sentence)
    with appearing(directory) as partial:
        partial.mkdir(mode=0o700)
        config |= _quantization(_write_weights(gguf, names, config, partial, bits))
        config |= _ends(gguf)
        _write(partial / "config.json", config)
        (partial / "tokenizer.json").write_text(vocabulary.dumped(tokenizer), "utf-8")
        _write(partial / "tokenizer_config.json", vocabulary.config(gguf))
        template = vocabulary.chat_template(gguf)
        if template is not None:
            (partial / "chat_template.jinja").write_text(template, "utf-8")
        _write(partial / "generation_config.json", _generation(gguf, origin) | _ends(gguf))
        _write_papers(gguf, origin, partial, config)
        _write(partial / RECORD, _record(gguf, origin, partial, bits))


def _told(gguf: Gguf, bits: Bits) -> Iterator[str]:
    """Say what is rounded."""
    other = sorted({t.kind for t in gguf.tensors} - {*LOSSLESS_BITS, *FLOATS})
    if other:
        new = "kept as float16" if bits == 16 else f"quantised again, to {bits} bits"
        yield f"{', '.join(other)} weights have no twin in MLX: they are {new}."


def _write_weights(
    gguf: Gguf, names: dict[str, str], config: dict[str, Any], directory: Path, bits: Bits
) -> dict[str, int]:
    """Write all tensors, a few at a time; return the bits of each quantised module."""
    quantised: dict[str, int] = {}
    shard: Arrays = {}
    written = 0
    for tensor in gguf.tensors:
        if tensor.name not in names:
            continue
        name = names[tensor.name]
        module, _, part = name.rpartition(".")
        parts, stored = arrays(gguf, tensor, bits)
        if stored is not None:
            _check_quantised(gguf, tensor)
            quantised[module] = stored
        parts = _turned(gguf, tensor, parts, config)
        shard |= {f"{module}.{part if k == 'weight' else k}": a for k, a in parts.items()}
        if sum(array.nbytes for array in shard.values()) >= SHARD:
            _save(directory, shard, written)
            shard, written = {}, written + 1
    if shard or not written:
        _save(directory, shard, written)
    return quantised


def _check_quantised(gguf: Gguf, tensor: Tensor) -> None:
    if len(tensor.shape) != 2:
        raise MlxdynError(f"{gguf.path} cannot be read: {tensor.name} is stored as {tensor.kind}")


def _turned(gguf: Gguf, tensor: Tensor, parts: Arrays, config: dict[str, Any]) -> Arrays:
    """Undo what llama.cpp's converter does to some rows and norms."""
    kind = architectures.architecture(gguf)
    leaf = tensor.name.split(".")[-2]
    if kind.permuted and leaf in ("attn_q", "attn_k"):
        heads = config["num_attention_heads" if leaf == "attn_q" else "num_key_value_heads"]
        return {key: _halves(array, heads) for key, array in parts.items()}
    if kind.wrapped and leaf.endswith("norm"):
        return {key: array - 1 for key, array in parts.items()}  # exact, in float32
    return parts


def _halves(array: mx.array, heads: int) -> mx.array:
    """Rotary pairs (0, h/2, 1, h/2 + 1, ...) of each head's rows become halves again."""
    rows, *rest = array.shape
    return mx.contiguous(array.reshape(heads, -1, 2, *rest).swapaxes(1, 2).reshape(rows, *rest))


def _save(directory: Path, shard: Arrays, number: int) -> None:
    name = "model.safetensors" if number == 0 else f"model-{number:05}.safetensors"
    mx.eval(shard)
    mx.save_safetensors(str(directory / name), shard, {"format": "mlx"})


def _quantization(quantised: dict[str, int]) -> dict[str, Any]:
    """How config.json says it: the commonest bits for all, the others by name."""
    if not quantised:
        return {}
    bits = list(quantised.values())
    usual = max(set(bits), key=bits.count)
    other = {m: {"group_size": GROUP_SIZE, "bits": b} for m, b in quantised.items() if b != usual}
    return {"quantization": {"group_size": GROUP_SIZE, "bits": usual, **other}}


def _ends(gguf: Gguf) -> dict[str, Any]:
    """Which tokens begin a text and end an answer, where they are known."""
    ends, begin = vocabulary.ends(gguf), vocabulary.begin(gguf)
    found: dict[str, Any] = {} if begin is None else {"bos_token_id": begin}
    return found | ({"eos_token_id": ends[0] if len(ends) == 1 else ends} if ends else {})


def _generation(gguf: Gguf, origin: Origin) -> dict[str, Any]:
    """How to sample: as the registry says, else as the file does."""
    said = {new: gguf.metadata.get(f"general.sampling.{old}") for old, new in SAMPLING.items()}
    found = {key: value for key, value in said.items() if isinstance(value, int | float)}
    return {**found, **(origin.generation or {})}


def _write_papers(gguf: Gguf, origin: Origin, directory: Path, config: dict[str, Any]) -> None:
    if origin.licence_file is not None:
        shutil.copyfile(origin.licence_file, directory / "LICENSE")
    if origin.card is not None:
        shutil.copyfile(origin.card, directory / "README.md")
        return
    _write_text(directory / "README.md", _card(gguf, origin, config))


def _card(gguf: Gguf, origin: Origin, config: dict[str, Any]) -> str:
    def said(key: str) -> str:
        return " ".join(str(gguf.metadata.get(f"general.{key}", "not said")).split())[:200]

    return f"""# {origin.name}

Converted by mlxdyn from {gguf.path.name} ({origin.source}).

* name in the file: {said("name")}; by {said("organization")}
* licence: {origin.licence or said("license")}
* {config["model_type"]}, {config["num_hidden_layers"]} blocks of width {config["hidden_size"]},
  context {config["max_position_embeddings"]}
"""


def _record(gguf: Gguf, origin: Origin, directory: Path, bits: Bits) -> dict[str, Any]:
    rounded = any(tensor.kind not in (*LOSSLESS_BITS, *FLOATS) for tensor in gguf.tensors)
    told = {k: v for k, v in asdict(origin).items() if isinstance(v, str)}
    return {
        "schema": "mlxdyn.model/1",
        **told,
        "licence": origin.licence or str(gguf.metadata.get("general.license", "")) or None,
        "gguf": {"file": gguf.path.name, "sha256": digest(gguf.path)},
        "requantised_bits": bits if rounded else None,
        "sha256": {path.name: digest(path) for path in sorted(directory.iterdir())},
    }


def _write(path: Path, value: Any) -> None:
    _write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _write_text(path: Path, text: str) -> None:
    """Write what may hold the name of a file, which need not be UTF-8."""
    path.write_text(text, "utf-8", errors="replace")
