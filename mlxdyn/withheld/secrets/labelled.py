"""A label, what links it to a value, and the value, of each kind; the words are a table (labels.py)."""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from collections.abc import Iterator
from functools import cache

from mlxdyn.withheld.secrets.labels import NOT_CODE, NUMBER, Language
from mlxdyn.withheld.secrets.shapes import BLANK, Span, entropy, random
from mlxdyn.withheld.secrets.values import (
    DATE,
    PLAYED,
    PRODUCT,
    PUBLIC,
    Found,
    adjacent,
    alternatives,
    is_code,
    is_plain,
    is_wordy,
    latin,
    made_up,
    mine,
    odd,
    trimmed,
    value_at,
)

NEAR = 160  # characters after a label in which its value may begin

KINDS = {
    "password": "password",
    "weak": "password",
    "pin": "PIN",
    "code": "code",
    "key": "key",
    "login": "password",
    "answer": "security answer",
    "phone": "phone number",
    "passport": "passport number",
    "licence": "driving licence number",
    "account": "account number",
    "national": "national number",
}
"""The columns of the table, and the kind of what each tells of."""


@cache
def _words(language: Language, name: str) -> tuple[str, ...]:
    words = getattr(language, name).split("|")
    return tuple(sorted({word for word in words if word}, key=len, reverse=True))


@cache
def _pattern(language: Language, words: tuple[str, ...]) -> re.Pattern[str]:
    """Compile the labels of one kind that a text holds."""
    either = "|".join(map(re.escape, words))
    if not language.spaced:
        return re.compile(f"(?:{either})", re.IGNORECASE)
    begins = r"(?<![^\W_])"
    last = r"\w{0,4}" if language.suffix else ""
    if language.prefix:  # but short words are joined to none: www is no Dutch ww
        either = "|".join(re.escape(w) if len(w) > 3 else begins + re.escape(w) for w in words)
        begins = ""
    return re.compile(rf"{begins}(?:{either}){last}(?![^\W_])", re.IGNORECASE)


def labels_in(text: str, low: str, language: Language, name: str) -> Iterator[re.Match[str]]:
    """Find the labels of one column in `text`, which is `low` in small letters."""
    present = tuple(word for word in _words(language, name) if word in low)
    if present:
        yield from _pattern(language, present).finditer(text)


@cache
def _link(language: Language) -> re.Pattern[str]:
    """Compile what may stand between a label and its value."""
    quote, hedge = r"[\"'’”»)\]*_`]{0,3}", HEDGE
    if not language.spaced:
        return re.compile(
            rf"{quote}\s{{0,3}}(?P<owned>(?!))?(?P<link>{language.link}|[:：=])\s{{0,3}}[:：]?\s{{0,3}}",
            re.I,
        )
    words = "|".join(filter(None, (language.link, "is|was")))
    of = rf"(?:\s{{1,3}}\(?(?:{alternatives(language.of)})(?:(?<=')|\s)[^.!?\n:=,;]{{1,60}}?)?"
    some = (
        rf"\s{{1,3}}(?:{alternatives(language.of)})(?:(?<=')|\s)[^.!?\n:=,;\d]{{1,40}}?"
        if language.of
        else "(?!)"
    )
    said = rf"(?:\s{{0,3}},?\s{{1,3}}(?:which|that|who|qui|que|che|welches|welche|das|der|die|dat|które|який|который))?\s{{0,3}}(?<!\w)(?:{alternatives(words)})(?!\w)\s{{0,3}}[:]?"
    signs = (
        r"\s{0,3}(?:=>|->|→|[:：=])(?:[ \t]{0,9}(?:[|>]-?[ \t]{0,9}(?=\n))?\n?)|\s{1,3}[-–—]\s{1,3}"
    )
    name = rf"{quote}(?:['’]s(?=\s)|s(?=\s))?(?:\s{{0,3}}(?:{alternatives(NUMBER)})(?!\w)|\s{{0,3}}[#№](?=\w))?"
    return re.compile(rf"{name}(?:{of}(?P<link>{said}|{signs})|(?P<owned>(?<=['’]s))|{some}(?=\s{{1,3}}[*#]?\S{{0,9}}\d)|)\s{{0,3}}{hedge}", re.IGNORECASE)  # fmt: skip


