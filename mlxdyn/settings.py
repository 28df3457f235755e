"""What the user set for good: config.toml in the platform's configuration directory."""

import json
import os
import tomllib
from pathlib import Path
from typing import Any

import platformdirs

from mlxdyn.errors import MlxdynError
from mlxdyn.files import write

FILE = "config.toml"


def path() -> Path:
    """Return where the settings are: in MLXDYN_HOME if that is set, so that a home is whole."""
    home = os.environ.get("MLXDYN_HOME")
    room = Path(home).expanduser() if home else Path(platformdirs.user_config_path("mlxdyn"))
    return room / FILE


def read() -> dict[str, Any]:
    """Read all settings; {} where none are. Raises MlxdynError for a file that is no TOML."""
    try:
        return tomllib.loads(path().read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise MlxdynError(f"{path()} cannot be read ({error}); mend it or remove it") from error


def personal() -> bool:
    """Tell whether phone, passport, account and tax numbers are learned, and shown as learned."""
    return read().get("personal") is True


def put(key: str, value: str | int | float | bool) -> None:
    """Set one key above all tables; the rest of the file stays as it is, comments too."""
    read()  # a broken file is not written over
    file = path()
    line = f"{key} = {json.dumps(value)}"  # of these types JSON is TOML too
    old = file.read_text("utf-8").splitlines() if file.exists() else []
    top = next((i for i, text in enumerate(old) if text.lstrip().startswith("[")), len(old))
    head = [text for text in old[:top] if text.split("=")[0].strip() != key]
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write(file, "\n".join([*head, line, *old[top:]]) + "\n")
    file.chmod(0o600)
