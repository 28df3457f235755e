"""What can be asked of the engine about the memory; each function runs on its thread."""

from collections.abc import Sequence
from dataclasses import replace

from mlxdyn.config import Learn
from mlxdyn.engine.events import Log, Notice, Timeline, Working
from mlxdyn.engine.workspace import Workspace
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name

SHORT = 60  # characters of a message in a notice


# what was learned


def undo(workspace: Workspace) -> None:
    """Unlearn what was learned last."""
    workspace.refuse_temporary()
    text = workspace.session.undo()
    workspace.changed("Nothing to undo." if text is None else f"Undone: {_short(text)}")


def redo(workspace: Workspace) -> None:
    """Learn again what was undone."""
    workspace.refuse_temporary()
    text = workspace.session.redo(workspace.working("learning again"))
    workspace.changed("Nothing to redo." if text is None else f"Learned again: {_short(text)}")


def going(workspace: Workspace, *messages: int) -> None:
    """Say what would go with messages; answered by Going."""
    from mlxdyn.chat import outcome

    workspace.refuse_temporary()
    found = outcome.going(workspace.memory, messages)
    if not found.messages:
        named = ", ".join(map(str, messages))
        raise MlxdynError(
            f"there is no message {named} in this memory; `mlxdyn memory log`, or /log in the full "
            "screen, shows the IDs"
        )
    workspace.emit(found)


def forget(workspace: Workspace, *messages: int) -> None:
    """Forget messages for good, with the replies to them."""
    left = workspace.forget(messages)
    workspace.opened()
    workspace.emit(Notice(" ".join(["Forgotten for good, with any reply to it.", *left])))


def panel(workspace: Workspace) -> None:
    """Show what the memory knows; answered by Panel."""
    from mlxdyn.chat import outcome

    workspace.emit(outcome.panel(workspace.memory))


def correct(workspace: Workspace, wordings: Sequence[int], answer: str) -> None:
    """Let a fact, in all its wordings, be answered so; answered by Panel."""
    if not answer.strip():
        raise MlxdynError("a fact needs an answer; or delete it")
    workspace.refuse_temporary()
    session = workspace.session
    session.change_items(wordings, answer.strip(), workspace.working("learning anew"))
    panel(workspace)
    workspace.changed("Corrected: memory and chat go on as if it had been told so all along.")


def drop(workspace: Workspace, wordings: Sequence[int]) -> None:
    """Let a fact never have been learned, in none of its wordings; answered by Panel."""
    workspace.refuse_temporary()
    workspace.session.change_items(wordings, None, workspace.working("learning anew"))
    panel(workspace)
    workspace.changed(
        "The fact is gone, as if never learned. Its message is still in its chat; /forget takes"
        " that too."
    )


def log(workspace: Workspace) -> None:
    """List every update; answered by Log."""
    from mlxdyn.chat import outcome

    workspace.emit(Log(outcome.logged(workspace.memory)))


def surprise(workspace: Workspace, message: int) -> None:
    """Read a message token by token; answered by Surprise."""
    from mlxdyn.chat.conversation import surprise_at

    workspace.emit(surprise_at(workspace.session, message))


def compare(workspace: Workspace, text: str) -> None:
    """Answer `text` with and without memory, saving nothing; answered by Compared."""
    if workspace.options.incognito:
        raise MlxdynError("an incognito chat has no memory to compare with; leave it first")
    workspace.emit(workspace.session.compare(text, workspace.interrupted))


def show(workspace: Workspace, text: str) -> None:
    """Compare, unasked: given up as soon as anything is asked for; then nothing comes of it."""
    found = workspace.session.compare(text, lambda: workspace.interrupted() or workspace.wanted())
    cut = workspace.interrupted() or workspace.wanted()
    workspace.emit(Working("", 1, 1) if cut else found)


def timeline(workspace: Workspace) -> None:
    """List the moments of the memory's life; answered by Timeline."""
    from mlxdyn.chat import outcome

    workspace.emit(Timeline(outcome.timeline(workspace.memory)))


def look(workspace: Workspace, position: int) -> None:
    """Say what was known at a moment; answered by Knew."""
    from mlxdyn.chat import outcome

    moments = outcome.timeline(workspace.memory)
    moment = next((one for one in moments if one.position == position), None)
    if moment is None:
        raise MlxdynError(f"there is no moment {position} in this memory; /timeline lists them")
    workspace.emit(outcome.knew(workspace.memory, moment))


def go_to(workspace: Workspace, position: int) -> None:
    """Let the memory be as it was at a moment."""
    from mlxdyn.memory import history

    workspace.refuse_temporary()
    workspace.session.drop_work()
    history.go_to(workspace.memory, position, workspace.working("going there"))
    workspace.changed("The memory is as it was then; /timeline leads back until it learns again.")
    timeline(workspace)


# how it learns


def learn(workspace: Workspace, what: Learn) -> None:
    """Choose whose words are learned; with "off" no weight changes."""
    session = workspace.session
    if session.temporary and what != "off":
        raise MlxdynError("a temporary chat learns nothing; leave it with /temporary first")
    session.learn = what
    options = workspace.options
    workspace.options = replace(options, chat=replace(options.chat, learn=what))
    said = {"user": "your words", "all": "your words and the replies", "off": "nothing"}
    waiting = session.waiting() if what == "off" else 0
    rest = f" {waiting} that waited go on waiting." if waiting else ""
    workspace.emit(Notice(f"From now on {said[what]} will be learned.{rest}"))
    workspace.emit(session.status())


def study(workspace: Workspace) -> None:
    """Make the adapter anew from all study items; answered by Studied."""
    workspace.refuse_temporary()
    if workspace.session.learn == "off":
        raise MlxdynError("learning is off; switch it on first: /learn user")
    workspace.asked = True
    if not workspace.session.waiting():
        workspace.begin_study()


# whole memories


def switch(workspace: Workspace, name: str) -> None:
    """Go on with another memory of the same base, founding it if it is new."""
    if name == workspace.memory.row.name:
        raise MlxdynError(f"memory {name!r} is the one in use")
    if workspace.session.temporary:
        raise MlxdynError("a temporary chat keeps its memory; leave it first")
    new = workspace.ledger.memories.find(check_name(name)) is None
    workspace.change(replace(workspace.options, memory=name))
    own = workspace.memory.row.name
    workspace.emit(Notice(f"{'New memory' if new else 'Memory'} {own!r} from now on."))


def names(workspace: Workspace) -> None:
    """Name all memories; answered by Memories."""
    workspace.tell_memories()


def branch(workspace: Workspace, name: str) -> None:
    """Copy the memory, chats and all, as memory `name`, and go on with this one."""
    workspace.refuse_temporary()
    from mlxdyn.memory import lifecycle

    old = workspace.memory.row.name
    workspace.reopen(lambda: lifecycle.branch(old, name, workspace.ledger).name)
    workspace.tell_memories()
    workspace.changed(f"Memory {name!r} is a copy of {old!r}.")


def reset(workspace: Workspace) -> None:
    """Set the memory aside and begin an empty one."""
    workspace.refuse_temporary()
    from mlxdyn.memory.lifecycle import archive

    name = workspace.memory.row.name
    aside = workspace.reopen(lambda: archive(name, workspace.ledger))
    workspace.opened()
    workspace.emit(Notice(f"The memory is empty. What it held is kept as memory {aside!r}."))


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= SHORT else f"{words[: SHORT - 1]}…"
