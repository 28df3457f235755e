"""The slash commands as a table, and how a line is read as one; carries nothing out."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """What may be typed after a slash."""

    name: str
    arguments: str
    meaning: str

    @property
    def usage(self) -> str:
        """The command as a user types it."""
        return f"/{self.name} {self.arguments}".rstrip()


COMMANDS = (
    Command("learn", "user|all|off", "learn your words, the replies too, or nothing"),
    Command("temporary", "", "a chat that reads the memory and writes nothing; again to leave"),
    Command("undo", "", "unlearn the last learned message"),
    Command("reset", "", "empty the memory; asks first and keeps a backup"),
    Command("new", "", "new chat (Ctrl+N)"),
    Command("chats", "", "saved chats (Ctrl+O)"),
    Command("copy", "", "copy the last reply"),
    Command("help", "", "this page (F1)"),
    Command("quit", "", "save and leave (Ctrl+Q)"),
)

KEYS = (
    ("Enter", "send"),
    ("Ctrl+J", "new line"),
    ("Esc", "stop the reply, keep what is there"),
    ("Up", "on the first line: earlier prompts"),
    ("PgUp PgDn", "scroll"),
    ("Ctrl+N", "new chat"),
    ("Ctrl+O", "saved chats"),
    ("Ctrl+P", "command palette"),
    ("Ctrl+Q", "save and leave"),
)


def read(text: str) -> tuple[str, str]:
    """Split a line that starts with a slash into a command's name and its argument."""
    name, _, argument = text[1:].strip().partition(" ")
    return name.lower(), argument.strip().lower()


def hint(text: str) -> str:
    """Say which commands fit what is typed so far; empty when it is no command."""
    if not text.startswith("/") or "\n" in text:
        return ""
    name, _ = read(text)
    fitting = [command for command in COMMANDS if command.name.startswith(name)]
    if len(fitting) == 1:
        return f"{fitting[0].usage}: {fitting[0].meaning}"
    return " ".join(f"/{command.name}" for command in fitting)
