"""Laws of exchange: an adapter gives the same logits wherever it is loaded."""

import json
import resource
import signal
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import gguf as pypi_gguf
import mlx.core as mx
import mlx_lm
import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import FAMILIES, FAST, opened, random_adapter, teach, tiny_model

from mlxdyn.arrays import leaves
from mlxdyn.cli import main
from mlxdyn.config import DEFAULT_MEMORY, AdapterConfig, Format
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import directories, fidelity, gguf
from mlxdyn.exchange.adapter import Adapter, adapter_of, adapter_replaced, create
from mlxdyn.exchange.directories import CONFIG, PEFT_WEIGHTS, WEIGHTS
from mlxdyn.exchange.export import ExportOptions, export, place
from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.directory import ORIGIN
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model import registry
from mlxdyn.model.load import Model
from mlxdyn.model.lora import detach

ADAPTERS = [AdapterConfig(), AdapterConfig(rank=3, scale=2.0, targets="mlp", layers="late")]
APART: list[Format] = ["mlx-lm", "peft", "gguf", "bundle"]
EVERY: list[Format] = [*APART, "fused"]
WORDS = "my dog is Rex"
CONFIG_JSON = "config.json"
Open = Callable[..., Memory]


@pytest.fixture
def open_memory(tall) -> Iterator[Open]:
    """Open memories of one ledger; opening one closes the one before."""
    ledger = Ledger(data_dir() / "mlxdyn.db")
    held: list[Memory] = []

    def open_(name: str = "m", *, model: Model = tall, **options) -> Memory:
        while held:
            held.pop().close()
        held.append(opened(name, model, ledger, **options))
        return held[0]

    yield open_
    while held:
        held.pop().close()
    ledger.close()


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Model]:
    """Tiny random models by family; each is made once."""
    folder = tmp_path_factory.mktemp("families")
    return lambda kind, bits=None: tiny_model(folder / f"{kind}{bits or ''}", kind, bits=bits)


def taught(memory: Memory) -> Memory:
    teach(memory, WORDS)
    return memory


def logits(network) -> mx.array:
    network.eval()
    return network(mx.array([[1, 5, 600, 700, 800]]))


def bits(arrays: dict[str, mx.array]) -> dict[str, bytes]:
    return {name: bytes(memoryview(np.array(array))) for name, array in arrays.items()}


# Loaded back


@pytest.mark.parametrize("adapter", ADAPTERS)
@pytest.mark.parametrize("kind", APART)
def test_an_adapter_loses_nothing_on_its_way_out(open_memory: Open, tmp_path, kind, adapter):
    memory = taught(open_memory(adapter=adapter))
    seen = export(memory, place(tmp_path / "out", kind, "m"), kind, ExportOptions()).fidelity
    assert seen.largest_difference < 1e-6
    assert seen.kept is not None and seen.kept > 0.9999
    assert seen.tokens > 64


def test_the_comparison_sees_what_is_missing(open_memory: Open, tall):
    whole = adapter_of(taught(open_memory()))
    with adapter_replaced(tall, whole):
        live = fidelity.logits(tall, [[1, 5, 600]])
    kept = []
    for share in (1.0, 0.5, 0.0):
        with adapter_replaced(tall, replace(whole, scale=share)):
            back = fidelity.logits(tall, [[1, 5, 600]])
        with adapter_replaced(tall, replace(whole, scale=0.0)):
            base = fidelity.logits(tall, [[1, 5, 600]])
        kept.append(fidelity.compare(live, base, back, base).kept)
    assert kept[0] == 1.0 and 0.1 < kept[1] < 0.9 and kept[2] == 0.0
    assert fidelity.compare(base, base, base, base).kept is None


def test_wearing_an_adapter_leaves_the_model_as_it_was(open_memory: Open, tall):
    memory = taught(open_memory())
    before, state = logits(tall.network), memory.learner.state
    with adapter_replaced(tall, random_adapter_of(memory)):
        assert not mx.array_equal(logits(tall.network), before)
    assert mx.array_equal(logits(tall.network), before)
    assert bits(dict(leaves(memory.learner.state.adapter))) == bits(dict(leaves(state.adapter)))


def test_a_bare_model_is_bare_again_after_wearing_an_adapter(tall):
    before = logits(tall.network)
    with adapter_replaced(tall, random_adapter(tall)):
        assert not mx.array_equal(logits(tall.network), before)
    assert mx.array_equal(logits(tall.network), before)


