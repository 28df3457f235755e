"""What earlier messages answer otherwise, now that another was said."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mlxdyn.learn.base import SUPPORT, SURE, Base
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft
from mlxdyn.learn.facts import Told, fact, is_told
from mlxdyn.learn.names import first_word, opening, tells, words


@dataclass(frozen=True, slots=True)
class Revised:
    """What earlier messages answer otherwise now."""

    drafts: tuple[Draft, ...]
    superseded: tuple[int, ...]  # earlier examples that are true no more
    related: tuple[Told, ...]  # messages without which this one cannot be understood
    untrue: tuple[set[str], ...]  # words that told what is true no more, each set by itself

    def denies(self, answer: str) -> bool:
        """Tell whether an answer holds all the words of something that is true no more."""
        return any(was <= words(answer) for was in self.untrue)


def revise(
    base: Base, message: str, earlier: Sequence[Told], about: set[str] | None = None
) -> Generator[None, None, Revised]:
    """Ask again what earlier messages answered; give what is answered otherwise now.

    `about` are the questions that the message is about; without, it may change all. Where an answer
    changes, others that hold all the words of what it told are true no more, unless they are about
    something else that the earlier message named.
    """
    drafts: list[Draft] = []
    superseded: list[int] = []
    related: list[Told] = []
    untrue: list[set[str]] = []
    for told in earlier:
        filled = yield from _filled(base, message, told, about)
        doubtful = [one for one in _doubtful(told, about) if one not in filled]
        both = yield from _answered(base, message, told, doubtful)
        now = filled | both
        changed = [one for one in told.facts if one[1] in now and now[one[1]].answer != one[2]]
        for key, question, said in changed:
            was = tells(told.text, question, said) - words(now[question].answer)
            rest = [one for one in told.facts if was and one[1] not in now]
            known = words(message, question) | was
            superseded += [
                key,
                *(
                    other
                    for other, q, a in rest
                    if was <= words(a) and not (words(q) & words(told.text)) - known
                ),
            ]
            untrue += [was] if was else []
        drafts += now.values() if changed else ()
        related += [told] if any(question in both for _, question, _ in changed) else []
    gone = tuple(dict.fromkeys(superseded))
    return Revised(tuple(drafts), gone, tuple(related), tuple(untrue))


def _filled(
    base: Base, message: str, told: Told, about: set[str] | None
) -> Generator[None, None, dict[str, Draft]]:
    """Answer from a message alone what it says otherwise than an earlier one.

    A cloze: "You live in" goes on surely with a word of "I live in Porto now.", and with none of "I
    live with my sister."; with both messages in context SmolLM2 repeats the older, but thinks of
    the newer. What is then answered holds that word, and none that nobody said.
    """
    begun = {
        question: (answer, opening(answer, tells(told.text, question, answer)))
        for _, question, answer in told.facts
        if question in (about or ()) or base.shares(message, question)
    }
    begun = {question: cut for question, cut in begun.items() if cut[1]}
    if not begun:
        return {}
    questions, openings = list(begun), [start for _, start in begun.values()]
    replies = yield from base.listen([message])
    answers = yield from base.teach([message], questions, replies)
    endings = yield from base.teach([message], questions, replies, openings)
    firsts = [_first(base, ending) for ending in endings]
    both = [told.text, message]
    heard = yield from base.listen(both)
    less = yield from base.support([message], both, questions, firsts, heard, openings)
    new = set[str]()
    for (question, (was, _)), first, lost in zip(begun.items(), firsts, less, strict=True):
        word = first_word(base.text(first))
        if first.logprob >= math.log(SURE) and sum(lost.nats) <= SUPPORT:
            new |= {word} & tells(message, question, word) - words(was)
    return {
        question: fact(base, question, answer)
        for (question, (was, _)), answer in zip(begun.items(), answers, strict=True)
        if words(said := base.text(answer)) & new and words(said) <= words(message, question, was)
    }


def _first(base: Base, said: Decoded) -> Decoded:
    """Give the tokens with which an answer comes to the end of its first word."""
    word = first_word(base.text(said))
    parts = (said.beginning(most) for most in range(1, len(said.tokens)))
    return next((part for part in parts if first_word(base.text(part)) == word), said)


def _answered(
    base: Base, message: str, told: Told, questions: Sequence[str]
) -> Generator[None, None, dict[str, Draft]]:
    """Answer anew, with both messages, what a new one may change, where it surely does."""
    if not questions:
        return {}
    context = [told.text, message]
    replies = yield from base.listen(context)
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support(context, [told.text], questions, answers, replies[:1])
    return {
        question: fact(base, question, answer)
        for question, answer, found in zip(questions, answers, support, strict=True)
        if is_told(base, context, question, answer, found)
    }


def _doubtful(told: Told, about: set[str] | None) -> list[str]:
    """Name the questions to an earlier message that another may change, in all their wordings.

    Of 54 pairs of messages that have nothing to do with each other, SmolLM2 would answer in 14 an
    earlier question anew; of those, none is about it.
    """
    if about is None:
        return list(dict.fromkeys(question for _, question, _ in told.facts))
    values = {
        word
        for _, question, said in told.facts
        if question in about
        for word in tells(told.text, question, said)
    }
    changed = (q for _, q, said in told.facts if q in about or words(said) & values)
    return list(dict.fromkeys(changed))
