"""Which prompts serve a base, found by measurement on people of whom everything is known.

Once for each base: every teacher prompt answers questions with the messages in its context, every
writer prompt tells answered questions from open ones.
"""

import json
import statistics
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlxdyn.learn.base import MOST_ANSWER, Asked, Base, Prompts, is_taught
from mlxdyn.learn.prompts import (
    KNOWN,
    NOTHING_SAID,
    OPEN_QUESTIONS,
    TEACHERS,
    WRITERS,
    Known,
    Shot,
    TeacherPrompt,
    WriterPrompt,
)

VERSION = 6
FALLBACK = Prompts(TEACHERS[0], WRITERS[0], answered=4.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The prompts chosen, and what was measured of every candidate (shares from 0 to 1)."""

    prompts: Prompts
    priors: dict[str, tuple[float, ...]]  # of open questions' tokens, where nothing is told
    recall: tuple[float, ...]  # of each teacher prompt, messages in context
    told_apart: tuple[float, ...]  # of each writer prompt: answered above open questions (AUC)


def calibrate(
    base: Base,
    teachers: Sequence[TeacherPrompt] = TEACHERS,
    writers: Sequence[WriterPrompt] = WRITERS,
) -> Generator[None, None, Calibration]:
    """Measure every candidate on `base` and choose; the base is left with what was chosen."""
    recall, apart = list[float](), list[float]()
    for teacher in teachers:
        base.prompts = replace(base.prompts, teacher=teacher)
        recall.append((yield from _recall(base)))
    base.prompts = replace(base.prompts, teacher=teachers[recall.index(max(recall))])
    for writer in writers:
        base.prompts, base.priors = replace(base.prompts, writer=writer), {}
        answered, left = yield from _gains(base)
        apart.append(auc(answered, left))
    base.prompts = replace(base.prompts, writer=writers[apart.index(max(apart))])
    base.prompts, base.priors = replace(base.prompts, covered=0.0), {}
    found = yield from _candidates(base)
    spread = [
        statistics.pstdev(part) for part in zip(*((o.about, o.covered) for o in found), strict=True)
    ]
    covered = spread[0] / max(spread[1], 1e-9)  # of two signals, neither counts more
    about = [one.about + covered * one.covered for one in found]
    answered, left = yield from _taught(base, about)
    base.prompts = replace(base.prompts, covered=covered, answered=threshold(answered, left))
    yield from base.unprompted(OPEN_QUESTIONS)
    return Calibration(base.prompts, base.priors, tuple(recall), tuple(apart))


def _recall(base: Base) -> Generator[None, None, float]:
    """Ask everything at once: a batch costs little more than one question."""
    said = [message for known in KNOWN for message in known.said]
    replies = dict(zip(said, (yield from base.listen(said)), strict=False))
    prompts: list[tuple[int, ...]] = []
    wanted: list[str] = []
    for known in KNOWN:
        heard = [replies[message] for message in known.said] if replies else []
        for question, word in known.asked:
            prompts.append(base.teacher_prompt(known.said, question, heard))
            wanted.append(word)
    answers = yield from base.off(base.decoder.answers(prompts, MOST_ANSWER))
    pairs = zip(wanted, answers, strict=True)
    return sum(word in base.text(answer).lower() for word, answer in pairs) / len(wanted)


def _asked() -> list[tuple[Known, str, bool]]:
    """List every question with whom it is asked of, and whether it was answered."""
    return [
        (known, question, told)
        for known in KNOWN
        for told, questions in ((True, [q for q, _ in known.asked]), (False, known.open))
        for question in questions
    ]


def _gains(base: Base) -> Generator[None, None, tuple[list[float], list[float]]]:
    """Say by how much messages bring questions up: those they answer, those they leave open."""
    asked = _asked()
    messages = [" ".join(known.said) for known, _, _ in asked]
    found = yield from base.brought_up(messages, [question for _, question, _ in asked])
    return _parted([one.gain for one in found], [told for _, _, told in asked])


def _candidates(base: Base) -> Generator[None, None, list[Asked]]:
    """Judge the questions of all, in the order of `_asked`."""
    found = list[Asked]()
    for known in KNOWN:
        questions = [question for one, question, _ in _asked() if one is known]
        judged = yield from base.candidates(" ".join(known.said), questions)
        by_question = {one.question: one for part in judged for one in part}
        found += [by_question[question] for question in questions]
    return found


def _taught(
    base: Base, about: Sequence[float]
) -> Generator[None, None, tuple[list[float], list[float]]]:
    """Part what was found `about` those questions whose answers would be taught."""
    asked = _asked()
    prompts = [base.teacher_prompt(known.said, question) for known, question, _ in asked]
    answers = yield from base.off(base.decoder.answers(prompts, MOST_ANSWER))
    questions = [question for _, question, _ in asked]
    said = [message for known in KNOWN for message in known.said]
    support = yield from base.support(said, [NOTHING_SAID], questions, answers)
    kept = [is_taught(answer, nats) for answer, nats in zip(answers, support, strict=True)]
    told = [one for (_, _, one), yes in zip(asked, kept, strict=True) if yes]
    return _parted([nats for nats, yes in zip(about, kept, strict=True) if yes], told)


def _parted(values: Sequence[float], told: Sequence[bool]) -> tuple[list[float], list[float]]:
    pairs = list(zip(values, told, strict=True))
    return [v for v, yes in pairs if yes], [v for v, yes in pairs if not yes]


def auc(above: Sequence[float], below: Sequence[float]) -> float:
    """Give the chance that one of `above` is larger than one of `below`."""
    wins = sum((a > b) + 0.5 * (a == b) for a in above for b in below)
    return wins / max(len(above) * len(below), 1)


def threshold(answered: Sequence[float], left: Sequence[float]) -> float:
    """Give the cut that errs least; with nothing to choose from, one that lets all pass."""

    def errors(cut: float) -> int:
        return sum(a < cut for a in answered) + sum(b >= cut for b in left)

    return min(sorted({*answered, *left}), key=errors, default=0.0)


def dump(calibration: Calibration) -> str:
    return json.dumps({"version": VERSION, **asdict(calibration)}, ensure_ascii=False, indent=1)


def load(text: str) -> Calibration | None:
    """Undo `dump`; None for another version or what is no calibration."""
    try:
        found = json.loads(text)
        if found["version"] != VERSION:
            return None
        prompts = found["prompts"]
        teacher, writer = _teacher(prompts["teacher"]), _writer(prompts["writer"])
        chosen = Prompts(teacher, writer, float(prompts["answered"]), float(prompts["covered"]))
        priors = {str(q): tuple(map(float, nats)) for q, nats in found["priors"].items()}
        return Calibration(chosen, priors, tuple(found["recall"]), tuple(found["told_apart"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _teacher(found: dict[str, Any]) -> TeacherPrompt:
    return TeacherPrompt(**{**found, "shots": tuple(map(_shot, found["shots"]))})


def _writer(found: dict[str, Any]) -> WriterPrompt:
    return WriterPrompt(**{**found, "shots": tuple(map(_shot, found["shots"]))})


def _shot(found: dict[str, Any]) -> Shot:
    return Shot(found["said"], tuple(found["questions"]), found["answer"], tuple(found["open"]))


def own_prompts(directory: Any) -> tuple[tuple[TeacherPrompt, ...], tuple[WriterPrompt, ...]]:
    """Read the candidates that a model's own `prompts.json` adds; none where it is odd."""
    try:
        found = json.loads((directory / "prompts.json").read_text("utf-8"))
        teachers = tuple(TeacherPrompt(**one) for one in found.get("teachers", ()))
        return teachers, tuple(WriterPrompt(**one) for one in found.get("writers", ()))
    except (OSError, ValueError, TypeError, AttributeError):
        return (), ()
