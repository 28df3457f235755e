"""The header of a GGUF file that nobody vouches for: each count, size and offset is checked first.

What is wrong ends in one MlxdynError before any memory is taken for it. Knows no MLX, and leaves
the tensors where they are: `raw` maps one.
"""

import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mlxdyn.errors import MlxdynError

MAGIC = b"GGUF"
VERSIONS = (2, 3)
STRING, ARRAY = 8, 9
SCALARS = {
    0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d",
}  # fmt: skip
"""Value types by number, as struct spells them; all little-endian."""

MOST_VALUES = 4_000_000  # in one array: four times the largest vocabulary there is
MOST_DIMENSIONS = 4
ALIGNMENT = 32
LEAST_TENSOR = 8 + 8 + 4 + 8  # bytes that the shortest description of a tensor takes
LEAST_PAIR = 8 + 4 + 1

Bytes = np.ndarray[Any, np.dtype[np.uint8]]


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies in its file, and how it is stored."""

    name: str
    shape: tuple[int, ...]  # rows first, as NumPy and MLX have it
    kind: str  # F32, Q4_1, Q6_K, ...
    start: int  # bytes from the beginning of the file
    size: int  # bytes


@dataclass(frozen=True, slots=True)
class Gguf:
    """A file whose header holds together."""

    path: Path
    metadata: Mapping[str, Any]
    tensors: tuple[Tensor, ...]


def read(path: Path) -> Gguf:
    """Read the header of `path`; raise MlxdynError, one sentence, where anything is amiss."""
    try:
        if not path.stat().st_size:
            raise _Damaged("it is empty")
        reader = _Reader(np.memmap(path, np.uint8, "r"))
        metadata, tensors = reader.header()
    except (_Damaged, UnicodeDecodeError) as error:
        raise MlxdynError(f"{path} is not a whole GGUF file ({error}); fetch it again") from error
    except OSError as error:
        raise MlxdynError(f"{path} cannot be read: {error.strerror or error}") from error
    return Gguf(path, metadata, tensors)


def raw(file: Gguf, tensor: Tensor) -> Bytes:
    """Map the bytes of a tensor; nothing is read until they are used."""
    return np.memmap(file.path, np.uint8, "r", tensor.start, (tensor.size,))


class _Damaged(Exception):
    """What is wrong, in a few words."""


class _Reader:
    """Takes values off the front of a file, and never more than there is."""

    def __init__(self, data: Bytes) -> None:
        self.data, self.at = data, 0

    def header(self) -> tuple[dict[str, Any], tuple[Tensor, ...]]:
        if self.take(4) != MAGIC:
            raise _Damaged("it does not begin with GGUF")
        version = self.number("I")
        if version not in VERSIONS:
            raise _Damaged(f"version {version} is unknown; 2 and 3 are known, little-endian")
        tensors = self.count(LEAST_TENSOR, "tensors")
        pairs = self.count(LEAST_PAIR, "metadata entries")
        metadata: dict[str, Any] = {}
        for _ in range(pairs):
            key = self.string()
            if key in metadata:
                raise _Damaged(f"{key[:80]!r} is there twice")
            metadata[key] = self.value(self.number("I"))
        return metadata, self.placed([self.description() for _ in range(tensors)], metadata)

    def take(self, size: int) -> bytes:
        if size > len(self.data) - self.at:
            raise _Damaged("it ends too soon")
        self.at += size
        return self.data[self.at - size : self.at].tobytes()

    def number(self, kind: str) -> Any:
        (value,) = struct.unpack(f"<{kind}", self.take(struct.calcsize(f"<{kind}")))
        return value

    def count(self, least: int, of: str) -> int:
        """Read how many follow; each takes `least` bytes or more."""
        count = int(self.number("Q"))
        if count > (len(self.data) - self.at) // least:
            raise _Damaged(f"it names {count} {of}, more than fit in it")
        return count

    def string(self) -> str:
        return self.take(self.count(1, "characters")).decode("utf-8")

    def value(self, kind: int) -> Any:
        if kind == STRING:
            return self.string()
        if kind == ARRAY:
            return self.array(self.number("I"))
        if kind not in SCALARS:
            raise _Damaged(f"value type {kind} is unknown")
        return self.number(SCALARS[kind])

    def array(self, kind: int) -> list[Any]:
        if kind != STRING and kind not in SCALARS:
            raise _Damaged(f"arrays of type {kind} are unknown")
        least = 8 if kind == STRING else struct.calcsize(f"<{SCALARS[kind]}")
        count = self.count(least, "values")
        if count > MOST_VALUES:
            raise _Damaged(f"an array holds {count} values")
        if kind == STRING:
            return [self.string() for _ in range(count)]
        return list(struct.unpack(f"<{count}{SCALARS[kind]}", self.take(count * least)))

    def description(self) -> Tensor:
        """Read what the file says of a tensor; `start` still counts from where tensors begin."""
        name, dimensions = self.string(), self.number("I")
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise _Damaged(f"{name[:80]!r} has {dimensions} dimensions")
        shape = tuple(self.number("Q") for _ in range(dimensions))[::-1]
        kind, size = _stored(name, shape, self.number("I"))
        return Tensor(name, shape, kind, self.number("Q"), size)

    def placed(self, told: list[Tensor], metadata: Mapping[str, Any]) -> tuple[Tensor, ...]:
        """Check that tensors lie inside the file and apart, and count from its beginning."""
        step = metadata.get("general.alignment", ALIGNMENT)
        if not isinstance(step, int) or not 8 <= step <= 2**16 or step & (step - 1):
            raise _Damaged(f"alignment {step!r} is no power of two from 8 to 65536")
        base = -(-self.at // step) * step
        found = [Tensor(t.name, t.shape, t.kind, base + t.start, t.size) for t in told]
        if len({tensor.name for tensor in found}) < len(found):
            raise _Damaged("two tensors have one name")
        for tensor, end in _with_ends(found, base):
            if tensor.start % step or tensor.start < end:
                raise _Damaged(f"{tensor.name[:80]!r} lies over something else")
            if tensor.start + tensor.size > len(self.data):
                raise _Damaged(f"it ends before {tensor.name[:80]!r} does")
        return tuple(found)


def _with_ends(tensors: list[Tensor], base: int) -> Iterator[tuple[Tensor, int]]:
    """Yield tensors in the order of the file, each with the end of what lies before it."""
    end = base
    for tensor in sorted(tensors, key=lambda one: one.start):
        yield tensor, end
        end = tensor.start + tensor.size


def _stored(name: str, shape: tuple[int, ...], number: int) -> tuple[str, int]:
    """Name how a tensor is stored, and count its bytes."""
    from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

    try:
        kind = GGMLQuantizationType(number)
    except ValueError:
        raise _Damaged(f"{name[:80]!r} is of unknown type {number}") from None
    group, size = GGML_QUANT_SIZES[kind]
    values = math.prod(shape)  # Python's integers do not overflow
    if not values or shape[-1] % group:
        raise _Damaged(f"{name[:80]!r} has an impossible shape {shape}")
    return kind.name, values // group * size
