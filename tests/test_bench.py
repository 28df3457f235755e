"""The bench gives every figure and row, changes nothing, and says it in JSON."""

import json
from dataclasses import replace

import mlx.core as mx
import pytest
from click.testing import CliRunner

from mlxdyn.cli import main
from mlxdyn.files import data_dir
from mlxdyn.lab.bench import curves, extras, learning, reading, rows, soaking, speed, talking
from mlxdyn.lab.bench.rows import Row
from mlxdyn.learn.learner import same
from mlxdyn.model.load import Model

SMALL = reading.Size(window=16, chunk=4, chunks=2, learned=1, seconds=0, blocks=1)
ROW = Row("a path", "a peer", "seconds", (1.0, 2.0, 4.0), (3.0, 3.0, 4.0), "faster", low=1.2)


def test_every_figure_is_measured_and_ordered(mite: Model):
    found = speed.measure(str(mite.path), rounds=2)
    assert {figure.name for figure in found.figures} >= {"loading", "first token", "writing"}
    assert all(0 < figure.low <= figure.median <= figure.high for figure in found.figures)
    assert found.parameters and found.adapter_parameters and found.peak_memory_bytes


def test_measuring_learns_nothing(mite: Model):
    speed.attach(mite, speed.AdapterConfig())
    before = dict(speed.flatten(speed.Learner(mite.network, speed.LearnerConfig(), list).state))
    for action in speed.actions(mite).values():
        action()
    after = dict(speed.flatten(speed.Learner(mite.network, speed.LearnerConfig(), list).state))
    assert all(mx.array_equal(before[name], after[name]) for name in before)
    assert not (data_dir() / "mlxdyn.db").exists()


def test_the_command_prints_json_and_refuses_what_is_not_there(mite: Model):
    run = CliRunner().invoke(main, ["bench", "--model", str(mite.path), "--rounds", "1", "--json"])
    found = json.loads(run.stdout)
    assert found["schema"] == "mlxdyn.bench/1" and found["model"] == mite.name
    missing = CliRunner().invoke(main, ["bench", "--model", "no/such-model"])
    assert missing.exit_code == 1 and "no/such-model" in missing.stderr
    both = CliRunner().invoke(main, ["bench", "--quick", "--curves"])
    assert both.exit_code == 2 and "choose one" in both.stderr


def test_a_ratio_is_the_median_of_its_pairs():
    assert ROW.ratios == (3.0, 1.5, 1.0) and ROW.ratio == 1.5 and ROW.met
    assert replace(ROW, sense="cost").ratios == (1 / 3, 2 / 3, 1.0)
    assert replace(ROW, theirs=(4.0,)).ratios == (2.0,), "no pairs: the medians"
    assert replace(ROW, within=1.0).met and not replace(ROW, within=0.9).met
    assert not replace(ROW, low=1.6).met and replace(ROW, low=None).met is None
    assert replace(ROW, theirs=()).met is None and replace(ROW, theirs=()).ratio is None


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.5, None, ">= 1.5"),
        (None, 1.05, "<= 1.05"),
        (1.7, 2.3, "1.7 to 2.3"),
        (None, None, "reported"),
    ],
)
def test_a_target_is_said(low: float | None, high: float | None, said: str):
    assert replace(ROW, low=low, high=high).target == said


def test_samples_are_taken_in_turn_and_the_first_pair_does_not_count():
    called: list[str] = []

    def take(name: str) -> float:
        called.append(name)
        return float(len(called))

    ours, theirs = rows.in_turn(lambda: take("a"), lambda: take("b"), seconds=0)
    assert len(ours) == len(theirs) == rows.LEAST and min(*ours, *theirs) > 2
    assert all(set(called[i : i + 2]) == {"a", "b"} for i in range(0, len(called), 2))


def test_reading_is_measured_beside_its_peers(tall: Model):
    found = {row.path: row for row in reading.rows(tall, SMALL)}
    assert all(row.ratio and row.ratio > 0 for row in found.values())
    counted = {name: row for name, row in found.items() if name.endswith("operations")}
    assert len(counted) == 2 and all(1 < row.ratio < 4 for row in counted.values() if row.ratio)
    assert "lora" not in str(tall.network).lower(), "the adapter is off again"


def test_products_of_the_graph_are_counted(mite: Model):
    """One target more costs a row more of each product: of the head 2 * 32 * 2048 alone."""
    speed.attach(mite, speed.AdapterConfig())
    learner = speed.Learner(mite.network, speed.LearnerConfig(), mite.new_cache)
    eight, nine = (reading.operations(learner, speed.Chunk((5,), (6,) * n)) for n in (8, 9))
    assert 2 * 32 * 2048 < nine[0] - eight[0] < 4 * 32 * 2048
    assert 1.5 < eight[1] / eight[0] < 3


def test_talking_is_measured_and_leaves_nothing_behind(mite: Model):
    found = list(talking.rows(mite, 0.0))
    assert len(found) == 7 and all(row.ratio for row in found)
    kept = next(row for row in found if row.path.startswith("a conversation"))
    assert "% of the prompt is not read again" in kept.note
    assert not (data_dir() / "mlxdyn.db").exists()


def test_what_is_not_installed_is_said(mite: Model):
    found = list(extras.rows(mite, None))
    assert all(not row.theirs and row.ratio is None and "not measured" in row.note for row in found)


def test_curves_have_all_their_points(mite: Model, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(curves, "WINDOWS", (64, 96))
    monkeypatch.setattr(curves, "CHUNKS", (8,))
    monkeypatch.setattr(curves, "RANKS", (1, 2))
    monkeypatch.setattr(curves, "WIDTHS", (16, 32))
    monkeypatch.setattr(curves, "MEMORIES", (1, 3))
    found = curves.all_curves(str(mite.path), progress=print, seconds=0.1, messages=(10, 40))
    assert [point["messages"] for point in found["ledger"]] == [10, 40]
    assert len(found["stream"]) == 10 and found["stream"][-1]["tokens"] > 0
    assert all(
        value > 0
        for part in ("window", "rank", "size")
        for p in found[part]
        for value in p.values()
    )


@pytest.mark.parametrize("minutes", ["nan", "inf", "-1"])
def test_a_soak_has_an_end(minutes: str) -> None:
    done = CliRunner().invoke(main, ["bench", "--model", "wren", "--soak", minutes])
    assert done.exit_code == 2 and "--soak" in done.stderr


def test_a_soak_talks_learns_and_verifies(mite: Model):
    found = soaking.soak(str(mite.path), minutes=0.0, progress=print)
    assert found["verified"] and found["messages"] == 1 and found["points"][0]["learn_s"] > 0


def test_a_snapshot_of_before_the_rows_is_that_of_after(mite: Model):
    with talking.session_of(mite) as session:
        before = session.memory.learner.state
        list(talking._long_conversation(session.talker, 0.0))
        assert same(before, session.memory.learner.state)


@pytest.mark.slow
def test_a_message_learned_is_timed_beside_the_recipe(wren: Model):
    """Whatever the stages of a lesson are called."""
    row = learning.row(wren)
    assert len(row.ours) == len(row.theirs) == 1 and min(*row.ours, *row.theirs) > 0
