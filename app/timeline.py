"""The life of a memory in a list; a moment can be looked at, and gone back to."""

from dataclasses import dataclass

from textual import on
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList

from mlxdyn.engine.events import Moment, Timeline
from mlxdyn.engine.messages import local, moment
from mlxdyn_app.records import MUTED, Records

KEYS = "Enter shows what it knew then, and goes there · Esc"


class TimelinePage(Records):
    """Moments, the newest first; the one the memory is at has the cursor."""

    @dataclass
    class Wanted(Message):
        """The user wants to see what was known at a moment."""

        moment: Moment

    def __init__(self, timeline: Timeline) -> None:
        super().__init__("The memory's life", KEYS, "")
        self.show(timeline)

    def on_mount(self) -> None:
        """Begin where the memory is."""
        super().on_mount()
        places = [place for place, one in enumerate(self._moments.values()) if one.now]
        self.query_one(OptionList).highlighted = places[0] if places else 0

    def show(self, timeline: Timeline) -> None:
        """List these."""
        self._moments = {str(one.position): one for one in timeline.moments}
        self.fill([(id, moment(one), _row(one)) for id, one in self._moments.items()])

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def look(self) -> None:
        """Hand on the moment under the cursor."""
        if self.chosen is not None:
            self.post_message(self.Wanted(self._moments[self.chosen]))


def _row(one: Moment) -> Content:
    marks = "● " if one.now else "│ " if one.standing else "┊ "
    how = "now     " if one.now else "        " if one.standing else "undone  "
    style = "bold" if one.now else "" if one.standing else MUTED
    return Content.assemble((f"{marks}{local(one.time)}  {how}", MUTED), (moment(one), style))
