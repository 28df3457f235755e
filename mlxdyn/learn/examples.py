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

from mlxdyn.learn.base import Asked, Base, is_taught
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.prompts import GENERAL, NOTHING_SAID, OPEN_QUESTIONS

BRANCHES = 12  # first tokens that a question may begin with
MOST_QUESTION = 18  # tokens
FACTS, NEAR_MISSES = 6, 6  # of a message, at most
MOST_OTHERS = 6  # common questions that are put to the teacher beside those that it wrote
LESS = 0.8  # nats by which a message brings up less what it is not about
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
    context = [*(one.text for one in related), message]
    replies = yield from base.listen(context)
    written = yield from base.write(message, BRANCHES, MOST_QUESTION)
    questions = list(dict.fromkeys([*written, *OPEN_QUESTIONS]))
    candidates = yield from base.brought_up([message] * len(questions), questions)
    taught = yield from _taught(base, context, _put(candidates, written), replies)
    again = {draft.question for draft in revised}
    known = {question: fact for question, fact in taught.items() if question not in again}
    told, mistaken = _parted(base, revised, known, candidates)
    near = yield from kept(base, mistaken[:NEAR_MISSES], Kind.NEAR_MISS, MOST_OPEN)
    return Examined((*told, *near), tuple(one.message for one in related), superseded)


def _put(candidates: Sequence[Asked], written: Sequence[str]) -> list[Asked]:
    """Choose what to put to the teacher: what was written, and what else is brought up most.

    The likeliest come first.
    """
    others = [one for one in candidates if one.question not in written]
    others.sort(key=lambda one: -one.gain)
    chosen = [one for one in candidates if one.question in written] + others[:MOST_OTHERS]
    return sorted(chosen, key=lambda one: -one.logprob)


@dataclass(frozen=True, slots=True)
class _Taught:
    draft: Draft
    value: int  # the token of the answer that the messages support most


def _taught(
    base: Base, context: Sequence[str], asked: Sequence[Asked], replies: Sequence[str]
) -> Generator[None, None, dict[str, _Taught]]:
    """Let the teacher answer what the messages bring up; keep what they surely answer."""
    questions = [one.question for one in asked if one.gain >= base.prompts.answered]
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support([NOTHING_SAID], questions, answers)
    return {
        question: _Taught(_fact(base, question, answer), found.most(answer))
        for question, answer, found in zip(questions, answers, support, strict=True)
        if is_taught(answer, found)
    }


def _parted(
    base: Base,
    revised: Sequence[Draft],
    taught: dict[str, _Taught],
    candidates: Sequence[Asked],
) -> tuple[list[Draft], list[str]]:
    """Part what is told from questions mistaken for it, the most alike first.

    Mistaken is what a message brings up less than a question alike, so that what differs is what
    they ask about. The teacher gives one value as the answer to many questions; where it does, one
    that differs in a word decides. Each value has its turn.
    """
    gains = {one.question: one.gain for one in candidates}
    words = {question: base.question_tokens(question) for question in gains}

    def less(question: str, than: str) -> bool:
        return gains[question] <= gains.get(than, 0) - LESS

    mistaken = [q for q in taught if any(less(q, f) and _twins(words[q], words[f]) for f in taught)]
    values: dict[int, list[Draft]] = {}
    for question, one in taught.items():
        if question not in mistaken:
            values.setdefault(one.value, []).append(one.draft)
    turns = [fact for turn in zip_longest(*values.values()) for fact in turn if fact]
    told = [*revised, *turns[:FACTS]]
    answered = {*taught, *(fact.question for fact in told)}
    others = [question for question in gains if question not in answered]
    alike: dict[str, float] = {}
    for fact in told:
        for question, like in zip(others, base.likeness(fact.question, others), strict=True):
            if like > abs(alike.get(question, 0)):
                alike[question] = like if less(question, fact.question) else -like
    near = sorted(alike, key=alike.__getitem__, reverse=True)
    return told, mistaken + [question for question in near if alike[question] > 0]


def _twins(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether two questions are the same but for one word, the first excepted."""
    differ = [a != b for a, b in zip(one, other, strict=False)]
    return len(one) == len(other) and sum(differ) == 1 and not differ[0]


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
            for question, answer, found in zip(questions, answers, support, strict=True)
            if is_taught(answer, found)
        }
        stale = [key for key, q, said in told.facts if q in changed and changed[q].answer != said]
        if stale:
            gone += stale
            related.append(told)
            drafts += changed.values()
    return drafts, tuple(gone), related
