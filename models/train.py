"""Train the bundled model on an endless stream of new conversations; resumable at any time."""

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import sentencepiece
import torch
from torch import Tensor
from torch.nn import functional

from . import corpus, public
from .exchanges import Dialogue
from .muon import Muon
from .network import Llama, Shape
from .tokenizer import ASSISTANT, BOS, END, PAD, ROLES, WREN

Sequence = tuple[list[int], list[float]]
Loss = Callable[[Llama, Tensor, Tensor], Tensor]
USER_WEIGHT, PROSE_WEIGHT = 0.1, 0.5
LONGEST = 1024


class Encoder:
    """Turn dialogues and prose into token ids with a loss weight for each."""

    def __init__(self, path: Path) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(path / "tokenizer.model"))
        self.ids = {
            text: self.pieces.piece_to_id(text) for text in (BOS, END, PAD, *ROLES.values())
        }

    def dialogue(
        self, turns: Dialogue, *, user: float = USER_WEIGHT, assistant: float = 1.0
    ) -> Sequence:
        tokens, weights = [self.ids[BOS]], [0.0]
        for role, text in turns:
            body = [*self.pieces.encode(text), self.ids[END]]
            tokens += [self.ids[ROLES[role]], *body]
            weights += [user, *[assistant if role == "assistant" else user] * len(body)]
        return tokens[:LONGEST], weights[:LONGEST]

    def prose(self, text: str) -> Sequence:
        tokens = [self.ids[BOS], *self.pieces.encode(text)][:LONGEST]
        return tokens, [0.0] + [PROSE_WEIGHT] * (len(tokens) - 1)

    def prompt(self, turns: Dialogue) -> list[int]:
        return [*self.dialogue(turns)[0], self.ids[ASSISTANT]]


def sequences(
    encoder: Encoder, rng: random.Random, progress: float, public_share: float
) -> Iterator[Sequence]:
    """Yield encoded sequences for ever: generated dialogues, and a share of public text."""
    chats, prose, tasks = public.persona(rng), public.prose(rng), public.instructions()
    while True:
        draw = rng.random()
        if draw < public_share * 0.35:
            yield encoder.prose(next(prose))
        elif draw < public_share * 0.75:
            yield encoder.dialogue(next(chats), user=PROSE_WEIGHT, assistant=PROSE_WEIGHT)
        elif draw < public_share:
            yield encoder.dialogue(rng.choice(tasks))
        else:
            yield encoder.dialogue(corpus.dialogue(rng, progress=progress))


