"""What a forward and a learned token cost, counted from shapes."""

from collections.abc import Sequence

from mlx_lm.utils import get_total_parameters

from mlxdyn.config import AdapterConfig, StreamConfig
from mlxdyn.lab.streams import Stream, seen
from mlxdyn.model.load import Model
from mlxdyn.model.lora import lowest

FORWARDS = {"lora": 2, "full": 3}  # of the cost of one forward, that a learned token costs at most


def flops(
    model: Model, streams: Sequence[Stream], adapter: AdapterConfig, stream: StreamConfig
) -> tuple[float, float]:
    """Operations of static and of dynamic, counted from the shapes of all chunks.

    A forward costs 2 for every weight that multiplies, and in each block attention 4 * width for
    every earlier token seen; both runs prefill. Going back through activations costs a forward
    again, of the head and of the blocks from the first adapted one up, and gradients of full
    weights one more.
    """
    weights, blocks, width = shape(model)
    first, above = lowest(model, adapter), weights * depth(model, adapter)
    read = back = 0.0
    for chunk, before in seen(streams, stream):
        prefix, inputs = len(chunk.prefix or ()), len(chunk.inputs)
        attended = inputs * before + inputs**2 // 2
        read += 2 * weights * (prefix + inputs) + 4 * blocks * width * (attended + prefix**2 // 2)
        back += 2 * above * inputs + 4 * (blocks - first) * width * attended
    return read, read + back * (FORWARDS[adapter.adapt] - 1)


def shape(model: Model) -> tuple[int, int, int]:
    """Weights that multiply in a forward (a looked-up embedding does not), blocks and width."""
    config = model.config.get("text_config", model.config)
    width, blocks = int(config.get("hidden_size") or 0), len(model.network.layers)
    tied = not any(name.endswith("lm_head") for name, _ in model.network.named_modules())
    tied = config.get("tie_word_embeddings", tied)  # not every file says
    looked_up = 0 if tied else len(model.tokenizer) * width
    return max(model.parameters - looked_up, 1), blocks, width


def depth(model: Model, config: AdapterConfig) -> float:
    """Share of the weights that a gradient goes back through: all but the blocks below adapted."""
    below: int = sum(map(get_total_parameters, model.network.layers[: lowest(model, config)]))
    return 1 - below / shape(model)[0]
