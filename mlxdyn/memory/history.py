"""Changes of a memory's past, and its proof: undo, redo, forget, edit, merge, verify, rebuild.

Each change is: change the ledger, replay from the nearest snapshot before.
"""

import math
from collections.abc import Sequence
from dataclasses import astuple, replace

from mlxdyn.errors import MlxdynError
from mlxdyn.learn.example import Draft
from mlxdyn.learn.learner import apart, same
from mlxdyn.memory.directory import remove_stray, tidy
from mlxdyn.memory.examine import as_told
from mlxdyn.memory.memory import LessonProgress, Memory
from mlxdyn.memory.privacy import secret_in
from mlxdyn.memory.store import copies
from mlxdyn.memory.store.records import EventRow, ExampleRow, Message, Outcome
from mlxdyn.model import device
from mlxdyn.withheld.redact import PERSONAL

TOLERANCE = 1e-6  # to which lessons go as the ledger tells where they were carried out as here
ROUNDING = 0.05
"""To which they do where the snapshots tell of another arithmetic: each step multiplies the last
digits that differ. Of what 14 lessons moved in wren, other kernels of OpenBLAS moved 1% elsewhere.
"""
NEARLY = "as another version or machine makes it"
"""In a problem that `verify` names, where a replay differs by rounding; others are damage."""


def take_back(memory: Memory) -> Message | EventRow | None:
    """Undo what a person saw last: let the newest message that waits be, else undo a lesson.

    Rejected lessons are passed over: nobody saw them change anything.
    """
    ledger, id = memory.ledger, memory.row.id
    if waiting := ledger.messages.pending(id):
        ledger.past.let_be(id, waiting[-1])
        return ledger.messages.upto(waiting[-1])[-1]
    before = event = ledger.past.undoable(id)
    with ledger.transaction():
        while event:
            ledger.past.set_undone(id, event, True)
            if event.accepted:
                break
            event = ledger.past.undoable(id)
    if before:
        memory.restore()
    return event


def bring_back(memory: Memory, progress: LessonProgress | None = None) -> Message | EventRow | None:
    """Redo what a person saw undone last: a lesson, or a message that then waits again.

    Rejected lessons come back unseen, as they went.
    """
    past, id = memory.ledger.past, memory.row.id
    changed = False
    back: Message | EventRow | None = None
    with memory.ledger.transaction():
        while back is None and (event := past.redoable(id)):
            back = past.wait_again(event)
            if back is None:
                past.set_undone(id, event, False)
                changed, back = True, event if event.accepted else None
    if changed:
        memory.restore(progress)
    return back


def go_to(memory: Memory, position: int, progress: LessonProgress | None = None) -> None:
    """Become, bitwise, the memory as it was after the lesson at a position; 0 is the start.

    What came after it is undone, and comes back in the same way until something new is learned.
    Messages that wait are let be.
    """
    ledger, id = memory.ledger, memory.row.id
    with ledger.transaction():
        for message in reversed(ledger.messages.pending(id)):  # the oldest comes back first
            ledger.past.let_be(id, message)
        ledger.past.stand_at(id, position)
    memory.restore(progress)


def undo(memory: Memory) -> EventRow | None:
    """Take back the last lesson, bitwise; return it. One that was rejected changes nothing."""
    event = memory.ledger.past.undoable(memory.row.id)
    if event:
        memory.ledger.past.set_undone(memory.row.id, event, True)
        memory.restore()
    return event


def redo(memory: Memory, progress: LessonProgress | None = None) -> EventRow | None:
    """Bring back the last lesson that was undone, if nothing was learned since; return it."""
    event = memory.ledger.past.redoable(memory.row.id)
    if event:
        memory.ledger.past.set_undone(memory.row.id, event, False)
        memory.restore(progress)
    return event


def forget(memory: Memory, messages: Sequence[int], progress: LessonProgress | None = None) -> int:
    """Become, bitwise, the memory that never learned `messages`; return how many lessons went.

    Replies to them are forgotten too, and the text leaves the files.
    """
    ledger, id = memory.ledger, memory.row.id
    replies = [reply for message in messages for reply in ledger.messages.replies_to(message)]
    wanted = sorted({*messages, *replies})
    lessons = ledger.past.count_lessons(id, wanted)
    changed = ledger.past.forget(id, wanted)
    memory.lessons.stops.clear()
    memory.readings.clear()
    remove_stray(memory.directory, memory.row, ledger)  # a full disk gets room
    if changed is not None:
        memory.restore(progress)
    tidy(ledger)
    ledger.erase()
    return lessons


def change_example(
    memory: Memory,
    row: ExampleRow,
    new: tuple[str, str] | None,
    progress: LessonProgress | None = None,
) -> None:
    """Edit what is learned, question and answer, or delete it with None, as if always so.

    Raises MlxdynError where it would tell a secret.
    """
    change_examples(memory, [row], [new], progress)


