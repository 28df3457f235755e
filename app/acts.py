"""What slash commands do in the app, by name; those that only ask the engine are in its table."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from mlxdyn.config import LEARNS
from mlxdyn.engine import commands, memories, models, talks
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name
from mlxdyn_app.dialogs import Help
from mlxdyn_app.theme import KNOWN
from mlxdyn_app.transcript import Turn

if TYPE_CHECKING:
    from mlxdyn_app.app import ChatApp

COMPARING = "comparing, Esc stops"
BUSY = "Wait for the reply, or press Esc to stop it."
OPENS = "Wait for the chat to open."


def obey(app: ChatApp, line: str) -> None:
    """Carry out a line that starts with a slash; say what is wrong with it otherwise."""
    name, argument = commands.read(line)
    command = commands.SLASH_COMMANDS.get(name)
    if command is None:
        app.say(f"{commands.unknown(name)}. A space before the slash sends the line.", error=True)
        if not app.prompt.text:
            app.prompt.write(line)
    elif command.needs and not argument:
        usage(app, name)
    else:
        act(app, command, argument)


def act(app: ChatApp, command: commands.Command, argument: str = "") -> None:
    """Carry out a command."""
    if command.ask:
        app.engine.ask(command.ask, *command.given(argument))
    else:
        ACTS[command.name](app, argument)


def usage(app: ChatApp, name: str, now: str = "") -> None:
    """Say how a command is used."""
    command = commands.SLASH_COMMANDS[name]
    app.say(f"{command.usage}: {command.meaning}. {now}".strip())


# talk


def waits(app: ChatApp) -> bool:
    """Tell whether something has to end before the chat can go on otherwise; say what."""
    if not app.talk.free:
        app.notify(BUSY if app.talk.ready else OPENS)
    return not app.talk.free


def retry(app: ChatApp, _: str = "") -> None:
    """Answer the last message again."""
    if waits(app):
        return
    if app.talk.last_said() is None:
        app.notify("There is no message to answer again.")
    else:
        app.run_worker(app.talk.retry())


def edit(app: ChatApp, text: str = "") -> None:
    """Say the last message otherwise."""
    turn = app.talk.last_said()
    if turn is None:
        app.notify("There is no message to edit.")
    elif not text:
        app.begin_edit(turn)
    elif waits(app):
        app.prompt.write(f"/edit {text}")
    else:
        app.end_edit()
        app.run_worker(app.talk.edit(turn, text))


def resume(app: ChatApp, _: str = "") -> None:
    """Go on with the last reply."""
    if not waits(app) and not app.talk.resume():
        app.notify("There is no reply to go on with.")


def compare(app: ChatApp, text: str) -> None:
    """Answer with and without memory."""
    if app.talk.busy:
        app.notify(BUSY)
        return
    app.line.doing = COMPARING
    app.transcript.anchor()
    app.engine.say(memories.compare, text)


def surprise(app: ChatApp, argument: str = "") -> None:
    """Show how surprising a message is, by default the last one the user said."""
    last = app.talk.last_said()
    message = commands.number(argument) if argument.isdecimal() else last and last.message
    if message:
        app.engine.ask(memories.surprise, message)
    else:
        app.notify("Say something first.")


def copy(app: ChatApp, _: str = "") -> None:
    """Copy the last reply."""
    replies = [turn.text for turn in app.query(Turn) if turn.role == "assistant"]
    if replies:
        app.copy(replies[-1], "Copied the last reply.")
    else:
        app.notify("There is no reply to copy yet.")


# chats


def new(app: ChatApp, _: str = "") -> None:
    """Start a new chat."""
    leave_and(app, partial(app.engine.open, talks.new))


def chats(app: ChatApp, _: str = "") -> None:
    """List the saved chats."""
    search(app, "")


def search(app: ChatApp, words: str = "") -> None:
    """List the saved chats, looking for words."""
    app.looking = words
    app.wait_for("chats")
    app.engine.ask(talks.listed)


def sidebar(app: ChatApp, _: str = "") -> None:
    """Show the saved chats beside the talk, or no more."""
    app.sidebar.display = not app.sidebar.display
    if app.sidebar.display:
        app.engine.ask(talks.listed)
        app.sidebar.focus()
    else:
        app.prompt.focus()


def rename(app: ChatApp, title: str) -> None:
    """Give the open chat a title."""
    if app.talk.last_said() is not None:
        app.engine.ask(talks.rename, 0, title)
        app.notify(f"This chat is called {title}.", markup=False)
    else:
        app.notify("This chat can have a title when something was said in it.")


def temporary(app: ChatApp, _: str = "") -> None:
    """Enter or leave a chat that writes nothing."""
    on = not (app.line.status and app.line.status.temporary)
    leave_and(app, partial(app.engine.open, talks.temporary, on))


def incognito(app: ChatApp, _: str = "") -> None:
    """Enter or leave a chat with the bare base that writes nothing."""
    on = not (app.line.status and app.line.status.incognito)
    leave_and(app, partial(app.engine.open, talks.incognito, on))


def leave_and(app: ChatApp, then: Callable[[], None], opening: str = "") -> None:
    """Ask the engine for something that opens a conversation anew; it may take a while."""
    app.end_edit()
    app.talk.leave(f"{opening}{running(app)}…" if opening else "")
    then()


def running(app: ChatApp) -> str:
    """Say what has to come to an end before anything else."""
    status, doing = app.line.status, app.line.doing
    if app.talk.busy:
        what = "the reply"
    elif doing:
        what = doing.partition(",")[0].rstrip("…")
    elif status is not None and (status.stage or status.studying):
        what = "a step of the lesson"
    else:
        return ""
    return f", after {what}"


# memory


def items(app: ChatApp, _: str = "") -> None:
    """Show what the memory knows."""
    app.wait_for("items")
    app.engine.ask(memories.panel)


def forget(app: ChatApp, argument: str = "") -> None:
    """Ask about the message with this id, or the last one the user said; answered by Going."""
    last = app.talk.last_said()
    if argument.isdecimal():
        app.engine.ask(memories.going, commands.number(argument))
    elif argument:
        usage(app, "forget")
    elif last is None or last.message is None:
        app.say("There is no message above to forget; /log shows all.")
    else:
        app.engine.ask(memories.going, last.message)


def timeline(app: ChatApp, argument: str = "") -> None:
    """Show the memory's life, or what it knew at one moment."""
    if argument.isdecimal():
        app.engine.ask(memories.look, commands.number(argument))
    else:
        app.wait_for("timeline")
        app.engine.ask(memories.timeline)


