"""What an evaluation is of and what it gives: numbers, and what a reader of them must know."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.lab.streams import Stream

MEMORISED_SHARE = 0.02  # share of targets known by heart above which a warning is due
COMPRESSED = 0.5  # bits per byte below which no unseen prose comes
UNKNOWN_SHARE = 0.01  # share of the text's characters that the tokenizer drops, likewise
STRAINED = 0.1  # nats per token that an unhealthy window policy costs the base


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an evaluation depends on but model and text."""

    adapter: AdapterConfig
    learner: LearnerConfig
    stream: StreamConfig
    mix: bool = False  # the result is that of static and dynamic together, weighted as they predict
    beside: tuple[float, ...] = ()  # further learning rates, side by side with the learner's
    limit: int | None = (
        None  # most tokens read over the whole run, BOS included: here for the record
    )


@dataclass(frozen=True, slots=True)
class ChunkScore:
    """What one chunk gave in both runs; nats are sums over its targets."""

    document: int  # index of its stream
    position: int  # of its first target in the stream
    tokens: int
    static: float
    dynamic: float
    mixed: float  # by the Bayesian mixture of all that predicted
    shared: float  # by the fixed-share form of it


@dataclass(frozen=True, slots=True)
class Result:
    """One run over one document, or over all of them."""

    path: str | None  # None for all
    nats: float  # summed over targets
    tokens: int
    bytes: int
    updates: int
    rejected: int  # updates that were not finite and were not taken
    seconds: float
    peak_memory_bytes: int
    words: int = 0

    @property
    def nats_per_token(self) -> float:
        return self.nats / self.tokens

    @property
    def bits_per_byte(self) -> float:
        return self.nats / math.log(2) / self.bytes if self.bytes else math.nan

    @property
    def perplexity(self) -> float:
        return _exp(self.nats_per_token)

    @property
    def word_perplexity(self) -> float:
        """exp of the nats per word; comparable between tokenizers."""
        return _exp(self.nats / self.words) if self.words else math.nan

    @property
    def tokens_per_second(self) -> float:
        return self.tokens / self.seconds


@dataclass(frozen=True, slots=True)
class Run:
    """One way of evaluating: all documents together, and each."""

    name: str  # static, dynamic, mix, share, or a rate beside
    total: Result
    documents: tuple[Result, ...]


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes that a window and learning need beside the base."""

    kv: int  # keys and values of the longest stretch that attention saw
    adapter: int  # weights that learn
    optimizer: int  # its state


@dataclass(frozen=True, slots=True)
class Report:
    """Static beside dynamic on identical tokens and windows."""

    settings: Settings
    streams: tuple[Stream, ...]
    adapter_parameters: int
    static: Run
    dynamic: Run
    mix: Run  # Bayesian mixture of static, dynamic and the rates beside: what it would have cost
    share: Run  # likewise, by fixed share
    beside: tuple[Run, ...]
    footprint: Footprint
    ci95: tuple[float, float] | None  # of the gain in nats per token; None with a single block
    wall: float  # dynamic over static seconds, each kind of chunk at its median
    flops: float  # likewise, counted
    chunks: tuple[ChunkScore, ...]
    complete: bool = True  # False when it was stopped; the numbers are then of what was done
    p_value: float | None = None  # of no gain; None with a single block
    within: float | None = None  # gain with a reset at each document, nats per token, if measured
    self_check: float = 0.0  # largest nats per token between learning at rate 0 and static
    verbatim: float = 0.0  # share of targets that the base seems to know by heart
    uniform: float = math.inf  # nats per token of a base that knows nothing
    strain: float | None = None  # static nats per token that carry costs over restart, if carry

    @property
    def learned(self) -> Run:
        """The run that the result is about: dynamic, or the mixture if one was asked for."""
        return self.mix if self.settings.mix else self.dynamic

    @property
    def runs(self) -> tuple[Run, ...]:
        """What is shown side by side."""
        mixed = (self.mix, self.share) if self.settings.mix else ()
        return (self.static, self.dynamic, *self.beside, *mixed)

    @property
    def gain(self) -> float:
        """Static minus what learned, in nats per token."""
        return self.static.total.nats_per_token - self.learned.total.nats_per_token

    @property
    def gain_bits_per_byte(self) -> float:
        return self.static.total.bits_per_byte - self.learned.total.bits_per_byte

    @property
    def bound(self) -> float:
        """Nats over the whole text by which the mixture can lose to the best it is made of."""
        return math.log(2 + len(self.beside))

    @property
    def loss(self) -> str:
        """Say that learning lost to static beyond its interval, and what to try; else ""."""
        return _lost(self)

    @property
    def carried(self) -> float | None:
        """The part of the gain that weights brought from earlier documents, nats per token."""
        return None if self.within is None else self.gain - self.within

    @property
    def unknown(self) -> float:
        """Share of the text's characters that the tokenizer does not know."""
        unknown = math.fsum(len(stream.tokens) * stream.unknown for stream in self.streams)
        return unknown / sum(len(stream.tokens) for stream in self.streams)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader of the numbers must know, in sentences."""
        return tuple(_warnings(self))


def _exp(nats: float) -> float:
    return math.exp(nats) if not nats > 700 else math.inf


def _lost(report: Report) -> str:
    """One sentence, where the interval of the gain lies below 0 or the loss is not finite."""
    gain, rate = report.gain, report.settings.learner.learning_rate
    if not (math.isnan(gain) or gain == -math.inf or (report.ci95 and report.ci95[1] < 0)):
        return ""
    cost = (
        f"costs {-gain:.4f} nats/token" if math.isfinite(gain) else "ends in a loss beyond number"
    )
    spread = " (95% from {:.4f} to {:.4f})".format(*report.ci95) if report.ci95 else ""
    return (
        f"learning does damage here: against static it {cost}{spread}; try a smaller rate "
        f"(--lr {rate / 10:.2g}), --lr auto, which chooses one, or --mix, which cannot lose"
    )


def _warnings(report: Report) -> Iterator[str]:
    static, dynamic = report.static.total, report.dynamic.total
    for run in (report.static, report.dynamic):
        if not math.isfinite(run.total.nats):
            yield f"the {run.name} loss is not finite"
    if dynamic.rejected:
        yield (
            f"{dynamic.rejected} of {dynamic.rejected + dynamic.updates} updates were not finite "
            "and were not taken; try a smaller --lr"
        )
    if not report.complete:
        yield "stopped early: the numbers are of the tokens done until then"
    if report.verbatim > MEMORISED_SHARE or static.bits_per_byte < COMPRESSED:
        yield (
            f"the base probably knows this text already, or the text repeats itself: "
            f"{report.verbatim:.0%} of it comes without surprise in long runs, at "
            f"{static.bits_per_byte:.2f} bits/byte overall; a gain here says little about new text"
        )
    if report.unknown > UNKNOWN_SHARE:
        yield (
            f"{report.unknown:.0%} of the text is unknown to this tokenizer; loss, gain and "
            "bits/byte are not of the whole text"
        )
    if static.nats_per_token > report.uniform:
        yield "the static base does worse than guessing; its gain is repair, not memory"
    if report.strain is not None and report.strain > STRAINED:
        yield (
            f"carry costs the static base {report.strain:.2f} nats/token against restart on the "
            "same tokens: it is not healthy there, and part of the gain is repair"
        )
