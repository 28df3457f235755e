"""A named memory: adapter, optimizer state and the ledger that produced them."""

import math
import os
import random
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, astuple, replace
from functools import cached_property
from importlib.metadata import version
from typing import TypeVar, cast

import mlx.core as mx
from filelock import FileLock, Timeout

from mlxdyn.arrays import leaves, sound_arrays, write_arrays
from mlxdyn.config import AdapterConfig, LearnerConfig, StudyConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.files import check_name, keep_room, memory_directory
from mlxdyn.learn.learner import Learner, State, close, flatten, same, unflatten
from mlxdyn.learn.stream import Chunk
from mlxdyn.memory.directory import ORIGIN, UNFINISHED, remove_stray, tidy
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import (
    EventRow,
    Lesson,
    MemoryRow,
    Message,
    Outcome,
    SnapshotRow,
    Update,
)
from mlxdyn.model import Model, attach, bare
from mlxdyn.study import anchors, contrast, guard, lessons
from mlxdyn.study.item import CONTRAST, Item, ItemRow
from mlxdyn.study.lessons import Desk
from mlxdyn.study.topic import key
from mlxdyn.study.writer import BEGINNING
from mlxdyn.template import Turn, render

ADAPTER, STUDY = AdapterConfig(), StudyConfig()
KEPT_SNAPSHOTS = 6
TOLERANCE = 1e-6
NEARLY = f"the same within {TOLERANCE:g}, as another version or machine makes it"
"""In a problem that `verify` names, where a replay differs by rounding; others are damage."""

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
        anchor_text: str | None = None,
        writable: bool = True,
        progress: Progress | None = None,
    ) -> None:
        """Open memory `name`, or found it with these configurations, and restore its weights.

        `anchor_text` None takes the bundled anchors. Raises MlxdynError when another process holds
        it or it belongs to another base.
        """
        self.directory = memory_directory(check_name(name), make=writable)
        self._lock = FileLock(self.directory / "lock")
        if writable:
            self._acquire(name)
        self.ledger, self.model, self._writable = ledger, model, writable
        recipe = (str(model.path), model.fingerprint, asdict(adapter), asdict(learner))
        self.row = ledger.memory(name) or MemoryRow(0, name, "", *recipe, asdict(study), None)
        self.version = 0  # grows whenever the weights change for good
        self._whole = False  # the weights are those that the ledger tells of
        self._encoded: dict[ItemRow, Chunk] = {}
        try:
            self._check_fit()
            if writable:
                tidy(ledger)
                self._found(study, anchor_text)
                (self.directory / UNFINISHED).unlink(missing_ok=True)
            attach(model, AdapterConfig(**self.row.adapter))
            self._load_origin()
            self.learner = Learner(
                model.network, LearnerConfig(**self.row.learner), model.new_cache, self._base
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

    @cached_property
    def anchors(self) -> anchors.Anchors:
        """The dialogues that learning should leave as they are."""
        text = self.ledger.anchors(self.row.id) or anchors.bundled()
        return anchors.encode(self.model.tokenizer, text)

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
        """Make the adapter anew from all items; it stays as it was unless recall rose."""
        work, done = self.begin(Lesson("study", None)), 0
        steps = self.steps_anew(self.known_items())
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
            if lesson.steps and self.ledger.items_of(lesson.message or 0):
                updates.append((yield from self._study_items(lesson, position, rate)))
            if not any(update.accepted for update in updates):
                self.learner.state = before
                reason = updates[0].reason if updates else "there was nothing to learn in it"
                return Outcome(False, reason, None, None, (*rejected, *updates))
            if not lesson.guarded:
                return Outcome(True, "", None, None, tuple(updates))
            reason, drift, divergence = yield from self._guard()
            if not reason:
                return Outcome(True, "", drift, divergence, (*rejected, *updates))
            self.learner.state = before
            rejected += [
                replace(u, accepted=False, reason=f"rolled back: {reason}") for u in updates
            ]
        return Outcome(False, f"rolled back: {reason}", drift, divergence, tuple(rejected))

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

    def _study_items(
        self, lesson: Lesson, position: int, rate: float
    ) -> Generator[None, None, Update]:
        """Study a message's items beside earlier ones, those known least, and anchors."""
        config, new = self.study_config, self.ledger.items_of(lesson.message or 0)
        rows = [*self.ledger.items(self.row.id, upto=position - 1), *new]
        seed = self.ledger.standing(self.row.id, position)
        mine = {item.id for item in new}
        items = lessons.standing(rows)
        earlier = [item for item in items if item.id not in mine]
        earlier = random.Random(seed).sample(earlier, min(config.recalled, len(earlier)))
        about = {item.message for item in earlier} | {lesson.message}
        near = [row for row in rows if row.message in about]
        new = [item for item in items if item.id in mine]
        desk = self._desk([*new, *earlier], near, items, seed)
        return (yield from self._study("study", desk, new, lesson.steps, rate))

    def _desk(
        self,
        items: Sequence[ItemRow],
        near: Sequence[ItemRow],
        told: Sequence[ItemRow],
        seed: int,
    ) -> Desk:
        tokenizer, topics = self.model.tokenizer, {key(item.question) for item in told}
        misses = lessons.near_misses(tokenizer, near, topics)
        return Desk(
            tokenizer, items, misses, self.anchors, self.study_config, told=topics, seed=seed
        )

    def _study(
        self, kind: str, desk: Desk, items: Sequence[ItemRow], steps: int, rate: float
    ) -> Generator[None, None, Update]:
        """Take steps on what lies on the desk; nll before and after is of `items`."""
        self.model.network.train()
        start, chunks = self.learner.state, self._chunks(items)
        _, before = yield from lessons.probe(self.learner, chunks)
        yield from lessons.look_through(self.learner, desk)
        student = lessons.student(self.learner, self.study_config, rate)
        steps, norm, refused = yield from lessons.steps(student, desk, steps)
        if refused:
            self.learner.state = start
        _, after = yield from lessons.probe(self.learner, chunks)
        return Update(
            kind=kind,
            tokens=sum(len(chunk.targets) for chunk in chunks),
            steps=steps,
            rate=rate,
            nll_before=_finite_mean((before,)),
            nll_after=_finite_mean((after,)),
            gradient_norm=_finite_mean((norm or 0.0,)),
            accepted=not refused,
            reason=refused,
        )

    def _study_anew(self, position: int) -> Steps:
        """Make the adapter from the start: newest words, then all items; keep it if recall rose."""
        before, config = self.learner.state, self.study_config
        rows = self.ledger.items(self.row.id, upto=position - 1)
        items = lessons.standing(rows)
        chunks = self._chunks(items)
        recall_before = yield from lessons.probe(self.learner, chunks)
        self.learner.state = self._start
        for lesson in self.ledger.lessons_before(self.row.id, position, config.words):
            yield from self._learn_words(lesson.chunks, 1.0)
        desk = self._desk(items, rows, items, len(items))
        update = yield from self._study("consolidation", desk, items, self.steps_anew(items), 1.0)
        recall = yield from lessons.probe(self.learner, chunks)
        reason, drift, divergence = yield from self._guard()
        if not reason and (recall[0], -recall[1]) <= (recall_before[0], -recall_before[1]):
            reason = f"recall did not rise ({recall_before[0]:.0%} before, {recall[0]:.0%} after)"
        if reason:
            self.learner.state = before
            update = replace(update, accepted=False, reason=reason)
        return Outcome(not reason, reason, drift, divergence, (update,))

    def steps_anew(self, items: Sequence[ItemRow]) -> int:
        """How many steps a study of all `items` takes."""
        return min(self.study_config.pass_steps * len(items), self.study_config.most_steps)

    def known_items(self, upto: int | None = None) -> list[ItemRow]:
        """List the items that stand, corrections applied, `upto` a position."""
        return lessons.standing(self.ledger.items(self.row.id, upto=upto))

    def _chunks(self, items: Sequence[ItemRow]) -> list[Chunk]:
        tokenizer = self.model.tokenizer
        for item in items:
            if item not in self._encoded:
                self._encoded[item] = lessons.encode(tokenizer, item.question, item.answer)
        return [self._encoded[item] for item in items]

    def _guard(self) -> Generator[None, None, tuple[str, float | None, float | None]]:
        """Measure the anchors; return what is broken ("" for nothing), drift and divergence."""
        now = yield from guard.read(self.learner, self.anchors)
        start = self._start_reading
        reason = guard.breach(start, now, self.study_config)
        drift, divergence = now.nll - start.nll, now.divergence - start.divergence
        return reason, _finite_mean((drift,)), _finite_mean((divergence,))

    @cached_property
    def _start_reading(self) -> guard.Reading:
        """The anchors under the memory's first weights."""
        now, self.learner.state = self.learner.state, self._start
        reading = _run(guard.read(self.learner, self.anchors))
        self.learner.state = now
        return reading

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
        self._encoded.clear()
        remove_stray(self.directory, self.row, self.ledger)  # a full disk gets room
        if changed is not None:
            self.restore(progress)
        tidy(self.ledger)
        self.ledger.erase()
        return lessons

    def change_item(
        self, item: ItemRow, new: Item | None, progress: Progress | None = None
    ) -> None:
        """Edit a study item, or delete it with None, as if it had been so from the beginning.

        Near misses of a question that goes go with it; a new question gets its own.
        """
        self._encoded.clear()
        asked = new is not None and new.question == item.question
        gone = [] if asked else self._missing_only(item)
        near = self._near_misses(new, max(len(gone), 1)) if new and not asked else []
        if self.ledger.change_item(self.row.id, item, new, gone, near) is not None:
            self.restore(progress)
        tidy(self.ledger)
        self.ledger.erase()

    def _missing_only(self, item: ItemRow) -> list[ItemRow]:
        """List the near misses of `item` that miss no other question of its message."""
        rows = self.ledger.items_of(item.message)
        others = [row.question for row in rows if row.source != CONTRAST and row.id != item.id]
        return [
            row
            for row in rows
            if row.source == CONTRAST
            and contrast.misses(row.question, item.question)
            and not any(contrast.misses(row.question, other) for other in others)
        ]

    def _near_misses(self, item: Item, count: int) -> list[Item]:
        """Ask beside `item`, with what the bare base says to that."""
        asked = contrast.near_misses([item], seed=len(item.question))[:count]
        return [Item(question, said) for question in asked if (said := self._base_says(question))]

    def _base_says(self, question: str) -> str:
        """How the bare base begins its likeliest answer."""
        model, said = self.model, list[int]()
        prompt = render(model.tokenizer, [Turn("user", question)], reply=True).tokens
        model.network.eval()
        with bare(model):
            while len(said) < BEGINNING:
                logits = model.network(mx.array([[*prompt, *said]]))[0, -1]
                token = cast(int, mx.argmax(logits).item())
                if token in model.tokenizer.eos_token_ids:
                    break
                said.append(token)
        return model.decode(said).strip()

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
        replayed = list(self._replay(upto, progress))
        self._whole = True
        if replayed:
            with suppress(MlxdynError):  # on a full disk the next start replays again
                self.snapshot()
        if self._writable:
            remove_stray(self.directory, self.row, self.ledger)

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
            outcome = _run(self._carry_out(event.lesson, event.position))
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

    def _found(self, study: StudyConfig, anchor_text: str | None) -> None:
        """Make the ledger's row, unless there is one."""
        row = self.row
        if row.id and row.study:
            return
        with self.ledger.transaction():
            if not row.id:
                recipe = (row.model, row.fingerprint, row.adapter, row.learner, row.study)
                self.row = self.ledger.add_memory(row.name, *recipe)
            self.ledger.set_study(self.row.id, asdict(study))
            self.ledger.set_anchors(self.row.id, anchor_text or anchors.bundled())
        self.row = replace(self.row, study=asdict(study))

    def _base(self, tokens: mx.array) -> mx.array:
        with bare(self.model):
            return cast(mx.array, self.model.network(tokens))

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
        if self.row.fingerprint != self.model.fingerprint:
            name = self.row.name
            raise MlxdynError(
                f"memory {name!r} was learned on another base or tokenizer ({self.row.model}, "
                f"fingerprint {self.row.fingerprint}), not on {self.model.path} "
                f"({self.model.fingerprint}); start with that model, or give this one a memory of "
                "its own with --memory NAME"
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
        return {"fingerprint": self.model.fingerprint, "upto": str(upto), "mlx": version("mlx")}


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


def _run(steps: Generator[None, None, T]) -> T:
    """Take all micro-steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as done:
            return cast(T, done.value)
