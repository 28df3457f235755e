"""Secrets in a written form: settings of programs (DB_PASS=), recovery phrases and codes, tables."""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Iterator

from mlxdyn.withheld.secrets.labels import LANGUAGES
from mlxdyn.withheld.secrets.shapes import Span, random
from mlxdyn.withheld.secrets.values import (
    PUBLIC,
    alternatives,
    closed,
    is_code,
    made_up,
    odd,
    trimmed,
)

ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,20}[_.-]){0,4}[A-Za-z0-9]{0,20}?(?P<name>PASS(?:WORD|WD|PHRASE)?|PWD|PW|SECRET|TOKEN|KEY|CREDENTIALS?|APIKEY|AUTH|PIN)(?:[_-][A-Za-z0-9]{1,20}){0,2}[\"']?\s{0,2}(?P<is>:?=>?|:)\s{0,2}[\"'`]?(?P<it>[^\s\"'`,;]{4,300}|(?<=[\"'`])[^\s\"'`,;]{1,3}(?=[ ,;][^\"'`\n]{2,100}[\"'`]))",
    re.IGNORECASE,
)

FLAG = re.compile(r"(?<!\w)--(?:password|passwd|pass|pw|token|secret|api-key)(?:=|\s{1,3})[\"']?(?P<it>[^\s\"']{3,200})", re.IGNORECASE)  # fmt: skip

PW = re.compile(r"\b(?:pw|pass|pwd)\s{0,2}[:=][ \t]{0,5}(?P<it>\S{3,100})", re.IGNORECASE)


def assigned(text: str) -> Iterator[Span]:
    """Find what settings, code and flags of programs assign to a secret's name."""
    for match in ASSIGNED.finditer(text):
        start, end = match.span("it")
        if match["is"] == "=" and re.search(r"[?&]\w{0,40}\Z", text[: match.start("name")][-42:]):
            continue  # part of an address
        secret = match["name"].upper().startswith(("PASS", "PWD", "PW"))
        shell = match["is"] == "=" and re.search(r"\w=[\"'`]?\Z", text[:start][-3:])
        whole = closed(text, start) or trimmed(text, start, end)
        env = shell and match[0].partition("=")[0].isupper() and whole[1] - start >= 8
        drawn = random(text[start:end], 8) and not is_code(match["it"])
        strong = (secret and shell) or env or drawn
        if (
            strong
            and not is_code(match["it"])
            and not PUBLIC.search(text, max(0, match.start() - 30), match.start())
        ):
            yield Span(*whole, "password" if secret else "key")
    for match in FLAG.finditer(text):
        if not is_code(match["it"]):
            yield Span(*(closed(text, match.start("it")) or match.span("it")), "password")
    for match in PW.finditer(text):
        start, end = trimmed(text, *match.span("it"))
        if odd(text[start:end]) and not is_code(match["it"]):
            yield Span(start, end, "password")


SEED_PHRASE = re.compile(
    r"\b(?:seed|recovery|mnemonic|backup|secret|wallet)\s{1,3}(?:recovery\s{1,3})?(?:phrase|words|seed|mnemonic)\b"
    r"[^\n]{0,40}?(?::|\bis\b|\bare\b|\n)\s{0,3}[\"'“]?"
    r"(?P<it>(?:\d{1,2}[.)]\s{0,3})?[A-Za-z]{3,8}(?:[\s,]{1,3}(?:\d{1,2}[.)]\s{0,3})?[A-Za-z]{3,8}){11,23})\b",
    re.IGNORECASE,
)

PROSE = re.compile(r"\b(?:the|and|for|was|are|with|from|have|has|but|not|his|her|were)\b", re.I)

RECOVERY = re.compile(
    r"\b(?:recovery|backup|2fa|two-factor|one-time|scratch|emergency)\s{1,3}(?:recovery\s{1,3}|backup\s{1,3})?(?:codes?|keys?)\b[^\n\d]{0,40}?(?::|\bis\b|\bare\b|\n|\s(?=\S{9}))\s{0,3}"
    r"(?P<it>(?=\S{0,20}\d)[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{3,12}){0,9}"
    r"(?:(?:\s{1,3}|\s{0,3},\s{0,3}|\s{1,3}and\s{1,3})(?=\S{0,20}\d)[A-Za-z0-9]{4,12}(?:-[A-Za-z0-9]{3,12}){0,4}){0,30})",
    re.IGNORECASE,
)


def phrases(text: str) -> Iterator[Span]:
    """Find the words of a wallet's seed, and lists of recovery codes."""
    for match in SEED_PHRASE.finditer(text):
        if not PROSE.search(match["it"]):
            yield Span(*match.span("it"), "recovery phrase")
    for match in RECOVERY.finditer(text):
        yield Span(*match.span("it"), "recovery code")


HEAD = re.compile(rf"\W*(?:{alternatives('|'.join(row.password for row in LANGUAGES))})\W*", re.I)

WHOSE = re.compile(
    r"\|\W*(?:user|login|e-?mail|account|site|website|service|benutzer|konto|dienst|compte|usuario|cuenta|utente|conto|conta|gebruiker)",
    re.IGNORECASE,
)


def tables(text: str) -> Iterator[Span]:
    """Find what looks made up in the column of passwords of a table with a column of accounts."""
    column, above, start = -1, "", 0
    for line in text.split("\n"):
        cells = line.split("|")
        if "--" in line and not line.strip(" \t\r|:-"):
            heads = above.split("|") if WHOSE.search(f"|{above}") else []
            column = next((at for at, head in enumerate(heads) if HEAD.fullmatch(head)), -1)
        elif len(cells) == 1:
            column = -1
        elif 0 <= column < len(cells):
            cell, ahead = cells[column], "|".join([*cells[:column], ""])
            value = cell.strip(" `*_()\t\r")
            if len(value.split()) == 1 and made_up(value):
                at = start + len(ahead) + cell.find(value)
                yield Span(at, at + len(value), "password")
        above, start = line, start + len(line) + 1
