"""Names, numbers, questions and telling words in a text, as far as its script marks them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from functools import cache
from unicodedata import combining, normalize

from mlxdyn.learn.prompts import FOREIGN, GENERAL, OPEN_QUESTIONS, SHOTS

UNSPACED = r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
MARKS = r"\u0300-\u036f\u0900-\u0963\u0970-\u0dff"  # accents and vowel signs, which `\w` leaves out
_SAID = re.compile(rf"(?=([{UNSPACED}]{{2}}))|((?:[^\W_{UNSPACED}]|[{MARKS}])+)")
_WORD = re.compile(r"[\w'’-]+")
_LABEL = re.compile(r"^[\s\-*•–]*(?:\d+[.):]\s*)?(?:\w[.):]\s+)?")
_QUESTION = re.compile(r"[^\n?？؟]*[?？؟]")
_NUMBER = re.compile(r"\d+")
ALMOST = 0.8  # how alike two words are of which one may be misspelt; "Emrink" and "Emrisk" are 0.83
_SENTENCE = re.compile(r"(?<=[.!?:])\s+|\n")


def parted(text: str) -> set[str]:
    """Part a text into its words, in small letters."""
    return {word.lower() for word in _WORD.findall(text)}


def names(texts: Iterable[str]) -> set[str]:
    """Give, in small letters, words with a digit, and with a capital that opens no sentence."""
    found = set[str]()
    for sentence in (part for text in texts for part in _SENTENCE.split(text)):
        words = _WORD.findall(sentence)
        found |= {w.lower() for w in words if any(c.isdigit() for c in w)}
        found |= {w.lower() for w in words[1:] if w[0].isupper() and len(w.split("'")[0]) > 1}
    return found


def made_up(text: str, known: Sequence[str]) -> set[str]:
    """Give the words of a text that nobody said: numbers, misspelt names, names of worked examples.

    Other words are let pass: an answer may be put otherwise, and German has capitals everywhere.
    """
    said = words(*known)
    numbers = set(_NUMBER.findall(text)) - {n for one in known for n in _NUMBER.findall(one)}
    named = words(*(name for name in names([text]) if not _NUMBER.search(name))) - said
    misspelt = {name for name in named if _misspells(name, said)}
    return numbers | misspelt | ((words(text) & _shown()) - said)


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


def words(*texts: str) -> set[str]:
    """Give the words of texts, small; of scripts without spaces, every two letters side by side."""
    small = (normalize("NFC", text).casefold() for text in texts)
    return {pair or word for text in small for pair, word in _SAID.findall(text)}


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
    starts = (m.start() for m in _SAID.finditer(answer) if (m[1] or m[2]).casefold() in told)
    return answer[: next(starts, 0)].rstrip()


def first_word(text: str) -> str:
    """Give the word that opens a text, small; nothing where there is none."""
    found = _SAID.search(text)
    return (found[1] or found[2]).casefold() if found else ""


def questions_in(text: str) -> list[str]:
    """Take the questions out of what was written, without bullets, numbers and labels."""
    found = [_LABEL.sub("", part).strip() for part in _QUESTION.findall(text)]
    return [question[0].upper() + question[1:] for question in found if len(question) > 3]
