"""A base without its adapter, as writer and teacher use it: prompts in, answers out."""

import math
from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np

from mlxdyn.learn.decode import Branch, Decoded, Decoder, Support
from mlxdyn.learn.names import questions_in, shown_words
from mlxdyn.learn.parts import Parts
from mlxdyn.learn.prompts import (
    FOREIGN,
    OPEN_QUESTIONS,
    SHOTS,
    TOLD_NOTHING,
    Interview,
    TeacherPrompt,
    WriterPrompt,
)
from mlxdyn.learn.wording import Wording
from mlxdyn.model.chat_template import Turn, line_ends, render, words
from mlxdyn.model.load import Model
from mlxdyn.model.lora import adapter_disabled

T = TypeVar("T")
MOST_ANSWER = 24  # tokens of a teacher's answer
MOST_GAIN = 3.0
"""Nats that one token counts at most. On 65 people of a test set, SmolLM2 ranks what
they answered above other common questions in 88% of pairs by gain, and in 22% by likelihood.
"""
COMMON = 40  # common questions that are looked at: those most alike a message
DOUBT = 1.4  # nats of `about` by which a question may miss where the other reading finds it
OTHERS = 16  # common questions to whose asker a message is told as likely as to anybody
HEARD = 8  # questions to which a message is told at once: a step is no longer than one that learns
MOST_HEARD = 32  # tokens of a message that is read so; the people known of tell 11 to 20


@dataclass(frozen=True, slots=True)
class Prompts:
    """What was found to serve a base best, with the threshold that goes with it."""

    teacher: TeacherPrompt
    writer: WriterPrompt
    answered: float  # how much a message is about a question that it answers: `Asked.about`
    covered: float = 0.0  # nats that a question counts all of whose words a message holds
    interview: Interview | None = None  # where it tells answered questions apart
    heard: float = 0.0  # what a nat of the message counts beside one of `Asked.about`
    agreed: float = 0.0  # what both say together of a question that is answered
    steady: bool = True  # another message changes no answer that it has nothing to do with


@dataclass(frozen=True, slots=True)
class Asked:
    """A question as one that a message may bring up."""

    question: str
    gain: float  # nats by which the message makes it likelier
    about: float = 0.0  # nats by which that is more than for any common question, and its words
    covered: float = 0.0  # share of the question that the message holds


