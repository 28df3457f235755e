"""Train the bundled model on an endless stream of new conversations; resumable at any time."""

import argparse
import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from multiprocessing import Value
from pathlib import Path
from typing import Any

import numpy as np
import sentencepiece
import torch
from safetensors.torch import save_file
from torch import Tensor
from torch.nn import functional

from . import corpus, public
from .exchanges import Dialogue
from .feeds import feeds
from .muon import Muon
from .network import Llama, Shape, autocast, halved
from .tokenizer import ASSISTANT, BOS, END, PAD, ROLES, WREN

Encoded = tuple[list[int], list[float]]
Arrays = tuple[np.ndarray, np.ndarray]
Loss = Callable[[Llama, Tensor, Tensor], Tensor]
USER_WEIGHT, PROSE_WEIGHT = 0.1, 0.5
LONGEST = 1024
WIDTH = 32
CHECKPOINT = "checkpoint.pt"


class Encoder:
    """Turn dialogues and prose into token ids with a loss weight for each."""

    def __init__(self, path: Path) -> None:
        self.pieces = sentencepiece.SentencePieceProcessor(model_file=str(path / "tokenizer.model"))
        self.ids = {
            text: self.pieces.piece_to_id(text) for text in (BOS, END, PAD, *ROLES.values())
        }

    def dialogue(
        self, turns: Dialogue, *, user: float = USER_WEIGHT, assistant: float = 1.0
    ) -> Encoded:
        tokens, weights = [self.ids[BOS]], [0.0]
        for role, text in turns:
            body = [*self.pieces.encode(text), self.ids[END]]
            tokens += [self.ids[ROLES[role]], *body]
            weights += [user, *[assistant if role == "assistant" else user] * len(body)]
        return tokens[:LONGEST], weights[:LONGEST]

    def prose(self, text: str) -> Encoded:
        tokens = [self.ids[BOS], *self.pieces.encode(text)][:LONGEST]
        return tokens, [0.0] + [PROSE_WEIGHT] * (len(tokens) - 1)

    def prompt(self, turns: Dialogue) -> list[int]:
        return [*self.dialogue(turns)[0], self.ids[ASSISTANT]]


def sequences(
    encoder: Encoder, rng: random.Random, progress: Callable[[], float], public_share: float
) -> Iterator[Encoded]:
    """Yield encoded sequences for ever: generated dialogues, and a share of public text."""
    chats, prose = public.persona(rng), public.prose(rng)
    tasks = public.instructions() if public_share else []
    while True:
        draw = rng.random()
        if draw < public_share * 0.35:
            yield encoder.prose(next(prose))
        elif draw < public_share * 0.75:
            yield encoder.dialogue(next(chats), user=PROSE_WEIGHT, assistant=PROSE_WEIGHT)
        elif draw < public_share:
            yield encoder.dialogue(rng.choice(tasks))
        else:
            yield encoder.dialogue(corpus.dialogue(rng, progress=progress()))


