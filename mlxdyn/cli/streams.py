"""The standard streams of a process that anyone may have started: there, and able to say all."""

import io
import os
import sys

NAMES = ("stdin", "stdout", "stderr")  # by their numbers


def settle() -> None:
    """Open what was closed on nothing, and let no character be one that cannot be read or said.

    Otherwise the next file that opens is standard input, and a library that closes it closes that.
    """
    for number, name in enumerate(NAMES):
        if _closed(number):
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(number, "w" if number else "r", closefd=False))
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace" if number else "replace")


def _closed(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False
