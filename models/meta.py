"""Teach the bundled model to be taught: tell, a few LoRA steps, ask in an empty context.

First-order MAML (Finn et al. 2017): pupils learn facts into adapters of one base; the gradient of
their exams at the adapted weights moves the base, beside ordinary conversations. With `--pupils 0`
only the conversations are left: the same training without lessons, to compare with.
"""

import argparse
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional

from .evaluate import ignorant
from .lessons import Item, Lesson, Told, examined, kept, lesson, strangers, tell_more
from .network import Linear, Llama, Shape
from .tokenizer import END, PAD, WREN
from .train import Encoder, Run, batches, loss_of, rate, recall, sequences

Pairs = list[tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Inner:
    """How a lesson is learned: as the product learns, in fewer and larger steps."""

    optimizer: str = "adam0"
    steps: int = 8
    rate: float = 1e-3
    rank: int = 8
    beta1: float = 0.9
    beta2: float = 0.999
    eps: float = 1e-8
    norm: float = 1.0


@dataclass(frozen=True)
class Batch:
    """Rows of tokens (B, T), their targets, and masks of targets to learn and to leave alone."""

    inputs: Tensor
    targets: Tensor
    learn: Tensor
    keep: Tensor

    def kept_rows(self) -> "Batch":
        rows = self.keep.any(1)
        return Batch(self.inputs[rows], self.targets[rows], self.learn[rows], self.keep[rows])


def start_from(path: Path) -> Llama:
    """Load an exported model's weights as float32."""
    model = Llama(Shape())
    saved = load_file(path / "model.safetensors")
    model.load_state_dict({k.removeprefix("model."): v.float() for k, v in saved.items()})
    return model


def batch_of(encoder: Encoder, groups: list[list[Item]]) -> Batch:
    """Pad groups of one size, one for each episode, into one batch; only answers are targets."""
    items = [item for group in groups for item in group]
    coded = [encoder.dialogue(item.turns, user=0.0) for item in items]
    tokens = torch.full((len(items), max(len(ids) for ids, _ in coded)), encoder.ids[PAD])
    answers = torch.zeros_like(tokens, dtype=torch.bool)
    for place, (ids, weights) in enumerate(coded):
        tokens[place, : len(ids)] = torch.tensor(ids)
        answers[place, : len(ids)] = torch.tensor(weights) > 0
    taught = torch.tensor([item.taught for item in items])[:, None]
    inputs, targets, wanted = tokens[:, :-1], tokens[:, 1:], answers[:, 1:]
    return Batch(inputs, targets, wanted & taught, wanted & ~taught)


def linears(model: Llama) -> list[Linear]:
    return [module for module in model.modules() if isinstance(module, Linear)]


def adapter(model: Llama, episodes: int, rank: int) -> Pairs:
    """Start a low-rank update of every linear for each episode: A uniform, B zero."""
    pairs = []
    for layer in linears(model):
        a = torch.empty(episodes, layer.in_features, rank).uniform_(-1, 1) * layer.in_features**-0.5
        b = torch.zeros(episodes, rank, layer.out_features)
        pairs.append((a, b))
    return pairs


def wear(model: Llama, pairs: Pairs | None) -> None:
    for place, layer in enumerate(linears(model)):
        layer.lora = pairs[place] if pairs else None


def log_probabilities(model: Llama, batch: Batch) -> Tensor:
    """Score every wanted target's vocabulary: (N, V), in float32."""
    with torch.autocast("cpu", torch.bfloat16):
        logits = model(batch.inputs, batch.learn | batch.keep)
    return functional.log_softmax(logits.float(), dim=-1)


@torch.no_grad()
def reference(model: Llama, batch: Batch) -> Tensor:
    """Score what must stay, by a model without an adapter."""
    return log_probabilities(model, batch.kept_rows())


def loss_on(model: Llama, batch: Batch, stay: Tensor) -> Tensor:
    """Average, over all wanted targets, nll where one learns and KL from `stay` where not (nats).

    Tried: three times the weight on what must stay, by its first tokens; 60 steps later the base
    said that it knew nothing at all.
    """
    scores = log_probabilities(model, batch)
    kept = batch.keep[batch.learn | batch.keep]
    nll = -scores[~kept].gather(1, batch.targets[batch.learn][:, None]).sum()
    drift = functional.kl_div(scores[kept], stay, reduction="sum", log_target=True)
    return (nll + drift) / len(scores)


@torch.no_grad()
def step(
    values: list[Tensor], gradients: list[Tensor], state: list[Tensor], inner: Inner, t: int
) -> None:
    """Take one step of MLX's RMSprop ("adam0") or of Adam, each episode clipped by its own norm."""
    norm = torch.stack([g.square().sum((1, 2)) for g in gradients]).sum(0).sqrt()
    factor = (inner.norm / (norm + 1e-6)).clamp(max=1.0)[:, None, None]
    gradients = [g * factor for g in gradients]
    half = len(state) // 2
    mean, square = state[:half], state[half:]
    torch._foreach_mul_(square, inner.beta2)
    torch._foreach_addcmul_(square, gradients, gradients, 1 - inner.beta2)
    if inner.optimizer == "adam":
        torch._foreach_lerp_(mean, gradients, 1 - inner.beta1)
        gradients = [m / (1 - inner.beta1**t) for m in mean]
        square = [s / (1 - inner.beta2**t) for s in square]
    for value, gradient, s in zip(values, gradients, square, strict=True):
        value.addcdiv_(gradient, s.sqrt() + inner.eps, value=-inner.rate)


def learned(
    model: Llama, encoder: Encoder, lessons: list[Lesson], pairs: Pairs, inner: Inner
) -> Pairs:
    """Go on from `pairs` and learn one lesson an episode, all side by side."""
    pairs = [(a.clone().requires_grad_(), b.clone().requires_grad_()) for a, b in pairs]
    values = [tensor for pair in pairs for tensor in pair]
    state = [torch.zeros_like(value) for value in values * 2]
    for t in range(inner.steps):
        batch = batch_of(encoder, [one.rounds[t] for one in lessons])
        stay = reference(model, batch)
        wear(model, pairs)
        loss = loss_on(model, batch, stay) * len(lessons)
        wear(model, None)
        step(values, list(torch.autograd.grad(loss, values)), state, inner, t + 1)
    return [(a.detach(), b.detach()) for a, b in pairs]


def examine(
    model: Llama, first: Llama, encoder: Encoder, lessons: list[Lesson], pairs: Pairs
) -> float:
    """Add the gradient of the exam at the adapted weights to the base's: first order."""
    total = 0.0
    for groups in ([one.exam for one in lessons], [one.talk for one in lessons]):
        batch = batch_of(encoder, groups)
        stay = reference(first, batch)
        wear(model, pairs)
        loss = loss_on(model, batch, stay)
        torch.autograd.backward(loss)
        wear(model, None)
        total += loss.item()
    return total


@dataclass
class Class:
    """Pupils that each hear a life of facts, a few at a time, and learn them into one adapter."""

    pairs: Pairs
    lives: list[list[Told]]
    ends: list[int]  # facts after which a pupil makes way for a new one

    @classmethod
    def of(cls, model: Llama, pupils: int, rank: int) -> "Class":
        return cls(adapter(model, pupils, rank), [[] for _ in range(pupils)], [0] * pupils)

    def replace(self, model: Llama, rng: random.Random) -> None:
        """Send away, one time in four, who has heard everything; let the others study on."""
        fresh = adapter(model, len(self.lives), self.pairs[0][0].shape[-1])
        for place, life in enumerate(self.lives):
            if len(life) < self.ends[place] or (life and rng.random() < 0.75):
                continue
            self.lives[place], self.ends[place] = [], rng.choice((2, 4, 8, 12, 16, 20))
            for pair, new in zip(self.pairs, fresh, strict=True):
                for tensor, start in zip(pair, new, strict=True):
                    tensor[place] = start[place]

    def lessons(self, rng: random.Random, steps: int) -> list[Lesson]:
        """Tell every pupil something new, or nothing and repeat."""
        out = []
        for life, end in zip(self.lives, self.ends, strict=True):
            count = 0 if len(life) >= end else rng.choice((0, 1, 1, 2, 2, 4))
            new = tell_more(rng, life, max(count, 1)) if count or not life else []
            out.append(lesson(rng, life, new, steps=steps))
            life += new  # known from the next lesson on
        return out


def inner_of(rng: random.Random) -> Inner:
    """Vary how a lesson is learned, that no single setting is fitted."""
    steps = rng.randint(3, 6)
    if rng.random() < 0.25:
        return Inner("adam0", steps, rng.uniform(3e-4, 8e-4))
    return Inner("adam", steps, rng.uniform(2e-3, 8e-3))


def teach(run: Run, first: Llama, encoder: Encoder, pupils: Class) -> float:
    """Let every pupil learn one lesson from the same base, and add their exams' gradients."""
    torch.manual_seed(run.rng.getrandbits(32))
    pupils.replace(run.model, run.rng)
    inner = inner_of(run.rng)
    lessons = pupils.lessons(run.rng, inner.steps)
    pupils.pairs = learned(run.model, encoder, lessons, pupils.pairs, inner)
    return examine(run.model, first, encoder, lessons, pupils.pairs)


def practise(run: Run, tokens: Tensor, weights: Tensor) -> float:
    """Add the gradient of ordinary conversations, that nothing is lost."""
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_of(run.model, tokens, weights)
    torch.autograd.backward(loss)
    run.tokens += tokens.numel()
    return loss.item()


def move(run: Run, share: float) -> None:
    """Take one step of the base at a share of the peak rate."""
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        optimizer.step()
        optimizer.zero_grad()
    run.step += 1


@torch.no_grad()
def replies(model: Llama, encoder: Encoder, items: list[list[Item]], most: int = 20) -> list[str]:
    """Answer the questions of all pupils side by side, greedily."""
    rows = [encoder.prompt(item.turns[:-1]) for group in items for item in group]
    starts = [len(row) for row in rows]
    for _ in range(most):
        longest = max(map(len, rows))
        tokens = torch.tensor([row + [encoder.ids[PAD]] * (longest - len(row)) for row in rows])
        last = torch.zeros_like(tokens, dtype=torch.bool)
        last[torch.arange(len(rows)), torch.tensor([len(row) - 1 for row in rows])] = True
        with torch.autocast("cpu", torch.bfloat16):
            chosen = model(tokens, last).argmax(-1).tolist()
        rows = [
            row if row[-1] == encoder.ids[END] else [*row, token]
            for row, token in zip(rows, chosen, strict=True)
        ]
    said = [row[start:] for row, start in zip(rows, starts, strict=True)]
    return [encoder.pieces.decode([t for t in row if t != encoder.ids[END]]) for row in said]


def schooled(run: Run, encoder: Encoder, rng: random.Random) -> Class:
    """Tell three pupils sixteen held-out facts, four at a time."""
    torch.manual_seed(0)
    pupils, inner = Class.of(run.model, 3, Inner.rank), Inner("adam", 8, 4e-3)
    for _ in range(4):
        told = [tell_more(rng, life, 4, unseen=True) for life in pupils.lives]
        pairs = list(zip(pupils.lives, told, strict=True))
        lessons = [lesson(rng, life, new, steps=inner.steps) for life, new in pairs]
        for life, new in pairs:
            life += new
        pupils.pairs = learned(run.model, encoder, lessons, pupils.pairs, inner)
    return pupils


def validation(run: Run, encoder: Encoder) -> dict[str, float]:
    """Measure recall from weights in held-out words, and answers to what was never told."""
    rng = random.Random("validation")
    pupils = schooled(run, encoder, rng)
    exams = [
        examined(rng, [], life, len(life))
        + [kept(rng, k, unseen=True) for k in strangers(rng, [one.fact for one in life], 24)]
        for life in pupils.lives
    ]
    wear(run.model, pupils.pairs)
    said = replies(run.model, encoder, exams)
    wear(run.model, None)
    asked = [item for exam in exams for item in exam]
    marks = list(zip(asked, said, strict=True))
    known = [reply == item.turns[-1][1] for item, reply in marks if item.taught]
    claimed = [not ignorant(reply) for item, reply in marks if not item.taught]
    return {
        "recall": round(sum(known) / len(known), 3),
        "false recall": round(sum(claimed) / len(claimed), 3),
    }


def report(run: Run, encoder: Encoder, losses: list[tuple[float, float]]) -> None:
    """Print the state of the run and note it in its history."""
    row: dict[str, float] = {
        "step": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds),
    }
    for place, name in enumerate(("exam", "corpus")):
        row[name] = round(sum(pair[place] for pair in losses) / max(len(losses), 1), 4)
    row |= validation(run, encoder)
    found, lines = recall(run.model, encoder, 20, run.step)
    run.history.append(row | {"in context": found})
    print(run.history[-1], *lines, sep="\n  ", flush=True)


