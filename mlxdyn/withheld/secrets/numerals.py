"""Codes that are spelled in words for numbers: zero four one nine."""

import re
from collections.abc import Iterator
from functools import cache

from mlxdyn.withheld.secrets.labelled import labels_in
from mlxdyn.withheld.secrets.labels import (
    DUTCH,
    ENGLISH,
    FRENCH,
    GERMAN,
    ITALIAN,
    POLISH,
    PORTUGUESE,
    RUSSIAN,
    SPANISH,
    TURKISH,
    Language,
)
from mlxdyn.withheld.secrets.shapes import Span
from mlxdyn.withheld.secrets.turned import sentence
from mlxdyn.withheld.secrets.values import alternatives

NUMERALS = (
    (
        ENGLISH,
        "zero|oh|o|nought|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|double|triple",
    ),
    (GERMAN, "null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun|zehn|elf|zwölf"),
    (FRENCH, "zéro|un|deux|trois|quatre|cinq|six|sept|huit|neuf|dix|onze|douze"),
    (SPANISH, "cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve|diez|once|doce"),
    (ITALIAN, "zero|uno|due|tre|quattro|cinque|sei|sette|otto|nove|dieci|undici|dodici"),
    (PORTUGUESE, "zero|um|dois|três|quatro|cinco|seis|sete|oito|nove|dez|onze|doze"),
    (DUTCH, "nul|een|één|twee|drie|vier|vijf|zes|zeven|acht|negen|tien|elf|twaalf"),
    (POLISH, "zero|jeden|dwa|trzy|cztery|pięć|sześć|siedem|osiem|dziewięć|dziesięć"),
    (TURKISH, "sıfır|bir|iki|üç|dört|beş|altı|yedi|sekiz|dokuz|on"),
    (RUSSIAN, "ноль|нуль|один|два|три|четыре|пять|шесть|семь|восемь|девять|десять"),
)


@cache
def _spelling(numerals: str) -> re.Pattern[str]:
    number = alternatives(numerals)
    return re.compile(
        rf"(?<![^\W_])(?:{number})(?:[ ,-]{{1,3}}(?:{number})){{3,11}}(?![^\W_])", re.IGNORECASE
    )


def spelled(text: str) -> Iterator[Span]:
    """Find four numbers or more, in a sentence about a PIN, a code or what a code opens."""
    low = text.lower()
    for language, numerals in NUMERALS:
        for match in _spelling(numerals).finditer(text):
            begin, end = sentence(text, *match.span())
            if _opens(text[begin:end], low[begin:end], language):
                yield Span(*match.span(), "code")


def _opens(text: str, low: str, language: Language) -> bool:
    return any(any(labels_in(text, low, language, name)) for name in ("pin", "code", "opener"))
