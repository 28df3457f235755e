"""A text as it is searched for secrets: one way to write a space, a hyphen, a digit, an accent."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from itertools import pairwise

from mlxdyn.withheld.secrets.shapes import Span

ODD = re.compile(r"[^ -~\r\n]|(?<=[^\n ]) {2}")
"""What is not searched as it is: other characters, and runs of spaces but where a line begins."""
HYPHENS = frozenset("\u2010\u2011\u2012\u2212\ufe58\ufe63\uff0d")
DASH = "\u2013"  # a hyphen between digits, and else a sign of its own
PLUS = "\uff0b"
UNSEEN = re.compile("[\u034f\u180b-\u180e\u20e3\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # and Cf
WIDE = re.compile("[\uff21-\uff3a\uff41-\uff5a]")  # letters; signs are what their languages write
ACCENTS = 30  # on one letter, as in Unicode's stream-safe text; sorting more takes too long
JAMO = re.compile("[\u1160-\u11ff]")  # join the letter before, though they are no accents


def searched(text: str) -> tuple[str, Sequence[int]]:
    """Return a text in its one way of writing, and the place in `text` of each of its characters.

    What is not seen and the rest of a run of spaces, but where a line begins, belong to the
    character before. The places end with the length of `text`.
    """
    if not ODD.search(text):
        return text, range(len(text) + 1)
    letters, places = list[str](), list[int]()
    begun = False  # the line: it has more than spaces
    for place, letter in _composed(text):
        plain, last = _plain(letter), letters[-1] if letters else ""
        if not plain or (plain == last == " " and begun):
            continue
        if letter == DASH and last.isdigit() and text[place + 1 : place + 2].isdigit():
            plain = "-"
        begun = plain != "\n" and (begun or plain != " ")
        letters.append(plain)
        places.append(place if last else 0)
    return "".join(letters), [*places, len(text)]


def original(span: Span, places: Sequence[int]) -> Span:
    """Say where in a text a span is that was found in it as it is searched."""
    end = max(places[span.end], places[span.end - 1] + 1)  # a letter may be two, at one place
    return Span(places[span.start], end, span.kind)


def _composed(text: str) -> Iterator[tuple[int, str]]:
    """Go through a text, each letter and its accents as one character where there is one (NFC)."""
    begins = [place for place, letter in enumerate(text) if not _joins_before(letter)]
    for begin, end in pairwise(dict.fromkeys([0, *begins, len(text)])):
        if end == begin + 1:
            yield begin, text[begin]
            continue
        for cut in range(begin, end, ACCENTS + 1):
            last = min(cut + ACCENTS, end - 1)
            whole = unicodedata.normalize("NFC", text[cut : last + 1])
            yield from ((min(place, last), letter) for place, letter in enumerate(whole, cut))


def _joins_before(letter: str) -> bool:
    return letter > "\u02ff" and bool(unicodedata.combining(letter) or JAMO.match(letter))


def _plain(letter: str) -> str:
    """Write one character in the one way; "" for what is not seen."""
    if letter.isascii():
        return " " if letter in " \t\v\f" else letter
    if letter.isspace():
        return " "
    if letter in HYPHENS:
        return "-"
    if letter == PLUS:
        return "+"
    if WIDE.match(letter):
        return unicodedata.normalize("NFKC", letter)
    if unicodedata.category(letter) == "Cf" or UNSEEN.match(letter):
        return ""
    digit = unicodedata.decimal(letter, None)
    return letter if digit is None else str(digit)
