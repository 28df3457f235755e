"""The network in PyTorch, for training only: a Llama whose parameter names are Hugging Face's."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class Shape:
    """The sizes of a Llama, under the names of its `config.json`."""

    vocab_size: int = 2048
    hidden_size: int = 256
    intermediate_size: int = 704
    num_hidden_layers: int = 6
    num_attention_heads: int = 4
    num_key_value_heads: int = 4
    max_position_embeddings: int = 1024
    rms_norm_eps: float = 1e-5
    rope_theta: float = 10000.0

    def config(self) -> dict[str, Any]:
        """Write the shape as a Hugging Face configuration."""
        return {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "hidden_act": "silu",
            "tie_word_embeddings": True,
            "attention_bias": False,
            "mlp_bias": False,
            "head_dim": self.head_dim,
            "rope_scaling": None,
            "torch_dtype": "float16",
            "initializer_range": 0.02,
            **asdict(self),
        }

    @property
    def head_dim(self) -> int:
        return self.hidden_size // self.num_attention_heads


def precision(device: str | torch.device) -> torch.dtype:
    """Choose bfloat16 where the device computes in it: a CPU that does not is 30 times slower."""
    slow = torch.device(device).type == "cpu" and not torch.cpu._is_avx512_bf16_supported()
    return torch.float32 if slow else torch.bfloat16


def autocast(device: str | torch.device) -> torch.autocast:
    """Compute in the device's `precision`."""
    quick = precision(device) == torch.bfloat16
    return torch.autocast(torch.device(device).type, torch.bfloat16, enabled=quick)


def rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Turn pairs (i, i + half) by their position's angle."""
    one, two = x.chunk(2, dim=-1)
    return torch.cat((one * cosine - two * sine, two * cosine + one * sine), dim=-1)


def causal(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attend to what came before; on CPU in bfloat16 three times faster than torch's kernel."""
    if q.is_cuda:
        return functional.scaled_dot_product_attention(q, k, v, is_causal=True)
    length = q.shape[2]
    later = torch.full((length, length), float("-inf"), dtype=q.dtype, device=q.device).triu(1)
    return torch.softmax(q @ k.mT * q.shape[-1] ** -0.5 + later, dim=-1).to(v.dtype) @ v


class Linear(nn.Linear):
    """A linear layer; in `meta.py` it carries a low-rank update for each pupil of its batch."""

    lora: tuple[Tensor, Tensor] | None = None  # (P, in, r) and (P, r, out) for P pupils

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = functional.linear(x, self.weight)
        if self.lora is None:
            return out
        a, b = self.lora
        return out + (x.reshape(len(a), -1, x.shape[-1]) @ a @ b).view_as(out)


class Attention(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.num_attention_heads
        width = shape.hidden_size
        self.q_proj, self.k_proj, self.v_proj, self.o_proj = (
            Linear(width, width) for _ in range(4)
        )

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        batch, length, width = x.shape
        q, k, v = (
            proj(x).view(batch, length, self.heads, -1).transpose(1, 2)
            for proj in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = (rotate(part, cosine, sine).to(v.dtype) for part in (q, k))
        mixed = causal(q, k, v)
        out: Tensor = self.o_proj(mixed.transpose(1, 2).reshape(batch, length, width))
        return out


class MLP(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.gate_proj = Linear(shape.hidden_size, shape.intermediate_size)
        self.up_proj = Linear(shape.hidden_size, shape.intermediate_size)
        self.down_proj = Linear(shape.intermediate_size, shape.hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))
        return out


class Block(nn.Module):
    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.self_attn, self.mlp = Attention(shape), MLP(shape)
        self.input_layernorm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)

    def forward(self, x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
        x = x + self.self_attn(self.input_layernorm(x), cosine, sine)
        out: Tensor = x + self.mlp(self.post_attention_layernorm(x))
        return out


class Llama(nn.Module):
    """Tokens (B, T) to logits (B, T, V)."""

    cosine: Tensor
    sine: Tensor

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.embed_tokens = nn.Embedding(shape.vocab_size, shape.hidden_size)
        self.layers = nn.ModuleList(Block(shape) for _ in range(shape.num_hidden_layers))
        self.norm = nn.RMSNorm(shape.hidden_size, eps=shape.rms_norm_eps)
        for name, part in zip(("cosine", "sine"), angles(shape), strict=True):
            self.register_buffer(name, part, persistent=False)
        self.apply(self._start)

    def _start(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(
                module.weight, std=0.02 if isinstance(module, nn.Embedding) else 0.4 / 16
            )

    def blocks(self, tokens: Tensor) -> Iterator[Tensor]:
        """Yield what goes through the network after each block, (B, T, D)."""
        x = self.embed_tokens(tokens)
        length = tokens.shape[1]
        for layer in self.layers:
            x = layer(x, self.cosine[:length], self.sine[:length])
            yield x

    def forward(self, tokens: Tensor, at: Tensor | None = None) -> Tensor:
        """Give logits for every position, or (N, V) for the places `at` in the flattened (B, T)."""
        *_, x = self.blocks(tokens)
        x = x if at is None else x.flatten(0, 1)[at]
        return functional.linear(self.norm(x), self.embed_tokens.weight)


def angles(shape: Shape) -> tuple[Tensor, Tensor]:
    """Cosine and sine of every position's turns, (T, head / 2) each."""
    half = torch.arange(0, shape.head_dim, 2) / shape.head_dim
    positions = torch.arange(shape.max_position_embeddings).float()
    turns = torch.outer(positions, shape.rope_theta**-half)
    return turns.cos(), turns.sin()


def halved(model: Llama) -> dict[str, Tensor]:
    """The weights as float16, on the CPU, under Hugging Face's names."""
    state = model.state_dict()
    return {f"model.{name}": w.detach().half().cpu().contiguous() for name, w in state.items()}


def read(path: Path) -> Llama:
    """Read a model from an exported folder, from its weights file, or from a checkpoint."""
    model = Llama(Shape())
    if path.suffix == ".pt":
        saved = torch.load(path, weights_only=False, map_location="cpu")["model"]
    else:
        saved = load_file(path / "model.safetensors" if path.is_dir() else path)
    model.load_state_dict({name.removeprefix("model."): w.float() for name, w in saved.items()})
    return model
