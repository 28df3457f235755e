"""The slash commands as ONE table for every front end, and how a line is read.

A command that asks the engine for one thing, which it confirms in a sentence, names that here and
is whole. The others are carried out by each front end in its way: app/acts.py, cli/plain.py.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mlxdyn.engine import memories, talks

FIRST_LINES = """\
It learns from you while you talk, and still knows it tomorrow.

  What    facts in what you say; no questions, passwords, card numbers
  Where   on this machine only, in the memory named at the bottom
  Stop    /learn off learns nothing; /incognito leaves no trace
  Undo    /undo, or /items: all it knows, to correct, delete, forget
  Try     say where you live, then: /compare Where do I live?"""
"""What a person reads who has said nothing yet."""

MOST_DIGITS, MOST = 19, 2**63 - 1  # of a number in the ledger

Words = Mapping[str, Sequence[str]]
"""By command, what its argument may be."""


@dataclass(frozen=True, slots=True)
class Command:
    """What may be typed after a slash."""

    name: str
    arguments: str
    meaning: str
    key: str = ""  # of the app
    shell: str = ""  # of one that is of the full screen only: what does it elsewhere
    ask: Callable[..., None] | None = None  # all there is to do, given the argument if it takes one

    @property
    def usage(self) -> str:
        """The command as a user types it."""
        return f"/{self.name} {self.arguments}".rstrip()

    def given(self, argument: str) -> list[Any]:
        """What `ask` is called with."""
        return [argument] if self.arguments else []

    @property
    def plain(self) -> bool:
        """Is there such a thing line by line too?"""
        return not self.shell

    @property
    def needs(self) -> bool:
        """Does it mean nothing without its argument?"""
        return bool(self.arguments) and not self.arguments.startswith("[")


COMMAND_GROUPS: dict[str, tuple[Command, ...]] = {
    "Talk": (
        Command("retry", "", "answer the last message again; both answers stay", "Ctrl+R"),
        Command("edit", "[TEXT]", "say your last message otherwise, as a branch"),
        Command("continue", "", "go on with the last reply"),
        Command("compare", "TEXT", "answer TEXT with and without memory"),
        Command("surprise", "[ID]", "which words of a message surprise the model", "Ctrl+S"),
        Command("copy", "", "copy the last reply", shell="mlxdyn chat"),
    ),
    "Chats": (
        Command("new", "", "new chat", "Ctrl+N"),
        Command("sidebar", "", "saved chats beside the talk, and away", "F5", shell="mlxdyn chat"),
        Command("chats", "", "saved chats: open, rename, pin, delete", "Ctrl+O"),
        Command("search", "WORDS", "find what was said in all chats", "Ctrl+F"),
        Command("rename", "TITLE", "give this chat a title"),
        Command("export", "FILE", "write this chat as Markdown, or .json", ask=talks.export),
        Command(
            "import",
            "FILE",
            "take in chats of ChatGPT or LM Studio; none is learned",
            ask=talks.bring,
        ),
        Command("temporary", "", "a chat that reads the memory, writes nothing; and back"),
        Command("incognito", "", "a chat with the bare base, writes nothing; and back"),
    ),
    "Memory": (
        Command("items", "", "what it knows about you: correct, delete, see how it went", "F2"),
        Command("undo", "", "unlearn what was learned last", ask=memories.undo),
        Command("redo", "", "learn again what was undone", ask=memories.redo),
        Command("timeline", "[N]", "the memory's life: look at a moment, go back to it", "F6"),
        Command("forget", "[ID]", "forget a message for good, the last one or ID"),
        Command("learn", "[user|all|off]", "learn your words, the replies too, or nothing"),
        Command("study", "", "make the adapter anew from all items"),
        Command(
            "log", "", "every update; shows the IDs", shell="mlxdyn memory log", ask=memories.log
        ),
        Command("dial", "0..100", "how strongly the memory speaks, in per cent; kept for good"),
        Command("memory", "[NAME]", "go on with another memory, or list them"),
        Command("branch", "NAME", "copy this memory as NAME"),
        Command("reset", "", "set the memory aside and begin an empty one"),
    ),
    "Settings": (
        Command("model", "[NAME]", "let another model answer, with its own memory", "F4"),
        Command("system", "[TEXT]", "system prompt, kept for good; - for none"),
        Command("set", "NAME [VALUE]", "keep a setting for good; without VALUE its default"),
        Command("settings", "", "all settings", "F3"),
        Command(
            "theme",
            "[NAME]",
            "light, dark or another; kept for good",
            shell="mlxdyn config theme NAME",
        ),
        Command("numbers", "", "show or hide nll, tokens, and the memory this program takes"),
    ),
    "Program": (
        Command("help", "", "this page", "F1"),
        Command("quit", "", "leave; what is not learned yet is learned next time", "Ctrl+Q"),
    ),
}
SLASH_COMMANDS = {command.name: command for group in COMMAND_GROUPS.values() for command in group}


def read(text: str) -> tuple[str, str]:
    """Split a line that starts with a slash into a command's name and its argument."""
    name, _, argument = text[1:].strip().partition(" ")
    return name.lower(), argument.strip()


def number(digits: str) -> int:
    """Read the number of a message, chat or moment; one that is too long is one that none has.

    Python itself refuses to read thousands of digits.
    """
    return int(digits) if len(digits) <= MOST_DIGITS else MOST


def unknown(name: str, *, plain: bool = False) -> str:
    """Say that there is no such command, and which one is like it or does it elsewhere."""
    if name in SLASH_COMMANDS:
        return f"/{name} is of the full screen; in a shell: {SLASH_COMMANDS[name].shell}"
    here = [command.name for command in SLASH_COMMANDS.values() if command.plain or not plain]
    near = difflib.get_close_matches(name, here, n=1, cutoff=0.6)
    fix = f"did you mean /{near[0]}?" if near else "/help lists them"
    return f"There is no command /{name}; {fix}"


def fitting(text: str, words: Words) -> list[tuple[str, str]]:
    """List what a typed command may become: the whole line, and what that means."""
    if not text.startswith("/") or "\n" in text:
        return []
    name, space, argument = text[1:].partition(" ")
    if not space:
        found = [
            command for command in SLASH_COMMANDS.values() if command.name.startswith(name.lower())
        ]
        return [
            (f"/{command.name}{' ' * bool(command.arguments)}", command.meaning)
            for command in found
        ]
    known = words.get(name.lower(), ())
    return [(f"/{name} {word}", "") for word in known if word.startswith(argument.lstrip())]


def table(*, plain: bool = False) -> str:
    """Write all commands below each other, a group after the other."""
    blocks = []
    for title, group in COMMAND_GROUPS.items():
        shown = [command for command in group if command.plain or not plain]
        width = max(len(command.usage) for command in SLASH_COMMANDS.values())
        lines = [f"{command.usage:<{width}}  {command.meaning}" for command in shown]
        blocks.append("\n".join([title, *(f"  {line}" for line in lines)]))
    return "\n".join(blocks)
