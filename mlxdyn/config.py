"""Every knob and its default, once; knows nothing else of the program."""

from dataclasses import dataclass
from typing import Literal

Adapt = Literal["lora", "full"]
Optimizer = Literal["adam0", "adam", "sgd", "nsgd"]
Context = Literal["recompute", "restart"]
Reset = Literal["never", "document"]
Learn = Literal["user", "all", "off"]

ADAPTS: tuple[Adapt, ...] = ("lora", "full")
OPTIMIZERS: tuple[Optimizer, ...] = ("adam0", "adam", "sgd", "nsgd")
CONTEXTS: tuple[Context, ...] = ("recompute", "restart")
RESETS: tuple[Reset, ...] = ("never", "document")
LEARNS: tuple[Learn, ...] = ("user", "all", "off")

BUNDLED_MODEL = "wren"
DEFAULT_MEMORY = "default"

STREAM_RATES: dict[tuple[Adapt, Optimizer], float] = {
    ("lora", "adam0"): 1e-3,
    ("lora", "adam"): 2e-3,
    ("lora", "sgd"): 1.0,
    ("lora", "nsgd"): 0.1,
    ("full", "adam0"): 3e-4,
    ("full", "adam"): 1e-3,
    ("full", "sgd"): 0.1,
    ("full", "nsgd"): 0.05,
}
"""Learning rates for streams of text, by what is adapted and how."""


@dataclass(frozen=True, slots=True)
class AdapterConfig:
    """Which weights may change."""

    adapt: Adapt = "lora"
    rank: int = 8
    scale: float = 1.0  # the adapter's output is multiplied by this
    targets: str = "all"  # all | mlp | attention | leaf names such as "q_proj,down_proj"
    layers: str = "all"  # all | early | middle | late (thirds) | "2-5" | "0,3"
    seed: int = 0  # of the initial lora_a; lora_b starts at zero


@dataclass(frozen=True, slots=True)
class LearnerConfig:
    """How one online step changes them."""

    optimizer: Optimizer = "adam0"  # adam0 is Adam with beta1 = 0: no momentum
    learning_rate: float = STREAM_RATES["lora", "adam0"]
    beta2: float = 0.999  # decay of the running mean of squared gradients
    eps: float = 1e-8
    max_gradient_norm: float = 1.0  # gradients above this global norm are scaled down to it


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """How a text becomes chunks, in tokens."""

    window: int = 256  # most inputs attention sees when a chunk is scored
    chunk: int = 64  # targets between two updates
    context: Context = "restart"
    reset: Reset = "never"  # when the adapter goes back to its start
    limit: int | None = None  # most tokens read over the whole run, BOS included


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
    learning_rate: float = 1e-5  # gentle; `python -m mlxdyn_models.harm` is its measurement
    chunk: int = 64  # targets in one micro-step
    window: int = 512  # most tokens of a message's own turn seen by a micro-step
    context: int = 4096  # most tokens of conversation in a prompt, if the model can take them
    system: str = ""  # system prompt, never learned
    sampling: SamplingConfig = SamplingConfig()
