"""What the user wants on a page over the chat, as a call of the engine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from textual.message import Message

from mlxdyn.engine import memories, talks
from mlxdyn.engine.events import ModelRow
from mlxdyn_app import acts
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.records import LogList
from mlxdyn_app.sidebar import Sidebar
from mlxdyn_app.timeline import TimelinePage

if TYPE_CHECKING:
    from mlxdyn_app.app import ChatApp


def grant(app: ChatApp, wish: Message) -> None:
    """Ask the engine for what is wanted."""
    match wish:
        case MemoryPanel.Wanted():
            _fact(app, wish)
        case MemoryPanel.Done(act, value):
            _memory(app, act, value)
        case ChatList.Wanted():
            _chat(app, wish)
        case ChatList.Searched(words):
            app.engine.ask(talks.search, words)
        case ModelList.Wanted(row):
            _model(app, row)
        case SettingList.Wanted(name, text):
            acts.put(app, name, text)
        case Sidebar.Wanted(chat):
            _chat(app, ChatList.Wanted(chat, "open"))
        case TimelinePage.Wanted(moment):
            app.engine.ask(memories.look, moment.position)
        case LogList.Unwanted(message):
            acts.forget(app, str(message))


def _memory(app: ChatApp, act: str, value: str) -> None:
    """Do what is wanted of the whole memory, as a slash command would."""
    off = app.line.status is not None and app.line.status.learn == "off"
    match act:
        case "pause":
            usual = str(app.settings.get("learn"))
            on = usual if usual != "off" else "user"
            acts.learn(app, on if off else "off")
        case "strength":
            acts.dial(app, value)
        case _:
            acts.ACTS[act](app, value)


def _fact(app: ChatApp, wish: MemoryPanel.Wanted) -> None:
    """Correct or delete a fact, or forget what told it."""
    fact = wish.fact
    if wish.change == "correct":
        app.engine.ask(memories.correct, fact.items, wish.answer)
    elif wish.change == "drop":
        app.engine.ask(memories.drop, fact.items)
    else:
        acts.forget(app, str(fact.message))


def _model(app: ChatApp, row: ModelRow) -> None:
    """Let another model answer; the network is used only if the user agrees."""
    use = partial(acts.model, app, row.name)
    if row.here:
        use()
        return
    size = f"{row.bytes / 1e6:,.0f} MB"
    warning = f"\n\nIt {row.misfit}." if row.misfit else ""
    app.ask(f"{row.name} is not on this machine. Fetch {size}?{warning}", "Fetch it", use)


def _chat(app: ChatApp, wish: ChatList.Wanted) -> None:
    """Open, name, pin or delete a chat."""
    chat, engine = wish.conversation, app.engine
    match wish.change:
        case "open" if chat != app.talk.conversation:
            acts.leave_and(app, partial(engine.open, talks.open_chat, chat))
        case "rename":
            engine.ask(talks.rename, chat, wish.value)
        case "pin":
            engine.ask(talks.pin, chat)
        case "hide" | "show":
            hide = partial(engine.open, talks.hide, chat, wish.change == "hide")
            if chat == app.talk.conversation or not app.talk.ready:
                acts.leave_and(app, hide)
            else:
                hide()
        case "erase":
            acts.leave_and(app, partial(engine.open, talks.erase, chat))
