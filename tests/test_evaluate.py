"""Laws of evaluation, and the command that runs it."""

import io
import json
import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import mlx.core as mx
import pytest
from click.testing import CliRunner, Result
from mlx.utils import tree_map

from mlxdyn.arrays import leaves
from mlxdyn.cli.eval import evaluate_command
from mlxdyn.config import (
    CONTEXTS,
    STREAM_RATES,
    Adapt,
    AdapterConfig,
    Context,
    LearnerConfig,
    StreamConfig,
)
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells, costs, evaluate, tasks
from mlxdyn.lab.bench import reading
from mlxdyn.lab.findings import ProgressStep
from mlxdyn.lab.results import Report, Settings
from mlxdyn.lab.streams import Stream, encode
from mlxdyn.lab.tasks import Document, Refused
from mlxdyn.learn.learner import Learner
from mlxdyn.learn.stream import Chunk, chunks
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

Call = Callable[..., Result]
BIRDS = "The wren is a small brown bird. It sings loudly, and it nests in holes. " * 4
BOATS = "A boat needs a keel, a mast and a sail; we oiled the mast and mended the sail. " * 3


def settings(
    adapt: Adapt = "lora", lr: float = 1e-3, context: Context = "restart", **knobs: Any
) -> Settings:
    stream = StreamConfig(**{"window": 32, "chunk": 16, "context": context} | knobs)
    return Settings(AdapterConfig(adapt=adapt), LearnerConfig(learning_rate=lr), stream)


def streams(model: Model, *texts: str, limit: int | None = None) -> list[Stream]:
    documents = [Document(f"{i}.txt", text, "", len(text)) for i, text in enumerate(texts)]
    found = list(encode(model, documents, limit))
    return [stream for stream in found if isinstance(stream, Stream)]


def run(model: Model, how: Settings, *texts: str) -> Report:
    return evaluate.evaluate(model, streams(model, *texts), how)


@pytest.mark.parametrize("adapt", ["lora", "full"])
@pytest.mark.parametrize("context", CONTEXTS)
def test_learning_rate_of_zero_is_static(tall: Model, adapt: Adapt, context: Context) -> None:
    report = run(tall, settings(adapt, 0.0, context), BIRDS, BOATS)
    assert report.static.total.nats == report.dynamic.total.nats
    assert all(row.static == row.dynamic for row in report.chunks)
    assert report.dynamic.total.updates == len(report.chunks)
    assert report.static.total.updates == 0


@pytest.mark.parametrize("adapt", ["lora", "full"])
def test_base_never_changes(tall: Model, adapt: Adapt) -> None:
    before = dict(leaves(tall.network.parameters()))
    report = run(tall, settings(adapt, STREAM_RATES[adapt, "adam0"] / 3), BIRDS)
    assert report.gain > 0
    after = dict(leaves(tall.network.parameters()))
    assert before.keys() == after.keys()
    assert all(mx.array_equal(before[name], after[name]) for name in before)
    assert not leaves(tall.network.trainable_parameters())


@pytest.mark.parametrize("adapt", ["lora", "full"])
def test_static_ignores_what_was_learned(mite: Model, adapt: Adapt) -> None:
    """The static run is the base's, however much the dynamic run beside it has learned."""
    calm, eager = (run(mite, settings(adapt, lr, chunk=4), BIRDS) for lr in (0.0, 1e-3))
    assert len(calm.chunks) > 2 * evaluate.TURN  # so that the runs take turns
    assert [row.static for row in calm.chunks] == [row.static for row in eager.chunks]


@pytest.mark.parametrize("adapt", ["lora", "full"])
def test_those_beside_learn_as_if_alone(mite: Model, adapt: Adapt) -> None:
    """Learners that share a network share nothing else, to the last bit."""
    together = run(mite, replace(settings(adapt, 1e-3, chunk=4), beside=(3e-4, 0.0)), BIRDS, BOATS)
    alone = [run(mite, settings(adapt, lr, chunk=4), BIRDS, BOATS).dynamic for lr in (1e-3, 3e-4)]
    assert together.dynamic.total.nats == alone[0].total.nats
    assert together.beside[0].total.nats == alone[1].total.nats
    assert together.beside[1].total.nats == together.static.total.nats