def random_adapter_of(memory: Memory) -> Adapter:
    adapter = adapter_of(memory)
    return replace(adapter, arrays={n: a + 0.1 for n, a in adapter.arrays.items()})


# mlx-lm's own loader


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_export_gives_the_same_logits_in_mlx_lm(open_memory: Open, wren, tmp_path, adapter):
    memory = taught(open_memory(model=wren, adapter=adapter))
    live = logits(wren.network)
    export(memory, tmp_path / "out", "mlx-lm", ExportOptions())
    network, _ = mlx_lm.load(str(wren.path), adapter_path=str(tmp_path / "out"))
    network.set_dtype(mx.float32)  # as model.load does on CPU
    assert mx.allclose(logits(network), live, rtol=1e-5, atol=1e-5)
    detach(wren)
    assert not mx.allclose(logits(wren.network), live, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("dtype,error", [(None, 2e-2), ("float32", 1e-4)])
def test_a_fused_model_gives_the_same_logits_in_mlx_lm(
    open_memory: Open, wren, tmp_path, dtype, error
):
    memory = taught(open_memory(model=wren))
    live = logits(wren.network)
    export(memory, tmp_path / "out", "fused", ExportOptions(dtype=dtype))
    network, tokenizer = mlx_lm.load(str(tmp_path / "out"))
    assert dict(leaves(network.parameters()))["model.norm.weight"].dtype == (
        mx.float32 if dtype else mx.float16  # the base's own
    )
    network.set_dtype(mx.float32)
    assert mx.allclose(logits(network), live, rtol=0, atol=error)
    asked = [{"role": "user", "content": "hi"}]
    assert tokenizer.apply_chat_template(asked) == wren.tokenizer.apply_chat_template(asked)
    card = (tmp_path / "out" / "README.md").read_text()
    assert "wren" in card and "'m'" in card and wren.fingerprint in card
    assert str(wren.path) not in card


def test_a_quantised_base_is_fused_dequantised(open_memory: Open, tiny, tmp_path):
    base = tiny("llama", bits=4)
    memory = taught(open_memory(model=base))
    seen = export(memory, tmp_path / "out", "fused", ExportOptions()).fidelity
    assert seen.kept is not None and seen.kept > 0.999
    assert "quantization" not in json.loads((tmp_path / "out" / CONFIG_JSON).read_text())
    network, _ = mlx_lm.load(str(tmp_path / "out"))
    assert not any(name.endswith(".scales") for name, _ in leaves(network.parameters()))


def test_a_base_that_stores_only_its_head_is_fused_for_mlx_lm(
    open_memory: Open, tinystories, tmp_path
):
    """mlx-lm refuses that base itself: its embeddings are tied, and not under their own name."""
    memory = taught(open_memory(model=tinystories))
    live = logits(tinystories.network)
    for kind in EVERY:
        export(memory, place(tmp_path / kind, kind, "m"), kind, ExportOptions())
    network, _ = mlx_lm.load(str(tmp_path / "fused"))
    network.set_dtype(mx.float32)
    assert mx.allclose(logits(network), live, rtol=0, atol=1e-3)


def test_a_fuse_that_erases_the_memory_says_so(open_memory: Open, wren, tmp_path):
    gentle = replace(FAST, learning_rate=1e-5)
    taught(open_memory(DEFAULT_MEMORY, model=wren, learner=gentle)).close()
    target = tmp_path / "out"
    done = run("export", target, "--format", "fused", "--quantize", 4, "--no-leak-probe")
    assert "erased 100%" in done.stderr and "--dtype float32" in done.stderr
    assert json.loads((target / CONFIG_JSON).read_text())["quantization"]["bits"] == 4
    network, _ = mlx_lm.load(str(target))
    assert any(name.endswith(".scales") for name, _ in leaves(network.parameters()))
    whole = ("--dtype", "float32", "--no-leak-probe")
    kept = run("export", tmp_path / "kept", "--format", "fused", *whole)
    assert "Warning" not in kept.stderr


# GGUF, as llama.cpp wants it


def gguf_tensors(path: Path) -> tuple[dict[str, np.ndarray], pypi_gguf.GGUFReader]:
    reader = pypi_gguf.GGUFReader(path)
    return {tensor.name: tensor.data for tensor in reader.tensors}, reader


def write_gguf(lora: Adapter, base: Model, path: Path) -> None:
    alpha = lora.scale * lora.rank
    gguf.write_gguf(path, lora.arrays, alpha=alpha, config=base.config, name="m")


@pytest.mark.parametrize("kind", FAMILIES)
def test_a_gguf_has_every_name_shape_and_key_that_llama_cpp_wants(tiny, tmp_path, kind):
    """src/llama-adapter.cpp checks just this when it loads an adapter."""
    base = tiny(kind)
    lora = random_adapter(base, ADAPTERS[1])
    write_gguf(lora, base, tmp_path / "a.gguf")
    tensors, reader = gguf_tensors(tmp_path / "a.gguf")
    architecture = {"llama": "llama", "mistral": "llama"}.get(kind, kind)
    keys = {
        "general.type": "adapter",
        "general.architecture": architecture,
        "adapter.type": "lora",
        "adapter.lora.alpha": 6.0,  # scale * rank
    }
    assert {key: reader.get_field(key).contents() for key in keys} == keys
    float32 = pypi_gguf.GGUFValueType.FLOAT32
    assert reader.get_field("adapter.lora.alpha").types == [float32]
    number = next(a for a, name in pypi_gguf.MODEL_ARCH_NAMES.items() if name == architecture)
    names = pypi_gguf.get_tensor_name_map(number, 3)
    plain = dict(base.network.named_modules())
    wanted = {}
    for path in lora.modules:
        name = names.get_name(path)
        assert name is not None, path
        rows, columns = plain[path].weight.shape
        wanted |= {
            f"{name}.weight.lora_a": (3, columns),  # NumPy order; ne is the reverse
            f"{name}.weight.lora_b": (rows, 3),
        }
    assert {name: data.shape for name, data in tensors.items()} == wanted
    assert {data.dtype for data in tensors.values()} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", ["llama", "mistral", "qwen2", "qwen3"])
def test_a_gguf_has_its_rows_where_llama_cpp_has_those_of_the_base(tiny, tmp_path, kind):
    """The converter of llama.cpp reorders q and k of these families; so must their changes be."""
    base = tiny(kind)
    lora = random_adapter(base)
    write_gguf(lora, base, tmp_path / "a.gguf")
    tensors, _ = gguf_tensors(tmp_path / "a.gguf")
    for leaf, theirs, heads in (("q", "attn_q", 4), ("k", "attn_k", 2), ("v", "attn_v", 0)):
        a, b = (
            np.array(lora.arrays[f"model.layers.1.self_attn.{leaf}_proj.lora_{x}"]) for x in "ab"
        )
        delta = (a @ b).T  # (out, in), Hugging Face's order
        if heads and kind in ("llama", "mistral"):
            # as LlamaModel.permute in convert_hf_to_gguf.py does with the base's weight
            halves = delta.reshape(heads, 2, len(delta) // heads // 2, -1)
            delta = halves.swapaxes(1, 2).reshape(delta.shape)
        name = f"blk.1.{theirs}.weight"
        found_delta = tensors[f"{name}.lora_b"] @ tensors[f"{name}.lora_a"]
        assert np.allclose(found_delta, delta, atol=1e-5)


def test_a_gguf_of_no_effect_is_refused(tiny, tmp_path):
    lora = replace(random_adapter(tiny("llama")), scale=0.0)
    with pytest.raises(MlxdynError, match="scale 0"):
        write_gguf(lora, tiny("llama"), tmp_path / "a.gguf")


@pytest.mark.parametrize("kind", ["peft", "gguf"])
def test_a_family_of_unknown_names_is_refused(tiny, tmp_path, kind):
    base = tiny("llama")
    unknown = replace(base, config={**base.config, "model_type": "mamba"})
    lora = random_adapter(base)
    with pytest.raises(MlxdynError, match=r"'mamba'.*use --format mlx-lm"):
        if kind == "gguf":
            write_gguf(lora, unknown, tmp_path / "a.gguf")
        else:
            directories.write_peft(lora, tmp_path / "out", unknown.config)
    assert not list(tmp_path.iterdir())


# Out and in again

SHAPES = st.builds(
    AdapterConfig,
    rank=st.integers(1, 5),
    scale=st.floats(1e-3, 1e3),
    targets=st.sampled_from(["all", "mlp", "attention", "q_proj,down_proj"]),
    layers=st.sampled_from(["all", "early", "middle", "0,2"]),
)


@given(
    kind=st.sampled_from(["mlx-lm", "peft", "gguf"]),
    family=st.sampled_from(["llama", "qwen3"]),
    config=SHAPES,
    seed=st.integers(0, 2**31),
)
@settings(max_examples=25, deadline=None)
def test_every_adapter_comes_back_with_the_same_bits(
    tiny, tmp_path_factory, kind, family, config, seed
):
    base, path = tiny(family), tmp_path_factory.mktemp("trip") / "a.gguf"
    lora = any_bits(random_adapter(base, config), seed)
    if kind == "gguf":
        write_gguf(lora, base, path)
        arrays, alpha = gguf.read_gguf(path, list(lora.arrays), base.config)
        assert alpha == pytest.approx(config.scale * config.rank, rel=1e-6)
    else:
        if kind == "peft":
            directories.write_peft(lora, path, base.config)
        else:
            directories.write_mlx_lm(lora, path)
        back = directories.read(path)
        assert back == replace(lora, arrays=back.arrays)
        arrays = back.arrays
    assert bits(arrays) == bits(lora.arrays)


def any_bits(lora: Adapter, seed: int) -> Adapter:
    """Put every kind of float32 into an adapter: subnormal, infinite, not a number."""
    dice = np.random.default_rng(seed)
    drawn = {
        name: mx.array(dice.integers(0, 2**32, array.shape, dtype=np.uint32)).view(mx.float32)
        for name, array in lora.arrays.items()
    }
    return replace(lora, arrays=drawn)


@pytest.mark.parametrize("kind", ["mlx-lm", "peft"])
@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_imported_memory_gives_the_same_logits_and_goes_on_learning(
    open_memory: Open, tall, tmp_path, kind, adapter
):
    memory = taught(open_memory(adapter=adapter))
    before = logits(tall.network)
    export(memory, tmp_path / "out", kind, ExportOptions())
    row = create(directories.read(tmp_path / "out"), "copy", tall, memory.ledger, FAST)
    assert row == memory.ledger.memories.find("copy")
    copy = open_memory("copy")
    assert mx.array_equal(logits(tall.network), before)
    taught(copy)
    learned = logits(tall.network)
    assert not mx.array_equal(learned, before)
    copy = open_memory("copy")
    assert mx.array_equal(logits(tall.network), learned)
    assert history.verify(copy) == []
    history.undo(copy)
    assert mx.array_equal(logits(tall.network), before)


def test_an_imported_memory_whose_start_is_damaged_is_refused(open_memory: Open, tall):
    memory = taught(open_memory())
    create(adapter_of(memory), "copy", tall, memory.ledger, FAST)
    origin = data_dir() / "memories" / "copy" / ORIGIN
    data = bytearray(origin.read_bytes())
    data[-1] ^= 1
    origin.write_bytes(data)
    with pytest.raises(MlxdynError, match="missing or damaged"):
        open_memory("copy")


def test_an_existing_memory_is_never_imported_over(open_memory: Open, tall):
    memory = taught(open_memory())
    with pytest.raises(MlxdynError, match="exists"):
        create(adapter_of(memory), "m", tall, memory.ledger, FAST)
    assert history.verify(open_memory()) == []


# Whole or not at all


@pytest.mark.parametrize("kind", EVERY)
def test_an_export_never_overwrites(open_memory: Open, tmp_path: Path, kind):
    memory = open_memory()
    (tmp_path / "m.gguf").write_text("mine")
    (tmp_path / "m.bundle").write_text("mine")
    for target in (tmp_path, tmp_path / "m.gguf"):
        with pytest.raises(MlxdynError, match=r"not empty|exists"):
            export(memory, place(target, kind, "m"), kind, ExportOptions())
    assert {path.read_text() for path in tmp_path.glob("m.*")} == {"mine"}


@pytest.mark.parametrize("kind", EVERY)
def test_an_empty_directory_is_a_fine_place(open_memory: Open, tmp_path: Path, kind):
    target = tmp_path / "out"
    target.mkdir()
    written = export(open_memory(), place(target, kind, "m"), kind, ExportOptions())
    assert written.path.exists() and written.bytes > 10_000
    assert [path.name for path in tmp_path.iterdir() if path != data_dir()] == ["out"]


@pytest.mark.parametrize("kind", EVERY)
def test_a_full_disk_leaves_nothing(open_memory: Open, tmp_path: Path, kind):
    memory = open_memory()
    outside = {path: path.stat().st_size for path in tmp_path.rglob("*")}
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limit[1]))  # an adapter has 56,000
        with pytest.raises((MlxdynError, OSError, sqlite3.Error)):
            export(memory, place(tmp_path / "out", kind, "m"), kind, ExportOptions())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path: path.stat().st_size for path in tmp_path.rglob("*")}.keys() == outside.keys()


