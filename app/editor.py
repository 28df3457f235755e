"""A text written in the editor of the user's choice; the screen must be put aside meanwhile."""

import os
import shlex
import subprocess
import tempfile
from pathlib import Path


def edited(text: str) -> str:
    """Let $VISUAL or $EDITOR change a text; raises OSError or CalledProcessError."""
    editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "message.md"
        file.write_text(text, "utf-8")
        subprocess.run([*shlex.split(editor), str(file)], check=True)
        return file.read_text("utf-8", errors="replace").rstrip("\n")
