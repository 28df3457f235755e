"""The bench gives every figure, changes nothing, and says it in JSON."""

import json

import mlx.core as mx
from click.testing import CliRunner

from mlxdyn.cli import main
from mlxdyn.files import data_dir
from mlxdyn.lab import bench
from mlxdyn.model.load import Model


def test_every_figure_is_measured_and_ordered(mite: Model):
    found = bench.measure(str(mite.path), rounds=2)
    assert {figure.name for figure in found.figures} >= {"loading", "first token", "writing"}
    assert all(0 < figure.low <= figure.median <= figure.high for figure in found.figures)
    assert found.parameters and found.adapter_parameters and found.peak_memory_bytes


def test_measuring_learns_nothing(mite: Model):
    bench.attach(mite, bench.AdapterConfig())
    before = dict(bench.flatten(bench.Learner(mite.network, bench.LearnerConfig(), list).state))
    for action in bench.actions(mite).values():
        action()
    after = dict(bench.flatten(bench.Learner(mite.network, bench.LearnerConfig(), list).state))
    assert all(mx.array_equal(before[name], after[name]) for name in before)
    assert not (data_dir() / "mlxdyn.db").exists()


def test_the_command_prints_json_and_refuses_what_is_not_there(mite: Model):
    run = CliRunner().invoke(main, ["bench", "--model", str(mite.path), "--rounds", "1", "--json"])
    found = json.loads(run.stdout)
    assert found["schema"] == "mlxdyn.bench/1" and found["model"] == mite.name
    missing = CliRunner().invoke(main, ["bench", "--model", "no/such-model"])
    assert missing.exit_code == 1 and "no/such-model" in missing.stderr
