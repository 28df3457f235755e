"""Names, numbers, questions and telling words in a text, as far as its script marks them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from unicodedata import category, combining, normalize

from mlxdyn.learn.prompts import FOREIGN, GENERAL, OPEN_QUESTIONS, SHOTS

UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff"
_LABEL = re.compile(r"^[\s\-*•–]*(?:\d+[.):]\s*)?(?:\w[.):]\s+)?")
_QUESTION = re.compile(r"[^\n?？؟]*[?？؟]")
_NUMBER = re.compile(r"\d+")
_GROUP = r"[.,'’ \u00a0\u2009\u202f]"  # what parts a number, as in 1,500 or 1.500 or 1 500
_GROUPED = re.compile(rf"\d{{1,3}}(?:{_GROUP}\d{{2,3}})*{_GROUP}\d{{3}}(?!\d)|\d+")
ALMOST = 0.8  # how alike two words are of which one may be misspelt; "Emrink" and "Emrisk" are 0.83
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n")


@cache
def _marks() -> str:
    """Give the inside of a class of all accents, points and vowel signs, which no word class has.

    Those of scripts without spaces are no part of it, nor what makes an emoji of a sign.
    """
    signs = range(0xFE00, 0xFE10)
    marks = [
        chr(code)
        for code in range(0x300, 0x20000)
        if category(chr(code)) in ("Mn", "Mc") and code not in signs
    ]
    return re.sub(f"[{UNSPACED}]", "", "".join(marks))


@cache
def _said() -> re.Pattern[str]:
    """Give what finds two letters side by side of scripts without spaces, and words of others."""
    letter = rf"[^\W_{UNSPACED}]"
    return re.compile(rf"(?=([{UNSPACED}]{{2}}))|({letter}(?:{letter}|[{_marks()}])*)")


@cache
def _word() -> re.Pattern[str]:
    return re.compile(rf"[\w{_marks()}'’-]+")


def parted(text: str) -> set[str]:
    """Part a text into its words, in small letters."""
    return {word.lower() for word in _word().findall(text)}


def names(texts: Iterable[str]) -> set[str]:
    """Give, in small letters, words with a digit, and with a capital that opens no sentence."""
    found = set[str]()
    for sentence in (part for text in texts for part in _SENTENCE.split(text)):
        words = _word().findall(sentence)
        found |= {w.lower() for w in words if any(c.isdigit() for c in w)}
        found |= {w.lower() for w in words[1:] if w[0].isupper() and len(w.split("'")[0]) > 1}
    return found


def made_up(text: str, known: Sequence[str]) -> set[str]:
    """Give the words of a text that nobody said: numbers, misspelt names, names of worked examples.

    Other words are let pass: an answer may be put otherwise, and German has capitals everywhere.
    """
    said = words(*known)
    told = {n for one in known for n in (*_NUMBER.findall(one), *map(_whole, _groups(one)))}
    unknown = (n for n in _groups(text) if _whole(n) not in told)
    numbers = {part for n in unknown for part in _NUMBER.findall(n)} - told
    named = words(*(name for name in names([text]) if not _NUMBER.search(name))) - said
    misspelt = {name for name in named if _misspells(name, said)}
    return numbers | misspelt | ((words(text) & _shown()) - said)


def _groups(text: str) -> list[str]:
    """Give the numbers of a text as they are written, with what parts them into thousands."""
    return [found[0] for found in _GROUPED.finditer(text)]


def _whole(number: str) -> str:
    return "".join(_NUMBER.findall(number))


def _misspells(name: str, said: set[str]) -> bool:
    """Tell whether a name is almost a word that was said; an ending or an accent is no matter."""
    bare, known = _unaccented(name), {_unaccented(word) for word in said}
    close = get_close_matches(bare, known, n=9, cutoff=ALMOST)
    return bool(close) and not any(w.startswith(bare) or bare.startswith(w) for w in close)


def _unaccented(word: str) -> str:
    return "".join(c for c in normalize("NFKD", word) if not combining(c))


@cache
def _shown() -> set[str]:
    """Give the names of the worked examples, which a base may take for the user's."""
    shown = words(*names(shot.said for shot in (*SHOTS, *FOREIGN)))
    return {name for name in shown if not name.isdigit()}


@cache
def shown_words() -> frozenset[str]:
    """Give the words that answers of worked examples have of what was told there, as written."""
    return frozenset(
        word
        for shot in (*SHOTS, *FOREIGN)
        for word in _word().findall(shot.answer)
        if words(word) & (words(shot.said) - ordinary())
    )


def words(*texts: str) -> set[str]:
    """Give the words of texts, small; of scripts without spaces, every two letters side by side."""
    small = (normalize("NFC", text).casefold() for text in texts)
    return {pair or word for text in small for pair, word in _said().findall(text)}


@cache
def ordinary() -> frozenset[str]:
    """Give the words that everybody says: of general talk, and of several open questions.

    Numbers are none of them, nor words of one line only, as "blue".
    """
    talked = Counter(word for line in GENERAL for word in words(line) if not word.isdigit())
    asked = Counter(word for question in OPEN_QUESTIONS for word in words(question))
    often = [(talked, 1), (asked, 2)]
    return frozenset(word for found, most in often for word, n in found.items() if n > most)


def tells(text: str, question: str, answer: str) -> set[str]:
    """Give the words of a text that are in an answer, but for its question's and everybody's."""
    return words(text) & words(answer) - words(question) - ordinary()


def akin(word: str, others: Iterable[str]) -> bool:
    """Tell whether a word begins as another does, but for two letters, as forms of one word do."""
    for other in others:
        size = max(4, len(word) - 2, len(other) - 2)
        if min(len(word), len(other)) >= 4 and word[:size] == other[:size]:
            return True
    return False


def opening(answer: str, told: set[str]) -> str:
    """Give an answer up to the first of the words that it tells."""
    starts = (m.start() for m in _said().finditer(answer) if words(m[1] or m[2]) & told)
    return answer[: next(starts, 0)].rstrip()


def first_word(text: str) -> str:
    """Give the word that opens a text, small; nothing where there is none."""
    found = _said().search(text)
    return min(words(found[1] or found[2]), default="") if found else ""


def questions_in(text: str) -> list[str]:
    """Take the questions out of what was written, without bullets, numbers and labels.

    Of a script with capitals, one of two letters is a label too.
    """
    found = [_LABEL.sub("", part).strip() for part in _QUESTION.findall(text)]
    return [q[0].upper() + q[1:] for q in found if len(q) > 3 or any(map(_has_no_case, q))]


def _has_no_case(letter: str) -> bool:
    return letter.isalpha() and letter.lower() == letter.upper()
