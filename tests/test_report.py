"""What a report says and the shape it is written in."""

import json
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from mlxdyn import report as reports
from mlxdyn.backend import Device
from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.evaluate import ChunkScore, Report, Result, Run, Settings, Stream
from mlxdyn.model import Model

CREATED = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def result(path: str | None, nats: float, updates: int = 0, rejected: int = 0) -> Result:
    return Result(path, nats, 100, 250, updates, rejected, 0.5, 2**20)


@pytest.fixture
def report() -> Report:
    documents = tuple(Stream(f"{n}.txt", n * 64, 260, tuple(range(101)), 250) for n in "ab")
    static = Run("static", result(None, 600.0), (result("a.txt", 350.0), result("b.txt", 250.0)))
    learned = tuple(result(f"{n}.txt", 200.0, 2) for n in "ab")
    dynamic = Run("dynamic", result(None, 400.0, 4), learned)
    settings = Settings(AdapterConfig(), LearnerConfig(), StreamConfig())
    rows = tuple(ChunkScore(i // 2, 1 + 50 * (i % 2), 50, 150.0, 100.0) for i in range(4))
    return Report(settings, documents, 7, static, dynamic, (1.5, 2.5), 1.9, 2.0, rows)


def broken(report: Report) -> Report:
    total = replace(report.dynamic.total, nats=math.nan, rejected=3)
    return replace(report, dynamic=replace(report.dynamic, total=total), ci95=None)


def test_bits_and_perplexity_follow_from_nats(report: Report) -> None:
    total = report.static.total
    assert total.nats_per_token == 6.0
    assert total.bits_per_byte == pytest.approx(600 / (250 * math.log(2)))
    assert total.perplexity == pytest.approx(math.exp(6.0))
    assert replace(total, nats=1e9).perplexity == math.inf
    assert math.isnan(replace(total, nats=math.nan).perplexity)


def test_json_has_the_shape_of_the_design(report: Report, wren: Model) -> None:
    value = reports.to_json(report, wren, Device("cpu", "a chip", None), CREATED)
    assert list(value) == [
        "schema", "created", "versions", "device", "blas", "model", "config", "streams", "runs",
        "gain", "overhead",
    ]  # fmt: skip
    assert value["schema"] == "mlxdyn.eval/1"
    assert value["created"] == "2026-01-02T03:04:05+00:00"
    assert set(value["model"]) == {
        "name", "fingerprint", "parameters", "adapter_parameters", "dtype",
    }  # fmt: skip
    assert [set(s) for s in value["streams"]] == [{"path", "sha256", "bytes", "tokens"}] * 2
    numbers = {
        "nats_per_token", "bits_per_byte", "perplexity", "tokens", "bytes", "updates", "seconds",
        "tokens_per_second", "peak_memory_bytes",
    }  # fmt: skip
    for run in value["runs"]:
        assert set(run) == numbers | {"name", "documents"}
        assert all(set(document) == numbers | {"path"} for document in run["documents"])
    assert value["gain"]["nats_per_token"] == 2.0
    assert value["gain"]["ci95"] == [1.5, 2.5]
    assert value["overhead"] == {"wall": 1.9, "flops": 2.0}
    assert value["config"]["learning_rate"] == LearnerConfig().learning_rate
    assert value["config"]["window"] == 256


def test_json_is_valid_when_numbers_are_not_finite(report: Report, wren: Model) -> None:
    value = reports.to_json(broken(report), wren, Device("cpu", "a chip", None), CREATED)
    assert json.loads(json.dumps(value, allow_nan=False))["runs"][1]["perplexity"] is None
    assert value["gain"]["ci95"] == [None, None]


def test_chunk_rows_name_their_document(report: Report) -> None:
    found = list(reports.chunk_rows(report))
    assert found[2] == {
        "document": "b.txt", "position": 1, "tokens": 50, "static": 150.0, "dynamic": 100.0,
    }  # fmt: skip


def test_table_says_what_had_been_seen(report: Report) -> None:
    said = reports.table(report)
    assert "gain +2.0000 nats/token (95% from 1.5000 to 2.5000)" in said
    assert "each scored before it was learned" in said
    assert "1.90 times" in said
    assert "b.txt" in said


def test_rejected_updates_are_said(report: Report) -> None:
    assert reports.warnings(report) == []
    said = reports.warnings(broken(report))
    assert said == [
        "the dynamic loss is not finite",
        "3 of 7 updates were not finite and were not taken; try a smaller --lr",
    ]
    assert "nan" in reports.table(broken(report))
