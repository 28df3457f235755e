"""One life of the app in a real terminal, from the first word to the return."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from time import monotonic, sleep

import pexpect
import pytest

from mlxdyn.files import data_dir
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

START = ["-c", "from mlxdyn.cli import main; main()", "chat"]
ESCAPE = "\x1b"
LETTER = "\u01c2"  # that no reply holds


@contextmanager
def app(*words: str) -> Iterator[pexpect.spawn]:
    """Start the app on a terminal of its own; it has to have left when the block ends."""
    environment = os.environ | {"TERM": "xterm-256color"}
    child = pexpect.spawn(
        sys.executable, [*START, *words], dimensions=(36, 120), env=environment,
        encoding="utf-8", codec_errors="replace", timeout=240,
    )  # fmt: skip
    try:
        yield child
        child.expect(pexpect.EOF, timeout=15)
        child.wait()
        assert child.exitstatus == 0
    finally:
        child.close(force=True)


def key(child: pexpect.spawn) -> float:
    """Give the median milliseconds from a key to its letter on the screen."""
    taken = []
    child.delaybeforesend = None  # 50 ms that are not the app's, but a person's after Escape
    for _ in range(21):
        begun = monotonic()
        child.send(LETTER)
        child.expect(LETTER)
        taken.append(1000 * (monotonic() - begun))
        child.send("\x7f")
        sleep(0.05)
    return sorted(taken)[10]


def read_until(screen: int, words: bytes) -> None:
    shown = b""
    while words not in shown:
        shown += os.read(screen, 4096)


@pytest.mark.timeout(300)
@pytest.mark.slow  # a stopwatch
def test_keys_reach_the_screen_as_fast_while_it_replies_and_learns():
    with app(
        "-m", "wren", "--set", "temperature=5", "--set", "top_p=1", "--set", "seed=2"
    ) as child:  # fmt: skip
        child.expect("Enter sends")
        idle = key(child)
        child.send("My cat is called Tinta.\r")
        child.expect("Esc stops")
        replying = key(child)
        child.send(ESCAPE)
        child.expect("reading it|writing questions|answering them|learning it")
        learning = key(child)
        child.send("\x11")
    print(f"idle {idle:.0f} ms, replying {replying:.0f}, learning {learning:.0f}")
    # 50 ms, or by ratio where other programs slow idle keys down too
    assert max(replying, learning) < max(50, 8 * idle), (idle, replying, learning)


@pytest.mark.timeout(300)
@pytest.mark.slow  # a stopwatch
def test_the_first_picture_comes_soon_after_the_program_starts():
    """Before the model is there: the imports of the app are most of it."""

    def bare() -> None:
        subprocess.run([sys.executable, "-c", "import textual.app, textual.widgets"], check=True)

    begun = monotonic()
    bare()
    bare()
    usual = (monotonic() - begun) / 2
    begun = monotonic()
    with app("-m", "wren") as child:
        child.expect("ay something")  # the cursor stands on the first letter
        first = monotonic() - begun
        child.send("\x11")
    print(f"first picture {first:.2f} s, Textual alone {usual:.2f} s")
    assert first < 4 * usual + 0.5, (first, usual)


@pytest.mark.timeout(120)
def test_where_the_terminal_is_gone_it_leaves_and_lets_go_of_the_memory():
    """Under `make` no signal tells it so, and it took all of a core for ever.

    In the middle of a reply, which Textual cannot write any more, and of which nothing is lost.
    """
    ours, terminal = os.openpty()
    ends = dict.fromkeys(("stdin", "stdout", "stderr"), terminal)
    environment = os.environ | {"TERM": "xterm-256color"}
    talk = [*START, "-m", "wren", "--set", "temperature=5", "--set", "top_p=1", "--set", "seed=2"]
    with subprocess.Popen([sys.executable, *talk], env=environment, **ends) as child:
        try:
            os.close(terminal)
            read_until(ours, b"wren \xc2\xb7 memory default")
            os.write(ours, b"My cat is called Tinta.\r")
            read_until(ours, b"Esc stops")
            os.close(ours)
            child.wait(timeout=60)
        finally:
            child.kill()
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        memory = ledger.memories.existing("default").id
        (chat,) = ledger.conversations.all(memory)
        assert ledger.messages.of(chat.id)[0].text == "My cat is called Tinta."


@pytest.mark.timeout(900)
def test_one_life_of_the_app(tall: Model):
    with app("-m", "wren", "--set", "temperature=0") as child:
        child.expect("Enter sends")
        child.send("My cat is called Tinta.\r")
        child.expect("remembers: ")
        child.send("\x12")  # Ctrl+R
        child.expect("version 2 of 2")
        child.send("/edit My dog is called Rex.\r")
        child.expect("remembers: [^\r\n]*Rex")
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
        child.send("My sister lives in Oslo.\r")
        child.expect("learning it, [0-9]+ of [0-9]+ steps")
        child.send("\x11")  # Ctrl+Q
    with app(
        "-m", "wren", "--set", "temperature=5", "--set", "top_p=1", "--set", "seed=2"
    ) as child:
        child.expect("My sister lives in Oslo")
        child.expect("learning it")
        child.expect("remembers: [^\r\n]*Oslo")
        child.send("Tell me everything.\r")
        child.expect("Esc stops")
        child.send(ESCAPE)
        child.expect("stopped; what is here is kept")
        child.send("/learn off\r")
        child.expect("From now on nothing will be learned")
        child.send("\x1b[200~Once upon\r\x1b[31ma time.\r/reset\r\x1b[201~")
        child.expect("/reset")
        child.send("\r")
        child.expect("Esc stops")
        child.send(ESCAPE)
        child.expect("stopped; what is here is kept")
        child.send("\x11")
    with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as ledger:
        texts = [text for (text,) in ledger.database.run("SELECT text FROM messages").fetchall()]
    assert "Once upon\n[31ma time.\n/reset" in texts