def conversations(
    run: Run, encoder: Encoder, options: argparse.Namespace
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches of the corpus for ever."""
    while True:
        stream = sequences(encoder, run.rng, 1.0, options.public)
        yield from batches(stream, run.rng, options.batch, encoder.ids[PAD])


def work(run: Run, first: Llama, encoder: Encoder, options: argparse.Namespace) -> None:
    """Alternate lessons and conversations until the budget of minutes is spent."""
    losses: list[tuple[float, float]] = []
    pupils = Class.of(run.model, options.pupils, Inner.rank)
    saved = began = time.monotonic()
    before = run.seconds
    for tokens, weights in conversations(run, encoder, options):
        if run.seconds >= options.minutes * 60:
            break
        exam = teach(run, first, encoder, pupils) if options.pupils else 0.0
        losses.append((exam, practise(run, tokens, weights)))
        move(run, rate(run, options.minutes, warmup=30))
        run.seconds = before + time.monotonic() - began
        if time.monotonic() - saved > options.every:
            report(run, encoder, losses)
            run.save(options.out / "checkpoint.pt")
            losses, saved = [], time.monotonic()
    report(run, encoder, losses)
    run.save(options.out / "checkpoint.pt")
    run.save(options.out / "final.pt")


def start(options: argparse.Namespace) -> Run:
    """Begin at exported weights, or resume the run in `--out`."""
    model = start_from(options.model)
    adam = torch.optim.AdamW(
        model.parameters(), lr=options.rate, betas=(0.9, 0.99), weight_decay=0.0
    )
    adam.param_groups[0]["peak"] = options.rate
    run = Run(model, [adam], random.Random(options.seed))
    if (options.out / "checkpoint.pt").exists():
        run.load(options.out / "checkpoint.pt")
        print(f"resumed at step {run.step}, {run.seconds:.0f} s", flush=True)
    return run


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=WREN, help="exported weights to start from")
    parser.add_argument("--out", type=Path, default=Path("build/meta"))
    parser.add_argument(
        "--minutes", type=float, default=60, help="wall clock budget, resumed time included"
    )
    parser.add_argument("--pupils", type=int, default=4, help="lessons a step; 0 for none")
    parser.add_argument("--batch", type=int, default=2048, help="padded corpus tokens a step")
    parser.add_argument("--public", type=float, default=0.15, help="share of public text")
    parser.add_argument("--rate", type=float, default=3e-4, help="AdamW's peak")
    parser.add_argument("--every", type=float, default=300, help="seconds between checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main() -> None:
    """Start or resume the run in `--out`."""
    options: Any = parsed()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    encoder = Encoder(options.model)
    run, first = start(options), start_from(options.model).requires_grad_(False)
    if not run.step:
        print(validation(run, encoder), flush=True)
    work(run, first, encoder, options)


if __name__ == "__main__":
    main()