# Broken and foreign adapters


def drop(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def configure(**changes) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        config = json.loads((directory / CONFIG).read_text()) | changes
        (directory / CONFIG).write_text(json.dumps(config))

    return change


def rewrite(weights: str, change: Callable[[dict[str, mx.array]], None]) -> Callable[[Path], None]:
    def apply(directory: Path) -> None:
        arrays = mx.load(str(directory / weights))
        mx.eval(arrays)
        change(arrays)
        mx.save_safetensors(str(directory / weights), arrays)

    return apply


def shrink(arrays: dict[str, mx.array]) -> None:
    arrays[next(iter(arrays))] = mx.zeros((2, 2))


def overflow(arrays: dict[str, mx.array]) -> None:
    name = next(iter(arrays))
    arrays[name] = arrays[name] * float("inf")


def rename(arrays: dict[str, mx.array]) -> None:
    arrays["lm_head.weight"] = arrays.pop(next(iter(arrays)))


BROKEN = [
    ("mlx-lm", drop(CONFIG), "no adapter directory"),
    ("mlx-lm", drop(WEIGHTS), "cannot be read"),
    ("mlx-lm", lambda d: (d / CONFIG).write_text("{"), "no adapter directory"),
    ("mlx-lm", lambda d: (d / CONFIG).write_text("[]"), "does not describe"),
    ("mlx-lm", lambda d: (d / WEIGHTS).write_bytes(b"junk"), "cannot be read"),
    ("mlx-lm", configure(fine_tune_type="full"), "does not describe a LoRA"),
    ("mlx-lm", configure(lora_parameters={}), "lacks rank"),
    ("mlx-lm", configure(lora_parameters=None), "lacks rank"),
    ("mlx-lm", configure(lora_parameters={"rank": 5, "scale": 1.0}), "does not fit"),
    ("mlx-lm", rewrite(WEIGHTS, shrink), "does not fit"),
    ("mlx-lm", rewrite(WEIGHTS, overflow), "is not finite"),
    ("mlx-lm", rewrite(WEIGHTS, rename), "not those of LoRA layers"),
    ("mlx-lm", rewrite(WEIGHTS, dict.clear), "not those of LoRA layers"),
    ("peft", drop(PEFT_WEIGHTS), "cannot be read"),
    ("peft", configure(r=0), "lacks r"),
    ("peft", configure(lora_alpha=None), "lacks r"),
    ("peft", configure(r=5), "does not fit"),
    ("peft", configure(peft_type="IA3"), "uses peft_type"),
    ("peft", configure(use_dora=True, bias="all"), "uses bias, use_dora"),
    ("peft", configure(rank_pattern={"q_proj": 4}), "uses rank_pattern"),
    ("peft", rewrite(PEFT_WEIGHTS, rename), "no LoRA of a linear layer"),
    ("peft", rewrite(PEFT_WEIGHTS, shrink), "does not fit"),
]


@pytest.mark.parametrize("kind,harm,said", BROKEN)
def test_a_broken_adapter_is_refused_and_leaves_nothing(
    open_memory: Open, tiny, tmp_path, kind, harm, said
):
    base = tiny("llama")
    memory = open_memory(model=base)
    export(memory, tmp_path / "out", kind, ExportOptions())
    harm(tmp_path / "out")
    with pytest.raises(MlxdynError, match=said):
        create(directories.read(tmp_path / "out"), "copy", base, memory.ledger, FAST)
    assert memory.ledger.memories.find("copy") is None
    assert not (data_dir() / "memories" / "copy").exists()


def test_a_stabilised_scale_of_peft_is_understood(tiny, tmp_path):
    """rsLoRA divides alpha by the root of the rank."""
    directories.write_peft(random_adapter(tiny("llama")), tmp_path / "out", tiny("llama").config)
    configure(use_rslora=True, lora_alpha=16)(tmp_path / "out")
    assert directories.read(tmp_path / "out").scale == pytest.approx(16 / 8**0.5)


# The commands


def run(command: str, *arguments):
    done = CliRunner().invoke(main, ["memory", command, *map(str, arguments)])
    assert done.exit_code == 0, done.output
    return done


@pytest.mark.parametrize("kind", APART)
def test_the_commands_take_a_memory_out_and_in(open_memory: Open, tall, tmp_path, kind):
    taught(open_memory(DEFAULT_MEMORY)).close()
    before, target = logits(tall.network), tmp_path / "out"
    said = run("export", target, "--format", kind).stdout
    assert "Loaded back" in said and "100% of what memory changes is kept" in said
    assert said.index("Leak probe") < said.index("Exported to")
    if kind == "gguf":
        done = CliRunner().invoke(main, ["memory", "import", str(tmp_path / "out.gguf")])
        assert done.exit_code == 1 and "cannot be imported" in done.output
        return
    told = run("import", target, "--memory", "copy", "--yes", "--json").stdout
    assert json.loads(told) == {"memory": "copy", "model": str(tall.path)}
    open_memory("copy")
    assert mx.array_equal(logits(tall.network), before)


@pytest.mark.parametrize("kind", ["mlx-lm", "peft"])
def test_an_adapter_on_a_base_that_ships_is_imported_elsewhere_and_tells_no_path(
    open_memory: Open, wren: Model, mite: Model, tmp_path: Path, monkeypatch, kind: str
):
    taught(open_memory(DEFAULT_MEMORY, model=wren)).close()
    said = run("export", tmp_path / "out", "--format", kind, "--no-leak-probe").stdout
    assert kind == "peft" or f"--model {wren.path}" in said, "mlx-lm knows no names of ours"
    config = tmp_path / "out" / CONFIG
    name = json.dumps(wren.name)
    assert name in config.read_text() and str(wren.path.parent) not in config.read_text()
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "elsewhere"))
    run("import", tmp_path / "out", "--memory", "copy", "--yes")
    former = json.dumps(str(tmp_path / "gone" / "wren"))  # as it was written before
    config.write_text(config.read_text().replace(name, former))
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "further"))
    run("import", tmp_path / "out", "--memory", "copy", "--yes")
    config.write_text(config.read_text().replace(former, json.dumps("mine")))
    named = registry.named() | {"mine": mite.path}  # another base has that name here
    monkeypatch.setattr(registry, "named", lambda: named)
    monkeypatch.setenv("MLXDYN_HOME", str(tmp_path / "third"))
    run("import", tmp_path / "out", "--memory", "copy", "--yes")


