"""What a message teaches, as examples: the base writes questions, answers them, and knows limits.

A question is answered by a message that brings it up (makes it likelier to be asked: pointwise
mutual information); an answer is taught if the message makes it much likelier too. Questions like
those, which the message leaves open, keep the bare base's answer: they are the hard negatives. No
rule of any language is here. What makes a question answered is measured on the base
(`calibration`); the other thresholds are constants that were seen to serve SmolLM2-135M and wren.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from mlxdyn.learn.base import Base, is_taught
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.prompts import GENERAL, NOTHING_SAID, OPEN_QUESTIONS

BRANCHES = 12  # first tokens that a question may begin with
MOST_QUESTION = 18  # tokens
FACTS, NEAR_MISSES = 6, 6  # of a message, at most
MOST_ASKED = 14  # questions put to the teacher
SHARE = 0.6
"""Of the gain of the first question with an answer, what another one needs to be the same in other
words. SmolLM2 on 65 people of a test set: 74% of what was answered reaches it, 48% of near misses
that people wrote to be mistaken, 7% of other questions.
"""
IDLE = 1.0  # nats of support below which an answer holds nothing of the messages
MOST_OPEN = 12  # tokens of what the base says where nothing was told
MOST_GENERAL = 16  # tokens of an answer in the regularization set


@dataclass(frozen=True, slots=True)
class Told:
    """An earlier message with the facts it taught, as (key, question, answer)."""

    message: int
    text: str
    facts: tuple[tuple[int, str, str], ...]


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a message."""

    drafts: tuple[Draft, ...]
    depends_on: tuple[int, ...]  # earlier messages that the teacher saw too
    superseded: tuple[int, ...]  # earlier examples that are true no more


def examine(
    base: Base, message: str, earlier: Sequence[Told] = ()
) -> Generator[None, None, Examined]:
    """Find what `message` teaches, a few tokens at a time; `earlier` are oldest first."""
    revised, superseded, related = yield from _revised(base, message, earlier)
    context = [*(told.text for told in related), message]
    replies = yield from base.listen(context)
    candidates = yield from _candidates(base, message)
    facts, left = yield from _sorted_out(base, context, candidates, replies)
    again = {draft.question for draft in revised}
    told = [*revised, *(draft for draft in facts if draft.question not in again)]
    mistaken = _most_alike(base, told, [question for question in left if question not in again])
    near = yield from kept(base, mistaken[:NEAR_MISSES], Kind.NEAR_MISS, MOST_OPEN)
    drafts = (*told, *near)
    return Examined(drafts, tuple(told.message for told in related), superseded)


@dataclass(frozen=True, slots=True)
class _Candidate:
    gain: float  # nats by which the message brings it up
    question: str


def _candidates(base: Base, message: str) -> Generator[None, None, list[_Candidate]]:
    """Write questions, add those that people ask; what the message brings up most comes first."""
    written = yield from base.write(message, BRANCHES, MOST_QUESTION)
    questions = list(dict.fromkeys([*written, *OPEN_QUESTIONS]))
    gains = yield from base.brought_up([message] * len(questions), questions)
    found = map(_Candidate, gains, questions)
    return sorted(found, key=lambda one: -one.gain)


def _sorted_out(
    base: Base, context: Sequence[str], candidates: Sequence[_Candidate], replies: Sequence[str]
) -> Generator[None, None, tuple[list[Draft], list[str]]]:
    """Let the teacher answer what is brought up most; part facts from what is left open.

    A small teacher gives one value as the answer to many questions: those brought up about as much
    as the first of them are other words for it, the others are mistaken for it. Left open is that,
    what is answered with nothing from the messages, and what they hardly bring up.
    """
    asked, rest = candidates[:MOST_ASKED], candidates[MOST_ASKED:]
    questions = [one.question for one in asked]
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support([NOTHING_SAID], questions, answers)
    values: dict[int, list[Draft]] = {}  # by the token that the messages support most
    first: dict[int, float] = {}
    left = [one.question for one in rest if one.gain < SHARE * asked[0].gain]
    for one, answer, nats in zip(asked, answers, support, strict=True):
        if sum(nats) < IDLE:
            left.append(one.question)
        elif is_taught(answer, nats) and one.gain >= base.prompts.answered:
            value = answer.tokens[nats.index(max(nats))]
            if one.gain >= SHARE * first.setdefault(value, one.gain):
                values.setdefault(value, []).append(_fact(base, one.question, answer))
            else:
                left.append(one.question)
    facts = [fact for turn in zip_longest(*values.values()) for fact in turn if fact][:FACTS]
    return facts, left


def _most_alike(base: Base, facts: Sequence[Draft], questions: Sequence[str]) -> list[str]:
    """Order questions by how easily they are taken for one of `facts`; none where there is none."""
    likeness = [base.likeness(fact.question, questions) for fact in facts]
    nearest = map(max, zip(*likeness, strict=True))
    ranked = sorted(zip(nearest, range(len(questions)), strict=False), reverse=True)
    return [questions[i] for _, i in ranked]


def _fact(base: Base, question: str, answer: Decoded) -> Draft:
    prompt = base.student_prompt(question)
    example = Example(Kind.FACT, prompt, answer.tokens, answer.likely)
    return Draft(question, base.text(answer), example)


def kept(
    base: Base, questions: Sequence[str], kind: Kind, most: int
) -> Generator[None, None, list[Draft]]:
    """Make what the bare base says to `questions` examples: it should go on saying that."""
    answers = yield from base.answer(questions, most)
    return [
        Draft(q, base.text(a), Example(kind, base.student_prompt(q), a.tokens, a.likely))
        for q, a in zip(questions, answers, strict=True)
        if a.tokens
    ]


def regularization(base: Base) -> Generator[None, None, list[Draft]]:
    """Make the regularization set of a base: its own answers to what concerns nobody."""
    return (yield from kept(base, GENERAL, Kind.REGULARIZATION, MOST_GENERAL))


def _revised(
    base: Base, message: str, earlier: Sequence[Told]
) -> Generator[None, None, tuple[list[Draft], tuple[int, ...], list[Told]]]:
    """Ask again what earlier messages answered; give what is answered otherwise now."""
    drafts: list[Draft] = []
    gone: list[int] = []
    related: list[Told] = []
    for told in earlier:
        questions = list(dict.fromkeys(question for _, question, _ in told.facts))
        if not questions:
            continue
        context = [told.text, message]
        replies = yield from base.listen(context)
        answers = yield from base.teach(context, questions, replies)
        support = yield from base.support([told.text], questions, answers, replies[:1])
        changed = {
            question: _fact(base, question, answer)
            for question, answer, nats in zip(questions, answers, support, strict=True)
            if is_taught(answer, nats)
        }
        stale = [key for key, q, said in told.facts if q in changed and changed[q].answer != said]
        if stale:
            gone += stale
            related.append(told)
            drafts += changed.values()
    return drafts, tuple(gone), related
