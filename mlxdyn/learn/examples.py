"""What a message teaches, as examples: the base writes questions, answers them, and knows limits.

A question is answered by a message that makes it much likelier to be asked (pointwise mutual
information); an answer is taught if the message makes it much likelier too. Questions near the
message that it leaves open keep the bare base's answer: they are the hard negatives. No rule of any
language is here, and no threshold that was not measured on the base itself (`calibration`).
"""

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mlxdyn.learn.base import Base
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.prompts import GENERAL, NOTHING_SAID, OPEN_QUESTIONS

BRANCHES = 12  # first tokens that a question may begin with
MOST_QUESTION = 18  # tokens
FACTS, NEAR_MISSES = 6, 6  # of a message, at most
PLAUSIBLE = 7.0
"""Nats by which a question may be less likely than the likeliest one."""
MOST_ASKED = 10  # questions put to the teacher
SUPPORT = 3.0
"""Nats by which messages must make an answer likelier: e^3 is twenty times."""
SURE = 0.3
"""Least probability of a token in a taught answer. Of SmolLM2's answers to 21 questions on five
messages, those with details it made up held one below it ("12 years": 0.26), the right ones none.
"""
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
    best, bound = max(one.logprob for one in candidates), base.prompts.answered
    likely = [one for one in candidates if one.logprob >= best - PLAUSIBLE]
    answered = [one.question for one in likely if one.gain >= bound][:MOST_ASKED]
    facts = yield from _facts(base, context, answered, replies)
    known = {draft.question for draft in (*revised, *facts)}
    left = [c.question for c in candidates if c.gain < bound / 2 and c.question not in known]
    near = yield from _near_misses(base, context, left, replies) if facts or revised else _none()
    drafts = (*revised, *facts[:FACTS], *near)
    return Examined(drafts, tuple(told.message for told in related), superseded)


def _none() -> Generator[None, None, list[Draft]]:
    yield from ()
    return []


@dataclass(frozen=True, slots=True)
class _Candidate:
    logprob: float  # of the question as one that the message brings up, in nats
    gain: float  # of that over the same after a message that says nothing
    question: str


def _candidates(base: Base, message: str) -> Generator[None, None, list[_Candidate]]:
    """Write questions, add those that people ask of alike things; weigh them, likeliest first."""
    written = yield from base.write(message, BRANCHES, MOST_QUESTION)
    questions = list(dict.fromkeys([*(q for q, _ in written), *OPEN_QUESTIONS]))
    now = yield from base.prompted(message, questions)
    before = yield from base.unprompted(questions)
    weighed = zip(questions, now, before, strict=True)
    return sorted((_Candidate(a, a - b, q) for q, a, b in weighed), key=lambda c: -c.logprob)


def _facts(
    base: Base, context: Sequence[str], questions: Sequence[str], replies: Sequence[str]
) -> Generator[None, None, list[Draft]]:
    """Let the teacher answer; keep what the messages support."""
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support([NOTHING_SAID], questions, answers)
    return [
        _fact(base, question, answer)
        for question, answer, nats in zip(questions, answers, support, strict=True)
        if _is_taught(answer, nats)
    ]


def _is_taught(answer: Decoded, support: float) -> bool:
    """Tell whether an answer comes from the messages, and surely."""
    sure = bool(answer.logprobs) and min(answer.logprobs) >= math.log(SURE)
    return answer.ended and sure and support >= SUPPORT


def _fact(base: Base, question: str, answer: Decoded) -> Draft:
    prompt = base.student_prompt(question)
    example = Example(Kind.FACT, prompt, answer.tokens, answer.likely)
    return Draft(question, base.text(answer), example)


def _near_misses(
    base: Base, context: Sequence[str], questions: Sequence[str], replies: Sequence[str]
) -> Generator[None, None, list[Draft]]:
    """Keep what the base says to open questions, those first that mislead the teacher most."""
    tried = questions[: 2 * NEAR_MISSES]
    answers = yield from base.teach(context, tried, replies)
    support = yield from base.support([NOTHING_SAID], tried, answers)
    misled = sorted(zip(support, tried, strict=True), reverse=True)
    chosen = [question for _, question in misled[:NEAR_MISSES]]
    return (yield from kept(base, chosen, Kind.NEAR_MISS, MOST_OPEN))


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
            if _is_taught(answer, nats)
        }
        stale = [key for key, q, said in told.facts if q in changed and changed[q].answer != said]
        if stale:
            gone += stale
            related.append(told)
            drafts += changed.values()
    return drafts, tuple(gone), related
