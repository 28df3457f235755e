"""`--lr auto`: a learning rate by the size of the base, put right by a short race on a little text.

A rate that is too large does damage within a few chunks, while what a good one gains grows slowly.
So the race begins at the rate that the size of the base suggests, and leaves it only for a
neighbour that is surely better: by a paired comparison of the same targets.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from statistics import fmean, stdev
from typing import Literal

from mlxdyn.config import STREAM_RATES, STREAM_SIZE, RaceConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import evaluate, fitting
from mlxdyn.lab.costs import FORWARDS
from mlxdyn.lab.findings import Progress, ProgressStep
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream, part
from mlxdyn.learn.learner import Learner, State
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

RACE = RaceConfig()
TUNING = 2048  # tokens to choose on when no text was named for it
LEAST = 16  # tokens that anything can be chosen on
OPENING = 64  # tokens by whose hash a text is known; one of fewer could be guessed from it
MOST_RACED = 100  # texts that are remembered, the longest
FURTHEST = 8  # steps from the start

Why = Literal["race", "size", "kept", "static"]
Losses = list[float]  # nats of each target, from the second chunk on: no rate tells in the first


@dataclass(frozen=True, slots=True)
class Tried:
    """A rate, and what it lost in the race."""

    rate: float
    nats_per_token: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Choice:
    """The rate to learn with, and how it came about."""

    rate: float
    why: Why
    tried: tuple[Tried, ...] = ()  # by rate; 0 is static
    chunks: int = 0  # that every rate was tried on
    spent: float = 0.0  # operations, in tokens of one forward
    share: float = 0.0  # that this is of all operations of the run
    raced: Mapping[str, int] = field(default_factory=dict)  # tokens of each text, by its opening

    @property
    def sentence(self) -> str:
        """Say it in one line."""
        rates = ", ".join(f"{one.rate:g}" for one in self.tried)
        match self.why:
            case "race":
                how = f"the best of {rates} on {self.chunks} chunks left out of the result"
            case "static":
                how = f"on {self.chunks} chunks left out of the result none of {rates} learned"
            case "kept":
                how = f"kept for this base from a race of {self.chunks} chunks; --tune chooses anew"
            case "size":
                how = "by the size of the base; the text does not tell more"
        cost = f", {self.share:.0%} of the operations" if self.share else ""
        return f"rate {self.rate:g}: {how}{cost}"


def prior(model: Model, settings: Settings) -> float:
    """The rate of the table, made smaller for a base larger than the one it was measured on."""
    known = STREAM_RATES[settings.adapter.adapt, settings.learner.optimizer]
    fall = RACE.fall_full if settings.adapter.adapt == "full" else RACE.fall
    return float(known * min(1.0, STREAM_SIZE / model.parameters) ** fall)


def by_size(model: Model, settings: Settings) -> Choice:
    """The choice where no race is run."""
    return Choice(rung(prior(model, settings), 0), "size")


def rung(rate: float, steps: int) -> float:
    """The rate nearest to `rate` of 1, 3, 10, 30, … and `steps` of these from it."""
    place = round(2 * math.log10(rate)) + steps
    return float(f"{(1, 3)[place % 2]}e{place // 2}")


def cost(found: Sequence[Chunk], forwards: int) -> int:
    """Operations, in tokens of one forward, of `found` with `forwards` for each input."""
    return sum(len(chunk.prefix or ()) + forwards * len(chunk.inputs) for chunk in found)


def run_cost(streams: Sequence[Stream], settings: Settings) -> int:
    """What a static run and one that learns cost together, likewise."""
    cut = [chunk for stream in streams for chunk in chunks(stream.tokens, settings.stream)]
    return cost(cut, 1) + cost(cut, FORWARDS[settings.adapter.adapt])


def affordable(tokens: int, settings: Settings) -> int:
    """Chunks that every rate can be tried on within the share of a run over `tokens`; 0 if none.

    Three rates and static, or at least two rates.
    """
    size, forwards = settings.stream.chunk, FORWARDS[settings.adapter.adapt]
    for depth in range(RACE.most, RACE.least - 1, -1):
        each = forwards * (depth - 1) + 1
        needed = 2 * each if depth == RACE.least else 3 * each + depth
        if needed * size <= _allowed((1 + forwards) * (tokens - 1 - depth * size)):
            return depth
    return 0


def _allowed(run: float) -> float:
    return RACE.share / (1 - RACE.share) * run


def automatic(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    *,
    known: Choice | None = None,
    progress: Progress | None = None,
) -> tuple[Choice, list[Stream], list[Stream]]:
    """Choose on the first tokens of `streams`; give them and the rest too, which is to be reported.

    A choice that is `known` is taken, unless it was made on what is to be reported, or this text is
    long enough for one that is twice as sure; what a race would take is left out all the same, so
    that a run that is repeated reports the same. The race takes at most its share of all operations
    of the run.
    """
    total = sum(len(stream.tokens) for stream in streams)
    depth = affordable(total, settings)
    wanted = min(depth * settings.stream.chunk + 1, total // 3)
    races = depth > 0 and wanted >= LEAST
    if known and _raced_beyond(wanted if races else 0, streams, known):
        known = None
    if not races:
        return known or by_size(model, settings), [], list(streams)
    tuning, rest = head(model, streams, wanted)
    if known and depth < 2 * known.chunks:
        return known, [], rest
    run = run_cost(rest, settings)
    choice = choose(model, tuning, settings, budget=_allowed(run), depth=depth, progress=progress)
    return replace(choice, share=choice.spent / (choice.spent + run)), tuning, rest


def _raced_beyond(left_out: int, streams: Sequence[Stream], known: Choice) -> bool:
    """Tell whether `known` was chosen on tokens of `streams` beyond the first `left_out` of all.

    A text is known by its start: where it is read from another place, it is taken for another.
    """
    for stream in streams:
        size = len(stream.tokens)
        if min(size, known.raced.get(_opening(stream), 0)) > left_out:
            return True
        left_out = max(0, left_out - size)
    return False


def _opening(stream: Stream) -> str:
    """Hash by what a text is known: its start; nothing of a short one, which a hash may betray."""
    start = stream.tokens[:OPENING]
    return hashlib.sha256(repr(start).encode()).hexdigest()[:16] if len(start) == OPENING else ""


def choose(
    model: Model,
    tuning: Sequence[Stream],
    settings: Settings,
    *,
    budget: float = math.inf,
    depth: int | None = None,
    progress: Progress | None = None,
) -> Choice:
    """Race on the first `depth` chunks of `tuning` (all, if None) for at most `budget` operations.

    Leaves `model` as the bare base. Raises MlxdynError where the settings do not fit it.
    """
    fitting.check(model, settings)
    cut = [chunk for stream in tuning for chunk in chunks(stream.tokens, settings.stream)][:depth]
    if len(cut) < 2:
        return by_size(model, settings)
    start = rung(prior(model, settings), 0)
    detach(model)
    base = dict(model.network.parameters())
    new_cache = evaluate.cache_maker(model, settings.stream)
    static = Learner(model.network, settings.learner, new_cache)
    attach(model, settings.adapter)
    try:
        learner = Learner(model.network, settings.learner, new_cache)
        evaluate.prepare(model, learner, settings, tuning)
        race = _Race(cut, settings, learner, learner.state, budget, start, progress)
        with evaluate.as_base(model, settings.adapter, base):
            still = race.static(static)
        best = race.climb(still)
    finally:
        detach(model)
        model.network.update(base)
    why: Why = "race" if len(race.lost) > 1 else "size"
    if still and surely_better(still, race.lost[best], RACE.very):
        best, why = 0.0, "static"
    longest_last = sorted(tuning, key=lambda stream: len(stream.tokens))[-MOST_RACED:]
    openings = [(_opening(stream), len(stream.tokens)) for stream in longest_last]
    raced = {opening: tokens for opening, tokens in openings if opening}
    return Choice(best, why, race.tried(still), len(cut), race.spent, raced=raced)


def head(
    model: Model, streams: Sequence[Stream], tokens: int = TUNING
) -> tuple[list[Stream], list[Stream]]:
    """Take the first `tokens`, at most a third of all, off the streams; give them and the rest.

    Raises MlxdynError when there is too little text to part.
    """
    total = sum(len(stream.tokens) for stream in streams)
    left, taken, rest = min(tokens, total // 3), list[Stream](), list[Stream]()
    if left < LEAST:
        raise MlxdynError(f"{total} tokens are too few to choose anything on; name more text")
    for stream in streams:
        size = len(stream.tokens)
        cut = min(left, size)
        if cut > 1:
            taken.append(part(model, stream, 0, cut) if cut < size else stream)
        if size - cut > 1:
            rest.append(part(model, stream, cut, size) if cut else stream)
        left -= cut
    return taken, rest


@dataclass(slots=True)
class _Race:
    """Rates that are tried one after the other, each over the same chunks from the same start."""

    cut: list[Chunk]
    settings: Settings
    learner: Learner
    begun: State
    budget: float
    first: float
    progress: Progress | None
    spent: float = 0.0
    lost: dict[float, Losses] = field(default_factory=dict)

    def climb(self, still: Losses) -> float:
        """Go down from the first rate, or else up, for as long as the next one is surely better.

        Where static is surely better, down it goes too: there, all is damage, and damage is flat.
        """

        @cache
        def run(step: int) -> Losses | None:
            return self._run(rung(self.first, step))

        at = 0
        run(0)
        for way in (-1, 1):
            while abs(at + way) <= FURTHEST and self._beats(way, run(at + way), run(at), still):
                at += way
            if at:
                break
        return rung(self.first, at)

    @staticmethod
    def _beats(way: int, other: Losses | None, now: Losses | None, still: Losses) -> bool:
        if other is None or now is None:
            return False  # too dear
        damage = way < 0 and bool(still) and surely_better(still, now, RACE.sure)
        return damage or surely_better(other, now, RACE.sure)

    @property
    def price(self) -> int:
        """Operations of one rate: all chunks but the last are learned, and that is scored."""
        *learned, last = self.cut
        return cost(learned, FORWARDS[self.settings.adapter.adapt]) + cost([last], 1)

    def _run(self, rate: float) -> Losses | None:
        """Learn the chunks from the start at `rate`; None where that is too dear."""
        if self.spent + self.price > self.budget:
            return None
        racer = self.learner.sibling(replace(self.learner.config, learning_rate=rate))
        racer.state = self.begun
        losses: Losses = []
        for index, chunk in enumerate(self.cut):
            last = index == len(self.cut) - 1
            seen = racer.score(chunk) if last else racer.learn(chunk)
            losses += seen.nll if index else ()
            self._tell(rate, index)
        self.spent += self.price
        self.lost[rate] = losses
        return losses

    def static(self, learner: Learner) -> Losses:
        """Score the chunks with the base, if two rates can be paid for beside it."""
        price = cost(self.cut, 1)
        if price + 2 * self.price > self.budget:
            return []
        self.spent += price
        return [n for i, chunk in enumerate(self.cut) for n in learner.score(chunk).nll if i]

    def tried(self, still: Losses) -> tuple[Tried, ...]:
        every = self.lost | ({0.0: still} if still else {})
        return tuple(Tried(r, fmean(lost), len(lost)) for r, lost in sorted(every.items()))

    def _tell(self, rate: float, done: int) -> None:
        if self.progress:
            label = f"choosing the rate: {rate:.2g}"
            self.progress(ProgressStep(label, len(self.lost) + 1, 5, done + 1, len(self.cut), None))


def surely_better(one: Losses, other: Losses, errors: float) -> bool:
    """Tell whether `one` lost less on the same targets, by that many standard errors."""
    if not all(map(math.isfinite, one)):
        return False
    if not all(map(math.isfinite, other)):
        return True
    apart = [b - a for a, b in zip(one, other, strict=True)]
    mean = fmean(apart)
    return mean > 0 and (len(apart) < 2 or mean > errors * stdev(apart) / math.sqrt(len(apart)))
