"""What a secret value looks like: quoted, spelled out, one odd word, a clause of plain ones.

Where words alone decide, a secret that is only mentioned ("I forgot my password") is none.
"""

# ruff: noqa: E501  (a pattern is read best in one line)

import re
from functools import cache

from mlxdyn.withheld.secrets.labels import LANGUAGES, PLAY, Language
from mlxdyn.withheld.secrets.shapes import BLANK


def alternatives(words: str) -> str:
    """Write a row of the table as alternatives of a pattern, the longest first."""
    return "|".join(re.escape(word) for word in sorted(words.split("|"), key=len, reverse=True))


Found = tuple[int, int] | None

LATIN = re.compile(r"[\"'“「『]?(?P<it>[!-~]{3,100})")

IN_QUOTES = re.compile(r"([\"'`“‘«„「*_]{1,3})(\S[^\n]{0,78}?)(?:[\"'`”’»“」*_]{1,3}(?!\w))")

WORD = re.compile(r"\S{1,200}")

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


def latin(text: str, at: int) -> Found:
    """Take a run of ASCII, as a language without spaces shows a value."""
    match = LATIN.match(text, at)
    return trimmed(text, *match.span("it")) if match else None


def adjacent(text: str, at: int) -> Found:
    """Take a word right after its label, when it looks made up."""
    at += 2 * text.startswith(", ", at)
    word = WORD.match(text, at)
    if not word or SHAPE.match(text, at):
        return None
    start, end = trimmed(text, *word.span())
    while start < end and text[start] in "\"'“‘«`(":
        start += 1
    value = text[start:end]
    good = len(value) >= 4 and odd(value) and not UNITS.match(text, end) and not is_code(value)
    return (start, end) if good and not DATE.fullmatch(value) else None


DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}|\d{1,2}:\d\d\w*|(?:19|20)\d\d")


def closed(text: str, start: int) -> Found:
    """Take all that stands between marks of quotation, the first of them right before `start`."""
    mark = text[max(0, start - 1) : start]
    end = text.find(mark, start, start + 300) if mark in ('"', "'", "`") else -1
    return (start, end) if end > start and "\n" not in text[start:end] else None


def value_at(text: str, start: int, label: int, language: Language) -> Found:
    """Take what is plainly told at `start`: quoted, spelled out, one odd word or a clause."""
    quote = IN_QUOTES.match(text, start)
    if quote:
        start, end = quote.span(2)
        return None if is_code(text[start:end]) else (start, end)
    spelled = SPELLED.match(text, start)
    if spelled:
        return spelled.span()
    word = WORD.match(text, start)
    if not word or SHAPE.match(text, start):
        return None
    first = trimmed(text, *word.span())
    value = text[slice(*first)]
    if is_code(word[0]) or UNITS.match(text, first[1]) or _count(text, first):
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
    test = is_plain if short else is_wordy
    if not whole or not 1 <= len(words) <= most or not all(test(word, language) for word in words):
        return None
    return start, start + len(clause.rstrip(" )\"'.!?,;"))


PLAYED = re.compile(rf"(?<!\w)(?:{alternatives(PLAY)})(?!\w)", re.IGNORECASE)


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Leave off what closes a sentence, a quotation or a bracket."""
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


def made_up(word: str) -> bool:
    """Say whether a word looks made up, and is no product, measure, date or name in letters."""
    usual = PRODUCT.fullmatch(word) or IN_LETTERS.fullmatch(word) or DATE.fullmatch(word)
    return odd(word) and not usual and not is_code(word)


IN_LETTERS = re.compile(r"[^\W\d]+(?:[/&+'’-][^\W\d]+)*")  # YouTube, read/write


def is_code(value: str) -> bool:
    """Say whether a value is a name in a program, or stands for one that is left out."""
    return bool(BLANK.fullmatch(value) or CALL.fullmatch(value))


def is_plain(word: str, language: Language) -> bool:
    """Say whether a word could be a password rather than a remark about one."""
    low = _bare(word)
    remark = low in REMARKS or low in _remarks(language) or ENDINGS.search(low)
    return is_wordy(word, language) and not remark


ENDINGS = re.compile(r"\w{3}(?:ed|ing|able|ly)$")


def is_wordy(word: str, language: Language) -> bool:
    """Say whether a word could be part of a pass phrase."""
    low = _bare(word)
    remarks = FUNCTION if language is LANGUAGES[0] else _remarks(language) | FUNCTION
    function = low.partition("'")[0] in remarks
    return len(low) > 1 and not function and not is_code(low)


@cache
def _remarks(language: Language) -> frozenset[str]:
    return frozenset(language.remark.split())


REMARKS = _remarks(LANGUAGES[0])

FUNCTION = frozenset(LANGUAGES[0].remark.partition(" one same ")[0].split())


def _bare(word: str) -> str:
    return word.lower().strip(".,;:!?()\"'“”’‘*_")


PUBLIC = re.compile(
    r"(?:commit|sha-?\d{0,3}|hash|revision|checksum|digest|md5|fingerprint|public|publishable|version|https?:\S{0,100}|www\.\S{0,100}|github\.com\S{0,100})\W{0,3}\Z",
    re.IGNORECASE,
)

MINE = re.compile(
    r"(?<!\w)(?:my|our|meine|unsere|mes|nos|mis|nuestras|mie|nostre|minhas|nossas|mijn|onze|moje|nasze|мои|наши)\s{1,2}\Z",
    re.IGNORECASE,
)


def mine(text: str, at: int) -> bool:
    """Say whether "my" or "our" stands right before; "the" and "your" may tell of anybody's."""
    return bool(MINE.search(text[max(0, at - 12) : at]))


ENGLISH_PASSWORD = alternatives(LANGUAGES[0].password)

PRODUCT = re.compile(
    r"(?:iphone|ipad|ios|windows|win|office|galaxy|pixel|macos|macbook|android|python|java|model|version|v|route|covid|http|www|ps|xbox|gpt|rtx|gtx|firefox|chrome|word|excel|wpa|ubuntu|debian|wifi|wi-fi|web|top|mp|utf|sha|md|aes|rsa|base|oauth|ipv|b2b|g)[-_]?\d.*"
    r"|\d{1,4}(?:st|nd|rd|th|s|[mg]hz|[mg]bps|[mg]bits?|gb|mb|tb|kb|km|kg|cm|mm|lbs?|am|pm|min|mins|hrs?|h|ms|k|m|x|px|bits?|-\w{2,20}|p|nd|er|ème|%)|1password\W*|\d+(?:[.,:/-]\d+)+\w{0,3}|.*@.*\..*|.*\.(?:com|org|net|io|de|txt|py|js|json|md|pdf|zip|html?)\W*|\w{8}-\w{4}-\w{4}-\w{4}-\w{12}|ed25519",
    re.IGNORECASE,
)
