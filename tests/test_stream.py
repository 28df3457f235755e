"""Laws of cutting tokens into chunks."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlxdyn.config import CONTEXTS, KVS, Context, StreamConfig
from mlxdyn.learn.stream import Chunk, chunks


@st.composite
def streams(draw: st.DrawFn) -> tuple[list[int], StreamConfig]:
    window = draw(st.integers(1, 40))
    config = StreamConfig(
        window=window,
        chunk=draw(st.integers(1, window)),
        context=draw(st.sampled_from(CONTEXTS)),
        kv=draw(st.sampled_from(KVS)),
    )
    return list(range(draw(st.integers(0, 200)))), config


def seen(cut: list[Chunk]) -> list[list[int]]:
    """What stands before and in each chunk: the KV since the last prefix, the inputs."""
    cached: list[int] = []
    result = []
    for chunk in cut:
        cached = cached if chunk.prefix is None else list(chunk.prefix)
        cached = [*cached, *chunk.inputs]
        result.append(cached)
    return result


@given(streams())
def test_every_target_is_scored_exactly_once(case: tuple[list[int], StreamConfig]) -> None:
    tokens, config = case
    assert [t for chunk in chunks(tokens, config) for t in chunk.targets] == tokens[1:]


@given(streams())
def test_windows_are_bounded(case: tuple[list[int], StreamConfig]) -> None:
    """But of carry, whose KV cache drops what left the window."""
    tokens, config = case
    cut = list(chunks(tokens, config))
    assert config.context == "carry" or all(len(w) <= config.window for w in seen(cut))


@given(streams())
def test_context_is_the_text_just_before_and_never_a_target(
    case: tuple[list[int], StreamConfig],
) -> None:
    tokens, config = case
    cut = list(chunks(tokens, config))
    for chunk, window in zip(cut, seen(cut), strict=True):
        last = chunk.targets[-1]
        assert window == list(range(window[0], last))  # no gap, no repeat, no future


@given(streams())
def test_chunks_are_full_but_the_last(case: tuple[list[int], StreamConfig]) -> None:
    tokens, config = case
    sizes = [len(chunk.targets) for chunk in chunks(tokens, config)]
    assert all(size == config.chunk for size in sizes[:-1])


@given(streams())
def test_recompute_uses_the_whole_window(case: tuple[list[int], StreamConfig]) -> None:
    tokens, config = case
    position = 0
    for chunk in chunks(tokens, StreamConfig(config.window, config.chunk, "recompute")):
        position += len(chunk.targets)
        assert len(chunk.inputs) == min(config.window, position)


@given(streams(), st.integers(0, 1))
def test_a_token_that_is_named_opens_every_window(
    case: tuple[list[int], StreamConfig], begun: int
) -> None:
    """Whether or not the text begins with it; a chunk that fills the window leaves it a place.

    Nothing else changes. Of carry it opens the text, and leaves the window when that slides.
    """
    tokens, config = case
    tokens, named = tokens[begun:], replace(config, first=0)
    if config.window == 1 and config.context != "carry":
        with pytest.raises(ValueError, match="no room for the one that opens it"):
            chunks(tokens, named)
        return
    if config.context != "carry":
        config = replace(config, chunk=min(config.chunk, config.window - 1))
    plain, opened = list(chunks(tokens, config)), list(chunks(tokens, named))
    assert [chunk.targets for chunk in opened] == [chunk.targets for chunk in plain]
    for chunk, window in zip(opened, seen(opened), strict=True):
        assert len(window) <= config.window or config.context == "carry"
        assert window[0] == 0
        read = window[1:]
        assert read == list(range(chunk.targets[-1] - len(read), chunk.targets[-1]))


def test_restart_keeps_half_a_window() -> None:
    cut = list(chunks(range(1, 700), StreamConfig(window=256, chunk=64, context="restart")))
    assert [None if c.prefix is None else len(c.prefix) for c in cut[:9]] == [
        0, None, None, None, 128, None, 128, None, 128,
    ]  # fmt: skip


@given(streams())
def test_fresh_windows_are_those_of_restart(case: tuple[list[int], StreamConfig]) -> None:
    """The same tokens are seen, and every chunk says all of them itself."""
    tokens, config = case
    kept, fresh = (list(chunks(tokens, replace(config, context="restart", kv=kv))) for kv in KVS)
    assert seen(fresh) == seen(kept)
    assert [chunk.inputs for chunk in fresh] == [chunk.inputs for chunk in kept]
    assert all(chunk.prefix is not None for chunk in fresh)


def test_carry_never_starts_anew() -> None:
    cut = list(chunks(range(700), StreamConfig(window=256, chunk=64, context="carry")))
    assert [chunk.prefix for chunk in cut] == [()] + [None] * 10


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("chunk", [0, 65])
def test_a_chunk_that_fits_no_window_is_refused(context: Context, chunk: int) -> None:
    with pytest.raises(ValueError, match="between 1 and the window"):
        next(chunks([1, 2, 3], StreamConfig(window=64, chunk=chunk, context=context)))
