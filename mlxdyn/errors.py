"""The one exception that a user is meant to read, and how those of the system are told."""


class MlxdynError(Exception):
    """Bad input or a state we refuse; its text is one sentence with the fix."""


def sentence(error: Exception) -> str:
    """Say what an error means; those of the system without their number."""
    if not isinstance(error, OSError) or not error.strerror:
        return str(error)
    return f"{error.strerror}: {error.filename}" if error.filename else error.strerror
