"""Model families whose MLX weight names are Hugging Face's, and what llama.cpp calls them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mlxdyn.errors import MlxdynError


@dataclass(frozen=True, slots=True)
class Family:
    """How llama.cpp's converter (convert_hf_to_gguf.py) writes the weights of a model type."""

    architecture: str  # general.architecture
    permuted: bool = False  # the rows of q and k are reordered, for rotary pairs side by side


FAMILIES = {
    "llama": Family("llama", permuted=True),
    "mistral": Family("llama", permuted=True),
    "granite": Family("granite", permuted=True),
    "smollm3": Family("smollm3", permuted=True),
    "qwen2": Family("qwen2"),
    "qwen3": Family("qwen3"),
    "gemma": Family("gemma"),
    "gemma2": Family("gemma2"),
    "gemma3_text": Family("gemma3"),
    "phi3": Family("phi3"),
    "olmo2": Family("olmo2"),
}
"""By `model_type` in config.json."""


def family(config: Mapping[str, Any], kind: str) -> Family:
    """Look up the family of a base; raise MlxdynError, naming export format `kind`, if unknown."""
    found = FAMILIES.get(str(config["model_type"]))
    if found is None:
        raise MlxdynError(
            f"{kind} needs the weight names of another program, and mlxdyn does not know them for "
            f"{config['model_type']!r} (it does for {', '.join(FAMILIES)}); use --format mlx-lm, "
            "fused or bundle"
        )
    return found
