"""Teach the bundled model to be taught: tell, some LoRA steps, ask in an empty context.

First-order MAML (Finn et al. 2017): pupils learn facts into adapters of one base; the gradient
of their exams at the adapted weights moves the base, beside ordinary conversations. Two wordings of
a question are drawn together inside the network, and questions about different things apart
(InfoNCE, van den Oord et al. 2018), so that what is learned for one wording holds for the other.
`--pupils 0` leaves the lessons out, `--alike 0` the wordings.
"""

import argparse
import copy
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from . import lessons as school
from .evaluate import ignorant
from .feeds import feeds
from .lessons import HOLD, LEARN, WIDE, Batch, Lesson, Plan, Row, Told
from .network import Linear, Llama, autocast, precision, read
from .tokenizer import WREN
from .train import (
    CHECKPOINT,
    Arrays,
    Encoder,
    Run,
    batches,
    loss_of,
    move,
    parser_of,
    placed,
    practise,
    rate,
    recall,
    replies,
)

RANK, BETA1, BETA2, EPS, NORM = 8, 0.9, 0.99, 1e-8, 1.0
TEMPERATURE = 0.1  # of InfoNCE
DEEP = (2, 3, 4)  # blocks after which two wordings should look alike


@dataclass(frozen=True)
class Placed:
    """A batch on the device, and of what must stay: its targets, its rows, and places in these."""

    tokens: Tensor
    places: Tensor
    targets: Tensor
    weights: Tensor
    groups: Tensor
    pupils: Tensor
    held: Tensor
    held_tokens: Tensor
    held_places: Tensor

    @classmethod
    def of(cls, batch: Batch, device: str) -> "Placed":
        held = np.flatnonzero(batch.groups != LEARN)
        row, column = np.divmod(batch.places[held], batch.tokens.shape[1])
        rows, order = np.unique(row, return_inverse=True)
        arrays = [getattr(batch, one.name) for one in fields(batch)]
        more = held, batch.tokens[rows], order * batch.tokens.shape[1] + column
        return cls(*(placed(array, device) for array in (*arrays, *more)))


def linears(model: Llama) -> list[Linear]:
    return [module for module in model.modules() if isinstance(module, Linear)]


class Adapters:
    """A low-rank update of every linear for each pupil, all in one matrix (pupils, P)."""

    def __init__(self, model: Llama, pupils: int) -> None:
        self.layers = linears(model)
        self.device = model.norm.weight.device
        self.values = self.begun(pupils)

    def begun(self, pupils: int) -> Tensor:
        """Start new ones: A uniform, B zero."""
        parts = []
        for layer in self.layers:
            a = torch.empty(pupils, layer.in_features * RANK, device=self.device)
            b = torch.zeros(pupils, RANK * layer.out_features, device=self.device)
            parts += [a.uniform_(-1, 1) * layer.in_features**-0.5, b]
        return torch.cat(parts, 1)

    def renew(self, fresh: Tensor) -> None:
        new = self.begun(len(fresh))
        self.values = torch.where(fresh.bool()[:, None], new, self.values)

    def pairs(self) -> list[tuple[Tensor, Tensor]]:
        """Cut copies in the device's precision that a gradient can be asked for."""
        low, at, out = self.values.to(precision(self.device), copy=True), 0, []
        for layer in self.layers:
            cut = []
            for shape in ((layer.in_features, RANK), (RANK, layer.out_features)):
                size = shape[0] * shape[1]
                cut.append(low[:, at : at + size].unflatten(1, shape).requires_grad_())
                at += size
            out.append((cut[0], cut[1]))
        return out


def wear(model: Llama, pairs: Sequence[tuple[Tensor, Tensor]] | None) -> None:
    for place, layer in enumerate(linears(model)):
        layer.lora = pairs[place] if pairs else None


def low(model: Llama) -> Llama:
    """Copy the weights in the device's precision, for the many steps that do not change them."""
    other = copy.deepcopy(model).requires_grad_(False)
    for parameter in other.parameters():
        parameter.data = parameter.data.to(precision(parameter.device))
    return other


