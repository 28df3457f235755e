"""A value before its label, with a verb that needs a secret, or beside the word: it is only implied."""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Iterator

from mlxdyn.withheld.secrets.labelled import labels_in
from mlxdyn.withheld.secrets.labels import LANGUAGES
from mlxdyn.withheld.secrets.shapes import Span
from mlxdyn.withheld.secrets.values import (
    ENGLISH_PASSWORD,
    PLAYED,
    PRODUCT,
    alternatives,
    is_code,
    is_plain,
    made_up,
    odd,
    trimmed,
)

OPEN = alternatives(LANGUAGES[0].opener)

AFTER = re.compile(
    rf"(?<![^\s\"'“])(?P<it>[^\s\"'“”]{{3,100}})[\"'”]?\s{{1,3}}(?:is|was)\s{{1,3}}(?:my|our|the|his|her|their)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}(?:{ENGLISH_PASSWORD})(?=\s{{0,3}}(?:$|[.,;!?\n]|for\b|to\b|and\b|but\b|on\b))"
    rf"|\buse[sd]?\s{{1,3}}[\"']?(?P<used>[^\s\"']{{3,100}})[\"']?\s{{1,3}}(?:as|for)\s{{1,3}}(?:all\s)?(?:my|our|the|a|his|her|their|every)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}(?:{ENGLISH_PASSWORD})s?(?!\w)",
    re.IGNORECASE,
)

UNLOCKED = re.compile(
    r"\b(?:opens?|unlocks?|disarms?|opened|unlocked|disarmed|enter|gets? into|logs? (?:in(?:to)?|on)(?: to| into)?|sign(?:s|ed)? in(?:to| to)?|logged in(?:to| to)?)\s{1,3}(?:(?:my|our|the|this|that)\s{1,3}(?:[\w'-]{1,30}\s{1,3}){1,3})?(?:as \S{1,40} )?(?:with|using|as|by typing)\s{1,3}(?:[\w@.]{1,40}\s(?:and|/)\s)?(?:(?:the )?(?:code|pin|password|number)\s{1,3})?[\"']?(?P<it>(?=[^\s\d]{0,100}\d)[^\s\"']{3,100})",
    re.IGNORECASE,
)

CODE_FIRST = re.compile(
    rf"(?<![\w.,-])(?:[A-Z]-)?(?P<it>\d(?:[ -]?\d){{3,9}}[#*]?)\s{{1,3}}(?:is|opens|unlocks|disarms)\s{{1,3}}(?:your|my|the|our)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}?(?:(?:{OPEN})(?:\s{{1,3}}(?:code|combo|combination))?|pin|passcode|otp|code)(?!\w)(?!\s{{1,3}}(?:number|of meters))",
    re.IGNORECASE,
)

LOCKED = re.compile(
    r"\b(?:alarm|safe|vault|keypad|padlock|lock|lockbox|lock box|key box|keybox|gate)(?:'s)?\s{0,2}(?:is|=|:|opens (?:with|on|at)|unlocks with|takes|wants|needs)?\s{1,2}(?P<it>[*#]?\d{4,8}[*#]?|(?<=lock )\d{3}|(?<=lock is )\d{3}|\d{1,2}-\d{1,2}-\d{1,2})(?!\w|[.,:%/]\d| ?(?:am|pm|kg|lbs|pounds|points|years|days|times|euros?|dollars|miles|meters|feet|inches)\b)",
    re.IGNORECASE,
)