@pytest.mark.parametrize("beside", [(), (1.0,), (1e-4, 1e-2, 1.0)])
@pytest.mark.parametrize("texts", [(BIRDS,), (BIRDS, BOATS, BIRDS, BOATS, BIRDS)])
def test_a_mix_loses_at_most_ln_k_nats_in_all(
    mite: Model, beside: tuple[float, ...], texts: tuple[str, ...]
) -> None:
    """Whatever its parts do: a rate of 1 explodes, and texts that take turns undo each other."""
    report = run(mite, replace(settings(lr=1.0), mix=True, beside=beside), *texts)
    parts = (report.static, report.dynamic, *report.beside)
    best = min(run.total.nats for run in parts if math.isfinite(run.total.nats))
    tokens = report.static.total.tokens
    assert report.bound == math.log(len(parts))
    assert report.mix.total.nats <= best + report.bound + 1e-9 * tokens
    assert report.share.total.nats <= best + report.bound + math.log(tokens) + 1e-9 * tokens
    assert report.gain >= -report.bound / tokens - 1e-9 and not report.loss


def test_the_mix_of_a_rate_of_zero_is_static(mite: Model) -> None:
    report = run(mite, replace(settings(lr=0.0), mix=True), BIRDS)
    assert report.mix.total.nats == pytest.approx(report.static.total.nats, rel=1e-12)


def test_bytes_of_windows_and_of_learning_are_counted(tall: Model) -> None:
    token = 3 * 2 * 2 * 8 * 4  # blocks, keys and values, heads, width, bytes
    for window in (32, 64):
        report = run(tall, settings(window=window), BIRDS)
        assert report.footprint.kv == window * token
        assert report.footprint.adapter == 4 * report.adapter_parameters
        assert report.footprint.optimizer >= 4 * report.adapter_parameters


def test_runs_repeat(mite: Model) -> None:
    assert run(mite, settings(), BIRDS).chunks == run(mite, settings(), BIRDS).chunks


@pytest.mark.parametrize("context", CONTEXTS)
def test_context_never_crosses_documents(tall: Model, context: Context) -> None:
    alone = run(tall, settings(context=context), BOATS).static.total.nats
    after = run(tall, settings(context=context), BIRDS, BOATS).static.documents[1].nats
    assert alone == after


def test_weights_carry_over_unless_reset(mite: Model) -> None:
    alone = run(mite, settings(), BIRDS).dynamic.total.nats
    carried = run(mite, settings(), BIRDS, BIRDS).dynamic.documents
    reset = run(mite, settings(reset="document"), BIRDS, BIRDS).dynamic.documents
    assert [result.nats for result in reset] == [alone, alone]
    assert carried[0].nats == alone
    assert carried[1].nats < alone


def test_every_target_is_counted_once(mite: Model) -> None:
    report = run(mite, settings(), BIRDS, BOATS)
    expected = [len(stream.tokens) - 1 for stream in report.streams]
    for side in (report.static, report.dynamic):
        assert [result.tokens for result in side.documents] == expected
        assert side.total.tokens == sum(expected)
        assert side.total.nats == pytest.approx(sum(result.nats for result in side.documents))
    assert report.static.total.bytes == len(BIRDS.encode()) + len(BOATS.encode())
    position = {index: 1 for index in range(2)}
    for row in report.chunks:
        assert row.position == position[row.document]
        position[row.document] += row.tokens


@pytest.mark.parametrize(("limit", "read"), [(2, [2]), (50, [50]), (100, [82, 18])])
def test_limit_is_tokens_read_over_all_texts(wren: Model, limit: int, read: list[int]) -> None:
    found = streams(wren, BIRDS, BOATS, limit=limit)
    whole = streams(wren, BIRDS, BOATS)
    assert sum(len(stream.tokens) for stream in found) == limit
    assert all(
        stream.tokens == full.tokens[: len(stream.tokens)]
        for stream, full in zip(found, whole, strict=False)
    )
    if limit == 50:
        assert [len(stream.tokens) for stream in found] == read


