"""Laws of the experiments, on a model of random weights."""

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import mlx.core as mx
import pytest

from mlxdyn.arrays import leaves
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.errors import MlxdynError
from mlxdyn.lab import cells, drift, evaluate, experiment, runner
from mlxdyn.lab.experiments import QUESTIONS, precision
from mlxdyn.lab.findings import Finding, ProgressStep
from mlxdyn.lab.results import Settings
from mlxdyn.lab.streams import Stream, encode, part
from mlxdyn.lab.tasks import Document
from mlxdyn.learn.learner import Learner
from mlxdyn.model.load import Model
from mlxdyn.model.lora import attach, detach

BIRDS = "The wren is a small brown bird. It sings loudly, and it nests in holes. " * 4
BOATS = "A boat needs a keel, a mast and a sail; we oiled the mast and mended the sail. " * 4
SMALL = Settings(
    AdapterConfig(rank=2),
    LearnerConfig(learning_rate=3e-3),
    StreamConfig(window=32, chunk=16),
)


def streams(model: Model, *texts: str) -> list[Stream]:
    documents = [Document(f"{i}.txt", text, str(i), len(text)) for i, text in enumerate(texts)]
    return [s for s in encode(model, documents) if isinstance(s, Stream)]


def run(name: str, model: Model, *texts: str, **more: object) -> Finding:
    return runner.run(name, model, streams(model, *texts), SMALL, **more)  # type: ignore[arg-type]


def test_a_text_shorter_than_any_window_has_one(mite: Model) -> None:
    found = run("window", mite, BIRDS[:20])
    assert [cell.knobs["window"] for cell in found.cells] == [SMALL.stream.window]


@pytest.mark.parametrize(("low", "said"), [(0.0, "would not"), (None, "would not"), (0.1, "would")])
def test_history_promises_no_more_than_its_interval(
    mite: Model, monkeypatch: pytest.MonkeyPatch, low: float | None, said: str
) -> None:
    """A gain whose interval begins at 0, or that has none, has not surely helped."""
    measured = cells.numbers
    monkeypatch.setattr(
        cells, "numbers", lambda report: measured(report) | {"gain": 0.4, "low": low, "high": 1.0}
    )
    found = run("history", mite, BIRDS[:100], BOATS[:100])
    assert f"learning {said} " in found.sentence


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_experiment_finds_something(mite: Model, tall: Model, name: str) -> None:
    """One sentence, tables whose rows fit their heads, whole figures, plain values throughout."""
    model = tall if name == "placement" else mite  # which has no early, middle and late blocks
    before = dict(leaves(model.network.parameters()))
    ticks: list[ProgressStep] = []
    found = run(name, model, BIRDS[:150], BOATS[:150], progress=ticks.append)
    assert found.experiment == name and found.sentence and "stopped" not in found.sentence
    assert found.tables and found.figures and found.cells
    assert all(len(row) == len(table.head) for table in found.tables for row in table.rows)
    for figure in found.figures:
        assert figure.series
        for series in figure.series:
            assert len(series.x) == len(series.y) > 0
            assert all(
                band is None or len(band) == len(series.y) for band in (series.low, series.high)
            )
    assert asdict(found) == _plain(found)
    assert "largest difference 0 nats/token" in found.self_check
    assert [tick.cell for tick in ticks] == sorted(tick.cell for tick in ticks)
    assert ticks[-1].cell == ticks[-1].cells == len(found.cells)
    after = dict(leaves(model.network.parameters()))
    assert before.keys() == after.keys()
    assert all(mx.array_equal(before[n], after[n]) for n in before)


def _plain(found: Finding) -> object:
    """The finding through JSON, tuples where it had lists."""
    value = json.loads(json.dumps(asdict(found)))

    def back(there: object, here: object) -> object:
        if isinstance(here, tuple) and isinstance(there, list):
            return tuple(back(a, b) for a, b in zip(there, here, strict=True))
        if isinstance(here, dict) and isinstance(there, dict):
            return {k: back(there[str(k)], v) for k, v in here.items()}
        return here if here != here else there

    return back(value, asdict(found))


