"""Rates that were chosen, kept for the next run: by base, adapter, rule and chunk."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mlxdyn.files import write
from mlxdyn.lab.race import Choice, Tried
from mlxdyn.lab.results import Settings
from mlxdyn.model.load import Model

MOST = 500  # choices, the oldest go first


def key(model: Model, settings: Settings) -> str:
    """Name everything that a good rate depends on but the text."""
    adapter, rule = asdict(settings.adapter), asdict(settings.learner)
    del adapter["seed"], rule["learning_rate"]
    stream = [settings.stream.chunk, settings.stream.context, settings.stream.kv]
    said = json.dumps([adapter, rule, stream], sort_keys=True)
    return f"{model.fingerprint}-{hashlib.sha256(said.encode()).hexdigest()[:16]}"


def get(path: Path, name: str) -> Choice | None:
    """Read the choice of that name; None where there is none that can be read."""
    try:
        found = _read(path)[name]
        tried = tuple(Tried(**one) for one in found["tried"])
        raced = {text: int(tokens) for text, tokens in dict(found.get("raced", {})).items()}
        return Choice(float(found["rate"]), "kept", tried, int(found["chunks"]), raced=raced)
    except (OSError, ValueError, TypeError, KeyError):
        return None


def put(path: Path, name: str, choice: Choice) -> None:
    """Keep a choice, if the directory can be written; it is worth no failure."""
    with suppress(OSError):
        try:
            every = _read(path)
        except (OSError, ValueError):
            every = {}
        every.pop(name, None)
        value = {"rate": choice.rate, "chunks": choice.chunks, "raced": dict(choice.raced)}
        every[name] = value | {"tried": [asdict(one) for one in choice.tried]}
        newest = dict(list(every.items())[-MOST:])
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write(path, json.dumps(newest, indent=1))


def _read(path: Path) -> dict[str, dict[str, Any]]:
    value = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(value, dict):
        raise ValueError(f"{path} holds no choices")
    return value
