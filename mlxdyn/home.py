"""Where everything lives on disk: private to its owner."""

import os
import re
from pathlib import Path

import platformdirs

from mlxdyn.errors import MlxdynError


def home() -> Path:
    """Return MLXDYN_HOME or the platform's user data directory, made with mode 0700.

    Raises MlxdynError where that cannot be.
    """
    os.umask(0o077)
    chosen = os.environ.get("MLXDYN_HOME")
    path = Path(chosen).expanduser() if chosen else Path(platformdirs.user_data_path("mlxdyn"))
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise MlxdynError(
            f"{path} cannot be used ({error.strerror}); name a directory of yours in MLXDYN_HOME"
        ) from error
    return path


def memory_directory(name: str, *, make: bool = True) -> Path:
    """Return `memories/<name>`, made with mode 0700 unless told otherwise."""
    path = home() / "memories" / name
    if make:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    return path


def check_name(name: str) -> str:
    """Return `name` if it can name a memory; raise MlxdynError otherwise."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", name):
        raise MlxdynError(
            f"{name!r} cannot name a memory: use letters, digits, dot, dash and underscore"
        )
    return name
