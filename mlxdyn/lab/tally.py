"""The steps of all runs, summed up as a report; computes no step."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from statistics import median

from mlxdyn.lab import batch_means
from mlxdyn.lab.costs import flops
from mlxdyn.lab.mixture import Mixture
from mlxdyn.lab.results import ChunkScore, Footprint, Report, Result, Run, Settings
from mlxdyn.lab.streams import Stream, part
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model

BY_HEART = 32  # targets in a row that are given less than a nat each: text seen in training


@dataclass(frozen=True, slots=True)
class Step:
    """One chunk in one run."""

    chunk: Chunk
    nll: tuple[float, ...]  # of each target
    nats: float  # their sum
    accepted: bool | None  # None when nothing was to be learned
    seconds: float
    peak: int  # bytes


@dataclass(frozen=True, slots=True)
class ChunkSteps:
    """One chunk in every run."""

    static: Step
    learned: tuple[Step, ...]  # at the rate of the settings, then at those beside

    @property
    def dynamic(self) -> Step:
        return self.learned[0]


def blended(pairs: list[list[ChunkSteps]], *, sharing: bool = False) -> list[list[Step]]:
    """What all runs predict together; it costs what they cost together."""
    mixture = Mixture(1 + len(pairs[0][0].learned), sharing)
    return [[_together(mixture, row) for row in document] for document in pairs]


def _together(mixture: Mixture, row: ChunkSteps) -> Step:
    steps = (row.static, *row.learned)
    nll = tuple(map(mixture.mix, zip(*(step.nll for step in steps), strict=True)))
    return replace(
        row.dynamic,
        nll=nll,
        nats=math.fsum(nll),
        seconds=math.fsum(step.seconds for step in steps),
        peak=max(step.peak for step in steps),
    )


def report(
    model: Model,
    streams: Sequence[Stream],
    settings: Settings,
    parameters: int,
    pairs: list[list[ChunkSteps]],
    footprint: Footprint,
) -> Report:
    seen = [_seen(model, stream, steps) for stream, steps in zip(streams, pairs, strict=False)]
    static = [[row.static for row in document] for document in pairs]
    learned = [
        [[row.learned[i] for row in d] for d in pairs] for i in range(len(pairs[0][0].learned))
    ]
    mix, share = blended(pairs), blended(pairs, sharing=True)
    result = mix if settings.mix else learned[0]
    rows = tuple(_rows(static, learned[0], mix, share))
    judged = rows if not settings.mix else tuple(replace(r, dynamic=r.mixed) for r in rows)
    read, dynamic = flops(model, seen, settings.adapter, settings.stream)
    ratio = dynamic / read
    found = batch_means.estimate(judged)
    return Report(
        settings=settings,
        streams=tuple(seen),
        adapter_parameters=parameters,
        static=_run("static", seen, static),
        dynamic=_run("dynamic", seen, learned[0]),
        mix=_run("mix", seen, mix),
        share=_run("share", seen, share),
        beside=tuple(
            _run(f"dynamic {rate:g}", seen, steps)
            for rate, steps in zip(settings.beside, learned[1:], strict=True)
        ),
        footprint=footprint,
        ci95=found.interval if found else None,
        wall=_wall(chain(*result)) / _wall(chain(*static)),
        flops=1 + ratio * len(learned) if settings.mix else ratio,
        chunks=rows,
        p_value=found.p_value if found else None,
        verbatim=_verbatim(static),
        uniform=math.log(len(model.tokenizer)),
    )


def _seen(model: Model, stream: Stream, rows: list[ChunkSteps]) -> Stream:
    """Give the start of `stream` that was scored; all of it unless the run was stopped."""
    stop = 1 + sum(len(row.static.chunk.targets) for row in rows)
    return stream if stop == len(stream.tokens) else part(model, stream, 0, stop)


def _verbatim(documents: list[list[Step]]) -> float:
    """Share of targets in runs of BY_HEART or more that the base gives less than a nat each.

    Unseen prose surprises every few tokens; only text seen in training, or text that repeats what
    stands in the window, runs on so long without.
    """
    known = total = 0
    for steps in documents:
        run = 0
        for nll in (n for step in steps for n in step.nll):
            run = run + 1 if nll < 1 else 0
            known += BY_HEART if run == BY_HEART else int(run > BY_HEART)
            total += 1
    return known / total


def _rows(*runs: list[list[Step]]) -> Iterator[ChunkScore]:
    for index, document in enumerate(zip(*runs, strict=True)):
        position = 1
        for steps in zip(*document, strict=True):
            tokens = len(steps[0].chunk.targets)
            yield ChunkScore(index, position, tokens, *(step.nats for step in steps))
            position += tokens


def _run(name: str, streams: Sequence[Stream], documents: list[list[Step]]) -> Run:
    results = tuple(
        _result(stream.path, steps, stream.scored_bytes, stream.words)
        for stream, steps in zip(streams, documents, strict=True)
    )
    steps = [step for document in documents for step in document]
    size, words = sum(s.scored_bytes for s in streams), sum(s.words for s in streams)
    return Run(name, _result(None, steps, size, words), results)


def _result(path: str | None, steps: Sequence[Step], size: int, words: int) -> Result:
    return Result(
        path=path,
        nats=math.fsum(step.nats for step in steps),
        tokens=sum(len(step.chunk.targets) for step in steps),
        bytes=size,
        updates=sum(step.accepted is True for step in steps),
        rejected=sum(step.accepted is False for step in steps),
        seconds=sum(step.seconds for step in steps),
        peak_memory_bytes=max(step.peak for step in steps),
        words=words,
    )


def _wall(steps: Iterable[Step]) -> float:
    """Seconds that `steps` take when every chunk takes the median of its kind."""
    kinds: dict[tuple[int | None, int], list[float]] = {}
    for step in steps:
        prefix = step.chunk.prefix
        kind = (None if prefix is None else len(prefix), len(step.chunk.inputs))
        kinds.setdefault(kind, []).append(step.seconds)
    return sum(len(seconds) * median(seconds) for seconds in kinds.values())
