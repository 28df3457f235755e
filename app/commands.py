"""The slash commands and keys as tables, and how a line is read; carries nothing out."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What may be typed after a slash; the app's action of the same name carries it out."""

    name: str
    arguments: str
    meaning: str
    title: str = ""  # in the palette; "" leaves it to the palette's own entries

    @property
    def usage(self) -> str:
        """The command as a user types it."""
        return f"/{self.name} {self.arguments}".rstrip()


COMMANDS = (
    Command("new", "", "new chat (Ctrl+N)", "New chat"),
    Command("chats", "", "saved chats (Ctrl+O)", "Saved chats"),
    Command("learn", "user|all|off", "learn your words, the replies too, or nothing"),
    Command("undo", "", "unlearn the message learned last", "Undo"),
    Command("redo", "", "learn again what was undone", "Redo"),
    Command("forget", "[ID]", "forget a message for good, the last one or ID; asks", "Forget"),
    Command("items", "", "what the memory is to know: search, edit, delete", "Study items"),
    Command("study", "", "make the adapter anew from all items", "Study"),
    Command("log", "", "every update, to search; shows the IDs", "Log"),
    Command("compare", "TEXT", "answer TEXT with and without memory", "Compare"),
    Command("dial", "0..100", "how strongly the memory speaks, in per cent", "Dial"),
    Command("memory", "NAME", "go on with another memory; Tab completes", "Memory"),
    Command("branch", "NAME", "copy this memory as NAME", "Branch"),
    Command("temporary", "", "a chat that reads the memory, writes nothing; again to leave",
            "Temporary"),
    Command("incognito", "", "a chat with the bare base, writes nothing; again to leave",
            "Incognito"),
    Command("reset", "", "empty the memory; asks first and keeps a backup", "Reset"),
    Command("copy", "", "copy the last reply", "Copy"),
    Command("help", "", "this page (F1)"),
    Command("quit", "", "save and leave (Ctrl+Q)"),
)  # fmt: skip

KEYS = (
    ("Enter", "send"),
    ("Ctrl+J", "new line"),
    ("Esc", "stop the reply, keep what is there"),
    ("Up", "on the first line: earlier prompts"),
    ("Tab", "complete a command, a memory's name"),
    ("Alt+Up/Down", "walk through the messages; there:"),
    ("  C  F  Esc", "copy, forget (asks), back to the prompt"),
    ("PgUp PgDn", "scroll"),
    ("Ctrl+N", "new chat"),
    ("Ctrl+O", "saved chats"),
    ("Ctrl+P", "command palette"),
    ("Ctrl+Q", "save and leave; again skips what is still to learn"),
)


def read(text: str) -> tuple[str, str]:
    """Split a line that starts with a slash into a command's name and its argument."""
    name, _, argument = text[1:].strip().partition(" ")
    return name.lower(), argument.strip()


def hint(text: str, memories: Sequence[str] = ()) -> str:
    """Say which commands or memories fit what is typed so far; empty when it is no command."""
    if not text.startswith("/") or "\n" in text:
        return ""
    name, argument = read(text)
    if name == "memory" and " " in text:
        return " ".join(known for known in memories if known.startswith(argument)) or "a new memory"
    fitting = [command for command in COMMANDS if command.name.startswith(name)]
    exact = [command for command in fitting if command.name == name]
    if len(fitting) == 1 or exact:
        command = (exact or fitting)[0]
        return f"{command.usage}: {command.meaning}"
    return " ".join(f"/{command.name}" for command in fitting)


def complete(text: str, memories: Sequence[str] = ()) -> str:
    """Return `text` with a command's or memory's name filled in as far as it is certain."""
    name, argument = read(text)
    if name == "memory" and " " in text:
        return f"/memory {_common(argument, memories)}"
    if " " in text:
        return text
    names = [command.name for command in COMMANDS if command.name.startswith(name)]
    done = f"/{_common(name, names)}"
    single = [command for command in COMMANDS if command.name in names] if len(names) == 1 else []
    return f"{done} " if single and single[0].arguments else done


def _common(start: str, names: Sequence[str]) -> str:
    """The longest start that all `names` which begin with `start` share."""
    fitting = [name for name in names if name.startswith(start)]
    if not fitting:
        return start
    first, last = min(fitting), max(fitting)
    length = next((i for i, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), None)
    return first[:length] if length is not None else min(first, last, key=len)
