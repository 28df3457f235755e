"""A named memory: adapter, optimizer state and the ledger that produced them."""

from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property

from filelock import FileLock, Timeout

from mlxdyn.arrays import sound_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.files import check_name, keep_room, memory_directory
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.example import Kind
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.memory import stops
from mlxdyn.memory.directory import ORIGIN, UNFINISHED, clear, remove_stray, take_back, tidy
from mlxdyn.memory.examine import Readings, examine, prepare
from mlxdyn.memory.lessons import LessonRunner, Steps, vocabulary
from mlxdyn.memory.privacy import Masked, look, masked
from mlxdyn.memory.snapshots import Snapshots
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import EventRow, ExampleRow, Lesson, MemoryRow, Outcome, Spent
from mlxdyn.model import device
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, lowest

ADAPTER, STUDY = AdapterConfig(layers="upper"), StudyConfig()

LessonProgress = Callable[[int, int], None]  # is told how many of how many lessons are done


class Memory:
    """What a base has learned; every change is in the ledger before it is acknowledged.

    Weights are a cache: the newest sound snapshot, then every lesson after it carried out again.
    Lessons are carried out by the same code when they are new and when they are replayed, so that
    whatever changes the past (undo, redo, forget, an edited item, a merge) is: change the ledger,
    replay from the nearest snapshot before.
    """

    def __init__(
        self,
        name: str,
        model: Model,
        ledger: Ledger,
        *,
        learner: LearnerConfig,
        adapter: AdapterConfig = ADAPTER,
        study: StudyConfig = STUDY,
        writable: bool = True,
        personal: bool = False,
        progress: LessonProgress | None = None,
    ) -> None:
        """Open memory `name`, or found it with these configurations, and restore its weights.

        With `personal`, phone, passport, account and tax numbers are learned; opening may have to
        read messages anew.

        Raises MlxdynError when another process holds it, it belongs to another base or changes it,
        or its name differs from another one's in capitals alone.
        """
        if writable and ledger.memories.find(check_name(name)) is None:
            ledger.memories.check_new(name)  # before any file of one alike is touched
        self.directory = memory_directory(check_name(name), make=writable)
        self._lock = FileLock(self.directory / "lock")
        if writable:
            self._acquire(name)
        self.ledger, self.model, self._writable = ledger, model, writable
        recipe = (str(model.path), model.fingerprint, asdict(adapter), asdict(learner))
        self.row = ledger.memories.find(name) or MemoryRow(
            0, name, "", *recipe, asdict(study), None
        )
        self.version = 0  # grows whenever the weights change for good
        self.personal = personal
        self.readings = Readings()
        self.whole = False  # the weights are those that the ledger tells of
        try:
            self._check_fit()
            if writable:
                self._settle(study)
            self._assemble()
            left = stops.read(self.directory) if writable else {}
            self.restore(progress)
            self.lessons.stops.update(left)
        except BaseException:
            self.close()
            raise

    def _settle(self, study: StudyConfig) -> None:
        """Bring files and ledger together, as they were left, and found the memory if it is new."""
        tidy(self.ledger)
        if self.row.id:
            take_back(self.row, self.ledger)
        else:
            self.ledger.memories.check_new(self.row.name)
            clear(self.row.name)
        self._create(study)
        (self.directory / UNFINISHED).unlink(missing_ok=True)

    def _assemble(self) -> None:
        """Put the adapter on the base as the memory began, with what learns it and keeps it."""
        adapter, model = AdapterConfig(**self.row.adapter), self.model
        attach(model, adapter)
        self._load_origin()
        parts = Parts.of(model.network, lowest(model, adapter), known=model.cuts)
        learner = LearnerConfig(**self.row.learner)
        self.learner = Learner(model.network, learner, model.new_cache, parts)
        how = (self.learner, self.study_config, vocabulary(model))
        self.lessons = LessonRunner(self.ledger, self.row.id, *how)
        self.start = self.learner.state  # before the first lesson
        self.snapshots = Snapshots(self.directory, self.ledger.memories, self.row, self.start)
        if self._writable:
            self.snapshots.note()

    def close(self) -> None:
        """Let another process open this memory."""
        if self._lock.is_locked:
            if hasattr(self, "lessons"):
                stops.write(self.directory, self.lessons.stops)
            keep_room()
        self._lock.release()

    def __enter__(self) -> "Memory":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @cached_property
    def study_config(self) -> StudyConfig:
        """How this memory studies; fixed when it was founded."""
        knobs = self.row.study or asdict(STUDY)
        return StudyConfig(**knobs | {"backoff": tuple(knobs["backoff"])})

    @property
    def position(self) -> int:
        """Where the last lesson that stands is in the memory's life; 0 before the first."""
        return self.ledger.events.totals(self.row.id).position

    # learning

    def begin(self, lesson: Lesson, flops: Counter[Spent] | None = None) -> "Work":
        """Start on `lesson`; the memory stays as it is until the work is done.

        With `flops`, what it took before, all that it takes is kept with it.
        """
        self.make_whole()
        steps = self.lessons.carry_out(lesson, self.position + 1)
        return Work(self, lesson, steps, flops)

    def learn(self, lesson: Lesson) -> EventRow:
        """Carry out `lesson` to its end and make it durable."""
        work = self.begin(lesson)
        while (event := work.step()) is None:
            pass
        return event

    def consolidate(self, progress: LessonProgress | None = None) -> EventRow:
        """Make the adapter anew from all facts; it stays as it was unless that is better."""
        work, done = self.begin(Lesson("study", None)), 0
        steps = self.lessons.steps_anew(self.known_facts())
        while (event := work.step()) is None:
            done += 1
            if progress:
                progress(min(done, steps), steps)
        return event

    def known_facts(self) -> list[ExampleRow]:
        """List the facts that are active."""
        return [row for row in self.ledger.examples.active(self.row.id) if row.kind == Kind.FACT]

    # examples

    @cached_property
    def base(self) -> Base | None:
        """The base as writer and teacher; None where its network cannot be cut."""
        if self.learner.parts is None:
            return None
        return Base(self.model, self.learner.parts, FALLBACK)

    def prepare(self) -> Generator[None, None, None]:
        """Measure the base once for all memories; freeze what this one should leave as it is."""
        if self.base is not None:
            yield from prepare(self.ledger, self.row.id, self.base)

    def examine(self, message: int) -> Generator[None, None, None]:
        """Freeze what a message teaches."""
        if self.base is not None:
            self.base.doing = ""
            where = (self.ledger, self.row.id, self.base, message, self.readings)
            yield from examine(*where, personal=self.personal)

    def look(self) -> Generator[None, None, None]:
        """Note where messages tell secrets; once for each."""
        yield from look(self.ledger, self.row.id)

    @property
    def reading(self) -> str:
        """What the base does while it finds what a message teaches: "", writing or answering."""
        return self.base.doing if self.base is not None else ""

    def masked(self, messages: Iterable[int]) -> dict[int, Masked]:
        """Mask messages by all that was told before."""
        return masked(self.ledger, self.row.id, messages, personal=self.personal)

    # weights on disk

    def make_whole(self) -> None:
        """Restore the weights, should the last time have been cut short."""
        if not self.whole:
            self.restore()

    def restore(self, progress: LessonProgress | None = None) -> None:
        """Load the newest sound snapshot and carry out what came after it.

        Should that be cut short, the next lesson, or reply, begins with it.
        """
        self.whole = False
        self.version += 1
        self.lessons.stops.clear()  # of a past that may be another now
        upto, state = next(self.snapshots.sound(), (0, self.start))
        self.learner.state = state
        self._examine_again()
        replayed = list(self.replay(upto, progress))
        self.whole = True
        if replayed and not self.snapshots.named(self.position):
            # One that is damaged stays for now: `verify` is to name it.
            with suppress(MlxdynError):  # on a full disk the next start replays again
                self.snapshot()
        if self._writable:
            remove_stray(self.directory, self.row, self.ledger)

    def _examine_again(self) -> None:
        """Make examples anew that depend on a message which is forgotten."""
        for message in self.ledger.messages.unexamined(self.row.id) if self._writable else ():
            run(self.examine(message))

    def snapshot(self) -> None:
        """Save the current weights, unless the newest snapshot already holds them, undamaged."""
        if self._writable and self.whole and self.snapshots.save(self.learner.state, self.position):
            remove_stray(self.directory, self.row, self.ledger)

    def replay(
        self, upto: int, progress: LessonProgress | None
    ) -> Iterator[tuple[EventRow, Outcome]]:
        """Carry out every lesson after position `upto`; yield how each went."""
        events = self.ledger.events.all(self.row.id, after=upto)
        if not self._writable and any(event.stale for event in events):
            raise MlxdynError(
                f"a change of memory {self.row.name!r} is not finished; when no other mlxdyn is at "
                f"it, finish it: mlxdyn memory verify --quick --repair --memory {self.row.name}"
            )
        if any(event.stale for event in events):
            self.snapshots.note(device.arithmetic())
        for done, event in enumerate(events):
            self.lessons.check(event)
            if progress:
                progress(done, len(events))
            outcome = run(self.lessons.carry_out(event.lesson, event.position))
            if event.stale:
                self.ledger.events.revise(event.id, outcome)
            yield event, outcome
        if progress:
            progress(len(events), len(events))

    # opening

    def _create(self, study: StudyConfig) -> None:
        """Make the ledger's row, unless there is one."""
        row = self.row
        if row.id and row.study:
            return
        with self.ledger.transaction():
            if not row.id:
                recipe = (row.model, row.fingerprint, row.adapter, row.learner, row.study)
                self.row = self.ledger.memories.add(row.name, *recipe)
            self.ledger.memories.set_study(self.row.id, asdict(study))
        self.row = replace(self.row, study=asdict(study))

    def _acquire(self, name: str) -> None:
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise MlxdynError(
                f"memory {name!r} is open in another mlxdyn; close that one, or use --temporary or "
                "another --memory"
            ) from error
        except OSError as error:
            raise MlxdynError(f"memory {name!r} cannot be written: {sentence(error)}") from error

    def _check_fit(self) -> None:
        if AdapterConfig(**self.row.adapter).adapt != "lora":  # law 3
            raise MlxdynError(
                f"memory {self.row.name!r} changes the base itself, which others stand on; delete "
                f"it: mlxdyn memory delete {self.row.name}"
            )
        other = self.model.changed(self.row.fingerprint)
        if other:
            raise MlxdynError(
                f"memory {self.row.name!r} was learned on another base: {self.model.path} has "
                f"another {' and another '.join(other)} than {self.row.model} had; start with that "
                "model, or give this one a memory of its own with --memory NAME"
            )

    def _load_origin(self) -> None:
        if self.row.origin is None:
            return
        path = self.directory / ORIGIN
        arrays = sound_arrays(path, self.row.origin)
        if arrays is None:
            raise MlxdynError(
                f"{path}, the imported adapter this memory starts from, is missing or damaged; "
                "import it again"
            )
        self.model.network.load_weights(list(arrays.items()), strict=False)


