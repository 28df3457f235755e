"""Adapter directories of mlx-lm and PEFT, out and in."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mlx.core as mx

from mlxdyn.arrays import read_arrays, write_arrays
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.exchange.adapter import ALLOWED_RANKS, MOST_SCALE, Adapter, numbers_block
from mlxdyn.exchange.families import family

CONFIG = "adapter_config.json"
WEIGHTS = "adapters.safetensors"
PEFT_WEIGHTS = "adapter_model.safetensors"
NOTE_FILE = "mlxdyn.json"  # PEFT warns of keys it does not know, so ours have a file of their own
MOST_CONFIG = 2**20  # bytes of a configuration
PEFT_PREFIX = "base_model.model."
PEFT_PARTS = {"lora_a": "lora_A.weight", "lora_b": "lora_B.weight"}


def write_mlx_lm(adapter: Adapter, directory: Path) -> None:
    """Write an adapter directory that `mlx_lm.generate --adapter-path` loads."""
    directory.mkdir(exist_ok=True)
    config = {
        "model": adapter.base,
        "fine_tune_type": "lora",
        "num_layers": -1,
        "lora_parameters": {
            "rank": adapter.rank,
            "scale": adapter.scale,
            "dropout": 0.0,
            "keys": adapter.keys,
        },
        "mlxdyn": _note(adapter),
    }
    (directory / CONFIG).write_text(json.dumps(config, indent=2))
    write_arrays(directory / WEIGHTS, adapter.arrays, {"format": "mlx"})


def write_peft(adapter: Adapter, directory: Path, config: Mapping[str, Any]) -> None:
    """Write an adapter directory that `peft.PeftModel.from_pretrained` loads.

    Raises MlxdynError for a base whose Hugging Face names are not known here.
    """
    family(config, "PEFT")
    directory.mkdir(exist_ok=True)
    every = adapter.layers == list(range(int(config["num_hidden_layers"])))
    settings = _peft_settings(adapter) | ({} if every else {"layers_to_transform": adapter.layers})
    (directory / CONFIG).write_text(json.dumps(settings, indent=2))
    (directory / NOTE_FILE).write_text(json.dumps(_note(adapter), indent=2))
    arrays = {_peft_name(n): mx.contiguous(array.T) for n, array in adapter.arrays.items()}
    write_arrays(directory / PEFT_WEIGHTS, arrays, {"format": "pt"})


def _note(adapter: Adapter) -> dict[str, Any]:
    fingerprint = adapter.fingerprint
    return {"memory": adapter.memory, "base_fingerprint": fingerprint, "scale": adapter.scale}


def _peft_settings(adapter: Adapter) -> dict[str, Any]:
    alpha = adapter.scale * adapter.rank
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": adapter.base,
        "r": adapter.rank,
        "lora_alpha": int(alpha) if alpha.is_integer() else alpha,
        "lora_dropout": 0.0,
        "target_modules": sorted({key.split(".")[-1] for key in adapter.keys}),
        "bias": "none",
        "use_rslora": False,
        "fan_in_fan_out": False,
        "init_lora_weights": True,
        "inference_mode": True,
    }


def _peft_name(name: str) -> str:
    path, _, part = name.rpartition(".")
    return f"{PEFT_PREFIX}{path}.{PEFT_PARTS[part]}"


def read(directory: Path) -> Adapter:
    """Read an adapter directory of either program.

    Raises MlxdynError, one sentence, when it is none, or has what a memory cannot take over.
    """
    config = _read_json(directory / CONFIG)
    if "peft_type" in config:
        return _read_peft(directory, config)
    if config.get("fine_tune_type") != "lora":
        raise MlxdynError(f"{directory / CONFIG} does not describe a LoRA adapter")
    return _read_mlx_lm(directory, config)


def _check_file(path: Path) -> None:
    """Refuse a pipe or a device, which may have no end."""
    if path.exists() and not path.is_file():
        raise ValueError(f"{path.name} is no file")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        _check_file(path)
        if path.is_file() and path.stat().st_size > MOST_CONFIG:
            raise ValueError(f"{path.name} has {path.stat().st_size:,} bytes")
        value = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise MlxdynError(
            f"{path.parent} is no adapter directory of mlx-lm or PEFT: {sentence(error)}"
        ) from error
    if not isinstance(value, dict):
        raise MlxdynError(f"{path} does not describe a LoRA adapter")
    return value


def _read_weights(path: Path) -> dict[str, mx.array]:
    try:
        _check_file(path)
        return read_arrays(path)
    except (OSError, ValueError, RuntimeError) as error:
        raise MlxdynError(f"the weights {path} cannot be read: {error}") from error


def _read_mlx_lm(directory: Path, config: dict[str, Any]) -> Adapter:
    try:
        rank = int(config["lora_parameters"]["rank"])
        scale = float(config["lora_parameters"]["scale"])
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise MlxdynError(f"{directory / CONFIG} lacks rank or scale") from error
    arrays = _read_weights(directory / WEIGHTS)
    return _checked(directory, arrays, rank, scale, config.get("model"), config.get("mlxdyn"))


def _read_peft(directory: Path, config: dict[str, Any]) -> Adapter:
    wrong = _unlike_ours(config)
    if wrong:
        raise MlxdynError(f"{directory} uses {wrong} of PEFT, which a memory cannot take over")
    try:
        rank, alpha = int(config["r"]), float(config["lora_alpha"])
        scale = alpha / (rank**0.5 if config.get("use_rslora") else rank)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise MlxdynError(f"{directory / CONFIG} lacks r or lora_alpha") from error
    arrays = dict(map(_from_peft, _read_weights(directory / PEFT_WEIGHTS).items()))
    mx.eval(arrays)
    note = _read_json(directory / NOTE_FILE) if (directory / NOTE_FILE).is_file() else {}
    exact = note.get("scale")  # alpha / r may differ from it in the last bit
    if isinstance(exact, float) and abs(exact - scale) <= 1e-12 * abs(scale):
        scale = exact
    return _checked(directory, arrays, rank, scale, config.get("base_model_name_or_path"), note)


def _unlike_ours(config: dict[str, Any]) -> str:
    """Name the settings under which PEFT's weights mean something else than plain LoRA."""
    plain = {"peft_type": "LORA", "bias": "none"}
    empty = (
        "use_dora", "fan_in_fan_out", "modules_to_save", "rank_pattern", "alpha_pattern",
        "layer_replication", "lora_bias", "target_parameters", "trainable_token_indices",
    )  # fmt: skip
    wrong = [key for key, value in plain.items() if config.get(key, value) != value]
    return ", ".join(wrong + [key for key in empty if config.get(key)])


