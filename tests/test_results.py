"""The folder of results: small, whole, and of no one's machine in particular."""

import json
import re

import pytest
from conftest import ROOT

RESULTS = ROOT / "results"
REPORTS = sorted(RESULTS.glob("*/*.json"))


@pytest.mark.skipif(not REPORTS, reason="no results yet; `make results` writes them")
def test_every_report_is_whole_and_in_the_index() -> None:
    index = (RESULTS / "README.md").read_text()
    for path in REPORTS:
        report = json.loads(path.read_text())
        assert report["schema"] == "mlxdyn.eval/1"
        assert report.get("complete", True), path
        name = f"{path.parent.name}/{path.stem}"
        assert f"({name}.json)" in index and f"({name}.svg)" in index
        assert path.with_suffix(".svg").exists()


def test_results_are_small_and_name_no_machine() -> None:
    files = [path for path in RESULTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 1.5 * 2**20
    for path in files:
        assert not re.search(r"[\s\"'=](/home|/Users|/root|/tmp|/work)/", path.read_text()), path
