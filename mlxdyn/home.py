"""Where everything lives on disk: private to its owner."""

import os
from pathlib import Path

import platformdirs


def home() -> Path:
    """Return MLXDYN_HOME or the platform's user data directory, made with mode 0700."""
    os.umask(0o077)
    chosen = os.environ.get("MLXDYN_HOME")
    path = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_path("mlxdyn"))
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def memory_directory(name: str) -> Path:
    """Return `memories/<name>`, made with mode 0700."""
    path = home() / "memories" / name
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path
