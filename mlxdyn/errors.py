"""The one exception that a user is meant to read."""


class MlxdynError(Exception):
    """Bad input or a state we refuse; its text is one sentence with the fix."""