def scores(model: Llama, tokens: Tensor, places: Tensor) -> Tensor:
    """Score the vocabulary after each place: log probabilities (N, V) in float32."""
    return functional.log_softmax(model(tokens, places).float(), dim=-1)


@torch.no_grad()
def reference(model: Llama, batch: Placed) -> Tensor:
    """Score what must stay, by a model without an adapter."""
    return scores(model, batch.held_tokens, batch.held_places)


def losses(model: Llama, batch: Placed, stay: Tensor, ask_weight: Tensor | float) -> Tensor:
    """Each target's part of its pupil's loss: nll where one learns, KL from `stay` where not."""
    found = scores(model, batch.tokens, batch.places)
    nll = -found.gather(1, batch.targets[:, None])[:, 0]
    drift = functional.kl_div(found[batch.held], stay, reduction="none", log_target=True).sum(1)
    part = nll.index_copy(0, batch.held, drift) * batch.weights
    return torch.where(batch.groups == HOLD, part * ask_weight, part)


class Study:
    """Adam on the adapters of all pupils, each clipped by its own norm."""

    def __init__(self, model: Llama, adapters: Adapters) -> None:
        self.model, self.adapters = model, adapters
        self.mean = torch.zeros_like(adapters.values)
        self.square = torch.zeros_like(adapters.values)
        self.t = 0

    def step(self, batch: Placed, stay: Tensor, rate: float, ask_weight: Tensor | float) -> None:
        pairs = self.adapters.pairs()
        wear(self.model, pairs)
        loss = losses(self.model, batch, stay, ask_weight).sum()
        wear(self.model, None)
        leaves = [tensor for pair in pairs for tensor in pair]
        found = torch.autograd.grad(loss, leaves)
        gradient = torch.cat([g.flatten(1) for g in found], 1).float()
        with torch.no_grad():
            self._adam(gradient, rate)

    def _adam(self, gradient: Tensor, rate: float) -> None:
        self.t += 1
        gradient *= (NORM / (gradient.norm(dim=1, keepdim=True) + 1e-6)).clamp(max=1.0)
        self.mean.lerp_(gradient, 1 - BETA1)
        self.square.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
        size = (self.square / (1 - BETA2**self.t)).sqrt_().add_(EPS)
        self.adapters.values.addcdiv_(self.mean, size, value=-rate / (1 - BETA1**self.t))


def learned(
    model: Llama,
    adapters: Adapters,
    batches: Sequence[Batch],
    rate: float,
    ask_weight: float | Tensor,
) -> None:
    """Study one lesson, all pupils side by side."""
    study = Study(model, adapters)
    for t, batch in enumerate(batches):
        rows = Placed.of(batch, str(adapters.device))
        weight = ask_weight if isinstance(ask_weight, float) else ask_weight[rows.pupils]
        study.step(rows, reference(model, rows), rate * (1 - t / len(batches)), weight)


def examine(run: Run, first: Llama, adapters: Adapters, lesson: Lesson) -> Tensor:
    """Add the gradient of the exams at the adapted weights to the base's: first order."""
    total = torch.zeros((), device=run.device)
    pairs = [(a.detach(), b.detach()) for a, b in adapters.pairs()]
    for batch in (lesson.exam, lesson.talk):
        rows = Placed.of(batch, run.device)
        stay = reference(first, rows)
        wear(run.model, pairs)
        with autocast(run.device):
            loss = losses(run.model, rows, stay, 1.0).sum() / len(lesson.fresh)
        torch.autograd.backward(loss)
        wear(run.model, None)
        total += loss.detach()
    return total