def test_a_limit_reads_the_tokens_of_the_whole(wren: Model) -> None:
    """Encoding just the start of a long text gives the tokens that encoding all of it gives."""
    text = (BIRDS + BOATS) * 40
    assert streams(wren, text, limit=500)[0].tokens == tuple(wren.encode(text)[:500])


def test_a_rate_that_explodes_is_reported(mite: Model) -> None:
    for context in CONTEXTS:
        report = run(mite, settings(lr=1e38, context=context, window=64), BIRDS)
        assert report.dynamic.total.rejected > 0
        assert not report.dynamic.total.nats < float("inf")
        assert report.static.total.nats < float("inf")
        assert report.ci95 is None


def test_carry_sees_a_window_of_the_latest_tokens(tall: Model) -> None:
    """Chunk by chunk through the bounded cache gives what a sliding mask over one pass gives."""
    (stream,) = streams(tall, BIRDS)
    how = settings(lr=0.0, context="carry", window=24, chunk=8)
    report = evaluate.evaluate(tall, [stream], how)
    cache, nll = tall.new_cache(24), []
    for token, target in pairwise(stream.tokens):  # the narrowest chunks there are
        logits = tall.network(mx.array([[token]]), cache=cache)[0, -1].astype(mx.float32)
        nll.append((mx.logsumexp(logits) - logits[target]).item())
    assert report.static.total.nats == pytest.approx(sum(nll), rel=1e-4)
    longer = evaluate.evaluate(tall, [stream], settings(lr=0.0, context="carry", window=80))
    assert longer.static.total.nats != pytest.approx(sum(nll), rel=1e-4)


def test_static_runs_are_made_once(mite: Model) -> None:
    """What is known is not scored again, and changes no number."""
    known = evaluate.Baselines()
    text = streams(mite, BIRDS, BOATS)
    first = evaluate.evaluate(mite, text, settings(), known=known)
    kept = dict(known.steps)
    again = evaluate.evaluate(mite, text, settings(lr=3e-3), known=known)
    assert [row.static for row in again.chunks] == [row.static for row in first.chunks]
    assert again.static.total.seconds == first.static.total.seconds  # nothing was timed again
    assert known.steps == kept and len(kept) == 2
    evaluate.evaluate(mite, text, settings(chunk=8), known=known)
    assert len(known.steps) == 4  # other windows are other baselines


def test_the_gain_is_split(mite: Model) -> None:
    """Within documents is what a reset at each of them gains; the rest was carried over."""
    text = streams(mite, BIRDS, BOATS, BIRDS)
    whole = evaluate.evaluate(mite, text, settings(lr=3e-3), split=True)
    apart = evaluate.evaluate(mite, text, settings(lr=3e-3, reset="document"))
    assert whole.within == pytest.approx(apart.gain, abs=1e-12)
    assert whole.carried == pytest.approx(whole.gain - apart.gain, abs=1e-12)
    assert whole.carried is not None and whole.carried > 0.01
    assert evaluate.evaluate(mite, text[:1], settings(), split=True).within is None


def test_decay_lies_between_carrying_and_resetting(mite: Model) -> None:
    text = streams(mite, BIRDS, BIRDS)
    losses = [
        evaluate.evaluate(mite, text, settings(reset=reset)).dynamic.documents[1].nats
        for reset in ("never", "decay", "document")
    ]
    assert losses == sorted(losses) and len(set(losses)) == 3


def test_stopped_it_reports_what_is_done(mite: Model) -> None:
    text = streams(mite, BIRDS, BOATS)
    how = settings(chunk=2)

    def stop(tick: ProgressStep) -> None:
        if tick.done > 150:
            raise KeyboardInterrupt

    report = evaluate.evaluate(mite, text, how, stop)
    whole = evaluate.evaluate(mite, text, how)
    done = len(report.chunks)
    assert not report.complete and any("stopped" in w for w in report.warnings)
    assert report.chunks == whole.chunks[:done] and done < len(whole.chunks)
    assert report.dynamic.total.tokens == sum(row.tokens for row in report.chunks)
    assert report.streams[0] == whole.streams[0]
    tail = report.streams[1]
    assert tail.tokens == whole.streams[1].tokens[: len(tail.tokens)]
    assert tail.scored_bytes < whole.streams[1].scored_bytes
    assert report.static.total.bytes == sum(s.scored_bytes for s in report.streams)


