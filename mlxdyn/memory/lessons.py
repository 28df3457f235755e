"""How a lesson changes the weights: by the same code when it is new and when it is replayed."""

import math
from collections.abc import Generator, Sequence
from dataclasses import replace

from mlxdyn.arrays import leaves
from mlxdyn.config import StudyConfig
from mlxdyn.learn import guard, replay
from mlxdyn.learn.example import Example, Kind
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk
from mlxdyn.learn.trainer import Stop, Trainer
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.memory.store.records import (
    Damaged,
    EventRow,
    ExampleRow,
    Lesson,
    Outcome,
    Reason,
    Update,
    UpdateKind,
)
from mlxdyn.model.load import Model

Steps = Generator[None, None, Outcome]
LOTS = 4_000  # that are drawn before talking may come between: some milliseconds


class LessonRunner:
    """Takes a learner through the lessons of one memory; reads the ledger, writes nothing."""

    def __init__(
        self, ledger: Ledger, memory: int, learner: Learner, config: StudyConfig, tokens: int
    ) -> None:
        """Begin with the learner as it is; `tokens` is how many the base knows."""
        self._ledger, self._memory = ledger, memory
        self._learner, self._config, self._tokens = learner, config, tokens
        self._start = learner.state
        self.guarding = False  # it looks whether other answers moved
        parts = learner.parts
        self.trainer = None if parts is None else Trainer(learner, parts, config)

    def carry_out(self, lesson: Lesson, position: int) -> Steps:
        """Change the weights by one lesson, in micro-steps."""
        message = lesson.kind == "message"
        steps = self._learn_message(lesson, position) if message else self._study_anew(position)
        outcome = yield from steps
        self.stops.clear()  # it is whole
        return outcome

    @property
    def stops(self) -> dict[str, Stop]:
        """Where the training of the lesson under way stands."""
        return {} if self.trainer is None else self.trainer.stops

    def _learn_message(self, lesson: Lesson, position: int) -> Steps:
        before, rejected = self._learner.state, list[Update]()
        for rate in self._config.backoff if lesson.guarded else (1.0,):
            updates = yield from self._learn_words(lesson.chunks, rate)
            if lesson.steps and self.trainer and self._ledger.examples.facts(lesson.message or 0):
                updates.append((yield from self._study_message(lesson, position, rate)))
            if not any(update.accepted for update in updates):
                self._learner.state = before
                reason = updates[0].reason if updates else Reason.NOTHING
                return Outcome(False, reason, None, (*rejected, *updates))
            if not lesson.guarded:
                return Outcome(True, "", None, tuple(updates))
            moved, drift = yield from self._guard()
            if not moved:
                return Outcome(True, "", drift, (*rejected, *updates))
            self._learner.state = before
            reason = Reason.ROLLED_BACK.with_(*moved)
            rejected += [replace(u, accepted=False, reason=reason) for u in updates]
        return Outcome(False, reason, drift, tuple(rejected))

    def _learn_words(
        self, chunks: Sequence[Chunk], rate: float
    ) -> Generator[None, None, list[Update]]:
        updates = []
        for chunk in chunks:
            self._learner.network.train()  # a reply in between has set it to generate
            seen = self._learner.learn(chunk, rate=rate)
            after = self._learner.score(chunk).nll if seen.accepted else None
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
        config, examples, message = self._config, self._ledger.examples, lesson.message or 0
        answered = examples.answered(self._memory, upto=position - 1)
        new = [row for row in examples.of(message) if row.id not in answered]
        gone = examples.superseded_by(message)
        seed = self._ledger.messages.uid(message)
        lots = [lot for lot in examples.lots(self._memory, upto=position - 1) if lot[0] not in gone]
        drawn = replay.draw(f"{seed}:recalled", [uid for _, uid in lots], config.recalled)
        earlier = examples.these([lots[i][0] for i in drawn])
        held, _ = guard.split(examples.regularization(self._memory))
        rows = [*new, *earlier, *held]
        rounds = [
            replay.lesson(
                f"{seed}:{number}" if number else seed, [row.uid for row in rows],
                new=len(new), replayed=len(earlier), steps=lesson.steps,
                batch=(config.new, config.replayed, config.held),
            )
            for number in range(config.rounds)
        ]  # fmt: skip
        return (yield from self._train("study", rows, rounds, new, rate))

    def _train(
        self,
        kind: UpdateKind,
        rows: Sequence[ExampleRow],
        rounds: Sequence[replay.Plan],
        measured: Sequence[ExampleRow],
        rate: float,
    ) -> Generator[None, None, Update]:
        """Train on `rows` in `rounds`, until the facts that are measured are learned.

        Before and after are KL(teacher || now) of those facts. Each round begins at the full rate.
        """
        assert self.trainer is not None
        self._check_examples(rows)
        facts = [row.example for row in measured if row.kind == Kind.FACT]
        start, steps = self._learner.state, 0
        norm, refused = None, ""
        before = after = yield from self.trainer.measure(facts)
        examples = [row.example for row in rows]
        for plan in rounds:
            norm, refused = yield from self.trainer.train(examples, plan, rate)
            steps += len(plan)
            if refused:
                self._learner.state = start
            after = yield from self.trainer.measure(facts)
            if refused or sum(after) <= self._config.learned * len(facts):
                break
        return Update(
            kind=kind,
            tokens=sum(len(fact.target) for fact in facts),
            steps=steps,
            rate=rate,
            nll_before=_finite_mean(tuple(before)) if facts else None,
            nll_after=_finite_mean(tuple(after)) if facts else None,
            gradient_norm=_finite_mean((norm or 0.0,)),
            accepted=not refused,
            reason=refused,
        )

    def _study_anew(self, position: int) -> Steps:
        """Make the adapter from the start: newest words, then all facts; keep it if recall rose.

        Or if it moves other answers much less, and still knows the facts.
        """
        assert self.trainer is not None
        before, config = self._learner.state, self._config
        rows = self._ledger.examples.active(self._memory, upto=position - 1)
        self._check_examples(rows)
        known = [row.example for row in rows if row.kind == Kind.FACT]
        gap_before = yield from self.trainer.measure(known)
        _, drift_before = yield from self._guard()
        self._learner.state = self._start
        for lesson in self._ledger.events.lessons_before(self._memory, position, config.words):
            yield from self._learn_words(lesson.chunks, 1.0)
        held, _ = guard.split(self._ledger.examples.regularization(self._memory))
        plan = yield from self._plan_anew(rows, held)
        update = yield from self._train("consolidation", [*rows, *held], [plan], rows, 1.0)
        gap = yield from self.trainer.measure(known)
        moved, drift = yield from self._guard()
        reason = Reason.MOVED.with_(*moved) if moved else ""
        lighter = (drift or 0.0) < config.lighter * (drift_before or 0.0)
        lighter = lighter and sum(gap) <= config.learned * len(gap)
        if not reason and not lighter and sum(gap) >= sum(gap_before):
            means = (f"{sum(g) / max(len(g), 1):.2f}" for g in (gap_before, gap))
            reason = Reason.RECALL.with_(*means)
        if reason:
            self._learner.state = before
            update = replace(update, accepted=False, reason=reason)
        return Outcome(not reason, reason, drift, (update,))

    def _plan_anew(
        self, rows: Sequence[ExampleRow], held: Sequence[ExampleRow]
    ) -> Generator[None, None, replay.Plan]:
        """Plan the steps on `rows`, beside some of what is held; of many, a few steps at a time."""
        config, drawn = self._config, 0
        plan: replay.Plan = []
        for taken in replay.each(
            f"anew:{len(rows)}", [row.uid for row in (*rows, *held)],
            new=len(rows), replayed=0, steps=self.steps_anew(rows),
            batch=(config.new + config.replayed, 0, config.held),
        ):  # fmt: skip
            plan.append(taken)
            drawn += len(rows)
            if drawn >= LOTS:
                drawn = 0
                yield
        return plan

    def steps_anew(self, rows: Sequence[ExampleRow]) -> int:
        """How many steps it takes to make the adapter anew from `rows`."""
        facts = sum(row.kind == Kind.FACT for row in rows)
        return min(self._config.pass_steps * facts, self._config.most_steps)

    def _guard(self) -> Generator[None, None, tuple[tuple[str, ...], float | None]]:
        """Measure what should stay as it was; return a broken bound (reading, bound), and drift."""
        _, guarding = guard.split(self._ledger.examples.regularization(self._memory))
        if not guarding or self.trainer is None:
            return (), None
        self._check_examples(guarding)
        self.guarding = True
        try:
            drift = yield from guard.read(self.trainer, [row.example for row in guarding])
        finally:
            self.guarding = False
        bound = self._config.max_drift
        moved = () if drift <= bound else (f"{drift:.3f}", f"{bound:g}")
        return moved, _finite_mean((drift,))

    def check(self, event: EventRow) -> None:
        """Raise Damaged for a token that the base does not have: MLX would read beyond it."""
        for chunk in event.lesson.chunks:
            if fault := chunk_fault(chunk, self._tokens):
                raise Damaged(f"lesson {event.id} ({fault})")

    def _check_examples(self, rows: Sequence[ExampleRow]) -> None:
        for row in rows:
            if fault := example_fault(row.example, self._tokens):
                raise Damaged(f"example {row.id} ({fault})")


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


def _finite_mean(values: tuple[float, ...]) -> float | None:
    mean = sum(values) / max(len(values), 1)
    return mean if abs(mean) < float("inf") else None
