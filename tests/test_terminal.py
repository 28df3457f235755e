"""One life of the app in a real terminal, from the first word to the return."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pexpect
import pytest

from mlxdyn.model.load import Model

START = ["-c", "from mlxdyn.cli import main; main()", "chat"]
ESCAPE = "\x1b"


@contextmanager
def app(*words: str) -> Iterator[pexpect.spawn]:
    """Start the app on a terminal of its own; it has to have left when the block ends."""
    environment = os.environ | {"TERM": "xterm-256color"}
    child = pexpect.spawn(
        sys.executable, [*START, *words], dimensions=(36, 120), env=environment,
        encoding="utf-8", codec_errors="replace", timeout=60,
    )  # fmt: skip
    try:
        yield child
        child.expect(pexpect.EOF, timeout=15)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


@pytest.mark.timeout(300)
def test_one_life_of_the_app(tall: Model):
    with app("-m", "wren", "--set", "temperature=0") as child:
        child.expect("Enter sends")
        child.send("My cat is called Tinta.\r")
        child.expect("remembers: ")
        child.send("\x12")  # Ctrl+R
        child.expect("version 2 of 2")
        child.send("/edit My dog is called Rex.\r")
        child.expect("remembers: ")
        child.send("\x06")  # Ctrl+F
        child.expect("Saved chats")
        child.send("Tinta")
        child.expect("you: ")
        child.send(ESCAPE)
        child.expect("F1 help")
        child.send("/undo\r")
        child.expect("Undone: My dog")
        child.send(f"/model {tall.path}\r")
        child.expect("tall answers from now on")
        child.send("/model wren\r")
        child.expect("wren answers from now on")
        child.send("The sea is cold today.\r")
        child.expect("waits to be learned|reading it|learning it")
        child.send("\x11")  # Ctrl+Q
    with app(
        "-m", "wren", "--set", "temperature=5", "--set", "top_p=1", "--set", "seed=2"
    ) as child:
        child.expect("The sea is cold today")
        child.send("Tell me everything.\r")
        child.expect("Esc stops")
        child.send(ESCAPE)
        child.expect("stopped; what is here is kept")
        child.send("/learn off\r")
        child.expect("From now on nothing will be learned")
        child.send("\x11")
