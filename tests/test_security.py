"""Laws that SECURITY.md promises and no other file tests."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from school import know
from tiny import tiny_model

ROOT = Path(__file__).parent.parent

WATCHED = """
import os, sys
def watch(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        os.write(2, f"{event} {arguments}".encode())
        os._exit(97)
sys.addaudithook(watch)
from mlxdyn.cli import main
for line in sys.argv[1:]:
    try:
        main(line.split(), standalone_mode=False)
    except SystemExit as end:
        assert not end.code, line
"""


def test_nothing_is_asked_of_the_network(tmp_path: Path):
    know(tiny_model(tmp_path / "base", "llama", blocks=1))
    lines = (
        f"chat --model {tmp_path / 'base'} --once Hello",
        f"memory export {tmp_path / 'm.bundle'} --format bundle --no-leak-probe",
        f"memory import {tmp_path / 'm.bundle'} --memory copy --yes",
        "memory verify",
        "model list",
    )
    words = [sys.executable, "-c", WATCHED, *lines]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", ["SECURITY.md", "tests/reports.md"])
def test_every_test_that_a_page_names_is_there(page: str):
    text = (ROOT / page).read_text("utf-8")
    tests = "".join(path.read_text("utf-8") for path in (ROOT / "tests").glob("test_*.py"))
    for file in re.findall(r"`(test_\w+\.py)`", text):
        assert (ROOT / "tests" / file).is_file(), file
    for name in re.findall(r"`(test_\w+)(?:\.\.\.)?`", text):
        assert f"def {name}" in tests, name


def test_every_promise_names_its_test():
    text = (ROOT / "SECURITY.md").read_text("utf-8")
    promises = [part for part in re.split(r"\n(?=\* |## )", text) if part.startswith("* **")]
    assert len(promises) > 9
    for promise in promises:
        assert re.search(r"`test_\w+(?:\.py)?`", promise), promise


ROOMS = ("chat", "engine", "exchange", "learn", "memory", "report", "withheld")
RUNS = {"eval", "exec", "compile", "system", "popen", "Popen", "spawn", "fork", "run_path"}


@pytest.mark.parametrize("room", ROOMS)
def test_what_reads_and_writes_text_starts_nothing(room: str):
    """No process, and no code from text, in any room that a message or an answer goes through."""
    for module in (ROOT / "mlxdyn" / room).rglob("*.py"):
        for found in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(found, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in found.names} | {getattr(found, "module", None)}
                assert not names & {"subprocess", "pty", "runpy"}, module
            elif isinstance(found, ast.Call) and isinstance(found.func, ast.Name):
                assert found.func.id not in RUNS, (module, found.lineno)
            elif isinstance(found, ast.Attribute) and isinstance(found.value, ast.Name):
                assert found.value.id != "os" or found.attr not in RUNS, (module, found.lineno)
