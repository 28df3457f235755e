"""LoRA weights as a plain value: taken from a memory, worn by a model, founding a memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import mlx.core as mx
from mlx.utils import tree_unflatten
from mlx_lm.tuner.lora import LoRALinear

from mlxdyn.arrays import leaves, write_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import memory_directory
from mlxdyn.memory.directory import ORIGIN, reserved
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import MemoryRow
from mlxdyn.model import registry
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled, attach

ALLOWED_RANKS = range(1, 1025)
MOST_SCALE = 1e4
"""Bounds of what is taken over from others; nobody trains beyond them."""


@dataclass(frozen=True, slots=True)
class Adapter:
    """What a memory adds to its base: output += scale * (x @ lora_a) @ lora_b.

    `arrays` holds `<module path>.lora_a` (in, rank) and `<module path>.lora_b` (rank, out), by the
    names of MLX's own modules.
    """

    arrays: dict[str, mx.array]
    rank: int
    scale: float
    base: str = ""  # the base it fits: a name, a repository, or a path where it was made
    fingerprint: str = ""  # of that base, where known
    memory: str = ""  # the memory it was taken from

    @property
    def idle(self) -> bool:
        """Whether it changes nothing: one half of every product is zero."""
        outs = [array for name, array in self.arrays.items() if name.endswith("lora_b")]
        return not any(mx.any(array != 0).item() for array in outs)

    @property
    def modules(self) -> list[str]:
        """Paths of the adapted linear layers, sorted."""
        return sorted({name.rpartition(".")[0] for name in self.arrays})

    @property
    def keys(self) -> list[str]:
        """Those paths relative to their block: mlp.up_proj."""
        return sorted({path.split(".", _block(path) + 1)[-1] for path in self.modules})

    @property
    def layers(self) -> list[int]:
        """Numbers of the blocks that hold any."""
        return sorted({int(path.split(".")[_block(path)]) for path in self.modules})


def _block(path: str) -> int:
    """Where in a module path the number of its block stands."""
    return next(index for index, part in enumerate(path.split(".")) if numbers_block(part))


def numbers_block(part: str) -> bool:
    """Tell whether a part of a module path is the number of a block."""
    return part.isascii() and part.isdigit() and len(part) < 6


def adapter_of(memory: Memory) -> Adapter:
    """Take a memory's weights as they are now."""
    config = AdapterConfig(**memory.row.adapter)
    return Adapter(
        arrays=dict(leaves(memory.learner.state.adapter)),
        rank=config.rank,
        scale=config.scale,
        base=base_name(memory.model.path),
        fingerprint=memory.row.fingerprint,
        memory=memory.row.name,
    )


def base_name(path: Path) -> str:
    """The name by which `model.registry` finds a base elsewhere too, where there is one."""
    names = {where.resolve(): name for name, where in registry.named().items()}
    return names.get(path.resolve()) or source(path)


def source(path: Path) -> str:
    """What any program loads a base from: its repository, else where it is on this machine."""
    for part in path.parts:
        if part.startswith("models--") and "snapshots" in path.parts:
            return part.removeprefix("models--").replace("--", "/", 1)
    return str(path)


@contextmanager
def adapter_replaced(model: Model, adapter: Adapter) -> Iterator[None]:
    """Run the block with `adapter` on the base, in place of what it has on.

    Raises MlxdynError when the adapter names layers that the base does not have.
    """
    with adapter_disabled(model):
        plain = dict(model.network.named_modules())
        missing = [path for path in adapter.modules if path not in plain]
        if missing:
            raise MlxdynError(
                f"{model.name} has no layer {missing[0]}, so the adapter fits another"
            )
        lora = [(path, _lora(plain[path], path, adapter)) for path in adapter.modules]
        model.network.update_modules(tree_unflatten(lora))
        try:
            yield
        finally:
            base = [(path, plain[path]) for path in adapter.modules]
            model.network.update_modules(tree_unflatten(base))


def _lora(linear: Any, path: str, adapter: Adapter) -> Any:
    module = LoRALinear.from_base(linear, r=adapter.rank, scale=adapter.scale, dropout=0.0)
    module.lora_a = adapter.arrays[f"{path}.lora_a"]
    module.lora_b = adapter.arrays[f"{path}.lora_b"]
    return module


def create(
    adapter: Adapter, name: str, model: Model, ledger: Ledger, learner: LearnerConfig
) -> MemoryRow:
    """Begin memory `name` on `adapter`.

    Raises MlxdynError when the memory exists or the adapter does not fit the model.
    """
    with reserved(name, ledger):
        config = _config(adapter)
        check_fit(model, adapter.arrays, config)
        path = memory_directory(name) / ORIGIN
        origin = write_arrays(path, adapter.arrays, {"format": "mlx"})
        base = (str(model.path), model.fingerprint)
        # {}: how it studies is chosen when it opens.
        return ledger.memories.add(name, *base, asdict(config), asdict(learner), {}, origin)


def _config(adapter: Adapter) -> AdapterConfig:
    return AdapterConfig(
        rank=adapter.rank,
        scale=adapter.scale,
        targets=",".join(sorted({key.split(".")[-1] for key in adapter.keys})),
        layers=",".join(str(layer) for layer in adapter.layers),
    )


def check_fit(model: Model, arrays: dict[str, mx.array], config: AdapterConfig) -> None:
    """Raise MlxdynError unless `arrays` are finite weights of all layers that `config` adapts."""
    attach(model, config)
    wanted = {name: a.shape for name, a in leaves(model.network.trainable_parameters())}
    given = {name: a.shape for name, a in arrays.items()}
    wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
    if wrong:
        raise MlxdynError(
            f"the adapter does not fit {model.name}: {len(wrong)} weights differ, {wrong[0]} first"
        )
    kinds = [n for n, a in sorted(arrays.items()) if not mx.issubdtype(a.dtype, mx.floating)]
    if kinds:
        raise MlxdynError(
            f"the adapter is damaged: {kinds[0]} holds {arrays[kinds[0]].dtype}, not floats; "
            "export it again"
        )
    broken = [n for n, a in sorted(arrays.items()) if not mx.isfinite(a).all().item()]
    if broken:
        raise MlxdynError(f"the adapter is damaged: {broken[0]} is not finite; export it again")