def batches(
    stream: Iterator[Sequence], rng: random.Random, tokens: int, pad: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a pool, sorted by length, into batches of about `tokens`; yield them in random order."""
    pool = sorted(islice(stream, 320), key=lambda item: len(item[0]))
    groups: list[list[Sequence]] = [[]]
    for item in pool:
        if groups[-1] and (len(groups[-1]) + 1) * len(item[0]) > tokens:
            groups.append([])
        groups[-1].append(item)
    rng.shuffle(groups)
    for group in groups:
        yield padded(group, pad)


def padded(group: list[Sequence], pad: int) -> tuple[Tensor, Tensor]:
    """Pad to (B, T); the weights of padding are zero."""
    longest = max(len(tokens) for tokens, _ in group)
    tokens = torch.tensor([tokens + [pad] * (longest - len(tokens)) for tokens, _ in group])
    weights = torch.tensor([weights + [0.0] * (longest - len(weights)) for _, weights in group])
    return tokens, weights


def loss_of(model: Llama, tokens: Tensor, weights: Tensor) -> Tensor:
    """Average the weighted nll of next tokens."""
    logits = model(tokens[:, :-1]).flatten(0, 1).float()
    nll = functional.cross_entropy(logits, tokens[:, 1:].flatten(), reduction="none")
    wanted = weights[:, 1:].flatten()
    return (nll * wanted).sum() / wanted.sum().clamp(min=1.0)


@dataclass
class Run:
    """Everything a training run is: saved whole, restored whole."""

    model: Llama
    optimizers: list[torch.optim.Optimizer]
    rng: random.Random
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    decay_from: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, seed: int, matrix_rate: float, other_rate: float) -> "Run":
        torch.manual_seed(seed)
        model = Llama(Shape())
        hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
        others = [p for name, p in model.named_parameters() if p.ndim != 2 or "layers" not in name]
        adam = torch.optim.AdamW(others, lr=other_rate, betas=(0.9, 0.95), weight_decay=0.0)
        run = cls(model, [Muon(hidden, matrix_rate), adam], random.Random(seed))
        for optimizer in run.optimizers:
            for group in optimizer.param_groups:
                group["peak"] = group["lr"]
        return run

    def save(self, path: Path) -> None:
        """Write the checkpoint whole or not at all."""
        state = {
            "model": self.model.state_dict(),
            "optimizers": [o.state_dict() for o in self.optimizers],
            "rng": self.rng.getstate(),
            "step": self.step,
            "tokens": self.tokens,
            "seconds": self.seconds,
            "decay_from": self.decay_from,
            "history": self.history,
        }
        torch.save(state, path.with_suffix(".part"))
        os.replace(path.with_suffix(".part"), path)

    def load(self, path: Path) -> None:
        state = torch.load(path, weights_only=False)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.setstate(state["rng"])
        for name in ("step", "tokens", "seconds", "decay_from", "history"):
            setattr(self, name, state[name])


def rate(run: Run, minutes: float, warmup: int = 100) -> float:
    """Warm up, stay, fall to zero over the last part of the budget: a share of the peak rate."""
    end = minutes * 60
    begin = 0.72 * end if run.decay_from is None else run.decay_from
    fall = (end - run.seconds) / max(end - begin, 1.0) if run.seconds > begin else 1.0
    return max(0.0, min(1.0, (run.step + 1) / warmup, fall))


def advance(run: Run, loss_function: Loss, tokens: Tensor, weights: Tensor, share: float) -> float:
    """Take one step at a share of the peak rates."""
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        optimizer.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        loss = loss_function(run.model, tokens, weights)
    torch.autograd.backward(loss)
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        optimizer.step()
    run.step, run.tokens = run.step + 1, run.tokens + tokens.numel()
    return loss.item()


@torch.no_grad()
def greedy(model: Llama, encoder: Encoder, turns: Dialogue, most: int = 32) -> str:
    """Write the most likely reply."""
    tokens, start = encoder.prompt(turns), len(encoder.prompt(turns))
    for _ in range(most):
        with torch.autocast("cpu", torch.bfloat16):
            chosen = int(model(torch.tensor([tokens]))[0, -1].argmax())
        if chosen == encoder.ids[END]:
            break
        tokens.append(chosen)
    text: str = encoder.pieces.decode(tokens[start:])
    return text


def recall(model: Llama, encoder: Encoder, count: int, seed: int) -> tuple[float, list[str]]:
    """Measure greedy in-context recall of held-out values, and show three replies."""
    found = shown = 0
    lines: list[str] = []
    for probe in corpus.probes(count, seed):
        reply = greedy(model, encoder, probe.turns)
        found += probe.answer.lower() in reply.lower()
        if shown < 3:
            lines.append(f"{probe.turns[-1][1]} [{probe.answer}] -> {reply}")
            shown += 1
    return found / count, lines


def report(run: Run, encoder: Encoder, losses: list[float], share: float) -> None:
    """Print the state of the run and note it in its history."""
    found, lines = recall(run.model, encoder, 30, run.step)
    row = {
        "step": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds),
        "rate": round(share, 3),
        "loss": round(sum(losses) / max(len(losses), 1), 4),
        "recall": round(found, 3),
    }
    run.history.append(row)
    speak = [
        f"{ask} -> {greedy(run.model, encoder, [['user', ask]])}"
        for ask in (
            "Hello!",
            "Who are you?",
            "What is my cat's name?",
            "List three fruits.",
            "Why is the sky blue?",
        )
    ]
    print(row, *lines, *speak, sep="\n  ", flush=True)


def work(run: Run, encoder: Encoder, options: argparse.Namespace) -> None:
    """Train until the budget of minutes is spent; save and report on the way."""
    loss_function: Loss = torch.compile(loss_of, dynamic=True) if options.compile else loss_of
    losses: list[float] = []
    saved = began = time.monotonic()
    before, shown = run.seconds, run.step
    while run.seconds < options.minutes * 60:
        progress = min(1.0, max(0.0, (run.tokens - options.dense) / max(2 * options.dense, 1)))
        stream = sequences(encoder, run.rng, progress, options.public)
        for tokens, weights in batches(stream, run.rng, options.batch, encoder.ids[PAD]):
            share = rate(run, options.minutes)
            losses.append(advance(run, loss_function, tokens, weights, share))
            run.seconds = before + time.monotonic() - began
        if run.step - shown >= options.log:
            print(
                f"step {run.step} tokens {run.tokens} seconds {run.seconds:.0f} rate {share:.3f} "
                f"loss {sum(losses) / len(losses):.4f}",
                flush=True,
            )
            shown = run.step
        if time.monotonic() - saved > options.every:
            report(run, encoder, losses, share)
            run.save(options.out / "checkpoint.pt")
            losses, saved = [], time.monotonic()
    report(run, encoder, losses, 0.0)
    run.save(options.out / "checkpoint.pt")
    run.save(options.out / "final.pt")


def parsed(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Train the bundled model.")
    parser.add_argument("--out", type=Path, default=Path("build/wren"))
    parser.add_argument("--tokenizer", type=Path, default=WREN)
    parser.add_argument(
        "--minutes", type=float, default=75, help="wall clock budget, resumed time included"
    )
    parser.add_argument(
        "--decay-now", action="store_true", help="decay from here to the end of the budget"
    )
    parser.add_argument("--batch", type=int, default=4096, help="padded tokens a step")
    parser.add_argument(
        "--dense",
        type=int,
        default=1_000_000,
        help="tokens of dense lessons before the mix changes",
    )
    parser.add_argument("--public", type=float, default=0.15, help="share of public text")
    parser.add_argument("--matrix-rate", type=float, default=0.02)
    parser.add_argument("--other-rate", type=float, default=2e-3)
    parser.add_argument("--every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--log", type=int, default=100, help="steps between lines")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--compile", action="store_true", help="a minute to start, then half as fast again"
    )
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


def main() -> None:
    """Start or resume the run in `--out`."""
    options: Any = parsed()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    run = Run.start(options.seed, options.matrix_rate, options.other_rate)
    if (options.out / "checkpoint.pt").exists():
        run.load(options.out / "checkpoint.pt")
        print(f"resumed at step {run.step}, {run.seconds:.0f} s", flush=True)
    if options.decay_now:
        run.decay_from = run.seconds
    work(run, Encoder(options.tokenizer), options)


if __name__ == "__main__":
    main()
