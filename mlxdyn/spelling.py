"""Texts in one way of writing, so that a search finds a word however it is written."""

from unicodedata import normalize


def folded(text: str) -> str:
    """Give a text in one way of writing, of all cases and ways to compose its letters."""
    return normalize("NFC", normalize("NFC", text).casefold())
