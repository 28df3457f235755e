"""What a base is, as a line of hashes: one each of weights, configuration, tokenizer and template.

A memory keeps the line of the base it was learned on, so it can say which part is another now.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.files import digest

PARTS = ("weights", "configuration", "tokenizer", "chat template")
HASH_DIGITS = 10  # of each part's hash, in hexadecimal
BETWEEN = "-"

RECORD = "mlxdyn.json"
"""Beside converted weights: where they came from, and the sha256 of each file."""

CONFIG, TOKENIZER_CONFIG, TEMPLATE = "config.json", "tokenizer_config.json", "chat_template.jinja"
VOCABULARY = ("tokenizer.json", "tokenizer.model", "vocab.json", "merges.txt")


def fingerprint(path: Path) -> tuple[str, str]:
    """Hash a model directory as it is stored; with it, the hash that mlxdyn 0.1 made.

    Raises MlxdynError when weights that were converted here are no longer what was written.
    """
    digests = dict(_digests(path))
    _check(path, digests)
    weights = [name for name in digests if name.endswith(".safetensors")]
    words = [name for name in VOCABULARY if name in digests]
    config, template = _tokenizer_config(path)
    parts = (
        _joined(digests, weights),
        _joined(digests, [CONFIG]),
        _hash(_joined(digests, words), json.dumps(config, sort_keys=True)),
        _hash(template),
    )
    former = hashlib.sha256()
    for name in [CONFIG, *words, *weights]:
        former.update(name.encode() + bytes.fromhex(digests[name]))
    return BETWEEN.join(part[:HASH_DIGITS] for part in parts), former.hexdigest()[:16]


def changed(learned: str, now: tuple[str, str]) -> tuple[str, ...]:
    """Name the parts that differ between the base of a memory and the one here; () if none.

    A line of mlxdyn 0.1 was one hash of everything but the template.
    """
    line, former = now
    if BETWEEN not in learned:
        return () if learned == former else PARTS[:3]
    pairs = zip(learned.split(BETWEEN), line.split(BETWEEN), strict=False)
    return tuple(part for part, (old, new) in zip(PARTS, pairs, strict=False) if old != new)


def _digests(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the sha256 of every file that says what a base is."""
    files = [path / name for name in (CONFIG, *VOCABULARY)]
    for file in [*files, *sorted(path.glob("model*.safetensors"))]:
        found = digest(file)
        if found is not None:
            yield file.name, found


def _check(path: Path, digests: Mapping[str, str]) -> None:
    try:
        told = json.loads((path / RECORD).read_text("utf-8"))["sha256"]
        written = {n: d for n, d in told.items() if n.endswith(".safetensors")}
    except FileNotFoundError:
        return  # not converted here
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError) as error:
        raise MlxdynError(
            f"{path / RECORD} cannot be read; remove {path}, and add it again"
        ) from error
    if any(digests.get(name) != was for name, was in written.items()):
        raise MlxdynError(f"the weights in {path} are damaged; remove it, and add it again")


def _tokenizer_config(path: Path) -> tuple[dict[str, Any], str]:
    """Read tokenizer_config.json, and the chat template wherever it is, as transformers does."""
    try:
        config = json.loads((path / TOKENIZER_CONFIG).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        config = {}
    template = config.pop("chat_template", "") if isinstance(config, dict) else ""
    with suppress(OSError, ValueError):
        template = (path / TEMPLATE).read_text("utf-8")
    return config, template if isinstance(template, str) else json.dumps(template)


def _joined(digests: Mapping[str, str], names: list[str]) -> str:
    return _hash(*(f"{name} {digests.get(name)}" for name in names))


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()
