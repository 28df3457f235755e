"""What a forward and a learned token cost, counted from shapes."""

from collections.abc import Sequence

from mlxdyn.config import AdapterConfig
from mlxdyn.learn.stream import Chunk
from mlxdyn.model.load import Model
from mlxdyn.model.lora import layer_indices

FORWARDS = {"lora": 2, "full": 3}  # of the cost of one forward, that a learned token costs


def flops(scored: Sequence[Chunk], forwards: int) -> float:
    """Dynamic over static cost, counted from the shapes of the chunks.

    With N parameters a forward costs 2N a token, and so does the prefill of a prefix, which both
    runs do; learning a token costs 4N with LoRA (no weight gradients for the base) and 6N with
    full weights.
    """
    prefill = sum(len(chunk.prefix or ()) for chunk in scored)
    inputs = sum(len(chunk.inputs) for chunk in scored)
    return (prefill + forwards * inputs) / (prefill + inputs)


def shape(model: Model) -> tuple[int, int, int]:
    """Weights that multiply in a forward (a looked-up embedding does not), blocks and width."""
    config = model.config.get("text_config", model.config)
    width, blocks = int(config.get("hidden_size") or 0), len(model.network.layers)
    looked_up = 0 if config.get("tie_word_embeddings") else len(model.tokenizer) * width
    return max(model.parameters - looked_up, 1), blocks, width


def depth(model: Model, config: AdapterConfig) -> float:
    """Share of the blocks that a gradient goes back through: from the first adapted one up."""
    if config.adapt == "full":
        return 1.0
    count = len(model.network.layers)
    return 1 - min(layer_indices(config.layers, count), default=0) / count