class Work:
    """A lesson under way on weights of its own; between steps the memory is as it was."""

    def __init__(
        self, memory: Memory, lesson: Lesson, steps: Steps, flops: Counter[Spent] | None
    ) -> None:
        self._memory, self.lesson, self._steps, self._flops = memory, lesson, steps, flops
        self._before = self._mine = memory.learner.state

    def step(self) -> EventRow | None:
        """Take one micro-step; return the event once the lesson is done and durable."""
        learner, kept = self._memory.learner, self._before
        learner.state = self._mine
        begun = learner.parts.flops if learner.parts else 0
        try:
            next(self._steps)
            self._mine = learner.state
            self._count(begun)
        except StopIteration as done:
            self._count(begun)
            events = self._memory.ledger.events
            self._memory.snapshots.note(device.arithmetic())
            event = events.add(self._memory.row.id, self.lesson, done.value, self._flops)
            self._memory.version += 1
            kept = learner.state
            return event
        finally:
            learner.state = kept
        return None

    def _count(self, begun: int) -> None:
        if self._flops is None or self._memory.learner.parts is None:
            return
        doing: Spent = "learning" if self.lesson.kind == "message" else "studying"
        doing = "guarding" if self._memory.lessons.guarding else doing
        self._flops[doing] += self._memory.learner.parts.flops - begun