def _from_peft(item: tuple[str, mx.array]) -> tuple[str, mx.array]:
    name, array = item
    path = name.removeprefix(PEFT_PREFIX).replace(".default.weight", ".weight")
    for part, ending in PEFT_PARTS.items():
        if path.endswith("." + ending) and array.ndim == 2:
            return f"{path.removesuffix(ending)}{part}", mx.contiguous(array.T)
    raise MlxdynError(f"the weight {name} is no LoRA of a linear layer, so it cannot be imported")


def _checked(
    directory: Path, arrays: dict[str, mx.array], rank: int, scale: float, base: Any, note: Any
) -> Adapter:
    if rank not in ALLOWED_RANKS or not 0 < abs(scale) <= MOST_SCALE:
        raise MlxdynError(
            f"{directory / CONFIG} gives rank {rank} and scale {scale:g}; a rank of 1 to "
            f"{ALLOWED_RANKS[-1]:,} and a scale of at most {MOST_SCALE:g} can be taken over"
        )
    parts = [name.split(".") for name in arrays]
    if not arrays or not all(p[-1] in PEFT_PARTS and any(map(numbers_block, p)) for p in parts):
        raise MlxdynError(f"the weights in {directory} are not those of LoRA layers in blocks")
    note = note if isinstance(note, dict) else {}
    return Adapter(
        arrays,
        rank,
        scale,
        base=str(base or ""),
        fingerprint=str(note.get("base_fingerprint", "")),
        memory=str(note.get("memory", "")),
    )
