"""Which prompts serve a base, found by measurement on people of whom everything is known.

Once for each base: every teacher prompt answers questions with the messages in its context, as it
would to teach; every writer prompt and every interview tells answered questions from open ones.
"""

import json
import math
import statistics
from collections.abc import Generator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from mlxdyn.learn.base import Asked, Base, Prompts, least_about
from mlxdyn.learn.facts import Told, is_told
from mlxdyn.learn.prompts import (
    INTERVIEWS,
    KNOWN,
    NOTHING_SAID,
    OPEN_QUESTIONS,
    TEACHERS,
    WRITERS,
    Interview,
    Known,
    Shot,
    TeacherPrompt,
    WriterPrompt,
)
from mlxdyn.learn.revision import revise

VERSION = 9
CONFUSED = 0.1  # most answers that change though nothing was said about them
MISTAKEN = 2.0  # answers missed that weigh as much as one given to what was never told
STYLES = ("turns", "quoted")  # of a teacher's prompt
FALLBACK = Prompts(TEACHERS[0], WRITERS[0], answered=0.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The prompts chosen, and what was measured of every candidate (shares from 0 to 1)."""

    prompts: Prompts
    priors: dict[str, tuple[float, ...]]  # of open questions' tokens, where nothing is told
    recall: tuple[float, ...]  # of each teacher prompt: answers right, and sure enough to teach
    told_apart: tuple[float, ...]  # of each writer prompt: answered above open questions (AUC)
    about: tuple[float, ...]  # the same by all signals: without, and with each interview


def calibrate(
    base: Base,
    teachers: Sequence[TeacherPrompt] = TEACHERS,
    writers: Sequence[WriterPrompt] = WRITERS,
    interviews: Sequence[Interview] = INTERVIEWS,
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
    base.prompts, base.priors = replace(base.prompts, covered=0.0, interview=None), {}
    about = yield from _weigh(base, interviews)
    base.prompts = replace(base.prompts, steady=True)  # asked freely
    base.prompts = replace(base.prompts, steady=(yield from _is_steady(base)))
    yield from base.unprompted(OPEN_QUESTIONS)
    return Calibration(base.prompts, base.priors, tuple(recall), tuple(apart), about)


def _recall(base: Base) -> Generator[None, None, float]:
    """Say how much of what people told the base would teach: answers that are right, and sure."""
    right = list[bool]()
    for known in KNOWN:
        questions = [question for question, _ in known.asked]
        replies = yield from base.listen(known.said)
        answers = yield from base.teach(known.said, questions, replies)
        support = yield from base.support(known.said, [NOTHING_SAID], questions, answers)
        right += [
            word in base.text(answer).lower() and is_told(base, known.said, question, answer, found)
            for (question, word), answer, found in zip(known.asked, answers, support, strict=True)
        ]
    return statistics.fmean(right)


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
    return _by_told([one.gain for one in found])


def _weigh(base: Base, interviews: Sequence[Interview]) -> Generator[None, None, tuple[float, ...]]:
    """Set what tells that a question is answered: the readings, their weights and thresholds.

    What a message brings up and the words that it holds count the same, and the other reading as
    much as these. Give how well each choice tells answered questions from open ones.
    """
    found = yield from _candidates(base)
    covered = _beside([one.about for one in found], [one.covered for one in found])
    about = [one.about + covered * one.covered for one in found]
    base.prompts = replace(base.prompts, covered=covered, answered=threshold(*_by_told(about)))
    chosen, apart = base.prompts, [auc(*_by_told(about))]
    for interview in interviews:
        base.prompts = replace(base.prompts, interview=interview)
        nats = yield from _told_when_asked(base)
        heard = _beside(about, nats)
        both = [before + heard * more for before, more in zip(about, nats, strict=True)]
        apart.append(auc(*_by_told(both)))
        if apart[-1] > max(apart[:-1]):
            agreed = threshold(*_by_told(both))
            chosen = replace(base.prompts, heard=heard, agreed=agreed)
    base.prompts = chosen
    return tuple(apart)


def _told_when_asked(base: Base) -> Generator[None, None, list[float]]:
    """Say how well what people told answers the questions of all, in the order of `_asked`."""
    found = list[float]()
    for known in KNOWN:
        message = " ".join(known.said)
        questions = [question for one, question, _ in _asked() if one is known]
        common, _ = yield from base.candidates(message, questions)
        found += yield from base.told_when_asked(message, questions, least_about(common))
    return found


def _beside(one: Sequence[float], other: Sequence[float]) -> float:
    """Give the weight with which `other` spreads as far as `one`."""
    return statistics.pstdev(one) / max(statistics.pstdev(other), 1e-9)


def _by_told(values: Sequence[float]) -> tuple[list[float], list[float]]:
    """Part values in the order of `_asked` into those of answered and of open questions."""
    return _parted(values, [told for _, _, told in _asked()])


def _candidates(base: Base) -> Generator[None, None, list[Asked]]:
    """Judge the questions of all, in the order of `_asked`."""
    found = list[Asked]()
    for known in KNOWN:
        questions = [question for one, question, _ in _asked() if one is known]
        judged = yield from base.candidates(" ".join(known.said), questions)
        by_question = {one.question: one for part in judged for one in part}
        found += [by_question[question] for question in questions]
    return found


def _is_steady(base: Base) -> Generator[None, None, bool]:
    """Say what people told, then what others did, and ask again."""
    changed = asked = 0
    for known, other in zip(KNOWN, (*KNOWN[2:], *KNOWN[:2]), strict=True):
        said, questions = known.said[-1], [question for question, _ in known.asked]
        replies = yield from base.listen([said])
        answers = yield from base.teach([said], questions, replies)
        facts = zip(range(len(questions)), questions, map(base.text, answers), strict=True)
        revised = yield from revise(base, other.said[0], [Told(0, said, tuple(facts))])
        changed, asked = changed + len(revised.superseded), asked + len(questions)
    return changed <= CONFUSED * asked


def _parted(values: Sequence[float], told: Sequence[bool]) -> tuple[list[float], list[float]]:
    pairs = list(zip(values, told, strict=True))
    return [v for v, yes in pairs if yes], [v for v, yes in pairs if not yes]


def auc(above: Sequence[float], below: Sequence[float]) -> float:
    """Give the chance that one of `above` is larger than one of `below`."""
    wins = sum((a > b) + 0.5 * (a == b) for a in above for b in below)
    return wins / max(len(above) * len(below), 1)


def threshold(answered: Sequence[float], left: Sequence[float]) -> float:
    """Give the cut between two kinds, as if each were normal with the variance that they share.

    A mistake costs `MISTAKEN` times what a miss does (linear discriminant; Fisher 1936). The middle
    of the nine people here is within 1.4 nats of that of 123, for wren and SmolLM2.
    """
    above, below = statistics.fmean(answered), statistics.fmean(left)
    apart = max(above - below, 1e-9)
    shared = statistics.fmean(
        [(x - above) ** 2 for x in answered] + [(x - below) ** 2 for x in left]
    )
    return (above + below) / 2 + math.log(MISTAKEN) * shared / apart


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
        chosen = Prompts(
            teacher, writer, float(prompts["answered"]), float(prompts["covered"]),
            _interview(prompts["interview"]), float(prompts["heard"]), float(prompts["agreed"]),
            bool(prompts["steady"]),
        )  # fmt: skip
        priors = {str(q): tuple(map(float, nats)) for q, nats in found["priors"].items()}
        measured = (tuple(found[name]) for name in ("recall", "told_apart", "about"))
        return Calibration(chosen, priors, *measured)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _teacher(found: dict[str, Any]) -> TeacherPrompt:
    if found["style"] not in STYLES:
        raise ValueError(f"{found['style']!r} is no style; use {' or '.join(STYLES)}")
    return TeacherPrompt(**_with_shots(found))


def _writer(found: dict[str, Any]) -> WriterPrompt:
    return WriterPrompt(**_with_shots(found))


def _interview(found: dict[str, Any] | None) -> Interview | None:
    return Interview(**_with_shots(found)) if found else None


def _with_shots(found: dict[str, Any]) -> dict[str, Any]:
    """Give the fields of a prompt; raise ValueError or TypeError where one is no text."""
    texts = {name: _text(said) for name, said in found.items() if name != "shots"}
    return {**texts, "shots": tuple(map(_shot, found.get("shots", ())))}


def _shot(found: dict[str, Any]) -> Shot:
    questions = _texts(found["questions"])
    if not questions:
        raise ValueError("an example without a question")
    return Shot(
        _text(found["said"]), questions, _text(found["answer"]), _texts(found.get("open", []))
    )


def _texts(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list):
        raise TypeError(f"{found!r} is no list of texts")
    return tuple(map(_text, found))


def _text(found: Any) -> str:
    str.encode(found)  # raises TypeError for what is no text, UnicodeEncodeError for half a letter
    return str(found)


def own_prompts(directory: Any) -> tuple[tuple[TeacherPrompt, ...], tuple[WriterPrompt, ...]]:
    """Read the candidates that a model's own `prompts.json` adds; none where it is odd."""
    try:
        found = json.loads((directory / "prompts.json").read_text("utf-8"))
        teachers = tuple(map(_teacher, found.get("teachers", ())))
        return teachers, tuple(map(_writer, found.get("writers", ())))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return (), ()