def test_an_unknown_experiment_is_named(mite: Model) -> None:
    with pytest.raises(MlxdynError, match="alchemy"):
        run("alchemy", mite, BIRDS)


def test_text_that_chooses_is_never_reported(mite: Model) -> None:
    """The first tokens are taken off the stream when no text was named; the finding says so."""
    (whole,) = streams(mite, BIRDS + BOATS)
    found = run("prefit", mite, BIRDS + BOATS)
    cut = len(whole.tokens) // 3
    assert found.tuned_on == ("0.txt",)
    assert found.reported_on == (f"0.txt tokens {cut}-{len(whole.tokens)}",)
    assert all(c.numbers["tokens"] == len(whole.tokens) - cut - 1 for c in found.cells)
    named = experiment.open_lab(
        mite, streams(mite, BIRDS), SMALL, tune=streams(mite, BOATS), needs=99
    )
    assert (named.streams, named.tuning) == (streams(mite, BIRDS), streams(mite, BOATS))


def test_head_and_rest_are_the_stream(mite: Model) -> None:
    given = streams(mite, BIRDS, BOATS, BIRDS)
    taken, rest = experiment.head(mite, given, 100)
    assert sum(len(s.tokens) for s in taken) == 100
    joined = [t for s in (*taken, *rest) for t in s.tokens]
    assert joined == [t for s in given for t in s.tokens]
    assert {s.path for s in rest} == {"0.txt", "1.txt", "2.txt"} - {"0.txt"} | (
        {"0.txt"} if len(given[0].tokens) > 101 else set()
    )
    with pytest.raises(MlxdynError, match="too few"):
        experiment.head(mite, [part(mite, given[0], 0, 30)])


@pytest.mark.parametrize("start", [1e-4, 0.01])
def test_every_placement_is_judged_at_a_rate_that_suits_it(mite: Model, start: float) -> None:
    """A rate that is too low or too high to begin with is left, whichever way that is."""
    tuning = streams(mite, BIRDS)
    lab = experiment.open_lab(mite, streams(mite, BOATS), SMALL, tune=tuning)
    _, how = lab.best(({}, cells.vary(SMALL, {"learning_rate": start})))
    rates = [
        how.learner.learning_rate * factor for factor in (1 / experiment.STEP, 1.0, experiment.STEP)
    ]
    low, here, high = (
        evaluate.evaluate(mite, tuning, cells.vary(SMALL, {"learning_rate": rate}))
        for rate in rates
    )
    loss = here.dynamic.total.nats
    assert loss <= low.dynamic.total.nats and loss <= high.dynamic.total.nats


def test_drift_of_the_base_is_nothing(mite: Model) -> None:
    """Anchors repeat with their seed, and cost an unlearned adapter what they cost the base."""
    detach(mite)
    anchors = drift.anchors(mite, seed=1, samples=3, length=9)
    assert anchors == drift.anchors(mite, seed=1, samples=3, length=9)
    assert [len(chunk.targets) for chunk in anchors] == [9, 9, 9]
    base = drift.mean_nll(Learner(mite.network, LearnerConfig(), mite.new_cache), anchors)
    assert base < math.log(len(mite.tokenizer))  # it wrote them: guesses would cost more
    attach(mite, AdapterConfig())
    fresh = Learner(mite.network, LearnerConfig(learning_rate=0.1), mite.new_cache)
    assert drift.mean_nll(fresh, anchors) == pytest.approx(base, abs=1e-5)
    fresh.learn(anchors[0])
    assert drift.mean_nll(fresh, anchors) != pytest.approx(base, abs=1e-3)
    detach(mite)


def test_resets_follow_documents_and_not_pieces(mite: Model) -> None:
    """Two pieces of one document are learned as one; another document starts anew."""
    how = replace(SMALL, stream=replace(SMALL.stream, reset="document"))
    (birds, boats) = streams(mite, BIRDS, BOATS)
    half = [part(mite, birds, 0, 49), part(mite, birds, 48, 97)]
    runs = evaluate.evaluate(mite, [*half, boats], how).dynamic.documents
    alone = evaluate.evaluate(mite, [half[1]], how).dynamic.total
    fresh = evaluate.evaluate(mite, [boats], how).dynamic.total
    assert runs[1].nats < alone.nats
    assert runs[2].nats == fresh.nats


