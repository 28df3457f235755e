"""What a message teaches, as examples: the base writes questions, answers them, and knows limits.

A question is answered by a message that brings it up (makes it likelier to be asked: pointwise
mutual information, read the other way too); an answer is taught if the message makes it much
likelier too. Questions like those, which the message leaves open, keep the bare base's answer: they
are the hard negatives. No rule of any language is here. What makes a question answered is measured
on the base (`calibration`); the other thresholds are constants that were seen to serve SmolLM2-135M
and wren.
"""

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import TypeVar

from mlxdyn.learn.base import Asked, Base
from mlxdyn.learn.decode import Decoded
from mlxdyn.learn.example import Draft, Example, Kind
from mlxdyn.learn.facts import Told, fact, is_told
from mlxdyn.learn.prompts import GENERAL, NOTHING_SAID, OPEN_QUESTIONS, WORLD
from mlxdyn.learn.revision import revise
from mlxdyn.learn.wording import cosines

T = TypeVar("T")
BRANCHES = 6  # first tokens that a question may begin with
MOST_QUESTION = 18  # tokens
FACTS, NEAR_MISSES = 6, 6  # of a message, at most
LEAST_NEAR = 2  # near misses, though there be one fact; else as many as facts, or facts are lost
WORDINGS = 3  # questions with one value for an answer
MOST_OTHERS = 8  # common questions that are put to the teacher beside those that the base wrote
LEANS = 1.0  # nats: a message that brings up no common question so much leans on others
LESS = 0.8  # nats by which a message brings up less what it is not about
COVERED = 0.03  # share by which it covers less of a question that it is not about
CLOSE = 1.4  # LESS and COVERED together, in nats of `about`: of two questions with one answer
MOST_OPEN = 8  # tokens of what the base says where nothing was told
LEAST_GENERAL, MOST_GENERAL = 4, 12  # tokens of an answer in the regularization set
ROOM = 18  # tokens of a question and its answer there


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of a message."""

    drafts: tuple[Draft, ...]
    depends_on: tuple[int, ...]  # earlier messages that the teacher saw too
    superseded: tuple[int, ...]  # earlier examples that are true no more


def examine(
    base: Base, message: str, earlier: Sequence[Told] = ()
) -> Generator[None, None, Examined]:
    """Find what `message`, which has to fit the base, teaches, a few tokens at a time.

    `earlier` are oldest first.
    """
    written = yield from base.write(message, BRANCHES, MOST_QUESTION)
    known = (question for told in earlier for _, question, _ in told.facts)
    common, others = yield from base.candidates(message, [*dict.fromkeys([*written, *known])])
    own = [one for one in others if one.question in written]
    revised = yield from revise(base, message, earlier, _about(base, common, others))
    context = [*(one.text for one in revised.related), message]
    while len(context) > 1 and not base.fits(context):
        del context[0]  # the oldest
    replies = yield from base.listen(context)
    answered = yield from base.answered(message, common, own)
    likely = [one.question for one in sorted(common, key=lambda one: -one.about)]
    asked = [question for question in likely if question in answered][:MOST_OTHERS]
    asked += [one.question for one in own if one.question in answered]
    taught = yield from _taught(base, context, asked, replies)
    beaten = _beaten(taught, common)
    again = {draft.question for draft in revised.drafts}
    taught = {
        question: one
        for question, one in taught.items()
        if question not in again and not revised.denies(one.draft.answer)
    }
    told, mistaken = _parted(base, message, revised.drafts, taught, beaten, common, own)
    mistaken = mistaken[: min(max(len(told), LEAST_NEAR), NEAR_MISSES)]
    near = yield from kept(base, mistaken, Kind.NEAR_MISS, [MOST_OPEN] * len(mistaken))
    related = tuple(one.message for one in revised.related)
    return Examined((*told, *near), related, revised.superseded)


@dataclass(frozen=True, slots=True)
class _Taught:
    draft: Draft
    value: int  # the token of the answer that the messages support most


def _taught(
    base: Base, context: Sequence[str], questions: Sequence[str], replies: Sequence[str]
) -> Generator[None, None, dict[str, _Taught]]:
    """Let the teacher answer what the message brings up; keep what is surely told."""
    answers = yield from base.teach(context, questions, replies)
    support = yield from base.support(context, [NOTHING_SAID], questions, answers)
    return {
        question: _Taught(fact(base, question, answer), found.most(answer))
        for question, answer, found in zip(questions, answers, support, strict=True)
        if is_told(base, context, question, answer, found)
    }


def _parted(
    base: Base,
    message: str,
    revised: Sequence[Draft],
    taught: dict[str, _Taught],
    beaten: set[str],
    common: Sequence[Asked],
    own: Sequence[Asked],
) -> tuple[list[Draft], list[str]]:
    """Part what is told from questions mistaken for it, the most alike first.

    The teacher gives one value as the answer to many questions. Of twins, which differ in a word,
    the message is about the one that it covers more. Each value, and each kind of mistake, has its
    turn.
    """
    gains = {one.question: one.gain for one in (*common, *own)}
    pool = list(dict.fromkeys([*gains, *OPEN_QUESTIONS]))
    covered = dict(zip(pool, base.wording.overlap(message, pool), strict=True))
    better = _better_twins(base, covered)
    mistaken = [q for q in taught if q in beaten and not base.wording.shares(message, q)]
    values: dict[int, list[Draft]] = {}
    for question, one in taught.items():
        if question not in beaten:
            values.setdefault(one.value, []).append(one.draft)
    told = [*revised, *_in_turn([drafts[:WORDINGS] for drafts in values.values()])[:FACTS]]
    if not told:
        return [], []
    facts = [one.question for one in told]
    others = [q for q in pool if q not in {*taught, *facts} and (q in gains or q in better)]
    vectors = base.wording.vectors([*facts, *others])
    likeness = [cosines(fact, vectors[len(facts) :]) for fact in vectors[: len(facts)]]
    kinds: dict[str, list[tuple[float, str]]] = {}
    for question, *alike in zip(others, *likeness, strict=True):
        like, fact = max(zip(alike, facts, strict=True), default=(0.0, ""))
        less = like > 0 and covered[question] <= covered.get(fact, 1.0) - COVERED
        less = less and not base.wording.shares(message, question)
        if question in better or (less and gains[question] <= gains.get(fact, 0.0) - LESS):
            kinds.setdefault(better.get(question, fact), []).append((like, question))
    most = sorted((sorted(kind, reverse=True) for kind in kinds.values()), reverse=True)
    return told, [*mistaken, *(question for _, question in _in_turn(most))]


def _about(base: Base, common: Sequence[Asked], others: Sequence[Asked]) -> set[str] | None:
    """Name the questions that a message is about; None where it may change all that was said.

    So it is of a base that is steady, and of a message that brings up nothing ("No, it's Max."),
    which leans on what was said. The other reading has no say in it.
    """
    if base.prompts.steady or max(one.gain for one in common) < LEANS:
        return None
    return {one.question for one in (*common, *others) if one.about >= base.prompts.answered}


def _beaten(taught: dict[str, _Taught], asked: Sequence[Asked]) -> set[str]:
    """Name questions that a message is clearly less about than another with the same answer.

    A teacher that knows of one name gives it to a cousin, a niece and a baby. To tell by words
    instead (a message names a baby and no cousin) was no better: 11 of 53 facts of 30 people came
    back from SmolLM2, not 16, and 11 of 50 false ones, not 7.
    """
    best: dict[int, float] = {}
    answered = [(one, taught[one.question].value) for one in asked if one.question in taught]
    for one, value in answered:
        best[value] = max(one.about, best.get(value, one.about))
    return {one.question for one, value in answered if one.about < best[value] - CLOSE}


def _better_twins(base: Base, covered: dict[str, float]) -> dict[str, str]:
    """Name, for questions that a message covers less than a twin of theirs, the best such twin."""
    words = {question: base.question_tokens(question) for question in covered}
    best = sorted(covered, key=covered.__getitem__, reverse=True)
    found: dict[str, str] = {}
    for question, share in covered.items():
        above = (q for q in best if covered[q] >= share + COVERED)
        twin = next((q for q in above if _twins(words[question], words[q])), None)
        if twin:
            found[question] = twin
    return found


def _in_turn(groups: Sequence[Sequence[T]]) -> list[T]:
    """Take the first of each group, then the second of each, and so on."""
    return [one for turn in zip_longest(*groups) for one in turn if one is not None]


def _twins(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Tell whether two questions are the same but for one word, the first excepted."""
    if len(one) != len(other):
        return False
    differ = [a != b for a, b in zip(one, other, strict=True)]
    return sum(differ) == 1 and not differ[0]


def kept(
    base: Base, questions: Sequence[str], kind: Kind, most: Sequence[int]
) -> Generator[None, None, list[Draft]]:
    """Make what the bare base says to `questions` examples: it should go on saying that.

    `most` are the tokens that are kept of each answer, at most.
    """
    answers = yield from base.answer(questions, max(most, default=0))
    return [
        Draft(q, base.text(a), Example(kind, base.student_prompt(q), a.tokens, a.likely))
        for q, a in zip(questions, map(Decoded.beginning, answers, most), strict=True)
        if a.tokens
    ]


def regularization(base: Base) -> Generator[None, None, list[Draft]]:
    """Make the regularization set of a base: its own answers to what concerns nobody.

    Question and answer are about as long in all, so that steps have few shapes.
    """
    questions = (*GENERAL, *WORLD)
    rooms = [ROOM - len(base.question_tokens(question)) for question in questions]
    most = [min(max(room, LEAST_GENERAL), MOST_GENERAL) for room in rooms]
    return (yield from kept(base, questions, Kind.REGULARIZATION, most))
