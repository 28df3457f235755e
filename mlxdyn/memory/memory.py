"""A named memory: adapter, optimizer state and the ledger that produced them."""

import math
import os
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from functools import cached_property
from importlib.metadata import version
from typing import TypeVar

from filelock import FileLock, Timeout

from mlxdyn.arrays import leaves, sound_arrays, write_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, keep_room, memory_directory
from mlxdyn.learn import examples, guard, replay
from mlxdyn.learn.base import Base
from mlxdyn.learn.calibration import FALLBACK
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.examples import Told
from mlxdyn.learn.learner import Learner, State, close, flatten, same, unflatten
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.steps import run
from mlxdyn.learn.stream import Chunk
from mlxdyn.learn.trainer import Trainer
from mlxdyn.memory.calibrated import prepared
from mlxdyn.memory.directory import ORIGIN, UNFINISHED, remove_stray, tidy
from mlxdyn.memory.echoes import news
from mlxdyn.memory.privacy import Masked, masked
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import (
    EventRow,
    ExampleRow,
    Lesson,
    MemoryRow,
    Message,
    Outcome,
    SnapshotRow,
    Update,
)
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, lowest

ADAPTER, STUDY = AdapterConfig(layers="upper"), StudyConfig()
ALIKE = 0.5  # cosine of mean token embeddings from which on a message may change another's facts
KEPT_SNAPSHOTS = 6
TOLERANCE = 1e-6
NEARLY = f"the same within {TOLERANCE:g}, as another version or machine makes it"
"""In a problem that `verify` names, where a replay differs by rounding; others are damage."""

NOTHING = examples.Examined((), (), ())

