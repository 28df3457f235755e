"""Laws of the leak probe: what was learned by heart shows, what was not does not."""

import math
from collections.abc import Iterator
from contextlib import closing

import mlx.core as mx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import fact, opened, teach

from mlxdyn.config import LearnerConfig
from mlxdyn.exchange import leak
from mlxdyn.exchange.leak import CONTROLS, Passage, control_texts, learned, probe
from mlxdyn.files import data_dir
from mlxdyn.memory import history
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.chat_template import Turn, render
from mlxdyn.model.load import Model

TAUGHT = (
    "My dog Rex is nine years old and he loves cold soup.",
    "The paint for the garden shed is a dull shade of green.",
)
KNOWN = 0.05  # nats per token of a message that is known by heart
UNTAUGHT = (
    "My cat Milo is three years old and she loves warm bread.",
    "I teach music to small children in a school near York.",
    "The key to the front door is under the second stone.",
)


@pytest.fixture(scope="session")
def tiny(loaded_mite: Model) -> Model:
    return loaded_mite


@pytest.fixture
def ledger() -> Iterator[Ledger]:
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        yield ledger


@pytest.fixture
def memory(tiny, ledger) -> Iterator[Memory]:
    """Of a tiny random model."""
    with opened("m", tiny, ledger) as memory:
        yield memory


@pytest.fixture
def by_heart(wren, ledger) -> Iterator[Memory]:
    """Of a real model, which learned two messages until it knew them."""
    with opened("m", wren, ledger, learner=LearnerConfig(learning_rate=1e-3)) as memory:
        for _ in range(30):
            teach(memory, *TAUGHT)
            if max(update.nll_after for update in ledger.events.log(memory.row.id)[-2:]) < KNOWN:
                break
        yield memory


def passages(*texts: str) -> list[Passage]:
    return [Passage(text[:9], (Turn("user", text),)) for text in texts]


def test_a_fresh_memory_gives_nothing_away(memory: Memory):
    report = probe(memory.model, passages(*TAUGHT))
    assert [leak.exposure for leak in report.leaks] == [0.0] * len(TAUGHT)
    assert report.exposed == 0 and report.read_out == 0
    assert report.by_chance == len(TAUGHT) / (CONTROLS + 1)


def test_what_was_learned_by_heart_can_be_read_out(by_heart: Memory):
    taught, untaught = (probe(by_heart.model, passages(*texts)) for texts in (TAUGHT, UNTAUGHT))
    assert taught.read_out == len(TAUGHT) and taught.read_out_by_base == 0
    assert taught.exposed == len(TAUGHT)
    assert all(leak.nll_memory < leak.nll_base - 2 for leak in taught.leaks)
    assert untaught.read_out == 0
    mean = sum(leak.exposure for leak in untaught.leaks) / len(UNTAUGHT)
    assert mean < taught.most - 2  # by chance about 1.4 bits


def test_one_forward_tells_what_greedy_decoding_would_give(by_heart: Memory):
    network = by_heart.model.network
    for text in (TAUGHT[0], UNTAUGHT[0]):
        rendered = render(by_heart.model.tokenizer, [Turn("user", text)], reply=False)
        start, end = rendered.spans[-1]
        said = list(rendered.tokens[: start + max(1, (end - start) // 3)])
        while len(said) < end:
            said.append(network(mx.array([said]))[0, -1].argmax().item())
        greedy = tuple(said) == rendered.tokens[:end]
        assert probe(by_heart.model, passages(text)).leaks[0].read_out == greedy
        assert greedy == (text == TAUGHT[0])


def test_batches_change_nothing(memory: Memory, monkeypatch):
    teach(memory, *TAUGHT)
    whole = probe(memory.model, passages(*TAUGHT))
    monkeypatch.setattr(leak, "LOGITS", 2048 * 80)  # a few strings at a time
    parts = probe(memory.model, passages(*TAUGHT))
    for one, other in zip(whole.leaks, parts.leaks, strict=True):
        assert one.source == other.source
        assert one.nll_memory == pytest.approx(other.nll_memory, abs=1e-4)


def test_only_what_stands_is_probed_and_the_newest_first(memory: Memory):
    ids = teach(memory, *TAUGHT, TAUGHT[0], "and this is taken back")
    fact(memory, ids[0], "How old is Rex?", "Rex is nine years old.")
    history.undo(memory)
    messages, items = learned(memory.ledger, memory.row.id)
    assert [passage.turns[-1].text for passage in messages] == list(TAUGHT)
    assert [passage.turns[-1] for passage in items] == [Turn("assistant", "Rex is nine years old.")]
    report = probe(memory.model, messages, items, newest=1)
    assert {leak.source for leak in report.leaks} == {f"message {ids[1]}", items[0].source}
    assert report.learned == 3


def test_probing_leaves_the_memory_as_it_was(memory: Memory):
    teach(memory, TAUGHT[0])
    before = memory.learner.state
    probe(memory.model, passages(*TAUGHT))
    assert memory.learner.state.adapter == before.adapter
    assert history.verify(memory) == []


@given(st.text(max_size=60))
@settings(max_examples=30, deadline=None)
def test_controls_have_the_shape_of_the_text_and_are_not_it(text: str):
    words = text.split()
    controls = control_texts(text)
    assert controls == control_texts(text)
    assert len(controls) == CONTROLS
    for control in controls:
        assert len(control.split()) == len(words)
        assert not words or control != " ".join(words)


@pytest.mark.parametrize("text", ["", " ", "ok", "🙂", "<s> </s>", "word " * 500])
def test_any_text_can_be_probed(memory: Memory, text: str):
    for found in probe(memory.model, passages(text)).leaks:
        assert math.isfinite(found.nll_base) and 0 <= found.exposure <= 5


def test_a_probe_without_time_says_what_it_did_not_see(memory: Memory):
    """What can be read out comes first, of the newest first; ranks come with the time that is."""
    teach(memory, *TAUGHT)
    whole = probe(memory.model, passages(*TAUGHT))
    assert not whole.late and whole.ranked == len(whole.leaks) == len(TAUGHT)
    seen = []
    for looks in range(12):
        times = iter([False] * looks)
        report = probe(memory.model, passages(*TAUGHT), late=lambda times=times: next(times, True))
        assert report.late and report.learned == len(TAUGHT)
        assert all(leak.source == TAUGHT[-1][:9] for leak in report.leaks[:1] if looks < 4)
        seen.append((len(report.leaks), report.ranked))
    assert seen[0] == (0, 0) and (len(TAUGHT), 0) in seen and seen == sorted(seen)
