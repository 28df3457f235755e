"""What can be asked of the engine about conversations; each function runs on its thread."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from mlxdyn.engine.events import Chats, Event, Notice, SearchResult
from mlxdyn.engine.messages import abandoned, brought, counted, said_at
from mlxdyn.engine.workspace import Workspace
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_free, expanded, write

SHORT = 60  # characters of a title
BEFORE, AROUND = 300, 1200  # characters before what was found, and with it, that are looked at


# answers


def edit(workspace: Workspace, message: int, text: str) -> None:
    """Say something else in the place of a message, and go on from there."""
    workspace.say(_edited(workspace, message, text))


def _edited(workspace: Workspace, message: int, text: str) -> Iterator[Event]:
    session = workspace.session
    said = session.edit(message, text, workspace.interrupted)
    yield next(said)  # it is saved
    if gone := abandoned(message, session.abandon(message)):
        yield Notice(gone)
    yield from said


def keep(workspace: Workspace, text: str) -> None:
    """Save what was said and nobody waits to be answered: it is shown, and learned, later."""
    next(workspace.session.reply(text, workspace.interrupted))


def retry(workspace: Workspace) -> None:
    """Answer the last message again."""
    workspace.say(workspace.session.retry(workspace.interrupted))


def resume(workspace: Workspace) -> None:
    """Go on with the last reply."""
    workspace.say(workspace.session.resume(workspace.interrupted))


def reword(workspace: Workspace, message: int, text: str) -> None:
    """Let the model have said `text`; answered by Opened."""
    session = workspace.session
    session.reword(message, text)
    gone = abandoned(message, session.abandon(message))
    workspace.opened()
    if gone:
        workspace.emit(Notice(gone))


def turn_to(workspace: Workspace, message: int, step: int) -> None:
    """Open the branch of another version of a message; answered by Opened."""
    workspace.session.turn_to(message, step)
    workspace.opened()


# which conversation


def new(workspace: Workspace) -> None:
    workspace.session.new()
    workspace.opened()


def open_chat(workspace: Workspace, conversation: int) -> None:
    workspace.session.open(conversation)
    workspace.opened()


def temporary(workspace: Workspace, on: bool) -> None:
    """Enter or leave a chat that reads the memory and writes nothing."""
    if workspace.options.incognito:
        raise MlxdynError("this chat is incognito, which saves nothing; leave that first")
    if not on and workspace.options.temporary:
        raise MlxdynError("this mlxdyn was started with --temporary; start it without to save")
    _aside(workspace, on, on)
    reads = "A temporary chat: it reads the memory, and nothing of it is saved or learned."
    workspace.emit(Notice(reads if on else "This chat is saved and learned again."))


def incognito(workspace: Workspace, on: bool) -> None:
    """Enter or leave a chat with the bare base that writes nothing."""
    if workspace.always_incognito and not on:
        raise MlxdynError("this mlxdyn was started with --incognito; start it without to learn")
    workspace.options = replace(workspace.options, incognito=on)
    _aside(workspace, on, on or workspace.options.temporary)
    bare = "Incognito: the bare base answers; nothing is saved, learned or remembered."
    workspace.emit(Notice(bare if on else "No longer incognito."))


def _aside(workspace: Workspace, leaving: bool, unsaved: bool) -> None:
    """Go into an unsaved chat, or back to the one that was left for it."""
    before = workspace.session
    before.drop_work()
    left = before.conversation if leaving and not before.temporary else workspace.left
    workspace.open_session(unsaved)
    workspace.left = left
    known = {chat.id for chat in workspace.session.chats()}
    workspace.session.conversation = left if not unsaved and left in known else 0
    workspace.opened()


# the list of them


def listed(workspace: Workspace) -> None:
    """List the saved conversations; answered by Chats."""
    shown, session = _glimpse(workspace), workspace.session
    lists = [session.chats(), session.chats(hidden=True)]
    here, deleted = (
        tuple(replace(one, title=shown(one.title)[:SHORT]) for one in chats) for chats in lists
    )
    workspace.emit(Chats(here, deleted))


def search(workspace: Workspace, words: str) -> None:
    """Find messages with all these words; answered by Found."""
    from mlxdyn.memory.store import chats

    session = workspace.session
    hits = chats.search(session.ledger, session.owner, words) if words.strip() else []
    shown = _glimpse(workspace)
    found = (
        replace(hit, title=shown(hit.title)[:SHORT], text=shown(_around(hit.text, words)))
        for hit in hits
    )
    workspace.emit(SearchResult(words, tuple(found)))


def _glimpse(workspace: Workspace) -> Callable[[str], str]:
    """Give what masks the secrets in what is listed, which may be many texts."""
    session, personal = workspace.session, workspace.memory.personal
    workspace.glimpses.read(session.ledger, session.owner or 0, personal=personal)
    return partial(workspace.glimpses.shown, personal=personal)


def _around(text: str, words: str) -> str:
    """Cut a long message to where the first of `words` is said."""
    place = max(0, said_at(text, words) - BEFORE)
    return text[place : place + AROUND] if len(text) > AROUND else text


def rename(workspace: Workspace, conversation: int, title: str) -> None:
    """Give a conversation, with 0 the open one, a title; answered by Chats."""
    from mlxdyn.memory.store import chats

    session = workspace.session
    chat = conversation or session.conversation
    if not chat:
        raise MlxdynError("a chat can have a title when something was said in it")
    chats.rename(session.ledger, chat, title.strip()[:SHORT])
    listed(workspace)


def pin(workspace: Workspace, conversation: int) -> None:
    """Keep a conversation at the top of the list, or no more."""
    from mlxdyn.memory.store import chats

    session = workspace.session
    pinned = any(chat.pinned for chat in session.chats() if chat.id == conversation)
    chats.pin(session.ledger, conversation, not pinned)
    listed(workspace)


def hide(workspace: Workspace, conversation: int, on: bool) -> bool:
    """Take a conversation out of the list, or bring it back; what it taught stays.

    False where another one is open, which stays so.
    """
    from mlxdyn.memory.store import chats

    session = workspace.session
    chats.hide(session.ledger, conversation, on)
    listed(workspace)
    here = on and session.conversation == conversation
    if here:
        new(workspace)
    return here


def erase(workspace: Workspace, conversation: int) -> None:
    """Forget all that was said in a conversation; it leaves memory and files for good."""
    from mlxdyn.memory.store import chats

    messages = chats.all_messages(workspace.session.ledger, conversation)
    left = workspace.forget(messages)
    listed(workspace)
    workspace.opened()
    gone = f"The chat and what it taught are forgotten: {counted(len(messages), 'message')}."
    workspace.emit(Notice(" ".join([gone, *left])))


def export(workspace: Workspace, target: str) -> None:
    """Write the open conversation to a new file: JSON if it is named so, else Markdown."""
    session, path = workspace.session, expanded(target)
    messages = session.messages()
    if not messages:
        raise MlxdynError("there is nothing in this chat to export yet")
    check_free(path)
    if not path.parent.is_dir():
        raise MlxdynError(f"there is no directory {path.parent}; name a file in one that is there")
    if path.suffix == ".json":
        turns = [{"role": m.role, "content": m.text} for m in messages]
        text = json.dumps({"messages": turns}, indent=2, ensure_ascii=False)
    else:
        names = {"user": "You", "assistant": session.model.name}
        text = "\n\n".join(f"**{names[m.role]}**\n\n{m.text}" for m in messages)
    write(path, f"{text}\n")
    workspace.emit(Notice(f"Written: {path}"))


def bring(workspace: Workspace, source: str) -> None:
    """Take the conversations of another program in as history; nothing of them is learned."""
    from mlxdyn.exchange import chats as others
    from mlxdyn.memory.store import chats

    workspace.refuse_temporary()
    ledger, memory = workspace.ledger, workspace.memory.row.id
    talks = others.read(expanded(source))
    came = [
        (talk.title, chats.bring(ledger, memory, talk.title, talk.created, talk.turns))
        for talk in talks
    ]
    listed(workspace)
    workspace.emit(Notice(f"{brought(came)}. Nothing of it is learned."))
