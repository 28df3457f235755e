"""Laws of GGUF files as bases: the same network and words, nothing rounded, and no trust."""

import json
import random
import shutil
from pathlib import Path

import mlx.core as mx
import numpy as np
import pytest
from gguf.quants import dequantize
from ggufs import TEMPLATE, Quantisation, write_base
from mlx_lm.utils import load_model
from tiny import tiny_model
from tokenizers import Tokenizer

from mlxdyn.arrays import leaves
from mlxdyn.errors import MlxdynError
from mlxdyn.model import architectures, vocabulary
from mlxdyn.model.convert import Origin, convert
from mlxdyn.model.fingerprint import RECORD
from mlxdyn.model.gguf import raw, read
from mlxdyn.model.load import Model, _harmonise, load
from mlxdyn.model.weights import arrays

KINDS = ("llama", "mistral", "qwen2", "qwen3", "gemma3_text")
TOKENS = [1, 5, 600, 700, 800, 33, 1200, 44]
WORDS = (
    "Hello, world!  Two  spaces\n\n\tand 1234 digits.", " a leading space", "Füße, naïve, ¿qué?",
    "Привет, мир", "你好，世界", "こんにちは", "مرحبا بالعالم", "नमस्ते",
    "👩‍👩‍👧 🇵🇹", "<|user|>it's<|end|>",
)  # fmt: skip


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random model of each architecture, and its GGUF."""
    folder = tmp_path_factory.mktemp("ggufs")
    for kind in KINDS:
        write_base(tiny_model(folder / kind, kind, blocks=6), folder / f"{kind}.gguf")
    return folder


def converted(file: Path, folder: Path, **options) -> Model:
    convert(file, folder, Origin("tiny", str(file)), **options)
    return load(str(folder))


@pytest.mark.parametrize("kind", KINDS)
def test_a_gguf_has_the_logits_of_the_model_it_was_made_from(bases: Path, kind: str, tmp_path):
    model = converted(bases / f"{kind}.gguf", tmp_path / "new")
    original = load(str(bases / kind))
    tokens = mx.array([TOKENS])
    assert mx.array_equal(model.network(tokens), original.network(tokens))
    assert model.context_size == original.context_size


@pytest.mark.parametrize("kind", ["Q4_0", "Q4_1", "Q8_0"])
def test_weights_of_4_and_8_bits_are_moved_and_not_rounded(bases: Path, kind: str, tmp_path):
    """MLX's own reader, which is not for files nobody vouches for, gives the very same bits."""
    write_base(load(str(bases / "qwen3")), tmp_path / "q.gguf", Quantisation[kind])
    theirs, file = mx.load(str(tmp_path / "q.gguf")), read(tmp_path / "q.gguf")
    for tensor in file.tensors:
        parts, bits = arrays(file, tensor, 8)
        name = tensor.name.removesuffix("weight").removesuffix("bias")
        for part, array in parts.items():
            found = tensor.name if part == "weight" else f"{name}{part}"
            assert array.dtype == theirs[found].dtype and mx.array_equal(array, theirs[found])
        if bits is not None:
            group = {"group_size": 32, "bits": bits}
            floats = [parts[k].astype(mx.float32) for k in ("scales", "biases")]
            plain = np.array(mx.dequantize(parts["weight"], *floats, **group))
            truth = dequantize(raw(file, tensor), Quantisation[kind]).reshape(tensor.shape)
            assert np.allclose(plain, truth, rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", ["Q4_1", "Q8_0"])
def test_a_quantised_base_answers_alike_packed_and_unpacked(bases: Path, kind: str, tmp_path):
    write_base(load(str(bases / "llama")), tmp_path / "q.gguf", Quantisation[kind])
    model = converted(tmp_path / "q.gguf", tmp_path / "new")
    packed = load(str(tmp_path / "new"), packed=True)
    assert "float32" in model.note and not packed.note
    assert any("scales" in name for name, _ in leaves(packed.network.parameters()))
    assert not any("scales" in name for name, _ in leaves(model.network.parameters()))
    tokens = mx.array([TOKENS])
    assert mx.allclose(model.network(tokens), packed.network(tokens), atol=1e-4)
    assert model.fingerprint == packed.fingerprint, "of weights as they are stored"


def test_where_products_are_fast_all_weights_are_of_one_type(bases: Path, tmp_path):
    """As on a GPU, where packed weights stay; of Gemma, which overflows, the norms are float32."""
    for kind, types in (("llama", {"float16"}), ("gemma3_text", {"float16", "float32"})):
        write_base(load(str(bases / kind)), tmp_path / f"{kind}.gguf", Quantisation.Q8_0)
        convert(tmp_path / f"{kind}.gguf", tmp_path / kind, Origin("tiny", kind))
        network, config = load_model(tmp_path / kind, lazy=True)
        _harmonise(network, config)
        found = {str(a.dtype).removeprefix("mlx.core.") for _, a in leaves(network.parameters())}
        assert found - {"uint32"} == types


def test_what_is_rounded_is_said(bases: Path, tmp_path):
    write_base(load(str(bases / "llama")), tmp_path / "q.gguf", Quantisation.Q5_0)
    said: list[str] = []
    fine = converted(tmp_path / "q.gguf", tmp_path / "16", bits=16, say=said.append)
    coarse = converted(tmp_path / "q.gguf", tmp_path / "4", bits=4, say=said.append)
    assert ["float16" in said[0], "4 bits" in said[1], len(said)] == [True, True, 2]
    assert "quantization" not in fine.config and coarse.config["quantization"]["bits"] == 4
    file = read(tmp_path / "q.gguf")
    tensor = next(tensor for tensor in file.tensors if tensor.name == "blk.0.ffn_up.weight")
    truth = dequantize(raw(file, tensor), Quantisation.Q5_0).reshape(tensor.shape)
    up = fine.network.layers[0].mlp.up_proj.weight
    assert np.array_equal(np.array(up), truth.astype(np.float16).astype(np.float32))


def test_words_become_the_tokens_that_the_makers_meant(bases: Path, wren: Model):
    """A sentencepiece vocabulary: wren's, whose merges are found again from its scores."""
    made = vocabulary.tokenizer(read(bases / "llama.gguf"))
    theirs = Tokenizer.from_file(str(wren.path / "tokenizer.json"))
    for text in WORDS:
        assert made.encode(text).ids == theirs.encode(text).ids
        assert made.decode(made.encode(text).ids) == theirs.decode(theirs.encode(text).ids)


def test_template_ends_and_origin_are_kept(bases: Path, tmp_path):
    model = converted(bases / "llama.gguf", tmp_path / "new")
    assert (model.path / "chat_template.jinja").read_text() == TEMPLATE
    assert model.tokenizer.eos_token_ids == {2}
    record = json.loads((model.path / RECORD).read_text())
    assert record["source"].endswith("llama.gguf") and len(record["gguf"]["sha256"]) == 64
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= set(record["sha256"])


def test_damaged_weights_are_noticed(bases: Path, tmp_path):
    model = converted(bases / "llama.gguf", tmp_path / "new")
    with (model.path / "model.safetensors").open("r+b") as stream:
        stream.seek(-1, 2)
        last = stream.read(1)
        stream.seek(-1, 2)
        stream.write(bytes([last[0] ^ 1]))
    with pytest.raises(MlxdynError, match="damaged"):
        load(str(model.path))


def looked_at(path: Path) -> None:
    """Do all that conversion does before it takes memory for weights."""
    file = read(path)
    architectures.names(file, architectures.config(file))
    vocabulary.tokenizer(file)
    vocabulary.config(file)
    vocabulary.ends(file)


def sentence(path: Path) -> str:
    with pytest.raises(MlxdynError) as refused:
        looked_at(path)
    return str(refused.value)


@pytest.mark.parametrize("size", [0, 3, 8, 23, 24, 200, 5000, 60_000, -1])
def test_a_file_cut_short_is_refused(bases: Path, size: int, tmp_path):
    path = tmp_path / "cut.gguf"
    path.write_bytes((bases / "llama.gguf").read_bytes()[:size])
    said = sentence(path)
    assert "not a whole GGUF file" in said and "\n" not in said


@pytest.mark.parametrize("at", [8, 16, 24], ids=["tensors", "metadata", "a key's length"])
@pytest.mark.parametrize("count", [2**24, 2**40, 2**64 - 1])
def test_no_count_is_believed(bases: Path, at: int, count: int, tmp_path):
    data = bytearray((bases / "llama.gguf").read_bytes())
    data[at : at + 8] = count.to_bytes(8, "little")
    (tmp_path / "big.gguf").write_bytes(data)
    assert "more than fit" in sentence(tmp_path / "big.gguf")


def test_whatever_is_changed_ends_in_a_sentence_or_is_harmless(bases: Path, tmp_path):
    """Bytes of the header are overwritten at random; nothing but MlxdynError may come of it."""
    whole = (bases / "qwen2.gguf").read_bytes()
    header = read(bases / "qwen2.gguf").tensors[0].start
    draw, path, refused = random.Random(0), tmp_path / "odd.gguf", 0
    edges = [*range(header - 1500, header), *range(800)]
    for _ in range(150):
        data = bytearray(whole)
        for _ in range(draw.choice([1, 1, 4])):
            data[draw.choice(edges)] = draw.choice([0, 1, 127, 255, draw.randrange(256)])
        path.write_bytes(data)
        try:
            looked_at(path)
        except MlxdynError as error:
            refused += 1
            assert "\n" not in str(error)
    assert refused > 50


def test_what_fails_leaves_nothing(bases: Path, tmp_path):
    """An infinite scale is seen only while weights are written."""
    write_base(load(str(bases / "llama")), tmp_path / "q.gguf", Quantisation.Q8_0)
    last = max(read(tmp_path / "q.gguf").tensors, key=lambda t: t.start * (t.kind == "Q8_0"))
    with (tmp_path / "q.gguf").open("r+b") as stream:
        stream.seek(last.start)
        stream.write(np.float16(np.inf).tobytes())
    folder = tmp_path / "models"
    with pytest.raises(MlxdynError, match="numbers that are none"):
        convert(tmp_path / "q.gguf", folder / "new", Origin("new", "q.gguf"))
    assert list(folder.iterdir()) == []


def test_what_is_unknown_is_named(bases: Path, tmp_path):
    data = (bases / "qwen3.gguf").read_bytes()
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(data.replace(b"\x05\0\0\0\0\0\0\0qwen3", b"\x05\0\0\0\0\0\0\0qwenX"))
    assert "'qwenX'" in sentence(odd) and "gemma3" in sentence(odd)
    odd.write_bytes(data.replace(b"blk.1.ffn_up.weight", b"blk.1.ffn_op.weight"))
    assert "no blk.1.ffn_up.weight" in sentence(odd)
    shutil.copyfile(bases / "llama" / "config.json", odd)
    assert "does not begin with GGUF" in sentence(odd)


def test_llama_3_positions_are_recognised():
    """Wave by wave as llama.cpp divides them, by 32 at most."""
    factors = architectures.llama3_factors(500_000.0, 64, architectures.LLAMA3[1])
    assert factors[0] == 1 and factors[-1] == 32 and factors == sorted(factors)
