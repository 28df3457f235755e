"""The one exception that a user is meant to read, and how those of the system are told."""

import errno

FIXES = {
    errno.ENOSPC: "free some space and try again",
    errno.EDQUOT: "free some space and try again",
    errno.EROFS: "make it writable, or name another place",
    errno.EBADF: "start the program with an input and an output that are open",
}
NOWHERE = "this directory is gone; go to one that exists"


class MlxdynError(Exception):
    """Bad input or a state we refuse; its text is one sentence with the fix."""


def sentence(error: Exception) -> str:
    """Say what an error means; those of the system without their number, and with the fix."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    if isinstance(error, FileNotFoundError) and not error.filename:
        return NOWHERE  # only the working directory has no name
    told = f"{error.strerror}: {error.filename}" if error.filename else error.strerror
    return f"{told}; {FIXES[error.errno]}" if error.errno in FIXES else told