HEDGE = r"(?:(?:now|still|just|simply|currently|actually|literally|always|set to|called|spelled|jetzt|noch|ahora|maintenant|ora|agora|nu|teraz|теперь|:)\s{1,3}){0,3}"


def labelled(
    text: str, low: str, language: Language, name: str, kind: str
) -> Iterator[tuple[re.Match[str], Span]]:
    """Find the values that such labels tell of, each with its label."""
    for label in labels_in(text, low, language, name):
        link = _link(language).match(text, label.end(), label.end() + NEAR)
        at = link.end() if link else label.end()
        at += len(text[at : at + 2]) - len(text[at : at + 2].lstrip(" "))
        linked = bool(link and (link["link"] or link["owned"] is not None))
        found = VALUES[name](text, label, at, linked, language)
        if found and not BLANK.fullmatch(text[slice(*found)]):
            yield label, Span(*found, kind)


def _weak(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take one odd word after a word that need not mean a password."""
    found = (
        None
        if PASSES.search(text[max(0, label.start() - 20) : label.end()])
        else adjacent(text, at)
    )
    value = text[slice(*found)] if found else ""
    usual = (label[0].lower() != "pass" and not linked) or ";" in value
    mixed = re.search(r"[^\W\d_]", value) and not PRODUCT.fullmatch(value)
    return found if mixed and not usual else None


def _password(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take a quoted text, one odd word or, when it is plainly told, a clause of a few words."""
    if PASSES.search(text[max(0, label.start() - 20) : label.end()]):
        return None
    if not language.spaced:
        quote = CORNERED.match(text, at) if linked else None
        shown = latin(text, at) if linked or text[at : at + 1].isascii() else None
        return quote.span("it") if quote else shown
    if not linked:
        return _asked(text, at) or adjacent(text, at)
    found = value_at(text, at, label.start(), language)
    vague = label[0].lower() in VAGUE and found and not odd(text[slice(*found)])
    return None if vague else found


def _asked(text: str, at: int) -> Found:
    """Take one odd word that is all there is after a question: the password? hunter2."""
    found = adjacent(text, at + 2) if text.startswith("? ", at) else None
    value = text[slice(*found)] if found else ""
    return found if found and made_up(value) and ALONE.match(text, found[1]) else None


ALONE = re.compile(r"[.!\"'”)]{0,3}\s{0,3}(?:\Z|\n)")

CORNERED = re.compile(r"[「『“\"](?P<it>[^」』”\"\n]{1,80})[」』”\"]")

VAGUE = frozenset(
    {"clave", "claves", "parole", "losung", "magic word", "mantra", "parola", "암호", "暗号"}
)
"""Passwords, and much else: what follows must look made up."""

PASSES = re.compile(
    r"\b(?:boarding|bus|ski|season|hall|mountain|press|day) pass\w*\Z", re.IGNORECASE
)

FICTION = re.compile(
    r"\b(?:character|novel|story|book|movie|film|quest|wizard)(?:'s)?\b", re.IGNORECASE
)

PIN_DIGITS = re.compile(
    r"[\"'“*_]{0,2}(?P<it>\d(?:[ -]?\d){2,7})(?!\d|[.:-]\d|/(?!\d{4}(?!\d))\d|[ -]?(?:digits|characters|years|days|times|points|km|kg|lbs|euros?|dollars)\b)"
)

CODE = re.compile(
    r"[\"'“*_]{0,2}(?P<it>[*#]{0,2}\d(?:[ -]{0,3}\d){2,9}[*#]{0,2}|\d{1,2}(?:[, ]{1,2}\d{1,2}){2,3}|(?=[^\W\d_]{0,6}\d)[^\W_]{4,12}[*#]?|\d{1,2} ?(?:left|right|l|r)[\w ,-]{4,40}\d{1,2}(?: ?(?:left|right|l|r)\b)?)"
    r"(?!\w|[.,:%/]\d|[ -]?(?:characters|digits|numbers|days|years|lines|times|points)\b)",
    re.IGNORECASE,
)


def _pin(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    match = PIN_DIGITS.match(text, at)
    own = mine(text, label.start()) or PINS.match(text, label.start())
    if label[0] in ("pins", "Pins") and not own:
        return None  # of bowling, of a connector
    told = match and not FICTION.search(text, max(0, label.start() - 80), at)
    return match.span("it") if match and told else None


PINS = re.compile(r"(?<![^\n])pins[: ]{1,2}[\d ,;/&-]{4,80}(?:\Z|\n)", re.IGNORECASE)


def _opening(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take the number after a code that opens something, or that is somebody's own."""
    match = CODE.match(text, at) or _past_opener(text, label.end(), language)
    if not match:
        return None
    ahead = text[max(0, label.start() - 30) : label.start()]
    around = ahead + text[label.start() : match.start()]
    if not language.spaced:
        return match.span("it")
    known = re.search(
        rf"(?<!\w)(?:{alternatives(NOT_CODE)})[\s-]{{0,3}}(?:\w{{1,12}}\W)?\Z", ahead, re.I
    )
    if known or re.search(
        rf"(?<!\w)(?:{alternatives(NOT_CODE)})(?!\w)", text[label.end() : at], re.I
    ):
        return None
    after = ENTER.match(text, match.end())
    border = "" if language.prefix else r"(?!\w)"
    opener = re.compile(
        rf"(?<!\w)(?:{alternatives(language.opener)})(?:'s|en|s)?{border}", re.IGNORECASE
    )
    opens = opener.search(around) or (after and opener.search(after[0]))
    own = linked and _own(text, label, match["it"], language)
    return match.span("it") if opens or own else None


def _own(text: str, label: re.Match[str], value: str, language: Language) -> bool:
    """Say whether a code that opens nothing is somebody's own, and not that of a game."""
    if label[0].lower() in ("combo", "combination", "otp", "unlock pattern"):
        return True
    ahead = text[max(0, label.start() - 80) : label.start()]
    mine = re.search(rf"(?<!\w)(?:{alternatives(language.my)})\s{{1,3}}\Z", ahead, re.IGNORECASE)
    return bool(mine) and len(re.findall(r"\d", value)) >= 4 and not PLAYED.search(ahead)


def _past_opener(text: str, at: int, language: Language) -> re.Match[str] | None:
    """Match a code after the name of what it opens: code gate 4821."""
    pattern = rf"\s{{1,3}}(?:{alternatives(language.opener)})(?!\w)\s{{0,2}}(?:[:=]|(?:{alternatives(language.link)})(?!\w))?\s{{0,2}}"
    opener = re.compile(pattern, re.IGNORECASE).match(text, at) if language.opener else None
    return CODE.match(text, opener.end()) if opener else None


ENTER = re.compile(r"\W{0,2}(?:to|opens|unlocks|for|at|on|gets)\s[^.!?\n]{0,40}")

STRING = re.compile(r"[\"'`“*_]{0,3}(?P<it>[A-Za-z0-9_+/][A-Za-z0-9_+/=.~-]{7,299})")

LETTERS = re.compile(r"[A-Za-z_-]{12,}")

API = re.compile(
    r"(?:api|access|secret|private|auth\w{0,10}|client|encryption|signing|licen[cs]e|product|activation|aws|app|ssh|serial|bearer|session|master|service|wpa\d?|wep|network|recovery|encryption|bot)[\s_-]{0,2}(?:\w{1,20} )?\Z|(?:api|secret|token|llave|clé|chiave|chave|密)",
    re.IGNORECASE,
)


def _key(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take a string drawn at random that follows a key's name, closely or a few words on.

    What is told of a key that can only be a secret need only look made up, as a password does.
    """
    plain = plain_key(text, label, at, language) if linked else None
    if plain:
        return plain
    match = STRING.match(text, at)
    if match and _drawn(text, match, 8 if linked else 16):
        return trimmed(text, *match.span("it"))
    named = API.search(text[max(0, label.start() - 24) : label.start()]) or API.search(label[0])
    if match and named and (_lettered(match["it"]) or _drawn(text, match, 8)):
        return trimmed(text, *match.span("it"))
    for later in FREE.finditer(text, label.end(), label.end() + 60):
        whole = STRING.match(text, later.start())
        if "\n\n" in text[label.end() : later.start()] or PUBLIC.search(
            text, max(0, later.start() - 60), later.start()
        ):
            return None
        if whole and _drawn(text, whole, 16):
            return trimmed(text, *whole.span("it"))
    return None


def plain_key(text: str, label: re.Match[str], at: int, language: Language) -> Found:
    """Take one word with a digit or a sign after "my secret key is", and after "my secret is"."""
    named = ONLY_SECRET.search(text[max(0, label.start() - 24) : label.end()])
    if not named and label[0].lower() != "secret":
        return None
    found = adjacent(text, at) if language.spaced else latin(text, at)
    value = text[slice(*found)] if found else ""
    written = re.search("=|^[\"'`]", text[label.end() : at]) or value.startswith("//")
    if not found or written or not made_up(value):
        return None
    own = mine(text, label.start()) and NUMBERED.fullmatch(value) and LAST.match(text, found[1])
    return found if named or own else None


ONLY_SECRET = re.compile(
    r"(?<![^\W_])(?:api|access|secret|private|encryption|decryption|signing|privat\w{0,3}|geheim\w{0,3}|lizenz)[ -]?(?:keys?|tokens?|schlüssel|sleutel)\Z"
    r"|(?:clé|llave|clave|chiave|chave|klucz|ключ) (?:de )?(?:api|secr\w{3}|segreta|priv\w{2,3}|chiffrement|cifrado|prywatny)\Z"
    r"|(?:tajny klucz|(?:апи|секретный|закрытый|приватный) ключ)\Z|密钥|密鑰|私钥|秘密鍵|シークレットキー|apiキー",
    re.IGNORECASE,
)
"""Keys that are never of brass, of a piano or of success."""

NUMBERED = re.compile(r"(?=\D*\d\D*\d)(?=.*[^\W\d_]{4})\S{6,}")  # not WD40x2
LAST = re.compile(r"[\"'”’`*_)]{0,3}\s{0,3}(?:\Z|\n|[.,;!](?!\S))")

FREE = re.compile(r"(?<![A-Za-z0-9_+/.~-])[A-Za-z0-9_+/]{8}")


def _drawn(text: str, match: re.Match[str], least: int) -> bool:
    start, end = trimmed(text, *match.span("it"))
    public = PUBLIC.search(text, max(0, start - 60), start)
    return not public and random(text[start:end], least)


def _lettered(value: str) -> bool:
    """Say whether letters alone look like a key: long, and drawn rather than spelled."""
    body = value.rstrip(".,;:!?")
    drawn = entropy(body) >= 3 and bool(re.search(r"[a-z][A-Z]|[^aeiouyAEIOUY\W]{5}", body))
    return bool(LETTERS.fullmatch(body)) and (len(body) >= 20 or drawn)


PAIR = re.compile(
    r"[\"'“]?(?P<name>[^\s/|,;:\"']{1,60})[\"']?(?P<sep>\s{0,2}[/|,:;+]\s{0,2}|\s{1,3}(?:and|with|&|und|et|y|e|en|i|ve|и|pass|pw|password)\s{1,3}|\s{1,3})(?:(?:the )?(?:password|pass|pw|passwort|mdp|senha|пароль)\s{0,2}[:=]?\s{0,2})?[\"']?(?P<it>[^\s\"',;]{3,100})",
    re.IGNORECASE,
)


def _login(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take the second of two words: a name and its password."""
    match = PAIR.match(text, at)
    if not match or not linked or re.fullmatch(r"\s+/", match["sep"]):  # a path: nano /etc/hosts
        return None
    start, end = trimmed(text, *match.span("it"))
    value, name, sep = text[start:end], match["name"], match["sep"].strip()
    signs = (
        sep in ("/", "|", "+", ":")
        and not match["it"].startswith("/")
        and not name.startswith("http")
    )
    strange = odd(value) and "@" not in value and not DATE.fullmatch(value)
    told = signs or strange or ("@" in name and sep and is_plain(value, language))
    ends = bool(re.match(r"\W{0,3}(?:\Z|\s|\n)", text[end : end + 4]))
    return (
        (start, end) if told and ends and not is_code(value) and is_plain(name, language) else None
    )


def _answer(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    match = re.compile(r"[\"'“]?(?P<it>[^\s.!?,;\"”]{2,40}(?: [A-Z][\w'-]{1,30}){0,2})").match(
        text, at
    )
    word = match["it"] if match else ""
    return match.span("it") if match and linked and is_wordy(word.split()[0], language) else None


def _numeric(least: int, letters: bool) -> re.Pattern[str]:
    """Compile a number of `least` digits or more; `letters`: with letters among them."""
    if letters:
        part = r"(?:[A-Za-z]{0,6}\d[A-Za-z0-9*<]{0,20})"
        return re.compile(
            rf"[\"'“(]{{0,2}}(?P<it>(?=(?:[A-Za-z*<-]{{0,8}}[ .-]?\d){{{least}}})(?:[A-Z]{{1,6}}[ -])?{part}(?:[ ./-]{{1,2}}(?:{part}|[A-Z]{{1,3}}(?![A-Za-z]))){{0,8}})(?![A-Za-z0-9])"
        )
    return re.compile(
        rf"[\"'“]?(?P<it>[+(]?\d(?:[ ()./-]{{0,3}}\d){{{least - 1},19}})(?![A-Za-z0-9])"
    )


PLAIN_NUMBER = {name: _numeric(least, letters=False) for name, least in
                {"phone": 7, "passport": 6, "licence": 5, "account": 6, "national": 6}.items()}  # fmt: skip

MIXED_NUMBER = {name: _numeric(least, letters=True) for name, least in
                {"passport": 4, "licence": 4, "account": 6, "national": 4}.items()}  # fmt: skip

DAY = re.compile(
    r"(?:19|20)\d\d|\d{1,4}[.,]\d{1,2}|\d{1,2}([./-])\d{1,2}\1\d{2,4}|\d{4}([./-])\d{1,2}\2\d{1,2}"
)
"""A day, a year or an amount."""

OF_PEOPLE = re.compile(
    r"\s{0,3}(?:followers|people|euros?|dollars|users|points|views|years|members|subscribers|entries|km|miles|%)",
    re.I,
)


def number(name: str, text: str, at: int) -> Found:
    for patterns in (PLAIN_NUMBER, MIXED_NUMBER):
        match = patterns[name].match(text, at) if name in patterns else None
        if (
            match
            and not (name != "account" and DAY.fullmatch(match["it"]))
            and not OF_PEOPLE.match(text, match.end())
        ):
            start, end = match.span("it")
            return start, end + (text[end : end + 1] == ")" and "(" in match["it"])
    return None


VALUES = {
    "password": _password,
    "weak": _weak,
    "pin": _pin,
    "code": _opening,
    "key": _key,
    "login": _login,
    "answer": _answer,
} | {
    name: (lambda text, label, at, linked, language, name=name: number(name, text, at))
    for name in PLAIN_NUMBER
}
