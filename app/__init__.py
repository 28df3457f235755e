"""The terminal chat: one screen over one engine; knows no MLX."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from mlxdyn.engine.actor import Options


def run(options: Options) -> NoReturn:
    """Chat until the user quits; the process ends with it."""
    from mlxdyn_app.app import chat  # Textual takes a while to import

    chat(options)
