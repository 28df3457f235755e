"""Reading text beside mlx-lm: scored, learned, and how many operations and bytes learning takes."""

import io
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import partial
from statistics import median
from typing import Any

import mlx.core as mx
import mlx.nn as nn
from mlx.optimizers import Adam
from mlx_lm.models import qwen3
from mlx_lm.models.cache import make_prompt_cache
from mlx_lm.perplexity import eval_ppl
from mlx_lm.tuner.trainer import default_loss

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.lab.abreast import Abreast
from mlxdyn.lab.bench.rows import CLOSE, Row, in_turn, timed
from mlxdyn.lab.costs import depth
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

QWEN3 = {
    "model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072, "head_dim": 128,
    "num_attention_heads": 16, "num_key_value_heads": 8, "rms_norm_eps": 1e-6,
    "vocab_size": 151_936, "max_position_embeddings": 40_960, "rope_theta": 1e6,
    "tie_word_embeddings": True,
}  # fmt: skip
"""The shape of Qwen3-0.6B, which has 28 blocks."""
STREAMS = 4  # that are read side by side
LARGE = 512  # tokens of the chunk whose logits are many
PEER_RATE = 1e-5


@dataclass(frozen=True, slots=True)
class Size:
    """How much is read for a sample, in tokens, and for how long a row is measured."""

    window: int
    chunk: int
    chunks: int  # that are scored after a first window
    learned: int  # of which so many are learned, too
    seconds: float  # of a row
    blocks: int  # of the model with a large vocabulary


QUICK = Size(window=128, chunk=32, chunks=6, learned=2, seconds=4, blocks=1)
FULL = Size(window=256, chunk=64, chunks=8, learned=8, seconds=60, blocks=28)


def rows(subject: Model, size: Size) -> Iterator[Row]:
    """Measure all ways of reading; leaves `subject` without an adapter."""
    tokens = drawn(subject, size.window + size.chunks * size.chunk + 1)
    detach(subject)
    yield from _static(subject, tokens, size)
    attach(subject, AdapterConfig())
    yield from _dynamic(subject, tokens[: size.window + size.learned * size.chunk + 1], size)
    for layers in ("all", "late"):
        attach(subject, AdapterConfig(layers=layers))
        yield from _theory(subject, tokens, size, layers)
    detach(subject)


def drawn(subject: Model, count: int) -> tuple[int, ...]:
    """Draw tokens: speed does not depend on which."""
    known = min(2000, subject.network(mx.array([[0]])).shape[-1])
    return tuple(random.Random(0).choices(range(1, known), k=count))


