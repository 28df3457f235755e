"""A second architecture, Gemma 3: sliding windows, and a base that was never taught to chat."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_evaluate import BIRDS, BOATS, run, settings
from tiny import OTHERS, tiny_model

from mlxdyn.cli import main
from mlxdyn.config import CONTEXTS, Context
from mlxdyn.lab import race
from mlxdyn.model.load import Model, load
from mlxdyn.model.lora import detach

GEMMA = {
    "architectures": ["Gemma3ForCausalLM"], "tie_word_embeddings": True, "rms_norm_eps": 1e-6,
    "rope_local_base_freq": 10000.0, "query_pre_attn_scalar": 8, "sliding_window": 24,
    "sliding_window_pattern": 3,
}  # fmt: skip


@pytest.fixture(scope="module")
def loaded_gemma(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A random model of three blocks: two that see 24 tokens, and one that sees all."""
    folder = tmp_path_factory.mktemp("models") / "gemma"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(OTHERS, "gemma3_text", GEMMA)
        tiny_model(folder, "gemma3_text")
    (folder / "chat_template.jinja").unlink()
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config.pop("chat_template", None)
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return load(str(folder))


@pytest.fixture
def gemma(loaded_gemma: Model) -> Iterator[Model]:
    detach(loaded_gemma)
    yield loaded_gemma
    detach(loaded_gemma)


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_rate_of_zero_is_static_with_sliding_windows(gemma: Model, context: Context) -> None:
    report = run(gemma, settings(lr=0.0, context=context), BIRDS, BOATS)
    assert [row.static for row in report.chunks] == [row.dynamic for row in report.chunks]


def test_kept_windows_are_the_recomputed_ones(gemma: Model) -> None:
    """While the window is not full, nothing is lost by keeping keys and values, sliding or not."""
    kept, anew = (
        run(gemma, settings(lr=0.0, context=context, window=128, chunk=16), BIRDS + BOATS)
        for context in ("restart", "recompute")
    )
    pairs = list(zip(kept.chunks, anew.chunks, strict=True))[: 128 // 16]
    assert len(pairs) > 4
    assert all(a.static == pytest.approx(b.static, abs=1e-3) for a, b in pairs)


def test_it_learns_and_sliding_layers_keep_no_more_than_they_see(gemma: Model) -> None:
    report = run(gemma, settings(lr=3e-4, window=64, chunk=16), BIRDS * 2)
    assert report.gain > 0
    token = 2 * 2 * 8 * 4  # keys and values, heads, width, bytes
    assert report.footprint.kv == (2 * 24 + 64) * token


def test_a_rate_is_chosen_on_it(gemma: Model) -> None:
    from test_evaluate import streams

    assert race.choose(gemma, streams(gemma, BIRDS), settings()).rate > 0


def test_chat_is_refused_kindly(gemma: Model) -> None:
    done = CliRunner().invoke(main, ["chat", "--once", "Hello", "--model", str(gemma.path)])
    assert done.exit_code == 1 and "Traceback" not in done.output
    assert "chat template" in done.stderr and "mlxdyn eval" in done.stderr
    asked = ["chat", "--once", "Hello", "--incognito", "--no-template", "--model", str(gemma.path)]
    assert CliRunner().invoke(main, asked).exit_code == 0


def test_eval_reads_with_it(gemma: Model, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(BIRDS)
    small = ["--window", "32", "--chunk", "16", "--model", str(gemma.path)]
    done = CliRunner().invoke(main, ["eval", str(tmp_path / "a.txt"), *small])
    assert done.exit_code == 0, done.output