def test_progress_is_told(mite: Model) -> None:
    ticks: list[ProgressStep] = []
    report = evaluate.evaluate(mite, streams(mite, BIRDS, BOATS), settings(), ticks.append)
    assert [tick.done for tick in ticks] == sorted(tick.done for tick in ticks)
    assert ticks[-1].done == ticks[-1].total == report.static.total.tokens
    assert ticks[-1].gain == pytest.approx(report.gain)


def test_a_loss_that_is_no_number_fails_the_self_check(
    mite: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A scale beyond float32 times nothing; and wherever it stands among the chunks."""
    how = replace(settings(), adapter=AdapterConfig(scale=1e39))
    with pytest.raises(MlxdynError, match="differs from static by inf nats"):
        run(mite, how, BIRDS)
    learn, calls = Learner.learn, 0

    def third(self: Learner, *arguments: Any, **more: Any) -> Any:
        nonlocal calls
        calls += 1
        seen = learn(self, *arguments, **more)
        return replace(seen, nll=(math.nan,)) if calls == 3 else seen

    monkeypatch.setattr(Learner, "learn", third)
    with pytest.raises(MlxdynError, match="self-check failed"):
        run(mite, settings(), BIRDS)


def test_a_learner_that_learns_at_rate_zero_fails_the_self_check(
    mite: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Were the adapter not nothing at its start, no number would be shown."""
    assert run(mite, settings(), BIRDS).self_check == 0

    def askew(model: Model, config: AdapterConfig) -> int:
        count = attach(model, config)
        weights = model.network.trainable_parameters()
        model.network.update(tree_map(lambda a: a + 0.1, weights))
        return count

    monkeypatch.setattr(evaluate, "attach", askew)
    with pytest.raises(MlxdynError, match="self-check failed"):
        run(mite, settings(), BIRDS)


def test_text_that_the_base_knows_is_named(mite: Model) -> None:
    """A base that was fitted to the text is told from one that was not."""
    assert not any("knows" in warning for warning in run(mite, settings(), BIRDS).warnings)
    base = dict(mite.network.parameters())
    attach(mite, AdapterConfig(adapt="full"))
    student = Learner(mite.network, LearnerConfig(learning_rate=3e-3), mite.new_cache)
    (stream,) = streams(mite, BIRDS)
    (chunk,) = chunks(stream.tokens, StreamConfig(window=128, chunk=128, context="recompute"))
    for _ in range(60):
        student.learn(chunk)
    detach(mite)
    try:
        report = run(mite, settings(window=128, lr=0.0), BIRDS)
    finally:
        mite.network.update(base)
    assert report.verbatim > 0.5
    assert any("probably knows" in warning for warning in report.warnings)


def test_word_perplexity_is_for_words(mite: Model) -> None:
    report = run(mite, settings(), BIRDS)
    total = report.static.total
    assert total.words == len(BIRDS.split())
    assert total.word_perplexity == pytest.approx(math.exp(total.nats / total.words))


def test_rms_needs_text_and_uses_it(mite: Model) -> None:
    how = settings()
    how = replace(how, learner=LearnerConfig(optimizer="rms", learning_rate=3e-3))
    text, other = streams(mite, BIRDS), streams(mite, BOATS)
    with pytest.raises(MlxdynError, match="--tune"):
        evaluate.evaluate(mite, text, how)
    one = evaluate.evaluate(mite, text, how, rms_text=other)
    assert one.gain > 0 and one.self_check == 0
    assert one.gain != evaluate.evaluate(mite, text, how, rms_text=text).gain


def test_windows_beyond_the_model_are_refused(wren: Model) -> None:
    with pytest.raises(MlxdynError, match="--window 1024"):
        evaluate.check(wren, settings(window=1025))
    with pytest.raises(MlxdynError, match="--chunk"):
        evaluate.check(wren, settings(chunk=33))


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize(
    ("layers", "first"), [("all", 0), ("upper", 1), ("middle", 1), ("late", 2), ("2", 2)]
)
def test_operations_are_counted_from_shapes(
    tall: Model, context: Context, layers: str, first: int
) -> None:
    """Whatever is adapted, a gradient goes back through the whole head: it is no small part."""
    how = replace(settings(context=context), adapter=AdapterConfig(layers=layers, rank=2))
    text = streams(tall, BIRDS)
    sizes = {name: a.size for name, a in leaves(tall.network.parameters())}
    above = [f"layers.{n}." for n in range(first, 3)] + ["model.norm", "embed_tokens"]
    back = sum(size for name, size in sizes.items() if any(part in name for part in above))
    report = evaluate.evaluate(tall, text, how)
    static = dynamic = 0
    cached = 0
    for chunk in chunks(text[0].tokens, how.stream):
        prefix, inputs = len(chunk.prefix or ()), len(chunk.inputs)
        cached = min(cached if chunk.prefix is None else prefix, how.stream.window)
        pairs = inputs * cached + inputs**2 // 2  # of a token and one before it
        static += 2 * sum(sizes.values()) * (prefix + inputs)
        static += 3 * 4 * 32 * (pairs + prefix**2 // 2)
        dynamic += 2 * back * inputs + (3 - first) * 4 * 32 * pairs
        cached += inputs
    dynamic += static
    assert costs.flops(tall, text, how.adapter, how.stream) == pytest.approx((static, dynamic))
    assert report.flops == pytest.approx(dynamic / static)
    cell = cells.numbers(report) | cells.flops(tall, report)
    tokens = report.static.total.tokens
    assert cell["flops_ratio"] == report.flops
    assert cell["static_flops"] == pytest.approx(static / tokens)
    assert cell["dynamic_flops"] == pytest.approx(dynamic / tokens)


def test_full_weights_cost_a_forward_more(tall: Model) -> None:
    ways, text = (AdapterConfig(adapt="lora"), AdapterConfig(adapt="full")), streams(tall, BIRDS)
    counted = [costs.flops(tall, text, how, StreamConfig()) for how in ways]
    (static, lora), (same, full) = counted
    assert static == same and full - static == pytest.approx(2 * (lora - static))


def test_the_head_is_counted_where_no_file_says_that_it_is_tied(tall: Model) -> None:
    unsaid = {k: v for k, v in tall.config.items() if k != "tie_word_embeddings"}
    assert costs.shape(replace(tall, config=unsaid)) == costs.shape(tall)


@pytest.mark.parametrize(("layers", "most"), [("all", 0.02), ("late", 0.04), ("5", 0.04)])
def test_the_count_is_that_of_the_graph(wren: Model, layers: str, most: float) -> None:
    """Of the lowest adapted block, the gradient of its own inputs is not made: a bit less."""
    how = AdapterConfig(layers=layers, rank=1)
    share, tokens = costs.depth(wren, how), reading.drawn(wren, 33)
    attach(wren, how)
    learner = Learner(wren.network, LearnerConfig(), wren.new_cache)
    forward, learned = reading.operations(learner, Chunk(tokens[:1], tokens[1:]))
    assert abs(learned / forward - 1 - share) < most


@pytest.fixture
def call(mite: Model) -> Call:
    def call(*arguments: str | Path, text: str | bytes | None = None) -> Result:
        small = ["--model", str(mite.path), "--window", "32", "--chunk", "16"]
        return CliRunner().invoke(evaluate_command, [*small, *map(str, arguments)], input=text)

    return call


@pytest.fixture
def birds(tmp_path: Path) -> Path:
    path = tmp_path / "birds.txt"
    path.write_text(BIRDS)
    return path


def test_eval_prints_a_table_and_writes_json_and_chunks(
    call: Call, birds: Path, tmp_path: Path
) -> None:
    files = ["--json", tmp_path / "r.json", "--chunks", tmp_path / "c.jsonl"]
    done = call(birds, "--model", "wren", *files)
    assert done.exit_code == 0, done.output
    assert "static" in done.stdout and "gain" in done.stdout
    assert done.stderr == ""
    report = json.loads((tmp_path / "r.json").read_text())
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    for name in ("static", "dynamic"):
        side = next(side for side in report["runs"] if side["name"] == name)
        mean = sum(line[name] for line in lines) / sum(line["tokens"] for line in lines)
        assert side["nats_per_token"] == pytest.approx(mean, abs=1e-9)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["birds.txt", "c.jsonl", "r.json"]


def test_eval_json_goes_to_standard_output_alone(call: Call, birds: Path) -> None:
    done = call(birds, "--json", "-", "--lr", "0", "--limit", "40")
    report = json.loads(done.stdout)
    assert report["config"]["learning_rate"] == 0
    assert report["runs"][0]["nats_per_token"] == report["runs"][1]["nats_per_token"]
    assert report["runs"][0]["tokens"] == 39


def test_eval_reads_standard_input(call: Call) -> None:
    done = call("-", "--json", "-", text=BIRDS)
    assert json.loads(done.stdout)["streams"][0]["path"] == "standard input"


def test_eval_names_what_it_skips(call: Call, birds: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text(" \n")
    (tmp_path / "binary.txt").write_bytes(b"ab\0cd")
    (tmp_path / "latin.txt").write_bytes("déjà vu".encode("latin-1"))
    done = call(tmp_path, tmp_path / "missing.txt", "--json", "-")
    assert done.exit_code == 0
    assert [s["path"] for s in json.loads(done.stdout)["streams"]] == [str(birds)]
    for name, why in {
        "empty": "is empty", "binary": "NUL", "latin": "not UTF-8", "missing": "no such file",
    }.items():  # fmt: skip
        assert any(name in line and why in line for line in done.stderr.splitlines())


@pytest.mark.parametrize("text", [b"", b"\0", b"\xff\xfe", b"   "])
def test_eval_with_nothing_left_fails_with_a_sentence(call: Call, text: bytes) -> None:
    done = call("-", text=text)
    assert done.exit_code == 1
    assert done.stderr.splitlines()[-1].startswith("Error: no text is left")
    assert "Traceback" not in done.output


@pytest.mark.parametrize(
    "arguments", [[], ["x", "--lr", "-1"], ["x", "--adapt", "all"], ["x", "--window", "0"]]
)
def test_eval_wrong_usage_exits_2(call: Call, arguments: list[str]) -> None:
    assert call(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--window", "4096"], "--window 256"),
        (["--chunk", "64"], "--chunk 8"),
        (["--model", "no-such-model"], "no-such-model"),
        (["--targets", "nothing"], "nothing"),
        (["--json", "/nowhere/at/all.json"], "/nowhere/at/all.json"),
    ],
)
def test_eval_mistakes_fail_with_a_sentence(
    call: Call, birds: Path, arguments: list[str], said: str
) -> None:
    done = call(birds, *arguments)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ") and said in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_directory_is_read_in_order(tmp_path: Path) -> None:
    for name in ("b.md", "a/z.txt", "c.TXT", "c.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    found = list(tasks.read([str(tmp_path)], io.BytesIO()))
    assert [document.text for document in found if isinstance(document, Document)] == [
        "a/z.txt", "b.md", "c.TXT",
    ]  # fmt: skip


def test_a_limit_may_cut_a_character(tmp_path: Path) -> None:
    """The start of a file ends where the limit says, even inside a character; its hash is whole."""
    path = tmp_path / "snow.txt"
    path.write_text("☃" * 2000)
    short, whole = (next(tasks.read([str(path)], io.BytesIO(), limit=n)) for n in (2, None))
    assert isinstance(short, Document) and isinstance(whole, Document)
    assert short.text == "☃" * (2 * 1024 // 3)
    assert replace(short, text=whole.text) == whole


def test_a_text_shorter_than_two_tokens_is_refused(wren: Model, monkeypatch: Any) -> None:
    found = list(encode(wren, [Document("one.txt", "", "", 0)]))
    assert found == [Refused("one.txt", "it is shorter than two tokens")]
