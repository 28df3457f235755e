"""The bundled models and the recipe that made them; importing this loads neither torch nor mlx."""

from pathlib import Path


def bundled() -> dict[str, Path]:
    """Map the name of every bundled model to its directory (Hugging Face layout)."""
    room = Path(__file__).parent
    return {path.parent.name: path.parent for path in sorted(room.glob("*/config.json"))}
