"""Documents as tokens, and the chunks that they are cut into."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import eq

from mlxdyn.config import LearnerConfig, StreamConfig
from mlxdyn.lab.tasks import ASIDE, Document, Refused
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model

ALIKE = 64  # tokens at the start of two texts that chance does not make the same
LOOK = 64  # tokens, and as many before them
LOST = 1.0  # nats a token that a base loses without its first token, if it is lost without


@dataclass(frozen=True, slots=True)
class Stream:
    """A document as tokens, the first of which is never a target."""

    path: str
    sha256: str
    bytes: int
    tokens: tuple[int, ...]
    scored_bytes: int  # UTF-8 bytes that the targets decode to
    words: int = 0  # that the targets decode to, as white space parts them
    first: int = 0  # position of tokens[0] in the document
    unknown: float = 0.0  # share of the document's characters that the tokenizer does not know

    @property
    def name(self) -> str:
        """The path, and which tokens of it when the stream starts inside it."""
        if not self.first:
            return self.path
        return f"{self.path} tokens {self.first}-{self.first + len(self.tokens)}"


def encode(
    model: Model,
    documents: Iterable[Document | Refused],
    limit: int | None = None,
    aside: Sequence[Stream] = (),
) -> Iterator[Stream | Refused]:
    """Turn documents into streams until `limit` tokens are read; refuse those without a target.

    Refused too is what begins as a stream of `aside` does, on which choices are made: a file's
    hash does not tell where a part of it was read, or a copy.
    """
    left = limit
    for document in documents:
        if isinstance(document, Refused):
            yield document
            continue
        tokens = _tokens(model, document.text, left)
        if len(tokens) < 2:
            yield Refused(document.path, "it is shorter than two tokens")
            continue
        if any(_begin_alike(tokens, other.tokens) for other in aside):
            yield Refused(document.path, ASIDE)
            continue
        read = document.text if left is None else document.text[: _enough(left)]
        yield _stream(model, document, tokens, _unknown(model, read))
        if left is not None:
            left -= len(tokens)
            if left < 2:
                return


def _begin_alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Tell whether one of both is the start of the other, or all of it."""
    return min(len(one), len(other)) >= ALIKE and all(map(eq, one, other))


def _tokens(model: Model, text: str, limit: int | None) -> list[int]:
    """Encode `text`, or just the start of it that surely holds `limit` tokens."""
    if limit is None:
        return model.encode(text)
    characters = _enough(limit)
    while characters < len(text):
        tokens = model.encode(text[:characters])
        if len(tokens) > limit + 64:  # the cut may have changed the last few
            return tokens[:limit]
        characters *= 4
    return model.encode(text)[:limit]


def _enough(limit: int) -> int:
    """Characters that mostly hold `limit` tokens."""
    return 8 * limit + 512


def _unknown(model: Model, text: str) -> float:
    """Share of the characters of `text` that leave nothing once they were tokens.

    Tokenizers drop them, or have one token for them all.
    """
    count = Counter(text)
    decoded = model.decode(model.encode(" ".join(count)))
    doubtful = [one for one in count.keys() - {*decoded} if not one.isspace()]
    nothing = ("", str(model.tokenizer.unk_token))
    lost = [one for one in doubtful if model.decode(model.encode(one)).strip() in nothing]
    return sum(count[one] for one in lost) / len(text)


def _stream(model: Model, document: Document, tokens: list[int], unknown: float) -> Stream:
    whole = Stream(
        document.path, document.sha256, document.bytes, tuple(tokens), 0, unknown=unknown
    )
    return part(model, whole, 0, len(tokens))


def part(model: Model, stream: Stream, start: int, stop: int) -> Stream:
    """Give the tokens from `start` to `stop` of `stream` as a stream of its own."""
    tokens = stream.tokens[start:stop]
    text, lead = model.decode(list(tokens)), model.decode(list(tokens[:1]))
    return replace(
        stream,
        tokens=tokens,
        scored_bytes=len(text.encode()) - len(lead.encode()),
        words=len(text[len(lead) :].split()),
        first=stream.first + start,
    )


def opening(model: Model, stream: Stream) -> int | None:
    """Measure whether the base is lost in windows that do not begin as its texts do; then, how.

    Gemma loses 1.5 nats a token without its first one, others nothing.
    """
    begun = model.encode("")
    text = stream.tokens[1 if stream.tokens[:1] == tuple(begun) else 0 :]
    if len(begun) != 1 or len(text) < 2 * LOOK:
        return None
    scorer = Learner(model.network, LearnerConfig(), model.new_cache)
    before, targets = text[:LOOK], text[LOOK : 2 * LOOK]
    without, with_it = (
        sum(scorer.score(Chunk(context, targets)).nll) for context in (before, (*begun, *before))
    )
    return begun[0] if without > with_it + LOST * LOOK else None


def seen(streams: Sequence[Stream], config: StreamConfig) -> Iterator[tuple[Chunk, int]]:
    """Yield every chunk with the number of tokens that attention sees before its inputs."""
    for stream in streams:
        cached = 0
        for chunk in chunks(stream.tokens, config):
            cached = cached if chunk.prefix is None else len(chunk.prefix)
            yield chunk, min(cached, config.window)
            cached += len(chunk.inputs)
