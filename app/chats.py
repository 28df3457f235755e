"""The saved chats: found by what was said in them, opened, renamed, pinned, deleted."""

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList

from mlxdyn.engine.events import Chat, Chats, Hit, SearchResult
from mlxdyn.engine.messages import counted, local, said_at
from mlxdyn_app.dialogs import Entry, Question
from mlxdyn_app.records import MUTED, Records

KEYS = "Enter · ^R name · ^T pin · ^D delete · ^Z back · ^E forget · Esc"
AROUND, ROOM, TITLE = 20, 56, 16  # characters before what was found, of it, of its chat's title
ERASE = "Forget everything that was said in {}, and all that it taught, for good?\n\n{}"
ONLY = "To delete the chat only and keep what it taught: Ctrl+D."
DELETED = "It is deleted already; what it taught is kept until this."
BACK = "Ctrl+Z brings it back, Ctrl+E forgets what it taught too."
GONE = "deleted"
Change = Literal["open", "rename", "pin", "hide", "show", "erase"]


class ChatList(Records):
    """Chats, pinned ones first and deleted ones last; typing looks into every message."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+o", "dismiss", "Close"),
        Binding("ctrl+r", "rename", "Rename", priority=True),
        Binding("ctrl+t", "change('pin')", "Pin", priority=True),
        Binding("ctrl+d", "hide", "Delete", priority=True),
        Binding("ctrl+z", "show", "Bring back", priority=True),
        Binding("ctrl+e", "erase", "Forget all of it", priority=True),
    ]

    @dataclass
    class Wanted(Message):
        """The user wants something of a chat."""

        conversation: int
        change: Change
        value: str = ""

    @dataclass
    class Searched(Message):
        """The user looks for words."""

        words: str

    def __init__(self, chats: Chats, current: int | None, words: str = "") -> None:
        super().__init__("Saved chats", KEYS, "No chat is saved yet.")
        self._current, self._words = current, words
        self._hidden: list[Chat] = []  # in this page, the last one last
        # the chat that was deleted just now, and the row then chosen
        self._just_hidden: tuple[Chat | None, str | None] = None, None
        self._hits: tuple[Hit, ...] = ()
        self.show_chats(chats)

    def on_mount(self) -> None:
        """Begin with the words that are looked for, or on the chat that is open."""
        super().on_mount()
        self.query_one(Input).value = self._words
        ids = [id for id, _, _ in self._rows]
        if str(self._current) in ids:
            self.query_one(OptionList).highlighted = ids.index(str(self._current))

    def show_chats(self, chats: Chats) -> None:
        """List these."""
        self._chats = {chat.id: chat for chat in chats.chats}
        self._deleted = {chat.id: chat for chat in chats.deleted}
        self._list()

    def found(self, found: SearchResult) -> None:
        """Show where the words were said, if they are still those that are looked for."""
        if self.is_mounted and found.words == self.query_one(Input).value:
            self._hits = found.hits
            self._list()

    def _list(self) -> None:
        here = [(str(chat.id), chat.title, _line(chat)) for chat in self._chats.values()]
        deleted = [
            (f"{chat.id} {GONE}", f"{chat.title} {GONE}", _line(chat, GONE))
            for chat in self._deleted.values()
        ]
        self.fill([*here, *self._found, *deleted])

    @property
    def _found(self) -> list[tuple[str, str, Content]]:
        words = self.query_one(Input).value if self._hits else ""
        return [
            (f"{hit.conversation} {place}", f"{hit.text} {hit.title} {words}", _hit(hit, words))
            for place, hit in enumerate(self._hits)
            if hit.conversation in self._chats
        ]

    @on(Input.Changed)
    def look(self, changed: Input.Changed) -> None:
        """Look into every message; what is here already is filtered at once."""
        self._hits = ()
        if changed.value.strip():
            self.post_message(self.Searched(changed.value))

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def open(self) -> None:
        """Open the chat under the cursor."""
        if self.action_change("open"):
            self.dismiss()

    @property
    def conversation(self) -> int | None:
        """The id of the chat under the cursor."""
        return int(self.chosen.split()[0]) if self.chosen else None

    def _chat(self) -> Chat | None:
        """Give the chat under the cursor; of a deleted one, say that it is."""
        if (chosen := self._deleted_chosen) is not None:
            self.notify(f"{_named(chosen)} is deleted. {BACK}", markup=False)
            return None
        return self._chats.get(self.conversation or 0)

    @property
    def _deleted_chosen(self) -> Chat | None:
        return self._deleted.get(self.conversation or 0)

    def action_change(self, change: Change) -> bool:
        """Hand on what is wanted of the chat under the cursor."""
        return self._want(self._chat(), change)

    def _want(self, chat: Chat | None, change: Change, value: str = "") -> bool:
        if chat is not None:
            self.post_message(self.Wanted(chat.id, change, value))
        return chat is not None

    def action_hide(self) -> None:
        """Delete the chat under the cursor, off the list at once; it can come back."""
        if (chat := self._chat()) is not None and self._want(chat, "hide"):
            self._hidden.append(chat)
            rest = tuple(one for one in self._chats.values() if one is not chat)
            self.show_chats(Chats(rest, (chat, *self._deleted.values())))
            rows = self.query_one(OptionList)
            while self._deleted_chosen and rows.highlighted:  # to one that can be deleted next
                rows.highlighted -= 1
            self._just_hidden = chat, self.chosen
            self.notify(f"Deleted. {BACK}")

    def action_show(self) -> None:
        """Bring back the deleted chat under the cursor, or else the one that was deleted last."""
        chat = self._deleted_chosen or (self._hidden[-1] if self._hidden else None)
        self._just_hidden = None, None
        self._hidden = [one for one in self._hidden if chat is None or one.id != chat.id]
        self._want(chat, "show")

    def action_rename(self) -> None:
        """Ask for a title."""
        if (chat := self._chat()) is not None:
            self.app.push_screen(Entry("Rename", "Title", chat.title), partial(self._rename, chat))

    def _rename(self, chat: Chat, title: str | None) -> None:
        if title is not None:
            self._want(chat, "rename", title)

    def action_erase(self) -> None:
        """Ask, then let all of a chat be forgotten: of the one just deleted until one moves on."""
        just, then = self._just_hidden
        deleted = just if just and then == self.chosen else self._deleted_chosen
        if (chat := deleted or self._chat()) is not None:
            question = ERASE.format(_named(chat), DELETED if deleted else ONLY)
            self.app.push_screen(Question(question, "Forget it all"), partial(self._erase, chat))

    def _erase(self, chat: Chat, yes: bool | None) -> None:
        self._just_hidden = None, None
        if yes:
            self._hidden = [one for one in self._hidden if one.id != chat.id]
            self._want(chat, "erase")


def _named(chat: Chat) -> str:
    """A chat in a question: others may have its title."""
    when = f"{local(chat.created)}, {counted(chat.messages, 'message')}"
    return f"“{_title(chat)}” ({when})"


def _title(chat: Chat) -> str:
    return " ".join(chat.title.split()) or "untitled"


def _line(chat: Chat, gone: str = "") -> Content:
    """A saved chat in one line, its time in the user's own zone; in pale colours if it is gone."""
    pin, title = "★ " if chat.pinned else "", (MUTED if gone else "")
    count = f" ({chat.messages}{f', {gone}' * bool(gone)})"
    return Content.assemble(
        (f"{local(chat.created)}  ", MUTED), (f"{pin}{_title(chat)}", title), (count, MUTED)
    )


def _hit(hit: Hit, words: str) -> Content:
    """A message in one line, from a little before the words that were looked for."""
    text = " ".join(hit.text.split())
    place = max(0, said_at(text, words) - AROUND)
    who = "you" if hit.role == "user" else "it"
    begun = f"…{text[place:]}" if place else text
    title = hit.title if len(hit.title) < TITLE else f"{hit.title[:TITLE]}…"
    return Content.assemble((f"  {who}: ", MUTED), begun[:ROOM], (f"  in {title}", MUTED))
