"""Set our numbers beside reference numbers measured before this program was written.

`make agree` runs every reference setting on tinystories-656k and writes results/agreement.md;
finished settings are kept in build/results/agree. It exits with 1 when one differs by more than
WITHIN nats per token.
"""

import json
import math
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError, sentence
from mlxdyn.lab import cells, evaluate, results, tasks
from mlxdyn.lab.evaluate import Baselines
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream, encode
from mlxdyn.model.load import Model, load

HERE = Path(__file__).parent
WITHIN = 0.01  # nats per token
SEEDS = range(5)
WINDOWS = Settings(
    AdapterConfig(), LearnerConfig(optimizer="adam"), StreamConfig(context="recompute")
)


@dataclass(frozen=True, slots=True)
class Reference:
    """One setting with the loss it gave, in nats per token; `quarters` of the stream if known."""

    title: str
    loss: float
    knobs: dict[str, Any] = field(default_factory=dict)
    side: str = "dynamic"
    quarters: tuple[float, ...] = ()
    book: int = 349


def adam(rate: float, **knobs: Any) -> dict[str, Any]:
    return {"learning_rate": rate, **knobs}


RANK_ONE = Reference("rank 1, Adam 2e-3", 4.829, adam(2e-3, rank=1))
REFERENCES = (
    Reference("static", 5.515, adam(1e-3), "static", (5.474, 5.535, 5.552, 5.500)),
    Reference("LoRA, Adam 1e-3", 4.757, adam(1e-3), quarters=(4.961, 4.777, 4.716, 4.576)),
    Reference("LoRA, Adam with beta1 = 0, 1e-3", 4.663, adam(1e-3, optimizer="adam0"),
              quarters=(4.758, 4.701, 4.663, 4.530)),
    Reference("MLP only, Adam 3e-3", 4.734, adam(3e-3, targets="mlp")),
    Reference("down_proj only, Adam 3e-3", 4.809, adam(3e-3, targets="down_proj")),
    Reference("attention only, Adam 3e-3", 4.880, adam(3e-3, targets="attention")),
    RANK_ONE,
    Reference("rank 4, Adam 2e-3", 4.735, adam(2e-3, rank=4)),
    Reference("rank 16, Adam 2e-3", 4.700, adam(2e-3, rank=16)),
    Reference("rank 32, Adam 2e-3", 4.719, adam(2e-3, rank=32)),
    Reference("chunk 16, Adam 2e-3", 4.658, adam(2e-3, chunk=16)),
    Reference("chunk 32, Adam 2e-3", 4.671, adam(2e-3, chunk=32)),
    Reference("chunk 128, Adam 2e-3", 4.764, adam(2e-3, chunk=128)),
    Reference("chunk 256, Adam 2e-3", 4.966, adam(2e-3, chunk=256)),
    Reference("full weights, Adam 1e-3", 4.690, adam(1e-3, adapt="full"),
              quarters=(4.757, 4.835, 4.696, 4.473)),
    Reference("window 64, static", 5.934, adam(2e-3, window=64), "static"),
    Reference("window 64, Adam 2e-3", 4.967, adam(2e-3, window=64)),
    Reference("window 512, static", 5.496, adam(2e-3, window=512), "static"),
    Reference("window 512, Adam 2e-3", 4.726, adam(2e-3, window=512)),
    Reference("book 1684, static", 5.900, adam(3e-3), "static", book=1684),
    Reference("book 1684, LoRA, Adam 3e-3", 4.788, adam(3e-3), book=1684),
    Reference("book 1684, full weights, Adam 1e-3", 4.625, adam(1e-3, adapt="full"), book=1684),
)  # fmt: skip
TARGETS = {349: 9984, 1684: 19968}  # whole chunks of 64 in 10,000 and 20,000 tokens


@dataclass(frozen=True, slots=True)
class Measured:
    """Nats per token of one evaluation, over all and by quarter."""

    static: tuple[float, ...]  # the whole, then quarters
    dynamic: tuple[float, ...]

    def of(self, reference: Reference) -> tuple[float, ...]:
        return self.static if reference.side == "static" else self.dynamic


def settings(reference: Reference, seed: int = 0) -> Settings:
    return cells.vary(WINDOWS, {**reference.knobs, "seed": seed})


