"""Every knob and its default, once; knows nothing else of the program."""

from dataclasses import dataclass
from typing import Literal, get_args

Adapt = Literal["lora", "full"]
Optimizer = Literal["adam0", "adam", "adamw", "sgd", "nsgd", "rms", "muon"]
Context = Literal["recompute", "restart", "carry"]
Kv = Literal["kept", "fresh"]
Reset = Literal["never", "document", "decay"]
Learn = Literal["user", "all", "off"]
Format = Literal["mlx-lm", "peft", "gguf", "fused", "bundle"]
Dtype = Literal["float32", "float16", "bfloat16"]
Bits = Literal[4, 8, 16]

ADAPTS: tuple[Adapt, ...] = get_args(Adapt)
OPTIMIZERS: tuple[Optimizer, ...] = get_args(Optimizer)
CONTEXTS: tuple[Context, ...] = get_args(Context)
KVS: tuple[Kv, ...] = get_args(Kv)
RESETS: tuple[Reset, ...] = get_args(Reset)
LEARNS: tuple[Learn, ...] = get_args(Learn)
EXPORT_FORMATS: tuple[Format, ...] = get_args(Format)
BITS: tuple[Bits, ...] = get_args(Bits)  # of weights that MLX has no type for; 16 is float16
DTYPES: tuple[Dtype, ...] = get_args(Dtype)

BUNDLED_MODEL = "wren"  # ships with the program, and stands in where nothing can be fetched
DEFAULT_MODEL = "smollm2-135m"  # when none was chosen, and it is here
DEFAULT_MEMORY = "default"

STREAM_RATES: dict[tuple[Adapt, Optimizer], float] = {
    ("lora", "adam0"): 1e-3,
    ("lora", "adam"): 2e-3,
    ("lora", "adamw"): 2e-3,
    ("lora", "sgd"): 1.0,
    ("lora", "nsgd"): 0.1,
    ("lora", "rms"): 6e-3,
    ("lora", "muon"): 1e-2,
    ("full", "adam0"): 3e-4,
    ("full", "adam"): 1e-3,
    ("full", "adamw"): 3e-4,
    ("full", "sgd"): 0.1,
    ("full", "nsgd"): 0.05,
    ("full", "rms"): 1e-3,
    ("full", "muon"): 1e-2,
}
"""Learning rates for streams of text, by what is adapted and how."""

STREAM_SIZE = 656_000
"""Parameters of the base that they were measured on."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Which weights may change."""

    adapt: Adapt = "lora"
    rank: int = 8
    scale: float = 1.0  # the adapter's output is multiplied by this
    targets: str = "all"  # all | mlp | attention | leaf names such as "q_proj,down_proj"
    layers: str = "all"  # all | upper (two thirds) | early | middle | late (thirds) | "2-5" | "0,3"
    seed: int = 0  # of the initial lora_a; lora_b starts at zero


@dataclass(frozen=True, slots=True)
class LearnerConfig:
    """How one online step changes them."""

    optimizer: Optimizer = "adam0"  # adam0 is Adam with beta1 = 0: no momentum
    learning_rate: float = STREAM_RATES["lora", "adam0"]
    beta2: float = 0.999  # decay of the running mean of squared gradients
    eps: float = 1e-8
    max_gradient_norm: float = 1.0  # gradients above this global norm are scaled down to it
    decay: float = 0.0  # pull to the start (rms, a step) or to zero (adamw, a step and unit rate)
    bias_correction: bool = False  # of adam
    shrink: float = 0.0  # lora_b loses this share a step
    momentum: float = 0.95  # of muon
    damping: float = 0.1  # of rms: its eps, as a share of the mean root mean square


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How a text becomes chunks, in tokens."""

    window: int = 256  # most inputs attention sees when a chunk is scored
    chunk: int = 64  # targets between two updates
    context: Context = "restart"
    reset: Reset = "never"  # at a new document, the adapter goes back to its start; decay: half-way
    kv: Kv = "kept"  # across updates, in restart windows; fresh: made anew by the weights of now
    first: int | None = None  # a token that opens every window, for bases that are lost without it
    batch: int = 1  # documents read side by side, each with an adapter of its own


@dataclass(frozen=True, slots=True)
class RaceConfig:
    """How `--lr auto` chooses a rate."""

    share: float = 0.15  # most of a run's operations that choosing may take
    least: int = 3  # chunks: with fewer, what a rate that is too large does cannot be seen
    most: int = 12  # chunks
    sure: float = 1.5  # standard errors by which a neighbour must be better
    very: float = 2.0  # standard errors by which static must be
    fall: float = 0.4  # the first rate tried falls with the size of the base to this power
    fall_full: float = 0.75  # and so for full weights: of 135M, 3e-6 gains and 3e-5 does damage


EXPORT_SECONDS = 30.0
"""An export may take so long to see what it gives away, and about as long to compare itself."""

FALLBACK_SAMPLING = {"temperature": 0.6, "top_p": 0.95, "top_k": 0}
"""For models that say nothing."""


@dataclass(frozen=True, slots=True)
class SamplingConfig:
    """How a reply is drawn; None takes what the model's own generation_config.json says."""

    temperature: float | None = None  # 0 is greedy
    top_p: float | None = None
    top_k: int | None = None  # 0 is off
    min_p: float = 0.0
    repetition_penalty: float = 1.0  # 1 is off
    repetition_window: int = 64  # tokens the penalty looks back on
    max_tokens: int = 512
    seed: int | None = None  # None draws a new one for each reply