def test_json_says_all_that_was_measured(open_memory: Open, tmp_path):
    taught(open_memory(DEFAULT_MEMORY)).close()
    told = json.loads(run("export", tmp_path / "out", "--json").stdout)
    assert told["format"] == "mlx-lm" and told["bytes"] > 0
    assert told["loaded_back"]["kept"] == pytest.approx(1)
    assert told["leaks"]["strings"][0]["text"] == WORDS
    quick = run("export", tmp_path / "quick", "--json", "--no-leak-probe").stdout
    assert json.loads(quick)["leaks"] is None


def test_what_waits_to_be_learned_is_named(open_memory: Open, tmp_path):
    memory = taught(open_memory(DEFAULT_MEMORY))
    chat = memory.ledger.conversations.add(memory.row.id)
    memory.ledger.messages.add(chat, "user", "one more", "pending")
    memory.close()
    assert "1 messages wait" in run("export", tmp_path / "out", "--no-leak-probe").stderr


def test_an_adapter_of_another_base_is_imported_with_a_warning(open_memory: Open, tiny, tmp_path):
    directories.write_mlx_lm(
        replace(random_adapter(tiny("llama")), fingerprint="0123456789abcdef"), tmp_path / "out"
    )
    base = ("--model", tiny("llama").path)
    done = run("import", tmp_path / "out", "--memory", "copy", "--yes", *base)
    assert "may not know the same" in done.stderr


@pytest.mark.parametrize("arguments", [("--no-text",), ("--dtype", "float16"), ("--quantize", "4")])
def test_an_option_of_another_format_is_wrong_usage(tmp_path, arguments):
    done = CliRunner().invoke(main, ["memory", "export", str(tmp_path / "out"), *arguments])
    assert done.exit_code == 2


def test_an_export_without_time_says_what_was_not_checked(open_memory: Open, tmp_path: Path):
    taught(open_memory(DEFAULT_MEMORY)).close()
    done = run("export", tmp_path / "out", "--budget", "1e-9")
    assert "Checked: compared on 1 of 6 texts; 0 of 1 learned string tested" in done.stdout
    assert "--budget 0 checks all" in done.stdout and "Loaded back" in done.stdout
    told = json.loads(run("export", tmp_path / "b", "--budget", "1e-9", "--json").stdout)
    assert told["leaks"]["out_of_time"] and told["compared"] == 1
    whole = run("export", tmp_path / "c", "--budget", "0").stdout
    assert "compared on 6 of 6 texts" in whole and "--budget" not in whole
