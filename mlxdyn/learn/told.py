"""Secrets and personal numbers that words tell of: a label, what links it to a value, the value.

The words are a table (labels.py); here is what a value looks like. Where words alone decide, a
secret that is only mentioned ("I forgot my password") is none.
"""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import cache

from mlxdyn.learn.labels import LANGUAGES, NOT_CODE, NUMBER, PLAY, Language
from mlxdyn.learn.shapes import BLANK, Span, entropy, random

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


def told(text: str, before: str = "") -> Iterator[Span]:
    """Find what `text` tells after a label; a label may end a line of `before`."""
    low = text.lower()
    for language in LANGUAGES:
        for name, kind in KINDS.items():
            yield from _labelled(text, low, language, name, kind)
    yield from _assigned(text)
    yield from _turned(text)
    yield from _beside(text)
    yield from _changed(text, before)
    yield from _answered(text, before)
    yield from _phrases(text)


# Labels.


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


def _labels(text: str, low: str, language: Language, name: str) -> Iterator[re.Match[str]]:
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
    of = rf"(?:\s{{1,3}}\(?(?:{_either(language.of)})(?:(?<=')|\s)[^.!?\n:=,;]{{1,60}}?)?"
    some = (
        rf"\s{{1,3}}(?:{_either(language.of)})(?:(?<=')|\s)[^.!?\n:=,;\d]{{1,40}}?"
        if language.of
        else "(?!)"
    )
    said = rf"(?:\s{{0,3}},?\s{{1,3}}(?:which|that|who|qui|que|che|welches|welche|das|der|die|dat|które|який|который))?\s{{0,3}}(?<!\w)(?:{_either(words)})(?!\w)\s{{0,3}}[:]?"
    signs = r"\s{0,3}(?:=>|->|→|[:：=])(?:[ \t]{0,9}\n?)|\s{1,3}[-–—]\s{1,3}"
    name = rf"{quote}(?:['’]s(?=\s)|s(?=\s))?(?:\s{{0,3}}(?:{_either(NUMBER)})(?!\w)|\s{{0,3}}[#№](?=\w))?"
    return re.compile(rf"{name}(?:{of}(?P<link>{said}|{signs})|(?P<owned>(?<=['’]s))|{some}(?=\s{{1,3}}[*#]?\S{{0,9}}\d)|)\s{{0,3}}{hedge}", re.IGNORECASE)  # fmt: skip


HEDGE = r"(?:(?:now|still|just|simply|currently|actually|literally|always|set to|called|spelled|jetzt|noch|ahora|maintenant|ora|agora|nu|teraz|теперь|:)\s{1,3}){0,3}"


def _either(words: str) -> str:
    return "|".join(re.escape(word) for word in sorted(words.split("|"), key=len, reverse=True))


def _labelled(text: str, low: str, language: Language, name: str, kind: str) -> Iterator[Span]:
    for label in _labels(text, low, language, name):
        link = _link(language).match(text, label.end(), label.end() + NEAR)
        at = link.end() if link else label.end()
        at += len(text[at : at + 2]) - len(text[at : at + 2].lstrip(" "))
        linked = bool(link and (link["link"] or link["owned"] is not None))
        found = VALUES[name](text, label, at, linked, language)
        if found and not BLANK.fullmatch(text[slice(*found)]):
            yield Span(*found, kind)


# Values.

Found = tuple[int, int] | None


