"""The folder of results: small, whole, and of no one's machine in particular."""

import importlib
import importlib.util
import json
import re
from pathlib import Path
from types import ModuleType

import pytest
from conftest import ROOT

from mlxdyn.lab.experiments import QUESTIONS

RESULTS = ROOT / "results"
REPORTS = sorted(path for path in RESULTS.glob("*/*.json") if path.parent.name != "bench")


@pytest.fixture
def index(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that writes the index, which imports its neighbours."""
    monkeypatch.syspath_prepend(RESULTS)
    return importlib.import_module("index")


@pytest.fixture(scope="module")
def agree() -> ModuleType:
    spec = importlib.util.spec_from_file_location("agree", RESULTS / "agree.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.skipif(not REPORTS, reason="no results yet; `make results` writes them")
def test_every_report_is_whole_and_in_the_index() -> None:
    index = (RESULTS / "README.md").read_text()
    for path in REPORTS:
        report = json.loads(path.read_text())
        assert report["schema"] == "mlxdyn.eval/1"
        assert report.get("complete", True), path
        name = f"{path.parent.name}/{path.stem}"
        assert f"({name}.json)" in index
        if isinstance(report.get("experiment"), dict):
            assert f"({name}.svg)" in index and path.with_suffix(".svg").exists()


FIRST = "smollm2-135m"


@pytest.mark.parametrize("model", [FIRST, "tinystories-656k", "wren"])
def test_every_experiment_was_run(model: str) -> None:
    found = {path.stem for path in REPORTS if path.parent.name == model}
    asked = set(QUESTIONS) | ({"memory"} if model == FIRST else set())
    assert asked <= found


def test_the_index_reads_each_column_by_its_title(index: ModuleType) -> None:
    """What is lost of other text was once read from the column beside it."""
    table = json.loads((RESULTS / FIRST / "order.json").read_text())["experiment"]["tables"][0]
    kept = dict(zip(table["head"], table["rows"][0], strict=True))
    (said,) = (line for line in index.limits(RESULTS / FIRST) if "read before" in line)
    own, aside = kept["drift on the base's own text"], kept["on text kept aside"]
    assert f"words costs {own:+.3f}" in said and f"not among them {aside:+.3f}" in said


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ((0.7, 0.6, 0.8), (0.2, 0.1, 0.25), "it holds"),
        ((0.7, 0.6, 0.8), (0.6, 0.5, 0.7), "**it does not hold**"),
        ((0.024, 0.016, 0.046), (0.015, 0.004, 0.031), "open"),
    ],
)
def test_what_intervals_leave_open_is_not_decided(
    index: ModuleType, before: tuple[float, ...], after: tuple[float, ...], word: str
) -> None:
    rows = {"0": ["0", 4.0, 3.9, *before], "25": ["25", 3.9, 3.8, *after]}
    paper = importlib.import_module("paper")
    assert paper.gone(rows, {}).startswith(f"{word}: ")


def test_results_are_small_and_name_no_machine() -> None:
    files = [path for path in RESULTS.rglob("*") if path.is_file() and path.suffix != ".pyc"]
    assert sum(path.stat().st_size for path in files) < 2 * 2**20
    for path in files:
        assert not re.search(r"[\s\"'=](/home|/Users|/root|/tmp|/work)/", path.read_text()), path


def test_the_page_of_agreement_has_every_reference_and_agrees(agree: ModuleType) -> None:
    """Its own verdict is checked again from the numbers it prints."""
    page = (RESULTS / "agreement.md").read_text()
    for reference in agree.REFERENCES:
        (row,) = re.findall(
            rf"^\| {re.escape(reference.title)} \| ([\d.]+) \| ([\d.]+) ", page, re.M
        )
        assert float(row[0]) == reference.loss
        apart = abs(float(row[1]) - reference.loss)
        assert reference is agree.RANK_ONE or apart <= agree.WITHIN + 5e-4, reference.title
    assert agree.SPANNED in page and "**no**" not in page


def test_what_lies_apart_does_not_agree(agree: ModuleType) -> None:
    reference = agree.Reference("any", 4.5)
    assert agree.agrees(reference, [4.509]) and agree.agrees(reference, [4.4, 4.6])
    assert not agree.agrees(reference, [4.511]) and not agree.agrees(reference, [4.3, 4.4])


@pytest.mark.slow
def test_the_first_references_agree(agree: ModuleType, data: Path, tmp_path: Path) -> None:
    """`make agree` runs all of them."""
    model = agree.load(str(data / "models" / "tinystories-656k"))
    desk = agree.Desk(model, data / "text" / "pg19", tmp_path)
    lines = list(agree.page(desk, agree.REFERENCES[:3]))
    assert len(lines) > 6 and all(fine for _, fine in lines)
