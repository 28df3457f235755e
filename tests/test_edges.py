"""Laws of the edges of a process: streams that are closed, cut short, or can say little."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from school import know

from mlxdyn.cli import main
from mlxdyn.errors import FEW_FILES, FIXES, NOWHERE
from mlxdyn.model.load import Model

ROOT = os.geteuid() == 0
COMMAND = [str(Path(sys.executable).with_name("mlxdyn"))]


def shell(line: str, *, encoding: str = "utf-8", stdin: bytes = b"") -> tuple[int, str, str]:
    """Run a line of bash in which $M is mlxdyn; return its exit code, and what it printed."""
    environment = os.environ | {"PYTHONIOENCODING": encoding, "M": " ".join(COMMAND)}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], env=environment, input=stdin, capture_output=True
    )
    said = (done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))
    assert "Traceback" not in said[1] and "terminate called" not in said[1], said[1]
    assert done.returncode not in (134, 139)
    return done.returncode, *said


@pytest.fixture
def base(mite: Model) -> Path:
    know(mite)
    return mite.path


CHAT = "$M chat --model {base} --once Hello"
EDGES = [
    (f"{CHAT} >&-", 0),
    (f"{CHAT} <&- >&- 2>&-", 0),
    ("$M eval {text} --model {base} <&- >&-", 0),
    ("$M memory list <&- 2>&-", 0),
]
MORE = [
    (f"{CHAT} --json | true", 1),
    (f"{CHAT} 2>&-", 0),
    (f"{CHAT} <&-", 0),
    ("$M memory list >&-", 0),
    ("$M chat --model {base} --plain <&-", 0),
    ("$M eval - --model {base} <&-", 1),
]


@pytest.mark.parametrize(
    "line,code", [*EDGES, *(pytest.param(*edge, marks=pytest.mark.slow) for edge in MORE)]
)
def test_a_stream_that_is_closed_or_cut_short_ends_no_process_badly(
    base: Path, line: str, code: int, tmp_path: Path
):
    text = tmp_path / "words.txt"
    text.write_text("My dog is called Rex, and he likes the sea.")
    ended, _, said = shell(line.format(base=base, text=text))
    assert ended == code or (ended == 0 and "|" in line), said  # it may be read to its end


def test_what_was_said_to_a_reader_that_left_is_learned(base: Path):
    shell(f"{CHAT.format(base=base)} | head -c 1")
    _, said, _ = shell("$M memory log")
    assert "Hello" in said


def test_a_full_output_is_a_sentence_without_a_number(base: Path):
    code, _, said = shell("$M memory list >/dev/full")
    assert code == 1 and said == f"Error: No space left on device; {FIXES[errno.ENOSPC]}\n"


def test_a_directory_that_is_gone_and_an_input_that_cannot_be_read_are_said_with_the_fix(
    base: Path, tmp_path: Path
):
    gone = tmp_path / "gone"
    gone.mkdir()
    code, _, said = shell(f"cd {gone} && rmdir {gone} && $M memory log")
    assert code == 1 and said == f"Error: {NOWHERE}\n"
    code, _, said = shell(f"$M chat --model {base} --plain 0>/dev/null")
    assert code == 1 and said.endswith(f"; {FIXES[errno.EBADF]}\n")


@pytest.mark.skipif(ROOT and not shutil.which("setpriv"), reason="root may write everywhere")
def test_a_home_that_is_not_ones_own_is_named_with_the_fix(base: Path, home: Path):
    """What could not be written was named by a hidden file beside it, and with no fix."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").touch()
    home.chmod(0o500)
    as_user = "setpriv --bounding-set -dac_override,-dac_read_search $M" if ROOT else "$M"
    _, _, said = shell(f"{as_user} config temperature 1")
    assert said == f"Error: Permission denied: {home / 'config.toml'}; {FIXES[errno.EACCES]}\n"
    _, _, said = shell(f"{as_user} chat --model {base} --once Hi")
    assert "cannot be opened" in said and "MLXDYN_HOME" in said
    home.chmod(0o700)


@pytest.mark.parametrize("command", ["chat --once Hi", "memory verify"])
def test_where_few_files_may_be_open_it_works_or_is_a_sentence(base: Path, command: str):
    status, _, said = shell(f"ulimit -n 64; $M {command}")
    assert status == 0 or FEW_FILES in said
    assert "ValueError" not in said and "Traceback" not in said


def test_an_output_of_few_characters_says_all_that_it_can(base: Path):
    assert shell(f"$M chat --model {base} --once 'Zoë → 你好'", encoding="ascii")[0] == 0
    code, said, _ = shell("$M memory log", encoding="ascii")
    assert code == 0 and "\\u2192" in said


def test_any_bytes_may_be_said_in_a_plain_chat(base: Path):
    words = b"\xff\xfe hello\n\x00\x1b[2J\n\xed\xa0\x80\n\n \t\n/\xff \x00\n/forget 99999\n"
    code, said, _ = shell(f"$M chat --model {base} --plain", stdin=words)
    assert "\x1b" not in said and "is no command" in said and code == 1, "nothing has that number"


def test_escape_characters_of_others_reach_no_terminal(tmp_path: Path):
    odd = tmp_path / "\x1b[2Jm.bundle"
    odd.write_bytes(b"none")
    for arguments in (
        ["memory", "import", str(odd)],
        ["memory", "export", "x", "--memory", "\x1b"],
    ):
        done = CliRunner().invoke(main, arguments)
        assert done.exit_code == 1 and "\x1b" not in done.output and "\x1b" not in done.stderr
