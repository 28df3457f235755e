"""Laws of a network in parts: cut anywhere, padded or shared, it is the network that it was."""

from pathlib import Path

import mlx.core as mx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny import FAMILIES, OTHERS, random_adapter, tiny_model

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig
from mlxdyn.learn.parts import Parts, common_start, lay_out
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, lowest

LONG = (5, 7, *range(40, 64))  # beyond what a sliding window sees
ROWS = [LONG, (5, 7, 9, 11, 6, 8, 40), (5, 7, 9, 300), (5, 7, 12, 13, 14)]
SHARED = 2
OLMO = {"architectures": ["Olmo3ForCausalLM"], "sliding_window": 16}


def whole(model: Model, tokens: tuple[int, ...]) -> mx.array:
    """Give the logits after what all rows share."""
    return model.network(mx.array([tokens]))[0, SHARED:]


def close(one: mx.array, other: mx.array) -> bool:
    return bool(mx.allclose(one, other, rtol=1e-3, atol=1e-3).item())


@pytest.mark.parametrize(
    ("family", "blocks", "first"),
    [*((family, 3, 1) for family in FAMILIES), ("gemma3_text", 7, 1), ("olmo3", 12, 5)],
)
def test_rows_side_by_side_say_what_each_says_alone(
    family: str, blocks: int, first: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of some families, every fourth or sixth block sees all and the others slide."""
    monkeypatch.setitem(OTHERS, "olmo3", OLMO)
    model = tiny_model(tmp_path / family, family, blocks=blocks)
    parts = Parts.of(model.network, first)
    assert parts is not None
    rows = lay_out(ROWS, SHARED)
    side_by_side = parts.head(parts.hidden(rows, parts.read(rows.shared)))
    low = [parts.lower(row) for row in ROWS]
    length = max(map(len, ROWS))
    above = mx.concatenate(
        [mx.pad(a[:, SHARED:], [(0, 0), (length - a.shape[1], 0), (0, 0)]) for a in low]
    )
    cut = parts.head(parts.upper(low[0][:, :SHARED], above, rows.padding))
    for i, row in enumerate(ROWS):
        assert close(side_by_side[i, rows.padding[i] :], whole(model, row))
        assert close(cut[i, rows.padding[i] :], whole(model, row))


@pytest.mark.parametrize("first", [0, 1, 2])
def test_where_it_is_cut_changes_no_bit_of_what_is_below(tall: Model, first: int) -> None:
    """Learning changes only what lies above: the lower half of an example is computed once."""
    config = AdapterConfig(layers=f"{first}-2")
    attach(tall, config)
    parts = Parts.of(tall.network, lowest(tall, config))
    assert parts is not None and parts.first == first
    before, said = parts.lower(ROWS[0]), whole(tall, ROWS[0])
    mx.eval(before, said)
    drawn = random_adapter(tall, config).arrays
    attach(tall, config)
    tall.network.load_weights(list(drawn.items()), strict=False)
    assert mx.array_equal(before, parts.lower(ROWS[0])).item()
    assert not close(said, whole(tall, ROWS[0]))


def test_a_network_of_another_kind_has_no_parts(tall: Model) -> None:
    class Other:
        def __call__(self, tokens: mx.array) -> mx.array:
            return tall.network(tokens)

    known = dict[int, bool]()
    assert Parts.of(Other(), 1, known=known) is None and known == {1: False, 0: False}


def test_a_cut_is_tried_once_for_a_network(tall: Model) -> None:
    known = dict[int, bool]()
    assert Parts.of(tall.network, 1, known=known).first == 1 and known == {1: True}
    known = {1: False, 0: True}
    assert Parts.of(tall.network, 1, known=known).first == 0, "what is known is not tried again"


def test_reading_leaves_the_network_whole(tall: Model) -> None:
    before = {name: id(a) for name, a in leaves(tall.network.parameters())}
    parts = Parts.of(tall.network, 1)
    assert parts is not None
    parts.lower(ROWS[0])
    assert {name: id(a) for name, a in leaves(tall.network.parameters())} == before


@given(st.lists(st.lists(st.integers(0, 2), min_size=1).map(tuple), min_size=1))
def test_a_common_start_is_common_and_leaves_each_a_token(rows: list[tuple[int, ...]]) -> None:
    shared = common_start(rows)
    assert len({row[:shared] for row in rows}) == 1
    assert all(len(row) > shared for row in rows)
    longer = {row[: shared + 1] for row in rows}
    assert len(longer) > 1 or any(len(row) == shared + 1 for row in rows)