def turned(text: str) -> Iterator[Span]:
    """Find what stands before its label, or with a verb that needs a secret."""
    english = LANGUAGES[0]
    for match in AFTER.finditer(text):
        start, end = match.span(match.lastgroup or "it")
        value = text[start:end]
        played = PLAYED.search(text, start, min(len(text), match.end() + 40)) and not odd(value)
        if is_plain(value, english) and not played and not re.fullmatch(r"\d{1,3}", value):
            yield Span(start, end, "password")
    for match in UNLOCKED.finditer(text):
        start, end = trimmed(text, *match.span("it"))
        if (
            not re.fullmatch(r"\d{1,2}|\d{1,2}:\d\d|\w{1,3}", text[start:end])
            and "@" not in text[start:end]
        ):
            yield Span(start, end, "password")
    for match in NAMED.finditer(text):
        start, end = trimmed(text, *match.span(match.lastgroup or "it"))
        if odd(text[start:end]) and not is_code(text[start:end]):
            yield Span(start, end, "password")
    for match in USER.finditer(text):
        if is_plain(match["it"], english):
            yield Span(*trimmed(text, *match.span("it")), "password")
    for pattern in (CODE_FIRST, LOCKED):
        yield from (Span(*match.span("it"), "code") for match in pattern.finditer(text))


NAMED = re.compile(
    r"(?<![\w@./-])(?:root|admin|administrator|postgres|sa|ubuntu|pi|guest)\s?[:/]\s?(?P<it>[^\s/\"']{3,60})"
    r"|(?<!\S)[\w.+-]{1,60}@[\w-]{1,60}\.[\w.]{2,20}(?:[:|]|\s?[/|]\s?)(?P<mailed>[^\s/|:]{4,60})"
)

USER = re.compile(
    rf"\b(?:user(?:name)?|login|account)[ \t]{{1,3}}\S{{1,100}}[ \t]{{1,3}}(?:and |with )?(?:the )?(?:{ENGLISH_PASSWORD})[ \t]{{1,3}}(?P<it>\S{{1,100}})",
    re.IGNORECASE,
)


STRANGE = re.compile(
    r"(?<![\w@./:+#-])(?!-)(?=[^\s\d]{0,40}\d)(?=[^\s]{0,40}[^\W\d_])[^\s\"'“”(),;:?\u3000-\u9fff\uac00-\ud7af\uff00-\uffef]{5,60}"
)

SENTENCE = re.compile(r"[.!?;](?=\s)|\n")


def beside(text: str) -> Iterator[Span]:
    """Find what looks made up in a sentence about a password."""
    low, done = text.lower(), 0
    labels = [
        label for language in LANGUAGES for label in labels_in(text, low, language, "password")
    ]
    names = {label[0] for label in labels}
    for label in sorted(labels, key=lambda label: label.start()):
        begin, end = sentence(text, label.start(), label.end())
        for word in STRANGE.finditer(text, max(begin, done), end):
            start, stop = trimmed(text, *word.span())
            start += text[start:stop].rfind("=", 0, -2) + 1
            value = text[start:stop]
            plain = PRODUCT.fullmatch(value) or is_code(value) or value in names
            if stop - start >= 5 and not plain:
                yield Span(start, stop, "password")
        done = max(done, end)


def sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence around a label begins and ends, not too far away."""
    ahead = [cut.end() for cut in SENTENCE.finditer(text, max(0, start - 60), start)]
    cut = SENTENCE.search(text, end, end + 90)
    return max([max(0, start - 60), *ahead]), cut.start() if cut else min(len(text), end + 90)


NETWORK = re.compile(
    rf"(?<!\w)(?:wi-?fi|wlan|hotspot|ssid)(?:\s(?:name|network))?(?:\s{{0,2}}[:=]|['’]s|\s{{1,2}}(?:is|ist|est|es|è|é))?\s{{1,2}}"
    rf"[\"'“]?[^\s/|,;:\"'”]{{2,32}}(?:\s[^\s/|,;:\"'”]{{1,32}}){{0,2}}?[\"'”]?(?:\s{{0,2}}[/|]\s{{0,2}}|,?\s{{1,2}}(?:and |with )?(?:the )?(?:{ENGLISH_PASSWORD}|pass|key)\s{{0,2}}[:=]?\s{{1,2}})"
    r"[\"'“]?(?P<it>[^\s\"'“”,;|/]{8,63})",
    re.IGNORECASE,
)


def networks(text: str) -> Iterator[Span]:
    """Find what looks made up beside a wireless network's name; WPA wants eight characters."""
    for match in NETWORK.finditer(text):
        start, end = trimmed(text, *match.span("it"))
        if made_up(text[start:end]):
            yield Span(start, end, "password")
