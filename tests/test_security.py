"""Laws that SECURITY.md promises and no other file tests."""

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