def test_ctrl_c_tells_what_is_done(mite: Model) -> None:
    def stop(tick: ProgressStep) -> None:
        if tick.cell == 2:
            raise KeyboardInterrupt

    found = run("kv", mite, BIRDS, progress=stop)
    assert len(found.cells) == len(found.tables[0].rows) == 1
    assert found.sentence == "stopped after 1 of 4 cells"
    many = cells.vary(SMALL, {"chunk": 4})
    with pytest.raises(KeyboardInterrupt):
        runner.run("kv", mite, streams(mite, BIRDS), many, progress=_at_once)


def _at_once(tick: ProgressStep) -> None:
    if tick.cell == 1 and tick.done < tick.total:
        raise KeyboardInterrupt
    raise AssertionError("a cell came to its end")


def test_finished_cells_are_not_run_again(mite: Model, tmp_path: Path) -> None:
    first = run("interval", mite, BIRDS, store=tmp_path)
    assert len(list(tmp_path.iterdir())) == len({cell.key for cell in first.cells})
    chunks = list[ProgressStep]()
    again = run("interval", mite, BIRDS, store=tmp_path, progress=chunks.append)
    assert again.cells == first.cells and again.sentence == first.sentence and not chunks


def test_a_chunk_as_long_as_the_text_is_not_tried(mite: Model) -> None:
    """What learns only after all is said gains nothing, which is no finding."""
    (stream,) = streams(mite, BIRDS)
    found = runner.run("interval", mite, [part(mite, stream, 0, 50)], SMALL)
    assert {cell.knobs["chunk"] for cell in found.cells} == {16}


def test_a_band_is_drawn_from_bins_that_have_one(mite: Model) -> None:
    """A stream of a few chunks once had as many bins, and a note about a band that none had."""
    along = run("position", mite, BIRDS).figures[0].series[0]
    assert along.low and all(map(math.isfinite, along.low))


def test_quantised_bases_say_something_else(mite: Model) -> None:
    rough = precision.quantised(mite, 4)
    assert cells.is_quantised(rough) and not cells.is_quantised(mite)
    with pytest.raises(MlxdynError, match="quantised already"):
        runner.run("precision", rough, streams(rough, BIRDS), SMALL)


def test_operations_follow_theory(tall: Model) -> None:
    """Whole windows once: forward 2N and attention; LoRA twice that, full three times.

    The last of three blocks alone still goes back through the head, which is most of the weights.
    """
    text = streams(tall, BIRDS)
    for adapt, times in (("lora", 2.0), ("full", 3.0)):
        how = cells.vary(SMALL, {"adapt": adapt, "context": "recompute", "chunk": 32})
        cell = cells.run(tall, text, ({}, how))
        ratio = float(cell.numbers["dynamic_flops"] or 0) / float(cell.numbers["static_flops"] or 1)
        assert ratio == pytest.approx(times, rel=0.01)
    late = cells.vary(SMALL, {"layers": "2", "context": "recompute", "chunk": 32})
    cell = cells.run(tall, text, ({}, late))
    ratio = float(cell.numbers["dynamic_flops"] or 0) / float(cell.numbers["static_flops"] or 1)
    assert ratio == pytest.approx(1 + (93_408 - 2 * 9_280) / 93_408, rel=0.01)


def test_documents_alternate_or_the_report_says_that_they_cannot(mite: Model) -> None:
    """Arms of equal texts are never set beside each other as if they differed."""
    found = run("order", mite, BIRDS, BOATS)
    named = {cell.knobs.get("order") for cell in found.cells}
    assert "alternating" in named and "alternating" in found.sentence
    losses = {
        cell.knobs["order"]: cell.numbers["dynamic"]
        for cell in found.cells
        if cell.knobs["reset"] == "never" and "order" in cell.knobs
    }
    assert losses["alternating"] != losses["in order"]
    short = run("order", mite, BIRDS[:72], BOATS[:79])
    assert "alternating" not in {cell.knobs.get("order") for cell in short.cells}
    assert "alternating" not in short.sentence
    assert any("too short to alternate" in warning for warning in short.warnings)
