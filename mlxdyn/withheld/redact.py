"""Find what is never learned in what people write, and mask it; plain text in, spans out.

Two kinds: secrets (passwords, keys, codes, card numbers) and personal numbers (telephone, passport,
account, tax), which people may choose to have learned. No list finds every secret. Where words
alone decide, a secret that is only mentioned ("I forgot my password") is none.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

from mlxdyn.withheld.secrets.shapes import PERSONAL, Span, shapes
from mlxdyn.withheld.secrets.told import told
from mlxdyn.withheld.secrets.writing import original, searched

__all__ = ["PERSONAL", "PLACEHOLDER", "Span", "find", "mask", "values"]

PLACEHOLDER = "[secret]"
MASKING_ROUNDS = 8  # looks at what is left; what shows secrets even then is masked whole


def find(
    text: str, *, before: str = "", known: Sequence[str] = (), personal: bool = True
) -> tuple[Span, ...]:
    """Find secrets and, if `personal`, personal numbers: in order, none overlapping.

    `before` is what was said before, whose last words may be the label of this text. `known` are
    values found in earlier turns, masked wherever they come again. However spaces, hyphens, digits
    and accents are written, they are read in one way.
    """
    plain, places = searched(text)
    said = searched(before)[0]
    return tuple(original(span, places) for span in _found(plain, said, known, personal=personal))


def _found(text: str, before: str, known: Sequence[str], *, personal: bool) -> tuple[Span, ...]:
    """Look again at what is left without what was found, until nothing new is in it.

    So masking hides all there is to find.
    """
    found: tuple[Span, ...] = ()
    seen = tuple(known)
    for _ in range(MASKING_ROUNDS):
        masked, places = _masked(text, found)
        spans = [s for s in _once(masked, before, seen) if personal or not s.personal]
        new = [Span(places[s.start], places[s.end - 1] + 1, s.kind) for s in spans]
        if not new:
            return found
        found = tuple(_joined([*found, *new]))
        seen = (*known, *values(text, found))
    return (Span(0, len(text), "secret"),)


def mask(text: str, spans: Iterable[Span]) -> str:
    """Put PLACEHOLDER in place of each span that `find` returned."""
    return _masked(text, tuple(sorted(spans)))[0]


def values(text: str, spans: Iterable[Span]) -> tuple[str, ...]:
    """List what the spans hold, for `known` in later turns."""
    return tuple(dict.fromkeys(text[span.start : span.end] for span in spans))


def _masked(text: str, spans: Sequence[Span]) -> tuple[str, list[int]]:
    """Return the masked text, and for each of its characters its place in the text."""
    parts, places, at = [], list[int](), 0
    for span in (*spans, Span(len(text), len(text), "")):
        parts.append(text[at : span.start])
        places.extend(range(at, span.start))
        if span.end > span.start:
            parts.append(PLACEHOLDER)
            places.extend([span.start] * (len(PLACEHOLDER) - 1) + [span.end - 1])
        at = span.end
    return "".join(parts), places


HOLE = re.compile(re.escape(PLACEHOLDER))


def _once(text: str, before: str, known: Sequence[str]) -> Iterator[Span]:
    """Find what is in a masked text; of a find that runs over a placeholder, the rest is taken."""
    holes = [match.span() for match in HOLE.finditer(text)]
    for span in (*shapes(text), *told(text, before), *_again(text, known)):
        start = span.start
        for left, right in _from(holes, start):
            if left >= span.end:
                break
            if start < left:
                yield Span(start, left, span.kind)
            start = right
        if text[start : span.end].strip():
            yield Span(start, span.end, span.kind)


def _from(holes: list[tuple[int, int]], start: int) -> Iterator[tuple[int, int]]:
    """Go through the holes that end after `start`."""
    first = bisect_right(holes, start, key=lambda hole: hole[1])
    return (holes[place] for place in range(first, len(holes)))


def _joined(spans: Iterable[Span]) -> Iterator[Span]:
    """Unite overlapping finds, under the kind that began first."""
    held: Span | None = None
    for span in sorted(spans, key=lambda span: (span.start, -span.end)):
        if held and span.start < held.end:
            held = Span(held.start, max(held.end, span.end), held.kind)
            continue
        if held:
            yield held
        held = span
    if held:
        yield held


# What was found before, come again.

LEAST_CHARACTERS = 3  # letters and digits of a value that is looked for again


def _again(text: str, known: Sequence[str]) -> Iterator[Span]:
    """Find known values, whatever their case and the spaces and hyphens in them."""
    wanted: dict[int, set[str]] = {}
    for value in known:
        squeezed = _key(value)
        if len(squeezed) >= LEAST_CHARACTERS:
            wanted.setdefault(len(squeezed), set()).add(squeezed)
    if not wanted:
        return
    plain, places = _squeezed(text)
    for at, start in enumerate(places):
        if start and _joins(text, start):
            continue
        for length, whole in wanted.items():
            if plain[at : at + length] in whole:
                end = places[at + length - 1] + 1
                if end == len(text) or not _joins(text, end):
                    yield Span(start, end, "known")


@lru_cache(maxsize=10_000)  # each is looked for in every later text
def _key(value: str) -> str:
    """Squeeze a value, without the signs around it, unless a common word is left: 7734 of 7734#."""
    value = _squeezed(searched(value)[0])[0]
    core = re.sub(r"^[\W_]+|[\W_]+$", "", value)
    telling = len(core) >= 6 or re.search(r"\d", core)
    return core if telling and len(core) >= LEAST_CHARACTERS else value


SQUEEZED = frozenset(" \n\r-")


def _squeezed(text: str) -> tuple[str, list[int]]:
    """Lower the case and take out spaces and hyphens; return also where each character was."""
    kept = [
        (low, place)
        for place, letter in enumerate(text)
        if letter not in SQUEEZED
        for low in letter.casefold()
    ]
    return "".join(low for low, _ in kept), [place for _, place in kept]


def _joins(text: str, place: int) -> bool:
    """Say whether a place is inside a word, so that 1234 is not found in 12345."""
    return all(letter.isascii() and letter.isalnum() for letter in text[place - 1 : place + 1])