def _weak(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take one odd word after a word that need not mean a password."""
    found = (
        None
        if PASSES.search(text[max(0, label.start() - 20) : label.end()])
        else _adjacent(text, at)
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
        return _latin(text, at) if linked or text[at : at + 1].isascii() else None
    if not linked:
        return _adjacent(text, at)
    found = _value(text, at, label.start(), language)
    vague = label[0].lower() in VAGUE and found and not odd(text[slice(*found)])
    return None if vague else found


VAGUE = frozenset({"clave", "parole", "losung", "magic word", "mantra", "parola", "암호", "暗号"})
"""Passwords, and much else: what follows must look made up."""
PASSES = re.compile(
    r"\b(?:boarding|bus|ski|season|hall|mountain|press|day) pass\w*\Z", re.IGNORECASE
)
LATIN = re.compile(r"[\"'“「『]?(?P<it>[!-~]{3,100})")
QUOTED = re.compile(r"([\"'`“‘«„「*_]{1,3})(\S[^\n]{0,78}?)(?:[\"'`”’»“」*_]{1,3}(?!\w))")
LONGEST = re.compile(r"\S{1,200}")
SHAPE = re.compile(r"<[^>\n]{0,200}>|\[[^\]\n]{0,200}\]|\$?\{")
CALL = re.compile(
    r"[A-Za-z_][\w.]{0,100}[(\[].*|[A-Za-z_]{1,50}\.[A-Za-z_.]{1,100}\W*|[a-z]{1,30}(?:_[a-z]{1,30}){1,9}\W*|self\W*|\(.*",
    re.DOTALL,
)
SPELLED = re.compile(r"(?:[^\W_](?: |-| - )){3,40}[^\W_](?!\w)")
UNITS = re.compile(
    r"[\s-]{0,3}(?:or more |\+ )?(?:characters?|chars?|letters?|digits?|numbers?|words?|symbols?|days?|years?|months?|weeks?|times?|attempts?|minutes?|hours?|bits?|long\b|percent|%)",
    re.IGNORECASE,
)
BREAK = re.compile(
    r"[.!?,;。](?=\s|$)|\n|\s(?:and|but|so|because|which|if|for|on|in|at|or|when|since|und|aber|et|mais|y|pero|e|ma|mas|en|maar|i|ale|ve|и|а|но|für|pour|para|per|voor|dla|для)\s|\s[-–(]"
)


def _latin(text: str, at: int) -> Found:
    match = LATIN.match(text, at)
    return _trimmed(text, *match.span("it")) if match else None


def _adjacent(text: str, at: int) -> Found:
    """Take a word right after its label, when it looks made up."""
    at += 2 * text.startswith(", ", at)
    word = LONGEST.match(text, at)
    if not word or SHAPE.match(text, at):
        return None
    start, end = _trimmed(text, *word.span())
    while start < end and text[start] in "\"'“‘«`(":
        start += 1
    value = text[start:end]
    good = len(value) >= 4 and odd(value) and not UNITS.match(text, end) and not _code(value)
    return (start, end) if good and not DATE.fullmatch(value) else None


DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d\w*|(?:19|20)\d\d")


def _value(text: str, start: int, label: int, language: Language) -> Found:
    quote = QUOTED.match(text, start)
    if quote:
        start, end = quote.span(2)
        return None if _code(text[start:end]) else (start, end)
    spelled = SPELLED.match(text, start)
    if spelled:
        return spelled.span()
    word = LONGEST.match(text, start)
    if not word or SHAPE.match(text, start):
        return None
    first = _trimmed(text, *word.span())
    value = text[slice(*first)]
    if _code(word[0]) or UNITS.match(text, first[1]) or _count(text, first):
        return None
    return first if odd(value) else _clause(text, start, label, language)


def _count(text: str, at: tuple[int, int]) -> bool:
    """Say whether a short number counts what follows it."""
    return bool(re.fullmatch(r"\d{1,3}", text[slice(*at)]) and re.match(r" [^\W\d]", text[at[1] : at[1] + 2]))  # fmt: skip


def _clause(text: str, start: int, label: int, language: Language) -> Found:
    """Take words that are no remark, up to the end of their clause."""
    if PLAYED.search(text, max(0, label - 80), start + 80):
        return None
    line = text[start : start + 80]
    cut = BREAK.search(line)
    clause = line[: cut.start()] if cut else line
    words = clause.split()
    whole = bool(cut) or len(text) <= start + 80
    most = 6 if language.my == LANGUAGES[0].my else 2
    short = len(words) < 3 or ENDINGS.search(words[0])  # changed last week
    test = _plain if short else _wordy
    if not whole or not 1 <= len(words) <= most or not all(test(word, language) for word in words):
        return None
    return start, start + len(clause.rstrip(" )\"'.!?,;"))


PLAYED = re.compile(rf"(?<!\w)(?:{_either(PLAY)})(?!\w)", re.IGNORECASE)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    value = text[start:end]
    if value.endswith(")") and "(" in value:
        return start, end
    return start, start + (len(value.rstrip(".,;:?)]}\"'`”’»。」")) or len(value))


def odd(word: str) -> bool:
    """Say whether a word looks made up: a digit, a sign or a capital inside it."""
    body = word.rstrip("!")
    mixed = bool(re.search(r"[a-z][A-Z]", body))
    signs = bool(re.search(r"\w[^\w\s'’.…-]+\w|[^\w\s'’]$", body))
    return len(body) >= 3 and (bool(re.search(r"\d", body)) or mixed or signs)


def _code(value: str) -> bool:
    return bool(BLANK.fullmatch(value) or CALL.fullmatch(value))


def _plain(word: str, language: Language) -> bool:
    """Say whether a word could be a password rather than a remark about one."""
    low = _bare(word)
    remark = low in REMARKS or low in _remarks(language) or ENDINGS.search(low)
    return _wordy(word, language) and not remark


ENDINGS = re.compile(r"\w{3}(?:ed|ing|able|ly)$")


def _wordy(word: str, language: Language) -> bool:
    """Say whether a word could be part of a pass phrase."""
    low = _bare(word)
    remarks = FUNCTION if language is LANGUAGES[0] else _remarks(language) | FUNCTION
    function = low.partition("'")[0] in remarks
    return len(low) > 1 and not function and not _code(low)


@cache
def _remarks(language: Language) -> frozenset[str]:
    return frozenset(language.remark.split())


REMARKS = _remarks(LANGUAGES[0])
FUNCTION = frozenset(LANGUAGES[0].remark.partition(" one same ")[0].split())


def _bare(word: str) -> str:
    return word.lower().strip(".,;:!?()\"'“”’‘*_")


FICTION = re.compile(
    r"\b(?:character|novel|story|book|movie|film|quest|wizard)(?:'s)?\b", re.IGNORECASE
)
DIGITS = re.compile(
    r"[\"'“*_]{0,2}(?P<it>\d(?:[ -]?\d){2,7})(?!\d|[.:/-]\d|[ -]?(?:digits|characters|years|days|times|points|km|kg|lbs|euros?|dollars)\b)"
)
CODE = re.compile(
    r"[\"'“*_]{0,2}(?P<it>[*#]{0,2}\d(?:[ -]{0,3}\d){2,9}[*#]{0,2}|\d{1,2}(?:[, ]{1,2}\d{1,2}){2,3}|(?=[^\W\d_]{0,6}\d)[^\W_]{4,12}[*#]?|\d{1,2} ?(?:left|right|l|r)[\w ,-]{4,40}\d{1,2}(?: ?(?:left|right|l|r)\b)?)"
    r"(?!\w|[.,:%/]\d|[ -]?(?:characters|digits|numbers|days|years|lines|times|points)\b)",
    re.IGNORECASE,
)


def _pin(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    match = DIGITS.match(text, at)
    told = match and not FICTION.search(text, max(0, label.start() - 80), at)
    return match.span("it") if match and told else None


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
        rf"(?<!\w)(?:{_either(NOT_CODE)})[\s-]{{0,3}}(?:\w{{1,12}}\W)?\Z", ahead, re.I
    )
    if known or re.search(rf"(?<!\w)(?:{_either(NOT_CODE)})(?!\w)", text[label.end() : at], re.I):
        return None
    after = ENTER.match(text, match.end())
    border = "" if language.prefix else r"(?!\w)"
    opener = re.compile(
        rf"(?<!\w)(?:{_either(language.opener)})(?:'s|en|s)?{border}", re.IGNORECASE
    )
    opens = opener.search(around) or (after and opener.search(after[0]))
    own = linked and _own(text, label, match["it"], language)
    return match.span("it") if opens or own else None


def _own(text: str, label: re.Match[str], value: str, language: Language) -> bool:
    """Say whether a code that opens nothing is somebody's own, and not that of a game."""
    if label[0].lower() in ("combo", "combination", "otp", "unlock pattern"):
        return True
    ahead = text[max(0, label.start() - 80) : label.start()]
    mine = re.search(rf"(?<!\w)(?:{_either(language.my)})\s{{1,3}}\Z", ahead, re.IGNORECASE)
    return bool(mine) and len(re.findall(r"\d", value)) >= 4 and not PLAYED.search(ahead)


def _past_opener(text: str, at: int, language: Language) -> re.Match[str] | None:
    """Match a code after the name of what it opens: code gate 4821."""
    pattern = rf"\s{{1,3}}(?:{_either(language.opener)})(?!\w)\s{{0,2}}(?:[:=]|(?:{_either(language.link)})(?!\w))?\s{{0,2}}"
    opener = re.compile(pattern, re.IGNORECASE).match(text, at) if language.opener else None
    return CODE.match(text, opener.end()) if opener else None


ENTER = re.compile(r"\W{0,2}(?:to|opens|unlocks|for|at|on|gets)\s[^.!?\n]{0,40}")
STRING = re.compile(r"[\"'`“*_]{0,3}(?P<it>[A-Za-z0-9_+/][A-Za-z0-9_+/=.~-]{7,299})")
LETTERS = re.compile(r"[A-Za-z_-]{12,}")
PUBLIC = re.compile(
    r"(?:commit|sha-?\d{0,3}|hash|revision|checksum|digest|md5|fingerprint|public|publishable|version|https?:\S{0,100}|www\.\S{0,100}|github\.com\S{0,100})\W{0,3}\Z",
    re.IGNORECASE,
)
API = re.compile(
    r"(?:api|access|secret|private|auth\w{0,10}|client|encryption|signing|licen[cs]e|product|activation|aws|app|ssh|serial|bearer|session|master|service|wpa\d?|wep|network|recovery|encryption|bot)[\s_-]{0,2}(?:\w{1,20} )?\Z|(?:api|secret|token|llave|clé|chiave|chave|密)",
    re.IGNORECASE,
)


def _key(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    """Take a string drawn at random that follows a key's name, closely or a few words on."""
    match = STRING.match(text, at)
    if match and _drawn(text, match, 8 if linked else 16):
        return _trimmed(text, *match.span("it"))
    named = API.search(text[max(0, label.start() - 24) : label.start()]) or API.search(label[0])
    if match and named and (_lettered(match["it"]) or _drawn(text, match, 8)):
        return _trimmed(text, *match.span("it"))
    for later in FREE.finditer(text, label.end(), label.end() + 60):
        whole = STRING.match(text, later.start())
        if "\n\n" in text[label.end() : later.start()] or PUBLIC.search(
            text, max(0, later.start() - 60), later.start()
        ):
            return None
        if whole and _drawn(text, whole, 16):
            return _trimmed(text, *whole.span("it"))
    return None


FREE = re.compile(r"(?<![A-Za-z0-9_+/.~-])[A-Za-z0-9_+/]{8}")


def _drawn(text: str, match: re.Match[str], least: int) -> bool:
    start, end = _trimmed(text, *match.span("it"))
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
    start, end = _trimmed(text, *match.span("it"))
    value, name, sep = text[start:end], match["name"], match["sep"].strip()
    signs = (
        sep in ("/", "|", "+", ":")
        and not match["it"].startswith("/")
        and not name.startswith("http")
    )
    strange = odd(value) and "@" not in value and not DATE.fullmatch(value)
    told = signs or strange or ("@" in name and sep and _plain(value, language))
    ends = bool(re.match(r"\W{0,3}(?:\Z|\s|\n)", text[end : end + 4]))
    return (start, end) if told and ends and not _code(value) and _plain(name, language) else None


def _answer(text: str, label: re.Match[str], at: int, linked: bool, language: Language) -> Found:
    match = re.compile(r"[\"'“]?(?P<it>[^\s.!?,;\"”]{2,40}(?: [A-Z][\w'-]{1,30}){0,2})").match(
        text, at
    )
    word = match["it"] if match else ""
    return match.span("it") if match and linked and _wordy(word.split()[0], language) else None


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


def _number(name: str, text: str, at: int) -> Found:
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
    name: (lambda text, label, at, linked, language, name=name: _number(name, text, at))
    for name in PLAIN_NUMBER
}


# Settings of programs: DB_PASS=, --password.

ASSIGNED = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z0-9]{1,20}[_.-]){0,4}[A-Za-z0-9]{0,20}?(?P<name>PASS(?:WORD|WD|PHRASE)?|PWD|PW|SECRET|TOKEN|KEY|CREDENTIALS?|APIKEY|AUTH|PIN)(?:[_-][A-Za-z0-9]{1,20}){0,2}[\"']?\s{0,2}(?P<is>:?=>?|:)\s{0,2}[\"'`]?(?P<it>[^\s\"'`,;]{4,300})",
    re.IGNORECASE,
)
FLAG = re.compile(r"(?<!\w)--(?:password|passwd|pass|pw|token|secret|api-key)(?:=|\s{1,3})[\"']?(?P<it>[^\s\"']{3,200})", re.IGNORECASE)  # fmt: skip
PW = re.compile(r"\b(?:pw|pass|pwd)\s{0,2}[:=][ \t]{0,5}(?P<it>\S{3,100})", re.IGNORECASE)


