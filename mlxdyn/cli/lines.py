"""What the engine tells, as plain lines of text: the same words for eyes and screen readers."""

from dataclasses import asdict
from typing import Any

from mlxdyn.engine import messages
from mlxdyn.engine.commands import SLASH_COMMANDS
from mlxdyn.engine.events import (
    Chats,
    Compared,
    Learned,
    Models,
    Notice,
    Panel,
    Replied,
    SearchResult,
    SettingsList,
    Studied,
    Surprise,
    Timeline,
)


def told(event: Notice | Learned | Studied, *, numbers: bool = False) -> str:
    """Say an event in one line."""
    if isinstance(event, Notice):
        return event.text
    if isinstance(event, Studied):
        return messages.studied(event, numbers=numbers)
    return messages.learned(event, numbers=numbers).replace("\n", "; ")


def known(found: Panel) -> str:
    """Say what the memory knows, the newest first."""
    rows = [
        f"{fact.answer}{'' if fact.active else ' (corrected later)'}\n"
        f"       from message {fact.message}: {fact.said}"
        for fact in found.facts
    ]
    return "\n".join(rows) or "It knows nothing about you yet."


def timeline(found: Timeline) -> str:
    """List the moments of a memory's life, the newest first."""
    rows = [
        f"{one.position:>5}  {messages.local(one.time)}  {messages.moment(one)}"
        f"{' (now)' if one.now else '' if one.standing else ' (undone)'}"
        for one in found.moments
    ]
    return "\n".join([*rows, "/timeline NUMBER goes there."])


def compared(found: Compared) -> str:
    """Show both answers; what memory made likelier is in brackets."""
    pieces = messages.marked(found.memory)
    answer = "".join(f"[{words}]" if likelier else words for words, likelier in pieces)
    base_end, end = (f" ({messages.LOOPED})" * x for x in (found.base_loops, found.memory_loops))
    said = [f"base:        {found.base}{base_end}", f"with memory: {answer.strip()}{end}"]
    return "\n".join(filter(None, [*said, messages.unlearned(found.pending)]))


def chats(found: Chats) -> str:
    rows = [
        f"{chat.id:>5}  {'* ' if chat.pinned else ''}{chat.title} ({chat.messages})"
        for chat in found.chats
    ]
    said = [*rows, "/chats NUMBER opens one."] if rows else ["No chat is saved yet."]
    if found.deleted:
        kept = messages.counted(len(found.deleted), "deleted chat")
        keys = "Ctrl+Z brings one back, Ctrl+E forgets it"
        said.append(f"{kept} kept; in the full screen Ctrl+O lists them last: {keys}.")
    return "\n".join(said)


def hits(found: SearchResult) -> str:
    rows = [f"{hit.conversation:>5}  {' '.join(hit.text.split())}" for hit in found.hits]
    return "\n".join([*rows, "/chats NUMBER opens one."]) if rows else "Nothing was found."


def models(found: Models) -> str:
    rows = [f"{row.name}{'' if row.here else ' (to fetch)'}" for row in found.models]
    return f"{found.current} answers. There is: {', '.join(rows)}"


def settings(found: SettingsList) -> str:
    rows = [f"{name:20} {messages.value(value)}" for name, value in found.values.items()]
    return "\n".join([*rows, f"/set NAME VALUE changes one; they are kept in {found.path}"])


def system(found: SettingsList) -> str:
    """Say which system prompt there is, and how to have another."""
    now = found.values.get("system")
    command = SLASH_COMMANDS["system"]
    there = f"Now it is: {now}" if now else "Now there is none."
    return f"{command.usage}: {command.meaning}. {there}"


def surprise(found: Surprise) -> str:
    rows = [f"{one.nll:6.2f}  {one.gain:+6.2f}  {one.text.strip()}" for one in found.tokens]
    return "\n".join(["   nll  memory", *rows])


def result(replied: Replied, learned: Learned | None) -> dict[str, Any]:
    """What a reply and its lesson are in JSON."""
    shown = {
        "reply": replied.message.text,
        "tokens": replied.tokens,
        "tokens_per_second": replied.tokens_per_second,
        "ttft_seconds": replied.ttft_seconds,
        "learned": None,
    }
    if learned:
        wanted = ("tokens", "nll_before", "nll_after", "accepted", "update", "items", "secrets")
        all_ = asdict(learned) | {"items": len(learned.facts)}
        shown["learned"] = {name: all_[name] for name in wanted}
    return shown