@dataclass(frozen=True, slots=True)
class ChatConfig:
    """How a conversation is held and what of it is learned."""

    learn: Learn = "user"
    personal: bool = False  # phone, passport, account and tax numbers are learned too
    learning_rate: float = 1e-5  # gentle; `python -m mlxdyn_models.harm` is its measurement
    chunk: int = 64  # targets in one micro-step
    window: int = 512  # most tokens of a message's own turn seen by a micro-step
    context: int = 4096  # most tokens of conversation in a prompt, if the model can take them
    system: str = ""  # system prompt, never learned
    dial: int = 100  # per cent of its strength at which the memory speaks
    idle_seconds: float = 60.0  # of quiet before the memory studies; 0 never
    budget_seconds: float = 0.0  # that learning a message may take, by what was measured; 0 any
    sampling: SamplingConfig = SamplingConfig()


@dataclass(frozen=True, slots=True)
class StudyConfig:
    """How facts are made to stick, and how far learning may move the model.

    Fixed when a memory is founded, so that a replay does what was done; a new knob needs a
    migration.
    """

    optimizer: Optimizer = "adam"
    learning_rate: float = 3e-3  # at the first step; falls to zero at the last
    # After 20 messages to wren, 2e-3 gives back 0.89 of the answers that were taught with a drift
    # of 0.04, 3e-3 gives 0.97 with 0.06, 4e-3 gives 0.94 with 0.14, where the guard says stop.
    beta2: float = 0.99
    max_gradient_norm: float = 1.0
    # On SmolLM2, 20 steps leave 0.06 nats of what a message teaches, 14 leave 0.10, twice 8 0.11.
    steps: int = 20  # of a round on what a message teaches; 0 learns its words only
    rounds: int = 2  # at most: another one where facts are not learned yet
    learned: float = 0.1  # mean KL(teacher || now) of a message's facts, in nats per token
    # A quarter more of each costs a quarter more, and leaves 0.04 nats instead of 0.05 (SmolLM2).
    new: int = 6  # of the message's own examples in a step
    replayed: int = 3  # of earlier messages' examples in a step
    held: int = 4  # of the regularization set in a step; with 3, drift is a third more
    recalled: int = 24  # earlier examples that a message's steps draw from
    # On SmolLM2 with 24 facts, 2 steps leave 0.19 nats of them and 4 leave 0.08, with a drift of
    # 0.05 where their lessons, one after another, had come to 0.10.
    pass_steps: int = 4  # for each fact, when the adapter is made anew
    most_steps: int = 200  # when it is made anew
    lighter: float = 0.75  # share of the drift below which it is better, though recall did not rise
    words: int = 64  # newest messages whose words it learns again, gently
    max_drift: float = 0.1  # mean KL(base || now) on the guard's answers, in nats per token
    backoff: tuple[float, ...] = (1.0, 0.25)  # rates tried, as parts of the configured one