@dataclass(frozen=True, slots=True)
class Desk:
    """The model, its text, and what was measured before."""

    model: Model
    texts: Path
    kept: Path
    known: Baselines = field(default_factory=Baselines)

    def stream(self, book: int) -> Stream:
        how = tasks.Reading(skip=20000)
        found = tasks.read([str(self.texts / f"{book}.txt")], sys.stdin.buffer, how=how)
        documents = [one for one in found if isinstance(one, tasks.Document)]
        (stream,) = encode(self.model, documents, TARGETS[book] + 1)
        assert isinstance(stream, Stream)
        return stream

    def measure(self, reference: Reference, seed: int = 0) -> Measured:
        """Evaluate one setting, unless its numbers are kept."""
        stream, how = self.stream(reference.book), settings(reference, seed)
        path = self.kept / f"{cells.key(self.model, 'agree', [stream], how, ())}.json"
        if not path.exists():
            print(f"{reference.title}, seed {seed}", file=sys.stderr)
            report = evaluate.evaluate(self.model, [stream], how, known=self.known)
            numbers = [losses(report.chunks, side) for side in ("static", "dynamic")]
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".partial")
            partial.write_text(json.dumps(asdict(Measured(*numbers))))
            partial.replace(path)
        value = json.loads(path.read_text())
        return Measured(*(tuple(value[side]) for side in ("static", "dynamic")))


def losses(rows: Sequence[results.ChunkScore], side: str) -> tuple[float, ...]:
    """Nats per token of all rows, and of each quarter of them."""
    edges = [round(i * len(rows) / 4) for i in range(5)]
    parts = [rows, *(rows[a:b] for a, b in pairwise(edges))]
    return tuple(
        math.fsum(getattr(row, side) for row in part) / sum(row.tokens for row in part)
        for part in parts
    )


def agrees(reference: Reference, ours: Iterable[float]) -> bool:
    """Tell whether the reference is within WITHIN of what our seeds span."""
    ours = list(ours)
    return min(ours) - WITHIN <= reference.loss <= max(ours) + WITHIN


def line(*values: str | float) -> str:
    return "| " + " | ".join(v if isinstance(v, str) else f"{v:.3f}" for v in values) + " |"


def page(desk: Desk, references: Sequence[Reference] = REFERENCES) -> Iterator[tuple[str, bool]]:
    """Write the page line by line, each with whether what it says agrees."""
    yield from ((text, True) for text in HEAD.splitlines())
    for reference in references:
        ours = desk.measure(reference).of(reference)[0]
        fine = reference is RANK_ONE or agrees(reference, [ours])
        note = "see below" if reference is RANK_ONE else "" if fine else "**no**"
        yield (
            line(reference.title, reference.loss, ours, f"{ours - reference.loss:+.4f}", note),
            fine,
        )
    yield from ((text, True) for text in QUARTERS.splitlines())
    for reference in (r for r in references if r.quarters):
        ours = desk.measure(reference).of(reference)[1:]
        apart = max(abs(a - b) for a, b in zip(ours, reference.quarters, strict=True))
        row = (" ".join(f"{n:.3f}" for n in some) for some in (reference.quarters, ours))
        yield line(reference.title, *row, f"{apart:.4f}"), True
    if RANK_ONE in references:
        yield from ((text, True) for text in RANK.splitlines())
        seeds = [desk.measure(RANK_ONE, seed).dynamic[0] for seed in SEEDS]
        for seed, ours in zip(SEEDS, seeds, strict=True):
            yield line(str(seed), ours, f"{ours - RANK_ONE.loss:+.4f}"), True
        fine = agrees(RANK_ONE, seeds)
        yield f"\n{SPANNED if fine else 'The seeds do **not** span the reference.'}", fine


HEAD = f"""# Agreement

Reference numbers for tinystories-656k, measured by a separate harness before this program was
written, beside what `mlxdyn` gives at the same settings; `make agree` runs them again. PG-19 book
349 from character 20000, the first {TARGETS[349]:,} targets (whole chunks only, as the reference
counts); book 1684 likewise, {TARGETS[1684]:,} targets. Where nothing else is said: window 256,
chunk 64, windows recomputed, LoRA of rank 8 and scale 1 on all linear layers, no reset, seed 0.
Losses in nats/token; they agree when they are within {WITHIN}.

| setting | reference | ours | difference | |
|---|---|---|---|---|"""
QUARTERS = """
## By quarter of the stream

| setting | reference | ours | largest difference |
|---|---|---|---|"""
RANK = """
## Rank 1

A single direction is drawn by the seed, and which one it is decides the loss to a hundredth: five
seeds of ours, against the one of the reference.

| seed | ours | difference |
|---|---|---|"""
SPANNED = f"The reference is within {WITHIN} of what the seeds span."


def main(data: str, out: Path = HERE / "agreement.md") -> int:
    """Write the page to `out`; return 1 when something does not agree."""
    model = load(str(Path(data) / "models" / "tinystories-656k"))
    desk = Desk(model, Path(data) / "text" / "pg19", HERE.parent / "build" / "results" / "agree")
    lines = list(page(desk))
    text = "".join(f"{words}\n" for words, _ in lines)
    out.write_text(text, encoding="utf-8")
    print(text)
    return int(not all(fine for _, fine in lines))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1]))
    except (MlxdynError, OSError) as error:
        sys.exit(f'{sentence(error)}; README, "Measured", says where model and texts can be had')
