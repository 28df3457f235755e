"""Greedy answers to many prompts side by side, with the distributions they were taken from."""

from collections.abc import Collection, Generator, Mapping, Sequence
from dataclasses import dataclass, replace

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from mlxdyn.learn.example import Likely
from mlxdyn.learn.parts import Parts, Prefix, Rows, common_start, lay_out

TOGETHER = 24
"""Rows decoded at once: on two cores 24 rows cost a third more than 8 (SmolLM2-135M)."""
READ = 256
"""Tokens read in one step, so that a long message keeps no reply waiting (law 8: 40 s for 3,000 of
SmolLM2). What is put to a base with a short message is as short, and read at once.
"""
ROW = 64  # tokens of each of many rows that are read in one step at least: no question is as long
LIKELY = 32
"""Tokens kept of a distribution; what they leave counts as one bucket."""
GIVEN = 1e4  # nats by which a token is put before all others
LEAN = 1.6
"""Nats by which a teacher prefers the words that it was given: e^1.6 is five times. SmolLM2 answers
"My dog is called Rex." with "Your dog Rex is called Max." without.
"""


@dataclass(frozen=True, slots=True)
class Decoded:
    """One answer; `tokens` ends with an end token if it came to its end."""

    tokens: tuple[int, ...]
    likely: Likely
    ended: bool
    logprobs: tuple[float, ...]  # of each token, in nats

    @property
    def logprob(self) -> float:
        return sum(self.logprobs)

    def beginning(self, most: int) -> "Decoded":
        """Give its first tokens, at most so many."""
        likely = Likely(self.likely.tokens[:most], self.likely.logprobs[:most])
        whole = self.ended and len(self.tokens) <= most
        return Decoded(self.tokens[:most], likely, whole, self.logprobs[:most])


@dataclass(frozen=True, slots=True)
class Support:
    """What messages add to each token of an answer."""

    nats: tuple[float, ...]  # by which it is likelier than without them
    known: tuple[bool, ...]  # it stands in the question already
    plain: tuple[bool, ...]  # it stands in the messages, or belongs to how an answer is put

    @property
    def new(self) -> tuple[float, ...]:
        """The nats of what the question does not hold."""
        return tuple(0.0 if k else n for n, k in zip(self.nats, self.known, strict=True))

    @property
    def total(self) -> float:
        return sum(self.new)

    def most(self, answer: Decoded) -> int:
        """Give the token of `answer` that is supported most: what it tells."""
        return answer.tokens[self.new.index(max(self.new))]


@dataclass(frozen=True, slots=True)
class Branch:
    """One way to go on from a prompt."""

    tokens: tuple[int, ...]
    logprob: float  # in nats


