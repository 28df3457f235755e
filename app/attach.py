"""`@path` in a message: the text of a file goes with it; knows no screen."""

import re
from dataclasses import dataclass
from os.path import isdir
from pathlib import Path

MENTION = re.compile(r"(?<!\S)@(?P<path>[^\s@][^\s]*)")
FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1", re.DOTALL | re.MULTILINE)
AFTER = ".,;:!?)\"'"  # what may end a sentence is no part of a path
MOST_BYTES = 100_000
SHOWN = 20  # files that are offered


@dataclass(frozen=True, slots=True)
class Attached:
    """A message with its files in it, or what is wrong with them."""

    text: str
    faults: tuple[str, ...] = ()


def attach(text: str) -> Attached:
    """Put the files that `text` names below it; what looks like a path and is none is said.

    `@name` without a dot or slash may be a person, so it is left alone unless there is such a file,
    and so is all that stands in fenced code.
    """
    parts, faults = [text], list[str]()
    for found in MENTION.finditer(FENCED.sub("", text)):
        bare = found["path"].rstrip(AFTER)
        named = found["path"] if _there(found["path"]) else bare
        path = _there(named)
        if path is None:
            looks = re.search(r"[./~]", named)
            faults += [f"there is no file {named} that can be read"] if looks else []
            continue
        fault, words = _read(path)
        if fault:
            faults.append(fault)
        else:
            parts.append(f"{path.name}:\n{_fenced(words.rstrip())}")
    return Attached("\n\n".join(parts), tuple(faults))


def _fenced(words: str) -> str:
    """Put a fence around a file that nothing in it closes: what follows would be the user's own."""
    fence = "`" * max(3, 1 + max(map(len, re.findall("`+", words)), default=0))
    return f"{fence}\n{words}\n{fence}"


def _there(named: str) -> Path | None:
    """Find what a path names; None where there is nothing, or nothing that may be looked at."""
    try:
        path = Path(named).expanduser()  # there may be no such user
        return path if path.exists() else None  # its name may be too long
    except (OSError, RuntimeError, ValueError):
        return None


def _read(path: Path) -> tuple[str, str]:
    """Return what is wrong with a file ("" if nothing is), and its text."""
    try:
        if not path.is_file():
            return f"{path} is no file", ""
        if (size := path.stat().st_size) > MOST_BYTES:
            return f"{path} has {size:,} bytes; at most {MOST_BYTES:,} can be attached", ""
        return "", path.read_text("utf-8")
    except (OSError, ValueError):
        return f"{path} is no text that can be read", ""


def fitting(text: str) -> list[tuple[str, str]]:
    """List what a message that ends in the beginning of a path may become."""
    found = re.search(r"(?<!\S)@(\S*)\Z", text)
    if not found:
        return []
    whole = found[1].endswith("/") or not found[1]
    try:
        begun = Path(found[1] or ".").expanduser()
        folder, start = (begun, "") if whole else (begun.parent, begun.name)
        files = sorted(folder.iterdir())
    except (OSError, RuntimeError, ValueError):
        return []
    names = [f for f in files if f.name.startswith(start) and (start or f.name[0] != ".")]
    before = text[: found.start()]
    return [
        (f"{before}@{path}{'/' if isdir(path) else ''}", "folder" if isdir(path) else "file")
        for path in names[:SHOWN]
    ]
