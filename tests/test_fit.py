"""Whether a model fits this machine is said from its files, before a weight is read."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from click.testing import CliRunner
from tiny import tiny_model

from mlxdyn.arrays import leaves
from mlxdyn.cli import main
from mlxdyn.cli.model import about
from mlxdyn.model import load, registry
from mlxdyn.model.device import seconds_a_message
from mlxdyn.model.load import Model


def info(name: str, *options: str) -> str:
    done = CliRunner().invoke(main, ["model", "info", name, *options])
    assert done.exit_code == 0, done.output
    return done.stdout


def small_machine(monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(total=total))


@pytest.mark.parametrize("bits", [None, 4, 8])
def test_weights_are_counted_by_the_headers(tmp_path: Path, bits: int | None):
    model = tiny_model(tmp_path / "m", "llama", bits=bits)
    taken = sum(a.nbytes for _, a in leaves(model.network.parameters()))
    assert registry.memory_of(model.path) == pytest.approx(1.5 * taken, rel=0.1)


def test_a_model_that_fits_is_described(mite: Model):
    assert "it fits" in info(str(mite.path))
    told = json.loads(info(str(mite.path), "--json"))
    assert told["fits"] and told["memory_bytes"] > 4 * told["parameters"]


def test_how_well_a_base_finds_what_it_is_told_stands_there(mite: Model):
    told = json.loads(info("wren", "--json"))
    assert 0 < told["teaches"] <= 1 and 0.5 < told["told_apart"] <= 1
    assert f"in {told['told_apart']:.0%} of pairs (50% is chance" in info("wren")
    unknown = json.loads(info(str(mite.path), "--json"))
    assert unknown["teaches"] is None and unknown["told_apart"] is None
    assert "is chance" not in info(str(mite.path))


def test_a_model_too_large_is_said_and_not_loaded(mite: Model, monkeypatch: pytest.MonkeyPatch):
    small_machine(monkeypatch, 100_000)
    monkeypatch.setattr(load, "load", None)
    assert "needs 0.0 GB of memory; this machine has 0.0" in info(str(mite.path))
    assert json.loads(info(str(mite.path), "--json"))["fits"] is False


def test_a_model_that_could_be_fetched_is_judged_too(monkeypatch: pytest.MonkeyPatch):
    said = info("smollm2-135m")
    assert "mlxdyn model download smollm2-135m" in said and "it fits" in said
    small_machine(monkeypatch, 10**9)
    assert "needs 0.8 GB of memory" in info("smollm2-135m")


@pytest.mark.parametrize("data", [b"", b"\xff" * 40, b"\x08\0\0\0\0\0\0\0[[[[[[[["])
def test_files_that_say_nothing_need_nothing(tmp_path: Path, data: bytes):
    (tmp_path / "model.safetensors").write_bytes(data)
    assert registry.memory_of(tmp_path) == 0


@pytest.mark.parametrize("bits", [0, -4, "4", 1e400, None, [4], 10**30])
def test_bits_that_no_weights_have_are_not_counted_with(tmp_path: Path, mite: Model, bits: object):
    shutil.copy(mite.path / "model.safetensors", tmp_path)
    (tmp_path / "config.json").write_text(json.dumps({"quantization": {"bits": bits}}))
    assert registry.parameters_of(tmp_path) == registry.parameters_of(mite.path)


def test_how_long_a_message_takes_is_said_before_loading(
    mite: Model, monkeypatch: pytest.MonkeyPatch
):
    assert "s a message" in info(str(mite.path)) and "Learning a message" in info("smollm2-135m")
    small, large = (seconds_a_message(n) for n in (10_000, 10_000_000))
    assert 0 < small < large / 100
    small_machine(monkeypatch, 100_000)
    monkeypatch.setattr(load, "load", None)
    assert json.loads(info(str(mite.path), "--json"))["seconds_a_message"] > 0


def test_a_time_has_no_more_digits_than_can_be_foretold():
    assert (about(187.3), about(31.4), about(0.234)) == ("187 s", "31 s", "0.2 s")
