"""Names, numbers, questions and telling words in a text, as far as its script marks them."""

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from mlxdyn.learn.prompts import GENERAL, OPEN_QUESTIONS

UNSPACED = r"\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff"
MARKS = r"\u0300-\u036f\u0900-\u0963\u0970-\u0dff"  # accents and vowel signs, which `\w` leaves out
_SAID = re.compile(rf"(?=([{UNSPACED}]{{2}}))|((?:[^\W_{UNSPACED}]|[{MARKS}])+)")
_WORD = re.compile(r"[\w'’-]+")
_LABEL = re.compile(r"^[\s\-*•–]*(?:\d+[.):]\s*)?(?:\w[.):]\s+)?")
_QUESTION = re.compile(r"[^\n?？؟]*[?？؟]")
_NUMBER = re.compile(r"\d+")
_APOSTROPHE = re.compile("['’]")
STEM = 5  # letters by which two forms of a name are known to be one
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
        found |= {w.lower() for w in words[1:] if w[0].isupper() and len(_bare(w)) > 1}
    return found


def made_up(text: str, known: Iterable[str]) -> set[str]:
    """Give the names and numbers of a text that no known text holds; an ending may differ."""
    stems = {_stem(word) for one in known for word in parted(one)}
    return {name for name in names([text]) if _stem(name) not in stems}


def _stem(word: str) -> str:
    """Give a number without what follows it, of other words the first letters."""
    number = _NUMBER.match(word)
    return number[0] if number else _bare(word)[:STEM]


def _bare(word: str) -> str:
    """Take off what stands after an apostrophe, as of "Ana's" and "I'm"."""
    return _APOSTROPHE.split(word, maxsplit=1)[0]


def words(*texts: str) -> set[str]:
    """Give the words of texts, small; of scripts without spaces, every two letters side by side."""
    return {pair or word for text in texts for pair, word in _SAID.findall(text.casefold())}


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


def questions_in(text: str) -> list[str]:
    """Take the questions out of what was written, without bullets, numbers and labels."""
    found = [_LABEL.sub("", part).strip() for part in _QUESTION.findall(text)]
    return [question[0].upper() + question[1:] for question in found if len(question) > 3]