def change_examples(
    memory: Memory,
    rows: Sequence[ExampleRow],
    new: Sequence[tuple[str, str] | None],
    progress: LessonProgress | None = None,
) -> None:
    """Edit or delete several at once, as all wordings of one fact.

    Raises MlxdynError where one would tell a secret; then all are as they were.
    """
    for told in filter(None, new):
        if kind := _secret_in(memory, *told):
            more = "" if kind not in PERSONAL else ", or set `mlxdyn config personal true`"
            raise MlxdynError(
                f"an item cannot hold what is never learned ({kind}): leave it out{more}"
            )
    past = memory.ledger.past
    memory.lessons.stops.clear()
    with memory.ledger.transaction():
        changed = [
            past.change_example(
                memory.row.id, row, told and Draft(*told, as_told(memory.model, *told))
            )
            for row, told in zip(rows, new, strict=True)
        ]
    if any(position is not None for position in changed):
        memory.restore(progress)
    tidy(memory.ledger)
    memory.ledger.erase()


def merge(memory: Memory, source: str, progress: LessonProgress | None = None) -> int:
    """Learn what memory `source` learned and this one did not, in order of time, by replay.

    Raises MlxdynError where an item was edited there to tell a secret, as earlier versions let it.
    """
    ledger = memory.ledger
    theirs = ledger.memories.existing(source)
    for row in ledger.examples.all(theirs.id):
        if row.source == "user" and (kind := _secret_in(memory, row.question, row.answer)):
            raise MlxdynError(
                f"item {row.id} of memory {source!r} holds what is never learned ({kind}): "
                f"mlxdyn memory edit {row.id} --delete --memory {source}"
            )
    lessons = copies.merge(ledger, theirs, memory.row)
    if lessons:
        memory.restore(progress)
    return lessons


def _secret_in(memory: Memory, question: str, answer: str) -> str | None:
    ledger, personal = memory.ledger, memory.personal
    return secret_in(ledger, memory.row.id, question, answer, personal=personal)


def rebuild(memory: Memory, progress: LessonProgress | None = None) -> None:
    """Make weights and outcomes anew from the lessons in the ledger, and save them."""
    memory.ledger.past.outdate(memory.row.id, 0)
    memory.restore(progress)
    memory.snapshot()


def verify(
    memory: Memory, progress: LessonProgress | None = None, *, replay: bool = True
) -> list[str]:
    """Replay the whole ledger and compare; return what is wrong, nothing when all is well.

    Without `replay`, only the checksums and the ledger's integrity are looked at.
    """
    sound = memory.ledger.database.integrity()
    if sound != "ok":
        return [f"the ledger is damaged: {sound}"]
    damaged = memory.snapshots.damaged()
    problems = [f"snapshot {file} is missing or damaged" for file in damaged]
    return [*problems, *_compare_replay(memory, progress)] if replay else problems


def _compare_replay(memory: Memory, progress: LessonProgress | None) -> list[str]:
    learner = memory.learner
    current, learner.state = learner.state, memory.start
    here = set(memory.snapshots.made_with()) <= {device.arithmetic()}
    bound = TOLERANCE if here else ROUNDING
    problems = []
    try:
        for event, outcome in memory.replay(0, progress):
            told = memory.ledger.events.outcome(event.id)
            if not _alike(outcome, told):
                how = "does not go as the ledger tells"
                problems.append(_differs(f"lesson {event.id}", how, _near(outcome, told, bound)))
        if not same(learner.state, current):
            share = apart(current, learner.state, memory.start)
            how = f"differ from a replay of the ledger by {share:.1g} of what they learned"
            problems.append(_differs("the saved weights", how, not here and share <= bound))
    finally:
        learner.state = current
    return problems


def _differs(what: str, how: str, near: bool) -> str:
    return f"{what} {how}, {NEARLY}" if near else f"{what} {how}"


def _alike(one: Outcome, other: Outcome) -> bool:
    """Compare what was measured, to the last bit."""
    return replace(one, reason="") == replace(other, reason="")


def _near(one: Outcome, other: Outcome, bound: float) -> bool:
    """Tell whether two outcomes are the same but for the last digits of what was measured."""
    unreasoned = (
        replace(o, reason="", updates=tuple(replace(u, reason="") for u in o.updates))
        for o in (one, other)
    )
    mine, told = map(astuple, unreasoned)
    return _close(mine, told, bound)


def _close(one: object, other: object, bound: float) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        pairs = zip(one, other, strict=False)
        return len(one) == len(other) and all(_close(*pair, bound) for pair in pairs)
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=bound, abs_tol=bound)
    return one == other
