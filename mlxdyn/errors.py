"""The one exception that a user is meant to read, and how those of the system are told."""

import errno

PERMIT = "let yourself read and write it, or name another place (in MLXDYN_HOME for what is kept)"
FIXES = {
    errno.EACCES: PERMIT,
    errno.EPERM: PERMIT,
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EROFS: "make it writable, or name another place",
    errno.EBADF: "start the program with an input and an output that are open",
}
FEW_FILES = (
    "too few files may be open at once here; raise the limit in this shell (`ulimit -Hn 4096`, "
    "which root can do) or start from another"
)
LONG_NUMBER = "a number in it has thousands of digits; write it shorter"
OF_PYTHON = {
    "not allowed to raise maximum limit": FEW_FILES,  # mlx-lm wants 2048 as soon as it is imported
    "for integer string conversion": LONG_NUMBER,
}
NOWHERE = "this directory is gone; go to one that exists"


class MlxdynError(Exception):
    """Bad input or a state we refuse; its text is one sentence with the fix."""


def sentence(error: Exception) -> str:
    """Say what an error means; those of the system without their number, and with the fix."""
    if not isinstance(error, OSError) or not error.strerror:
        known = (told for words, told in OF_PYTHON.items() if words in str(error))
        return next(known, str(error)) if isinstance(error, ValueError) else str(error)
    if isinstance(error, FileNotFoundError) and not error.filename:
        return NOWHERE  # only the working directory has no name
    told = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{told}; {FIXES[error.errno]}" if error.errno in FIXES else told
