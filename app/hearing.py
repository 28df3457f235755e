"""What the app shows of each event of the engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual.screen import ModalScreen

from mlxdyn.engine import messages
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Compared,
    Event,
    Failed,
    Heard,
    Learned,
    Lessons,
    Log,
    MemoryNames,
    Models,
    Notice,
    Opened,
    Panel,
    Piece,
    Replied,
    Said,
    SearchResult,
    SettingsList,
    Status,
    Stayed,
    Studied,
    Surprise,
    Working,
)
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.records import LogList
from mlxdyn_app.surprise import SurpriseView

if TYPE_CHECKING:
    from mlxdyn_app.app import ChatApp

T = TypeVar("T")
FIRST = "That is the first thing it knows about you. What does memory change? Try: /compare {}"


async def hear(app: ChatApp, event: Event) -> None:
    """Show an event of the talk."""
    talk = app.talk
    match event:
        case Opened():
            await talk.opened(event)
        case Said(texts):
            app.prompt.remember(texts)
        case Heard(message):
            await talk.heard(message)
        case Piece(text):
            await talk.piece(text)
        case Replied():
            await talk.replied(event)
        case Learned():
            await _learned(app, event)
        case Lessons():
            talk.lessons(event)
        case Status():
            _status(app, event)
        case Notice(text):
            await _note(app, text)
        case Studied():
            await _note(app, messages.studied(event, numbers=talk.numbers))
        case Failed():
            await _failed(app, event)
        case Stayed():
            talk.stayed()
        case Closed():
            app.closed = True
        case _:
            await _shown(app, event)


async def _shown(app: ChatApp, event: Event) -> None:
    """Show an event that is not part of the talk, on its page where it has one."""
    match event:
        case Working(doing, done, of):
            app.line.doing = f"{doing} {done}/{of}…" if done < of else ""
        case MemoryNames(names):
            app.memories = names
        case Compared():
            app.talk.rest()
            await app.transcript.mount(Comparison(event))
        case Surprise():
            app.push_screen(SurpriseView(event))
        case Chats(chats):
            if (page := _page(app, ChatList)) is not None:
                page.show_chats(chats)
            elif app.awaited("chats"):
                app.push_screen(ChatList(chats, app.talk.conversation, app.looking))
        case SearchResult():
            if (page := _page(app, ChatList)) is not None:
                page.found(event)
        case Panel():
            if (panel := _page(app, MemoryPanel)) is not None:
                panel.show(event)
            elif app.awaited("items"):
                app.push_screen(MemoryPanel(event))
        case Models(models):
            app.models = tuple(row.name for row in models)
            if app.awaited("model"):
                app.push_screen(ModelList(event))
        case SettingsList():
            _settings(app, event)
        case Log(updates):
            app.push_screen(LogList(updates))


def _page(app: ChatApp, kind: type[T]) -> T | None:
    """Find the page of a kind that is open."""
    return next((screen for screen in app.screen_stack if isinstance(screen, kind)), None)


def _status(app: ChatApp, status: Status) -> None:
    app.line.status = status
    app.talk.progress(status)
    app.show_unsaved()


async def _learned(app: ChatApp, learned: Learned) -> None:
    """Show what was learned; the very first fact comes with what to try."""
    app.talk.learned(learned)
    first = app.line.status is not None and not app.line.status.items
    if first and learned.facts and learned.questions:
        await app.transcript.note(FIRST.format(learned.questions[0]))


async def _note(app: ChatApp, text: str) -> None:
    if isinstance(app.screen, ModalScreen):  # the transcript is behind it
        app.notify(text)
    await app.transcript.note(text)


async def _failed(app: ChatApp, failed: Failed) -> None:
    if failed.fatal:
        app.failure = failed.text
        await app.action_quit()
        return
    if isinstance(app.screen, ModalScreen):
        app.notify(failed.text, severity="error")
    await app.transcript.note(failed.text, error=True)
    await app.talk.failed()
    if not app.talk.busy:
        app.talk.rest()


def _settings(app: ChatApp, settings: SettingsList) -> None:
    """Wear what is set, and say what was changed."""
    before, app.settings = app.settings, settings.values
    app.paint()
    app.talk.show_numbers(bool(settings.values.get("numbers")))
    if (page := _page(app, SettingList)) is not None:
        page.show_settings(settings)
    elif app.awaited("settings"):
        app.push_screen(SettingList(settings))
    for name, now in settings.values.items():
        if now != before.get(name):
            app.notify(f"{name} is {messages.value(now)} from now on; {settings.path} keeps it.")
