"""The terminal that the app runs in, which may be gone before the app is."""

import os
import time
from collections.abc import Callable
from threading import Thread

STANDARD_INPUT = 0  # file descriptor that Textual reads keys from
LOOKS_SECONDS = 2.0  # between two looks


def watch(save: Callable[[], object]) -> None:
    """Once the terminal is gone `save`, and end the process.

    A closed window says so with a signal, but only to some: under `make` nobody hears it, and
    Textual would ask for keys for ever, or wait to write. So a thread of its own looks.
    """

    def look() -> None:
        while os.isatty(STANDARD_INPUT):
            time.sleep(LOOKS_SECONDS)
        try:
            save()
        finally:  # whatever became of it: nobody is there to be told
            os._exit(1)

    if os.isatty(STANDARD_INPUT):
        Thread(target=look, name="mlxdyn-terminal", daemon=True).start()
