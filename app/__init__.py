"""The terminal chat: one screen over one engine; knows no MLX."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlxdyn.engine.actor import Options


def run(options: Options) -> int:
    """Chat until the user quits; return the exit code."""
    from mlxdyn_app.app import chat  # Textual takes a while to import

    return chat(options)
