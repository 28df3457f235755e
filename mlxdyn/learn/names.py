"""Names and numbers in a text, as far as its script marks them."""

import re
from collections.abc import Iterable

_WORD = re.compile(r"[\w'’-]+")
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n")


def parted(text: str) -> set[str]:
    """Part a text into its words, in small letters."""
    return {word.lower() for word in _WORD.findall(text)}


def names(texts: Iterable[str]) -> set[str]:
    """Give, in small letters, words with a digit, and with a capital that opens no sentence."""
    found = set[str]()
    for sentence in (part for text in texts for part in _SENTENCE.split(text)):
        words = _WORD.findall(sentence)
        found |= {w.lower() for w in words if any(c.isdigit() for c in w)}
        found |= {w.lower() for w in words[1:] if w[0].isupper() and len(w.split("'")[0]) > 1}
    return found
