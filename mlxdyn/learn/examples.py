"""What a message teaches, as examples: the base writes questions, answers them, and knows limits.

A question is answered by a message that makes it much likelier to be asked (pointwise mutual
information); an answer is taught if the message makes it much likelier too. Questions near the
message that it leaves open keep the bare base's answer: they are the hard negatives. No rule of any
language is here. What makes a question answered is measured on the base (`calibration`); the other
thresholds are constants that were seen to serve SmolLM2-135M and wren.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass

from mlxdyn.learn.base import Base, is_taught
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.prompts import GENERAL, NOTHING_SAID, OPEN_QUESTIONS

BRANCHES = 12  # first tokens that a question may begin with
MOST_QUESTION = 18  # tokens
FACTS, NEAR_MISSES = 6, 6  # of a message, at most
PLAUSIBLE = 7.0
"""Nats by which a question may be less likely than the likeliest one."""
MOST_ASKED, MOST_ALIKE = 10, 6  # questions put to the teacher: plausible ones, and ones like them
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
    known = {draft.question for draft in (*revised, *facts)}
    left = [question for question in left if question not in known] if known else []
    near = yield from kept(base, left[:NEAR_MISSES], Kind.NEAR_MISS, MOST_OPEN)
    drafts = (*revised, *facts[:FACTS], *near)
    return Examined(drafts, tuple(told.message for told in related), superseded)


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


def _sorted_out(
    base: Base, context: Sequence[str], candidates: Sequence[_Candidate], replies: Sequence[str]
) -> Generator[None, None, tuple[list[Draft], list[str]]]:
    """Let the teacher answer what is plausible; part facts from questions that are left open.

    Left open is what the teacher answers with nothing from the messages, and what the messages
    hardly bring up; what is most like a fact comes first.
    """
    bounds, best = base.prompts, max(one.logprob for one in candidates)
    likely = [one for one in candidates if one.logprob >= best - PLAUSIBLE][:MOST_ASKED]
    asked = [*likely, *_alike(base, likely[0], [one for one in candidates if one not in likely])]
    questions = [one.question for one in asked]
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support([NOTHING_SAID], questions, answers)
    judged = list(zip(asked, answers, support, strict=True))
    facts = [
        _fact(base, one.question, answer)
        for one, answer, nats in judged
        if is_taught(answer, nats) and one.gain >= bounds.answered
    ]
    idle = [one.question for one, _, nats in judged if nats < IDLE]
    unasked = [one.question for one in candidates if one.gain < bounds.left_open]
    left = list(dict.fromkeys([*idle, *unasked]))
    about = facts[0].question if facts else questions[0]
    like = dict(zip(left, base.likeness(about, left), strict=True))
    return facts, sorted(left, key=lambda question: -like[question])


def _alike(base: Base, one: _Candidate, others: Sequence[_Candidate]) -> list[_Candidate]:
    """Choose the questions most like one: those that it is easily taken for."""
    like = base.likeness(one.question, [other.question for other in others])
    ranked = sorted(zip(like, range(len(others)), strict=True), reverse=True)
    return [others[i] for _, i in ranked[:MOST_ALIKE]]


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