def _assigned(text: str) -> Iterator[Span]:
    for match in ASSIGNED.finditer(text):
        start, end = match.span("it")
        if match["is"] == "=" and re.search(r"[?&]\w{0,40}\Z", text[: match.start("name")][-42:]):
            continue  # part of an address
        secret = match["name"].upper().startswith(("PASS", "PWD", "PW"))
        shell = match["is"] == "=" and re.search(r"\w=[\"'`]?\Z", text[:start][-3:])
        env = shell and match[0].partition("=")[0].isupper() and len(match["it"]) >= 8
        drawn = random(text[start:end], 8) and not _code(match["it"])
        strong = (secret and shell) or env or drawn
        if (
            strong
            and not _code(match["it"])
            and not PUBLIC.search(text, max(0, match.start() - 30), match.start())
        ):
            yield Span(*_trimmed(text, start, end), "password" if secret else "key")
    for match in FLAG.finditer(text):
        if not _code(match["it"]):
            yield Span(*match.span("it"), "password")
    for match in PW.finditer(text):
        start, end = _trimmed(text, *match.span("it"))
        if odd(text[start:end]) and not _code(match["it"]):
            yield Span(start, end, "password")


# The value first, or only implied.

ENGLISH_PASSWORD = _either(LANGUAGES[0].password)
OPEN = _either(LANGUAGES[0].opener)
AFTER = re.compile(
    rf"(?<![^\s\"'“])(?P<it>[^\s\"'“”]{{3,100}})[\"'”]?\s{{1,3}}(?:is|was)\s{{1,3}}(?:my|our|the|his|her|their)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}(?:{ENGLISH_PASSWORD})(?=\s{{0,3}}(?:$|[.,;!?\n]|for\b|to\b|and\b|but\b|on\b))"
    rf"|\buse[sd]?\s{{1,3}}[\"']?(?P<used>[^\s\"']{{3,100}})[\"']?\s{{1,3}}(?:as|for)\s{{1,3}}(?:all\s)?(?:my|our|the|a|his|her|their|every)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}(?:{ENGLISH_PASSWORD})s?(?!\w)",
    re.IGNORECASE,
)
OPENED = re.compile(
    r"\b(?:opens?|unlocks?|disarms?|opened|unlocked|disarmed|enter|gets? into|logs? (?:in(?:to)?|on)(?: to| into)?|sign(?:s|ed)? in(?:to| to)?|logged in(?:to| to)?)\s{1,3}(?:(?:my|our|the|this|that)\s{1,3}(?:[\w'-]{1,30}\s{1,3}){1,3})?(?:as \S{1,40} )?(?:with|using|as|by typing)\s{1,3}(?:[\w@.]{1,40}\s(?:and|/)\s)?(?:(?:the )?(?:code|pin|password|number)\s{1,3})?[\"']?(?P<it>(?=[^\s\d]{0,100}\d)[^\s\"']{3,100})",
    re.IGNORECASE,
)
CODE_FIRST = re.compile(
    rf"(?<![\w.,-])(?P<it>\d{{3}}[ -]?\d{{1,5}}[#*]?)\s{{1,3}}(?:is|opens|unlocks|disarms)\s{{1,3}}(?:your|my|the|our)\s{{1,3}}(?:[\w'-]{{1,30}}\s{{1,3}}){{0,3}}?(?:(?:{OPEN})(?:\s{{1,3}}(?:code|combo|combination))?|pin|passcode|otp|code)(?!\w)(?!\s{{1,3}}(?:number|of meters))",
    re.IGNORECASE,
)
LOCKED = re.compile(
    r"\b(?:alarm|safe|vault|keypad|padlock|lock|lockbox|lock box|key box|keybox|gate)(?:'s)?\s{0,2}(?:is|=|:|opens (?:with|on|at)|unlocks with|takes|wants|needs)?\s{1,2}(?P<it>[*#]?\d{4,8}[*#]?|(?<=lock )\d{3}|(?<=lock is )\d{3}|\d{1,2}-\d{1,2}-\d{1,2})(?!\w|[.,:%/]\d| ?(?:am|pm|kg|lbs|pounds|points|years|days|times|euros?|dollars|miles|meters|feet|inches)\b)",
    re.IGNORECASE,
)