T = TypeVar("T")
Steps = Generator[None, None, Outcome]
Progress = Callable[[int, int], None]  # is told how many of how many lessons are done


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
        progress: Progress | None = None,
    ) -> None:
        """Open memory `name`, or found it with these configurations, and restore its weights.

        Raises MlxdynError when another process holds it or it belongs to another base.
        """
        self.directory = memory_directory(check_name(name), make=writable)
        self._lock = FileLock(self.directory / "lock")
        if writable:
            self._acquire(name)
        self.ledger, self.model, self._writable = ledger, model, writable
        recipe = (str(model.path), model.fingerprint, asdict(adapter), asdict(learner))
        self.row = ledger.memory(name) or MemoryRow(0, name, "", *recipe, asdict(study), None)
        self.version = 0  # grows whenever the weights change for good
        self.personal = False  # phone, passport, account and tax numbers are learned
        self._whole = False  # the weights are those that the ledger tells of
        try:
            self._check_fit()
            if writable:
                tidy(ledger)
                self._found(study)
                (self.directory / UNFINISHED).unlink(missing_ok=True)
            attach(model, AdapterConfig(**self.row.adapter))
            self._load_origin()
            first = lowest(model, AdapterConfig(**self.row.adapter))
            self.learner = Learner(
                model.network,
                LearnerConfig(**self.row.learner),
                model.new_cache,
                Parts.of(model.network, first),
            )
            self._start = self.learner.state
            self.restore(progress)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Let another process open this memory."""
        if self._lock.is_locked:
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

    # learning

    def begin(self, lesson: Lesson) -> "Work":
        """Start on `lesson`; the memory stays as it is until the work is done."""
        if not self._whole:
            self.restore()
        position = self.ledger.totals(self.row.id).position + 1
        return Work(self, lesson, self._carry_out(lesson, position))

    def learn(self, lesson: Lesson) -> EventRow:
        """Carry out `lesson` to its end and make it durable."""
        work = self.begin(lesson)
        while (event := work.step()) is None:
            pass
        return event

    def consolidate(self, progress: Progress | None = None) -> EventRow:
        """Make the adapter anew from all facts; it stays as it was unless recall rose."""
        work, done = self.begin(Lesson("study", None)), 0
        steps = self.steps_anew(self.known_facts())
        while (event := work.step()) is None:
            done += 1
            if progress:
                progress(min(done, steps), steps)
        return event

    def _carry_out(self, lesson: Lesson, position: int) -> Steps:
        """Change the weights by one lesson, in micro-steps."""
        if lesson.kind == "message":
            return self._learn_message(lesson, position)
        return self._study_anew(position)

    def _learn_message(self, lesson: Lesson, position: int) -> Steps:
        before, rejected = self.learner.state, list[Update]()
        for rate in self.study_config.backoff if lesson.guarded else (1.0,):
            updates = yield from self._learn_words(lesson.chunks, rate)
            if lesson.steps and self.trainer and self._facts_of(lesson.message or 0):
                updates.append((yield from self._study_message(lesson, position, rate)))
            if not any(update.accepted for update in updates):
                self.learner.state = before
                reason = updates[0].reason if updates else "there was nothing to learn in it"
                return Outcome(False, reason, None, (*rejected, *updates))
            if not lesson.guarded:
                return Outcome(True, "", None, tuple(updates))
            reason, drift = yield from self._guard()
            if not reason:
                return Outcome(True, "", drift, (*rejected, *updates))
            self.learner.state = before
            rejected += [
                replace(u, accepted=False, reason=f"rolled back: {reason}") for u in updates
            ]
        return Outcome(False, f"rolled back: {reason}", drift, tuple(rejected))

    def _learn_words(
        self, chunks: Sequence[Chunk], rate: float
    ) -> Generator[None, None, list[Update]]:
        self.model.network.train()
        updates = []
        for chunk in chunks:
            seen = self.learner.learn(chunk, rate=rate)
            after = self.learner.score(chunk).nll if seen.accepted else None
            updates.append(
                Update(
                    kind="words",
                    tokens=len(chunk.targets),
                    steps=1,
                    rate=rate,
                    nll_before=_finite_mean(seen.nll),
                    nll_after=_finite_mean(after) if after else None,
                    gradient_norm=_finite_mean((seen.gradient_norm or 0.0,)),
                    accepted=seen.accepted,
                    reason=seen.reason,
                )
            )
            yield
        return updates

    def _study_message(
        self, lesson: Lesson, position: int, rate: float
    ) -> Generator[None, None, Update]:
        """Train on a message's examples, beside earlier ones and some of what should stay."""
        config, message = self.study_config, lesson.message or 0
        new, gone = self.ledger.examples_of(message), self.ledger.superseded_by(message)
        seed = self.ledger.uid(message)
        earlier = [
            row
            for row in self.ledger.examples(self.row.id, upto=position - 1)
            if row.id not in gone
        ]
        earlier = _drawn(earlier, f"{seed}:recalled", config.recalled)
        held, _ = guard.split(self.ledger.regularization(self.row.id))
        rows = [*new, *earlier, *held]
        plan = replay.lesson(
            seed, [row.uid for row in rows], new=len(new), replayed=len(earlier),
            steps=lesson.steps, batch=(config.new, config.replayed, config.held),
        )  # fmt: skip
        return (yield from self._train("study", rows, plan, new, rate))

    def _train(
        self,
        kind: str,
        rows: Sequence[ExampleRow],
        plan: replay.Plan,
        measured: Sequence[ExampleRow],
        rate: float,
    ) -> Generator[None, None, Update]:
        """Carry out `plan` over `rows`; before and after are KL(teacher || now) of facts."""
        assert self.trainer is not None
        self._check_examples(rows)
        facts = [row.example for row in measured if row.kind == Kind.FACT]
        start = self.learner.state
        before = yield from self.trainer.measure(facts)
        examples = [row.example for row in rows]
        norm, refused = yield from self.trainer.train(examples, plan, rate)
        if refused:
            self.learner.state = start
        after = yield from self.trainer.measure(facts)
        return Update(
            kind=kind,
            tokens=sum(len(fact.target) for fact in facts),
            steps=len(plan),
            rate=rate,
            nll_before=_finite_mean(tuple(before)) if facts else None,
            nll_after=_finite_mean(tuple(after)) if facts else None,
            gradient_norm=_finite_mean((norm or 0.0,)),
            accepted=not refused,
            reason=refused,
        )

    def _study_anew(self, position: int) -> Steps:
        """Make the adapter from the start: newest words, then all facts; keep it if recall rose."""
        assert self.trainer is not None
        before, config = self.learner.state, self.study_config
        rows = self.ledger.examples(self.row.id, upto=position - 1)
        self._check_examples(rows)
        known = [row.example for row in rows if row.kind == Kind.FACT]
        gap_before = yield from self.trainer.measure(known)
        self.learner.state = self._start
        for lesson in self.ledger.lessons_before(self.row.id, position, config.words):
            yield from self._learn_words(lesson.chunks, 1.0)
        held, _ = guard.split(self.ledger.regularization(self.row.id))
        keys = [row.uid for row in (*rows, *held)]
        plan = replay.lesson(
            f"anew:{len(rows)}", keys, new=len(rows), replayed=0, steps=self.steps_anew(rows),
            batch=(config.new + config.replayed, 0, config.held),
        )  # fmt: skip
        update = yield from self._train("consolidation", [*rows, *held], plan, rows, 1.0)
        gap = yield from self.trainer.measure(known)
        reason, drift = yield from self._guard()
        if not reason and sum(gap) >= sum(gap_before):
            before_mean, after_mean = (sum(g) / max(len(g), 1) for g in (gap_before, gap))
            reason = f"recall did not rise (gap {before_mean:.2f} before, {after_mean:.2f} after)"
        if reason:
            self.learner.state = before
            update = replace(update, accepted=False, reason=reason)
        return Outcome(not reason, reason, drift, (update,))

    def steps_anew(self, rows: Sequence[ExampleRow]) -> int:
        """How many steps it takes to make the adapter anew from `rows`."""
        facts = sum(row.kind == Kind.FACT for row in rows)
        return min(self.study_config.pass_steps * facts, self.study_config.most_steps)

    def known_facts(self) -> list[ExampleRow]:
        """List the facts that are active."""
        return [row for row in self.ledger.examples(self.row.id) if row.kind == Kind.FACT]

    def _facts_of(self, message: int) -> list[ExampleRow]:
        return [row for row in self.ledger.examples_of(message) if row.kind == Kind.FACT]

    def _guard(self) -> Generator[None, None, tuple[str, float | None]]:
        """Measure what should stay as it was; return what is broken ("" for nothing), and drift."""
        _, guarding = guard.split(self.ledger.regularization(self.row.id))
        if not guarding or self.trainer is None:
            return "", None
        self._check_examples(guarding)
        drift = yield from guard.read(self.trainer, [row.example for row in guarding])
        return guard.breach(drift, self.study_config.max_drift), _finite_mean((drift,))

    # examples

    @cached_property
    def base(self) -> Base | None:
        """The base as writer and teacher; None where its network cannot be cut."""
        if self.learner.parts is None:
            return None
        return Base(self.model, self.learner.parts, FALLBACK)

    @cached_property
    def trainer(self) -> Trainer | None:
        parts = self.learner.parts
        return None if parts is None else Trainer(self.learner, parts, self.study_config)

    def prepare(self) -> Generator[None, None, None]:
        """Measure the base once for all memories; freeze what this one should leave as it is."""
        if self.base is None or self.ledger.regularization(self.row.id):
            return
        yield from prepared(self.base)
        drafts = yield from examples.regularization(self.base)
        self.ledger.add_examples(self.row.id, None, drafts)

    def examine(self, message: int) -> Generator[None, None, None]:
        """Freeze what a message teaches."""
        if self.base is None:
            return
        yield from prepared(self.base)
        said = self.ledger.turns_upto(message)[-1]
        text = self.masked([said.id])[said.id].studied
        earlier = self._alike(message, text) if text else []
        found = (yield from examples.examine(self.base, text, earlier)) if text else NOTHING
        gone = {key for told in earlier for key in self.ledger.superseded_by(told.message)}
        drafts = news(text, found.drafts, [without(t, {*gone, *found.superseded}) for t in earlier])
        edits = [
            Draft(question, answer, self._as_told(question, answer))
            for question, answer in self.ledger.edits(message)
        ]
        with self.ledger.transaction():
            self.ledger.add_examples(
                self.row.id, message, drafts,
                depends_on=[told.message for told in earlier], superseded=found.superseded,
            )  # fmt: skip
            self.ledger.add_examples(self.row.id, message, edits, source="user")

    def masked(self, messages: Iterable[int]) -> dict[int, Masked]:
        """Mask messages, and those before them, by all that was told before."""
        return masked(self.ledger, self.row.id, messages, personal=self.personal)

    def _alike(self, message: int, text: str) -> list[Told]:
        """Choose the earlier messages that `text` may change: alike ones, and the one before it.

        Each is judged by itself, with all that it taught, so that which others there are, and what
        became of them, changes nothing.
        """
        assert self.base is not None
        candidates = self.ledger.earlier(self.row.id, message)
        before = self.ledger.said_before(message, [m.id for m in candidates])
        hidden = self.masked([*(m.id for m in candidates), message])
        likeness = self.base.likeness(text, [hidden[m.id].studied for m in candidates])
        return [
            Told(
                one.id,
                hidden[one.id].studied,
                tuple((f.id, f.question, f.answer) for f in self._facts_of(one.id)),
            )
            for one, like in zip(candidates, likeness, strict=True)
            if like >= ALIKE or one.id == before
        ]

    def _as_told(self, question: str, answer: str) -> Example:
        """Make an example whose target is the text itself."""
        rendered = render(
            self.model.tokenizer, [Turn("user", question), Turn("assistant", answer)], reply=False
        )
        start, end = rendered.spans[-1]
        return Example(
            Kind.FACT, rendered.tokens[:start], rendered.tokens[start : end + 1], likely=None
        )

    # changing the past

    def take_back(self) -> Message | EventRow | None:
        """Undo what a person saw last: let the newest message that waits be, else undo a lesson.

        Rejected lessons are passed over: nobody saw them change anything.
        """
        if waiting := self.ledger.pending(self.row.id):
            self.ledger.let_be(self.row.id, waiting[-1])
            return self.ledger.turns_upto(waiting[-1])[-1]
        event = self.undo()
        while event and not event.accepted:
            event = self.undo()
        return event

    def bring_back(self, progress: Progress | None = None) -> Message | EventRow | None:
        """Redo what a person saw undone last: a lesson, or a message that then waits again.

        Rejected lessons come back unseen, as they went.
        """
        while event := self.ledger.redoable(self.row.id):
            if message := self.ledger.wait_again(event):
                return message
            self.redo(progress)
            if event.accepted:
                return event
        return None

    def undo(self) -> EventRow | None:
        """Take back the last lesson, bitwise; return it. One that was rejected changes nothing."""
        event = self.ledger.undoable(self.row.id)
        if event:
            self.ledger.set_undone(self.row.id, event, True)
            self.restore()
        return event

    def redo(self, progress: Progress | None = None) -> EventRow | None:
        """Bring back the last lesson that was undone, if nothing was learned since; return it."""
        event = self.ledger.redoable(self.row.id)
        if event:
            self.ledger.set_undone(self.row.id, event, False)
            self.restore(progress)
        return event

    def forget(self, messages: Sequence[int], progress: Progress | None = None) -> int:
        """Become, bitwise, the memory that never learned `messages`; return how many lessons went.

        Replies to them are forgotten too, and the text leaves the files.
        """
        replies = [self.ledger.reply_to(message) for message in messages]
        wanted = sorted({*messages, *(reply for reply in replies if reply is not None)})
        lessons = self.ledger.count_lessons(self.row.id, wanted)
        changed = self.ledger.forget(self.row.id, wanted)
        remove_stray(self.directory, self.row, self.ledger)  # a full disk gets room
        if changed is not None:
            self.restore(progress)
        tidy(self.ledger)
        self.ledger.erase()
        return lessons

    def change_example(
        self, row: ExampleRow, new: tuple[str, str] | None, progress: Progress | None = None
    ) -> None:
        """Edit what is learned, question and answer, or delete it with None, as if always so."""
        draft = None if new is None else Draft(*new, self._as_told(*new))
        if self.ledger.change_example(self.row.id, row, draft) is not None:
            self.restore(progress)
        tidy(self.ledger)
        self.ledger.erase()

    def merge(self, source: str, progress: Progress | None = None) -> int:
        """Learn what memory `source` learned and this one did not, in order of time, by replay."""
        lessons = self.ledger.merge(self.ledger.existing(source), self.row)
        if lessons:
            self.restore(progress)
        return lessons

    # weights on disk

    def restore(self, progress: Progress | None = None) -> None:
        """Load the newest sound snapshot and carry out what came after it.

        Should that be cut short, the next lesson begins with it.
        """
        self._whole = False
        self.version += 1
        upto, state = next(self._sound_snapshots(), (0, self._start))
        self.learner.state = state
        self._examine_again()
        replayed = list(self._replay(upto, progress))
        self._whole = True
        if replayed:
            with suppress(MlxdynError):  # on a full disk the next start replays again
                self.snapshot()
        if self._writable:
            remove_stray(self.directory, self.row, self.ledger)

    def _examine_again(self) -> None:
        """Make examples anew that leaned on a message which is forgotten."""
        for message in self.ledger.unexamined(self.row.id) if self._writable else ():
            run(self.examine(message))

    def snapshot(self) -> None:
        """Save the current weights, unless the newest snapshot already holds them."""
        upto = self.ledger.totals(self.row.id).position
        rows = self.ledger.snapshots(self.row.id)
        known = bool(rows) and rows[0].upto == upto
        if not self._writable or not self._whole or not upto or known:
            return
        file = f"{upto}-{os.urandom(4).hex()}.safetensors"
        digest = write_arrays(
            self.directory / file, flatten(self.learner.state), self._metadata(upto)
        )
        kept = spread([SnapshotRow(upto, file, digest), *rows])
        self.ledger.set_snapshots(self.row.id, kept)
        remove_stray(self.directory, self.row, self.ledger)

    def verify(self, progress: Progress | None = None, *, replay: bool = True) -> list[str]:
        """Replay the whole ledger and compare; return what is wrong, nothing when all is well.

        Without `replay`, only the checksums and the ledger's integrity are looked at.
        """
        sound = self.ledger.integrity()
        if sound != "ok":
            return [f"the ledger is damaged: {sound}"]
        problems = [
            f"snapshot {row.file} is missing or damaged"
            for row in self.ledger.snapshots(self.row.id)
            if self._state_in(row) is None
        ]
        return [*problems, *self._compare_replay(progress)] if replay else problems

    def _compare_replay(self, progress: Progress | None) -> list[str]:
        current, self.learner.state = self.learner.state, self._start
        try:
            problems = [
                _differs(f"lesson {event.id}", "does not go as the ledger tells", _near(*outcomes))
                for event, *outcomes in self._compared(progress)
                if not _alike(*outcomes)
            ]
            if not same(self.learner.state, current):
                near = close(self.learner.state, current, TOLERANCE)
                problems.append(
                    _differs("the saved weights", "differ from a replay of the ledger", near)
                )
        finally:
            self.learner.state = current
        return problems

    def _compared(self, progress: Progress | None) -> Iterator[tuple[EventRow, Outcome, Outcome]]:
        """Replay everything; yield how each lesson goes, and how the ledger tells that it went."""
        for event, outcome in self._replay(0, progress):
            yield event, outcome, self.ledger.outcome(event.id)

    def rebuild(self, progress: Progress | None = None) -> None:
        """Make weights and outcomes anew from the lessons in the ledger, and save them."""
        self.ledger.outdate(self.row.id, 0)
        self.restore(progress)
        self.snapshot()

    def _replay(self, upto: int, progress: Progress | None) -> Iterator[tuple[EventRow, Outcome]]:
        """Carry out every lesson after position `upto`; yield how each went."""
        events = self.ledger.events(self.row.id, after=upto)
        if not self._writable and any(event.stale for event in events):
            raise MlxdynError(
                f"a change of memory {self.row.name!r} is not finished; when no other mlxdyn is at "
                f"it, finish it: mlxdyn memory verify --quick --repair --memory {self.row.name}"
            )
        for done, event in enumerate(events):
            self._check_tokens(event)
            if progress:
                progress(done, len(events))
            outcome = run(self._carry_out(event.lesson, event.position))
            if event.stale:
                self.ledger.revise(event.id, outcome)
            yield event, outcome
        if progress:
            progress(len(events), len(events))

    def _check_tokens(self, event: EventRow) -> None:
        """Raise MlxdynError for a token that the base does not have: MLX would read beyond it."""
        for chunk in event.lesson.chunks:
            if fault := chunk_fault(chunk, self._vocabulary):
                raise MlxdynError(
                    f"the ledger is damaged where it tells of lesson {event.id} ({fault}); bring "
                    "back a bundle or a backup of it"
                )

    def _check_examples(self, rows: Sequence[ExampleRow]) -> None:
        """Raise MlxdynError for an example with such a token, or that cannot be trained on."""
        for row in rows:
            if fault := example_fault(row.example, self._vocabulary):
                raise MlxdynError(
                    f"the ledger is damaged where it tells of example {row.id} ({fault}); bring "
                    "back a bundle or a backup of it"
                )

    @cached_property
    def _vocabulary(self) -> int:
        return vocabulary(self.model)

    def _sound_snapshots(self) -> Iterator[tuple[int, State]]:
        for row in self.ledger.snapshots(self.row.id):
            state = self._state_in(row)
            if state is not None:
                yield row.upto, state

    def _state_in(self, row: SnapshotRow) -> State | None:
        """Read a snapshot; None where the file is damaged or holds what this memory cannot wear."""
        arrays = sound_arrays(self.directory / row.file, row.sha256)
        with suppress(ValueError):
            return None if arrays is None else unflatten(arrays, self._start)
        return None

    # opening

    def _found(self, study: StudyConfig) -> None:
        """Make the ledger's row, unless there is one."""
        row = self.row
        if row.id and row.study:
            return
        with self.ledger.transaction():
            if not row.id:
                recipe = (row.model, row.fingerprint, row.adapter, row.learner, row.study)
                self.row = self.ledger.add_memory(row.name, *recipe)
            self.ledger.set_study(self.row.id, asdict(study))
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
            raise MlxdynError(f"memory {name!r} cannot be written: {error}") from error

    def _check_fit(self) -> None:
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

    def _metadata(self, upto: int) -> dict[str, str]:
        return {"fingerprint": self.row.fingerprint, "upto": str(upto), "mlx": version("mlx")}


