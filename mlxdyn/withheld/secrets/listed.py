"""What follows a value that was found: more of its kind, in a list, or told as another one.

A plain word is taken only after "my passwords are" and a first that looks made up, and in the same
sentence after "my new one is"; else what follows must look made up, or be a number.
"""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Iterator
from functools import cache

from mlxdyn.withheld.secrets.labelled import (
    CODE,
    PIN_DIGITS,
    PLAIN_NUMBER,
    number,
    plain_key,
)
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
from mlxdyn.withheld.secrets.shapes import Span, random
from mlxdyn.withheld.secrets.values import (
    BREAK,
    DATE,
    IN_QUOTES,
    Found,
    adjacent,
    alternatives,
    is_code,
    is_plain,
    latin,
    made_up,
    mine,
    odd,
)

FAR = 160  # characters from one value to the next

MANY = re.compile(
    r"passwords|pass-?words|passcodes|passphrases|passwörter|kennwörter|mots de passe|contraseñas|claves|senhas"
    r"|wachtwoorden|hasła|пароли|.*\b(?:pins|codes?|numbers|geheimzahlen|codici|códigos|kody)",
    re.IGNORECASE,
)
"""Labels of more than one, beside those with "are" after them."""

ARE = re.compile(
    r"(?<!\w)(?:are|were|sind|waren|lauten|sont|étaient|son|eran|sono|erano|são|eram|zijn)\W{1,4}\Z",
    re.IGNORECASE,
)

WORDS = {
    ENGLISH: (
        "and|or|but|while|and also",
        r"(?:(?:my|the|his|her|our|their)\s)?(?:new|newer|old|older|other|second|third|former|previous|current|latest|last|first)\sone(?:['’]s|\s(?:is|was)(?:\snow)?|:)",
    ),
    GERMAN: (
        "und|oder|aber|sowie",
        r"(?:mein|das|die|der)\w{0,2}\s(?:neu|alt|ander|zweit)\w{1,2}\s(?:ist|war|lautet|heißt)",
    ),
    FRENCH: (
        "et|ou|mais",
        r"(?:l['’]autre|(?:le|la|mon|ma)\s(?:nouve\w{2,4}|ancien\w{0,2}|deuxième|seconde?))(?:,?\sc['’]est|\s(?:est|était))",
    ),
    SPANISH: (
        "y|e|o|u|pero",
        r"(?:el|la|mi)\s(?:nuev[oa]|otr[oa]|viej[oa]|segund[oa])\s(?:es|era)",
    ),
    ITALIAN: (
        "e|ed|o|ma",
        r"(?:l['’]altr[oa]|(?:il|la|mi[oa])\s(?:nuov[oa]|vecchi[oa]|second[oa]))\s(?:è|era)",
    ),
    PORTUGUESE: (
        "e|ou|mas",
        r"(?:[oa]|meu|minha)\s(?:nov[oa]|outr[oa]|antig[oa]|segund[oa])\s(?:é|era)",
    ),
    DUTCH: ("en|of|maar", r"(?:de|het|mijn)\s(?:nieuwe|andere|oude|tweede)\s(?:is|was)"),
    POLISH: ("i|oraz|lub|a|ale", r"(?:now[ey]|drugie?|inn[ey]|star[ey])\s(?:to|jest)"),
    TURKISH: ("ve|veya|ama", "(?!)"),
    RUSSIAN: ("и|или|а|но", r"(?:новый|другой|второй|старый)(?:\s(?:это|[-–—]))?"),
}
"""What stands between two of a list, and what says that another one follows."""

THEIRS = r"(?:(?:(?:my|the|his|her|our|their)\s)?[\w-]{1,30}['’]s|mine|hers|his|theirs|ours)(?:['’]s|\s(?:is|was)(?:\snow)?|:)\s{1,2}"
"""What says that it is another one of somebody's."""