@dataclass(slots=True)
class Base:
    """A base, its tokenizer and its prompts. Every generator here runs with the adapter off."""

    model: Model
    parts: Parts
    prompts: Prompts
    calibrated: bool = False  # the prompts are those that were measured to serve it
    doing: str = ""  # what takes long just now: writing questions, answering them
    decoder: Decoder = field(init=False)
    priors: dict[str, tuple[float, ...]] = field(default_factory=dict)  # by `unprompted`
    wording: Wording = field(init=False)

    def __post_init__(self) -> None:
        ends = frozenset(int(token) for token in self.model.tokenizer.eos_token_ids)
        self.decoder = Decoder(self.parts, ends, {})
        self.wording = Wording(self.model)

    @property
    def tokenizer(self) -> Any:
        return self.model.tokenizer

    # what is put to it

    def student_prompt(self, question: str) -> tuple[int, ...]:
        """A question in an empty context."""
        return render(self.tokenizer, [Turn("user", question)], reply=True).tokens

    def teacher_prompt(
        self, messages: Sequence[str], question: str, replies: Sequence[str] = ()
    ) -> tuple[int, ...]:
        """A question with messages before it, in the way that serves this base."""
        way = self.prompts.teacher
        if way.style == "turns":
            said = replies or [way.reply or "Okay."] * len(messages)
            turns = [
                turn
                for message, reply in zip(messages, said, strict=True)
                for turn in (Turn("user", message), Turn("assistant", reply))
            ]
            return render(self.tokenizer, [*turns, Turn("user", question)], reply=True).tokens
        shots = [
            turn
            for shot in way.shots
            for turn in (
                Turn("user", quoted(way.intro, (shot.said,), shot.questions[0])),
                Turn("assistant", shot.answer),
            )
        ]
        asked = Turn("user", quoted(way.intro, messages, question))
        return render(self.tokenizer, [*shots, asked], reply=True).tokens

    def writer_prompt(self, message: str) -> tuple[int, ...]:
        """A message, ready for a question to be written next."""
        way, note = self.prompts.writer, " ".join(message.split())
        if way.request:
            asked = [Turn("user", f"{way.request} {note}")]
            opening = self.words(way.heading)
            return (*render(self.tokenizer, asked, reply=True).tokens, *opening)
        shots = "".join(
            f"Note: {shot.said}\n" + "".join(f"- {q}\n" for q in shot.questions) + "\n"
            for shot in way.shots
        )
        return tuple(self.model.encode(f"{way.heading}\n\n{shots}Note: {note}\n-"))

    def interview_prompt(self, question: str) -> tuple[int, ...]:
        """A question; what somebody tells of themselves goes on."""
        way = self.prompts.interview
        assert way is not None  # only where it serves
        shots = "".join(f"Asked: {shot.questions[0]}\nTold: {shot.said}\n\n" for shot in way.shots)
        return tuple(self.model.encode(f"{way.heading}\n\n{shots}Asked: {question}\nTold:"))

    def words(self, text: str) -> tuple[int, ...]:
        """Tokens of words inside a text; nothing in them is control."""
        return tuple(words(self.tokenizer, text))

    def begun(self, opening: str) -> tuple[int, ...]:
        """Tokens of the beginning of an answer, as the base would say it after its prompt."""
        space = "" if self.tokenizer.has_chat_template or not opening else " "
        return self.words(f"{space}{opening}")

    def question_tokens(self, question: str) -> tuple[int, ...]:
        return self.words(f" {question}")

    def fits(self, messages: Sequence[str]) -> bool:
        """Tell whether messages fit what the base attends to, with all that is put beside them.

        That is its prompts, a question, an answer, and replies where it makes them itself.
        """
        question = max(OPEN_QUESTIONS, key=len)
        teacher = len(self.teacher_prompt(messages, question)) + MOST_ANSWER * len(messages)
        writer = max(len(self.writer_prompt(message)) for message in messages)
        return max(teacher, writer) + MOST_ANSWER <= self.model.context_size

    # what it says

    def listen(self, messages: Sequence[str]) -> Generator[None, None, list[str]]:
        """Give what the base replies to each message, where its teacher prompt has that."""
        way = self.prompts.teacher
        if way.style != "turns" or way.reply or not messages:
            return []
        prompts = [self.student_prompt(message) for message in messages]
        said = yield from self.off(self.decoder.answers(prompts, MOST_ANSWER))
        return [self.text(one) or "Okay." for one in said]

    def teach(
        self,
        messages: Sequence[str],
        questions: Sequence[str],
        replies: Sequence[str] = (),
        openings: Sequence[str] = (),
    ) -> Generator[None, None, list[Decoded]]:
        """Answer questions with messages in context, each leaning to their words and its own.

        With `openings`, one a question, the answers begin so.
        """
        self.doing = "answering"
        prompts = [self.teacher_prompt(messages, question, replies) for question in questions]
        plain = self._plain(messages)
        lean = [plain | self._tokens([question]) for question in questions]
        given = [self.begun(opening) for opening in openings]
        return (
            yield from self.off(self.decoder.answers(prompts, MOST_ANSWER, lean=lean, given=given))
        )

    def answer(self, questions: Sequence[str], most: int) -> Generator[None, None, list[Decoded]]:
        """Answer questions in an empty context."""
        prompts = [self.student_prompt(question) for question in questions]
        return (yield from self.off(self.decoder.answers(prompts, most)))

    def say_now(self, prompts: Sequence[tuple[int, ...]]) -> Generator[None, None, list[str]]:
        """Answer with the adapter as it is; a decoder of its own keeps no stale keys."""
        self.model.network.eval()
        decoder = Decoder(self.parts, self.decoder.ends, {})
        return [self.text(one) for one in (yield from decoder.answers(prompts, MOST_ANSWER))]

    def support(
        self,
        messages: Sequence[str],
        without: Sequence[str],
        questions: Sequence[str],
        answers: Sequence[Decoded],
        replies: Sequence[str] = (),
    ) -> Generator[None, None, list[Support]]:
        """Say by how much `messages` make the answers likelier than the messages `without` do.

        Words of the question count for nothing: an answer has to tell something new.
        """
        prompts = [self.teacher_prompt(without, question, replies) for question in questions]
        targets = [answer.tokens for answer in answers]
        scores = yield from self.off(self.decoder.scores(prompts, targets))
        asked = [self._tokens([question]) for question in questions]
        plain = self._plain(messages)
        return [
            Support(
                tuple(np.subtract(answer.logprobs, score).tolist()),
                tuple(token in known for token in answer.tokens),
                tuple(token in plain for token in answer.tokens),
            )
            for answer, score, known in zip(answers, scores, asked, strict=True)
        ]

    def _plain(self, texts: Iterable[str]) -> set[int]:
        """Give the tokens of texts, and those that belong to how an answer is put.

        Not what worked examples tell: leaning to that, SmolLM2 let people work at "Green Hill".
        """
        put = self._tokens(shot.answer for shot in (*SHOTS, *FOREIGN))
        return {*self.decoder.ends, *(put - self._tokens(shown_words())), *self._tokens(texts)}

    def _tokens(self, texts: Iterable[str]) -> set[int]:
        return {t for text in texts for t in (*self.words(f" {text}"), *self.words(text))}

    def brought_up(
        self, messages: Sequence[str], questions: Sequence[str]
    ) -> Generator[None, None, list[Asked]]:
        """Say by how much each message brings up the question beside it.

        The gain of a token is `MOST_GAIN` at most, so that a question which repeats a rare name
        gains no more by it than by any other word that fits.
        """
        now = yield from self._prompted(messages, questions)
        before = yield from self.unprompted(questions)
        return [
            Asked(q, float(np.minimum(np.subtract(a, b), MOST_GAIN).sum()))
            for q, a, b in zip(questions, now, before, strict=True)
        ]

    def candidates(
        self, message: str, questions: Sequence[str]
    ) -> Generator[None, None, tuple[list[Asked], list[Asked]]]:
        """Say how much a message is about common questions, and about `questions`.

        By what it brings up and by the words that it holds: where SmolLM2 takes one near miss in
        seven for answered, it finds 32, 37 and by both 44% of 282 that are (a linear probe: 50%).
        """
        common = self.wording.alike(message, COMMON)
        asked = [*common, *(question for question in questions if question not in common)]
        found = yield from self.brought_up([message] * len(asked), asked)
        most = max(one.gain for one in found[: len(common)])
        judged = [
            replace(one, about=one.gain - most + self.prompts.covered * share, covered=share)
            for one, share in zip(found, self.wording.overlap(message, asked), strict=True)
        ]
        return judged[: len(common)], judged[len(common) :]

    def answered(
        self, message: str, common: Sequence[Asked], others: Sequence[Asked]
    ) -> Generator[None, None, set[str]]:
        """Name the questions that a message answers, of those that were judged for it.

        By how much it is about them. Where the other reading serves a base (`told_when_asked`), it
        has a say: what both find is answered, though the first alone be in doubt, and nothing else.
        """
        way = self.prompts
        judged = [*common, *others]
        if not self._can_be_heard(message):
            return {one.question for one in judged if one.about >= way.answered}
        near = [one for one in judged if one.about >= way.answered - DOUBT]
        rest = least_about(common)
        nats = yield from self.told_when_asked(message, [one.question for one in near], rest)
        pairs = zip(near, nats, strict=True)
        return {one.question for one, more in pairs if one.about + way.heard * more >= way.agreed}

    def told_when_asked(
        self, message: str, questions: Sequence[str], others: Sequence[str]
    ) -> Generator[None, None, list[float]]:
        """Say by how many nats a message is likelier told to who asks each question than `others`.

        The other side of what `brought_up` measures: the same, were a base one distribution. Of 64
        questions to 25 people SmolLM2 ranks those that are answered above others in 82% of pairs
        without and in 89% with it; wren, of 28 to nine, in 85 and 81%. Most of it is words that
        question and message share, where the base expects them.
        """
        if not questions:
            return []
        asked = [*questions, *(question for question in others if question not in questions)]
        target, scores = self._heard_tokens(message), list[tuple[float, ...]]()
        for first in range(0, len(asked), HEARD):
            prompts = [self.interview_prompt(q) for q in asked[first : first + HEARD]]
            targets = [target] * len(prompts)
            scores += yield from self.off(self.decoder.scores(prompts, targets))
        nats = np.array(scores)
        usual = nats[[asked.index(question) for question in others]]
        more = nats[: len(questions)] - np.logaddexp.reduce(usual) + math.log(len(usual))
        return [float(x) for x in np.clip(more, -MOST_GAIN, MOST_GAIN).sum(axis=1)]

    def _can_be_heard(self, message: str) -> bool:
        """Tell whether a message can be read as an answer: those measured are no longer."""
        if self.prompts.interview is None:
            return False
        prompt = self.interview_prompt(max(OPEN_QUESTIONS, key=len))
        length = len(self._heard_tokens(message))
        return 0 < length <= MOST_HEARD and len(prompt) + MOST_HEARD <= self.model.context_size

    def _heard_tokens(self, message: str) -> tuple[int, ...]:
        return self.words(f" {' '.join(message.split())}")

    def unprompted(
        self, questions: Sequence[str]
    ) -> Generator[None, None, list[tuple[float, ...]]]:
        """Give the log-probability of each token of questions, the mean over `TOLD_NOTHING`.

        What was measured is kept.
        """
        new = list(dict.fromkeys(q for q in questions if q not in self.priors))
        found = []
        for message in TOLD_NOTHING if new else ():
            found.append((yield from self._prompted([message] * len(new), new)))
        for question, *ways in zip(new, *found, strict=True):
            self.priors[question] = tuple(
                (np.logaddexp.reduce(ways) - math.log(len(ways))).tolist()
            )
        return [self.priors[question] for question in questions]

    def _prompted(
        self, messages: Sequence[str], questions: Sequence[str]
    ) -> Generator[None, None, list[tuple[float, ...]]]:
        prompts = {message: self.writer_prompt(message) for message in messages}
        targets = [self.question_tokens(question) for question in questions]
        scores = self.decoder.scores([prompts[message] for message in messages], targets)
        return (yield from self.off(scores))

    def write(self, message: str, count: int, most: int) -> Generator[None, None, list[str]]:
        """Write questions about `message`, the likeliest first."""
        self.doing = "writing"
        prompt = self.writer_prompt(message)
        ends = line_ends(self.tokenizer)
        stops = frozenset(token for token, before in ends.items() if not before.strip())
        lasts = frozenset(ends) - stops
        branches = self.decoder.branches(prompt, count, most, stops=stops, lasts=lasts)
        drafts = sorted((yield from self.off(branches)), key=lambda draft: -draft.logprob)
        return list(dict.fromkeys(q for draft in drafts for q in questions_in(self._line(draft))))

    def _line(self, branch: Branch) -> str:
        """Give the text of a branch; of a token that ends the line, what stands before its end."""
        *rest, last = branch.tokens
        before = line_ends(self.tokenizer).get(last)
        return self.model.decode([*rest, last] if before is None else rest) + (before or "")

    def text(self, decoded: Decoded) -> str:
        return self.model.decode(list(decoded.tokens)).strip()

    def off(self, steps: Generator[None, None, T]) -> Generator[None, None, T]:
        """Take each of `steps` with the adapter off; between them it is in its place."""
        while True:
            with adapter_disabled(self.model):
                self.model.network.eval()
                try:
                    next(steps)
                except StopIteration as done:
                    value: T = done.value
                    return value
            yield


def least_about(common: Sequence[Asked]) -> list[str]:
    """Give common questions, alike a message in words and mostly in language, that it is not about.

    Two in three of those that are bundled are English: an Italian message is among English ones.
    """
    return [one.question for one in sorted(common, key=lambda one: one.about)[:OTHERS]]


def quoted(intro: str, messages: Sequence[str], question: str) -> str:
    """Put messages before a question, in quotation marks."""
    said = " ".join(f'"{message}"' for message in messages)
    return f"{intro} {said}\n{question}"
