"""Conversations of other programs, read as history: exports of ChatGPT, files of LM Studio."""

import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mlxdyn.errors import MlxdynError
from mlxdyn.memory.store.records import sanitize

LARGEST = 2**30  # bytes of one file
ROLES = ("user", "assistant")
TAKES = "take conversations.json or the .zip of ChatGPT's export, or *.conversation.json"
UNREADABLE = (OSError, ValueError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
"""What comes of reading a file that is none of those; RuntimeError where it is encrypted."""
Turns = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation; who said what, oldest first."""

    title: str
    created: str  # ISO 8601, UTC; "" where it is not told
    turns: Turns


def read(path: Path) -> list[Talk]:
    """Read all conversations in a file, or in the .json files of a directory or a .zip.

    Raises MlxdynError, which names the file, for what cannot be read or holds none.
    """
    files = filter(Path.is_file, sorted(path.rglob("*.json"))) if path.is_dir() else [path]
    talks = [talk for file in files for talk in _read(file)]
    if not talks:
        raise MlxdynError(f"{path} holds no conversation; {TAKES}")
    return talks


def _read(file: Path) -> list[Talk]:
    try:
        return [talk for text in _texts(file) for talk in _talks(json.loads(text))]
    except UNREADABLE as error:
        said = str(error) or "it is cut short"
        raise MlxdynError(f"{file} cannot be read ({said}); {TAKES}") from error


def _texts(file: Path) -> Iterator[bytes]:
    if file.exists() and not file.is_file():  # a pipe or a device, which may have no end
        raise ValueError("it is no file")
    if zipfile.is_zipfile(file):
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                name = Path(member.filename).name
                if name.startswith("conversations") and name.endswith(".json"):
                    _check(member.file_size, member.compress_type)
                    yield archive.read(member)
    else:
        _check(file.stat().st_size)
        yield file.read_bytes()


def _check(size: int, packed: int = zipfile.ZIP_STORED) -> None:
    if size > LARGEST:
        raise ValueError(f"it has {size:,} bytes; at most {LARGEST:,} are read")
    if packed not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError("it is packed in a way that is not known here")


def _talks(found: Any) -> Iterator[Talk]:
    """Read what a JSON file holds: several conversations, or one."""
    for one in found if isinstance(found, list) else [found]:
        if isinstance(one, dict):
            turns = _joined(_chatgpt(one) if "mapping" in one else _messages(one))
            if turns:
                title = sanitize(str(one.get("title") or one.get("name") or ""))
                yield Talk(title, _time(one), turns)


def _joined(turns: Iterator[tuple[Any, str]]) -> Turns:
    """Keep what user and assistant said; several answers in a row are one."""
    kept: list[tuple[str, str]] = []
    for role, said in turns:
        text = sanitize(said).strip()
        if role not in ROLES or not text:
            continue
        if kept and kept[-1][0] == role:
            kept[-1] = (role, f"{kept[-1][1]}\n\n{text}")
        else:
            kept.append((role, text))
    return tuple(kept)


def _chatgpt(one: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """Walk the open branch of ChatGPT's tree from its end, and give it from the start."""
    nodes, here = _dict(one.get("mapping")), one.get("current_node")
    path: list[dict[str, Any]] = []
    while isinstance(here, str) and here in nodes and len(path) <= len(nodes):
        node = _dict(nodes[here])
        path.append(_dict(node.get("message")))
        here = node.get("parent")
    for message in reversed(path):
        hidden = _dict(message.get("metadata")).get("is_visually_hidden_from_conversation")
        content = _dict(message.get("content"))
        if not hidden and content.get("content_type") in ("text", "multimodal_text"):
            yield _dict(message.get("author")).get("role"), _parts(content.get("parts"))


def _messages(one: dict[str, Any]) -> Iterator[tuple[Any, str]]:
    """Read a list of messages: LM Studio's, of which each has versions, or plain ones."""
    listed = one.get("messages")
    for message in listed if isinstance(listed, list) else []:
        said = _dict(message)
        if isinstance(versions := said.get("versions"), list) and versions:
            chosen = said.get("currentlySelected")
            place = chosen if isinstance(chosen, int) and 0 <= chosen < len(versions) else 0
            said = _dict(versions[place])
        steps = said.get("steps")
        blocks = [_dict(step) for step in steps] if isinstance(steps, list) else [said]
        texts = [_parts(block.get("content")) for block in blocks if not _thinks(block)]
        yield said.get("role"), "\n\n".join(filter(None, texts))


def _thinks(block: dict[str, Any]) -> bool:
    return _dict(block.get("style")).get("type") == "thinking"


def _parts(found: Any) -> str:
    """Join the texts in what a message holds; pictures and files are left out."""
    if isinstance(found, str):
        return found
    parts = found if isinstance(found, list) else []
    texts = [part if isinstance(part, str) else _dict(part).get("text") for part in parts]
    return "\n".join(text for text in texts if isinstance(text, str))


def _time(one: dict[str, Any]) -> str:
    """Read when it began: seconds, or LM Studio's milliseconds; "" where nothing is told."""
    with suppress(TypeError, ValueError, OverflowError, OSError):
        told = float(one.get("create_time") or one.get("createdAt") or "")
        when = datetime.fromtimestamp(told / 1000 if told > 1e11 else told, UTC)
        return when.isoformat(timespec="milliseconds")
    return ""


def _dict(found: Any) -> dict[str, Any]:
    return found if isinstance(found, dict) else {}
