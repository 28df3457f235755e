"""Which models there are: known by name, bundled, added, downloaded; knows no MLX, no network."""

import json
import math
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlxdyn_models
from mlxdyn import settings
from mlxdyn.config import BUNDLED_MODEL, DEFAULT_MODEL
from mlxdyn.errors import MlxdynError
from mlxdyn.files import data_dir, expanded

ADDED = "models"
"""Directory in the home that holds the models that were added."""

BUNDLED = "bundled"
PACKED = sys.platform == "darwin"  # weights stay as they are; on a CPU they become float32
LEARNING = 1.5  # memory that learning takes, in weights of the base
MOST_HEADER = 2**26  # bytes
MOST_OF_MACHINE = 0.7  # of its memory, that a model may take to be offered without a warning


@dataclass(frozen=True, slots=True)
class RegistryEntry:
    """A model that is known by name."""

    name: str
    source: str  # bundled | pypi:NAME==VERSION | a Hugging Face repository
    parameters: int
    bytes: int  # to download
    licence: str
    about: str
    sha256: str | None = None  # of the wheel
    generation: Mapping[str, Any] = field(default_factory=dict)  # sampling that its makers advise


def entries() -> dict[str, RegistryEntry]:
    """Map names to entries, smallest first."""
    return {name: RegistryEntry(name, **told) for name, told in mlxdyn_models.registry().items()}


def default() -> str:
    """Name the model for when none is named: the one set, else the default if here, else wren."""
    chosen = settings.read().get("model")
    if isinstance(chosen, str) and chosen:
        return chosen
    return DEFAULT_MODEL if here(DEFAULT_MODEL) else BUNDLED_MODEL


def here(name: str) -> bool:
    """Is the model on this machine, whole?"""
    try:
        locate(name)
    except MlxdynError:
        return False
    return True


def locate(name: str) -> Path:
    """Find the directory of a bundled or added model, a local path or a downloaded repository.

    Raises MlxdynError with the fix when there is none; never touches the network.
    """
    known = named()
    if name in known:
        return known[name]
    if name in entries() and "/" not in name:
        raise MlxdynError(f"{name} is not on this machine; fetch it: mlxdyn model download {name}")
    path = expanded(name)
    if path.is_dir():
        if not (path / "config.json").is_file():
            raise MlxdynError(f"{path} holds no config.json, so it is not a model directory")
        return path
    if path.is_file():
        raise MlxdynError(f"{path} is a file; make it a model first: mlxdyn model add {path}")
    if is_repository(name):
        return _downloaded(name)
    kept = f", which {settings.path()} names" if settings.read().get("model") == name else ""
    raise MlxdynError(
        f"no model {name!r}{kept}: name one that is here ({', '.join(known)}), a directory or a "
        "Hugging Face repository such as mlx-community/Qwen3-0.6B-4bit"
    )


def named() -> dict[str, Path]:
    """Map the names of the models that ship or were added to their directories."""
    return mlxdyn_models.bundled() | added()


def added() -> dict[str, Path]:
    """Map the names of the models that were added to their directories."""
    configs = sorted(data_dir(make=False).glob(f"{ADDED}/*/config.json"))
    return {path.parent.name: path.parent for path in configs}


def downloaded() -> dict[str, Path]:
    """Map the repositories in Hugging Face's cache to where they are."""
    from huggingface_hub import scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    try:
        found = scan_cache_dir().repos
    except CacheNotFound:
        return {}
    return {repo.repo_id: Path(repo.repo_path) for repo in found if repo.repo_type == "model"}


def is_repository(name: str) -> bool:
    """Could this name a Hugging Face repository?"""
    return name.count("/") == 1 and not name.startswith((".", "/", "~"))


def _downloaded(repository: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        path = Path(snapshot_download(repository, local_files_only=True))
    except (LocalEntryNotFoundError, HfHubHTTPError, HFValidationError, OSError) as error:
        raise MlxdynError(
            f"{repository} is not on this machine; fetch it: mlxdyn model download {repository}"
        ) from error
    if not whole(path):
        raise MlxdynError(
            f"{repository} is not all here; go on with it: mlxdyn model download {repository}"
        )
    return path


def whole(path: Path) -> bool:
    """Is everything there that a model directory needs? A download that broke lacks something."""
    try:
        index = json.loads((path / "model.safetensors.index.json").read_text("utf-8"))
        shards = all((path / name).is_file() for name in index["weight_map"].values())
    except FileNotFoundError:
        shards = any(path.glob("model*.safetensors"))
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return False
    return shards and (path / "config.json").is_file() and any(path.glob("*token*"))


def memory_needed(entry: RegistryEntry) -> int:
    """Estimate the bytes that talking and learning take."""
    return _to_learn(entry.parameters, max(entry.bytes, entry.parameters))


def memory_of(path: Path) -> int:
    """Estimate the same of a model that is here, by what its files say; 0 where they say nothing.

    None of its weights is read.
    """
    size = sum(file.stat().st_size for file in path.glob("model*.safetensors"))
    return _to_learn(parameters_of(path), size)


def parameters_of(path: Path) -> int:
    """Count the weights of a model that is here by the headers of its files; 0 if they say none."""
    files = path.glob("model*.safetensors")
    try:
        told = json.loads((path / "config.json").read_text("utf-8"))["quantization"]["bits"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        told = None
    bits = told if isinstance(told, int) and 0 < told <= 32 else 4
    return sum(_parameters(file, 32 // bits) for file in files)


def _to_learn(parameters: int, packed: int) -> int:
    return int(LEARNING * (packed if PACKED else 4 * parameters))


def _parameters(file: Path, packed: int) -> int:
    """Count the weights of a safetensors file by its header, so many in a packed number."""
    try:
        with file.open("rb") as stream:
            size = int.from_bytes(stream.read(8), "little")
            told = json.loads(stream.read(min(size, MOST_HEADER)))
        told.pop("__metadata__", None)
        parts = [(one["dtype"], math.prod(one["shape"])) for one in told.values()]
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        return 0
    return sum(packed * count if kind == "U32" else count for kind, count in parts)


def too_large(need: int) -> str:
    """Say why this machine has too little memory for what takes so many bytes; "" if it has not."""
    import psutil  # takes as long to import as all that `mlxdyn --help` needs

    there = psutil.virtual_memory().total
    if need <= MOST_OF_MACHINE * there:
        return ""
    return f"needs {need / 1e9:.1f} GB of memory; this machine has {there / 1e9:.1f}"


def misfit(entry: RegistryEntry) -> str:
    """Say why this machine is too small for a model; "" where it is not."""
    if large := too_large(memory_needed(entry)):
        return large
    free = shutil.disk_usage(_existing(data_dir(make=False))).free
    if 3 * entry.bytes > free:
        return f"needs {3 * entry.bytes / 1e9:.1f} GB of disk; {free / 1e9:.1f} are free"
    return ""


def _existing(path: Path) -> Path:
    return next(place for place in (path, *path.parents) if place.exists())
