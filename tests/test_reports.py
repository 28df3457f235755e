"""Laws that other programs taught: public reports that could be ours, tried here (reports.md)."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

import mlx.core as mx
import pytest
from click.testing import CliRunner
from school import know
from tiny import fact, random_adapter, teach
from tiny import opened as open_memory

from mlxdyn.cli import main
from mlxdyn.exchange import directories
from mlxdyn.files import data_dir
from mlxdyn.learn.learner import same
from mlxdyn.memory import history
from mlxdyn.memory.lifecycle import delete
from mlxdyn.memory.memory import Memory
from mlxdyn.memory.store.ledger import Ledger
from mlxdyn.model.load import Model

SAID = ("my dog is called Rex", "I live in Oslo")
COMMAND = str(Path(sys.executable).with_name("mlxdyn"))


@contextmanager
def opened(name: str, model: Model) -> Iterator[Memory]:
    with (
        closing(Ledger(data_dir() / "mlxdyn.db")) as ledger,
        open_memory(name, model, ledger) as memory,
    ):
        yield memory


def run(*words: object) -> tuple[int, str]:
    done = CliRunner().invoke(main, list(map(str, words)))
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exc_info
    return done.exit_code, done.output


def test_a_reader_waits_for_no_writer_and_no_writer_for_a_reader(mite: Model):
    with opened("m", mite) as memory:
        teach(memory, SAID[0])
        with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as reading:
            rows = reading.database.run("SELECT text FROM messages")
            rows.fetchone()
            with memory.ledger.transaction():
                memory.ledger.conversations.add(memory.row.id)
                assert run("memory", "log", "--memory", "m")[0] == 0
            teach(memory, SAID[1])
        assert history.verify(memory) == []


def test_deleting_one_memory_leaves_the_others_to_the_last_bit(mite: Model):
    for name in ("mine", "other"):
        with opened(name, mite) as memory:
            teach(memory, SAID[0])
            kept = memory.learner.state
    with closing(Ledger(data_dir() / "mlxdyn.db")) as ledger:
        delete("mine", ledger)
        assert ledger.memories.names() == ["other"]
    with opened("other", mite) as memory:
        assert same(memory.learner.state, kept) and history.verify(memory) == []
        assert [row.text for row in memory.ledger.events.log(memory.row.id)] == [SAID[0]]


def test_what_is_forgotten_no_search_finds(mite: Model):
    with opened("m", mite) as memory:
        ids = teach(memory, "the word is heliotrope", SAID[1])
        fact(memory, ids[0], "What is the word?", "Heliotrope.")
        history.forget(memory, ids[:1])
    for words in (("log", "--search", "heliotrope"), ("items", "--search", "heliotrope")):
        assert "eliotrope" not in run("memory", *words, "--memory", "m")[1].replace(words[-1], "")
    everything = b"".join(path.read_bytes() for path in data_dir().rglob("*") if path.is_file())
    assert b"heliotrope" not in everything.lower()


@pytest.mark.parametrize("text", ["Hello \udc9f\ud83d", "\ud800", "a\x00b", "👩‍👩‍👧 ﷽ Z̴͝"])
def test_half_characters_are_said_saved_and_shown(mite: Model, text: str):
    know(mite)
    words = ["chat", "--model", str(mite.path), "--memory", "m", "--once", text, "--json"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    json.loads(done.stdout)
    code, said = run("memory", "log", "--memory", "m")
    assert code == 0 and said.encode("utf-8")


def test_one_odd_row_hides_no_other(mite: Model):
    """A measure that is missing, as a step that was not finite leaves it."""
    with opened("m", mite) as memory:
        teach(memory, SAID[0])
        teach(memory, SAID[1])
    with sqlite3.connect(data_dir() / "mlxdyn.db") as db:
        for column in ("nll_before", "nll_after", "gradient_norm"):
            db.execute(f"UPDATE updates SET {column} = NULL WHERE id = 1")
    db.close()
    for words in (("log",), ("log", "--json"), ("show",), ("list",)):
        code, said = run("memory", *words, *(() if words == ("list",) else ("--memory", "m")))
        assert code == 0, said
    assert SAID[1] in run("memory", "log", "--memory", "m")[1]


def test_an_adapter_of_no_effect_is_not_taken_for_one(mite: Model, tmp_path: Path):
    """It loads, and says nothing: whoever made it meant something else."""
    lora = random_adapter(mite)
    nothing = {n: mx.zeros_like(a) if n.endswith("b") else a for n, a in lora.arrays.items()}
    directories.write_mlx_lm(replace(lora, arrays=nothing), tmp_path / "out")
    code, said = run(
        "memory", "import", tmp_path / "out", "--memory", "copy", "--yes", "--model", mite.path
    )
    assert code == 0 and "changes nothing" in said


def test_a_prompt_given_in_words_waits_for_no_pipe(mite: Model):
    """As a process that another one starts has it: a pipe that is never closed."""
    know(mite)
    words = [COMMAND, "chat", "--model", str(mite.path), "--once", "Hello"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.wait(timeout=60) == 0


@pytest.mark.slow
def test_many_processes_at_one_ledger_break_nothing(mite: Model):
    """Each with a memory of its own; a fourth only looks."""

    def chat(name: str) -> int:
        words = [COMMAND, "chat", "--model", str(mite.path), "--memory", name, "--once", "Hello"]
        return subprocess.run(words, capture_output=True).returncode

    know(mite)
    with ThreadPoolExecutor() as pool:
        assert list(pool.map(chat, ("a", "b", "c"))) == [0, 0, 0]
    with closing(Ledger(data_dir() / "mlxdyn.db", writable=False)) as ledger:
        assert ledger.database.integrity() == "ok" and ledger.memories.names() == ["a", "b", "c"]
    assert run("memory", "verify", "--memory", "b")[0] == 0


def test_what_is_piped_in_is_a_message(mite: Model):
    know(mite)
    words = [COMMAND, "chat", "--model", str(mite.path)]
    done = subprocess.run(words, input=b"hello there\n", capture_output=True, timeout=100)
    assert done.returncode == 0 and done.stdout.strip()
    assert "hello there" in run("memory", "log")[1]
