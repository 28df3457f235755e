"""The saved chats beside the talk; knows no engine."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from mlxdyn.engine.events import Chat

SHOWN = 200  # the newest; Ctrl+O finds the others


class Sidebar(OptionList):
    """Titles, pinned ones first; Enter opens one, Esc goes back to the prompt."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "app.walk(0)", "Back")]

    @dataclass
    class Wanted(Message):
        """The user wants to read another chat."""

        conversation: int

    def __init__(self) -> None:
        super().__init__(compact=True)
        self.border_title = "Chats"
        self.display = False

    def show(self, chats: tuple[Chat, ...], current: int | None) -> None:
        """List chats, the cursor on the open one."""
        shown = chats[:SHOWN]
        self.clear_options()
        self.add_options([Option(_title(chat, current), id=str(chat.id)) for chat in shown])
        places = [place for place, chat in enumerate(shown) if chat.id == current]
        self.highlighted = places[0] if places else None

    @on(OptionList.OptionSelected)
    def choose(self, chosen: OptionList.OptionSelected) -> None:
        """Hand on the chat under the cursor."""
        chosen.stop()
        self.post_message(self.Wanted(int(chosen.option.id or 0)))


def _title(chat: Chat, current: int | None) -> Content:
    title = " ".join(chat.title.split()) or "untitled"
    pin = "★ " if chat.pinned else ""
    return Content.styled(f"{pin}{title}", "bold" if chat.id == current else "")
