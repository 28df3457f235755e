"""Take a memory along: mlx-lm adapters out and in."""

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxdyn.config import AdapterConfig, LearnerConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.home import check_name, memory_directory
from mlxdyn.ledger import Ledger, MemoryRow
from mlxdyn.memory import ORIGIN, Memory, read_arrays, write_arrays
from mlxdyn.model import Model
from mlxdyn.optimizers import leaves

WEIGHTS, CONFIG = "adapters.safetensors", "adapter_config.json"


def export_mlx_lm(memory: Memory, directory: Path) -> None:
    """Write an adapter directory that `mlx_lm.generate --adapter-path` loads.

    Raises MlxdynError when the directory already holds something.
    """
    if directory.exists() and any(directory.iterdir()):
        raise MlxdynError(f"{directory} is not empty; name a new directory")
    adapter = dict(leaves(memory.learner.state.adapter))
    config = AdapterConfig(**memory.row.adapter)
    if config.adapt != "lora":
        raise MlxdynError("only a LoRA memory can be exported as an mlx-lm adapter")
    directory.mkdir(parents=True, exist_ok=True)
    (directory / CONFIG).write_text(json.dumps(_mlx_lm_config(memory, adapter, config), indent=2))
    write_arrays(directory / WEIGHTS, adapter, {"format": "mlx"})


def _mlx_lm_config(
    memory: Memory, adapter: dict[str, mx.array], config: AdapterConfig
) -> dict[str, Any]:
    return {
        "model": memory.row.model,
        "fine_tune_type": "lora",
        "num_layers": -1,
        "lora_parameters": {
            "rank": config.rank,
            "scale": config.scale,
            "dropout": 0.0,
            "keys": sorted({_key(name) for name in adapter}),
        },
        "mlxdyn": {"memory": memory.row.name, "base_fingerprint": memory.row.fingerprint},
    }


def _key(name: str) -> str:
    """The path of a LoRA layer relative to its block: model.layers.3.mlp.up_proj.lora_a."""
    parts = name.split(".")
    block = next(index for index, part in enumerate(parts) if part.isdigit())
    return ".".join(parts[block + 1 : -1])


def import_mlx_lm(
    directory: Path, name: str, model: Model, ledger: Ledger, learner: LearnerConfig
) -> MemoryRow:
    """Found memory `name` on an adapter that mlx-lm or `export_mlx_lm` wrote.

    Raises MlxdynError when the directory is no such adapter, does not fit the model, or the memory
    exists.
    """
    if ledger.memory(check_name(name)):
        raise MlxdynError(f"memory {name!r} exists; import into a new --memory, or reset it first")
    config, arrays = _read_adapter(directory)
    adapter = _adapter_config(directory, config, arrays)
    _check_shapes(directory, arrays, model, adapter)
    path = memory_directory(name) / ORIGIN
    try:
        origin = write_arrays(path, arrays, {"format": "mlx"})
        return ledger.add_memory(
            name, str(model.path), model.fingerprint, asdict(adapter), asdict(learner), origin
        )
    except BaseException:
        shutil.rmtree(path.parent, ignore_errors=True)
        raise


def _read_adapter(directory: Path) -> tuple[dict[str, Any], dict[str, mx.array]]:
    try:
        config = json.loads((directory / CONFIG).read_text())
        arrays = read_arrays(directory / WEIGHTS)
    except (OSError, ValueError, RuntimeError) as error:
        raise MlxdynError(f"{directory} is not an mlx-lm adapter: {error}") from error
    if not isinstance(config, dict) or config.get("fine_tune_type") != "lora":
        raise MlxdynError(f"{directory / CONFIG} does not describe a LoRA adapter")
    return config, arrays


def _adapter_config(
    directory: Path, config: dict[str, Any], arrays: dict[str, mx.array]
) -> AdapterConfig:
    try:
        parameters = config["lora_parameters"]
        rank, scale = int(parameters["rank"]), float(parameters["scale"])
        keys = parameters.get("keys") or sorted({_key(name) for name in arrays})
        layers = Counter(next(p for p in name.split(".") if p.isdigit()) for name in arrays)
    except (KeyError, TypeError, ValueError, StopIteration) as error:
        raise MlxdynError(f"{directory / CONFIG} lacks rank, scale or layer names") from error
    return AdapterConfig(
        rank=rank,
        scale=scale,
        targets=",".join(sorted({key.split(".")[-1] for key in keys})),
        layers=",".join(sorted(layers, key=int)),
    )


def _check_shapes(
    directory: Path, arrays: dict[str, mx.array], model: Model, adapter: AdapterConfig
) -> None:
    from mlxdyn.model import attach

    attach(model, adapter)
    wanted = {name: a.shape for name, a in leaves(model.network.trainable_parameters())}
    given = {name: a.shape for name, a in arrays.items()}
    wrong = sorted(n for n in wanted.keys() | given.keys() if wanted.get(n) != given.get(n))
    if wrong:
        raise MlxdynError(
            f"{directory} does not fit {model.name}: {len(wrong)} weights differ, {wrong[0]} first"
        )