def listed(
    text: str, span: Span, label: re.Match[str], name: str, language: Language
) -> Iterator[Span]:
    """Go on after a find while the next item is one word or number of its kind."""
    many = bool(MANY.fullmatch(label[0]) or ARE.search(text[label.end() : span.start]))
    if name == "password":
        many = many and mine(text, label.start()) and odd(text[span.start : span.end])
    last = False  # "and" is before the last of a list
    while joint := _joint(language).match(text, span.end, span.end + FAR):
        another = bool(joint["another"])
        joined = bool(re.search(r"[^\W_]", joint[0].replace(joint["owner"] or "", "")))
        ended = re.search(r"[.!]\s", text[span.end - 1 : joint.end()])  # the sentence
        new = another and not ended
        plain = bool(new or (many and (joined or not last) and not joint["theirs"]))
        found, last = _item(text, joint.end(), label, name, language, plain=plain), joined
        owed = joint["owner"] and not another  # of "X for A and Y", Y is another A
        if not found or (owed and not _owned(text, found, language)):
            return
        span = Span(*found, span.kind)
        yield span


@cache
def _joint(language: Language) -> re.Pattern[str]:
    """Compile what may stand between two values: moonbeam for Netflix and ..."""
    if not language.spaced:
        return re.compile(
            r"[\"'」』”]?\s{0,2}(?:[,;/|、，和与及跟と]|そして)\s{0,2}(?P<owner>(?!))?(?P<another>(?!))?(?P<theirs>(?!))?"
        )
    words, another = WORDS.get(language, ("and", "(?!)"))
    between = f"(?:{alternatives(words)})"
    owner = (
        rf"(?P<owner>\s{{1,2}}\(?(?:{alternatives(language.of)})\s[^,.;:!?|&/\n]{{1,30}}?\)?)?"
        if language.of
        else "(?P<owner>(?!))?"
    )
    sign = rf"\s{{0,2}}[,;|&/]\s{{0,2}}(?:{between}\s{{1,2}})?"
    new = rf"\s{{0,2}}[.,;!–—-]?\s{{1,2}}(?:{between}\s{{1,2}})?(?P<another>(?:{another})\s{{1,2}}[\"'“]?)"
    theirs = THEIRS if language is ENGLISH else "(?!)"
    return re.compile(
        rf"[\"'“”’`»)*_]{{0,3}}{owner}(?:{new}|(?:{sign}|\s{{1,2}}{between}\s{{1,2}})(?P<theirs>{theirs})?)",
        re.IGNORECASE,
    )


def _item(
    text: str, at: int, label: re.Match[str], name: str, language: Language, *, plain: bool
) -> Found:
    """Take one value of the kind of `label`, where its clause or its place in a list ends."""
    found: Found = None
    if name == "password":
        found = _word(text, at, language, plain=plain)
    elif name in ("pin", "code"):
        match = (PIN_DIGITS if name == "pin" else CODE).match(text, at)
        found = match.span("it") if match else None
    elif name == "key":
        close = adjacent(text, at)
        drawn = close and random(text[slice(*close)], 8)
        found = close if drawn else plain_key(text, label, at, language)
    elif name in PLAIN_NUMBER:
        found = number(name, text, at)
    day = found and not plain and DATE.fullmatch(text[slice(*found)])
    return found if found and not day and ENDS.match(text, found[1]) else None


ENDS = re.compile(rf"[\"'”’`»)*_]{{0,3}}(?:\s{{0,2}}(?:\Z|[|&/,;])|{BREAK.pattern}|[^ -~])")


def _word(text: str, at: int, language: Language, *, plain: bool) -> Found:
    quote = IN_QUOTES.match(text, at)
    if quote:
        return quote.span(2) if (plain or odd(quote[2])) and not is_code(quote[2]) else None
    found = adjacent(text, at) if language.spaced else latin(text, at)
    value = text[slice(*found)] if found else ""
    if made_up(value) and not SETTING.match(value):
        return found
    word = WORD.match(text, at) if plain and language.spaced else None
    return word.span() if word and is_plain(word[0], language) else None


SETTING = re.compile(r"[\w.-]{1,40}=")
WORD = re.compile(r"[^\W_][^\s,;:!?|&/\"”»)]{1,60}(?<![.'’*_])")


def _owned(text: str, found: tuple[int, int], language: Language) -> bool:
    """Say whether a word says for what it is, too; what looks made up need not."""
    what = rf"\W{{0,3}}\s(?:{alternatives(language.of)})\s"
    return odd(text[slice(*found)]) or bool(re.compile(what, re.I).match(text, found[1]))
