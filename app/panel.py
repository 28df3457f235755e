"""The memory panel: what it knows about you, newest first, and how it came to know it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Label, OptionList

from mlxdyn.engine.events import Fact, Panel, Status
from mlxdyn.engine.messages import counted
from mlxdyn_app.dialogs import Entry, Question
from mlxdyn_app.records import MUTED, Records
from mlxdyn_app.status import adapter_scale, learning

KEYS = "Enter corrects · ^D deletes · ^F forgets its message · Esc"
MORE = "^S study · ^L pause · ^K dial · ^B branch · ^X reset · F6 timeline"
EMPTY = "Nothing yet. Say something about yourself, such as where you live."
BARS, NEWEST = "▁▂▃▄▅▆▇█", 26
Change = Literal["correct", "drop", "forget"]
Act = Literal["study", "pause", "reset", "timeline", "strength", "branch"]


class MemoryPanel(Records):
    """Facts with the message that told each, over the course of gain and drift."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+d", "drop", "Delete the fact", priority=True),
        Binding("ctrl+f", "forget", "Forget the message", priority=True),
        Binding("ctrl+s", "do('study')", "Study now", priority=True),
        Binding("ctrl+l", "do('pause')", "Pause learning, or go on", priority=True),
        Binding("ctrl+x", "do('reset')", "Reset", priority=True),
        Binding("f6", "do('timeline')", "Timeline"),
        Binding("ctrl+k", "strength", "Strength", priority=True),
        Binding("ctrl+b", "branch", "Branch", priority=True),
    ]

    @dataclass
    class Wanted(Message):
        """The user wants a fact otherwise, or gone, or its message forgotten."""

        fact: Fact
        change: Change
        answer: str = ""

    @dataclass
    class Done(Message):
        """The user wants something done with the whole memory."""

        act: Act
        value: str = ""

    def __init__(self, panel: Panel, status: Status | None = None) -> None:
        super().__init__("What it knows about you", KEYS, EMPTY)
        self.status = status
        self._take(panel)

    def head(self) -> ComposeResult:
        """Show who remembers, and two courses."""
        yield Label(id="whose", markup=False)
        yield Label(MORE, id="more", markup=False)
        for name in ("gain", "drift"):
            with Horizontal(classes="course"):
                yield Label(id=f"{name}-words", markup=False)
                yield Label(id=name, markup=False)

    def on_mount(self) -> None:
        """Show all there is."""
        super().on_mount()
        self._draw()

    def show(self, panel: Panel) -> None:
        """Show the memory as it is now."""
        self._take(panel)
        self._draw()

    def show_status(self, status: Status) -> None:
        """Say how it speaks and what it learns now."""
        self.status = status
        self._draw()

    def _take(self, panel: Panel) -> None:
        self._panel = panel
        self._facts = {str(place): fact for place, fact in enumerate(panel.facts)}
        self.fill([(id, _searched(fact), _row(fact)) for id, fact in self._facts.items()])

    def _draw(self) -> None:
        if not self.query("#whose"):  # it is not on screen yet
            return
        panel = self._panel
        known = sum(fact.active for fact in panel.facts)
        waits = f" · {counted(panel.pending, 'message')} still to learn" if panel.pending else ""
        lessons = f"{counted(known, 'fact')} from {counted(panel.lessons, 'message')}{waits}"
        said = [f"memory {panel.memory} of {panel.model}"]
        if self.status is not None:
            said += [learning(self.status), adapter_scale(self.status) or "full strength"]
        self.query_one("#whose", Label).update(f"{lessons}\n{' · '.join(said)}")
        self._course("gain", gain(panel), bars(learned_shares(panel), 1.0))
        self._course("drift", drift(panel), bars(panel.drifts, panel.bound))

    def _course(self, name: str, words: str, drawn: str) -> None:
        self.query_one(f"#{name}-words", Label).update(words)
        self.query_one(f"#{name}", Label).update(drawn)

    @on(Input.Submitted)
    @on(OptionList.OptionSelected)
    def correct(self) -> None:
        """Ask how the fact is in truth."""
        if (fact := self._fact) is not None:
            asked = f"{fact.questions[0]}\nIt is to answer:"
            self.app.push_screen(
                Entry("Correct this fact", asked, fact.answer), lambda new: self._correct(fact, new)
            )

    def _correct(self, fact: Fact, answer: str | None) -> None:
        if answer and answer != fact.answer:
            self.post_message(self.Wanted(fact, "correct", answer))

    def action_drop(self) -> None:
        """Ask, then delete the fact."""
        if (fact := self._fact) is not None:
            question = f"Delete this fact, as if it had never been learned?\n\n{fact.answer}"
            self._ask(question, "Delete it", self.Wanted(fact, "drop"))

    def action_forget(self) -> None:
        """Hand on the wish to forget the message that told the fact."""
        if (fact := self._fact) is not None:
            self.post_message(self.Wanted(fact, "forget"))

    def action_do(self, act: Act, value: str = "") -> None:
        """Hand on what is wanted of the whole memory."""
        self.post_message(self.Done(act, value))

    def action_strength(self) -> None:
        """Ask how strongly the memory is to speak."""
        now = f"{self.status.adapter_scale:.0%}".removesuffix("%") if self.status else "100"
        asked = "In per cent: 0 is the bare base, 100 all that was learned."
        self._enter("strength", "How strongly it speaks", asked, now)

    def action_branch(self) -> None:
        """Ask for a name for a copy."""
        asked = "A copy of this memory, chats and all, under the name:"
        self._enter("branch", "Branch", asked, "")

    def _enter(self, act: Act, title: str, asked: str, now: str) -> None:
        def entered(text: str | None) -> None:
            if text:
                self.action_do(act, text)

        self.app.push_screen(Entry(title, asked, now), entered)

    def _ask(self, question: str, yes: str, wanted: "MemoryPanel.Wanted") -> None:
        def agreed(yes: bool | None) -> None:
            if yes:
                self.post_message(wanted)

        self.app.push_screen(Question(question, yes), agreed)

    @property
    def _fact(self) -> Fact | None:
        return self._facts.get(self.chosen or "")


