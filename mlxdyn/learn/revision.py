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
    drafts: dict[str, Draft] = {}
    superseded: list[int] = []
    related: list[Told] = []
    untrue: list[set[str]] = []
    for told in earlier:
        frames, doubtful = _frames(base, message, told, about), _doubtful(told, about)
        heard = yield from base.listen([told.text, message] if frames or doubtful else [])
        filled = yield from _filled(base, message, told, frames, heard)
        doubtful = [question for question in doubtful if question not in filled]
        both = yield from _answered(base, message, told, doubtful, heard)
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
            drafts[question] = now[question]
        related += [told] if any(question in both for _, question, _ in changed) else []
    gone = tuple(dict.fromkeys(superseded))
    return Revised(tuple(drafts.values()), gone, tuple(related), tuple(untrue))


@dataclass(frozen=True, slots=True)
class _Frame:
    """An earlier answer up to what it told, which another message may fill in otherwise."""

    question: str
    answer: str
    opening: str


def _frames(base: Base, message: str, told: Told, about: set[str] | None) -> list[_Frame]:
    """Give a frame for each answer to what a message is about, or shares a word with.

    Words that both messages say belong to the frame: "You work at", not "You work".
    """
    found = []
    for _, question, answer in told.facts:
        value = tells(told.text, question, answer)
        begun = opening(answer, value - words(message) or value)
        if begun and (question in (about or ()) or base.shares(message, question)):
            found.append(_Frame(question, answer, begun))
    return found


def _filled(
    base: Base, message: str, told: Told, frames: Sequence[_Frame], heard: Sequence[str]
) -> Generator[None, None, dict[str, Draft]]:
    """Answer from a message alone what it says otherwise than an earlier one.

    A cloze: "You live in" goes on surely with a word of "I live in Porto now.", and with none of "I
    live with my sister."; with both messages in context SmolLM2 repeats the older, but thinks of
    the newer. `heard` are the replies to both.
    """
    if not frames:
        return {}
    questions, openings = [one.question for one in frames], [one.opening for one in frames]
    answers = yield from base.teach([message], questions, heard[1:], openings)
    found = [
        (question, answer, word)
        for question, answer, frame in zip(questions, answers, frames, strict=True)
        if (word := _filled_in(base, message, frame, answer))
    ]
    both, asked = [told.text, message], [question for question, _, _ in found]
    less = yield from base.support([message], both, asked, [one for _, one, _ in found], heard)
    return {
        question: fact(base, question, answer)
        for (question, answer, word), lost in zip(found, less, strict=True)
        if sum(lost.nats[word]) <= SUPPORT
    }


def _filled_in(base: Base, message: str, frame: _Frame, answer: Decoded) -> slice | None:
    """Give the tokens of the word with which a message surely fills a frame; None if it does not.

    It is a telling word of the message, and not what was told before; no other is made up.
    """
    start = len(base.words(frame.opening))
    word = first_word(base.model.decode(list(answer.tokens[start:])))
    new = {word} & tells(message, frame.question, word) - words(frame.answer)
    ends = range(start + 1, len(answer.tokens) + 1)
    texts = ((end, base.model.decode(list(answer.tokens[start:end]))) for end in ends)
    end = next((end for end, text in texts if first_word(text) == word), start)
    sure = answer.ended and sum(answer.logprobs[start:end]) >= math.log(SURE)
    known = words(message, frame.question, frame.answer)
    return slice(start, end) if new and sure and words(base.text(answer)) <= known else None


def _answered(
    base: Base, message: str, told: Told, questions: Sequence[str], heard: Sequence[str]
) -> Generator[None, None, dict[str, Draft]]:
    """Answer anew, with both messages, what a new one may change, where it surely does."""
    if not questions:
        return {}
    context = [told.text, message]
    answers = yield from base.teach(context, questions, heard)
    support = yield from base.support(context, [told.text], questions, answers, heard[:1])
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
