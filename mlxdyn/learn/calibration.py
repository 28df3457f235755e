"""Which prompts serve a base, found by measurement on people of whom everything is known.

Once for each base: every teacher prompt answers questions with the messages in its context, every
writer prompt tells answered questions from open ones.
"""

import json
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlxdyn.learn.base import MOST_ANSWER, Base, Prompts
from mlxdyn.learn.prompts import (
    KNOWN,
    NOTHING_SAID,
    TEACHERS,
    WRITERS,
    Shot,
    TeacherPrompt,
    WriterPrompt,
)

VERSION = 1
FALLBACK = Prompts(TEACHERS[0], WRITERS[0], answered=4.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The prompts chosen, and what was measured of every candidate (shares from 0 to 1)."""

    prompts: Prompts
    recall: tuple[float, ...]  # of each teacher prompt, messages in context
    told_apart: tuple[float, ...]  # of each writer prompt: answered above open questions (AUC)


def calibrate(
    base: Base,
    teachers: Sequence[TeacherPrompt] = TEACHERS,
    writers: Sequence[WriterPrompt] = WRITERS,
) -> Generator[None, None, Calibration]:
    """Measure every candidate on `base` and choose; the base keeps its prompts."""
    start, recall, apart = base.prompts, list[float](), list[tuple[float, float]]()
    for teacher in teachers:
        base.prompts = replace(start, teacher=teacher)
        recall.append((yield from _recall(base)))
    for writer in writers:
        base.prompts = replace(start, writer=writer)
        apart.append((yield from _told_apart(base)))
    base.prompts = start
    best = max(range(len(teachers)), key=recall.__getitem__)
    sharpest = max(range(len(writers)), key=lambda i: apart[i][0])
    chosen = Prompts(teachers[best], writers[sharpest], apart[sharpest][1])
    return Calibration(chosen, tuple(recall), tuple(share for share, _ in apart))


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


def _told_apart(base: Base) -> Generator[None, None, tuple[float, float]]:
    """Give the AUC of pointwise mutual information, and the threshold that errs least."""
    prompts: list[tuple[int, ...]] = []
    questions: list[tuple[int, ...]] = []
    told: list[bool] = []
    for known in KNOWN:
        asked = [*(question for question, _ in known.asked), *known.open]
        questions += [base.question_tokens(question) for question in asked]
        prompts += [base.writer_prompt(" ".join(known.said))] * len(asked)
        told += [at < len(known.asked) for at in range(len(asked))]
    before = [base.writer_prompt(NOTHING_SAID)] * len(questions)
    now = yield from base.off(base.decoder.scores(prompts, questions))
    without = yield from base.off(base.decoder.scores(before, questions))
    gains = [sum(a) - sum(b) for a, b in zip(now, without, strict=True)]
    answered = [gain for gain, is_told in zip(gains, told, strict=True) if is_told]
    left = [gain for gain, is_told in zip(gains, told, strict=True) if not is_told]
    wins = sum((a > b) + 0.5 * (a == b) for a in answered for b in left)
    return wins / (len(answered) * len(left)), threshold(answered, left)


def threshold(answered: Sequence[float], left: Sequence[float]) -> float:
    """Give the cut that errs least, an open question taken for answered counting double."""

    def errors(cut: float) -> int:
        return sum(a < cut for a in answered) + 2 * sum(b >= cut for b in left)

    cuts = sorted({*answered, *left})
    return max(min(cuts, key=errors), 0.5)


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
        chosen = Prompts(teacher, writer, float(prompts["answered"]))
        return Calibration(chosen, tuple(found["recall"]), tuple(found["told_apart"]))
    except (ValueError, KeyError, TypeError):
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
