"""The lesson under way, in micro-steps: of one message, or a study of everything."""

import time
from collections import Counter
from collections.abc import Generator
from dataclasses import replace
from typing import cast

from mlxdyn.chat import outcome
from mlxdyn.chat.events import Learned, Stage, Studied
from mlxdyn.chat.pace import Pace
from mlxdyn.chat.turns import words_of
from mlxdyn.config import ChatConfig
from mlxdyn.memory.echoes import wants_all
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.records import EventRow, Filter, Lesson, Spent

Steps = Generator[None, None, Learned | Studied]
STAGES = ("preparing", "reading", "learning")


class UnderWay:
    """At most one lesson of a memory; between its steps the memory is as it was before."""

    def __init__(self, memory: Memory, pace: Pace) -> None:
        self._memory, self._pace = memory, pace
        self._work: Steps | None = None
        self._at = Stage(None, "", None)
        self._first: tuple[int, float] | None = None  # the step seen first, and seconds until then
        self._flops: Counter[Spent] | None = None  # of the lesson; None where not all were counted
        self._counts: int | None = None  # the message that they are of; 0 for a study
        self._counted = 0  # of those that the network ever took

    @property
    def message(self) -> int | None:
        """The message that is being learned."""
        return self._at.message if self._work is not None else None

    @property
    def studying(self) -> bool:
        """Is everything being studied?"""
        return self._work is not None and self._at.message is None

    def stage(self) -> Stage | None:
        """Say where it is, and how long it may still take; None when there is none."""
        if self._work is None:
            return None
        doing = self._at.doing
        rest = STAGES[STAGES.index(doing) :] if doing in STAGES else (doing,)
        whole = self._pace.seconds(*rest)
        late = whole is not None and self._at.spent > whole  # then nobody knows
        left = None if whole is None or late else whole - self._at.spent
        now = replace(self._at, seconds=self._by_steps(left))
        if doing == "reading":
            return replace(now, doing=self._memory.reading or doing)
        return replace(now, steps=self._steps)

    def _by_steps(self, left: float | None) -> float | None:
        """Tell the seconds that are left by the steps taken, which say more than other lessons."""
        steps = self._steps
        if steps is None or self._first is None or steps[0] <= self._first[0]:
            return left
        step = (self._at.spent - self._first[1]) / (steps[0] - self._first[0])
        return step * (steps[1] - steps[0])

    @property
    def _steps(self) -> tuple[int, int] | None:
        trainer = self._memory.lessons.trainer
        return None if trainer is None else trainer.taken

    def begin(self, message: int, config: ChatConfig) -> None:
        """Begin to learn a message; what was under way is given up."""
        self.drop()
        self._stand(message, "reading")
        examined = self._memory.ledger.messages.examined(message)
        self._begin(self._learn(message, config), message, new=not examined)

    def study(self) -> bool:
        """Begin to make the adapter anew from all facts, unless something is under way."""
        if self._work is not None or not self._memory.known_facts():
            return False
        self._stand(None, "studying")
        self._begin(self._study(), 0, new=True)
        return True

    def _begin(self, work: Steps, message: int, *, new: bool) -> None:
        """Begin to count what it takes; where it was broken off in this process, go on counting."""
        self._work = work
        if message != self._counts:
            self._flops = Counter() if new and not self._memory.lessons.stops else None
            self._counts = message

    def step(self) -> bool | Learned | Studied:
        """Take a step: False where there is none, what came of it after the last, else True."""
        if self._work is None:
            return False
        begun = time.perf_counter()
        self._counted = self._ever
        try:
            next(self._work)
            self._count()
        except StopIteration as done:
            self._work = None
            return cast(Learned | Studied, done.value)
        except BaseException:
            self._work = None
            raise
        spent = self._at.spent + time.perf_counter() - begun
        self._at = replace(self._at, spent=spent)
        if (steps := self._steps) and (self._first is None or steps[0] < self._first[0]):
            self._first = steps[0], spent  # of another round too
        return True

    def drop(self) -> None:
        """Give it up; a message is begun again from its last whole stage."""
        if self._work is not None:
            self._work.close()
        self._work = None

    @property
    def _ever(self) -> int:
        parts = self._memory.learner.parts
        return parts.flops if parts else 0

    def _count(self) -> None:
        """Put down what was computed to what was done, before the lesson, which counts itself."""
        doing, taken = self._at.doing, self._ever - self._counted
        if self._flops is None or doing not in ("preparing", "reading"):
            return
        reading = cast(Spent, self._memory.reading or doing) if doing == "reading" else "preparing"
        self._flops[reading] += taken
        self._counted = self._ever

    def _stand(self, message: int | None, doing: str) -> None:
        self._at, self._first = Stage(message, doing, None), None
        if (trainer := self._memory.lessons.trainer) is not None:
            trainer.taken = None

    def _learn(self, message: int, config: ChatConfig) -> Steps:
        """Find what a message teaches, learn its words, train on its examples."""
        memory, ledger = self._memory, self._memory.ledger
        turn = ledger.messages.upto(message)[-1]
        steps = self._pace.steps(memory.study_config.steps, config.budget_seconds)
        yield from memory.look()
        if steps:
            self._stand(message, "preparing")
            yield from memory.prepare()
            if self._at.spent:  # there was something to prepare
                self._pace.note("preparing", self._at.spent)
            self._count()
            self._stand(message, "reading")
        if steps and turn.role == "user" and not ledger.messages.examined(message):
            yield from memory.examine(message)
            self._pace.note("reading", self._at.spent)
        self._count()
        self._stand(message, "learning")
        words = words_of(memory, message, config)
        event = yield from self._carry_out(Lesson("message", message, words, steps))
        if steps == memory.study_config.steps:
            self._pace.note("learning", self._at.spent)
        updates = ledger.events.updates_of(memory.row.id, message)
        hidden = memory.masked([message])[message]
        told = outcome.of_message(memory, event.lesson.message or 0, updates, hidden)
        hurried = steps < memory.study_config.steps and (told.studied or not steps)
        told = replace(told, hurried=hurried)
        if told.facts or told.corrections or memory.base is None:
            return told
        return replace(told, everything=wants_all(memory.base.wording.likeness, hidden.text))

    def _study(self) -> Steps:
        memory = self._memory
        before = memory.known_facts()
        event = yield from self._carry_out(Lesson("study", None))
        self._pace.note("studying", self._at.spent)
        update = memory.ledger.events.log(memory.row.id, Filter(newest=1))[0]
        return Studied(
            items=len(before), accepted=event.accepted, reason=update.reason,
            nll_before=update.nll_before, nll_after=update.nll_after,
        )  # fmt: skip

    def _carry_out(self, lesson: Lesson) -> Generator[None, None, EventRow]:
        work = self._memory.begin(lesson, self._flops)
        while (event := work.step()) is None:
            yield
        self._counts = None
        return event
