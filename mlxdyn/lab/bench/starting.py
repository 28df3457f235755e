"""Whole processes: how soon a command answers, an app paints, a model is ready; knows no MLX."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mlxdyn.lab.bench.rows import Action, Row, in_turn, timed

NO_ELIA = "elia is not installed: pip install elia-chat, see --peers"
PAINTED = 20  # letters on the screen: a first paint
PATIENCE = 30.0  # seconds for it
_ESCAPES = re.compile(
    rb"\x1b(?:\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()][0-9A-B]|.)"
)


def rows(model: Path, seconds: float, peers: Path | None) -> Iterator[Row]:
    """Start each program in turn with its peer; `peers` is the Python of others' environment."""
    python, here = sys.executable, Path(sys.executable).parent
    with tempfile.TemporaryDirectory() as home:
        ours, theirs = in_turn(
            _ran([str(here / "mlxdyn"), "--help"], home),
            _ran([python, "-m", "mlx_lm", "generate", "--help"], home),
            seconds,
        )
        yield Row(
            "start: mlxdyn --help", "mlx_lm.generate --help", "seconds", ours, theirs, "cost",
            within=0.2, note=_least(ours),
            bound="Python itself and click take this long to start and to import",
        )  # fmt: skip
        yield _paint(here, home, seconds, peers)
        load = (
            "from mlxdyn.model import device; device.prepare(); from mlxdyn.model.load import load"
        )
        ours, theirs = in_turn(
            _ran([python, "-c", f"{load}; load({str(model)!r})"], home),
            _ran([python, "-c", f"from mlx_lm import load; load({str(model)!r})"], home),
            seconds,
        )
        yield Row(
            "start: model ready", "mlx_lm.load", "seconds", ours, theirs, "cost",
            note="ours checks its fingerprint, and unpacks quantised weights on a CPU",
        )  # fmt: skip


def _paint(here: Path, home: str, seconds: float, peers: Path | None) -> Row:
    """Time the app's first paint, beside elia's where it is installed."""
    app = _painted([str(here / "mlxdyn"), "chat", "--temporary", "--model", "wren"], home)
    imports = _ran([sys.executable, "-c", "import mlxdyn_app.app"], home)
    elia = (peers.parent / "elia") if peers else Path(shutil.which("elia") or "elia")
    if elia.is_file():
        ours, theirs = in_turn(app, _painted([str(elia)], home), seconds)
    else:
        ours, theirs = tuple(app() for _ in range(4))[1:], ()
    return Row(
        "start: the app's first paint", "elia", "seconds", ours, theirs, "cost", within=0.5,
        note=_least(ours) + ("" if theirs else f"; {NO_ELIA}"),
        bound=f"{min(imports() for _ in range(3)):.2f} s of it are Python's start "
        "and the import of Textual and the app",
    )  # fmt: skip


def _least(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.2f} s at best"


def _ran(command: list[str], home: str) -> Action:
    def sample() -> float:
        options: dict[str, Any] = {"capture_output": True, "check": True}
        return timed(lambda: subprocess.run(command, env=_environment(home), **options))

    return sample


def _painted(command: list[str], home: str) -> Action:
    """Start a program on a terminal of its own; give the seconds until words stand on it."""

    def sample() -> float:
        import pty

        began = time.perf_counter()
        process, terminal = pty.fork()
        if not process:
            os.execvpe(command[0], command, _environment(home))
        try:
            return _until_painted(terminal, began)
        finally:
            with suppress(ProcessLookupError):
                os.kill(process, 9)
            os.close(terminal)
            os.waitpid(process, 0)

    return sample


def _until_painted(terminal: int, began: float) -> float:
    import fcntl
    import select
    import struct
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
    shown = b""
    while time.perf_counter() - began < PATIENCE:
        if select.select([terminal], [], [], 0.1)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:
                break  # it ended
            if len(re.findall(rb"[A-Za-z]", _ESCAPES.sub(b"", shown))) >= PAINTED:
                break
    return time.perf_counter() - began


def _environment(home: str) -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"MLXDYN_HOME": home, "TERM": "xterm-256color", "HF_HUB_OFFLINE": "1"}