def learned_shares(panel: Panel) -> tuple[float, ...]:
    """Give how much of what was to be learned each lesson learned, from 0 to 1."""
    return tuple(max(0.0, 1 - after / max(before, 1e-9)) for before, after in panel.gaps)


def bars(points: Sequence[float], top: float) -> str:
    """Draw the newest lessons, a full bar being `top`: the bound, not the greatest there was."""
    places = (round(point / top * (len(BARS) - 1)) for point in points[-NEWEST:])
    return "".join(BARS[max(0, min(place, len(BARS) - 1))] for place in places)


def gain(panel: Panel) -> str:
    """Say how much of the last lesson was learned."""
    shares = learned_shares(panel)
    return f"gain  {shares[-1]:.0%} of the last lesson learned" if shares else "gain  not measured"


def drift(panel: Panel) -> str:
    """Say how far other answers moved, and how far they may."""
    if not panel.drifts:
        return "drift not measured"
    return f"drift {panel.drifts[-1]:.3f}, and never above {panel.bound:g}"


def _searched(fact: Fact) -> str:
    return " ".join((fact.answer, fact.said, *fact.questions))


def _row(fact: Fact) -> Content:
    """A fact in two lines: what is known, and what told it."""
    ways = len(fact.questions) - 1
    asked = f"{fact.questions[0]}{f' and {ways} more' if ways else ''}"
    yours = " · yours" if fact.yours else ""
    later = "" if fact.active else " · corrected later"
    said = " ".join(fact.said.split())
    return Content.assemble(
        (fact.answer, "bold" if fact.active else "strike"),
        (f"\n  {asked}{yours}{later} · message {fact.message}: {said}", MUTED),
    )
