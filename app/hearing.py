"""What the app shows of each event of the engine."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

from textual.screen import ModalScreen

from mlxdyn.engine import memories, messages, talks
from mlxdyn.engine.events import (
    Chats,
    Closed,
    Compared,
    Event,
    Failed,
    Going,
    Heard,
    Knew,
    Learned,
    Lessons,
    Log,
    MemoryNames,
    Models,
    Moment,
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
    Timeline,
    Unanswered,
    Working,
)
from mlxdyn_app import acts
from mlxdyn_app.chats import ChatList
from mlxdyn_app.choices import ModelList, SettingList
from mlxdyn_app.comparison import Comparison
from mlxdyn_app.panel import MemoryPanel
from mlxdyn_app.records import LogList
from mlxdyn_app.surprise import SurpriseView
from mlxdyn_app.timeline import TimelinePage

if TYPE_CHECKING:
    from mlxdyn_app.app import ChatApp

T = TypeVar("T")
FIRST = "That is the first thing it knows about you. What does memory change? /compare {}"


async def hear(app: ChatApp, event: Event) -> None:
    """Show an event of the talk."""
    talk = app.talk
    match event:
        case Opened():
            await talk.opened(event)
            _follow_edit(app)
            _refresh(app)
        case Said(texts):
            app.prompt.remember([*texts, *(turn.text for turn in talk.queue)])
        case Heard(message):
            await talk.heard(message)
        case Piece(text):
            await talk.piece(text)
        case Replied():
            await talk.replied(event)
            _refresh(app)
        case Learned():
            _ask_panel(app)  # before what gives way to all that is asked for
            await _learned(app, event)
        case Lessons():
            talk.lessons(event)
            _ask_panel(app)
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
        case Unanswered():
            if (refused := await talk.failed()) is not None:
                app.begin_edit(*refused)
        case Closed():
            app.closed = True
        case _:
            await _shown(app, event)


async def _shown(app: ChatApp, event: Event) -> None:
    """Show an event that is not part of the talk, on its page where it has one."""
    match event:
        case Working():
            app.line.doing = messages.working(event) or app.talk.opening
        case MemoryNames(names):
            app.memories = names
        case Compared():
            app.talk.rest()
            await app.transcript.mount(Comparison(event))
        case Surprise():
            app.push_screen(SurpriseView(event))
        case Chats(chats):
            app.sidebar.show(chats, app.talk.conversation)
            if (page := _page(app, ChatList)) is not None:
                page.show_chats(event)
            elif app.awaited("chats"):
                app.push_screen(ChatList(event, app.talk.conversation, app.looking))
        case SearchResult():
            if (page := _page(app, ChatList)) is not None:
                page.found(event)
        case Panel():
            if (panel := _page(app, MemoryPanel)) is not None:
                panel.show(event)
            elif app.awaited("items"):
                app.push_screen(MemoryPanel(event, app.line.status))
        case Models(models):
            app.models = tuple(row.name for row in models)
            if app.awaited("model"):
                app.push_screen(ModelList(event))
        case SettingsList():
            _settings(app, event)
        case Timeline():
            if (life := _page(app, TimelinePage)) is not None:
                life.show(event)
            elif app.awaited("timeline"):
                app.push_screen(TimelinePage(event))
        case Knew(moment):
            _go_to(app, event, moment)
        case Going():
            _forget(app, event)
        case Log(updates):
            app.push_screen(LogList(updates))


def _go_to(app: ChatApp, knew: Knew, moment: Moment) -> None:
    """Show what was known at a moment, and ask whether to go there."""
    if moment.now:
        app.notify(messages.knew(knew))
    else:
        go = partial(app.engine.ask, memories.go_to, moment.position)
        app.ask(messages.knew(knew), "Go there", go)


def _forget(app: ChatApp, going: Going) -> None:
    """Ask whether messages are to be forgotten, now that it is known what would go."""
    forget = partial(app.engine.open, memories.forget, *going.messages)
    app.ask(messages.going(going), "Forget it", partial(acts.leave_and, app, forget))


def _follow_edit(app: ChatApp) -> None:
    """Stay at the message that is edited when the chat is shown anew; it may be gone."""
    if app.editing is not None:
        app.editing = app.talk.turns.get(app.editing.message or 0)
        if app.editing is None:
            app.end_edit()


def _refresh(app: ChatApp) -> None:
    """Let the sidebar, if it is shown, list the chats as they are now."""
    if app.sidebar.display:
        app.engine.ask(talks.listed)


def _ask_panel(app: ChatApp) -> None:
    """Let the memory panel, if it is open, show what is known now."""
    if _page(app, MemoryPanel) is not None:
        app.engine.ask(memories.panel)


def _page(app: ChatApp, kind: type[T]) -> T | None:
    """Find the page of a kind that is open."""
    return next((screen for screen in app.screen_stack if isinstance(screen, kind)), None)


def _status(app: ChatApp, status: Status) -> None:
    app.line.status = status
    app.talk.conversation = app.talk.conversation or status.conversation
    app.talk.progress(status)
    if (panel := _page(app, MemoryPanel)) is not None:
        panel.show_status(status)
    app.show_unsaved()


async def _learned(app: ChatApp, learned: Learned) -> None:
    """Show what was learned; the very first fact comes with what to try."""
    app.talk.learned(learned)
    first = app.line.status is not None and not app.line.status.items
    if first and learned.facts and learned.questions:
        question = learned.questions[0]
        await app.transcript.note(FIRST.format(question))
        if not (app.talk.busy or app.talk.queue or app.prompt.text):
            app.line.doing = acts.COMPARING
            app.engine.say(memories.show, question)


async def _note(app: ChatApp, text: str) -> None:
    if isinstance(app.screen, ModalScreen):  # the transcript is behind it
        app.notify(text, markup=False)
    await app.transcript.note(text)


async def _failed(app: ChatApp, failed: Failed) -> None:
    if failed.fatal:
        app.failure = failed.text
        await app.action_quit()
        return
    app.notify(failed.text, severity="error", markup=False)
    await app.transcript.note(failed.text, error=True)
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
        if now != before.get(name) and name != "model":  # another model says so itself
            told = f"{name} is {messages.value(now)} from now on; {settings.path} keeps it."
            app.notify(told, markup=False)