def learn(app: ChatApp, argument: str = "") -> None:
    """Choose what is learned."""
    for one in LEARNS:
        if one == argument.lower():
            app.engine.ask(memories.learn, one)
            return
    usage(app, "learn", f"Now it is {app.line.status.learn}." if app.line.status else "")


def study(app: ChatApp, _: str = "") -> None:
    """Make the adapter anew from all items."""
    app.engine.ask(memories.study)


def dial(app: ChatApp, argument: str) -> None:
    """Choose how strongly the memory speaks, in per cent."""
    share = argument.removesuffix("%").strip()
    if share.isdecimal() and commands.number(share) <= 100:
        put(app, "dial", share)
    else:
        usage(app, "dial")


def memory(app: ChatApp, name: str = "") -> None:
    """Go on with another memory; one that is not there is begun if the user agrees."""
    if not name:
        usage(app, "memory", f"There is: {', '.join(app.memories)}.")
    elif _named(app, name):
        go = partial(app.engine.open, memories.switch, name)
        switch = partial(leave_and, app, go, f"opening memory {name}")
        if name in app.memories:
            switch()
        else:
            app.ask(f"There is no memory {name} yet. Begin it?", "Begin it", switch)


def branch(app: ChatApp, name: str) -> None:
    """Copy this memory under another name."""
    if _named(app, name):
        app.engine.ask(memories.branch, name)


def _named(app: ChatApp, name: str) -> bool:
    """Tell whether a memory can have this name; say so if not."""
    try:
        check_name(name)
    except MlxdynError as error:
        app.say(str(error), error=True)
        return False
    return True


def reset(app: ChatApp, _: str = "") -> None:
    """Empty the memory, if the user agrees."""
    name = app.line.status.memory if app.line.status else ""
    question = f"Empty the memory {name}? All it learned is undone. A backup is kept."
    app.ask(question, "Empty it", partial(leave_and, app, partial(app.engine.open, memories.reset)))


# settings


def model(app: ChatApp, name: str = "") -> None:
    """Let another model answer, or list them."""
    if name:
        leave_and(app, partial(app.engine.open, models.use, name), f"switching to {name}")
    else:
        app.wait_for("model")
        app.engine.ask(models.listed)


def system(app: ChatApp, text: str = "") -> None:
    """Keep a system prompt, or say which it is."""
    if text:
        put(app, "system", "" if text == "-" else text)
    else:
        now = app.settings.get("system")
        usage(app, "system", f"Now it is: {now}" if now else "Now there is none.")


def set_(app: ChatApp, argument: str) -> None:
    """Keep a setting for good."""
    name, _, text = argument.partition(" ")
    put(app, name, text)


def put(app: ChatApp, name: str, text: str) -> None:
    """Keep a setting, and say so; another model opens another conversation."""
    if name == "model":
        model(app, text)
    else:
        app.engine.ask(models.put, name, text)


def settings(app: ChatApp, _: str = "") -> None:
    """Show all settings."""
    app.wait_for("settings")
    app.engine.ask(models.shown)


def theme(app: ChatApp, name: str = "") -> None:
    """Choose the colours for good; without a name, the other of dark and light."""
    wanted = name or ("light" if app.current_theme.dark else "dark")
    if wanted in KNOWN:
        put(app, "theme", wanted)
    else:
        app.say(f"There is no theme {wanted}; there is: {', '.join(KNOWN)}.", error=True)


def numbers(app: ChatApp, _: str = "") -> None:
    """Show or hide nll and tokens."""
    put(app, "numbers", "off" if app.talk.numbers else "on")


# the program


def help_(app: ChatApp, _: str = "") -> None:
    """Show keys and commands."""
    app.push_screen(Help())


def quit_(app: ChatApp, _: str = "") -> None:
    """Save and leave."""
    app.run_worker(app.action_quit())


ACTS: dict[str, Callable[[ChatApp, str], None]] = {
    "retry": retry, "edit": edit, "continue": resume, "compare": compare, "surprise": surprise,
    "copy": copy, "new": new, "chats": chats, "search": search, "rename": rename,
    "sidebar": sidebar, "timeline": timeline,
    "temporary": temporary, "incognito": incognito, "items": items,
    "forget": forget, "learn": learn, "study": study,
    "dial": dial, "memory": memory, "branch": branch, "reset": reset, "model": model,
    "system": system, "set": set_, "settings": settings, "theme": theme, "numbers": numbers,
    "help": help_, "quit": quit_,
}  # fmt: skip