def batches(
    encoder: Encoder,
    rng: random.Random,
    tokens: int,
    public_share: float,
    progress: Callable[[], float] = lambda: 1.0,
) -> Iterator[Arrays]:
    """Yield batches of about `tokens` for ever: rows of like length, as many for one width.

    A row waits among others of its width, a multiple of WIDTH, until a batch is full: few shapes,
    for which a device prepares once.
    """
    waiting: dict[int, list[Encoded]] = {}
    for row in sequences(encoder, rng, progress, public_share):
        width = -(-len(row[0]) // WIDTH) * WIDTH
        group = waiting.setdefault(width, [])
        group.append(row)
        if (len(group) + 1) * width > tokens:
            yield padded(waiting.pop(width), width, encoder.ids[PAD])


def padded(group: Sequence[Encoded], width: int, pad: int) -> Arrays:
    """Pad to (B, width); the weights of padding are zero."""
    shape = len(group), width
    tokens, weights = np.full(shape, pad, np.int16), np.zeros(shape, np.float32)
    for place, (ids, wanted) in enumerate(group):
        tokens[place, : len(ids)], weights[place, : len(ids)] = ids, wanted
    return tokens, weights


def placed(array: np.ndarray, device: str) -> Tensor:
    """Move to the device, whole numbers as indices."""
    tensor = torch.from_numpy(array).to(device, non_blocking=True)
    return tensor if tensor.is_floating_point() else tensor.long()


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
    device: str = "cpu"
    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    decay_from: float | None = None
    history: list[dict[str, float]] = field(default_factory=list)

    @classmethod
    def start(cls, model: Llama, options: Any) -> "Run":
        model = model.to(options.device)
        hidden = [p for name, p in model.named_parameters() if p.ndim == 2 and "layers" in name]
        others = [p for name, p in model.named_parameters() if p.ndim != 2 or "layers" not in name]
        adam = torch.optim.AdamW(others, lr=options.other_rate, betas=(0.9, 0.95), weight_decay=0.0)
        optimizers = [Muon(hidden, options.matrix_rate), adam]
        run = cls(model, optimizers, random.Random(options.seed), options.device)
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
        state = torch.load(path, weights_only=False, map_location=self.device)
        self.model.load_state_dict(state["model"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.rng.setstate(state["rng"])
        for name in ("step", "tokens", "seconds", "decay_from", "history"):
            setattr(self, name, state[name])
        print(f"resumed at step {self.step}, {self.seconds:.0f} s", flush=True)

    def finish(self, options: Any) -> None:
        """Save the end of the run, and the weights alone where they are wanted."""
        self.save(options.out / CHECKPOINT)
        if options.weights:
            options.weights.parent.mkdir(parents=True, exist_ok=True)
            save_file(halved(self.model), options.weights, metadata={"format": "pt"})


def rate(run: Run, options: Any, warmup: int = 100) -> float:
    """Warm up, stay, fall over the last part of the budget to `end`: a share of the peak rate."""
    last = options.minutes * 60
    begin = (1 - options.fall) * last if run.decay_from is None else run.decay_from
    left = (last - run.seconds) / max(last - begin, 1.0) if run.seconds > begin else 1.0
    return min(1.0, (run.step + 1) / warmup, options.end + (1 - options.end) * max(0.0, left))


def move(run: Run, share: float) -> None:
    """Take one step along the gradients at a share of the peak rates."""
    torch.nn.utils.clip_grad_norm_(run.model.parameters(), 1.0)
    for optimizer in run.optimizers:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * share
        optimizer.step()
        optimizer.zero_grad()
    run.step += 1


def practise(run: Run, loss_function: Loss, arrays: Arrays) -> Tensor:
    """Add the gradient of a batch of the corpus."""
    tokens, weights = (placed(array, run.device) for array in arrays)
    with autocast(run.device):
        loss = loss_function(run.model, tokens, weights)
    torch.autograd.backward(loss)
    run.tokens += tokens.numel()
    return loss.detach()


@torch.no_grad()
def replies(model: Llama, encoder: Encoder, rows: Sequence[list[int]], most: int = 32) -> list[str]:
    """Go on from each row of tokens greedily, all side by side."""
    device = model.norm.weight.device
    starts = torch.tensor([len(row) for row in rows], device=device)
    tokens = torch.full((len(rows), int(starts.max()) + most), encoder.ids[PAD])
    for place, row in enumerate(rows):
        tokens[place, : len(row)] = torch.tensor(row)
    tokens, lines = tokens.to(device), torch.arange(len(rows), device=device)
    done = torch.zeros(len(rows), dtype=torch.bool, device=device)
    for step in range(most):
        width = int(starts.max()) + step
        with autocast(device):
            chosen = model(tokens[:, :width], lines * width + starts + step - 1).argmax(-1)
        done |= chosen == encoder.ids[END]
        tokens[lines, starts + step] = torch.where(done, encoder.ids[PAD], chosen)
        if done.all():
            break
    said = zip(tokens.tolist(), starts.tolist(), strict=True)
    return [
        encoder.pieces.decode([t for t in row[start:] if t != encoder.ids[PAD]])
        for row, start in said
    ]


def recall(model: Llama, encoder: Encoder, count: int, seed: int) -> tuple[float, list[str]]:
    """Measure greedy in-context recall of held-out values, and show three replies."""
    probes = corpus.probes(count, seed)
    said = replies(model, encoder, [encoder.prompt(probe.turns) for probe in probes])
    pairs = list(zip(probes, said, strict=True))
    found = sum(probe.answer.lower() in reply.lower() for probe, reply in pairs)
    lines = [f"{probe.turns[-1][1]} [{probe.answer}] -> {reply}" for probe, reply in pairs[:3]]
    return found / count, lines


SPOKEN = ("Hello!", "Who are you?", "What is my cat's name?", "List three fruits.")


def report(run: Run, encoder: Encoder, losses: list[Tensor], share: float) -> None:
    """Print the state of the run and note it in its history."""
    found, lines = recall(run.model, encoder, 30, run.step)
    row = {
        "step": run.step,
        "tokens": run.tokens,
        "seconds": round(run.seconds),
        "rate": round(share, 3),
        "loss": round(torch.stack(losses).mean().item(), 4) if losses else 0.0,
        "recall": round(found, 3),
    }
    run.history.append(row)
    said = replies(run.model, encoder, [encoder.prompt([["user", ask]]) for ask in SPOKEN])
    speak = [f"{ask} -> {reply}" for ask, reply in zip(SPOKEN, said, strict=True)]
    print(row, *lines, *speak, sep="\n  ", flush=True)


def work(run: Run, encoder: Encoder, options: argparse.Namespace) -> None:
    """Train until the budget of minutes is spent; save and report on the way."""
    loss_function: Loss = torch.compile(loss_of, dynamic=True) if options.compile else loss_of
    losses: list[Tensor] = []
    seen = Value("d", float(run.tokens))

    def progress() -> float:
        return min(1.0, max(0.0, (seen.value - options.dense) / max(2 * options.dense, 1)))

    def drawn(place: int) -> Iterator[Arrays]:
        rng = random.Random(f"{options.seed} {place} {run.step}") if options.workers else run.rng
        return batches(encoder, rng, options.batch, options.public, progress)

    sources = cycle(feeds(drawn, options.workers))
    saved = began = time.monotonic()
    before = run.seconds
    while run.seconds < options.minutes * 60:
        share = rate(run, options)
        losses.append(practise(run, loss_function, next(next(sources))))
        move(run, share)
        run.seconds, seen.value = before + time.monotonic() - began, float(run.tokens)
        if time.monotonic() - saved > options.every:
            report(run, encoder, losses, share)
            run.save(options.out / CHECKPOINT)
            losses, saved = [], time.monotonic()
    report(run, encoder, losses, 0.0)
    run.finish(options)


def parser_of(doc: str | None, **defaults: Any) -> argparse.ArgumentParser:
    """What training and its last phase have in common."""
    parser = argparse.ArgumentParser(description=doc)
    parser.add_argument("--out", type=Path, default=Path("build/wren"))
    parser.add_argument("--weights", type=Path, help="where the weights alone go in the end")
    parser.add_argument("--tokenizer", type=Path, default=WREN)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--workers", type=int, default=0, help="processes that draw the data")
    parser.add_argument("--minutes", type=float, help="wall clock budget, resumed time included")
    parser.add_argument("--fall", type=float, help="last part of it, in which the rates fall")
    parser.add_argument("--end", type=float, help="part of the rates that is left in the end")
    parser.add_argument("--batch", type=int, help="padded tokens a step")
    parser.add_argument("--public", type=float, default=0.15, help="share of public text")
    parser.add_argument("--matrix-rate", type=float, help="Muon's peak")
    parser.add_argument("--other-rate", type=float, help="AdamW's peak")
    parser.add_argument("--every", type=float, default=180, help="seconds between checkpoints")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.set_defaults(**defaults)
    return parser


def main() -> None:
    """Start or resume the run in `--out`."""
    parser = parser_of(
        main.__doc__, minutes=75, fall=0.28, end=0.0, batch=4096, matrix_rate=0.02, other_rate=2e-3
    )
    parser.add_argument(
        "--decay-now", action="store_true", help="decay from here to the end of the budget"
    )
    parser.add_argument(
        "--dense",
        type=int,
        default=1_000_000,
        help="tokens of dense lessons before the mix changes",
    )
    parser.add_argument(
        "--compile", action="store_true", help="a minute to start, then half as fast again"
    )
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    run = Run.start(Llama(Shape()), options)
    if (options.out / CHECKPOINT).exists():
        run.load(options.out / CHECKPOINT)
    if options.decay_now:
        run.decay_from = run.seconds
    work(run, Encoder(options.tokenizer), options)


if __name__ == "__main__":
    main()