class Work:
    """A lesson under way on weights of its own; between steps the memory is as it was."""

    def __init__(self, memory: Memory, lesson: Lesson, steps: Steps) -> None:
        self._memory, self.lesson, self._steps = memory, lesson, steps
        self._before = self._mine = memory.learner.state

    def step(self) -> EventRow | None:
        """Take one micro-step; return the event once the lesson is done and durable."""
        learner, kept = self._memory.learner, self._before
        learner.state = self._mine
        try:
            next(self._steps)
            self._mine = learner.state
        except StopIteration as done:
            event = self._memory.ledger.add_event(self._memory.row.id, self.lesson, done.value)
            self._memory.version += 1
            kept = learner.state
            return event
        finally:
            learner.state = kept
        return None


def spread(rows: Sequence[SnapshotRow]) -> list[SnapshotRow]:
    """Choose which snapshots stay: the newest, and ever fewer of the older ones.

    One for each doubling of the distance to the newest, so that a replay to any point in the past
    begins not much further back than the point itself.
    """
    newest = rows[0].upto
    kept = {(newest - row.upto).bit_length(): row for row in rows}
    chosen = sorted(kept.values(), reverse=True)
    return chosen[: KEPT_SNAPSHOTS - 1] + chosen[KEPT_SNAPSHOTS - 1 :][-1:]