def _turned(text: str) -> Iterator[Span]:
    """Find what stands before its label, or with a verb that needs a secret."""
    english = LANGUAGES[0]
    for match in AFTER.finditer(text):
        start, end = match.span(match.lastgroup or "it")
        value = text[start:end]
        played = PLAYED.search(text, start, min(len(text), match.end() + 40)) and not odd(value)
        if _plain(value, english) and not played and not re.fullmatch(r"\d{1,3}", value):
            yield Span(start, end, "password")
    for match in OPENED.finditer(text):
        start, end = _trimmed(text, *match.span("it"))
        if (
            not re.fullmatch(r"\d{1,2}|\d{1,2}:\d\d|\w{1,3}", text[start:end])
            and "@" not in text[start:end]
        ):
            yield Span(start, end, "password")
    for match in NAMED.finditer(text):
        start, end = _trimmed(text, *match.span(match.lastgroup or "it"))
        if odd(text[start:end]) and not _code(text[start:end]):
            yield Span(start, end, "password")
    for match in USER.finditer(text):
        if _plain(match["it"], english):
            yield Span(*_trimmed(text, *match.span("it")), "password")
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
PRODUCT = re.compile(
    r"(?:iphone|ipad|ios|windows|win|office|galaxy|pixel|macos|macbook|android|python|java|model|version|v|route|covid|http|www|ps|xbox|gpt|rtx|gtx|firefox|chrome|word|excel|wpa|ubuntu|debian|wifi|wi-fi|web|top|mp|utf|sha|md|aes|rsa|base|oauth|ipv|b2b|g)[-_]?\d.*"
    r"|\d{1,4}(?:st|nd|rd|th|s|gb|mb|tb|kb|km|kg|cm|mm|lbs?|am|pm|min|mins|hrs?|h|ms|k|m|x|px|bits?|-\w{2,20}|p|nd|er|ème|%)|1password\W*|\d+(?:[.,:/-]\d+)+\w{0,3}|.*@.*\..*|.*\.(?:com|org|net|io|de|txt|py|js|json|md|pdf|zip|html?)\W*|\w{8}-\w{4}-\w{4}-\w{4}-\w{12}",
    re.IGNORECASE,
)
SENTENCE = re.compile(r"[.!?;](?=\s)|\n")


