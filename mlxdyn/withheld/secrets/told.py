"""Secrets and personal numbers that words tell of, in one text or after what was said before it."""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

from mlxdyn.withheld.secrets.assigned import assigned, phrases, tables
from mlxdyn.withheld.secrets.labelled import HEDGE, KINDS, labelled, labels_in
from mlxdyn.withheld.secrets.labels import LANGUAGES, NOT_CODE, Language
from mlxdyn.withheld.secrets.listed import listed
from mlxdyn.withheld.secrets.numerals import spelled
from mlxdyn.withheld.secrets.shapes import Span
from mlxdyn.withheld.secrets.turned import beside, networks, turned
from mlxdyn.withheld.secrets.values import (
    DATE,
    ENGLISH_PASSWORD,
    alternatives,
    latin,
    odd,
    value_at,
)


def told(text: str, before: str = "") -> Iterator[Span]:
    """Find what `text` tells after a label; a label may end a line of `before`."""
    low = text.lower()
    for language in LANGUAGES:
        for name, kind in KINDS.items():
            for label, span in labelled(text, low, language, name, kind):
                yield span
                yield from listed(text, span, label, name, language)
    yield from assigned(text)
    yield from turned(text)
    yield from beside(text)
    yield from networks(text)
    yield from spelled(text)
    yield from _changed(text, before)
    yield from _answered(text, before)
    yield from phrases(text)
    yield from tables(text)


SET = re.compile(
    rf"\b(?:set|change|changed|reset|update|updated|switched)\b[^.!?\n]{{0,40}}?(?<!\w)(?:{ENGLISH_PASSWORD})(?!\w)[^.!?\n]{{0,50}}?\bto\s{{1,3}}",
    re.IGNORECASE,
)

CODE_SET = re.compile(
    r"\b(?:set|change|changed|reset|update|updated|switched)\b[^.!?\n]{0,40}?\b(?:pin|code|combo|combination|passcode|safe|lock|padlock|keypad|alarm(?! to (?:[01]\d|2[0-3])[0-5]\d\b))\b[^.!?\n\d]{0,50}?\bto\s{1,3}(?P<it>[*#]?\d(?:[ -]?\d){3,9}[*#]?)(?![\w.,:%/]\d)",
    re.IGNORECASE,
)

FOLLOWED = 300  # characters after a password is spoken of


@cache
def _changes() -> tuple[tuple[Language, re.Pattern[str]], ...]:
    def compiled(language: Language) -> re.Pattern[str]:
        ends = rf"(?!\w)\s{{0,2}}:?\s{{1,3}}{HEDGE}" if language.spaced else r"\s{0,3}"
        return re.compile(
            rf"{BEGIN if language.spaced else ''}(?:{alternatives(language.changed)}){ends}",
            re.IGNORECASE,
        )

    return tuple((language, compiled(language)) for language in LANGUAGES if language.changed)


BEGIN = r"(?<!\w)"


def _changed(text: str, before: str) -> Iterator[Span]:
    """Find the value in "I changed it to ...", where a password was spoken of before."""
    for match in SET.finditer(text):
        found = value_at(text, match.end(), match.start(), LANGUAGES[0])
        if found:
            yield Span(*found, "password")
    for match in CODE_SET.finditer(text):
        if not re.search(rf"(?<!\w)(?:{alternatives(NOT_CODE)})(?!\w)", match[0], re.IGNORECASE):
            yield Span(*match.span("it"), "code")
    spoken = [0] * bool(_spoken(before[-FOLLOWED:])) + _spoken(text)
    if not spoken:
        return
    for language, pattern in _changes():
        for match in pattern.finditer(text):
            last = bisect_right(spoken, match.start())
            if last and match.start() - spoken[last - 1] < FOLLOWED:
                yield from _instead(text, match, language)


def _instead(text: str, match: re.Match[str], language: Language) -> Iterator[Span]:
    """Take what a password was changed to."""
    if language.spaced:
        found = value_at(text, match.end(), match.start(), language)
    else:
        found = latin(text, match.end())
    value = text[slice(*found)] if found else ""
    if found and (odd(value) or " to" in match[0]) and not DATE.fullmatch(value):
        yield Span(*found, "password")


def _spoken(text: str) -> list[int]:
    """List where a password, PIN or code is spoken of."""
    low = text.lower()
    names = ("password", "pin", "answer")
    return sorted(
        label.end()
        for language in LANGUAGES
        for name in names
        for label in labels_in(text, low, language, name)
    )


def _answered(text: str, before: str) -> Iterator[Span]:
    """Find a value that begins its message, where a line of `before` ended with its label."""
    opened = OPENING.match(text)
    at = opened.end() if opened else 0
    body = text[at : at + 200]
    for line in before.splitlines():
        lead = line.strip()[-200:].rstrip("?.…! ")
        for joint in (" ", " is ") if lead and body else ():
            start = len(lead + joint)
            whole = lead + joint + body
            for span in told(whole):
                value = whole[span.start : span.end]
                sure = joint == " " or (odd(value) and len(body.split()) <= 4)
                if span.start >= start and sure:
                    yield Span(span.start - start + at, span.end - start + at, span.kind)


OPENING = re.compile(
    r"\s{0,9}(?:(?:ok|okay|sure|yes|yeah|yep|here|here it is|here you go|it's|it is|its|so)\b[ ,.:!]{1,3}){0,3}",
    re.IGNORECASE,
)