def alike(run: Run, arrays: Arrays, weight: float) -> Tensor:
    """Add the gradient of InfoNCE: a question's other wording is nearer than other questions."""
    tokens, places = (placed(array, run.device) for array in arrays)
    with autocast(run.device):
        through = [x for n, x in enumerate(run.model.blocks(tokens)) if n in DEEP]
    total = torch.zeros((), device=run.device)
    for x in through:
        keys = functional.rms_norm(x.flatten(0, 1)[places].float(), x.shape[-1:])
        keys = functional.normalize(keys - keys.mean(0), dim=1)
        one, two = keys.chunk(2)
        near = one @ two.T / TEMPERATURE
        wanted = torch.arange(len(one), device=run.device)
        sides = functional.cross_entropy(near, wanted) + functional.cross_entropy(near.T, wanted)
        total = total + sides / (2 * len(DEEP))
    torch.autograd.backward(weight * total)
    return total.detach()


def life(rng: random.Random, count: int) -> list[Told]:
    """Tell `count` facts whose values were held out, three in ten in held-out words."""
    out: list[Told] = []
    while len(out) < count:
        out += school.tell_more(rng, out, 1, unseen=True)
    return out


def questions(rng: random.Random, told: Sequence[Told]) -> tuple[list[Row], list[Row]]:
    """Ask for each fact in six ways, two of them held out, and for 80 things not told."""
    known = []
    for one in told:
        ways = sorted(set(one.fact.kind.asks)), sorted(set(one.fact.kind.unseen_asks))
        asked = rng.sample(ways[0], min(4, len(ways[0]))) + rng.sample(
            ways[1], min(2, len(ways[1]))
        )
        asked += rng.choices(ways[0], k=6 - len(asked))
        known += [Row([["user", q], ["assistant", one.fact.value]], LEARN) for q in asked]
    others = school.strangers(rng, [one.fact for one in told], 80)
    return known, [school.kept(rng, kind) for kind in others]


ASK_WEIGHTS = (1.0, 2.0, 3.0, 4.0)


def validation(
    run: Run, encoder: Encoder, *, lives: int = 16, facts: int = 20, steps: int = 24
) -> dict[str, Any]:
    """Measure recall from weights and false recall after each of several studies.

    The same lives are learned with each of ASK_WEIGHTS.
    """
    rng = random.Random("validation")
    people = [life(rng, facts) for _ in range(lives)]
    model, settings = low(run.model), len(ASK_WEIGHTS)
    with torch.random.fork_rng():  # the run's own goes on
        torch.manual_seed(0)
        adapters = Adapters(model, lives * settings)
    weights = torch.tensor(ASK_WEIGHTS, device=run.device).repeat_interleave(lives)
    for n in range(facts):
        rounds = [
            [school.round_of(rng, told[:n], told[n : n + 1]) for told in people]
            for _ in range(steps)
        ]
        coded = [Batch.of(encoder, rows, WIDE) for rows in rounds]
        learned(model, adapters, [school.joined([b] * settings) for b in coded], 2e-3, weights)
    asked = [questions(rng, told) for told in people]
    rows = [row for known, not_known in asked for row in (*known, *not_known)] * settings
    wear(model, adapters.pairs())
    said = replies(model, encoder, [encoder.prompt(row.turns[:-1]) for row in rows], 20)
    wear(model, None)
    right = [
        row.turns[-1][1].lower() in reply.lower() if row.group == LEARN else not ignorant(reply)
        for row, reply in zip(rows, said, strict=True)
    ]
    table = np.array(right, float).reshape(settings, lives, -1)
    known, claimed = table[..., : 6 * facts].mean((1, 2)), table[..., 6 * facts :].mean((1, 2))
    return {
        f"asks weigh {w:.0f}": (round(k, 3), round(c, 3))
        for w, k, c in zip(ASK_WEIGHTS, known.tolist(), claimed.tolist(), strict=True)
    }


def report(run: Run, encoder: Encoder, seen: list[Tensor], options: argparse.Namespace) -> None:
    """Print the state of the run and note it in its history."""
    row: dict[str, Any] = {
        "step": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds),
    }
    if seen:
        found = torch.stack(seen).mean(0).tolist()
        row |= {n: round(x, 4) for n, x in zip(("exam", "corpus", "wordings"), found, strict=True)}
    row |= validation(run, encoder, lives=options.lives)
    found, lines = recall(run.model, encoder, 30, run.step)
    run.history.append(row | {"in context": found})
    print(run.history[-1], *lines, sep="\n  ", flush=True)


