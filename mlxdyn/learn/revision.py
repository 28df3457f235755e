"""What earlier messages answer otherwise, now that another was said."""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mlxdyn.learn.base import Base
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft
from mlxdyn.learn.facts import SUPPORT, SURE, Told, fact, is_told
from mlxdyn.learn.names import akin, first_word, opening, tells, words


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
    something else that the earlier message named. Earlier messages that do not fit the base beside
    the new one are left out.
    """
    drafts: dict[str, Draft] = {}
    superseded: list[int] = []
    related: list[Told] = []
    untrue: list[set[str]] = []
    for told in (one for one in earlier if one.facts and base.fits([one.text, message])):
        alone, both = yield from _anew(base, message, told, about)
        now = alone | both
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


def _anew(
    base: Base, message: str, told: Told, about: set[str] | None
) -> Generator[None, None, tuple[dict[str, Draft], dict[str, Draft]]]:
    """Answer the questions to an earlier message anew: from another alone, and from both."""
    doubtful, frames = _doubtful(told, about), _frames(message, told)
    near = [
        one
        for one in frames
        if one.question in (about or ()) or base.wording.shares(message, one.question)
    ]
    heard = yield from base.listen([told.text, message] if doubtful or near else [])
    alone = yield from _surely(base, message, told, near, heard)
    doubtful = [question for question in doubtful if question not in alone]
    if base.prompts.steady:
        return alone, (yield from _answered(base, message, told, doubtful, heard))
    again = [one for one in frames if one.question in doubtful]
    found = yield from _filled(base, [told.text, message], again, heard)
    return alone, {question: fact(base, question, one.answer) for question, one in found.items()}


@dataclass(frozen=True, slots=True)
class _Frame:
    """An earlier answer up to what it told, which another message may fill in otherwise."""

    question: str
    answer: str
    opening: str


@dataclass(frozen=True, slots=True)
class _Filled:
    """An answer that goes on from a frame with another word than before."""

    answer: Decoded
    word: slice  # its tokens

    @property
    def share(self) -> float:
        """The probability of that word, as the teacher leans."""
        return math.exp(sum(self.answer.logprobs[self.word]))


def _frames(message: str, told: Told) -> list[_Frame]:
    """Give the answers to an earlier message up to what they tell.

    Words that questions to it ask with belong to the frame ("leaves" of "leave"), and those that
    both messages say: "You work at", not "You work".
    """
    asked = words(*(question for _, question, _ in told.facts))
    found = []
    for _, question, answer in told.facts:
        value = {w for w in tells(told.text, question, answer) if not akin(w, asked - {w})}
        if value:
            begun = opening(answer, value - words(message) or value)
            found.append(_Frame(question, answer, begun))
    return found


def _surely(
    base: Base, message: str, told: Told, frames: Sequence[_Frame], heard: Sequence[str]
) -> Generator[None, None, dict[str, Draft]]:
    """Answer from a message alone what it surely says otherwise than an earlier one.

    "You live in" goes on with a word of "I live in Porto now.", and with none of "I live with my
    sister."; with both messages in context SmolLM2 repeats the older, but thinks of the newer.
    """
    found = yield from _filled(base, [message], frames, heard[1:])
    sure = {question: one for question, one in found.items() if one.share >= SURE}
    if not sure:
        return {}
    both, answers = [told.text, message], [one.answer for one in sure.values()]
    less = yield from base.support([message], both, [*sure], answers, heard)
    return {
        question: fact(base, question, one.answer)
        for (question, one), lost in zip(sure.items(), less, strict=True)
        if sum(lost.nats[one.word]) <= SUPPORT
    }


def _filled(
    base: Base, context: Sequence[str], frames: Sequence[_Frame], heard: Sequence[str]
) -> Generator[None, None, dict[str, _Filled]]:
    """Complete earlier answers anew (a cloze); give those that tell a word of the last message.

    It was not told before, and no other word is made up.
    """
    if not frames:
        return {}
    questions, openings = [one.question for one in frames], [one.opening for one in frames]
    answers = yield from base.teach(context, questions, heard, openings)
    found: dict[str, _Filled] = {}
    for frame, answer in zip(frames, answers, strict=True):
        start = len(base.begun(frame.opening))
        word = first_word(base.model.decode(list(answer.tokens[start:])))
        ends = range(start + 1, len(answer.tokens) + 1)
        texts = ((end, base.model.decode(list(answer.tokens[start:end]))) for end in ends)
        end = next((end for end, text in texts if first_word(text) == word), start)
        new = {word} & tells(context[-1], frame.question, word) - words(frame.answer)
        known = words(*context, frame.question, frame.answer)
        if new and answer.ended and words(base.text(answer)) <= known:
            found[frame.question] = _Filled(answer, slice(start, end))
    return found


def _answered(
    base: Base, message: str, told: Told, questions: Sequence[str], heard: Sequence[str]
) -> Generator[None, None, dict[str, Draft]]:
    """Answer anew, with both messages, what a new one may change, where it surely does.

    A base that is not steady changes true answers so: asked for the day of an exam on Monday, with
    "My exam is in room 12." SmolLM2 says the room.
    """
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

    Of 54 pairs of messages that have nothing to do with each other, SmolLM2, asked freely, would
    answer in 14 an earlier question anew; of those, none is about it.
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