def _beside(text: str) -> Iterator[Span]:
    """Find what looks made up in a sentence about a password."""
    low, done = text.lower(), 0
    labels = [label for language in LANGUAGES for label in _labels(text, low, language, "password")]
    names = {label[0] for label in labels}
    for label in sorted(labels, key=lambda label: label.start()):
        begin, end = _sentence(text, label.start(), label.end())
        for word in STRANGE.finditer(text, max(begin, done), end):
            start, stop = _trimmed(text, *word.span())
            start += text[start:stop].rfind("=", 0, -2) + 1
            value = text[start:stop]
            plain = PRODUCT.fullmatch(value) or _code(value) or value in names
            if stop - start >= 5 and not plain:
                yield Span(start, stop, "password")
        done = max(done, end)


def _sentence(text: str, start: int, end: int) -> tuple[int, int]:
    """Return where the sentence around a label begins and ends, not too far away."""
    ahead = [cut.end() for cut in SENTENCE.finditer(text, max(0, start - 60), start)]
    cut = SENTENCE.search(text, end, end + 90)
    return max([max(0, start - 60), *ahead]), cut.start() if cut else min(len(text), end + 90)


# A password told of before.

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
            rf"{BEGIN if language.spaced else ''}(?:{_either(language.changed)}){ends}",
            re.IGNORECASE,
        )

    return tuple((language, compiled(language)) for language in LANGUAGES if language.changed)


BEGIN = r"(?<!\w)"


def _changed(text: str, before: str) -> Iterator[Span]:
    """Find the value in "I changed it to ...", where a password was spoken of before."""
    for match in SET.finditer(text):
        found = _value(text, match.end(), match.start(), LANGUAGES[0])
        if found:
            yield Span(*found, "password")
    for match in CODE_SET.finditer(text):
        if not re.search(rf"(?<!\w)(?:{_either(NOT_CODE)})(?!\w)", match[0], re.IGNORECASE):
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
        found = _value(text, match.end(), match.start(), language)
    else:
        found = _latin(text, match.end())
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
        for label in _labels(text, low, language, name)
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

# Recovery phrases and codes.

SEED = re.compile(
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


def _phrases(text: str) -> Iterator[Span]:
    for match in SEED.finditer(text):
        if not PROSE.search(match["it"]):
            yield Span(*match.span("it"), "recovery phrase")
    for match in RECOVERY.finditer(text):
        yield Span(*match.span("it"), "recovery code")