def _drawn(rows: Sequence[ExampleRow], seed: str, count: int) -> list[ExampleRow]:
    return [rows[i] for i in replay.draw(seed, [row.uid for row in rows], count)]


def without(told: Told, keys: set[int]) -> Told:
    """Leave out facts that are true no more."""
    return replace(told, facts=tuple(fact for fact in told.facts if fact[0] not in keys))


def vocabulary(model: Model) -> int:
    """Count the tokens that a base knows: the rows of its embedding."""
    rows = (a.shape[0] for name, a in leaves(model.network.parameters()) if "embed" in name)
    return next(rows, len(model.tokenizer))


def chunk_fault(chunk: Chunk, tokens: int) -> str:
    """Say what is wrong with a chunk for a base of so many `tokens`; "" if nothing is."""
    strange = [id for id in (*chunk.context, *chunk.targets) if not _is_token(id, tokens)]
    if strange:
        return f"{strange[0]!r} is no token of the base, which has {tokens:,}"
    if not (chunk.context and chunk.targets):
        return "a chunk without context or targets"
    weights = chunk.weights or (1.0,) * len(chunk.targets)
    if len(weights) != len(chunk.targets) or not all(isinstance(w, int | float) for w in weights):
        return "weights that are not one number for each target"
    return ""


def example_fault(example: Example, tokens: int) -> str:
    """Say what is wrong with an example for a base of so many `tokens`; "" if nothing is."""
    likely = [] if example.likely is None else example.likely.tokens.ravel().tolist()
    strange = [id for id in (*example.prompt, *example.target, *likely) if not 0 <= id < tokens]
    if strange:
        return f"{strange[0]} is no token of the base, which has {tokens:,}"
    if not (example.prompt and example.target):
        return "no prompt or no target"
    logprobs = () if example.likely is None else example.likely.logprobs.ravel().tolist()
    if not all(-math.inf < nats <= 1e-3 for nats in logprobs):
        return "log-probabilities that are none"
    return "" if 0 <= example.weight < math.inf else f"a weight of {example.weight}"


def _is_token(id: object, tokens: int) -> bool:
    return isinstance(id, int) and not isinstance(id, bool) and 0 <= id < tokens


def _differs(what: str, how: str, near: bool) -> str:
    return f"{what}: {NEARLY}" if near else f"{what} {how}"


def _near(one: Outcome, other: Outcome) -> bool:
    """Tell whether two outcomes are the same but for the last digits of what was measured."""
    unreasoned = (
        replace(o, reason="", updates=tuple(replace(u, reason="") for u in o.updates))
        for o in (one, other)
    )
    return _close(*map(astuple, unreasoned))


def _close(one: object, other: object) -> bool:
    if isinstance(one, tuple) and isinstance(other, tuple):
        return len(one) == len(other) and all(map(_close, one, other))
    if isinstance(one, float) and isinstance(other, float):
        return math.isclose(one, other, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    return one == other


def _alike(one: Outcome, other: Outcome) -> bool:
    """Compare what was measured, to the last bit."""
    return replace(one, reason="") == replace(other, reason="")


def _finite_mean(values: tuple[float, ...]) -> float | None:
    mean = sum(values) / max(len(values), 1)
    return mean if abs(mean) < float("inf") else None
