"""Laws of exchange: an adapter gives the same logits wherever it is loaded."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import mlx.core as mx
import mlx_lm
import pytest

from mlxdyn import model as models
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.exchange import CONFIG, WEIGHTS, export_mlx_lm, import_mlx_lm
from mlxdyn.home import home
from mlxdyn.ledger import Ledger
from mlxdyn.memory import ORIGIN, Memory
from mlxdyn.stream import Chunk

FAST = LearnerConfig(learning_rate=1e-2)
ADAPTERS = [AdapterConfig(), AdapterConfig(rank=3, scale=2.0, targets="mlp", layers="late")]
Open = Callable[..., Memory]


@pytest.fixture
def open_memory(wren) -> Iterator[Open]:
    """Open memories of one ledger; opening one closes the one before."""
    ledger = Ledger(home() / "mlxdyn.db")
    opened: list[Memory] = []

    def open_(name: str = "m", adapter: AdapterConfig = ADAPTERS[0]) -> Memory:
        while opened:
            opened.pop().close()
        opened.append(Memory(name, wren, ledger, learner=FAST, adapter=adapter))
        return opened[0]

    yield open_
    while opened:
        opened.pop().close()
    ledger.close()


def taught(memory: Memory) -> Memory:
    conversation = memory.ledger.add_conversation(memory.row.id)
    message = memory.ledger.add_message(conversation, "user", "my dog is Rex", "pending").id
    tokens = tuple(memory.model.encode("my dog is Rex"))
    memory.learn(message, Chunk(tokens[:1], tokens[1:]), last=True)
    return memory


def logits(network) -> mx.array:
    network.eval()
    return network(mx.array([[1, 5, 600, 700, 800]]))


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_an_export_gives_the_same_logits_in_mlx_lm(open_memory: Open, wren, tmp_path, adapter):
    base = logits(taught(open_memory(adapter=adapter)).model.network)
    export_mlx_lm(open_memory(), tmp_path / "out")
    network, _ = mlx_lm.load(str(wren.path), adapter_path=str(tmp_path / "out"))
    network.set_dtype(mx.float32)  # as model.load does on CPU
    assert mx.allclose(logits(network), base, rtol=1e-5, atol=1e-5)
    models.detach(wren)
    assert not mx.allclose(logits(wren.network), base, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("adapter", ADAPTERS)
def test_a_round_trip_gives_the_same_logits_and_goes_on_learning(
    open_memory: Open, wren, tmp_path, adapter
):
    memory = taught(open_memory(adapter=adapter))
    before = logits(wren.network)
    export_mlx_lm(memory, tmp_path / "out")
    row = import_mlx_lm(tmp_path / "out", "copy", wren, memory.ledger, FAST)
    assert row == memory.ledger.memory("copy")
    copy = open_memory("copy")
    assert mx.array_equal(logits(wren.network), before)
    taught(copy)
    learned = logits(wren.network)
    assert not mx.array_equal(learned, before)
    copy = open_memory("copy")
    assert mx.array_equal(logits(wren.network), learned)
    assert copy.verify() == []
    copy.undo()
    assert mx.array_equal(logits(wren.network), before)


def test_an_imported_memory_whose_start_is_damaged_is_refused(open_memory: Open, wren, tmp_path):
    memory = taught(open_memory())
    export_mlx_lm(memory, tmp_path / "out")
    import_mlx_lm(tmp_path / "out", "copy", wren, memory.ledger, FAST)
    origin = home() / "memories" / "copy" / ORIGIN
    data = bytearray(origin.read_bytes())
    data[-1] ^= 1
    origin.write_bytes(data)
    with pytest.raises(MlxdynError, match="missing or damaged"):
        open_memory("copy")


def test_an_export_never_overwrites(open_memory: Open, tmp_path: Path):
    (tmp_path / "notes").write_text("mine")
    with pytest.raises(MlxdynError, match="not empty"):
        export_mlx_lm(open_memory(), tmp_path)
    assert (tmp_path / "notes").read_text() == "mine"


def test_full_weights_are_no_adapter(open_memory: Open, tmp_path: Path):
    with pytest.raises(MlxdynError, match="LoRA"):
        export_mlx_lm(open_memory(adapter=AdapterConfig(adapt="full")), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_existing_memory_is_never_imported_over(open_memory: Open, wren, tmp_path: Path):
    memory = taught(open_memory())
    export_mlx_lm(memory, tmp_path / "out")
    with pytest.raises(MlxdynError, match="exists"):
        import_mlx_lm(tmp_path / "out", "m", wren, memory.ledger, FAST)
    assert open_memory().verify() == []


def drop(name: str) -> Callable[[Path], None]:
    return lambda directory: (directory / name).unlink()


def configure(**changes) -> Callable[[Path], None]:
    def change(directory: Path) -> None:
        config = json.loads((directory / CONFIG).read_text()) | changes
        (directory / CONFIG).write_text(json.dumps(config))

    return change


def reshape(directory: Path) -> None:
    arrays = mx.load(str(directory / WEIGHTS))
    mx.eval(arrays)
    arrays[next(iter(arrays))] = mx.zeros((2, 2))
    mx.save_safetensors(str(directory / WEIGHTS), arrays)


@pytest.mark.parametrize(
    "harm,said",
    [
        (drop(CONFIG), "not an mlx-lm adapter"),
        (drop(WEIGHTS), "not an mlx-lm adapter"),
        (lambda d: (d / CONFIG).write_text("{"), "not an mlx-lm adapter"),
        (lambda d: (d / CONFIG).write_text("[]"), "does not describe"),
        (lambda d: (d / WEIGHTS).write_bytes(b"junk"), "not an mlx-lm adapter"),
        (configure(fine_tune_type="full"), "does not describe a LoRA"),
        (configure(lora_parameters={}), "lacks rank"),
        (configure(lora_parameters=None), "lacks rank"),
        (configure(lora_parameters={"rank": 5, "scale": 1.0}), "does not fit"),
        (reshape, "does not fit"),
    ],
)
def test_a_broken_adapter_is_refused_and_leaves_nothing(
    open_memory: Open, wren, tmp_path, harm, said
):
    memory = open_memory()
    export_mlx_lm(memory, tmp_path / "out")
    harm(tmp_path / "out")
    with pytest.raises(MlxdynError, match=said):
        import_mlx_lm(tmp_path / "out", "copy", wren, memory.ledger, FAST)
    assert memory.ledger.memory("copy") is None
    assert not (home() / "memories" / "copy").exists()