@dataclass(frozen=True, slots=True)
class Decoder:
    """A base that decodes: its parts, the tokens that end an answer, and prefixes read before."""

    parts: Parts
    ends: frozenset[int]
    prefixes: dict[tuple[int, ...], Prefix]

    def read(self, tokens: tuple[int, ...]) -> Generator[None, None, Prefix]:
        """Read a prefix once, `READ` tokens a step; the newest few are kept."""
        if tokens not in self.prefixes:
            prefix = self.parts.read(tokens[:READ])
            for first in range(READ, len(tokens), READ):
                yield
                prefix = self.parts.read(tokens[first : first + READ], prefix)
            if len(self.prefixes) >= 6:
                self.prefixes.pop(next(iter(self.prefixes)))
            self.prefixes[tokens] = prefix
        return self.prefixes[tokens]

    def answers(
        self,
        prompts: Sequence[tuple[int, ...]],
        most: int,
        *,
        stops: frozenset[int] = frozenset(),
        lean: Sequence[Collection[int]] = (),
        given: Sequence[tuple[int, ...]] = (),
    ) -> Generator[None, None, list[Decoded]]:
        """Answer all prompts greedily, one token of each a step, at most `most` tokens.

        `lean` are the tokens that each answer takes for `LEAN` nats likelier than they are; `given`
        are those with which it begins, however likely.
        """
        by_length = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
        found: dict[int, Decoded] = {}
        shared = common_start(prompts) if prompts else 0
        for first in range(0, len(prompts), TOGETHER):
            group = by_length[first : first + TOGETHER]
            together = [prompts[i] for i in group]
            begun = [given[i] for i in group] if given else ()
            leans = [lean[i] for i in group] if lean else ()
            answers = yield from self._together(together, shared, most, stops, leans, begun)
            found |= zip(group, answers, strict=True)
        return [found[i] for i in range(len(prompts))]

    def branches(
        self,
        prompt: tuple[int, ...],
        count: int,
        most: int,
        *,
        stops: frozenset[int],
        lasts: frozenset[int] = frozenset(),
    ) -> Generator[None, None, list[Branch]]:
        """Go on from `prompt` with each of its `count` likeliest next tokens, then greedily.

        Both `stops` and `lasts` end a branch; a stop is no part of it.
        """
        prefix = yield from self.read(prompt[:-1])
        hidden = self.parts.hidden(lay_out([prompt], len(prompt) - 1), prefix)
        scores = nn.log_softmax(self.parts.head(hidden[0, -1]).astype(mx.float32))
        firsts = mx.argpartition(-scores, count - 1)[:count]
        pairs = zip(np.array(scores[firsts]).tolist(), np.array(firsts).tolist(), strict=True)
        starts: list[tuple[float, int]] = sorted(pairs, reverse=True)
        yield
        prompts = [(*prompt, token) for _, token in starts]
        ending = replace(self, ends=self.ends | lasts)
        rest = yield from ending._together(prompts, len(prompt), most - 1, stops)
        return [
            Branch((token, *one.tokens), sum((score, *one.logprobs)))
            for (score, token), one in zip(starts, rest, strict=True)
        ]

    def _together(
        self,
        prompts: Sequence[tuple[int, ...]],
        shared: int,
        most: int,
        stops: frozenset[int],
        lean: Sequence[Collection[int]] = (),
        given: Sequence[tuple[int, ...]] = (),
    ) -> Generator[None, None, list[Decoded]]:
        rows = lay_out(prompts, shared)
        caches = self.parts.caches((yield from self.read(rows.shared)), rows.padding)
        *firsts, last = rows.parted(max(READ // len(prompts), ROW))
        for part in firsts:
            mx.eval(self.parts.hidden(part, [], caches), [cache.state for cache in caches])
            yield
        hidden = self.parts.hidden(last, [], caches)[:, -1]
        said = [_Row() for _ in prompts]
        enders = self.ends | stops
        leaning = [(row, token) for row, tokens in enumerate(lean) for token in tokens]
        at = mx.array(leaning).T if leaning else None
        for place in range(most):
            logits = self.parts.head(hidden).astype(mx.float32)
            leant = logits if at is None else logits.at[at[0], at[1]].add(LEAN)
            starts = enumerate(start[place : place + 1] for start in given)
            step = _Step.of(leant, {row: token for row, tokens in starts for token in tokens})
            mx.eval(step.best, step.tokens, step.logprobs, [cache.state for cache in caches])
            step.append(said, enders)
            yield
            if all(row.ended for row in said):
                break
            hidden = self.parts.hidden(_next(step.best), [], caches)[:, -1]
        return [row.decoded(stops) for row in said]

    def scores(
        self, prompts: Sequence[tuple[int, ...]], targets: Sequence[tuple[int, ...]]
    ) -> Generator[None, None, list[tuple[float, ...]]]:
        """Give the log-probability of each token of each target after its prompt, in nats."""
        whole = [p + t for p, t in zip(prompts, targets, strict=True)]
        order = sorted(range(len(whole)), key=lambda i: len(whole[i]))
        shared = min(common_start(prompts), common_start(whole)) if whole else 0
        found: dict[int, tuple[float, ...]] = {}
        for first in range(0, len(order), TOGETHER):
            group = order[first : first + TOGETHER]
            rows = lay_out([whole[i][:-1] for i in group], shared)
            hidden = self.parts.hidden(rows, (yield from self.read(rows.shared)))
            ends = [len(targets[i]) for i in group]
            at = mx.concatenate([hidden[r, -n:] for r, n in enumerate(ends)])
            logprobs = nn.log_softmax(self.parts.head(at).astype(mx.float32))
            wanted = mx.array([token for i in group for token in targets[i]])
            seen = mx.take_along_axis(logprobs, wanted[:, None], axis=-1)[:, 0]
            values = np.array(seen)
            bounds = np.cumsum([0, *ends])
            found |= {
                i: tuple(values[bounds[k] : bounds[k + 1]].tolist()) for k, i in enumerate(group)
            }
            yield
        return [found[i] for i in range(len(whole))]


class _Row:
    """One answer while it grows."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.likely: list[tuple[np.ndarray, np.ndarray]] = []
        self.logprobs: list[float] = []
        self.ended = False

    def decoded(self, stops: frozenset[int]) -> Decoded:
        """Give the answer; a stop is no part of it, an end token is."""
        if self.ended and self.tokens[-1] in stops:
            self.tokens.pop()
            self.likely.pop()
            self.logprobs.pop()
        tokens = np.array([t for t, _ in self.likely], dtype=np.int32).reshape(-1, LIKELY)
        logprobs = np.array([p for _, p in self.likely], dtype=np.float32).reshape(-1, LIKELY)
        return Decoded(
            tuple(self.tokens), Likely(tokens, logprobs), self.ended, tuple(self.logprobs)
        )


@dataclass(frozen=True, slots=True)
class _Step:
    """What all rows say next, and the likely tokens."""

    best: mx.array  # (B,)
    tokens: mx.array  # (B, K)
    logprobs: mx.array  # (B, K)

    @classmethod
    def of(cls, logits: mx.array, given: Mapping[int, int]) -> "_Step":
        """Choose the likeliest token of each row, or the one that is `given` for it."""
        scores = nn.log_softmax(logits)
        chosen = scores
        if given:
            chosen = scores.at[mx.array([*given]), mx.array([*given.values()])].add(GIVEN)
        tokens = mx.argpartition(-chosen, LIKELY - 1, axis=-1)[:, :LIKELY]
        best = mx.take_along_axis(chosen, tokens, axis=-1).argmax(axis=-1)[:, None]
        best = mx.take_along_axis(tokens, best, axis=-1)[:, 0]
        return cls(best, tokens, mx.take_along_axis(scores, tokens, axis=-1))

    def append(self, said: Sequence[_Row], enders: frozenset[int]) -> None:
        best, tokens, logprobs = map(np.array, (self.best, self.tokens, self.logprobs))
        for i, row in enumerate(said):
            if not row.ended:
                row.tokens.append(int(best[i]))
                row.likely.append((tokens[i], logprobs[i]))
                row.logprobs.append(float(logprobs[i][tokens[i] == best[i]][0]))
                row.ended = int(best[i]) in enders


def _next(best: mx.array) -> Rows:
    return lay_out([(int(token),) for token in np.array(best)], 0)
