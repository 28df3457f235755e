"""The models that ship and those known by name; importing this loads neither torch nor mlx."""

import tomllib
from pathlib import Path
from typing import Any

ROOM = Path(__file__).parent


def bundled() -> dict[str, Path]:
    """Map the name of every bundled model to its directory (Hugging Face layout)."""
    return {path.parent.name: path.parent for path in sorted(ROOM.glob("*/config.json"))}


def registry() -> dict[str, dict[str, Any]]:
    """Read registry.toml: the models that are known by name, smallest first."""
    return tomllib.loads((ROOM / "registry.toml").read_text("utf-8"))


def calibration(base: str) -> Path | None:
    """Return what was measured of a known base, by the hash that `memory.calibrated` gives it."""
    return next(ROOM.glob(f"*/calibration-{base}.json"), None)


def card(name: str) -> Path | None:
    """Return the card of a model that is fetched, where there is one."""
    path = ROOM / name / "README.md"
    return path if path.is_file() else None