def _static(subject: Model, tokens: Sequence[int], size: Size) -> Iterator[Row]:
    """Score with the base: windows apart, then windows that overlap."""
    subject.network.eval()
    learner = Learner(subject.network, LearnerConfig(), subject.new_cache)
    apart = tokens[: (len(tokens) - 1) // size.window * size.window + 1]
    windows = _windows(apart, size.window, size.window)
    whole = list(chunks(apart, StreamConfig(size.window, size.window, "recompute")))
    together = Abreast(learner, len(whole), subject.new_cache, learns=False)
    ours, theirs = in_turn(
        lambda: timed(lambda: together.score(whole)),
        lambda: _perplexity(subject.network, windows),
        size.seconds,
        CLOSE,
    )
    alone = min(timed(lambda: [learner.score(chunk) for chunk in whole]) for _ in range(3))
    inputs, targets = mx.array([c.inputs for c in whole]), mx.array([c.targets for c in whole])
    bare = min(timed(lambda: mx.eval(together._loss(inputs, targets, None))) for _ in range(3))
    peer = "mlx_lm.perplexity's loop"
    yield Row(
        "static scoring, windows apart", peer, "seconds", ours, theirs, "faster", low=1.0,
        note=f"{len(whole)} windows of {size.window} side by side, as by eval --batch; one after "
        f"another {alone:.3g} s",
        bound=f"the same products on the same weights: {bare:.3g} s at best where no KV is kept "
        f"for what may follow and no token's nll is handed over, {min(ours):.3g} s with them, the "
        f"peer's {min(theirs):.3g} s",
    )  # fmt: skip
    streams = [(*tokens[n:], *tokens[:n]) for n in range(STREAMS)]
    overlapping = mx.concatenate([_windows(one, size.window, size.chunk) for one in streams])
    kept = [list(chunks(one, StreamConfig(size.window, size.chunk))) for one in streams]
    abreast = Abreast(learner, STREAMS, subject.new_cache, learns=False)
    ours, theirs = in_turn(
        lambda: timed(lambda: [abreast.score(cut) for cut in zip(*kept, strict=True)]),
        lambda: _perplexity(subject.network, overlapping),
        size.seconds,
    )
    alone = min(timed(lambda: [learner.score(chunk) for chunk in kept[0]]) for _ in range(3))
    read, there = sum(map(_read, kept)), overlapping.size
    yield Row(
        "static scoring, sliding windows (KV reused)", peer, "seconds", ours, theirs, "faster",
        low=1.5, note=f"{STREAMS} streams side by side, as by eval --batch, in windows of "
        f"{size.window} that move by {size.chunk}; of one alone the ratio is "
        f"{median(theirs) / STREAMS / alone:.2f}: its products have {size.chunk} rows",
        bound=f"{read} tokens go through the network here, {there} there, "
        f"{read / median(ours):.0f} tokens/s against {there / median(theirs):.0f}",
    )  # fmt: skip


def _dynamic(subject: Model, tokens: Sequence[int], size: Size) -> Iterator[Row]:
    """Score and learn each chunk: in windows kept, then in windows read anew as the peer does."""
    learner = Learner(subject.network, LearnerConfig(), subject.new_cache)
    start = learner.state
    scored = tokens[size.window - size.chunk :]  # the peer's windows end where these chunks do
    windows = [w for w in _windows(tokens, size.window, size.chunk)[:, None]]

    def learn(cut: Sequence[Chunk]) -> Callable[[], float]:
        def sample() -> float:
            subject.network.train()
            seconds = timed(lambda: [learner.learn(chunk) for chunk in cut])
            learner.state = start
            return seconds

        return sample

    def step() -> float:
        subject.network.train()
        seconds = timed(_peer_steps(subject.network, windows, size.chunk))
        learner.state = start
        return seconds

    peer = "a scoring pass, then a step of mlx_lm.tuner.trainer"
    kept = list(chunks(scored, StreamConfig(size.window, size.chunk)))
    ours, theirs = in_turn(learn(kept), step, 2 * size.seconds)
    said = f"{len(kept)} chunks of {size.chunk} in windows of {size.window}"
    yield Row(
        "dynamic evaluation, windows kept (default)", peer, "seconds", ours, theirs, "faster",
        low=1.5, note=said,
    )  # fmt: skip
    anew = list(chunks(tokens, StreamConfig(size.window, size.chunk, "recompute")))
    anew = [chunk for chunk in anew if len(chunk.inputs) == size.window][-len(windows) :]
    ours, theirs = in_turn(learn(anew), step, 2 * size.seconds)
    yield Row(
        "dynamic evaluation, each window read anew", peer, "seconds", ours, theirs, "faster",
        low=1.5, note=f"{len(anew)} windows of {size.window}",
        bound="the peer goes over each window twice forward and once back, this once each: 3 to 2 "
        "is 1.5 at most where all three cost alike; backward costs more than forward (next rows)",
    )  # fmt: skip


def _theory(subject: Model, tokens: Sequence[int], size: Size, layers: str) -> Iterator[Row]:
    """Set what learning costs beside scoring against 1 + the share of weights gone back through."""
    learner = Learner(subject.network, LearnerConfig(), subject.new_cache)
    start, share = learner.state, depth(subject, AdapterConfig(layers=layers))
    at = size.window - size.chunk + 1
    chunk = Chunk(tuple(tokens[:at]), tuple(tokens[at : size.window + 1]))
    subject.network.train()
    forward, learning = operations(learner, chunk)
    name, theory = f"{layers} blocks", 1 + share
    yield Row(
        f"learned / scored, {name}: operations", f"theory: {theory:.2f}", "operations",
        (learning,), (forward,), "cost", 0.85 * theory, 1.15 * theory,
        note="products in the graph that MLX evaluates",
    )  # fmt: skip

    def learn() -> float:
        seconds = timed(lambda: learner.learn(chunk))
        learner.state = start
        return seconds

    ours, theirs = in_turn(learn, lambda: timed(lambda: learner.score(chunk)), size.seconds)
    yield Row(
        f"learned / scored, {name}: time", f"theory: {theory:.2f}", "seconds", ours, theirs, "cost",
        0.75 * theory, 1.25 * theory,
        bound="attention's softmax, the LoRA products and the optimizer are small products and "
        "element-wise work, which run on one thread and are not in the theory",
    )  # fmt: skip


def learned_anew(subject: Model, size: Size, samples: int = 4) -> tuple[float, ...]:
    """Score and learn one window, its prefix read with it; give the seconds of each sample."""
    attach(subject, AdapterConfig())
    tokens, at = drawn(subject, size.window), size.window - size.chunk
    chunk = Chunk(tokens[:at], tokens[at:])
    learner = Learner(subject.network, LearnerConfig(), subject.new_cache)
    subject.network.train()
    seconds = tuple(timed(lambda: learner.learn(chunk)) for _ in range(samples + 1))[1:]
    detach(subject)
    return seconds


def operations(learner: Learner, chunk: Chunk) -> tuple[float, float]:
    """Count the multiply-adds times two of products: to score `chunk`, and for its gradient too."""
    inputs, targets, weights = learner._arrays(chunk)

    def score(inputs: mx.array, targets: mx.array, weights: mx.array) -> list[mx.array]:
        return [learner._loss(inputs, targets, weights, None)[1]]

    def learn(inputs: mx.array, targets: mx.array, weights: mx.array) -> list[mx.array]:
        (_, nll), gradient = learner._gradient(inputs, targets, weights, None)
        return [nll, *(array for _, array in leaves(gradient))]

    counted = []
    for graph in (score, learn):
        found: list[float] = []

        def product(node: dict[str, Any], found: list[float] = found) -> None:
            if node.get("name") in ("Matmul", "AddMM"):
                found.append(2 * _size(node["outputs"][0][1]) * node["inputs"][0][1][-1])

        mx.export_function(product, graph, inputs, targets, weights)
        counted.append(sum(found))
    return counted[0], counted[1]


def large_vocabulary(size: Size) -> Row:
    """Measure the peak memory of learning a large chunk over a large vocabulary, weights apart.

    Every token counts, as it does in a training set: the peer is given the same chunk.
    """
    args = qwen3.ModelArgs.from_dict(QWEN3 | {"num_hidden_layers": size.blocks})
    mx.random.seed(0)
    network = qwen3.Model(args)
    network.freeze()
    for block in network.layers:
        for name in ("q_proj", "v_proj"):
            block.self_attn[name] = _lora(block.self_attn[name])
    network.train()
    tokens = tuple(random.Random(0).choices(range(args.vocab_size), k=LARGE + 1))
    learner = Learner(network, LearnerConfig(), partial(make_prompt_cache, network))
    start, chunk = learner.state, Chunk(tokens[:1], tokens[1:])
    step = _peer_steps(network, [mx.array([tokens])], LARGE, score=False)
    ours = _peak(lambda: learner.learn(chunk))
    learner.state = start
    theirs = _peak(step)
    mx.clear_cache()
    return Row(
        "peak memory of learning, vocabulary 151k, chunk 512", "a step of mlx_lm.tuner.trainer",
        "bytes", (ours,), (theirs,), "cost", high=0.5,
        note=f"Qwen3-0.6B's shape with {size.blocks} of 28 blocks, random weights, which are not "
        "counted: both hold them",
    )  # fmt: skip


def _lora(linear: Any) -> Any:
    from mlx_lm.tuner.lora import LoRALinear

    module = LoRALinear.from_base(linear, r=8, scale=1.0, dropout=0.0)
    module.unfreeze(keys=["lora_a", "lora_b"], recurse=False)
    return module


def _peak(action: Callable[[], Any]) -> float:
    """Give the most bytes that were in use beside those in use before."""
    mx.clear_cache()
    before = mx.get_active_memory()
    mx.reset_peak_memory()
    action()
    return float(mx.get_peak_memory() - before)


def _peer_steps(
    network: nn.Module, windows: Sequence[mx.array], counted: int, *, score: bool = True
) -> Callable[[], None]:
    """Do what mlx-lm has for it: its loss, then its gradient and MLX's Adam, window by window."""
    gradient = nn.value_and_grad(network, default_loss)

    def steps() -> None:
        optimizer = Adam(PEER_RATE)
        for window in windows:
            last = window.shape[1] - 1
            spans = mx.array([[last - counted + 1, last]])
            if score:
                mx.eval(default_loss(network, window, spans))
            (loss, _), found = gradient(network, window, spans)
            optimizer.update(network, found)
            mx.eval(loss, network.trainable_parameters(), optimizer.state)

    return steps


def _perplexity(network: nn.Module, windows: mx.array) -> float:
    with redirect_stdout(io.StringIO()):
        return timed(lambda: eval_ppl(network, windows))


def _read(cut: Sequence[Chunk]) -> int:
    """Count the tokens that go through the network for `cut`."""
    return sum(len(chunk.prefix or ()) + len(chunk.inputs) for chunk in cut)


def _windows(tokens: Sequence[int], window: int, step: int) -> mx.array:
    """Lay windows of inputs with the target after them below each other (N, window + 1)."""
    starts = range(0, len(tokens) - window, step)
    return mx.array([tokens[start : start + window + 1] for start in starts])


def _size(shape: Sequence[int]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