def beside(encoder: Encoder, options: argparse.Namespace, first: int) -> Iterator[Any]:
    """Yield batches of the corpus, and of wordings, for ever, from step `first` on."""
    rng = random.Random(f"beside {options.seed} {first}")
    corpus = batches(encoder, rng, options.batch, options.public)
    return zip(corpus, school.pairs(encoder, rng, options.kinds), strict=True)


def work(run: Run, first: Llama, encoder: Encoder, options: argparse.Namespace) -> None:
    """Alternate lessons and conversations until the budget of minutes is spent."""
    groups = options.workers or 1
    if options.pupils % groups:
        raise SystemExit(f"--pupils must be a multiple of {groups}, one part for each process")
    begun, pupils = run.step, options.pupils // groups  # a resumed run draws what is new

    def lessons(place: int) -> Iterator[Lesson]:
        return school.lessons(encoder, options.seed, place, pupils, first=begun)

    taught = feeds(lessons, options.workers) if pupils else []
    other = feeds(lambda _: beside(encoder, options, begun), min(options.workers, 1))[0]
    adapters = Adapters(run.model, options.pupils)
    seen: list[Tensor] = []
    saved = began = time.monotonic()
    before = run.seconds
    while run.seconds < options.minutes * 60:
        exam = torch.zeros((), device=run.device)
        if taught:
            exam = teach(run, first, adapters, [next(feed) for feed in taught], options)
        conversations, wordings = next(other)
        talked = practise(run, loss_of, conversations)
        seen.append(torch.stack([exam, talked, alike(run, wordings, options.alike)]))
        move(run, rate(run, options, warmup=20))
        run.seconds = before + time.monotonic() - began
        if time.monotonic() - saved > options.every:
            report(run, encoder, seen, options)
            run.save(options.out / CHECKPOINT)
            seen, saved = [], time.monotonic()
    run.finish(options)
    report(run, encoder, seen, options)


def teach(
    run: Run, first: Llama, adapters: Adapters, parts: Sequence[Lesson], options: argparse.Namespace
) -> Tensor:
    """Let every pupil learn one lesson from the same base, and add their exams' gradients."""
    plan = Plan.of(options.seed, run.step)
    whole = Lesson(
        np.concatenate([part.fresh for part in parts]),
        [school.joined(step) for step in zip(*(part.steps for part in parts), strict=True)],
        school.joined([part.exam for part in parts]),
        school.joined([part.talk for part in parts]),
    )
    adapters.renew(placed(whole.fresh, run.device))
    learned(low(run.model), adapters, whole.steps, plan.rate, plan.ask_weight)
    return examine(run, first, adapters, whole)


def main() -> None:
    """Go on from `--model`, or resume the run in `--out`."""
    parser = parser_of(
        __doc__,
        out=Path("build/meta"),
        minutes=60,
        fall=0.5,
        end=0.0,
        batch=2048,
        matrix_rate=2e-3,
        other_rate=2e-4,
    )
    parser.add_argument("--model", type=Path, default=WREN, help="weights to start from")
    parser.add_argument("--pupils", type=int, default=4, help="lessons a step; 0 for none")
    parser.add_argument(
        "--kinds", type=int, default=64, help="of questions in two wordings, a step"
    )
    parser.add_argument("--alike", type=float, default=0.1, help="weight of the wordings")
    parser.add_argument("--lives", type=int, default=1, help="of 20 facts each, to validate on")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(options.tokenizer)
    run = Run.start(read(options.model), options)
    first = read(options.model).to(options.device).requires_grad_(False)
    if (options.out / CHECKPOINT).exists():
        run.load(options.out / CHECKPOINT)
    torch.manual_seed(options.seed + run.step)
    work(run, first, encoder, options)


if __name__ == "__main__":
    main()
