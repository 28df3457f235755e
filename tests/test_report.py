"""What a report says and the shape it is written in."""

import csv
import json
import math
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

import pytest

from mlxdyn.config import AdapterConfig, LearnerConfig, StreamConfig
from mlxdyn.lab.findings import Cell, Finding, Table
from mlxdyn.lab.results import ChunkScore, Footprint, Report, Result, Run, Settings
from mlxdyn.lab.streams import Stream
from mlxdyn.model.device import Device
from mlxdyn.model.load import Model
from mlxdyn.report import evaluation, record, text

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
    rows = tuple(
        ChunkScore(i // 2, 1 + 50 * (i % 2), 50, 150.0, 100.0, 101.0, 102.0) for i in range(4)
    )
    mix, share = replace(dynamic, name="mix"), replace(dynamic, name="share")
    size = Footprint(2048, 4096, 8192)
    return Report(
        settings, documents, 7, static, dynamic, mix, share, (), size, (1.5, 2.5), 1.9, 2.0, rows
    )


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
    value = record.to_json(report, wren, Device("cpu", "a chip", None), CREATED)
    assert list(value) == [
        "schema", "created", "versions", "device", "blas", "model", "config", "streams", "runs",
        "gain", "overhead", "memory_bytes", "complete", "self_check", "warnings",
    ]  # fmt: skip
    assert value["schema"] == "mlxdyn.eval/1"
    assert value["created"] == "2026-01-02T03:04:05+00:00"
    assert set(value["model"]) == {
        "name", "fingerprint", "parameters", "adapter_parameters", "dtype",
    }  # fmt: skip
    what = {"path", "sha256", "bytes", "tokens", "tokens_sha256", "scored_sha256"}
    assert [set(s) for s in value["streams"]] == [what] * 2
    numbers = {
        "nats_per_token", "bits_per_byte", "perplexity", "tokens", "bytes", "updates", "seconds",
        "tokens_per_second", "peak_memory_bytes", "words", "word_perplexity",
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
    value = record.to_json(broken(report), wren, Device("cpu", "a chip", None), CREATED)
    assert json.loads(json.dumps(value, allow_nan=False))["runs"][1]["perplexity"] is None
    assert value["gain"]["ci95"] == [None, None]


def test_chunk_rows_name_their_document(report: Report) -> None:
    found = list(record.chunk_rows(report))
    assert found[2] == {
        "document": "b.txt", "position": 1, "tokens": 50, "static": 150.0, "dynamic": 100.0,
        "mixed": 101.0, "shared": 102.0,
    }  # fmt: skip


def test_table_says_what_had_been_seen(report: Report) -> None:
    said = text.table(report)
    assert "gain +2.0000 nats/token (95% from 1.5000 to 2.5000)" in said
    assert "each scored before it was learned" in said
    assert "1.90 times" in said
    assert "b.txt" in said


def test_rejected_updates_are_said(report: Report) -> None:
    assert report.warnings == ()
    said = broken(report).warnings
    assert said == (
        "the dynamic loss is not finite",
        "3 of 7 updates were not finite and were not taken; try a smaller --lr",
    )
    assert "nan" in text.table(broken(report))


def test_an_experiment_keeps_the_shape_and_adds_to_it(report: Report, wren: Model) -> None:
    found = Finding("window", "it helps", cells=(CELL,))
    device = Device("cpu", "a chip", None)
    value = record.finding_to_json(found, wren, device, CREATED, report.settings, report.streams)
    plain = record.to_json(report, wren, device, CREATED)
    assert list(value)[:11] == list(plain)[:11]
    assert value["experiment"]["experiment"] == "window"
    assert value["experiment"]["cells"][0]["numbers"]["gain"] is None, "JSON has no NaN"
    json.dumps(value, allow_nan=False)


CELL = Cell("k", {"window": 64}, {"dynamic": 4.5, "gain": math.nan}, {"window": 64}, 0.5)


def test_csv_has_a_row_a_run_and_document(report: Report) -> None:
    rows = list(csv.DictReader(StringIO(record.report_csv(report))))
    assert [(row["run"], row["document"]) for row in rows] == [
        (run, path) for run in ("static", "dynamic") for path in ("", "a.txt", "b.txt")
    ]
    assert float(rows[0]["nats_per_token"]) == 6.0


def test_csv_of_an_experiment_has_a_row_a_cell() -> None:
    other = replace(CELL, knobs={"window": 128, "chunk": 32})
    rows = list(csv.DictReader(StringIO(record.finding_csv(Finding("g", "", cells=(CELL, other))))))
    assert [(row["window"], row["chunk"]) for row in rows] == [("64", ""), ("128", "32")]
    assert rows[0]["dynamic"] == "4.5" and rows[0]["gain"] == ""


def test_a_plain_evaluation_is_a_finding_too(report: Report) -> None:
    found = evaluation.finding(report)
    assert "worth 2.0000 nats/token (95% from 1.5000 to 2.5000)" in found.sentence
    assert [len(table.rows) for table in found.tables] == [2, 2]
    loss, gain, documents = found.figures
    assert loss.series[0].y == (3.0,) * 4 and gain.series[0].y == (1.0,) * 4
    assert loss.series[0].x == (25.0, 75.0, 125.0, 175.0)
    assert documents.categories == ("a.txt", "b.txt")
    assert "chance" in evaluation.finding(replace(report, ci95=(-1.0, 3.0))).sentence
    worse = replace(report, static=report.dynamic, dynamic=report.static)
    assert "costs 2.0000" in evaluation.finding(worse).sentence


def test_the_split_of_the_gain_is_said(report: Report) -> None:
    split = replace(report, within=1.5)
    assert "+1.5000 of it was learned within" in text.table(split)
    assert "+0.5000 was carried over" in evaluation.finding(split).sentence


def test_a_band_is_only_spoken_of_where_there_is_one(report: Report) -> None:
    """Of a few chunks each stands alone; of more, several stand behind every point."""
    _, alone, _ = evaluation.finding(report).figures
    assert alone.note == "" and all(map(math.isnan, alone.series[0].low or ()))
    many = replace(report, chunks=report.chunks * 6)
    _, gain, _ = evaluation.finding(many).figures
    assert "95%" in gain.note and len(gain.series[0].x) == 6
    assert all(map(math.isfinite, gain.series[0].low or ()))


@pytest.mark.parametrize(
    ("value", "said"), [(512.34, "512.3"), (4.5106e8, "4.51e8"), (3e12, "3.00e12"), (math.nan, "")]
)
def test_perplexities_of_words_are_legible(value: float, said: str) -> None:
    assert evaluation.large(value) == said


def test_the_self_check_is_said(report: Report) -> None:
    assert "a rate of 0 equals static" in text.table(report)
    assert "a rate of 0" in evaluation.finding(report).self_check


def test_where_a_rate_was_chosen_is_said(report: Report, wren: Model) -> None:
    found = replace(evaluation.finding(report), tuned_on=("t.txt",), chosen={"learning_rate": 3e-4})
    said = text.table(report, found)
    assert "learning_rate 0.0003" in said and "tuned on t.txt" in said
    assert "reported on a.txt, b.txt" in said
    value = record.to_json(report, wren, Device("cpu", "", None), CREATED, found)
    assert value["tuning"]["tuned_on"] == ["t.txt"]


def test_many_documents_do_not_flood_the_terminal(report: Report) -> None:
    runs = [replace(run, documents=run.documents * 50) for run in (report.static, report.dynamic)]
    many = replace(report, streams=report.streams * 50, static=runs[0], dynamic=runs[1])
    said = text.table(many)
    assert len(said.splitlines()) < 40 and "80 more documents" in said


@pytest.mark.parametrize(
    ("column", "shown"),
    [
        ((0.93, 5.0, None), ["0.93", "5.00", ""]),
        ((1e-4, 0.5), ["0.0001", "0.5"]),
        ((325.2945, 1.5), ["325.29", "1.50"]),
        ((136181.365,), ["136181"]),
        ((1, True, "x"), ["1", "True", "x"]),
        ((3e-5, 1e12), ["3e-5", "1e+12"]),
    ],
)
def test_a_column_has_as_many_decimals_as_it_needs(
    column: tuple[float | None, ...], shown: list[str]
) -> None:
    rows = text.text_rows(Table("", ("x",), tuple((value,) for value in column)))
    assert [row[0] for row in rows[1:]] == shown


def test_a_sentence_begins_and_ends_as_one() -> None:
    assert text.said("a window helps") == "A window helps."
    assert text.said("4-bit is worse.") == "4-bit is worse."
